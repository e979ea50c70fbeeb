//! Room is taken, not reserved: nobody is held up by a call that is not polled, and nobody for ever.

use mqtt_as_client::{Config, Properties, Property, PublishError, QoS};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::calls::{Call, connected, fill, has_arrived};
use crate::hand::{Bench, Flag};

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours").outbox(256)
}

/// There was never a connection for it.
const UNSENT: PublishError = PublishError::TimedOut { sent: false };

#[test]
fn a_publish_that_is_not_polled_holds_nobody_up() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let mut idle: Vec<_> = (0..100).map(|_| Call::new(client.publish("t", "idle"))).collect();
        assert!(idle.iter_mut().all(|call| call.poll().is_none()), "there is no room");
        bench.stall(false);
        bench.turns(5);
        // None of those is polled, though they were woken.
        client.publish("t", "at once").try_publish().expect("the link is idle");
        let mut other = Call::new(client.publish("t", "awaited"));
        assert!(has_arrived(&other.poll()));
        bench.turns(5);
        assert_eq!(bench.accepted(b"awaited"), 1);
    }
}

#[test]
fn who_has_waited_once_does_not_wait_behind_others_for_ever() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let mut calls: Vec<_> = (0..4).map(|_| Call::new(client.publish("t", "w"))).collect();
        assert!(calls.iter_mut().all(|call| call.poll().is_none()), "there is no room");
        bench.stall(false);
        bench.turns(3);
        // All that wait are woken together, and their messages leave in one write.
        assert!(calls.iter_mut().all(|call| has_arrived(&call.poll())));
    }
}

/// A large message among many small ones, which would always find room before it.
#[test]
fn a_call_that_is_passed_over_often_is_the_next_one() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let large = [0; 180];
        let mut waiting = Call::new(client.publish("t", large));
        let mut end = waiting.poll();
        assert!(end.is_none());
        bench.stall(false);
        for _ in 0..200 {
            let mut small = Call::new(client.publish("t", "small"));
            for _ in 0..20 {
                match small.poll() {
                    Some(sent) => drop(sent.expect("a small message")),
                    None => break,
                }
                small = Call::new(client.publish("t", "small"));
            }
            bench.turn();
            let mut small = Call::new(client.publish("t", "small"));
            let _ = small.poll();
            end = end.or(waiting.poll());
        }
        assert!(has_arrived(&end));
    }
}

/// It has its turn for one wake only.
#[test]
fn a_call_whose_turn_it_is_and_that_is_not_polled_loses_it() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let large = [0; 180];
        let mut waiting = Call::new(client.publish("t", large));
        for _ in 0..40 {
            assert!(waiting.poll().is_none());
            waiting.woken = Flag::new();
        }
        bench.stall(false);
        bench.turns(10);
        let mut other = Call::new(client.publish("t", "other"));
        let mut end = other.poll();
        for _ in 0..20 {
            bench.turn();
            end = end.or(other.poll());
        }
        assert!(has_arrived(&end));
    }
}

/// It was woken for all the room that there will be, and does not look.
#[test]
fn who_waits_behind_a_call_whose_turn_it_is_and_that_is_not_polled_is_woken_all_the_same() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let mut behind = Call::begun(client.publish("t", "behind"));
        let mut waiting = Call::new(client.publish("t", [0; 180]));
        for _ in 0..40 {
            assert!(waiting.poll().is_none());
            waiting.woken = Flag::new();
        }
        bench.stall(false);
        behind.end(&mut bench).expect("room");
    }
}

/// Without a connection, too.
#[test]
fn who_waits_behind_such_a_call_is_woken_for_the_room_of_messages_that_expire() {
    let mut bench = Bench::new(config(Version::V5), 1000);
    let client = bench.client();
    let list = [Property::MessageExpiryInterval(1)];
    for payload in [&[0; 40][..], b""] {
        loop {
            let old = client.publish("t", payload).qos(QoS::AtLeastOnce);
            if old.properties(Properties::new(&list)).try_publish().is_err() {
                break;
            }
        }
    }
    let mut behind = Call::begun(client.publish("t", "behind").qos(QoS::AtLeastOnce).send());
    let mut waiting = Call::new(client.publish("t", [0; 180]).qos(QoS::AtLeastOnce).send());
    for _ in 0..40 {
        assert!(waiting.poll().is_none());
        waiting.woken = Flag::new();
    }
    let polls = bench.polls();
    bench.turns(1500);
    assert!(bench.polls() - polls < 10, "the driver rests while there is no room");
    drop(behind.end(&mut bench).expect("room"));
}

