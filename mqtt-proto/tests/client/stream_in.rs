//! Messages that come piece by piece: a payload of any length through a small window.

use core::num::NonZeroU16;

use mqtt_as_proto::client::{
    Acknowledged, Config, ConnectionError, Consumer, Look, Stop, StreamKey, StreamsIn,
};
use mqtt_as_proto::packet::{Packet, Publish};
use mqtt_as_proto::property::TopicAliasId;
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, encode, incoming, log, memory};

pub(crate) fn streaming(version: Version) -> Config {
    Config {
        streams_in: Some(StreamsIn::up_to(100_000)),
        manual_ack: None,
        response_time: 500,
        ..config(version)
    }
}

/// A client that has room for the largest packet that it takes at once, and hardly more.
pub(crate) fn tight(config: Config) -> Peer {
    let incoming = log(1024 + 16);
    let mut peer =
        Peer::in_memory(config, mqtt_as_proto::Memory { incoming, ..memory(2048, 1024) }, 2048);
    peer.deaf = true;
    peer.connect(false, &[]);
    peer
}

pub(crate) fn wide(config: Config) -> Peer {
    let mut peer = Peer::connected_with(config);
    peer.deaf = true;
    peer
}

pub(crate) fn payload(len: usize) -> String {
    "0123456789".chars().cycle().take(len).collect()
}

pub(crate) fn large(version: Version, qos: u8, id: u16) -> Vec<u8> {
    encode(&Packet::Publish(incoming(qos, id, "big", &payload(3000))), version)
}

/// One who reads a message.
pub(crate) struct Reader {
    pub(crate) key: StreamKey,
    read: Vec<u8>,
    len: usize,
}

impl Reader {
    /// Takes up the first message of the queue.
    pub(crate) fn begin(peer: &mut Peer) -> Self {
        let stored = peer.client.next(Consumer::Queue).expect("a message");
        assert_eq!(stored.publish().unwrap().topic.as_str(), "big");
        let len = stored.payload_len();
        Self { key: peer.client.begin_stream().unwrap(), read: Vec::new(), len }
    }

    pub(crate) fn look(&mut self, peer: &mut Peer, most: usize) -> Look {
        let mut buffer = vec![0; most];
        let look = peer.client.read_stream(self.key, self.read.len(), &mut buffer);
        if let Look::Bytes(read) = look {
            self.read.extend_from_slice(&buffer[..read]);
        }
        look
    }

    /// Reads all of it, by so many bytes at a time, from what came to the client.
    pub(crate) fn read_all(&mut self, peer: &mut Peer, most: usize) {
        while self.read.len() < self.len {
            match self.look(peer, most) {
                Look::Bytes(0) => panic!("it ended at {}", self.read.len()),
                Look::Bytes(_) => {}
                look => {
                    let before = peer.unread();
                    peer.read().unwrap();
                    assert!(peer.unread() < before, "it stands still: {look:?}");
                }
            }
        }
        assert_eq!(self.look(peer, 1), Look::Bytes(0));
        assert!(self.read == payload(self.len).as_bytes());
    }
}

/// What is at the front of the queue.
pub(crate) fn front(peer: &mut Peer) -> Option<String> {
    let stored = peer.client.next(Consumer::Queue)?;
    let kind = if stored.is_stream() { "stream" } else { "message" };
    let publish = stored.publish().unwrap();
    let (qos, topic) = (publish.delivery.qos() as u8, publish.topic.as_str());
    Some(format!("{kind} q{qos} {topic} {}", stored.payload_len()))
}

/// The message behind it comes, too.
pub(crate) fn assert_goes_on(peer: &mut Peer) {
    peer.message(incoming(0, 0, "t", "after"));
    assert_eq!(front(peer).unwrap(), "message q0 t 5");
}

#[test]
fn it_begins_with_its_header_and_its_payload_comes_in_pieces() {
    for version in BOTH {
        for qos in 0..=2 {
            for (piece, most) in [(1, 1), (2, 100), (7, 3), (100, 7), (1000, 5000), (10_000, 700)] {
                for mut peer in [tight(streaming(version)), wide(streaming(version))] {
                    let bytes = large(version, qos, 5);
                    let mut pieces = bytes.chunks(piece);
                    while peer.client.next(Consumer::Queue).is_none() {
                        peer.send_bytes(pieces.next().unwrap()).unwrap();
                    }
                    assert_eq!(front(&mut peer).unwrap(), format!("stream q{qos} big 3000"));
                    let mut reader = Reader::begin(&mut peer);
                    for piece in pieces {
                        let _ = reader.look(&mut peer, most);
                        peer.send_bytes(piece).unwrap();
                    }
                    reader.read_all(&mut peer, most);
                    assert!(!peer.client.is_stream_open());
                    assert!(peer.sent().is_empty(), "it is not taken yet");
                    peer.client.finish_stream(reader.key);
                    match qos {
                        0 => {}
                        1 => assert_eq!(peer.sent(), ["PUBACK #5"]),
                        _ => {
                            assert_eq!(peer.sent(), ["PUBREC #5"]);
                            peer.send(&Packet::PubRel(ack(5)));
                            assert_eq!(peer.sent(), ["PUBCOMP #5"]);
                        }
                    }
                    assert!(peer.sent().is_empty() && peer.client.held_bytes().1 == 0);
                    assert_goes_on(&mut peer);
                }
            }
        }
    }
}

