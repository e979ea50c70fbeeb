//! What the standards let a client send: identifiers, DUP, the order of a flow, the server's quota.

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::frame::Frame;
use crate::packet::{Packet, Publish, QoS, Version};
use crate::wire::PacketId;

/// The session as the client has to see it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Rules {
    version: Version,
    window: usize,
    open: BTreeMap<u16, Flow>,
    /// Requests of this connection.
    requests: BTreeSet<u16>,
    /// Messages of this connection that are not acknowledged, in order, at QoS 1 and at QoS 2.
    arrived: [Vec<u16>; 2],
    /// PUBRELs that are not answered.
    releases: Vec<u16>,
    /// What is past PUBREC, in the order of the PUBRECs, and which of it PUBREL has still to follow
    /// on this connection.
    recorded: Vec<u16>,
    owed: Vec<u16>,
    /// The server may hold any identifier, but for those that PUBCOMP has cleared.
    adopted: bool,
    cleared: BTreeSet<u16>,
    is_connected: bool,
    /// Messages that the program has given up.
    given_up: BTreeSet<u8>,
}

/// A PUBLISH of which any byte was written, without its last acknowledgement.
#[derive(Clone, Copy, Debug, Hash)]
struct Flow {
    number: u8,
    qos: QoS,
    /// Begun on this connection.
    on_wire: bool,
    /// PUBREC came.
    released: bool,
    /// The program has given it up: PUBREL may clear it.
    given_up: bool,
    /// That was on an earlier connection: it is not sent again.
    retired: bool,
    /// It takes one of the server's Receive Maximum on this connection.
    counts: bool,
}

impl Flow {
    /// Nothing has to be cleared.
    fn is_over(&self) -> bool {
        self.given_up && !self.on_wire && self.qos == QoS::AtLeastOnce
    }
}

fn publish_of<'p>(packet: &'p [u8], version: Version) -> Option<Publish<'p>> {
    let (frame, _) = Frame::split(packet).ok().flatten()?;
    match Packet::decode(frame, version) {
        Ok(Packet::Publish(publish)) => Some(publish),
        _ => None,
    }
}

impl Rules {
    pub(super) fn new(version: Version, window: u16) -> Self {
        Self {
            version,
            window: usize::from(window),
            open: BTreeMap::new(),
            requests: BTreeSet::new(),
            arrived: Default::default(),
            releases: Vec::new(),
            recorded: Vec::new(),
            owed: Vec::new(),
            adopted: false,
            cleared: BTreeSet::new(),
            is_connected: false,
            given_up: BTreeSet::new(),
        }
    }

    /// The first byte of that packet is handed to the transport.
    pub(super) fn begun(&mut self, packet: &[u8]) -> Result<(), String> {
        let Some(publish) = publish_of(packet, self.version) else { return Ok(()) };
        let Some(id) = publish.delivery.id().map(PacketId::get) else { return Ok(()) };
        let (number, qos) = (publish.payload[0], publish.delivery.qos());
        if self.requests.contains(&id) {
            return Err(format!("PUBLISH under #{id} of a request"));
        }
        if self.adopted && qos == QoS::ExactlyOnce && !self.cleared.contains(&id) {
            return Err(format!("QoS 2 under #{id}, which the server may hold"));
        }
        match self.open.get(&id) {
            None if publish.dup => return Err(format!("DUP on a first PUBLISH #{id}")),
            None if self.open.values().any(|flow| flow.number == number) => {
                return Err(format!("message {number} under another identifier, #{id}"));
            }
            None => {}
            // A QoS 1 message that waited to be sent again is over at once.
            Some(flow) if flow.is_over() && flow.number != number && !publish.dup => {}
            Some(flow) if flow.number != number || flow.qos != qos => {
                return Err(format!("another PUBLISH under #{id}, which is in use: {flow:?}"));
            }
            Some(flow) if flow.released || flow.on_wire || flow.retired => {
                return Err(format!("PUBLISH #{id} again: {flow:?}"));
            }
            Some(_) if !publish.dup => return Err(format!("PUBLISH #{id} again without DUP")),
            Some(_) => {}
        }
        let flow = Flow {
            number,
            qos,
            on_wire: true,
            released: false,
            given_up: self.given_up.contains(&number), // It may have been on its way.
            retired: false,
            counts: true,
        };
        self.open.insert(id, flow);
        let outstanding = self.open.values().filter(|flow| flow.counts).count();
        if outstanding > self.window {
            return Err(format!("PUBLISH #{id} above the server's Receive Maximum"));
        }
        Ok(())
    }

