//! Faults seen on the wire in other clients: one test for each, named after it.

use mqtt_as_proto::client::{Config, ConnectionError, Limit, OperationError, Published, Violation};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::property::TopicAliasId;
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, id, incoming, memory, nack};

fn receive_maximum(maximum: u16) -> Property<'static> {
    Property::ReceiveMaximum(maximum.try_into().unwrap())
}

// 3.1.1 [MQTT-2.3.1-3] [MQTT-3.1.2-4] [MQTT-4.1.0-1] [MQTT-4.3.2-1] [MQTT-4.4.0-1] [MQTT-4.6.0-1]
// 5.0 [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT-4.6.0-1]
#[test]
fn in_flight_qos1_after_a_resumed_session_is_resent_with_dup_same_ids_same_order() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for (tag, payload) in ["a", "b", "c"].into_iter().enumerate() {
            peer.publish(1, payload, tag as u32);
        }
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t a", "PUBLISH q1 #2 t b", "PUBLISH q1 #3 t c"]);
        peer.send(&Packet::PubAck(ack(2)));
        assert_eq!(peer.reconnect(true), ["connected resumed"]);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t a", "PUBLISH dup q1 #3 t c"]);
        assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 0 0x00"]);
    }
}

#[test]
fn session_gone_messages_never_sent_are_sent_on_the_new_session() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[receive_maximum(1)]);
    for tag in 1..=5 {
        peer.publish(1, &format!("m{tag}"), tag);
    }
    assert_eq!(peer.sent(), ["PUBLISH q1 #1 t m1"]);
    peer.lose();
    peer.connect(false, &[]);
    assert_eq!(
        peer.sent(),
        [
            "PUBLISH q1 #6 t m1",
            "PUBLISH q1 #2 t m2",
            "PUBLISH q1 #3 t m3",
            "PUBLISH q1 #4 t m4",
            "PUBLISH q1 #5 t m5"
        ]
    );
    for (tag, id) in [(1, 6), (2, 2), (3, 3), (4, 4), (5, 5)] {
        assert_eq!(peer.send(&Packet::PubAck(ack(id))), [format!("published {tag} 0x00")]);
    }
}

// Decision [republish]
#[test]
fn session_gone_sent_but_unacknowledged_the_caller_learns_it() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { republish: false, ..config(version) });
        peer.publish(1, "a", 1);
        peer.publish(2, "b", 2);
        peer.sent();
        let events = peer.reconnect(false);
        assert_eq!(
            events,
            [
                "connected",
                "ended 1 Unknown { received: false }",
                "ended 2 Unknown { received: false }"
            ]
        );
        assert!(peer.sent().is_empty());
        assert!(peer.client.is_idle());
    }
}

#[test]
fn inbound_topic_alias_the_application_sees_the_full_topic() {
    let mut peer = Peer::connected(Version::V5);
    let alias = [Property::TopicAlias(TopicAliasId(1.try_into().unwrap()))];
    let properties = Properties::new(&alias);
    let first = mqtt_as_proto::packet::Publish { properties, ..incoming(0, 0, "long/topic", "1") };
    assert_eq!(peer.message(first), ["message q0 long/topic 1"]);
    let mut bytes = vec![0x30, 7, 0, 0, 3, 0x23, 0, 1, b'2'];
    assert_eq!(peer.send_bytes(&bytes).unwrap(), ["message q0 long/topic 2"]);
    bytes[8] = b'3';
    assert_eq!(peer.send_bytes(&bytes).unwrap(), ["message q0 long/topic 3"]);
}

// 3.1.1 [MQTT-4.3.3-2]
// 5.0 [MQTT-4.3.3-10]
#[test]
fn qos2_duplicate_before_pubrel_is_not_delivered_again() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        let message = incoming(2, 9, "t", "once");
        assert_eq!(peer.message(message), ["message q2 t once"]);
        assert!(peer.message(dup(message)).is_empty());
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #9"]);
        assert!(peer.message(dup(message)).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #9"]);
        peer.reconnect(true);
        assert!(peer.message(dup(message)).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #9"]);
    }
}

// 3.1.1 [MQTT-3.3.1-3]
#[test]
fn first_sight_of_a_qos2_message_with_dup_is_delivered() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.message(dup(incoming(2, 9, "t", "x"))), ["message q2 t x"]);
    }
}

