//! A broker that accepts TCP and says nothing.

use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tokio::{
    Client, ConnectError, ConnectionError, DownReason, PublishError, QoS, Step, Version, Waiting,
};

use crate::{VERSIONS, config, within};

const LIMIT: Duration = Duration::from_millis(600);

/// It ended because of the limit: not before, and not much later.
fn at_the_limit(begin: Instant) {
    let took = begin.elapsed();
    // The last PINGREQ may have left a moment before.
    assert!((LIMIT * 9 / 10..LIMIT * 5).contains(&took), "it took {took:?}");
}

fn client(broker: &Mosquitto, version: Version) -> Client {
    let config = config(broker, version, "patient").connect_timeout(LIMIT).ping_timeout(LIMIT);
    Client::new(config).expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_to_a_silent_broker_times_out() {
    if !broker_or_skip("connect_to_a_silent_broker_times_out") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for version in VERSIONS {
        let client = client(&broker, version);
        broker.pause();
        let begin = Instant::now();
        let refused = within(client.connect(true)).await.err();
        assert_eq!(refused, Some(ConnectError::TimedOut(Step::Connect)), "{version:?}");
        at_the_limit(begin);
        broker.resume();
        within(client.connect(true)).await.expect("a connection, now that it answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_broker_that_falls_silent_goes_down_by_the_ping_time_out() {
    if !broker_or_skip("a_link_to_a_broker_that_falls_silent_goes_down_by_the_ping_time_out") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let timed_out = DownReason::Protocol(ConnectionError::TimedOut(Waiting::PingResp));
    for version in VERSIONS {
        let client = client(&broker, version);
        within(client.connect(false)).await.expect("a connection");
        assert!(within(client.broker_up()).await, "{version:?}");
        broker.pause();
        let begin = Instant::now();
        assert!(!within(client.broker_up()).await, "{version:?}");
        at_the_limit(begin);
        assert_eq!(within(client.down()).await, Some(timed_out.clone()), "{version:?}");
        assert!(!client.is_connected() && !within(client.broker_up()).await);
        // What is published now waits, and goes out when the broker answers again.
        let publish = client.publish("silence", "x").qos(QoS::AtLeastOnce);
        let waits = within(publish.timeout(Duration::from_millis(50))).await;
        assert_eq!(waits, Err(PublishError::TimedOut { sent: false }), "{version:?}");
        broker.resume();
        within(client.connect(false)).await.expect("a connection");
        assert!(within(client.broker_up()).await);
        assert!(client.drain(Duration::from_secs(5)).await, "{version:?}");
        within(client.connect(true)).await.expect("a clean end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keep_alive_finds_a_silent_broker_without_being_asked() {
    if !broker_or_skip("the_keep_alive_finds_a_silent_broker_without_being_asked") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let timed_out = DownReason::Protocol(ConnectionError::TimedOut(Waiting::PingResp));
    for version in VERSIONS {
        let config = config(&broker, version, "keeper").keepalive(Duration::from_secs(10));
        let config = config.ping_interval(Duration::from_millis(200)).ping_timeout(LIMIT);
        let client = Client::new(config).expect("a client");
        within(client.connect(true)).await.expect("a connection");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(client.is_connected());
        broker.pause();
        let begin = Instant::now();
        assert_eq!(within(client.down()).await, Some(timed_out.clone()), "{version:?}");
        at_the_limit(begin);
        broker.resume();
    }
}
