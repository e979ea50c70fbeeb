//! The queued messages: bounded, they outlive a lost link; and who has still to take which.

#[cfg(feature = "alloc")]
use bytes::Bytes;

use mqtt_as_proto::client::Received;
use mqtt_as_proto::{AckToken, Storage, Version};

use crate::config::Overflow;
#[cfg(feature = "alloc")]
use crate::message::Layout;
use crate::place::Place;
use crate::window::Streamed;

/// Who takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    Queue = 1,
    /// The callbacks.
    Callbacks = 2,
}

/// A reader has the message, piece by piece: the bit is in place of the queue's.
pub(crate) const READING: u8 = 4;

impl Consumer {
    pub(crate) fn index(self) -> usize {
        self as usize - 1
    }
}

/// One queued message. Opaque: without a heap the caller makes an array of them.
#[derive(Debug)]
pub struct Entry {
    #[cfg(feature = "alloc")]
    pub(crate) frame: Bytes,
    pub(crate) len: u32,
    #[cfg(feature = "alloc")]
    pub(crate) layout: Layout,
    pub(crate) token: Option<AckToken>,
    /// The consumers that have still to take it, a bit each.
    pub(crate) needs: u8,
    /// It came for both consumers.
    pub(crate) both: bool,
    pub(crate) next: Option<Place>,
    prev: Option<Place>,
    pub(crate) qos0: bool,
    /// A message that came, or comes, piece by piece.
    pub(crate) stream: Option<Streamed>,
    /// With a heap, the place of such a message.
    #[cfg(feature = "alloc")]
    pub(crate) place: alloc::vec::Vec<u8>,
    /// Where it lies in the bytes of a read that [`Inbox::finish`] will give it.
    pub(crate) pending: Option<u32>,
}

impl Entry {
    /// No message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "alloc")]
            frame: Bytes::new(),
            len: 0,
            #[cfg(feature = "alloc")]
            layout: Layout::NONE,
            token: None,
            needs: 0,
            both: false,
            next: None,
            prev: None,
            qos0: false,
            stream: None,
            #[cfg(feature = "alloc")]
            place: alloc::vec::Vec::new(),
            pending: None,
        }
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self::new()
    }
}

/// The queued messages, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) entries: Storage<'static, Entry>,
    /// Without a heap: the bytes of entry n begin at n × `stride`.
    pub(crate) bytes: Storage<'static, u8>,
    pub(crate) stride: usize,
    head: Option<Place>,
    tail: Option<Place>,
    free: Option<Place>,
    fresh: u32,
    len: usize,
    limit: usize,
    /// Bytes of QoS 0 messages, and how many there may be.
    pub(crate) qos0_bytes: usize,
    qos0_limit: usize,
    overflow: Overflow,
    /// The next entry of each consumer.
    pub(crate) cursors: [Option<Place>; 2],
    /// The consumers that have been asked for.
    pub(crate) active: u8,
    /// Entries of the read that is being looked through, whose bytes are not there yet.
    pub(crate) unfinished: Option<Place>,
    /// The entry whose payload is coming.
    pub(crate) streaming: Option<Place>,
    pub(crate) discards: u64,
}

impl Inbox {
    pub(crate) fn new(
        entries: Storage<'static, Entry>,
        bytes: Storage<'static, u8>,
        stride: usize,
        limit: usize,
        qos0_limit: usize,
        overflow: Overflow,
    ) -> Self {
        Self {
            entries,
            bytes,
            stride,
            head: None,
            tail: None,
            free: None,
            fresh: 0,
            len: 0,
            limit,
            qos0_bytes: 0,
            qos0_limit,
            overflow,
            cursors: [None; 2],
            active: 0,
            unfinished: None,
            streaming: None,
            discards: 0,
        }
    }

