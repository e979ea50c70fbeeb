//! Invalid input is an error at the call: nothing is sent, no packet identifier is used.

use std::num::NonZeroU16;
use std::time::Duration;

use mqtt_as_proto::EncodeError;
use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_proto::property::{MaximumQoS, SubscriptionId, TopicAliasId};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::story::{
    ack, both, client, config, connected, forever, in_3_1_1, in_5_0, peer, published, server, small,
};
use crate::runtime::adapter::{
    Config, ConfigError, ConnectError, Limit, OperationError, Properties, Property, PublishError,
    QoS, ReasonCode, Step, SubscribeError, SubscriptionOptions, TopicError, Version, Will,
};
use crate::runtime::{Client, try_client, within};

/// A client whose server sees nothing of what the story does, and then a PUBLISH with the id 1.
async fn nothing_is_sent(version: Version, story: impl AsyncFn(&Client)) {
    let server = peer(move |script| {
        script.accept();
        script.expect(PacketType::Connect);
        let list = [
            Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
            Property::RetainAvailable(false),
            Property::MaximumPacketSize(std::num::NonZeroU32::new(100).expect("not 0")),
            Property::WildcardSubscriptionAvailable(false),
            Property::SharedSubscriptionAvailable(false),
            Property::SubscriptionIdentifierAvailable(false),
        ];
        let list = if version == Version::V5 { &list[..] } else { &[] };
        let properties = Properties::new(list);
        script.send(&Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
        assert_eq!(published(script).1, 1, "no id was used");
        script.send(&Packet::PubAck(ack(1)));
        script.expect(PacketType::Disconnect);
    });
    let client = connected(config(version, server.port)).await;
    story(&client).await;
    within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
    within(client.disconnect()).await.expect("an end");
    server.end().await;
}

// 3.1.1 [MQTT-1.5.3-2] [MQTT-3.3.2-2] [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
// 5.0 [MQTT-1.5.4-2] [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3]
#[test]
fn topics_that_are_none() {
    both(async |version| {
        let long = "x".repeat(65_536);
        let topics = [
            ("", TopicError::Empty),
            ("a/+", TopicError::WildcardInName),
            ("#", TopicError::WildcardInName),
            ("a\0b", TopicError::Nul),
            (&long, TopicError::TooLong),
        ];
        nothing_is_sent(version, async |client| {
            for (topic, error) in topics {
                for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    let result = within(client.publish(topic, "x").qos(qos)).await;
                    assert_eq!(result, Err(PublishError::Topic(error)));
                    let result = client.publish(topic, "x").qos(qos).try_publish();
                    assert_eq!(result, Err(PublishError::Topic(error)));
                }
            }
        })
        .await;
    });
}

// 3.1.1 [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
//   [MQTT-4.7.3-3]
// 5.0 [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
//   [MQTT-4.7.3-3]
#[test]
fn filters_that_are_none() {
    both(async |version| {
        let long = "x".repeat(65_536);
        let filters = [
            ("", TopicError::Empty),
            ("a/#/b", TopicError::MisplacedWildcard),
            ("a#", TopicError::MisplacedWildcard),
            ("a+/b", TopicError::MisplacedWildcard),
            ("a\0", TopicError::Nul),
            (&long, TopicError::TooLong),
        ];
        nothing_is_sent(version, async |client| {
            for (filter, error) in filters {
                let result = within(client.subscribe(filter, QoS::AtLeastOnce)).await;
                assert_eq!(result, Err(SubscribeError::Filter(error)));
                let result = within(client.unsubscribe(filter)).await;
                assert_eq!(result, Err(SubscribeError::Filter(error)));
            }
        })
        .await;
    });
}

// 3.1.1 [MQTT-3.8.3-3] [MQTT-3.10.3-2]
// 5.0 [MQTT-3.8.3-2] [MQTT-3.10.3-2]
#[test]
fn too_few_and_too_many_filters() {
    both(async |version| {
        nothing_is_sent(version, async |client| {
            let none = Err(SubscribeError::Invalid(EncodeError::NoFilter.into()));
            let result = within(client.subscribe_all(&[], Properties::NONE)).await;
            assert_eq!(result, none);
            assert_eq!(within(client.unsubscribe_all(&[], Properties::NONE)).await, none);
            let filters = [("a", SubscriptionOptions::new(QoS::AtMostOnce)); 17];
            let many = Err(SubscribeError::TooManyFilters { most: 16 });
            assert_eq!(within(client.subscribe_all(&filters, Properties::NONE)).await, many);
            assert_eq!(within(client.unsubscribe_all(&["a"; 17], Properties::NONE)).await, many);
        })
        .await;
    });
}

