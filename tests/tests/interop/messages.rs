//! Messages both ways: QoS, retain, wildcards, 2 MB.

use std::fmt::Write;
use std::time::Duration;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip, publish, publish_bytes};
use mqtt_as_tests::random::Random;

use crate::{NEVER, SOON, connected, handled, next, next_line, nothing_comes, rows, within};

const TWO_MEGABYTES: usize = 2_000_000;

// 3.1.1 [MQTT-7.0.0-2]
#[tokio::test(flavor = "multi_thread")]
async fn what_we_publish_is_what_mosquitto_sub_sees() {
    if !broker_or_skip("what_we_publish_is_what_mosquitto_sub_sees") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "publisher").await;
        let sub = Sub::start(&broker, &["-V", row.v, "-t", "p/#", "-q", "2"]);
        within(client.publish("p/text", "hello").qos(row.qos)).await.expect("published");
        within(client.publish("p/empty", "").qos(row.qos)).await.expect("published");
        let want = [format!("p/text {} 0 hello", row.q), format!("p/empty {} 0 ", row.q)];
        assert_eq!(sub.next_lines(2, SOON), want, "{row:?}");
        assert_eq!(sub.next_line(NEVER), None, "{row:?}");
        within(client.disconnect()).await.expect("disconnected");
    }
}

// 3.1.1 [MQTT-7.0.0-2]
#[tokio::test(flavor = "multi_thread")]
async fn what_mosquitto_pub_publishes_is_in_our_queue() {
    if !broker_or_skip("what_mosquitto_pub_publishes_is_in_our_queue") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "subscriber").await;
        let granted = within(client.subscribe("s/t", row.qos)).await.expect("subscribed");
        assert_eq!(granted.qos(), row.qos);
        publish(&broker, &["-V", row.v, "-t", "s/t", "-q", "2", "-m", "down to what we asked for"]);
        let want = format!("s/t {} 0 down to what we asked for", row.q);
        assert_eq!(next_line(&client).await, want, "{row:?}");
        publish(&broker, &["-V", row.v, "-t", "s/t", "-q", "0", "-n"]);
        assert_eq!(next_line(&client).await, "s/t 0 0 ", "{row:?}");
        within(client.unsubscribe("s/t")).await.expect("unsubscribed");
        publish(&broker, &["-V", row.v, "-t", "s/t", "-q", row.q, "-m", "not for us"]);
        nothing_comes(&client).await;
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_are_set_read_and_cleared_both_ways() {
    if !broker_or_skip("retained_messages_are_set_read_and_cleared_both_ways") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "retainer").await;
        let publish_retained = async |payload: &str| {
            let publish = client.publish("r/ours", payload).qos(row.qos).retain(true);
            within(publish).await.expect("published");
            handled(&client).await;
        };
        publish_retained("kept").await;
        let read = || Sub::start(&broker, &["-V", row.v, "-t", "r/ours", "-q", "2"]);
        assert_eq!(read().next_line(SOON), Some(format!("r/ours {} 1 kept", row.q)), "{row:?}");
        publish_retained("").await;
        assert_eq!(read().next_line(NEVER), None, "{row:?}");

        let theirs = ["-V", row.v, "-t", "r/theirs", "-q", row.q, "-r"];
        publish(&broker, &[&theirs[..], &["-m", "kept"]].concat());
        within(client.subscribe("r/theirs", row.qos)).await.expect("subscribed");
        assert_eq!(next_line(&client).await, format!("r/theirs {} 1 kept", row.q), "{row:?}");
        publish(&broker, &[&theirs[..], &["-n"]].concat());
        assert_eq!(next_line(&client).await, format!("r/theirs {} 0 ", row.q), "{row:?}");
        within(client.unsubscribe("r/theirs")).await.expect("unsubscribed");
        within(client.subscribe("r/theirs", row.qos)).await.expect("subscribed");
        nothing_comes(&client).await;
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_match_as_the_standards_say() {
    if !broker_or_skip("wildcards_match_as_the_standards_say") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let client = connected(&broker, row.version, "wild").await;
        within(client.subscribe("w/+/end", row.qos)).await.expect("subscribed");
        within(client.subscribe("x/#", row.qos)).await.expect("subscribed");
        let publish = |topic| publish(&broker, &["-V", row.v, "-t", topic, "-q", row.q, "-m", "-"]);
        for topic in ["w/1/end", "w/1/2/end", "w/end", "w//end", "x", "x/1", "x/1/2", "xx/1"] {
            publish(topic);
        }
        for topic in ["w/1/end", "w//end", "x", "x/1", "x/1/2"] {
            assert_eq!(next_line(&client).await, format!("{topic} {} 0 -", row.q), "{row:?}");
        }
        nothing_comes(&client).await;

        let sub = Sub::start(&broker, &["-V", row.v, "-t", "y/+", "-t", "z/#", "-q", row.q]);
        for topic in ["y/1", "y/1/2", "y", "z", "z/1/2"] {
            within(client.publish(topic, "-").qos(row.qos)).await.expect("published");
        }
        let want = ["y/1", "z", "z/1/2"].map(|topic| format!("{topic} {} 0 -", row.q));
        assert_eq!(sub.next_lines(3, SOON), want, "{row:?}");
        assert_eq!(sub.next_line(NEVER), None, "{row:?}");
        within(client.disconnect()).await.expect("disconnected");
    }
}

// 3.1.1 [MQTT-7.1.2-1]
// 5.0 [MQTT-4.2-1]
#[tokio::test(flavor = "multi_thread")]
async fn two_megabytes_go_both_ways_byte_for_byte() {
    if !broker_or_skip("two_megabytes_go_both_ways_byte_for_byte") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let mut random = Random::new(2);
    let payload: Vec<u8> = (0..TWO_MEGABYTES).map(|_| random.next_u64() as u8).collect();
    let mut printed = format!("{TWO_MEGABYTES} ");
    for byte in &payload {
        write!(printed, "{byte:02x}").expect("a string takes everything");
    }
    for row in rows() {
        let client = connected(&broker, row.version, "large").await;
        within(client.subscribe("l/theirs", row.qos)).await.expect("subscribed");
        publish_bytes(&broker, &["-V", row.v, "-t", "l/theirs", "-q", row.q], &payload);
        let message = next(&client).await;
        assert!(message.payload() == payload, "{row:?}: not the bytes that were sent");
        assert_eq!(message.qos(), row.qos);
        drop(message);

        let args = ["-V", row.v, "-t", "l/ours", "-q", row.q, "-F", "%l %x"];
        let sub = Sub::start(&broker, &args);
        within(client.publish("l/ours", &payload).qos(row.qos)).await.expect("published");
        let seen = sub.next_line(SOON + Duration::from_secs(10));
        assert!(seen.as_ref() == Some(&printed), "{row:?}: not the bytes that were sent");
        within(client.disconnect()).await.expect("disconnected");
    }
}
