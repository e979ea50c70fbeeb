//! A consumer slower than what comes: hold, stop reading, shed, and only then end the connection.

use mqtt_as_proto::client::{AckToken, Acknowledged, Config, ConnectionError, Consumer, Memory};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, incoming, log, memory};
use crate::taking::four;

/// Four places, six messages, and a reply that is awaited behind them: two are shed.
fn overrun(version: Version) -> Peer {
    let mut peer = four(version);
    peer.publish(1, "mine", 1);
    peer.sent();
    for id in 1..=6 {
        peer.message(incoming(1, id, "t", &id.to_string()));
    }
    assert_eq!(peer.tokens.len(), 4);
    peer
}

/// The same, all taken but the first, which acknowledgements wait for; the reply is there.
fn first_is_held(version: Version) -> (Peer, AckToken) {
    let mut peer = overrun(version);
    let first = peer.tokens.pop_front().unwrap();
    while !peer.tokens.is_empty() {
        peer.take();
    }
    peer.send(&Packet::PubAck(ack(1)));
    (peer, first)
}

// Decision [shed]
#[test]
fn while_a_reply_is_awaited_what_has_no_room_is_shed_and_all_that_follow() {
    for version in BOTH {
        let mut peer = overrun(version);
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #1"]);
        // There is room, but #7 must not overtake #5.
        assert!(peer.message(incoming(1, 7, "t", "7")).is_empty());
        assert_eq!(peer.message(incoming(0, 0, "t", "zero")), ["message q0 t zero"]);
        assert!(peer.client.is_connected());
        assert_eq!(peer.client.counts().shed, 3);
    }
}

// 3.1.1 [MQTT-4.8.0-2]
// Decision [overrun]
#[test]
fn an_overrun_ends_with_disconnect_when_there_is_room_and_nobody_waits() {
    for version in BOTH {
        let mut peer = overrun(version);
        peer.take();
        peer.take();
        assert_eq!(peer.advance(1000), Ok(()));
        assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2"]);
        peer.send(&Packet::PubAck(ack(1)));
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
        assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
        assert_eq!(peer.lose().shed, 2);
        // With a kept session the server sends the rest again, in order.
        peer.connect(true, &[]);
        for id in 3..=6_u16 {
            let events = peer.message(dup(incoming(1, id, "t", &id.to_string())));
            assert_eq!(events.len(), usize::from(id > 4));
        }
        while !peer.tokens.is_empty() {
            peer.take();
        }
        assert_eq!(peer.sent(), ["PUBACK #3", "PUBACK #4", "PUBACK #5", "PUBACK #6"]);
    }
}

/// Acknowledgements leave in order: what was taken behind a message that is not cannot leave before it,
/// and would come again on every connection.
// Decision [overrun]
#[test]
fn an_overrun_does_not_end_before_something_is_acknowledged() {
    for version in BOTH {
        let (mut peer, first) = first_is_held(version);
        assert_eq!(peer.advance(1000), Ok(()), "its owner is about to take it");
        assert!(peer.sent().is_empty());
        peer.tokens.push_back(first);
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "PUBACK #3", "PUBACK #4"]);
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    }
}

/// Whoever holds a message may wait for one that was shed.
// Decision [overrun]
#[test]
fn an_overrun_ends_at_last_whatever_is_not_acknowledged() {
    for version in BOTH {
        let (mut peer, _) = first_is_held(version);
        let response_time = u64::from(config(version).response_time);
        assert_eq!(peer.advance(response_time - 1), Ok(()));
        assert_eq!(peer.advance(1), Err(ConnectionError::Overrun));
        assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
    }
}

/// The time of whoever holds a message ends while a reply is awaited: the connection ends with that.
// Decision [overrun]
#[test]
fn an_overrun_ends_behind_a_reply_that_is_awaited_when_its_time_has_passed() {
    for version in BOTH {
        let (mut peer, _) = first_is_held(version);
        let response_time = u64::from(config(version).response_time);
        assert_eq!(peer.advance(response_time - 1), Ok(()));
        peer.publish(1, "mine", 2);
        peer.sent();
        assert_eq!(peer.advance(1), Ok(()));
        peer.send(&Packet::PubAck(ack(2)));
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    }
}

