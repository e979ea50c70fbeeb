//! Received messages, in the order in which they came: from PUBLISH until their last
//! acknowledgement, and until all who take them have done so.

use core::num::NonZeroU16;

use super::Client;
use super::stored::{AckToken, Stored};
use crate::log::{Log, LogMemory, Record};
use crate::reason::ReasonCode;

/// What is owed for a record.
pub(super) mod state {
    /// Somebody has still to take it, or to finish it.
    pub(crate) const HELD: u8 = 1;
    /// All have finished it: `Client::acknowledge` is awaited.
    pub(crate) const FINISHED: u8 = 2;
    /// PUBACK or PUBREC is ready to leave, with the reason in `extra`.
    pub(crate) const READY: u8 = 3;
    /// PUBREC was sent, or would have been: PUBREL is awaited.
    pub(crate) const RECORDED: u8 = 4;
    /// As `HELD`; its payload comes piece by piece.
    pub(crate) const STREAM: u8 = 5;
    /// As `HELD`, but acknowledged by hand with success. With another reason that is the state: none
    /// of them is one of these.
    pub(crate) const ACKNOWLEDGED: u8 = 6;
    /// As `HELD`, at QoS 0: receivers have claimed it.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(crate) const CLAIMED: u8 = 7;
}

/// Flags of a record; its QoS is in the two lowest bits.
pub(super) mod flag {
    pub(crate) const EXACTLY_ONCE: u8 = 2;
    /// It is QoS 1 or 2.
    pub(crate) const QOS: u8 = 1 | 2;
    /// It came on this connection: its acknowledgement is owed there.
    pub(crate) const LINK: u8 = 4;
    /// Some consumer has had it.
    pub(crate) const HAD: u8 = 8;
    /// The consumers that have still to begin with it, a bit each: see `Consumer::needs`.
    pub(crate) const NEEDS: u8 = 16 | 32;
    /// Those that have begun, and not finished.
    pub(crate) const OPEN: u8 = 64 | 128;
}

/// The cursor at the first message whose acknowledgement has not left; those of the consumers, at
/// the first message that they have not begun with; and that at the oldest QoS 0 message.
pub(super) const OWED: usize = 0;
const OLDEST: usize = 3;

/// Who takes messages. Each consumer gets every message that came while it was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// Whoever asks for the next message.
    Queue = 1,
    /// Functions that are called with each message.
    Callbacks = 2,
}

impl Consumer {
    pub(super) fn cursor(self) -> usize {
        self as usize
    }

    pub(super) fn needs(self) -> u8 {
        (self as u8) << 4
    }

    pub(super) fn open(self) -> u8 {
        (self as u8) << 6
    }
}

/// What happens to a QoS 0 message that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Nothing more is read until there is room. While a reply is awaited reading goes on all the same,
    /// and the oldest QoS 0 messages make room, counted.
    #[default]
    Wait,
    /// The oldest QoS 0 message makes room, and is counted.
    DropOldest,
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It will be sent, in its turn.
    Queued,
    /// There is nobody to tell: the message came on an earlier connection, or the token was used
    /// before. The server sends the message again, or has forgotten it with the session.
    Stale,
}

