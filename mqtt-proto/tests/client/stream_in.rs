//! Messages that come piece by piece: a payload of any length through a small buffer.

use core::num::NonZeroU16;

use mqtt_as_proto::client::{Acknowledged, Config, ConnectionError};
use mqtt_as_proto::packet::{Packet, Publish};
use mqtt_as_proto::property::TopicAliasId;
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, encode, incoming};

fn streaming(version: Version) -> Config {
    Config { largest_stream: 100_000, ..config(version) }
}

fn connected(version: Version) -> Peer {
    Peer::connected_with(streaming(version))
}

fn payload(len: usize) -> String {
    "0123456789".chars().cycle().take(len).collect()
}

fn large(version: Version, qos: u8, id: u16) -> Vec<u8> {
    encode(&Packet::Publish(incoming(qos, id, "big", &payload(3000))), version)
}

/// Bytes of the pieces among the events.
fn pieces(events: &[String]) -> usize {
    let piece =
        |event: &String| event.strip_prefix("piece ").map(|len| len.parse::<usize>().unwrap());
    events.iter().filter_map(piece).sum()
}

#[test]
fn it_begins_with_its_header_and_its_payload_comes_in_pieces() {
    for version in BOTH {
        for qos in 0..=2 {
            let mut bytes = large(version, qos, 5);
            bytes.extend(encode(&Packet::Publish(incoming(0, 0, "t", "after")), version));
            for piece in [1, 2, 7, 100, 1000, 10_000] {
                let mut peer = connected(version);
                let mut events = Vec::new();
                for piece in bytes.chunks(piece) {
                    events.extend(peer.send_bytes(piece).unwrap());
                }
                assert_eq!(events[0], format!("stream q{qos} big 3000"));
                assert_eq!(pieces(&events), 3000);
                assert_eq!(events.last().unwrap(), "message q0 t after");
                assert!(peer.sent().is_empty(), "it is not taken yet");
                match qos {
                    0 => assert!(peer.tokens.is_empty()),
                    1 => {
                        assert_eq!(peer.take(), Acknowledged::Queued);
                        assert_eq!(peer.sent(), ["PUBACK #5"]);
                    }
                    _ => {
                        peer.take();
                        assert_eq!(peer.sent(), ["PUBREC #5"]);
                        peer.send(&Packet::PubRel(ack(5)));
                        assert_eq!(peer.sent(), ["PUBCOMP #5"]);
                    }
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
        let topic = "x".repeat(1010);
        let wide = encode(&Packet::Publish(incoming(1, 1, &topic, &payload(3000))), version);
        let config = Config { largest_stream: 2000, ..config(version) };
        for (config, bytes) in [(config, large(version, 1, 1)), (streaming(version), wide)] {
            let mut peer = Peer::connected_with(config);
            let (size, told) = (bytes.len(), peer.send_bytes(&bytes));
            match version {
                Version::V5 => assert_eq!(told, Err(ConnectionError::TooLarge { size })),
                Version::V311 => {
                    assert!(told.unwrap()[0].starts_with("too large"));
                    assert_eq!(peer.sent(), ["PUBACK #1"]);
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
                let mut peer = connected(version);
                peer.send_bytes(&bytes[..cut]).unwrap();
                peer.reconnect(true);
                let events = peer.send_bytes(&bytes).unwrap();
                assert_eq!(
                    (&*events[0], pieces(&events)),
                    (&*format!("stream q{qos} big 3000"), 3000)
                );
                assert_eq!(peer.tokens.len(), 2);
                assert_eq!(peer.take(), Acknowledged::Stale, "of the first attempt");
                assert!(peer.sent().is_empty());
                assert_eq!(peer.take(), Acknowledged::Queued);
                assert_eq!(peer.sent().len(), 1);
            }
        }
    }
}

#[test]
fn all_there_when_the_connection_is_lost_it_is_held_as_any_other() {
    for version in BOTH {
        let mut peer = connected(version);
        let bytes = large(version, 2, 5);
        peer.send_bytes(&bytes).unwrap();
        peer.reconnect(true);
        assert!(peer.send_bytes(&bytes).unwrap().is_empty(), "the copy joins the held one");
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #5"]);
    }
}

#[test]
fn a_repeat_of_a_taken_qos_2_message_is_skipped_and_answered() {
    for version in BOTH {
        let mut peer = connected(version);
        peer.send_bytes(&large(version, 2, 5)).unwrap();
        peer.take();
        peer.sent();
        peer.reconnect(true);
        let again = incoming(2, 5, "big", "");
        let text = payload(3000);
        let again = Packet::Publish(dup(Publish { payload: text.as_bytes(), ..again }));
        assert!(peer.send(&again).is_empty());
        assert_eq!(peer.sent(), ["PUBREC #5"]);
        assert_eq!(peer.message(incoming(0, 0, "t", "after")), ["message q0 t after"]);
    }
}

#[test]
fn its_alias_is_stored_and_used() {
    let mut peer = connected(Version::V5);
    let alias = [Property::TopicAlias(TopicAliasId(NonZeroU16::MIN))];
    let text = payload(3000);
    let first = Publish { properties: Properties::new(&alias), ..incoming(0, 0, "big", &text) };
    assert_eq!(peer.message(first)[0], "stream q0 big 3000");
    let mut second = vec![0x30, 0xbe, 0x17, 0, 0, 3, 0x23, 0, 1];
    second.extend(text.bytes());
    assert_eq!(peer.send_bytes(&second).unwrap()[0], "stream q0 big 3000");
    let small = [0x30, 7, 0, 0, 3, 0x23, 0, 1, b'x'];
    assert_eq!(peer.send_bytes(&small).unwrap(), ["message q0 big x"]);
}

#[test]
fn in_3_one_without_a_slot_is_shed() {
    let mut peer = connected(Version::V311);
    for id in 1..=4 {
        peer.message(incoming(1, id, "t", "held"));
    }
    assert!(peer.send_bytes(&large(Version::V311, 1, 5)).unwrap().is_empty());
    assert_eq!(peer.message(incoming(0, 0, "t", "after")), ["message q0 t after"]);
    peer.take();
    peer.take();
    assert_eq!(peer.advance(0), Err(ConnectionError::Overrun));
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "DISCONNECT 0x00"]);
}

#[test]
fn its_rest_may_be_skipped() {
    for version in BOTH {
        let mut peer = connected(version);
        let bytes = large(version, 1, 5);
        peer.send_bytes(&bytes[..100]).unwrap();
        peer.client.skip_stream();
        assert!(!peer.client.is_streaming_in());
        assert!(peer.send_bytes(&bytes[100..]).unwrap().is_empty());
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #5"]);
        assert_eq!(peer.message(incoming(0, 0, "t", "after")), ["message q0 t after"]);
    }
}

#[test]
fn refused_it_ends_the_connection_with_disconnect_and_comes_again() {
    for version in BOTH {
        for len in [100, usize::MAX] {
            let mut peer = connected(version);
            let bytes = large(version, 2, 5);
            peer.send_bytes(&bytes[..len.min(bytes.len())]).unwrap();
            let token = peer.tokens.pop_front().unwrap();
            assert_eq!(peer.client.refuse_stream(token), ConnectionError::StreamNotTaken);
            assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
            peer.reconnect(true);
            let events = peer.send_bytes(&bytes).unwrap();
            assert_eq!(pieces(&events), 3000);
            peer.take();
            assert_eq!(peer.sent(), ["PUBREC #5"]);
        }
    }
}

#[test]
fn in_a_lost_session_what_is_all_there_is_the_programs_own() {
    for version in BOTH {
        let mut peer = connected(version);
        peer.send_bytes(&large(version, 1, 5)).unwrap();
        peer.reconnect(false);
        let token = peer.tokens.pop_front().unwrap();
        assert_eq!(peer.client.acknowledge(token, ReasonCode::SUCCESS), Acknowledged::Stale);
        // Four places are free again.
        for id in 1..=4 {
            assert_eq!(peer.message(incoming(1, id, "t", "held")).len(), 1);
        }
    }
}

impl Peer {
    /// CONNECT, which stays to be looked at.
    fn begin_raw(&mut self) {
        use mqtt_as_proto::packet::Connect;
        let connect = Connect { client_id: "c", ..Connect::default() };
        self.client.connect(&connect, self.now).unwrap();
    }
}
