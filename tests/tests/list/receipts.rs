//! `send`: a receipt when the message is accepted, which says its fate to whoever asks.

use mqtt_as_proto::packet::{Ack, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{
    FEW, MS, accept, accepted, ack, acknowledged, both, client, config, connected, gate, id,
    in_5_0, numbers, peer, poll_once, published, server, small, until,
};
use crate::list::publishing::ALL;
use crate::runtime::adapter::{
    NotSent, Properties, Property, PublishError, QoS, ReasonCode, Version, WhileDown,
};
use crate::runtime::{parts, sleep, soon, within};

/// Lets the flow of a message go on to its end.
fn settle(script: &mut Script, number: u16, qos: QoS) {
    if qos == QoS::AtLeastOnce {
        return script.send(&Packet::PubAck(ack(number)));
    }
    script.send(&Packet::PubRec(ack(number)));
    acknowledged(script, PacketType::PubRel, number);
    script.send(&Packet::PubComp(ack(number)));
}

const ACKNOWLEDGED: [QoS; 2] = [QoS::AtLeastOnce, QoS::ExactlyOnce];

#[test]
fn a_receipt_comes_when_the_message_is_accepted_and_is_settled_when_it_is_acknowledged() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            for (number, qos) in (1..).zip(ACKNOWLEDGED) {
                assert_eq!(published(script).1, number);
                waiting.wait();
                settle(script, number, qos);
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        for qos in ACKNOWLEDGED {
            let sent = within(client.publish("a", "b").qos(qos).send()).await;
            let mut receipt = Box::pin(sent.expect("room"));
            assert!(poll_once(&mut receipt).await.is_none(), "it is not acknowledged yet");
            gate.open();
            within(receipt).await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn at_qos_0_a_receipt_is_settled_when_the_message_is_on_its_way() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let receipt = within(client.publish("a", "b").send()).await.expect("room");
        within(receipt).await.expect("its way out");
        until(|| accepted(&server) == ["b"]).await;
    });
}

#[test]
fn receipts_may_be_awaited_in_any_order() {
    both(async |version| {
        let server = server();
        let client = connected(small(config(version, server.addr().port()))).await;
        let mut receipts = Vec::new();
        for number in numbers(FEW) {
            let qos = ACKNOWLEDGED[receipts.len() % 2];
            let sent = client.publish("a", number.as_str()).qos(qos).send();
            receipts.push(within(sent).await.expect("room"));
        }
        receipts.rotate_left(3);
        while let Some(receipt) = receipts.pop() {
            within(receipt).await.expect("an acknowledgement");
        }
        assert_eq!(accepted(&server), numbers(FEW));
    });
}

/// No task waits for it meanwhile.
#[test]
fn a_receipt_that_is_polled_late_knows_what_has_happened() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for qos in ALL {
            let sent = within(client.publish("a", "b").qos(qos).send()).await;
            let mut receipt = Box::pin(sent.expect("room"));
            assert!(within(client.drain(5000 * MS)).await);
            let end = poll_once(&mut receipt).await.expect("its end");
            assert_eq!(end.map(drop), Ok(()));
        }
    });
}

// Decision [waiting-ends]
#[test]
fn a_receipt_that_is_dropped_leaves_its_message_accepted() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        // More than any memory has slots for.
        for number in numbers(200) {
            let qos = ACKNOWLEDGED[number.len() % 2];
            let sent = client.publish("a", number.as_str()).qos(qos).send();
            drop(within(sent).await.expect("room"));
        }
        assert!(within(client.drain(5000 * MS)).await);
        assert_eq!(accepted(&server), numbers(200));
    });
}

