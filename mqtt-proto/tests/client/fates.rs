//! Fates: what becomes of a message whose connection or session ends.

use mqtt_as_proto::client::{Config, Tag};
use mqtt_as_proto::packet::{Connect, Packet, QoS};
use mqtt_as_proto::property::MaximumQoS;
use mqtt_as_proto::{Properties, Property, Version};

use crate::adopting::clear;
use crate::peer::{BOTH, Message, Peer, ack, config, id, suback, topic};

const NOT_RECEIVED: &str = "Unknown { received: false }";

// 3.1.1 [MQTT-3.3.1-1]
// 5.0 [MQTT-3.3.1-1]
// Decision [sent]
#[test]
fn a_message_of_which_a_byte_was_handed_over_is_resent_with_dup() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "part", 1);
        peer.publish(1, "whole", 2);
        assert_eq!(peer.write(1), 1);
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t part", "PUBLISH q1 #2 t whole"]);
    }
}

/// Bytes are counted without end: a count that wraps would call this message unsent.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_sent_message_stays_sent_however_much_follows_it() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "x", 1);
        peer.sent();
        peer.client.handle_transmitted(3_000_000_000, peer.now);
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t x"]);
    }
}

// 3.1.1 [MQTT-3.3.1-1]
// 5.0 [MQTT-3.3.1-1]
// Decision [sent]
#[test]
fn a_message_that_was_not_goes_out_later_without_dup_under_its_id() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 1);
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x"]);
    }
}

// 3.1.1 [MQTT-3.2.2-3]
// 5.0 [MQTT-3.1.2-6] [MQTT-3.2.2-5] [MQTT-3.3.1-3] [MQTT-4.4.0-1]
// Decision [received-unknown] [republish]
#[test]
fn session_lost_the_fates_differ() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "received", 1);
        peer.publish(2, "sent", 2);
        peer.publish(1, "sent", 3);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        peer.sent();
        peer.publish(2, "never", 4);
        let events = peer.reconnect(false);
        let received = "ended 1 Unknown { received: true }";
        // PUBREC moved the first one behind the others.
        assert_eq!(events, ["connected", &format!("ended 2 {NOT_RECEIVED}"), received]);
        // A republish has a new id and no DUP, and goes before what was never sent.
        assert_eq!(peer.sent(), ["PUBLISH q1 #5 t sent", "PUBLISH q2 #4 t never"]);
        assert_eq!(peer.send(&Packet::PubAck(ack(5))), ["published 3 0x00"]);
    }
}

// Decision [received-unknown]
#[test]
fn session_lost_qos2_is_republished_if_asked_for_and_never_past_pubrec() {
    let republish = Config { republish_exactly_once: true, ..config(Version::V5) };
    let mut peer = Peer::connected_with(republish);
    peer.publish(2, "a", 1);
    peer.publish(2, "b", 2);
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.reconnect(false), ["connected", "ended 1 Unknown { received: true }"]);
    assert_eq!(peer.sent(), ["PUBLISH q2 #3 t b"]);
}

// Decision [requests-end]
#[test]
fn requests_end_with_the_connection_as_unknown() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.subscribe("a/#", 1).unwrap();
        let filter = "a/#".try_into().unwrap();
        peer.client.unsubscribe(&[filter], Properties::NONE, Tag(2)).unwrap();
        assert_eq!(peer.sent(), ["SUBSCRIBE #1", "UNSUBSCRIBE #2"]);
        peer.lose();
        let ended = [format!("ended 1 {NOT_RECEIVED}"), format!("ended 2 {NOT_RECEIVED}")];
        assert_eq!(peer.events(), ended);
        peer.connect(true, &[]);
        assert!(peer.sent().is_empty());
        assert_eq!(peer.subscribe("b", 3), Ok(id(3)));
        assert_eq!(peer.send(&suback(3, &[1])), ["answered 3 [01]"]);
    }
}

// Decision [order-anew]
#[test]
fn order_on_a_new_connection_requests_resends_republishes_never_sent() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "sent", 1);
        peer.sent();
        peer.lose();
        peer.publish(1, "waiting", 2);
        peer.begin(false);
        peer.accept(false, &[]);
        peer.subscribe("a", 3).unwrap();
        assert_eq!(
            peer.sent(),
            ["SUBSCRIBE #4", "PUBLISH q1 #3 t sent", "PUBLISH q1 #2 t waiting"]
        );
    }
}

// 5.0 [MQTT-3.2.2-11] [MQTT-3.2.2-15]
// Decision [limits-at-connack]
#[test]
fn limits_are_checked_again_at_connack() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(2, "sent", 1);
    peer.publish(1, "sent", 2);
    peer.sent();
    peer.lose();
    peer.publish(2, "waiting", 3);
    peer.publish(0, &"x".repeat(40), 4);
    let limits = [
        Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
        Property::MaximumPacketSize(30.try_into().unwrap()),
    ];
    let events = peer.connect(true, &limits);
    assert_eq!(
        events,
        [
            "connected resumed",
            "ended 1 Unknown { received: false }",
            "ended 3 NeverSent(Forbidden(MaximumQoS(AtLeastOnce)))",
            "ended 4 NeverSent(Forbidden(MaximumPacketSize))"
        ]
    );
    // The server may hold the QoS 2 message that is not sent again: its identifier is cleared.
    assert_eq!(peer.sent(), ["PUBREL #1", "PUBLISH dup q1 #2 t sent"]);
    // The identifier of what was sent is retired: the server may still know it.
    for tag in 5..=6 {
        peer.publish(1, "x", tag);
    }
    assert_eq!(peer.sent(), ["PUBLISH q1 #5 t x", "PUBLISH q1 #6 t x"]);
}

