//! `publish`, its options, and `try_publish`.

use mqtt_as_proto::packet::{Ack, Packet, PacketType};

use super::story::{
    FEW, MS, accepted, ack, both, client, config, connected, forever, gate, got, held, id, in_5_0,
    next, numbers, peer, poll_once, published, server, small, until,
};
use crate::runtime::adapter::{
    OperationError, Properties, Property, PublishError, QoS, ReasonCode, Version, WhileDown,
};
use crate::runtime::{sleep, soon, spawn, within};

pub(crate) const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn a_message_arrives_at_every_qos() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("#", QoS::ExactlyOnce)).await.expect("a subscription");
        for qos in ALL {
            within(client.publish("a/b", "c").qos(qos)).await.expect("a publish");
            let message = got(&client).await;
            assert_eq!((&*message.topic, &*message.payload), ("a/b", &b"c"[..]));
            assert_eq!((message.qos, message.retain), (qos, false));
        }
        assert_eq!(client.statistics().published, 3);
        assert_eq!(client.statistics().received, 3);
    });
}

// 3.1.1 [MQTT-4.3.2-1]
// 5.0 [MQTT-4.3.2-3] [MQTT-4.3.3-3]
#[test]
fn publish_resolves_at_the_last_acknowledgement() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            assert_eq!(published(script).1, 1);
            waiting.wait();
            script.send(&Packet::PubAck(ack(1)));
            assert_eq!(published(script).1, 2);
            script.send(&Packet::PubRec(ack(2)));
            script.expect(PacketType::PubRel);
            waiting.wait();
            script.send(&Packet::PubComp(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut call = Box::pin(client.publish("a", "b").qos(qos).into_future());
            assert!(soon(10 * MS, &mut call).await.is_none());
            gate.open();
            within(call).await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_refused_message_says_why() {
    in_5_0(async {
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
        assert_eq!(first, Err(PublishError::Refused(ReasonCode::NOT_AUTHORIZED.into())));
        let second = within(client.publish("a", "b").qos(QoS::ExactlyOnce)).await;
        assert_eq!(second, Err(PublishError::Refused(ReasonCode::QUOTA_EXCEEDED.into())));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
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
        let message = got(&client).await;
        assert!(message.retain && message.payload == b"on");
    });
}

#[test]
fn properties_arrive_in_5_0() {
    in_5_0(async {
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
            let message = held(&client).await;
            assert_eq!(message.properties().content_type(), Some("text/plain"));
            let user: Vec<_> = message.properties().user_properties().collect();
            assert_eq!(user, [("k", "1"), ("k", "2")]);
        }
    });
}

// Decision [waiting-ends]
#[test]
fn the_time_of_a_publish_is_its_own() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            script.expect(PacketType::Publish);
            waiting.wait();
            script.send(&Packet::PubAck(ack(1))); // Nobody waits for it any more.
            assert_eq!(published(script).1, 2);
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let publish = client.publish("a", "b").qos(QoS::AtLeastOnce).timeout(50 * MS);
        assert_eq!(within(publish).await, Err(PublishError::TimedOut { sent: true }));
        gate.open();
        assert!(client.is_connected());
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [while-down]
#[test]
fn a_publish_that_found_no_room_in_time_never_happened() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            for number in numbers(FEW) {
                assert_eq!(published(script).2, number);
            }
            waiting.wait();
            (1..=FEW as u16).for_each(|id| script.send(&Packet::PubAck(ack(id))));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(small(config(version, server.port))).await;
        for number in numbers(FEW) {
            let publish = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce);
            publish.try_publish().expect("room");
        }
        let late = client.publish("a", "late").qos(QoS::AtLeastOnce).timeout(30 * MS);
        assert_eq!(within(late).await, Err(PublishError::Invalid(OperationError::NoRoom)));
        gate.open();
        assert!(within(client.drain(5000 * MS)).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn try_publish_refuses_instead_of_waiting() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            for number in numbers(FEW) {
                assert_eq!(published(script).2, number);
            }
            waiting.wait();
            (1..=FEW as u16).for_each(|id| script.send(&Packet::PubAck(ack(id))));
            assert_eq!(published(script).2, "again");
            script.expect(PacketType::Disconnect);
        });
        let client = connected(small(config(version, server.port))).await;
        let publish = |payload| client.publish("a", payload).qos(QoS::AtLeastOnce).try_publish();
        for number in numbers(FEW) {
            publish(forever(number)).expect("room");
        }
        let no_room = PublishError::Invalid(OperationError::NoRoom);
        assert_eq!(publish("too many"), Err(no_room));
        gate.open();
        assert!(within(client.drain(5000 * MS)).await);
        publish("again").expect("room again");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn calls_for_room_are_all_served() {
    both(async |version| {
        let server = server();
        let client = connected(small(config(version, server.addr().port()))).await;
        let mut calls = Vec::new();
        for number in numbers(FEW + 4) {
            let client = client.clone();
            let mut call = Box::pin(async move {
                client.publish("a", number.as_str()).qos(QoS::AtLeastOnce).await
            });
            assert!(poll_once(&mut call).await.is_none());
            calls.push(spawn(call));
        }
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        // Room is taken, not reserved: among those that wait the order is free.
        let mut all = accepted(&server);
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(FEW + 4));
    });
}

// Decision [while-down]
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
            spawn(async move { client.publish("a", forever(format!("{qos:?}"))).qos(qos).await })
        });
        sleep(30 * MS).await;
        within(waiting.connect(true)).await.expect("a connection");
        for call in calls {
            call.end().await.expect("it left");
        }
        until(|| accepted(&server).len() == 3).await;
    });
}

#[test]
fn topic_aliases_go_both_ways_unseen() {
    in_5_0(async {
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
