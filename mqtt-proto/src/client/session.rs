//! What becomes of the session: when a connection ends, when the next one resumes it, and when it
//! is lost (4.1, 4.4).

use super::Client;
use super::alias::Aliases;
use super::cleared::Cleared;
use super::error::ConnectionError;
use super::event::{Fate, NotSent, Tag, Tell};
use super::incoming::{self, OWED};
use super::link::{Link, Phase};
use super::outgoing::{NEXT, RELEASES, flag, qos, state};
use super::timers::Timer;
use super::transmit::WRITTEN;
use crate::frame::FixedHeader;
use crate::log::Record;
use crate::packet::QoS;
use crate::wire::{PacketId, copy};

/// What the end of a connection left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// QoS 0 messages that were accepted, but may not have left: none of their fates is known.
    pub qos0: u32,
    /// Messages that were left to the server: it sends them again if the session was kept.
    pub shed: u32,
    /// Three connections in a row ended with this PUBLISH unacknowledged and no progress: it may
    /// be what breaks them. [`Client::give_up`] ends it.
    pub poison: Option<PacketId>,
}

/// The oldest unacknowledged PUBLISH, and the connections in a row that ended with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Poison {
    id: u16,
    times: u8,
}

/// Connections in a row without progress after which the oldest PUBLISH is suspect.
const POISON: u8 = 3;

