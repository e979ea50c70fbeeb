//! Each packet that a server may send, judged by its flags, its properties and its reason code: as the
//! standards' own tables list them, and nothing else.

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::Packet;

use crate::broken_rules::{State, ends};
use crate::peer::{BOTH, Peer, nack};

/// The first byte of each packet that a server may send.
const FIRST_BYTES: [(u8, State, &[u8]); 10] = [
    (0x20, State::Connecting, &[0, 0]),
    (0x40, State::Published1, &[0, 1]),
    (0x50, State::Published2, &[0, 1]),
    (0x62, State::Received, &[0, 1]),
    (0x70, State::Released, &[0, 1]),
    (0x90, State::Subscribed, &[0, 1, 0]),
    (0xb0, State::Unsubscribed, &[0, 1]),
    (0xd0, State::Connected, &[]),
    (0xe0, State::Connected, &[]),
    (0xf0, State::Authenticated, &[]),
];

/// The body of that packet in that version.
fn body(first: u8, version: Version, body: &[u8]) -> Vec<u8> {
    let more: &[u8] = match (version, first) {
        (Version::V5, 0x20) => &[0],
        (Version::V5, 0x90) => return [&body[..2], &[0], &body[2..]].concat(),
        (Version::V5, 0xb0) => &[0, 0],
        _ => &[],
    };
    [body, more].concat()
}

// 3.1.1 [MQTT-2.2.2-2] [MQTT-3.6.1-1]
// 5.0 [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
#[test]
fn flags_that_are_not_those_of_the_packet_end_the_connection() {
    for version in BOTH {
        for (first, state, rest) in FIRST_BYTES {
            if version == Version::V311 && first >= 0xe0 {
                continue; // A server of 3.1.1 has neither.
            }
            let rest = body(first, version, rest);
            for flags in (0..16).filter(|flags| first & 15 != *flags) {
                let bytes = [&[first & 0xf0 | flags, rest.len() as u8], &rest[..]].concat();
                ends(version, state, &bytes, 0x81, &format!("{:#04x}", bytes[0]));
            }
        }
    }
}

// 3.1.1 [MQTT-2.2.2-2]
// 5.0 [MQTT-2.1.3-1]
#[test]
fn the_same_packets_with_their_own_flags_do_not() {
    for version in BOTH {
        for (first, state, rest) in FIRST_BYTES {
            if version == Version::V311 && first >= 0xe0 || first == 0xf0 {
                continue; // AUTH needs a method.
            }
            let rest = body(first, version, rest);
            let mut peer = state.peer(version);
            let bytes = [&[first, rest.len() as u8], &rest[..]].concat();
            peer.send_bytes(&bytes).unwrap_or_else(|error| panic!("{first:#04x}: {error}"));
        }
    }
}

/// A packet of 5.0 that a server may send: how it begins, how it ends, when it may come, and the
/// identifiers of the properties that it may have (2.2.2.2).
struct Carrier(&'static str, u8, &'static [u8], &'static [u8], State, &'static [u8]);

const CARRIERS: [Carrier; 10] = [
    Carrier(
        "CONNACK",
        0x20,
        &[0, 0],
        &[],
        State::Connecting,
        &[
            0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27,
            0x28, 0x29, 0x2a,
        ],
    ),
    Carrier(
        "PUBLISH",
        0x30,
        b"\0\x01t",
        b"x",
        State::Connected,
        &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26],
    ),
    Carrier("PUBACK", 0x40, &[0, 1, 0], &[], State::Published1, &[0x1f, 0x26]),
    Carrier("PUBREC", 0x50, &[0, 1, 0], &[], State::Published2, &[0x1f, 0x26]),
    Carrier("PUBREL", 0x62, &[0, 1, 0], &[], State::Received, &[0x1f, 0x26]),
    Carrier("PUBCOMP", 0x70, &[0, 1, 0], &[], State::Released, &[0x1f, 0x26]),
    Carrier("SUBACK", 0x90, &[0, 1], &[0], State::Subscribed, &[0x1f, 0x26]),
    Carrier("UNSUBACK", 0xb0, &[0, 1], &[0], State::Unsubscribed, &[0x1f, 0x26]),
    Carrier("DISCONNECT", 0xe0, &[0x80], &[], State::Connected, &[0x11, 0x1c, 0x1f, 0x26]),
    Carrier("AUTH", 0xf0, &[0x18], &[], State::Begun, &[0x15, 0x16, 0x1f, 0x26]),
];

