//! What the server says beside yes and no: to a publish, to CONNECT.

use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{Properties, Property, TopicName};
use mqtt_as_tests::script::Script;

use super::story::{
    accept, ack, acknowledged, client, config, connected, held, id, in_5_0, message, peer,
    published,
};
use crate::runtime::adapter::{Acknowledgement, QoS, ReasonCode, Version};
use crate::runtime::within;

/// PUBACK, or PUBREC and what follows it, for that message.
fn answer(script: &mut Script, qos: QoS, first: Ack<'_>) {
    if qos == QoS::AtLeastOnce {
        return script.send(&Packet::PubAck(first));
    }
    script.send(&Packet::PubRec(first));
    acknowledged(script, PacketType::PubRel, first.id.get());
    script.send(&Packet::PubComp(ack(first.id.get())));
}

const ACKNOWLEDGED: [QoS; 2] = [QoS::AtLeastOnce, QoS::ExactlyOnce];
const NOBODY: ReasonCode = ReasonCode::NO_MATCHING_SUBSCRIBERS;

/// At QoS 2 it is PUBREC that says so, and PUBCOMP that ends the flow.
#[test]
fn a_publish_says_that_nobody_listens() {
    for qos in ACKNOWLEDGED {
        in_5_0(async move {
            let server = peer(move |script| {
                script.welcome();
                for number in 1..=4 {
                    assert_eq!(published(script).1, number);
                    let reason = if number == 4 { ReasonCode::SUCCESS } else { NOBODY };
                    answer(script, qos, Ack::new(id(number), reason));
                }
                script.expect(PacketType::Publish);
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(Version::V5, server.port)).await;
            let publish = || client.publish("a", "b").qos(qos);
            let nobody = within(publish()).await.expect("an acknowledgement");
            assert!(nobody.has_no_subscribers());
            assert_eq!(nobody.reason_code(), NOBODY);
            let receipt = within(publish().send()).await.expect("room");
            assert_eq!(within(receipt).await, Ok(NOBODY.into()));
            let open = client.publish_stream("a", 1).qos(qos).open();
            let mut stream = within(open).await.expect("a stream");
            within(stream.write_all(b"b")).await.expect("room");
            assert_eq!(within(stream.finish()).await, Ok(NOBODY.into()));
            assert_eq!(within(publish()).await, Ok(Acknowledgement::default()));
            let plain = within(client.publish("a", "b")).await.expect("its way out");
            assert_eq!(plain.reason_code(), ReasonCode::SUCCESS, "QoS 0 is not acknowledged");
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}

#[test]
fn what_pubrec_said_is_told_though_the_link_was_lost_before_pubcomp() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[]);
            assert_eq!(published(script).1, 1);
            script.send(&Packet::PubRec(Ack::new(id(1), NOBODY)));
            acknowledged(script, PacketType::PubRel, 1);
            script.close();
            script.welcome_back();
            acknowledged(script, PacketType::PubRel, 1);
            script.send(&Packet::PubComp(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let sent = within(client.publish("a", "b").qos(QoS::ExactlyOnce).send()).await;
        let receipt = sent.expect("room");
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(within(receipt).await, Ok(NOBODY.into()));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The answer goes where the message says, with what belongs to it.
#[test]
fn a_message_that_asks_for_an_answer_is_answered() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let topic = TopicName::new("answers/7").expect("a topic name");
            let list = [
                Property::MessageExpiryInterval(60),
                Property::ResponseTopic(topic),
                Property::CorrelationData(b"seven"),
                Property::UserProperty(("a", "b")),
            ];
            let Packet::Publish(asks) = message("ask", "?", Delivery::AtLeastOnce(id(5))) else {
                unreachable!("it is one")
            };
            script.send(&Packet::Publish(Publish { properties: Properties::new(&list), ..asks }));
            acknowledged(script, PacketType::PubAck, 5);
            script.expect_packet(PacketType::Publish, |packet| {
                let Packet::Publish(answer) = packet else { unreachable!("it was looked at") };
                assert_eq!((answer.topic, answer.payload), (topic, &b"!"[..]));
                assert_eq!(answer.delivery, Delivery::AtLeastOnce(id(1)));
                let said: Vec<_> = answer.properties.into_iter().collect();
                assert_eq!(said, [Property::CorrelationData(b"seven")]);
            });
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let question = held(&client).await;
        within(client.respond(&question, "!")).await.expect("an acknowledgement");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Words are kept where there is a heap.
#[cfg(feature = "heap")]
mod heap {
    use std::sync::{Arc, Mutex};

    use super::super::story::{gate, until};
    use super::*;
    use crate::runtime::adapter::PublishError;
    use crate::runtime::on_up;

    /// What the server said to a publish: its reason string, and the values of its user properties.
    fn words(acknowledgement: &Acknowledgement) -> (Option<&str>, Vec<&str>) {
        let properties = acknowledgement.properties();
        let values = properties.user_properties().map(|(_, value)| value);
        (properties.reason_string(), values.collect())
    }

    #[test]
    fn an_acknowledgement_carries_the_servers_words() {
        in_5_0(async {
            let server = peer(|script| {
                script.welcome();
                let said = [Property::ReasonString("stored"), Property::UserProperty(("a", "1"))];
                let more = [Property::UserProperty(("b", "2"))];
                for number in [1, 2] {
                    published(script);
                    let (reason, properties) = (ReasonCode::SUCCESS, Properties::new(&said));
                    script.send(&Packet::PubAck(Ack { id: id(number), reason, properties }));
                }
                published(script);
                let (reason, properties) = (NOBODY, Properties::new(&said));
                script.send(&Packet::PubRec(Ack { id: id(3), reason, properties }));
                acknowledged(script, PacketType::PubRel, 3);
                let properties = Properties::new(&more);
                script.send(&Packet::PubComp(Ack { properties, ..ack(3) }));
                published(script);
                script.send(&Packet::PubAck(ack(4)));
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(Version::V5, server.port)).await;
            let publish = |qos| client.publish("a", "b").qos(qos);
            let first = within(publish(QoS::AtLeastOnce)).await.expect("an acknowledgement");
            assert_eq!(words(&first), (Some("stored"), vec!["1"]));
            let receipt = within(publish(QoS::AtLeastOnce).send()).await.expect("room");
            assert_eq!(within(receipt).await, Ok(first));
            let third = within(publish(QoS::ExactlyOnce)).await.expect("an acknowledgement");
            assert_eq!(words(&third), (Some("stored"), vec!["1", "2"]));
            assert!(third.has_no_subscribers());
            let last = within(publish(QoS::AtLeastOnce)).await.expect("an acknowledgement");
            assert_eq!(words(&last), (None, vec![]), "what was said before is not said again");
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }

    #[test]
    fn a_refusal_carries_the_servers_words() {
        in_5_0(async {
            let server = peer(|script| {
                script.welcome();
                let said = [Property::ReasonString("7 of 7 used")];
                let (reason, properties) = (ReasonCode::QUOTA_EXCEEDED, Properties::new(&said));
                published(script);
                script.send(&Packet::PubAck(Ack { id: id(1), reason, properties }));
                published(script);
                script.send(&Packet::PubRec(Ack { id: id(2), reason, properties }));
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(Version::V5, server.port)).await;
            for qos in ACKNOWLEDGED {
                let refused = within(client.publish("a", "b").qos(qos)).await.expect_err("refused");
                let told =
                    "the server refused the message: quota exceeded (0x97) (\"7 of 7 used\")";
                assert_eq!(refused.to_string(), told);
                let PublishError::Refused(said) = refused else { panic!("{refused}") };
                assert_eq!(said.reason_code(), ReasonCode::QUOTA_EXCEEDED);
                assert_eq!(words(&said), (Some("7 of 7 used"), vec![]));
            }
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }

    // 5.0 [MQTT-3.1.2-28]
    // Decision [down-says]
    #[test]
    fn a_session_carries_what_connack_said() {
        in_5_0(async {
            let server = peer(|script| {
                let list = [
                    Property::AssignedClientIdentifier("auto-7"),
                    Property::ResponseInformation("answers/auto-7"),
                    Property::ReasonString("welcome"),
                    Property::UserProperty(("node", "b")),
                    Property::ServerKeepAlive(7),
                ];
                accept(script, false, &list);
                script.close();
                accept(script, false, &[]);
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(Version::V5, server.port).client_id(""));
            let seen = Arc::new(Mutex::new(Vec::new()));
            let told = seen.clone();
            let _callback = on_up(&client, move |session| told.lock().unwrap().push(session));
            let session = within(client.connect(true)).await.expect("a connection");
            let said = session.properties();
            assert_eq!(said.assigned_client_identifier(), Some("auto-7"));
            assert_eq!(said.response_information(), Some("answers/auto-7"));
            assert_eq!(said.reason_string(), Some("welcome"));
            assert!(said.user_properties().eq([("node", "b")]));
            assert_eq!(session.server_keep_alive, Some(7));
            assert_eq!(within(client.up()).await.as_ref(), Some(&session));
            until(|| !seen.lock().unwrap().is_empty()).await;
            assert_eq!(seen.lock().unwrap()[0], session);
            within(client.down()).await.expect("a loss");
            let next = within(client.connect(true)).await.expect("a connection");
            assert!(next.properties().is_empty(), "what the first one said is not said again");
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }

    /// Words to a call that is gone are nobody's.
    #[test]
    fn words_that_come_too_late_are_dropped() {
        in_5_0(async {
            let (gate, waiting) = gate();
            let server = peer(move |script| {
                script.welcome();
                published(script);
                waiting.wait();
                let said = [Property::ReasonString("late")];
                let properties = Properties::new(&said);
                script.send(&Packet::PubAck(Ack { properties, ..ack(1) }));
                published(script);
                script.send(&Packet::PubAck(ack(2)));
                script.expect(PacketType::Disconnect);
            });
            let client = connected(config(Version::V5, server.port)).await;
            let publish = || client.publish("a", "b").qos(QoS::AtLeastOnce);
            drop(within(publish().send()).await.expect("room"));
            gate.open();
            let next = within(publish()).await.expect("an acknowledgement");
            assert_eq!(words(&next), (None, vec![]));
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}