/// What is finished of an earlier connection is acknowledged on none: it comes again on the next one.
// Decision [overrun]
#[test]
fn an_overrun_does_not_end_behind_what_came_on_an_earlier_connection() {
    for version in BOTH {
        let mut peer = four(version);
        peer.message(incoming(1, 9, "t", "old"));
        let old = peer.tokens.pop_front().unwrap();
        peer.reconnect(true);
        peer.publish(1, "mine", 1);
        peer.sent();
        for id in 1..=6 {
            peer.message(incoming(1, id, "t", &id.to_string()));
        }
        peer.tokens.pop_front();
        assert_eq!(peer.acknowledge(old, ReasonCode::SUCCESS), Acknowledged::Stale);
        while !peer.tokens.is_empty() {
            peer.take();
        }
        peer.send(&Packet::PubAck(ack(1)));
        assert_eq!(peer.advance(1000), Ok(()), "the owner of the first one is about to take it");
        assert!(peer.sent().is_empty());
    }
}

/// Not only a reply ends the waiting for one: a publish that waits may be given up.
// Decision [overrun]
#[test]
fn an_overrun_ends_when_what_waited_has_no_reply_to_come() {
    for version in BOTH {
        let mut peer = overrun(version);
        peer.try_publish(1, "waits", 9).unwrap();
        while !peer.tokens.is_empty() {
            peer.take();
        }
        assert_eq!(peer.advance(1000), Ok(()), "somebody waits");
        peer.give_up_all();
        assert_eq!(peer.client.pending(), 0);
        peer.sent();
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    }
}

// Decision [no-consumer]
#[test]
fn an_overrun_with_nobody_who_takes_messages_leaves_the_connection() {
    let config = Config { queue_len: 1, response_time: 1000, ..config(Version::V311) };
    let mut peer = Peer::with(config);
    peer.client.deactivate(Consumer::Queue);
    peer.deaf = true;
    peer.connect(false, &[]);
    peer.publish(1, "mine", 1);
    peer.sent();
    for id in 1..=3 {
        peer.message(incoming(1, id, "t", "x"));
    }
    peer.send(&Packet::PubAck(ack(1)));
    assert_eq!(peer.client.counts().shed, 2);
    assert_eq!(peer.advance(1_000_000), Ok(()));
    assert!(peer.client.is_connected());
}

// Decision [hold]
#[test]
fn bytes_are_a_limit_too() {
    for version in BOTH {
        let memory = Memory { incoming: log(1040 + 300), ..memory(4096, 4096) };
        let mut peer = Peer::in_memory(config(version), memory, 4096);
        peer.connect(false, &[]);
        let large = "x".repeat(1000);
        assert_eq!(peer.message(incoming(1, 1, "t", &large)), ["message q1 t <1000 bytes>"]);
        assert!(peer.message(incoming(1, 2, "t", &large)).is_empty());
        peer.take();
        assert_eq!(peer.read_on(), Ok(None));
        assert_eq!(peer.events(), ["message q1 t <1000 bytes>"]);
    }
}

#[test]
fn a_stale_token_used_twice_frees_one_slot() {
    let mut peer = four(Version::V311);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "old"));
    }
    peer.reconnect(false);
    let stale = peer.tokens[0];
    for _ in 0..4 {
        assert_eq!(peer.acknowledge(stale, ReasonCode::SUCCESS), Acknowledged::Stale);
    }
    assert_eq!(peer.message(incoming(1, 1, "t", "new")).len(), 1, "the slot that was freed");
    assert!(peer.message(incoming(1, 2, "t", "new")).is_empty(), "none is left");
}

