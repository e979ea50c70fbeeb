//! `publish`, its options, and `try_publish`.

use bytes::Bytes;
use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Ack, Packet, PacketType};
use mqtt_as_tokio::{
    OperationError, Properties, Property, PublishError, QoS, ReasonCode, WhileDown,
};

use crate::runtime::{run, soon, spawn, within};
use crate::story::{
    MS, accepted, ack, both, client, config, connected, id, next, numbers, payloads, peer,
    published, server, until,
};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn a_message_arrives_at_every_qos() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("#", QoS::ExactlyOnce)).await.expect("a subscription");
        for qos in ALL {
            within(client.publish("a/b", "c").qos(qos)).await.expect("a publish");
            let message = within(client.queue().next()).await.expect("a message");
            assert_eq!(
                (message.topic(), message.payload(), message.qos()),
                ("a/b", &b"c"[..], qos)
            );
            assert!(!message.retain());
        }
        assert_eq!(client.statistics().published, 3);
        assert_eq!(client.statistics().received, 3);
    });
}

#[test]
fn publish_resolves_at_the_last_acknowledgement() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).1, 1);
            std::thread::sleep(30 * MS);
            script.send(&Packet::PubAck(ack(1)));
            assert_eq!(published(script).1, 2);
            script.send(&Packet::PubRec(ack(2)));
            script.expect(PacketType::PubRel);
            std::thread::sleep(30 * MS);
            script.send(&Packet::PubComp(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut call = Box::pin(client.publish("a", "b").qos(qos).into_future());
            assert!(soon(10 * MS, &mut call).await.is_none());
            within(call).await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end();
    });
}

#[test]
fn a_refused_message_says_why() {
    run(async {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(Ack::new(id(1), ReasonCode::NOT_AUTHORIZED)));
            script.expect(PacketType::Publish);
            script.send(&Packet::PubRec(Ack::new(id(2), ReasonCode::QUOTA_EXCEEDED)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let first = within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await;
        assert_eq!(first, Err(PublishError::Refused(ReasonCode::NOT_AUTHORIZED)));
        let second = within(client.publish("a", "b").qos(QoS::ExactlyOnce)).await;
        assert_eq!(second, Err(PublishError::Refused(ReasonCode::QUOTA_EXCEEDED)));
        within(client.disconnect()).await.expect("an end");
        server.end();
    });
}

#[test]
fn a_retained_message_waits_for_later_subscribers() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let publish = client.publish("state", "on").qos(QoS::AtLeastOnce).retain(true);
        within(publish).await.expect("a publish");
        within(client.subscribe("state", QoS::AtMostOnce)).await.expect("a subscription");
        let message = within(client.queue().next()).await.expect("a message");
        assert!(message.retain() && message.payload() == b"on");
    });
}

#[test]
fn properties_arrive_in_5_0() {
    run(async {
        let server = server();
        let client = connected(config(Version::V5, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        let list = [
            Property::ContentType("text/plain"),
            Property::UserProperty(("k", "1")),
            Property::UserProperty(("k", "2")),
        ];
        for qos in ALL {
            let publish = client.publish("a", "b").qos(qos).properties(Properties::new(&list));
            within(publish).await.expect("a publish");
            let message = within(client.queue().next()).await.expect("a message");
            assert_eq!(message.properties().content_type(), Some("text/plain"));
            let user: Vec<_> = message.properties().user_properties().collect();
            assert_eq!(user, [("k", "1"), ("k", "2")]);
        }
    });
}

#[test]
fn large_payloads_arrive_whole_with_and_without_oneshot() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).outbox(4 << 20).store(4 << 20);
        let client = connected(settings).await;
        within(client.subscribe("big", QoS::ExactlyOnce)).await.expect("a subscription");
        let payload: Vec<u8> = (0..2_000_000_u32).map(|number| number as u8).collect();
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
fn the_time_of_a_publish_is_its_own() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            std::thread::sleep(150 * MS);
            script.send(&Packet::PubAck(ack(1))); // Nobody waits for it any more.
            assert_eq!(published(script).1, 2);
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let publish = client.publish("a", "b").qos(QoS::AtLeastOnce).timeout(50 * MS);
        assert_eq!(within(publish).await, Err(PublishError::TimedOut));
        assert!(client.is_connected());
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end();
    });
}

