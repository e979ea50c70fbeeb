//! The client's side of the wire: what it says is checked against what the standards let it say.

mod received;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, QoS, Version};

use super::at_most_once::AtMostOnce;
use super::news::{News, Published};
use super::quota::Quota;
use super::replies::Replies;
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
    /// What came last in this session under each identifier: a payload, or what comes in parts.
    came: BTreeMap<PacketId, Option<u64>>,
    /// Messages of it that the program has and has not taken.
    untaken: BTreeSet<PacketId>,
    /// The session was adopted: the server may hold any identifier.
    adopted: bool,
    /// Identifiers that PUBCOMP cleared in an adopted session, and may be used at QoS 2.
    cleared: BTreeSet<PacketId>,
    /// QoS 2 messages that the program has given up: each may be cleared by PUBREL.
    retired: u32,
    /// QoS 2 flows past PUBREC in its order, and whether PUBREL was sent on this connection.
    releases: Vec<(PacketId, bool)>,
    /// Messages that were begun so far, and the place among them of the last that was sent again.
    begun: u64,
    last_again: u64,
    /// Messages of this connection that are not acknowledged, in the order of arrival, at QoS 1 and
    /// at QoS 2.
    arrived: [Vec<PacketId>; 2],
    /// PUBRELs of this connection for no message, which clear an identifier.
    clearing: BTreeSet<PacketId>,
    pub(super) quota: Quota,
    pub(super) replies: Replies,
    pub(super) at_most_once: AtMostOnce,
    pub(super) news: News,
    /// The last new identifier.
    last_id: u16,
    /// Prints the packets.
    pub(super) trace: bool,
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
    /// It is cleared by PUBREL, without PUBREC.
    retired: bool,
    /// The program has given it up: at QoS 1 its identifier is free on the next connection.
    given_up: bool,
    /// It comes from its owner, who may send it again.
    stream: bool,
    /// Its place among all that were begun: in that order they are sent again.
    order: u64,
}

impl Flow {
    fn new(content: Option<u64>, qos: QoS, on_wire: bool, order: u64) -> Self {
        let (released, retired, given_up, stream) = (false, false, false, false);
        Self { content, qos, on_wire, released, retired, given_up, stream, order }
    }

    /// Whether it takes one of the server's Receive Maximum: also past PUBREC, and if it may be sent
    /// again at any time.
    fn counts(&self) -> bool {
        let stream = self.stream && self.qos == QoS::ExactlyOnce;
        self.on_wire || self.released || self.retired || stream
    }

    /// Whether the server has to answer it.
    fn is_awaited(&self) -> bool {
        self.on_wire || self.released || self.retired
    }
}

