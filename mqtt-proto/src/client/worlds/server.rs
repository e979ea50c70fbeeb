//! An honest server, which answers each packet at once and checks what the standards let it check.

use std::collections::{BTreeSet, VecDeque};
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::frame::Frame;
use crate::packet::{Ack, ConnAck, Connect, Delivery, Packet, Publish, QoS, SubAck, Version};
use crate::property::{Properties, Property};
use crate::reason::ReasonCode;
use crate::topic::TopicName;
use crate::wire::PacketId;

/// What it has for the client, and on which connection it serves it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Server {
    version: Version,
    window: u16,
    pub(super) session: Option<Session>,
    /// It has accepted a CONNECT, and not seen the end of that connection.
    pub(super) is_connected: bool,
    /// Sessions begun.
    pub(super) births: u8,
    /// The client's messages in the order in which it has accepted them, each with its QoS.
    pub(super) accepted: Vec<(u8, QoS)>,
    last_id: u16,
    /// What it says next.
    says: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Session {
    /// Identifiers of QoS 2 messages that it has accepted and not released.
    pub(super) received: BTreeSet<u16>,
    pub(super) flights: Vec<Flight>,
    queue: VecDeque<(u8, QoS)>,
    /// The client's Receive Maximum.
    window: usize,
    /// It ends with its connection.
    ends: bool,
}

/// A message on its way to the client.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Flight {
    id: u16,
    pub(super) number: u8,
    qos: QoS,
    released: bool,
}

impl Server {
    pub(super) fn new(version: Version, window: u16, last_id: u16) -> Self {
        Self {
            version,
            window,
            session: None,
            is_connected: false,
            births: 0,
            accepted: Vec::new(),
            last_id,
            says: Vec::new(),
        }
    }

    /// A session with an earlier process of the client's, which used these identifiers.
    pub(super) fn remember(&mut self, received: &[u16]) {
        let received = received.iter().copied().collect();
        self.session = Some(Session { received, window: 2, ..Session::default() });
        self.births = 1;
    }

