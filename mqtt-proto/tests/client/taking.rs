//! Acknowledge on take: a message holds its slot until the program has taken it.

use mqtt_as_proto::client::{Acknowledged, Config, ConnectionError, Violation};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, incoming};

#[test]
fn puback_and_pubrec_leave_only_when_the_message_was_taken() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 1, "t", "a"));
        peer.message(incoming(2, 2, "t", "b"));
        assert!(peer.sent().is_empty());
        assert_eq!(peer.take(), Acknowledged::Queued);
        assert_eq!(peer.sent(), ["PUBACK #1"]);
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #2"]);
    }
}

#[test]
fn acknowledgements_given_in_any_order_leave_in_the_order_of_arrival() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for id in 1..=3 {
            peer.message(incoming(1, id, "t", "x"));
        }
        peer.tokens.swap(0, 2);
        peer.take();
        peer.take();
        assert!(peer.sent().is_empty());
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "PUBACK #3"]);
    }
}

#[test]
fn a_reason_refuses_a_message_in_5_and_not_in_3() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 1, "t", "a"));
        let token = peer.tokens.pop_front().unwrap();
        peer.client.acknowledge(token, ReasonCode::QUOTA_EXCEEDED);
        let refused = version == Version::V5;
        assert_eq!(peer.sent(), [if refused { "PUBREC #1 0x97" } else { "PUBREC #1" }]);
        // What was refused is a new message when it comes again; what was taken is not.
        assert_eq!(peer.message(incoming(2, 1, "t", "a")).len(), usize::from(refused));
    }
}

#[test]
fn what_was_refused_after_its_connection_is_not_called_delivered() {
    let mut peer = Peer::connected(Version::V5);
    peer.message(incoming(2, 1, "t", "a"));
    peer.lose();
    let token = peer.tokens.pop_front().unwrap();
    let done = peer.client.acknowledge(token, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(done, Acknowledged::Stale);
    peer.connect(true, &[]);
    assert_eq!(peer.message(dup(incoming(2, 1, "t", "a"))), ["message q2 t a"]);
}

#[test]
fn a_reason_that_no_acknowledgement_may_carry_is_not_sent() {
    let mut peer = Peer::connected(Version::V5);
    peer.message(incoming(1, 1, "t", "a"));
    peer.message(incoming(1, 2, "t", "a"));
    for reason in [ReasonCode::DISCONNECT_WITH_WILL, ReasonCode::SERVER_BUSY] {
        let token = peer.tokens.pop_front().unwrap();
        peer.client.acknowledge(token, reason);
    }
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2 0x80"]);
}

#[test]
fn a_dead_duty_is_stale_and_the_server_sends_again() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 1, "t", "a"));
        peer.reconnect(true);
        assert_eq!(peer.take(), Acknowledged::Stale);
        assert!(peer.sent().is_empty());
        assert_eq!(peer.message(dup(incoming(1, 1, "t", "a"))), ["message q1 t a"]);
    }
}

#[test]
fn a_copy_of_a_held_message_joins_it_and_renews_the_duty() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 1, "t", "a"));
        peer.reconnect(true);
        assert!(peer.message(dup(incoming(1, 1, "t", "a"))).is_empty());
        assert_eq!(peer.take(), Acknowledged::Queued);
        assert_eq!(peer.sent(), ["PUBACK #1"]);
    }
}

#[test]
fn session_gone_held_messages_have_nothing_to_acknowledge() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 1, "t", "old"));
        peer.reconnect(false);
        assert_eq!(peer.message(incoming(2, 1, "t", "new")), ["message q2 t new"]);
        assert_eq!(peer.take(), Acknowledged::Stale);
        assert!(peer.sent().is_empty());
        assert_eq!(peer.take(), Acknowledged::Queued);
        assert_eq!(peer.sent(), ["PUBREC #1"]);
    }
}

#[test]
fn a_copy_of_a_used_token_frees_no_slot() {
    let mut peer = Peer::connected(Version::V311);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "a"));
    }
    let used = peer.tokens[0];
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #1"]);
    for _ in 0..4 {
        assert_eq!(peer.client.acknowledge(used, ReasonCode::SUCCESS), Acknowledged::Stale);
    }
    assert_eq!(peer.message(incoming(1, 5, "t", "a")).len(), 1, "the slot that was freed");
    assert!(peer.message(incoming(1, 6, "t", "a")).is_empty(), "none is left");
}

#[test]
fn in_5_messages_held_from_lost_sessions_take_as_many_slots_again_and_no_more() {
    let mut peer = Peer::connected(Version::V5);
    for _ in 0..2 {
        for id in 1..=4 {
            assert_eq!(peer.message(incoming(1, id, "t", "old")).len(), 1);
        }
        peer.reconnect(false);
    }
    assert!(peer.message(incoming(1, 1, "t", "new")).is_empty(), "shed");
    assert_eq!(peer.client.handle_connection_lost().shed, 1);
}

