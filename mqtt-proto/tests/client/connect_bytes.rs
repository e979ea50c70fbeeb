//! CONNECT as bytes: what its flags say and what its payload holds, taken apart by hand.

use mqtt_as_proto::packet::{Connect, QoS, Will};
use mqtt_as_proto::{Properties, Version};

use crate::peer::{BOTH, Peer, topic};

const USER_NAME: u8 = 0x80;
const PASSWORD: u8 = 0x40;
const WILL_RETAIN: u8 = 0x20;
const WILL: u8 = 0x04;
const CLEAN: u8 = 0x02;

/// The flags, and the fields of the payload.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    flags: u8,
    fields: Vec<String>,
}

/// What is told of a message whose sender is lost.
fn will(qos: QoS, retain: bool) -> Will<'static> {
    Will { topic: topic("gone/水"), payload: b"bye", qos, retain, properties: Properties::NONE }
}

fn every_will() -> Vec<Will<'static>> {
    let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    all.into_iter().flat_map(|qos| [will(qos, false), will(qos, true)]).collect()
}

/// CONNECT as that client says it.
fn said(version: Version, connect: &Connect<'_>) -> Said {
    let mut peer = Peer::new(version);
    peer.client.connect(connect, peer.now).unwrap();
    apart(&peer.raw(), version)
}

fn apart(bytes: &[u8], version: Version) -> Said {
    let level = if version == Version::V5 { 5 } else { 4 };
    assert_eq!(bytes[0], 0x10);
    assert_eq!(usize::from(bytes[1]), bytes.len() - 2, "one packet of less than 128 bytes");
    assert_eq!(bytes[2..9], [0, 4, b'M', b'Q', b'T', b'T', level]);
    let (flags, mut rest) = (bytes[9], &bytes[12..]);
    if version == Version::V5 {
        rest = behind_properties(rest);
    }
    let mut fields = vec![field(&mut rest)];
    if version == Version::V5 && flags & WILL != 0 {
        rest = behind_properties(rest);
    }
    while !rest.is_empty() {
        fields.push(field(&mut rest));
    }
    Said { flags, fields }
}

fn behind_properties(rest: &[u8]) -> &[u8] {
    &rest[1 + usize::from(rest[0])..]
}

fn field(rest: &mut &[u8]) -> String {
    let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    let text = String::from_utf8(rest[2..2 + len].to_vec()).expect("UTF-8");
    *rest = &rest[2 + len..];
    text
}

// 5.0 [MQTT-3.1.2-1]
#[test]
fn protocol_name_and_version_are_those_of_the_standard() {
    for (version, begin) in
        [(Version::V311, b"\0\x04MQTT\x04\x02"), (Version::V5, b"\0\x04MQTT\x05\x02")]
    {
        let mut peer = Peer::new(version);
        let connect = Connect { clean_start: true, client_id: "c", ..Connect::default() };
        peer.client.connect(&connect, peer.now).unwrap();
        assert_eq!(peer.raw()[2..10], *begin);
    }
}

/// Before it nothing leaves, whatever waits; and it is said once.
// 3.1.1 [MQTT-3.1.0-1] [MQTT-3.1.0-2]
// 5.0 [MQTT-3.1.0-1] [MQTT-3.1.0-2]
#[test]
fn connect_is_the_first_packet_and_comes_once() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        for qos in 0..=2 {
            peer.publish(qos, "waits", 1);
        }
        peer.client.ping();
        peer.subscribe("a", 2).unwrap_err();
        assert!(peer.raw().is_empty(), "there is no connection");
        for _ in 0..2 {
            let connect = Connect { client_id: "c", ..Connect::default() };
            peer.client.connect(&connect, peer.now).unwrap();
            let sent = peer.sent();
            assert_eq!(sent.len(), 1, "{sent:?}");
            assert!(sent[0].starts_with("CONNECT"));
            peer.client.connect(&connect, peer.now).unwrap_err();
            peer.accept(false, &[]);
            peer.client.connect(&connect, peer.now).unwrap_err();
            assert!(!peer.sent().iter().any(|line| line.starts_with("CONNECT")));
            peer.lose();
        }
    }
}

// 3.1.1 [MQTT-3.1.2-3] [MQTT-3.1.2-4]
// 5.0 [MQTT-3.1.2-3] [MQTT-3.1.2-4]
#[test]
fn clean_start_is_said_as_it_was_asked_for() {
    for version in BOTH {
        for (clean_start, flags) in [(false, 0), (true, CLEAN)] {
            let connect = Connect { clean_start, client_id: "c", ..Connect::default() };
            assert_eq!(said(version, &connect), Said { flags, fields: vec!["c".into()] });
        }
    }
}

