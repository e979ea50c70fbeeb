//! `queue`: `next`, `next_into`, several consumers, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::zip;
use mqtt_as_proto::packet::{Delivery, PacketType};

use super::story::{
    MS, acknowledged, again, both, client, config, connected, got, held, id, message, next,
    numbers, payloads, peer, server, take, text, until,
};
use crate::runtime::adapter::{Overflow, QoS, Version};
use crate::runtime::{Client, sleep, soon, spawn, within};

#[test]
fn messages_wait_for_a_consumer_that_comes_later() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        for number in numbers(8) {
            within(client.publish("a", number.as_str()).qos(QoS::AtLeastOnce))
                .await
                .expect("a publish");
        }
        assert_eq!(payloads(&client, 8).await, numbers(8));
    });
}

#[test]
fn next_into_writes_into_the_programs_buffer() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("topic", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.publish("topic", "payload").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let mut queue = client.queue();
        let mut buffer = [0; 64];
        let message = within(queue.next_into(&mut buffer)).await.expect("room").expect("a message");
        assert_eq!((message.topic(), message.payload()), ("topic", &b"payload"[..]));
        assert_eq!((message.qos(), message.retain()), (QoS::AtLeastOnce, false));
        assert!(soon(20 * MS, queue.next_into(&mut buffer)).await.is_none());
        within(client.disconnect()).await.expect("an end");
        assert!(matches!(within(queue.next_into(&mut buffer)).await, Ok(None)));
    });
}

#[test]
fn consumers_share_the_queue() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        let busy = Arc::new(AtomicUsize::new(0));
        let consumers: Vec<_> = (0..4)
            .map(|_| {
                let (client, busy) = (client.clone(), busy.clone());
                spawn(async move {
                    let first = got(&client).await;
                    busy.fetch_add(1, Ordering::SeqCst);
                    // Each is busy with its first message until all are.
                    until(|| busy.load(Ordering::SeqCst) == 4).await;
                    let mut taken = vec![text(&first.payload)];
                    while let Some(message) = take(&client).await {
                        taken.push(text(&message.payload));
                    }
                    taken
                })
            })
            .collect();
        for number in numbers(100) {
            within(client.publish("a", number.as_str()).qos(QoS::AtLeastOnce))
                .await
                .expect("a publish");
        }
        assert!(within(client.broker_up()).await);
        within(client.disconnect()).await.expect("an end");
        let mut all = Vec::new();
        for consumer in consumers {
            all.extend(consumer.end().await);
        }
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(100));
    });
}

/// A consumer that is busy with its message leaves the others to those who wait.
#[test]
fn messages_that_came_together_wake_as_many_consumers() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            std::thread::sleep(100 * MS);
            let mut bytes = Vec::new();
            for number in ["1", "2", "3"] {
                bytes.extend(script.written(&message("a", number, Delivery::AtMostOnce)));
            }
            script.send_bytes(&bytes);
            script.expect(mqtt_as_proto::PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let client = client.clone();
                spawn(async move {
                    let taken = take(&client).await.is_some();
                    // Busy for longer than the story waits for the others.
                    sleep(50 * MS).await;
                    taken
                })
            })
            .collect();
        for consumer in consumers {
            assert!(consumer.end().await);
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn after_disconnect_the_queue_ends_when_all_is_taken() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for number in numbers(3) {
            within(client.publish("a", number.as_str()).qos(QoS::AtLeastOnce))
                .await
                .expect("a publish");
        }
        within(client.broker_up()).await;
        within(client.disconnect()).await.expect("an end");
        assert_eq!(payloads(&client, 3).await, numbers(3));
        assert!(within(take(&client)).await.is_none());
        within(client.connect(true)).await.expect("a new beginning");
        assert!(soon(20 * MS, take(&client)).await.is_none(), "it waits again");
    });
}

#[test]
fn a_waiting_consumer_learns_of_a_disconnect() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let waiting = |client: &Client| {
            let client = client.clone();
            spawn(async move { take(&client).await.is_none() })
        };
        let first = waiting(&client);
        sleep(20 * MS).await;
        within(client.disconnect()).await.expect("an end");
        assert!(first.end().await);
        // And when the link was lost before.
        within(client.connect(true)).await.expect("a connection");
        let second = waiting(&client);
        server.cut();
        within(client.down()).await.expect("a loss");
        sleep(20 * MS).await;
        within(client.disconnect()).await.expect_err("there is no connection");
        assert!(second.end().await);
    });
}

