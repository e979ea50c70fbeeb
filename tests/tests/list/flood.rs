//! A program that is slower than the messages that come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, ack, both, client, config, connected, id, message, next, numbers, other, payloads, peer,
    server, take, until,
};
use crate::runtime::adapter::{Overflow, QoS, Version};
use crate::runtime::{Client, Task, sleep, spawn, within};

/// Another client, which publishes as fast as the broker takes it until it is told to stop.
fn flood(port: u16, qos: QoS) -> (Arc<AtomicBool>, Task<usize>) {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let task = spawn(async move {
        let client = connected(config(Version::V5, port).client_id("flood")).await;
        let mut count = 0;
        while !stopped.load(Ordering::SeqCst) {
            for _ in 0..100 {
                client.publish("flood", "0123456789").qos(qos).await.expect("a publish");
            }
            count += 100;
            // The broker's queues have no bound, so that no flood may be without one.
            client.broker_up().await;
            sleep(MS).await;
        }
        count
    });
    (stop, task)
}

/// The deadlock of clients that stop reading while their program waits for an answer.
// Decision [shed]
#[test]
fn app_awaits_publish_in_its_own_message_loop_under_a_flood() {
    for flooding in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        both(async |version| {
            let server = server();
            let port = server.addr().port();
            let settings = config(version, port).receive_maximum(8).queue_len(8);
            let ours = client(settings.response_time(200 * MS));
            within(ours.connect(false)).await.expect("a connection");
            within(ours.subscribe("flood", QoS::AtLeastOnce)).await.expect("a subscription");
            let (stop, flood) = flood(port, flooding);
            let mut answered = 0;
            let end = std::time::Instant::now() + 1500 * MS;
            while answered < 50 && std::time::Instant::now() < end {
                next(&ours).await;
                let answer = ours.publish("answer", "x").qos(QoS::AtLeastOnce);
                if within(answer).await.is_ok() {
                    answered += 1;
                }
                if !ours.is_connected() {
                    within(ours.connect(false)).await.expect("a connection");
                }
            }
            stop.store(true, Ordering::SeqCst);
            let sent = flood.end().await;
            println!("{version:?} {flooding:?}: {answered} answers, {sent} sent");
            assert!(answered >= 3, "{answered} answers");
        });
    }
}

/// QoS 0 beyond the queue is dropped, and QoS 1 held back: pings and replies go on.
#[test]
fn slow_consumer_bounded_memory_acks_and_pings_go_on() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(8).receive_maximum(8);
        let slow = connected(settings.overflow(Overflow::DropOldest)).await;
        within(slow.subscribe("flood", QoS::AtMostOnce)).await.expect("a subscription");
        let (stop, flood) = flood(port, QoS::AtMostOnce);
        until(|| slow.statistics().discards > 1000).await;
        for _ in 0..5 {
            assert!(within(slow.broker_up()).await);
            within(slow.publish("a", "b").qos(QoS::ExactlyOnce)).await.expect("a publish");
        }
        stop.store(true, Ordering::SeqCst);
        flood.end().await;
        assert!(within(slow.broker_up()).await);
        assert_eq!(payloads(&slow, 8).await.len(), 8);
        let all = slow.statistics();
        assert_eq!(all.received - all.discards, 8, "the rest was dropped and counted");
    });
}

/// A client whose server has more for it than its queue takes.
async fn overfull(version: Version, server: &Server, keepalive: u64) -> Client {
    let port = server.addr().port();
    let settings = config(version, port).queue_len(8).receive_maximum(4);
    let settings = settings.overflow(Overflow::Wait).keepalive(Duration::from_secs(keepalive));
    let slow = connected(settings).await;
    let _ = slow.queue(); // Somebody will take them.
    within(slow.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
    let other = other(port, "other").await;
    for number in numbers(3000) {
        within(other.publish("a", number.as_str())).await.expect("a publish");
    }
    assert!(within(other.broker_up()).await);
    slow
}

#[test]
fn with_wait_no_qos_0_message_is_dropped() {
    both(async |version| {
        let server = server();
        let slow = overfull(version, &server, 60).await;
        sleep(100 * MS).await;
        assert_eq!(payloads(&slow, 3000).await, numbers(3000));
        assert_eq!(slow.statistics().discards, 0);
    });
}

/// A program that takes messages, though slowly, loses none by default.
// Decision [qos0-waits]
#[test]
fn by_default_no_qos_0_message_of_a_slow_consumer_is_dropped() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let slow = connected(config(version, port).queue_len(8).receive_maximum(4)).await;
        within(slow.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        within(slow.publish("a", "first")).await.expect("a publish");
        assert_eq!(next(&slow).await.1, "first");
        let other = other(port, "other").await;
        for number in numbers(1000) {
            within(other.publish("a", number.as_str())).await.expect("a publish");
        }
        assert!(within(other.broker_up()).await);
        sleep(100 * MS).await;
        assert_eq!(payloads(&slow, 1000).await, numbers(1000));
        assert_eq!(slow.statistics().discards, 0);
    });
}

