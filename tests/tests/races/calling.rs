//! Calls that several threads make at a time.

use std::future::IntoFuture;
use std::pin::pin;
use std::task::{Context, Waker};

use mqtt_as_client::{Client, ConnectError, DownReason, QoS};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::yield_now;

use crate::in_any_order;
use crate::woven::{Bench, Woven, finish, spawn};

#[test]
fn publishes_of_several_threads_arrive_once() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let publishers = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| {
            let client = client.clone();
            spawn(async move || {
                client.publish("a", "1").qos(qos).await?;
                client.publish("a", "2").qos(qos).await
            })
        });
        finish(client.connect(true)).expect("a connection");
        for publisher in publishers {
            publisher.join().expect("a thread").expect("an acknowledgement");
        }
        drop(client);
        assert_eq!(bench.end().accepted("a"), 4);
    });
}

#[test]
fn a_call_that_is_dropped_at_any_moment_leaves_the_others_alone() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        finish(client.connect(true)).expect("a connection");
        let other = client.clone();
        let leaver = spawn(async move || {
            let mut call = pin!(other.publish("left", "1").qos(QoS::ExactlyOnce).into_future());
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..thread_rng().gen_range(0..4) {
                if call.as_mut().poll(&mut context).is_ready() {
                    return;
                }
                yield_now();
            }
        });
        for _ in 0..2 {
            finish(client.publish("stays", "1").qos(QoS::AtLeastOnce)).expect("an acknowledgement");
        }
        leaver.join().expect("a thread");
        drop(client);
        let wire = bench.end();
        assert_eq!(wire.accepted("stays"), 2);
        assert!(wire.accepted("left") <= 1);
    });
}

#[test]
fn connect_and_disconnect_that_cross_both_return() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let (opens, closes) = (client.clone(), client.clone());
        let opens = spawn(async move || opens.connect(false).await.map(drop));
        let closes = spawn(async move || closes.disconnect().await);
        let opened = opens.join().expect("a thread");
        assert!(matches!(opened, Ok(()) | Err(ConnectError::Replaced)), "{opened:?}");
        let _ = closes.join().expect("a thread"); // Without a connection there is none to end.
        finish(client.connect(true)).expect("a connection");
        drop(client);
        bench.end();
    });
}

/// A loop of the program's that ends with its wish to disconnect.
async fn keep_up(client: Client<Woven>) {
    loop {
        match client.connect(false).await {
            Err(ConnectError::Replaced | ConnectError::Closed) => return,
            Err(_) => {}
            Ok(_) => match client.down().await {
                None | Some(DownReason::Disconnected) => return,
                Some(_) => {}
            },
        }
    }
}

#[test]
fn a_message_arrives_once_though_the_link_breaks_at_any_moment() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        let (wire, keeps, publishes) = (bench.wire.clone(), client.clone(), client.clone());
        let keeper = spawn(async move || keep_up(keeps).await);
        let publisher =
            spawn(async move || publishes.publish("a", "1").qos(QoS::ExactlyOnce).await);
        let cutter = spawn(async move || wire.cut());
        publisher.join().expect("a thread").expect("an acknowledgement");
        cutter.join().expect("a thread");
        finish(client.publish("b", "1").qos(QoS::AtLeastOnce)).expect("an acknowledgement");
        finish(client.disconnect()).expect("a connection to end");
        keeper.join().expect("a thread");
        drop(client);
        assert_eq!(bench.end().accepted("a"), 1);
    });
}

#[test]
fn room_that_another_thread_waits_for_is_given_to_it() {
    in_any_order(|| {
        let (bench, client) = Bench::with(|config| config.in_flight(1));
        finish(client.connect(true)).expect("a connection");
        let publishers = [0; 3].map(|_| {
            let client = client.clone();
            spawn(async move || client.publish("a", "1").qos(QoS::AtLeastOnce).send().await?.await)
        });
        for publisher in publishers {
            publisher.join().expect("a thread").expect("an acknowledgement");
        }
        drop(client);
        assert_eq!(bench.end().accepted("a"), 3);
    });
}