#[test]
fn the_queue_outlives_a_lost_link() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for number in numbers(5) {
            within(client.publish("a", number.as_str())).await.expect("a publish");
        }
        assert!(within(client.broker_up()).await);
        server.cut();
        within(client.down()).await.expect("a loss");
        assert_eq!(payloads(&client, 5).await, numbers(5));
        let waiting = spawn({
            let client = client.clone();
            async move { next(&client).await.1 }
        });
        sleep(20 * MS).await;
        within(client.connect(true)).await.expect("a connection");
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.publish("a", "later")).await.expect("a publish");
        assert_eq!(waiting.end().await, "later");
    });
}

// Decision [drop-oldest]
#[test]
fn a_full_queue_drops_the_oldest_qos_0_and_counts_them() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).queue_len(8).receive_maximum(4);
        let settings = settings.overflow(Overflow::DropOldest);
        let client = connected(settings).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for number in numbers(100) {
            within(client.publish("a", number.as_str())).await.expect("a publish");
        }
        within(client.publish("a", "last").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert!(within(client.broker_up()).await);
        let mut wanted = numbers(100).split_off(93);
        wanted.push("last".to_owned());
        assert_eq!(payloads(&client, 8).await, wanted);
        assert_eq!(client.statistics().discards, 93);
    });
}

/// Whole messages in front of malformed bytes were received.
#[test]
fn messages_in_front_of_malformed_bytes_are_delivered() {
    both(async |version| {
        let server = peer(move |script| {
            for first in ["1", "3"] {
                script.welcome();
                let mut bytes = Vec::new();
                for number in [first, "2"] {
                    bytes.extend(script.written(&message("topic", number, Delivery::AtMostOnce)));
                }
                bytes.extend_from_slice(&[0xF7, 0xFF, 0xFF, 0xFF, 0xFF]);
                script.send_bytes(&bytes);
                if version == Version::V5 {
                    script.expect(mqtt_as_proto::PacketType::Disconnect);
                }
                script.expect_close();
            }
        });
        let client = client(config(version, server.port));
        for first in ["1", "3"] {
            within(client.connect(true)).await.expect("a connection");
            within(client.down()).await.expect("an end");
            assert_eq!(next(&client).await, ("topic".to_owned(), first.to_owned()));
            assert_eq!(next(&client).await, ("topic".to_owned(), "2".to_owned()));
        }
        server.end().await;
    });
}

// Decision [hold]
#[test]
fn the_queue_is_bounded_in_bytes_too() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).queue_bytes(540);
        let settings = settings.overflow(Overflow::DropOldest);
        let client = connected(settings).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        let payload = "x".repeat(100);
        for _ in 0..10 {
            within(client.publish("a", payload.as_str())).await.expect("a publish");
        }
        assert!(within(client.broker_up()).await);
        assert_eq!(payloads(&client, 4).await.len(), 4);
        assert_eq!(client.statistics().discards, 6);
        assert!(soon(20 * MS, take(&client)).await.is_none());
    });
}

#[test]
fn a_message_has_its_packet_identifier_and_dup() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "x", Delivery::AtMostOnce));
            script.send(&again(message("a", "y", Delivery::AtLeastOnce(id(5)))));
            acknowledged(script, PacketType::PubAck, 5);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for wanted in [(false, None), (true, Some(5))] {
            let message = held(&client).await;
            assert_eq!((message.dup(), message.packet_id()), wanted);
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Calls are futures: whatever joins futures joins them.
#[test]
fn calls_are_joined() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let publish = client.publish("b", "x").qos(QoS::AtLeastOnce);
        let subscribe = client.subscribe("a", QoS::AtLeastOnce);
        let (published, subscribed) = within(zip(publish, subscribe)).await;
        published.expect("an acknowledgement");
        subscribed.expect("a subscription");
        let (published, taken) = within(zip(client.publish("a", "y"), next(&client))).await;
        published.expect("a publish");
        assert_eq!(taken.1, "y");
    });
}
