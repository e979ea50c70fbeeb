//! What needs memory from the heap: large messages, many calls, owned messages.

use bytes::Bytes;
use mqtt_as_proto::packet::{ConnAck, Delivery, Disconnect, Packet, PacketType, SubAck};
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, accepted, acknowledged, both, client, config, connected, id, in_5_0, message, next,
    numbers, peer, poll_once, server, text, until,
};
use super::streaming::{payload, send, streams};
use super::streaming_in::pair;
use crate::list::publishing::ALL;
use crate::runtime::adapter::{
    Config, Granted, Message, Properties, Property, QoS, ReasonCode, ServerWords,
    SubscriptionOptions, Version,
};
use crate::runtime::{Client, sleep, soon, spawn, within};

#[test]
fn large_payloads_arrive_whole_with_and_without_oneshot() {
    payloads_arrive_whole(5000, |config| config);
}

/// Payloads of that size, copied and by reference.
pub(crate) fn payloads_arrive_whole(len: u32, settings: impl Fn(Config) -> Config) {
    both(async |version| {
        let server = server();
        let client = connected(settings(config(version, server.addr().port()))).await;
        within(client.subscribe("big", QoS::ExactlyOnce)).await.expect("a subscription");
        let payload: Vec<u8> = (0..len).map(|number| number as u8).collect();
        let shared = Bytes::from(payload.clone());
        for qos in ALL {
            within(client.publish("big", &payload).qos(qos)).await.expect("a slice");
            within(client.publish("big", &shared).qos(qos)).await.expect("bytes");
            within(client.publish("big", &payload).qos(qos).oneshot(true)).await.expect("one shot");
            for _ in 0..3 {
                let message = within(client.queue().next()).await.expect("a message");
                assert!(message.payload() == payload && message.payload_bytes() == payload);
            }
        }
    });
}

#[test]
fn a_thousand_calls_at_once_all_end() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(100)).await;
        let calls: Vec<_> = (0..1000)
            .map(|number: usize| {
                let client = client.clone();
                let qos = ALL[number % 3];
                spawn(async move { client.publish("a", number.to_string()).qos(qos).await })
            })
            .collect();
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        until(|| accepted(&server).len() == 1000).await;
        let mut all = accepted(&server);
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(1000));
    });
}

#[test]
fn a_hundred_receipts_are_settled_in_any_order() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(100)).await;
        let mut receipts = Vec::new();
        for number in numbers(100) {
            let qos = ALL[receipts.len() % 3];
            let sent = client.publish("a", number.as_str()).qos(qos).send();
            receipts.push(within(sent).await.expect("room"));
        }
        receipts.rotate_left(37);
        while let Some(receipt) = receipts.pop() {
            within(receipt).await.expect("an acknowledgement");
        }
        until(|| accepted(&server).len() == 100).await;
        // QoS 0 does not wait for the window of the others.
        let mut all = accepted(&server);
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(100));
    });
}

/// A client to which that many messages have come, which nobody has taken.
async fn received(server: &Server, version: Version, count: usize) -> Client {
    let client = connected(config(version, server.addr().port())).await;
    within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
    for number in numbers(count) {
        let publish = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
        within(publish).await.expect("a publish");
    }
    until(|| client.statistics().received == count as u64).await;
    client
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| text(message.payload())).collect()
}

#[test]
fn next_many_takes_what_there_is_up_to_a_number() {
    both(async |version| {
        let server = server();
        let client = received(&server, version, 7).await;
        let (mut queue, mut all) = (client.queue(), Vec::new());
        assert_eq!(within(queue.next_many(&mut all, 3)).await, 3);
        assert_eq!(texts(&all), numbers(3));
        assert_eq!(within(queue.next_many(&mut all, 100)).await, 4, "it waits for no more");
        assert_eq!(texts(&all), numbers(7), "behind those that were there");
        assert!(soon(20 * MS, queue.next_many(&mut all, 100)).await.is_none(), "there is none");
        within(client.publish("a", "7")).await.expect("a publish");
        assert_eq!(within(queue.next_many(&mut all, 100)).await, 1);
        assert_eq!(texts(&all), numbers(8));
    });
}

