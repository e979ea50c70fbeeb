//! A broker, its clients and the time, so that a test reads as a story.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{
    Ack, Connect, Delivery, Disconnect, Filters, Packet, Publish, Subscribe, Subscription,
    SubscriptionOptions, Subscriptions, Unsubscribe, Will,
};
use mqtt_as_proto::property::{Properties, Property, SubscriptionId, TopicAliasId};
use mqtt_as_proto::{Instant, PacketId, QoS, ReasonCode, TopicFilter, TopicName, Version};
use mqtt_as_tests::broker::{Broker, BrokerConfig, ConnId};

pub(crate) const BOTH: [Version; 2] = [Version::V311, Version::V5];

/// A client's end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) conn: ConnId,
    version: Version,
}

/// A broker without sockets.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) now: Instant,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(BrokerConfig::default())
    }

    pub(crate) fn with(config: BrokerConfig) -> Self {
        Self { broker: Broker::new(config), now: Instant::from_millis(1_000_000) }
    }

    /// Connects without a look at the answer.
    pub(crate) fn open(&mut self, connect: Connect<'_>) -> Peer {
        let peer = Peer { conn: self.broker.open(), version: connect.version };
        self.send(peer, &Packet::Connect(connect));
        peer
    }

    /// A client of that name with a new session that ends with the connection.
    pub(crate) fn join(&mut self, version: Version, client_id: &str) -> Peer {
        let peer = self.open(clean(version, client_id));
        assert_eq!(self.told(peer)[0], "CONNACK success");
        peer
    }

    /// A client of that name with a session that stays; what it was told besides CONNACK.
    pub(crate) fn resume(&mut self, version: Version, id: &str) -> (Peer, Vec<String>) {
        let peer = self.open(lasting(version, id, &[Property::SessionExpiryInterval(60)]));
        let told = self.told(peer);
        (peer, told)
    }

    pub(crate) fn send(&mut self, peer: Peer, packet: &Packet<'_>) {
        let bytes = packet.encode_to_vec(peer.version).expect("a good packet");
        self.broker.handle_bytes(peer.conn, &bytes, self.now);
    }

    pub(crate) fn bytes(&mut self, peer: Peer, bytes: &[u8]) {
        self.broker.handle_bytes(peer.conn, bytes, self.now);
    }

    /// Subscribes to one filter; what it was told besides SUBACK.
    pub(crate) fn subscribe(&mut self, peer: Peer, filter: &str, qos: u8) -> Vec<String> {
        let qos = QoS::from_bits(qos).expect("a QoS");
        self.subscribe_with(peer, filter, SubscriptionOptions::new(qos), None)
    }

    pub(crate) fn subscribe_with(
        &mut self,
        peer: Peer,
        filter: &str,
        options: SubscriptionOptions,
        id: Option<u32>,
    ) -> Vec<String> {
        self.ask(peer, filter, options, id);
        let mut told = self.told(peer);
        assert_eq!(told.remove(0), format!("SUBACK #77 {}", options.qos as u8));
        told
    }

    /// Sends a SUBSCRIBE.
    pub(crate) fn ask(
        &mut self,
        peer: Peer,
        filter: &str,
        options: SubscriptionOptions,
        subscription_id: Option<u32>,
    ) {
        let list = [Subscription { filter: TopicFilter::new(filter).expect("a filter"), options }];
        let subscription_id = subscription_id.and_then(SubscriptionId::new);
        let properties: Vec<_> =
            subscription_id.map(Property::SubscriptionIdentifier).into_iter().collect();
        let packet = Subscribe {
            id: id(77),
            properties: Properties::new(&properties),
            filters: Subscriptions::new(&list),
        };
        self.send(peer, &Packet::Subscribe(packet));
    }

    pub(crate) fn unsubscribe(&mut self, peer: Peer, filter: &str) -> Vec<String> {
        let list = [TopicFilter::new(filter).expect("a filter")];
        let filters = Filters::new(&list);
        let packet = Unsubscribe { id: id(78), properties: Properties::NONE, filters };
        self.send(peer, &Packet::Unsubscribe(packet));
        self.told(peer)
    }

    /// QoS 0.
    pub(crate) fn say(&mut self, peer: Peer, topic: &str, payload: &str) {
        self.send(peer, &Packet::Publish(message(topic, payload)));
    }

    /// QoS 0, 1 or 2 with an id.
    pub(crate) fn publish(&mut self, peer: Peer, qos: u8, n: u16, topic: &str, payload: &str) {
        let delivery = Delivery::new(QoS::from_bits(qos).expect("a QoS"), id(n));
        self.send(peer, &Packet::Publish(Publish { delivery, ..message(topic, payload) }));
    }

    pub(crate) fn retain(&mut self, peer: Peer, topic: &str, payload: &str) {
        self.send(peer, &Packet::Publish(Publish { retain: true, ..message(topic, payload) }));
    }

    pub(crate) fn disconnect(&mut self, peer: Peer) {
        self.send(peer, &Packet::Disconnect(Disconnect::default()));
        assert!(self.broker.is_closed(peer.conn));
        self.lost(peer);
    }

    pub(crate) fn lost(&mut self, peer: Peer) {
        self.broker.lost(peer.conn, self.now);
    }

    /// Lets time pass, with all that happens meanwhile.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end = self.now.after(ms);
        while let Some(at) = self.broker.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.broker.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// What the client was sent since the last look, in words.
    pub(crate) fn told(&mut self, peer: Peer) -> Vec<String> {
        let output = self.broker.take_output(peer.conn);
        describe(&output, peer.version)
    }

    /// The payloads of the messages that the broker accepted.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
        self.broker.accepted().iter().map(|message| text(&message.payload)).collect()
    }
}

