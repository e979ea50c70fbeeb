//! Faults that other clients show on the wire: ours must show none.

use mqtt_as_proto::packet::{Ack, ConnAck, Delivery, Packet, PacketType};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, accepted, ack, both, client, config, connected, id, in_5_0, message, next, numbers, peer,
    published, publishing, server, until,
};
use crate::runtime::adapter::{
    ConnectionError, DownReason, Properties, Property, PublishError, QoS, ReasonCode, Version,
};
use crate::runtime::{sleep, within};

/// Answers a CONNECT.
fn accept(script: &mut Script, session_present: bool, list: &[Property<'_>]) {
    script.accept();
    script.expect(PacketType::Connect);
    let properties = Properties::new(list);
    script.send(&Packet::ConnAck(ConnAck { session_present, properties, ..ConnAck::default() }));
}

// 3.1.1 [MQTT-3.3.1-1]
// 5.0 [MQTT-3.3.1-1]
#[test]
fn in_flight_qos_1_after_a_resumed_session_is_resent_with_dup_same_ids_same_order() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, false, &[]);
            for number in 1..=3 {
                assert_eq!(published(script), (false, number, number.to_string()));
            }
            script.close();
            accept(script, true, &[]);
            for number in 1..=3 {
                assert_eq!(published(script), (true, number, number.to_string()));
                script.send(&Packet::PubAck(ack(number)));
            }
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        let mut calls = Vec::new();
        for payload in ["1", "2", "3"] {
            calls.push(publishing(&client, payload, QoS::AtLeastOnce));
            sleep(10 * MS).await;
        }
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn session_gone_messages_never_sent_are_sent_on_the_new_session() {
    in_5_0(async {
        let server = peer(|script| {
            let window = [Property::ReceiveMaximum(std::num::NonZeroU16::MIN)];
            accept(script, false, &window);
            assert_eq!(published(script).2, "0");
            script.expect_silence(50 * MS);
            script.close();
            accept(script, false, &window);
            for wanted in ["0", "1", "2", "3", "4"] {
                let (dup, id, payload) = published(script);
                assert_eq!((dup, &*payload), (false, wanted));
                script.send(&Packet::PubAck(ack(id)));
            }
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let mut calls = Vec::new();
        for payload in ["0", "1", "2", "3", "4"] {
            calls.push(publishing(&client, payload, QoS::AtLeastOnce));
            sleep(5 * MS).await;
        }
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [received-unknown]
#[test]
fn session_gone_sent_but_unacknowledged_the_caller_learns_it() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, false, &[]);
            script.expect(PacketType::Publish);
            script.expect(PacketType::Publish);
            script.expect(PacketType::Publish);
            script.send(&Packet::PubRec(ack(3)));
            script.expect(PacketType::PubRel);
            script.close();
            accept(script, false, &[]);
            script.expect_silence(50 * MS);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).republish(false));
        within(client.connect(false)).await.expect("a connection");
        let mut calls = Vec::new();
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
            calls.push(publishing(&client, "x", qos));
            sleep(10 * MS).await;
        }
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        for (call, received) in calls.into_iter().zip([false, false, true]) {
            assert_eq!(call.end().await, Err(PublishError::Unknown { received }));
        }
        sleep(300 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn inbound_topic_alias_the_application_sees_the_full_topic() {
    in_5_0(async {
        let server =
            Server::start(BrokerConfig { outbound_aliases: true, ..BrokerConfig::default() });
        let client = connected(config(Version::V5, server.addr().port())).await;
        within(client.subscribe("long/#", QoS::AtLeastOnce)).await.expect("a subscription");
        for number in numbers(5) {
            within(client.publish("long/topic", number.as_str())).await.expect("a publish");
            assert_eq!(next(&client).await, ("long/topic".to_owned(), number));
        }
    });
}

// 3.1.1 [MQTT-4.3.3-2]
// 5.0 [MQTT-4.3.3-10]
#[test]
fn qos_2_duplicate_before_pubrel_is_not_delivered_again() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for _ in 0..2 {
                script.send(&message("a", "once", Delivery::ExactlyOnce(id(9))));
                script.expect(PacketType::PubRec);
            }
            script.send(&Packet::PubRel(ack(9)));
            script.expect(PacketType::PubComp);
            script.send(&message("a", "then", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        assert_eq!(next(&client).await.1, "once");
        assert_eq!(next(&client).await.1, "then");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn our_receive_maximum_2_exceeded_is_disconnect_0x93() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            for number in 1..=3 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            script.expect_packet(PacketType::Disconnect, |packet| {
                let Packet::Disconnect(disconnect) = packet else { unreachable!("looked at") };
                assert_eq!(disconnect.reason, ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
            });
            script.expect_close();
        });
        let config = config(Version::V5, server.port).receive_maximum(2);
        let client = connected(config.strict(true)).await;
        let why = within(client.down()).await;
        assert!(matches!(why, Some(DownReason::Protocol(ConnectionError::Violation(_)))));
        server.end().await;
    });
}

#[test]
fn pubrec_0x87_twenty_times_at_window_2_slots_come_back() {
    in_5_0(async {
        let server = peer(|script| {
            let window = [Property::ReceiveMaximum(std::num::NonZeroU16::new(2).expect("2"))];
            accept(script, false, &window);
            for _ in 0..20 {
                let (_, number, _) = published(script);
                let reason = ReasonCode::NOT_AUTHORIZED;
                script.send(&Packet::PubRec(Ack::new(id(number), reason)));
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        for _ in 0..2 {
            let calls = [(); 10].map(|()| publishing(&client, "x", QoS::ExactlyOnce));
            for call in calls {
                let refused = PublishError::Refused(ReasonCode::NOT_AUTHORIZED.into());
                assert_eq!(call.end().await, Err(refused));
            }
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn acknowledgements_nobody_waits_for_are_ignored() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&Packet::PubAck(ack(7)));
            script.send(&Packet::PubComp(ack(8)));
            script.send(&Packet::PingResp);
            script.send(&message("a", "x", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        assert_eq!(next(&client).await.1, "x");
        assert!(client.is_connected());
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn large_qos_0_burst_then_disconnect_everything_accepted_is_sent_first() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for number in numbers(2_000) {
            within(client.publish("a", number.as_str())).await.expect("a publish");
        }
        within(client.disconnect()).await.expect("an end");
        until(|| accepted(&server).len() == 2_000).await;
        assert_eq!(accepted(&server), numbers(2_000));
    });
}

#[test]
fn qos_0_queued_before_the_first_connect_is_sent() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let early = publishing(&client, "early", QoS::AtMostOnce);
        sleep(20 * MS).await;
        within(client.connect(true)).await.expect("a connection");
        early.end().await.expect("it left");
        until(|| accepted(&server) == ["early"]).await;
    });
}
