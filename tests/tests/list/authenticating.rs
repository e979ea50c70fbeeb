//! Enhanced authentication: at connect and later, with the program's part.

use std::time::Duration;

use mqtt_as_proto::packet::{Auth, ConnAck, Delivery, Disconnect, Packet, PacketType};
use mqtt_as_proto::{EncodeError, Properties, Property};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, Seen, ack, client, config, connected, gate, in_3_1_1, in_5_0, message, next, peer,
    publishing, text, until,
};
use crate::runtime::adapter::{
    AuthenticateError, Config, ConnectError, ConnectionError, DownReason, OperationError, QoS,
    ReasonCode, Reply, Stage, Step, Version, Violation,
};
use crate::runtime::{spawn, within};

const GO_ON: ReasonCode = ReasonCode::CONTINUE_AUTHENTICATION;
const AGAIN: ReasonCode = ReasonCode::RE_AUTHENTICATE;

/// With the method `M`, whose part of the program is that.
fn authenticating(
    port: u16,
    step: impl Fn(Stage<'_>, &mut Reply<'_>) -> bool + Send + Sync + 'static,
) -> Config {
    let step: &'static _ = Box::leak(Box::new(step));
    config(Version::V5, port).authentication("M", step)
}

/// The same, where the program answers everything, and what it sees is told.
fn answering(port: u16) -> (Config, Seen) {
    let seen = Seen::default();
    let told = seen.clone();
    let config = authenticating(port, move |stage, reply| {
        told.push(match stage {
            Stage::Challenge(data) => format!("challenge {}", text(data)),
            Stage::Success(data) => format!("success {}", text(data)),
            stage => format!("{stage:?}"),
        });
        match stage {
            Stage::Connect => reply.send(b"hello"),
            Stage::Again => reply.send(b"hello again"),
            Stage::Challenge(data) => reply.send(&[b"re: ", data].concat()),
            _ => {}
        }
        true
    });
    (config, seen)
}

fn properties<'p>(method: &'p str, data: &'p str) -> [Property<'p>; 2] {
    [Property::AuthenticationMethod(method), Property::AuthenticationData(data.as_bytes())]
}

/// The server says AUTH.
fn says(script: &mut Script, reason: ReasonCode, method: &str, data: &str) {
    let list = properties(method, data);
    script.send(&Packet::Auth(Auth { reason, properties: Properties::new(&list) }));
}

/// The client has to say AUTH, with that data.
fn said(script: &mut Script, reason: ReasonCode, data: &str) {
    script.expect_packet(PacketType::Auth, |packet| {
        let Packet::Auth(auth) = packet else { unreachable!("it was looked at") };
        assert_eq!(auth.reason, reason);
        assert_eq!(auth.properties, Properties::new(&properties("M", data)));
    });
}

/// The client has to connect with the method.
fn begun(script: &mut Script) {
    script.accept();
    script.expect_packet(PacketType::Connect, |packet| {
        let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
        assert_eq!(connect.properties.authentication_method(), Some("M"));
        assert_eq!(connect.properties.authentication_data(), Some(&b"hello"[..]));
    });
}

fn accepted(script: &mut Script) {
    let list = properties("M", "welcome");
    let properties = Properties::new(&list);
    script.send(&Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
}

/// The client has to end the connection, for that reason.
fn ended(script: &mut Script, reason: ReasonCode) {
    script.expect_packet(PacketType::Disconnect, |packet| {
        let Packet::Disconnect(disconnect) = packet else { unreachable!("it was looked at") };
        assert_eq!(disconnect.reason, reason);
    });
    script.expect_close();
}

// 5.0 [MQTT-4.12.0-3]
#[test]
fn the_program_answers_each_challenge_and_each_connection_begins_anew() {
    in_5_0(async {
        let server = peer(|script| {
            for _ in 0..2 {
                begun(script);
                for challenge in ["one", "two"] {
                    says(script, GO_ON, "M", challenge);
                    said(script, GO_ON, &format!("re: {challenge}"));
                }
                accepted(script);
                script.expect(PacketType::Disconnect);
            }
        });
        let (settings, seen) = answering(server.port);
        let client = client(settings);
        for round in 1..=2 {
            within(client.connect(true)).await.expect("a connection");
            let steps = ["Connect", "challenge one", "challenge two", "success welcome"];
            assert_eq!(seen.all(), steps.repeat(round));
            within(client.disconnect()).await.expect("an end");
        }
        server.end().await;
    });
}

#[test]
fn a_step_without_data_says_none() {
    in_5_0(async {
        let server = peer(|script| {
            script.accept();
            let list = [Property::AuthenticationMethod("M")];
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                assert_eq!(connect.properties.authentication_method(), Some("M"));
                assert_eq!(connect.properties.authentication_data(), None);
            });
            let properties = Properties::new(&list);
            script.send(&Packet::Auth(Auth { reason: GO_ON, properties }));
            script.expect_packet(PacketType::Auth, |packet| {
                let Packet::Auth(auth) = packet else { unreachable!("it was looked at") };
                assert_eq!(auth.properties, properties);
            });
            script.send(&Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(authenticating(server.port, |_, _| true)).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-4.12.0-5]
#[test]
fn the_program_does_not_see_what_another_method_says() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            says(script, GO_ON, "N", "one");
            ended(script, ReasonCode::PROTOCOL_ERROR);
            begun(script);
            script.send(&Packet::ConnAck(ConnAck::default()));
            ended(script, ReasonCode::PROTOCOL_ERROR);
        });
        let (settings, seen) = answering(server.port);
        let client = client(settings);
        for _ in 0..2 {
            let error = within(client.connect(true)).await.expect_err("an error");
            let violation = ConnectionError::Violation(Violation::AuthenticationMethod);
            assert_eq!(error, ConnectError::Protocol(violation));
        }
        assert_eq!(seen.all(), ["Connect", "Connect"]);
        server.end().await;
    });
}

