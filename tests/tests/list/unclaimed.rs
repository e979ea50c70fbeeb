//! Receivers beside messages and subscriptions that are nobody's, or another part's of the program.

use std::time::Duration;

use mqtt_as_proto::packet::{Delivery, Packet, PacketType, SubAck};
use mqtt_as_proto::{PacketId, Properties};
use mqtt_as_tests::script::Script;

use super::receivers::{all, pair, receiver, send, subscribed};
use super::story::{
    MS, accept, acknowledged, both, client, config, connected, gate, id, message, next, peer, until,
};
use crate::runtime::adapter::{QoS, ReasonCode, Version};
use crate::runtime::within;

/// Four messages that are for nobody: as many as the client takes without an acknowledgement.
fn fill_the_window(script: &mut Script) {
    for number in 1..=4 {
        script.send(&message("old", "x", Delivery::AtLeastOnce(id(number))));
    }
}

/// As those of a session that an earlier version of the program had begun.
// 3.1.1 [MQTT-4.5.0-2]
// 5.0 [MQTT-4.5.0-2]
// Decision [unclaimed]
#[test]
fn what_nobody_asks_for_holds_up_no_receiver_for_ever() {
    both(async |version| {
        for by_hand in [false, true] {
            let server = peer(|script| {
                accept(script, true, &[]);
                fill_the_window(script);
                subscribed(script, "a");
                (1..=4).for_each(|number| acknowledged(script, PacketType::PubAck, number));
                script.send(&message("a", "for the receiver", Delivery::AtLeastOnce(id(5))));
                acknowledged(script, PacketType::PubAck, 5);
                script.send(&message("old", "x", Delivery::ExactlyOnce(id(6))));
                acknowledged(script, PacketType::PubRec, 6);
                script.expect(PacketType::Disconnect);
            });
            let settings = config(version, server.port).receive_maximum(4).manual_ack(by_hand);
            let client = client(settings.response_time(200 * MS));
            let mut receiver = receiver(&client, "a").await;
            within(client.connect(false)).await.expect("a connection");
            let message = within(receiver.next()).await.expect("a message");
            assert_eq!(message.payload(), b"for the receiver");
            assert_eq!(client.ack(&message, ReasonCode::SUCCESS), by_hand);
            until(|| client.statistics().unclaimed == 5).await;
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        }
    });
}

/// The time goes on without a connection, and ends there.
// Decision [unclaimed]
#[test]
fn what_nobody_asks_for_is_over_without_a_connection_too() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            fill_the_window(script);
            subscribed(script, "a");
            script.close();
        });
        let settings = config(version, server.port).receive_maximum(4);
        let client = client(settings.response_time(200 * MS));
        let _receiver = receiver(&client, "a").await;
        within(client.connect(false)).await.expect("a connection");
        within(client.down()).await.expect("a lost link");
        until(|| client.statistics().unclaimed == 4).await;
        server.end().await;
    });
}

/// It is made too late to claim them, and they are for nobody all the same.
// Decision [unclaimed]
#[test]
fn what_came_before_the_first_receiver_holds_it_up_no_longer() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            fill_the_window(script);
            subscribed(script, "a");
            (1..=4).for_each(|number| acknowledged(script, PacketType::PubAck, number));
            script.send(&message("a", "for the receiver", Delivery::AtLeastOnce(id(5))));
            acknowledged(script, PacketType::PubAck, 5);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).receive_maximum(4);
        let client = client(settings.response_time(200 * MS));
        within(client.connect(false)).await.expect("a connection");
        until(|| client.statistics().received == 4).await;
        let mut receiver = receiver(&client, "a").await;
        let message = within(receiver.next()).await.expect("a message");
        assert_eq!(message.payload(), b"for the receiver");
        assert_eq!(client.statistics().unclaimed, 4);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [unclaimed]
