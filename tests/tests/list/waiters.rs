//! Calls that wait take a slot each; when all are taken, a call says so.

use std::future::Future;
use std::pin::Pin;

use mqtt_as_proto::packet::{Packet, PacketType};

use super::story::{
    MS, accepted, ack, both, config, connected, gate, next, numbers, peer, poll_once, published,
    server, take,
};
use crate::runtime::adapter::{
    ConnectError, DisconnectError, DownReason, PublishError, QoS, SubscribeError,
};
use crate::runtime::{Client, soon, within};

type Wait<'c> = Pin<Box<dyn Future<Output = bool> + 'c>>;

/// Takes all waiter slots, however many there are: for answers to PINGREQ.
async fn all_slots(client: &Client) -> Vec<Wait<'_>> {
    let mut waits: Vec<Wait<'_>> = Vec::new();
    loop {
        let mut wait: Wait<'_> = Box::pin(client.broker_up());
        match poll_once(&mut wait).await {
            None => waits.push(wait),
            Some(true) => {} // The answer came at once.
            Some(false) => return waits,
        }
    }
}

#[test]
fn without_a_waiter_slot_a_call_is_refused() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.up()).await.expect("a connection");
        let waits = all_slots(&client).await;
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let publish = within(client.publish("a", "refused").qos(qos)).await;
            assert_eq!(publish, Err(PublishError::NoWaiter));
        }
        let refused = SubscribeError::NoWaiter;
        assert_eq!(within(client.subscribe("a", QoS::AtMostOnce)).await, Err(refused));
        assert_eq!(within(client.unsubscribe("a")).await, Err(refused));
        assert_eq!(within(client.connect(true)).await, Err(ConnectError::NoWaiter));
        assert!(client.is_connected());
        // What nobody waits for needs no slot.
        within(client.publish("a", "0")).await.expect("it is on its way");
        client.publish("a", "1").qos(QoS::AtLeastOnce).try_publish().expect("room");
        assert!(within(client.drain(5000 * MS)).await);
        drop(waits);
        within(client.publish("a", "2").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(accepted(&server), numbers(3), "what was refused was not sent");
    });
}

#[test]
fn without_a_waiter_slot_there_is_no_receipt_and_nothing_is_sent() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.up()).await.expect("a connection");
        let waits = all_slots(&client).await;
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let sent = within(client.publish("a", "refused").qos(qos).send()).await;
            assert_eq!(sent.map(drop), Err(PublishError::NoWaiter));
        }
        let receipt = within(client.publish("a", "0").send()).await.expect("it needs none");
        within(receipt).await.expect("it is on its way");
        drop(waits);
        let sent = within(client.publish("a", "1").qos(QoS::AtLeastOnce).send()).await;
        within(sent.expect("a slot")).await.expect("an acknowledgement");
        assert_eq!(accepted(&server), numbers(2), "what was refused was not sent");
    });
}

#[test]
fn without_a_waiter_slot_a_disconnect_runs_all_the_same() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.up()).await.expect("a connection");
        let waits = all_slots(&client).await;
        let mut down = Box::pin(client.down());
        assert!(soon(20 * MS, &mut down).await.is_none(), "it looks again");
        let end = within(client.disconnect()).await;
        assert!(matches!(end, Ok(()) | Err(DisconnectError::NoWaiter)), "{end:?}");
        assert_eq!(within(down).await, Some(DownReason::Disconnected));
        drop(waits);
        assert_eq!(within(client.disconnect()).await, Err(DisconnectError::NotConnected));
        within(client.connect(true)).await.expect("a connection");
    });
}

#[test]
fn without_a_waiter_slot_messages_are_taken_all_the_same() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.up()).await.expect("a connection");
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let waits = all_slots(&client).await;
        assert!(soon(20 * MS, take(&client)).await.is_none());
        within(client.publish("a", "b")).await.expect("it is on its way");
        assert_eq!(next(&client).await.1, "b");
        drop(waits);
    });
}

/// The mark that ties a message to its call is not used again while the server may still
/// acknowledge it, however many calls there are meanwhile.
// Decision [mark]
#[test]
fn a_late_acknowledgement_settles_no_other_call() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            assert_eq!(published(script).1, 1);
            assert_eq!(published(script).1, 2);
            script.send(&Packet::PubAck(ack(1)));
            waiting.wait();
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        within(client.up()).await.expect("a connection");
        let publish = client.publish("a", "first").qos(QoS::AtLeastOnce).timeout(30 * MS);
        assert_eq!(within(publish).await, Err(PublishError::TimedOut { sent: true }));
        for _ in 0..65_535 {
            assert!(poll_once(&mut Box::pin(client.up())).await.is_none());
        }
        let other = client.publish("a", "second").qos(QoS::AtLeastOnce);
        let mut other = Box::pin(other.into_future());
        assert!(soon(50 * MS, &mut other).await.is_none(), "that was for the first");
        gate.open();
        within(other).await.expect("an acknowledgement");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