// 5.0 [MQTT-3.2.2-11] [MQTT-3.2.2-14]
// Decision [not-available]
#[test]
fn what_a_5_0_server_has_said_it_does_not_take() {
    in_5_0(async {
        nothing_is_sent(Version::V5, async |client| {
            let forbidden = |limit| Err(PublishError::Invalid(OperationError::Forbidden(limit)));
            let two = client.publish("a", "b").qos(QoS::ExactlyOnce);
            assert_eq!(within(two).await, forbidden(Limit::MaximumQoS(QoS::AtLeastOnce)));
            let retained = client.publish("a", "b").retain(true);
            assert_eq!(within(retained).await, forbidden(Limit::RetainNotAvailable));
            let large = "x".repeat(200);
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
                let result = within(client.publish("a", large.as_str()).qos(qos)).await;
                assert_eq!(result, forbidden(Limit::MaximumPacketSize));
            }
            let forbidden = |limit| Err(SubscribeError::Invalid(OperationError::Forbidden(limit)));
            let wildcard = within(client.subscribe("a/#", QoS::AtMostOnce)).await;
            assert_eq!(wildcard, forbidden(Limit::WildcardNotAvailable));
            let shared = within(client.subscribe("$share/g/a", QoS::AtMostOnce)).await;
            assert_eq!(shared, forbidden(Limit::SharedNotAvailable));
            let list = [Property::SubscriptionIdentifier(SubscriptionId::new(1).expect("1"))];
            let filters = [("a", SubscriptionOptions::new(QoS::AtMostOnce))];
            let result = within(client.subscribe_all(&filters, Properties::new(&list))).await;
            let limit = Limit::SubscriptionIdentifierNotAvailable;
            assert_eq!(result, forbidden(limit));
        })
        .await;
    });
}

// Decision [in-its-place]
#[test]
fn properties_and_options_that_do_not_fit() {
    in_5_0(async {
        nothing_is_sent(Version::V5, async |client| {
            let alias = [Property::TopicAlias(TopicAliasId(NonZeroU16::MIN))];
            let misplaced = [Property::AssignedClientIdentifier("x")];
            let twice = [Property::ContentType("a"), Property::ContentType("b")];
            for list in [&alias[..], &misplaced, &twice] {
                let publish = client.publish("a", "b").properties(Properties::new(list));
                let result = within(publish).await;
                assert!(
                    matches!(result, Err(PublishError::Invalid(OperationError::Invalid(_)))),
                    "{list:?}: {result:?}"
                );
            }
        })
        .await;
        nothing_is_sent(Version::V311, async |client| {
            let list = [Property::ContentType("a")];
            let needs = EncodeError::PropertiesNeedV5;
            let publish = client.publish("a", "b").properties(Properties::new(&list));
            assert_eq!(within(publish).await, Err(PublishError::Invalid(needs.into())));
            let options =
                SubscriptionOptions { no_local: true, ..SubscriptionOptions::new(QoS::AtMostOnce) };
            let result = within(client.subscribe_all(&[("a", options)], Properties::NONE)).await;
            let needs = EncodeError::OptionsNeedV5;
            assert_eq!(result, Err(SubscribeError::Invalid(needs.into())));
        })
        .await;
    });
}

/// Bytes for which [`small`] memory has no room. With a heap still larger ones are not copied.
const TOO_LARGE: usize = 4000;

#[test]
fn a_message_larger_than_all_memory() {
    both(async |version| {
        let server = server();
        let settings = small(config(version, server.addr().port()));
        let client = connected(settings).await;
        let large = "x".repeat(TOO_LARGE);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            let result = within(client.publish("a", large.as_str()).qos(qos)).await;
            assert!(
                matches!(result, Err(PublishError::Invalid(OperationError::TooLarge { .. }))),
                "{result:?}"
            );
        }
    });
}

