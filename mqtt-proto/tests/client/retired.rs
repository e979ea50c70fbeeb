//! Retired identifiers: their publish was given up, and the server may still hold them. None is
//! retired for longer than one reconnect.

use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Config, Property, Version};

use crate::peer::{BOTH, Peer, ack, config, memory, nack};

/// A client that has room for so many messages on their way.
fn places(version: Version, count: u16) -> Peer {
    Peer::connected_with(Config { in_flight: count, ..config(version) })
}

/// One QoS 2 message with the identifier 1, sent and given up, before or past its PUBREC.
fn given_up(version: Version, received: bool) -> Peer {
    let mut peer = places(version, 4);
    peer.publish(2, "given up", 1);
    peer.sent();
    if received {
        peer.send(&Packet::PubRec(ack(1)));
        assert_eq!(peer.sent(), ["PUBREL #1"]);
    }
    assert!(peer.give_up(1));
    assert_eq!(peer.events(), [format!("ended 1 Unknown {{ received: {received} }}")]);
    peer
}

// Decision [retired]
#[test]
fn a_qos_1_identifier_that_was_given_up_is_free_on_the_next_connection() {
    for version in BOTH {
        let mut peer = places(version, 2);
        for round in 0..4 {
            let first = 1 + round * 2;
            for tag in 1..=2 {
                peer.publish(1, "x", tag);
            }
            peer.sent();
            assert!(peer.give_up(first) && peer.give_up(first + 1));
            peer.reconnect(true);
            assert!(peer.sent().is_empty(), "nothing is sent again");
        }
    }
}

#[test]
fn a_qos_1_message_that_was_given_up_takes_no_place_of_the_server_on_the_next_connection() {
    let mut peer = places(Version::V5, 4);
    peer.publish(1, "given up", 1);
    peer.sent();
    assert!(peer.give_up(1));
    peer.lose();
    peer.publish(1, "next", 2);
    peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t next"]);
}

#[test]
fn a_message_that_was_given_up_gives_its_bytes_back_at_once() {
    for (version, qos) in BOTH.into_iter().flat_map(|version| [(version, 1), (version, 2)]) {
        let mut peer = Peer::in_memory(config(version), memory(1024, 1500), 1024);
        peer.connect(false, &[]);
        let large = "x".repeat(900);
        peer.publish(qos, &large, 1);
        peer.sent();
        assert!(peer.try_publish(qos, &large, 2).is_err(), "there is room for one");
        assert!(peer.give_up(1));
        peer.publish(qos, &large, 2);
        assert_eq!(peer.sent(), [format!("PUBLISH q{qos} #2 t <900 bytes>")]);
    }
}

// Decision [retired]
#[test]
fn a_qos_2_flow_that_was_given_up_is_closed_on_the_next_connection() {
    for version in BOTH {
        for received in [false, true] {
            let mut peer = given_up(version, received);
            peer.reconnect(true);
            assert_eq!(peer.sent(), ["PUBREL #1"]);
            let gone = if version == Version::V5 { 0x92 } else { 0 };
            assert!(peer.send(&Packet::PubComp(nack(1, gone))).is_empty(), "it was told");
            assert!(peer.client.is_idle());
            peer.reconnect(true);
            assert!(peer.sent().is_empty(), "it is closed for good");
        }
    }
}

#[test]
fn its_pubrel_goes_again_until_pubcomp_comes() {
    for version in BOTH {
        for received in [false, true] {
            let mut peer = given_up(version, received);
            for _ in 0..3 {
                peer.reconnect(true);
                assert_eq!(peer.sent(), ["PUBREL #1"]);
            }
        }
    }
}

#[test]
fn given_up_before_its_pubrel_left_it_is_released_on_the_next_connection() {
    for version in BOTH {
        let mut peer = places(version, 4);
        peer.publish(2, "x", 1);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        assert!(peer.give_up(1));
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBREL #1"]);
    }
}

/// The transport took none of the resend; the server may hold it from the connection before.
#[test]
fn given_up_while_its_resend_stands_in_the_outbox_it_is_closed_on_the_next_connection() {
    for version in BOTH {
        let mut peer = places(version, 4);
        peer.publish(2, "given up", 1);
        peer.sent();
        peer.reconnect(true);
        peer.offer();
        assert!(peer.give_up(1));
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        peer.send(&Packet::PubComp(ack(1)));
        assert_eq!(peer.client.held_bytes(), (0, 0));
    }
}

#[test]
fn given_up_without_a_connection_it_is_closed_on_the_next_one() {
    for version in BOTH {
        let mut peer = places(version, 4);
        peer.publish(2, "given up", 1);
        peer.sent();
        peer.lose();
        assert!(peer.give_up(1));
        assert_eq!(peer.events(), ["ended 1 Unknown { received: false }"]);
        peer.connect(true, &[]);
        assert_eq!(peer.sent(), ["PUBREL #1"]);
    }
}

#[test]
fn given_up_while_its_resend_waits_for_the_server_it_is_closed_at_once() {
    let mut peer = places(Version::V5, 4);
    peer.publish(2, "first", 1);
    peer.publish(2, "given up", 2);
    peer.sent();
    peer.lose();
    peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    assert_eq!(peer.sent(), ["PUBLISH dup q2 #1 t first"]);
    assert!(peer.give_up(2));
    assert_eq!(peer.events(), ["ended 2 Unknown { received: false }"]);
    assert_eq!(peer.sent(), ["PUBREL #2"]);
}

// 5.0 [MQTT-3.3.4-7]
// Decision [retired]
#[test]
fn what_was_given_up_counts_with_the_server_until_its_flow_is_closed() {
    for received in [false, true] {
        let mut peer = given_up(Version::V5, received);
        peer.lose();
        peer.publish(1, "next", 2);
        peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        peer.send(&Packet::PubComp(ack(1)));
        assert_eq!(peer.sent(), ["PUBLISH q1 #2 t next"]);
    }
}

#[test]
fn its_place_in_memory_is_free_when_its_flow_is_closed() {
    for version in BOTH {
        let mut peer = places(version, 2);
        for round in 0..4 {
            let first = 1 + round * 2;
            for tag in 1..=2 {
                peer.publish(2, "x", tag);
            }
            peer.sent();
            assert!(peer.give_up(first) && peer.give_up(first + 1));
            peer.reconnect(true);
            assert_eq!(peer.sent(), [format!("PUBREL #{first}"), format!("PUBREL #{}", first + 1)]);
            for id in [first, first + 1] {
                peer.send(&Packet::PubComp(ack(id)));
            }
        }
    }
}
