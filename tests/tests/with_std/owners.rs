//! Payloads whose owner is the program's: what runs when they are let go is its code, and never
//! runs while the client is locked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use mqtt_as_proto::packet::PacketType;

use crate::list::publishing::ALL;
use crate::list::story::{
    Seen, both, client, config, connected, in_5_0, peer, published, server, until,
};
use crate::runtime::adapter::{Properties, Property, QoS, Version};
use crate::runtime::{Client, sleep, within};

/// Large enough to be held by reference.
const LARGE: usize = 100_000;

/// Bytes that do something when they are let go.
struct Owner<F: Fn()>(Vec<u8>, F);

impl<F: Fn()> AsRef<[u8]> for Owner<F> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<F: Fn()> Drop for Owner<F> {
    fn drop(&mut self) {
        (self.1)();
    }
}

fn owned(let_go: impl Fn() + Send + 'static) -> Bytes {
    Bytes::from_owner(Owner(vec![b'x'; LARGE], let_go))
}

/// A payload that asks the client something when it is let go.
fn asking(client: &Client, seen: &Seen) -> Bytes {
    let (client, seen) = (client.downgrade(), seen.clone());
    owned(move || {
        let up = client.upgrade().is_some_and(|client| client.is_connected());
        seen.push(format!("let go, connected: {up}"));
    })
}

/// Publishes it, and keeps no part of it.
fn publish(client: &Client, payload: Bytes, qos: QoS) {
    client.publish("a", &payload).qos(qos).try_publish().expect("room");
    // The client may have let go of it before us: then it is this thread that sees its panic.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
}

/// Tells a story that may lock up its own thread for ever.
fn in_time(story: impl FnOnce() + Send + 'static) {
    let (end, ended) = mpsc::channel();
    let teller = thread::spawn(move || {
        story();
        end.send(()).expect("somebody waits");
    });
    match ended.recv_timeout(Duration::from_secs(30)) {
        Ok(()) => {}
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it is locked up"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(teller.join().expect_err("its panic"));
        }
    }
}

#[test]
fn a_payload_may_call_the_client_when_it_was_acknowledged() {
    in_time(|| {
        both(async |version| {
            let server = server();
            let client = connected(config(version, server.addr().port())).await;
            for (count, qos) in ALL.into_iter().enumerate() {
                let seen = Seen::default();
                publish(&client, asking(&client, &seen), qos);
                seen.count(1).await;
                assert_eq!(seen.all(), ["let go, connected: true"]);
                assert_eq!(client.statistics().published, 1 + count as u64);
            }
        });
    });
}

#[test]
fn a_payload_may_call_the_client_when_its_message_has_ended() {
    in_time(|| {
        both(async |version| {
            let server = peer(|script| {
                script.welcome();
                assert_eq!(published(script).1, 1);
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(version, server.port)).await;
            let seen = Seen::default();
            publish(&client, asking(&client, &seen), QoS::AtLeastOnce);
            within(client.disconnect()).await.expect("an end");
            seen.count(1).await;
            server.end().await;
        });
    });
}

#[test]
fn a_payload_may_call_the_client_when_it_expires_while_down() {
    in_time(|| {
        in_5_0(async {
            let client = client(config(Version::V5, 1));
            let seen = Seen::default();
            let payload = asking(&client, &seen);
            let list = [Property::MessageExpiryInterval(1)];
            let publish = client.publish("a", &payload).properties(Properties::new(&list));
            publish.try_publish().expect("room");
            drop(payload);
            seen.count(1).await;
            assert_eq!(seen.all(), ["let go, connected: false"]);
        });
    });
}

#[test]
fn a_payload_may_call_the_client_when_it_is_given_up() {
    in_time(|| {
        both(async |version| {
            let server = peer(|script| {
                script.welcome();
                assert_eq!(published(script).1, 1);
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(version, server.port)).await;
            let seen = Seen::default();
            publish(&client, asking(&client, &seen), QoS::AtLeastOnce);
            until(|| client.give_up(1)).await;
            seen.count(1).await;
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    });
}

#[test]
fn a_payload_may_call_the_client_when_its_link_is_lost_before_it_was_written() {
    in_time(|| {
        both(async |version| {
            let server = peer(|script| {
                script.welcome();
                thread::sleep(Duration::from_secs(2)); // It reads nothing.
            });
            let settings = config(version, server.port).write_timeout(Duration::from_millis(300));
            let client = connected(settings).await;
            let seen = Seen::default();
            for _ in 0..2 {
                let (asks, seen) = (client.downgrade(), seen.clone());
                let owner = Owner(vec![b'x'; 16 * 1024 * 1024], move || {
                    let up = asks.upgrade().is_some_and(|client| client.is_connected());
                    seen.push(format!("let go, connected: {up}"));
                });
                publish(&client, Bytes::from_owner(owner), QoS::AtMostOnce);
                sleep(Duration::from_millis(50)).await; // The driver has it.
            }
            within(client.down()).await.expect("a lost link");
            seen.count(2).await;
            server.end().await;
        });
    });
}

#[test]
fn a_payload_that_panics_when_it_is_let_go_ends_nothing() {
    in_time(|| {
        both(async |version| {
            let server = server();
            let client = connected(config(version, server.addr().port())).await;
            for qos in ALL {
                let seen = Seen::default();
                let told = seen.clone();
                let payload = owned(move || {
                    told.push("let go");
                    panic!("a panic that the story wants");
                });
                publish(&client, payload, qos);
                seen.count(1).await;
                within(client.publish("a", "after").qos(QoS::AtLeastOnce)).await.expect("it works");
                assert!(client.is_connected() && within(client.broker_up()).await);
            }
        });
    });
}
