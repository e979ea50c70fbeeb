//! Streams on their way out: payloads of any length through small buffers.

use std::sync::mpsc;
use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{Properties, Version};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accepted, ack, acknowledged, both, client, config, connected, id, in_5_0, peer, poll_once,
    published, server, until,
};
use crate::runtime::adapter::{
    Config, DownReason, Limit, MessageStream, NotSent, OperationError, PublishError, PublishStream,
    QoS, ReasonCode, StreamError, WhileDown,
};
use crate::runtime::{Client, sleep, soon, within};

pub(crate) const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
pub(crate) const MIB: u32 = 1024 * 1024;

/// Settings for whole messages of up to 256 bytes, and streams of up to two mebibytes.
pub(crate) fn streams(config: Config) -> Config {
    config.maximum_packet_size(256).receive_maximum(2).largest_stream(2 * MIB)
}

pub(crate) fn payload(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Publishes a stream, in pieces of that many bytes.
async fn stream(client: &Client, qos: QoS, bytes: &[u8], piece: usize) -> Result<(), PublishError> {
    let mut stream = client.publish_stream("big", bytes.len() as u32).qos(qos).open().await?;
    for piece in bytes.chunks(piece) {
        stream.write_all(piece).await?;
    }
    assert_eq!(stream.written() as usize, bytes.len());
    stream.finish().await.map(drop)
}

/// Publishes a message of any size.
pub(crate) async fn send(client: &Client, qos: QoS, bytes: &[u8]) {
    within(stream(client, qos, bytes, 1000)).await.expect("a publish");
}

/// All that is left of a payload, read in pieces of up to that size.
pub(crate) async fn rest(
    stream: &mut MessageStream<'_, '_>,
    piece: usize,
) -> Result<Vec<u8>, StreamError> {
    let mut all = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(all),
            len => all.extend_from_slice(&buffer[..len]),
        }
    }
}

/// The next message by its stream.
pub(crate) async fn next_whole(client: &Client) -> (String, QoS, Vec<u8>) {
    let mut header = [0; 64];
    let mut queue = client.queue();
    let stream = within(queue.next_stream(&mut header)).await.expect("room for the header");
    let mut stream = stream.expect("a message");
    let bytes = within(rest(&mut stream, 500)).await.expect("all of it");
    assert_eq!(bytes.len(), stream.payload_len());
    (stream.topic().to_owned(), stream.qos(), bytes)
}

/// A client that has subscribed to "big" and takes it by streams.
pub(crate) async fn reader(settings: Config) -> Client {
    let client = client(settings);
    within(client.connect(false)).await.expect("a connection");
    within(client.subscribe("big", QoS::ExactlyOnce)).await.expect("a subscription");
    client
}

#[test]
fn a_mebibyte_goes_through_small_buffers() {
    both(async |version| {
        let server = server();
        let bytes = payload(MIB);
        let settings = |name| config(version, server.addr().port()).client_id(name);
        let reader = reader(streams(settings("reader"))).await;
        let client = connected(settings("ours").outbox(1024)).await;
        for qos in ALL {
            send(&client, qos, &bytes).await;
            let (topic, came, read) = next_whole(&reader).await;
            assert!((&*topic, came) == ("big", qos) && read == bytes);
        }
    });
}

#[test]
fn an_empty_payload_is_a_stream_too() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        for qos in ALL {
            within(stream(&client, qos, b"", 1)).await.expect("a publish");
        }
        within(client.drain(Duration::from_secs(1))).await;
        assert_eq!(within(async { accepted(&server) }).await.len(), 3);
    });
}

#[test]
fn it_waits_for_a_connection_or_refuses() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let mut open = Box::pin(client.publish_stream("big", 3).open());
        assert!(poll_once(&mut open).await.is_none());
        // What may be stored passes it.
        client.publish("a", "stored").qos(QoS::AtLeastOnce).try_publish().expect("room");
        within(client.connect(true)).await.expect("a connection");
        let mut stream = within(open).await.expect("a stream");
        within(stream.write_all(b"abc")).await.expect("room");
        within(stream.finish()).await.expect("an end");
        within(client.publish("a", "last").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(accepted(&server), ["stored", "abc", "last"]);

        within(client.disconnect()).await.expect("an end");
        let late = client.publish_stream("big", 1).timeout(20 * MS);
        assert_eq!(within(late.open()).await.err(), Some(PublishError::NotConnected));
        let mut waits = Box::pin(client.publish_stream("big", 1).open());
        assert!(poll_once(&mut waits).await.is_none());
        assert!(within(client.disconnect()).await.is_err());
        let never = PublishError::NeverSent(NotSent::Disconnected);
        assert_eq!(within(waits).await.err(), Some(never));

        let refusing = config(version, 1).while_down(WhileDown::Refuse);
        let client = self::client(refusing);
        let refused = within(client.publish_stream("big", 1).open()).await;
        assert_eq!(refused.err(), Some(PublishError::NotConnected));
    });
}

