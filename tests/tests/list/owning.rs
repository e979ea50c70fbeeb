//! Payloads by value, and publishes and messages that are owned: with a heap.

use std::borrow::Cow;

use bytes::Bytes;
use mqtt_as_proto::EncodeError;
use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use super::publishing::ALL;
use super::story::{
    accepted, ack, acknowledged, again, both, config, connected, gate, id, message, peer,
    poll_once, server, until,
};
use crate::runtime::adapter::{Config, Property, PublishError, QoS, TopicError, Version};
use crate::runtime::{spawn, within};

#[test]
fn payloads_of_every_kind_arrive_by_reference_and_by_value() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for qos in ALL {
            let (text, vec) = (String::from("abc"), b"abc".to_vec());
            let (bytes, boxed) = (Bytes::from_static(b"abc"), vec.clone().into_boxed_slice());
            let (lent, owned) = (Cow::from("abc"), Cow::from(vec.clone()));
            let kinds = [
                client.publish("a", "abc"),
                client.publish("a", &text),
                client.publish("a", text.clone()),
                client.publish("a", &vec),
                client.publish("a", vec.clone()),
                client.publish("a", &vec[..]),
                client.publish("a", &bytes),
                client.publish("a", bytes.clone()),
                client.publish("a", b"abc"),
                client.publish("a", *b"abc"),
                client.publish("a", boxed),
                client.publish("a", lent),
                client.publish("a", owned),
            ];
            let count = accepted(&server).len() + kinds.len();
            for publish in kinds {
                within(publish.qos(qos)).await.expect("an acknowledgement");
            }
            until(|| accepted(&server).len() == count).await;
        }
        assert!(accepted(&server).iter().all(|payload| payload == "abc"));
    });
}

#[test]
fn large_payloads_by_value_arrive_whole() {
    values_arrive_whole(5000, |config| config);
}

/// Payloads of that size, which the client owns.
pub(crate) fn values_arrive_whole(len: usize, settings: impl Fn(Config) -> Config) {
    both(async |version| {
        let server = server();
        let client = connected(settings(config(version, server.addr().port()))).await;
        let payload = "x".repeat(len);
        for qos in ALL {
            within(client.publish("a", payload.clone()).qos(qos)).await.expect("a string");
            within(client.publish("a", payload.clone()).qos(qos).oneshot(true))
                .await
                .expect("once");
            within(client.publish("a", &payload).qos(qos).owned()).await.expect("an owned one");
            let bytes = Bytes::from(payload.clone());
            within(client.publish("a", bytes).qos(qos)).await.expect("bytes");
            until(|| client.statistics().published == accepted(&server).len() as u64).await;
        }
        assert!(accepted(&server).iter().all(|accepted| *accepted == payload));
        assert_eq!(accepted(&server).len(), 12);
    });
}

#[test]
fn an_owned_publish_outlives_what_it_was_made_of() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let observer = connected(config(version, server.addr().port()).client_id("other")).await;
        within(observer.subscribe("#", QoS::ExactlyOnce)).await.expect("a subscription");
        for qos in ALL {
            let (topic, payload, name) =
                (String::from("a/b"), String::from("payload"), String::from("x"));
            let list = [Property::UserProperty(("name", &name))];
            let mut publish = client.publish(&topic, &payload).qos(qos);
            if version == Version::V5 {
                publish = publish.properties(&list);
            }
            let task = spawn(publish.owned());
            drop((topic, payload, name));
            task.end().await.expect("an acknowledgement");
            let message = within(observer.queue().next()).await.expect("a message");
            assert_eq!((message.topic(), message.payload()), ("a/b", &b"payload"[..]));
            assert_eq!(message.qos(), qos);
            let named = message.properties().user_properties().count();
            assert_eq!(named, usize::from(version == Version::V5));
        }
    });
}

#[test]
fn an_owned_publish_keeps_the_client_alive() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            script.expect(PacketType::Publish);
            waiting.wait();
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let client = connected(config(version, server.port)).await;
        let mut publish = client.publish("a", String::from("b")).qos(QoS::AtLeastOnce).owned();
        assert!(poll_once(&mut publish).await.is_none());
        drop(client);
        gate.open();
        within(publish).await.expect("an acknowledgement");
        server.end().await;
    });
}

#[test]
fn what_is_wrong_with_an_owned_publish_is_told_when_it_is_awaited() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let error = within(client.publish("a/#", "x").owned()).await.expect_err("an error");
        assert_eq!(error, PublishError::Topic(TopicError::WildcardInName));
        let list = [Property::ContentType("\0")];
        let publish = client.publish("a", "x").properties(&list).owned();
        let error = within(publish).await.expect_err("an error");
        assert_eq!(error, PublishError::Invalid(EncodeError::Nul.into()));
        // Dropped before its first poll it never was; later it goes on.
        drop(client.publish("a", "never").owned());
        let mut publish = client.publish("a", "goes on").qos(QoS::AtLeastOnce).owned();
        assert!(poll_once(&mut publish).await.is_none());
        drop(publish);
        until(|| accepted(&server) == ["goes on"]).await;
    });
}

#[test]
fn an_owned_message_has_its_packet_identifier_and_dup() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "x", Delivery::AtMostOnce));
            script.send(&again(message("a", "y", Delivery::AtLeastOnce(id(5)))));
            acknowledged(script, PacketType::PubAck, 5);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for wanted in [(false, None), (true, Some(5))] {
            let message = within(client.queue().next()).await.expect("a message");
            assert_eq!((message.dup(), message.packet_id()), wanted);
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