// 5.0 [MQTT-4.3.3-11]
#[test]
fn pubrel_on_a_resumed_session_gets_pubcomp() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 9, "t", "x"));
        peer.take();
        peer.sent();
        peer.reconnect(true);
        assert!(peer.send(&Packet::PubRel(ack(9))).is_empty());
        assert_eq!(peer.sent(), ["PUBCOMP #9"]);
        // A client that was restarted does not know the identifier, and answers too.
        let mut peer = Peer::with(Config { adopt_session: true, ..config(version) });
        assert_eq!(peer.connect(true, &[]), ["connected adopted"]);
        peer.send(&Packet::PubRel(ack(9)));
        let unknown = if version == Version::V5 { "PUBCOMP #9 0x92" } else { "PUBCOMP #9" };
        assert_eq!(peer.sent(), [unknown]);
    }
}

// 5.0 [MQTT-3.3.4-7] [MQTT-4.9.0-2]
// Decision [window-out]
#[test]
fn brokers_receive_maximum_2_never_more_than_2_outstanding() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[receive_maximum(2)]);
    for tag in 1..=20 {
        peer.publish(if tag % 2 == 0 { 2 } else { 1 }, "x", tag);
    }
    let mut outstanding = Vec::new();
    let mut last = 0;
    while last < 20 {
        for packet in peer.sent() {
            last = packet.split('#').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
            outstanding.push(last);
        }
        assert_eq!(outstanding.len(), 2);
        finish(&mut peer, outstanding.remove(0));
    }
    finish(&mut peer, 20);
    assert!(peer.client.is_idle());
}

/// The server acknowledges for good: odd identifiers are QoS 1, even ones QoS 2.
fn finish(peer: &mut Peer, id: u16) {
    if id % 2 == 1 {
        peer.send(&Packet::PubAck(ack(id)));
        return;
    }
    peer.send(&Packet::PubRec(ack(id)));
    assert_eq!(peer.sent(), [format!("PUBREL #{id}")]);
    assert_eq!(peer.send(&Packet::PubComp(ack(id))), [format!("published {id} 0x00")]);
}

// 5.0 [MQTT-3.3.4-9]
// Decision [strict]
#[test]
fn our_receive_maximum_2_exceeded_gets_disconnect_0x93() {
    let strict = Config { receive_maximum: 2, strict: true, ..config(Version::V5) };
    let mut peer = Peer::connected_with(strict);
    peer.message(incoming(1, 1, "t", "a"));
    peer.message(incoming(2, 2, "t", "b"));
    // A DUP of a counted message counts once; QoS 0 does not count.
    peer.message(dup(incoming(1, 1, "t", "a")));
    peer.message(incoming(0, 0, "t", "z"));
    peer.take();
    let error = ConnectionError::Violation(Violation::ReceiveMaximum);
    peer.message(incoming(2, 3, "t", "c"));
    assert_eq!(peer.try_send(&Packet::Publish(incoming(1, 4, "t", "d"))), Err(error));
    // What was taken is acknowledged first, or it would never end.
    assert_eq!(peer.sent(), ["PUBACK #1", "DISCONNECT 0x93"]);
    // The message that was too much is not lost: it is delivered when it comes again.
    peer.reconnect(true);
    assert_eq!(peer.message(incoming(1, 4, "t", "d")), ["message q1 t d"]);
}

// 5.0 [MQTT-4.4.0-2]
// Decision [pubrec-error]
#[test]
fn pubrec_0x87_twenty_times_at_window_2_the_slots_come_back() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[receive_maximum(2)]);
    for tag in 1..=22 {
        peer.publish(2, "x", tag);
    }
    for id in 1..=20 {
        peer.sent();
        let events = peer.send(&Packet::PubRec(nack(id, 0x87)));
        assert_eq!(events, [format!("published {id} 0x87")]);
    }
    assert_eq!(peer.sent(), ["PUBLISH q2 #22 t x"]);
    assert_eq!(peer.client.pending(), 2);
}

// 5.0 [MQTT-4.3.3-4]
#[test]
fn pubrec_of_three_bytes_is_parsed() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(2, "x", 1);
    peer.sent();
    assert!(peer.send_bytes(&[0x50, 3, 0, 1, 0x10]).unwrap().is_empty());
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    peer.publish(2, "y", 2);
    peer.sent();
    assert_eq!(peer.send_bytes(&[0x50, 3, 0, 2, 0x97]).unwrap(), ["published 2 0x97"]);
}

