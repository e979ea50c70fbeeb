//! The network in virtual time.

use std::time::Duration;

use mqtt_as_tests::broker::{BrokerConfig, Fault};
use mqtt_as_tests::link::{Direction::ToBroker, LinkConfig};
use mqtt_as_tests::network::Network;
use mqtt_as_tests::proto::packet::PacketType;
use mqtt_as_tokio::{Client, Config, QoS, Reconnect, Will};
use tokio::time::{Instant, sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

fn config(client_id: &str) -> Config {
    Config::new("broker").client_id(client_id).will(Will::new("gone", client_id))
}

fn client(network: &Network, config: Config) -> Client {
    mqtt_as_tokio::new_with(config, network.connector()).expect("settings that fit")
}

fn is_connected(network: &Network, client_id: &str) -> bool {
    let sessions = network.with(|broker, _| broker.sessions());
    sessions.iter().any(|session| session.client_id == client_id && session.connected)
}

#[tokio::test(start_paused = true)]
async fn a_day_passes_and_the_link_stands() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, config("pump"));
    client.connect(true).await.expect("connect");
    sleep(24 * HOUR).await;
    assert!(client.broker_up().await && is_connected(&network, "pump"));
    assert_eq!(network.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_network_is_noticed_on_both_sides_and_works_again_afterwards() {
    let network = Network::new(BrokerConfig::default());
    let (pump, other) = (client(&network, config("pump")), client(&network, config("other")));
    other.connect(true).await.expect("connect");
    other.subscribe("gone", QoS::AtLeastOnce).await.expect("subscribe");
    pump.connect(true).await.expect("connect");
    network.stall(true);
    let start = Instant::now();
    timeout(HOUR, pump.down()).await.expect("in time").expect("silence is noticed");
    assert!(start.elapsed() < HOUR, "{:?}", start.elapsed());
    sleep(HOUR).await;
    assert!(!is_connected(&network, "pump"), "the broker notices, too");
    network.stall(false);
    pump.connect(true).await.expect("connect");
    assert!(pump.broker_up().await);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_shut_refuses_until_it_is_not() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, config("pump").reconnect(Reconnect::new()));
    client.connect(false).await.expect("connect");
    network.shut(true);
    assert!(client.broker_up().await, "what stands is left alone");
    network.cut();
    timeout(HOUR, client.down()).await.expect("in time").expect("the cut is noticed");
    client.up().await.expect("that was the first connection");
    assert!(timeout(HOUR, client.up()).await.is_err());
    network.shut(false);
    timeout(HOUR, client.up()).await.expect("it is back");
    assert_eq!(network.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_link_breaks_has_its_will_published() {
    let network = Network::new(BrokerConfig::default());
    let (pump, other) = (client(&network, config("pump")), client(&network, config("other")));
    other.connect(true).await.expect("connect");
    other.subscribe("gone", QoS::AtLeastOnce).await.expect("subscribe");
    pump.connect(true).await.expect("connect");
    network.with(|broker, _| broker.fail_next(ToBroker, PacketType::Publish, Fault::Cut));
    pump.publish("a", "b").await.expect("it is on its way");
    let will = timeout(HOUR, other.queue().next()).await.expect("in time").expect("the will");
    assert_eq!(will.payload(), b"pump");
}

/// A life on a bad network: how long it takes, and over how many connections.
async fn life(seed: u64) -> (Duration, u64) {
    let network = Network::new(BrokerConfig::default());
    network.set_link(LinkConfig { latency_ms: 20..=400, chop: true }, seed);
    let policy = Reconnect::new().first_delay(Duration::from_secs(1)).jitter(0);
    let client = client(&network, config("pump").reconnect(policy));
    let start = Instant::now();
    client.connect(false).await.expect("connect");
    for number in 0..50_u8 {
        let receipt = client.publish("a", [number]).qos(QoS::ExactlyOnce).send().await;
        if number % 10 == 5 {
            network.cut();
        }
        receipt.expect("it is taken").await.expect("it is acknowledged");
    }
    let payloads = network.with(|broker, _| {
        broker.accepted().iter().map(|accepted| accepted.payload[0]).collect::<Vec<_>>()
    });
    assert_eq!(payloads, (0..50).collect::<Vec<_>>(), "all of them, once, in order");
    (start.elapsed(), network.connections())
}

#[tokio::test(start_paused = true)]
async fn a_bad_network_loses_nothing_and_repeats_with_its_seed() {
    let (time, connections) = life(1).await;
    assert!(time > Duration::from_secs(10) && connections > 3, "{time:?}, {connections}");
    assert_eq!(life(1).await, (time, connections));
    assert_ne!(life(2).await.0, time);
}
