//! Acknowledge on take: a message holds its slot until the program has taken it.

use mqtt_as_proto::client::{Acknowledged, Config, Consumer, Stop};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, incoming};

// 3.1.1 [MQTT-4.3.2-2]
// 5.0 [MQTT-4.3.2-4] [MQTT-4.3.3-8]
// Decision [held-until-taken]
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

// 3.1.1 [MQTT-4.6.0-2]
// 5.0 [MQTT-4.6.0-2]
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

// 5.0 [MQTT-3.5.2-1] [MQTT-4.3.3-9]
#[test]
fn a_reason_refuses_a_message_in_5_and_not_in_3() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 1, "t", "a"));
        let token = peer.tokens.pop_front().unwrap();
        peer.acknowledge(token, ReasonCode::QUOTA_EXCEEDED);
        let refused = version == Version::V5;
        assert_eq!(peer.sent(), [if refused { "PUBREC #1 0x97" } else { "PUBREC #1" }]);
        // What was refused is a new message when it comes again; what was taken is not.
        assert_eq!(peer.message(incoming(2, 1, "t", "a")).len(), usize::from(refused));
    }
}

// 5.0 [MQTT-4.3.3-9]
#[test]
fn what_was_refused_after_its_connection_is_not_called_delivered() {
    let mut peer = Peer::connected(Version::V5);
    peer.message(incoming(2, 1, "t", "a"));
    peer.lose();
    let token = peer.tokens.pop_front().unwrap();
    let done = peer.acknowledge(token, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(done, Acknowledged::Stale);
    peer.connect(true, &[]);
    assert_eq!(peer.message(dup(incoming(2, 1, "t", "a"))), ["message q2 t a"]);
}

/// The server does not know of it, and sends the message again.
#[test]
fn a_refusal_that_did_not_leave_ends_with_its_connection() {
    for reason in [0x80, 0x97] {
        let mut peer = Peer::connected(Version::V5);
        peer.message(incoming(1, 1, "t", "first"));
        peer.message(incoming(2, 2, "t", "refused"));
        let refused = peer.tokens.pop_back().unwrap();
        let done = peer.acknowledge(refused, ReasonCode::from_u8(reason));
        assert_eq!(done, Acknowledged::Queued);
        assert!(peer.sent().is_empty(), "it waits for the first");
        peer.reconnect(true);
        assert!(peer.message(dup(incoming(1, 1, "t", "first"))).is_empty());
        let again = peer.message(dup(incoming(2, 2, "t", "refused")));
        assert_eq!(again, ["message q2 t refused"]);
    }
}

/// It was delivered, so it is not delivered a second time.
#[test]
fn what_is_acknowledged_by_hand_after_its_connection_is_called_delivered() {
    for (version, connected) in BOTH.into_iter().flat_map(|v| [(v, false), (v, true)]) {
        let mut peer = Peer::connected(version);
        peer.message(incoming(2, 1, "t", "x"));
        let token = peer.tokens.pop_front().unwrap();
        peer.client.finish(Consumer::Queue, token);
        peer.lose();
        if connected {
            peer.connect(true, &[]);
        }
        assert_eq!(peer.client.acknowledge(token, ReasonCode::SUCCESS), Acknowledged::Stale);
        if !connected {
            peer.connect(true, &[]);
        }
        assert!(peer.message(dup(incoming(2, 1, "t", "x"))).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #1"]);
    }
}

#[test]
fn what_is_not_acknowledged_by_hand_is_forgotten_when_the_next_connection_ends() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for (qos, id) in [(1, 1), (2, 2)] {
            peer.message(incoming(qos, id, "t", "x"));
            peer.client.finish(Consumer::Queue, peer.tokens.pop_front().unwrap());
        }
        peer.reconnect(true);
        assert_ne!(peer.client.held_bytes(), (0, 0), "they may come again");
        peer.lose();
        assert_eq!(peer.client.held_bytes(), (0, 0));
    }
}

