//! Requests to other clients, and their answers: 5.0, with a heap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish, SubAck};
use mqtt_as_proto::{PacketId, TopicName};
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, accept, ack, client, config, connected, gate, id, in_3_1_1, in_5_0, message, next, numbers,
    other, peer, poll_once, server, text, until,
};
use crate::runtime::adapter::{
    DownReason, Message, OperationError, Properties, Property, PublishError, QoS, ReasonCode,
    RequestError, Version,
};
use crate::runtime::{Client, on_message, sleep, soon, spawn, within};

/// A client that answers what comes to `topic` with what it was asked, and how often it was.
async fn service(server: &Server, topic: &'static str) -> Client {
    let service = other(server.addr().port(), "service").await;
    within(service.subscribe(topic, QoS::ExactlyOnce)).await.expect("a subscription");
    let answering = service.clone();
    let _answers = spawn(async move {
        while let Some(request) = answering.queue().next().await {
            let answer = format!("re: {}", text(request.payload()));
            answering.respond(&request, answer.as_str()).await.expect("an acknowledgement");
        }
    });
    service
}

fn payload(answer: Result<Message, RequestError>) -> String {
    text(answer.expect("an answer").payload())
}

/// What an answer needs: the topic and the correlation data.
type Asked = (String, Vec<u8>);

/// The request that has to come, and what it says; it is acknowledged.
fn asked(script: &mut Script) -> (Asked, String) {
    let (asked, payload, number) = script.expect_packet(PacketType::Publish, |packet| {
        let Packet::Publish(publish) = packet else { unreachable!("it was looked at") };
        let topic = publish.properties.response_topic().expect("a response topic");
        let correlation = publish.properties.correlation_data().expect("correlation data");
        let asked = (topic.as_str().to_owned(), correlation.to_owned());
        (asked, text(publish.payload), publish.delivery.id().map_or(0, PacketId::get))
    });
    script.send(&Packet::PubAck(ack(number)));
    (asked, payload)
}

fn answer(script: &mut Script, (topic, correlation): &Asked, payload: &str, delivery: Delivery) {
    let list = [Property::CorrelationData(correlation)];
    let topic = TopicName::new(topic).expect("a topic name");
    let properties = Properties::new(&list);
    let publish = Publish { properties, delivery, ..Publish::new(topic, payload.as_bytes()) };
    script.send(&Packet::Publish(publish));
}

/// The subscription to the topic of answers, which is granted or refused.
fn subscribed(script: &mut Script, code: u8) -> String {
    let (topic, id) = script.expect_packet(PacketType::Subscribe, |packet| {
        let Packet::Subscribe(subscribe) = packet else { unreachable!("it was looked at") };
        let first = subscribe.filters.iter().next().expect("a filter");
        (first.filter.as_str().to_owned(), subscribe.id)
    });
    let (properties, codes) = (Properties::NONE, &[code][..]);
    script.send(&Packet::SubAck(SubAck { id, properties, codes }));
    topic
}

#[test]
fn a_request_is_answered() {
    in_5_0(async {
        let server = server();
        let service = service(&server, "echo").await;
        let client = connected(config(Version::V5, server.addr().port())).await;
        for number in numbers(20) {
            for qos in crate::list::publishing::ALL {
                let request = client.request("echo", number.as_str()).qos(qos);
                assert_eq!(payload(within(request).await), format!("re: {number}"));
            }
        }
        let answer = within(client.request("echo", "last")).await.expect("an answer");
        assert_eq!(answer.topic(), "responses/ours");
        within(service.disconnect()).await.expect("an end");
    });
}

#[test]
fn many_requests_at_once_get_each_its_own_answer() {
    in_5_0(async {
        let server = server();
        let _service = service(&server, "echo").await;
        let client = connected(config(Version::V5, server.addr().port())).await;
        let asked: Vec<_> = numbers(50)
            .into_iter()
            .map(|number| {
                let client = client.clone();
                spawn(async move { (client.request("echo", number.as_str()).await, number) })
            })
            .collect();
        for request in asked {
            let (answer, number) = request.end().await;
            assert_eq!(payload(answer), format!("re: {number}"));
        }
    });
}

