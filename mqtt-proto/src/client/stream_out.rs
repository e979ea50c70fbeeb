//! Streams on their way out: a PUBLISH whose payload is written piece by piece and never stored.
//!
//! From its first byte to its last nothing else enters the outbox: acknowledgements stay in their
//! rings, publishes in the store, PINGREQ is owed. What cannot be finished ends the connection.

use super::Client;
use super::error::{ConnectionError, OperationError};
use super::link::StreamOut;
use super::output::Step;
use super::publish::{Message, as_publish, check_publish_properties};
use crate::packet::{Delivery, Measure, Publish, QoS};
use crate::session::outgoing::State;
use crate::session::{Fate, NotSent, Tag};
use crate::time::Instant;
use crate::wire::{PacketId, SliceSink, copy};

impl Client<'_> {
    /// Opens a stream: a PUBLISH of a payload of `len` bytes, which follow by
    /// [`write_stream`](Self::write_stream). The payload in `head` is not looked at.
    ///
    /// One stream is open at a time, and everything accepted before it leaves before it. As long as
    /// that is not so, there is no room: ask again with the same mark, or
    /// [`cancel_open`](Self::cancel_open). The mark of a stream that was
    /// [interrupted](Fate::Interrupted) opens it again, under its packet identifier, from the start.
    ///
    /// An event with the mark tells its end, as for a message at its QoS.
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
        let (publish, measure) = self.judge_stream(head, len)?;
        let known = self.session.outgoing.find_stream(tag);
        let size = measure.packet_len().saturating_sub(len as usize);
        if size > self.outbox.limit() {
            return Err(OperationError::TooLarge { size, room: self.outbox.limit() });
        }
        if !self.may_open(known, head.qos, size) {
            return Err(OperationError::NoRoom);
        }
        let index = self.next_stream(known, head.qos, tag)?;
        if self.has_to_clear(index) {
            let (Step::Next | Step::Wait | Step::NoRoom) = self.clear_id(index);
            return Err(OperationError::NoRoom);
        }
        self.begin_stream(index, publish, measure, size);
        let left = len;
        if let Some(link) = &mut self.link {
            link.stream = Some(StreamOut { tag, index, left, stopped: false });
            link.timers.stream = Some(now);
        }
        if left == 0 {
            self.finish_stream(index);
        }
        Ok(())
    }

    /// Whether it was [interrupted](Fate::Interrupted), and may be opened again.
    #[must_use]
    pub fn is_interrupted(&self, tag: Tag) -> bool {
        let outgoing = &self.session.outgoing;
        let flight = outgoing.find_stream(tag).and_then(|index| outgoing.table.get(index));
        flight.is_some_and(|flight| flight.state.is_interrupted())
    }

    /// Judges a stream by the standard and by the server's limits.
    fn judge_stream<'p>(
        &self,
        head: &Message<'p>,
        len: u32,
    ) -> Result<(Publish<'p>, Measure), OperationError> {
        check_publish_properties(&head.properties)?;
        let publish = as_publish(head, Delivery::new(head.qos, PacketId::MIN));
        let measure = publish.measure(self.config.version, len as usize)?;
        let limits = self.limits().ok_or(OperationError::NotConnected)?;
        limits.check_publish(head.qos, head.retain, measure.packet_len())?;
        Ok((publish, measure))
    }

    /// Whether all that was accepted before it has left, the server takes one more, and there is
    /// room for its header.
    fn may_open(&self, known: Option<u16>, qos: QoS, size: usize) -> bool {
        let Some(link) = &self.link else { return false };
        let outgoing = &self.session.outgoing;
        let flight = known.and_then(|index| outgoing.table.get(index));
        let counted = flight.is_some_and(|flight| flight.counted);
        let idle = flight.is_none_or(|flight| {
            matches!(flight.state, State::Waiting | State::Interrupted | State::Ended { .. })
        });
        let next = counted || outgoing.cursor.is_none() || outgoing.cursor == known;
        let quota =
            qos == QoS::AtMostOnce || counted || link.outstanding < self.limits.receive_maximum;
        let room = known.is_some() || !outgoing.table.is_full();
        let free = link.stream.is_none() && self.outbox.has_publish_room(size, 0);
        idle && next && quota && room && free
    }

    /// The record of the stream, which the cursor stands at.
    fn next_stream(
        &mut self,
        known: Option<u16>,
        qos: QoS,
        tag: Tag,
    ) -> Result<u16, OperationError> {
        let outgoing = &mut self.session.outgoing;
        let Some(index) = known else {
            return outgoing.push_stream(tag, qos).ok_or(OperationError::NoRoom);
        };
        let waits =
            outgoing.table.get(index).is_some_and(|flight| matches!(flight.state, State::Waiting));
        if !waits {
            outgoing.resume_stream(index);
        }
        Ok(index)
    }

    fn has_to_clear(&self, index: u16) -> bool {
        let flight = self.session.outgoing.table.get(index);
        let new = flight.is_some_and(|flight| {
            flight.qos == QoS::ExactlyOnce && !flight.sent_before && !flight.counted
        });
        new && self.session.adopted
    }

    /// The header of that size goes into the outbox, which has room: with DUP if all of the packet was sent
    /// before [MQTT-3.3.1-1].
    fn begin_stream(&mut self, index: u16, publish: Publish<'_>, measure: Measure, size: usize) {
        let outgoing = &mut self.session.outgoing;
        let Some(id) = outgoing.table.id(index) else { return };
        if outgoing.cursor == Some(index) {
            outgoing.cursor = outgoing.table.next(index);
        }
        let Some(link) = &mut self.link else { return };
        let Some(flight) = outgoing.table.get_mut(index) else { return };
        let qos = flight.qos;
        let publish =
            Publish { dup: flight.sent_before, delivery: Delivery::new(qos, id), ..publish };
        let last = measure.packet_len().saturating_sub(1) as u64;
        flight.start = link.enqueued.saturating_add(last);
        flight.state = State::Streaming;
        if qos != QoS::AtMostOnce && !core::mem::replace(&mut flight.counted, true) {
            link.outstanding = link.outstanding.saturating_add(1);
        }
        if let Some(room) = self.outbox.append(size) {
            publish.put_head(measure, &mut SliceSink::new(room));
            link.count(size);
        }
    }

    /// Writes the next bytes of the stream: gives how many of them there was room for.
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
        let connected = self.is_connected();
        let link = self.link.as_mut().filter(|link| connected || link.ends_behind_stream());
        let Some(link) = link else { return Err(OperationError::NotConnected) };
        let stream = link.stream.as_mut().filter(|stream| stream.tag == tag && !stream.stopped);
        let Some(stream) = stream else { return Err(OperationError::NotConnected) };
        let (given, left) = (bytes.len(), stream.left);
        if given > left as usize {
            return Err(OperationError::PastEnd { given, left });
        }
        let taken = given.min(self.outbox.publish_room());
        let Some(room) = self.outbox.append(taken).filter(|_| taken != 0) else { return Ok(0) };
        copy(room, bytes);
        stream.left = left.saturating_sub(taken as u32); // At most `left`.
        let (index, ends) = (stream.index, stream.left == 0);
        link.count(taken);
        link.timers.stream = Some(now);
        if ends {
            self.finish_stream(index);
        }
        Ok(taken)
    }

    /// The last byte is in the outbox.
    fn finish_stream(&mut self, index: u16) {
        let Some(link) = &mut self.link else { return };
        (link.stream, link.timers.stream) = (None, None);
        let outgoing = &mut self.session.outgoing;
        let Some(flight) = outgoing.table.get_mut(index) else { return };
        if flight.qos == QoS::AtMostOnce {
            link.unwritten_qos0 = link.unwritten_qos0.saturating_add(1);
            outgoing.end(index, Fate::Left);
        } else {
            flight.state = State::Sent;
        }
    }

    /// What is not finished of the stream stops, and the connection with it: true then. Its owner
    /// may open it again.
    pub fn stop_stream(&mut self, tag: Tag) -> bool {
        let stream = self.link.as_ref().and_then(|link| link.stream);
        let stops = stream.is_some_and(|stream| stream.tag == tag && !stream.stopped);
        if stops {
            self.end_in_stream();
        }
        stops
    }

    /// The owner of the stream is gone. What is not finished [stops](Self::stop_stream): true then.
    /// What is finished goes on; it is not sent a second time.
    pub fn leave_stream(&mut self, tag: Tag) -> bool {
        let stops = self.stop_stream(tag);
        let Some(index) = self.session.outgoing.find_stream(tag) else { return stops };
        let Some(flight) = self.session.outgoing.table.get_mut(index) else { return stops };
        if matches!(flight.state, State::Sent | State::Released) {
            flight.tag = Tag::NOBODY;
        } else {
            self.free_place(index);
            self.session.outgoing.give_up(index, NotSent::Stopped);
        }
        stops
    }

    /// Nobody waits any more for that stream to open.
    pub fn cancel_open(&mut self, tag: Tag) {
        let outgoing = &self.session.outgoing;
        let flight = outgoing.find_stream(tag).and_then(|index| outgoing.table.get(index));
        let state = flight.map(|flight| flight.state);
        if matches!(state, Some(State::Waiting | State::Clearing)) {
            self.leave_stream(tag);
        }
    }

    /// The packet cannot be finished: nothing more is written.
    pub(super) fn end_in_stream(&mut self) -> ConnectionError {
        if let Some(link) = &mut self.link {
            link.timers.stream = None;
            if let Some(stream) = link.stream.as_mut().filter(|stream| !stream.stopped) {
                stream.stopped = true;
                self.session.outgoing.cut_stream(stream.index, NotSent::Stopped);
            }
        }
        self.fail(ConnectionError::StreamStopped)
    }
}
