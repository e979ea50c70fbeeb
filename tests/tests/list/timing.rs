//! Servers that are silent, slow or talk nonsense: every step has its time.

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqtt_as_proto::packet::{Packet, PacketType};

use super::story::{
    MS, accepted, both, client, config, connected, in_5_0, numbers, peer, server, until,
};
use crate::runtime::adapter::{
    Config, ConnectError, ConnectionError, DownReason, PublishError, QoS, Step, SubscribeError,
    Version, Waiting,
};
use crate::runtime::{sleep, spawn, within};

// 3.1.1 [MQTT-3.1.4-4]
// 5.0 [MQTT-3.1.4-5]
#[test]
fn a_server_that_accepts_and_says_nothing() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.expect_close();
        });
        let client = client(config(version, server.port).connect_timeout(100 * MS));
        let begun = Instant::now();
        let result = within(client.connect(true)).await;
        assert_eq!(result, Err(ConnectError::TimedOut(Step::Connect)));
        assert!(begun.elapsed() < Duration::from_secs(1));
        server.end().await;
    });
}

// 3.1.1 [MQTT-4.8.0-1]
// 5.0 [MQTT-4.13.1-1]
#[test]
fn a_server_that_answers_garbage() {
    both(async |version| {
        for garbage in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0; 64], &[0xFF; 64]] {
            let server = peer(move |script| {
                script.accept();
                script.expect(PacketType::Connect);
                script.send_bytes(garbage);
            });
            let client = client(config(version, server.port));
            let result = within(client.connect(true)).await;
            // Some garbage looks like the beginning of a packet.
            let lost = Err(ConnectError::Lost(DownReason::Closed));
            let wrong = matches!(result, Err(ConnectError::Protocol(_)));
            assert!(wrong || result == lost, "{garbage:?}: {result:?}");
            server.end().await;
        }
    });
}

// 3.1.1 [MQTT-3.2.0-1]
// 5.0 [MQTT-3.2.0-1]
#[test]
fn a_server_that_answers_with_another_packet() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::PingResp);
        });
        let client = client(config(version, server.port));
        let result = within(client.connect(true)).await;
        assert!(matches!(result, Err(ConnectError::Protocol(ConnectionError::Violation(_)))));
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.1.4-1] [MQTT-3.2.2-6]
// 5.0 [MQTT-3.1.4-1] [MQTT-3.1.4-2]
#[test]
fn a_server_that_closes_at_once() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.close();
        });
        let client = client(config(version, server.port));
        let result = within(client.connect(true)).await;
        assert_eq!(result, Err(ConnectError::Lost(DownReason::Closed)));
        server.end().await;
    });
}

#[test]
fn a_port_where_nobody_listens() {
    both(async |version| {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("its address").port()
        };
        let server = server(); // The machine is there.
        let client = client(config(version, server.addr().port()).port(port));
        let result = within(client.connect(true)).await;
        assert!(matches!(result, Err(ConnectError::Unreachable(Step::Open, _))), "{result:?}");
        assert!(!client.is_connected());
    });
}

#[test]
fn a_name_that_does_not_exist() {
    in_5_0(async {
        let client = client(Config::new("no such host.invalid").connect_timeout(3000 * MS));
        let error = within(client.connect(true)).await.expect_err("no such host");
        match &error {
            ConnectError::HostNotFound { host, .. } => {
                assert_eq!(host.as_str(), "no such host.invalid");
                let said = "the host name no such host.invalid was not found";
                assert!(error.to_string().contains(said), "{error}");
            }
            other => assert_eq!(*other, ConnectError::TimedOut(Step::Resolve)),
        }
    });
}

#[test]
fn a_publish_without_an_acknowledgement_times_out_and_then_the_link_is_down() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            script.expect(PacketType::Publish);
            if version == Version::V5 {
                script.expect(PacketType::Disconnect);
            }
            script.expect_close();
        });
        let settings = config(version, server.port).response_time(100 * MS).max_repubs(1);
        let client = connected(settings).await;
        let begun = Instant::now();
        let result = within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await;
        assert_eq!(result, Err(PublishError::TimedOut { sent: true }));
        let why = ConnectionError::TimedOut(Waiting::Acknowledgement);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        let time = begun.elapsed();
        assert!(time >= 190 * MS && time < Duration::from_secs(2), "{time:?}");
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.8.4-1]
// 5.0 [MQTT-3.8.4-1]
#[test]
fn a_subscribe_without_an_answer_times_out() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Subscribe);
            std::thread::sleep(400 * MS);
        });
        let settings = config(version, server.port).response_time(100 * MS).max_repubs(0);
        let client = connected(settings).await;
        let result = within(client.subscribe("a", QoS::AtMostOnce)).await;
        assert!(
            matches!(result, Err(SubscribeError::TimedOut | SubscribeError::Unknown)),
            "{result:?}"
        );
        within(client.down()).await.expect("a reason");
        server.end().await;
    });
}

#[test]
fn a_silent_server_is_found_out_by_keep_alive() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::PingReq);
            script.expect_close();
        });
        let settings = config(version, server.port).ping_interval(100 * MS).ping_timeout(100 * MS);
        let client = connected(settings).await;
        let why = ConnectionError::TimedOut(Waiting::PingResp);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.1.2-23]
// 5.0 [MQTT-3.1.2-20]
#[test]
fn an_idle_link_is_kept_alive() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).keepalive(Duration::from_secs(1));
        let client = connected(settings).await;
        sleep(2200 * MS).await;
        assert!(client.is_connected());
        assert!(within(client.broker_up()).await);
    });
}

#[test]
fn time_outs_of_0_never_pass() {
    both(async |version| {
        let server = server();
        let zero = Duration::ZERO;
        let settings = config(version, server.addr().port())
            .keepalive(zero)
            .connect_timeout(zero)
            .write_timeout(zero)
            .response_time(zero);
        let client = connected(settings).await;
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        for number in numbers(100) {
            client.publish("c", number.as_str()).try_publish().expect("room");
        }
        within(client.disconnect()).await.expect("an end");
        until(|| accepted(&server).len() == 101).await;
    });
}

// Decision [write-timeout]
#[test]
fn a_server_that_reads_nothing_fails_the_write_time_out() {
    both(async |version| {
        let (tell, told) = mpsc::channel();
        let server = peer(move |script| {
            script.welcome();
            told.recv().expect("an end");
        });
        let client = connected(config(version, server.port).write_timeout(200 * MS)).await;
        let writer = spawn({
            let client = client.clone();
            async move {
                let payload = "x".repeat(1000);
                while client.publish("a", payload.as_str()).await.is_ok() && client.is_connected() {
                }
            }
        });
        let why = ConnectionError::TimedOut(Waiting::Write);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        assert!(!client.is_connected());
        writer.abort();
        tell.send(()).expect("a peer");
        server.end().await;
    });
}
