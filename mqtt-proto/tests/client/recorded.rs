//! Recorded QoS 2 identifiers whose PUBREL never comes do not make the client deaf.

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::Packet;

use crate::peer::{BOTH, Peer, ack, dup, incoming};

/// Has received and answered QoS 2 messages with the identifiers 1 to `count`, of which the server
/// knows nothing any more: it releases none.
fn unreleased(peer: &mut Peer, count: u16) {
    let window = peer.client.config().receive_maximum;
    for number in 1..=count {
        assert_eq!(peer.message(incoming(2, number, "t", "x")), ["message q2 t x"], "{number}");
        peer.take();
        if number % window == 0 {
            peer.sent();
            peer.reconnect(true);
        }
    }
    peer.sent();
    peer.reconnect(true);
}

// Decision [never-released]
#[test]
fn messages_arrive_behind_twice_receive_maximum_identifiers_that_are_never_released() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        unreleased(&mut peer, 8);
        assert_eq!(peer.message(incoming(1, 100, "t", "one")), ["message q1 t one"]);
        assert_eq!(peer.message(incoming(2, 101, "t", "two")), ["message q2 t two"]);
        peer.take();
        peer.take();
        assert_eq!(peer.sent(), ["PUBACK #100", "PUBREC #101"]);
    }
}

/// Far more than lent memory holds.
// Decision [never-released]
#[test]
fn in_lent_memory_the_oldest_recorded_identifier_gives_way() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        unreleased(&mut peer, 20_000);
        assert!(peer.client.counts().forgotten > 0, "they are counted");
        assert!(peer.message(dup(incoming(2, 20_000, "t", "x"))).is_empty(), "the last is known");
        assert_eq!(peer.sent(), ["PUBREC #20000"]);
        assert_eq!(peer.message(incoming(2, 1, "t", "new")), ["message q2 t new"]);
        peer.send(&Packet::PubRel(ack(2)));
        let unknown = if version == Version::V5 { "PUBCOMP #2 0x92" } else { "PUBCOMP #2" };
        assert_eq!(peer.sent(), [unknown]);
    }
}

#[cfg(feature = "alloc")]
// Decision [never-released]
#[test]
fn with_a_heap_all_identifiers_can_be_recorded() {
    use mqtt_as_proto::{Config, Memory};

    for version in BOTH {
        let config = Config { receive_maximum: 1000, ..crate::peer::config(version) };
        let memory = Memory::heap(&config, 4096, 10, 4096);
        let mut peer = Peer::in_memory(config, memory, 4096);
        peer.connect(false, &[]);
        unreleased(&mut peer, u16::MAX);
        assert_eq!(peer.client.counts().forgotten, 0);
        for number in [1, 2, 1000, 40_000, u16::MAX] {
            assert!(peer.message(dup(incoming(2, number, "t", "x"))).is_empty(), "{number}");
            assert_eq!(peer.sent(), [format!("PUBREC #{number}")]);
        }
        peer.send(&Packet::PubRel(ack(7)));
        assert_eq!(peer.message(incoming(1, 7, "t", "one")), ["message q1 t one"]);
    }
}
