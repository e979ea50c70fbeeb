//! Topic aliases, both ways.

use mqtt_as_proto::client::AliasesOut;
use mqtt_as_proto::client::{Config, ConnectionError, Message, Tag, Violation};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Packet, Publish, QoS};
use mqtt_as_proto::property::TopicAliasId;
use mqtt_as_proto::{Properties, Property, Version};

use crate::peer::{Peer, config, dup, encode, incoming, memory, topic};

fn alias(number: u16) -> [Property<'static>; 1] {
    [Property::TopicAlias(TopicAliasId(number.try_into().unwrap()))]
}

/// The server's PUBLISH with an alias; an empty name leaves the topic to it.
fn aliased(number: u16, publish: Publish<'_>, named: bool) -> Vec<u8> {
    let list = alias(number);
    let publish = Publish { properties: Properties::new(&list), ..publish };
    let mut bytes = encode(&Packet::Publish(publish), Version::V5);
    if !named {
        let len = publish.topic.as_bytes().len();
        bytes.drain(4..4 + len);
        bytes[3] = 0;
        bytes[1] -= len as u8;
    }
    bytes
}

// 5.0 [MQTT-3.3.2-10]
#[test]
fn a_mapping_is_kept_and_may_be_replaced() {
    let mut peer = Peer::connected(Version::V5);
    for (name, payload) in [("short", "1"), ("a/much/longer/topic", "2"), ("s", "3")] {
        let first = aliased(2, incoming(0, 0, name, payload), true);
        let line = format!("message q0 {name} {payload}");
        assert_eq!(peer.send_bytes(&first).unwrap(), [line.as_str()]);
        let second = aliased(2, incoming(0, 0, name, payload), false);
        assert_eq!(peer.send_bytes(&second).unwrap(), [line]);
    }
}

/// The announced memory suffices, however often longer topics take the place of shorter ones.
// 5.0 [MQTT-3.3.2-10]
#[test]
fn mappings_that_grow_use_their_memory_again() {
    let mut peer = Peer::connected(Version::V5);
    for len in (100..=900).step_by(100) {
        for number in 1..=4 {
            let name = number.to_string().repeat(len);
            let publish = incoming(0, 0, &name, "x");
            let list = alias(number);
            let publish = Publish { properties: Properties::new(&list), ..publish };
            assert_eq!(peer.message(publish), [format!("message q0 {name} x")]);
        }
    }
    for number in 1..=4 {
        let by_alias = [0x30, 7, 0, 0, 3, 0x23, 0, number, b'y'];
        let name = number.to_string().repeat(900);
        assert_eq!(peer.send_bytes(&by_alias).unwrap(), [format!("message q0 {name} y")]);
    }
}

// Decision [alias-first]
#[test]
fn a_mapping_is_stored_before_the_message_is_recognised_as_a_duplicate() {
    let mut peer = Peer::connected(Version::V5);
    let message = incoming(2, 1, "t", "x");
    peer.message(message);
    assert!(peer.send_bytes(&aliased(1, dup(message), true)).unwrap().is_empty());
    let next = aliased(1, incoming(0, 0, "t", "y"), false);
    assert_eq!(peer.send_bytes(&next).unwrap(), ["message q0 t y"]);
}

// 5.0 [MQTT-3.1.2-26] [MQTT-3.3.2-8] [MQTT-3.3.2-11]
// Decision [alias-wrong]
#[test]
fn alias_0_or_above_the_maximum_is_0x94() {
    let mut zero = aliased(1, incoming(0, 0, "t", "x"), true);
    let at = zero.len() - 2;
    zero[at] = 0;
    let above = aliased(5, incoming(0, 0, "t", "x"), true);
    for bytes in [zero, above] {
        let mut peer = Peer::connected(Version::V5);
        peer.send_bytes(&bytes).unwrap_err();
        assert_eq!(peer.sent(), ["DISCONNECT 0x94"]);
    }
}

