//! The packets against the standards' text: tables of bytes, each used in many ways.

#![allow(missing_docs)]

mod golden;
mod hex;
mod malformed;
mod places;
mod unsendable;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use golden::Vector;
use mqtt_as_proto::error::{DecodeError, EncodeError};
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::{Packet, PacketType, Publish, Version};
use mqtt_as_proto::property::Properties;
use mqtt_as_proto::wire::{MAX_REMAINING, Writer};

/// Runs `check` on every row and names the row in which it fails.
fn on_each(check: impl Fn(&Vector<'_>)) {
    golden::each(|vector| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(vector))) {
            eprintln!("in the row: {}", vector.name);
            resume_unwind(panic);
        }
    });
}

/// The one packet that the bytes are.
fn decode(bytes: &[u8], version: Version) -> Result<Packet<'_>, DecodeError> {
    let (frame, rest) = Frame::split(bytes)?.expect("the frame is not whole");
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    Packet::decode(frame, version)
}

fn encode(packet: &Packet<'_>, version: Version) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![0xee; packet.encoded_len(version)?];
    let mut out = Writer::new(&mut bytes);
    let len = packet.encode(version, &mut out)?;
    assert_eq!((len, out.result()), (out.len(), Ok(len)));
    assert_eq!(len, bytes.len());
    Ok(bytes)
}

/// What was decoded can be encoded, and is then decoded to the same.
fn round_trip(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let bytes = encode(packet, version).unwrap();
    assert_eq!(decode(&bytes, version).as_ref(), Ok(packet));
    bytes
}

// 5.0 [MQTT-1.5.5-1] [MQTT-3.1.3-1]
#[test]
fn a_packet_is_encoded_as_the_standard_spells_it() {
    on_each(|vector| {
        let bytes = encode(&vector.packet, vector.version).unwrap();
        assert!(bytes == vector.bytes, "{bytes:02X?}");
    });
}

// 3.1.1 [MQTT-2.3.1-5]
// 5.0 [MQTT-2.2.1-2]
#[test]
fn a_whole_packet_is_decoded() {
    on_each(|vector| {
        let packet = decode(vector.bytes, vector.version);
        assert!(packet == Ok(vector.packet), "{packet:?}");
        assert_eq!(packet.unwrap().packet_type(), vector.packet.packet_type());
    });
}

#[test]
fn forms_that_are_not_written_are_read_too() {
    golden::each_other_form(|vector| {
        let packet = decode(vector.bytes, vector.version).expect(vector.name);
        assert_eq!(packet, vector.packet, "{}", vector.name);
        round_trip(&packet, vector.version);
    });
}

#[test]
fn a_frame_is_found_once_its_last_byte_is_there() {
    on_each(|vector| {
        let bytes = vector.bytes;
        for len in golden::places_in(bytes.len()) {
            assert_eq!(Frame::split(&bytes[..len]), Ok(None), "{len} bytes");
        }
        let header = FixedHeader::read(bytes).unwrap().unwrap();
        assert_eq!((header.first, header.packet_len()), (bytes[0], bytes.len()));
        for len in 0..header.len {
            assert_eq!(FixedHeader::read(&bytes[..len]), Ok(None));
        }
    });
}

#[test]
fn bytes_after_a_frame_are_left_for_the_next() {
    on_each(|vector| {
        for trailing in [&[0xc0, 0][..], &[0], &[0xff; 9], vector.bytes] {
            let bytes = [vector.bytes, trailing].concat();
            let (frame, rest) = Frame::split(&bytes).unwrap().unwrap();
            assert!(rest == trailing);
            assert!(Packet::decode(frame, vector.version) == Ok(vector.packet));
        }
    });
}

/// A Remaining Length that covers more than the content; only a payload and a list grow by that.
#[test]
fn a_body_with_more_bytes_is_another_packet_or_none() {
    on_each(|vector| {
        let header = FixedHeader::read(vector.bytes).unwrap().unwrap();
        for extra in [0, 1, 0xff] {
            let body = [&vector.bytes[header.len..], &[extra]].concat();
            let frame = Frame { first: header.first, body: &body };
            if let Ok(packet) = Packet::decode(frame, vector.version) {
                // A zero may be a code of success or the length of no properties, left out before.
                assert!(packet != vector.packet || extra == 0, "{packet:?}");
                round_trip(&packet, vector.version);
            }
        }
    });
}

