//! Receivers by filter: `subscribe(…).receiver()`.

use std::time::Duration;

use futures_lite::StreamExt;
use mqtt_as_proto::packet::{Delivery, Packet, PacketType, Publish, SubAck, SubscriptionOptions};
use mqtt_as_proto::{PacketId, Properties, TopicFilter, TopicName};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accept, ack, acknowledged, both, client, config, connected, gate, id, in_3_1_1, in_5_0,
    message, next, numbers, other, peer, poll_once, server, text, until,
};
use crate::runtime::adapter::{
    Overflow, Property, QoS, ReasonCode, Receiver, RetainHandling, SubscribeError, SubscriptionId,
    Version,
};
use crate::runtime::{Client, sleep, soon, spawn, within};

/// A receiver for that filter.
async fn receiver(client: &Client, filter: &str) -> Receiver {
    within(client.subscribe(filter, QoS::ExactlyOnce).receiver()).await.expect("a subscription")
}

/// The next message of a receiver, as topic and payload.
async fn received(receiver: &mut Receiver) -> (String, String) {
    let message = within(receiver.next()).await.expect("a message");
    (message.topic().to_owned(), text(message.payload()))
}

/// The next payloads of a receiver.
async fn all(receiver: &mut Receiver, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(received(receiver).await.1);
    }
    all
}

fn pair(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}

/// The client asks for that filter and is granted QoS 2. Gives the subscription identifier.
fn subscribed(script: &mut Script, wanted: &str) -> Option<u32> {
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
fn unsubscribed(script: &mut Script, version: Version, wanted: &str) {
    let id = script.expect_packet(PacketType::Unsubscribe, |packet| {
        let Packet::Unsubscribe(unsubscribe) = packet else { unreachable!("looked at") };
        let filters: Vec<_> = unsubscribe.filters.iter().map(TopicFilter::as_str).collect();
        assert_eq!(filters, [wanted]);
        unsubscribe.id
    });
    let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    script.send(&Packet::UnsubAck(SubAck { id, properties: Properties::NONE, codes }));
}

/// A message that names those subscription identifiers.
fn send(script: &mut Script, topic: &str, payload: &str, ids: &[Option<u32>]) {
    let ids = ids.iter().flatten().map(|id| SubscriptionId::new(*id).expect("not 0"));
    let list: Vec<_> = ids.map(Property::SubscriptionIdentifier).collect();
    let topic = TopicName::new(topic).expect("a topic name");
    let properties = Properties::new(&list);
    script
        .send(&Packet::Publish(Publish { properties, ..Publish::new(topic, payload.as_bytes()) }));
}

#[test]
fn each_receiver_gets_what_matches_and_the_queue_gets_the_rest() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut commands = receiver(&client, "plant/+/cmd").await;
        let mut alarms = receiver(&client, "alarm/#").await;
        within(client.subscribe("other", QoS::AtMostOnce)).await.expect("a subscription");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for topic in ["other", "alarm", "plant/1/cmd", "alarm/a/b"] {
                within(client.publish(topic, topic).qos(qos)).await.expect("a publish");
            }
            assert_eq!(received(&mut commands).await, pair("plant/1/cmd", "plant/1/cmd"));
            assert_eq!(all(&mut alarms, 2).await, ["alarm", "alarm/a/b"]);
            assert_eq!(next(&client).await, pair("other", "other"));
        }
    });
}

