//! A program that reconnects in a loop, as the README does, is restarted, or meets a server that has
//! changed its mind

use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_proto::property::MaximumQoS;
use mqtt_as_tests::script::Script;

use super::story::{
    MS, Peer, accept, both, client, config, connected, forever, in_5_0, next, peer, server, until,
};
use crate::runtime::adapter::{
    ConnectError, DownReason, Properties, Property, QoS, ReasonCode, Version, Will,
};
use crate::runtime::{Client, sleep, soon, spawn, within};

/// The loop of the README, until the program disconnects.
async fn reconnect_in_a_loop(client: Client) {
    while let Some(reason) = client.down().await {
        if reason == DownReason::Disconnected {
            break;
        }
        while let Err(error) = client.connect(false).await {
            if error == ConnectError::Replaced {
                break;
            }
            sleep(10 * MS).await;
        }
    }
}

// Decision [connect-false-stands]
#[test]
fn a_loop_that_reconnects_does_not_chase_itself() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let looping = spawn(reconnect_in_a_loop(client.clone()));
        within(client.connect(true)).await.expect("it takes the place of the first");
        let session = within(client.connect(false)).await.expect("it stands");
        assert!(!session.session_present);
        sleep(100 * MS).await;
        assert_eq!(client.statistics().connections, 2);
        server.cut();
        until(|| client.statistics().connections == 3).await;
        sleep(100 * MS).await;
        assert_eq!(client.statistics().connections, 3);
        within(client.disconnect()).await.expect("an end");
        looping.end().await;
    });
}

// Decision [connect-replaces]
#[test]
fn a_replacement_that_fails_is_told_as_down() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
            script.accept();
            script.expect(PacketType::Connect);
            script.close(); // No CONNACK.
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let looping = spawn(reconnect_in_a_loop(client.clone()));
        within(client.connect(true)).await.expect_err("the server closes");
        until(|| client.is_connected()).await; // The loop has heard of it.
        within(client.disconnect()).await.expect("an end");
        looping.end().await;
        server.end().await;
    });
}

// Decision [adopt]
#[test]
fn a_restarted_program_goes_on_with_its_session() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let before = client(config(version, port));
        within(before.connect(false)).await.expect("a connection");
        within(before.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(before.disconnect()).await.expect("an end");
        let other = connected(config(version, port).client_id("other")).await;
        within(other.publish("a", "meanwhile").qos(QoS::AtLeastOnce)).await.expect("a publish");

        let again = client(config(version, port));
        let session = within(again.connect(false)).await.expect("the session is its own");
        assert!(session.session_present && session.adopted);
        assert_eq!(next(&again).await.1, "meanwhile");
        // Its acknowledgement leaves before that, so it is not sent again.
        within(again.publish("b", "").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let looping = spawn(reconnect_in_a_loop(again.clone()));
        server.cut();
        until(|| again.statistics().connections == 2).await;
        within(again.publish("a", "then").qos(QoS::ExactlyOnce)).await.expect("a publish");
        assert_eq!(next(&again).await.1, "then");
        within(again.disconnect()).await.expect("an end");
        looping.end().await;
    });
}

/// The client has to come with a will, and is refused or accepted.
fn judge_will(script: &mut Script, refusal: Option<ReasonCode>, limits: &[Property<'_>]) {
    script.accept();
    script.expect_packet(PacketType::Connect, |packet| {
        let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
        let will = connect.will.expect("a will");
        assert!(will.retain && will.qos == QoS::AtLeastOnce);
    });
    let (reason, properties) = (refusal.unwrap_or_default(), Properties::new(limits));
    script.send(&Packet::ConnAck(ConnAck { reason, properties, ..ConnAck::default() }));
}

// 5.0 [MQTT-3.2.2-13]
// Decision [history]
#[test]
fn what_an_earlier_connack_said_forbids_nothing_at_connect() {
    in_5_0(async {
        let Peer { port, .. } = peer(|script| {
            let least = [
                Property::MaximumQoS(MaximumQoS(QoS::AtMostOnce)),
                Property::RetainAvailable(false),
            ];
            judge_will(script, None, &least);
            script.close();
            for refusal in [ReasonCode::QOS_NOT_SUPPORTED, ReasonCode::RETAIN_NOT_SUPPORTED] {
                judge_will(script, Some(refusal), &[]);
                script.expect_close();
            }
            judge_will(script, None, &[]); // It was mended.
            script.expect(PacketType::Publish);
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("gone", "bye").qos(QoS::AtLeastOnce).retain(true);
        let client = connected(config(Version::V5, port).will(will)).await;
        within(client.down()).await.expect("a loss");
        for refusal in [ReasonCode::QOS_NOT_SUPPORTED, ReasonCode::RETAIN_NOT_SUPPORTED] {
            let refused = within(client.connect(false)).await;
            assert_eq!(refused, Err(ConnectError::Refused(refusal)));
        }
        let session = within(client.connect(false)).await.expect("a connection");
        assert_eq!(session.limits.maximum_qos, QoS::ExactlyOnce);
        client.publish("a", "b").retain(true).try_publish().expect("room");
        within(client.disconnect()).await.expect("an end");
    });
}

/// A client without an identifier gets that one, and comes back with it.
async fn comes_back_with(given: &'static str) {
    let server = peer(move |script| {
        accept(script, false, &[Property::AssignedClientIdentifier(given)]);
        script.close();
        script.accept();
        script.expect_packet(PacketType::Connect, |packet| {
            let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
            assert_eq!(connect.client_id, given);
        });
        let session_present = true;
        script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
        script.expect(PacketType::Disconnect);
    });
    let client = client(config(Version::V5, server.port).client_id(""));
    within(client.connect(false)).await.expect("a first connection");
    within(client.down()).await.expect("a loss");
    let again = within(client.connect(false)).await.expect("a second connection");
    assert!(again.session_present && !again.adopted);
    within(client.disconnect()).await.expect("an end");
    assert!(soon(Duration::ZERO, client.up()).await.is_some());
    server.end().await;
}

#[test]
fn an_assigned_client_identifier_of_64_bytes_is_used_again() {
    in_5_0(comes_back_with(forever("i".repeat(64))));
}

#[cfg(feature = "heap")]
mod heap {
    use super::*;

    #[test]
    fn an_assigned_client_identifier_of_any_length_is_used_again() {
        in_5_0(async {
            for length in [65, 400, 4000] {
                comes_back_with(forever("i".repeat(length))).await;
            }
        });
    }
}