// 5.0 [MQTT-3.2.2-14]
// Decision [limits-at-connack]
#[test]
fn retain_is_checked_again_at_connack() {
    let mut peer = Peer::new(Version::V5);
    let message = Message { retain: true, ..Message::new(topic("t"), "x") };
    peer.client.publish(&message, Tag(1), peer.now).unwrap();
    peer.publish(1, "not retained", 2);
    let events = peer.connect(false, &[Property::RetainAvailable(false)]);
    assert_eq!(events[1..], ["ended 1 NeverSent(Forbidden(RetainNotAvailable))"]);
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t not retained"]);
}

// Decision [poison]
#[test]
fn three_connections_that_end_with_the_same_publish_make_it_poison() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "bad", 1);
        peer.publish(1, "good", 2);
        peer.sent();
        assert_eq!(peer.lose().poison, None);
        peer.connect(true, &[]);
        peer.sent();
        assert_eq!(peer.lose().poison, None);
        // Connections on which it was not sent tell nothing.
        peer.begin(false);
        assert_eq!(peer.lose().poison, None);
        peer.begin(false);
        assert_eq!(peer.lose().poison, None);
        peer.connect(true, &[]);
        peer.sent();
        assert_eq!(peer.lose().poison, Some(id(1)));
        assert!(peer.give_up(1));
        assert_eq!(peer.events(), [format!("ended 1 {NOT_RECEIVED}")]);
        peer.connect(true, &[]);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #2 t good"]);
    }
}

#[test]
fn a_publish_of_which_nothing_was_written_is_not_poison() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(1, "x", 1);
    for _ in 0..5 {
        peer.offer();
        assert_eq!(peer.lose().poison, None);
        peer.connect(true, &[]);
    }
}

// A server may accept before CONNECT has left, and read no more: PUBREL is in the way then, and there
// is no time at which all is written. What the connection before wrote says nothing of this one.
#[test]
fn a_publish_that_left_on_an_earlier_connection_is_not_poison_on_one_that_is_stuck() {
    let mut peer = Peer::new(Version::V5);
    let connect = Connect { client_id: "c", ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    let len = peer.raw().len();
    peer.accept(false, &[]);
    peer.publish(1, "x", 1);
    peer.publish(2, "y", 2);
    peer.sent();
    peer.send(&Packet::PubRec(ack(2)));
    peer.sent();
    assert_eq!(peer.lose().poison, None);
    for _ in 0..5 {
        peer.client.connect(&connect, peer.now).unwrap();
        assert_eq!(peer.write(10), 10);
        peer.accept(true, &[]);
        assert_eq!(peer.write(len - 10), len - 10);
        peer.offer();
        assert_eq!(peer.lose().poison, None);
    }
}

#[test]
fn retired_identifiers_are_free_on_the_next_connection() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { in_flight: 2, ..config(version) });
        for tag in 1..=2 {
            peer.publish(2, "x", tag);
        }
        peer.sent();
        peer.give_up_all();
        peer.events();
        peer.reconnect(true);
        assert!(peer.try_publish(1, "x", 3).is_err(), "their flows are not closed");
        peer.reconnect(false);
        for tag in 4..=5 {
            peer.publish(1, "x", tag);
        }
    }
}

// Decision [poison]
#[test]
fn progress_takes_the_suspicion_away() {
    let mut peer = Peer::connected(Version::V311);
    peer.publish(1, "slow", 1);
    for n in 2..10 {
        peer.publish(1, "x", n.into());
        peer.sent();
        peer.send(&Packet::PubAck(ack(n)));
        assert_eq!(peer.lose().poison, None);
        peer.connect(true, &[]);
    }
}

#[test]
fn give_up_frees_the_place_only_when_the_server_answers() {
    let one = [Property::ReceiveMaximum(1.try_into().unwrap())];
    for late in [Packet::PubAck(ack(1)), Packet::PubAck(crate::peer::nack(1, 0x80))] {
        let mut peer = Peer::new(Version::V5);
        peer.connect(false, &one);
        peer.publish(1, "a", 1);
        peer.publish(1, "b", 2);
        peer.sent();
        assert!(peer.give_up(1));
        // Even if its fate has not been told yet, a late answer is no offence.
        assert_eq!(peer.send(&late), [format!("ended 1 {NOT_RECEIVED}")]);
        assert_eq!(peer.sent(), ["PUBLISH q1 #2 t b"]);
        assert!(!peer.give_up(1));
        assert!(!peer.give_up(9));
    }
}