#[test]
fn identifiers_say_to_whom_a_message_goes() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let one = subscribed(script, "a/#");
            let two = subscribed(script, "a/b");
            assert!(one.is_some() && two.is_some() && one != two);
            send(script, "a/b", "to both", &[one, two]);
            // Two copies for two overlapping filters: one goes to each.
            send(script, "a/b", "once", &[one]);
            send(script, "a/b", "once", &[two]);
            send(script, "a/b", "to the second", &[two]);
            send(script, "a/b", "of nobody that is known", &[Some(1000)]);
            send(script, "a/b", "without a name", &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut one = receiver(&client, "a/#").await;
        let mut two = receiver(&client, "a/b").await;
        let by_filter = ["of nobody that is known", "without a name"];
        assert_eq!(all(&mut one, 2).await, ["to both", "once"]);
        assert_eq!(all(&mut one, 2).await, by_filter);
        assert_eq!(all(&mut two, 3).await, ["to both", "once", "to the second"]);
        assert_eq!(all(&mut two, 2).await, by_filter);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The program's own subscription overlaps a receiver's: the server sends a copy for each.
#[test]
fn a_copy_for_a_subscription_without_receivers_is_for_the_queue() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let mine = subscribed(script, "a/b");
            subscribed(script, "a/#");
            send(script, "a/b", "to the queue", &[]);
            send(script, "a/b", "to the receiver", &[mine]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut receiver = receiver(&client, "a/b").await;
        within(client.subscribe("a/#", QoS::AtMostOnce)).await.expect("a subscription");
        assert_eq!(next(&client).await.1, "to the queue");
        assert_eq!(all(&mut receiver, 1).await, ["to the receiver"]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn without_identifiers_each_copy_goes_to_all_whose_filters_match() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.welcome();
            subscribed(script, "a/#");
            subscribed(script, "+/b");
            for payload in ["1", "2"] {
                send(script, "a/b", payload, &[]);
            }
            send(script, "a", "3", &[]);
            send(script, "c/b", "4", &[]);
            send(script, "c", "5", &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V311, server.port)).await;
        let mut one = receiver(&client, "a/#").await;
        let mut two = receiver(&client, "+/b").await;
        assert_eq!(all(&mut one, 3).await, ["1", "2", "3"]);
        assert_eq!(all(&mut two, 3).await, ["1", "2", "4"]);
        assert_eq!(next(&client).await, pair("c", "5"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_share_does_not_count_and_dollar_topics_match_no_leading_wildcard() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for filter in ["$share/group/job/+", "#", "$SYS/#"] {
                subscribed(script, filter);
            }
            for topic in ["job/1", "$SYS/uptime", "$other"] {
                send(script, topic, topic, &[]);
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut shared = receiver(&client, "$share/group/job/+").await;
        let mut any = receiver(&client, "#").await;
        let mut system = receiver(&client, "$SYS/#").await;
        assert_eq!(all(&mut shared, 1).await, ["job/1"]);
        assert_eq!(all(&mut any, 1).await, ["job/1"]);
        assert_eq!(all(&mut system, 1).await, ["$SYS/uptime"]);
        assert_eq!(next(&client).await.0, "$other");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

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

/// An earlier program may have given the same identifiers to other filters.
#[test]
fn identifiers_of_an_earlier_program_mislead_nobody() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, true, &[]);
            let mine = subscribed(script, "mine");
            send(script, "mine", "1", &[Some(1000)]);
            send(script, "other", "2", &[mine]);
            send(script, "mine", "3", &[mine]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected_again(server.port).await;
        let mut mine = receiver(&client, "mine").await;
        assert_eq!(all(&mut mine, 2).await, ["1", "3"]);
        assert_eq!(next(&client).await, pair("other", "2"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A client that finds its session at the server.
async fn connected_again(port: u16) -> Client {
    let client = client(config(Version::V5, port));
    within(client.connect(false)).await.expect("a connection");
    client
}

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
fn a_slow_receiver_is_back_pressure_and_loses_nothing() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let client = connected(config(version, port).queue_len(8)).await;
        let mut slow = receiver(&client, "slow").await;
        let mut quick = receiver(&client, "quick").await;
        let sender = other(port, "sender").await;
        let sending = spawn(async move {
            for number in numbers(200) {
                within(sender.publish("slow", &number)).await.expect("a publish");
                within(sender.publish("quick", &number)).await.expect("a publish");
            }
        });
        let quickly = spawn(async move { all(&mut quick, 200).await });
        let mut slowly = Vec::new();
        while slowly.len() < 200 {
            slowly.push(received(&mut slow).await.1);
            sleep(MS).await;
        }
        assert_eq!(slowly, numbers(200));
        assert_eq!(quickly.end().await, numbers(200));
        sending.end().await;
        let counts = client.statistics();
        assert_eq!((counts.discards, counts.shed, counts.connections), (0, 0, 1));
    });
}

/// A program that waits for one receiver while another one, which it does not read, has filled the
/// memory: nothing would come any more.
#[test]
fn a_receiver_that_nobody_reads_does_not_lock_the_others_out_for_ever() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(8).response_time(200 * MS);
        let client = connected(settings).await;
        let mut flooded = receiver(&client, "flood").await;
        let mut wanted = receiver(&client, "wanted").await;
        let sender = other(port, "sender").await;
        for number in numbers(50) {
            within(sender.publish("flood", &number)).await.expect("a publish");
        }
        within(sender.publish("wanted", "here")).await.expect("a publish");
        assert_eq!(all(&mut wanted, 1).await, ["here"]);
        let counts = client.statistics();
        assert_eq!((counts.discards, counts.connections), (43, 1), "the oldest made room");
        let last = numbers(50).split_off(43);
        assert_eq!(all(&mut flooded, 7).await, last);
        // From here on nothing is dropped any more.
        for number in numbers(30) {
            within(sender.publish("flood", &number)).await.expect("a publish");
        }
        assert_eq!(all(&mut flooded, 30).await, numbers(30));
        assert_eq!(client.statistics().discards, 43);
    });
}

#[test]
fn where_the_oldest_make_room_those_of_receivers_do() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(4).overflow(Overflow::DropOldest);
        let client = connected(settings).await;
        let mut receiver = receiver(&client, "a").await;
        let sender = other(port, "sender").await;
        for number in numbers(20) {
            within(sender.publish("a", &number)).await.expect("a publish");
        }
        until(|| client.statistics().received == 20).await;
        assert_eq!(all(&mut receiver, 4).await, numbers(20).split_off(16));
        assert_eq!(client.statistics().discards, 16);
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
