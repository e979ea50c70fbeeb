//! Callbacks and the queue take the same messages: as long as somebody asks for the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Client, Config, QoS};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::hand::{Bench, Hand};

/// A client with a subscription of its own, and how many messages its callback has had.
fn listening(version: Version) -> (Bench, Client<Hand>, Arc<AtomicUsize>) {
    let mut bench = Bench::with_callbacks(Config::new("by hand").version(version).client_id("a"));
    let client = bench.client();
    let count = Arc::new(AtomicUsize::new(0));
    let called = count.clone();
    client.set_cb_on_event(Msg, move |_| {
        called.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    bench.complete(client.connect(true)).expect("a connection");
    bench.complete(client.subscribe("own", QoS::ExactlyOnce)).expect("a subscription");
    (bench, client, count)
}

/// Publishes so many to ourselves, a turn each.
fn publish(bench: &mut Bench, client: &Client<Hand>, qos: QoS, count: usize) {
    for _ in 0..count {
        client.publish("own", "text").qos(qos).try_publish().expect("room");
        bench.turn();
    }
    bench.turns(100);
}

#[test]
fn a_queue_that_was_dropped_is_no_consumer_for_long() {
    for version in BOTH {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let (mut bench, client, count) = listening(version);
            drop(client.queue());
            publish(&mut bench, &client, qos, 1499);
            assert!(count.load(Ordering::SeqCst) < 1499, "somebody may ask for it again");
            bench.turns(15_000);
            assert_eq!(count.load(Ordering::SeqCst), 1499, "{version:?} {qos:?}");
            // What comes now is for the callbacks alone, and acknowledged at once.
            publish(&mut bench, &client, qos, 1499);
            assert_eq!(count.load(Ordering::SeqCst), 2 * 1499);
            assert!(bench.poll_times(client.queue().next(), 100).is_none());
        }
    }
}

#[test]
fn a_queue_that_is_asked_for_now_and_then_has_every_message() {
    for version in BOTH {
        let (mut bench, client, count) = listening(version);
        drop(client.queue());
        publish(&mut bench, &client, QoS::AtLeastOnce, 15);
        for _ in 0..15 {
            bench.turns(9_000);
            assert!(bench.complete(client.queue().next()).is_some());
        }
        assert_eq!(count.load(Ordering::SeqCst), 15);
    }
}

#[test]
fn a_queue_that_is_kept_is_a_consumer_however_slow() {
    for version in BOTH {
        let (mut bench, client, count) = listening(version);
        let mut queue = client.queue();
        publish(&mut bench, &client, QoS::AtLeastOnce, 15);
        for _ in 0..15 {
            bench.turns(25_000);
            assert!(bench.complete(queue.next()).is_some());
        }
        assert_eq!(count.load(Ordering::SeqCst), 15);
    }
}
