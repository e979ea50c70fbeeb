//! `connect` replaces what is there: an attempt, a connection, a session (`clean_init`).

use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, Seen, accepted, both, client, config, connected, in_3_1_1, in_5_0, next, numbers, observer,
    peer, poll_once, server, take, until,
};
use crate::runtime::adapter::{ConnectError, QoS, Version, Will};
use crate::runtime::{on_down, on_up, sleep, soon, spawn, within};

#[test]
fn a_second_connect_takes_the_place_of_one_that_is_opening() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect); // No answer.
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let first = spawn({
            let client = client.clone();
            async move { client.connect(true).await }
        });
        sleep(50 * MS).await;
        within(client.connect(true)).await.expect("a connection");
        assert_eq!(first.end().await, Err(ConnectError::Replaced));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [connect-replaces]
#[test]
fn a_connect_on_a_live_link_ends_it_properly_first() {
    both(async |version| {
        let server = server();
        let observer = observer(&server, "gone").await;
        let settings = config(version, server.addr().port()).will(Will::new("gone", "bye"));
        let client = connected(settings).await;
        let seen = Seen::default();
        let (ups, downs) = (seen.clone(), seen.clone());
        on_up(&client, move |_| ups.push("up"));
        on_down(&client, move |reason| downs.push(format!("{reason:?}")));
        within(client.connect(true)).await.expect("a second connection");
        assert!(client.is_connected());
        seen.count(1).await;
        assert!(soon(100 * MS, client.down()).await.is_none(), "it is as the program wants it");
        assert_eq!(seen.all(), ["up"]);
        server.cut();
        within(client.down()).await.expect("a loss");
        assert!(soon(100 * MS, take(&observer)).await.is_none(), "no will");
    });
}

// Decision [connect-replaces]
#[test]
fn what_was_accepted_leaves_before_the_connection_is_replaced() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for number in numbers(100) {
            client.publish("a", number.as_str()).try_publish().expect("room");
        }
        within(client.connect(true)).await.expect("a second connection");
        until(|| accepted(&server).len() == 100).await;
    });
}

#[test]
fn disconnect_ends_an_attempt() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let attempt = spawn({
            let client = client.clone();
            async move { client.connect(true).await }
        });
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        assert_eq!(attempt.end().await, Err(ConnectError::Replaced));
        assert!(!client.is_connected());
        assert!(soon(50 * MS, client.down()).await.is_none(), "it was never up");
        server.end().await;
    });
}

// Decision [all-calls-end]
#[test]
fn a_call_that_waits_ends_when_the_program_disconnects_during_an_attempt() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let attempt = spawn({
            let client = client.clone();
            async move { client.connect(true).await }
        });
        let publish = spawn({
            let client = client.clone();
            async move { client.publish("a", "b").qos(QoS::AtLeastOnce).await }
        });
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        publish.end().await.expect_err("nothing was sent");
        attempt.end().await.expect_err("an end");
        server.end().await;
    });
}

#[test]
fn a_connect_right_behind_a_disconnect_is_not_lost() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for _ in 0..20 {
            let ending = spawn({
                let client = client.clone();
                async move { client.disconnect().await }
            });
            let begun = within(client.connect(true)).await;
            let _ = ending.end().await;
            if begun != Err(ConnectError::Replaced) {
                begun.expect("a connection");
            }
            within(client.connect(true)).await.expect("a connection");
        }
    });
}

#[test]
fn a_connect_while_the_disconnect_runs_succeeds() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for _ in 0..20 {
            let mut ending = Box::pin(client.disconnect());
            let early = poll_once(&mut ending).await;
            within(client.connect(true)).await.expect("a connection");
            match early {
                Some(end) => end.expect("an end"),
                None => within(ending).await.expect("an end"),
            }
        }
    });
}

fn clean_starts(script: &mut Script, wanted: bool, session_present: bool) {
    script.accept();
    script.expect_packet(PacketType::Connect, |packet| {
        let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
        assert_eq!(connect.clean_start, wanted);
        if connect.version == Version::V5 {
            assert_eq!(connect.properties.session_expiry_interval(), Some(u32::MAX));
        }
    });
    script.send(&Packet::ConnAck(ConnAck { session_present, ..ConnAck::default() }));
}

// 5.0 [MQTT-3.1.2-4]
// Decision [clean-init]
#[test]
fn clean_init_begins_a_new_session_that_is_kept_in_5_0() {
    in_5_0(async {
        let server = peer(|script| {
            clean_starts(script, true, false);
            script.expect(PacketType::Disconnect);
            clean_starts(script, false, true);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port).clean_init(true));
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// Decision [clean-init]
#[test]
fn clean_init_connects_clean_and_then_unclean_in_3_1_1() {
    in_3_1_1(async {
        let server = peer(|script| {
            clean_starts(script, true, false);
            script.expect(PacketType::Disconnect);
            script.close();
            clean_starts(script, false, false);
            script.expect(PacketType::Publish);
            script.expect(PacketType::Disconnect);
            script.close();
            clean_starts(script, false, true);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V311, server.port).clean_init(true));
        within(client.connect(false)).await.expect("a connection");
        assert!(client.is_connected(), "the second of the two connections");
        client.publish("a", "b").try_publish().expect("room");
        assert!(soon(50 * MS, client.down()).await.is_none(), "the first one was no connection");
        within(client.disconnect()).await.expect("an end");
        assert!(within(client.connect(false)).await.expect("a connection").session_present);
        assert_eq!(client.statistics().connections, 2);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.1.2-6]
// Decision [clean-init]
#[test]
fn clean_init_forgets_what_the_server_held() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port());
        let before = client(settings.clone());
        within(before.connect(false)).await.expect("a connection");
        within(before.subscribe("old", QoS::AtLeastOnce)).await.expect("a subscription");
        within(before.disconnect()).await.expect("an end");
        let after = client(settings.clean_init(true));
        assert!(!within(after.connect(false)).await.expect("a connection").session_present);
        within(after.subscribe("new", QoS::AtLeastOnce)).await.expect("a subscription");
        server.cut();
        within(after.down()).await.expect("a loss");
        assert!(within(after.connect(false)).await.expect("a connection").session_present);
        within(after.publish("old", "1").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(after.publish("new", "2").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(next(&after).await.1, "2");
    });
}

#[test]
fn a_failed_first_step_of_clean_init_ends_the_connect() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send_bytes(&[0x20, 2, 0, 5]);
            script.expect_close();
            clean_starts(script, true, false); // Only when the program asks again.
            script.expect(PacketType::Disconnect);
            script.close();
            clean_starts(script, false, false);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V311, server.port).clean_init(true));
        let refused = ConnectError::Refused(crate::runtime::adapter::ReasonCode::NOT_AUTHORIZED);
        assert_eq!(within(client.connect(false)).await, Err(refused));
        assert!(soon(100 * MS, client.up()).await.is_none());
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
