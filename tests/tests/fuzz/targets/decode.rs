//! Bytes from the network, as packets: none may panic, and what is understood can be said again.

use mqtt_as_proto::Version;
use mqtt_as_proto::error::EncodeError;
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::{Packet, PacketType, Publish};

/// Bytes: how the others are to be read, then a stream of packets, or the first byte and the body of one.
/// Returns how many packets were understood.
pub(crate) fn run(bytes: &[u8]) -> u64 {
    let Some((how, rest)) = bytes.split_first() else { return 0 };
    let stream = match (how & 1, rest) {
        (1, [first, body @ ..]) => framed(*first, body),
        _ => rest.to_vec(),
    };
    let versions = [Version::V311, Version::V5];
    let decoded = versions.map(|version| feed(&stream, version)).iter().sum();
    come_in_pieces(&stream, usize::from(how >> 1));
    decoded
}

/// A packet under a Remaining Length that fits, so that its body is read.
pub(crate) fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut len = body.len();
    while len > 0x7f {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(body);
    bytes
}

/// Decodes packet after packet, as a connection does; returns how many there were.
pub(crate) fn feed(mut bytes: &[u8], version: Version) -> u64 {
    let mut decoded = 0;
    while let Ok(Some((frame, rest))) = Frame::split(bytes) {
        let packet = &bytes[..bytes.len() - rest.len()];
        assert_eq!(packet, framed(frame.first, frame.body), "a length in more bytes than it takes");
        truncate(packet, frame, version);
        match Packet::decode(frame, version) {
            Ok(packet) => round_trip(&packet, version),
            Err(error) => {
                assert!(error.reason().is_error());
                assert!(!error.to_string().is_empty());
                break;
            }
        }
        decoded += 1;
        bytes = rest;
    }
    decoded
}

fn round_trip(packet: &Packet<'_>, version: Version) {
    let bytes = packet.encode_to_vec(version).expect("it was decoded");
    let len = bytes.len();
    assert_eq!(packet.encoded_len(version), Ok(len));
    let short = &mut vec![0; len - 1][..];
    let no_room = Err(EncodeError::NoRoom { needed: len });
    assert_eq!(packet.encode_to_slice(version, short), no_room);
    let (frame, rest) = Frame::split(&bytes).unwrap().expect("it is whole");
    assert!(rest.is_empty());
    let again = Packet::decode(frame, version);
    assert_eq!(again, Ok(*packet));
    assert_eq!(again.expect("a packet").encode_to_vec(version).as_ref(), Ok(&bytes));
    assert!(!format!("{packet:?}").is_empty());
}

/// Places at which a packet is cut: all of a short one, those at both ends of a long one.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| *at < 48 || *at >= len - 8)
}

/// Without its end a frame is none yet, and under a Remaining Length that fits another packet, or none.
fn truncate(packet: &[u8], frame: Frame<'_>, version: Version) {
    for len in cuts(packet.len()) {
        assert_eq!(Frame::split(&packet[..len]), Ok(None), "{len} bytes");
    }
    for len in cuts(frame.body.len()) {
        let cut = Frame { body: &frame.body[..len], ..frame };
        if let Ok(packet) = Packet::decode(cut, version) {
            round_trip(&packet, version);
        }
        begin_publish(frame, cut, version);
    }
}

/// A PUBLISH of which a part of the payload came says the same as the whole.
fn begin_publish(frame: Frame<'_>, cut: Frame<'_>, version: Version) {
    if frame.first >> 4 != PacketType::Publish as u8 {
        return;
    }
    let Ok(whole) = Publish::decode(frame, version) else { return };
    let head = frame.body.len() - whole.payload.len();
    if let Some(came) = cut.body.len().checked_sub(head) {
        let begun = Publish { payload: &whole.payload[..came], ..whole };
        assert_eq!(Publish::decode(cut, version), Ok(begun));
    }
}

/// However the bytes come, the same frames are found.
fn come_in_pieces(stream: &[u8], most: usize) {
    let (mut whole, mut rest) = (Vec::new(), stream);
    while let Ok(Some((frame, after))) = Frame::split(rest) {
        whole.push((frame.first, frame.body.to_vec()));
        rest = after;
    }
    let (mut pieces, mut waiting) = (Vec::new(), Vec::new());
    for piece in stream.chunks(most + 1) {
        waiting.extend_from_slice(piece);
        // As a reader does that asks for the header first.
        while let Ok(Some(header)) = FixedHeader::read(&waiting) {
            let Some(frame) = header.frame(&waiting) else { break };
            pieces.push((frame.first, frame.body.to_vec()));
            waiting.drain(..header.packet_len());
        }
    }
    assert_eq!((pieces, &waiting[..]), (whole, rest), "in pieces of {}", most + 1);
}