pub(crate) fn id(n: u16) -> PacketId {
    PacketId::new(n).expect("not 0")
}

pub(crate) fn ack(n: u16) -> Ack<'static> {
    Ack::new(id(n), ReasonCode::SUCCESS)
}

pub(crate) fn message<'a>(topic: &'a str, payload: &'a str) -> Publish<'a> {
    Publish::new(TopicName::new(topic).expect("a topic"), payload.as_bytes())
}

pub(crate) fn clean(version: Version, client_id: &str) -> Connect<'_> {
    Connect { version, clean_start: true, client_id, ..Connect::default() }
}

/// 3.1.1 clients keep a session by CleanSession 0 alone.
pub(crate) fn lasting<'a>(
    version: Version,
    client_id: &'a str,
    list: &'a [Property<'a>],
) -> Connect<'a> {
    let list = if version == Version::V5 { list } else { &[] };
    Connect { version, client_id, properties: Properties::new(list), ..Connect::default() }
}

pub(crate) fn will<'a>(topic: &'a str, payload: &'a str, list: &'a [Property<'a>]) -> Will<'a> {
    Will {
        topic: TopicName::new(topic).expect("a topic"),
        payload: payload.as_bytes(),
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Properties::new(list),
    }
}

pub(crate) fn alias(n: u16) -> Property<'static> {
    Property::TopicAlias(TopicAliasId(id(n)))
}

pub(crate) fn receive_maximum(n: u16) -> Property<'static> {
    Property::ReceiveMaximum(NonZeroU16::new(n).expect("not 0"))
}

pub(crate) fn maximum_packet_size(n: u32) -> Property<'static> {
    Property::MaximumPacketSize(NonZeroU32::new(n).expect("not 0"))
}

pub(crate) fn describe(mut bytes: &[u8], version: Version) -> Vec<String> {
    let mut told = Vec::new();
    while !bytes.is_empty() {
        let (frame, rest) = Frame::split(bytes).expect("a header").expect("a whole packet");
        told.push(words(&Packet::decode(frame, version).expect("a good packet")));
        bytes = rest;
    }
    told
}

fn words(packet: &Packet<'_>) -> String {
    let kind = packet.packet_type();
    match packet {
        Packet::ConnAck(connack) => {
            let present = if connack.session_present { " present" } else { "" };
            format!("CONNACK{present} {}{}", connack.reason.text(), notes(connack.properties))
        }
        Packet::Publish(publish) => publish_words(publish),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            format!("{kind} #{}{}", ack.id, code(ack.reason))
        }
        Packet::SubAck(ack) => format!("SUBACK #{} {}", ack.id, codes(ack.codes)),
        Packet::UnsubAck(ack) => format!("UNSUBACK #{} {}", ack.id, codes(ack.codes)),
        Packet::Disconnect(packet) => format!("DISCONNECT{}", code(packet.reason)),
        _ => kind.to_string(),
    }
}

fn publish_words(publish: &Publish<'_>) -> String {
    let flag = |on: bool, name: &'static str| if on { name } else { "" };
    let id = publish.delivery.id().map(|id| format!("#{id} ")).unwrap_or_default();
    format!(
        "{}{}q{} {id}{} {}{}",
        flag(publish.dup, "dup "),
        flag(publish.retain, "retained "),
        publish.delivery.qos() as u8,
        publish.topic,
        String::from_utf8_lossy(publish.payload),
        notes(publish.properties),
    )
}

fn notes(properties: Properties<'_>) -> String {
    let hidden = |property: &Property<'_>| {
        matches!(property, Property::TopicAliasMaximum(10)) // The default of every CONNACK.
    };
    let note = |property: Property<'_>| match property {
        Property::SubscriptionIdentifier(id) => format!(" id={}", id.get()),
        Property::TopicAlias(alias) => format!(" alias={}", alias.0),
        Property::MessageExpiryInterval(seconds) => format!(" expiry={seconds}"),
        Property::UserProperty((name, value)) => format!(" {name}={value}"),
        other => format!(" {other:?}"),
    };
    properties.into_iter().filter(|property| !hidden(property)).map(note).collect()
}

fn code(reason: ReasonCode) -> String {
    if reason == ReasonCode::SUCCESS { String::new() } else { format!(" {:#04x}", reason.as_u8()) }
}

fn codes(codes: &[u8]) -> String {
    codes.iter().map(|code| format!("{code:x}")).collect::<Vec<_>>().join(" ")
}
