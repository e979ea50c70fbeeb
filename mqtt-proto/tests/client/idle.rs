//! When a client is idle: acknowledgements of messages that were taken are out, too.

use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Config, Version};

use crate::peer::{BOTH, Peer, ack, config, incoming, memory};

/// The first of two messages is held, the second taken.
fn second_taken(version: Version, qos: u8) -> Peer {
    let mut peer = Peer::connected(version);
    peer.message(incoming(qos, 1, "t", "first"));
    peer.message(incoming(qos, 2, "t", "second"));
    assert!(peer.client.is_idle(), "what nobody has taken is not on its way");
    peer.tokens.swap(0, 1);
    peer.take();
    peer
}

// Decision [drain]
#[test]
fn an_acknowledgement_behind_one_that_is_not_taken_is_owed() {
    for version in BOTH {
        let mut peer = second_taken(version, 1);
        assert!(peer.sent().is_empty(), "it waits for the first");
        assert!(!peer.client.is_idle());
        peer.take();
        assert!(!peer.client.is_idle());
        assert_eq!(peer.sent(), ["PUBACK #1", "PUBACK #2"]);
        assert!(peer.client.is_idle());
    }
}

#[test]
fn at_qos_2_it_is_owed_up_to_pubcomp() {
    for version in BOTH {
        let mut peer = second_taken(version, 2);
        assert!(!peer.client.is_idle());
        peer.take();
        assert_eq!(peer.sent(), ["PUBREC #1", "PUBREC #2"]);
        for id in [1, 2] {
            assert!(!peer.client.is_idle());
            peer.send(&Packet::PubRel(ack(id)));
            assert_eq!(peer.sent(), [format!("PUBCOMP #{id}")]);
        }
        assert!(peer.client.is_idle());
    }
}

/// It enters the outbox only when the transport has taken those that filled it.
#[test]
fn an_acknowledgement_that_found_the_outbox_full_is_owed() {
    const OUTBOX: usize = 128;
    const FULL: u16 = OUTBOX as u16 / 4;
    for version in BOTH {
        let most = 40;
        let config = Config { receive_maximum: most, queue_len: most.into(), ..config(version) };
        let mut peer = Peer::in_memory(config, memory(OUTBOX, 25_000), OUTBOX);
        peer.connect(false, &[]);
        for id in 1..=FULL + 1 {
            peer.message(incoming(1, id, "t", "x"));
        }
        while !peer.tokens.is_empty() {
            peer.take();
        }
        assert_eq!(peer.write(OUTBOX), OUTBOX, "the transport has all that was in the outbox");
        assert!(!peer.client.is_idle(), "and one is not out");
        assert_eq!(peer.sent().len(), usize::from(FULL + 1));
        assert!(peer.client.is_idle());
    }
}

/// Nobody is owed it where its connection is gone.
#[test]
fn what_is_owed_ends_with_the_connection() {
    for version in BOTH {
        let mut peer = second_taken(version, 1);
        peer.lose();
        assert!(peer.client.is_idle());
        peer.connect(true, &[]);
        assert!(peer.client.is_idle());
    }
}
