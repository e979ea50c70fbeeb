//! What goes out: in which order what is owed is put into the outbox, and how it leaves.

use super::Client;
use super::event::Event;
use super::link::{Goodbye, Phase, Ping, Reply};
use crate::outbox::Outbox;
use crate::packet::{Disconnect, PacketType, QoS, Version};
use crate::property::{Properties, Property};
use crate::reason::ReasonCode;
use crate::session::outgoing::State;
use crate::session::{Fate, NotSent};
use crate::time::Instant;
use crate::wire::{PacketId, Sink, copy};

/// Bytes of the longest acknowledgement without properties.
const LONGEST_ACK: usize = 5;

impl<'a> Client<'a> {
    /// Swaps `out`, which has to be empty, for what is due to be written. False if nothing is.
    ///
    /// Everything that is ready is there: it wants one write. Tell
    /// [`handle_transmitted`](Self::handle_transmitted) what the transport took of it.
    #[must_use]
    pub fn poll_transmit(&mut self, out: &mut Outbox<'a>, now: Instant) -> bool {
        if self.link.is_none() || !out.is_empty() {
            return false;
        }
        self.fill(now);
        if self.outbox.is_empty() {
            return false;
        }
        core::mem::swap(&mut self.outbox, out);
        let response_time = u64::from(self.config.response_time);
        let requests = self.session.outgoing.requests != 0;
        if let Some(link) = &mut self.link {
            link.timers.writing = Some(now);
            let waits = link.outstanding != 0 || requests;
            if waits && response_time != 0 && link.timers.acknowledge.is_none() {
                link.progress_since = false;
                link.timers.acknowledge = Some(now.after(response_time));
            }
        }
        true
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) may have something: cheap, and never wrongly
    /// false.
    #[must_use]
    pub fn wants_transmit(&self) -> bool {
        let Some(link) = &self.link else { return false };
        let outgoing = &self.session.outgoing;
        if link.stream.is_some() {
            return !self.outbox.is_empty();
        }
        !self.outbox.is_empty()
            || link.goodbye.is_some()
            || link.timers.ping == Ping::Owed
            || link.replies.front().is_some()
            || outgoing.release_cursor.is_some()
            || (link.is_connected() && outgoing.cursor.is_some())
            || self.session.incoming.next_ready().is_some()
    }

    /// The transport took `n` bytes.
    pub fn handle_transmitted(&mut self, n: usize, now: Instant) {
        let Some(link) = &mut self.link else { return };
        if n == 0 {
            return;
        }
        link.written = link.written.saturating_add(n as u64);
        if matches!(link.timers.ping, Ping::Queued(end) if end <= link.written) {
            link.timers.ping = Ping::Sent(now);
        }
        link.timers.last_sent = now;
        let all = self.outbox.is_empty() && link.written == link.enqueued;
        if all {
            link.unwritten_qos0 = 0;
            link.timers.stream = link.stream.filter(|stream| !stream.stopped).map(|_| now);
        }
        link.timers.writing = (link.written != link.enqueued && !all).then_some(now);
    }