/// The log and what is counted of it.
pub(super) struct Incoming<'a> {
    pub(super) log: Log<'a>,
    /// The consumers that are active: their `needs`.
    pub(super) active: u8,
    /// The program subscribed: whoever is to take messages will come.
    pub(super) is_awaited: bool,
    /// Messages that somebody has still to finish.
    pub(super) held: u32,
    pub(super) next_serial: u32,
    /// Acknowledgements that are ready may have stayed, for want of room or because of their order.
    pub(super) keeps_ready: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(memory: LogMemory<'a>) -> Self {
        Self {
            log: Log::new(memory),
            active: 0,
            is_awaited: false,
            held: 0,
            next_serial: 0,
            keeps_ready: false,
        }
    }

    /// The name of a message until its end.
    pub(super) fn take_serial(&mut self) -> u32 {
        let next = self.next_serial.wrapping_add(1);
        core::mem::replace(&mut self.next_serial, next)
    }

    /// Consumers begin with that record again, if it does not lie behind.
    pub(super) fn go_back_to(&mut self, record: &Record) {
        for cursor in [Consumer::Queue.cursor(), Consumer::Callbacks.cursor(), OLDEST] {
            let at = self.log.cursor(cursor).min(record.at);
            self.log.set_cursor(cursor, at);
        }
    }

    /// Whom a message is for that comes now: if nobody is there, whoever comes.
    #[inline]
    pub(super) fn needs(&self) -> u8 {
        if self.active == 0 { Consumer::Queue.needs() } else { self.active }
    }

    /// A message was stored: somebody has to finish it.
    #[inline]
    pub(super) fn note_stored(&mut self, record: &Record) {
        self.held = self.held.wrapping_add(1);
        // Nothing is owed for it: the cursor need not stop there.
        if !record.has(flag::LINK) && self.log.cursor(OWED) >= record.at {
            self.log.set_cursor(OWED, record.end());
        }
    }

    /// The first message whose PUBACK or PUBREC has not left. What nothing is owed for is walked over
    /// once.
    #[inline]
    pub(super) fn next_owed(&mut self) -> Option<Record> {
        loop {
            let record = self.log.at_cursor(OWED)?;
            if record.has(flag::LINK) && record.state != state::RECORDED {
                return Some(record);
            }
            self.log.set_cursor(OWED, record.end());
        }
    }

    /// The same, if it is ready to leave.
    #[inline]
    pub(super) fn next_ready(&mut self) -> Option<Record> {
        self.next_owed().filter(|record| record.state == state::READY)
    }

    /// Whether a message of this connection was taken and is not over: its acknowledgement stayed,
    /// for want of room or behind one that is not taken, or PUBREL is awaited.
    pub(super) fn awaits_end(&self) -> bool {
        let awaits = |record: &Record| {
            record.has(flag::LINK) && matches!(record.state, state::READY | state::RECORDED)
        };
        self.log.search(awaits).is_some()
    }

    /// The first message that the consumer has not begun with.
    #[inline]
    pub(super) fn next(&mut self, consumer: Consumer) -> Option<Record> {
        // All is for the queue: its cursor need not be moved on.
        if consumer == Consumer::Callbacks && self.active & consumer.needs() == 0 {
            return None;
        }
        while let Some(record) = self.log.at_cursor(consumer.cursor()) {
            if record.has(consumer.needs()) {
                return Some(record);
            }
            self.log.set_cursor(consumer.cursor(), record.end()); // It is walked over once.
        }
        None
    }

    /// The record that a token names.
    pub(super) fn find(&self, token: AckToken) -> Option<Record> {
        let known = self.log.find(token.id.get()).filter(|record| record.who == token.serial);
        if known.is_some() {
            return known;
        }
        // Of a session that is lost: it has no identifier any more.
        let mut at = 0;
        while let Some(record) = self.log.at(at) {
            if record.id == 0 && record.has(flag::QOS) && record.who == token.serial {
                return Some(record);
            }
            at = record.end();
        }
        None
    }

    /// The token of a record, which QoS 0 has not.
    pub(super) fn token(record: &Record) -> Option<AckToken> {
        // A message of a lost session keeps its token, though nobody is told.
        let id = NonZeroU16::new(record.id).unwrap_or(NonZeroU16::MAX);
        let serial = record.who;
        record.has(flag::QOS).then_some(AckToken { id, serial })
    }

    /// Drops the oldest QoS 0 message that nobody has taken up. False if there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        while let Some(record) = self.log.at_cursor(OLDEST) {
            self.log.set_cursor(OLDEST, record.end());
            if !record.has(flag::QOS | flag::OPEN) {
                self.held = self.held.saturating_sub(1);
                self.log.end_record(&record);
                return true;
            }
        }
        false
    }

    /// The server's identifier of a message means nothing any more.
    pub(super) fn orphan(&mut self, record: &mut Record) {
        record.set_flag(flag::LINK, false);
        if record.has(flag::NEEDS | flag::OPEN) {
            self.log.renumber(record, 0);
        } else {
            self.log.end_record(record);
        }
    }
}

