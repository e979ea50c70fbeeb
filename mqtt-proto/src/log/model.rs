//! A log and what it should be: a vector.

use std::vec::Vec;

use super::{HEADER, KEY, Log, LogMemory, Record};
use crate::random::Random;
#[cfg(feature = "alloc")]
use crate::random::steps;

/// Plays steps of two bytes each in memory that the first byte chooses.
#[cfg(feature = "alloc")]
pub(crate) fn play(bytes: &[u8]) {
    let Some((memory, rest)) = bytes.split_first() else { return };
    let limit = [48, 64, 120, 300, 700, 1000, 2000, 5000][usize::from(memory & 7)];
    let mut lent = std::vec![0xaa; limit];
    match memory & 8 {
        0 => Model::new(LogMemory::borrowed(&mut lent)).play(steps(rest).take(400)),
        _ => Model::new(LogMemory::owned(limit)).play(steps(rest).take(400)),
    }
}

/// The live records, from the front.
pub(super) fn walk(log: &Log<'_>) -> Vec<Record> {
    let from = |record: Option<Record>| record.and_then(|record| log.at(record.end()));
    let first = log.first();
    core::iter::successors(first, |record| from(Some(*record))).collect()
}

/// What is known of a record, beside where it lies.
#[derive(Debug)]
struct Known {
    /// In the order of pushing.
    serial: u64,
    header: Record,
    /// Its own bytes, if it has any to show.
    data: Option<Vec<u8>>,
    /// Bytes that it takes with its header.
    size: usize,
    /// It stands for its identifier alone.
    empty: bool,
    /// What it holds by reference.
    shared: Option<Vec<u8>>,
}

/// The same operations on a log and on a vector.
pub(super) struct Model<'a> {
    log: Log<'a>,
    records: Vec<Known>,
    /// Each cursor stands in front of the record with that number, or of the next one behind.
    cursors: [u64; 3],
    serial: u64,
    limit: usize,
    /// Whether records without bytes count: on the heap they do not.
    counts_empty: bool,
    /// The most memory that was ever allowed.
    peak: usize,
    random: Random,
}

impl<'a> Model<'a> {
    pub(super) fn new(memory: LogMemory<'a>) -> Self {
        let (limit, counts_empty) = (memory.limit(), memory.bytes.is_lent());
        let (log, random) = (Log::new(memory), Random::new(0));
        Self {
            log,
            records: Vec::new(),
            cursors: [0; 3],
            serial: 0,
            limit,
            counts_empty,
            peak: 0,
            random,
        }
    }

