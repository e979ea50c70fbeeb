//! Malformed bytes at any point: the connection ends with the right reason, the session is intact.

use mqtt_as_proto::client::ConnectionError;
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{DecodeError, Version};

use crate::peer::{BOTH, Peer, ack, config, incoming};

/// The bytes, and the code that a 5.0 server is told.
struct Row(&'static str, &'static [u8], u8);

/// Malformed in both versions.
const ROWS: &[Row] = &[
    Row("packet type 0", &[0x00, 0], 0x81),
    Row("remaining length of five bytes", &[0x30, 0xff, 0xff, 0xff, 0xff, 1], 0x81),
    Row("remaining length not in its shortest form", &[0x30, 0x80, 0], 0x81),
    Row("PUBLISH, QoS 3", &[0x36, 5, 0, 1, b't', 0, 1], 0x81),
    Row("PUBLISH, DUP at QoS 0", &[0x38, 4, 0, 1, b't', 0], 0x81),
    Row("PUBLISH, identifier 0", &[0x32, 6, 0, 1, b't', 0, 0, 0], 0x81),
    Row("PUBLISH, topic beyond its end", &[0x30, 3, 0, 9, b't'], 0x81),
    Row("PUBLISH, topic with a wildcard", &[0x30, 4, 0, 1, b'#', 0], 0x81),
    Row("PUBLISH, topic with NUL", &[0x30, 4, 0, 1, 0, 0], 0x81),
    Row("PUBLISH, topic not UTF-8", &[0x30, 4, 0, 1, 0xff, 0], 0x81),
    Row("PUBLISH, a surrogate", &[0x30, 6, 0, 3, 0xed, 0xa0, 0x80, 0], 0x81),
    Row("PUBACK, identifier 0", &[0x40, 2, 0, 0], 0x81),
    Row("PUBACK, reserved flags", &[0x41, 2, 0, 1], 0x81),
    Row("PUBACK, too short", &[0x40, 1, 0], 0x81),
    Row("PUBREL, wrong flags", &[0x60, 2, 0, 1], 0x81),
    Row("SUBACK, an unknown code", &[0x90, 4, 0, 1, 0, 0x7f], 0x82),
    Row("PINGRESP, with a body", &[0xd0, 1, 0], 0x81),
    Row("CONNACK, reserved flags", &[0x20, 3, 2, 0, 0], 0x81),
    Row("CONNACK, empty", &[0x20, 0], 0x81),
];

/// Malformed in 5.0.
const ROWS_V5: &[Row] = &[
    Row("SUBACK, without a code", &[0x90, 3, 0, 1, 0], 0x81),
    Row("PUBLISH, properties beyond its end", &[0x30, 4, 0, 1, b't', 9], 0x81),
    Row("PUBLISH, unknown property", &[0x30, 6, 0, 1, b't', 2, 0x7f, 0], 0x81),
    Row("PUBLISH, property of CONNACK", &[0x30, 6, 0, 1, b't', 2, 0x25, 0], 0x81),
    Row("PUBLISH, repeated property", &[0x30, 8, 0, 1, b't', 4, 1, 0, 1, 0], 0x82),
    Row("PUBLISH, payload format 2", &[0x30, 6, 0, 1, b't', 2, 1, 2], 0x82),
    Row("PUBACK, a code of others", &[0x40, 3, 0, 1, 0x9f], 0x82),
    Row("PUBCOMP, bytes behind", &[0x70, 5, 0, 1, 0, 0, 0], 0x81),
    Row("DISCONNECT, a code of others", &[0xe0, 1, 0x01], 0x82),
    Row("AUTH, a code of others", &[0xf0, 2, 0x80, 0], 0x82),
];

/// Each malformed packet in each version in which it is one.
fn each(check: impl Fn(&Row, Version)) {
    for row in ROWS {
        check(row, Version::V5);
        check(row, Version::V311);
    }
    for row in ROWS_V5 {
        check(row, Version::V5);
    }
}

/// It ends the connection, and says so to a 5.0 server.
fn ends(peer: &mut Peer, row: &Row) {
    let error = peer.send_bytes(row.1).expect_err(row.0);
    assert!(error.to_string().starts_with("the "), "{error}");
    let told = match peer.version {
        Version::V5 => vec![format!("DISCONNECT {:#04x}", row.2)],
        Version::V311 => vec![],
    };
    assert_eq!(peer.sent(), told, "{}", row.0);
    assert!(peer.client.is_closing());
    assert!(!peer.client.is_connected());
    // What follows is not looked at.
    assert!(peer.send_bytes(row.1).unwrap().is_empty());
    assert!(peer.sent().is_empty());
}

