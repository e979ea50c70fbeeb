//! `disconnect`, `broker_up`, `up`, `down`: how a link ends, and who learns it.

use mqtt_as_proto::packet::{Delivery, Disconnect, Packet, PacketType};

use super::story::{
    MS, ack, both, client, config, connected, gate, id, in_5_0, message, next, observer, peer,
    server, take,
};
use crate::runtime::adapter::{
    ConnectionError, DisconnectError, DownReason, ErrorKind, Properties, QoS, ReasonCode, Version,
    Waiting, Will,
};
use crate::runtime::{parts, soon, spawn, within};

#[test]
fn disconnect_says_so_and_no_will_is_published() {
    both(async |version| {
        let server = server();
        let observer = observer(&server, "gone").await;
        let settings = config(version, server.addr().port()).will(Will::new("gone", "bye"));
        let client = connected(settings).await;
        within(client.disconnect()).await.expect("an end");
        assert!(!client.is_connected());
        assert_eq!(within(client.down()).await, Some(DownReason::Disconnected));
        assert!(soon(100 * MS, take(&observer)).await.is_none());
    });
}

// Decision [with-will]
#[test]
fn disconnect_with_will_has_the_will_published() {
    both(async |version| {
        let server = server();
        let observer = observer(&server, "gone").await;
        let settings = config(version, server.addr().port()).will(Will::new("gone", "bye"));
        let client = connected(settings).await;
        within(client.disconnect().with_will()).await.expect("an end");
        assert_eq!(next(&observer).await.1, "bye");
        assert_eq!(within(client.down()).await, Some(DownReason::Disconnected));
    });
}

#[test]
fn a_killed_client_leaves_its_will() {
    both(async |version| {
        let server = server();
        let observer = observer(&server, "gone").await;
        let port = server.addr().port();
        let (client, driver) = parts(config(version, port).will(Will::new("gone", "bye")));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        driver.abort();
        assert_eq!(next(&observer).await.1, "bye");
    });
}

#[test]
fn without_a_connection_there_is_nothing_to_disconnect() {
    both(async |version| {
        let client = client(config(version, 1));
        assert_eq!(within(client.disconnect()).await, Err(DisconnectError::NotConnected));
        assert_eq!(
            within(client.disconnect().with_will()).await,
            Err(DisconnectError::NotConnected)
        );
    });
}

#[test]
fn broker_up_asks_the_server_for_a_sign_of_life() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        assert!(!within(client.broker_up()).await);
        within(client.connect(true)).await.expect("a connection");
        for _ in 0..3 {
            assert!(within(client.broker_up()).await);
        }
        within(client.disconnect()).await.expect("an end");
        assert!(!within(client.broker_up()).await);
    });
}

// 3.1.1 [MQTT-3.12.4-1]
// 5.0 [MQTT-3.12.4-1]
// Decision [broker-up]
#[test]
fn broker_up_of_a_silent_server_is_false_and_the_link_is_down() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::PingReq);
            script.expect_close();
        });
        let client = connected(config(version, server.port).ping_timeout(100 * MS)).await;
        assert!(!within(client.broker_up()).await);
        let why = ConnectionError::TimedOut(Waiting::PingResp);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        assert!(!client.is_connected());
        server.end().await;
    });
}

#[test]
fn several_calls_of_broker_up_share_a_ping() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::PingReq);
            script.expect_silence(50 * MS);
            script.send(&Packet::PingResp);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let calls: Vec<_> = (0..3)
            .map(|_| {
                let client = client.clone();
                spawn(async move { client.broker_up().await })
            })
            .collect();
        for call in calls {
            assert!(call.end().await);
        }
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn each_handle_is_told_of_each_connection_and_loss_once() {
    both(async |version| {
        let server = server();
        let one = connected(config(version, server.addr().port())).await;
        let other = one.clone();
        for handle in [&one, &other] {
            within(handle.up()).await.expect("a connection");
            assert!(soon(20 * MS, handle.up()).await.is_none());
            assert!(soon(20 * MS, handle.down()).await.is_none());
        }
        let waiting = spawn({
            let one = one.clone();
            async move { one.down().await }
        });
        server.cut();
        let ends = [DownReason::Closed];
        assert!(ends.contains(&waiting.end().await.expect("a reason")));
        for handle in [&one, &other] {
            assert!(within(handle.down()).await.is_some());
            assert!(soon(20 * MS, handle.down()).await.is_none());
        }
        within(one.connect(true)).await.expect("a second connection");
        within(other.up()).await.expect("it told of");
    });
}