/// Acknowledgements are in the order of arrival, so behind a message that was shed none leaves.
// Decision [shed]
#[test]
fn behind_a_message_that_was_shed_no_copy_renews_a_duty() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { queue_len: 2, ..config(version) });
        peer.deaf = true;
        peer.message(incoming(1, 1, "t", "a"));
        peer.message(incoming(2, 2, "t", "b"));
        peer.reconnect(true);
        peer.publish(1, "awaits a reply", 7);
        peer.sent();
        peer.message(incoming(1, 3, "t", "c"));
        peer.message(dup(incoming(1, 1, "t", "a")));
        peer.message(dup(incoming(2, 2, "t", "b")));
        assert_eq!(peer.client.counts().shed, 3);
        peer.deaf = false;
        peer.message(incoming(0, 0, "t", "d"));
        assert_eq!([peer.take(), peer.take()], [Acknowledged::Stale; 2]);
        assert!(peer.sent().is_empty());
    }
}

#[test]
fn a_message_that_is_skipped_takes_no_place_in_a_full_queue() {
    let mut peer = Peer::connected_with(Config { queue_len: 2, ..config(Version::V311) });
    peer.deaf = true;
    peer.message(incoming(1, 1, "t", "a"));
    peer.message(incoming(1, 2, "t", "b"));
    peer.message(incoming(1, 3, "t", &"x".repeat(2000)));
    peer.deaf = false;
    peer.message(incoming(0, 0, "t", "d"));
    assert_eq!([peer.take(), peer.take()], [Acknowledged::Queued; 2]);
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "PUBACK #3"]);
    assert_eq!(peer.client.counts().shed, 0);
}

/// Memory for the largest packet, and nothing else.
fn smallest(config: Config) -> Peer {
    let memory = Memory { incoming: log(1024 + 16), ..memory(2048, 4096) };
    let mut peer = Peer::in_memory(config, memory, 2048);
    peer.connect(false, &[]);
    peer
}

/// A PUBLISH of 1024 bytes.
fn largest(version: Version) -> String {
    "x".repeat(1024 - if version == Version::V5 { 9 } else { 8 })
}

/// The identifier is recorded until PUBREL, which may lie behind.
#[test]
fn nothing_waits_for_room_that_nobody_can_make() {
    for version in BOTH {
        let mut peer = smallest(config(version));
        peer.message(incoming(2, 1, "t", "a"));
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #1"]);
        peer.message(incoming(0, 0, "t", &largest(version)));
        assert_eq!((peer.unread(), peer.client.counts().discards), (0, 1));
        peer.send(&Packet::PubRel(ack(1)));
        assert_eq!(peer.sent(), ["PUBCOMP #1"]);
        assert_eq!(peer.message(incoming(0, 0, "t", &largest(version))).len(), 1);
    }
}

#[test]
fn an_acknowledgement_by_hand_makes_room_and_reading_goes_on() {
    for version in BOTH {
        let mut peer = smallest(config(version));
        peer.message(incoming(1, 1, "t", "a"));
        let token = peer.tokens.pop_front().unwrap();
        peer.client.finish(Consumer::Queue, token);
        assert!(peer.message(incoming(1, 2, "t", &largest(version)[2..])).is_empty());
        assert!(peer.client.is_full());
        assert_eq!(peer.client.acknowledge(token, ReasonCode::SUCCESS), Acknowledged::Queued);
        assert!(!peer.client.is_full());
        peer.read().unwrap();
        assert_eq!(peer.events().len(), 1);
    }
}

#[test]
fn identifiers_that_are_never_released_do_not_hold_up_the_end_of_an_overrun() {
    for version in BOTH {
        let mut peer = smallest(config(version));
        for id in 1..=40 {
            peer.message(incoming(2, id, "t", ""));
            peer.take();
        }
        assert_eq!(peer.sent().len(), 40);
        peer.publish(1, "awaits a reply", 7);
        peer.sent();
        peer.deaf = true;
        peer.message(incoming(1, 100, "t", "a"));
        peer.message(incoming(1, 101, "t", &largest(version)[2..]));
        assert_eq!(peer.client.counts().shed, 1);
        peer.deaf = false;
        peer.send(&Packet::PubAck(ack(1)));
        peer.take();
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    }
}