/// Each property, with a value that it may have.
const PROPERTIES: [&[u8]; 27] = [
    &[0x01, 1],
    &[0x02, 0, 0, 0, 9],
    &[0x03, 0, 1, b'a'],
    &[0x08, 0, 1, b'a'],
    &[0x09, 0, 1, 7],
    &[0x0b, 1],
    &[0x11, 0, 0, 0, 9],
    &[0x12, 0, 1, b'a'],
    &[0x13, 0, 9],
    &[0x15, 0, 1, b'M'],
    &[0x16, 0, 1, 7],
    &[0x17, 1],
    &[0x18, 0, 0, 0, 9],
    &[0x19, 1],
    &[0x1a, 0, 1, b'a'],
    &[0x1c, 0, 1, b'a'],
    &[0x1f, 0, 1, b'a'],
    &[0x21, 0, 9],
    &[0x22, 0, 9],
    &[0x23, 0, 1],
    &[0x24, 1],
    &[0x25, 1],
    &[0x26, 0, 1, b'a', 0, 1, b'b'],
    &[0x27, 0, 0, 0, 99],
    &[0x28, 1],
    &[0x29, 1],
    &[0x2a, 1],
];

const METHOD: &[u8] = &[0x15, 0, 1, b'M'];

/// The packet with those properties. Data needs its method, and so does AUTH.
fn carrying(carrier: &Carrier, properties: &[&[u8]]) -> (Vec<u8>, State) {
    let Carrier(_, first, before, behind, state, _) = carrier;
    let (mut section, mut state) = (properties.concat(), *state);
    let authenticates = matches!(section.first(), Some(0x15 | 0x16)) && *first == 0x20;
    if authenticates {
        state = State::Begun;
    }
    if (*first == 0xf0 || authenticates) && section.first() != Some(&0x15) {
        section = [METHOD, &section].concat();
    }
    let section = [&[section.len() as u8], &section[..]].concat();
    let body = [*before, &section, *behind].concat();
    ([&[*first, body.len() as u8], &body[..]].concat(), state)
}

// Decision [rules-without-number]
#[test]
fn a_property_of_another_packet_is_0x81() {
    for carrier in &CARRIERS {
        for property in PROPERTIES.iter().filter(|property| !carrier.5.contains(&property[0])) {
            let (bytes, state) = carrying(carrier, &[property]);
            ends(Version::V5, state, &bytes, 0x81, &format!("{} {property:02x?}", carrier.0));
        }
    }
}

// Decision [rules-without-number]
#[test]
fn a_property_that_is_repeated_is_0x82() {
    for carrier in &CARRIERS {
        for property in PROPERTIES.iter().filter(|property| carrier.5.contains(&property[0])) {
            let name = format!("{} {property:02x?} twice", carrier.0);
            let (bytes, state) = carrying(carrier, &[property, property]);
            if property[0] == 0x26 || (carrier.0, property[0]) == ("PUBLISH", 0x0b) {
                let mut peer = state.peer(Version::V5);
                peer.send_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            } else {
                ends(Version::V5, state, &bytes, 0x82, &name);
            }
        }
    }
}

