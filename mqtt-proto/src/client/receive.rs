//! Messages from the server: aliases, quotas, and what has no room.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::Tell;
use super::incoming::{OWED, Overflow, flag, state};
use super::input::Input;
use super::timers::Timer;
use crate::log::Record;
use crate::packet::{PacketType, Received};
use crate::wire::{PacketId, copy};

impl Client<'_> {
    /// A whole PUBLISH came, `packet` with its fixed header. False if there is no room, and nobody
    /// awaits a reply: it has to wait where it is.
    #[inline]
    pub(super) fn on_publish(
        &mut self,
        received: &Received<'_>,
        packet: &[u8],
        input: Input<'_>,
        tell: Tell<'_>,
    ) -> Result<bool, ConnectionError> {
        if !self.is_connected() {
            return Err(Violation::Unexpected(PacketType::Publish).into());
        }
        let grows = self.learn_alias(received, packet)?;
        if self.is_known(received)? || self.preview(received, tell) {
            return Ok(true);
        }
        self.store(received, packet, grows, input, tell)
    }

    /// Stores the alias of a message, or looks for it [MQTT-3.3.2-11], before anything else is decided
    /// about it. Returns by how many bytes the packet grows with its topic.
    #[inline]
    pub(super) fn learn_alias(
        &mut self,
        received: &Received<'_>,
        packet: &[u8],
    ) -> Result<usize, ConnectionError> {
        let Some(alias) = received.alias else { return Ok(0) };
        let hook = self.alias_hook().ok_or(Violation::TopicAlias(alias))?;
        (hook.learn)(self, alias, received.topic, packet)
    }

    /// Whether a message came before and is dealt with: by its identifier.
    #[inline]
    pub(super) fn is_known(&mut self, received: &Received<'_>) -> Result<bool, ConnectionError> {
        received.id.map_or(Ok(false), |id| self.arrives_again(id, flags_of(received)))
    }

    /// A QoS 1 or 2 message, which may exceed our Receive Maximum. Whether its identifier is known;
    /// if not it is new, and counts.
    #[inline(never)] // QoS 0 has no use for it.
    fn arrives_again(&mut self, id: PacketId, flags: u8) -> Result<bool, ConnectionError> {
        let known = self.incoming.log.find(id.get());
        // Only what comes on this connection counts, and a DUP of it counts once.
        let counts = known.is_none_or(|record| !record.has(flag::LINK));
        let exceeds = counts && self.link.received >= self.link.receive_maximum;
        if exceeds && self.config.strict && self.v5() {
            return Err(Violation::ReceiveMaximum.into()); // [MQTT-3.3.4-9]
        }
        if let Some(mut record) = known {
            if (record.flags ^ flags) & flag::QOS == 0 {
                return Ok(self.join(record));
            }
            if record.has(flag::LINK) {
                return Err(Violation::PacketId(PacketType::Publish, id).into());
            }
            // No server resends at another QoS: it began a new session, and the CONNACK that said
            // so did not arrive. What is known of the identifier is of the old one.
            self.incoming.orphan(&mut record);
        }
        Ok(false)
    }

    /// A resend. After a reconnect it renews the duty to acknowledge; a DUP counts once. False if
    /// it is to be delivered again.
    fn join(&mut self, mut record: Record) -> bool {
        if record.state == state::FINISHED && !record.has(flag::LINK) {
            self.incoming.log.end_record(&record); // It was taken, and not acknowledged.
            return false;
        }
        if !record.has(flag::LINK) {
            if self.link.shed != 0 {
                self.shed(); // As all from the first one on.
                return true;
            }
            record.set_flag(flag::LINK, true);
            self.link.received = self.link.received.saturating_add(1);
            if record.at < self.link.last_at {
                self.move_before(&mut record);
            }
            self.link.last_at = record.at;
        }
        if record.state == state::RECORDED {
            // Taken before: PUBREC again, in its turn [MQTT-4.3.3-10] [MQTT-4.6.0-3].
            (record.state, record.extra) = (state::READY, 0);
        }
        self.incoming.log.set(&record);
        self.incoming.keeps_ready = true;
        if record.at < self.incoming.log.cursor(OWED) {
            self.incoming.log.set_cursor(OWED, record.at);
        }
        true
    }

    /// A message that is too large: it is acknowledged unseen [MQTT-4.5.0-2].
    pub(super) fn skip_message(&mut self, received: &Received<'_>) -> Result<(), ConnectionError> {
        self.counts.too_large = self.counts.too_large.wrapping_add(1);
        if !self.is_known(received)? {
            self.acknowledge_unseen(received);
        }
        Ok(())
    }

    /// A new message is acknowledged, in its turn, though nobody gets it.
    pub(super) fn acknowledge_unseen(&mut self, received: &Received<'_>) {
        let Some(id) = received.id else { return };
        let record = Record {
            id: id.get(),
            state: state::READY,
            flags: flags_of(received),
            who: self.incoming.take_serial(), // No token of another message names it.
            ..Record::default()
        };
        // It takes no place among those that are held.
        let may_store = self.link.shed == 0;
        while may_store && !self.incoming.log.has_empty_room() && self.give_way(true) {}
        let stored = if may_store { self.incoming.log.push(record) } else { None };
        match stored {
            Some(record) => {
                self.incoming.keeps_ready = true;
                self.note_counted(&record);
            }
            None => self.shed(),
        }
    }

    /// Messages that came on this connection before that one are moved before it: acknowledgements
    /// leave in the order in which the messages came on it [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    #[cold]
    #[inline(never)]
    fn move_before(&mut self, record: &mut Record) {
        let mut at = record.end();
        while let Some(behind) = self.incoming.log.at(at) {
            at = behind.end();
            if behind.has(flag::LINK) && behind.id != 0 {
                self.incoming.log.move_to(&behind, record.at);
                record.at = record.at.wrapping_add(behind.end().wrapping_sub(behind.at));
            }
        }
    }

    /// A QoS 1 or 2 message was stored, and counts.
    #[inline]
    pub(super) fn note_counted(&mut self, record: &Record) {
        self.link.received = self.link.received.saturating_add(1);
        self.link.last_at = record.at;
    }

    /// A message is left to the server.
    fn shed(&mut self) {
        self.link.shed = self.link.shed.wrapping_add(1);
        self.counts.shed = self.counts.shed.wrapping_add(1);
        self.check_overrun();
    }

    /// Keeps a message, its alias replaced by the topic. False if it has to wait.
    #[inline]
    fn store(
        &mut self,
        received: &Received<'_>,
        packet: &[u8],
        grows: usize,
        input: Input<'_>,
        tell: Tell<'_>,
    ) -> Result<bool, ConnectionError> {
        let shared = if grows == 0 { input.share(packet) } else { None };
        let len = packet.len().wrapping_add(grows);
        let (own, by_reference) = if shared.is_some() { (4, len) } else { (len, 0) };
        let owed = received.id.is_some();
        if let Some(over) = self.make_room(own, by_reference, owed)? {
            return Ok(over);
        }
        let mut record = Record {
            len: len as u32, // A packet is shorter than 2²⁸ bytes, and a topic than 2¹⁶.
            id: received.id.map_or(0, PacketId::get),
            state: state::HELD,
            flags: flags_of(received) | self.incoming.needs(),
            who: self.incoming.next_serial,
            extra: len.saturating_sub(received.payload.len()) as u32,
            ..Record::default()
        };
        let is_copied = shared.is_none();
        let fits = match shared {
            Some(shared) => {
                let added = self.incoming.log.add_shared(record, shared);
                record = added.unwrap_or(record);
                added.is_some()
            }
            None => self.incoming.log.append_in_room(&mut record),
        };
        if !fits {
            return self.without_room(own, owed);
        }
        if is_copied {
            self.put_packet(&record, 0, received, packet, grows);
        }
        self.incoming.note_stored(&record);
        self.counts.received = self.counts.received.wrapping_add(1);
        if owed {
            self.incoming.next_serial = self.incoming.next_serial.wrapping_add(1);
            self.note_counted(&record);
        }
        self.offer(&record, tell);
        Ok(true)
    }

    /// Writes a packet into a record from that place on, the topic of its alias put back.
    #[inline]
    pub(super) fn put_packet(
        &mut self,
        record: &Record,
        at: usize,
        received: &Received<'_>,
        packet: &[u8],
        grows: usize,
    ) {
        match (self.alias_hook(), received.alias) {
            (Some(hook), Some(alias)) if grows != 0 => (hook.put)(self, alias, packet, *record, at),
            _ => {
                let place = self.incoming.log.data_mut(record).get_mut(at..);
                copy(place.unwrap_or_default(), packet);
            }
        }
    }

    /// Makes room for one more message; `owed` if it has to be acknowledged. None if there is room;
    /// else whether the message is over with that, or has to wait.
    #[inline]
    pub(super) fn make_room(
        &mut self,
        len: usize,
        by_reference: usize,
        owed: bool,
    ) -> Result<Option<bool>, ConnectionError> {
        // From the first one that was left to the server on, all are, so that they come in order.
        if self.has_message_room(len, by_reference) && !(owed && self.link.shed != 0) {
            return Ok(None);
        }
        self.make_room_slowly(len, by_reference, owed)
    }

    #[inline]
    fn has_message_room(&self, len: usize, by_reference: usize) -> bool {
        (self.incoming.held as usize) < self.config.queue_len
            && self.incoming.log.has_room(len, by_reference)
    }

    #[cold]
    #[inline(never)]
    fn make_room_slowly(
        &mut self,
        len: usize,
        by_reference: usize,
        owed: bool,
    ) -> Result<Option<bool>, ConnectionError> {
        while (!owed || self.link.shed == 0) && self.give_way(owed) {
            if self.has_message_room(len, by_reference) {
                return Ok(None);
            }
        }
        self.without_room(len, owed).map(Some)
    }

    /// Something gives way to a message: the oldest QoS 0 message, or what is remembered. False if
    /// nothing does now: what is held makes room when it is taken.
    fn give_way(&mut self, owed: bool) -> bool {
        if (!self.waits_for_room() || self.awaits_reply()) && self.incoming.drop_oldest() {
            self.counts.discards = self.counts.discards.wrapping_add(1);
            return true;
        }
        if self.drop_claimed() {
            self.counts.discards = self.counts.discards.wrapping_add(1);
            return true;
        }
        owed && self.incoming.held == 0 && self.forget_recorded()
    }

    /// Whether somebody takes messages.
    fn has_takers(&self) -> bool {
        self.incoming.active != 0 || self.hooks.claims.has_any()
    }

    /// Whether somebody takes messages, or will, for whom QoS 0 messages wait.
    fn waits_for_room(&self) -> bool {
        let awaited = self.incoming.active != 0 || self.incoming.is_awaited;
        awaited && self.config.overflow == Overflow::Wait
    }

    /// The oldest identifier that was recorded gives way: its PUBREL may never come. What was taken
    /// and not acknowledged, and may come again, does so before.
    fn forget_recorded(&mut self) -> bool {
        let log = &mut self.incoming.log;
        let over = log.search(|record| record.state == state::FINISHED && !record.has(flag::LINK));
        if let Some(over) = over {
            log.end_record(&over);
            return true;
        }
        let Some(recorded) = log.search(|record| record.state == state::RECORDED) else {
            return false;
        };
        self.remove_incoming(&recorded);
        self.counts.forgotten = self.counts.forgotten.wrapping_add(1);
        true
    }

    /// A message for which there is no room waits where it is, unless a reply is awaited that may
    /// lie behind it. With the topic of its alias it may be larger than all the room.
    #[cold]
    #[inline(never)]
    pub(super) fn without_room(&mut self, len: usize, owed: bool) -> Result<bool, ConnectionError> {
        if len > self.incoming.log.largest() {
            return Err(ConnectionError::TooLarge { size: len });
        }
        let shedding = owed && self.link.shed != 0;
        // Nothing makes room if nothing is held that can be taken.
        let claims = self.hooks.claims.has_any() && self.config.overflow == Overflow::Wait;
        let takes = self.waits_for_room() || claims;
        let waits = takes && self.incoming.held != 0;
        if !self.awaits_reply() && !shedding && (waits || owed) {
            return Ok(false);
        }
        if owed {
            self.shed();
        } else {
            self.counts.discards = self.counts.discards.wrapping_add(1);
        }
        Ok(true)
    }

    /// Something was taken: reading may go on.
    #[inline]
    pub(super) fn note_room(&mut self) {
        self.link.is_full = false;
        if self.link.stream_in.is_some() {
            self.await_reader_anew();
        }
        if self.link.shed != 0 {
            self.check_overrun();
        }
    }

    /// A connection on which messages were left to the server ends as soon as there is room for
    /// them and nobody awaits a reply; with no consumer it stays.
    ///
    /// Acknowledgements leave in order, so a message that is not taken holds up those of all behind
    /// it: they would come again on every connection. Whoever has it is given time to take it.
    pub(super) fn check_overrun(&mut self) {
        self.end_reading_past(0);
        if !self.is_overrun() {
            return;
        }
        if self.link.acknowledges || self.link.received == 0 {
            self.end_soon(ConnectionError::Overrun);
        } else if !self.timers.is_armed(Timer::End) {
            let now = self.ms();
            self.timers.arm(Timer::End, now, self.config.response_time);
        }
    }

    /// Whether the connection may end for what was shed on it.
    fn is_overrun(&self) -> bool {
        let (held, half) = (self.incoming.held as usize, self.config.queue_len >> 1);
        let half_is_free = self.incoming.log.live() <= self.incoming.log.limit() >> 1;
        let room = held == 0 || held <= half && half_is_free;
        let reads = self.has_takers() && !self.awaits_reply();
        self.link.shed != 0 && room && reads && self.is_connected()
    }

    /// The connection has to end now, or what was taken on it has had its time.
    pub(super) fn handle_end(&mut self) -> Result<(), ConnectionError> {
        self.link.acknowledges = true;
        let overrun = self.is_overrun().then_some(ConnectionError::Overrun);
        self.link.end.take().or(overrun).map_or(Ok(()), Err)
    }

    /// The connection has to end for that reason: `handle_timeout` tells.
    pub(super) fn end_soon(&mut self, error: ConnectionError) {
        if self.link.end.is_none() {
            self.link.end = Some(error);
            let now = self.ms();
            self.timers.arm_at(Timer::End, now);
        }
    }
}

/// The QoS of its record, and that its acknowledgement is owed on this connection.
#[inline]
pub(super) fn flags_of(received: &Received<'_>) -> u8 {
    let owed = if received.id.is_some() { flag::LINK } else { 0 };
    (received.first >> 1) & flag::QOS | owed
}