#[test]
fn while_connecting() {
    each(|row, version| {
        let mut peer = Peer::new(version);
        peer.publish(1, "waits", 1);
        peer.begin(false);
        ends(&mut peer, row);
        assert_eq!(peer.reconnect(false), ["connected"], "{}", row.0);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t waits"]);
    });
}

#[test]
fn while_idle() {
    each(|row, version| {
        let mut peer = Peer::connected(version);
        ends(&mut peer, row);
        assert_eq!(peer.reconnect(true), ["connected resumed"]);
        peer.publish(1, "next", 1);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t next"]);
    });
}

/// Something of everything in flight: ours at each stage, and the server's.
fn busy(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.publish(2, "released", 1);
    peer.publish(1, "one", 2);
    peer.publish(2, "two", 3);
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    peer.message(incoming(2, 1, "t", "recorded"));
    peer.take();
    peer.message(incoming(1, 2, "t", "held"));
    peer.sent();
    peer
}

/// A reconnect resumes and resends; nothing was forgotten and nothing is delivered twice.
fn is_intact(peer: &mut Peer, row: &Row) {
    assert_eq!(peer.reconnect(true), ["connected resumed"], "{}", row.0);
    let resent = ["PUBREL #1", "PUBLISH dup q1 #2 t one", "PUBLISH dup q2 #3 t two"];
    assert_eq!(peer.sent(), resent, "{}", row.0);
    assert!(peer.message(incoming(2, 1, "t", "recorded")).is_empty());
    assert!(peer.message(incoming(1, 2, "t", "held")).is_empty());
    peer.take();
    assert_eq!(peer.sent(), ["PUBREC #1", "PUBACK #2"]);
    assert_eq!(peer.send(&Packet::PubAck(ack(2))), ["published 2 0x00"]);
}

// 3.1.1 [MQTT-4.1.0-1] [MQTT-4.6.0-1] [MQTT-4.8.0-1]
// 5.0 [MQTT-4.1.0-1] [MQTT-4.6.0-1] [MQTT-4.13.1-1]
#[test]
fn with_all_kinds_of_messages_in_flight() {
    each(|row, version| {
        let mut peer = busy(version);
        ends(&mut peer, row);
        is_intact(&mut peer, row);
    });
}

#[test]
fn behind_good_packets_and_cut_into_pieces() {
    each(|row, version| {
        let mut peer = busy(version);
        peer.send_bytes(&[0xd0, 0]).unwrap();
        let mut failed = false;
        for byte in row.1 {
            failed |= peer.send_bytes(&[*byte]).is_err();
        }
        assert!(failed, "{}", row.0);
        assert_eq!(peer.sent().len(), usize::from(version == Version::V5));
        is_intact(&mut peer, row);
    });
}

#[test]
fn the_error_names_the_fault() {
    let mut peer = Peer::connected(Version::V5);
    let error = peer.send_bytes(&[0x36, 5, 0, 1, b't', 0, 1]).unwrap_err();
    assert_eq!(error, ConnectionError::Malformed(DecodeError::QoS));
    assert_eq!(error.to_string(), "the peer sent the QoS 3");
}

#[test]
fn while_the_outbox_is_full_the_reason_still_gets_out() {
    let mut peer = Peer::in_memory(config(Version::V5), crate::peer::memory(128, 1024), 128);
    peer.connect(false, &[]);
    while peer.try_publish(0, "fill", 1).is_ok() {}
    peer.send_bytes(&[0x00, 0]).unwrap_err();
    assert_eq!(peer.sent().last().unwrap(), "DISCONNECT 0x81");
}

#[test]
fn any_packet_at_all_leaves_a_client_that_can_connect_again() {
    let bodies = [&[][..], &[0], &[0, 1], &[0, 1, 0], &[0, 1, 0, 0], &[0, 1, b't', 0, 0, 0]];
    for version in BOTH {
        let mut peer = Peer::connected(version);
        for first in 0..=255_u8 {
            for body in bodies {
                let bytes = [&[first, body.len() as u8], body].concat();
                if peer.send_bytes(&bytes).is_err() {
                    assert!(peer.client.is_closing());
                }
                while !peer.tokens.is_empty() {
                    peer.take();
                }
                peer.sent();
                assert_eq!(peer.reconnect(true), ["connected resumed"]);
            }
        }
        peer.publish(1, "alive", 1);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t alive"]);
    }
}
