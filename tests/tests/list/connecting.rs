//! `connect`, and what it says.

use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, accept, both, client, config, connected, in_3_1_1, in_5_0, next, peer, poll_once, server,
    until,
};
use crate::runtime::adapter::{
    ConnectError, ConnectionError, DownReason, Properties, Property, QoS, ReasonCode, Version, Will,
};
use crate::runtime::within;

#[test]
fn connect_says_what_connack_said() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        assert!(!client.is_connected());
        let session = within(client.connect(true)).await.expect("a connection");
        assert!(client.is_connected());
        assert!(!session.session_present && !session.adopted && !session.expires_at_once);
        assert_eq!(client.statistics().connections, 1);
    });
}

// Decision [unanswered]
#[test]
fn a_session_behind_a_connect_without_an_answer_may_lack_its_subscriptions() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            script.close(); // It may have begun a session.
            for _ in 0..2 {
                accept(script, true, &[]);
                script.close();
            }
            script.accept();
            script.expect(PacketType::Connect);
            script.expect_close(); // The server is stuck: it may read CONNECT when the next ones stand.
            for _ in 0..2 {
                accept(script, true, &[]);
                script.close();
            }
            accept(script, false, &[]);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).connect_timeout(200 * MS).adopt_session(true);
        let client = client(settings);
        let mut sure = Vec::new();
        for _ in 0..8 {
            let session = within(client.connect(false)).await;
            sure.push(session.ok().map(|session| session.has_subscriptions()));
            if sure.len() < 8 {
                until(|| !client.is_connected()).await;
            }
        }
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(sure, [yes, None, no, yes, None, no, no, no]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-3.2.2-9]
#[test]
fn connect_tells_the_limits_of_a_5_0_server() {
    in_5_0(async {
        let limits = BrokerConfig {
            maximum_qos: QoS::AtLeastOnce,
            receive_maximum: 3,
            maximum_packet_size: Some(1000),
            retain_available: false,
            server_keep_alive: Some(7),
            session_expiry_maximum: 5,
            ..BrokerConfig::default()
        };
        let server = Server::start(limits);
        let client = client(config(Version::V5, server.addr().port()));
        let session = within(client.connect(false)).await.expect("a connection");
        assert_eq!(session.server_keep_alive, Some(7));
        assert_eq!(session.session_expiry, Some(5));
        assert_eq!(session.limits.maximum_qos, QoS::AtLeastOnce);
        assert_eq!(session.limits.receive_maximum, 3);
        assert!(!session.limits.retain_available);
    });
}

// 3.1.1 [MQTT-3.1.2-4] [MQTT-3.1.3-2] [MQTT-3.2.2-2]
// 5.0 [MQTT-3.1.2-5] [MQTT-3.1.3-2]
#[test]
fn an_unclean_connect_resumes_the_session() {
    both(async |version| {
        let server = server();
        let ours = client(config(version, server.addr().port()));
        let first = within(ours.connect(false)).await.expect("a first connection");
        assert!(!first.session_present);
        within(ours.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(ours.disconnect()).await.expect("an end");
        let second = within(ours.connect(false)).await.expect("a second connection");
        assert!(second.session_present && !second.adopted);
        within(ours.publish("a", "for me").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(next(&ours).await.1, "for me");
    });
}

// 5.0 [MQTT-3.2.2-4]
#[test]
fn a_session_that_this_client_does_not_know_is_adopted_or_refused() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port());
        let before = client(settings.clone());
        within(before.connect(false)).await.expect("a connection");
        within(before.disconnect()).await.expect("an end");
        let refusing = client(settings.clone().adopt_session(false));
        let unknown = ConnectError::Protocol(ConnectionError::SessionUnknown);
        assert_eq!(within(refusing.connect(false)).await, Err(unknown));
        let adopting = client(settings);
        let session = within(adopting.connect(false)).await.expect("a session");
        assert!(session.session_present && session.adopted);
    });
}

// 3.1.1 [MQTT-3.1.2-2] [MQTT-3.1.3-8] [MQTT-3.1.3-9] [MQTT-3.2.2-5]
#[test]
fn a_refusal_names_the_code_in_3_1_1() {
    in_3_1_1(async {
        let codes = [
            (1, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION),
            (2, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID),
            (3, ReasonCode::SERVER_UNAVAILABLE),
            (4, ReasonCode::BAD_USER_NAME_OR_PASSWORD),
            (5, ReasonCode::NOT_AUTHORIZED),
        ];
        for (code, reason) in codes {
            let server = peer(move |script| {
                script.accept();
                script.expect(PacketType::Connect);
                script.send_bytes(&[0x20, 2, 0, code]);
                script.expect_close();
            });
            let client = client(config(Version::V311, server.port));
            let result = within(client.connect(true)).await;
            assert_eq!(result, Err(ConnectError::Refused(reason)));
            assert!(!client.is_connected());
            server.end().await;
        }
    });
}

// 5.0 [MQTT-3.1.2-2] [MQTT-3.1.3-8] [MQTT-3.1.4-2] [MQTT-3.2.2-7]
#[test]
fn a_refusal_names_the_code_in_5_0() {
    in_5_0(async {
        for code in [0x80, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x97, 0x9C, 0x9D, 0x9F] {
            let reason = ReasonCode::from_u8(code);
            let server = peer(move |script| {
                script.accept();
                script.expect(PacketType::Connect);
                script.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
                script.expect_close();
            });
            let client = client(config(Version::V5, server.port));
            let result = within(client.connect(true)).await;
            assert_eq!(result, Err(ConnectError::Refused(reason)));
            server.end().await;
        }
    });
}

