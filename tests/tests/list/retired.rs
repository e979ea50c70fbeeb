//! What was given up holds no place for longer than one reconnect.

use std::num::NonZeroU16;
use std::sync::mpsc;

use mqtt_as_proto::packet::{Packet, PacketType};
use mqtt_as_proto::property::Property;
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accept, ack, acknowledged, both, client, config, in_5_0, peer, poll_once, published, until,
};
use crate::runtime::adapter::{QoS, Version};
use crate::runtime::{Client, within};

/// At QoS 2 the flow of what was given up is closed first.
fn closes(script: &mut Script, qos: QoS, number: u16) {
    if qos == QoS::ExactlyOnce {
        acknowledged(script, PacketType::PubRel, number);
        script.send(&Packet::PubComp(ack(number)));
    }
}

/// Takes one more message at QoS 1 and one at QoS 2.
fn takes_both(script: &mut Script) {
    let (_, one, _) = published(script);
    script.send(&Packet::PubAck(ack(one)));
    let (_, two, _) = published(script);
    script.send(&Packet::PubRec(ack(two)));
    acknowledged(script, PacketType::PubRel, two);
    script.send(&Packet::PubComp(ack(two)));
    script.expect(PacketType::Disconnect);
}

/// Both find room, and are acknowledged.
async fn publishes_both(client: &Client) {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        within(client.publish("a", "on").qos(qos)).await.expect("a publish");
    }
    within(client.disconnect()).await.expect("an end");
}

#[test]
fn streams_whose_end_nobody_awaits_hold_no_place_behind_a_lost_link() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        both(async |version| {
            let server = peer(move |script| {
                for round in 0..4 {
                    accept(script, round != 0, &[]);
                    if round != 0 {
                        closes(script, qos, round);
                    }
                    script.expect(PacketType::Publish);
                    script.expect_silence(50 * MS);
                    script.close();
                }
                script.welcome_back();
                closes(script, qos, 4);
                takes_both(script);
            });
            let client = client(config(version, server.port).in_flight(4));
            for _ in 0..4 {
                within(client.connect(false)).await.expect("a connection");
                let open = client.publish_stream("a", 4).qos(qos).open();
                let mut stream = within(open).await.expect("room for a stream");
                within(stream.write_all(b"sent")).await.expect("room");
                let _ = poll_once(&mut Box::pin(stream.finish())).await;
                drop(stream);
                within(client.down()).await.expect("a loss");
            }
            within(client.connect(false)).await.expect("a connection");
            publishes_both(&client).await;
            server.end().await;
        });
    }
}

// Decision [retired]
#[test]
fn messages_that_are_given_up_hold_no_place_behind_a_lost_link() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        both(async |version| {
            let (tell, told) = mpsc::channel();
            let server = peer(move |script| {
                for round in 0..4 {
                    accept(script, round != 0, &[]);
                    if round != 0 {
                        closes(script, qos, round);
                    }
                    assert_eq!(published(script).1, round + 1);
                    tell.send(()).expect("a story");
                    script.expect_silence(100 * MS);
                    script.close();
                }
                script.welcome_back();
                closes(script, qos, 4);
                takes_both(script);
            });
            let client = client(config(version, server.port).in_flight(4));
            for number in 1..=4 {
                within(client.connect(false)).await.expect("a connection");
                client.publish("a", "x").qos(qos).try_publish().expect("room");
                until(|| told.try_recv().is_ok()).await;
                assert!(client.give_up(number));
                within(client.down()).await.expect("a loss");
            }
            within(client.connect(false)).await.expect("a connection");
            publishes_both(&client).await;
            server.end().await;
        });
    }
}

// Decision [retired]
#[test]
fn given_up_past_pubrec_its_pubrel_leaves_on_the_next_connection() {
    both(async |version| {
        let (tell, told) = mpsc::channel();
        let server = peer(move |script| {
            accept(script, false, &[]);
            assert_eq!(published(script).1, 1);
            script.send(&Packet::PubRec(ack(1)));
            acknowledged(script, PacketType::PubRel, 1);
            tell.send(()).expect("a story");
            script.expect_silence(100 * MS);
            script.close();
            script.welcome_back();
            closes(script, QoS::ExactlyOnce, 1);
            takes_both(script);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        client.publish("a", "x").qos(QoS::ExactlyOnce).try_publish().expect("room");
        until(|| told.try_recv().is_ok()).await;
        assert!(client.give_up(1));
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        publishes_both(&client).await;
        server.end().await;
    });
}

#[test]
fn what_was_given_up_counts_with_the_server_after_a_resume() {
    in_5_0(async {
        let (tell, told) = mpsc::channel();
        let server = peer(move |script| {
            accept(script, false, &[]);
            assert_eq!(published(script).1, 1);
            tell.send(()).expect("a story");
            script.expect_silence(100 * MS);
            script.close();
            accept(script, true, &[Property::ReceiveMaximum(NonZeroU16::MIN)]);
            acknowledged(script, PacketType::PubRel, 1);
            script.expect_silence(100 * MS);
            script.send(&Packet::PubComp(ack(1)));
            takes_both(script);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        client.publish("a", "x").qos(QoS::ExactlyOnce).try_publish().expect("room");
        until(|| told.try_recv().is_ok()).await;
        assert!(client.give_up(1));
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        publishes_both(&client).await;
        server.end().await;
    });
}
