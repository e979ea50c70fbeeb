//! Receivers by filter, as the real broker serves them.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tokio::{Client, QoS, Receiver, Version};
use tokio::time::timeout;

use crate::{NEVER, connected, line, nothing_comes, rows, within};

async fn receiver(client: &Client, filter: &str, qos: QoS) -> Receiver {
    within(client.subscribe(filter, qos).receiver()).await.expect("subscribed")
}

/// The next messages of a receiver, as `mosquitto_sub` would print their payloads.
async fn payloads(receiver: &mut Receiver, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        let message = within(receiver.next()).await.expect("a message");
        all.push(String::from_utf8_lossy(message.payload()).into_owned());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_filters_get_each_message() {
    if !broker_or_skip("overlapping_filters_get_each_message") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "overlapping").await;
        let mut wide = receiver(&client, "o/#", row.qos).await;
        let mut narrow = receiver(&client, "o/+/cmd", row.qos).await;
        within(client.publish("o/1/cmd", "to both").qos(row.qos)).await.expect("published");
        within(client.publish("o/1/state", "to one").qos(row.qos)).await.expect("published");
        // In 3.1.1 this broker sends one copy, in 5.0 one for each filter, and says for which.
        assert_eq!(payloads(&mut narrow, 1).await, ["to both"], "{row:?}");
        assert_eq!(payloads(&mut wide, 2).await, ["to both", "to one"], "{row:?}");
        let copies = if row.version == Version::V5 { 3 } else { 2 };
        assert_eq!(client.statistics().received, copies, "{row:?}");
        for receiver in [&mut wide, &mut narrow] {
            assert!(timeout(NEVER, receiver.next()).await.is_err(), "{row:?}");
        }
        nothing_comes(&client).await;
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_come_to_their_receiver_and_a_dropped_one_unsubscribes() {
    if !broker_or_skip("retained_messages_come_to_their_receiver_and_a_dropped_one_unsubscribes") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "retained").await;
        for topic in ["r/1", "r/2"] {
            let publish = client.publish(topic, topic).qos(row.qos).retain(true);
            within(publish).await.expect("published");
        }
        let mut all = receiver(&client, "r/+", row.qos).await;
        let mut lines = Vec::new();
        for _ in 0..2 {
            lines.push(line(&within(all.next()).await.expect("a message")));
        }
        lines.sort_unstable();
        let expected = ["r/1", "r/2"].map(|topic| format!("{topic} {} 1 {topic}", row.q));
        assert_eq!(lines, expected, "{row:?}");
        drop(all);
        // UNSUBSCRIBE left before it.
        within(client.publish("r/3", "not for us").qos(row.qos)).await.expect("published");
        nothing_comes(&client).await;
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_comes_whole_to_three_receivers() {
    if !broker_or_skip("a_burst_comes_whole_to_three_receivers") {
        return;
    }
    const EACH: usize = 3_000;
    let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
    for row in rows() {
        let client = connected(&broker, row.version, "three").await;
        let mut tasks = Vec::new();
        for filter in ["b/0", "b/1", "b/2"] {
            let mut receiver = receiver(&client, filter, row.qos).await;
            tasks.push(tokio::spawn(async move { payloads(&mut receiver, EACH).await }));
        }
        let sender = connected(&broker, row.version, "sender").await;
        for number in 0..EACH {
            for topic in ["b/0", "b/1", "b/2"] {
                let payload = number.to_string();
                let publish = sender.publish(topic, &payload).qos(row.qos);
                drop(within(publish.send()).await.expect("published"));
            }
        }
        let numbers: Vec<_> = (0..EACH).map(|number| number.to_string()).collect();
        for task in tasks {
            let came =
                timeout(crate::SOON * 6, task).await.expect("all of them").expect("no panic");
            assert!(came == numbers, "{row:?}");
        }
        let counts = client.statistics();
        assert_eq!((counts.discards, counts.shed, counts.connections), (0, 0, 1), "{row:?}");
        within(sender.disconnect()).await.expect("disconnected");
        within(client.disconnect()).await.expect("disconnected");
    }
}

/// A program that is started again: its receivers are there before its connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_loses_nothing_to_receivers() {
    if !broker_or_skip("a_resumed_session_loses_nothing_to_receivers") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows().filter(|row| row.qos != QoS::AtMostOnce) {
        let client = Client::new(crate::config(&broker, row.version, "kept")).expect("a client");
        let mut one = receiver(&client, "k/one", row.qos).await;
        let mut two = receiver(&client, "k/two", row.qos).await;
        within(client.connect(false)).await.expect("a connection");
        let sender = connected(&broker, row.version, "sender").await;
        for receiver in [&mut one, &mut two] {
            while receiver.granted().is_none() {
                tokio::time::sleep(NEVER / 20).await;
            }
        }
        within(client.disconnect()).await.expect("disconnected");
        for topic in ["k/one", "k/two", "k/one"] {
            within(sender.publish(topic, topic).qos(row.qos)).await.expect("published");
        }
        drop((one, two, client));
        let client = Client::new(crate::config(&broker, row.version, "kept")).expect("a client");
        // The other way round: the broker still uses the identifiers of the old program.
        let mut two = receiver(&client, "k/two", row.qos).await;
        let mut one = receiver(&client, "k/one", row.qos).await;
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(payloads(&mut one, 2).await, ["k/one"; 2], "{row:?}");
        assert_eq!(payloads(&mut two, 1).await, ["k/two"], "{row:?}");
        within(client.disconnect()).await.expect("disconnected");
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("disconnected");
        within(sender.disconnect()).await.expect("disconnected");
    }
}
