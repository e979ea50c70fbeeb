//! QoS 2, as receiver (delivered at PUBLISH, method B) and as sender.

use mqtt_as_proto::client::Acknowledged;
use mqtt_as_proto::packet::{Ack, Packet};
use mqtt_as_proto::{Properties, Property, Version};

use crate::peer::{BOTH, Peer, ack, dup, incoming, nack};

// 3.1.1 [MQTT-4.3.3-2]
// 5.0 [MQTT-2.2.1-5] [MQTT-4.3.3-11]
// Decision [method-b]
#[test]
fn an_identifier_is_stored_until_pubrel_and_then_free() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(2, 5, "t", "x");
        peer.message(message);
        peer.take();
        peer.sent();
        peer.send(&Packet::PubRel(ack(5)));
        assert_eq!(peer.sent(), ["PUBCOMP #5"]);
        assert_eq!(peer.message(message), ["message q2 t x"]);
    }
}

// 3.1.1 [MQTT-3.1.2-4] [MQTT-4.1.0-1]
// 5.0 [MQTT-3.1.2-23] [MQTT-4.3.3-10]
// Decision [stored-is-answered]
#[test]
fn a_stored_identifier_is_always_answered_with_pubrec_success() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(2, 5, "t", "x");
        peer.message(message);
        peer.take();
        for _ in 0..3 {
            assert_eq!(peer.sent(), ["PUBREC #5"]);
            peer.reconnect(true);
            assert!(peer.message(dup(message)).is_empty());
        }
    }
}

// 3.1.1 [MQTT-3.2.2-3]
// 5.0 [MQTT-3.1.2-6] [MQTT-3.2.2-5]
// Decision [stored-is-cleared]
#[test]
fn session_present_0_clears_the_stored_identifiers() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 5, "t", "x"));
        peer.take();
        peer.sent();
        peer.reconnect(false);
        assert_eq!(peer.message(incoming(2, 5, "t", "y")), ["message q2 t y"]);
    }
}

// 3.1.1 [MQTT-3.1.2-6]
// 5.0 [MQTT-3.1.2-4]
// Decision [stored-is-cleared]
#[test]
fn a_clean_start_clears_the_stored_identifiers() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 5, "t", "x"));
        peer.take();
        peer.sent();
        peer.lose();
        peer.begin(true);
        peer.accept(false, &[]);
        assert_eq!(peer.message(incoming(2, 5, "t", "y")), ["message q2 t y"]);
    }
}

// Decision [taken-comes-again]
#[test]
fn taken_after_its_connection_it_is_remembered_as_delivered() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(2, 5, "t", "x");
        peer.message(message);
        peer.lose();
        assert_eq!(peer.take(), Acknowledged::Stale);
        peer.connect(true, &[]);
        assert!(peer.message(dup(message)).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #5"]);
    }
}

// Decision [taken-comes-again] [method-b]
#[test]
fn a_pubrec_that_never_left_is_remembered_as_delivered() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(2, 5, "t", "x");
        peer.message(message);
        peer.take();
        peer.reconnect(true);
        assert!(peer.message(dup(message)).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #5"]);
    }
}

// 3.1.1 [MQTT-2.3.1-6] [MQTT-4.3.3-1]
// 5.0 [MQTT-2.2.1-5] [MQTT-3.3.4-10] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT-4.3.3-5]
#[test]
fn the_sender_releases_after_pubrec_and_is_done_at_pubcomp() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 3);
        assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x"]);
        assert!(peer.send(&Packet::PubRec(ack(1))).is_empty());
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 3 0x00"]);
        assert!(peer.client.is_idle());
    }
}

// Decision [pubrec-again]
#[test]
fn pubrec_again_after_pubrel_gets_pubrel_again() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 3);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        assert_eq!(peer.sent(), ["PUBREL #1"]);
    }
}

// 3.1.1 [MQTT-4.3.3-1] [MQTT-4.4.0-1]
// 5.0 [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1]
#[test]
fn after_a_resume_pubrels_are_resent_in_the_order_of_the_pubrecs() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for tag in 1..=4 {
            peer.publish(2, "x", tag);
        }
        peer.sent();
        peer.send(&Packet::PubRec(ack(3)));
        peer.send(&Packet::PubRec(ack(1)));
        peer.sent();
        peer.reconnect(true);
        assert_eq!(
            peer.sent(),
            ["PUBREL #3", "PUBREL #1", "PUBLISH dup q2 #2 t x", "PUBLISH dup q2 #4 t x"]
        );
        assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 1 0x00"]);
    }
}

#[test]
fn pubcomp_0x92_ends_the_flow_too() {
    let mut peer = Peer::connected(mqtt_as_proto::Version::V5);
    peer.publish(2, "x", 3);
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    peer.reconnect(true);
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    assert_eq!(peer.send(&Packet::PubComp(nack(1, 0x92))), ["published 3 0x00"]);
}

// Decision [pubrec-error]
#[test]
fn pubrec_with_an_error_frees_id_and_slot_only_in_the_publish_state() {
    let mut peer = Peer::connected(mqtt_as_proto::Version::V5);
    peer.publish(2, "x", 3);
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    assert!(peer.send(&Packet::PubRec(nack(1, 0x80))).is_empty());
    assert_eq!(peer.client.pending(), 1);
    assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 3 0x00"]);
}

/// What the server made of the message is said in PUBREC; PUBCOMP only ends the flow (3.5.2.1).
#[test]
fn the_reason_of_pubrec_is_that_of_the_message_over_a_resume_too() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(2, "x", 1);
    peer.publish(2, "y", 2);
    peer.sent();
    peer.send(&Packet::PubRec(nack(1, 0x10)));
    peer.send(&Packet::PubRec(ack(2)));
    peer.sent();
    peer.reconnect(true);
    assert_eq!(peer.sent(), ["PUBREL #1", "PUBREL #2"]);
    assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 1 0x10"]);
    assert_eq!(peer.send(&Packet::PubComp(nack(2, 0x92))), ["published 2 0x00"]);
}

/// However often a server says it: a caller keeps it, and must not keep more and more.
#[test]
fn what_the_server_says_beside_an_acknowledgement_is_told_once() {
    let list = [Property::ReasonString("why")];
    let said = |number| Ack { properties: Properties::new(&list), ..ack(number) };
    let mut peer = Peer::connected(Version::V5);
    peer.publish(2, "x", 1);
    peer.publish(1, "y", 2);
    peer.sent();
    assert_eq!(peer.send(&Packet::PubRec(said(1))), ["explained 1 why"]);
    assert!(peer.send(&Packet::PubRec(said(1))).is_empty());
    peer.sent();
    assert!(peer.send(&Packet::PubRec(said(1))).is_empty());
    let end = ["explained 1 why", "published 1 0x00"];
    assert_eq!(peer.send(&Packet::PubComp(said(1))), end);
    assert!(peer.send(&Packet::PubComp(said(1))).is_empty());
    assert_eq!(peer.send(&Packet::PubAck(said(2))), ["explained 2 why", "published 2 0x00"]);
    assert!(peer.send(&Packet::PubAck(said(2))).is_empty());
    assert!(peer.send(&Packet::PubRel(said(9))).is_empty());
}
