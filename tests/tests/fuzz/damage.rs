//! Packets, most of them damaged.

use mqtt_as_proto::Version;
use mqtt_as_proto::frame::Frame;
use mqtt_as_tests::random::Random;

use crate::targets::decode::{feed, framed};

/// One or several packets, mostly damaged ones; sometimes noise.
pub(crate) fn stream(random: &mut Random) -> Vec<u8> {
    if random.chance(5) {
        return (0..random.index(64)).map(|_| random.next_u64() as u8).collect();
    }
    let mut bytes = Vec::new();
    for _ in 0..random.between(1..=3) {
        bytes.extend(damaged_packet(random));
    }
    if random.chance(20) {
        damage(&mut bytes, random);
    }
    bytes
}

/// A packet with a damaged body under a Remaining Length that fits, so that bodies are read.
fn damaged_packet(random: &mut Random) -> Vec<u8> {
    let packet = seed(random);
    let (frame, _) = Frame::split(&packet).unwrap().expect("a whole seed");
    let (mut first, mut body) = (frame.first, frame.body.to_vec());
    for _ in 0..random.index(5) {
        damage(&mut body, random);
    }
    if first >> 4 == 3 && random.chance(50) {
        first = 0x30 | (random.next_u64() as u8 & 0x0f);
    }
    framed(first, &body)
}

/// Changes one thing.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.index(bytes.len());
    let Some(byte) = bytes.get_mut(at) else { return bytes.push(random.next_u64() as u8) };
    match random.index(8) {
        0 => *byte ^= 1 << random.index(8),
        1 => *byte = random.next_u64() as u8,
        2 => *byte = [0, 1, 2, 0x7f, 0x80, 0xff, b'#', b'+'][random.index(8)],
        3 => *byte = byte.wrapping_add(1),
        4 => *byte = byte.wrapping_sub(1),
        5 => bytes.insert(at, random.next_u64() as u8),
        6 => drop(bytes.remove(at)),
        _ => damage_range(bytes, at, random),
    }
}

/// Cuts the end off, or copies a part of this or of another packet in.
fn damage_range(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let source = match random.index(3) {
        0 => return bytes.truncate(at),
        1 => bytes.clone(),
        _ => seed(random),
    };
    let start = random.index(source.len());
    let end = (start + random.index(12)).min(source.len());
    bytes.splice(at..at, source[start..end].iter().copied());
}

fn seed(random: &mut Random) -> Vec<u8> {
    let text = SEEDS[random.index(SEEDS.len())];
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Each packet in both versions, with every property somewhere.
const SEEDS: &[&str] = &[
    // CONNECT: plain; every property; every will property; 3.1.1 in full.
    "10 0D 00 04 4D 51 54 54 05 02 00 00 00 00 00",
    "10 34 00 04 4D 51 54 54 05 00 00 3C 26 11 00 00 00 0A 15 00 03 47 53 53 16 00 02 00 FF 17
     00 19 01 27 00 00 10 00 21 00 0A 22 00 05 26 00 01 61 00 01 62 00 01 63",
    "10 41 00 04 4D 51 54 54 05 F6 00 0A 00 00 01 63 23 01 01 02 00 00 00 3C 03 00 04 74 65 78
     74 08 00 01 72 09 00 02 01 02 18 00 00 00 05 26 00 01 6B 00 01 76 00 01 77 00 03 62 79 65
     00 01 75 00 02 00 FF",
    "10 1C 00 04 4D 51 54 54 04 F4 00 00 00 01 63 00 01 77 00 03 62 79 65 00 01 75 00 02 00 FF",
    // CONNACK: 3.1.1; 5.0; refused; every property.
    "20 02 01 00",
    "20 03 00 00 00",
    "20 02 00 87",
    "20 42 00 00 3F 11 00 00 00 3C 12 00 02 69 64 13 00 1E 15 00 01 6D 16 00 01 07 1A 00 02 72
     2F 1C 00 01 73 1F 00 02 6F 6B 27 00 01 00 00 21 00 14 22 00 0A 24 01 25 00 28 00 29 00 2A
     01 26 00 01 61 00 01 62",
    // PUBLISH: plain; QoS 1; QoS 2 of 3.1.1; every property; an alias alone.
    "30 04 00 01 74 00",
    "32 09 00 01 74 00 0A 00 61 62 63",
    "3C 05 00 01 74 01 00",
    "31 2C 00 01 74 27 01 00 02 00 00 00 00 03 00 00 08 00 03 72 2F 31 09 00 00 0B 01 0B 80 01
     0B FF FF FF 7F 23 00 01 26 00 01 61 00 01 62 21",
    "30 07 00 00 03 23 00 01 21",
    // The four acknowledgements: short; with a code; with properties.
    "40 02 00 0A",
    "50 03 00 0A 10",
    "62 03 00 0A 92",
    "70 04 00 0A 92 00",
    "40 10 00 0A 87 0C 1F 00 02 6E 6F 26 00 01 61 00 01 62",
    "62 10 00 0A 00 0C 1F 00 02 6E 6F 26 00 01 61 00 01 62",
    // SUBSCRIBE and UNSUBSCRIBE: every option, a shared one, 3.1.1.
    "82 07 00 0A 00 00 01 61 01",
    "82 26 00 0A 0C 0B FF FF FF 7F 26 00 01 61 00 01 62 00 03 61 2F 2B 2E 00 01 23 00 00 0A 24
     73 68 61 72 65 2F 67 2F 61 19",
    "82 0A 00 01 00 01 61 00 00 01 62 02",
    "A2 19 00 0A 07 26 00 01 61 00 01 62 00 01 23 00 0A 24 73 68 61 72 65 2F 67 2F 61",
    "A2 08 00 01 00 01 61 00 01 62",
    // SUBACK and UNSUBACK.
    "90 06 00 01 00 01 02 80",
    "90 12 00 0A 0B 1F 00 01 6E 26 00 01 61 00 01 62 00 01 80 A2",
    "B0 02 00 01",
    "B0 11 00 0A 0B 1F 00 01 6E 26 00 01 61 00 01 62 00 11 80",
    // PINGREQ, PINGRESP, DISCONNECT and AUTH.
    "C0 00",
    "D0 00",
    "E0 00",
    "E0 01 04",
    "E0 16 9C 14 11 FF FF FF FF 1C 00 01 73 1F 00 01 6E 26 00 01 61 00 01 62",
    "F0 00",
    "F0 17 18 15 15 00 03 47 53 53 16 00 01 07 1F 00 01 6E 26 00 01 61 00 01 62",
];

/// A seed that is no packet would be noise only.
#[test]
fn the_seeds_are_packets() {
    for text in SEEDS {
        let hex = text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap());
        let bytes: Vec<_> = hex.collect();
        let decoded = [Version::V311, Version::V5].map(|version| feed(&bytes, version));
        assert!(decoded.contains(&1), "{text}");
    }
}