    /// From here on that consumer gets every message, also those that nobody was there for.
    pub(crate) fn activate(&mut self, consumer: Consumer) {
        let bit = consumer as u8;
        if self.active == 0 {
            self.cursors = [None; 2];
            let mut next = self.head;
            while let Some(index) = next {
                let Some(entry) = self.entries.get_mut(index.at()) else { break };
                // What callbacks have begun with stays theirs.
                if entry.needs == Consumer::Queue as u8 && entry.may_be_for(consumer) {
                    entry.needs = bit;
                    self.cursors[consumer.index()].get_or_insert(index);
                }
                next = entry.next;
            }
        }
        self.active |= bit;
    }

    /// A message that the queue has had, and that callbacks have not begun with.
    pub(crate) fn left_by_queue(&self) -> Option<Place> {
        let mut next = self.front(Consumer::Callbacks);
        while let Some(index) = next {
            let entry = self.entries.get(index.at())?;
            if entry.both && entry.needs == Consumer::Callbacks as u8 {
                return Some(index);
            }
            next = entry.next;
        }
        None
    }

    /// The callbacks are gone: what only they had still to begin with stays for the queue.
    pub(crate) fn deactivate_callbacks(&mut self) {
        let (queue, callbacks) = (Consumer::Queue as u8, Consumer::Callbacks as u8);
        self.active &= !callbacks;
        let first = self.front(Consumer::Callbacks);
        self.cursors = [None; 2];
        let mut begun = true;
        let mut next = self.head;
        while let Some(index) = next {
            let Some(entry) = self.entries.get_mut(index.at()) else { break };
            begun &= Some(index) != first;
            if !begun {
                entry.needs &= !callbacks;
                entry.needs |= if entry.needs == 0 { queue } else { 0 };
            }
            if entry.needs & queue != 0 {
                self.cursors[Consumer::Queue.index()].get_or_insert(index);
            }
            next = entry.next;
        }
    }

    /// The next message of that consumer.
    pub(crate) fn front(&self, consumer: Consumer) -> Option<Place> {
        self.cursors[consumer.index()]
    }

    /// Whether a QoS 0 message would find no room, and reading has to wait for some.
    pub(crate) fn wants_pause(&self) -> bool {
        let full = self.len >= self.limit || self.qos0_bytes >= self.qos0_limit;
        self.overflow == Overflow::Wait && full
    }

