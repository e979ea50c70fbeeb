//! What a call does without a connection: the table of the guide to reconnecting.

use std::time::Duration;

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::network::Network;
use mqtt_as_tokio::{
    Client, Config, DisconnectError, PublishError, QoS, Reconnect, RequestError, SubscribeError,
};
use tokio::time::{Instant, timeout};

const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(3600);

fn client(network: &Network, policy: Option<Reconnect>) -> Client {
    let config = Config::new("broker").client_id("without");
    let config = policy.into_iter().fold(config, Config::reconnect);
    mqtt_as_tokio::new_with(config, network.connector()).expect("settings that fit each other")
}

/// How the calls end, and whether the first ones wait.
async fn judge(client: &Client, gave_up: bool, queue_ends: bool) {
    let publish = || client.publish("a", "x").qos(QoS::AtLeastOnce).timeout(SHORT);
    let start = Instant::now();
    let end = publish().await;
    let waited = start.elapsed() >= SHORT;
    match end {
        Err(PublishError::Kept) => assert!(gave_up && !waited),
        Err(PublishError::TimedOut { sent: false }) => assert!(!gave_up && waited),
        other => panic!("{other:?}"),
    }
    let receipt = publish().send().await.expect("room");
    assert_eq!(receipt.await.is_err_and(|error| error == PublishError::Kept), gave_up);
    assert!(client.publish("a", "x").try_publish().is_ok(), "QoS 0 waits in the store");
    let refused = client.subscribe("a", QoS::AtLeastOnce).await;
    assert_eq!(refused.expect_err("no connection"), SubscribeError::NotConnected);
    let refused = client.request("a", "x").await;
    assert_eq!(refused.expect_err("no connection"), RequestError::NotConnected);
    drop(client.subscribe("r", QoS::AtLeastOnce).receiver().await.expect("a receiver"));
    let next = timeout(LONG, async { client.queue().next().await.is_none() }).await;
    assert_eq!(next.unwrap_or(false), queue_ends);
    assert!(!client.drain(SHORT).await);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_connect() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, None);
    judge(&client, false, false).await;
    assert_eq!(client.disconnect().await, Err(DisconnectError::NotConnected));
}

#[tokio::test(start_paused = true)]
async fn while_the_link_is_lost() {
    for policy in [None, Some(Reconnect::new())] {
        let network = Network::new(BrokerConfig::default());
        let has_policy = policy.is_some();
        let client = client(&network, policy);
        client.connect(false).await.expect("a connection");
        network.shut(true);
        network.cut();
        client.down().await.expect("a loss");
        judge(&client, false, false).await;
        assert_eq!(client.disconnect().await.is_ok(), has_policy);
    }
}

#[tokio::test(start_paused = true)]
async fn after_disconnect_and_what_waits_goes_out_with_the_next_connection() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, None);
    client.connect(false).await.expect("a connection");
    client.disconnect().await.expect("an end");
    judge(&client, false, true).await;
    assert_eq!(client.disconnect().await, Err(DisconnectError::NotConnected));
    client.connect(true).await.expect("a connection");
    assert!(client.drain(SHORT).await);
    network.with(|broker, _| assert_eq!(broker.accepted().len(), 3));
}

#[tokio::test(start_paused = true)]
async fn after_the_end_of_a_policy() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, Some(Reconnect::new().attempts(1)));
    client.connect(false).await.expect("a connection");
    network.shut(true);
    network.cut();
    assert!(client.queue().next().await.is_none());
    judge(&client, true, true).await;
    assert_eq!(client.disconnect().await, Err(DisconnectError::NotConnected));
}
