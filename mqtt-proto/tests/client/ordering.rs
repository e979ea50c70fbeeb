//! PUBREC and PUBREL leave in the order in which what they answer came [MQTT-4.6.0-3]
//! [MQTT-4.6.0-4], over resumes too.

use mqtt_as_proto::Version;
use mqtt_as_proto::client::Consumer;
use mqtt_as_proto::packet::Packet;

use crate::peer::{BOTH, Peer, ack, dup, encode, incoming};

/// Packets that come in one piece.
fn segment(peer: &mut Peer, packets: &[Packet<'_>]) {
    let version = peer.version;
    let bytes: Vec<u8> = packets.iter().flat_map(|packet| encode(packet, version)).collect();
    assert!(peer.send_bytes(&bytes).unwrap().is_empty());
}

/// The first message is held, the second taken: its PUBREC has to wait for that of the first.
fn second_taken(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.message(incoming(2, 1, "t", "first"));
    peer.message(incoming(2, 2, "t", "second"));
    peer.tokens.swap(0, 1);
    peer.take();
    assert!(peer.sent().is_empty());
    peer
}

// 3.1.1 [MQTT-4.6.0-3]
// 5.0 [MQTT-4.6.0-3]
// Decision [order-of-answers]
#[test]
fn after_a_resume_the_pubrec_of_the_second_message_waits_for_that_of_the_first() {
    for version in BOTH {
        let mut peer = second_taken(version);
        peer.reconnect(true);
        assert!(peer.message(dup(incoming(2, 1, "t", "first"))).is_empty());
        assert!(peer.message(dup(incoming(2, 2, "t", "second"))).is_empty());
        assert!(peer.sent().is_empty(), "the first is still held");
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #1", "PUBREC #2"]);
    }
}

/// Over any number of resumes, and for those that come behind them.
// 3.1.1 [MQTT-4.6.0-3]
// 5.0 [MQTT-4.6.0-3]
#[test]
fn pubrecs_keep_the_order_of_arrival_however_often_the_link_is_lost() {
    for version in BOTH {
        let mut peer = second_taken(version);
        for _ in 0..3 {
            peer.reconnect(true);
            peer.message(dup(incoming(2, 1, "t", "first")));
            peer.message(dup(incoming(2, 2, "t", "second")));
        }
        peer.message(incoming(2, 3, "t", "third"));
        peer.tokens.swap(0, 1);
        peer.take();
        assert!(peer.sent().is_empty(), "the first is still held");
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #1", "PUBREC #2", "PUBREC #3"]);
    }
}

/// The first one was taken and not acknowledged, and is stored again behind the second one; then the
/// link is lost before the second one comes again.
#[test]
fn pubacks_keep_the_order_of_arrival_where_an_earlier_resume_was_cut() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 1, "t", "first"));
        peer.message(incoming(1, 2, "t", "second"));
        peer.client.finish(Consumer::Queue, peer.tokens[0]);
        peer.reconnect(true);
        assert_eq!(peer.message(dup(incoming(1, 1, "t", "first"))), ["message q1 t first"]);
        for _ in 0..2 {
            peer.reconnect(true);
            assert!(peer.message(dup(incoming(1, 1, "t", "first"))).is_empty());
        }
        assert!(peer.message(dup(incoming(1, 2, "t", "second"))).is_empty());
        while !peer.tokens.is_empty() {
            peer.take();
        }
        assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2"]);
    }
}

/// A server that keeps the order within each topic only.
// 3.1.1 [MQTT-4.6.0-2] [MQTT-4.6.0-3]
// 5.0 [MQTT-4.6.0-2] [MQTT-4.6.0-3]
#[test]
fn answers_keep_the_order_in_which_a_server_sends_again() {
    for (version, qos) in BOTH.into_iter().flat_map(|version| [(version, 1), (version, 2)]) {
        let mut peer = Peer::connected(version);
        for id in 1..=3 {
            peer.message(incoming(qos, id, &format!("t/{id}"), "x"));
        }
        peer.reconnect(true);
        for id in [3, 1, 2] {
            assert!(peer.message(dup(incoming(qos, id, &format!("t/{id}"), "x"))).is_empty());
        }
        while !peer.tokens.is_empty() {
            peer.take();
        }
        let answer = if qos == 1 { "PUBACK" } else { "PUBREC" };
        assert_eq!(peer.sent(), [3, 1, 2].map(|id| format!("{answer} #{id}")));
    }
}

/// Two QoS 2 messages sent, whose PUBRECs came the other way round.
fn received_in_reverse(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.publish(2, "one", 1);
    peer.publish(2, "two", 2);
    peer.sent();
    segment(&mut peer, &[Packet::PubRec(ack(2)), Packet::PubRec(ack(1))]);
    peer
}

// 3.1.1 [MQTT-4.6.0-4]
// 5.0 [MQTT-4.6.0-4]
#[test]
fn pubrecs_in_one_segment_are_answered_in_their_order() {
    for version in BOTH {
        let mut peer = received_in_reverse(version);
        assert_eq!(peer.sent(), ["PUBREL #2", "PUBREL #1"]);
    }
}

/// One that came before, or is not known, has its place among the others.
#[test]
fn pubrecs_that_came_before_or_are_of_nobody_are_answered_in_their_order_too() {
    for version in BOTH {
        for numbers in [[1, 2], [2, 1], [9, 2], [2, 9]] {
            let mut peer = Peer::connected(version);
            peer.publish(2, "one", 1);
            peer.publish(2, "two", 2);
            peer.sent();
            peer.send(&Packet::PubRec(ack(1)));
            assert_eq!(peer.sent(), ["PUBREL #1"]);
            segment(&mut peer, &numbers.map(|number| Packet::PubRec(ack(number))));
            let sent = peer.sent();
            assert_eq!(sent.len(), 2);
            for (line, number) in sent.iter().zip(numbers) {
                assert!(line.starts_with(&format!("PUBREL #{number}")), "{numbers:?}: {sent:?}");
            }
        }
    }
}

#[test]
fn pubrels_go_again_in_that_order_after_a_resume() {
    for version in BOTH {
        for left in [false, true] {
            let mut peer = received_in_reverse(version);
            if left {
                peer.sent();
            }
            for _ in 0..2 {
                peer.reconnect(true);
                assert_eq!(peer.sent(), ["PUBREL #2", "PUBREL #1"]);
            }
        }
    }
}

// 3.1.1 [MQTT-4.6.0-4]
// 5.0 [MQTT-4.6.0-4]
// Decision [order-of-answers]
#[test]
fn pubrels_keep_the_order_of_the_pubrecs_on_both_sides_of_a_resume() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for tag in 1..=4 {
            peer.publish(2, "x", tag);
        }
        peer.sent();
        segment(&mut peer, &[Packet::PubRec(ack(4)), Packet::PubRec(ack(2))]);
        peer.reconnect(true);
        let resent = ["PUBLISH dup q2 #1 t x", "PUBLISH dup q2 #3 t x"];
        assert_eq!(peer.sent(), [["PUBREL #4", "PUBREL #2"], resent].concat());
        segment(&mut peer, &[Packet::PubRec(ack(3)), Packet::PubRec(ack(1))]);
        assert_eq!(peer.sent(), ["PUBREL #3", "PUBREL #1"]);
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBREL #4", "PUBREL #2", "PUBREL #3", "PUBREL #1"]);
    }
}