/// The queue and callbacks get what is theirs.
#[test]
fn answers_come_to_nobody_else() {
    in_5_0(async {
        let server = server();
        let _service = service(&server, "echo").await;
        let client = connected(config(Version::V5, server.addr().port())).await;
        within(client.subscribe("#", QoS::AtLeastOnce)).await.expect("a subscription");
        let seen = super::story::Seen::default();
        let told = seen.clone();
        let _callback = on_message(&client, move |topic, _| told.push(topic));
        let _queue = client.queue();
        assert_eq!(payload(within(client.request("echo", "1")).await), "re: 1");
        within(client.publish("end", "")).await.expect("its way out");
        assert_eq!(next(&client).await.0, "echo");
        assert_eq!(next(&client).await.0, "end");
        seen.count(2).await;
        assert_eq!(seen.all(), ["echo", "end"]);
    });
}

#[test]
fn all_requests_of_a_connection_share_one_subscription() {
    in_5_0(async {
        let has_come = Arc::new(AtomicBool::new(false));
        let told = has_come.clone();
        let server = peer(move |script| {
            accept(script, false, &[Property::ResponseInformation("answers/ours/")]);
            assert_eq!(subscribed(script, 0), "answers/ours/responses");
            let second = asked(script);
            told.store(true, Ordering::SeqCst);
            let first = asked(script);
            assert_eq!((&*second.1, &*first.1), ("second", "first"));
            assert_eq!(first.0.0, "answers/ours/responses");
            assert_ne!(first.0.1, second.0.1);
            answer(script, &first.0, "1", Delivery::AtMostOnce);
            answer(script, &second.0, "2", Delivery::AtLeastOnce(id(9)));
            super::story::acknowledged(script, PacketType::PubAck, 9);
            let (third, _) = asked(script);
            // Twice, and for a request that nobody made.
            answer(script, &third, "3", Delivery::AtMostOnce);
            answer(script, &third, "4", Delivery::AtMostOnce);
            answer(script, &(third.0, b"?".to_vec()), "5", Delivery::AtMostOnce);
            script.send(&message("theirs", "6", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let settings = config(Version::V5, server.port).manual_ack(true);
        let client = connected(settings).await;
        let (mut first, mut second) =
            (Box::pin(client.request("a", "first")), Box::pin(client.request("a", "second")));
        assert!(poll_once(&mut first).await.is_none() && poll_once(&mut second).await.is_none());
        // The one that has asked for the subscription need not be polled.
        within(async {
            while !has_come.load(Ordering::SeqCst) {
                assert!(poll_once(&mut second).await.is_none());
                sleep(MS).await;
            }
        })
        .await;
        let (first, second) = (within(first).await, within(second).await);
        assert_eq!((payload(first), payload(second)), ("1".into(), "2".into()));
        assert_eq!(payload(within(client.request("a", "third")).await), "3");
        assert_eq!(next(&client).await.1, "6");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_request_that_nobody_gets_ends_at_once() {
    in_5_0(async {
        let server = server();
        let client = connected(config(Version::V5, server.addr().port())).await;
        let nobody = within(client.request("nobody", "1")).await;
        assert_eq!(nobody.expect_err("nobody"), RequestError::NoSubscribers);
    });
}

#[test]
fn an_answer_that_comes_too_late_is_dropped() {
    in_5_0(async {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, 0);
            let (late, _) = asked(script);
            let (dropped, _) = asked(script);
            waiting.wait();
            answer(script, &late, "late", Delivery::AtMostOnce);
            answer(script, &dropped, "late too", Delivery::AtMostOnce);
            let (third, _) = asked(script);
            answer(script, &third, "3", Delivery::AtMostOnce);
            script.send(&message("theirs", "4", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let late = within(client.request("a", "1").timeout(100 * MS)).await;
        assert_eq!(late.expect_err("no answer"), RequestError::TimedOut);
        assert!(soon(100 * MS, client.request("a", "2")).await.is_none());
        gate.open();
        assert_eq!(payload(within(client.request("a", "3")).await), "3");
        assert_eq!(next(&client).await.1, "4");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_lost_link_ends_a_request_and_the_next_connection_takes_another() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[]);
            subscribed(script, 0);
            asked(script);
            script.close();
            script.welcome_back();
            assert_eq!(subscribed(script, 0), "responses/ours");
            let (again, _) = asked(script);
            answer(script, &again, "yes", Delivery::AtMostOnce);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let lost = within(client.request("a", "1")).await;
        assert_eq!(lost.expect_err("a loss"), RequestError::LinkLost);
        assert_eq!(within(client.down()).await, Some(DownReason::Closed));
        let none = within(client.request("a", "2")).await;
        assert_eq!(none.expect_err("no link"), RequestError::NotConnected);
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(payload(within(client.request("a", "3")).await), "yes");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The other one subscribes in its place.
#[test]
fn a_request_that_is_dropped_while_it_subscribes_holds_nobody_up() {
    in_5_0(async {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            script.expect(PacketType::Subscribe);
            waiting.wait();
            subscribed(script, 0);
            let (only, payload) = asked(script);
            assert_eq!(payload, "second");
            answer(script, &only, "2", Delivery::AtMostOnce);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut first = Box::pin(client.request("a", "first"));
        let mut second = Box::pin(client.request("a", "second"));
        assert!(poll_once(&mut first).await.is_none() && poll_once(&mut second).await.is_none());
        drop(first);
        gate.open();
        assert_eq!(payload(within(second).await), "2");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Reading goes on while an answer is awaited, and the answer does not stand behind the others.
#[test]
fn an_answer_comes_though_nobody_takes_messages() {
    in_5_0(async {
        let server = server();
        let _service = service(&server, "echo").await;
        let settings = config(Version::V5, server.addr().port()).queue_len(4).receive_maximum(4);
        let client = connected(settings).await;
        let _queue = client.queue();
        within(client.subscribe("flood", QoS::AtMostOnce)).await.expect("a subscription");
        let flood = other(server.addr().port(), "flood").await;
        for number in numbers(100) {
            within(flood.publish("flood", number.as_str())).await.expect("its way out");
        }
        assert!(within(flood.drain(5000 * MS)).await);
        assert_eq!(payload(within(client.request("echo", "1")).await), "re: 1");
    });
}

#[test]
fn what_stands_in_the_way_of_a_request_is_named() {
    in_3_1_1(async {
        let client = client(config(Version::V311, 1));
        let old = within(client.request("a", "1")).await;
        assert_eq!(old.expect_err("too old"), RequestError::NeedsV5);
    });
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            subscribed(script, ReasonCode::NOT_AUTHORIZED.as_u8());
            subscribed(script, 0);
            let number = super::story::published(script).1;
            script.send(&Packet::PubAck(Ack::new(id(number), ReasonCode::NOT_AUTHORIZED)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let wildcard = within(client.request("a/#", "1")).await.expect_err("a wildcard");
        assert!(matches!(wildcard, RequestError::Topic(_)));
        let refused = within(client.request("a", "1")).await.expect_err("a refusal");
        assert_eq!(refused, RequestError::ResponseTopic(ReasonCode::NOT_AUTHORIZED));
        let twice = [Property::CorrelationData(b"mine")];
        let twice = within(client.request("a", "1").properties(&twice)).await.expect_err("twice");
        assert!(matches!(twice, RequestError::Invalid(OperationError::Invalid(_))), "{twice}");
        let refused = within(client.request("a", "1")).await.expect_err("a refusal");
        let why = PublishError::Refused(ReasonCode::NOT_AUTHORIZED.into());
        assert_eq!(refused, RequestError::Publish(why));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_message_that_asks_for_no_answer_gets_none() {
    in_5_0(async {
        let server = server();
        let client = connected(config(Version::V5, server.addr().port())).await;
        within(client.subscribe("plain", QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish("plain", "1")).await.expect("its way out");
        let plain = within(client.queue().next()).await.expect("a message");
        let refused = within(client.respond(&plain, "2")).await.expect_err("nobody asked");
        assert!(refused.to_string().contains("no response topic"), "{refused}");
        until(|| client.statistics().received == 1).await;
    });
}
