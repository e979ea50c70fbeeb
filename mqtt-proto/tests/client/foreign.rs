//! Servers that speak another protocol are told by name, however their bytes come.

use mqtt_as_proto::client::{ConnectionError, Foreign};

use crate::peer::{BOTH, Peer};

const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
/// What servers answer to bytes that are no TLS: protocol version, unexpected message, decode error.
const ALERTS: [&[u8]; 3] =
    [b"\x15\x03\x01\0\x02\x02\x46", b"\x15\x03\x03\0\x02\x02\x0a", b"\x15\x03\x03\0\x02\x02\x32"];

fn answers() -> impl Iterator<Item = (&'static [u8], Foreign)> {
    let alerts = ALERTS.into_iter().map(|alert| (alert, Foreign::TlsAlert));
    [(HTTP, Foreign::Http)].into_iter().chain(alerts)
}

// Decision [foreign]
#[test]
fn what_answers_connect_in_another_protocol_is_named() {
    for version in BOTH {
        for (answer, foreign) in answers() {
            let mut peer = Peer::new(version);
            peer.begin(true);
            assert_eq!(peer.send_bytes(answer), Err(ConnectionError::NotMqtt(foreign)));
            assert!(peer.sent().is_empty(), "a word of MQTT to it");
        }
    }
}

#[test]
fn byte_by_byte_it_is_the_same() {
    for version in BOTH {
        for (answer, foreign) in answers() {
            let mut peer = Peer::new(version);
            peer.begin(true);
            let error = answer.iter().find_map(|byte| peer.send_bytes(&[*byte]).err());
            assert_eq!(error, Some(ConnectionError::NotMqtt(foreign)));
        }
    }
}

/// There the first byte is one of MQTT's, and judged as such.
#[test]
fn behind_connack_nothing_is_foreign() {
    for version in BOTH {
        for (answer, _) in answers() {
            let mut peer = Peer::connected(version);
            // As a packet, HTTP is longer than that.
            let result = peer.send_bytes(&[answer, &[0; 100]].concat());
            let error = result.expect_err("no packet of MQTT");
            assert!(matches!(error, ConnectionError::Malformed(_)), "{error}");
        }
    }
}

#[test]
fn what_to_do_is_said() {
    let said = |foreign| ConnectionError::NotMqtt(foreign).to_string();
    assert!(said(Foreign::Http).contains("HTTP"), "{}", said(Foreign::Http));
    assert!(said(Foreign::Http).contains("port"), "{}", said(Foreign::Http));
    assert!(said(Foreign::TlsAlert).contains("connect with TLS"), "{}", said(Foreign::TlsAlert));
}
