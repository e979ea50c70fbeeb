//! Receivers by filter: `subscribe(…).receiver()`.

use std::time::Duration;

use futures_lite::StreamExt;
use mqtt_as_proto::packet::{Delivery, Packet, PacketType, Publish, SubAck, SubscriptionOptions};
use mqtt_as_proto::{PacketId, Properties, TopicFilter, TopicName};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accept, ack, acknowledged, both, client, config, connected, gate, id, message, next, peer,
    poll_once, server, text, until,
};
use crate::runtime::adapter::{
    Property, QoS, ReasonCode, Receiver, RetainHandling, SubscribeError, SubscriptionId, Version,
};
use crate::runtime::{Client, sleep, soon, spawn, within};

/// A receiver for that filter.
pub(super) async fn receiver(client: &Client, filter: &str) -> Receiver {
    within(client.subscribe(filter, QoS::ExactlyOnce).receiver()).await.expect("a subscription")
}

/// The next message of a receiver, as topic and payload.
pub(super) async fn received(receiver: &mut Receiver) -> (String, String) {
    let message = within(receiver.next()).await.expect("a message");
    (message.topic().to_owned(), text(message.payload()))
}

/// The next payloads of a receiver.
pub(super) async fn all(receiver: &mut Receiver, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(received(receiver).await.1);
    }
    all
}

/// The client asks for that filter and is granted QoS 2. Gives the subscription identifier.
pub(super) fn subscribed(script: &mut Script, wanted: &str) -> Option<u32> {
    let (id, identifier) = asked(script, wanted);
    granted(script, id, &[2]);
    identifier
}

fn asked(script: &mut Script, wanted: &str) -> (PacketId, Option<u32>) {
    script.expect_packet(PacketType::Subscribe, |packet| {
        let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
        let filters: Vec<_> = subscribe.filters.iter().map(|one| one.filter.as_str()).collect();
        assert_eq!(filters, [wanted]);
        let mut ids = subscribe.properties.subscription_identifiers();
        (subscribe.id, ids.next().map(SubscriptionId::get))
    })
}

fn granted(script: &mut Script, id: PacketId, codes: &[u8]) {
    script.send(&Packet::SubAck(SubAck { id, properties: Properties::NONE, codes }));
}

/// The client ends the subscription to that filter.
pub(super) fn unsubscribed(script: &mut Script, version: Version, wanted: &str) {
    let id = script.expect_packet(PacketType::Unsubscribe, |packet| {
        let Packet::Unsubscribe(unsubscribe) = packet else { unreachable!("looked at") };
        let filters: Vec<_> = unsubscribe.filters.iter().map(TopicFilter::as_str).collect();
        assert_eq!(filters, [wanted]);
        unsubscribe.id
    });
    let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    script.send(&Packet::UnsubAck(SubAck { id, properties: Properties::NONE, codes }));
}

pub(super) fn pair(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}

/// A message that names those subscription identifiers.
pub(super) fn send(script: &mut Script, topic: &str, payload: &str, ids: &[Option<u32>]) {
    let ids = ids.iter().flatten().map(|id| SubscriptionId::new(*id).expect("not 0"));
    let list: Vec<_> = ids.map(Property::SubscriptionIdentifier).collect();
    let topic = TopicName::new(topic).expect("a topic name");
    let properties = Properties::new(&list);
    script
        .send(&Packet::Publish(Publish { properties, ..Publish::new(topic, payload.as_bytes()) }));
}

// Decision [equal-filters]
#[test]
fn equal_filters_share_a_subscription_that_ends_with_the_last_receiver() {
    both(async |version| {
        let (second, there) = gate();
        let server = peer(move |script| {
            script.welcome();
            let known = subscribed(script, "a");
            there.wait();
            send(script, "a", "to both", &[known]);
            script.expect(PacketType::PingReq); // And nothing before it.
            script.send(&Packet::PingResp);
            unsubscribed(script, version, "a");
            subscribed(script, "a");
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut one = receiver(&client, "a").await;
        let mut two = receiver(&client, "a").await;
        second.open();
        assert_eq!(all(&mut one, 1).await, ["to both"]);
        drop(one);
        assert_eq!(all(&mut two, 1).await, ["to both"]);
        assert!(within(client.broker_up()).await);
        drop(two);
        let another = receiver(&client, "a").await;
        within(client.disconnect()).await.expect("an end");
        drop(another);
        server.end().await;
    });
}

#[test]
fn a_receiver_may_be_there_before_the_connection() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            // What waited in the session comes before anybody can subscribe.
            script.send(&message("a/1", "old", Delivery::AtLeastOnce(id(1))));
            subscribed(script, "a/+");
            acknowledged(script, PacketType::PubAck, 1);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let mut receiver = receiver(&client, "a/+").await;
        assert!(receiver.granted().is_none());
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(received(&mut receiver).await, pair("a/1", "old"));
        until(|| receiver.granted().is_some()).await;
        let granted = receiver.granted().expect("an answer").expect("a subscription");
        assert_eq!(granted.qos(), QoS::ExactlyOnce);
        within(client.disconnect()).await.expect("an end");
        assert!(within(receiver.next()).await.is_none(), "nothing comes any more");
        server.end().await;
    });
}