// Decision [rules-without-number]
#[test]
fn a_property_that_stands_where_it_may_is_taken() {
    for carrier in &CARRIERS {
        for property in PROPERTIES.iter().filter(|property| carrier.5.contains(&property[0])) {
            let name = format!("{} {property:02x?}", carrier.0);
            let (bytes, state) = carrying(carrier, &[property]);
            if (carrier.0, property[0]) == ("DISCONNECT", 0x11) {
                ends(Version::V5, state, &bytes, 0x82, &name); // A server has no business with it.
                continue;
            }
            let mut peer = state.peer(Version::V5);
            peer.send_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// A packet up to its reason code, what is behind that, when it may come, and the codes that its section
/// of the standard lists.
struct Coded(&'static str, &'static [u8], &'static [u8], State, &'static [u8]);

const REASONS: [Coded; 9] = [
    Coded(
        "CONNACK",
        &[0x20, 3, 0],
        &[0],
        State::Connecting,
        &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
            0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
        ],
    ),
    Coded(
        "PUBACK",
        &[0x40, 3, 0, 1],
        &[],
        State::Published1,
        &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
    ),
    Coded(
        "PUBREC",
        &[0x50, 3, 0, 1],
        &[],
        State::Published2,
        &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
    ),
    Coded("PUBREL", &[0x62, 3, 0, 1], &[], State::Received, &[0x00, 0x92]),
    Coded("PUBCOMP", &[0x70, 3, 0, 1], &[], State::Released, &[0x00, 0x92]),
    Coded(
        "SUBACK",
        &[0x90, 4, 0, 1, 0],
        &[],
        State::Subscribed,
        &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
    ),
    Coded(
        "UNSUBACK",
        &[0xb0, 4, 0, 1, 0],
        &[],
        State::Unsubscribed,
        &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
    ),
    Coded(
        "DISCONNECT",
        &[0xe0, 2],
        &[0],
        State::Connected,
        &[
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90,
            0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0,
            0xa1, 0xa2,
        ],
    ),
    // 0x19 is the client's to say, and 0x00 ends a re-authentication only.
    Coded("AUTH", &[0xf0, 6], &[4, 0x15, 0, 1, b'M'], State::Begun, &[0x18]),
];

// 5.0 [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2]
//   [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1] [MQTT-4.12.0-1]
#[test]
fn a_reason_code_that_its_packet_does_not_list_is_0x82() {
    for Coded(name, before, behind, state, listed) in REASONS {
        for code in 0..=255_u8 {
            let bytes = [before, &[code], behind].concat();
            if listed.contains(&code) {
                let mut peer = state.peer(Version::V5);
                let taken = peer.send_bytes(&bytes);
                taken.unwrap_or_else(|error| panic!("{name} {code:#04x}: {error}"));
            } else {
                ends(Version::V5, state, &bytes, 0x82, &format!("{name} {code:#04x}"));
            }
        }
    }
}

// 3.1.1 [MQTT-3.9.3-2]
#[test]
fn a_return_code_that_3_does_not_list_ends_the_connection() {
    let rows: [(&[u8], State, &[u8]); 2] = [
        (&[0x20, 2, 0], State::Connecting, &[0, 1, 2, 3, 4, 5]),
        (&[0x90, 3, 0, 1], State::Subscribed, &[0, 1, 2, 0x80]),
    ];
    for (before, state, listed) in rows {
        for code in 0..=255_u8 {
            let bytes = [before, &[code]].concat();
            if listed.contains(&code) {
                state.peer(Version::V311).send_bytes(&bytes).unwrap();
            } else {
                ends(Version::V311, state, &bytes, 0, &format!("{bytes:02x?}"));
            }
        }
    }
}

/// Words in a packet that must not have any, as problem information was declined.
// 5.0 [MQTT-3.1.2-29]
#[test]
fn words_that_were_declined_are_0x82_in_every_packet_but_three() {
    for carrier in &CARRIERS {
        for words in [&[0x1f, 0, 1, b'a'][..], &[0x26, 0, 1, b'a', 0, 1, b'b']] {
            if !carrier.5.contains(&words[0]) {
                continue; // A reason string in PUBLISH is a fault of its own.
            }
            let name = format!("{} {words:02x?}", carrier.0);
            let (bytes, state) = carrying(carrier, &[words]);
            let mut peer = state.declined();
            let taken = peer.send_bytes(&bytes);
            if ["CONNACK", "PUBLISH", "DISCONNECT"].contains(&carrier.0) {
                taken.unwrap_or_else(|error| panic!("{name}: {error}"));
                continue;
            }
            taken.expect_err(&name);
            assert_eq!(peer.sent(), ["DISCONNECT 0x82"], "{name}");
        }
    }
}

/// Refusals and ends with an error: whoever said so, the connection is over.
// 5.0 [MQTT-3.2.2-7] [MQTT-4.13.2-1]
#[test]
fn a_code_that_is_an_error_ends_the_connection_whoever_says_it() {
    for code in [0x80, 0x87, 0x97, 0x9d] {
        for (state, bytes) in
            [(State::Connecting, [0x20, 3, 0, code, 0]), (State::Connected, [0xe0, 3, code, 1, 0])]
        {
            let len = if bytes[0] == 0xe0 { 3 } else { 5 };
            let mut bytes = bytes[..len].to_vec();
            bytes[1] = len as u8 - 2;
            let mut peer = state.peer(Version::V5);
            peer.publish(1, "waits", 1);
            peer.write(usize::MAX);
            peer.sent();
            peer.send_bytes(&bytes).unwrap();
            assert!(peer.client.is_closing());
            assert!(!peer.client.is_connected());
            assert!(peer.sent().is_empty(), "there is nobody to tell");
        }
    }
    let said = nack(1, 0x80);
    let mut peer = Peer::connected(Version::V5);
    peer.publish(1, "x", 1);
    peer.sent();
    peer.send(&Packet::PubAck(said));
    assert!(peer.client.is_connected(), "a message that is refused is no end");
}
