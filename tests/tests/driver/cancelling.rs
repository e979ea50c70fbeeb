//! Cancel safety: every call is dropped at every await, and the connection goes on.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use mqtt_as_client::{Client, SubscriptionOptions};
use mqtt_as_client::{Config, ConnectError, PublishError, QoS};
use mqtt_as_proto::{Properties, Version};

use crate::BOTH;
use crate::hand::{Bench, Hand};

type Call = Pin<Box<dyn Future<Output = ()>>>;

/// More polls than any call takes to its end.
const MOST: usize = 40;

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours").in_flight(8)
}

/// The connection works, or a new one does.
fn assert_works(bench: &mut Bench, told: &str) {
    let client = bench.client();
    bench.turns(40);
    if !client.is_connected() {
        bench.complete(client.connect(true)).unwrap_or_else(|error| panic!("{told}: {error}"));
    }
    bench.complete(client.subscribe("check", QoS::ExactlyOnce)).expect("a subscription");
    let publish = client.publish("check", "works").qos(QoS::ExactlyOnce);
    bench.complete(publish).expect("a publish");
    let mut queue = client.queue();
    loop {
        let message = bench.complete(queue.next()).expect("a message");
        if message.topic() == "check" {
            break;
        }
    }
    assert!(bench.complete(client.broker_up()), "{told}");
    assert!(bench.complete(client.drain(Duration::from_secs(5))), "{told}");
    bench.turns(40);
    bench.assert_whole_packets();
}

/// Drops the call after each number of polls up to its end.
fn drop_at_every_await(name: &str, is_connected: bool, call: impl Fn(Client<Hand>) -> Call) {
    for version in BOTH {
        for chunk in [7, 1000] {
            for polls in 0..MOST {
                let told = format!("{name}, {version:?}, {chunk} bytes a turn, {polls} polls");
                let mut bench = Bench::new(config(version), chunk);
                let client = bench.client();
                if is_connected {
                    bench.complete(client.connect(true)).expect("a connection");
                    bench.complete(client.subscribe("own", QoS::AtLeastOnce)).expect("a filter");
                }
                drop(client);
                let handle = bench.client();
                let end = bench.poll_times(call(handle), polls);
                assert_works(&mut bench, &told);
                if end.is_some() {
                    break;
                }
            }
        }
    }
}

#[test]
fn connect() {
    let call = |client: Client<Hand>| -> Call {
        Box::pin(async move {
            let _ = client.connect(true).await;
        })
    };
    drop_at_every_await("connect", false, call);
    drop_at_every_await("connect again", true, call);
    drop_at_every_await("connect unclean", true, |client| {
        Box::pin(async move {
            let _ = client.connect(false).await;
        })
    });
}

#[test]
fn disconnect() {
    drop_at_every_await("disconnect", true, |client| {
        Box::pin(async move {
            let _ = client.disconnect().await;
        })
    });
    drop_at_every_await("disconnect_with_will", true, |client| {
        Box::pin(async move {
            let _ = client.disconnect().with_will().await;
        })
    });
}

#[test]
fn publish() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        drop_at_every_await("publish", true, move |client| {
            Box::pin(async move {
                let _ = client.publish("own", "payload").qos(qos).await;
            })
        });
        drop_at_every_await("publish before connect", false, move |client| {
            Box::pin(async move {
                let _ = client.publish("own", "payload").qos(qos).await;
            })
        });
    }
    drop_at_every_await("publish a large payload", true, |client| {
        Box::pin(async move {
            let _ = client.publish("own", "x".repeat(4200)).qos(QoS::AtLeastOnce).await;
        })
    });
}

#[test]
fn subscribe_and_unsubscribe() {
    drop_at_every_await("subscribe", true, |client| {
        Box::pin(async move {
            let _ = client.subscribe("a/#", QoS::AtLeastOnce).await;
        })
    });
    drop_at_every_await("subscribe_all", true, |client| {
        Box::pin(async move {
            let filters = [("a", SubscriptionOptions::new(QoS::AtMostOnce)); 3];
            let _ = client.subscribe_all(&filters, Properties::NONE).await;
        })
    });
    drop_at_every_await("unsubscribe", true, |client| {
        Box::pin(async move {
            let _ = client.unsubscribe("own").await;
        })
    });
    drop_at_every_await("unsubscribe_all", true, |client| {
        Box::pin(async move {
            let _ = client.unsubscribe_all(&["a", "b"], Properties::NONE).await;
        })
    });
}

/// What they would have got is for whoever is left.
#[test]
fn receivers() {
    drop_at_every_await("receiver", true, |client| {
        Box::pin(async move {
            let _ = client.subscribe("check/#", QoS::AtLeastOnce).receiver().await;
        })
    });
    drop_at_every_await("receiver before connect", false, |client| {
        Box::pin(async move {
            let _ = client.subscribe("check/#", QoS::AtLeastOnce).receiver().await;
        })
    });
    drop_at_every_await("receive", true, |client| {
        Box::pin(async move {
            let subscribe = client.subscribe("check", QoS::AtLeastOnce);
            if let Ok(mut receiver) = subscribe.receiver().await {
                let _ = client.publish("check", "for it").qos(QoS::ExactlyOnce).await;
                let _ = receiver.next().await;
            }
        })
    });
}

