//! A policy that has ended: nobody waits for a connection that nobody makes

use std::time::Duration;

use futures_lite::future::zip;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_tests::script::Script;

use super::reconnecting::{attempts, quick, refuse};
use super::story::{both, client, config, connected, peer};
use crate::runtime::adapter::{ConnectError, PublishError, QoS, ReasonCode};
use crate::runtime::within;

#[test]
fn the_policy_ends_after_its_attempts_and_the_call_learns_why() {
    both(async |version| {
        let port = Script::listen().port(); // Nobody listens any more.
        let policy = quick(|policy| policy.first_connect(true).attempts(3));
        let client = client(config(version, port).reconnect(policy));
        let told = attempts(&client);
        let refused = within(client.connect(true)).await;
        assert!(matches!(refused, Err(ConnectError::Unreachable(..))), "{refused:?}");
        told.count(4).await;
        let numbers: Vec<_> =
            told.all().iter().map(|one| one.split(':').next().map(str::to_owned)).collect();
        assert_eq!(numbers, ["1", "2", "3", "4 not"].map(|one| Some(one.to_owned())));
    });
}

/// As after a disconnect: what would wait for a connection for ever ends.
#[test]
fn nobody_waits_for_a_policy_that_has_ended() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.close();
        });
        let policy = quick(|policy| policy.attempts(1));
        let client = connected(config(version, server.port).reconnect(policy)).await;
        let told = attempts(&client);
        let publish = client.publish("a", "x").qos(QoS::AtLeastOnce).timeout(Duration::ZERO);
        let (mut queue, mut buffer) = (client.queue(), [0; 64]);
        let ends = within(zip(publish, queue.next_into(&mut buffer))).await;
        assert!(matches!(ends, (Err(PublishError::Kept), Ok(None))), "{ends:?}");
        told.count(2).await;
        assert!(told.all()[1].starts_with("2 not"), "{:?}", told.all());
        // Nor does who comes later.
        let publish = || client.publish("a", "y").qos(QoS::AtLeastOnce).timeout(Duration::ZERO);
        let late = within(publish()).await;
        assert!(matches!(late, Err(PublishError::Kept)), "{late:?}");
        let receipt = within(publish().send()).await.expect("room");
        let late = within(receipt).await;
        assert!(matches!(late, Err(PublishError::Kept)), "{late:?}");
        server.end().await;
    });
}

/// `Kept` is not the end of a message.
#[test]
fn what_is_published_after_the_end_of_a_policy_goes_out_on_the_next_connection() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.close();
            refuse(script, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID);
            script.welcome();
            script.expect(PacketType::Publish);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).reconnect(quick(|policy| policy)));
        let told = attempts(&client);
        within(client.connect(true)).await.expect("a connection");
        told.count(2).await;
        let kept = within(client.publish("a", "x").qos(QoS::AtLeastOnce)).await;
        assert!(matches!(kept, Err(PublishError::Kept)), "{kept:?}");
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