    /// The next event that no input caused: fates of messages.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event<'static>> {
        let (tag, fate) = self.session.outgoing.pop_ended()?;
        self.check_overrun();
        Some(Event::Ended { tag, fate })
    }

    /// Puts what is owed into the outbox, in the order in which it matters.
    fn fill(&mut self, now: Instant) {
        let Some(link) = self.link.as_ref().filter(|link| link.stream.is_none()) else { return };
        match (link.phase, link.goodbye) {
            (Phase::Connected, _) => {
                self.fill_all(now);
            }
            (Phase::Closing, Some(goodbye)) if (!goodbye.flush || self.fill_all(now)) => {
                self.fill_goodbye(goodbye);
            }
            _ => {}
        }
    }

    /// False if the outbox had no room for all that may leave.
    fn fill_all(&mut self, now: Instant) -> bool {
        self.fill_ping()
            && self.fill_replies()
            && self.fill_acknowledgements()
            && self.fill_releases()
            && self.fill_publishes(now)
    }

    fn fill_ping(&mut self) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| link.timers.ping == Ping::Owed) else {
            return true;
        };
        if !self.outbox.has_room(2) {
            return false;
        }
        self.outbox.put(&[PacketType::PingReq.first_byte(), 0]);
        link.count(2);
        link.timers.ping = Ping::Queued(link.enqueued);
        true
    }

    pub(super) fn fill_replies(&mut self) -> bool {
        while let Some(reply) = self.link.as_ref().and_then(|link| link.replies.front()) {
            if !self.put_ack(reply) {
                return false;
            }
            if let Some(link) = &mut self.link {
                link.replies.pop();
            }
        }
        true
    }

    /// PUBACK and PUBREC, in the order in which the messages came.
    pub(super) fn fill_acknowledgements(&mut self) -> bool {
        while let Some((id, exactly_once, reason)) = self.session.incoming.next_ready() {
            let kind = if exactly_once { PacketType::PubRec } else { PacketType::PubAck };
            if !self.put_ack(Reply { kind, id, reason }) {
                return false;
            }
            self.session.incoming.pop_ready();
        }
        true
    }

    /// PUBREL, in the order in which the PUBRECs came: it never waits for the server's quota.
    fn fill_releases(&mut self) -> bool {
        while let Some(index) = self.session.outgoing.release_cursor {
            let Some(id) = self.session.outgoing.table.id(index) else { break };
            let reply = Reply { kind: PacketType::PubRel, id, reason: ReasonCode::SUCCESS };
            if !self.put_ack(reply) {
                return false;
            }
            self.session.outgoing.release_cursor = self.session.outgoing.table.next(index);
        }
        true
    }

    /// PUBLISH, resends first, while the server takes more.
    fn fill_publishes(&mut self, now: Instant) -> bool {
        while let Some(index) = self.session.outgoing.cursor {
            match self.fill_publish(index, now) {
                Step::Next => {}
                Step::Wait => return true,
                Step::NoRoom => return false,
            }
        }
        true
    }

    fn fill_publish(&mut self, index: u16, now: Instant) -> Step {
        let outgoing = &mut self.session.outgoing;
        let Some(link) = &mut self.link else { return Step::Wait };
        let Some(flight) = outgoing.table.get(index) else { return Step::Wait };
        let (qos, resend) = (flight.qos, flight.sent_before);
        if matches!(flight.state, State::Clearing) || flight.is_stream() {
            return Step::Wait;
        }
        if !resend && flight.expiry.is_some_and(|expiry| expiry.at <= now) {
            self.free_place(index);
            self.session.outgoing.end(index, Fate::NeverSent(NotSent::Expired));
            return Step::Next;
        }
        let counted = flight.counted;
        if qos != QoS::AtMostOnce && !counted && link.outstanding >= self.limits.receive_maximum {
            return Step::Wait;
        }
        if self.session.adopted && qos == QoS::ExactlyOnce && !resend && !counted {
            return self.clear_id(index);
        }
        if !self.copy_publish(index, now) {
            return Step::NoRoom;
        }
        self.advance_cursor(index, qos);
        Step::Next
    }

    /// Copies a stored PUBLISH into the outbox, with its identifier of now, and DUP if it is a
    /// resend [MQTT-3.3.1-1].
    fn copy_publish(&mut self, index: u16, now: Instant) -> bool {
        let outgoing = &mut self.session.outgoing;
        let Some(id) = outgoing.table.id(index) else { return false };
        let Some(flight) = outgoing.table.get(index) else { return false };
        let shared = flight.payload.clone();
        let shared_len = shared.as_ref().map_or(0, |payload| payload.as_slice().len());
        let len = flight.chain.len();
        if !self.outbox.has_publish_room(len, shared_len) {
            return false;
        }
        for piece in outgoing.read(flight) {
            self.outbox.put(piece);
        }
        let frame = self.outbox.last(len);
        if flight.qos != QoS::AtMostOnce {
            set_dup_and_id(frame, flight.sent_before, id);
        }
        if let Some(expiry) = flight.expiry.filter(|_| !flight.sent_before) {
            set_expiry(frame, expiry.offset, expiry.at.since(now));
        }
        if let Some(payload) = shared {
            self.outbox.append_shared(payload);
        }
        let Some(link) = &mut self.link else { return false };
        if let Some(flight) = outgoing.table.get_mut(index) {
            flight.start = link.enqueued;
        }
        link.count(len.saturating_add(shared_len));
        true
    }

    /// A PUBLISH is in the outbox: it takes one of the server's slots, or is over at QoS 0.
    fn advance_cursor(&mut self, index: u16, qos: QoS) {
        let outgoing = &mut self.session.outgoing;
        let Some(link) = &mut self.link else { return };
        outgoing.cursor = outgoing.table.next(index);
        if qos == QoS::AtMostOnce {
            link.unwritten_qos0 = link.unwritten_qos0.saturating_add(1);
            outgoing.end(index, Fate::Left);
        } else if let Some(flight) = outgoing.table.get_mut(index) {
            flight.state = State::Sent;
            link.outstanding = link.outstanding.saturating_add(u16::from(!flight.counted));
            flight.counted = true;
        }
    }

    /// In an adopted session the server may hold the identifier: it is cleared by PUBREL and
    /// PUBCOMP before a QoS 2 message uses it, or that might be taken for a duplicate.
    pub(super) fn clear_id(&mut self, index: u16) -> Step {
        let Some(id) = self.session.outgoing.table.id(index) else { return Step::Wait };
        let reply = Reply { kind: PacketType::PubRel, id, reason: ReasonCode::SUCCESS };
        if !self.put_ack(reply) {
            return Step::NoRoom;
        }
        if let Some(flight) = self.session.outgoing.table.get_mut(index) {
            flight.state = State::Clearing;
            flight.counted = true; // The place among the server's is its own from here on.
        }
        if let Some(link) = &mut self.link {
            link.outstanding = link.outstanding.saturating_add(1);
        }
        Step::Wait
    }

    /// PUBCOMP came for an identifier that was cleared: its PUBLISH may go.
    pub(super) fn cleared(&mut self, index: u16) {
        let Some(link) = &mut self.link else { return };
        link.note_progress();
        if let Some(flight) = self.session.outgoing.table.get_mut(index) {
            flight.state = State::Waiting;
        }
    }

    /// A message that waits will not be sent: the place is free that it took to clear its
    /// identifier.
    pub(super) fn free_place(&mut self, index: u16) {
        let flight = self.session.outgoing.table.get_mut(index);
        if let Some(flight) = flight.filter(|flight| matches!(flight.state, State::Waiting))
            && core::mem::take(&mut flight.counted)
            && let Some(link) = &mut self.link
        {
            link.outstanding = link.outstanding.saturating_sub(1);
        }
    }

    /// Writes an acknowledgement in its shortest form.
    #[inline]
    fn put_ack(&mut self, ack: Reply) -> bool {
        if !self.outbox.has_room(LONGEST_ACK) {
            return false;
        }
        let link = self.link.as_mut().filter(|link| link.stream.is_none());
        let Some(link) = link else { return false };
        let [high, low] = ack.id.get().to_be_bytes();
        let first = ack.kind.first_byte();
        let bare = self.config.version == Version::V311 || ack.reason == ReasonCode::SUCCESS;
        if bare {
            self.outbox.put(&[first, 2, high, low]);
            link.count(4);
        } else {
            self.outbox.put(&[first, 3, high, low, ack.reason.as_u8()]);
            link.count(5);
        }
        true
    }

    /// Appends DISCONNECT, the last packet [MQTT-3.14.4-1].
    fn fill_goodbye(&mut self, goodbye: Goodbye) {
        let expiry = goodbye.session_expiry.map(Property::SessionExpiryInterval);
        let properties = Properties::new(expiry.as_slice());
        let disconnect = Disconnect { reason: goodbye.reason, properties };
        let version = self.config.version;
        let encoded = self.encode(PacketType::Disconnect, &|out| disconnect.write(version, out));
        let Ok(len) = encoded else { return };
        if let Some(link) = &mut self.link {
            link.count(len);
            link.goodbye = None;
        }
    }
}

pub(super) enum Step {
    /// Done with this one.
    Next,
    /// The server has to answer first.
    Wait,
    /// The outbox has to be written first.
    NoRoom,
}

fn set_dup_and_id(frame: &mut [u8], dup: bool, id: PacketId) {
    let header = crate::frame::FixedHeader::read(frame).ok().flatten().map_or(0, |h| h.len);
    if let Some(first) = frame.first_mut().filter(|_| dup) {
        *first |= crate::packet::DUP;
    }
    let topic = frame.get(header..).and_then(|body| body.first_chunk());
    let topic = topic.map_or(0, |len| usize::from(u16::from_be_bytes(*len)));
    let at = header.saturating_add(2).saturating_add(topic);
    if let Some(place) = frame.get_mut(at..) {
        copy(place, &id.get().to_be_bytes());
    }
}

/// The interval has shrunk by the time that the message waited.
fn set_expiry(frame: &mut [u8], offset: usize, left: u64) {
    if let Some(place) = frame.get_mut(offset..offset.saturating_add(4)) {
        copy(place, &crate::time::seconds(left).to_be_bytes());
    }
}
