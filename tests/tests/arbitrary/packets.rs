//! Arbitrary valid packets: the 15 types, in the versions that have them.

use mqtt_as_proto::packet::{
    Ack, Auth, ConnAck, Connect, Delivery, Disconnect, Filters, Packet, Publish, RetainHandling,
    SubAck, Subscribe, Subscription, SubscriptionOptions, Subscriptions, UnsubAck, Unsubscribe,
    Will,
};
use mqtt_as_proto::{PacketType, Properties, QoS, ReasonCode, Version};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::properties;
use crate::text::{bytes, filter, id, name, payload, text};

type Any = BoxedStrategy<Packet<'static>>;

/// A packet, and its version.
pub(crate) fn any() -> impl Strategy<Value = (Packet<'static>, Version)> {
    let of = |version| (packet(version), Just(version));
    prop_oneof![of(Version::V311), of(Version::V5)]
}

/// Several of one version.
pub(crate) fn several() -> impl Strategy<Value = (Vec<Packet<'static>>, Version)> {
    let of = |version| (vec(packet(version), 1..6), Just(version));
    prop_oneof![of(Version::V311), of(Version::V5)]
}

fn packet(version: Version) -> Any {
    let both = [
        connect(version),
        connack(version),
        publish(version),
        ack(PacketType::PubAck, version),
        ack(PacketType::PubRec, version),
        ack(PacketType::PubRel, version),
        ack(PacketType::PubComp, version),
        subscribe(version),
        suback(version),
        unsubscribe(version),
        unsuback(version),
        Just(Packet::PingReq).boxed(),
        Just(Packet::PingResp).boxed(),
        disconnect(version),
    ];
    let auth = (version == Version::V5).then(auth);
    proptest::strategy::Union::new(both.into_iter().chain(auth)).boxed()
}

