//! 3.1.1 has no Receive Maximum: a server may send more than the program takes. What it sends again comes in order.

use std::time::Duration;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tokio::{Client, ConnectionError, DownReason, QoS, Version};
use tokio::time::timeout;

use crate::flow::{Kept, assert_arrived, number, publish_numbers};
use crate::{SOON, config, connected, next, within};

const MESSAGES: usize = 600;

/// Takes `count` numbers, and asks for a sign of life every now and then.
async fn read_slowly(client: &Client, count: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut seen = vec![false; count];
    while seen.iter().any(|seen| !seen) {
        let Ok(Some(message)) = timeout(SOON, client.queue().next()).await else { break };
        let number = number(&String::from_utf8_lossy(message.payload()));
        seen[number] = true;
        numbers.push(number);
        if numbers.len() % 8 == 0 {
            // The answer lies behind the flood: what finds no room before it is shed.
            let _ = within(client.broker_up()).await;
        }
    }
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), client.queue().next()).await {
        numbers.push(number(&String::from_utf8_lossy(message.payload())));
    }
    numbers
}

async fn flood(qos: QoS) {
    // The broker's window is wider than our queue.
    let options = Options::new().line("max_inflight_messages 200").line("max_queued_messages 0");
    let broker = Mosquitto::start(options);
    let config = config(&broker, Version::V311, "slow").receive_maximum(16).queue_len(16);
    let slow = Client::new(config).expect("a client");
    let kept = Kept::connect(&slow).await;
    within(slow.subscribe("flood", qos)).await.expect("subscribed");
    let told = slow.clone();
    let publisher = connected(&broker, Version::V5, "publisher").await;
    publish_numbers(&publisher, "flood", qos, 0..MESSAGES, 100).await;
    let numbers = read_slowly(&slow, MESSAGES).await;
    let statistics = slow.statistics();
    println!("{qos:?}: {MESSAGES} messages, {} arrivals, {statistics:?}", numbers.len());
    assert_arrived("the slow consumer", qos, MESSAGES, &numbers);
    assert!(statistics.shed > 0 && kept.downs() > 0, "there was no overrun: {statistics:?}");
    let overrun = DownReason::Protocol(ConnectionError::Overrun);
    assert_eq!(within(told.down()).await, Some(overrun));
    assert_eq!(statistics.discards, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mosquitto_sends_again_after_an_overrun_is_in_order_qos_1() {
    if broker_or_skip("what_mosquitto_sends_again_after_an_overrun_is_in_order_qos_1") {
        flood(QoS::AtLeastOnce).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mosquitto_sends_again_after_an_overrun_is_in_order_qos_2() {
    if broker_or_skip("what_mosquitto_sends_again_after_an_overrun_is_in_order_qos_2") {
        flood(QoS::ExactlyOnce).await;
    }
}

/// A message loop that awaits a publish inside, in a flood: it gets on.
async fn loop_in_a_flood(version: Version) {
    let options = Options::new().line("max_inflight_messages 200").line("max_queued_messages 0");
    let broker = Mosquitto::start(options);
    let config = config(&broker, version, "loop").receive_maximum(16).queue_len(16);
    let client = Client::new(config).expect("a client");
    let _kept = Kept::connect(&client).await;
    let qos = QoS::AtLeastOnce;
    within(client.subscribe("flood", qos)).await.expect("subscribed");
    let publisher = connected(&broker, Version::V5, "publisher").await;
    let flood = publish_numbers(&publisher, "flood", qos, 0..MESSAGES, 100);
    let answers = async {
        let mut numbers = Vec::new();
        let mut seen = vec![false; MESSAGES];
        while seen.iter().any(|seen| !seen) {
            let message = next(&client).await;
            let number = number(&String::from_utf8_lossy(message.payload()));
            seen[number] = true;
            numbers.push(number);
            let answer = client.publish("answer", message.payload()).qos(qos);
            within(answer).await.expect("published");
        }
        numbers
    };
    let ((), numbers) = tokio::join!(flood, answers);
    println!("{version:?}: {} arrivals, {:?}", numbers.len(), client.statistics());
    assert_arrived("the loop", qos, MESSAGES, &numbers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_loop_that_awaits_a_publish_inside_gets_on_in_a_flood_v311() {
    if broker_or_skip("a_message_loop_that_awaits_a_publish_inside_gets_on_in_a_flood_v311") {
        loop_in_a_flood(Version::V311).await;
    }
}

/// mosquitto 2.0.11 sends more than Receive Maximum as soon as it has a queue: after each PUBACK for its oldest
/// message as many as Receive Maximum allows in all.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_loop_that_awaits_a_publish_inside_gets_on_in_a_flood_v5() {
    if broker_or_skip("a_message_loop_that_awaits_a_publish_inside_gets_on_in_a_flood_v5") {
        loop_in_a_flood(Version::V5).await;
    }
}