#[test]
fn session_gone_held_messages_keep_their_slots() {
    let mut peer = Peer::connected(Version::V311);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "old"));
    }
    peer.reconnect(false);
    assert!(peer.message(incoming(1, 1, "t", "new")).is_empty());
    peer.take();
    peer.take();
    peer.advance(0).unwrap_err();
    peer.reconnect(true);
    assert_eq!(peer.message(incoming(1, 1, "t", "new")), ["message q1 t new"]);
}

#[test]
fn in_5_a_full_house_is_kept_to_by_receive_maximum() {
    let mut peer = Peer::connected(Version::V5);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "x"));
    }
    // Taken and acknowledged, its place is free for one more.
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #1"]);
    assert_eq!(peer.message(incoming(1, 5, "t", "x")), ["message q1 t x"]);
    // One too many is shed, and so is every later one: the order is kept.
    assert!(peer.message(incoming(1, 6, "t", "x")).is_empty());
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #2"]);
    assert!(peer.message(incoming(1, 7, "t", "x")).is_empty());
    assert_eq!(peer.advance(1000), Ok(()));
    peer.take();
    let error = ConnectionError::Violation(Violation::ReceiveMaximum);
    assert_eq!(peer.advance(0), Err(error));
    assert_eq!(peer.sent(), ["PUBACK #3", "DISCONNECT 0x93"]);
}

/// Four slots, six messages: two are shed.
fn overrun() -> Peer {
    let mut peer = Peer::connected(Version::V311);
    for id in 1..=6 {
        peer.message(incoming(1, id, "t", &id.to_string()));
    }
    assert_eq!(peer.tokens.len(), 4);
    peer
}

#[test]
fn in_3_an_overrun_is_shed_and_all_that_follow_go_back_n() {
    let mut peer = overrun();
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #1"]);
    // A slot is free, but #7 must not overtake #5.
    assert!(peer.message(incoming(1, 7, "t", "7")).is_empty());
    assert_eq!(peer.message(incoming(0, 0, "t", "zero")), ["message q0 t zero"]);
    assert!(peer.client.is_connected());
}

#[test]
fn an_overrun_ends_with_disconnect_when_half_is_taken_and_nobody_waits() {
    let mut peer = overrun();
    peer.publish(1, "mine", 1);
    peer.sent();
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

#[test]
fn an_overrun_acknowledges_what_was_taken_before_it_disconnects() {
    let mut peer = overrun();
    peer.take();
    peer.take();
    assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "DISCONNECT 0x00"]);
}

#[test]
fn an_overrun_ends_at_the_latest_after_response_time() {
    let mut peer = overrun();
    assert_eq!(peer.advance(9_999), Ok(()));
    assert_eq!(peer.advance(1), Err(ConnectionError::Overrun));
}

#[test]
fn an_overrun_is_not_put_off_by_more_of_it() {
    let mut peer = overrun();
    peer.advance(9_000).unwrap();
    peer.message(incoming(1, 7, "t", "7"));
    assert_eq!(peer.advance(1_000), Err(ConnectionError::Overrun));
}

#[test]
fn an_overrun_without_response_time_waits_for_the_program() {
    let config = Config { response_time: 0, receive_maximum: 1, ..config(Version::V311) };
    let mut peer = Peer::connected_with(config);
    peer.message(incoming(1, 1, "t", "1"));
    peer.message(incoming(1, 2, "t", "2"));
    assert_eq!(peer.advance(1_000_000), Ok(()));
    peer.take();
    assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
}

#[test]
fn in_3_bytes_are_a_limit_too_but_one_message_always_has_room() {
    let config = Config { receive_bytes: 100, ..config(Version::V311) };
    let mut peer = Peer::connected_with(config);
    let large = "x".repeat(200);
    assert_eq!(peer.message(incoming(1, 1, "t", &large)), ["message q1 t <200 bytes>"]);
    assert!(peer.message(incoming(1, 2, "t", "small")).is_empty());
    peer.take();
    assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
}

#[test]
fn a_full_table_of_identifiers_is_told_0x97_in_5_and_shed_in_3() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        // Eight identifiers fit; their PUBRELs never come.
        for half in [1..=4, 5..=8] {
            for id in half {
                peer.message(incoming(2, id, "t", "x"));
                peer.take();
            }
            peer.sent();
            peer.reconnect(true);
        }
        let result = peer.try_send(&Packet::Publish(incoming(2, 9, "t", "x")));
        if version == Version::V5 {
            assert_eq!(result, Err(ConnectionError::NoRoom));
            assert_eq!(peer.sent(), ["DISCONNECT 0x97"]);
        } else {
            assert_eq!(result, Ok(vec![]));
            assert_eq!(peer.lose().shed, 1);
        }
    }
}
