//! The broker on a real port, met by a client of std.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Connect, Packet};
use mqtt_as_proto::property::Property;
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use crate::world::{clean, describe, lasting, message};

const BOUND: Duration = Duration::from_secs(5);

fn connect(server: &Server, connect: Connect<'_>) -> TcpStream {
    let mut socket = TcpStream::connect(server.addr()).expect("connect");
    socket.set_read_timeout(Some(BOUND)).expect("a bound");
    send(&mut socket, &Packet::Connect(connect));
    socket
}

fn send(socket: &mut TcpStream, packet: &Packet<'_>) {
    let bytes = packet.encode_to_vec(Version::V5).expect("a good packet");
    socket.write_all(&bytes).expect("send");
}

/// One packet, in words.
fn next(socket: &mut TcpStream) -> String {
    let mut bytes = vec![0; 2];
    socket.read_exact(&mut bytes).expect("a fixed header");
    while bytes[bytes.len() - 1] & 0x80 != 0 {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("a fixed header");
        bytes.push(byte[0]);
    }
    let digits = bytes[1..].iter().enumerate();
    let len: usize = digits.map(|(at, byte)| usize::from(byte & 0x7f) << (7 * at)).sum();
    let header = bytes.len();
    bytes.resize(header + len, 0);
    socket.read_exact(&mut bytes[header..]).expect("a whole packet");
    describe(&bytes, Version::V5).remove(0)
}

fn subscribe(socket: &mut TcpStream) {
    socket.write_all(b"\x82\x07\0\x05\0\0\x01#\x01").expect("send"); // "#" at QoS 1
    assert_eq!(next(socket), "SUBACK #5 1");
}

#[test]
fn a_message_goes_from_one_socket_to_another() {
    let server = Server::start(BrokerConfig::default());
    let mut sub = connect(&server, clean(Version::V5, "sub"));
    assert_eq!(next(&mut sub), "CONNACK success");
    subscribe(&mut sub);
    let mut publisher = connect(&server, clean(Version::V5, "pub"));
    assert_eq!(next(&mut publisher), "CONNACK success");
    let large = "x".repeat(1_000_000);
    for payload in ["hello", &large] {
        send(&mut publisher, &Packet::Publish(message("greeting", payload)));
        assert_eq!(next(&mut sub), format!("q0 greeting {payload}"));
    }
    assert_eq!(server.with(|broker, _| broker.accepted().len()), 2);
}

#[test]
fn a_taken_over_client_reads_why_and_then_the_end() {
    let server = Server::start(BrokerConfig::default());
    let mut old = connect(&server, clean(Version::V5, "c"));
    assert_eq!(next(&mut old), "CONNACK success");
    let mut new = connect(&server, clean(Version::V5, "c"));
    assert_eq!(next(&mut new), "CONNACK success");
    assert_eq!(next(&mut old), "DISCONNECT 0x8e");
    assert_eq!(old.read(&mut [0]).expect("the end"), 0);
}

#[test]
fn time_passes_in_the_server() {
    let server = Server::start(BrokerConfig::default());
    let mut peer = connect(&server, Connect { keep_alive: 1, ..clean(Version::V5, "c") });
    assert_eq!(next(&mut peer), "CONNACK success");
    let begin = Instant::now();
    assert_eq!(next(&mut peer), "DISCONNECT 0x8d");
    assert!(begin.elapsed() > Duration::from_secs(1));
}

#[test]
fn a_session_outlives_a_cut() {
    let server = Server::start(BrokerConfig::default());
    let list = [Property::SessionExpiryInterval(60)];
    let mut peer = connect(&server, lasting(Version::V5, "c", &list));
    assert_eq!(next(&mut peer), "CONNACK success");
    server.cut();
    assert!(matches!(peer.read(&mut [0]), Ok(0) | Err(_)));
    let mut peer = connect(&server, lasting(Version::V5, "c", &list));
    assert_eq!(next(&mut peer), "CONNACK present success");
}

#[test]
fn the_server_stops_although_clients_do_not_read() {
    let server = Server::start(BrokerConfig::default());
    let mut peer = connect(&server, clean(Version::V5, "c"));
    assert_eq!(next(&mut peer), "CONNACK success");
    subscribe(&mut peer);
    // More than the system buffers, and nobody reads it.
    let payload = "x".repeat(8_000_000);
    send(&mut peer, &Packet::Publish(message("a", &payload)));
    let addr = server.addr();
    thread::sleep(Duration::from_millis(50));
    let begin = Instant::now();
    drop(server);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
}

#[test]
fn a_script_plays_the_server() {
    let mut script = Script::listen();
    let addr = script.addr();
    let client = thread::spawn(move || {
        let mut socket = TcpStream::connect(addr).expect("connect");
        send(&mut socket, &Packet::Connect(clean(Version::V5, "c")));
        assert_eq!(next(&mut socket), "CONNACK success");
        send(&mut socket, &Packet::PingReq);
        send(&mut socket, &Packet::Publish(message("a", "x")));
        assert_eq!(next(&mut socket), "PINGRESP");
        assert_eq!(socket.read(&mut [0]).expect("the end"), 0);
        drop(socket);
        let mut socket = TcpStream::connect(addr).expect("connect again");
        send(&mut socket, &Packet::PingReq);
        socket.read(&mut [0]).expect_err("a reset").kind()
    });
    script.welcome();
    script.expect_bytes(&[0xc0, 0]);
    let topic = script.expect_packet(mqtt_as_proto::packet::PacketType::Publish, |packet| {
        let Packet::Publish(publish) = packet else { unreachable!("it was expected") };
        publish.topic.as_str().to_owned()
    });
    assert_eq!(topic, "a");
    script.expect_silence(Duration::from_millis(20));
    script.send(&Packet::PingResp);
    script.close();
    script.accept();
    script.reset();
    assert_eq!(client.join().expect("the client's thread"), ErrorKind::ConnectionReset);
}
