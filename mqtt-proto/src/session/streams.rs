//! Streams on their way out: publishes whose bytes are not stored. Nobody but their owner can send
//! them, a second time either, so they are never resent by themselves.

use super::outgoing::{Flight, Outgoing, State};
use super::resume::LostSession;
use crate::packet::QoS;
use crate::session::{Fate, NotSent, Tag};

impl Outgoing<'_> {
    /// The stream with that mark, unless it is over for its owner.
    pub(crate) fn find_stream(&self, tag: Tag) -> Option<u16> {
        (0..self.table.present()).find(|index| {
            let flight = self.table.get(*index);
            flight.is_some_and(|flight| flight.is_stream() && flight.tag == tag)
        })
    }

    /// Adds a stream behind all other publishes: it is the next one to leave.
    pub(crate) fn push_stream(&mut self, tag: Tag, qos: QoS) -> Option<u16> {
        let id = self.free_id()?;
        let flight = Flight { qos, tag, ..Flight::default() };
        let index = self.insert(id, flight)?;
        self.table.push_back(&mut self.waiting, index);
        self.cursor.get_or_insert(index);
        Some(index)
    }

    /// Its owner sends an interrupted stream again. One that has its place among the server's goes
    /// before those that may wait for that place.
    pub(crate) fn resume_stream(&mut self, index: u16) {
        self.unlink(index);
        let Some(flight) = self.table.get_mut(index) else { return };
        flight.state = State::Waiting;
        if flight.counted {
            self.table.push_front(&mut self.waiting, index);
        } else {
            self.table.push_back(&mut self.waiting, index);
            self.cursor.get_or_insert(index);
        }
    }

    /// Interrupted streams that take a place among the server's: it awaits them, not we it.
    pub(crate) fn counted_interrupted(&self) -> u16 {
        let flights = (0..self.table.present()).filter_map(|index| self.table.get(index));
        let interrupted = flights.filter(|flight| flight.state.is_interrupted() && flight.counted);
        u16::try_from(interrupted.count()).unwrap_or(u16::MAX)
    }

    /// The connection is over, of whose output `written` bytes were handed to the transport.
    pub(super) fn end_stream_connection(&mut self, index: u16, written: u64) {
        let Some(flight) = self.table.get_mut(index) else { return };
        match flight.state {
            State::Streaming => self.cut_stream(index, NotSent::Interrupted),
            State::Sent => {
                flight.sent_before |= flight.start < written;
                self.cut_stream(index, NotSent::Interrupted);
            }
            // Its owner waits to open it, and goes on waiting.
            State::Waiting | State::Clearing if flight.may_be_known() => {
                self.unlink(index);
                self.set_interrupted(index);
            }
            State::Waiting | State::Clearing => {
                self.remove(index);
            }
            _ => {}
        }
    }

    /// A stream cannot go on. Cut in two it does not count; but an earlier attempt may.
    pub(crate) fn cut_stream(&mut self, index: u16, why: NotSent) {
        let Some(flight) = self.table.get(index) else { return };
        match (flight.may_be_known(), flight.tag == Tag::NOBODY) {
            (false, _) => self.end(index, Fate::NeverSent(why)),
            (true, true) => self.end_and_retire(index, Fate::Unknown { received: false }),
            (true, false) => self.end(index, Fate::Interrupted),
        }
    }

    fn set_interrupted(&mut self, index: u16) {
        if let Some(flight) = self.table.get_mut(index) {
            flight.state = State::Interrupted;
            self.retired = self.retired.saturating_add(1);
        }
    }

    /// The session goes on: the server may hold interrupted QoS 2 messages, and counts them.
    pub(crate) fn count_interrupted(&mut self) -> u16 {
        let mut count: u16 = 0;
        for index in 0..self.table.present() {
            if let Some(flight) = self.table.get_mut(index)
                && flight.state.is_interrupted()
                && flight.qos == QoS::ExactlyOnce
                && flight.sent_before
            {
                flight.counted = true;
                count = count.saturating_add(1);
            }
        }
        count
    }

    /// The session is lost: an interrupted stream may be sent as a new message, or its fate is not
    /// known.
    pub(super) fn judge_lost_streams(&mut self, policy: LostSession) {
        for index in 0..self.table.present() {
            let Some(flight) = self.table.get_mut(index) else { continue };
            if !flight.state.is_interrupted() {
                continue;
            }
            let again = match flight.qos {
                QoS::ExactlyOnce => policy.republish_qos2,
                _ => policy.republish_qos1,
            };
            if again {
                // A new message, in a session in which the identifier is as good as any.
                (flight.sent_before, flight.republished) = (false, true);
            } else {
                self.end(index, Fate::Unknown { received: false });
            }
        }
    }

    /// The session is given up: nobody sends interrupted streams again.
    pub(super) fn give_up_streams(&mut self) {
        for index in 0..self.table.present() {
            let Some(flight) = self.table.get(index) else { continue };
            if flight.state.is_interrupted() {
                self.give_up_stream(index);
            }
        }
    }

    /// Nobody sends that interrupted stream again. Its identifier is free if the server cannot
    /// have it in this session.
    pub(super) fn give_up_stream(&mut self, index: u16) {
        let sent = self.table.get(index).is_some_and(|flight| flight.sent_before);
        let fate = Fate::Unknown { received: false };
        if sent { self.end_and_retire(index, fate) } else { self.end(index, fate) }
    }
}

impl Flight {
    /// A publish whose bytes are not stored, or not any more, as PUBREC came.
    pub(crate) fn is_stream(&self) -> bool {
        let lives = match self.state {
            State::Waiting | State::Streaming | State::Sent | State::Clearing => true,
            State::Released => true,
            state => state.is_interrupted(),
        };
        lives && self.chain.is_empty()
    }

    /// The server may have it from an earlier connection.
    fn may_be_known(&self) -> bool {
        self.sent_before || self.republished
    }
}

impl State {
    pub(crate) fn is_interrupted(self) -> bool {
        matches!(self, Self::Interrupted | Self::Ended { fate: Fate::Interrupted, .. })
    }
}
