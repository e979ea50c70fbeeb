//! Faults of the broker, seen by a client.

use std::time::Duration;

use mqtt_as_tests::broker::{Broker, BrokerConfig, Fault};
use mqtt_as_tests::link::Direction::{ToBroker, ToClient};
use mqtt_as_tests::network::Network;
use mqtt_as_tests::proto::packet::PacketType;
use mqtt_as_tokio::{Client, Config, ConnectError, DownReason, QoS, ReasonCode, Version, Will};

async fn client(network: &Network, version: Version) -> Client {
    let config = Config::new("broker").client_id("pump").version(version);
    let config = config.will(Will::new("gone", "pump")).response_time(Duration::from_secs(10));
    mqtt_as_tokio::new_with(config, network.connector()).expect("settings that fit")
}

/// A test that waits in vain ends after a day that passes at once.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(24 * 3600), future).await.expect("within a day")
}

fn accepted(network: &Network) -> usize {
    network.with(|broker, _| broker.accepted().len())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_heard_in_both_versions_until_it_ends() {
    for version in [Version::V311, Version::V5] {
        let network = Network::new(BrokerConfig::default());
        network.with(|broker, _| broker.refuse_all(Some(ReasonCode::SERVER_UNAVAILABLE)));
        let client = client(&network, version).await;
        let refused = client.connect(true).await;
        assert!(
            matches!(refused, Err(ConnectError::Refused(code)) if code == ReasonCode::SERVER_UNAVAILABLE),
            "{refused:?}"
        );
        network.with(|broker, _| broker.refuse_all(None));
        client.connect(true).await.expect("it is let in");
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_in_whose_place_the_link_breaks_leaves_the_message_at_the_broker() {
    let network = Network::new(BrokerConfig::default());
    network.with(|broker, _| broker.fail_next(ToClient, PacketType::PubRec, Fault::Cut));
    let client = client(&network, Version::V5).await;
    client.connect(false).await.expect("connect");
    let publishing = async { client.publish("a", "b").qos(QoS::ExactlyOnce).await };
    let again = async {
        in_time(client.down()).await.expect("the link breaks");
        assert_eq!(accepted(&network), 1);
        client.connect(false).await.expect("connect again");
    };
    tokio::join!(publishing, again).0.expect("it is acknowledged");
    assert_eq!((accepted(&network), network.connections()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_packet_in_whose_place_the_link_breaks_never_arrives() {
    let network = Network::new(BrokerConfig::default());
    network.with(|broker, _| broker.fail_next(ToBroker, PacketType::Publish, Fault::Cut));
    let client = client(&network, Version::V5).await;
    client.connect(true).await.expect("connect");
    client.publish("a", "b").await.expect("it is on its way");
    in_time(client.down()).await.expect("the link breaks");
    assert_eq!(accepted(&network), 0);
}

#[tokio::test(start_paused = true)]
async fn of_packets_that_get_lost_the_connection_knows_nothing() {
    let network = Network::new(BrokerConfig::default());
    network.with(|broker, _| {
        broker.fail_next(ToBroker, PacketType::Publish, Fault::Lost);
        broker.fail_next(ToBroker, PacketType::Publish, Fault::Lost);
    });
    let client = client(&network, Version::V5).await;
    client.connect(true).await.expect("connect");
    for text in ["one", "two", "three"] {
        client.publish("a", text).await.expect("it is on its way");
    }
    in_time(network.until(|broker| !broker.accepted().is_empty())).await;
    let last = network.with(|broker, _| broker.accepted().last().cloned());
    assert_eq!(last.map(|last| last.payload.to_vec()), Some(b"three".to_vec()));
    assert_eq!(accepted(&network), 1);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_gets_lost_is_missed_by_whoever_waits_for_it() {
    let network = Network::new(BrokerConfig::default());
    network.with(|broker, _| broker.fail_next(ToClient, PacketType::PubAck, Fault::Lost));
    let client = client(&network, Version::V5).await;
    client.connect(true).await.expect("connect");
    let publish = client.publish("a", "b").qos(QoS::AtLeastOnce);
    assert!(publish.timeout(Duration::from_secs(5)).await.is_err());
    assert_eq!(accepted(&network), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_sent_away_learns_why() {
    let network = Network::new(BrokerConfig::default());
    let client = client(&network, Version::V5).await;
    client.connect(true).await.expect("connect");
    network.with(|broker, now| {
        broker.disconnect("nobody", ReasonCode::ADMINISTRATIVE_ACTION, now);
        broker.disconnect("pump", ReasonCode::ADMINISTRATIVE_ACTION, now);
    });
    let reason = in_time(client.down()).await.expect("the link ends");
    assert!(
        matches!(&reason, DownReason::Server(code) if *code == ReasonCode::ADMINISTRATIVE_ACTION),
        "{reason:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_broker_publishes_messages_of_its_own() {
    let network = Network::new(BrokerConfig::default());
    let inject = |broker: &mut Broker, now| {
        broker.inject("plant/7/cmd", b"stop", QoS::ExactlyOnce, true, now)
    };
    assert!(!network.with(inject), "nobody is there");
    let client = client(&network, Version::V5).await;
    client.connect(true).await.expect("connect");
    client.subscribe("plant/+/cmd", QoS::ExactlyOnce).await.expect("subscribe");
    assert!(network.with(inject));
    for retained in [true, false] {
        let message = in_time(client.queue().next()).await.expect("a message");
        assert_eq!((message.topic(), message.payload()), ("plant/7/cmd", &b"stop"[..]));
        assert_eq!((message.retain(), message.qos()), (retained, QoS::ExactlyOnce));
    }
}
