//! Cancel safety: what a call that is dropped has done, and what not.

use mqtt_as_proto::packet::{Packet, PacketType};

use super::story::{
    FEW, MS, accepted, ack, both, config, connected, next, numbers, peer, poll_once, published,
    server, small, take, until,
};
use crate::list::publishing::ALL;
use crate::runtime::adapter::{DownReason, QoS};
use crate::runtime::{soon, within};

// Decision [waiting-ends]
#[test]
fn a_dropped_publish_goes_on_once_it_was_accepted() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for qos in ALL {
            let mut publish = Box::pin(client.publish("a", "x").qos(qos).into_future());
            let _ = poll_once(&mut publish).await;
        }
        assert!(within(client.drain(5000 * MS)).await);
        until(|| accepted(&server).len() == 3).await;
    });
}

#[test]
fn a_publish_that_is_dropped_while_it_waits_for_room_never_happened() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for number in numbers(FEW) {
                assert_eq!(published(script).2, number);
            }
            script.expect_silence(100 * MS);
            (1..=FEW as u16).for_each(|id| script.send(&Packet::PubAck(ack(id))));
            assert_eq!(published(script).2, "after");
            script.send(&Packet::PubAck(ack(FEW as u16 + 1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(small(config(version, server.port))).await;
        for number in numbers(FEW) {
            let publish = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
            publish.try_publish().expect("room");
        }
        let late = client.publish("a", "dropped").qos(QoS::AtLeastOnce);
        assert!(soon(20 * MS, late).await.is_none());
        within(client.publish("a", "after").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_dropped_subscribe_goes_on() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut subscribe = Box::pin(client.subscribe("a", QoS::AtMostOnce));
        let _ = poll_once(&mut subscribe).await;
        drop(subscribe);
        assert!(within(client.broker_up()).await);
        within(client.publish("a", "b")).await.expect("a publish");
        assert_eq!(next(&client).await.1, "b");
    });
}

#[test]
fn a_dropped_wait_for_a_message_takes_none() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for number in numbers(5) {
            let mut waiting = Box::pin(take(&client));
            assert!(poll_once(&mut waiting).await.is_none());
            within(client.publish("a", number.as_str()).qos(QoS::AtLeastOnce))
                .await
                .expect("a publish");
            drop(waiting);
            assert_eq!(next(&client).await.1, number);
        }
    });
}

#[test]
fn a_dropped_disconnect_goes_on() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let client = connected(config(version, server.port)).await;
        let mut disconnect = Box::pin(client.disconnect());
        let _ = poll_once(&mut disconnect).await;
        drop(disconnect);
        assert_eq!(within(client.down()).await, Some(DownReason::Disconnected));
        server.end().await;
    });
}

/// More calls than any memory has slots for.
#[test]
fn dropped_calls_hold_no_slot() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.up()).await.expect("a connection");
        for _ in 0..200 {
            assert!(poll_once(&mut Box::pin(client.up())).await.is_none());
            assert!(poll_once(&mut Box::pin(client.down())).await.is_none());
            assert!(poll_once(&mut Box::pin(take(&client))).await.is_none());
            let _ = poll_once(&mut Box::pin(client.broker_up())).await;
            let _ = poll_once(&mut Box::pin(client.subscribe("a", QoS::AtMostOnce))).await;
            let publish = client.publish("b", "x").qos(QoS::AtLeastOnce).into_future();
            let _ = poll_once(&mut Box::pin(publish)).await;
        }
        assert!(within(client.drain(5000 * MS)).await);
        within(client.publish("a", "works").qos(QoS::ExactlyOnce)).await.expect("a publish");
        assert_eq!(next(&client).await.1, "works");
    });
}