    /// Plays steps, each with a source of its own.
    pub(super) fn play(mut self, steps: impl Iterator<Item = Random>) {
        for step in steps {
            self.random = step;
            self.step();
            self.check();
        }
        self.log.clear();
        self.records.clear();
        self.check();
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=6 => self.push(),
            7 => self.push_shared(),
            8..=11 => self.end(),
            12 => self.drop_data(),
            13 => self.renumber(),
            14 => self.change(),
            15..=17 => self.move_cursor(),
            18 if self.random.below(2) == 0 => self.move_forward(),
            18 => self.find_any(),
            _ => self.log.release(),
        }
    }

    fn new_record(&mut self, len: usize) -> Record {
        let id = match self.random.below(4) {
            0 => 0,
            // Few that differ in their high bits alone: these collide in an index.
            1 => 7 + 256 * self.random.below(200) as u16,
            _ => 1 + self.random.below(65_535) as u16,
        };
        let taken = self.records.iter().any(|known| known.header.id == id);
        Record {
            len: len as u32,
            id: if taken { 0 } else { id },
            state: 1 + self.random.below(255) as u8,
            flags: self.random.below(256) as u8,
            who: self.random.below(1 << 31) as u32,
            extra: self.random.below(1 << 31) as u32,
            ..Record::default()
        }
    }

    fn live(&self) -> (usize, usize) {
        let counted = self.records.iter().filter(|known| self.counts_empty || !known.empty);
        let own = counted.map(|known| known.size).sum();
        let shared = self.records.iter().filter_map(|known| known.shared.as_ref());
        (own, shared.map(Vec::len).sum())
    }

    fn keep(&mut self, header: Record, data: Vec<u8>, shared: Option<Vec<u8>>) {
        let key = if shared.is_some() { KEY } else { 0 };
        let size = HEADER + data.len() + key;
        let empty = size == HEADER;
        self.records.push(Known {
            serial: self.serial,
            header,
            data: Some(data),
            size,
            empty,
            shared,
        });
        self.serial += 1;
    }

    fn push(&mut self) {
        let len = [0, 1, 5, 15, 16, 17, 60, self.limit / 2][self.random.below(8)];
        let record = self.new_record(len);
        let size = if len == 0 && !self.counts_empty { 0 } else { HEADER + len };
        let fits = self.live().0 + size <= self.limit;
        let data: Vec<u8> = (0..len).map(|_| self.random.below(256) as u8).collect();
        let pushed = self.log.push_bytes(record, &data);
        assert_eq!(pushed.is_some(), fits, "{len} bytes beside {:?}", self.live());
        if pushed.is_some() {
            self.keep(record, data, None);
        }
    }

    fn end(&mut self) {
        let Some(which) = self.any() else { return };
        let record = self.walk()[which];
        self.log.end_record(&record);
        self.records.remove(which);
    }

    /// Front, back, or anywhere.
    fn any(&mut self) -> Option<usize> {
        let last = self.records.len().checked_sub(1)?;
        Some([0, last, self.random.below(last + 1)][self.random.below(3)])
    }

    fn drop_data(&mut self) {
        let Some(which) = self.any() else { return };
        let mut record = self.walk()[which];
        self.log.drop_data(&mut record);
        let known = &mut self.records[which];
        let own = known.size - HEADER;
        known.size = if own < HEADER { known.size } else { HEADER };
        known.data = None;
        known.empty = true;
        known.shared = None;
    }

    fn renumber(&mut self) {
        let Some(which) = self.any() else { return };
        let mut record = self.walk()[which];
        let id = self.new_record(0).id;
        self.log.renumber(&mut record, id);
        self.records[which].header.id = id;
    }

    fn change(&mut self) {
        let Some(which) = self.any() else { return };
        let mut record = self.walk()[which];
        let new = self.new_record(0);
        (record.state, record.flags) = (new.state, new.flags);
        (record.who, record.extra) = (new.who, new.extra);
        self.log.set(&record);
        let known = &mut self.records[which];
        known.header = Record { id: known.header.id, ..new };
        if let Some(data) = known.data.as_mut().filter(|data| !data.is_empty()) {
            data[0] ^= 0x55;
            self.log.data_mut(&record)[0] ^= 0x55;
        }
    }

    fn move_cursor(&mut self) {
        let cursor = self.random.below(3);
        if self.random.below(4) == 0 {
            self.cursors[cursor] = 0;
            return self.log.set_cursor(cursor, 0);
        }
        let Some(which) = self.any() else { return };
        let (record, serial) = (self.walk()[which], self.records[which].serial);
        let behind = self.random.below(2) == 0;
        self.cursors[cursor] = serial + u64::from(behind);
        self.log.set_cursor(cursor, if behind { record.end() } else { record.at });
    }

    /// One takes the place of an earlier one, which may be over.
    fn move_forward(&mut self) {
        let Some(which) = self.any() else { return };
        let to = self.random.below(which + 1);
        let walked = self.walk();
        if to != which && self.random.below(2) == 0 {
            self.log.end_record(&walked[to]);
            self.records.remove(to);
            self.log.move_to(&walked[which], walked[to].at);
            let known = self.records.remove(which - 1);
            return self.insert(to, known);
        }
        self.log.move_to(&walked[which], walked[to].at);
        let known = self.records.remove(which);
        self.insert(to, known);
    }

    /// Numbers follow the order; cursors behind that place go back to it.
    fn insert(&mut self, at: usize, known: Known) {
        self.records.insert(at, known);
        let behind = self.records[at..].iter().map(|known| known.serial).min().unwrap_or(0);
        for (n, known) in self.records[at..].iter_mut().enumerate() {
            known.serial = behind + n as u64;
        }
        for cursor in &mut self.cursors {
            *cursor = (*cursor).min(behind);
        }
    }

    fn find_any(&mut self) {
        let id = 1 + self.random.below(65_535) as u16;
        let known = self.records.iter().find(|known| known.header.id == id);
        let found = self.log.find(id);
        assert_eq!(found.map(|record| record.who), known.map(|known| known.header.who));
    }

    fn walk(&self) -> Vec<Record> {
        walk(&self.log)
    }

    fn check(&mut self) {
        let walked = self.walk();
        assert_eq!(walked.len(), self.records.len());
        assert_eq!(self.log.count() as usize, self.records.len());
        for (record, known) in walked.iter().zip(&self.records) {
            self.check_record(record, known);
        }
        for (cursor, serial) in self.cursors.iter().enumerate() {
            let at = self.records.iter().position(|known| known.serial >= *serial);
            assert_eq!(self.log.at_cursor(cursor), at.map(|at| walked[at]), "cursor {cursor}");
        }
        let (own, shared) = self.live();
        assert_eq!(self.log.live(), own + shared);
        assert!(own <= self.limit);
        self.check_memory(own);
        for len in [0, self.limit.saturating_sub(own + shared + HEADER), self.limit / 3] {
            let fits = own + shared + HEADER + len <= self.limit;
            assert_eq!(self.log.has_room(len, 0), fits, "{len} beside {own} and {shared}");
        }
        let alone = shared == 0 && own + HEADER <= self.limit;
        assert_eq!(self.log.has_room(0, self.limit), alone || own + shared + HEADER == 0);
    }

    fn check_record(&self, record: &Record, known: &Known) {
        let Record { id, state, flags, who, extra, .. } = known.header;
        let header = (record.id, record.state, record.flags, record.who, record.extra);
        assert_eq!(header, (id, state, flags, who, extra));
        if let Some(data) = &known.data {
            assert_eq!(self.log.data(record), data);
        }
        let shared = self.log.shared(record).map(crate::Shared::as_slice);
        assert_eq!(shared, known.shared.as_deref());
        assert_eq!(record.end() as usize, record.at as usize + known.size);
        if id != 0 {
            assert_eq!(self.log.find(id).as_ref(), Some(record), "#{id}");
        }
    }

    fn check_memory(&mut self, own: usize) {
        let empty = self.records.iter().filter(|known| known.empty).count();
        let uncounted = if self.counts_empty { 0 } else { empty * (2 * HEADER) };
        // Beyond twice the limit memory grows by doubling.
        let most = if uncounted == 0 { 2 * self.limit } else { 4 * (self.limit + uncounted) };
        self.peak = self.peak.max(most);
        assert!(self.log.bytes.as_slice().len() <= self.peak);
        assert!(self.log.index.places().len() <= 1 << 16);
        assert!(self.log.end as usize <= self.log.bytes.as_slice().len());
        assert!(own <= (self.log.end - self.log.start) as usize);
    }
}

#[cfg(feature = "bytes")]
impl Model<'_> {
    fn push_shared(&mut self) {
        let (len, by_reference) = (self.random.below(40), self.random.below(2 * self.limit));
        let fits = self.live().0 + HEADER + KEY + len <= self.limit;
        let record = self.new_record(len);
        let shared: Vec<u8> = (0..by_reference).map(|_| self.random.below(256) as u8).collect();
        let owner = crate::Shared(bytes::Bytes::from(shared.clone()));
        let Some(pushed) = self.log.push_shared(record, owner) else { return assert!(!fits) };
        assert!(fits);
        let data: Vec<u8> = (0..len).map(|_| self.random.below(256) as u8).collect();
        crate::wire::copy(self.log.data_mut(&pushed), &data);
        self.keep(record, data, Some(shared));
    }
}

#[cfg(not(feature = "bytes"))]
impl Model<'_> {
    fn push_shared(&mut self) {
        self.push();
    }
}
