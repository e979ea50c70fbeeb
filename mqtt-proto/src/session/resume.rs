//! What becomes of messages on their way out when a connection or the session ends (4.1, 4.4).

use super::outgoing::{Outgoing, State};
use super::table::List;
use crate::packet::QoS;
use crate::session::{Fate, NotSent};

/// What happens to messages that were sent, but not acknowledged, when the session is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostSession {
    pub(crate) republish_qos1: bool,
    pub(crate) republish_qos2: bool,
}

impl Outgoing<'_> {
    /// The connection is over: remembers what was sent, ends requests, resets the cursors.
    /// `written` is how much of its output was handed to the transport.
    pub(crate) fn end_connection(&mut self, written: u64) {
        for index in 0..self.table.present() {
            let Some(flight) = self.table.get_mut(index) else { continue };
            flight.counted = false;
            if flight.is_stream() {
                self.end_stream_connection(index, written);
                continue;
            }
            match flight.state {
                State::Sent => {
                    // Sent = any byte was handed to the transport.
                    flight.sent_before |= flight.start < written;
                    flight.state = State::Waiting;
                }
                State::Clearing => flight.state = State::Waiting,
                State::Subscribe(_) | State::Unsubscribe(_) => {
                    self.end(index, Fate::Unknown { received: false });
                }
                _ => {}
            }
        }
        self.cursor = self.waiting.head();
        self.release_cursor = self.released.head();
    }

    /// The server has no session: decides the fate of each message that it may have had.
    ///
    /// Those that were never sent stay as they are. Republished ones take their place in front.
    pub(crate) fn lose_session(&mut self, policy: LostSession) {
        self.drop_retired();
        self.judge_lost_streams(policy);
        while let Some(index) = self.released.head() {
            self.end(index, Fate::Unknown { received: true });
        }
        let mut next = self.waiting.head();
        let mut kept = List::EMPTY;
        while let Some(index) = next {
            next = self.table.next(index);
            self.judge_lost(index, policy, &mut kept);
        }
        self.waiting = kept;
        self.cursor = kept.head();
        self.release_cursor = None;
    }

    fn judge_lost(&mut self, index: u16, policy: LostSession, kept: &mut List) {
        let Some(flight) = self.table.get(index) else { return };
        let again = match flight.qos {
            QoS::AtLeastOnce => policy.republish_qos1,
            QoS::ExactlyOnce => policy.republish_qos2,
            QoS::AtMostOnce => true,
        };
        let sent_before = flight.sent_before;
        self.table.unlink(&mut self.waiting, index);
        if !sent_before {
            self.table.push_back(kept, index);
        } else if let Some(index) = again.then(|| self.renumber(index)).flatten() {
            self.table.push_back(kept, index);
        } else if let Some(flight) = self.table.get_mut(index) {
            let fate = Fate::Unknown { received: false };
            flight.state = State::Ended { fate, retire: false };
            self.table.push_back(&mut self.ended, index);
            self.drop_message(index);
        }
    }

    /// A republish is a new message: it gets a new identifier and no DUP.
    fn renumber(&mut self, index: u16) -> Option<u16> {
        let id = self.free_id()?;
        let mut flight = self.table.remove(index)?;
        (flight.sent_before, flight.republished) = (false, true);
        self.insert(id, flight)
    }

    fn drop_retired(&mut self) {
        for index in 0..self.table.present() {
            if self.table.get(index).is_some_and(|flight| flight.state.is_retired()) {
                self.free_retired(index);
            }
        }
    }

    /// The server is done with a retired identifier: whether it had counted it.
    pub(crate) fn free_retired(&mut self, index: u16) -> bool {
        let Some(flight) = self.table.get_mut(index) else { return false };
        let counted = core::mem::take(&mut flight.counted);
        match &mut flight.state {
            State::Ended { retire, .. } => *retire = false,
            _ => {
                self.remove(index);
            }
        }
        counted
    }

    /// Ends all that is left, as the session is given up: nobody is left waiting.
    pub(crate) fn end_all(&mut self, reason: NotSent) {
        while let Some(index) = self.released.head() {
            self.end_and_retire(index, Fate::Unknown { received: true });
        }
        while let Some(index) = self.waiting.head() {
            self.give_up(index, reason);
        }
        self.give_up_streams();
    }

    /// Ends a publish that has not been settled. False if it is none.
    pub(crate) fn give_up(&mut self, index: u16, reason: NotSent) -> bool {
        let Some(flight) = self.table.get(index) else { return false };
        match flight.state {
            state if state.is_interrupted() => self.give_up_stream(index),
            State::Waiting if !flight.sent_before => self.end(index, Fate::NeverSent(reason)),
            State::Clearing => self.end_and_retire(index, Fate::NeverSent(reason)),
            State::Waiting | State::Sent => {
                self.end_and_retire(index, Fate::Unknown { received: false });
            }
            State::Released => self.end_and_retire(index, Fate::Unknown { received: true }),
            _ => return false,
        }
        true
    }
}