/// Settings that cannot become a CONNECT, and a server that must not see one.
async fn no_connect(
    settings: impl FnOnce(Config) -> Config,
    version: Version,
    clean: bool,
) -> ConnectError {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let client = client(settings(config(version, port).connect_timeout(Duration::from_secs(1))));
    let error = within(client.connect(clean)).await.expect_err("invalid");
    assert!(!matches!(error, ConnectError::TimedOut(Step::Connect)), "a CONNECT was sent");
    listener.set_nonblocking(true).expect("a listener that does not block");
    assert!(listener.accept().is_err(), "nothing is opened for invalid settings");
    error
}

// 3.1.1 [MQTT-1.5.3-2] [MQTT-3.1.3-10]
// 5.0 [MQTT-3.1.3-11]
#[test]
fn settings_that_cannot_be_said() {
    both(async |version| {
        let long = Duration::from_secs(65_536);
        let error = no_connect(|config| config.keepalive(long), version, true).await;
        assert_eq!(error, ConnectError::KeepAlive { seconds: 65_536 });
        let will = |topic: &'static str| Will::new(topic, "x");
        let error = no_connect(|config| config.will(will("a/#")), version, true).await;
        assert_eq!(error, ConnectError::WillTopic(TopicError::WildcardInName));
        let id = "x".repeat(65_536);
        let error = no_connect(|config| config.client_id(forever(id)), version, true).await;
        let too_long = EncodeError::TooLong { len: 65_536 };
        assert_eq!(error, ConnectError::Invalid(too_long.into()));
        let error = no_connect(|config| config.client_id("a\0b"), version, true).await;
        assert_eq!(error, ConnectError::Invalid(EncodeError::Nul.into()));
    });
}

// 3.1.1 [MQTT-3.1.2-22] [MQTT-3.1.3-7]
// Decision [3-locally]
#[test]
fn settings_that_3_1_1_cannot_say() {
    in_3_1_1(async {
        let v311 = Version::V311;
        let error = no_connect(|config| config.password("p"), v311, true).await;
        assert_eq!(error, ConnectError::Invalid(EncodeError::PasswordWithoutUserName.into()));
        let error = no_connect(|config| config.client_id(""), v311, false).await;
        assert_eq!(error, ConnectError::Invalid(OperationError::ClientIdMissing));
    });
}

#[test]
fn settings_that_do_not_fit_each_other() {
    both(async |version| {
        let none = try_client(config(version, 1).receive_maximum(0));
        assert_eq!(none.err(), Some(ConfigError::Zero { setting: "receive_maximum" }));
        let none = try_client(config(version, 1).queue_len(0));
        assert_eq!(none.err(), Some(ConfigError::Zero { setting: "queue_len" }));
        let none = try_client(config(version, 1).maximum_packet_size(0));
        assert_eq!(none.err(), Some(ConfigError::Zero { setting: "maximum_packet_size" }));
        let small = try_client(config(version, 1).outbox(1));
        assert!(matches!(small.err(), Some(ConfigError::Memory { needed: 128, given: 1, .. })));
    });
}

/// What an earlier CONNACK said is history: the server may have changed its mind.
// Decision [history]
#[test]
fn a_will_above_a_limit_of_an_earlier_connection_is_offered_again() {
    in_5_0(async {
        let server = peer(|script| {
            for _ in 0..2 {
                script.accept();
                script.expect(PacketType::Connect);
                let limits = [Property::MaximumQoS(MaximumQoS(QoS::AtMostOnce))];
                let properties = Properties::new(&limits);
                script.send(&Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
                script.expect(PacketType::Disconnect);
                script.expect_close();
            }
        });
        let will = Will::new("gone", "x").qos(QoS::AtLeastOnce);
        let client = client(config(Version::V5, server.port).will(will));
        for _ in 0..2 {
            within(client.connect(true)).await.expect("a connection");
            within(client.disconnect()).await.expect("an end");
        }
        server.end().await;
    });
}

// 5.0 [MQTT-3.2.2-12]
#[test]
fn a_will_above_an_unknown_limit_is_refused_by_the_server() {
    in_5_0(async {
        let limits = BrokerConfig { maximum_qos: QoS::AtMostOnce, ..BrokerConfig::default() };
        let server = Server::start(limits);
        let will = Will::new("gone", "x").qos(QoS::AtLeastOnce);
        let client = client(config(Version::V5, server.addr().port()).will(will));
        let refused = ConnectError::Refused(ReasonCode::QOS_NOT_SUPPORTED);
        assert_eq!(within(client.connect(true)).await, Err(refused));
    });
}