#[test]
fn in_5_it_is_announced_as_maximum_packet_size() {
    let mut peer = Peer::with(streaming(Version::V5));
    peer.begin_raw();
    let connect = peer.raw();
    let property = [0x27, 0, 1, 0x86, 0xa0];
    assert!(connect.windows(5).any(|window| window == property), "{connect:x?}");
}

#[test]
fn beyond_its_limit_or_with_a_header_beyond_ours_it_is_too_large() {
    for version in BOTH {
        let topic = "x".repeat(1000);
        let wide_head = encode(&Packet::Publish(incoming(1, 1, &topic, &payload(3000))), version);
        let config = Config { streams_in: Some(StreamsIn::up_to(2000)), ..streaming(version) };
        for (config, bytes) in [(config, large(version, 1, 1)), (streaming(version), wide_head)] {
            let mut peer = wide(config);
            let (size, told) = (bytes.len(), peer.send_bytes(&bytes));
            match version {
                Version::V5 => assert_eq!(told, Err(ConnectionError::TooLarge { size })),
                Version::V311 => {
                    assert!(told.unwrap()[0].starts_with("too large"));
                    assert_eq!(peer.sent(), ["PUBACK #1"]);
                    assert_eq!(peer.client.counts().too_large, 1);
                }
            }
        }
    }
}

#[test]
fn lost_in_mid_stream_it_comes_again_as_a_new_one() {
    for version in BOTH {
        for qos in [1, 2] {
            let bytes = large(version, qos, 5);
            for cut in [20, 1000, bytes.len() - 1] {
                let mut peer = wide(streaming(version));
                peer.send_bytes(&bytes[..cut]).unwrap();
                let mut reader = Reader::begin(&mut peer);
                let token = peer.client.stream_token(reader.key).unwrap();
                peer.lose();
                assert_eq!(peer.events(), ["readable"]);
                assert_eq!(reader.look(&mut peer, 1), Look::Lost);
                peer.connect(true, &[]);
                peer.send_bytes(&bytes).unwrap();
                assert_eq!(
                    peer.client.acknowledge(token, ReasonCode::SUCCESS),
                    Acknowledged::Stale
                );
                peer.client.finish_stream(reader.key);
                assert!(peer.sent().is_empty(), "that was the first attempt");
                let mut again = Reader::begin(&mut peer);
                again.read_all(&mut peer, 100);
                peer.client.finish_stream(again.key);
                assert_eq!(peer.sent().len(), 1);

                let mut peer = wide(streaming(version));
                peer.send_bytes(&bytes[..cut]).unwrap();
                peer.reconnect(true);
                assert_eq!(front(&mut peer), None, "nobody had taken it up");
                assert_eq!(peer.client.held_bytes().1, 0);
            }
        }
    }
}

#[test]
fn all_there_when_the_connection_is_lost_it_is_held_as_any_other() {
    for version in BOTH {
        let mut peer = wide(streaming(version));
        let bytes = large(version, 2, 5);
        peer.send_bytes(&bytes).unwrap();
        peer.reconnect(true);
        peer.send_bytes(&bytes).unwrap();
        let mut reader = Reader::begin(&mut peer);
        assert_eq!(front(&mut peer), None, "the copy joins the held one");
        reader.read_all(&mut peer, 100);
        peer.client.finish_stream(reader.key);
        assert_eq!(peer.sent(), ["PUBREC #5"]);
    }
}

#[test]
fn a_repeat_of_a_taken_qos_2_message_is_skipped_and_answered() {
    for version in BOTH {
        let mut peer = wide(streaming(version));
        peer.send_bytes(&large(version, 2, 5)).unwrap();
        let mut reader = Reader::begin(&mut peer);
        reader.read_all(&mut peer, 100);
        peer.client.finish_stream(reader.key);
        peer.sent();
        peer.reconnect(true);
        let text = payload(3000);
        let again = Publish { payload: text.as_bytes(), ..incoming(2, 5, "big", "") };
        peer.send(&Packet::Publish(dup(again)));
        assert_eq!(front(&mut peer), None);
        assert_eq!(peer.sent(), ["PUBREC #5"]);
        assert_goes_on(&mut peer);
    }
}

