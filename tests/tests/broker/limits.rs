//! Receive Maximum, Maximum Packet Size, Maximum QoS, topic aliases.

use mqtt_as_proto::packet::{Packet, Publish};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{QoS, Version};
use mqtt_as_tests::broker::BrokerConfig;

use crate::world::{
    Peer, World, ack, alias, clean, describe, lasting, maximum_packet_size, message,
    receive_maximum,
};

/// A client that announces limits.
fn limited(world: &mut World, list: &[Property<'_>]) -> Peer {
    let peer = world.open(lasting(Version::V5, "limited", list));
    world.told(peer);
    world.subscribe(peer, "#", 2);
    peer
}

/// A broker that takes two messages at a time, and a client of it.
fn strict() -> (World, Peer) {
    let mut world = World::with(BrokerConfig { receive_maximum: 2, ..BrokerConfig::default() });
    let peer = world.open(clean(Version::V5, "c"));
    assert_eq!(world.told(peer), ["CONNACK success ReceiveMaximum(2)"]);
    (world, peer)
}

#[test]
fn the_clients_receive_maximum_is_never_exceeded() {
    let mut world = World::new();
    let peer = limited(&mut world, &[receive_maximum(2)]);
    for n in 1..=4 {
        world.publish(peer, 2, n, "a", &n.to_string());
    }
    world.say(peer, "a", "0");
    let told = world.told(peer);
    let sent: Vec<_> = told.iter().filter(|told| told.starts_with('q')).collect();
    assert_eq!(sent, ["q2 #1 a 1", "q2 #2 a 2", "q0 a 0"]);
    world.send(peer, &Packet::PubRec(ack(1)));
    assert_eq!(world.told(peer), ["PUBREL #1"]); // The slot is taken until PUBCOMP.
    world.send(peer, &Packet::PubComp(ack(1)));
    assert_eq!(world.told(peer), ["q2 #3 a 3"]);
}

#[test]
fn a_3_1_1_client_is_sent_no_more_than_the_window() {
    let mut world = World::with(BrokerConfig { window: 3, ..BrokerConfig::default() });
    let peer = world.join(Version::V311, "c");
    world.subscribe(peer, "a", 1);
    for n in 1..=5 {
        world.publish(peer, 1, n, "a", "x");
    }
    let session = &world.broker.sessions()[0];
    assert_eq!((session.in_flight, session.queued), (3, 2));
}

#[test]
fn a_client_that_exceeds_the_brokers_receive_maximum_gets_0x93() {
    let (mut world, peer) = strict();
    world.publish(peer, 2, 1, "a", "1");
    world.publish(peer, 2, 2, "a", "2");
    assert_eq!(world.told(peer).len(), 2);
    world.publish(peer, 2, 2, "a", "2"); // The same again counts once.
    world.publish(peer, 1, 3, "a", "3");
    assert_eq!(world.told(peer), ["PUBREC #2", "DISCONNECT 0x93"]);
    assert_eq!(world.accepted(), ["1", "2"]);
}

#[test]
fn an_acknowledgement_frees_its_slot_once_the_client_can_know_it() {
    let (mut world, peer) = strict();
    for n in 1..=10 {
        world.publish(peer, 1, n, "a", "x");
        world.publish(peer, 2, n + 100, "a", "x");
        world.told(peer);
        world.send(peer, &Packet::PubRel(ack(n + 100)));
        world.told(peer);
    }
    assert!(!world.broker.is_closed(peer.conn));
    // Three at once: no acknowledgement has left the broker yet.
    for n in 1..=3 {
        world.publish(peer, 1, n, "a", "x");
    }
    assert_eq!(world.told(peer).last().map(String::as_str), Some("DISCONNECT 0x93"));
}

#[test]
fn qos_2_ids_of_an_earlier_connection_do_not_count() {
    let config = BrokerConfig { receive_maximum: 1, ..BrokerConfig::default() };
    let mut world = World::with(config);
    let (peer, _) = world.resume(Version::V5, "c");
    world.publish(peer, 2, 1, "a", "1");
    world.lost(peer);
    let (peer, _) = world.resume(Version::V5, "c");
    world.publish(peer, 2, 2, "a", "2");
    assert_eq!(world.told(peer), ["PUBREC #2 0x10"]);
}

#[test]
fn a_message_larger_than_the_client_takes_is_not_sent() {
    let mut world = World::new();
    let peer = limited(&mut world, &[maximum_packet_size(50)]);
    world.publish(peer, 1, 1, "a", &"x".repeat(100));
    world.publish(peer, 1, 2, "a", "small");
    assert_eq!(world.told(peer), ["PUBACK #1", "q1 #2 a small", "PUBACK #2"]);
    assert_eq!(world.broker.sessions()[0].in_flight, 1);
}

#[test]
fn a_packet_larger_than_the_broker_takes_gets_0x95() {
    let config = BrokerConfig { maximum_packet_size: Some(100), ..BrokerConfig::default() };
    let mut world = World::with(config);
    let peer = world.open(clean(Version::V5, "c"));
    assert_eq!(world.told(peer), ["CONNACK success MaximumPacketSize(100)"]);
    world.bytes(peer, &[0x30, 99, 0, 1]); // The fixed header is enough to know.
    assert_eq!(world.told(peer), ["DISCONNECT 0x95"]);
}

#[test]
fn qos_and_retain_beyond_the_announced_get_their_codes() {
    let config = BrokerConfig {
        maximum_qos: QoS::AtLeastOnce,
        retain_available: false,
        ..BrokerConfig::default()
    };
    let mut world = World::with(config);
    let peer = world.open(clean(Version::V5, "c"));
    let connack = "CONNACK success MaximumQoS(MaximumQoS(AtLeastOnce)) RetainAvailable(false)";
    assert_eq!(world.told(peer), [connack]);
    world.ask(peer, "a", mqtt_as_proto::packet::SubscriptionOptions::new(QoS::ExactlyOnce), None);
    assert_eq!(world.told(peer), ["SUBACK #77 1"]);
    world.publish(peer, 2, 1, "b", "x");
    assert_eq!(world.told(peer), ["DISCONNECT 0x9b"]);
    let peer = world.open(clean(Version::V5, "c"));
    world.told(peer);
    world.retain(peer, "b", "x");
    assert_eq!(world.told(peer), ["DISCONNECT 0x9a"]);
}

#[test]
fn an_alias_of_the_client_stands_for_its_topic() {
    let mut world = World::new();
    let sub = world.join(Version::V5, "sub");
    world.subscribe(sub, "#", 0);
    let publisher = world.join(Version::V5, "pub");
    let list = [alias(10)];
    for topic in ["long/topic", "other"] {
        let publish = Publish { properties: Properties::new(&list), ..message(topic, "named") };
        world.send(publisher, &Packet::Publish(publish));
        world.bytes(publisher, b"\x30\x08\0\0\x03\x23\0\x0abc");
    }
    let told = ["q0 long/topic named", "q0 long/topic bc", "q0 other named", "q0 other bc"];
    assert_eq!(world.told(sub), told);
    assert_eq!(world.broker.accepted()[1].topic, "long/topic");
}

#[test]
fn a_bad_alias_ends_the_connection() {
    let cases: [(&[u8], &str); 3] = [
        (b"\x30\x06\0\0\x03\x23\0\x01", "DISCONNECT 0x82"), // not mapped
        (b"\x30\x07\0\x01a\x03\x23\0\x0b", "DISCONNECT 0x94"), // above the maximum
        (b"\x30\x07\0\x01a\x03\x23\0\0", "DISCONNECT 0x94"), // 0
    ];
    for (bytes, wanted) in cases {
        let mut world = World::new();
        let peer = world.join(Version::V5, "c");
        world.bytes(peer, bytes);
        assert_eq!(world.told(peer), [wanted]);
    }
}

#[test]
fn aliases_end_with_the_connection() {
    let mut world = World::new();
    let (peer, _) = world.resume(Version::V5, "c");
    world.bytes(peer, b"\x30\x07\0\x01a\x03\x23\0\x01");
    world.lost(peer);
    let (peer, _) = world.resume(Version::V5, "c");
    world.bytes(peer, b"\x30\x06\0\0\x03\x23\0\x01");
    assert_eq!(world.told(peer), ["DISCONNECT 0x82"]);
}

#[test]
fn the_broker_uses_as_many_aliases_as_the_client_allows() {
    let mut world = World::new();
    let peer = limited(&mut world, &[Property::TopicAliasMaximum(2)]);
    for topic in ["a", "b", "c", "a", "b", "c"] {
        world.say(peer, topic, "x");
    }
    let output = world.broker.take_output(peer.conn);
    let told = describe(&output, Version::V5);
    let wanted =
        ["q0 a x alias=1", "q0 b x alias=2", "q0 c x", "q0  x alias=1", "q0  x alias=2", "q0 c x"];
    assert_eq!(told, wanted);
}

#[test]
fn the_broker_uses_no_alias_if_it_is_told_not_to() {
    let config = BrokerConfig { outbound_aliases: false, ..BrokerConfig::default() };
    let mut world = World::with(config);
    let peer = limited(&mut world, &[Property::TopicAliasMaximum(2)]);
    world.say(peer, "a", "x");
    assert_eq!(world.told(peer), ["q0 a x"]);
}

#[test]
fn a_resend_on_a_new_connection_names_its_topic() {
    let mut world = World::new();
    let list = [Property::TopicAliasMaximum(2), Property::SessionExpiryInterval(60)];
    let peer = limited(&mut world, &list);
    world.publish(peer, 1, 1, "a", "1");
    world.publish(peer, 1, 2, "a", "2");
    world.lost(peer);
    let peer = world.open(lasting(Version::V5, "limited", &list));
    let told = world.told(peer);
    assert_eq!(told[1..], ["dup q1 #1 a 1 alias=1", "dup q1 #2  2 alias=1"]);
}
