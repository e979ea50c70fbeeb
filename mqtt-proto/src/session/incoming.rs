//! QoS 1 and 2 messages on their way in, from PUBLISH until their last acknowledgement.
//!
//! A message is *held* from its arrival until the program has taken it. Only then is PUBACK or
//! PUBREC due. Acknowledgements leave in the order in which the messages came [MQTT-4.6.0-2]
//! [MQTT-4.6.0-3], so one that is ready waits for those before it: the list `owed` is that order.
//! At QoS 2 the identifier stays *recorded* until PUBREL, so that a resend is not delivered again.

use crate::reason::ReasonCode;
use crate::session::table::{List, Slot, Table};
use crate::storage::Storage;
use crate::wire::PacketId;

/// What is known of one packet identifier of the server's. Opaque: callers without a heap lend
/// room for it.
#[derive(Debug)]
pub struct Held {
    state: State,
    exactly_once: bool,
    /// The PUBLISH came on this connection: it is in `owed`, and takes one of our Receive Maximum.
    on_link: bool,
    reason: ReasonCode,
    generation: u32,
}

impl Held {
    /// Nothing known, to make arrays of.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Held,
            exactly_once: false,
            on_link: false,
            reason: ReasonCode::SUCCESS,
            generation: 0,
        }
    }

    /// No server resends at another QoS: it began a new session, and the CONNACK that said so did
    /// not arrive. What is known of the identifier is of the old one.
    fn is_foreign(&self, exactly_once: bool) -> bool {
        self.exactly_once != exactly_once && !self.on_link
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The program has not taken it.
    #[default]
    Held,
    /// The acknowledgement is ready to leave.
    Ready,
    /// PUBREC was sent, or would have been: PUBREL is awaited.
    Recorded,
}

/// Names a received QoS 1 or 2 message until it is acknowledged with `Client::acknowledge`.
///
/// A message is acknowledged once: with a copy of a token that was used nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckToken {
    index: u16,
    generation: u32,
    size: u32,
}

/// What the arrival of a PUBLISH means.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// A new message: deliver it.
    New(AckToken),
    /// The program holds it, or its acknowledgement is under way: nothing to do.
    Joined,
    /// QoS 2, taken before: PUBREC again [MQTT-4.3.3-10].
    Repeat,
    /// The identifier is in use at the other QoS.
    Clash,
    /// There is no room to remember it.
    Full,
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It will be sent, in its turn.
    Queued,
    /// The message came on an earlier connection: there is nobody to tell. The server sends it
    /// again, or has forgotten it with the session.
    Stale,
}