/// The properties of that packet, which 3.1.1 has not.
fn properties(of: &'static str, version: Version) -> BoxedStrategy<Properties<'static>> {
    match version {
        Version::V311 => Just(Properties::NONE).boxed(),
        Version::V5 => properties::of(of).boxed(),
    }
}

/// A reason code that the packet may carry; 3.1.1 has none.
fn reason(kind: PacketType, version: Version) -> BoxedStrategy<ReasonCode> {
    let listed = (0..=255).map(ReasonCode::from_u8).filter(|reason| reason.is_listed_for(kind));
    match version {
        Version::V311 => Just(ReasonCode::SUCCESS).boxed(),
        Version::V5 => proptest::sample::select(listed.collect::<Vec<_>>()).boxed(),
    }
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn connect(version: Version) -> Any {
    let who = (text(), option::of(text()), option::of(bytes()));
    let how = (proptest::bool::ANY, proptest::num::u16::ANY);
    let all = (who, how, option::of(will(version)), properties("CONNECT", version));
    let packet = all.prop_map(move |((client_id, user_name, password), how, will, properties)| {
        let (clean_start, keep_alive) = how;
        // 3.1.1 has no password without a user name [MQTT-3.1.2-22].
        let password = password.filter(|_| version == Version::V5 || user_name.is_some());
        let who = Connect { client_id, user_name, password, ..Connect::default() };
        Packet::Connect(Connect { version, clean_start, keep_alive, will, properties, ..who })
    });
    packet.boxed()
}

fn will(version: Version) -> impl Strategy<Value = Will<'static>> {
    let all = (name(), bytes(), qos(), proptest::bool::ANY, properties("will", version));
    all.prop_map(|(topic, payload, qos, retain, properties)| Will {
        topic,
        payload,
        qos,
        retain,
        properties,
    })
}

fn connack(version: Version) -> Any {
    let reason = match version {
        Version::V311 => (0..6_u8).prop_filter_map("a code", ReasonCode::from_return_code).boxed(),
        Version::V5 => reason(PacketType::ConnAck, version),
    };
    let all = (proptest::bool::ANY, reason, properties("CONNACK", version));
    let packet = all.prop_map(|(present, reason, properties)| {
        // A refusal has no session [MQTT-3.2.2-6].
        let session_present = present && reason == ReasonCode::SUCCESS;
        Packet::ConnAck(ConnAck { session_present, reason, properties })
    });
    packet.boxed()
}

fn publish(version: Version) -> Any {
    let flags = (proptest::bool::ANY, proptest::bool::ANY, qos(), id());
    let all = (flags, name(), properties("PUBLISH", version), payload());
    let packet = all.prop_map(|((dup, retain, qos, id), topic, properties, payload)| {
        let dup = dup && qos != QoS::AtMostOnce; // [MQTT-3.3.1-2]
        let delivery = Delivery::new(qos, id);
        Packet::Publish(Publish { dup, retain, delivery, topic, properties, payload })
    });
    packet.boxed()
}

fn ack(kind: PacketType, version: Version) -> Any {
    let (name, new): (_, fn(Ack<'static>) -> Packet<'static>) = match kind {
        PacketType::PubAck => ("PUBACK", Packet::PubAck),
        PacketType::PubRec => ("PUBREC", Packet::PubRec),
        PacketType::PubRel => ("PUBREL", Packet::PubRel),
        _ => ("PUBCOMP", Packet::PubComp),
    };
    let all = (id(), reason(kind, version), properties(name, version));
    all.prop_map(move |(id, reason, properties)| new(Ack { id, reason, properties })).boxed()
}

fn subscribe(version: Version) -> Any {
    let all = (id(), properties("SUBSCRIBE", version), vec(subscription(version), 1..5));
    let packet = all.prop_map(|(id, properties, list)| {
        Packet::Subscribe(Subscribe { id, properties, filters: Subscriptions::new(list.leak()) })
    });
    packet.boxed()
}

fn subscription(version: Version) -> impl Strategy<Value = Subscription<'static>> {
    let handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    let more =
        (proptest::bool::ANY, proptest::bool::ANY, proptest::sample::select(handling.to_vec()));
    (filter(), qos(), more).prop_map(move |(filter, qos, (local, retain, handling))| {
        let mut options = SubscriptionOptions::new(qos);
        if version == Version::V5 {
            options.no_local = local && filter.share_name().is_none(); // [MQTT-3.8.3-4]
            (options.retain_as_published, options.retain_handling) = (retain, handling);
        }
        Subscription { filter, options }
    })
}

fn suback(version: Version) -> Any {
    let code = match version {
        Version::V311 => proptest::sample::select(&[0, 1, 2, 0x80][..]).boxed(),
        Version::V5 => reason(PacketType::SubAck, version).prop_map(ReasonCode::as_u8).boxed(),
    };
    let all = (id(), properties("SUBACK", version), vec(code, 1..5));
    let packet = all.prop_map(|(id, properties, codes)| {
        Packet::SubAck(SubAck { id, properties, codes: codes.leak() })
    });
    packet.boxed()
}

fn unsubscribe(version: Version) -> Any {
    let all = (id(), properties("UNSUBSCRIBE", version), vec(filter(), 1..5));
    let packet = all.prop_map(|(id, properties, list)| {
        Packet::Unsubscribe(Unsubscribe { id, properties, filters: Filters::new(list.leak()) })
    });
    packet.boxed()
}

fn unsuback(version: Version) -> Any {
    let code = reason(PacketType::UnsubAck, version).prop_map(ReasonCode::as_u8);
    let most = if version == Version::V5 { 1..5 } else { 0..1 };
    let all = (id(), properties("UNSUBACK", version), vec(code, most));
    let packet = all.prop_map(|(id, properties, codes)| {
        Packet::UnsubAck(UnsubAck { id, properties, codes: codes.leak() })
    });
    packet.boxed()
}

fn disconnect(version: Version) -> Any {
    let all = (reason(PacketType::Disconnect, version), properties("DISCONNECT", version));
    let new = |(reason, properties)| Packet::Disconnect(Disconnect { reason, properties });
    all.prop_map(new).boxed()
}

fn auth() -> Any {
    let all = (reason(PacketType::Auth, Version::V5), properties("AUTH", Version::V5));
    all.prop_map(|(reason, properties)| Packet::Auth(Auth { reason, properties })).boxed()
}