#[test]
fn next_many_waits_for_the_first_message() {
    both(async |version| {
        let server = server();
        let client = received(&server, version, 0).await;
        let other = client.clone();
        let waiting = spawn(async move {
            let mut all = Vec::new();
            let count = other.queue().next_many(&mut all, 10).await;
            (count, texts(&all))
        });
        sleep(20 * MS).await;
        within(client.publish("a", "0")).await.expect("a publish");
        assert_eq!(waiting.end().await, (1, numbers(1)));
    });
}

#[test]
fn next_many_takes_nothing_when_all_is_over() {
    both(async |version| {
        let server = server();
        let client = received(&server, version, 3).await;
        within(client.disconnect()).await.expect("an end");
        let (mut queue, mut all) = (client.queue(), Vec::new());
        assert_eq!(within(queue.next_many(&mut all, 2)).await, 2);
        assert_eq!(within(queue.next_many(&mut all, 2)).await, 1);
        assert_eq!(within(queue.next_many(&mut all, 2)).await, 0);
        assert_eq!(texts(&all), numbers(3));
    });
}

#[test]
fn next_many_that_is_dropped_takes_none() {
    both(async |version| {
        let server = server();
        let client = received(&server, version, 0).await;
        let mut all = Vec::new();
        let mut queue = client.queue();
        let mut waiting = Box::pin(queue.next_many(&mut all, 10));
        assert!(poll_once(&mut waiting).await.is_none());
        within(client.publish("a", "0").qos(QoS::AtLeastOnce)).await.expect("a publish");
        drop(waiting);
        assert!(all.is_empty());
        assert_eq!(next(&client).await.1, "0");
    });
}

#[test]
fn next_many_acknowledges_what_it_takes_and_no_more() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "0", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "1", Delivery::AtMostOnce));
            script.send(&message("a", "2", Delivery::ExactlyOnce(id(6))));
            script.send(&message("a", "3", Delivery::AtLeastOnce(id(7))));
            script.expect_silence(100 * MS);
            script.send(&message("a", "4", Delivery::AtMostOnce));
            acknowledged(script, PacketType::PubAck, 5);
            acknowledged(script, PacketType::PubRec, 6);
            script.expect_silence(100 * MS);
            script.close();
        });
        let client = connected(config(version, server.port)).await;
        until(|| client.statistics().received == 5).await;
        let mut all = Vec::new();
        assert_eq!(within(client.queue().next_many(&mut all, 3)).await, 3);
        within(client.down()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn under_manual_ack_next_many_leaves_it_to_the_program() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for number in 1..=2 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            script.expect_silence(100 * MS);
            script.send(&message("a", "go", Delivery::AtMostOnce));
            acknowledged(script, PacketType::PubAck, 1);
            acknowledged(script, PacketType::PubAck, 2);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).manual_ack(true)).await;
        let mut all = Vec::new();
        while all.len() < 3 {
            within(client.queue().next_many(&mut all, 10)).await;
        }
        assert!(all[..2].iter().all(|message| client.ack(message, ReasonCode::SUCCESS)));
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_long_filter_has_a_long_remaining_length() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let filter = "f".repeat(5000);
        within(client.subscribe(&filter, QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish(&filter, "x")).await.expect("a publish");
        assert_eq!(next(&client).await.0, filter);
        within(client.unsubscribe(&filter)).await.expect("its end");
    });
}

#[test]
fn an_owned_message_outlives_the_queue_and_shares_its_bytes() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.publish("a", "payload").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let message = within(client.queue().next()).await.expect("a message");
        within(client.disconnect()).await.expect("an end");
        assert!(within(client.queue().next()).await.is_none());
        drop(client);
        assert_eq!((message.topic(), message.payload()), ("a", &b"payload"[..]));
        assert_eq!(message.payload_bytes().as_ptr(), message.clone().payload().as_ptr());
    });
}

