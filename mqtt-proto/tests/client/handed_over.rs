//! A message on its way, whose owner has gone or gives it to another one.

use mqtt_as_proto::client::Tag;
use mqtt_as_proto::packet::Packet;

use crate::peer::{BOTH, Peer, ack, id};

/// Another mark takes the place of the first: the fate is told to it.
#[test]
fn a_message_that_is_handed_over_tells_its_fate_to_whom_it_is_handed_over() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.publish(1, "x", 1);
        let hand_over = |peer: &mut Peer, number, from, to| {
            peer.client.hand_over(id(number), Tag(from), Tag(to))
        };
        assert!(!hand_over(&mut peer, 2, 1, 7), "there is no such message");
        assert!(!hand_over(&mut peer, 1, 2, 7), "it is another one's");
        assert!(hand_over(&mut peer, 1, 1, 2), "nothing of it has left");
        peer.connect(false, &[]);
        peer.sent();
        assert!(!hand_over(&mut peer, 1, 2, 3), "it has left");
        peer.lose();
        assert!(!hand_over(&mut peer, 1, 3, 4), "it had left");
        peer.connect(true, &[]);
        peer.sent();
        assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 4 0x00"]);
    }
}

#[test]
fn the_fate_of_a_message_that_was_disowned_is_told_to_nobody() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.publish(1, "x", 1);
        assert!(!peer.client.disown(id(1), Tag(2)), "it is another one's");
        assert!(peer.client.disown(id(1), Tag(1)), "nothing of it has left");
        peer.connect(false, &[]);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t x"]);
        assert!(!peer.client.disown(id(1), Tag::NOBODY), "it has left");
        assert!(peer.send(&Packet::PubAck(ack(1))).is_empty());
        assert!(peer.client.is_idle());
    }
}
