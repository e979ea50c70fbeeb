//! A server that is never the bottleneck: it answers as the peer of the `load` example has to, in
//! as few writes as it can, and keeps nothing. It speaks the version that the client speaks.
//!
//! `stub` prints the port of loopback that it serves until it is killed; `stub --tls FILE` serves TLS
//! there, with a certificate for `localhost` that it writes to that file first; `stub --tell` prints, at the
//! end of each connection, how many messages were published on it. So that a client does the same work in
//! every run, however fast either side is, the stub counts and looks at no clock:
//!
//! * a client named `acks/N/order` gets its acknowledgements when N are due, in one write; named
//!   `acks/N/reverse`, in reverse order,
//! * a subscription to `send/COUNT/LEN` gets that many messages with payloads of LEN bytes; at
//!   QoS 1 the next 500, or as many as the client takes, when all before are acknowledged,
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

/// What a client under a counting tool needs at most to get to where it waits.
const PAUSE: Duration = Duration::from_millis(3);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (tls, tell) = match &arguments[..] {
        [] => (None, false),
        [option] if option == "--tell" => (None, true),
        [option, file] if option == "--tls" => (Some(tls(file)), false),
        _ => panic!("stub [--tls FILE | --tell]"),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let tls = tls.clone();
        // A thread each: a thousand idle clients are a thousand threads that sleep.
        std::thread::spawn(move || {
            let mut peer = Peer::default();
            match tls.map(|tls| ServerConnection::new(tls).expect("settings")) {
                Some(connection) => peer.serve(&mut StreamOwned::new(connection, &stream)),
                None => peer.serve(&mut &stream),
            };
            if tell {
                println!("{}", peer.published);
            }
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

/// What the stub has to know of a client.
struct Peer {
    version: Version,
    out: Vec<u8>,
    published: usize,
    disconnected: bool,
    acks: Acks,
    sender: Sender,
}

impl Default for Peer {
    fn default() -> Self {
        let (acks, sender) = Default::default();
        let (version, out) = (Version::V311, Vec::new());
        Self { version, out, published: 0, disconnected: false, acks, sender }
    }
}

impl Peer {
    /// Serves the client until it disconnects or closes the connection.
    fn serve(&mut self, stream: &mut (impl Read + Write)) -> Option<()> {
        let mut input = Vec::new();
        let mut chunk = vec![0; 256 * 1024];
        loop {
            let n = stream.read(&mut chunk).ok().filter(|n| *n != 0)?;
            input.extend_from_slice(&chunk[..n]);
            let mut rest = &input[..];
            while let Some((frame, behind)) = Frame::split(rest).expect("well-formed") {
                self.handle(&Packet::decode(frame, self.version).expect("valid"));
                rest = behind;
            }
            let used = input.len() - rest.len();
            input.drain(..used);
            stream.write_all(&std::mem::take(&mut self.out)).ok()?;
            self.sender.send(stream)?;
            if self.disconnected {
                return None;
            }
        }
    }

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
            Packet::Disconnect(_) => self.disconnected = true,
            _ => {}
        }
    }

    fn handle_connect(&mut self, connect: &Connect<'_>) {
        self.version = connect.version;
        self.acks = Acks::named(connect.client_id).unwrap_or_default();
        self.sender.at_a_time =
            connect.properties.receive_maximum().map_or(Sender::WINDOW, |n| n.get().into());
        std::thread::sleep(PAUSE);
        self.answer(&Packet::ConnAck(ConnAck::default()));
    }

    fn handle_publish(&mut self, publish: &Publish<'_>) {
        self.published += 1;
        let success = |id| Ack::new(id, ReasonCode::SUCCESS);
        match publish.delivery {
            Delivery::AtMostOnce if publish.topic.as_str().starts_with("echo") => {
                self.out.extend(
                    Packet::Publish(*publish).encode_to_vec(self.version).expect("encodes"),
                );
            }
            Delivery::AtMostOnce => {}
            Delivery::AtLeastOnce(id) => self.acknowledge(Packet::PubAck(success(id))),
            Delivery::ExactlyOnce(id) => self.acknowledge(Packet::PubRec(success(id))),
        }
    }

    fn handle_subscribe(&mut self, subscribe: &Subscribe<'_>) {
        let first = subscribe.filters.iter().next().expect("a filter");
        let qos = first.options.qos as u8;
        self.sender.subscribed(first.filter.as_str(), qos == 1, self.version);
        let ack = SubAck { id: subscribe.id, properties: Default::default(), codes: &[qos] };
        self.answer(&Packet::SubAck(ack));
    }

    fn answer(&mut self, packet: &Packet<'_>) {
        self.out.extend(packet.encode_to_vec(self.version).expect("encodes"));
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
struct Sender {
    version: Version,
    left: usize,
    len: usize,
    qos1: bool,
    /// At QoS 1 as many are unacknowledged at a time, at most.
    at_a_time: usize,
    unacknowledged: usize,
    next_id: u16,
}

impl Default for Sender {
    fn default() -> Self {
        let (version, at_a_time) = (Version::V311, Self::WINDOW);
        Self { version, left: 0, len: 0, qos1: false, at_a_time, unacknowledged: 0, next_id: 0 }
    }
}

impl Sender {
    /// At QoS 1 as many are unacknowledged at a time, where the client takes as many.
    const WINDOW: usize = 500;
    /// At QoS 0 a write has about as many bytes.
    const WRITE: usize = 256 * 1024;

    fn subscribed(&mut self, filter: &str, qos1: bool, version: Version) {
        let asked = filter.strip_prefix("send/").and_then(|asked| asked.split_once('/'));
        let Some((count, len)) = asked else { return };
        (self.left, self.len) = (count.parse().expect("COUNT"), len.parse().expect("LEN"));
        (self.qos1, self.version) = (qos1, version);
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
        self.unacknowledged = self.left.min(Self::WINDOW).min(self.at_a_time);
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
        out.extend(Packet::Publish(publish).encode_to_vec(self.version).ok()?);
        Some(())
    }
}
