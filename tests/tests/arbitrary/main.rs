//! Arbitrary valid packets of every type, in both versions: what has to hold of each.
//!
//! A packet that fails is printed with as little in it as fails still, and its seed is put into
//! `regressions.txt`, whose seeds are tried first from then on. `PROPTEST_CASES` sets how many are tried.

#![allow(missing_docs)]

mod packets;
mod properties;
mod text;

use mqtt_as_proto::error::{DecodeError, EncodeError};
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::wire::Writer;
use mqtt_as_proto::{PacketType, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

/// Each property is tried with so many packets.
fn config() -> ProptestConfig {
    let seeds = FileFailurePersistence::Direct("tests/arbitrary/regressions.txt");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(1_000),
        failure_persistence: Some(Box::new(seeds)),
        ..ProptestConfig::default()
    }
}

fn encode(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut bytes = vec![0xee; packet.encoded_len(version).expect("a valid packet")];
    let mut out = Writer::new(&mut bytes);
    let written = packet.encode(version, &mut out);
    assert_eq!((written, out.result()), (Ok(out.len()), Ok(out.len())));
    assert_eq!(out.len(), bytes.len(), "as long as was announced");
    bytes
}

/// The one packet that the bytes are.
fn decode(bytes: &[u8], version: Version) -> Result<Packet<'_>, DecodeError> {
    let (frame, rest) = Frame::split(bytes)?.expect("it is whole");
    assert!(rest.is_empty());
    Packet::decode(frame, version)
}

/// What was understood can be said again, and is then understood as the same.
fn can_be_said_again(packet: &Packet<'_>, version: Version) {
    assert_eq!(decode(&encode(packet, version), version), Ok(*packet));
}

/// All places in `len` bytes, or of many those at both ends.
fn places_in(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| *at < 200 || *at + 20 > len)
}

proptest! {
    #![proptest_config(config())]

    // 5.0 [MQTT-1.5.5-1]
    #[test]
    fn it_is_decoded_as_it_was_encoded((packet, version) in packets::any()) {
        let bytes = encode(&packet, version);
        prop_assert_eq!(PacketType::from_first_byte(bytes[0]), Some(packet.packet_type()));
        let header = FixedHeader::read(&bytes).unwrap().unwrap();
        prop_assert_eq!(header.packet_len(), bytes.len());
        prop_assert_eq!(decode(&bytes, version), Ok(packet));
        // The shortest form of the Remaining Length.
        let shortest = [1, 128, 16_384, 2_097_152].iter().filter(|least| header.remaining >= **least);
        prop_assert_eq!(header.len, 1 + shortest.count().max(1));
    }

    #[test]
    fn cut_off_it_is_not_whole_and_its_body_is_another_packet_or_none((packet, version) in packets::any()) {
        let bytes = encode(&packet, version);
        let header = FixedHeader::read(&bytes).unwrap().unwrap();
        for len in places_in(bytes.len()) {
            prop_assert_eq!(Frame::split(&bytes[..len]), Ok(None));
        }
        for len in places_in(header.remaining) {
            let frame = Frame { first: bytes[0], body: &bytes[header.len..][..len] };
            match Packet::decode(frame, version) {
                Ok(other) => can_be_said_again(&other, version),
                Err(error) => prop_assert!(error.reason().is_error()),
            }
        }
    }

    #[test]
    fn with_one_byte_changed_it_is_another_packet_or_none(
        (packet, version) in packets::any(),
        changes in vec((any::<Index>(), any::<u8>()), 1..20),
    ) {
        let bytes = encode(&packet, version);
        for (at, byte) in changes {
            let mut bytes = bytes.clone();
            *at.get_mut(&mut bytes) = byte;
            let Ok(Some((frame, _))) = Frame::split(&bytes) else { continue };
            for version in [Version::V311, Version::V5] {
                match Packet::decode(frame, version) {
                    Ok(other) => can_be_said_again(&other, version),
                    Err(error) => prop_assert!(error.reason().is_error()),
                }
            }
        }
    }

    #[test]
    fn where_it_has_no_room_nothing_is_written((packet, version) in packets::any(), at in any::<Index>()) {
        let needed = packet.encoded_len(version).unwrap();
        for room in [needed - 1, at.index(needed), 0] {
            let mut bytes = vec![0xee; needed + 8];
            let (inside, beyond) = bytes.split_at_mut(room);
            let mut out = Writer::new(inside);
            prop_assert_eq!(packet.encode(version, &mut out), Err(EncodeError::NoRoom { needed }));
            prop_assert_eq!((out.len(), out.result()), (0, Ok(0)));
            let result = packet.encode_to_slice(version, inside);
            prop_assert_eq!(result, Err(EncodeError::NoRoom { needed }));
            prop_assert!(beyond.iter().all(|byte| *byte == 0xee));
        }
        let mut bytes = vec![0xee; needed + 8];
        prop_assert_eq!(packet.encode_to_slice(version, &mut bytes), Ok(needed));
        prop_assert!(bytes[needed..].iter().all(|byte| *byte == 0xee));
    }

    #[test]
    fn several_are_found_in_pieces_of_any_size(
        (packets, version) in packets::several(),
        pieces in vec(1_usize..40, 1..20),
    ) {
        let bytes: Vec<u8> = packets.iter().flat_map(|packet| encode(packet, version)).collect();
        let (mut rest, mut came, mut found) = (&bytes[..], Vec::new(), 0);
        for piece in pieces.iter().cycle() {
            let (piece, more) = rest.split_at((*piece).min(rest.len()));
            (came, rest) = ([came, piece.to_vec()].concat(), more);
            while let Some((frame, behind)) = Frame::split(&came).unwrap() {
                prop_assert_eq!(Packet::decode(frame, version), Ok(packets[found]));
                (came, found) = (behind.to_vec(), found + 1);
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!((found, came.len()), (packets.len(), 0));
    }
}