impl Client<'_> {
    /// From here on that consumer gets every message. If no other is active, it gets those that
    /// waited for anybody, too.
    pub fn activate(&mut self, consumer: Consumer) {
        if self.incoming.active == 0 && consumer != Consumer::Queue {
            let (mut at, needs) = (0, consumer.needs());
            while let Some(mut record) = self.incoming.log.at(at) {
                at = record.end();
                if !record.has(flag::NEEDS) || record.has(flag::OPEN) {
                    continue;
                }
                if record.state == state::STREAM {
                    self.pass_over(record);
                } else {
                    record.flags = record.flags & !flag::NEEDS | needs;
                    self.incoming.log.set(&record);
                }
            }
            self.incoming.log.set_cursor(consumer.cursor(), 0);
        }
        self.incoming.active |= consumer.needs();
    }

    /// Whether that consumer gets every message.
    #[must_use]
    pub fn is_active(&self, consumer: Consumer) -> bool {
        self.incoming.active & consumer.needs() != 0
    }

    /// That consumer is gone: what it has not begun with is not for it any more. A message that is
    /// then for nobody and that nobody has had waits for whoever comes; the others are finished.
    pub fn deactivate(&mut self, consumer: Consumer) {
        self.incoming.active &= !consumer.needs();
        let (mut at, needs) = (0, self.incoming.needs());
        while let Some(mut record) = self.incoming.log.at(at) {
            at = record.end();
            if !record.has(consumer.needs()) {
                continue;
            }
            if record.state == state::STREAM {
                if self.incoming.active != 0 {
                    self.pass_over(record);
                }
                continue;
            }
            record.set_flag(consumer.needs(), false);
            if !record.has(flag::NEEDS | flag::OPEN) {
                if record.has(flag::HAD) {
                    self.finish_if_last(&record);
                    continue;
                }
                record.flags |= needs;
            }
            self.incoming.log.set(&record);
        }
        for consumer in [Consumer::Queue, Consumer::Callbacks] {
            self.incoming.log.set_cursor(consumer.cursor(), 0);
        }
        self.note_room();
    }

    /// The first message that the consumer has not begun with.
    #[must_use]
    #[inline]
    pub fn next(&mut self, consumer: Consumer) -> Option<Stored<'_>> {
        let record = self.incoming.next(consumer)?;
        Some(self.stored(&record))
    }

    #[inline]
    pub(super) fn stored(&self, record: &Record) -> Stored<'_> {
        let shared = self.incoming.log.shared(record);
        let (packet, streamed) = match shared {
            Some(shared) => (shared.as_slice(), None),
            None => self.stored_packet(record),
        };
        Stored {
            packet,
            payload_at: record.extra as usize,
            token: Incoming::token(record),
            version: self.config.version,
            shared,
            streamed,
        }
    }

    /// The consumer has the first message that it had not begun with, and has dealt with it: as
    /// [`begin`](Self::begin) and [`finish`](Self::finish) in one. `copy` takes out of it what is
    /// wanted, and says whether anything is: else nothing is taken.
    #[inline]
    pub fn take(&mut self, consumer: Consumer, copy: impl FnOnce(&Stored<'_>) -> bool) -> bool {
        let Some(mut record) = self.incoming.next(consumer) else { return false };
        let taken = copy(&self.stored(&record));
        if taken {
            self.incoming.log.set_cursor(consumer.cursor(), record.end());
            record.flags = record.flags & !consumer.needs() | flag::HAD;
            self.finish_if_last(&record);
        }
        taken
    }

    /// The consumer has the first message that it had not begun with, and goes on to the next one.
    /// A QoS 0 message is over for it with that, as if it were finished; another one is finished
    /// with its token.
    #[inline]
    pub fn begin(&mut self, consumer: Consumer) -> Option<AckToken> {
        let mut record = self.incoming.next(consumer)?;
        let token = Incoming::token(&record);
        self.incoming.log.set_cursor(consumer.cursor(), record.end());
        record.flags = record.flags & !consumer.needs() | flag::HAD;
        if token.is_none() {
            self.finish_if_last(&record);
        } else {
            record.flags |= consumer.open();
            self.incoming.log.set(&record);
        }
        token
    }

    /// The consumer has dealt with the message that it began with. When all have, it is
    /// acknowledged; under the setting `manual_ack` that is left to
    /// [`acknowledge`](Self::acknowledge).
    pub fn finish(&mut self, consumer: Consumer, token: AckToken) {
        let Some(mut record) = self.incoming.find(token) else { return };
        if record.has(consumer.open()) {
            record.set_flag(consumer.open(), false);
            self.finish_if_last(&record);
        }
    }

    /// One who took the message is done with it; when all are, it is over.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(super) fn finish_if_last(&mut self, record: &Record) {
        if !record.has(flag::QOS | flag::NEEDS | flag::OPEN) && record.state == state::HELD {
            self.incoming.held = self.incoming.held.saturating_sub(1);
            self.incoming.log.end_record(record);
            self.note_room();
        } else {
            self.finish_counted(*record); // By value: a reference keeps it out of registers.
        }
    }

    /// The same for a message that counts, or that others have to take.
    fn finish_counted(&mut self, record: Record) {
        if record.has(flag::NEEDS | flag::OPEN) {
            self.incoming.log.set(&record);
            return;
        }
        match self.config.manual_ack {
            Some(manual) if record.id != 0 => (manual.finish)(self, record),
            _ => self.finish_with(record, ReasonCode::SUCCESS),
        }
    }

    /// The message is over, and is acknowledged with that reason if there is anybody to tell.
    pub(super) fn finish_with(&mut self, record: Record, reason: ReasonCode) {
        self.incoming.held = self.incoming.held.saturating_sub(1);
        self.skip_rest(&record);
        if record.id == 0 {
            self.incoming.log.end_record(&record);
        } else {
            self.make_ready(record, reason);
        }
        self.note_room();
    }

    /// Its acknowledgement may leave, if there is anybody to tell.
    pub(super) fn make_ready(&mut self, mut record: Record, reason: ReasonCode) -> Acknowledged {
        record.extra = u32::from(reason.as_u8());
        record.state = state::READY;
        if !record.has(flag::LINK) {
            // Its connection is gone. QoS 2 is remembered as delivered, or it would be delivered
            // again.
            self.acknowledged(record);
            return Acknowledged::Stale;
        }
        // It is owed before what the program says because of the message.
        let is_next = self.incoming.log.cursor(OWED) == record.at
            || self.incoming.next_owed().is_some_and(|owed| owed.at == record.at);
        if !is_next || !self.is_connected() || !self.put_acknowledgement(record) {
            self.incoming.log.drop_data(&mut record);
            self.incoming.keeps_ready = true;
        }
        if self.is_connected() {
            let _ = self.fill_acknowledgements(); // Others may have waited for it, or before it.
        }
        Acknowledged::Queued
    }

    /// The acknowledgement of a message has left, or will not leave: at QoS 2 its identifier is
    /// recorded until PUBREL [MQTT-4.3.2-5] [MQTT-4.3.3-9].
    pub(super) fn acknowledged(&mut self, mut record: Record) {
        self.link.is_full = false; // There may be room now.
        let refused = ReasonCode::from_u8(record.extra as u8).is_error();
        if record.has(flag::EXACTLY_ONCE) && !refused {
            record.state = state::RECORDED;
            self.incoming.log.drop_data(&mut record);
        } else {
            self.remove_incoming(&record);
        }
    }

    pub(super) fn remove_incoming(&mut self, record: &Record) {
        if record.has(flag::LINK) {
            self.link.received = self.link.received.saturating_sub(1);
        }
        self.incoming.log.end_record(record);
    }

    /// PUBREL came: whether its identifier was recorded.
    pub(super) fn complete(&mut self, id: u16) -> bool {
        let known = self.incoming.log.find(id);
        let recorded = known.filter(|record| record.state == state::RECORDED);
        if let Some(record) = recorded {
            self.remove_incoming(&record);
        }
        recorded.is_some()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::{Incoming, LogMemory, OWED, Record, flag, state};

    /// Messages of an earlier connection are held, and nothing is owed for them on this one.
    #[test]
    fn what_nothing_is_owed_for_is_walked_over_once() {
        let mut incoming = Incoming::new(LogMemory::owned(1 << 20));
        let held = Record { state: state::HELD, ..Record::default() };
        for _ in 0..10_000 {
            assert!(incoming.log.push(held).is_some());
        }
        assert!(incoming.next_ready().is_none());
        let owed = Record { state: state::READY, flags: flag::LINK, ..Record::default() };
        let owed = incoming.log.push(owed).unwrap_or_default();
        assert_eq!(incoming.log.cursor(OWED), owed.at, "the next look begins behind them");
        assert_eq!(incoming.next_ready(), Some(owed));
    }
}
