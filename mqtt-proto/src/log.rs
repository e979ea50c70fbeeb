//! Records in order, in lent memory or on the heap: the one structure of a session.
//!
//! MQTT is in order: what is sent, resent, received and acknowledged keeps its sequence. So each
//! direction of a session is a *log*: records one behind the other, each a small header and the
//! packet behind it. A record that ends at the front frees its memory at once; one that ends in the
//! middle is dead until the front reaches it or room is needed, and then the log is compacted. On
//! the heap the log takes up to twice its limit, so that compacting is paid for by what was pushed
//! since.
//!
//! Positions are offsets into the memory. They hold until the next [`Log::push`].

mod index;
mod memory;
mod moves;
mod record;

use index::Index;
pub use memory::LogMemory;
use moves::Moves;
use record::{DEAD, EMPTY, SHARED};
pub(crate) use record::{HEADER, Record};

use crate::payload::{Owners, Shared};
use crate::storage::Storage;
use crate::wire::{copy, move_to_front, reverse};

/// Where in the header the state stands.
const STATE: usize = 6;

/// Bytes that name what is held by reference.
const KEY: usize = 4;

/// Records in order. See the text at the top of this file.
pub(crate) struct Log<'a> {
    bytes: Storage<'a, u8>,
    index: Index,
    /// Bytes that live records may take with their headers.
    limit: u32,
    start: u32,
    end: u32,
    live: u32,
    count: u32,
    cursors: [u32; 4],
    owners: Owners,
    moves: Moves,
}

impl<'a> Log<'a> {
    #[inline(never)] // There are four.
    pub(crate) fn new(memory: LogMemory<'a>) -> Self {
        let LogMemory { bytes, index, limit } = memory;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(u32::MAX >> 2);
        let (owners, cursors, moves) = (Owners::default(), [0; 4], Moves::default());
        Self { bytes, index, limit, start: 0, end: 0, live: 0, count: 0, cursors, owners, moves }
    }

    /// Live records.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of live records, with their headers and what they hold by reference.
    #[inline]
    pub(crate) fn live(&self) -> usize {
        (self.live as usize).wrapping_add(self.owners.bytes())
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Bytes of memory that are there now, for records and the index.
    pub(crate) fn allocated(&self) -> usize {
        let index = core::mem::size_of_val(self.index.places());
        self.bytes.as_slice().len().wrapping_add(index)
    }

    /// The first live record at or behind that position.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn at(&self, mut position: u32) -> Option<Record> {
        self.next(&mut position)
    }

