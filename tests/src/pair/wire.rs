//! The client's side of the wire: what it says is checked against what the standards let it say.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, QoS, Version};

use super::news::{News, Published};
use super::quota::Quota;
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
    /// Messages of this connection that are not acknowledged, in the order of arrival, at QoS 1 and
    /// at QoS 2.
    arrived: [Vec<PacketId>; 2],
    /// PUBRELs of this connection for no message, which clear an identifier.
    clearing: BTreeSet<PacketId>,
    pub(super) quota: Quota,
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
}

impl Flow {
    fn new(content: Option<u64>, qos: QoS, on_wire: bool) -> Self {
        let (released, retired) = (false, false);
        Self { content, qos, on_wire, released, retired, given_up: false, stream: false }
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
            arrived: Default::default(),
            clearing: BTreeSet::new(),
            quota,
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
        match Packet::decode(frame, self.version).map_err(|e| unreadable(&e))? {
            Packet::Publish(publish) => self.sent_publish(&publish),
            Packet::PubAck(ack) => {
                self.quota.acknowledged(ack.id);
                self.sent_ack(ack.id, 0)
            }
            Packet::PubRec(ack) => {
                if ack.reason.is_error() {
                    self.quota.acknowledged(ack.id);
                }
                self.sent_ack(ack.id, 1)
            }
            Packet::PubComp(ack) => {
                self.quota.acknowledged(ack.id);
                Ok(())
            }
            Packet::PubRel(ack) => self.sent_pubrel(ack.id),
            Packet::PingReq => {
                self.news.pings += 1;
                Ok(())
            }
            Packet::Subscribe(packet) => self.sent_request(packet.id),
            Packet::Unsubscribe(packet) => self.sent_request(packet.id),
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
        if let Some(at) = self.releases.iter().position(|(other, _)| *other == id) {
            if self.releases[..at].iter().any(|(_, sent)| !sent) {
                return Err(fault(Invariant::Order, "PUBREL before that of an earlier PUBREC", id));
            }
            self.releases[at].1 = true;
        }
        let Some(flow) = self.open.get_mut(&id) else {
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
        let Some(id) = publish.delivery.id() else { return Ok(()) };
        let qos = publish.delivery.qos();
        let digest = digest(publish.payload);
        let content = Some(digest);
        self.note_published(id, digest, publish);
        let stream = publish.topic.as_str().starts_with(STREAMS);
        let flow = Flow { stream, ..Flow::new(content, qos, true) };
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
    fn sent_ack(&mut self, id: PacketId, qos: usize) -> Result<(), Fault> {
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

    /// The client got a whole packet, and is about to look at it.
    pub(super) fn received(&mut self, frame: Frame<'_>) {
        self.note('<', frame);
        match Packet::decode(frame, self.version) {
            Ok(Packet::ConnAck(ack)) if !ack.reason.is_error() => {
                if !ack.session_present {
                    self.end_session();
                }
                self.quota.connected(&ack, self.version);
                self.news.connected = Some(ack.properties.server_keep_alive());
            }
            Ok(Packet::Publish(publish)) => {
                let content = Some(digest(publish.payload));
                if publish.topic.as_str().is_empty() {
                    self.news.met.push("an alias of the server's alone");
                }
                self.note_arrived(publish.delivery.id(), publish.delivery.qos() as usize, content);
            }
            Ok(Packet::PubAck(ack)) => {
                self.news.progress |= self.open.remove(&ack.id).is_some();
            }
            Ok(Packet::PubComp(ack)) => self.received_pubcomp(ack.id),
            Ok(Packet::PubRec(ack)) => self.received_pubrec(&ack),
            Ok(Packet::SubAck(ack)) => self.news.progress |= self.requests.remove(&ack.id),
            Ok(Packet::UnsubAck(ack)) => self.news.progress |= self.requests.remove(&ack.id),
            Ok(Packet::PingResp) => self.news.pong = true,
            _ => {}
        }
    }

    fn received_pubrec(&mut self, ack: &Ack<'_>) {
        if ack.reason.is_error() {
            self.news.progress |= self.open.remove(&ack.id).is_some();
        } else if let Some(flow) = self.open.get_mut(&ack.id).filter(|flow| !flow.released) {
            flow.released = true;
            self.news.released.push(flow.content);
            self.news.progress = true;
            self.releases.push((ack.id, false));
        }
    }

    fn received_pubcomp(&mut self, id: PacketId) {
        // One that clears an identifier ends no flow that is not past PUBREC.
        let ends = self.open.get(&id);
        if ends.is_some_and(|flow| flow.released || flow.retired) {
            self.open.remove(&id);
            self.news.progress = true;
        }
        self.news.progress |= self.clearing.remove(&id);
        self.releases.retain(|(other, _)| *other != id);
        self.cleared.insert(id);
    }

    /// The client got the beginning of a packet that it does not take whole.
    pub(super) fn received_part(&mut self, bytes: &[u8]) {
        let Some(first) = bytes.first().filter(|first| *first >> 4 == 3) else { return };
        self.note_arrived(begun_id(bytes), usize::from(first >> 1 & 3), None);
    }

    fn note_arrived(&mut self, id: Option<PacketId>, qos: usize, content: Option<u64>) {
        if let (Some(id), Some(of)) = (id, qos.checked_sub(1)) {
            if self.came.insert(id, content) != Some(content) {
                // Who has another one of that identifier has it of a session whose end was missed.
                self.untaken.remove(&id);
            }
            self.quota.came(id);
            let (full, over) = self.quota.ours_used();
            self.news.met.extend(full.then_some("our quota in use"));
            self.news.met.extend(over.then_some("our quota exceeded"));
            let arrived = &mut self.arrived[of];
            arrived.extend(Some(id).filter(|id| !arrived.contains(id)));
        }
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
        self.quota.end_connection();
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
                self.open.entry(id).or_insert(Flow::new(None, qos, false));
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

fn fault(invariant: Invariant, what: &str, id: PacketId) -> Fault {
    Fault { invariant, text: format!("{what}: #{id}") }
}

fn unreadable(error: &mqtt_as_proto::DecodeError) -> Fault {
    Fault {
        invariant: Invariant::Flow,
        text: format!("the client wrote what is no packet: {error}"),
    }
}