// 5.0 [MQTT-4.12.0-1] [MQTT-4.12.0-4]
#[test]
fn a_server_that_refuses_says_why() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            says(script, GO_ON, "M", "one");
            said(script, GO_ON, "re: one");
            let reason = ReasonCode::NOT_AUTHORIZED;
            script.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
            script.expect_close();
        });
        let (settings, seen) = answering(server.port);
        let error = within(client(settings).connect(true)).await.expect_err("an error");
        assert_eq!(error, ConnectError::Refused(ReasonCode::NOT_AUTHORIZED));
        assert_eq!(seen.all(), ["Connect", "challenge one"]);
        server.end().await;
    });
}

#[test]
fn a_program_that_refuses_ends_the_attempt() {
    in_5_0(async {
        let server = peer(|script| {
            script.accept();
            script.expect_close(); // Before CONNECT.
            begun(script);
            says(script, GO_ON, "M", "one");
            ended(script, ReasonCode::UNSPECIFIED_ERROR);
            begun(script);
            accepted(script);
            ended(script, ReasonCode::UNSPECIFIED_ERROR);
        });
        let attempt = std::sync::atomic::AtomicU8::new(0);
        let client = client(authenticating(server.port, move |stage, reply| {
            let number = match stage {
                Stage::Connect => attempt.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
                _ => attempt.load(std::sync::atomic::Ordering::Relaxed) - 1,
            };
            let refuses = match stage {
                Stage::Connect => number == 0,
                Stage::Challenge(_) => number == 1,
                _ => number == 2,
            };
            if !refuses {
                reply.send(b"hello");
            }
            !refuses
        }));
        for _ in 0..3 {
            let error = within(client.connect(true)).await.expect_err("an error");
            assert_eq!(error, ConnectError::Lost(DownReason::NotAuthenticated));
            assert!(!client.is_connected());
        }
        assert_eq!(client.statistics().connections, 0, "it never came up");
        server.end().await;
    });
}

#[test]
fn all_steps_share_the_time_of_a_connect() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            says(script, GO_ON, "M", "one");
            said(script, GO_ON, "re: one");
            script.expect_close();
        });
        let (settings, _) = answering(server.port);
        let client = client(settings.connect_timeout(Duration::from_millis(300)));
        let error = within(client.connect(true)).await.expect_err("an error");
        assert_eq!(error, ConnectError::TimedOut(Step::Connect));
        server.end().await;
    });
}

