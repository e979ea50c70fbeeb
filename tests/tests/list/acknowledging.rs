//! When received messages are acknowledged: when they are taken, or by the program.

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType};

use super::story::{
    MS, accept, ack, acknowledged, both, client, config, connected, gate, held, id, in_5_0,
    message, next, payloads, peer, server, text, until,
};
use crate::runtime::adapter::{QoS, ReasonCode, Version};
use crate::runtime::{sleep, within};

// 3.1.1 [MQTT-3.3.4-1]
// 5.0 [MQTT-3.3.4-1] [MQTT-4.3.2-4]
// Decision [held-until-taken]
#[test]
fn nothing_is_acknowledged_before_it_is_taken() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "2", Delivery::ExactlyOnce(id(6))));
            script.expect_silence(100 * MS);
            script.send(&message("go", "", Delivery::AtMostOnce));
            script.expect(PacketType::PubAck);
            script.expect(PacketType::PubRec);
            script.send(&Packet::PubRel(ack(6)));
            script.expect(PacketType::PubComp);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        until(|| client.statistics().received == 3).await;
        for payload in ["1", "2", ""] {
            assert_eq!(next(&client).await.1, payload);
        }
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 3.1.1 [MQTT-4.6.0-2]
// 5.0 [MQTT-4.6.0-2]
// Decision [manual-ack]
#[test]
fn under_manual_ack_the_program_acknowledges_and_the_order_of_arrival_is_kept() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            script.expect_silence(100 * MS);
            script.send(&message("go", "", Delivery::AtMostOnce));
            script.expect_packet(PacketType::PubAck, |packet| {
                assert!(matches!(packet, Packet::PubAck(ack) if ack.id == id(5)));
            });
            script.expect_packet(PacketType::PubAck, |packet| {
                assert!(matches!(packet, Packet::PubAck(ack) if ack.id == id(6)));
            });
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).manual_ack(true)).await;
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(held(&client).await);
        }
        assert!(!client.ack(&taken[2], ReasonCode::SUCCESS), "QoS 0 has no acknowledgement");
        assert!(client.ack(&taken[1], ReasonCode::SUCCESS));
        assert!(!client.ack(&taken[1], ReasonCode::SUCCESS), "it was acknowledged");
        assert!(client.ack(&taken[0], ReasonCode::SUCCESS));
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_program_may_refuse_a_message_in_5_0() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.expect_packet(PacketType::PubAck, |packet| {
                let Packet::PubAck(ack) = packet else { unreachable!("it was looked at") };
                assert_eq!(ack.reason, ReasonCode::PAYLOAD_FORMAT_INVALID);
            });
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port).manual_ack(true)).await;
        let taken = held(&client).await;
        assert!(client.ack(&taken, ReasonCode::PAYLOAD_FORMAT_INVALID));
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [dead-duty]
#[test]
fn an_acknowledgement_of_an_earlier_connection_is_stale() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            waiting.wait();
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            let session_present = true;
            script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
            script.expect_silence(100 * MS);
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            script.send(&message("go", "", Delivery::AtMostOnce));
            acknowledged(script, PacketType::PubAck, 6);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).manual_ack(true));
        within(client.connect(false)).await.expect("a connection");
        let first = held(&client).await;
        let second = held(&client).await;
        gate.open();
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        assert!(!client.ack(&first, ReasonCode::SUCCESS), "its duty died with its connection");
        let again = held(&client).await;
        assert_eq!(text(again.payload()), "2", "it was taken and not acknowledged");
        assert_eq!(held(&client).await.topic(), "go");
        assert!(!client.ack(&second, ReasonCode::SUCCESS), "though it came again");
        assert!(client.ack(&again, ReasonCode::SUCCESS));
        assert!(!client.ack(&again, ReasonCode::SUCCESS), "it was acknowledged");
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [taken-comes-again]
#[test]
fn what_is_not_acknowledged_comes_again_on_the_resumed_session() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()).manual_ack(true));
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            within(client.publish("a", "kept").qos(qos)).await.expect("a publish");
            let first = held(&client).await;
            server.cut();
            within(client.down()).await.expect("a loss");
            within(client.connect(false)).await.expect("a connection");
            let again = held(&client).await;
            assert_eq!((text(again.payload()), again.qos()), ("kept".into(), qos));
            assert!(!client.ack(&first, ReasonCode::SUCCESS), "of an earlier connection");
            assert!(client.ack(&again, ReasonCode::SUCCESS));
            until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
        }
    });
}

/// The window of two is open again on each connection.
// Decision [dropped-by-hand]
#[test]
fn what_is_dropped_without_an_acknowledgement_comes_again_and_gives_its_place_back() {
    for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        both(async |version| {
            let server = peer(move |script| {
                for round in 0..3 {
                    accept(script, round != 0, &[]);
                    for number in [1, 2] {
                        let payload = number.to_string();
                        script.send(&message("a", &payload, delivery(id(number))));
                    }
                    script.expect_silence(100 * MS);
                    script.close();
                }
                script.welcome_back();
                script.send(&message("a", "3", delivery(id(3))));
                script.send(&message("a", "4", delivery(id(4))));
                let kind = match delivery(id(1)) {
                    Delivery::AtLeastOnce(_) => PacketType::PubAck,
                    _ => PacketType::PubRec,
                };
                acknowledged(script, kind, 3);
                acknowledged(script, kind, 4);
                script.expect(PacketType::Disconnect);
            });
            let settings = config(version, server.port).manual_ack(true).receive_maximum(2);
            let client = client(settings);
            for _ in 0..3 {
                within(client.connect(false)).await.expect("a connection");
                assert_eq!(payloads(&client, 2).await, ["1", "2"]);
                within(client.down()).await.expect("a loss");
            }
            within(client.connect(false)).await.expect("a connection");
            for payload in ["3", "4"] {
                let taken = held(&client).await;
                assert_eq!(text(taken.payload()), payload);
                assert!(client.ack(&taken, ReasonCode::SUCCESS));
            }
            sleep(50 * MS).await;
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}

/// However often the program says it.
// Decision [manual-ack]
#[test]
fn an_acknowledgement_counts_once() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            for number in 1..=2 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            acknowledged(script, PacketType::PubAck, 1);
            script.send(&message("a", "x", Delivery::AtLeastOnce(id(3))));
            script.expect_silence(100 * MS);
            script.close();
        });
        let settings = config(Version::V5, server.port).manual_ack(true).receive_maximum(2);
        let client = connected(settings).await;
        let first = held(&client).await;
        held(&client).await;
        assert!(client.ack(&first, ReasonCode::SUCCESS));
        for _ in 0..5 {
            assert!(!client.ack(&first, ReasonCode::SUCCESS), "it was acknowledged");
        }
        held(&client).await;
        within(client.down()).await.expect("an end");
        server.end().await;
    });
}