/// Whether a packet with less of its end may be a packet still.
fn has_optional_end(vector: &Vector<'_>) -> bool {
    use PacketType::{
        Auth, Disconnect, PubAck, PubComp, PubRec, PubRel, Publish, SubAck, Subscribe, UnsubAck,
        Unsubscribe,
    };
    let always = [Publish, Subscribe, SubAck, Unsubscribe];
    let in_v5 = [PubAck, PubRec, PubRel, PubComp, UnsubAck, Disconnect, Auth];
    let kind = vector.packet.packet_type();
    let refusal = matches!(vector.packet, Packet::ConnAck(ack) if ack.reason.is_error());
    always.contains(&kind) || (vector.version == Version::V5 && (in_v5.contains(&kind) || refusal))
}

#[test]
fn a_shortened_body_is_another_legal_packet_or_none() {
    on_each(|vector| {
        let header = FixedHeader::read(vector.bytes).unwrap().unwrap();
        for len in golden::places_in(header.remaining) {
            let body = &vector.bytes[header.len..][..len];
            let frame = Frame { first: header.first, body };
            if let Ok(packet) = Packet::decode(frame, vector.version) {
                assert!(has_optional_end(vector), "{len} bytes are taken for {packet:?}");
                assert!(packet != vector.packet || matches!(packet, Packet::ConnAck(_)));
                let again = round_trip(&packet, vector.version);
                let again = Frame::split(&again).unwrap().unwrap().0;
                // Only a code of success and a property length at the end are left out.
                let shorter = again.body.len() <= len && len <= again.body.len() + 2;
                assert!(shorter || matches!(packet, Packet::ConnAck(_)), "{packet:?}");
            }
        }
    });
}

#[test]
fn any_byte_may_be_any_other_without_a_panic() {
    let changed = |bytes: &[u8], _: Version| {
        for version in [Version::V311, Version::V5] {
            let Ok(Some((frame, _))) = Frame::split(bytes) else { continue };
            match Packet::decode(frame, version) {
                Ok(packet) => {
                    round_trip(&packet, version);
                    // The values of its properties are what came: none was out of its range.
                    let properties = places::properties_of(&packet);
                    let values: Vec<_> = properties.into_iter().collect();
                    assert_eq!(Properties::new(&values), properties);
                }
                Err(error) => assert!(error.reason().is_error() && error.to_string().len() > 14),
            }
        }
    };
    golden::each(|vector| golden::each_byte_changed(vector, changed));
    golden::each_other_form(|vector| golden::each_byte_changed(vector, changed));
}

#[test]
fn a_slice_that_is_too_small_is_told_the_right_size() {
    on_each(|vector| {
        let needed = vector.bytes.len();
        let mut out = vec![0xee; needed + 1];
        for room in golden::places_in(needed) {
            let result = vector.packet.encode_to_slice(vector.version, &mut out[..room]);
            assert_eq!(result, Err(EncodeError::NoRoom { needed }));
        }
        for room in [needed, needed + 1] {
            let result = vector.packet.encode_to_slice(vector.version, &mut out[..room]);
            assert_eq!(result, Ok(needed));
            assert!(out[..needed] == *vector.bytes);
        }
        assert_eq!(out[needed], 0xee);
    });
}

/// 1.5.5: a Remaining Length has at most four bytes, 268,435,455.
// Decision [length-of-packets]
#[test]
fn the_largest_packet_has_a_remaining_length_of_four_full_bytes() {
    let payload = vec![0; MAX_REMAINING as usize - 2];
    let (most, more) = (Publish::new(golden::topic("t"), &payload[1..]), &payload);
    assert_eq!(most.encoded_len(Version::V311), Ok(268_435_460));
    let header = FixedHeader::read(&hex::bytes("30 FF FF FF 7F 00 01 't'"));
    assert_eq!(
        header.map(|header| header.map(|header| header.packet_len())),
        Ok(Some(268_435_460))
    );
    let mut room = [0; 8];
    let mut out = Writer::new(&mut room);
    let needed = EncodeError::NoRoom { needed: 268_435_460 };
    assert_eq!((most.encode(Version::V311, &mut out), out.len()), (Err(needed), 0));
    let result = Publish { payload: more, ..most }.encode(Version::V311, &mut out);
    assert_eq!((result, out.len()), (Err(EncodeError::PacketTooLarge), 0));
}

#[test]
fn packets_are_written_one_after_the_other_and_never_in_part() {
    let mut bytes = [0xee; 9];
    let mut out = Writer::new(&mut bytes);
    let publish = Packet::Publish(Publish::new(golden::topic("t"), b"x"));
    assert_eq!(publish.encode(Version::V311, &mut out), Ok(6));
    let no_room = Err(EncodeError::NoRoom { needed: 6 });
    assert_eq!(publish.encode(Version::V311, &mut out), no_room);
    assert_eq!(Packet::PingReq.encode(Version::V311, &mut out), Ok(2));
    assert_eq!(out.result(), Ok(8));
    assert_eq!(bytes[..], hex::bytes("30 04 00 01 't' 'x' C0 00 EE"));
}