/// More than there is room for, of a server that knows no Receive Maximum: reading waits.
// Decision [stop-reading]
#[test]
fn while_nobody_awaits_an_answer_a_slow_consumer_stops_the_reading() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        both(async |version| {
            let window = BrokerConfig { window: 100, ..BrokerConfig::default() };
            let server = Server::start(window);
            let port = server.addr().port();
            let slow = client(config(version, port).queue_len(8).receive_maximum(4));
            within(slow.connect(false)).await.expect("a connection");
            within(slow.subscribe("a", qos)).await.expect("a subscription");
            let other = other(port, "other").await;
            for number in numbers(100) {
                within(other.publish("a", number.as_str()).qos(qos)).await.expect("a publish");
            }
            for number in numbers(100) {
                assert_eq!(next(&slow).await.1, number);
                assert!(slow.is_connected());
                sleep(2 * MS).await;
            }
            assert_eq!(slow.statistics().connections, 1);
            assert_eq!(slow.statistics().shed, 0);
        });
    }
}

#[test]
fn with_wait_bytes_bound_the_queue_too() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_bytes(100).overflow(Overflow::Wait);
        let slow = connected(settings).await;
        let _active = slow.queue();
        within(slow.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let other = other(port, "other").await;
        for number in numbers(300) {
            within(other.publish("a", number.as_str())).await.expect("a publish");
        }
        assert_eq!(payloads(&slow, 300).await, numbers(300));
        assert_eq!(slow.statistics().discards, 0);
    });
}

/// Longer than the broker tolerates silence.
// Decision [stop-reading]
#[test]
fn with_wait_pings_go_on() {
    both(async |version| {
        let server = server();
        let slow = overfull(version, &server, 1).await;
        sleep(2000 * MS).await;
        assert!(slow.is_connected() && within(slow.broker_up()).await);
        assert_eq!(payloads(&slow, 8).await.len(), 8);
    });
}

#[test]
fn with_wait_several_consumers_are_woken_for_all() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(4).receive_maximum(4);
        let slow = connected(settings.overflow(Overflow::Wait)).await;
        within(slow.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let other = other(port, "other").await;
        let taken = Arc::new(AtomicUsize::new(0));
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let (slow, taken) = (slow.clone(), taken.clone());
                spawn(async move {
                    while take(&slow).await.is_some() {
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for number in numbers(2_000) {
            within(other.publish("a", number.as_str())).await.expect("a publish");
        }
        until(|| taken.load(Ordering::SeqCst) == 2_000).await;
        within(slow.disconnect()).await.expect("an end");
        for consumer in consumers {
            consumer.end().await;
        }
        assert_eq!(slow.statistics().discards, 0);
    });
}

/// Whoever waits for an answer gets it, although the queue is full and the policy is to wait.
// Decision [shed]
#[test]
fn with_wait_a_call_gets_its_answer() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(4).receive_maximum(4);
        let slow: Client = connected(settings.overflow(Overflow::Wait)).await;
        within(slow.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let other = other(port, "other").await;
        for number in numbers(500) {
            within(other.publish("a", number.as_str())).await.expect("a publish");
        }
        assert!(within(other.broker_up()).await);
        sleep(20 * MS).await;
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            within(slow.publish("b", "x").qos(qos)).await.expect("an answer");
        }
        within(slow.subscribe("c", QoS::AtMostOnce)).await.expect("an answer");
        assert!(within(slow.broker_up()).await);
    });
}

/// Held messages do not keep the replies of QoS 2 flows back.
#[test]
fn replies_go_on_while_messages_are_held() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "held", Delivery::AtLeastOnce(id(1))));
            script.send(&Packet::PubRel(ack(99)));
            script.expect(PacketType::PubComp);
            script.expect(PacketType::PingReq);
            script.send(&Packet::PingResp);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        until(|| client.statistics().received == 1).await;
        sleep(20 * MS).await;
        assert!(within(client.broker_up()).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// More packets than the client deals with at once, and then one that matters.
#[test]
fn replies_that_nobody_waits_for_lie_in_front_of_a_message_and_hold_it_up_for_no_longer() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for reply in [Packet::PingResp, Packet::PubAck(ack(9)), Packet::PubComp(ack(9))] {
                let bytes = script.written(&reply).repeat(3_000);
                script.send_bytes(&bytes);
                script.send(&message("a", "behind them", Delivery::AtMostOnce));
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for _ in 0..3 {
            assert_eq!(next(&client).await.1, "behind them");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
