//! What goes out: in which order what is owed is put into the outbox, and how it leaves.

use super::Client;
use super::error::ConnectionError;
use super::event::{Fate, NotSent, Tell};
use super::expiry;
use super::incoming::{self, OWED};
use super::link::{Link, Phase, Ping};
use super::outgoing::{NEXT, Outgoing, RELEASES, flag, qos, state};
use super::timers::Timer;
use crate::log::Record;
use crate::outbox::Outbox;
use crate::packet::{DUP, PacketType, QoS};
use crate::reason::ReasonCode;
use crate::time::Instant;
use crate::wire::copy;

/// Bytes of the longest acknowledgement without properties.
pub(super) const LONGEST_ACK: usize = 5;

/// The cursor behind the last record that was handed to the transport whole.
pub(super) const WRITTEN: usize = 2;

/// What came of putting a record into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Done with this one.
    Next,
    /// The server has to answer first, or the owner of a stream has to come.
    Wait,
    /// The outbox has to be written first.
    NoRoom,
}

impl<'a> Client<'a> {
    /// Swaps `out`, which has to be empty, for what is due to be written. False if nothing is.
    ///
    /// Everything that is ready is there: it wants one write. Tell
    /// [`handle_transmitted`](Self::handle_transmitted) what the transport took of it.
    #[must_use]
    pub fn poll_transmit(&mut self, out: &mut Outbox<'a>, now: Instant, tell: Tell<'_>) -> bool {
        self.note_time(now);
        if self.link.phase == Phase::Down || !out.is_empty() {
            return false;
        }
        self.fill(tell);
        if self.link.shed != 0 {
            self.check_overrun(); // Whoever waited for a reply may have gone without one.
        }
        if self.outbox.is_empty() {
            return false;
        }
        core::mem::swap(&mut self.outbox, out);
        let now = self.ms();
        self.link.last_write = now;
        self.timers.arm(Timer::Write, now, self.config.write_timeout);
        let awaits = self.is_connected() && self.awaits_acknowledgement();
        if awaits && !self.timers.is_armed(Timer::Acknowledge) {
            self.link.progress_since = false;
            self.timers.arm(Timer::Acknowledge, now, self.config.response_time);
        }
        true
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) may have something: cheap, and never wrongly
    /// false.
    #[must_use]
    pub fn wants_transmit(&mut self) -> bool {
        if !self.outbox.is_empty() {
            return true;
        }
        if self.link.stream_out.is_some() || self.link.phase == Phase::Down {
            return false;
        }
        self.link.goodbye.is_some()
            || self.link.ping == Ping::Owed
            || self.outgoing.releases != 0
            || (self.is_connected() && self.outgoing.log.at_cursor(NEXT).is_some())
            || self.incoming.next_ready().is_some()
    }

    /// The transport took `n` bytes.
    pub fn handle_transmitted(&mut self, n: usize, now: Instant) {
        self.note_time(now);
        if n == 0 || self.link.phase == Phase::Down {
            return;
        }
        let now = self.ms();
        let link = &mut self.link;
        link.written = link.written.wrapping_add(n as u32);
        link.has_written = true;
        if let Ping::Queued(end) = link.ping
            && !link.has_still_to_write(end)
        {
            link.ping = Ping::Sent { heard: false };
            let answered = link.is_connected(); // Nothing is read while it is closing.
            self.timers.arm(Timer::Pong, now, if answered { self.config.ping_timeout } else { 0 });
        }
        if link.last_write != now {
            link.last_received = now; // It had to wait, and went on: the server takes what is sent.
        }
        (link.last_sent, link.last_write) = (now, now);
        let all = self.outbox.is_empty() && link.written == link.enqueued;
        // A stream that is begun lies before the cursor, and is not there whole.
        if all && link.stream_out.is_none() {
            link.unwritten_qos0 = 0;
            self.outgoing.log.set_cursor(WRITTEN, self.outgoing.log.cursor(NEXT));
        }
        let more = link.written != link.enqueued;
        let waits = link.stream_out.is_some_and(|stream| !stream.stopped);
        self.timers.arm(Timer::Write, now, if more { self.config.write_timeout } else { 0 });
        if waits {
            self.timers.arm(
                Timer::StreamOut,
                now,
                if more { 0 } else { self.config.write_timeout },
            );
        }
    }