    /// The same, and moves the position on behind it.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn next(&self, position: &mut u32) -> Option<Record> {
        *position = self.start.max(*position);
        while *position < self.end {
            let record = self.read(*position)?;
            *position = record.end();
            if record.state != DEAD {
                return Some(record);
            }
        }
        None
    }

    /// The record that lies there, dead or alive.
    #[inline]
    fn read(&self, at: u32) -> Option<Record> {
        let header = self.bytes.as_slice().get(at as usize..)?.first_chunk::<HEADER>()?;
        Some(Record::from_bytes(at, *header))
    }

    /// The first live record.
    #[inline]
    pub(crate) fn first(&self) -> Option<Record> {
        self.at(self.start)
    }

    /// The record with that identifier: at the front, if acknowledgements come in order.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn find(&self, id: u16) -> Option<Record> {
        match self.index.get(id) {
            Some(place) => self.read(place.checked_sub(1)?).filter(|record| record.id == id),
            None => self.search(|record| record.id == id),
        }
    }

    /// Whether no record has that identifier: at once, where the index says so.
    #[inline]
    pub(crate) fn is_free(&self, id: u16) -> bool {
        self.index.get(id) == Some(0) || self.find(id).is_none()
    }

    /// The first live record that is wanted.
    #[inline]
    pub(crate) fn search(&self, wanted: impl Fn(&Record) -> bool) -> Option<Record> {
        self.search_all(&wanted)
    }

    #[inline(never)]
    fn search_all(&self, wanted: &dyn Fn(&Record) -> bool) -> Option<Record> {
        let mut at = 0;
        core::iter::from_fn(|| self.next(&mut at)).find(wanted)
    }

    /// Where the bytes of a record begin, and how many they are.
    #[inline]
    fn place(record: &Record) -> (usize, usize) {
        let key = if record.is_shared() { KEY } else { 0 };
        let begin = (record.at as usize).wrapping_add(HEADER).wrapping_add(key);
        (begin, (record.len as usize).wrapping_sub(key))
    }

    /// The bytes of a record, without what it holds by reference.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn data(&self, record: &Record) -> &[u8] {
        let (begin, len) = Self::place(record);
        let bytes = self.bytes.as_slice().get(begin..);
        bytes.and_then(|bytes| bytes.get(..len)).unwrap_or_default()
    }

    /// The bytes of a record, without what it holds by reference.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn data_mut(&mut self, record: &Record) -> &mut [u8] {
        let (begin, len) = Self::place(record);
        let bytes = self.bytes.as_mut_slice().get_mut(begin..);
        bytes.and_then(|bytes| bytes.get_mut(..len)).unwrap_or_default()
    }

    /// What a record holds by reference.
    #[inline]
    pub(crate) fn shared(&self, record: &Record) -> Option<&Shared> {
        if record.is_shared() { self.owners.get(self.key(record)) } else { None }
    }

    /// How many bytes a record holds by reference.
    #[inline]
    pub(crate) fn shared_len(&self, record: &Record) -> usize {
        self.shared(record).map_or(0, |shared| shared.as_slice().len())
    }

    fn key(&self, record: &Record) -> u32 {
        let at = (record.at as usize).wrapping_add(HEADER);
        let key = self.bytes.as_slice().get(at..).and_then(|bytes| bytes.first_chunk::<KEY>());
        key.map_or(u32::MAX, |key| u32::from_le_bytes(*key))
    }

    /// Bytes that a record counts for.
    #[inline]
    fn size(&self, record: &Record) -> u32 {
        let counts = self.counts_empty() || !record.is_empty();
        if counts { record.end().wrapping_sub(record.at) } else { 0 }
    }

    /// Whether records without bytes count: on the heap they do not, see [`LogMemory::owned`].
    #[inline]
    fn counts_empty(&self) -> bool {
        self.bytes.is_lent()
    }

    /// Whether a record without bytes fits now.
    pub(crate) fn has_empty_room(&self) -> bool {
        !self.counts_empty() || self.has_room(0, 0)
    }

    /// Whether a record of `len` bytes, and `shared` held by reference, fits now. Of these one may
    /// be larger than all the room: it is there already.
    #[inline]
    pub(crate) fn has_room(&self, len: usize, shared: usize) -> bool {
        let size = len.wrapping_add(HEADER);
        let room = (self.limit as usize).saturating_sub(self.live());
        size.wrapping_add(shared) <= room
            || (self.owners.bytes() == 0 && shared != 0 && size <= room)
    }

    /// Bytes that the largest record may have.
    pub(crate) fn largest(&self) -> usize {
        (self.limit as usize).saturating_sub(HEADER)
    }

    /// Adds a record behind all others, whose bytes are then to be filled. None if it does not fit.
    #[inline]
    pub(crate) fn push(&mut self, mut record: Record) -> Option<Record> {
        self.append(&mut record).then_some(record)
    }

    /// Adds the record, and puts its position into it. False if it does not fit.
    pub(crate) fn append(&mut self, record: &mut Record) -> bool {
        record.at = self.end;
        if record.len == 0 {
            record.marks |= EMPTY;
        }
        self.size(record) <= self.limit.saturating_sub(self.live) && self.append_in_room(record)
    }

    /// The same for a record with bytes, of which [`has_room`](Self::has_room) said that it fits. False
    /// if the heap has no more memory.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn append_in_room(&mut self, record: &mut Record) -> bool {
        if !self.make_room(HEADER.wrapping_add(record.len as usize)) {
            return false;
        }
        record.at = self.end; // The log may have been compacted.
        let counts = self.size(record);
        self.end = record.end();
        self.live = self.live.wrapping_add(counts); // Up to the limit.
        self.count = self.count.wrapping_add(1);
        self.set(record);
        self.enter(record);
        true
    }

    /// Adds a record with those bytes.
    pub(crate) fn push_bytes(&mut self, record: Record, bytes: &[u8]) -> Option<Record> {
        let len = u32::try_from(bytes.len()).ok()?;
        let record = self.push(Record { len, ..record })?;
        copy(self.data_mut(&record), bytes);
        Some(record)
    }

    /// Adds the record, and lets it hold those bytes by reference, if there are any.
    #[inline]
    pub(crate) fn append_with(&mut self, record: &mut Record, shared: Option<Shared>) -> bool {
        match shared {
            None => self.append(record),
            Some(shared) => {
                let pushed = self.push_shared(*record, shared);
                pushed.inspect(|pushed| *record = *pushed).is_some()
            }
        }
    }

    /// Adds a record of `len` bytes, and lets it hold those by reference.
    pub(crate) fn push_shared(&mut self, record: Record, shared: Shared) -> Option<Record> {
        let len = record.len.wrapping_add(KEY as u32);
        let record = self.push(Record { len, marks: SHARED, ..record })?;
        let key = self.owners.add(shared);
        let at = (record.at as usize).wrapping_add(HEADER);
        copy(self.bytes.as_mut_slice().get_mut(at..).unwrap_or_default(), &key.to_le_bytes());
        Some(record)
    }

    /// Adds a record that holds all its bytes by reference. None if it does not fit.
    pub(crate) fn add_shared(&mut self, record: Record, shared: Shared) -> Option<Record> {
        self.push_shared(Record { len: 0, ..record }, shared)
    }

    /// Keeps a record as it was changed.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(crate) fn set(&mut self, record: &Record) {
        let place = self.bytes.as_mut_slice().get_mut(record.at as usize..);
        if let Some(header) = place.and_then(|place| place.first_chunk_mut::<HEADER>()) {
            *header = record.to_bytes();
        }
    }

    /// Ends a record.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(crate) fn end_record(&mut self, record: &Record) {
        if record.is_shared() {
            self.owners.release(self.key(record));
        }
        if let Some(state) = self.bytes.get_mut((record.at as usize).wrapping_add(STATE)) {
            *state = DEAD;
        }
        self.live = self.live.saturating_sub(self.size(record));
        self.count = self.count.saturating_sub(1);
        self.index.leave(record);
        if self.count == 0 {
            (self.start, self.end, self.cursors) = (0, 0, [0; 4]);
        } else if record.at == self.start {
            self.start = record.end();
            if self.bytes.get((self.start as usize).wrapping_add(STATE)) == Some(&DEAD) {
                self.advance();
            }
        }
    }

    /// Keeps a record without its bytes: they are free, but for some that are too few.
    pub(crate) fn drop_data(&mut self, record: &mut Record) {
        if record.is_shared() {
            self.owners.release(self.key(record));
            record.marks &= !SHARED;
        }
        self.live = self.live.saturating_sub(self.size(record));
        record.marks |= EMPTY;
        // What is cut off becomes a dead record, which has a header.
        if let Some(dead) = record.len.checked_sub(HEADER as u32) {
            record.len = 0;
            self.set(&Record { at: record.end(), len: dead, ..Record::default() });
        }
        self.live = self.live.wrapping_add(self.size(record));
        self.set(record);
    }

    /// Gives a record another identifier; 0 for none.
    pub(crate) fn renumber(&mut self, record: &mut Record, id: u16) {
        self.index.leave(record);
        record.id = id;
        self.set(record);
        self.enter(record);
    }

    /// Moves a record to an earlier position, at which one begins or began. Cursors behind that go back
    /// to it.
    #[cold]
    #[inline(never)]
    pub(crate) fn move_to(&mut self, record: &Record, position: u32) {
        let size = record.end().wrapping_sub(record.at) as usize;
        let moved = self.bytes.as_mut_slice().get_mut(position as usize..record.end() as usize);
        let Some(bytes) = moved.filter(|bytes| size <= bytes.len()) else { return };
        // A rotation, in little code: this is rare.
        reverse(bytes);
        if let Some((record, between)) = bytes.split_at_mut_checked(size) {
            reverse(record);
            reverse(between);
        }
        self.moves.note();
        self.start = self.start.min(position);
        self.cursors = self.cursors.map(|cursor| cursor.min(position));
        if !self.index.places().is_empty() {
            self.index_all();
        }
    }

    /// It is to be dropped where the program's code may run.
    pub(crate) fn let_go(&mut self, shared: Shared) {
        self.owners.let_go(shared);
    }

    /// What was let go of.
    pub(crate) fn take_released(&mut self) -> Option<Shared> {
        self.owners.take_released()
    }

    /// Whether anything was.
    #[inline]
    pub(crate) fn has_released(&self) -> bool {
        self.owners.has_released()
    }

    /// Moves the front on over dead records.
    #[cold]
    fn advance(&mut self) {
        if let Some(first) = self.first() {
            self.start = first.at;
        }
    }

    /// The first live record at or behind a cursor, which stays there.
    #[inline]
    pub(crate) fn at_cursor(&self, cursor: usize) -> Option<Record> {
        self.at(self.cursors.get(cursor).copied().unwrap_or(0))
    }

    pub(crate) fn cursor(&self, cursor: usize) -> u32 {
        self.cursors.get(cursor).copied().unwrap_or(0)
    }

    /// Moves a cursor.
    #[inline]
    pub(crate) fn set_cursor(&mut self, cursor: usize, position: u32) {
        if let Some(place) = self.cursors.get_mut(cursor) {
            *place = position;
        }
    }

    /// Makes `size` bytes free at the end: there are as many in all.
    #[inline]
    fn make_room(&mut self, size: usize) -> bool {
        let end = (self.end as usize).wrapping_add(size);
        end <= self.bytes.as_slice().len() || self.make_room_slowly(size)
    }

    #[cold]
    #[inline(never)]
    fn make_room_slowly(&mut self, size: usize) -> bool {
        let twice = (self.limit as usize).saturating_mul(2).min(self.bytes.limit());
        let half_is_dead = self.live <= self.end >> 1;
        let full = (self.end as usize).wrapping_add(size) > twice;
        if self.bytes.is_lent() || half_is_dead || full {
            self.compact();
        }
        let wanted = (self.end as usize).wrapping_add(size);
        // More is taken only for identifiers that do not count.
        let most = if wanted > twice { usize::MAX } else { twice };
        self.bytes.grow_within(wanted, most)
    }

    /// Moves what is alive to the front of the memory.
    fn compact(&mut self) {
        let (mut from, mut to) = (self.start, 0_u32);
        let mut cursors = [0; 4];
        while let Some(record) = self.next(&mut from) {
            let bytes = self.bytes.as_mut_slice();
            if let Some(bytes) = bytes.get_mut(to as usize..record.end() as usize) {
                move_to_front(bytes, record.at.wrapping_sub(to) as usize);
            }
            to = to.wrapping_add(record.end().wrapping_sub(record.at));
            for (cursor, old) in cursors.iter_mut().zip(self.cursors) {
                if old > record.at {
                    *cursor = to; // Behind this one.
                }
            }
        }
        self.moves.note();
        self.cursors = cursors;
        (self.start, self.end) = (0, to);
        if !self.index.places().is_empty() {
            self.index_all();
        }
    }

    /// Ends all records.
    pub(crate) fn clear(&mut self) {
        while let Some(record) = self.first() {
            self.end_record(&record);
        }
    }

    /// Gives heap memory back that no record needs.
    pub(crate) fn release(&mut self) {
        self.owners.trim();
        if self.count == 0 {
            self.bytes.release();
            self.index.release();
        } else if !self.bytes.is_lent() && self.bytes.as_slice().len() >> 1 > self.live as usize {
            self.compact();
            self.bytes.shrink_to(self.end as usize);
        }
    }

    /// Enters a new record into the index.
    #[inline]
    fn enter(&mut self, record: &Record) {
        if !self.index.enter(record, self.count) {
            self.index_all();
        }
    }

    /// Makes the index anew, as large as it takes for every record to have a place of its own.
    #[cold]
    #[inline(never)]
    fn index_all(&mut self) {
        let mut len = self.index.wanted(self.count);
        while self.index.begin(len) {
            if self.enter_all() {
                return;
            }
            len = self.index.places().len().saturating_mul(2);
        }
        self.index.release();
    }

    fn enter_all(&mut self) -> bool {
        let mut from = self.start;
        while let Some(record) = self.next(&mut from) {
            if !self.index.enter(&record, self.count) {
                return false;
            }
        }
        true
    }
}

impl core::fmt::Debug for Log<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Log")
            .field("records", &self.count)
            .field("bytes", &self.live)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod model;
#[cfg(test)]
#[path = "log/tests.rs"]
mod tests;
