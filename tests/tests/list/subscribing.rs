//! `subscribe`, `subscribe_all`, `unsubscribe`, `unsubscribe_all`.

use mqtt_as_proto::packet::{Packet, PacketType, SubAck};
use mqtt_as_proto::property::SubscriptionId;
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, both, client, config, connected, held, id, in_5_0, next, other, peer, server, take,
};
use crate::runtime::adapter::{
    Properties, Property, QoS, ReasonCode, RetainHandling, SubscribeError, SubscriptionOptions,
    Version,
};
use crate::runtime::{sleep, soon, spawn, within};

// 5.0 [MQTT-3.2.2-10] [MQTT-3.8.4-7]
#[test]
fn subscribe_tells_the_granted_qos() {
    both(async |version| {
        let server = Server::start(BrokerConfig {
            maximum_qos: QoS::AtLeastOnce,
            ..BrokerConfig::default()
        });
        let client = connected(config(version, server.addr().port())).await;
        let grants = [
            (QoS::AtMostOnce, QoS::AtMostOnce),
            (QoS::AtLeastOnce, QoS::AtLeastOnce),
            (QoS::ExactlyOnce, QoS::AtLeastOnce),
        ];
        for (asked, granted) in grants {
            let answer = within(client.subscribe("a/+", asked)).await.expect("a subscription");
            assert_eq!(answer.qos(), granted);
            assert_eq!(answer.results().collect::<Vec<_>>(), [Ok(granted)]);
        }
    });
}

// 3.1.1 [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1]
// 5.0 [MQTT-3.8.4-5] [MQTT-3.9.3-1]
// Decision [refused-filter]
#[test]
fn subscribe_all_tells_a_result_per_filter() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            let wanted = script.expect_packet(PacketType::Subscribe, |packet| {
                let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
                let filters = subscribe.filters.iter();
                let filters: Vec<String> =
                    filters.map(|one| one.filter.as_str().to_owned()).collect();
                (subscribe.id, filters)
            });
            assert_eq!(wanted.1, ["a", "b", "c"]);
            let properties = Properties::NONE;
            script.send(&Packet::SubAck(SubAck { id: wanted.0, properties, codes: &[0, 0x80, 2] }));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let filters =
            ["a", "b", "c"].map(|filter| (filter, SubscriptionOptions::new(QoS::ExactlyOnce)));
        let granted = within(client.subscribe_all(&filters, Properties::NONE)).await;
        let results: Vec<_> = granted.expect("an answer").results().collect();
        let refused = Err(ReasonCode::UNSPECIFIED_ERROR);
        assert_eq!(results, [Ok(QoS::AtMostOnce), refused, Ok(QoS::ExactlyOnce)]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.8.3-2]
// 5.0 [MQTT-3.8.4-7]
// Decision [refused-filter]
#[test]
fn a_refused_filter_is_an_error_at_once() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Subscribe);
            let properties = Properties::NONE;
            script.send(&Packet::SubAck(SubAck { id: id(1), properties, codes: &[0x80] }));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let refused = SubscribeError::Refused(ReasonCode::UNSPECIFIED_ERROR);
        assert_eq!(within(client.subscribe("a", QoS::AtMostOnce)).await, Err(refused));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn unsubscribe_ends_a_subscription() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish("a", "1")).await.expect("a publish");
        assert_eq!(next(&client).await.1, "1");
        within(client.unsubscribe("a")).await.expect("its end");
        within(client.publish("a", "2")).await.expect("a publish");
        assert!(within(client.broker_up()).await);
        assert!(soon(20 * MS, take(&client)).await.is_none());
    });
}

// 3.1.1 [MQTT-3.10.4-6]
// 5.0 [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1]
#[test]
fn unsubscribe_all_tells_a_code_per_filter_in_5_0() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let granted = within(client.unsubscribe_all(&["a", "b"], Properties::NONE)).await;
        let granted = granted.expect("an answer");
        match version {
            Version::V311 => assert!(granted.reason_codes().is_empty()),
            Version::V5 => assert_eq!(
                granted.reason_codes(),
                [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED]
            ),
        }
    });
}