#[test]
fn a_limit_of_the_server_fails_at_the_call() {
    in_5_0(async {
        let config_ = mqtt_as_tests::broker::BrokerConfig {
            maximum_packet_size: Some(1000),
            maximum_qos: QoS::AtLeastOnce,
            ..Default::default()
        };
        let server = mqtt_as_tests::server::Server::start(config_);
        let client = connected(config(Version::V5, server.addr().port())).await;
        let too_large = within(client.publish_stream("big", 1000).open()).await.err();
        let invalid = |limit| Some(PublishError::Invalid(OperationError::Forbidden(limit)));
        assert_eq!(too_large, invalid(Limit::MaximumPacketSize));
        let qos = within(client.publish_stream("big", 1).qos(QoS::ExactlyOnce).open()).await.err();
        assert_eq!(qos, invalid(Limit::MaximumQoS(QoS::AtLeastOnce)));
        assert!(matches!(
            within(client.publish_stream("a/#", 1).open()).await,
            Err(PublishError::Topic(_))
        ));
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
    });
}

#[test]
fn what_is_said_meanwhile_follows_it() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut stream = within(client.publish_stream("big", 6).open()).await.expect("a stream");
        within(stream.write_all(b"abc")).await.expect("room");
        let refused = client.publish("a", "no room").try_publish();
        assert_eq!(refused, Err(PublishError::Invalid(OperationError::NoRoom)));
        client.publish("a", "1").qos(QoS::AtLeastOnce).try_publish().expect("room in the store");
        let mut zero = client.publish("a", "0").into_future();
        assert!(poll_once(&mut zero).await.is_none(), "QoS 0 waits for room");
        let mut ping = Box::pin(client.broker_up());
        assert!(poll_once(&mut ping).await.is_none());
        let mut second = Box::pin(client.publish_stream("big", 1).open());
        assert!(poll_once(&mut second).await.is_none(), "one at a time");
        assert!(!within(client.drain(20 * MS)).await, "it is on its way");
        assert_eq!(accepted(&server), [""; 0]);
        within(stream.write_all(b"def")).await.expect("room");
        within(stream.finish()).await.expect("an end");
        within(zero).await.expect("a publish");
        let mut second = within(second).await.expect("a stream");
        within(stream_end(&mut second, b"2")).await.expect("an end");
        assert!(within(ping).await);
        assert!(within(client.drain(Duration::from_secs(5))).await);
        until(|| accepted(&server).len() == 4).await; // What has left is on its way.
        let mut accepted = accepted(&server);
        assert_eq!((&*accepted[0], &*accepted[3]), ("abcdef", "2"));
        accepted[1..3].sort(); // QoS 0 and 1 have no order between them.
        assert_eq!(accepted[1..3], ["0", "1"]);
    });
}

async fn stream_end(stream: &mut PublishStream<'_>, bytes: &[u8]) -> Result<(), PublishError> {
    stream.write_all(bytes).await?;
    stream.finish().await.map(drop)
}

#[test]
fn other_bytes_than_announced_are_an_error_that_names_both_numbers() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut stream = within(client.publish_stream("big", 3).open()).await.expect("a stream");
        within(stream.write_all(b"ab")).await.expect("room");
        let error = PublishError::Length { announced: 3, given: 4 };
        assert_eq!(within(stream.write(b"cd")).await, Err(error.clone()));
        assert_eq!(within(stream.write_all(b"cd")).await, Err(error));
        assert_eq!(stream.written(), 2);
        within(stream_end(&mut stream, b"c")).await.expect("an end");
        assert_eq!(within(stream.restart()).await, Err(PublishError::NotInterrupted));

        let mut stream = within(client.publish_stream("big", 3).open()).await.expect("a stream");
        within(stream.write_all(b"ab")).await.expect("room");
        let error = PublishError::Length { announced: 3, given: 2 };
        assert_eq!(within(stream.finish()).await, Err(error));
        assert_eq!(within(client.down()).await, Some(DownReason::StreamStopped));
        until(|| !accepted(&server).is_empty()).await; // At QoS 0 it was only on its way.
        assert_eq!(accepted(&server), ["abc"]);
    });
}

