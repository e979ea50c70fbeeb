//! A program that is slower than what the broker has for it: every message once, on one connection.

use std::time::Duration;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tokio::{Client, QoS, Version};
use tokio::time::sleep;

use crate::flow::{number, publish_numbers};
use crate::{VERSIONS, config, connected, next, within};

/// A broker that keeps all that waits for a session.
fn broker() -> Mosquitto {
    Mosquitto::start(Options::new().line("max_queued_messages 0"))
}

/// Takes `count` messages, with a pause of that many milliseconds behind every so many.
async fn take_slowly(client: &Client, count: usize, every: usize, pause: u64) -> Vec<usize> {
    let mut numbers = Vec::with_capacity(count);
    while numbers.len() < count {
        let message = next(client).await;
        numbers.push(number(&String::from_utf8_lossy(message.payload())));
        if numbers.len().is_multiple_of(every) {
            sleep(Duration::from_millis(pause)).await;
        }
    }
    numbers
}

/// All that there is came once, in order, and the link never fell.
async fn assert_whole(what: &str, client: &Client, numbers: &[usize], connections: u32) {
    assert!(within(client.broker_up()).await, "{what}");
    let statistics = client.statistics();
    println!("{what}: {statistics:?}");
    assert!(numbers.iter().copied().eq(0..numbers.len()), "{what}: {numbers:?}");
    assert_eq!(statistics.connections, connections, "{what}");
    assert_eq!((statistics.shed, statistics.discards), (0, 0), "{what}");
    assert_eq!(statistics.received as usize, numbers.len(), "{what}");
    assert!(within(client.drain(Duration::from_secs(5))).await, "{what}: it is acknowledged");
}

/// A session that was kept, and has `count` messages waiting when its program comes back.
async fn kept(broker: &Mosquitto, version: Version, qos: QoS, count: usize) -> Client {
    let client = Client::new(config(broker, version, "slow")).expect("a client");
    within(client.connect(false)).await.expect("a connection");
    within(client.subscribe("numbers", qos)).await.expect("a subscription");
    within(client.disconnect()).await.expect("an end");
    let publisher = connected(broker, Version::V5, "publisher").await;
    publish_numbers(&publisher, "numbers", qos, 0..count, 100).await;
    within(client.connect(false)).await.expect("a connection");
    client
}

async fn backlog_of_a_kept_session(count: usize, every: usize, pause: u64) {
    let broker = broker();
    for version in VERSIONS {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let client = kept(&broker, version, qos, count).await;
            let numbers = take_slowly(&client, count, every, pause).await;
            assert_whole(&format!("{version:?} {qos:?}"), &client, &numbers, 2).await;
            within(client.connect(true)).await.expect("a clean end");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_that_wait_are_taken_one_by_one() {
    if broker_or_skip("six_hundred_that_wait_are_taken_one_by_one") {
        backlog_of_a_kept_session(600, 1, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_that_wait_are_taken_in_pieces() {
    if broker_or_skip("three_thousand_that_wait_are_taken_in_pieces") {
        backlog_of_a_kept_session(3000, 50, 20).await;
    }
}

/// In a clean session what waits comes while the program is busy.
async fn backlog_of_a_clean_session(count: usize, every: usize, pause: u64) {
    let broker = broker();
    for version in VERSIONS {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let client = connected(&broker, version, "slow").await;
            within(client.subscribe("numbers", qos)).await.expect("a subscription");
            let publisher = connected(&broker, Version::V5, "publisher").await;
            publish_numbers(&publisher, "numbers", qos, 0..count, 100).await;
            let numbers = take_slowly(&client, count, every, pause).await;
            assert_whole(&format!("{version:?} {qos:?}"), &client, &numbers, 1).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_in_a_clean_session_are_taken_one_by_one() {
    if broker_or_skip("six_hundred_in_a_clean_session_are_taken_one_by_one") {
        backlog_of_a_clean_session(600, 1, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_in_a_clean_session_are_taken_in_pieces() {
    if broker_or_skip("three_thousand_in_a_clean_session_are_taken_in_pieces") {
        backlog_of_a_clean_session(3000, 50, 20).await;
    }
}

/// Retained messages come as fast as the broker can send, behind SUBACK or before it.
async fn retained(qos: QoS, count: usize) {
    let broker = broker();
    let publisher = connected(&broker, Version::V5, "publisher").await;
    for number in 0..count {
        let (topic, payload) = (format!("kept/{number}"), number.to_string());
        let publish = publisher.publish(&topic, &payload).qos(qos).retain(true);
        drop(within(publish.send()).await.expect("a publish"));
    }
    assert!(within(publisher.drain(Duration::from_secs(30))).await);
    for version in VERSIONS {
        let client = connected(&broker, version, "consumer").await;
        within(client.subscribe("kept/#", qos)).await.expect("a subscription");
        let mut numbers = take_slowly(&client, count, count, 0).await;
        numbers.sort_unstable(); // A broker may keep them in any order.
        assert_whole(&format!("{version:?} {qos:?}"), &client, &numbers, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_retained_messages_of_qos_0_arrive() {
    if broker_or_skip("ten_thousand_retained_messages_of_qos_0_arrive") {
        retained(QoS::AtMostOnce, 10_000).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_retained_messages_of_qos_1_arrive() {
    if broker_or_skip("five_thousand_retained_messages_of_qos_1_arrive") {
        retained(QoS::AtLeastOnce, 5000).await;
    }
}

/// 20,000 messages of QoS 0 in one burst, for a program on one thread and on two.
async fn burst() {
    let broker = broker();
    for version in VERSIONS {
        let client = connected(&broker, version, "consumer").await;
        within(client.subscribe("numbers", QoS::AtMostOnce)).await.expect("a subscription");
        let publisher = connected(&broker, Version::V5, "publisher").await;
        let publish = tokio::spawn(async move {
            for number in 0..20_000 {
                let payload = number.to_string();
                within(publisher.publish("numbers", &payload)).await.expect("a publish");
            }
            assert!(within(publisher.broker_up()).await);
        });
        let numbers = take_slowly(&client, 20_000, 20_000, 0).await;
        publish.await.expect("no panic");
        assert_whole(&format!("{version:?}"), &client, &numbers, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_20_000_arrives_on_two_threads() {
    if broker_or_skip("a_burst_of_20_000_arrives_on_two_threads") {
        burst().await;
    }
}

#[tokio::test]
async fn a_burst_of_20_000_arrives_on_one_thread() {
    if broker_or_skip("a_burst_of_20_000_arrives_on_one_thread") {
        burst().await;
    }
}