    /// A packet was written whole.
    pub(super) fn sent(&mut self, packet: &[u8]) -> Result<(), String> {
        let (frame, _) = Frame::split(packet).unwrap().unwrap();
        let packet = Packet::decode(frame, self.version);
        let packet = packet.map_err(|error| format!("what is no packet: {error}"))?;
        match packet {
            Packet::Connect(_) => return Ok(()),
            // An end before CONNACK.
            Packet::Disconnect(_) => return Ok(()),
            _ if !self.is_connected => return Err(format!("{packet:?} before CONNACK")),
            Packet::PubRel(ack) => self.sent_pubrel(ack.id.get())?,
            Packet::PubAck(ack) => self.sent_ack(ack.id.get(), 0)?,
            Packet::PubRec(ack) => self.sent_ack(ack.id.get(), 1)?,
            Packet::PubComp(ack) => {
                let at = self.releases.iter().position(|id| *id == ack.id.get());
                self.releases.remove(at.ok_or_else(|| format!("PUBCOMP #{} unasked", ack.id))?);
            }
            Packet::Subscribe(subscribe) => {
                let id = subscribe.id.get();
                if self.open.contains_key(&id) || !self.requests.insert(id) {
                    return Err(format!("a request under #{id}, which is in use"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn sent_pubrel(&mut self, id: u16) -> Result<(), String> {
        if self.owed.contains(&id) {
            let first = self.owed.remove(0);
            if first != id {
                return Err(format!("PUBREL #{id} before that of #{first} [MQTT-4.6.0-4]"));
            }
            return Ok(());
        }
        match self.open.get(&id) {
            Some(flow) if flow.given_up && !flow.on_wire => Ok(()),
            Some(flow) if self.adopted && flow.qos == QoS::AtLeastOnce => Ok(()),
            None if self.adopted => Ok(()),
            flow => Err(format!("PUBREL #{id}, and no PUBREC: {flow:?}")),
        }
    }

    /// PUBACK and PUBREC each leave in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    fn sent_ack(&mut self, id: u16, qos: usize) -> Result<(), String> {
        match self.arrived[qos].iter().position(|other| *other == id) {
            Some(0) => {
                self.arrived[qos].remove(0);
                Ok(())
            }
            Some(_) => Err(format!("#{id} is acknowledged before an earlier message")),
            None => Err(format!("#{id} is acknowledged, and did not come")),
        }
    }

    /// The client got a packet, and is about to look at it.
    pub(super) fn received(&mut self, packet: &[u8]) {
        let (frame, _) = Frame::split(packet).unwrap().unwrap();
        match Packet::decode(frame, self.version).unwrap() {
            Packet::ConnAck(ack) => self.connected(ack.session_present),
            Packet::Publish(publish) => {
                let id = publish.delivery.id().map(PacketId::get);
                if let Some(of) = (publish.delivery.qos() as usize).checked_sub(1) {
                    let arrived = &mut self.arrived[of];
                    arrived.extend(id.filter(|id| !arrived.contains(id)));
                }
            }
            Packet::PubRel(ack) => self.releases.push(ack.id.get()),
            Packet::PubAck(ack) => drop(self.open.remove(&ack.id.get())),
            Packet::PubRec(ack) => {
                if let Some(flow) = self.open.get_mut(&ack.id.get()) {
                    flow.released = true;
                    self.owed.push(ack.id.get());
                    self.recorded.push(ack.id.get());
                }
            }
            Packet::PubComp(ack) => {
                let id = ack.id.get();
                if self.open.get(&id).is_some_and(|flow| flow.released || flow.given_up) {
                    self.open.remove(&id);
                    self.recorded.retain(|other| *other != id);
                }
                self.cleared.insert(id);
            }
            Packet::SubAck(ack) => drop(self.requests.remove(&ack.id.get())),
            _ => {}
        }
    }

    fn connected(&mut self, session_present: bool) {
        self.is_connected = true;
        if !session_present {
            self.end_session();
        }
        // What is past PUBREC is released again, before anything else and in its order.
        self.owed = self.recorded.clone();
        for flow in self.open.values_mut() {
            flow.counts = flow.released || flow.given_up && !flow.is_over();
        }
    }

    /// Whether all that is past PUBREC was released on this connection.
    pub(super) fn owes_releases(&self) -> bool {
        !self.owed.is_empty()
    }

    fn end_session(&mut self) {
        self.open.clear();
        self.recorded.clear();
        self.cleared.clear();
        self.adopted = false;
    }

    /// The client knows nothing of the server's session.
    pub(super) fn adopt(&mut self) {
        self.end_session();
        self.owed.clear();
        self.adopted = true;
    }

    /// Whether any identifier may be cleared.
    pub(super) fn clears_all(&self) -> bool {
        self.adopted
    }

    /// The program has given that message up.
    pub(super) fn given_up(&mut self, number: u8) {
        self.given_up.insert(number);
        for flow in self.open.values_mut().filter(|flow| flow.number == number) {
            flow.given_up = true;
        }
    }

    pub(super) fn end_connection(&mut self) {
        self.requests.clear();
        self.releases.clear();
        self.owed.clear();
        self.arrived = Default::default();
        self.is_connected = false;
        for flow in self.open.values_mut() {
            (flow.on_wire, flow.retired) = (false, flow.given_up);
        }
        // A QoS 1 message that was given up is over with its connection.
        self.open.retain(|_, flow| !flow.is_over());
    }
}