// Decision [alias-wrong]
#[test]
fn an_empty_topic_with_an_unmapped_alias_is_0x82() {
    let mut peer = Peer::connected(Version::V5);
    let error = peer.send_bytes(&aliased(3, incoming(0, 0, "t", "x"), false)).unwrap_err();
    assert_eq!(error, ConnectionError::Violation(Violation::UnknownAlias(3)));
    assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
}

// 5.0 [MQTT-3.3.2-7]
#[test]
fn mappings_end_with_the_connection() {
    let mut peer = Peer::connected(Version::V5);
    peer.send_bytes(&aliased(3, incoming(0, 0, "t", "x"), true)).unwrap();
    peer.reconnect(true);
    peer.send_bytes(&aliased(3, incoming(0, 0, "t", "x"), false)).unwrap_err();
}

// 5.0 [MQTT-3.1.2-27] [MQTT-3.3.2-10]
// Decision [alias-memory]
#[test]
fn what_is_announced_fits_the_memory_and_the_wish() {
    let maximum = |config: Config| {
        let mut peer = Peer::with(config);
        peer.begin(false);
        peer.accept(false, &[]);
        let fits = |n| aliased(n, incoming(0, 0, "t", "x"), true);
        (1..=9).take_while(|n| peer.send_bytes(&fits(*n)).is_ok()).count()
    };
    let config = config(Version::V5);
    assert_eq!(maximum(config.clone()), 4);
    assert_eq!(maximum(Config { topic_alias_maximum: 2, ..config.clone() }), 2);
    assert_eq!(maximum(Config { topic_alias_maximum: 0, ..config.clone() }), 0);
    // Four topics of 2 KiB do not fit into 4 KiB.
    let large = Config { maximum_packet_size: 2048, ..config };
    assert_eq!(maximum(large), 2);
}

/// A server that takes `maximum` aliases, a client that uses three.
fn aliasing(maximum: u16) -> Peer {
    let mut peer =
        Peer::with(Config { aliases_out: Some(AliasesOut::up_to(3)), ..config(Version::V5) });
    peer.connect(false, &[Property::TopicAliasMaximum(maximum)]);
    peer
}

fn publish(peer: &mut Peer, name: &str, qos: QoS) -> Vec<String> {
    let message = Message::new(topic(name), "x").qos(qos);
    peer.client.publish(&message, Tag(1), peer.now).unwrap();
    peer.sent()
}

// 5.0 [MQTT-3.2.2-17] [MQTT-3.3.2-8] [MQTT-3.3.2-9]
// Decision [alias-out] [name-or-alias]
#[test]
fn ours_are_assigned_first_come_up_to_both_maxima() {
    let mut peer = aliasing(2);
    for _ in 0..2 {
        publish(&mut peer, "a", QoS::AtMostOnce);
    }
    assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0  x alias 1"]);
    assert_eq!(publish(&mut peer, "b", QoS::AtLeastOnce), ["PUBLISH q1 #1 b x alias 2"]);
    assert_eq!(publish(&mut peer, "b", QoS::ExactlyOnce), ["PUBLISH q2 #2  x alias 2"]);
    assert_eq!(publish(&mut peer, "c", QoS::AtMostOnce), ["PUBLISH q0 c x"]);
    assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0  x alias 1"]);
}

// 5.0 [MQTT-3.2.2-18]
#[test]
fn ours_are_not_used_unless_the_server_takes_them() {
    let mut peer = aliasing(0);
    assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0 a x"]);
    assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0 a x"]);
}

// 5.0 [MQTT-3.3.2-7]
// Decision [alias-out] [name-or-alias]
#[test]
fn resends_start_without_aliases() {
    let mut peer = aliasing(3);
    publish(&mut peer, "a", QoS::AtLeastOnce);
    assert_eq!(publish(&mut peer, "a", QoS::AtLeastOnce), ["PUBLISH q1 #2  x alias 1"]);
    peer.lose();
    peer.connect(true, &[Property::TopicAliasMaximum(3)]);
    assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 a x", "PUBLISH dup q1 #2 a x"]);
    assert_eq!(publish(&mut peer, "b", QoS::AtMostOnce), ["PUBLISH q0 b x alias 1"]);
}

