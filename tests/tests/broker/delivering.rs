//! QoS 0, 1 and 2 on one connection, both ways.

use mqtt_as_proto::packet::{Ack, Delivery, Packet, Publish};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{QoS, ReasonCode, TopicName, Version};

use crate::world::{BOTH, World, ack, id, message};

#[test]
fn qos_2_goes_through_its_four_steps_both_ways() {
    for version in BOTH {
        let mut world = World::new();
        let peer = world.join(version, "c");
        world.subscribe(peer, "a", 2);
        world.publish(peer, 2, 7, "a", "x");
        assert_eq!(world.told(peer), ["q2 #1 a x", "PUBREC #7"]);
        world.send(peer, &Packet::PubRel(ack(7)));
        world.send(peer, &Packet::PubRec(ack(1)));
        assert_eq!(world.told(peer), ["PUBCOMP #7", "PUBREL #1"]);
        assert_eq!(world.broker.sessions()[0].in_flight, 1);
        world.send(peer, &Packet::PubComp(ack(1)));
        let session = &world.broker.sessions()[0];
        assert_eq!((session.in_flight, session.unreleased), (0, 0));
    }
}

#[test]
fn a_qos_2_duplicate_is_accepted_once() {
    for version in BOTH {
        let mut world = World::new();
        let peer = world.join(version, "c");
        world.publish(peer, 2, 7, "a", "once");
        let delivery = Delivery::ExactlyOnce(id(7));
        let again = Publish { dup: true, delivery, ..message("a", "once") };
        world.send(peer, &Packet::Publish(again));
        let told = world.told(peer);
        assert!(told[0].starts_with("PUBREC #7") && told[1] == "PUBREC #7", "{told:?}");
        assert_eq!(world.accepted(), ["once"]);
        // After PUBREL the id is another message's.
        world.send(peer, &Packet::PubRel(ack(7)));
        world.publish(peer, 2, 7, "a", "next");
        assert_eq!(world.accepted(), ["once", "next"]);
        assert_eq!(world.broker.accepted()[1].qos, QoS::ExactlyOnce);
    }
}

#[test]
fn qos_1_duplicates_are_accepted_each() {
    let mut world = World::new();
    let peer = world.join(Version::V311, "c");
    world.publish(peer, 1, 7, "a", "x");
    world.publish(peer, 1, 7, "a", "x");
    assert_eq!(world.told(peer), ["PUBACK #7", "PUBACK #7"]);
    assert_eq!(world.accepted(), ["x", "x"]);
}

#[test]
fn the_publisher_learns_that_nobody_listens() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.publish(peer, 1, 7, "a", "x");
    world.publish(peer, 2, 8, "a", "x");
    assert_eq!(world.told(peer), ["PUBACK #7 0x10", "PUBREC #8 0x10"]);
}

#[test]
fn unknown_ids_are_named_in_5_0() {
    for (version, code) in [(Version::V5, " 0x92"), (Version::V311, "")] {
        let mut world = World::new();
        let peer = world.join(version, "c");
        world.send(peer, &Packet::PubRel(ack(7)));
        world.send(peer, &Packet::PubRec(ack(8)));
        world.send(peer, &Packet::PubAck(ack(9)));
        world.send(peer, &Packet::PubComp(ack(10)));
        assert_eq!(world.told(peer), [format!("PUBCOMP #7{code}"), format!("PUBREL #8{code}")]);
        assert!(!world.broker.is_closed(peer.conn));
    }
}

#[test]
fn the_wrong_kind_of_acknowledgement_is_a_protocol_error() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.subscribe(peer, "a", 1);
    world.publish(peer, 1, 7, "a", "x");
    world.told(peer);
    world.send(peer, &Packet::PubRec(ack(1)));
    assert_eq!(world.told(peer), ["DISCONNECT 0x82"]);
}

#[test]
fn a_refused_qos_2_message_frees_its_id() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.subscribe(peer, "a", 2);
    world.publish(peer, 2, 7, "a", "x");
    world.told(peer);
    world.send(peer, &Packet::PubRec(Ack::new(id(1), ReasonCode::NOT_AUTHORIZED)));
    assert_eq!(world.told(peer), [""; 0]);
    assert_eq!(world.broker.sessions()[0].in_flight, 0);
}

#[test]
fn properties_of_a_message_are_forwarded() {
    let mut world = World::new();
    let publisher = world.join(Version::V5, "pub");
    let [sub, old] = [Version::V5, Version::V311].map(|version| {
        let peer = world.join(version, &format!("sub of {version}"));
        world.subscribe(peer, "a", 0);
        peer
    });
    let list = [
        Property::PayloadFormatIndicator(true),
        Property::ContentType("text"),
        Property::ResponseTopic(TopicName::new("answers").expect("a topic")),
        Property::CorrelationData(&[1, 2]),
        Property::UserProperty(("k", "1")),
        Property::UserProperty(("k", "2")),
    ];
    let properties = Properties::new(&list);
    world.send(publisher, &Packet::Publish(Publish { properties, ..message("a", "x") }));
    let wanted = "q0 a x PayloadFormatIndicator(true) ContentType(\"text\") \
        ResponseTopic(TopicName(\"answers\")) CorrelationData([1, 2]) k=1 k=2";
    assert_eq!(world.told(sub), [wanted]);
    assert_eq!(world.told(old), ["q0 a x"]);
}

#[test]
fn a_message_expires_while_it_waits_and_tells_what_is_left() {
    let mut world = World::new();
    let (sub, _) = world.resume(Version::V5, "sub");
    world.subscribe(sub, "a", 1);
    world.lost(sub);
    let publisher = world.join(Version::V5, "pub");
    for (n, seconds, payload) in [(1, 5, "short"), (2, 50, "long")] {
        let list = [Property::MessageExpiryInterval(seconds)];
        let properties = Properties::new(&list);
        let delivery = Delivery::AtLeastOnce(id(n));
        let publish = Publish { properties, delivery, retain: true, ..message("a", payload) };
        world.send(publisher, &Packet::Publish(publish));
    }
    assert_eq!(world.broker.sessions()[1].queued, 2);
    world.wait(10_500);
    assert_eq!(world.broker.sessions()[1].queued, 1);
    let (_, told) = world.resume(Version::V5, "sub");
    assert_eq!(told, ["CONNACK present success", "q1 #1 a long expiry=40"]);
    // The retained message goes the same way.
    world.told(publisher);
    assert_eq!(world.subscribe(publisher, "a", 0), ["retained q0 a long expiry=40"]);
    world.wait(39_500);
    assert_eq!(world.subscribe(publisher, "a", 0), [""; 0]);
}