    /// Puts what is owed into the outbox, in the order in which it matters.
    fn fill(&mut self, tell: Tell<'_>) {
        if self.link.stream_out.is_some() {
            return; // Its packet has to end first.
        }
        match (self.link.phase, self.link.goodbye) {
            (Phase::Connected, _) => {
                self.fill_all(tell);
            }
            (Phase::Closing, Some(goodbye)) if !goodbye.flush || self.fill_all(tell) => {
                self.fill_goodbye(goodbye);
            }
            _ => {}
        }
    }

    /// False if the outbox had no room for all that may leave.
    fn fill_all(&mut self, tell: Tell<'_>) -> bool {
        self.fill_ping()
            && self.fill_acknowledgements()
            && self.fill_releases()
            && self.fill_publishes(tell)
    }

    fn fill_ping(&mut self) -> bool {
        if self.link.ping != Ping::Owed {
            return true;
        }
        if !self.put(&[PacketType::PingReq.first_byte(), 0]) {
            return false;
        }
        self.link.ping = Ping::Queued(self.link.enqueued);
        true
    }

    /// PUBACK and PUBREC, in the order in which the messages came [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    pub(super) fn fill_acknowledgements(&mut self) -> bool {
        if !self.incoming.keeps_ready {
            return true;
        }
        while let Some(record) = self.incoming.next_ready() {
            if !self.put_acknowledgement(record) {
                return false;
            }
        }
        self.incoming.keeps_ready = self.incoming.next_owed().is_some();
        true
    }

    /// The same for the first one. False if there is no room.
    #[inline]
    pub(super) fn put_acknowledgement(&mut self, record: Record) -> bool {
        let kind = if record.has(incoming::flag::EXACTLY_ONCE) {
            PacketType::PubRec
        } else {
            PacketType::PubAck
        };
        let reason = ReasonCode::from_u8(record.extra as u8);
        let fits = self.put_ack(kind, record.id, reason);
        if fits {
            self.incoming.log.set_cursor(OWED, record.end());
            self.link.acknowledges = true;
            self.acknowledged(record);
        }
        fits
    }

    /// PUBREL, in the order in which the PUBRECs came [MQTT-4.6.0-4]: it never waits for the
    /// server's quota.
    pub(super) fn fill_releases(&mut self) -> bool {
        while self.outgoing.releases != 0 {
            let Some(mut record) = self.outgoing.log.at_cursor(RELEASES) else {
                self.outgoing.releases = 0;
                break;
            };
            if record.state == state::RELEASE {
                if !self.put_ack(PacketType::PubRel, record.id, ReasonCode::SUCCESS) {
                    return false;
                }
                record.state = state::RELEASED;
                self.outgoing.log.set(&record);
                self.outgoing.releases = self.outgoing.releases.saturating_sub(1);
            }
            self.outgoing.log.set_cursor(RELEASES, record.end());
        }
        true
    }

    /// PUBLISH, resends first, while the server takes more.
    fn fill_publishes(&mut self, tell: Tell<'_>) -> bool {
        while let Some(mut record) = self.outgoing.next_waiting() {
            if self.has_expired(&record) {
                self.end_waiting(&record, NotSent::Expired, tell);
                continue;
            }
            match self.fill_publish(&mut record) {
                Step::Next if qos(&record) == QoS::AtMostOnce => {
                    self.outgoing.end(&record, Fate::Left, tell);
                }
                Step::Next => {}
                Step::Wait => return true,
                Step::NoRoom => return false,
            }
        }
        true
    }

    /// Puts a stored PUBLISH into the outbox, if it may leave.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(super) fn fill_publish(&mut self, record: &mut Record) -> Step {
        let qos = qos(record);
        if self.link.stream_out.is_some() {
            return Step::Wait;
        }
        if qos != QoS::AtMostOnce {
            if self.link.outstanding >= self.limits.receive_maximum {
                return Step::Wait;
            }
            if qos == QoS::ExactlyOnce
                && !record.has(flag::BEFORE)
                && !self.cleared.is_clear(record.id)
            {
                return self.clear_from(record.id);
            }
        }
        let start = self.link.enqueued;
        if !self.copy_publish(record) {
            return Step::NoRoom;
        }
        self.outgoing.log.set_cursor(NEXT, record.end());
        if qos == QoS::AtMostOnce {
            self.link.unwritten_qos0 = self.link.unwritten_qos0.wrapping_add(1);
            return Step::Next;
        }
        self.link.outstanding = self.link.outstanding.wrapping_add(1);
        (record.state, record.extra) = (state::SENT, start);
        record.set_flag(flag::COUNTED, true);
        self.outgoing.log.set(record);
        Step::Next
    }

    /// Copies a stored PUBLISH into the outbox, with DUP if it is a resend [MQTT-3.3.1-1]. False if
    /// there is no room.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    fn copy_publish(&mut self, record: &Record) -> bool {
        // A resend is complete in itself.
        let aliases = self.config.aliases_out.filter(|_| self.limits.topic_alias_maximum != 0);
        if let Some(aliases) = aliases.filter(|_| !record.has(flag::BEFORE)) {
            return aliases.copy_publish(self, record);
        }
        if record.is_shared() {
            return self.copy_shared(record);
        }
        let packet = self.outgoing.packet(record);
        let len = packet.len();
        let Some(room) = self.outbox.append_publish(len, 0) else { return false };
        copy(room, packet);
        self.finish_copy(record, len);
        self.link.count(len);
        true
    }

    /// The same for one with a payload that is held by reference.
    #[cold]
    #[inline(never)]
    fn copy_shared(&mut self, record: &Record) -> bool {
        let packet = self.outgoing.packet(record);
        let (len, by_reference) = (packet.len(), self.outgoing.log.shared_len(record));
        let Some(room) = self.outbox.append_publish(len, by_reference) else { return false };
        copy(room, packet);
        if let Some(shared) = self.outgoing.log.shared(record) {
            self.outbox.append_shared(shared);
        }
        self.finish_copy(record, len);
        self.link.count(len.wrapping_add(by_reference));
        true
    }

    /// Marks the PUBLISH of `len` bytes at the end of the outbox with what has changed since it was
    /// stored.
    #[inline]
    pub(super) fn finish_copy(&mut self, record: &Record, len: usize) {
        if record.has(flag::BEFORE) {
            if let Some(first) = self.outbox.last(len).first_mut() {
                *first |= DUP;
            }
        } else if record.has(flag::EXPIRES)
            && let Some(expiry) = self.config.expiry
        {
            (expiry.set_left)(self, record, len);
        }
    }

    /// Writes an acknowledgement in its shortest form. False if there is no room.
    #[inline]
    pub(super) fn put_ack(&mut self, kind: PacketType, id: u16, reason: ReasonCode) -> bool {
        let [high, low] = id.to_be_bytes();
        let first = kind.first_byte();
        if reason == ReasonCode::SUCCESS || !self.v5() {
            self.put(&[first, 2, high, low])
        } else {
            self.put(&[first, 3, high, low, reason.as_u8()])
        }
    }

    /// Puts a short control packet into the outbox. False if there is no room, or if the server
    /// would not take it: that ends the connection [MQTT-3.2.2-15].
    #[inline]
    fn put(&mut self, packet: &[u8]) -> bool {
        if self.link.stream_out.is_some() {
            return false;
        }
        if packet.len() > self.limits.maximum_packet_size as usize {
            self.end_soon(ConnectionError::ServerMaximum { size: packet.len() });
            return false;
        }
        let Some(room) = self.outbox.append(packet.len()) else { return false };
        copy(room, packet);
        self.link.count(packet.len());
        true
    }

    /// Whether a reply of any kind may be put into the outbox now.
    pub(super) fn has_reply_room(&self) -> bool {
        self.link.stream_out.is_none() && self.outbox.has_room(LONGEST_ACK)
    }

    /// A message that waits will not be sent: its place among the server's is free.
    pub(super) fn end_waiting(&mut self, record: &Record, why: NotSent, tell: Tell<'_>) {
        if record.has(flag::COUNTED) {
            self.link.outstanding = self.link.outstanding.saturating_sub(1);
        }
        self.outgoing.end(record, Fate::NeverSent(why), tell);
    }
}

impl Outgoing<'_> {
    /// The first record that has to be put into the outbox.
    #[inline]
    pub(super) fn next_waiting(&mut self) -> Option<Record> {
        loop {
            let record = self.log.at_cursor(NEXT)?;
            if record.state == state::WAITING {
                return Some(record);
            }
            self.log.set_cursor(NEXT, record.end());
        }
    }

    /// Whether the transport has taken the byte of the record at that position of the output.
    pub(super) fn is_written(&self, record: &Record, position: u32, link: &Link) -> bool {
        record.at < self.log.cursor(WRITTEN) || link.is_written(position)
    }

    /// The PUBLISH of a record, up to and including a payload that is not held by reference.
    #[inline]
    pub(super) fn packet(&self, record: &Record) -> &[u8] {
        let prefix = if record.has(flag::EXPIRES) { expiry::PREFIX } else { 0 };
        self.log.data(record).get(prefix..).unwrap_or_default()
    }
}