/// The messages on their way in.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    table: Table<'a, Held>,
    owed: List,
    next_generation: u32,
    /// Messages that the program has not taken.
    held: u16,
    held_bytes: usize,
    /// How many of them are of sessions that are lost: nothing more is known of them.
    orphans: u16,
    /// Messages counted against our Receive Maximum on this connection.
    on_link: u16,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(slots: Storage<'a, Slot<Held>>) -> Self {
        Self {
            table: Table::new(slots),
            owed: List::EMPTY,
            next_generation: 0,
            held: 0,
            held_bytes: 0,
            orphans: 0,
            on_link: 0,
        }
    }

    /// Messages that the program has not taken.
    pub(crate) fn held(&self) -> u16 {
        self.held
    }

    /// Bytes of the messages that the program has not taken.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Messages of this connection whose last acknowledgement has not left [MQTT-3.3.4-9].
    pub(crate) fn on_link(&self) -> u16 {
        self.on_link
    }

    /// Whether that PUBLISH, if it is known and so takes no further slot, came on this connection.
    pub(crate) fn known(&self, id: PacketId, exactly_once: bool) -> Option<bool> {
        let held = self.table.get(self.table.find(id)?)?;
        (!held.is_foreign(exactly_once)).then_some(held.on_link)
    }

    /// A PUBLISH came.
    pub(crate) fn arrive(&mut self, id: PacketId, exactly_once: bool, size: usize) -> Arrival {
        let known = self.table.find(id);
        if let Some(index) = known
            && self.table.get(index).is_some_and(|held| held.is_foreign(exactly_once))
        {
            let held = self.table.remove(index).is_some_and(|held| held.state == State::Held);
            self.orphans = self.orphans.saturating_add(u16::from(held));
            return self.arrive_new(id, exactly_once, size);
        }
        match known {
            Some(index) => self.arrive_again(index, exactly_once),
            None => self.arrive_new(id, exactly_once, size),
        }
    }

    #[inline]
    fn arrive_new(&mut self, id: PacketId, exactly_once: bool, size: usize) -> Arrival {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let held = Held { exactly_once, on_link: true, generation, ..Held::default() };
        let Some(index) = self.table.insert(id, held) else { return Arrival::Full };
        self.table.push_back(&mut self.owed, index);
        self.on_link = self.on_link.saturating_add(1);
        self.held = self.held.saturating_add(1);
        self.held_bytes = self.held_bytes.saturating_add(size);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Arrival::New(AckToken { index, generation, size })
    }

    /// A resend. After a reconnect it renews the duty to acknowledge; a DUP counts once.
    fn arrive_again(&mut self, index: u16, exactly_once: bool) -> Arrival {
        let Some(held) = self.table.get_mut(index) else { return Arrival::Full };
        if held.exactly_once != exactly_once {
            return Arrival::Clash;
        }
        let renewed = !core::mem::replace(&mut held.on_link, true);
        let recorded = held.state == State::Recorded;
        self.on_link = self.on_link.saturating_add(u16::from(renewed));
        if renewed && !recorded {
            self.table.push_back(&mut self.owed, index);
        }
        if recorded { Arrival::Repeat } else { Arrival::Joined }
    }

    /// The program has taken the message.
    pub(crate) fn acknowledge(&mut self, token: AckToken, reason: ReasonCode) -> Acknowledged {
        let AckToken { index, generation, size } = token;
        let known = self.table.get_mut(index).filter(|held| held.generation == generation);
        match &known {
            Some(held) if held.state == State::Held => {}
            None if self.orphans != 0 => self.orphans = self.orphans.saturating_sub(1),
            _ => return Acknowledged::Stale, // The token was used before.
        }
        self.held = self.held.saturating_sub(1);
        self.held_bytes = self.held_bytes.saturating_sub(size as usize);
        let Some(held) = known else { return Acknowledged::Stale };
        held.reason = reason;
        held.state = State::Ready;
        let (on_link, record) = (held.on_link, held.exactly_once);
        if on_link {
            return Acknowledged::Queued;
        }
        // Its connection is gone. QoS 2 is remembered as delivered, or it would be delivered again.
        if record && !reason.is_error() {
            self.record(index);
        } else {
            self.table.remove(index);
        }
        Acknowledged::Stale
    }

    /// The program has not taken the message, and never will: it has not come.
    pub(crate) fn forget(&mut self, token: AckToken) {
        let AckToken { index, generation, .. } = token;
        let known = self.table.get(index).filter(|held| held.generation == generation);
        let on_link = known.is_some_and(|held| held.on_link);
        let held = known.is_some_and(|held| held.state == State::Held);
        if self.acknowledge(token, ReasonCode::SUCCESS) == Acknowledged::Stale && !held {
            return; // It was of a lost session, or is over.
        }
        if on_link {
            self.table.unlink(&mut self.owed, index);
        }
        self.remove(index);
    }

    fn record(&mut self, index: u16) {
        if let Some(held) = self.table.get_mut(index) {
            held.state = State::Recorded;
        }
    }

    /// A message that is acknowledged unseen: it was too large to be taken.
    pub(crate) fn arrive_skipped(&mut self, id: PacketId, exactly_once: bool) -> Arrival {
        match self.arrive(id, exactly_once, 0) {
            Arrival::New(token) => {
                self.acknowledge(token, ReasonCode::SUCCESS);
                Arrival::Joined
            }
            arrival => arrival,
        }
    }

    /// The next PUBACK (false) or PUBREC (true) in order of arrival, if it is ready.
    #[inline]
    pub(crate) fn next_ready(&self) -> Option<(PacketId, bool, ReasonCode)> {
        let index = self.owed.head()?;
        let held = self.table.get(index)?;
        let id = self.table.id(index)?;
        (held.state == State::Ready).then_some((id, held.exactly_once, held.reason))
    }

    /// The acknowledgement that [`next_ready`](Self::next_ready) gave has been put into the outbox.
    #[inline]
    pub(crate) fn pop_ready(&mut self) {
        let Some(index) = self.owed.head() else { return };
        self.table.unlink(&mut self.owed, index);
        let recorded =
            self.table.get(index).is_some_and(|h| h.exactly_once && !h.reason.is_error());
        if recorded {
            self.record(index);
        } else {
            self.remove(index); // [MQTT-4.3.2-5] [MQTT-4.3.3-9]
        }
    }

    fn remove(&mut self, index: u16) {
        if self.table.remove(index).is_some_and(|held| held.on_link) {
            self.on_link = self.on_link.saturating_sub(1);
        }
    }

    /// PUBREL came: whether its identifier was recorded.
    pub(crate) fn release(&mut self, id: PacketId) -> bool {
        let index = self.table.find(id).filter(|index| {
            self.table.get(*index).is_some_and(|held| held.state == State::Recorded)
        });
        if let Some(index) = index {
            self.remove(index);
        }
        index.is_some()
    }

    /// The connection is over, and with it every duty to acknowledge.
    pub(crate) fn end_connection(&mut self) {
        while let Some(index) = self.owed.head() {
            self.table.unlink(&mut self.owed, index);
            let Some(held) = self.table.get(index) else { continue };
            match (held.state, held.exactly_once && !held.reason.is_error()) {
                (State::Ready, true) => self.record(index),
                (State::Ready, false) => self.remove(index),
                _ => {}
            }
        }
        self.on_link = 0;
        for index in 0..self.table.present() {
            if let Some(held) = self.table.get_mut(index) {
                held.on_link = false;
            }
        }
    }

    /// The server has no session: its identifiers mean nothing any more.
    ///
    /// Messages that the program still holds are its own: they keep their slots, but their tokens
    /// are stale from here on.
    pub(crate) fn lose_session(&mut self) {
        for index in 0..self.table.present() {
            self.table.remove(index);
        }
        (self.on_link, self.orphans) = (0, self.held);
        self.owed = List::EMPTY;
    }

    /// Gives heap memory back if there is nothing to remember.
    pub(crate) fn release_memory(&mut self) {
        self.table.release();
    }
}
