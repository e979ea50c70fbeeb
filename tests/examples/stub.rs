//! A server that is never the bottleneck: it answers as the peer of the `load` example has to, in
//! as few writes as it can, and keeps nothing. 3.1.1 only.
//!
//! `stub PORT` serves loopback until it is killed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, ConnAck, Delivery, Publish, SubAck};
use mqtt_as_proto::{Packet, PacketId, ReasonCode, TopicName, Version};

const VERSION: Version = Version::V311;

fn main() {
    let port: u16 = std::env::args().nth(1).expect("stub PORT").parse().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        std::thread::spawn(move || serve(stream));
    }
}

fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut input = Vec::new();
    let mut chunk = vec![0; 256 * 1024];
    let mut sender = Sender::default();
    loop {
        let n = stream.read(&mut chunk).ok().filter(|n| *n != 0)?;
        input.extend_from_slice(&chunk[..n]);
        let mut out = Vec::new();
        let mut rest = &input[..];
        while let Some((frame, behind)) = Frame::split(rest).expect("well-formed") {
            answer(&Packet::decode(frame, VERSION).expect("valid"), &mut out, &mut sender);
            rest = behind;
        }
        let used = input.len() - rest.len();
        input.drain(..used);
        stream.write_all(&out).ok()?;
        sender.send(&mut stream)?;
    }
}

/// Messages for the subscriber: at QoS 1 some are unacknowledged at a time.
#[derive(Default)]
struct Sender {
    left: usize,
    qos1: bool,
    unacknowledged: usize,
    next_id: u16,
}

impl Sender {
    const WINDOW: usize = 500;

    fn send(&mut self, stream: &mut TcpStream) -> Option<()> {
        let topic = TopicName::new("figures/topic/20byte").ok()?;
        while self.left != 0 {
            let room = if self.qos1 { Self::WINDOW - self.unacknowledged } else { 500 };
            let mut out = Vec::new();
            for _ in 0..room.min(self.left) {
                let mut publish = Publish::new(topic, &[b'x'; 64]);
                if self.qos1 {
                    self.next_id = self.next_id.checked_add(1).unwrap_or(1);
                    publish.delivery = Delivery::AtLeastOnce(PacketId::new(self.next_id)?);
                    self.unacknowledged += 1;
                }
                publish.encode(VERSION, &mut out).ok()?;
                self.left -= 1;
            }
            stream.write_all(&out).ok()?;
            if self.qos1 {
                break;
            }
        }
        Some(())
    }
}

fn answer(packet: &Packet<'_>, out: &mut Vec<u8>, sender: &mut Sender) {
    let reply = match packet {
        Packet::Connect(_) => Packet::ConnAck(ConnAck::default()),
        Packet::Publish(publish) => match publish.delivery {
            Delivery::AtMostOnce => return,
            Delivery::AtLeastOnce(id) => Packet::PubAck(Ack::new(id, ReasonCode::SUCCESS)),
            Delivery::ExactlyOnce(id) => Packet::PubRec(Ack::new(id, ReasonCode::SUCCESS)),
        },
        Packet::PubRel(ack) => Packet::PubComp(Ack::new(ack.id, ReasonCode::SUCCESS)),
        Packet::PubAck(_) => {
            sender.unacknowledged = sender.unacknowledged.saturating_sub(1);
            return;
        }
        Packet::Subscribe(subscribe) => {
            let first = subscribe.subscriptions.iter().next().expect("a filter");
            let count = first.filter.as_str().rsplit('/').next().and_then(|n| n.parse().ok());
            sender.left = count.expect("send/COUNT");
            sender.qos1 = first.options.qos as u8 == 1;
            let codes = &[first.options.qos as u8];
            let ack = SubAck { id: subscribe.id, properties: Default::default(), codes };
            Packet::SubAck(ack).encode(VERSION, out).expect("encodes");
            return;
        }
        Packet::PingReq => Packet::PingResp,
        _ => return,
    };
    reply.encode(VERSION, out).expect("encodes");
}
