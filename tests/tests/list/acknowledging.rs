//! When received messages are acknowledged: when they are taken, or by the program.

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType};

use super::story::{
    MS, ack, both, client, config, connected, held, id, in_5_0, message, next, peer, server, take,
    text, until,
};
use crate::runtime::adapter::{QoS, ReasonCode, Version};
use crate::runtime::{sleep, soon, within};

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

#[test]
fn an_acknowledgement_of_an_earlier_connection_is_stale() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            std::thread::sleep(50 * MS);
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            let session_present = true;
            script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
            script.expect_silence(100 * MS);
            // The second comes again: it joins the one that is held, with its duty renewed.
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            script.send(&message("go", "", Delivery::AtMostOnce));
            script.expect_packet(PacketType::PubAck, |packet| {
                assert!(matches!(packet, Packet::PubAck(ack) if ack.id == id(6)));
            });
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).manual_ack(true));
        within(client.connect(false)).await.expect("a connection");
        let first = held(&client).await;
        let second = held(&client).await;
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        assert!(!client.ack(&first, ReasonCode::SUCCESS), "its duty died with its connection");
        let go = held(&client).await;
        assert_eq!(go.topic(), "go", "the copy is not delivered again");
        assert!(client.ack(&second, ReasonCode::SUCCESS));
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn what_is_not_acknowledged_comes_again_on_the_resumed_session() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()).manual_ack(true));
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.publish("a", "kept").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let first = held(&client).await;
        server.cut();
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        assert!(soon(50 * MS, take(&client)).await.is_none(), "it is still held");
        assert!(client.ack(&first, ReasonCode::SUCCESS), "for the copy on this connection");
        assert_eq!(text(first.payload()), "kept");
        until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
    });
}