#[test]
fn other_traffic_goes_on_during_a_re_authentication() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            accepted(script);
            said(script, AGAIN, "hello again");
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(ack(1)));
            // In one write, so that they are read at once.
            let list = properties("M", "one");
            let challenge =
                Packet::Auth(Auth { reason: GO_ON, properties: Properties::new(&list) });
            let before = message("a", "before", Delivery::AtMostOnce);
            let after = message("a", "after", Delivery::AtMostOnce);
            let all = [before, challenge, after].map(|packet| script.written(&packet));
            script.send_bytes(&all.concat());
            said(script, GO_ON, "re: one");
            says(script, ReasonCode::SUCCESS, "M", "done");
            said(script, AGAIN, "hello again");
            says(script, ReasonCode::SUCCESS, "M", "twice");
            script.expect(PacketType::Disconnect);
        });
        let (settings, seen) = answering(server.port);
        let client = connected(settings).await;
        let other = client.clone();
        let again = spawn(async move { other.reauthenticate().await });
        until(|| seen.all().len() == 3).await;
        let published = publishing(&client, "x", QoS::AtLeastOnce);
        // A second one at once is an error here, and the program is not asked.
        let at_once = AuthenticateError::Invalid(OperationError::Authentication);
        assert_eq!(within(client.reauthenticate()).await, Err(at_once));
        published.end().await.expect("an acknowledgement");
        assert_eq!(next(&client).await.1, "before");
        assert_eq!(next(&client).await.1, "after");
        again.end().await.expect("a success");
        within(client.reauthenticate()).await.expect("another, after the first");
        let steps = ["Connect", "success welcome", "Again", "challenge one", "success done"];
        assert_eq!(seen.all(), [&steps[..], &["Again", "success twice"]].concat());
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-4.12.1-2]
#[test]
fn a_refused_re_authentication_ends_the_connection() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            accepted(script);
            said(script, AGAIN, "hello again");
            let reason = ReasonCode::NOT_AUTHORIZED;
            script.send(&Packet::Disconnect(Disconnect { reason, ..Disconnect::default() }));
            script.expect_close();
            begun(script);
            accepted(script);
            said(script, AGAIN, "hello again");
            says(script, GO_ON, "N", "one");
            ended(script, ReasonCode::PROTOCOL_ERROR);
        });
        let (settings, _) = answering(server.port);
        let client = connected(settings).await;
        let refused = DownReason::Server(ReasonCode::NOT_AUTHORIZED);
        let error = within(client.reauthenticate()).await.expect_err("an error");
        assert_eq!(error, AuthenticateError::Lost(refused.clone()));
        assert_eq!(within(client.down()).await, Some(refused));
        within(client.connect(true)).await.expect("a connection");
        let error = within(client.reauthenticate()).await.expect_err("an error");
        let violation = ConnectionError::Violation(Violation::AuthenticationMethod);
        assert_eq!(error, AuthenticateError::Lost(DownReason::Protocol(violation)));
        server.end().await;
    });
}

// 5.0 [MQTT-4.12.1-2]
#[test]
fn a_program_that_refuses_to_go_on_ends_the_connection() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            accepted(script);
            said(script, AGAIN, "hello");
            says(script, GO_ON, "M", "one");
            ended(script, ReasonCode::UNSPECIFIED_ERROR);
        });
        let client = connected(authenticating(server.port, |stage, reply| {
            let goes_on = !matches!(stage, Stage::Challenge(_));
            if goes_on {
                reply.send(b"hello");
            }
            goes_on
        }));
        let client = client.await;
        assert_eq!(within(client.reauthenticate()).await, Err(AuthenticateError::Refused));
        assert_eq!(within(client.down()).await, Some(DownReason::NotAuthenticated));
        server.end().await;
    });
}

#[test]
fn a_re_authentication_has_the_time_of_a_connect() {
    in_5_0(async {
        let server = peer(|script| {
            begun(script);
            accepted(script);
            said(script, AGAIN, "hello again");
            script.expect(PacketType::Publish); // The connection stays.
            says(script, ReasonCode::SUCCESS, "M", "late");
            script.expect(PacketType::Disconnect);
        });
        let (settings, seen) = answering(server.port);
        let client = connected(settings.connect_timeout(300 * MS)).await;
        assert_eq!(within(client.reauthenticate()).await, Err(AuthenticateError::TimedOut));
        within(client.publish("a", "b")).await.expect("a publish");
        until(|| seen.all().len() == 4).await;
        assert_eq!(seen.all().last().map(String::as_str), Some("success late"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-4.12.0-7]
#[test]
fn a_re_authentication_needs_a_connection_with_a_method() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        let error = within(client.reauthenticate()).await.expect_err("an error");
        assert_eq!(error, AuthenticateError::NotConnected);
        within(client.connect(true)).await.expect("a connection");
        let error = within(client.reauthenticate()).await.expect_err("an error");
        assert_eq!(error, AuthenticateError::Invalid(OperationError::Authentication));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A reply is awaited: what is full is read on for it.
#[test]
fn the_end_of_a_re_authentication_comes_through_a_full_queue() {
    in_5_0(async {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            begun(script);
            accepted(script);
            waiting.wait();
            for _ in 0..200 {
                script.send(&message("a", "x", Delivery::AtMostOnce));
            }
            said(script, AGAIN, "hello again");
            says(script, ReasonCode::SUCCESS, "M", "done");
            script.expect(PacketType::Disconnect);
        });
        let (settings, _) = answering(server.port);
        let client = connected(settings.queue_len(4)).await;
        let _queue = client.queue(); // There is a consumer, who takes nothing.
        gate.open();
        until(|| client.statistics().received >= 4).await;
        assert_eq!(client.statistics().discards, 0);
        within(client.reauthenticate()).await.expect("a success");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn authentication_is_not_for_3_1_1() {
    in_3_1_1(async {
        let settings = authenticating(1, |_, _| true).version(Version::V311);
        let error = within(client(settings).connect(true)).await.expect_err("an error");
        assert_eq!(error, ConnectError::Invalid(EncodeError::PropertiesNeedV5.into()));
    });
}
