//! Handles, driver and callbacks that end while others are in the middle of something.

use std::time::Duration;

use mqtt_as_client::{DownReason, QoS, event};

use crate::in_any_order;
use crate::woven::{Bench, finish, spawn};

#[test]
fn the_last_handle_ends_the_tasks_whatever_is_under_way() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let others = [client.clone(), client.clone(), client.clone()];
        let [connects, publishes, listens] = others;
        let connects = spawn(async move || drop(connects.connect(true).await));
        let publishes = spawn(async move || {
            let receipt = publishes.publish("a", "1").qos(QoS::AtLeastOnce).try_publish();
            drop(receipt);
        });
        let listens = spawn(async move || {
            listens.set_cb_on_event(event::Up, |_| async {});
        });
        drop(client);
        [connects, publishes, listens].into_iter().for_each(|call| call.join().expect("a thread"));
        bench.end();
    });
}

#[test]
fn a_callback_that_calls_the_client_does_not_keep_it() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let weak = client.downgrade();
        client.set_cb_on_event(event::Up, move |_| {
            let client = weak.upgrade();
            async move {
                if let Some(client) = client {
                    let _ = client.publish("online", "1").qos(QoS::AtLeastOnce).await;
                }
            }
        });
        finish(client.connect(true)).expect("a connection");
        drop(client);
        assert!(bench.end().accepted("online") <= 1);
    });
}

#[test]
fn a_loss_is_told_to_each_handle_that_waits() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let waiters = [0; 2].map(|_| {
            let client = client.clone();
            spawn(async move || client.down().await)
        });
        finish(client.connect(true)).expect("a connection");
        finish(client.disconnect()).expect("its end");
        for waiter in waiters {
            assert_eq!(waiter.join().expect("a thread"), Some(DownReason::Disconnected));
        }
        drop(client);
        bench.end();
    });
}

#[test]
fn drain_ends_with_the_last_acknowledgement() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let publishes = client.clone();
        let publisher = spawn(async move || {
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                publishes.publish("a", "1").qos(qos).try_publish().expect("room");
            }
        });
        finish(client.connect(true)).expect("a connection");
        publisher.join().expect("a thread");
        assert!(finish(client.drain(Duration::from_secs(1))));
        assert_eq!(bench.wire.accepted("a"), 2);
        drop(client);
        bench.end();
    });
}