#[test]
fn the_receipt_of_a_refused_message_says_why() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(Ack::new(id(1), ReasonCode::NOT_AUTHORIZED)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let sent = client.publish("a", "b").qos(QoS::AtLeastOnce).send();
        let receipt = within(sent).await.expect("room");
        let refused = PublishError::Refused(ReasonCode::NOT_AUTHORIZED.into());
        assert_eq!(within(receipt).await, Err(refused));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn what_cannot_be_sent_has_no_receipt() {
    both(async |version| {
        let refusing = client(config(version, 1).while_down(WhileDown::Refuse));
        for qos in ALL {
            let sent = within(refusing.publish("a", "b").qos(qos).send()).await;
            assert_eq!(sent.map(drop), Err(PublishError::NotConnected));
            let sent = within(refusing.publish("a/#", "b").qos(qos).send()).await;
            assert!(matches!(sent.map(drop), Err(PublishError::Topic(_))));
        }
    });
}

/// Dropped before it is accepted, it never happened.
#[test]
fn a_message_without_room_has_no_receipt_until_there_is_some() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            for number in numbers(FEW) {
                assert_eq!(published(script).2, number);
            }
            waiting.wait();
            (1..=FEW as u16).for_each(|id| script.send(&Packet::PubAck(ack(id))));
            assert_eq!(published(script), (false, FEW as u16 + 1, "late".to_owned()));
            script.send(&Packet::PubAck(ack(FEW as u16 + 1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(small(config(version, server.port))).await;
        let mut receipts = Vec::new();
        for number in numbers(FEW) {
            let sent = client.publish("a", number.as_str()).qos(QoS::AtLeastOnce).send();
            receipts.push(within(sent).await.expect("room"));
        }
        let dropped = client.publish("a", "dropped").qos(QoS::AtLeastOnce).send();
        assert!(soon(20 * MS, dropped).await.is_none(), "there is no room");
        gate.open();
        let late = within(client.publish("a", "late").qos(QoS::AtLeastOnce).send()).await;
        receipts.push(late.expect("room"));
        for receipt in receipts {
            within(receipt).await.expect("an acknowledgement");
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn while_down_a_message_is_accepted_and_its_receipt_waits() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        for qos in ALL {
            let sent = within(client.publish("a", "b").qos(qos).send()).await;
            let mut receipt = Box::pin(sent.expect("room"));
            assert!(poll_once(&mut receipt).await.is_none(), "it has not left");
            within(client.connect(true)).await.expect("a connection");
            within(receipt).await.expect("its end");
            within(client.disconnect()).await.expect("an end");
        }
    });
}

#[test]
fn a_receipt_outlives_a_lost_link() {
    for qos in ACKNOWLEDGED {
        both(async |version| {
            let server = peer(move |script| {
                accept(script, false, &[]);
                assert_eq!(published(script), (false, 1, "b".to_owned()));
                script.close();
                script.welcome_back();
                assert_eq!(published(script), (true, 1, "b".to_owned()));
                settle(script, 1, qos);
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(version, server.port));
            within(client.connect(false)).await.expect("a connection");
            let sent = within(client.publish("a", "b").qos(qos).send()).await;
            let mut receipt = Box::pin(sent.expect("room"));
            within(client.down()).await.expect("a loss");
            assert!(poll_once(&mut receipt).await.is_none(), "its fate is open");
            within(client.connect(false)).await.expect("a connection");
            within(receipt).await.expect("an acknowledgement");
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}

#[test]
fn where_the_session_is_lost_a_receipt_says_that_nobody_knows() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, false, &[]);
            assert_eq!(published(script).1, 1);
            script.close();
            accept(script, false, &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        let sent = client.publish("a", "b").qos(QoS::ExactlyOnce).send();
        let receipt = within(sent).await.expect("room");
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(within(receipt).await, Err(PublishError::Unknown { received: false }));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_disconnect_ends_a_receipt_as_it_ends_a_call() {
    for clean in [true, false] {
        both(async |version| {
            let server = peer(|script| {
                accept(script, false, &[]);
                assert_eq!(published(script).1, 1);
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(version, server.port));
            within(client.connect(clean)).await.expect("a connection");
            let sent = client.publish("a", "b").qos(QoS::AtLeastOnce).send();
            let receipt = within(sent).await.expect("room");
            sleep(50 * MS).await;
            within(client.disconnect()).await.expect("an end");
            let fate =
                if clean { PublishError::Unknown { received: false } } else { PublishError::Kept };
            assert_eq!(within(receipt).await, Err(fate));
            server.end().await;
        });
    }
}

#[test]
fn a_receipt_says_that_its_message_expired() {
    in_5_0(async {
        let client = client(config(Version::V5, 1));
        let list = [Property::MessageExpiryInterval(1)];
        let publish = client.publish("a", "b").qos(QoS::AtLeastOnce);
        let sent = within(publish.properties(Properties::new(&list)).send()).await;
        let expired = PublishError::NeverSent(NotSent::Expired);
        assert_eq!(within(sent.expect("room")).await, Err(expired));
    });
}

#[test]
fn receipts_end_with_the_driver() {
    both(async |version| {
        let (client, driver) = parts(config(version, 1));
        let sent = within(client.publish("a", "b").qos(QoS::AtLeastOnce).send()).await;
        let mut receipt = Box::pin(sent.expect("room"));
        assert!(poll_once(&mut receipt).await.is_none());
        drop(driver);
        assert_eq!(within(receipt).await, Err(PublishError::Closed));
    });
}