// 3.1.1 [MQTT-3.1.2-3] [MQTT-3.1.2-9] [MQTT-3.1.2-14]
// 5.0 [MQTT-3.1.2-3] [MQTT-3.1.2-9] [MQTT-3.1.2-12]
#[test]
fn a_will_is_flagged_with_its_qos_and_retain_and_is_in_the_payload() {
    for version in BOTH {
        for will in every_will() {
            let connect = Connect { client_id: "c", will: Some(will), ..Connect::default() };
            let said = said(version, &connect);
            let retain = if will.retain { WILL_RETAIN } else { 0 };
            assert_eq!(said.flags, WILL | retain | (will.qos as u8) << 3, "QoS 3 there is none");
            assert_eq!(said.fields, ["c", "gone/水", "bye"]);
        }
    }
}

// 3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15]
// 5.0 [MQTT-3.1.2-11] [MQTT-3.1.2-13]
#[test]
fn without_a_will_its_flags_are_0_and_it_has_no_fields() {
    for version in BOTH {
        for user_name in [None, Some("u")] {
            let connect = Connect { client_id: "c", user_name, ..Connect::default() };
            let said = said(version, &connect);
            assert_eq!(said.flags & !USER_NAME, 0);
            assert_eq!(said.fields.len(), 1 + usize::from(user_name.is_some()));
        }
    }
}

// 3.1.1 [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.2-20] [MQTT-3.1.2-21]
// 5.0 [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]
#[test]
fn user_name_and_password_are_in_the_payload_if_their_flags_say_so() {
    for version in BOTH {
        for (user_name, password) in
            [(None, None), (Some("u"), None), (Some("u"), Some("p")), (None, Some("p"))]
        {
            if version == Version::V311 && user_name.is_none() && password.is_some() {
                continue; // That is refused here.
            }
            let password_bytes = password.map(str::as_bytes);
            let connect = Connect {
                client_id: "c",
                user_name,
                password: password_bytes,
                ..Connect::default()
            };
            let said = said(version, &connect);
            assert_eq!(said.flags & USER_NAME != 0, user_name.is_some());
            assert_eq!(said.flags & PASSWORD != 0, password.is_some());
            let wanted = [Some("c"), user_name, password];
            assert_eq!(said.fields, wanted.into_iter().flatten().collect::<Vec<_>>());
        }
    }
}

// 3.1.1 [MQTT-3.1.3-1]
// 5.0 [MQTT-3.1.3-1]
#[test]
fn the_payload_is_in_its_order() {
    for version in BOTH {
        let connect = Connect {
            client_id: "c",
            will: Some(will(QoS::AtLeastOnce, true)),
            user_name: Some("u"),
            password: Some(b"p"),
            ..Connect::default()
        };
        assert_eq!(said(version, &connect).fields, ["c", "gone/水", "bye", "u", "p"]);
    }
}

// 3.1.1 [MQTT-3.1.3-3]
// 5.0 [MQTT-3.1.3-3]
#[test]
fn the_client_identifier_comes_first_also_if_it_is_empty() {
    for version in BOTH {
        let connect = Connect { clean_start: true, user_name: Some("u"), ..Connect::default() };
        assert_eq!(said(version, &connect).fields, ["", "u"]);
    }
}

/// They are taken apart as such; here are some that take several bytes for a character.
// 3.1.1 [MQTT-1.5.3-1] [MQTT-1.5.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-10] [MQTT-3.1.3-11]
// 5.0 [MQTT-1.5.4-1] [MQTT-1.5.4-3] [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12]
#[test]
fn strings_are_utf_8() {
    for version in BOTH {
        let connect = Connect {
            client_id: "ä\u{feff}😀",
            will: Some(will(QoS::AtMostOnce, false)),
            user_name: Some("名"),
            ..Connect::default()
        };
        assert_eq!(said(version, &connect).fields, ["ä\u{feff}😀", "gone/水", "bye", "名"]);
    }
}

// 3.1.1 [MQTT-3.1.3-2]
// 5.0 [MQTT-3.1.3-2]
#[test]
fn the_session_is_that_of_the_same_client_identifier() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        for _ in 0..3 {
            let connect = Connect { client_id: "pump-7", ..Connect::default() };
            peer.client.connect(&connect, peer.now).unwrap();
            assert_eq!(apart(&peer.raw(), version).fields, ["pump-7"]);
            peer.accept(false, &[]);
            peer.lose();
        }
    }
}