    /// What it has to say since the last time.
    pub(super) fn take_said(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.says)
    }

    fn say(&mut self, packet: &Packet<'_>) {
        self.says.push(packet.encode_to_vec(self.version).unwrap());
    }

    /// Its connection is over.
    pub(super) fn lose(&mut self) {
        self.is_connected = false;
        if self.session.as_ref().is_some_and(|session| session.ends) {
            self.session = None;
        }
        self.says.clear();
    }

    /// Somebody publishes what the client has subscribed to. False if it has no session.
    pub(super) fn feed(&mut self, number: u8, qos: QoS) -> bool {
        let Some(session) = &mut self.session else { return false };
        session.queue.push_back((number, qos));
        if self.is_connected {
            self.send_queue();
        }
        true
    }

    pub(super) fn handle(&mut self, packet: &[u8]) -> Result<(), String> {
        let (frame, _) = Frame::split(packet).unwrap().unwrap();
        let packet = Packet::decode(frame, self.version)
            .map_err(|error| format!("the client wrote what is no packet: {error}"))?;
        if let Packet::Connect(connect) = packet {
            self.accept(&connect);
            return Ok(());
        }
        if !self.is_connected {
            return Err(format!("{packet:?} before CONNACK"));
        }
        match packet {
            Packet::Publish(publish) => self.take_publish(&publish),
            Packet::PubRel(ack) => self.take_pubrel(ack.id),
            Packet::PubAck(ack) => self.take_ack(ack, QoS::AtLeastOnce)?,
            Packet::PubRec(ack) => self.take_ack(ack, QoS::ExactlyOnce)?,
            Packet::PubComp(ack) => self.take_pubcomp(ack)?,
            Packet::Subscribe(subscribe) => {
                let (properties, codes) = (Properties::NONE, &[2][..]);
                self.say(&Packet::SubAck(SubAck { id: subscribe.id, properties, codes }));
            }
            Packet::PingReq => self.say(&Packet::PingResp),
            Packet::Disconnect(_) => self.lose(),
            other => return Err(format!("{other:?} from a client")),
        }
        Ok(())
    }

    fn accept(&mut self, connect: &Connect<'_>) {
        if self.is_connected {
            self.lose();
        }
        if connect.clean_start {
            self.session = None;
        }
        let expiry = connect.properties.number(0x11);
        let window = connect.properties.number(0x21).map(|maximum| maximum as usize);
        let present = self.session.is_some();
        self.births += u8::from(!present);
        let session = self.session.get_or_insert_default();
        session.window = window.unwrap_or(usize::from(u16::MAX));
        session.ends = match self.version {
            Version::V311 => connect.clean_start,
            Version::V5 => expiry.unwrap_or(0) == 0,
        };
        self.is_connected = true;
        let maximum = core::num::NonZeroU16::new(self.window).unwrap();
        let maximum = [Property::ReceiveMaximum(maximum)];
        let v5 = self.version == Version::V5;
        let properties = Properties::new(if v5 { &maximum } else { &[] });
        let (session_present, reason) = (present, ReasonCode::SUCCESS);
        self.say(&Packet::ConnAck(ConnAck { session_present, reason, properties }));
        let flights = self.session.as_ref().map(|session| session.flights.clone());
        for flight in flights.unwrap_or_default() {
            match flight.released {
                true => self.say(&Packet::PubRel(ack(flight.id))),
                false => self.send(flight, true),
            }
        }
        self.send_queue();
    }

    fn send(&mut self, flight: Flight, dup: bool) {
        self.say(&Packet::Publish(Publish {
            dup,
            retain: false,
            delivery: Delivery::new(flight.qos, id(flight.id)),
            topic: TopicName::new("t").unwrap(),
            properties: Properties::NONE,
            payload: &[flight.number],
        }));
    }

    fn send_queue(&mut self) {
        while let Some(session) = &mut self.session
            && session.flights.len() < session.window
            && let Some((number, qos)) = session.queue.pop_front()
        {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            let flight = Flight { id: self.last_id, number, qos, released: false };
            session.flights.push(flight);
            self.send(flight, false);
        }
    }

    fn take_publish(&mut self, publish: &Publish<'_>) {
        let (number, qos) = (publish.payload[0], publish.delivery.qos());
        let is_new = match (qos, publish.delivery.id(), &mut self.session) {
            (QoS::ExactlyOnce, Some(id), Some(session)) => session.received.insert(id.get()),
            _ => true,
        };
        if is_new {
            self.accepted.push((number, qos));
        }
        match (qos, publish.delivery.id()) {
            (QoS::AtLeastOnce, Some(id)) => self.say(&Packet::PubAck(ack(id.get()))),
            (QoS::ExactlyOnce, Some(id)) => self.say(&Packet::PubRec(ack(id.get()))),
            _ => {}
        }
    }

    fn take_pubrel(&mut self, id: PacketId) {
        let session = self.session.as_mut();
        let known = session.is_some_and(|session| session.received.remove(&id.get()));
        let unknown = !known && self.version == Version::V5;
        let reason = if unknown { 0x92 } else { 0 };
        self.say(&Packet::PubComp(Ack::new(id, ReasonCode::from_u8(reason))));
    }

    /// PUBACK or PUBREC came.
    fn take_ack(&mut self, ack_: Ack<'_>, qos: QoS) -> Result<(), String> {
        let session = self.session.as_mut().ok_or("no session")?;
        let at = session.flights.iter().position(|flight| flight.id == ack_.id.get());
        let at = at.ok_or_else(|| format!("#{} is acknowledged, and was not sent", ack_.id))?;
        let flight = &mut session.flights[at];
        if flight.qos != qos || flight.released {
            return Err(format!("{flight:?} is acknowledged out of its flow"));
        }
        if qos == QoS::AtLeastOnce || ack_.reason.is_error() {
            session.flights.remove(at);
            self.send_queue();
        } else {
            flight.released = true;
            self.say(&Packet::PubRel(ack(ack_.id.get())));
        }
        Ok(())
    }

    fn take_pubcomp(&mut self, ack: Ack<'_>) -> Result<(), String> {
        let session = self.session.as_mut().ok_or("no session")?;
        let released = |flight: &Flight| flight.id == ack.id.get() && flight.released;
        let at = session.flights.iter().position(released);
        session.flights.remove(at.ok_or_else(|| format!("PUBCOMP #{} unasked", ack.id))?);
        self.send_queue();
        Ok(())
    }

    /// The number of the message on its way under that identifier.
    pub(super) fn number(&self, id: u16) -> Option<u8> {
        let flights = &self.session.as_ref()?.flights;
        flights.iter().find(|flight| flight.id == id).map(|flight| flight.number)
    }

    /// Whether nothing is on its way, nor remembered.
    pub(super) fn is_at_rest(&self) -> bool {
        self.session.as_ref().is_some_and(|session| {
            session.flights.is_empty() && session.queue.is_empty() && session.received.is_empty()
        })
    }
}

pub(super) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn ack(of: u16) -> Ack<'static> {
    Ack::new(id(of), ReasonCode::SUCCESS)
}