// 5.0 [MQTT-3.4.2-1] [MQTT-3.5.2-1]
#[test]
fn a_reason_that_no_acknowledgement_may_carry_is_not_sent() {
    let mut peer = Peer::connected(Version::V5);
    peer.message(incoming(1, 1, "t", "a"));
    peer.message(incoming(1, 2, "t", "a"));
    for reason in [ReasonCode::DISCONNECT_WITH_WILL, ReasonCode::SERVER_BUSY] {
        let token = peer.tokens.pop_front().unwrap();
        peer.acknowledge(token, reason);
    }
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2 0x80"]);
}

// Decision [dead-duty] [taken-comes-again]
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

// 3.1.1 [MQTT-4.6.0-2] [MQTT-4.6.0-6]
// 5.0 [MQTT-4.6.0-2] [MQTT-4.6.0-5]
#[test]
fn what_was_taken_and_comes_again_is_acknowledged_before_what_came_behind_it() {
    for version in BOTH {
        for (qos, acks) in [(1, ["PUBACK #1", "PUBACK #2"]), (2, ["PUBREC #1 0x97", "PUBREC #2"])] {
            let refusal = ReasonCode::from_u8(if qos == 1 { 0 } else { 0x97 });
            if qos == 2 && version == Version::V311 {
                continue; // It cannot refuse, and what was taken does not come again.
            }
            let mut peer = Peer::connected(version);
            peer.message(incoming(qos, 1, "t", "a"));
            peer.message(incoming(qos, 2, "t", "b"));
            peer.reconnect(true);
            let first = peer.tokens.pop_front().unwrap();
            assert_eq!(peer.acknowledge(first, refusal), Acknowledged::Stale);
            let again = peer.message(dup(incoming(qos, 1, "t", "a")));
            assert_eq!(again, [format!("message q{qos} t a")]);
            assert!(peer.message(dup(incoming(qos, 2, "t", "b"))).is_empty());
            assert_eq!(peer.take(), Acknowledged::Queued);
            assert!(peer.sent().is_empty(), "what came first is not taken");
            let again = peer.tokens.pop_front().unwrap();
            peer.acknowledge(again, refusal);
            assert_eq!(peer.sent(), acks);
        }
    }
}

#[test]
fn acknowledgements_lost_in_the_outbox_leave_in_order_the_second_time() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for id in 1..=4 {
            peer.message(incoming(1, id, "t", "x"));
        }
        peer.take();
        peer.take();
        peer.offer();
        peer.reconnect(true);
        for id in 1..=4 {
            peer.message(dup(incoming(1, id, "t", "x")));
        }
        // Of the third and the fourth, then of the first and the second again.
        peer.take();
        peer.take();
        assert!(peer.sent().is_empty());
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #1"]);
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #2", "PUBACK #3", "PUBACK #4"]);
    }
}

#[test]
fn an_acknowledgement_that_was_not_its_turn_is_in_order_the_second_time() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for id in 1..=3 {
            peer.message(incoming(1, id, "t", "x"));
        }
        let second = peer.tokens.remove(1).unwrap();
        peer.acknowledge(second, ReasonCode::SUCCESS);
        assert!(peer.sent().is_empty(), "it waits for the first");
        peer.reconnect(true);
        for id in 1..=3 {
            peer.message(dup(incoming(1, id, "t", "x")));
        }
        // Of the first, of the third, and of the second again.
        peer.tokens.swap(0, 1);
        assert_eq!([peer.take(), peer.take()], [Acknowledged::Queued; 2]);
        assert_eq!(peer.sent(), ["PUBACK #1"]);
        assert_eq!(peer.take(), Acknowledged::Queued);
        assert_eq!(peer.sent(), ["PUBACK #2", "PUBACK #3"]);
    }
}

// Decision [copy-joins]
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

// 5.0 [MQTT-3.2.2-5]
// Decision [held-outlives-session]
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
    let mut peer = Peer::connected_with(Config { queue_len: 4, ..config(Version::V311) });
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "a"));
    }
    let used = peer.tokens[0];
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #1"]);
    for _ in 0..4 {
        assert_eq!(peer.acknowledge(used, ReasonCode::SUCCESS), Acknowledged::Stale);
    }
    assert_eq!(peer.message(incoming(1, 5, "t", "a")).len(), 1, "the slot that was freed");
    assert!(peer.message(incoming(1, 6, "t", "a")).is_empty(), "none is left");
}