#[test]
fn a_queue_that_is_asked_for_in_time_gets_what_nobody_claims() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            fill_the_window(script);
            subscribed(script, "a");
            (1..=4).for_each(|number| acknowledged(script, PacketType::PubAck, number));
            // From here on there is one who asks, however long it takes.
            fill_the_window(script);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).receive_maximum(4);
        let client = client(settings.response_time(Duration::from_secs(20)));
        let _receiver = receiver(&client, "a").await;
        within(client.connect(false)).await.expect("a connection");
        until(|| client.statistics().received == 4).await;
        for _ in 0..4 {
            assert_eq!(next(&client).await, pair("old", "x"));
        }
        until(|| client.statistics().received == 8).await;
        assert_eq!(client.statistics().unclaimed, 0);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The program will not say so: nobody has the message.
#[test]
fn by_hand_too_what_a_dropped_receiver_has_not_taken_is_over() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(1))));
            // The acknowledgement may leave before the end of the subscription, or behind it.
            for _ in 0..2 {
                let ended = script.next_packet(Duration::from_secs(10), |packet| match packet {
                    Packet::PubAck(ack) => {
                        assert_eq!(ack.id, id(1));
                        None
                    }
                    Packet::Unsubscribe(unsubscribe) => Some(unsubscribe.id),
                    other => panic!("{other:?}"),
                });
                if let Some(ended) = ended.expect("a packet") {
                    unsubscribed(script, version, ended);
                }
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).manual_ack(true)).await;
        let receiver = receiver(&client, "a").await;
        until(|| client.statistics().received == 1).await;
        drop(receiver);
        within(client.drain(Duration::from_secs(10))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

fn unsubscribed(script: &mut Script, version: Version, id: PacketId) {
    let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    script.send(&Packet::UnsubAck(SubAck { id, properties: Properties::NONE, codes }));
}

/// It changes the options of the subscription, and its identifier: not whose the messages are.
// 3.1.1 [MQTT-3.8.4-3]
// 5.0 [MQTT-3.8.4-3]
// Decision [plain-subscribe]
#[test]
fn a_subscribe_without_a_receiver_leaves_messages_to_the_receivers_of_the_filter() {
    both(async |version| {
        let (other, there) = gate();
        let server = peer(move |script| {
            script.welcome();
            let known = subscribed(script, "a");
            assert_eq!(known.is_some(), version == Version::V5);
            send(script, "a", "1", &[known]);
            assert_eq!(subscribed(script, "a"), None);
            assert_eq!(subscribed(script, "b"), None);
            there.wait();
            send(script, "a", "2", &[]);
            send(script, "b", "3", &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut receiver = receiver(&client, "a").await;
        for filter in ["a", "b"] {
            within(client.subscribe(filter, QoS::ExactlyOnce)).await.expect("a subscription");
        }
        other.open();
        assert_eq!(all(&mut receiver, 2).await, ["1", "2"]);
        assert_eq!(next(&client).await, pair("b", "3"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The server has its subscription, and was not asked for it since.
#[test]
fn a_receiver_that_came_and_went_without_a_connection_ends_the_subscription_with_the_next_one() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            script.close();
            accept(script, true, &[]);
            let ended = script.expect_packet(PacketType::Unsubscribe, |packet| match packet {
                Packet::Unsubscribe(unsubscribe) => unsubscribe.id,
                other => panic!("{other:?}"),
            });
            unsubscribed(script, version, ended);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let first = receiver(&client, "a").await;
        within(client.down()).await.expect("a lost link");
        drop(first);
        drop(receiver(&client, "a").await);
        within(client.connect(false)).await.expect("a connection");
        within(client.drain(Duration::from_secs(10))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The server may have ended the subscription, though it did not say so any more.
#[test]
fn a_receiver_that_comes_behind_an_unsubscribe_without_an_answer_is_asked_for() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            subscribed(script, "a");
            script.expect(PacketType::Unsubscribe);
            script.close();
            accept(script, true, &[]);
            let known = subscribed(script, "a");
            send(script, "a", "again", &[known]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        drop(receiver(&client, "a").await);
        within(client.down()).await.expect("a lost link");
        let mut another = receiver(&client, "a").await;
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(all(&mut another, 1).await, ["again"]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
