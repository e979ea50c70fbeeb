//! Drivers that nobody polls, or that are gone before they begin.

use super::story::{MS, accepted, both, config, poll_once, server, take};
use crate::runtime::adapter::{ConnectError, PublishError, QoS, SubscribeError};
use crate::runtime::{parts, soon, spawn, within};

#[test]
fn calls_of_a_client_that_nobody_drives_stay_pending_and_hold_nobody_up() {
    both(async |version| {
        let (client, driver) = parts(config(version, 1));
        let (begun, late) = (std::time::Instant::now(), 20 * MS);
        assert_eq!(soon(late, client.connect(true)).await, None);
        assert_eq!(soon(late, client.publish("a", "b")).await, None);
        assert_eq!(soon(late, client.publish("a", "b").qos(QoS::AtLeastOnce)).await, None);
        assert_eq!(soon(late, client.up()).await, None);
        assert_eq!(soon(late, client.down()).await, None);
        assert_eq!(soon(late, take(&client)).await, None);
        // These find nothing to wait for.
        let nobody = SubscribeError::NotConnected;
        assert_eq!(within(client.subscribe("a", QoS::AtMostOnce)).await, Err(nobody));
        assert_eq!(within(client.unsubscribe("a")).await, Err(nobody));
        assert!(!within(client.broker_up()).await && !client.is_connected());
        client.publish("a", "c").qos(QoS::AtLeastOnce).try_publish().expect("room");
        // This keeps its time itself.
        assert!(!within(client.drain(late)).await);
        assert!(begun.elapsed() < 5000 * MS);
        drop(driver);
        assert_eq!(within(client.connect(true)).await, Err(ConnectError::Closed));
    });
}

#[test]
fn a_driver_that_is_dropped_unpolled_ends_the_calls_that_wait() {
    both(async |version| {
        let (client, driver) = parts(config(version, 1));
        let mut connect = Box::pin(client.connect(true));
        let publish = client.publish("a", "b").qos(QoS::AtLeastOnce);
        let mut publish = Box::pin(publish.into_future());
        let mut up = Box::pin(client.up());
        let mut message = Box::pin(take(&client));
        assert!(poll_once(&mut connect).await.is_none());
        assert!(poll_once(&mut publish).await.is_none());
        assert!(poll_once(&mut up).await.is_none());
        assert!(poll_once(&mut message).await.is_none());
        drop(driver);
        assert_eq!(within(connect).await, Err(ConnectError::Closed));
        assert_eq!(within(publish).await, Err(PublishError::Closed));
        assert_eq!(within(up).await, None);
        assert_eq!(within(message).await, None);
        assert!(client.downgrade().upgrade().is_none());
    });
}

#[test]
fn what_was_called_before_the_driver_begins_is_done_when_it_does() {
    both(async |version| {
        let server = server();
        let (client, driver) = parts(config(version, server.addr().port()));
        let mut connect = Box::pin(client.connect(true));
        assert!(poll_once(&mut connect).await.is_none());
        client.publish("a", "early").qos(QoS::AtLeastOnce).try_publish().expect("room");
        let driver = spawn(driver);
        within(connect).await.expect("a connection");
        assert!(within(client.drain(5000 * MS)).await);
        assert_eq!(accepted(&server), ["early"]);
        drop(client);
        driver.end().await;
    });
}