#[test]
fn a_publish_that_found_no_room_in_time_never_happened() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).2, "1");
            std::thread::sleep(150 * MS);
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).in_flight(1)).await;
        let first = spawn({
            let client = client.clone();
            async move { client.publish("a", "1").qos(QoS::AtLeastOnce).await }
        });
        crate::runtime::sleep(30 * MS).await;
        let second = client.publish("a", "2").qos(QoS::AtLeastOnce).timeout(30 * MS);
        assert_eq!(within(second).await, Err(PublishError::Invalid(OperationError::NoRoom)));
        first.end().await.expect("an acknowledgement");
        within(client.disconnect()).await.expect("an end");
        server.end();
    });
}

#[test]
fn try_publish_refuses_instead_of_waiting() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).2, "1");
            assert_eq!(published(script).2, "2");
            std::thread::sleep(200 * MS);
            script.send(&Packet::PubAck(ack(1)));
            script.send(&Packet::PubAck(ack(2)));
            assert_eq!(published(script).2, "4");
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).in_flight(2)).await;
        let publish = |payload: &'static str| client.publish("a", payload).qos(QoS::AtLeastOnce);
        publish("1").try_publish().expect("room");
        publish("2").try_publish().expect("room");
        let none = PublishError::Invalid(OperationError::NoRoom);
        if publish("3").try_publish() == Err(none) {
            assert!(within(client.drain(5000 * MS)).await);
            publish("4").try_publish().expect("room again");
        } else {
            panic!("two are in flight");
        }
        within(client.disconnect()).await.expect("an end");
        server.end();
    });
}

#[test]
fn calls_for_room_are_served_in_their_order() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(2)).await;
        let mut calls = Vec::new();
        for number in numbers(50) {
            let client = client.clone();
            let mut call =
                Box::pin(async move { client.publish("a", &number).qos(QoS::AtLeastOnce).await });
            assert!(crate::story::poll_once(&mut call).await.is_none());
            calls.push(spawn(call));
        }
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        assert_eq!(accepted(&server), numbers(50));
    });
}

#[test]
fn while_down_a_publish_waits_or_is_refused() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port());
        let refusing = client(settings.clone().client_id("r").while_down(WhileDown::Refuse));
        for qos in ALL {
            let result = within(refusing.publish("a", "b").qos(qos)).await;
            assert_eq!(result, Err(PublishError::NotConnected));
            let result = refusing.publish("a", "b").qos(qos).try_publish();
            assert_eq!(result, Err(PublishError::NotConnected));
        }
        let waiting = client(settings);
        let calls = ALL.map(|qos| {
            let client = waiting.clone();
            spawn(async move { client.publish("a", &format!("{qos:?}")).qos(qos).await })
        });
        crate::runtime::sleep(30 * MS).await;
        within(waiting.connect(true)).await.expect("a connection");
        for call in calls {
            call.end().await.expect("it left");
        }
        until(|| accepted(&server).len() == 3).await;
    });
}

#[test]
fn a_thousand_calls_at_once_all_end() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(100)).await;
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let calls: Vec<_> =
            (0..1000)
                .map(|number: usize| {
                    let client = client.clone();
                    spawn(async move {
                        client.publish("a", &number.to_string()).qos(ALL[number % 3]).await
                    })
                })
                .collect();
        let mut all = payloads(&client, 1000).await;
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(1000));
        assert_eq!(client.statistics().discards, 0);
    });
}

#[test]
fn topic_aliases_go_both_ways_unseen() {
    run(async {
        let server = server();
        let settings = config(Version::V5, server.addr().port()).topic_aliases(3);
        let client = connected(settings).await;
        within(client.subscribe("#", QoS::ExactlyOnce)).await.expect("a subscription");
        for qos in ALL {
            for topic in ["one", "two", "three", "four", "one", "four", "two"] {
                within(client.publish(topic, "x").qos(qos)).await.expect("a publish");
                assert_eq!(next(&client).await.0, topic);
            }
        }
    });
}
