//! Room is taken, not reserved: nobody is held up by a call that is not polled.

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use super::story::{
    FEW, MS, ack, both, config, connected, message, numbers, peer, poll_once, published, small,
    take,
};
use crate::runtime::adapter::{PublishError, QoS, Version};
use crate::runtime::{Client, sleep, soon, spawn, within};

/// A server that takes [`FEW`] messages, lets others come for room, and gives it back.
fn full_for_a_while(others: &'static [&'static str]) -> super::story::Peer {
    peer(move |script| {
        script.welcome();
        for number in numbers(FEW) {
            assert_eq!(published(script).2, number);
        }
        std::thread::sleep(100 * MS);
        (1..=FEW as u16).for_each(|id| script.send(&Packet::PubAck(ack(id))));
        for payload in others {
            let (_, id, came) = published(script);
            assert_eq!(came, *payload);
            if id != 0 {
                script.send(&Packet::PubAck(ack(id)));
            }
        }
        script.expect(PacketType::Disconnect);
    })
}

/// A client without room for another message.
async fn full(version: Version, port: u16) -> Client {
    let client = connected(small(config(version, port))).await;
    for number in numbers(FEW) {
        let publish = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
        publish.try_publish().expect("room");
    }
    client
}

/// A call that waits for room, and is not polled again until the end of a story.
macro_rules! waiting {
    ($client:ident) => {{
        let publish = $client.publish("a", "first").qos(QoS::AtLeastOnce);
        let mut first = Box::pin(publish.into_future());
        assert!(poll_once(&mut first).await.is_none(), "it waits for room");
        first
    }};
}

#[test]
fn a_publish_that_is_not_polled_holds_up_no_other() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        both(async |version| {
            let server = full_for_a_while(&["second", "first"]);
            let client = full(version, server.port).await;
            let first = waiting!(client);
            let second = client.publish("a", "second").qos(qos);
            within(second).await.expect("a publish");
            within(first).await.expect("a publish");
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}

#[test]
fn a_publish_that_is_not_polled_holds_up_no_try_publish() {
    both(async |version| {
        let server = full_for_a_while(&["second", "first"]);
        let client = full(version, server.port).await;
        let first = waiting!(client);
        let tried = async {
            loop {
                let second = client.publish("a", "second").qos(QoS::AtLeastOnce);
                match second.try_publish() {
                    Err(PublishError::Invalid(_)) => sleep(5 * MS).await,
                    tried => return tried,
                }
            }
        };
        within(tried).await.expect("room");
        within(first).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn what_waits_for_room_takes_it_when_the_one_before_it_is_not_polled() {
    both(async |version| {
        let server = full_for_a_while(&["second", "first"]);
        let client = full(version, server.port).await;
        let first = waiting!(client);
        let other = client.clone();
        let second = spawn(async move {
            let second = other.publish("a", "second").qos(QoS::AtLeastOnce);
            second.await
        });
        second.end().await.expect("a publish");
        within(first).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Of three that wait for a message the first and the last are not polled when it comes.
#[test]
fn a_consumer_that_is_not_polled_keeps_no_message_from_another() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.send(&message("a", "only", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut first = Box::pin(take(&client));
        assert!(poll_once(&mut first).await.is_none());
        let other = client.clone();
        let second = spawn(async move { take(&other).await });
        sleep(50 * MS).await;
        let mut last = Box::pin(take(&client));
        assert!(poll_once(&mut last).await.is_none());
        within(client.publish("go", "")).await.expect("a publish");
        let taken = soon(1000 * MS, second.end()).await.expect("it is woken");
        assert_eq!(taken.expect("a message").payload, b"only");
        drop((first, last));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
