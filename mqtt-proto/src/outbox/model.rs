//! An outbox and what it should be: a queue of bytes.

use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use super::{Outbox, RESERVE};
use crate::random::{Random, steps};
use crate::storage::Storage;
use crate::wire::copy;

/// Plays steps of two bytes each in memory that the first byte chooses.
pub(crate) fn play(bytes: &[u8]) {
    let Some((memory, rest)) = bytes.split_first() else { return };
    let limit = [0, 40, 128, 500, 1000, 2000, 4096, 9000][usize::from(memory & 7)];
    let mut lent = vec![0xaa; limit];
    let storage = match memory & 8 {
        0 => Storage::borrowed(&mut lent),
        _ => Storage::owned(limit),
    };
    let mut model = Model {
        out: Outbox::new(storage),
        limit,
        queue: VecDeque::new(),
        payloads: VecDeque::new(),
        len: 0,
        referred: 0,
        random: Random::new(0),
    };
    for step in steps(rest).take(400) {
        model.random = step;
        model.step();
        model.check();
    }
}

/// The same operations on an outbox and on queues.
struct Model<'a> {
    out: Outbox<'a>,
    limit: usize,
    /// What is to be written, all of it in order.
    queue: VecDeque<u8>,
    /// The payloads among it that are held by reference: how many bytes stand before each, and the
    /// payload itself.
    payloads: VecDeque<(usize, Vec<u8>)>,
    /// Bytes of its own since it was empty.
    len: usize,
    /// Bytes held by reference since it was empty.
    referred: usize,
    random: Random,
}

impl Model<'_> {
    fn step(&mut self) {
        match self.random.below(16) {
            0..=3 => self.append(),
            4..=6 => self.publish(),
            7..=12 => self.write(),
            13 => self.write_all(),
            14 => self.forget(),
            _ => self.release(),
        }
    }

    /// A control packet.
    fn append(&mut self) {
        let most = [5, 40, 300, 5000][self.random.below(4)];
        let n = 1 + self.random.below(most);
        let fits = self.len + n <= self.limit;
        assert_eq!(self.out.has_room(n), fits);
        let bytes = self.random.bytes(n);
        let Some(place) = self.out.append(n) else { return assert!(!fits) };
        assert!(fits);
        copy(place, &bytes);
        self.add(bytes);
    }

    /// A PUBLISH, whose payload may be held by reference.
    fn publish(&mut self) {
        let n = 1 + self.random.below(200);
        let shared = [0, 0, 10, self.limit / 3, self.limit + 7][self.random.below(5)];
        let payload = self.payload(shared);
        let fits = self.len + n <= self.publish_limit() && (shared == 0 || payload.is_some());
        assert_eq!(self.out.has_publish_room(n, shared), fits);
        let mut bytes = self.random.bytes(n);
        let Some(place) = self.out.append_publish(n, shared) else { return assert!(!fits) };
        assert!(fits);
        copy(place, &bytes);
        if self.random.below(4) == 0 {
            let last = 1 + self.random.below(n);
            bytes[n - last..].reverse();
            self.out.last(last).reverse();
        }
        self.add(bytes);
        if let Some(payload) = payload {
            self.refer(payload);
        }
    }

    fn add(&mut self, bytes: Vec<u8>) {
        self.len += bytes.len();
        self.queue.extend(bytes);
    }

    fn publish_limit(&self) -> usize {
        self.limit - RESERVE.min(self.limit / 8)
    }

    /// The transport takes some of what lies in one piece.
    fn write(&mut self) {
        let chunk = self.out.chunk().len();
        let n = if self.random.below(3) == 0 { chunk } else { self.random.below(chunk + 4) };
        self.take(n);
    }

    fn take(&mut self, n: usize) {
        let taken = n.min(self.out.chunk().len());
        self.out.advance(n);
        self.queue.drain(..taken);
        for (before, payload) in &mut self.payloads {
            let own = taken.saturating_sub(*before);
            *before -= taken.min(*before);
            payload.drain(..own.min(payload.len()));
        }
        self.payloads.retain(|(_, payload)| !payload.is_empty());
        self.note_empty();
    }

    fn note_empty(&mut self) {
        if self.queue.is_empty() {
            (self.len, self.referred) = (0, 0);
        }
    }

    fn write_all(&mut self) {
        while !self.out.is_empty() {
            assert!(!self.out.chunk().is_empty(), "an outbox with nothing in it");
            self.take(usize::MAX);
        }
        assert!(self.queue.is_empty(), "{} bytes were not written", self.queue.len());
    }

    /// The connection is gone.
    fn forget(&mut self) {
        if self.random.below(2) == 0 {
            self.take_payloads();
        }
        self.out.clear();
        self.queue.clear();
        self.payloads.clear();
        self.note_empty();
    }

    fn release(&mut self) {
        self.out.release();
        if self.queue.is_empty() && !self.out.bytes.is_lent() {
            assert_eq!(self.out.allocated(), 0);
        }
    }

    fn check(&self) {
        assert_eq!(self.out.is_empty(), self.queue.is_empty());
        assert_eq!(self.out.publish_room(), self.publish_limit().saturating_sub(self.len));
        let chunk = self.out.chunk();
        assert_eq!(chunk.is_empty(), self.queue.is_empty());
        assert!(chunk.iter().eq(self.queue.iter().take(chunk.len())), "other bytes");
        let end = self.payloads.front().map_or(self.queue.len(), |(before, payload)| {
            if *before == 0 { payload.len() } else { *before }
        });
        assert_eq!(chunk.len(), end, "not all that lies in one piece");
        assert!(self.out.bytes.as_slice().len() <= self.limit);
    }
}

#[cfg(feature = "bytes")]
mod held {
    use std::vec::Vec;

    use super::Model;
    use crate::Shared;

    impl Model<'_> {
        /// A payload of that many bytes, if there is room for one.
        pub(super) fn payload(&mut self, len: usize) -> Option<Vec<u8>> {
            let fits = self.referred == 0 || self.referred + len <= self.limit;
            let fits = fits && len != 0 && self.payloads.len() < 64;
            fits.then(|| self.random.bytes(len))
        }

        pub(super) fn refer(&mut self, payload: Vec<u8>) {
            self.out.append_shared(&Shared(payload.clone().into()));
            self.referred += payload.len();
            self.payloads.push_back((self.queue.len(), payload.clone()));
            self.queue.extend(payload);
        }

        /// All of them, whole, though some of the first one may have been written.
        pub(super) fn take_payloads(&mut self) {
            for (_, left) in &self.payloads {
                let taken = self.out.take_payload().expect("there is one more");
                assert!(taken.as_slice().ends_with(left));
            }
            assert!(self.out.take_payload().is_none());
        }
    }
}

#[cfg(not(feature = "bytes"))]
mod held {
    use std::vec::Vec;

    use super::Model;

    impl Model<'_> {
        pub(super) fn payload(&mut self, _len: usize) -> Option<Vec<u8>> {
            None
        }

        pub(super) fn refer(&mut self, payload: Vec<u8>) {
            unreachable!("{} bytes, by reference to nothing", payload.len());
        }

        pub(super) fn take_payloads(&mut self) {
            assert!(self.out.take_payload().is_none());
        }
    }
}

#[test]
fn random_operations_agree_with_a_queue() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let len = 1 + random.below(600);
        play(&random.bytes(len));
    }
}
