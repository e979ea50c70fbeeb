//! The client's side of the wire: what it says is checked against what the standards let it say.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, QoS, Version};

use super::streams::STREAMS;
use super::{Fault, Invariant};

/// Packet identifiers of the session as the client has to see it, and what each is in use for.
#[derive(Debug)]
pub(super) struct Wire {
    version: Version,
    /// Bytes of the client's that are no whole packet yet.
    partial: Vec<u8>,
    open: BTreeMap<PacketId, Flow>,
    /// Requests of this connection.
    requests: BTreeSet<PacketId>,
    /// PUBLISH packets of QoS 1 and 2 that were begun, but broke off before their identifier.
    nameless: u32,
    /// Messages that the program has and has not taken.
    untaken: BTreeSet<PacketId>,
    /// Whether PUBREL may come for an identifier that no PUBLISH had: the session was adopted.
    pub(super) adopted: bool,
}

/// A PUBLISH without its last acknowledgement.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// Of the payload; none if the packet broke off.
    content: Option<u64>,
    qos: QoS,
    /// Sent on this connection.
    on_wire: bool,
    /// PUBREC came.
    released: bool,
}

impl Wire {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            partial: Vec::new(),
            open: BTreeMap::new(),
            requests: BTreeSet::new(),
            nameless: 0,
            untaken: BTreeSet::new(),
            adopted: false,
        }
    }

    /// The client wrote bytes.
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut input = std::mem::take(&mut self.partial);
        input.extend_from_slice(bytes);
        let mut rest = &input[..];
        while let Some((frame, after)) = Frame::split(rest).map_err(|e| unreadable(&e))? {
            self.sent_frame(frame)?;
            rest = after;
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    fn sent_frame(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        match Packet::decode(frame, self.version).map_err(|e| unreadable(&e))? {
            Packet::Publish(publish) => self.sent_publish(&publish),
            Packet::PubAck(ack) => self.sent_ack(ack.id),
            Packet::PubRec(ack) => self.sent_ack(ack.id),
            Packet::PubRel(ack) => match self.open.get(&ack.id) {
                Some(flow) if !flow.released && !self.adopted => {
                    Err(fault(Invariant::Flow, "PUBREL before PUBREC", ack.id))
                }
                _ => Ok(()),
            },
            Packet::Subscribe(packet) => self.sent_request(packet.id),
            Packet::Unsubscribe(packet) => self.sent_request(packet.id),
            _ => Ok(()),
        }
    }

    fn sent_publish(&mut self, publish: &Publish<'_>) -> Result<(), Fault> {
        let Some(id) = publish.delivery.id() else { return Ok(()) };
        let qos = publish.delivery.qos();
        let content = Some(digest(publish.payload));
        let flow = Flow { content, qos, on_wire: true, released: false };
        if self.requests.contains(&id) {
            return Err(fault(Invariant::PacketId, "PUBLISH under the id of a request", id));
        }
        let Some(known) = self.open.insert(id, flow) else {
            if publish.dup && self.nameless == 0 {
                return Err(fault(Invariant::Dup, "DUP on a first PUBLISH", id));
            }
            self.nameless -= u32::from(publish.dup);
            return Ok(());
        };
        if known.content.is_some_and(|before| content != Some(before)) || known.qos != qos {
            return Err(fault(Invariant::PacketId, "another PUBLISH under an open id", id));
        }
        if known.released {
            return Err(fault(Invariant::Flow, "PUBLISH after PUBREC", id));
        }
        if known.on_wire {
            return Err(fault(Invariant::Flow, "PUBLISH twice on one connection", id));
        }
        // A stream keeps its identifier where a QoS 1 message is sent as new.
        let stream = publish.topic.as_str().starts_with(STREAMS);
        let new = self.adopted && stream && qos == QoS::AtLeastOnce;
        if !publish.dup && !new {
            return Err(fault(Invariant::Dup, "no DUP on a PUBLISH that is sent again", id));
        }
        Ok(())
    }

    fn sent_ack(&self, id: PacketId) -> Result<(), Fault> {
        if self.untaken.contains(&id) {
            return Err(fault(Invariant::Untaken, "acknowledged, but not taken", id));
        }
        Ok(())
    }

    fn sent_request(&mut self, id: PacketId) -> Result<(), Fault> {
        if self.open.contains_key(&id) || !self.requests.insert(id) {
            return Err(fault(Invariant::PacketId, "a request under an open id", id));
        }
        Ok(())
    }

    /// The client got a whole packet, and is about to look at it.
    pub(super) fn received(&mut self, frame: Frame<'_>) {
        match Packet::decode(frame, self.version) {
            Ok(Packet::ConnAck(ack)) if !ack.reason.is_error() && !ack.session_present => {
                self.end_session();
            }
            Ok(Packet::PubAck(ack) | Packet::PubComp(ack)) => drop(self.open.remove(&ack.id)),
            Ok(Packet::PubRec(ack)) if ack.reason.is_error() => drop(self.open.remove(&ack.id)),
            Ok(Packet::PubRec(ack)) => {
                if let Some(flow) = self.open.get_mut(&ack.id) {
                    flow.released = true;
                }
            }
            Ok(Packet::SubAck(ack)) => drop(self.requests.remove(&ack.id)),
            Ok(Packet::UnsubAck(ack)) => drop(self.requests.remove(&ack.id)),
            _ => {}
        }
    }

    /// A message was given to the program.
    pub(super) fn delivered(&mut self, delivery: Delivery) {
        self.untaken.extend(delivery.id());
    }

    /// The program has taken it.
    pub(super) fn taken(&mut self, delivery: Delivery) {
        if let Some(id) = delivery.id() {
            self.untaken.remove(&id);
        }
    }

    /// Both sides have forgotten the session.
    pub(super) fn end_session(&mut self) {
        self.open.clear();
        self.untaken.clear();
        self.nameless = 0;
        self.adopted = false;
    }

    /// The connection is over. A packet that broke off counts as sent.
    pub(super) fn end_connection(&mut self) {
        let partial = std::mem::take(&mut self.partial);
        self.requests.clear();
        for flow in self.open.values_mut() {
            flow.on_wire = false;
        }
        let Some(first) = partial.first().copied() else { return };
        let publish = PacketType::from_first_byte(first) == Some(PacketType::Publish);
        let Some(qos) = QoS::from_bits(first >> 1 & 3) else { return };
        if !publish || qos == QoS::AtMostOnce {
            return;
        }
        if is_stream(&partial) {
            return; // Cut in two it does not count.
        }
        match begun_id(&partial) {
            Some(id) => {
                let flow = Flow { content: None, qos, on_wire: false, released: false };
                self.open.entry(id).or_insert(flow);
            }
            None => self.nameless += 1,
        }
    }

    /// An identifier of another PUBLISH that waits for its acknowledgement.
    pub(super) fn other_open_id(&self, id: PacketId) -> Option<PacketId> {
        let open = self.open.iter().find(|(other, flow)| **other != id && !flow.released);
        open.map(|(other, _)| *other)
    }
}

/// Whether a PUBLISH that was begun is a stream's, as far as can be seen.
fn is_stream(partial: &[u8]) -> bool {
    let header = 2 + partial.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    partial.get(header + 2..).is_some_and(|topic| topic.starts_with(STREAMS.as_bytes()))
}

/// The packet identifier in the beginning of a PUBLISH.
fn begun_id(partial: &[u8]) -> Option<PacketId> {
    let header = 2 + partial.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    let body = partial.get(header..)?;
    let topic = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    PacketId::new(u16::from_be_bytes(*body.get(2 + topic..)?.first_chunk()?))
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn fault(invariant: Invariant, what: &str, id: PacketId) -> Fault {
    Fault { invariant, text: format!("{what}: #{id}") }
}

fn unreadable(error: &mqtt_as_proto::DecodeError) -> Fault {
    Fault {
        invariant: Invariant::Flow,
        text: format!("the client wrote what is no packet: {error}"),
    }
}