// Decision [down-says]
#[test]
fn the_servers_words_are_kept() {
    in_5_0(async {
        let server = peer(|script| {
            let words = [Property::ReasonString("busy"), Property::ServerReference("elsewhere")];
            script.accept();
            script.expect(PacketType::Connect);
            let (reason, properties) = (ReasonCode::USE_ANOTHER_SERVER, Properties::new(&words));
            let refused = ConnAck { reason, properties, ..ConnAck::default() };
            script.send(&Packet::ConnAck(refused));
            script.expect_close();
            script.welcome();
            let words = [Property::ReasonString("night")];
            let properties = Properties::new(&words);
            let reason = ReasonCode::SERVER_SHUTTING_DOWN;
            script.send(&Packet::Disconnect(Disconnect { reason, properties }));
            script.expect_close();
        });
        let client = client(config(Version::V5, server.port));
        assert_eq!(client.server_words(), ServerWords::default());
        within(client.connect(true)).await.expect_err("a refusal");
        let words = client.server_words();
        assert_eq!(words.reason.as_deref(), Some("busy"));
        assert_eq!(words.reference.as_deref(), Some("elsewhere"));
        within(client.connect(true)).await.expect("a connection");
        within(client.down()).await.expect("an end");
        assert_eq!(client.server_words().reason.as_deref(), Some("night"));
        server.end().await;
    });
}

#[test]
fn what_the_server_says_beside_its_answer_is_told() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let words = [
                Property::ReasonString("as you like"),
                Property::UserProperty(("k", "1")),
                Property::UserProperty(("k", "2")),
            ];
            let mut number = 0;
            let mut answer = |script: &mut Script, kind, said: bool| {
                script.expect(kind);
                number += 1;
                let properties = if said { Properties::new(&words) } else { Properties::NONE };
                let ack = SubAck { id: id(number), properties, codes: &[0] };
                script.send(&match kind {
                    PacketType::Subscribe => Packet::SubAck(ack),
                    _ => Packet::UnsubAck(ack),
                });
            };
            for kind in [PacketType::Subscribe, PacketType::Unsubscribe] {
                answer(script, kind, true);
                answer(script, kind, false);
                answer(script, kind, true);
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let said = |granted: Granted| {
            let properties = granted.properties();
            let pairs = properties.user_properties().map(|(_, value)| value.to_owned());
            (properties.reason_string().map(str::to_owned), pairs.collect::<Vec<_>>())
        };
        let all = (Some("as you like".to_owned()), vec!["1".to_owned(), "2".to_owned()]);
        let subscribe = || client.subscribe("a", QoS::AtMostOnce);
        let filters = [("a", SubscriptionOptions::new(QoS::AtMostOnce))];
        assert_eq!(said(within(subscribe()).await.expect("an answer")), all);
        assert_eq!(said(within(subscribe()).await.expect("an answer")), (None, vec![]));
        let granted = within(client.subscribe_all(&filters, Properties::NONE)).await;
        assert_eq!(said(granted.expect("an answer")), all);
        assert_eq!(said(within(client.unsubscribe("a")).await.expect("an answer")), all);
        assert_eq!(said(within(client.unsubscribe("a")).await.expect("an answer")), (None, vec![]));
        let granted = within(client.unsubscribe_all(&["a"], Properties::NONE)).await;
        assert_eq!(said(granted.expect("an answer")), all);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn who_takes_whole_messages_passes_over_streams() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        for qos in ALL {
            send(&sender, qos, &payload(100_000)).await;
            within(sender.publish("big", "small").qos(qos)).await.expect("a publish");
            let whole = within(client.queue().next()).await.expect("a message");
            assert_eq!(whole.payload(), b"small");
        }
        assert_eq!(client.statistics().too_large, 3);
        // They were acknowledged: nothing comes again.
        within(client.disconnect()).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        assert!(soon(50 * MS, client.queue().next()).await.is_none());
    });
}
