//! Messages larger than we take.

use mqtt_as_proto::Version;
use mqtt_as_proto::client::{Config, ConnectionError};
use mqtt_as_proto::packet::Packet;

use crate::peer::{Peer, ack, config, encode, incoming};

fn large(qos: u8, id: u16) -> Vec<u8> {
    let payload = "x".repeat(2000);
    encode(&Packet::Publish(incoming(qos, id, "big", &payload)), Version::V311)
}

// 3.1.1 [MQTT-4.5.0-2]
// Decision [too-large-3]
#[test]
fn in_3_it_is_skipped_acknowledged_and_told() {
    let mut peer = Peer::connected(Version::V311);
    let size = large(0, 1).len();
    let told = format!("too large big {size} of 1024");
    assert_eq!(peer.send_bytes(&large(0, 0)).unwrap(), [told]);
    assert!(peer.sent().is_empty());
    assert_eq!(peer.send_bytes(&large(1, 1)).unwrap().len(), 1);
    assert_eq!(peer.sent(), ["PUBACK #1"]);
    assert_eq!(peer.send_bytes(&large(2, 2)).unwrap().len(), 1);
    assert_eq!(peer.sent(), ["PUBREC #2"]);
    peer.send(&Packet::PubRel(ack(2)));
    assert_eq!(peer.sent(), ["PUBCOMP #2"]);
    assert_eq!(peer.message(incoming(0, 0, "t", "after")), ["message q0 t after"]);
    assert!(peer.tokens.is_empty());
}

#[test]
fn in_3_it_may_come_in_pieces_of_any_size() {
    for piece in [1, 2, 3, 7, 100, 1023, 5000] {
        let mut peer = Peer::connected(Version::V311);
        let mut bytes = large(2, 1);
        bytes.extend(encode(&Packet::Publish(incoming(0, 0, "t", "after")), Version::V311));
        let mut events = Vec::new();
        for piece in bytes.chunks(piece) {
            events.extend(peer.send_bytes(piece).unwrap());
        }
        assert_eq!(events.len(), 2, "{piece}");
        assert_eq!(events[1], "message q0 t after");
        assert_eq!(peer.sent(), ["PUBREC #1"]);
    }
}

// Decision [stored-is-answered]
#[test]
fn in_3_a_stored_identifier_is_answered_even_if_the_copy_is_too_large() {
    let mut peer = Peer::connected(Version::V311);
    peer.send_bytes(&large(2, 1)).unwrap();
    peer.sent();
    peer.reconnect(true);
    peer.send_bytes(&large(2, 1)).unwrap();
    assert_eq!(peer.sent(), ["PUBREC #1"]);
}

#[test]
fn in_3_it_keeps_its_place_in_the_order_of_acknowledgements() {
    let mut peer = Peer::connected(Version::V311);
    peer.message(incoming(1, 1, "t", "held"));
    peer.send_bytes(&large(1, 2)).unwrap();
    assert!(peer.sent().is_empty());
    peer.take();
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2"]);
}

/// What is owed leaves before what the program says because of a message, also behind an
/// acknowledgement that was ready before and had not left.
#[test]
fn in_3_what_is_owed_behind_it_leaves_before_the_answer_of_the_program() {
    let mut peer = Peer::connected(Version::V311);
    peer.send_bytes(&large(1, 1)).unwrap();
    peer.message(incoming(1, 2, "t", "question"));
    peer.take();
    peer.publish(0, "answer", 7);
    assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2", "PUBLISH q0 t answer"]);
}

#[test]
fn in_3_its_identifier_finds_room_behind_any_number_that_was_never_released() {
    let mut peer = Peer::connected(Version::V311);
    for id in 1..=100 {
        peer.send_bytes(&large(2, id)).unwrap();
        assert_eq!(peer.sent(), [format!("PUBREC #{id}")]);
    }
    assert_eq!(peer.lose().shed, 0);
}

// Decision [too-large-3]
#[test]
fn in_3_the_link_is_closed_instead_by_choice() {
    let config = Config { close_if_too_large: true, ..config(Version::V311) };
    let mut peer = Peer::connected_with(config);
    let error = peer.send_bytes(&large(1, 1)).unwrap_err();
    assert_eq!(error, ConnectionError::TooLarge { size: large(1, 1).len() });
    assert!(peer.sent().is_empty());
}

#[test]
fn in_3_a_message_whose_topic_alone_is_too_large_ends_the_connection() {
    let mut peer = Peer::connected(Version::V311);
    let name = "n".repeat(1500);
    let bytes = encode(&Packet::Publish(incoming(1, 1, &name, "x")), Version::V311);
    for piece in bytes.chunks(100) {
        if let Err(error) = peer.send_bytes(piece) {
            assert_eq!(error, ConnectionError::TooLarge { size: bytes.len() });
            return;
        }
    }
    panic!("it was taken");
}

#[test]
fn in_3_a_malformed_one_is_malformed() {
    // A topic that is longer than the packet around it, with other packets behind it.
    let mut peer =
        Peer::connected_with(Config { maximum_packet_size: 64, ..config(Version::V311) });
    let mut bytes = vec![0x32, 100, 0, 120];
    bytes.extend([b't'; 300]);
    assert!(peer.send_bytes(&bytes).is_err());
}

#[test]
fn in_3_while_replies_cannot_leave_it_waits_too() {
    let mut peer = Peer::in_memory(config(Version::V311), crate::peer::memory(128, 1024), 128);
    peer.connect(false, &[]);
    peer.publish(0, "stuck", 1);
    peer.write(1);
    peer.stuck = true;
    let release = encode(&Packet::PubRel(ack(77)), Version::V311);
    peer.send_bytes(&release.repeat(100)).unwrap();
    assert_eq!(peer.read(), Ok(true));
    let before = peer.unread();
    peer.send_bytes(&large(2, 1)).unwrap();
    assert!(peer.unread() > before);
}

// 5.0 [MQTT-3.1.2-24]
// Decision [too-large-5]
#[test]
fn any_other_packet_and_all_in_5_end_the_connection() {
    let long = encode(&Packet::Publish(incoming(1, 1, "t", &"x".repeat(1100))), Version::V5);
    let mut peer = Peer::connected(Version::V5);
    // The fixed header tells enough.
    let error = peer.send_bytes(&long[..3]).unwrap_err();
    assert_eq!(error, ConnectionError::TooLarge { size: long.len() });
    assert_eq!(peer.sent(), ["DISCONNECT 0x95"]);
    for first in [0x20, 0x40, 0x90] {
        let mut peer = Peer::connected(Version::V311);
        peer.send_bytes(&[first, 0xff, 0x7f]).unwrap_err();
    }
    // Before CONNACK, a message is too large and too early.
    let mut peer = Peer::new(Version::V311);
    peer.begin(false);
    peer.send_bytes(&large(0, 0)).unwrap_err();
}

// 5.0 [MQTT-3.1.2-24]
#[test]
fn a_packet_of_exactly_the_maximum_is_taken() {
    for version in crate::peer::BOTH {
        let head = if version == Version::V5 { 9 } else { 8 };
        let payload = "x".repeat(1024 - head);
        let bytes = encode(&Packet::Publish(incoming(1, 1, "t", &payload)), version);
        assert_eq!(bytes.len(), 1024);
        assert_eq!(Peer::connected(version).send_bytes(&bytes).unwrap().len(), 1);
    }
}
