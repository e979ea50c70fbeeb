//! 3.1.1 has no Receive Maximum: what does not fit is left to the server, which sends it again.

use mqtt_as_proto::client::Violation;
use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::story::{
    MS, ack, client, config, connected, id, in_3_1_1, in_5_0, message, next, numbers, other, peer,
    take, text,
};
use crate::runtime::adapter::{ConnectionError, DownReason, QoS, ReasonCode, Version};
use crate::runtime::{sleep, soon, within};

// Decision [overrun]
#[test]
fn after_a_3_1_1_overrun_everything_arrives_in_order() {
    in_3_1_1(async {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            // A window above our slots, as few brokers have it.
            let server = Server::start(BrokerConfig { window: 100, ..BrokerConfig::default() });
            let port = server.addr().port();
            let ours = client(config(Version::V311, port).queue_len(4));
            within(ours.connect(false)).await.expect("a connection");
            within(ours.subscribe("a", qos)).await.expect("a subscription");
            let other = other(port, "other").await;
            for number in numbers(200) {
                within(other.publish("a", number.as_str()).qos(qos)).await.expect("a publish");
            }
            // A reply is awaited that lies behind more than there is room for.
            assert!(within(ours.broker_up()).await);
            let (mut all, mut overruns) = (Vec::new(), 0);
            while all.len() < 200 {
                if let Some(message) = soon(20 * MS, take(&ours)).await {
                    let text = text(&message.expect("it is not over").payload);
                    let repeated = all.contains(&text);
                    assert!(!repeated || qos == QoS::AtLeastOnce, "{text} came twice");
                    if !repeated {
                        all.push(text);
                    }
                }
                if !ours.is_connected() {
                    let why = within(ours.down()).await;
                    assert_eq!(why, Some(DownReason::Protocol(ConnectionError::Overrun)));
                    overruns += 1;
                    let session = within(ours.connect(false)).await.expect("a connection");
                    assert!(session.session_present);
                    let _ = within(ours.broker_up()).await;
                }
            }
            assert_eq!(all, numbers(200));
            assert!(overruns > 0);
            assert!(ours.statistics().shed > 0);
            assert_eq!(ours.statistics().discards, 0);
        }
    });
}

// 3.1.1 [MQTT-4.8.0-2]
#[test]
fn an_overrun_ends_with_disconnect_and_what_was_taken_is_acknowledged() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::ConnAck(ConnAck::default()));
            for number in 1..=6 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            script.expect(PacketType::PingReq);
            script.send(&Packet::PingResp);
            for number in 1..=2 {
                script.expect_packet(PacketType::PubAck, |packet| {
                    assert!(matches!(packet, Packet::PubAck(ack) if ack.id == id(number)));
                });
            }
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let client = client(config(Version::V311, server.port).queue_len(4));
        within(client.connect(false)).await.expect("a connection");
        sleep(50 * MS).await;
        assert!(within(client.broker_up()).await, "reading goes on");
        sleep(50 * MS).await;
        assert!(client.is_connected(), "nobody has made room");
        next(&client).await;
        next(&client).await;
        let why = within(client.down()).await;
        assert_eq!(why, Some(DownReason::Protocol(ConnectionError::Overrun)));
        assert_eq!(client.statistics().shed, 2);
        server.end().await;
    });
}

// Decision [overrun]
#[test]
fn an_overrun_waits_for_the_answer_of_a_call_and_for_room() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::ConnAck(ConnAck::default()));
            for number in 1..=6 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            script.expect(PacketType::Publish);
            std::thread::sleep(100 * MS);
            script.send(&Packet::PubAck(ack(1)));
            script.expect_silence(600 * MS);
            script.expect(PacketType::PubAck);
            script.expect(PacketType::PubAck);
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let settings = config(Version::V311, server.port).queue_len(4);
        let client = client(settings.response_time(400 * MS));
        within(client.connect(false)).await.expect("a connection");
        sleep(30 * MS).await;
        within(client.publish("b", "c").qos(QoS::AtLeastOnce)).await.expect("an answer");
        sleep(800 * MS).await;
        assert!(client.is_connected(), "nobody has made room");
        next(&client).await;
        next(&client).await;
        let why = within(client.down()).await;
        assert_eq!(why, Some(DownReason::Protocol(ConnectionError::Overrun)));
        server.end().await;
    });
}

// Decision [strict]
#[test]
fn a_strict_client_tells_0x93_at_once() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            for number in 1..=5 {
                script.send(&message("a", "x", Delivery::AtLeastOnce(id(number))));
            }
            script.expect_packet(PacketType::Disconnect, |packet| {
                let Packet::Disconnect(disconnect) = packet else { unreachable!("looked at") };
                assert_eq!(disconnect.reason, ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
            });
            script.expect_close();
        });
        let settings = config(Version::V5, server.port).receive_maximum(4).strict(true);
        let client = connected(settings).await;
        let why = ConnectionError::Violation(Violation::ReceiveMaximum);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        server.end().await;
    });
}
