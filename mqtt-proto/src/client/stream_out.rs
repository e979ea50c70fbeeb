//! Streams on their way out: a PUBLISH whose payload is written piece by piece and never stored.
//!
//! From its first byte to its last nothing else enters the outbox: acknowledgements and publishes
//! stay in their logs, PINGREQ is owed. What cannot be finished ends the connection. Nobody but its
//! owner can send a stream, a second time either, so it is never resent by itself.

use super::Client;
use super::error::{ConnectionError, OperationError};
use super::event::{Fate, NotSent, Tag, Tell};
use super::link::StreamOut;
use super::message::{Message, Sizes, write_publish};
use super::outgoing::{NEXT, flag, qos, state, tell_fate};
use super::timers::Timer;
use super::transmit::Step;
use crate::log::Record;
use crate::packet::{DUP, QoS};
use crate::payload::Payload;
use crate::time::Instant;
use crate::wire::copy;

/// What is done for outbound streams where the rest of the client comes upon one.
pub(super) struct Hook {
    /// The connection is over that this record of a stream was on.
    pub(super) end_connection: fn(&mut Client<'_>, Record, Tell<'_>),
    /// The session of this record of a stream is lost; the flag says whether it is then sent as a
    /// new message.
    pub(super) lose_session: fn(&mut Client<'_>, Record, bool, Tell<'_>),
    /// A session begins, or goes on.
    pub(super) begin_session: fn(&mut Client<'_>),
    /// The open stream cannot be finished.
    pub(super) stop: fn(&mut Client<'_>, Tell<'_>) -> ConnectionError,
    /// Interrupted streams that take a place among the server's: it awaits them, not we it.
    pub(super) interrupted: fn(&Client<'_>) -> u16,
    /// Nobody sends that interrupted stream again.
    pub(super) give_up: fn(&mut Client<'_>, Record, Tell<'_>),
}

static HOOK: Hook = Hook {
    end_connection: |client, record, tell| client.end_stream_connection(record, tell),
    lose_session: |client, record, again, tell| client.lose_stream(record, again, tell),
    begin_session: |client| client.count_interrupted(),
    stop: |client, tell| client.stop_open(tell),
    interrupted: |client| client.counted_interrupted(),
    give_up: |client, record, tell| client.forget_stream(record, tell),
};

impl Client<'_> {
    /// Opens a stream: a PUBLISH of a payload of `len` bytes, which follow by
    /// [`write_stream`](Self::write_stream). The payload in `head` is not looked at.
    ///
    /// One stream is open at a time, and everything accepted before it leaves before it. As long as
    /// that is not so, there is no room: ask again. The mark of a stream that was
    /// [interrupted](Fate::Interrupted) opens it again, from the start: under its packet identifier,
    /// if the server may have it.
    ///
    /// An event with the mark tells its end, as for a message at its QoS; at QoS 0 its last byte is
    /// its end, and no event tells that.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or to wait: [`OperationError::NoRoom`],
    /// [`OperationError::NotConnected`].
    pub fn open_stream(
        &mut self,
        head: &Message<'_>,
        len: u32,
        tag: Tag,
        now: Instant,
    ) -> Result<(), OperationError> {
        let none: &[u8] = &[];
        let head = &Message { payload: Payload::from(none), ..*head };
        let sizes = self.judge(head, len as usize)?;
        if !self.is_connected() {
            return Err(OperationError::NotConnected);
        }
        let (size, room) = (sizes.packet().saturating_sub(len as usize), self.outbox.limit());
        if size > room {
            return Err(OperationError::TooLarge { size, room });
        }
        let known = self.find_stream(tag);
        if !self.may_open(known, head.qos, size) {
            return Err(OperationError::NoRoom);
        }
        let record = self.push_stream(known, head.qos, tag)?;
        self.hooks.streams_out = Some(&HOOK);
        self.note_time(now);
        self.put_head(record, head, sizes, size);
        self.link.stream_out = Some(StreamOut { tag, id: record.id, left: len, stopped: false });
        self.await_owner();
        Ok(())
    }

    /// Whether it was [interrupted](Fate::Interrupted), and may be opened again.
    #[must_use]
    pub fn is_interrupted(&self, tag: Tag) -> bool {
        self.find_stream(tag).is_some_and(|record| record.state == state::INTERRUPTED)
    }

    /// The stream with that mark, unless it is over for its owner.
    fn find_stream(&self, tag: Tag) -> Option<Record> {
        if tag == Tag::NOBODY {
            return None;
        }
        self.outgoing.log.search(|record| record.has(flag::STREAM) && record.who == tag.0)
    }

    /// Whether all that was accepted before it has left, the server takes one more, and there is
    /// room for its header.
    fn may_open(&mut self, known: Option<Record>, qos: QoS, size: usize) -> bool {
        let idle = known.is_none_or(|record| record.state == state::INTERRUPTED);
        let place = known.is_some() || self.has_place() && self.outgoing.log.has_empty_room();
        // With a place among the server's it goes before those that may wait for one.
        let counted = known.is_some_and(|record| record.has(flag::COUNTED));
        let next = counted || self.outgoing.next_waiting().is_none();
        let quota = qos == QoS::AtMostOnce || self.stream_quota(counted);
        let free = self.link.stream_out.is_none() && self.outbox.has_publish_room(size, 0);
        idle && place && next && quota && free
    }

    /// Whether the server takes one more: of those that have a place, and are not sent on this
    /// connection yet, it takes no more at a time than it said either.
    fn stream_quota(&self, counted: bool) -> bool {
        let most = self.limits.receive_maximum;
        let waiting = if counted { self.counted_interrupted() } else { 0 };
        self.link.outstanding.saturating_sub(waiting) < most
    }

    /// The record of a stream, behind all others. One that the server may have keeps its identifier.
    fn push_stream(
        &mut self,
        known: Option<Record>,
        qos: QoS,
        tag: Tag,
    ) -> Result<Record, OperationError> {
        let id = match known.filter(|record| record.has(flag::BEFORE)) {
            Some(record) => record.id,
            None => self.clear_id(qos)?,
        };
        let mut flags = qos as u8 | flag::STREAM;
        if let Some(record) = known {
            flags |= record.flags & (flag::BEFORE | flag::REPUBLISHED | flag::COUNTED);
            self.outgoing.remove(&record);
        }
        let is_next = self.outgoing.next_waiting().is_none();
        let mut record =
            Record { id, state: state::STREAMING, flags, who: tag.0, ..Record::default() };
        if !self.outgoing.log.append(&mut record) {
            return Err(OperationError::NoRoom);
        }
        if is_next {
            self.outgoing.log.set_cursor(NEXT, record.end());
        }
        Ok(record)
    }

    /// The next identifier, if a message of that QoS may use it.
    fn clear_id(&mut self, qos: QoS) -> Result<u16, OperationError> {
        let before = self.outgoing.last_id;
        let id = self.outgoing.next_id();
        if qos != QoS::ExactlyOnce || self.cleared.is_clear(id) {
            return Ok(id);
        }
        self.outgoing.last_id = before; // It was not used.
        let (Step::Next | Step::Wait | Step::NoRoom) = self.clear_from(id);
        Err(OperationError::NoRoom)
    }

    /// The header of that size goes into the outbox, which has room: with DUP if all of the packet
    /// was sent before [MQTT-3.3.1-1].
    fn put_head(&mut self, mut record: Record, head: &Message<'_>, sizes: Sizes, size: usize) {
        let last = (sizes.packet() as u32).saturating_sub(1);
        record.extra = self.link.enqueued.wrapping_add(last);
        if head.qos != QoS::AtMostOnce && !record.has(flag::COUNTED) {
            record.set_flag(flag::COUNTED, true);
            self.link.outstanding = self.link.outstanding.wrapping_add(1);
        }
        self.outgoing.log.set(&record);
        let Some(room) = self.outbox.append(size) else { return };
        write_publish(room, head, sizes, record.id);
        if let Some(first) = room.first_mut().filter(|_| record.has(flag::BEFORE)) {
            *first |= DUP;
        }
        self.link.count(size);
    }

    /// Writes the next bytes of the stream: returns how many of them there was room for.
    ///
    /// # Errors
    /// [`OperationError::PastEnd`] if they are more than were announced: none is taken then.
    /// [`OperationError::NotConnected`] if the stream is not open any more: an event told why.
    pub fn write_stream(
        &mut self,
        tag: Tag,
        bytes: &[u8],
        now: Instant,
    ) -> Result<usize, OperationError> {
        self.note_time(now);
        let connected = self.is_connected() || self.link.ends_behind_stream();
        let stream = self.link.stream_out.as_mut();
        let stream = stream.filter(|stream| connected && stream.tag == tag && !stream.stopped);
        let Some(stream) = stream else { return Err(OperationError::NotConnected) };
        let (given, left) = (bytes.len(), stream.left);
        if given > left as usize {
            return Err(OperationError::PastEnd { given, left });
        }
        let taken = given.min(self.outbox.publish_room());
        let Some(room) = self.outbox.append(taken).filter(|_| taken != 0) else { return Ok(0) };
        copy(room, bytes);
        stream.left = left.saturating_sub(taken as u32); // At most `left`.
        self.link.count(taken);
        self.await_owner();
        Ok(taken)
    }

    /// The owner of the stream has to write on within the write time-out, or has written its last
    /// byte.
    fn await_owner(&mut self) {
        if self.link.stream_out.is_some_and(|stream| stream.left != 0) {
            let now = self.ms();
            self.timers.arm(Timer::StreamOut, now, self.config.write_timeout);
            return;
        }
        self.timers.stop(Timer::StreamOut);
        let Some(stream) = self.link.stream_out.take() else { return };
        let Some(mut record) = self.outgoing.log.find(stream.id) else { return };
        if qos(&record) == QoS::AtMostOnce {
            self.link.unwritten_qos0 = self.link.unwritten_qos0.wrapping_add(1);
            self.outgoing.remove(&record);
        } else {
            record.state = state::SENT;
            self.outgoing.log.set(&record);
        }
    }

    /// What is not finished of the stream stops, and the connection with it: true then. Its owner
    /// may open it again.
    pub fn stop_stream(&mut self, tag: Tag, tell: Tell<'_>) -> bool {
        let Some(record) = self.begin_stop(tag) else { return false };
        self.cut_stream(record, NotSent::Stopped, tell);
        true
    }

    /// The owner of the stream is gone. What is not finished [stops](Self::stop_stream): true then.
    /// What is finished goes on; it is not sent a second time.
    pub fn leave_stream(&mut self, tag: Tag, tell: Tell<'_>) -> bool {
        if let Some(record) = self.begin_stop(tag) {
            if may_be_known(&record) {
                self.forget_stream(record, tell);
            } else {
                self.cut_stream(record, NotSent::Stopped, tell);
            }
            return true;
        }
        let Some(mut record) = self.find_stream(tag) else { return false };
        if record.state == state::INTERRUPTED {
            self.forget_stream(record, tell);
        } else {
            record.who = Tag::NOBODY.0;
            self.outgoing.log.set(&record);
        }
        false
    }

    /// The packet of the open stream cannot be finished: nothing more is written. Returns its record
    /// if it is open.
    fn begin_stop(&mut self, tag: Tag) -> Option<Record> {
        let stream = self.link.stream_out.as_mut();
        let stream = stream.filter(|stream| stream.tag == tag && !stream.stopped)?;
        stream.stopped = true;
        let id = stream.id;
        let _: ConnectionError = self.fail(ConnectionError::StreamStopped);
        self.timers.stop(Timer::StreamOut);
        self.outgoing.log.find(id)
    }

    /// The owner has not written on in time, or the client is given up.
    fn stop_open(&mut self, tell: Tell<'_>) -> ConnectionError {
        if let Some(stream) = self.link.stream_out {
            self.stop_stream(stream.tag, tell);
        }
        ConnectionError::StreamStopped
    }

    /// A stream cannot go on. Cut in two it does not count; but an earlier attempt may.
    fn cut_stream(&mut self, mut record: Record, why: NotSent, tell: Tell<'_>) {
        if !may_be_known(&record) {
            self.outgoing.end(&record, Fate::NeverSent(why), tell);
        } else if record.who == Tag::NOBODY.0 {
            self.forget_stream(record, tell);
        } else {
            record.state = state::INTERRUPTED;
            record.set_flag(flag::COUNTED, false);
            self.outgoing.log.set(&record);
            self.outgoing.retired = self.outgoing.retired.wrapping_add(1);
            tell_fate(&record, Fate::Interrupted, tell);
        }
    }

    /// Nobody sends that stream again. Its identifier is free, if the server has not kept it.
    fn forget_stream(&mut self, record: Record, tell: Tell<'_>) {
        let unknown = Fate::Unknown { received: false };
        if qos(&record) == QoS::ExactlyOnce && record.has(flag::BEFORE) {
            self.clear_retired(record, unknown, tell);
        } else {
            self.outgoing.end(&record, unknown, tell);
        }
    }

    /// The connection is over, and with it what its owner has not finished.
    fn end_stream_connection(&mut self, mut record: Record, tell: Tell<'_>) {
        match record.state {
            state::STREAMING => self.cut_stream(record, NotSent::Interrupted, tell),
            state::SENT => {
                // It was sent if it was sent whole.
                let sent = self.outgoing.is_written(&record, record.extra, &self.link);
                record.set_flag(flag::BEFORE, record.has(flag::BEFORE) || sent);
                self.cut_stream(record, NotSent::Interrupted, tell);
            }
            _ => self.outgoing.log.set(&record),
        }
    }

    /// The session goes on: the server may hold interrupted QoS 2 messages, and counts them.
    fn count_interrupted(&mut self) {
        let mut at = 0;
        while let Some(mut record) = self.outgoing.log.next(&mut at) {
            let exactly_once = qos(&record) == QoS::ExactlyOnce;
            let interrupted = record.state == state::INTERRUPTED;
            if interrupted && exactly_once && record.has(flag::BEFORE) {
                record.set_flag(flag::COUNTED, true);
                self.outgoing.log.set(&record);
                self.link.outstanding = self.link.outstanding.wrapping_add(1);
            }
        }
    }

    fn counted_interrupted(&self) -> u16 {
        let (mut at, mut count) = (0, 0_u16);
        while let Some(record) = self.outgoing.log.next(&mut at) {
            let counts = record.state == state::INTERRUPTED && record.has(flag::COUNTED);
            count = count.wrapping_add(u16::from(counts));
        }
        count
    }

    /// The session is lost: an interrupted stream may be sent as a new message, or its fate is not
    /// known.
    fn lose_stream(&mut self, mut record: Record, again: bool, tell: Tell<'_>) {
        if again {
            record.set_flag(flag::BEFORE, false);
            record.set_flag(flag::REPUBLISHED, true);
            self.outgoing.log.set(&record);
        } else {
            self.outgoing.end(&record, Fate::Unknown { received: false }, tell);
        }
    }
}

/// The server may have it from an earlier connection.
fn may_be_known(record: &Record) -> bool {
    record.has(flag::BEFORE | flag::REPUBLISHED)
}