// Decision [alias-first]
#[test]
fn its_alias_is_stored_and_replaced_by_the_topic() {
    let mut peer = wide(streaming(Version::V5));
    let alias = [Property::TopicAlias(TopicAliasId(NonZeroU16::MIN))];
    let text = payload(3000);
    let first = Publish { properties: Properties::new(&alias), ..incoming(0, 0, "big", &text) };
    peer.message(first);
    let mut second = vec![0x30, 0xbe, 0x17, 0, 0, 3, 0x23, 0, 1];
    second.extend(text.bytes());
    peer.send_bytes(&second).unwrap();
    peer.send_bytes(&[0x30, 7, 0, 0, 3, 0x23, 0, 1, b'x']).unwrap();
    for _ in 0..2 {
        assert_eq!(front(&mut peer).unwrap(), "stream q0 big 3000");
        let mut reader = Reader::begin(&mut peer);
        reader.read_all(&mut peer, 1000);
        peer.client.finish_stream(reader.key);
    }
    assert_eq!(front(&mut peer).unwrap(), "message q0 big 1");
}

#[test]
fn without_room_it_waits_and_is_shed_if_a_reply_is_awaited() {
    for version in BOTH {
        let mut peer = tight(streaming(version));
        let held = "x".repeat(970);
        peer.message(incoming(1, 1, "t", &held));
        peer.send_bytes(&large(version, 1, 5)).unwrap();
        assert_eq!(peer.read_on(), Ok(Some(Stop::Take)));
        peer.publish(1, "a reply is awaited", 1);
        assert_eq!(peer.read_on(), Ok(None));
        assert_eq!((peer.unread(), peer.client.counts().shed), (0, 1));
        peer.send(&Packet::PubAck(ack(1)));
        let token = peer.client.begin(Consumer::Queue).unwrap();
        peer.client.finish(Consumer::Queue, token);
        assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    }
    // With room for little, its window is small; it comes all the same.
    let mut peer = tight(streaming(Version::V5));
    let held = "x".repeat(940);
    peer.message(incoming(1, 1, "t", &held));
    peer.send_bytes(&large(Version::V5, 1, 5)).unwrap();
    let token = peer.client.begin(Consumer::Queue).unwrap();
    let mut reader = Reader::begin(&mut peer);
    reader.read_all(&mut peer, 1000);
    peer.client.finish_stream(reader.key);
    assert!(peer.sent().is_empty(), "the one before it is first");
    peer.client.finish(Consumer::Queue, token);
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #5"]);
}

// Decision [held-outlives-session]
#[test]
fn in_a_lost_session_what_is_all_there_is_the_programs_own() {
    for version in BOTH {
        let mut peer = wide(streaming(version));
        peer.send_bytes(&large(version, 1, 5)).unwrap();
        peer.reconnect(false);
        let mut reader = Reader::begin(&mut peer);
        reader.read_all(&mut peer, 100);
        peer.client.finish_stream(reader.key);
        assert!(peer.sent().is_empty());
        assert_eq!(peer.client.held_bytes().1, 0);
        for id in 1..=4 {
            peer.message(incoming(1, id, "t", "held"));
            assert!(peer.client.begin(Consumer::Queue).is_some());
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn on_the_heap_its_window_is_bounded() {
    let config = streaming(Version::V5);
    let memory = mqtt_as_proto::Memory::heap(&config, 2048, 2048, 1 << 20);
    let mut peer = Peer::in_memory(config, memory, 2048);
    peer.deaf = true;
    peer.connect(false, &[]);
    let bytes = encode(&Packet::Publish(incoming(1, 5, "big", &payload(90_000))), Version::V5);
    peer.send_bytes(&bytes).unwrap();
    assert!(peer.client.held_bytes().1 < 17 * 1024);
    let mut reader = Reader::begin(&mut peer);
    reader.read_all(&mut peer, 5000);
    peer.client.finish_stream(reader.key);
    assert_eq!(peer.sent(), ["PUBACK #5"]);
}

impl Peer {
    /// CONNECT, which stays to be looked at.
    fn begin_raw(&mut self) {
        use mqtt_as_proto::packet::Connect;
        let connect = Connect { client_id: "c", ..Connect::default() };
        self.client.connect(&connect, self.now).unwrap();
    }
}