#[test]
fn an_alias_does_not_push_a_message_over_the_servers_maximum() {
    let mut peer =
        Peer::with(Config { aliases_out: Some(AliasesOut::up_to(3)), ..config(Version::V5) });
    let size = Property::MaximumPacketSize(10.try_into().unwrap());
    peer.connect(false, &[Property::TopicAliasMaximum(3), size]);
    assert_eq!(publish(&mut peer, "abc", QoS::AtMostOnce), ["PUBLISH q0 abc x"]);
}

#[test]
fn a_message_passed_on_with_its_properties_may_use_an_alias() {
    let mut peer = aliasing(3);
    let list = [Property::UserProperty(("k", "v"))];
    let original = Publish { properties: Properties::new(&list), ..incoming(0, 0, "a", "x") };
    let bytes = encode(&Packet::Publish(original), Version::V5);
    let (frame, _) = Frame::split(&bytes).unwrap().unwrap();
    let received = Publish::decode(frame, Version::V5).unwrap();
    for topic in ["a", ""] {
        let message = Message::new(received.topic, "x");
        let message = Message { properties: received.properties, ..message };
        peer.client.publish(&message, Tag(1), peer.now).unwrap();
        assert_eq!(peer.sent(), [format!("PUBLISH q0 {topic} x alias 1")]);
    }
}

/// What is refused uses up no alias: the next message would name one that the server does not know.
// Decision [alias-out]
#[test]
fn a_message_above_the_servers_maximum_leaves_the_aliases_alone() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut peer =
            Peer::with(Config { aliases_out: Some(AliasesOut::up_to(3)), ..config(Version::V5) });
        let size = Property::MaximumPacketSize(60.try_into().unwrap());
        peer.connect(false, &[Property::TopicAliasMaximum(3), size]);
        for payload in ["x".repeat(100), "x".repeat(60)] {
            let large = Message::new(topic("a"), payload.as_str()).qos(qos);
            peer.client.publish(&large, Tag(1), peer.now).unwrap_err();
        }
        assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0 a x alias 1"]);
        assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0  x alias 1"]);
    }
}

/// A message that MQTT cannot carry with its alias goes without it, or not at all: either way the
/// alias is not the server's.
#[cfg(feature = "bytes")]
#[test]
fn a_packet_of_the_largest_size_that_there_is_leaves_the_aliases_alone() {
    const LARGEST: usize = 268_435_455;
    const HEAD: usize = 4; // A topic of one byte behind its length, the length of the properties.
    // Without an alias it fits exactly; with one it does not; and the last never does.
    for len in [LARGEST - HEAD, LARGEST - HEAD + 1, LARGEST] {
        let payload = bytes::Bytes::from(vec![0; len]);
        let settings = Config { aliases_out: Some(AliasesOut::up_to(3)), ..config(Version::V5) };
        let mut peer = Peer::with(settings);
        peer.connect(false, &[Property::TopicAliasMaximum(3)]);
        let message = Message::new(topic("a"), &payload);
        let accepted = peer.client.publish(&message, Tag(1), peer.now).is_ok();
        peer.raw();
        assert!(!accepted || len == LARGEST - HEAD);
        assert_eq!(publish(&mut peer, "a", QoS::AtMostOnce), ["PUBLISH q0 a x alias 1"]);
    }
}

#[test]
fn a_message_that_fills_the_outbox_has_no_room_for_an_alias_and_leaves_without() {
    for spare in 0..=8 {
        let config = Config { aliases_out: Some(AliasesOut::up_to(2)), ..config(Version::V5) };
        let mut peer = Peer::in_memory(config, memory(512, 2000), 512);
        peer.connect(false, &[Property::TopicAliasMaximum(2)]);
        // 512 bytes, of which 64 are kept for others; 9 are not payload.
        let payload = "x".repeat(512 - 64 - 9 - spare);
        peer.publish(1, &payload, 7);
        assert_eq!(peer.sent().len(), 1, "{spare} bytes are left");
    }
}