/// Room for four messages.
pub(crate) fn four(version: Version) -> Peer {
    Peer::connected_with(Config { queue_len: 4, ..config(version) })
}

// Decision [stop-reading]
#[test]
fn what_the_program_does_not_take_is_not_read_and_nothing_is_lost() {
    for version in BOTH {
        let mut peer = four(version);
        for id in 1..=6_u16 {
            peer.message(incoming(1, id, "t", &id.to_string()));
        }
        assert_eq!(peer.tokens.len(), 4);
        assert_eq!(peer.read_on(), Ok(Some(Stop::Take)));
        peer.take();
        assert_eq!(peer.read_on(), Ok(Some(Stop::Take)));
        assert_eq!(peer.events(), ["message q1 t 5"]);
        peer.take();
        assert_eq!(peer.read_on(), Ok(None));
        assert_eq!(peer.events(), ["message q1 t 6"]);
        assert_eq!(peer.advance(1_000_000), Ok(()));
        assert_eq!(peer.lose().shed, 0);
    }
}

// Decision [qos0-waits]
#[test]
fn qos0_is_not_dropped_either_while_a_consumer_is_there() {
    for version in BOTH {
        let mut peer = four(version);
        for id in 1..=4 {
            peer.message(incoming(1, id, "t", "held"));
        }
        assert!(peer.message(incoming(0, 0, "t", "zero")).is_empty());
        assert!(peer.client.is_full());
        peer.take();
        assert_eq!(peer.read_on(), Ok(None));
        assert_eq!(peer.events(), ["message q0 t zero"]);
        assert_eq!(peer.client.counts().discards, 0);
    }
}

// Decision [nobody-asks]
#[test]
fn what_nobody_asked_for_keeps_the_latest_qos0() {
    let config = Config { queue_len: 4, ..config(Version::V5) };
    let mut peer = Peer::with(config);
    peer.client.deactivate(Consumer::Queue);
    peer.deaf = true;
    peer.connect(false, &[]);
    for n in 1..=6 {
        peer.message(incoming(0, 0, "t", &n.to_string()));
    }
    assert_eq!(peer.client.counts().discards, 2);
    peer.client.activate(Consumer::Callbacks);
    let mut seen = Vec::new();
    while let Some(message) = peer.client.next(Consumer::Callbacks) {
        seen.extend_from_slice(message.payload());
        peer.client.begin(Consumer::Callbacks);
    }
    assert_eq!(seen, b"3456");
}

#[test]
fn session_gone_held_messages_keep_their_room() {
    let mut peer = four(Version::V311);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "old"));
    }
    peer.reconnect(false);
    assert!(peer.message(incoming(1, 1, "t", "new")).is_empty());
    peer.take();
    assert_eq!(peer.read_on(), Ok(None));
    assert_eq!(peer.events(), ["message q1 t new"]);
}

// 5.0 [MQTT-3.3.4-9]
// Decision [hold]
#[test]
fn more_than_receive_maximum_is_held_as_long_as_there_is_room() {
    let mut peer = Peer::connected(Version::V5);
    for id in 1..=8 {
        assert_eq!(peer.message(incoming(1, id, "t", "x")).len(), 1, "Receive Maximum is 4");
    }
    for _ in 1..=8 {
        peer.take();
    }
    assert_eq!(peer.sent().len(), 8);
    assert_eq!(peer.advance(1000), Ok(()));
}

#[test]
fn a_token_does_not_name_a_message_that_was_skipped() {
    let mut peer = Peer::connected(Version::V311);
    peer.message(incoming(2, 1, "t", "a"));
    peer.reconnect(false);
    peer.message(incoming(2, 1, "t", &"x".repeat(2000)));
    assert_eq!(peer.sent(), ["PUBREC #1"]);
    assert_eq!(peer.take(), Acknowledged::Stale);
    peer.send(&Packet::PubRel(ack(1)));
    assert_eq!(peer.client.held_bytes(), (0, 0));
}