#[test]
fn a_receipt_comes_when_the_message_is_accepted() {
    for version in BOTH {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut bench = connected(config(version));
            let client = bench.client();
            let mut sending = Call::new(client.publish("t", "receipt").qos(qos).send());
            let receipt = sending.poll().expect("at once").expect("room");
            let mut receipt = Call::new(receipt);
            assert_eq!(receipt.poll().is_some(), qos == QoS::AtMostOnce);
            bench.turns(5);
            if qos != QoS::AtMostOnce {
                assert!(has_arrived(&receipt.poll()));
            }
            assert_eq!(bench.accepted(b"receipt"), 1);
        }
    }
}

#[test]
fn a_receipt_waits_for_room_first() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let mut sending = Call::new(client.publish("t", "0").send());
        assert!(sending.poll().is_none(), "there is no room");
        bench.stall(false);
        bench.turns(5);
        let receipt = sending.poll().expect("room").expect("it was accepted");
        assert!(has_arrived(&Call::new(receipt).poll()));
    }
}

#[test]
fn a_receipt_that_is_dropped_lets_the_message_go_on() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        let sending = Call::new(client.publish("t", "on").qos(QoS::ExactlyOnce).send()).poll();
        drop(sending.expect("at once").expect("room"));
        bench.turns(5);
        assert_eq!(bench.accepted(b"on"), 1);
        assert!(bench.complete(client.drain(std::time::Duration::from_secs(1))));
    }
}

#[test]
fn a_receipt_tells_what_became_of_the_message() {
    for version in BOTH {
        let mut bench = Bench::new(config(version), 1000);
        let client = bench.client();
        let mut receipts = Vec::new();
        let end = loop {
            let sending = client.publish("t", [0; 40]).qos(QoS::AtLeastOnce);
            match Call::new(sending.timeout(std::time::Duration::from_millis(50)).send()).poll() {
                Some(Ok(receipt)) => receipts.push(receipt),
                end => break end,
            }
            if receipts.len() == 4 {
                break None;
            }
        };
        assert!(end.is_none());
        let last = receipts.pop().expect("four");
        bench.turns(100);
        assert_eq!(bench.complete(last), Err(UNSENT));
        bench.complete(client.disconnect()).expect_err("there was no connection");
        for receipt in receipts {
            let end = bench.complete(receipt);
            assert!(matches!(end, Err(UNSENT | PublishError::Kept)), "{end:?}");
        }
    }
}

/// The mark of a call that went away is not the mark of another one before its message is over.
#[test]
fn a_late_acknowledgement_settles_no_other_call() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        bench.stall(true);
        bench.turn();
        let publish = client.publish("t", "late").qos(QoS::AtLeastOnce);
        let mut late = Call::new(publish.timeout(std::time::Duration::from_millis(10)));
        assert!(late.poll().is_none());
        bench.turns(20);
        assert_eq!(late.poll(), Some(Err(PublishError::TimedOut { sent: true })));
        // Slots are used again and again, until their marks repeat.
        for _ in 0..66_000 {
            let mut other = Call::new(client.publish("t", [0; 250]).qos(QoS::AtLeastOnce));
            let _ = other.poll();
        }
        let mut waits = Call::new(client.publish("t", "waits").qos(QoS::AtLeastOnce));
        assert!(waits.poll().is_none());
        bench.stall(false);
        for _ in 0..20 {
            bench.turn();
            let end = waits.poll();
            assert!(end.is_none() || bench.accepted(b"waits") == 1, "another one's end: {end:?}");
        }
    }
}