#[test]
fn waits() {
    drop_at_every_await("broker_up", true, |client| {
        Box::pin(async move {
            let _ = client.broker_up().await;
        })
    });
    drop_at_every_await("up", true, |client| {
        Box::pin(async move {
            client.up().await;
            client.up().await;
        })
    });
    drop_at_every_await("down", true, |client| {
        Box::pin(async move {
            let _ = client.down().await;
        })
    });
    drop_at_every_await("drain", true, |client| {
        Box::pin(async move {
            client.publish("own", "x").qos(QoS::ExactlyOnce).try_publish().expect("room");
            client.drain(Duration::from_millis(100)).await;
        })
    });
}

/// A dropped `next` takes no message.
#[test]
fn next() {
    for version in BOTH {
        for polls in 0..20 {
            let mut bench = Bench::new(config(version), 1000);
            let client = bench.client();
            bench.complete(client.connect(true)).expect("a connection");
            bench.complete(client.subscribe("own", QoS::AtLeastOnce)).expect("a subscription");
            client.publish("own", "kept").qos(QoS::AtLeastOnce).try_publish().expect("room");
            let mut buffer = [0; 64];
            let mut queue = client.queue();
            let taken = match polls % 2 {
                0 => bench.poll_times(queue.next(), polls).is_some(),
                _ => bench.poll_times(queue.next_into(&mut buffer), polls).is_some(),
            };
            if !taken {
                let message = bench.complete(queue.next()).expect("a message");
                assert_eq!(message.payload(), b"kept");
            }
            assert_works(&mut bench, "next");
        }
    }
}

#[test]
fn a_consumer_that_is_dropped_passes_its_message_on() {
    let mut bench = Bench::new(config(Version::V5), 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    bench.complete(client.subscribe("own", QoS::AtMostOnce)).expect("a subscription");
    let (first, second) = (client.clone(), client.clone());
    let (mut one, mut other) = (first.queue(), second.queue());
    let mut first = Box::pin(one.next());
    assert!(bench.poll_times(&mut first, 1).is_none());
    let second = async {
        // Waits in its own slot; then the first one, which was woken, goes away.
        client.publish("own", "x").await.expect("a publish");
        other.next().await
    };
    let mut second = Box::pin(second);
    assert!(bench.poll_times(&mut second, 2).is_none());
    bench.turns(20);
    drop(first);
    assert_eq!(bench.complete(second).expect("a message").payload(), b"x");
}

/// Dropping the driver closes the transport; all calls return `Closed`.
#[test]
fn run() {
    for version in BOTH {
        for turns in 0..30 {
            let mut bench = Bench::new(config(version), 10);
            let client = bench.client();
            let connected = bench.poll_times(client.connect(true), turns);
            let mut publish =
                Box::pin(client.publish("a", "b").qos(QoS::AtLeastOnce).into_future());
            let early = bench.poll_times(&mut publish, 1);
            bench.drop_runner();
            if early.is_none() {
                assert_eq!(bench.complete(publish), Err(PublishError::Closed), "{connected:?}");
            }
            assert_eq!(bench.complete(client.connect(true)), Err(ConnectError::Closed));
            assert!(bench.complete(client.queue().next()).is_none());
            assert!(!client.is_connected());
        }
    }
}

/// More calls than there are waiter slots.
const MANY: usize = 100_000;

#[test]
fn calls_that_were_dropped_hold_no_slot() {
    for version in BOTH {
        let mut bench = Bench::new(config(version).in_flight(1), 1000);
        let client = bench.client();
        bench.complete(client.connect(true)).expect("a connection");
        bench.complete(client.up()).expect("a connection");
        bench.stall(true);
        client.publish("a", "b").qos(QoS::AtLeastOnce).try_publish().expect("room");
        for _ in 0..MANY {
            let room = client.publish("own", "never").qos(QoS::AtLeastOnce).into_future();
            assert!(bench_poll(&mut bench, room));
            assert!(bench_poll(&mut bench, client.subscribe("never", QoS::AtMostOnce)));
            assert!(bench_poll(&mut bench, client.queue().next()));
            assert!(bench_poll(&mut bench, client.down()));
            assert!(bench_poll(&mut bench, client.up()));
            assert!(bench_poll(&mut bench, client.broker_up()));
        }
        bench.stall(false);
        assert_works(&mut bench, "after many dropped calls");
        assert_eq!(client.statistics().published, 2, "what was dropped never happened");
    }
}

#[test]
fn connects_that_were_dropped_hold_no_slot() {
    for version in BOTH {
        let mut bench = Bench::new(config(version), 1000);
        let client = bench.client();
        for _ in 0..MANY {
            assert!(bench_poll(&mut bench, client.connect(true)));
        }
        assert_works(&mut bench, "after many dropped connects");
    }
}

#[test]
fn accepted_publishes_that_were_dropped_hold_no_slot() {
    for version in BOTH {
        let mut bench = Bench::new(config(version), 1000);
        let client = bench.client();
        bench.complete(client.connect(true)).expect("a connection");
        for _ in 0..70_000 {
            let publish = client.publish("own", "x").qos(QoS::AtLeastOnce).into_future();
            assert!(bench_poll(&mut bench, publish));
            if client.statistics().published.is_multiple_of(8) {
                bench.turns(2);
            }
        }
        assert_works(&mut bench, "after many dropped publishes");
    }
}

/// Polls once and drops: whether it was pending.
fn bench_poll<T>(bench: &mut Bench, future: impl Future<Output = T>) -> bool {
    let _ = bench;
    let mut future = std::pin::pin!(future);
    future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending()
}