impl Client<'_> {
    /// The connection is gone. Everything that belongs to it is dropped; the session stays.
    pub fn handle_connection_lost(&mut self, tell: Tell<'_>) -> Lost {
        if self.link.phase == Phase::Down {
            return Lost::default();
        }
        self.link.phase = Phase::Down;
        let poison = self.suspect();
        let link = &self.link;
        // A Clean Start without an answer may have ended the session: it is not known any more.
        let ended = match link.accepted {
            Some(accepted) => accepted && link.session_ends,
            None => link.clean_start && link.has_written,
        };
        self.exists &= !ended;
        self.begun |= link.accepted.is_none() && link.has_written;
        self.cleared.end_connection();
        self.timers.end_connection();
        self.clear_outbox();
        self.aliases.as_mut_slice().iter_mut().for_each(Aliases::clear);
        self.end_outgoing(tell);
        self.end_incoming(tell);
        let link = &self.link;
        let qos0 = if link.written == link.enqueued { 0 } else { link.unwritten_qos0 };
        let lost = Lost { qos0, shed: link.shed, poison };
        self.link = Link::default();
        lost
    }

    /// Remembers what was sent, ends requests, and puts the cursors back.
    fn end_outgoing(&mut self, tell: Tell<'_>) {
        let mut at = 0;
        while let Some(mut record) = self.outgoing.log.next(&mut at) {
            let before = record;
            let sent = self.outgoing.is_written(&record, record.extra, &self.link);
            record.set_flag(flag::COUNTED, false);
            match record.state {
                // Past PUBREC it is as any other.
                state::STREAMING | state::SENT | state::INTERRUPTED if record.has(flag::STREAM) => {
                    if let Some(hook) = self.hooks.streams_out {
                        (hook.end_connection)(self, record, tell);
                    }
                    continue;
                }
                state::SENT if record.has(flag::RETIRED) => {
                    if qos(&record) == QoS::AtLeastOnce || !(sent || record.has(flag::BEFORE)) {
                        self.outgoing.remove(&before);
                        continue;
                    }
                    record.state = state::RELEASE; // It is cleared on the next connection.
                    record.set_flag(flag::BEFORE, true);
                }
                state::SENT => {
                    record.state = state::WAITING;
                    record.set_flag(flag::BEFORE, before.has(flag::BEFORE) || sent);
                    if record.has(flag::EXPIRES) && !record.has(flag::BEFORE) {
                        // Its time may have passed while it lay in the outbox.
                        let now = self.ms();
                        self.timers.arm_at(Timer::Expiry, now);
                    }
                }
                state::RELEASED => record.state = state::RELEASE,
                state::SUBSCRIBE | state::UNSUBSCRIBE => {
                    let fate = Fate::Unknown { received: false };
                    self.outgoing.end(&before, fate, tell);
                    continue;
                }
                _ => {}
            }
            self.outgoing.log.set(&record);
        }
        for cursor in [NEXT, RELEASES, WRITTEN] {
            self.outgoing.log.set_cursor(cursor, 0);
        }
        self.outgoing.releases = 0; // Counted when the next connection begins.
    }

    /// Every duty to acknowledge is over with the connection.
    fn end_incoming(&mut self, tell: Tell<'_>) {
        use incoming::{flag, state};
        if self.link.stream_in.is_some()
            && let Some(streams) = self.config.streams_in
        {
            (streams.hook.end_connection)(self, tell);
        }
        let mut at = 0;
        while let Some(mut record) = self.incoming.log.next(&mut at) {
            let on_link = record.has(flag::LINK);
            record.set_flag(flag::LINK, false);
            let recorded = record.has(flag::EXACTLY_ONCE) && record.extra < 0x80;
            match record.state {
                state::READY if recorded => record.state = state::RECORDED,
                // Taken, and not acknowledged: the server has until the end of the next connection
                // to send it again.
                state::READY => {
                    self.incoming.log.end_record(&record);
                    continue;
                }
                state::FINISHED if !on_link => {
                    self.incoming.log.end_record(&record);
                    continue;
                }
                _ => {}
            }
            self.incoming.log.set(&record);
        }
        self.incoming.log.set_cursor(OWED, 0);
    }

    /// Counts connections that end with the same PUBLISH unacknowledged and no progress. Those on
    /// which it was not sent tell nothing.
    fn suspect(&mut self) -> Option<PacketId> {
        let id = self.oldest_sent();
        let again = id.is_some_and(|id| id.get() == self.poison.id) && !self.link.progress;
        if id.is_some() || self.link.progress {
            let times = if again { self.poison.times.saturating_add(1) } else { 1 };
            self.poison = Poison { id: id.map_or(0, PacketId::get), times };
        }
        id.filter(|_| self.poison.times >= POISON)
    }

    /// The oldest unacknowledged PUBLISH, if any of its bytes was handed to this connection.
    fn oldest_sent(&self) -> Option<PacketId> {
        let record = self.outgoing.log.search(|record| match record.state {
            state::SENT => !record.has(flag::RETIRED),
            state => matches!(state, state::WAITING | state::STREAMING),
        })?;
        let sent = record.state == state::SENT
            && self.outgoing.is_written(&record, record.extra, &self.link);
        PacketId::new(record.id).filter(|_| sent)
    }

    /// Brings the session in line with the server's, and its messages with the server's limits.
    pub(super) fn begin_session(&mut self, present: bool, adopted: bool, tell: Tell<'_>) {
        if !present || adopted {
            // [MQTT-3.2.2-5]; and what is adopted is declared empty.
            self.lose_session(tell);
            self.cleared = Cleared::new(adopted);
        }
        let mut at = 0;
        while let Some(mut record) = self.outgoing.log.next(&mut at) {
            if record.state == state::RELEASE {
                record.set_flag(flag::COUNTED, true);
                self.outgoing.log.set(&record);
                self.outgoing.releases = self.outgoing.releases.wrapping_add(1);
                self.link.outstanding = self.link.outstanding.wrapping_add(1);
            } else if record.state == state::WAITING {
                self.judge_waiting(record, tell);
            }
        }
        if let Some(hook) = self.hooks.streams_out {
            (hook.begin_session)(self);
        }
        // In front of publishes that go straight into the outbox from here on.
        self.fill_releases();
    }

    /// Ends a waiting message that the server does not allow.
    fn judge_waiting(&mut self, mut record: Record, tell: Tell<'_>) {
        let packet = self.outgoing.packet(&record);
        let retain = packet.first().is_some_and(|first| first & 1 != 0);
        let size = packet.len().wrapping_add(self.outgoing.log.shared_len(&record));
        let Err(limit) = self.limits.check_publish(qos(&record), retain, size) else { return };
        if !record.has(flag::BEFORE) {
            self.outgoing.end(&record, Fate::NeverSent(NotSent::Forbidden(limit)), tell);
        } else if qos(&record) == QoS::ExactlyOnce {
            self.outgoing.retire(&mut record, Fate::Unknown { received: false }, tell);
            record.state = state::RELEASE;
            record.set_flag(flag::COUNTED, true);
            self.outgoing.log.set(&record);
            self.outgoing.releases = self.outgoing.releases.wrapping_add(1);
            self.link.outstanding = self.link.outstanding.wrapping_add(1);
        } else {
            self.outgoing.end(&record, Fate::Unknown { received: false }, tell);
        }
    }

    /// The server has no session: decides the fate of each message that it may have had.
    ///
    /// Those that were never sent stay as they are. Republished ones keep their place in front.
    fn lose_session(&mut self, tell: Tell<'_>) {
        let mut at = 0;
        while let Some(record) = self.outgoing.log.next(&mut at) {
            let again = match qos(&record) {
                QoS::AtLeastOnce => self.config.republish,
                QoS::ExactlyOnce => self.config.republish_exactly_once,
                QoS::AtMostOnce => true,
            };
            if record.state == state::RELEASE {
                let received = !record.has(flag::RETIRED);
                self.outgoing.end(&record, Fate::Unknown { received }, tell);
            } else if record.has(flag::STREAM) {
                if let Some(hook) = self.hooks.streams_out {
                    (hook.lose_session)(self, record, again, tell);
                }
            } else if record.has(flag::BEFORE) && again {
                self.republish(record);
            } else if record.has(flag::BEFORE) {
                self.outgoing.end(&record, Fate::Unknown { received: false }, tell);
            }
        }
        self.lose_incoming();
    }

    /// A republish is a new message: it gets a new identifier and no DUP.
    fn republish(&mut self, mut record: Record) {
        let id = self.outgoing.next_id();
        self.outgoing.log.renumber(&mut record, id);
        record.set_flag(flag::BEFORE, false);
        record.set_flag(flag::REPUBLISHED, true);
        self.outgoing.log.set(&record);
        let prefix = self.outgoing.log.data(&record).len();
        let prefix = prefix.saturating_sub(self.outgoing.packet(&record).len());
        let data = self.outgoing.log.data_mut(&record);
        set_id(data.get_mut(prefix..).unwrap_or_default(), id);
    }

    /// The server's identifiers mean nothing any more. Messages that the program still holds are its
    /// own, but nobody is told.
    fn lose_incoming(&mut self) {
        let mut at = 0;
        while let Some(mut record) = self.incoming.log.next(&mut at) {
            if qos(&record) != QoS::AtMostOnce {
                self.incoming.orphan(&mut record);
            }
        }
        self.link.received = 0;
    }

    /// Nobody waits for that operation any more: its mark may be used for another one. Returns
    /// whether it is a message of which nothing was handed to a transport so far.
    pub fn disown(&mut self, id: PacketId, tag: Tag) -> bool {
        self.hand_over(id, tag, Tag::NOBODY)
    }

    /// The same, and another mark takes its place.
    pub fn hand_over(&mut self, id: PacketId, tag: Tag, to: Tag) -> bool {
        let known = self.outgoing.log.find(id.get()).filter(|record| record.who == tag.0);
        let Some(mut record) = known else { return false };
        record.who = to.0;
        self.outgoing.log.set(&record);
        record.state == state::WAITING && !record.has(flag::BEFORE)
    }

    /// Ends the publish with that packet identifier: its fate is told. At QoS 1 the identifier is
    /// free again at its acknowledgement, or on the next connection; at QoS 2 it is cleared there.
    /// False if there is no such publish.
    pub fn give_up(&mut self, id: PacketId, tell: Tell<'_>) -> bool {
        let Some(record) = self.outgoing.log.find(id.get()) else { return false };
        self.give_up_record(record, NotSent::Disconnected, tell)
    }

    /// Ends every publish that has not been settled: nobody will connect again. Their fates are
    /// told.
    pub fn give_up_all(&mut self, tell: Tell<'_>) {
        if self.link.stream_out.is_some()
            && let Some(hook) = self.hooks.streams_out
        {
            let _: ConnectionError = (hook.stop)(self, tell);
        }
        let mut at = 0;
        while let Some(record) = self.outgoing.log.next(&mut at) {
            self.give_up_record(record, NotSent::Disconnected, tell);
        }
    }

    pub(super) fn give_up_record(
        &mut self,
        mut record: Record,
        why: NotSent,
        tell: Tell<'_>,
    ) -> bool {
        if record.has(flag::RETIRED) {
            return false;
        }
        let unknown = Fate::Unknown { received: false };
        match record.state {
            state::WAITING if !record.has(flag::BEFORE) => {
                self.end_waiting(&record, why, tell);
            }
            // It waits for its resend: the server may hold it from an earlier connection.
            state::WAITING if qos(&record) == QoS::AtLeastOnce => {
                self.outgoing.end(&record, unknown, tell);
            }
            state::WAITING => self.clear_retired(record, unknown, tell),
            state::SENT => {
                self.outgoing.retire(&mut record, unknown, tell);
                self.outgoing.log.set(&record);
            }
            state::RELEASE | state::RELEASED => {
                self.outgoing.retire(&mut record, Fate::Unknown { received: true }, tell);
                self.outgoing.log.set(&record);
            }
            state::INTERRUPTED => match self.hooks.streams_out {
                Some(hook) => (hook.give_up)(self, record, tell),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// A QoS 2 message that waited for its resend is over: its identifier is cleared by PUBREL and
    /// PUBCOMP, at once or on the next connection.
    pub(super) fn clear_retired(&mut self, mut record: Record, fate: Fate, tell: Tell<'_>) {
        self.outgoing.retire(&mut record, fate, tell);
        record.state = state::RELEASE;
        if self.is_connected() {
            if !record.has(flag::COUNTED) {
                record.set_flag(flag::COUNTED, true);
                self.link.outstanding = self.link.outstanding.wrapping_add(1);
            }
            self.outgoing.releases = self.outgoing.releases.wrapping_add(1);
            if record.at < self.outgoing.log.cursor(RELEASES) {
                self.outgoing.log.set_cursor(RELEASES, record.at);
            }
        }
        self.outgoing.log.set(&record);
    }
}

/// Puts another identifier into a PUBLISH at QoS 1 or 2.
fn set_id(packet: &mut [u8], id: u16) {
    let header = FixedHeader::read(packet).ok().flatten().map_or(0, |header| header.len);
    let topic = packet.get(header..).and_then(|body| body.first_chunk::<2>());
    let topic = topic.map_or(0, |len| usize::from(u16::from_be_bytes(*len)));
    let at = header.wrapping_add(2).wrapping_add(topic);
    copy(packet.get_mut(at..).unwrap_or_default(), &id.to_be_bytes());
}
