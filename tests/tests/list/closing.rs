//! Handles: clones, the last one, weak ones; and a driver that is gone.

use mqtt_as_proto::packet::PacketType;

use super::story::{
    MS, Seen, accepted, both, config, connected, numbers, observer, peer, poll_once, server, take,
    until,
};
use crate::runtime::adapter::{
    ConnectError, DisconnectError, PublishError, QoS, SubscribeError, Will,
};
use crate::runtime::{parts, sleep, soon, spawn, within};

#[test]
fn what_the_last_handle_accepted_is_sent_and_disconnect_follows() {
    both(async |version| {
        let server = server();
        let observer = observer(&server, "gone").await;
        let settings = config(version, server.addr().port()).will(Will::new("gone", "bye"));
        let client = connected(settings).await;
        let other = client.clone();
        for number in numbers(100) {
            other.publish("a", number.as_str()).try_publish().expect("room");
        }
        drop(client);
        assert!(other.is_connected());
        drop(other);
        until(|| accepted(&server).len() == 100).await;
        assert_eq!(accepted(&server), numbers(100));
        assert!(soon(100 * MS, take(&observer)).await.is_none(), "no will");
    });
}

/// What a program can rely on that ends without `disconnect`: its driver, as long as that runs, sends
/// what was accepted, and DISCONNECT, without an acknowledgement being there.
#[test]
fn the_driver_ends_when_all_is_sent_and_disconnect_too() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for _ in 0..30 {
                script.expect(PacketType::Publish);
            }
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for _ in 0..10 {
                client.publish("a", "b").qos(qos).try_publish().expect("room");
            }
        }
        drop(client);
        driver.end().await;
        server.end().await;
    });
}

/// The runtime may end with `main`, and takes the driver along.
// 3.1.1 [MQTT-3.14.4-1]
// 5.0 [MQTT-3.14.4-2]
#[test]
fn when_disconnect_returns_all_is_on_the_wire() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for _ in 0..100 {
                script.expect(PacketType::Publish);
            }
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        for number in numbers(100) {
            within(client.publish("a", number.as_str())).await.expect("a publish");
        }
        within(client.disconnect()).await.expect("an end");
        driver.abort();
        server.end().await;
    });
}

#[test]
fn the_driver_ends_with_the_last_handle() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        let weak = client.downgrade();
        assert!(weak.upgrade().is_some_and(|handle| handle.is_connected()));
        drop(client);
        driver.end().await;
        assert!(weak.upgrade().is_none());
        server.end().await;
    });
}

#[test]
fn a_client_that_never_connected_ends_with_its_last_handle() {
    both(async |version| {
        let (client, driver) = parts(config(version, 1));
        let driver = spawn(driver);
        sleep(5 * MS).await;
        drop(client.clone());
        assert!(soon(20 * MS, client.up()).await.is_none());
        drop(client);
        driver.end().await;
    });
}

#[test]
fn a_handle_dropped_while_a_connection_opens_ends_the_driver() {
    both(async |version| {
        let came = Seen::default();
        let saw = came.clone();
        let server = peer(move |script| {
            script.accept();
            script.expect(PacketType::Connect);
            saw.push("CONNECT");
            script.expect(PacketType::Disconnect); // No answer.
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        assert!(poll_once(&mut client.connect(true)).await.is_none());
        came.count(1).await;
        drop(client);
        driver.end().await;
        server.end().await;
    });
}

#[test]
fn without_a_driver_every_call_says_closed() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port());
        let (client, driver) = parts(settings);
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        driver.abort();
        until(|| !client.is_connected()).await;
        within(client.down()).await.expect("a reason");
        for _ in 0..2 {
            assert_eq!(within(client.connect(true)).await, Err(ConnectError::Closed));
            assert_eq!(within(client.disconnect()).await, Err(DisconnectError::Closed));
            assert_eq!(within(client.publish("a", "b")).await, Err(PublishError::Closed));
            let publish = client.publish("a", "b").qos(QoS::AtLeastOnce);
            assert_eq!(publish.try_publish(), Err(PublishError::Closed));
            let subscribe = within(client.subscribe("a", QoS::AtMostOnce)).await;
            assert_eq!(subscribe, Err(SubscribeError::Closed));
            assert_eq!(within(client.unsubscribe("a")).await, Err(SubscribeError::Closed));
            assert!(!within(client.broker_up()).await);
            assert!(within(client.down()).await.is_none());
            assert!(within(take(&client)).await.is_none());
            assert!(!client.is_connected());
        }
        within(client.up()).await.expect("the connection that was");
        assert!(within(client.up()).await.is_none());
        assert!(client.downgrade().upgrade().is_none());
    });
}

// Decision [all-calls-end]
#[test]
fn a_driver_that_goes_away_ends_every_wait() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.expect(PacketType::Subscribe);
            script.expect(PacketType::PingReq);
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        within(client.up()).await.expect("a connection");
        let publish = spawn({
            let client = client.clone();
            async move { client.publish("a", "b").qos(QoS::AtLeastOnce).await }
        });
        sleep(20 * MS).await;
        let subscribe = spawn({
            let client = client.clone();
            async move { client.subscribe("a", QoS::AtMostOnce).await }
        });
        sleep(20 * MS).await;
        let ping = spawn({
            let client = client.clone();
            async move { client.broker_up().await }
        });
        let up = spawn({
            let client = client.clone();
            async move { client.up().await.is_none() }
        });
        let message = spawn({
            let client = client.clone();
            async move { take(&client).await.is_none() }
        });
        sleep(50 * MS).await;
        driver.abort();
        publish.end().await.expect_err("nobody is there to wait for it");
        subscribe.end().await.expect_err("nobody is there to wait for it");
        assert!(!ping.end().await && up.end().await && message.end().await);
        server.end().await;
    });
}
