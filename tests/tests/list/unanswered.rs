//! A session behind a CONNECT without an answer: the server may have all of its subscriptions, or none.

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::receivers::{receiver, subscribed, unsubscribed};
use super::story::{both, client, config, in_5_0, message, next, peer};
use crate::runtime::adapter::{QoS, Version};
use crate::runtime::{Client, within};

/// The connection is gone, and the next CONNECT is not answered.
fn unanswered(script: &mut Script) {
    script.close();
    script.accept();
    script.expect(PacketType::Connect);
    script.close();
}

/// The session is there on the next connection, and that message comes in the same moment.
fn accept_with(script: &mut Script, message: &Packet<'_>) {
    script.accept();
    script.expect(PacketType::Connect);
    let connack = Packet::ConnAck(ConnAck { session_present: true, ..ConnAck::default() });
    let bytes = [script.written(&connack), script.written(message)].concat();
    script.send_bytes(&bytes);
}

/// The connection ends, and an attempt fails.
async fn fail(client: &Client) {
    within(client.down()).await.expect("an end");
    within(client.connect(false)).await.expect_err("it is not answered");
}

// Decision [unanswered]
#[test]
fn what_has_no_receiver_any_more_is_unsubscribed_from() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            unanswered(script);
            accept_with(script, &message("b", "x", Delivery::AtMostOnce));
            unsubscribed(script, version, "a");
            script.expect(PacketType::PingReq);
            script.send(&Packet::PingResp);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        let receiver = receiver(&client, "a").await;
        fail(&client).await;
        drop(receiver);
        within(client.connect(false)).await.expect("a connection");
        assert!(within(client.broker_up()).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The server names receivers in what is for them, until it is asked again, too.
// Decision [unanswered]
#[test]
fn what_names_no_receiver_is_for_the_programs_own_subscription() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            subscribed(script, "a/#");
            subscribed(script, "a/1");
            unanswered(script);
            accept_with(script, &message("a/1", "for the queue", Delivery::AtMostOnce));
            subscribed(script, "a/#");
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let receiver = receiver(&client, "a/#").await;
        within(client.subscribe("a/1", QoS::ExactlyOnce)).await.expect("a subscription");
        fail(&client).await;
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(next(&client).await.1, "for the queue");
        within(client.disconnect()).await.expect("an end");
        drop(receiver);
        server.end().await;
    });
}
