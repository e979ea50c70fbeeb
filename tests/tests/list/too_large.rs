//! Messages that are larger than what the program, or the client, takes.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType};

use super::story::{
    accept, both, config, connected, id, in_3_1_1, in_5_0, message, next, peer, server, until,
};
use crate::list::publishing::ALL;
use crate::runtime::adapter::{
    ConnectionError, DownReason, Property, QoS, ReasonCode, TooSmall, Version,
};
use crate::runtime::within;

#[test]
fn a_message_larger_than_the_programs_buffer_stays() {
    both(async |version| {
        let server = server();
        // With an alias the message would be another one.
        let settings = config(version, server.addr().port()).topic_alias_maximum(0);
        let client = connected(settings).await;
        within(client.subscribe("topic", QoS::AtLeastOnce)).await.expect("a subscription");
        for payload in ["payload", "next"] {
            within(client.publish("topic", payload).qos(QoS::AtLeastOnce))
                .await
                .expect("a publish");
        }
        let mut queue = client.queue();
        let mut buffer = [0; 64];
        // Fixed header 2, topic 2 + 5, packet identifier 2, payload 7; in 5.0 a property length.
        let needed = if version == Version::V5 { 19 } else { 18 };
        for given in [0, 4, needed - 1] {
            let error = within(queue.next_into(&mut buffer[..given])).await;
            assert_eq!(error.expect_err("too small"), TooSmall { needed, given });
        }
        assert!(within(client.broker_up()).await, "the connection lives");
        let message = within(queue.next_into(&mut buffer[..needed])).await;
        let message = message.expect("room").expect("a message");
        assert_eq!((message.topic(), message.payload()), ("topic", &b"payload"[..]));
        assert_eq!(next(&client).await.1, "next");
        until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
    });
}

// Decision [too-large-3]
#[test]
fn in_3_1_1_a_message_larger_than_the_largest_packet_is_skipped_and_counted() {
    in_3_1_1(async {
        let server = server();
        let settings = config(Version::V311, server.addr().port()).maximum_packet_size(200);
        let client = connected(settings).await;
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        let large = "x".repeat(300);
        for qos in ALL {
            within(client.publish("a", large.as_str()).qos(qos)).await.expect("a publish");
            within(client.publish("a", "small").qos(qos)).await.expect("a publish");
            assert_eq!(next(&client).await.1, "small");
        }
        assert_eq!(client.statistics().too_large, 3);
        until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
    });
}

// Decision [too-large-3]
#[test]
fn in_3_1_1_a_message_that_is_too_large_may_close_the_connection() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", &"x".repeat(300), Delivery::AtLeastOnce(id(1))));
            script.expect_close();
        });
        let settings = config(Version::V311, server.port).maximum_packet_size(200);
        let client = connected(settings.close_if_too_large(true)).await;
        let why = ConnectionError::TooLarge { size: 308 };
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        server.end().await;
    });
}

// 5.0 [MQTT-3.1.2-24]
// Decision [too-large-5]
#[test]
fn a_5_0_server_that_sends_more_than_it_may_is_told_so() {
    in_5_0(async {
        let server = peer(|script| {
            script.accept();
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
                assert_eq!(
                    connect.properties.maximum_packet_size().map(NonZeroU32::get),
                    Some(200)
                );
                assert_eq!(connect.properties.receive_maximum().map(NonZeroU16::get), Some(4));
            });
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.send(&message("a", &"x".repeat(300), Delivery::AtMostOnce));
            script.expect_packet(PacketType::Disconnect, |packet| {
                let Packet::Disconnect(disconnect) = packet else { unreachable!("looked at") };
                assert_eq!(disconnect.reason, ReasonCode::PACKET_TOO_LARGE);
            });
            script.expect_close();
        });
        let settings = config(Version::V5, server.port).maximum_packet_size(200);
        let client = connected(settings.receive_maximum(4)).await;
        let why = ConnectionError::TooLarge { size: 307 };
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        server.end().await;
    });
}

/// [MQTT-3.2.2-15] binds every packet of the client.
// 5.0 [MQTT-3.2.2-15]
#[test]
fn an_acknowledgement_larger_than_the_server_takes_ends_the_connection() {
    in_5_0(async {
        for qos in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
            let server = peer(move |script| {
                let size = NonZeroU32::new(3).expect("not 0");
                accept(script, false, &[Property::MaximumPacketSize(size)]);
                script.send(&message("a", "b", qos(id(1))));
                script.expect_bytes(&[0xe0, 1, 0x95]);
                script.expect_close();
            });
            let client = connected(config(Version::V5, server.port)).await;
            next(&client).await;
            let why = within(client.down()).await;
            let Some(DownReason::Protocol(error)) = why else { panic!("{why:?}") };
            assert_eq!(error.reason(), Some(ReasonCode::PACKET_TOO_LARGE));
            server.end().await;
        }
    });
}

// Decision [own-size]
#[test]
fn a_pingreq_larger_than_the_server_takes_ends_the_connection() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[Property::MaximumPacketSize(NonZeroU32::MIN)]);
            script.expect_close();
        });
        let client = connected(config(Version::V5, server.port)).await;
        assert!(!within(client.broker_up()).await);
        let why = within(client.down()).await;
        let Some(DownReason::Protocol(error)) = why else { panic!("{why:?}") };
        assert_eq!(error.reason(), Some(ReasonCode::PACKET_TOO_LARGE));
        server.end().await;
    });
}

#[test]
fn a_disconnect_larger_than_the_server_takes_is_left_unsaid() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[Property::MaximumPacketSize(NonZeroU32::MIN)]);
            script.expect_close();
        });
        let client = connected(config(Version::V5, server.port)).await;
        let _ = within(client.disconnect()).await;
        within(client.down()).await.expect("an end");
        server.end().await;
    });
}
