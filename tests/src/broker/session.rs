//! What the broker holds for a client over its connections (4.1).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, SubscriptionOptions};
use mqtt_as_proto::property::SubscriptionId;
use mqtt_as_proto::{Instant, PacketId, QoS, ReasonCode, TopicFilter, TopicName, Version};

use super::ConnId;
use super::connection::{Connection, Sent};
use super::message::{Outgoing, Will};

/// A Session Expiry Interval that does not end (3.1.2.11.2).
pub(super) const FOREVER: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Session {
    /// The connection that uses it.
    pub(super) connection: Option<ConnId>,
    pub(super) subscriptions: BTreeMap<String, Subscribed>,
    /// Messages that were sent and are not acknowledged, in the order of sending.
    pub(super) flights: VecDeque<Flight>,
    /// Messages that were not sent yet.
    pub(super) queue: VecDeque<Outgoing>,
    /// When one of the queue expires, or did until it was sent.
    pub(super) next_expiry: Option<Instant>,
    /// Ids of QoS 2 messages from the client that were accepted and not released.
    pub(super) received: BTreeSet<PacketId>,
    last_id: u16,
    /// Seconds that it outlives its connection.
    pub(super) expiry: u32,
    /// When it ends, if it has no connection and does end.
    pub(super) ends: Option<Instant>,
    /// A will that waits for its delay.
    pub(super) will: Option<(Instant, Will)>,
}

/// What was asked for a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscribed {
    pub(super) options: SubscriptionOptions,
    pub(super) id: Option<SubscriptionId>,
}

/// A QoS 1 or 2 message on its way to the client.
#[derive(Debug)]
pub(super) struct Flight {
    id: PacketId,
    outgoing: Outgoing,
    /// PUBREC has come.
    released: bool,
    /// Sent on the present connection.
    on_wire: bool,
}

impl Flight {
    fn how(&self) -> (Delivery, bool) {
        // Flights are made when they are sent, so to send one is to send it again.
        (Delivery::new(self.outgoing.qos, self.id), true)
    }
}

impl Session {
    /// Whether an ordinary subscription matches and at which QoS, ids and retain flag it goes out.
    pub(super) fn matching<'a>(
        &'a self,
        name: TopicName<'a>,
        own: bool,
    ) -> impl Iterator<Item = &'a Subscribed> {
        let wanted = move |(filter, subscribed): &(&'a String, &Subscribed)| {
            let hidden = own && subscribed.options.no_local; // [MQTT-3.8.3-3]
            TopicFilter::new(filter).is_ok_and(|filter| {
                !hidden && filter.share_name().is_none() && filter.matches(name)
            })
        };
        self.subscriptions.iter().filter(wanted).map(|(_, subscribed)| subscribed)
    }

    /// Begins to use a connection: what is on its way has to be sent again.
    pub(super) fn attach(&mut self, connection: ConnId, expiry: u32) {
        self.connection = Some(connection);
        self.expiry = expiry;
        self.ends = None;
        self.will = None; // [MQTT-3.1.3-9]
        for flight in &mut self.flights {
            flight.on_wire = false;
        }
    }

    /// Lets a message wait for its turn.
    pub(super) fn enqueue(&mut self, outgoing: Outgoing) {
        let expires = outgoing.message.expires;
        self.next_expiry = self.next_expiry.into_iter().chain(expires).min();
        self.queue.push_back(outgoing);
    }

    /// Drops what has expired before it was sent [MQTT-3.3.2-5].
    pub(super) fn drop_expired(&mut self, now: Instant) {
        self.queue.retain(|outgoing| !outgoing.message.is_expired(now));
        self.next_expiry = self.queue.iter().filter_map(|outgoing| outgoing.message.expires).min();
    }

    /// Sends what waits, as far as the client's window allows: first again, in order
    /// [MQTT-4.4.0-1] [MQTT-4.6.0-1], then anew.
    pub(super) fn pump(&mut self, connection: &mut Connection, now: Instant) {
        let mut room = self.room(connection);
        let mut dropped = BTreeSet::new();
        for flight in self.flights.iter_mut().filter(|flight| !flight.on_wire) {
            if flight.released {
                connection.send(&Packet::PubRel(Ack::new(flight.id, ReasonCode::SUCCESS)));
            } else if room == 0 {
                continue;
            } else if connection.send_message(&flight.outgoing, flight.how(), now) == Sent::Dropped
            {
                dropped.insert(flight.id);
                continue;
            }
            flight.on_wire = true;
            room = room.saturating_sub(1);
        }
        self.flights.retain(|flight| !dropped.contains(&flight.id));
        if self.flights.iter().all(|flight| flight.on_wire) {
            self.send_queue(connection, room, now);
        }
    }

    fn send_queue(&mut self, connection: &mut Connection, mut room: usize, now: Instant) {
        while room > 0 {
            let Some(outgoing) = self.queue.pop_front() else { return };
            if outgoing.message.is_expired(now) {
                continue; // [MQTT-3.3.2-5]
            }
            let id = self.free_id();
            let how = (Delivery::new(outgoing.qos, id), false);
            if connection.send_message(&outgoing, how, now) == Sent::Whole {
                self.flights.push_back(Flight { id, outgoing, released: false, on_wire: true });
                room -= 1;
            }
        }
    }

    /// How many more messages the client takes now [MQTT-3.3.4-9].
    fn room(&self, connection: &Connection) -> usize {
        let used = self.flights.iter().filter(|flight| flight.on_wire).count();
        connection.window().saturating_sub(used)
    }

    /// There is one: at most 65,534 are used, for a window is at most 65,535.
    fn free_id(&mut self) -> PacketId {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let free = |id: &PacketId| self.flights.iter().all(|flight| flight.id != *id);
            if let Some(id) = PacketId::new(self.last_id).filter(free) {
                return id;
            }
        }
    }

    /// PUBACK, PUBREC or PUBCOMP from the client, and what it is answered with.
    pub(super) fn acknowledged(
        &mut self,
        kind: PacketType,
        ack: &Ack<'_>,
        version: Version,
    ) -> Result<Option<Packet<'static>>, ReasonCode> {
        let Some(at) = self.flights.iter().position(|flight| flight.id == ack.id) else {
            return Ok(unknown(kind, ack.id, version));
        };
        let flight = &mut self.flights[at];
        match (kind, flight.outgoing.qos, flight.released) {
            (PacketType::PubAck, QoS::AtLeastOnce, _)
            | (PacketType::PubComp, QoS::ExactlyOnce, true) => drop(self.flights.remove(at)),
            (PacketType::PubRec, QoS::ExactlyOnce, false) if ack.reason.is_error() => {
                drop(self.flights.remove(at));
            }
            (PacketType::PubRec, QoS::ExactlyOnce, _) => {
                flight.released = true; // [MQTT-4.3.3-5] no PUBLISH any more, only PUBREL.
                return Ok(Some(Packet::PubRel(Ack::new(ack.id, ReasonCode::SUCCESS))));
            }
            _ => return Err(ReasonCode::PROTOCOL_ERROR),
        }
        Ok(None)
    }
}

/// An acknowledgement of nothing: only PUBREC has an answer.
fn unknown(kind: PacketType, id: PacketId, version: Version) -> Option<Packet<'static>> {
    let reason = match version {
        Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
        Version::V311 => ReasonCode::SUCCESS,
    };
    (kind == PacketType::PubRec).then(|| Packet::PubRel(Ack::new(id, reason)))
}
