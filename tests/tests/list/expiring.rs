//! A message that expires gives its room and its fate at once, connected or not.

use std::num::NonZeroU16;
use std::time::Instant;

use mqtt_as_proto::packet::{Packet, PacketType};

use super::story::{
    FEW, MS, accept, accepted, ack, client, config, connected, in_5_0, numbers, peer, poll_once,
    published, server, small,
};
use crate::list::publishing::ALL;
use crate::runtime::adapter::{
    Acknowledgement, NotSent, OperationError, Properties, Property, PublishError, QoS, Version,
};
use crate::runtime::{Client, sleep, within};

const ONE_SECOND: [Property<'static>; 1] = [Property::MessageExpiryInterval(1)];
const EXPIRED: Result<Acknowledgement, PublishError> =
    Err(PublishError::NeverSent(NotSent::Expired));

/// Messages that live for a second, as many as there is room for.
fn fill(client: &Client) {
    for _ in 0..FEW {
        let old = client.publish("a", "old").qos(QoS::AtLeastOnce);
        old.properties(Properties::new(&ONE_SECOND)).try_publish().expect("room");
    }
    let no_room = Err(PublishError::Invalid(OperationError::NoRoom));
    assert_eq!(client.publish("a", "x").qos(QoS::AtLeastOnce).try_publish(), no_room);
}

// Decision [expiry]
#[test]
fn while_down_its_fate_is_told_when_its_time_has_come() {
    in_5_0(async {
        let server = server();
        let client = client(config(Version::V5, server.addr().port()));
        for qos in ALL {
            let begun = Instant::now();
            let old = client.publish("a", "old").qos(qos).properties(Properties::new(&ONE_SECOND));
            assert_eq!(within(old).await, EXPIRED);
            assert!(begun.elapsed() >= 900 * MS && begun.elapsed() < 3000 * MS, "{qos:?}");
        }
        within(client.connect(true)).await.expect("a connection");
        within(client.publish("a", "new").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(accepted(&server), ["new"]);
    });
}

#[test]
fn while_down_fresh_messages_find_its_room() {
    in_5_0(async {
        let server = server();
        let client = client(small(config(Version::V5, server.addr().port())));
        fill(&client);
        sleep(1200 * MS).await;
        for number in numbers(FEW) {
            let fresh = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
            fresh.try_publish().expect("room");
        }
        within(client.connect(true)).await.expect("a connection");
        assert!(within(client.drain(5000 * MS)).await);
        assert_eq!(accepted(&server), numbers(FEW));
    });
}

#[test]
fn while_down_a_call_that_waits_for_room_takes_it() {
    in_5_0(async {
        let server = server();
        let client = client(small(config(Version::V5, server.addr().port())));
        fill(&client);
        let fresh = client.publish("a", "fresh").qos(QoS::AtLeastOnce);
        let mut fresh = Box::pin(fresh.into_future());
        assert!(poll_once(&mut fresh).await.is_none());
        sleep(1200 * MS).await;
        assert!(poll_once(&mut fresh).await.is_none());
        drop(fresh); // It was accepted: it goes on without its call.
        within(client.connect(true)).await.expect("a connection");
        assert!(within(client.drain(5000 * MS)).await);
        assert_eq!(accepted(&server), ["fresh"]);
    });
}

#[test]
fn connected_it_expires_while_the_server_takes_no_more() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[Property::ReceiveMaximum(NonZeroU16::MIN)]);
            assert_eq!(published(script).2, "sent");
            std::thread::sleep(1500 * MS);
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        client.publish("a", "sent").qos(QoS::AtLeastOnce).try_publish().expect("room");
        let begun = Instant::now();
        let old = client.publish("a", "old").qos(QoS::AtLeastOnce);
        assert_eq!(within(old.properties(Properties::new(&ONE_SECOND))).await, EXPIRED);
        assert!(begun.elapsed() < 1400 * MS, "before there was a place for it");
        assert!(within(client.drain(5000 * MS)).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