impl Wire {
    pub(super) fn new(version: Version, quota: Quota) -> Self {
        Self {
            version,
            partial: Vec::new(),
            open: BTreeMap::new(),
            requests: BTreeSet::new(),
            nameless: 0,
            came: BTreeMap::new(),
            untaken: BTreeSet::new(),
            adopted: false,
            cleared: BTreeSet::new(),
            retired: 0,
            releases: Vec::new(),
            begun: 0,
            last_again: 0,
            arrived: Default::default(),
            clearing: BTreeSet::new(),
            quota,
            replies: Replies::default(),
            at_most_once: AtMostOnce::default(),
            news: News::default(),
            last_id: 0,
            trace: false,
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
        self.note('>', frame);
        if self.replies.is_goodbye_said() {
            let text = "something leaves behind DISCONNECT".to_owned(); // [MQTT-3.14.4-1]
            return Err(Fault { invariant: Invariant::Flow, text });
        }
        match Packet::decode(frame, self.version).map_err(|e| unreadable(&e))? {
            Packet::Publish(publish) => self.sent_publish(&publish),
            Packet::PubAck(ack) => {
                self.quota.acknowledged(ack.id);
                self.sent_ack(&ack, 0)
            }
            Packet::PubRec(ack) => {
                if ack.reason.is_error() {
                    self.quota.acknowledged(ack.id);
                }
                self.sent_ack(&ack, 1)
            }
            Packet::PubComp(ack) => {
                self.quota.acknowledged(ack.id);
                self.replies.sent_pubcomp(ack.id)
            }
            Packet::Disconnect(_) => {
                self.replies.said_goodbye();
                Ok(())
            }
            Packet::PubRel(ack) => self.sent_pubrel(ack.id),
            Packet::PingReq => {
                self.news.pings += 1;
                Ok(())
            }
            Packet::Subscribe(packet) => {
                self.replies.sent_subscribe(&packet)?;
                self.sent_request(packet.id)
            }
            Packet::Unsubscribe(packet) => {
                self.replies.sent_unsubscribe(&packet)?;
                self.sent_request(packet.id)
            }
            _ => Ok(()),
        }
    }

    fn note(&self, way: char, frame: Frame<'_>) {
        if self.trace {
            let text = format!("{:?}", Packet::decode(frame, self.version));
            println!("    {way} {}", text.chars().take(120).collect::<String>());
        }
    }

    fn sent_pubrel(&mut self, id: PacketId) -> Result<(), Fault> {
        let mut is_due = self.replies.sent_pubrel(id) || self.adopted || self.retired != 0;
        if let Some(at) = self.releases.iter().position(|(other, _)| *other == id) {
            is_due |= !self.releases[at].1;
            if self.releases[..at].iter().any(|(_, sent)| !sent) {
                return Err(fault(Invariant::Order, "PUBREL before that of an earlier PUBREC", id));
            }
            self.releases[at].1 = true;
        }
        let known = self.open.get_mut(&id);
        if !is_due && known.as_ref().is_none_or(|flow| !flow.retired) {
            return Err(fault(Invariant::Flow, "PUBREL, and no PUBREC came", id));
        }
        let Some(flow) = known else {
            // A PUBREC that came unasked is answered; so is one whose flow was given up.
            self.clearing.insert(id);
            return Ok(());
        };
        let clears = self.adopted && flow.qos == QoS::AtLeastOnce;
        if clears {
            self.clearing.insert(id);
        }
        if flow.released || flow.retired || clears {
            return Ok(());
        }
        if flow.on_wire || flow.qos != QoS::ExactlyOnce || self.retired == 0 {
            return Err(fault(Invariant::Flow, "PUBREL before PUBREC", id));
        }
        self.retired -= 1;
        flow.retired = true;
        Ok(())
    }

    fn sent_publish(&mut self, publish: &Publish<'_>) -> Result<(), Fault> {
        let stream = publish.topic.as_str().starts_with(STREAMS);
        let Some(id) = publish.delivery.id() else {
            return match stream {
                true => Ok(()),
                false => self.at_most_once.left(digest(publish.payload)),
            };
        };
        let qos = publish.delivery.qos();
        let digest = digest(publish.payload);
        let content = Some(digest);
        self.note_published(id, digest, publish);
        self.begun += 1;
        let order = self.open.get(&id).filter(|_| publish.dup).map_or(self.begun, |one| one.order);
        let flow = Flow { stream, ..Flow::new(content, qos, true, order) };
        if self.adopted && qos == QoS::ExactlyOnce && !self.cleared.contains(&id) {
            return Err(fault(Invariant::Flow, "QoS 2 under an id that is not cleared", id));
        }
        if self.requests.contains(&id) {
            return Err(fault(Invariant::PacketId, "PUBLISH under the id of a request", id));
        }
        let known = self.open.insert(id, flow);
        self.check_quota(id)?;
        // What its owner has left is over.
        let over = |known: &Flow| known.stream && known.qos == QoS::AtLeastOnce && !known.on_wire;
        let Some(known) = known.filter(|known| publish.dup || !over(known)) else {
            if publish.dup && self.nameless == 0 {
                return Err(fault(Invariant::Dup, "DUP on a first PUBLISH", id));
            }
            self.nameless -= u32::from(publish.dup);
            return Ok(());
        };
        if known.content.is_some_and(|before| content != Some(before)) || known.qos != qos {
            return Err(fault(Invariant::PacketId, "another PUBLISH under an open id", id));
        }
        if known.released || known.retired {
            return Err(fault(Invariant::Flow, "PUBLISH after PUBREC", id));
        }
        if known.on_wire {
            return Err(fault(Invariant::Flow, "PUBLISH twice on one connection", id));
        }
        if !publish.dup {
            return Err(fault(Invariant::Dup, "no DUP on a PUBLISH that is sent again", id));
        }
        // Its owner says when a stream is sent again.
        if !stream && order < std::mem::replace(&mut self.last_again, order) {
            return Err(fault(Invariant::Order, "sent again behind a later message", id));
        }
        Ok(())
    }

    fn note_published(&mut self, id: PacketId, content: u64, publish: &Publish<'_>) {
        let expiry = publish.properties.message_expiry_interval();
        self.news.published.push(Published { content, dup: publish.dup, expiry });
        if publish.topic.as_str().is_empty() {
            self.news.met.push("an alias of ours alone");
        }
        if self.last_id > 65_000 && id.get() < 1000 {
            self.news.met.push("identifiers from the start again");
        }
        self.last_id = id.get();
    }

    /// PUBLISH leaves only while the server takes more.
    fn check_quota(&mut self, id: PacketId) -> Result<(), Fault> {
        let now = self.open.values().filter(|flow| flow.is_awaited()).count();
        let most = self.quota.servers();
        if now == most {
            self.news.met.push("the server's quota in use");
        }
        let within = now <= most;
        let text = || format!("{now} messages are under way, the server takes {most}");
        if within { Ok(()) } else { Err(fault(Invariant::Quota, &text(), id)) }
    }

    /// Messages that count against the server's Receive Maximum: also streams that may be sent again.
    pub(super) fn under_way(&self) -> usize {
        self.open.values().filter(|flow| flow.counts()).count()
    }

    /// Whether the server has to answer anything.
    pub(super) fn awaits_acknowledgement(&self) -> bool {
        let requested = !self.requests.is_empty() || self.clears();
        requested || self.open.values().any(Flow::is_awaited)
    }

    /// Whether identifiers are being cleared.
    pub(super) fn clears(&self) -> bool {
        !self.clearing.is_empty()
    }

    /// PUBACK and PUBREC each leave in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    fn sent_ack(&mut self, ack: &Ack<'_>, qos: usize) -> Result<(), Fault> {
        let id = ack.id;
        self.replies.sent_ack(ack)?;
        if self.untaken.contains(&id) {
            return Err(fault(Invariant::Untaken, "acknowledged, but not taken", id));
        }
        match self.arrived[qos].iter().position(|other| *other == id) {
            None => Err(fault(Invariant::Flow, "acknowledged, but not received", id)),
            Some(0) => {
                self.arrived[qos].remove(0);
                Ok(())
            }
            Some(_) => Err(fault(Invariant::Order, "acknowledged before an earlier message", id)),
        }
    }