// 5.0 [MQTT-3.14.4-2] [MQTT-4.13.2-1]
// Decision [down-says]
#[test]
fn down_tells_why_the_server_ended_it() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let properties = Properties::NONE;
            let reason = ReasonCode::SERVER_SHUTTING_DOWN;
            script.send(&Packet::Disconnect(Disconnect { reason, properties }));
            script.expect_close();
        });
        let client = connected(config(Version::V5, server.port)).await;
        let why = DownReason::Server(ReasonCode::SERVER_SHUTTING_DOWN);
        assert_eq!(within(client.down()).await, Some(why));
        server.end().await;
    });
}

// 5.0 [MQTT-3.1.4-3]
// Decision [taken-over]
#[test]
fn a_client_that_was_taken_over_stays_away() {
    in_5_0(async {
        let server = server();
        let ours = connected(config(Version::V5, server.addr().port())).await;
        let other = connected(config(Version::V5, server.addr().port())).await;
        let why = DownReason::Server(ReasonCode::SESSION_TAKEN_OVER);
        assert_eq!(within(ours.down()).await, Some(why));
        assert!(within(ours.up()).await.is_some(), "the first connection");
        assert!(soon(200 * MS, ours.up()).await.is_none(), "there was no second one");
        assert!(other.is_connected() && !ours.is_connected());
    });
}

#[test]
fn after_a_lost_link_the_program_connects_again() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for round in ["1", "2", "3"] {
            server.cut();
            within(client.down()).await.expect("a loss");
            let session = within(client.connect(false)).await.expect("a connection");
            assert!(session.session_present);
            within(client.publish("a", round).qos(QoS::AtLeastOnce)).await.expect("a publish");
            // The one before comes again if its acknowledgement was cut off.
            while next(&client).await.1 != round {}
        }
        assert_eq!(client.statistics().connections, 4);
    });
}

// Decision [drain]
#[test]
fn drain_waits_for_the_acknowledgements() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            script.expect(PacketType::Publish);
            waiting.wait();
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let publish = client.publish("a", "b").qos(QoS::AtLeastOnce);
        publish.try_publish().expect("room");
        assert!(!within(client.drain(10 * MS)).await);
        gate.open();
        assert!(within(client.drain(5000 * MS)).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// What the program took at QoS 2 is not over before PUBCOMP.
// Decision [drain]
#[test]
fn drain_waits_for_the_end_of_what_was_received() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            script.send(&message("a", "b", Delivery::ExactlyOnce(id(7))));
            script.expect(PacketType::PubRec);
            waiting.wait();
            script.send(&Packet::PubRel(ack(7)));
            script.expect(PacketType::PubComp);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        next(&client).await;
        assert!(!within(client.drain(50 * MS)).await);
        gate.open();
        assert!(within(client.drain(5000 * MS)).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The driver goes with the program: what `drain` said is on the wire before that.
// Decision [drain]
#[test]
fn after_drain_the_acknowledgement_is_on_the_wire() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            let property: &[u8] = if version == Version::V5 { &[0] } else { &[] };
            let parts = [&b"\x00\x10pub/qos1/receive\x00\x7b"[..], property, b"message"];
            let body = parts.concat();
            script.send_bytes(&[&[0x32, body.len() as u8][..], &body].concat());
            script.expect_bytes(&[0x40, 2, 0, 0x7b]);
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        assert_eq!(next(&client).await.1, "message");
        assert!(within(client.drain(5000 * MS)).await);
        driver.abort();
        server.end().await;
    });
}

#[test]
fn a_broken_transport_is_told_apart_from_one_that_was_closed() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.reset();
        });
        let client = connected(config(version, server.port)).await;
        within(client.publish("a", "unread")).await.expect("it is on its way");
        let why = DownReason::Transport(ErrorKind::ConnectionReset.into());
        assert_eq!(within(client.down()).await, Some(why));
        server.end().await;
    });
}