    /// Whether a QoS 1 or 2 message would find no place: so many were acknowledged by the program
    /// before their callbacks had finished.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.len >= self.entries.limit() && self.oldest_qos0().is_none()
    }

    /// Whether it is so full that consumers should run before more is read.
    pub(crate) fn is_filling(&self) -> bool {
        self.len * 2 >= self.limit
    }

    /// Adds a message that is `packet`, which lies at `at` in what was read. False if it was
    /// dropped.
    pub(crate) fn push(
        &mut self,
        received: &Received<'_>,
        packet: &[u8],
        at: usize,
        version: Version,
    ) -> bool {
        let qos0 = received.token.is_none();
        if !self.make_room(qos0, packet.len()) {
            return false;
        }
        let Some(index) = self.take_entry() else { return false };
        let len = self.put_bytes(index, received, packet, at, version);
        let needs = if self.active == 0 { Consumer::Queue as u8 } else { self.active };
        let Some(entry) = self.entries.get_mut(index.at()) else { return false };
        entry.len = len as u32; // At most the maximum packet size.
        #[cfg(feature = "alloc")]
        let layout = Layout::new(&received.publish, len);
        #[cfg(feature = "alloc")]
        {
            entry.layout = layout;
        }
        entry.both = needs == Consumer::Queue as u8 | Consumer::Callbacks as u8;
        entry.token = received.token;
        entry.needs = needs;
        entry.qos0 = qos0;
        if qos0 {
            self.qos0_bytes += len;
        }
        self.link(index, needs);
        true
    }

    /// A QoS 0 message uses free room only; others evict the oldest QoS 0 messages.
    pub(crate) fn make_room(&mut self, qos0: bool, len: usize) -> bool {
        // Under the policy "wait" the last message may exceed the bytes: then reading stops.
        let len = if self.overflow == Overflow::Wait { 0 } else { len };
        while self.len >= self.limit || (qos0 && self.qos0_bytes + len > self.qos0_limit) {
            let evicted = self.oldest_qos0().map(|index| self.remove(index));
            if evicted.is_none() {
                self.discards += u64::from(qos0);
                return !qos0 && self.may_exceed();
            }
            self.discards += 1;
        }
        true
    }

    /// Messages of a session that the server has lost may still be held: with a heap the queue
    /// takes as many again.
    fn may_exceed(&self) -> bool {
        self.entries.limit() > self.len
    }

    fn oldest_qos0(&self) -> Option<Place> {
        let mut next = self.head;
        while let Some(index) = next {
            let entry = self.entries.get(index.at())?;
            if entry.qos0 && entry.needs & READING == 0 {
                return Some(index);
            }
            next = entry.next;
        }
        None
    }

    pub(crate) fn take_entry(&mut self) -> Option<Place> {
        if let Some(index) = self.free {
            self.free = self.entries.get_mut(index.at())?.next.take();
            return Some(index);
        }
        let index = Place::new(self.fresh)?;
        if !self.entries.grow_to(index.at() + 1) {
            return None;
        }
        self.fresh += 1;
        Some(index)
    }

    pub(crate) fn link(&mut self, index: Place, needs: u8) {
        let tail = self.tail.replace(index);
        if let Some(entry) = self.entries.get_mut(index.at()) {
            (entry.prev, entry.next) = (tail, None);
        }
        match tail.and_then(|tail| self.entries.get_mut(tail.at())) {
            Some(tail) => tail.next = Some(index),
            None => self.head = Some(index),
        }
        self.len += 1;
        for (bit, cursor) in [1, 2].into_iter().zip(&mut self.cursors) {
            if needs & bit != 0 {
                cursor.get_or_insert(index);
            }
        }
    }

    /// That consumer has taken the message: the duty to acknowledge, if it was the last one.
    pub(crate) fn taken(&mut self, index: Place, consumer: Consumer) -> Option<AckToken> {
        let bit = consumer as u8;
        self.advance(index, consumer);
        let entry = self.entries.get_mut(index.at())?;
        entry.needs &= !bit;
        if entry.needs != 0 {
            return None;
        }
        let token = entry.token;
        self.remove(index);
        token
    }

    /// Moves the consumer on to its next message.
    pub(crate) fn advance(&mut self, index: Place, consumer: Consumer) {
        let bit = consumer as u8;
        let mut next = self.entries.get(index.at()).and_then(|entry| entry.next);
        while let Some(entry) = next.and_then(|index| self.entries.get(index.at())) {
            if entry.needs & bit != 0 {
                break;
            }
            next = entry.next;
        }
        let cursor = &mut self.cursors[consumer.index()];
        if *cursor == Some(index) {
            *cursor = next;
        }
    }

    pub(crate) fn remove(&mut self, index: Place) {
        for consumer in [Consumer::Queue, Consumer::Callbacks] {
            if self.cursors[consumer.index()] == Some(index) {
                self.advance(index, consumer);
            }
        }
        let Some(entry) = self.entries.get_mut(index.at()) else { return };
        #[cfg(feature = "alloc")]
        let _dropped = core::mem::take(&mut entry.frame);
        let (prev, next) = (entry.prev.take(), entry.next.take());
        if entry.qos0 {
            self.qos0_bytes = self.qos0_bytes.saturating_sub(entry.len as usize);
        }
        entry.pending = None;
        if entry.stream.take().is_some() {
            #[cfg(feature = "alloc")]
            let _place = core::mem::take(&mut entry.place);
            self.streaming = self.streaming.filter(|streaming| *streaming != index);
        }
        entry.next = self.free.replace(index);
        if self.unfinished == Some(index) {
            self.unfinished = next;
        }
        match prev.and_then(|prev| self.entries.get_mut(prev.at())) {
            Some(prev) => prev.next = next,
            None => self.head = next,
        }
        match next.and_then(|next| self.entries.get_mut(next.at())) {
            Some(next) => next.prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }
}