    fn sent_request(&mut self, id: PacketId) -> Result<(), Fault> {
        if self.open.contains_key(&id) || !self.requests.insert(id) {
            return Err(fault(Invariant::PacketId, "a request under an open id", id));
        }
        Ok(())
    }

    /// A message was given to the program, or the beginning of one. It may be of an old session.
    pub(super) fn delivered(&mut self, delivery: Delivery, payload: Option<&[u8]>) {
        let content = payload.map(digest);
        let id = delivery.id().filter(|id| self.came.get(id) == Some(&content));
        self.untaken.extend(id);
    }

    /// The program has taken it.
    pub(super) fn taken(&mut self, delivery: Delivery) {
        if let Some(id) = delivery.id() {
            self.untaken.remove(&id);
        }
    }

    /// The program has given up a publish.
    pub(super) fn give_up(&mut self, id: PacketId) {
        self.open.get_mut(&id).into_iter().for_each(|flow| flow.given_up = true);
        self.retired();
    }

    /// A QoS 2 message was given up: its identifier has to be cleared.
    pub(super) fn retired(&mut self) {
        self.retired += 1;
    }

    /// A QoS 1 message of an earlier connection is not sent again.
    pub(super) fn ended(&mut self, content: u64) {
        let is_it = |flow: &Flow| flow.content == Some(content) && !flow.on_wire;
        self.open.retain(|_, flow| flow.qos != QoS::AtLeastOnce || !is_it(flow));
    }

    /// Both sides have forgotten the session.
    fn end_session(&mut self) {
        self.open.clear();
        self.came.clear();
        self.untaken.clear();
        self.releases.clear();
        self.nameless = 0;
        self.retired = 0;
        self.adopted = false;
    }

    /// The client knows nothing of the server's session, and goes on with it.
    pub(super) fn adopt(&mut self) {
        self.end_session();
        self.cleared.clear();
        self.adopted = true;
    }

    /// Whether a packet has left in part.
    pub(super) fn is_in_part(&self) -> bool {
        !self.partial.is_empty()
    }

    /// The connection is over. A packet that broke off counts as sent.
    pub(super) fn end_connection(&mut self) {
        let partial = std::mem::take(&mut self.partial);
        self.requests.clear();
        self.clearing.clear();
        self.last_again = 0;
        self.quota.end_connection();
        self.replies.end_connection();
        self.open.retain(|_, flow| !(flow.given_up && flow.qos == QoS::AtLeastOnce));
        self.arrived = Default::default();
        self.releases.iter_mut().for_each(|(_, sent)| *sent = false);
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
                self.begun += 1;
                self.open.entry(id).or_insert(Flow::new(None, qos, false, self.begun));
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

/// What tells a payload from others.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

pub(super) fn fault(invariant: Invariant, what: &str, id: PacketId) -> Fault {
    Fault { invariant, text: format!("{what}: #{id}") }
}

fn unreadable(error: &mqtt_as_proto::DecodeError) -> Fault {
    Fault {
        invariant: Invariant::Flow,
        text: format!("the client wrote what is no packet: {error}"),
    }
}