#[test]
fn after_a_refusal_the_next_connect_is_a_new_attempt() {
    both(async |version| {
        let server = peer(move |script| {
            script.accept();
            script.expect(PacketType::Connect);
            let reason = ReasonCode::SERVER_UNAVAILABLE;
            script.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
            script.expect_close();
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(true)).await.expect_err("a refusal");
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn connect_says_user_password_will_and_keep_alive() {
    both(async |version| {
        let server = peer(move |script| {
            script.accept();
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                assert_eq!((connect.version, connect.keep_alive), (version, 42));
                assert_eq!((connect.user_name, connect.password), (Some("u"), Some(&b"p"[..])));
                assert!(connect.clean_start);
                let will = connect.will.expect("a will");
                assert_eq!((will.topic.as_str(), will.payload), ("gone", &b"bye"[..]));
                assert_eq!((will.qos, will.retain), (QoS::AtLeastOnce, true));
            });
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("gone", "bye").qos(QoS::AtLeastOnce).retain(true);
        let keepalive = Duration::from_secs(42);
        let config = config(version, server.port).user("u", "p").will(will).keepalive(keepalive);
        let client = connected(config).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Where MQTT counts in seconds 0 has a meaning of its own: none, for ever, at once.
// Decision [rounded-up]
#[test]
fn a_part_of_a_second_is_a_second() {
    both(async |version| {
        let server = peer(move |script| {
            script.accept();
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                assert_eq!(connect.keep_alive, 1);
                let delay = connect.will.expect("a will").properties.will_delay_interval();
                assert_eq!(delay, (version == Version::V5).then_some(1));
            });
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("gone", "bye").delay(Duration::from_millis(1));
        let keepalive = Duration::from_millis(500);
        let client = connected(config(version, server.port).will(will).keepalive(keepalive)).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-3.1.3-2] [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
#[test]
fn an_assigned_client_identifier_is_used_again() {
    in_5_0(async {
        let server = peer(|script| {
            let seen = |script: &mut mqtt_as_tests::script::Script, wanted: &'static str| {
                script.accept();
                script.expect_packet(PacketType::Connect, |packet| {
                    let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                    assert_eq!(connect.client_id, wanted);
                });
            };
            seen(script, "");
            let list = [Property::AssignedClientIdentifier("given")];
            let properties = Properties::new(&list);
            script.send(&Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
            script.expect(PacketType::Disconnect);
            seen(script, "given");
            let session_present = true;
            script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port).client_id(""));
        within(client.connect(false)).await.expect("a first connection");
        within(client.disconnect()).await.expect("an end");
        let again = within(client.connect(false)).await.expect("a second connection");
        assert!(again.session_present);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn an_explicit_expiry_of_0_with_an_unclean_connect_is_legal_and_warns() {
    in_5_0(async {
        let server = server();
        let client = client(config(Version::V5, server.addr().port()).session_expiry(0));
        let session = within(client.connect(false)).await.expect("a connection");
        assert!(session.expires_at_once);
        assert!(!within(client.connect(true)).await.expect("another").expires_at_once);
    });
}

#[test]
fn a_dropped_connect_goes_on_and_up_tells_it() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let mut connecting = Box::pin(client.connect(true));
        assert!(poll_once(&mut connecting).await.is_none());
        drop(connecting);
        let session = within(client.up()).await.expect("a connection");
        assert!(!session.session_present && client.is_connected());
        server.cut();
        assert!(matches!(
            within(client.down()).await,
            Some(DownReason::Closed | DownReason::Transport(_))
        ));
    });
}

// 5.0 [MQTT-3.1.2-19]
#[test]
fn in_5_0_user_name_and_password_may_stand_alone() {
    in_5_0(async {
        let server = peer(|script| {
            for wanted in [(Some("u"), None), (None, Some(&b"p"[..]))] {
                script.accept();
                script.expect_packet(PacketType::Connect, |packet| {
                    let Packet::Connect(connect) = packet else { unreachable!("looked at") };
                    assert_eq!((connect.user_name, connect.password), wanted);
                });
                script.send(&Packet::ConnAck(ConnAck::default()));
                script.expect(PacketType::Disconnect);
            }
        });
        let settings = config(Version::V5, server.port);
        for settings in [settings.clone().user_name("u"), settings.password("p")] {
            let client = connected(settings).await;
            within(client.disconnect()).await.expect("an end");
        }
        server.end().await;
    });
}

#[test]
fn in_5_0_connect_says_how_long_session_and_will_wait() {
    in_5_0(async {
        let server = peer(|script| {
            script.accept();
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                assert_eq!(connect.properties.session_expiry_interval(), Some(600));
                let will = connect.will.expect("a will");
                assert_eq!(will.properties.will_delay_interval(), Some(30));
            });
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("gone", "bye").delay(Duration::from_secs(30));
        let settings = config(Version::V5, server.port).session_expiry(600).will(will);
        let client = client(settings);
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