#[test]
fn a_qos2_flow_that_was_given_up_is_finished_with_the_server() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "a", 1);
        peer.sent();
        assert!(peer.give_up(1));
        assert_eq!(peer.events(), [format!("ended 1 {NOT_RECEIVED}")]);
        peer.send(&Packet::PubRec(ack(1)));
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        assert!(peer.send(&Packet::PubComp(ack(1))).is_empty());
        assert!(peer.client.is_idle());
    }
}

#[test]
fn give_up_all_tells_every_fate() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "received", 1);
        peer.publish(1, "sent", 2);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        peer.lose();
        peer.publish(1, "waiting", 3);
        peer.give_up_all();
        assert_eq!(
            peer.events(),
            [
                "ended 2 Unknown { received: false }",
                "ended 1 Unknown { received: true }",
                "ended 3 NeverSent(Disconnected)"
            ]
        );
        assert!(peer.client.is_idle());
    }
}

#[test]
fn give_up_all_on_a_live_connection_does_not_call_sent_what_was_not() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(1, "sent", 1);
    peer.sent();
    peer.give_up_all();
    assert_eq!(peer.events(), [format!("ended 1 {NOT_RECEIVED}")]);
}

fn expiring(payload: &str, seconds: u32, peer: &mut Peer, qos: QoS, tag: u32) {
    let list = [
        Property::MessageExpiryInterval(seconds),
        Property::PayloadFormatIndicator(true),
        Property::UserProperty(("k", "v")),
    ];
    let message =
        Message { properties: Properties::new(&list), ..Message::new(topic("t"), payload) };
    peer.client.publish(&message.qos(qos), Tag(tag), peer.now).unwrap();
}

// Decision [expiry]
#[test]
fn message_expiry_counts_while_waiting() {
    let mut peer = Peer::new(Version::V5);
    for (tag, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().enumerate()
    {
        expiring("short", 5, &mut peer, qos, tag as u32);
        expiring("long", 60, &mut peer, qos, 10 + tag as u32);
    }
    peer.advance(10_000).unwrap();
    let events = peer.events();
    peer.connect(false, &[]);
    assert_eq!(
        peer.sent(),
        [
            "PUBLISH q0 t long expiry 50",
            "PUBLISH q1 #4 t long expiry 50",
            "PUBLISH q2 #6 t long expiry 50"
        ]
    );
    for tag in 0..3 {
        assert!(events.contains(&format!("ended {tag} NeverSent(Expired)")));
    }
}

#[test]
fn a_message_that_expires_after_its_id_was_cleared_gives_its_place_back() {
    let adopt = Config { adopt_session: true, ..config(Version::V5) };
    let mut peer = Peer::with(adopt);
    peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    expiring("x", 5, &mut peer, QoS::ExactlyOnce, 1);
    assert_eq!(peer.sent()[0], "PUBREL #1");
    peer.advance(5_000).unwrap();
    assert_eq!(peer.events(), ["ended 1 NeverSent(Expired)"]);
    peer.send(&Packet::PubComp(ack(1)));
    peer.publish(1, "next", 2);
    assert_eq!(clear(&mut peer), ["PUBLISH q1 #2 t next"]);
}

#[test]
fn giving_up_while_the_id_is_cleared() {
    let mut peer = Peer::with(Config { adopt_session: true, ..config(Version::V5) });
    peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    peer.publish(2, "x", 1);
    peer.publish(1, "next", 2);
    let mut sent = peer.sent();
    assert!(sent.contains(&"PUBREL #1".into()));
    assert!(peer.give_up(1));
    assert_eq!(peer.events(), ["ended 1 NeverSent(Disconnected)"]);
    peer.send(&Packet::PubComp(ack(1)));
    sent.extend(clear(&mut peer));
    assert!(sent.contains(&"PUBLISH q1 #2 t next".into()));
}

// 5.0 [MQTT-4.3.3-7]
// Decision [expiry]
#[test]
fn once_sent_a_flow_ignores_message_expiry() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut peer = Peer::connected(Version::V5);
        expiring("x", 5, &mut peer, qos, 1);
        peer.sent();
        peer.lose();
        peer.advance(60_000).unwrap();
        peer.connect(true, &[]);
        assert_eq!(peer.sent(), [format!("PUBLISH dup q{} #1 t x expiry 5", qos as u8)]);
    }
}

#[test]
fn qos0_that_waited_is_not_overtaken() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.publish(0, "early", 1);
        peer.connect(false, &[]);
        peer.publish(0, "late", 2);
        assert_eq!(peer.sent(), ["PUBLISH q0 t early", "PUBLISH q0 t late"]);
        assert_eq!(peer.events(), ["ended 1 Left", "ended 2 Left"]);
    }
}

#[test]
fn qos0_that_may_not_have_left_is_counted() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(0, "written", 1);
        peer.sent();
        peer.publish(0, "a", 2);
        peer.publish(0, "b", 3);
        peer.write(3);
        assert_eq!(peer.lose().qos0, 2);
    }
}
