//! What becomes of a message that was accepted and is not acknowledged: its call always learns it.

use std::num::NonZeroU16;
use std::sync::mpsc;

use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, accepted, ack, both, client, config, connected, in_3_1_1, in_5_0, numbers, peer, published,
    publishing, server,
};
use crate::runtime::adapter::{
    DownReason, Limit, NotSent, Properties, Property, PublishError, QoS, Version,
};
use crate::runtime::{sleep, soon, within};

// Decision [limits-at-connack]
#[test]
fn a_waiting_message_that_the_server_forbids_is_never_sent() {
    in_5_0(async {
        let limits = BrokerConfig { maximum_qos: QoS::AtLeastOnce, ..BrokerConfig::default() };
        let server = Server::start(limits);
        let client = client(config(Version::V5, server.addr().port()));
        let waiting = publishing(&client, "a", QoS::ExactlyOnce);
        sleep(20 * MS).await;
        within(client.connect(true)).await.expect("a connection");
        let forbidden = NotSent::Forbidden(Limit::MaximumQoS(QoS::AtLeastOnce));
        assert_eq!(waiting.end().await, Err(PublishError::NeverSent(forbidden)));
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(accepted(&server), ["b"]);
    });
}

#[test]
fn a_message_that_expires_while_it_waits_is_never_sent() {
    in_5_0(async {
        let server = server();
        let client = client(config(Version::V5, server.addr().port()));
        let list = [Property::MessageExpiryInterval(1)];
        let publish = client.publish("a", "old").qos(QoS::AtLeastOnce);
        let mut waiting = Box::pin(publish.properties(Properties::new(&list)).into_future());
        assert!(soon(500 * MS, &mut waiting).await.is_none());
        // It is told at once, also without a connection.
        let expired = PublishError::NeverSent(NotSent::Expired);
        assert_eq!(soon(1000 * MS, waiting).await, Some(Err(expired)));
        within(client.connect(true)).await.expect("a connection");
        within(client.publish("a", "new").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(accepted(&server), ["new"]);
    });
}

/// A server that takes one message at a time and acknowledges none.
fn silent(script: &mut Script, session_present: bool) {
    script.accept();
    script.expect(PacketType::Connect);
    let window = [Property::ReceiveMaximum(NonZeroU16::MIN)];
    let properties = Properties::new(&window);
    script.send(&Packet::ConnAck(ConnAck { session_present, properties, ..ConnAck::default() }));
}

// Decision [all-calls-end]
#[test]
fn with_its_session_a_message_ends_at_a_disconnect() {
    in_5_0(async {
        let server = peer(|script| {
            silent(script, false);
            assert_eq!(published(script).2, "sent");
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let sent = publishing(&client, "sent", QoS::AtLeastOnce);
        sleep(50 * MS).await;
        let waiting = publishing(&client, "waits", QoS::AtLeastOnce);
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        assert_eq!(sent.end().await, Err(PublishError::Unknown { received: false }));
        let never = PublishError::NeverSent(NotSent::Disconnected);
        assert_eq!(waiting.end().await, Err(never));
        server.end().await;
    });
}

// Decision [all-calls-end]
#[test]
fn where_the_session_is_kept_a_message_is_kept_at_a_disconnect() {
    in_5_0(async {
        let server = peer(|script| {
            silent(script, false);
            assert_eq!(published(script), (false, 1, "sent".to_owned()));
            script.expect(PacketType::Disconnect);
            silent(script, true);
            assert_eq!(published(script), (true, 1, "sent".to_owned()));
            script.send(&Packet::PubAck(ack(1)));
            assert_eq!(published(script), (false, 2, "waits".to_owned()));
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let sent = publishing(&client, "sent", QoS::AtLeastOnce);
        sleep(50 * MS).await;
        let waiting = publishing(&client, "waits", QoS::AtLeastOnce);
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        assert_eq!(sent.end().await, Err(PublishError::Kept));
        assert_eq!(waiting.end().await, Err(PublishError::Kept));
        within(client.connect(false)).await.expect("a connection");
        assert!(within(client.drain(5000 * MS)).await, "both went on");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [poison]
#[test]
fn a_message_that_breaks_three_connections_is_named_and_may_be_given_up() {
    both(async |version| {
        let server = peer(|script| {
            for session_present in [false, true, true] {
                script.accept();
                script.expect(PacketType::Connect);
                script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
                assert_eq!(published(script).2, "poison");
                script.close();
            }
            script.accept();
            script.expect(PacketType::Connect);
            let session_present = true;
            script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
            assert_eq!(published(script).2, "harmless");
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        let call = publishing(&client, "poison", QoS::AtLeastOnce);
        assert_eq!(within(client.down()).await, Some(DownReason::Closed));
        for why in [DownReason::Closed, DownReason::Poison(1)] {
            within(client.connect(false)).await.expect("a connection");
            assert_eq!(within(client.down()).await, Some(why));
        }
        assert!(client.give_up(1) && !client.give_up(1) && !client.give_up(0));
        assert_eq!(call.end().await, Err(PublishError::Unknown { received: false }));
        within(client.connect(false)).await.expect("a connection");
        within(client.publish("a", "harmless").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [window-3]
#[test]
fn in_3_1_1_the_client_bounds_what_is_unacknowledged() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.welcome();
            for number in ["0", "1"] {
                assert_eq!(published(script).2, number);
            }
            script.expect_silence(100 * MS);
            script.send(&Packet::PubAck(ack(1)));
            assert_eq!(published(script).2, "2");
            (2..=3).for_each(|id| script.send(&Packet::PubAck(ack(id))));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V311, server.port).send_window(2)).await;
        for number in numbers(3) {
            let publish = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
            publish.try_publish().expect("room");
        }
        assert!(within(client.drain(5000 * MS)).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// QoS 0 has no call that could learn it: it is counted.
#[test]
fn qos_0_that_did_not_leave_a_lost_connection_is_counted() {
    both(async |version| {
        let (tell, told) = mpsc::channel();
        let server = peer(move |script| {
            script.welcome();
            told.recv().expect("an end"); // Reads nothing.
            script.reset();
        });
        let client = connected(config(version, server.port)).await;
        let payload = "x".repeat(1000);
        // Until the network takes nothing any more.
        while soon(100 * MS, client.publish("a", payload.as_str())).await.is_some() {}
        tell.send(()).expect("a peer");
        within(client.down()).await.expect("a loss");
        assert!(client.statistics().unsent > 0);
        server.end().await;
    });
}
