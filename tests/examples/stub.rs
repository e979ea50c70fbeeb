//! A server that is never the bottleneck: it answers as the peer of the `load` example has to, in
//! as few writes as it can, and keeps nothing. 3.1.1 only.
//!
//! `stub` prints the port of loopback that it serves until it is killed; `stub --tls FILE` serves TLS
//! there, with a certificate for `localhost` that it writes to that file first. So that a client does the
//! same work in every run, however fast either side is, the stub counts and looks at no clock:
//!
//! * a client named `acks/N/order` gets its acknowledgements when N are due, in one write; named
//!   `acks/N/reverse`, in reverse order,
//! * a subscription to `send/COUNT/LEN` gets that many messages with payloads of LEN bytes; at
//!   QoS 1 the next 500 when all before are acknowledged,
//! * a CONNACK and the end of a connection come when the client surely waits for them,
//! * what is published at QoS 0 to a topic that begins with `echo` comes back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::PrivateKeyDer;
use futures_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, ConnAck, Connect, Delivery, Publish, SubAck, Subscribe};
use mqtt_as_proto::{Packet, PacketId, ReasonCode, TopicName, Version};

const VERSION: Version = Version::V311;
/// What a client under a counting tool needs at most to get to where it waits.
const PAUSE: Duration = Duration::from_millis(3);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = match &arguments[..] {
        [] => None,
        [option, file] if option == "--tls" => Some(tls(file)),
        _ => panic!("stub [--tls FILE]"),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let tls = tls.clone();
        // A thread each: a thousand idle clients are a thousand threads that sleep.
        std::thread::spawn(move || {
            match tls.map(|tls| ServerConnection::new(tls).expect("settings")) {
                Some(connection) => serve(&mut StreamOwned::new(connection, &stream)),
                None => serve(&mut &stream),
            };
            std::thread::sleep(PAUSE);
        });
    }
}

/// A certificate for `localhost`, which is its own CA.
fn tls(file: &str) -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(file, made.cert.pem()).expect("a file");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![made.cert.into()], key).expect("settings"))
}

/// Serves a client until it closes the connection.
fn serve(stream: &mut (impl Read + Write)) -> Option<()> {
    let mut input = Vec::new();
    let mut chunk = vec![0; 256 * 1024];
    let mut peer = Peer::default();
    loop {
        let n = stream.read(&mut chunk).ok().filter(|n| *n != 0)?;
        input.extend_from_slice(&chunk[..n]);
        let mut rest = &input[..];
        while let Some((frame, behind)) = Frame::split(rest).expect("well-formed") {
            peer.handle(&Packet::decode(frame, VERSION).expect("valid"));
            rest = behind;
        }
        let used = input.len() - rest.len();
        input.drain(..used);
        stream.write_all(&std::mem::take(&mut peer.out)).ok()?;
        peer.sender.send(stream)?;
    }
}

/// What the stub has to know of a client.
#[derive(Default)]
struct Peer {
    out: Vec<u8>,
    acks: Acks,
    sender: Sender,
}