#[test]
fn qos0_queued_before_the_first_connect_is_sent() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        let published = peer.publish(0, "early", 7);
        assert!(matches!(published, Published::Pending(_)));
        peer.connect(false, &[]);
        assert_eq!(peer.sent(), ["PUBLISH q0 t early"]);
        assert_eq!(peer.events(), ["ended 7 Left"]);
        assert_eq!(peer.publish(0, "later", 8), Published::Left);
    }
}

#[test]
fn a_thousand_queued_qos0_leave_in_a_handful_of_writes() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.writes = 0;
        let mut sent = 0;
        for n in 0..1000 {
            if peer.try_publish(0, "payload", n) == Err(OperationError::NoRoom) {
                sent += peer.sent().len();
                peer.publish(0, "payload", n);
            }
        }
        sent += peer.sent().len();
        assert_eq!(sent, 1000);
        assert!(peer.writes <= 2, "{} writes", peer.writes);
    }
}

/// The core's half: a publish in the middle of incoming messages needs none of them to be taken.
#[test]
fn app_awaits_publish_in_its_own_event_loop_and_makes_progress() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for id in 1..=4 {
            peer.message(incoming(1, id, "t", "flood"));
        }
        peer.publish(1, "answer", 7);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t answer"]);
        assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 7 0x00"]);
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #1"]);
    }
}

/// The core's half: with all slots held, 3.1.1 sheds, and acknowledgements and pings go on.
#[test]
fn slow_consumer_bounded_memory_acks_and_pings_go_on() {
    let mut peer = Peer::connected(Version::V311);
    for id in 1..=100 {
        peer.message(incoming(1, id, "t", "flood"));
    }
    assert_eq!(peer.tokens.len(), 8, "as long as the queue");
    assert!(peer.client.is_full());
    peer.publish(1, "mine", 1);
    peer.client.ping();
    assert!(!peer.client.is_full(), "a reply is awaited");
    assert_eq!(peer.sent(), ["PUBLISH q1 #1 t mine", "PINGREQ"]);
    assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 1 0x00"]);
    assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
    assert!(peer.client.is_connected());
}

// 3.1.1 [MQTT-2.3.1-7] [MQTT-3.8.4-2]
// 5.0 [MQTT-2.2.1-6] [MQTT-3.8.4-2]
// Decision [unknown-id] [pingresp-unasked]
#[test]
fn acknowledgements_nobody_waits_for_and_unasked_pingresp_are_ignored() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for packet in [Packet::PubAck(ack(77)), Packet::PubComp(ack(77)), Packet::PingResp] {
            assert!(peer.send(&packet).is_empty());
        }
        let unsuback: &[u8] = match version {
            Version::V311 => &[0xb0, 2, 0, 77],
            Version::V5 => &[0xb0, 4, 0, 77, 0, 0],
        };
        assert!(peer.send_bytes(unsuback).unwrap().is_empty());
        assert!(peer.send(&crate::peer::suback(77, &[0])).is_empty());
        assert!(peer.sent().is_empty());
        assert!(peer.client.is_connected());
    }
}

// Decision [disconnect-flushes]
#[test]
fn large_qos0_burst_then_disconnect_everything_accepted_is_sent_first() {
    for version in BOTH {
        let mut peer = Peer::in_memory(config(version), memory(512, 25600), 512);
        peer.connect(false, &[]);
        let mut accepted = 0;
        while peer.try_publish(0, "burst", accepted).is_ok() {
            accepted += 1;
        }
        peer.publish(1, "last", 99);
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        let sent = peer.sent();
        assert_eq!(
            sent.iter().filter(|line| *line == "PUBLISH q0 t burst").count(),
            accepted as usize
        );
        assert_eq!(sent[accepted as usize..], ["PUBLISH q1 #1 t last", "DISCONNECT 0x00"]);
        assert_eq!(peer.lose().qos0, 0);
    }
}

#[test]
fn a_message_larger_than_the_servers_maximum_is_refused_at_the_call() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[Property::MaximumPacketSize(20.try_into().unwrap())]);
    let limit = Limit::MaximumPacketSize;
    let error = peer.try_publish(1, &"x".repeat(30), 1).unwrap_err();
    assert_eq!(error, OperationError::Forbidden(limit));
    assert_eq!(peer.publish(1, "x", 2), Published::Pending(id(1)));
}