// 5.0 [MQTT-3.8.3-3]
#[test]
fn options_and_identifiers_reach_the_server_in_5_0() {
    in_5_0(async {
        let server = server();
        let client = connected(config(Version::V5, server.addr().port())).await;
        within(client.publish("kept", "old").retain(true)).await.expect("a publish");
        let options = SubscriptionOptions {
            no_local: true,
            retain_handling: RetainHandling::DoNotSend,
            ..SubscriptionOptions::new(QoS::AtMostOnce)
        };
        let list = [Property::SubscriptionIdentifier(SubscriptionId::new(7).expect("not 0"))];
        let filters = [("kept", options)];
        let granted = within(client.subscribe_all(&filters, Properties::new(&list))).await;
        granted.expect("an answer");
        within(client.publish("kept", "own")).await.expect("a publish");
        assert!(soon(50 * MS, take(&client)).await.is_none());
        let other = other(server.addr().port(), "other").await;
        let expiry = [Property::UserProperty(("k", "v"))];
        within(other.publish("kept", "new").properties(Properties::new(&expiry)))
            .await
            .expect("a publish");
        let message = held(&client).await;
        let ids: Vec<u32> =
            message.properties().subscription_identifiers().map(SubscriptionId::get).collect();
        assert_eq!(ids, [7]);
        assert_eq!(message.properties().user_properties().collect::<Vec<_>>(), [("k", "v")]);
    });
}

#[test]
fn every_option_of_a_subscription_reaches_the_server() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            let id = script.expect_packet(PacketType::Subscribe, |packet| {
                let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
                let asked: Vec<_> = subscribe
                    .filters
                    .iter()
                    .map(|one| (one.filter.as_str(), one.options))
                    .collect();
                let options = match version {
                    Version::V311 => SubscriptionOptions::new(QoS::AtLeastOnce),
                    Version::V5 => SubscriptionOptions {
                        qos: QoS::AtLeastOnce,
                        no_local: true,
                        retain_as_published: true,
                        retain_handling: RetainHandling::SendIfNew,
                    },
                };
                assert_eq!(asked, [("a/+", options)]);
                let pairs: Vec<_> = subscribe.properties.user_properties().collect();
                let said: &[_] = if version == Version::V5 { &[("k", "v")] } else { &[] };
                assert_eq!(pairs, said);
                subscribe.id
            });
            let properties = Properties::NONE;
            script.send(&Packet::SubAck(SubAck { id, properties, codes: &[1] }));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let list = [Property::UserProperty(("k", "v"))];
        let subscribe = client.subscribe("a/+", QoS::AtLeastOnce);
        let subscribe = match version {
            Version::V311 => subscribe,
            Version::V5 => subscribe
                .no_local(true)
                .retain_as_published(true)
                .retain_handling(RetainHandling::SendIfNew)
                .properties(&list),
        };
        assert_eq!(within(subscribe).await.expect("an answer").qos(), QoS::AtLeastOnce);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn the_end_of_a_subscription_may_carry_user_properties() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let id = script.expect_packet(PacketType::Unsubscribe, |packet| {
                let Packet::Unsubscribe(unsubscribe) = packet else { unreachable!("looked at") };
                assert!(unsubscribe.properties.user_properties().eq([("k", "v")]));
                unsubscribe.id
            });
            let properties = Properties::NONE;
            script.send(&Packet::UnsubAck(SubAck { id, properties, codes: &[0x87] }));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let list = [Property::UserProperty(("k", "v"))];
        let end = within(client.unsubscribe("a").properties(&list)).await;
        assert_eq!(end, Err(SubscribeError::Refused(ReasonCode::NOT_AUTHORIZED)));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn without_a_connection_there_is_nobody_to_subscribe_at() {
    both(async |version| {
        let client = client(config(version, 1));
        let not_connected = Err(SubscribeError::NotConnected);
        assert_eq!(within(client.subscribe("a", QoS::AtMostOnce)).await, not_connected);
        assert_eq!(within(client.unsubscribe("a")).await, Err(SubscribeError::NotConnected));
    });
}

// Decision [requests-end]
#[test]
fn a_request_ends_with_its_connection() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Subscribe);
            script.expect(PacketType::Unsubscribe);
            script.close();
        });
        let client = connected(config(version, server.port)).await;
        let subscribing = spawn({
            let client = client.clone();
            async move { client.subscribe("a", QoS::AtMostOnce).await }
        });
        sleep(20 * MS).await;
        assert_eq!(within(client.unsubscribe("a")).await, Err(SubscribeError::Unknown));
        assert_eq!(subscribing.end().await, Err(SubscribeError::Unknown));
        server.end().await;
    });
}