impl Peer {
    fn handle(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(connect) => self.handle_connect(connect),
            Packet::Publish(publish) => self.handle_publish(publish),
            Packet::PubRel(ack) => {
                self.acknowledge(Packet::PubComp(Ack::new(ack.id, ReasonCode::SUCCESS)));
            }
            Packet::PubAck(_) => self.sender.unacknowledged -= 1,
            Packet::Subscribe(subscribe) => self.handle_subscribe(subscribe),
            Packet::PingReq => self.answer(&Packet::PingResp),
            _ => {}
        }
    }

    fn handle_connect(&mut self, connect: &Connect<'_>) {
        self.acks = Acks::named(connect.client_id).unwrap_or_default();
        std::thread::sleep(PAUSE);
        self.answer(&Packet::ConnAck(ConnAck::default()));
    }

    fn handle_publish(&mut self, publish: &Publish<'_>) {
        let success = |id| Ack::new(id, ReasonCode::SUCCESS);
        match publish.delivery {
            Delivery::AtMostOnce if publish.topic.as_str().starts_with("echo") => {
                self.out.extend(Packet::Publish(*publish).encode_to_vec(VERSION).expect("encodes"));
            }
            Delivery::AtMostOnce => {}
            Delivery::AtLeastOnce(id) => self.acknowledge(Packet::PubAck(success(id))),
            Delivery::ExactlyOnce(id) => self.acknowledge(Packet::PubRec(success(id))),
        }
    }

    fn handle_subscribe(&mut self, subscribe: &Subscribe<'_>) {
        let first = subscribe.filters.iter().next().expect("a filter");
        let qos = first.options.qos as u8;
        self.sender = Sender::filtered(first.filter.as_str(), qos == 1).unwrap_or_default();
        let ack = SubAck { id: subscribe.id, properties: Default::default(), codes: &[qos] };
        self.answer(&Packet::SubAck(ack));
    }

    fn answer(&mut self, packet: &Packet<'_>) {
        self.out.extend(packet.encode_to_vec(VERSION).expect("encodes"));
    }

    /// Acknowledges when as many are due as the client wants at a time.
    fn acknowledge(&mut self, ack: Packet<'static>) {
        self.acks.due.push(ack);
        if self.acks.due.len() < self.acks.at_a_time {
            return;
        }
        let mut due = std::mem::take(&mut self.acks.due);
        if self.acks.reverse {
            due.reverse();
        }
        due.iter().for_each(|ack| self.answer(ack));
    }
}

/// Acknowledgements that wait until enough are due.
#[derive(Default)]
struct Acks {
    at_a_time: usize,
    reverse: bool,
    due: Vec<Packet<'static>>,
}

impl Acks {
    fn named(client_id: &str) -> Option<Self> {
        let (at_a_time, order) = client_id.strip_prefix("acks/")?.split_once('/')?;
        let at_a_time = at_a_time.parse().ok()?;
        Some(Self { at_a_time, reverse: order == "reverse", due: Vec::new() })
    }
}

/// Messages for the subscriber.
#[derive(Default)]
struct Sender {
    left: usize,
    len: usize,
    qos1: bool,
    unacknowledged: usize,
    next_id: u16,
}

impl Sender {
    /// At QoS 1 as many are unacknowledged at a time.
    const WINDOW: usize = 500;
    /// At QoS 0 a write has about as many bytes.
    const WRITE: usize = 256 * 1024;

    fn filtered(filter: &str, qos1: bool) -> Option<Self> {
        let (count, len) = filter.strip_prefix("send/")?.split_once('/')?;
        let (left, len) = (count.parse().ok()?, len.parse().ok()?);
        Some(Self { left, len, qos1, ..Self::default() })
    }

    fn send(&mut self, stream: &mut impl Write) -> Option<()> {
        if self.qos1 { self.send_window(stream) } else { self.send_all(stream) }
    }

    /// Sends the same bytes again and again: to encode each message is slower than to receive it.
    fn send_all(&mut self, stream: &mut impl Write) -> Option<()> {
        if self.left == 0 {
            return Some(());
        }
        let mut one = Vec::new();
        self.encode(Delivery::AtMostOnce, &mut one)?;
        let at_a_time = (Self::WRITE / one.len()).clamp(1, self.left);
        let many = one.repeat(at_a_time);
        while self.left != 0 {
            let n = at_a_time.min(self.left);
            stream.write_all(&many[..n * one.len()]).ok()?;
            self.left -= n;
        }
        Some(())
    }

    /// Sends the next messages when all before are acknowledged.
    fn send_window(&mut self, stream: &mut impl Write) -> Option<()> {
        if self.unacknowledged != 0 {
            return Some(());
        }
        self.unacknowledged = self.left.min(Self::WINDOW);
        self.left -= self.unacknowledged;
        let mut out = Vec::new();
        for _ in 0..self.unacknowledged {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1);
            self.encode(Delivery::AtLeastOnce(PacketId::new(self.next_id)?), &mut out)?;
        }
        stream.write_all(&out).ok()
    }

    fn encode(&self, delivery: Delivery, out: &mut Vec<u8>) -> Option<()> {
        let payload = vec![b'x'; self.len];
        let mut publish = Publish::new(TopicName::new("figures/topic/20byte").ok()?, &payload);
        publish.delivery = delivery;
        out.extend(Packet::Publish(publish).encode_to_vec(VERSION).ok()?);
        Some(())
    }
}
