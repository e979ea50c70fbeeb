//! Messages on their way to the server, and the requests that share their packet identifiers.
//!
//! A publish lives in one of two ordered lists until its last acknowledgement: `waiting`, in the
//! order in which it was accepted, until PUBACK or PUBREC; then, at QoS 2, `released`, in the order
//! of the PUBRECs, until PUBCOMP. Each list has a cursor: what stands before it has been put into
//! the outbox on this connection, what stands from it on has not. A new connection sets the cursors
//! to the front, and so resends in order [MQTT-4.6.0-1] [MQTT-4.6.0-4].

use crate::packet::QoS;
use crate::payload::Shared;
use crate::session::blocks::{Block, Blocks, Chain, ChainWriter};
use crate::session::table::{List, Slot, Table};
use crate::session::{Fate, Tag};
use crate::storage::Storage;
use crate::time::Instant;
use crate::wire::PacketId;

/// What is known of one packet identifier of ours. Opaque: callers without a heap lend room for it.
#[derive(Debug)]
pub struct Flight {
    pub(crate) state: State,
    pub(crate) qos: QoS,
    /// Any byte of the PUBLISH was handed to a transport, on an earlier connection.
    pub(crate) sent_before: bool,
    /// It was sent in a session that is lost: the server may have it, though not in this one.
    pub(crate) republished: bool,
    /// It takes one of the server's Receive Maximum.
    pub(crate) counted: bool,
    pub(crate) tag: Tag,
    /// The encoded PUBLISH, up to and including a payload that is not held by reference. Empty of a
    /// stream.
    pub(crate) chain: Chain,
    pub(crate) payload: Option<Shared>,
    /// Where in the connection's output the PUBLISH begins; where it ends, with its last byte, if it
    /// is a stream, which is sent only when it is sent whole.
    pub(crate) start: u64,
    pub(crate) expiry: Option<Expiry>,
}

impl Flight {
    /// Nothing known, to make arrays of.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Waiting,
            qos: QoS::AtMostOnce,
            sent_before: false,
            republished: false,
            counted: false,
            tag: Tag(0),
            chain: Chain::EMPTY,
            payload: None,
            start: 0,
            expiry: None,
        }
    }
}

impl Default for Flight {
    fn default() -> Self {
        Self::new()
    }
}

/// A message's end of life while it waits, and where in its PUBLISH the interval stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expiry {
    pub(crate) at: Instant,
    pub(crate) offset: usize,
}

/// What is owed for a packet identifier.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum State {
    /// The PUBLISH has to be put into the outbox.
    #[default]
    Waiting,
    /// A stream: its packet is begun, and more bytes of it have to come from its owner.
    Streaming,
    /// PUBACK or PUBREC is awaited.
    Sent,
    /// A stream that was sent whole on an earlier connection, and is not acknowledged. It is in no
    /// list: its owner may send it again.
    Interrupted,
    /// PUBREC came: PUBREL has to go out, then PUBCOMP is awaited.
    Released,
    /// PUBREL went out to clear the identifier in an adopted session; PUBCOMP is awaited.
    Clearing,
    /// SUBACK for that many filters is awaited.
    Subscribe(u16),
    /// UNSUBACK for that many filters is awaited.
    Unsubscribe(u16),
    /// Over: its fate has to be told. Then the identifier is retired, or free.
    Ended { fate: Fate, retire: bool },
    /// Its publish is over, but the server may still hold the identifier.
    Retired,
}

