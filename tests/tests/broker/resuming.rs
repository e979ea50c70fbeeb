//! Sessions that outlive their connections.

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Delivery, Packet, Publish};
use mqtt_as_proto::property::Property;

use crate::world::{BOTH, Peer, World, ack, id, lasting, message, receive_maximum};

/// A subscriber whose session stays, and a publisher.
fn world(version: Version) -> (World, Peer, Peer) {
    let mut world = World::new();
    let (sub, _) = world.resume(version, "sub");
    world.subscribe(sub, "#", 2);
    let publisher = world.join(version, "pub");
    (world, sub, publisher)
}

const PRESENT: &str = "CONNACK present success";

#[test]
fn messages_wait_for_a_client_that_is_away_but_qos_0() {
    for version in BOTH {
        let (mut world, sub, publisher) = world(version);
        world.lost(sub);
        world.publish(publisher, 1, 1, "a", "1");
        world.say(publisher, "a", "0");
        world.publish(publisher, 2, 2, "a", "2");
        let (_, told) = world.resume(version, "sub");
        assert_eq!(told, [PRESENT, "q1 #1 a 1", "q2 #2 a 2"]);
    }
}

#[test]
fn unacknowledged_messages_are_sent_again_in_order_before_new_ones() {
    for version in BOTH {
        let (mut world, sub, publisher) = world(version);
        world.publish(publisher, 1, 1, "a", "1");
        world.publish(publisher, 2, 2, "a", "2");
        world.publish(publisher, 1, 3, "a", "3");
        world.send(sub, &Packet::PubAck(ack(3)));
        world.lost(sub);
        world.publish(publisher, 1, 4, "a", "4");
        let (_, told) = world.resume(version, "sub");
        assert_eq!(told, [PRESENT, "dup q1 #1 a 1", "dup q2 #2 a 2", "q1 #4 a 4"]);
    }
}

#[test]
fn after_pubrec_only_pubrel_is_sent_again() {
    for version in BOTH {
        let (mut world, sub, publisher) = world(version);
        world.publish(publisher, 2, 1, "a", "1");
        world.publish(publisher, 2, 2, "a", "2");
        world.send(sub, &Packet::PubRec(ack(2)));
        world.lost(sub);
        let (sub, told) = world.resume(version, "sub");
        assert_eq!(told, [PRESENT, "dup q2 #1 a 1", "PUBREL #2"]);
        world.send(sub, &Packet::PubComp(ack(2)));
        world.send(sub, &Packet::PubRec(ack(1)));
        world.send(sub, &Packet::PubRec(ack(1))); // PUBREC again: PUBREL again.
        assert_eq!(world.told(sub), ["PUBREL #1", "PUBREL #1"]);
        world.send(sub, &Packet::PubComp(ack(1)));
        assert_eq!(world.broker.sessions()[1].in_flight, 0);
    }
}

#[test]
fn a_qos_2_message_sent_again_on_a_new_connection_is_accepted_once() {
    for version in BOTH {
        let mut world = World::new();
        let (peer, _) = world.resume(version, "c");
        world.publish(peer, 2, 7, "a", "once");
        world.lost(peer);
        let (peer, _) = world.resume(version, "c");
        let delivery = Delivery::ExactlyOnce(id(7));
        let again = Publish { dup: true, delivery, ..message("a", "once") };
        world.send(peer, &Packet::Publish(again));
        world.send(peer, &Packet::PubRel(ack(7)));
        assert_eq!(world.told(peer), ["PUBREC #7", "PUBCOMP #7"]);
        assert_eq!(world.accepted(), ["once"]);
    }
}

#[test]
fn a_clean_start_forgets_what_waited() {
    for version in BOTH {
        let (mut world, sub, publisher) = world(version);
        world.publish(publisher, 1, 1, "a", "1");
        world.lost(sub);
        let sub = world.join(version, "sub");
        world.publish(publisher, 1, 2, "a", "2");
        assert_eq!(world.told(sub), [""; 0]);
    }
}

#[test]
fn a_takeover_resumes_what_was_on_its_way() {
    let (mut world, sub, publisher) = world(Version::V5);
    world.publish(publisher, 1, 1, "a", "1");
    world.told(sub);
    let (_, told) = world.resume(Version::V5, "sub");
    assert_eq!(told, [PRESENT, "dup q1 #1 a 1"]);
    assert_eq!(world.told(sub), ["DISCONNECT 0x8e"]);
}

#[test]
fn a_smaller_receive_maximum_holds_for_what_is_sent_again() {
    let (mut world, sub, publisher) = world(Version::V5);
    for n in 1..=3 {
        world.publish(publisher, 1, n, "a", &n.to_string());
    }
    world.lost(sub);
    let list = [Property::SessionExpiryInterval(60), receive_maximum(1)];
    let sub = world.open(lasting(Version::V5, "sub", &list));
    assert_eq!(world.told(sub), [PRESENT, "dup q1 #1 a 1"]);
    world.send(sub, &Packet::PubAck(ack(1)));
    assert_eq!(world.told(sub), ["dup q1 #2 a 2"]);
    world.publish(publisher, 1, 4, "a", "4");
    world.send(sub, &Packet::PubAck(ack(2)));
    world.send(sub, &Packet::PubAck(ack(3)));
    assert_eq!(world.told(sub), ["dup q1 #3 a 3", "q1 #4 a 4"]);
}

#[test]
fn a_session_may_change_its_version() {
    let (mut world, sub, publisher) = world(Version::V311);
    world.publish(publisher, 2, 1, "a", "1");
    world.lost(sub);
    let (_, told) = world.resume(Version::V5, "sub");
    assert_eq!(told, [PRESENT, "dup q2 #1 a 1"]);
}
