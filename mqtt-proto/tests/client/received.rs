//! What the client makes of what it receives: each message is answered as its QoS wants.

use mqtt_as_proto::packet::{Packet, Publish};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::broken_rules::State;
use crate::peer::{BOTH, Peer, ack, config, dup, incoming, suback};

// 3.1.1 [MQTT-2.3.1-6] [MQTT-3.3.4-1]
// 5.0 [MQTT-2.2.1-5] [MQTT-3.3.4-1]
#[test]
fn the_answer_is_that_of_the_qos() {
    for version in BOTH {
        for (qos, id, answer) in
            [(0, 0, None), (1, 3, Some("PUBACK #3")), (2, 4, Some("PUBREC #4"))]
        {
            let mut peer = Peer::connected(version);
            assert_eq!(peer.message(incoming(qos, id, "t", "x")), [format!("message q{qos} t x")]);
            peer.tokens.pop_front().map(|token| peer.acknowledge(token, ReasonCode::SUCCESS));
            assert_eq!(peer.sent(), answer.into_iter().collect::<Vec<_>>());
        }
    }
}

/// The identifier is free with PUBACK: what comes with it then is another message, whatever DUP says.
// 3.1.1 [MQTT-4.3.2-2]
// 5.0 [MQTT-4.3.2-5]
#[test]
fn behind_puback_the_same_identifier_is_a_new_message() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for _ in 0..3 {
            assert_eq!(peer.message(dup(incoming(1, 5, "t", "x"))), ["message q1 t x"]);
            peer.take();
            assert_eq!(peer.sent(), ["PUBACK #5"]);
        }
    }
}

// 3.1.1 [MQTT-4.3.3-2]
// 5.0 [MQTT-4.3.3-12]
#[test]
fn behind_pubcomp_the_same_identifier_is_a_new_message() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for _ in 0..3 {
            assert_eq!(peer.message(dup(incoming(2, 5, "t", "x"))), ["message q2 t x"]);
            peer.take();
            assert_eq!(peer.sent(), ["PUBREC #5"]);
            peer.send(&Packet::PubRel(ack(5)));
            assert_eq!(peer.sent(), ["PUBCOMP #5"]);
        }
    }
}

/// Whatever a server says of its time: once it is here, its flow is finished.
// 5.0 [MQTT-4.3.3-13]
#[test]
fn a_message_whose_time_has_passed_is_received_to_the_end() {
    let list = [Property::MessageExpiryInterval(1)];
    let expires = |publish| Publish { properties: Properties::new(&list), ..publish };
    let mut peer = Peer::connected(Version::V5);
    peer.message(expires(incoming(2, 5, "t", "x")));
    peer.advance(5_000).unwrap();
    peer.take();
    assert_eq!(peer.sent(), ["PUBREC #5"]);
    peer.advance(5_000).unwrap();
    assert!(peer.message(dup(expires(incoming(2, 5, "t", "x")))).is_empty());
    assert_eq!(peer.sent(), ["PUBREC #5"]);
    peer.send(&Packet::PubRel(ack(5)));
    assert_eq!(peer.sent(), ["PUBCOMP #5"]);
}

// 3.1.1 [MQTT-1.5.3-3]
// 5.0 [MQTT-1.5.4-3]
#[test]
fn a_byte_order_mark_is_a_character_of_the_topic() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(0, 0, "\u{feff}a", "x");
        assert_eq!(peer.message(message), ["message q0 \u{feff}a x"]);
    }
}

/// DUP says something of that copy only: on the first one that comes it means nothing.
// 3.1.1 [MQTT-3.3.1-3]
// 5.0 [MQTT-3.3.1-3]
#[test]
fn dup_on_a_first_copy_means_nothing() {
    for version in BOTH {
        for qos in 1..=2 {
            let mut peer = Peer::connected(version);
            let told = format!("message q{qos} t x");
            assert_eq!(peer.message(dup(incoming(qos, 9, "t", "x"))), [told]);
        }
    }
}

// 3.1.1 [MQTT-3.8.4-1] [MQTT-3.10.4-4]
// 5.0 [MQTT-3.8.4-1] [MQTT-3.10.4-4]
#[test]
fn a_subscribe_or_unsubscribe_that_is_not_answered_ends_the_connection() {
    for version in BOTH {
        for unsubscribes in [false, true] {
            let quick =
                mqtt_as_proto::Config { response_time: 1_000, max_repubs: 0, ..config(version) };
            let mut peer = Peer::connected_with(quick);
            if unsubscribes {
                State::Unsubscribed.reach(&mut peer);
            } else {
                State::Subscribed.reach(&mut peer);
            }
            // What nobody has asked for is no answer.
            peer.send(&suback(77, &[0]));
            assert_eq!(peer.advance(999), Ok(()));
            peer.advance(1).expect_err("no answer");
        }
    }
}