/// All packet identifiers of ours that are in use.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) table: Table<'a, Flight>,
    blocks: Blocks<'a>,
    next_id: PacketId,
    pub(crate) waiting: List,
    /// The first of `waiting` that has to be put into the outbox.
    pub(crate) cursor: Option<u16>,
    pub(crate) released: List,
    /// The first of `released` whose PUBREL has to be put into the outbox.
    pub(crate) release_cursor: Option<u16>,
    pub(super) ended: List,
    /// Bytes of payloads held by reference.
    shared: usize,
    shared_limit: usize,
    /// QoS 0 messages that wait for a connection.
    pub(crate) waiting_qos0: u16,
    pub(super) retired: u16,
    /// SUBSCRIBE and UNSUBSCRIBE packets without an answer.
    pub(crate) requests: u16,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(
        flights: Storage<'a, Slot<Flight>>,
        blocks: Storage<'a, Block>,
        shared_limit: usize,
    ) -> Self {
        Self {
            table: Table::new(flights),
            blocks: Blocks::new(blocks),
            next_id: PacketId::MIN,
            waiting: List::EMPTY,
            cursor: None,
            released: List::EMPTY,
            release_cursor: None,
            ended: List::EMPTY,
            shared: 0,
            shared_limit,
            waiting_qos0: 0,
            retired: 0,
            requests: 0,
        }
    }

    /// Whether anybody waits for an acknowledgement or for a message to leave.
    pub(crate) fn is_idle(&self) -> bool {
        self.table.len() == self.retired
    }

    /// Records that are on their way, and may be waited for.
    pub(crate) fn len(&self) -> u16 {
        self.table.len().saturating_sub(self.retired)
    }

    /// Bytes that the longest message, without a payload held by reference, may take.
    pub(crate) fn capacity(&self) -> usize {
        self.blocks.capacity_bytes()
    }

    pub(crate) fn has_room(&self, len: usize, shared: usize) -> bool {
        let by_reference = self.shared == 0
            || shared == 0
            || self.shared.saturating_add(shared) <= self.shared_limit;
        !self.table.is_full() && len <= self.blocks.free_bytes() && by_reference
    }

    /// The next identifier in sequence that is not in use [MQTT-2.2.1-3].
    /// It is used, and the sequence goes on, when a record is put under it.
    #[inline]
    pub(crate) fn free_id(&self) -> Option<PacketId> {
        let ids = core::iter::successors(Some(self.next_id), |id| Some(following(*id)));
        ids.take(usize::from(u16::MAX)).find(|id| self.table.find(*id).is_none())
    }

    #[inline]
    pub(super) fn insert(&mut self, id: PacketId, flight: Flight) -> Option<u16> {
        let index = self.table.insert(id, flight)?;
        self.next_id = following(id);
        Some(index)
    }

    pub(crate) fn write(&mut self) -> ChainWriter<'_, 'a> {
        self.blocks.begin()
    }

    pub(crate) fn read(&self, flight: &Flight) -> impl Iterator<Item = &[u8]> {
        self.blocks.read(flight.chain)
    }

    /// Adds a publish behind all others. With `State::Waiting` the cursor will come to it.
    #[inline]
    pub(crate) fn push(&mut self, id: PacketId, flight: Flight) -> Option<u16> {
        let shared = flight.payload.as_ref().map_or(0, |payload| payload.as_slice().len());
        let (chain, waits) = (flight.chain, matches!(flight.state, State::Waiting));
        let qos0 = flight.qos == QoS::AtMostOnce;
        let Some(index) = self.insert(id, flight) else {
            self.blocks.free(chain);
            return None;
        };
        self.table.push_back(&mut self.waiting, index);
        self.shared = self.shared.saturating_add(shared);
        if waits {
            self.cursor.get_or_insert(index);
            self.waiting_qos0 = self.waiting_qos0.saturating_add(u16::from(qos0));
        }
        Some(index)
    }

    /// Adds a request, which is in no list: it ends with the connection.
    pub(crate) fn push_request(&mut self, id: PacketId, state: State, tag: Tag) {
        if self.insert(id, Flight { state, tag, ..Flight::default() }).is_some() {
            self.requests = self.requests.saturating_add(1);
        }
    }

    /// Frees the memory of a message; its identifier stays.
    pub(crate) fn drop_message(&mut self, index: u16) {
        if let Some(flight) = self.table.get_mut(index) {
            let chain = core::mem::take(&mut flight.chain);
            let payload = flight.payload.take();
            self.blocks.free(chain);
            let len = payload.map_or(0, |payload| payload.as_slice().len());
            self.shared = self.shared.saturating_sub(len);
        }
    }

    /// Takes the record out of the list that it is in.
    pub(crate) fn unlink(&mut self, index: u16) {
        let Some(flight) = self.table.get(index) else { return };
        let (state, qos) = (flight.state, flight.qos);
        let next = self.table.next(index);
        match state {
            State::Streaming => self.table.unlink(&mut self.waiting, index),
            State::Waiting | State::Sent | State::Clearing => {
                if self.cursor == Some(index) {
                    self.cursor = next;
                }
                if qos == QoS::AtMostOnce {
                    self.waiting_qos0 = self.waiting_qos0.saturating_sub(1);
                }
                self.table.unlink(&mut self.waiting, index);
            }
            State::Released => {
                if self.release_cursor == Some(index) {
                    self.release_cursor = next;
                }
                self.table.unlink(&mut self.released, index);
            }
            State::Ended { .. } => self.table.unlink(&mut self.ended, index),
            State::Retired | State::Interrupted => self.retired = self.retired.saturating_sub(1),
            State::Subscribe(_) | State::Unsubscribe(_) => {
                self.requests = self.requests.saturating_sub(1);
            }
        }
    }

    /// Ends a record: memory, list and identifier are free again.
    #[inline]
    pub(crate) fn remove(&mut self, index: u16) -> Option<Flight> {
        self.unlink(index);
        self.drop_message(index);
        self.table.remove(index)
    }

    /// Moves a record to the end of `released`: PUBREC came.
    pub(crate) fn release(&mut self, index: u16) {
        self.drop_message(index);
        self.unlink(index);
        if let Some(flight) = self.table.get_mut(index) {
            flight.state = State::Released;
            self.table.push_back(&mut self.released, index);
            self.release_cursor.get_or_insert(index);
        }
    }

    /// Ends a publish whose fate is told by [`pop_ended`](Self::pop_ended).
    pub(crate) fn end(&mut self, index: u16, fate: Fate) {
        self.end_and(index, fate, false);
    }

    /// Ends a publish, and keeps its identifier out of use: the server may still answer for it.
    pub(crate) fn end_and_retire(&mut self, index: u16, fate: Fate) {
        self.end_and(index, fate, true);
    }

    fn end_and(&mut self, index: u16, fate: Fate, retire: bool) {
        self.drop_message(index);
        self.unlink(index);
        if let Some(flight) = self.table.get_mut(index) {
            let fate = match fate {
                Fate::NeverSent(_) if flight.republished => Fate::Unknown { received: false },
                fate => fate,
            };
            flight.state = State::Ended { fate, retire };
            self.table.push_back(&mut self.ended, index);
        }
    }

    /// The next fate to tell.
    pub(crate) fn pop_ended(&mut self) -> Option<(Tag, Fate)> {
        let index = self.ended.head()?;
        let flight = self.table.get_mut(index)?;
        let State::Ended { fate, retire } = flight.state else { return None };
        let tag = flight.tag;
        let interrupted = fate == Fate::Interrupted;
        if retire || interrupted {
            flight.state = if interrupted { State::Interrupted } else { State::Retired };
            self.table.unlink(&mut self.ended, index);
            self.retired = self.retired.saturating_add(1);
        } else {
            self.remove(index);
        }
        Some((tag, fate))
    }

    /// Where in the connection's output the oldest unacknowledged PUBLISH ends.
    pub(crate) fn oldest_end(&self) -> Option<u64> {
        let oldest = self.table.get(self.waiting.head()?)?;
        let shared = oldest.payload.as_ref().map_or(0, |payload| payload.as_slice().len());
        let len = oldest.chain.len().saturating_add(shared).max(1);
        let sent = matches!(oldest.state, State::Sent | State::Streaming);
        sent.then(|| oldest.start.saturating_add(len as u64))
    }

    /// The oldest unacknowledged PUBLISH, if any of its bytes was handed to this connection.
    pub(crate) fn oldest_sent(&self, written: u64) -> Option<PacketId> {
        let index = self.waiting.head()?;
        let oldest = self.table.get(index)?;
        let sent = matches!(oldest.state, State::Sent) && oldest.start < written;
        self.table.id(index).filter(|_| sent)
    }

    /// Gives heap memory back if nothing is stored.
    pub(crate) fn release_memory(&mut self) {
        self.blocks.release();
        self.table.release();
    }
}

impl State {
    /// The publish is over for the caller, not for the server.
    pub(crate) fn is_retired(self) -> bool {
        matches!(self, Self::Retired | Self::Ended { retire: true, .. })
    }
}

fn following(id: PacketId) -> PacketId {
    id.checked_add(1).unwrap_or(PacketId::MIN)
}