#[test]
fn dropped_half_way_the_link_is_closed_without_another_word() {
    both(async |version| {
        let (send, read) = mpsc::channel();
        let server = peer(move |script| {
            script.welcome();
            let header: &[u8] = match version {
                Version::V5 => &[0x32, 18, 0, 3, b'b', b'i', b'g', 0, 1, 0],
                Version::V311 => &[0x32, 17, 0, 3, b'b', b'i', b'g', 0, 1],
            };
            script.expect_bytes(header);
            script.expect_bytes(b"half");
            script.expect_close();
            send.send(()).expect("the story waits");
            script.welcome_back();
            assert_eq!(published(script), (false, 2, "behind".into()));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("big", 10).qos(QoS::AtLeastOnce).open();
        let mut stream = within(open).await.expect("a stream");
        within(stream.write_all(b"half")).await.expect("room");
        client.publish("a", "behind").qos(QoS::AtLeastOnce).try_publish().expect("room");
        drop(stream);
        assert_eq!(within(client.down()).await, Some(DownReason::StreamStopped));
        read.recv().expect("the end of the first connection");
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn nothing_written_for_the_write_timeout_is_a_stop_too() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).write_timeout(100 * MS);
        let client = connected(settings).await;
        let open = client.publish_stream("big", 10).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        within(stream.write_all(b"abc")).await.expect("room");
        assert_eq!(within(client.down()).await, Some(DownReason::StreamStopped));
        let stopped = PublishError::NeverSent(NotSent::Stopped);
        assert_eq!(within(stream.write(b"def")).await, Err(stopped.clone()));
        assert_eq!(within(stream.finish()).await, Err(stopped));
        // And it may begin again.
        within(client.connect(false)).await.expect("a connection");
        within(stream.restart()).await.expect("a stream");
        within(stream_end(&mut stream, b"0123456789")).await.expect("an end");
        assert_eq!(accepted(&server), ["0123456789"]);
    });
}

/// The first connection of a server by hand: it takes that many bytes behind CONNECT and is gone.
fn cut_after(script: &mut Script, bytes: usize) {
    script.welcome();
    let mut taken = 0;
    while taken < bytes {
        script.expect_bytes(&[STREAM[taken]]);
        taken += 1;
    }
    script.close();
}

/// A PUBLISH of "abc" to "b" at QoS 2, in 5.0.
const STREAM: [u8; 11] = [0x34, 9, 0, 1, b'b', 0, 1, 0, b'a', b'b', b'c'];

#[test]
fn a_link_cut_in_mid_stream_leaves_nothing_with_the_server() {
    in_5_0(async {
        let server = peer(|script| {
            cut_after(script, STREAM.len() - 1);
            script.welcome_back();
            assert_eq!(published(script), (false, 2, "abc".into()));
            script.send(&Packet::PubRec(ack(2)));
            script.expect(PacketType::PubRel);
            script.send(&Packet::PubComp(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("b", 3).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        within(stream.write_all(b"ab")).await.expect("room");
        within(client.down()).await.expect("a cut");
        let error = PublishError::NeverSent(NotSent::Interrupted);
        assert_eq!(within(stream.write_all(b"c")).await, Err(error));
        within(client.connect(false)).await.expect("a connection");
        within(stream.restart()).await.expect("a stream");
        assert_eq!(stream.written(), 0);
        within(stream_end(&mut stream, b"abc")).await.expect("an end");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn cut_before_its_acknowledgement_it_is_restarted_as_a_resend() {
    in_5_0(async {
        let server = peer(|script| {
            cut_after(script, STREAM.len());
            script.welcome_back();
            assert_eq!(published(script), (true, 1, "abc".into()));
            script.send(&Packet::PubRec(ack(1)));
            script.expect(PacketType::PubRel);
            script.send(&Packet::PubComp(ack(1)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("b", 3).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        assert_eq!(within(stream_end(&mut stream, b"abc")).await, Err(PublishError::Interrupted));
        // Dropped while it waits for a connection, the restart may be made again.
        assert!(soon(20 * MS, stream.restart()).await.is_none());
        within(client.connect(false)).await.expect("a connection");
        within(stream.restart()).await.expect("a stream");
        within(stream_end(&mut stream, b"abc")).await.expect("an end");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_restart_does_not_wait_for_those_who_wait_for_its_room() {
    in_5_0(async {
        let server = peer(|script| {
            cut_after(script, STREAM.len());
            script.welcome_back();
            assert_eq!(published(script), (true, 1, "abc".into()));
            script.send(&Packet::PubRec(ack(1)));
            script.expect(PacketType::PubRel);
            script.send(&Packet::PubComp(ack(1)));
            assert_eq!(published(script), (false, 2, "behind".into()));
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port).in_flight(1));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("b", 3).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        assert_eq!(within(stream_end(&mut stream, b"abc")).await, Err(PublishError::Interrupted));
        let mut waits = client.publish("a", "behind").qos(QoS::AtLeastOnce).into_future();
        assert!(poll_once(&mut waits).await.is_none(), "the stream has the only place");
        within(client.connect(false)).await.expect("a connection");
        within(stream.restart()).await.expect("a stream");
        within(stream_end(&mut stream, b"abc")).await.expect("an end");
        within(waits).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A restarted stream that is dropped is over: it takes no place of anybody's.
#[test]
fn dropped_in_a_restart_it_gives_its_place_with_the_server_back() {
    in_5_0(async {
        let server = peer(|script| {
            cut_after(script, STREAM.len());
            script.welcome_back();
            script.expect_bytes(&[0x3c]);
            script.expect_bytes(&STREAM[1..9]);
            script.expect_close();
            script.accept();
            script.expect(PacketType::Connect);
            let one = [Property::ReceiveMaximum(std::num::NonZeroU16::MIN)];
            let properties = Properties::new(&one);
            let connack = ConnAck { session_present: true, properties, ..ConnAck::default() };
            script.send(&Packet::ConnAck(connack));
            acknowledged(script, PacketType::PubRel, 1);
            script.send(&Packet::PubComp(ack(1)));
            assert_eq!(published(script), (false, 2, "on".into()));
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("b", 3).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        assert_eq!(within(stream_end(&mut stream, b"abc")).await, Err(PublishError::Interrupted));
        within(client.down()).await.expect("a cut");
        within(client.connect(false)).await.expect("a connection");
        within(stream.restart()).await.expect("a stream");
        within(stream.write_all(b"a")).await.expect("room");
        sleep(20 * MS).await;
        drop(stream);
        assert_eq!(within(client.down()).await, Some(DownReason::StreamStopped));
        within(client.connect(false)).await.expect("a connection");
        let publish = client.publish("a", "on").qos(QoS::AtLeastOnce);
        within(publish).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn in_a_lost_session_a_qos_2_stream_is_unknown() {
    in_5_0(async {
        let server = peer(|script| {
            cut_after(script, STREAM.len());
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let open = client.publish_stream("b", 3).qos(QoS::ExactlyOnce).open();
        let mut stream = within(open).await.expect("a stream");
        within(stream.write_all(b"abc")).await.expect("room");
        within(client.down()).await.expect("a cut");
        within(client.connect(false)).await.expect("a connection");
        let unknown = PublishError::Unknown { received: false };
        assert_eq!(within(stream.restart()).await, Err(unknown.clone()));
        assert_eq!(within(stream.finish()).await, Err(unknown));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn the_servers_refusal_and_its_silence_are_told() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).1, 1);
            script.send(&Packet::PubAck(mqtt_as_proto::packet::Ack::new(
                id(1),
                ReasonCode::from_u8(0x97),
            )));
            assert_eq!(published(script).1, 2);
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(ack(2)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let open = || client.publish_stream("b", 3).qos(QoS::AtLeastOnce).timeout(50 * MS).open();
        let mut stream = within(open()).await.expect("a stream");
        let refused = PublishError::Refused(ReasonCode::from_u8(0x97).into());
        assert_eq!(within(stream_end(&mut stream, b"abc")).await, Err(refused));
        let mut stream = within(open()).await.expect("a stream");
        assert_eq!(
            within(stream_end(&mut stream, b"abc")).await,
            Err(PublishError::TimedOut { sent: true })
        );
        assert_eq!(within(stream.restart()).await, Err(PublishError::NotInterrupted));
        within(client.publish("go", "on")).await.expect("a publish");
        within(stream.finish()).await.expect("an end, later");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn disconnect_lets_it_finish() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut stream = within(client.publish_stream("big", 6).open()).await.expect("a stream");
        within(stream.write_all(b"abc")).await.expect("room");
        let mut disconnect = Box::pin(client.disconnect());
        assert!(poll_once(&mut disconnect).await.is_none());
        sleep(20 * MS).await;
        within(stream_end(&mut stream, b"def")).await.expect("an end");
        within(disconnect).await.expect("an end");
        assert_eq!(within(client.down()).await, Some(DownReason::Disconnected));
        assert_eq!(accepted(&server), ["abcdef"]);
    });
}

#[test]
fn an_identifier_is_free_again_that_a_stream_had() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(2)).await;
        for _ in 0..10 {
            within(stream(&client, QoS::ExactlyOnce, b"abc", 2)).await.expect("a publish");
        }
        assert_eq!(accepted(&server).len(), 10);
    });
}
