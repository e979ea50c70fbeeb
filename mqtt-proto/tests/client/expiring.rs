//! Message Expiry counts while a message waits, connected or not: an expired one gives its room
//! and its fate at once.

use mqtt_as_proto::client::{Config, Message, OperationError, Tag};
use mqtt_as_proto::packet::{Packet, QoS};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{Peer, ack, config, qos, topic};

/// A publish that lives for so many seconds, if any.
pub(crate) fn publish(
    peer: &mut Peer,
    qos: QoS,
    payload: &str,
    seconds: u32,
    tag: u32,
) -> Result<(), OperationError> {
    let list = [Property::MessageExpiryInterval(seconds)];
    let message = Message::new(topic("t"), payload).qos(qos);
    let message = Message { properties: Properties::new(&list), ..message };
    peer.client.publish(&message, Tag(tag), peer.now).map(drop)
}

fn expired(tag: u32) -> String {
    format!("ended {tag} NeverSent(Expired)")
}

/// A client without a connection, that has room for four messages.
fn down() -> Peer {
    Peer::with(Config { in_flight: 4, ..config(Version::V5) })
}

// Decision [expiry]
#[test]
fn while_down_the_fate_is_told_at_the_deadline() {
    for qos_ in 0..=2 {
        for lost in [false, true] {
            let mut peer = down();
            if lost {
                peer.connect(false, &[]);
                peer.lose();
            }
            publish(&mut peer, qos(qos_), "x", 5, 1).unwrap();
            assert_eq!(peer.client.poll_timeout(), Some(peer.now.after(5_000)));
            peer.advance(4_999).unwrap();
            assert!(peer.events().is_empty());
            peer.advance(1).unwrap();
            assert_eq!(peer.events(), [expired(1)]);
            assert!(peer.client.is_idle());
            assert_eq!(peer.client.poll_timeout(), None);
        }
    }
}

#[test]
fn while_down_a_store_full_of_expired_messages_has_room() {
    for qos_ in 1..=2 {
        let mut peer = down();
        for tag in 1..=4 {
            publish(&mut peer, qos(qos_), "old", 5, tag).unwrap();
        }
        assert_eq!(peer.try_publish(qos_, "fresh", 5), Err(OperationError::NoRoom));
        peer.advance(5_000).unwrap();
        for tag in 5..=8 {
            peer.publish(qos_, "fresh", tag);
        }
        assert_eq!(peer.events(), [expired(1), expired(2), expired(3), expired(4)]);
        peer.connect(false, &[]);
        let fresh = |id: u16| format!("PUBLISH q{qos_} #{id} t fresh");
        assert_eq!(peer.sent(), [fresh(5), fresh(6), fresh(7), fresh(8)]);
    }
}

#[test]
fn each_expires_at_its_own_time() {
    let mut peer = down();
    for (tag, seconds) in [(1, 30), (2, 10), (3, 20)] {
        publish(&mut peer, QoS::AtLeastOnce, "x", seconds, tag).unwrap();
    }
    peer.publish(1, "stays", 4);
    for tag in [2, 3, 1] {
        peer.advance(9_999).unwrap();
        assert!(peer.events().is_empty());
        peer.advance(1).unwrap();
        assert_eq!(peer.events(), [expired(tag)]);
    }
    peer.connect(false, &[]);
    assert_eq!(peer.sent(), ["PUBLISH q1 #4 t stays"]);
}

// Decision [expiry]
#[test]
fn connected_and_waiting_for_the_server_it_expires_at_its_time_too() {
    let mut peer = down();
    peer.connect(false, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    peer.publish(1, "sent", 1);
    publish(&mut peer, QoS::AtLeastOnce, "waits", 5, 2).unwrap();
    assert_eq!(peer.sent(), ["PUBLISH q1 #1 t sent"]);
    peer.advance(5_000).unwrap();
    assert_eq!(peer.events(), [expired(2)]);
    peer.publish(1, "fresh", 3);
    peer.send(&Packet::PubAck(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #3 t fresh"]);
}

// 5.0 [MQTT-4.3.3-7]
#[test]
fn what_was_sent_does_not_expire_while_down() {
    let mut peer = Peer::connected_with(Config { response_time: 0, ..config(Version::V5) });
    publish(&mut peer, QoS::AtLeastOnce, "one", 5, 1).unwrap();
    publish(&mut peer, QoS::ExactlyOnce, "two", 5, 2).unwrap();
    peer.sent();
    peer.lose();
    peer.advance(60_000).unwrap();
    assert!(peer.events().is_empty());
    peer.connect(true, &[]);
    assert_eq!(peer.sent().len(), 2);
    assert!(peer.give_up(1));
}

/// What lay in the outbox when its time came, or when the connection was lost.
// Decision [expiry]
#[test]
fn what_did_not_leave_a_connection_that_was_lost_expires_at_its_time() {
    for qos_ in 1..=2 {
        for left in [5, 0] {
            let mut peer = down();
            peer.connect(false, &[]);
            peer.stuck = true;
            publish(&mut peer, qos(qos_), "stuck", 5, 1).unwrap();
            peer.offer();
            peer.advance(5_000 - left).unwrap();
            assert!(peer.events().is_empty(), "it may leave at any time");
            peer.lose();
            peer.advance(left).unwrap();
            assert_eq!(peer.events(), [expired(1)], "QoS {qos_}, {left} ms before");
        }
    }
}

/// Of the server nothing is awaited any more, but its time runs on.
#[test]
fn what_waits_while_the_connection_ends_expires_at_its_time() {
    for lost in [false, true] {
        let mut peer = down();
        peer.connect(false, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
        peer.publish(1, "sent", 1);
        publish(&mut peer, QoS::AtLeastOnce, "waits", 5, 2).unwrap();
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t sent", "DISCONNECT 0x00"]);
        if lost {
            peer.lose();
        }
        peer.advance(4_999).unwrap();
        assert!(peer.events().is_empty());
        peer.advance(1).unwrap();
        assert_eq!(peer.events(), [expired(2)]);
    }
}

/// A device without a connection sleeps.
#[test]
fn a_message_that_does_not_expire_leaves_no_deadline_behind_its_connection() {
    for qos_ in 0..=2 {
        let mut peer = down();
        peer.connect(false, &[]);
        peer.stuck = true;
        peer.publish(qos_, "x", 1);
        peer.offer();
        peer.lose();
        assert_eq!(peer.client.poll_timeout(), None);
    }
}