// Decision [last-taker]
#[test]
fn a_message_is_acknowledged_when_its_last_receiver_has_taken_it() {
    both(async |version| {
        let (took_one, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a/#");
            subscribed(script, "a/+");
            script.send(&message("a/1", "1", Delivery::AtLeastOnce(id(1))));
            script.send(&message("a/1", "2", Delivery::ExactlyOnce(id(2))));
            waits.wait();
            script.expect_silence(50 * MS);
            acknowledged(script, PacketType::PubAck, 1);
            acknowledged(script, PacketType::PubRec, 2);
            script.send(&Packet::PubRel(ack(2)));
            acknowledged(script, PacketType::PubComp, 2);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut one = receiver(&client, "a/#").await;
        let mut two = receiver(&client, "a/+").await;
        assert_eq!(all(&mut one, 2).await, ["1", "2"]);
        took_one.open();
        sleep(100 * MS).await;
        assert_eq!(all(&mut two, 2).await, ["1", "2"]);
        within(client.drain(Duration::from_secs(5))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn by_hand_a_message_of_receivers_is_acknowledged_once() {
    both(async |version| {
        let (second, there) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            there.wait();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(1))));
            acknowledged(script, PacketType::PubAck, 1);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).manual_ack(true)).await;
        let (mut one, mut two) = (receiver(&client, "a").await, receiver(&client, "a").await);
        second.open();
        let first = within(one.next()).await.expect("a message");
        let second = within(two.next()).await.expect("a message");
        assert!(client.ack(&first, ReasonCode::SUCCESS));
        assert!(!client.ack(&second, ReasonCode::SUCCESS), "it was acknowledged before");
        within(client.drain(Duration::from_secs(5))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn where_the_session_is_new_receivers_subscribe_again_and_else_not() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            let first = options_of(script);
            script.close();
            accept(script, true, &[]);
            script.expect_silence(50 * MS);
            script.send(&message("a", "resumed", Delivery::AtMostOnce));
            script.close();
            accept(script, false, &[]);
            assert_eq!(options_of(script), first);
            script.send(&message("a", "new", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let list = [Property::UserProperty(("k", "v"))];
        let subscribe = client.subscribe("a", QoS::AtLeastOnce);
        let subscribe = match version {
            Version::V311 => subscribe,
            Version::V5 => subscribe.retain_handling(RetainHandling::SendIfNew).properties(&list),
        };
        let mut receiver = within(subscribe.receiver()).await.expect("a subscription");
        for payload in ["resumed", "new"] {
            within(client.down()).await.expect("an end");
            within(client.connect(false)).await.expect("a connection");
            assert_eq!(all(&mut receiver, 1).await, [payload]);
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The server may have begun the session for a CONNECT that it did not answer, and says that there is one.
// Decision [unanswered]
#[test]
fn receivers_subscribe_again_behind_a_connect_without_an_answer() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            let first = options_of(script);
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            script.close();
            accept(script, true, &[]);
            assert_eq!(options_of(script), first);
            script.send(&message("a", "heard", Delivery::AtMostOnce));
            script.close();
            accept(script, true, &[]); // Now the server has it.
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let subscribe = client.subscribe("a", QoS::AtLeastOnce).receiver();
        let mut receiver = within(subscribe).await.expect("a subscription");
        within(client.down()).await.expect("an end");
        within(client.connect(false)).await.expect_err("it is not answered");
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(all(&mut receiver, 1).await, ["heard"]);
        within(client.down()).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// What a SUBSCRIBE that is granted says beside the filter.
fn options_of(script: &mut Script) -> (SubscriptionOptions, Vec<(String, String)>) {
    let (id, options) = script.expect_packet(PacketType::Subscribe, |packet| {
        let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
        let mut filters = subscribe.filters.iter();
        let options = filters.next().expect("a filter").options;
        let pairs = subscribe.properties.user_properties();
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (subscribe.id, (options, pairs.collect()))
    });
    granted(script, id, &[1]);
    options
}

#[test]
fn a_refused_receiver_is_an_error_or_ends() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            let (early, _) = asked(script, "early");
            granted(script, early, &[0x80]);
            let (late, _) = asked(script, "late");
            granted(script, late, &[0x80]);
            script.send(&message("late", "x", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let mut early = receiver(&client, "early").await;
        within(client.connect(true)).await.expect("a connection");
        let refused = SubscribeError::Refused(ReasonCode::UNSPECIFIED_ERROR);
        assert!(within(early.next()).await.is_none());
        assert_eq!(early.granted(), Some(Err(refused)));
        let late = within(client.subscribe("late", QoS::AtMostOnce).receiver()).await;
        assert_eq!(late.err(), Some(refused));
        assert_eq!(next(&client).await, pair("late", "x"));
        let wrong = within(client.subscribe("a#", QoS::AtMostOnce).receiver()).await;
        assert!(matches!(wrong.err(), Some(SubscribeError::Filter(_))));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [queue-gets-rest]
#[test]
fn what_a_dropped_receiver_has_not_taken_is_for_the_queue() {
    both(async |version| {
        let (first, came) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(1))));
            script.send(&message("a", "2", Delivery::AtMostOnce));
            came.wait();
            let id_of = script.expect_packet(PacketType::Unsubscribe, |packet| {
                let Packet::Unsubscribe(unsubscribe) = packet else { unreachable!("looked at") };
                unsubscribe.id
            });
            script.send(&message("a", "3", Delivery::AtLeastOnce(id(3))));
            let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
            let properties = Properties::NONE;
            script.send(&Packet::UnsubAck(SubAck { id: id_of, properties, codes }));
            acknowledged(script, PacketType::PubAck, 1);
            acknowledged(script, PacketType::PubAck, 3);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let _ = client.queue();
        let receiver = receiver(&client, "a").await;
        until(|| client.statistics().received == 2).await;
        first.open();
        drop(receiver);
        for payload in ["1", "2", "3"] {
            assert_eq!(next(&client).await, pair("a", payload));
        }
        within(client.drain(Duration::from_secs(5))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Else it would take the place of others, in the client and at the server, for ever.
#[test]
fn without_a_queue_what_a_dropped_receiver_has_not_taken_is_over() {
    both(async |version| {
        let (first, came) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(1))));
            came.wait();
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(2))));
            acknowledged(script, PacketType::PubAck, 1);
            unsubscribed(script, version, "a");
            acknowledged(script, PacketType::PubAck, 2);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let receiver = receiver(&client, "a").await;
        until(|| client.statistics().received == 1).await;
        drop(receiver);
        first.open();
        within(client.drain(Duration::from_secs(5))).await;
        until(|| client.statistics().received == 2).await;
        within(client.drain(Duration::from_secs(5))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_wait_that_is_dropped_takes_no_message() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut receiver = receiver(&client, "a").await;
        {
            let mut waiting = Box::pin(receiver.next());
            assert!(poll_once(&mut waiting).await.is_none());
            within(client.publish("a", "1").qos(QoS::AtLeastOnce)).await.expect("a publish");
        }
        assert_eq!(all(&mut receiver, 1).await, ["1"]);
        assert!(soon(20 * MS, receiver.next()).await.is_none(), "there is none");
    });
}

#[test]
fn the_queue_and_receivers_are_streams() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut receiver = receiver(&client, "a").await;
        within(client.subscribe("b", QoS::AtMostOnce)).await.expect("a subscription");
        let publisher = client.clone();
        let publishing = spawn(async move {
            sleep(20 * MS).await;
            for topic in ["a", "b", "a", "b"] {
                within(publisher.publish(topic, topic)).await.expect("a publish");
            }
        });
        let mut queue = client.queue();
        for _ in 0..2 {
            let of_receiver = within(StreamExt::next(&mut receiver)).await.expect("a message");
            let of_queue = within(StreamExt::next(&mut queue)).await.expect("a message");
            assert_eq!((of_receiver.topic(), of_queue.topic()), ("a", "b"));
        }
        publishing.end().await;
        within(client.disconnect()).await.expect("an end");
        assert!(within(StreamExt::next(&mut receiver)).await.is_none());
        assert!(within(StreamExt::next(&mut queue)).await.is_none());
    });
}
