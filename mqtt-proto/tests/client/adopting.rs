//! An adopted session: the server may hold any identifier, so each is cleared by PUBREL → PUBCOMP
//! before its first QoS 2 use. That is done ahead, many at a time.

use std::collections::BTreeSet;

use mqtt_as_proto::client::Config;
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Property, Version};

use crate::peer::{BOTH, Peer, ack, config, nack};

/// Round trips that 32 publishes may take together.
const FEW: usize = 12;

pub(crate) fn adopted(version: Version, properties: &[Property<'_>]) -> Peer {
    let mut peer = Peer::with(Config { adopt_session: true, ..config(version) });
    assert_eq!(peer.connect(true, properties), ["connected adopted"]);
    peer
}

/// The server clears all identifiers that it is asked to; gives what else was sent.
pub(crate) fn clear(peer: &mut Peer) -> Vec<String> {
    let mut others = Vec::new();
    loop {
        let sent = peer.sent();
        if sent.is_empty() {
            return others;
        }
        for line in sent {
            match line.strip_prefix("PUBREL #") {
                None => others.push(line),
                Some(number) => {
                    let number = number.parse().expect("an identifier");
                    assert!(peer.send(&Packet::PubComp(ack(number))).is_empty());
                }
            }
        }
    }
}

/// A server that answers all that has come at once, and looks after the rule.
#[derive(Default)]
struct Server {
    cleared: BTreeSet<u16>,
    published: BTreeSet<u16>,
    settled: usize,
}

impl Server {
    /// One round trip; whether there was anything to answer.
    fn answer(&mut self, peer: &mut Peer) -> bool {
        let sent = peer.sent();
        for line in &sent {
            let number = line.split('#').nth(1).expect("an identifier");
            let number = number.split(' ').next().expect("a number").parse().expect("a number");
            let answer = match line.split(' ').next() {
                Some("PUBREL") => {
                    let unknown = self.cleared.insert(number) && peer.version == Version::V5;
                    Packet::PubComp(nack(number, if unknown { 0x92 } else { 0 }))
                }
                Some("PUBLISH") if line.contains("q1 ") => Packet::PubAck(ack(number)),
                _ => {
                    assert!(self.cleared.contains(&number), "{line} before it was cleared");
                    assert!(self.published.insert(number), "{line} twice");
                    Packet::PubRec(ack(number))
                }
            };
            self.settled += peer.send(&answer).len();
        }
        !sent.is_empty()
    }
}

// Decision [adopt-clears]
#[test]
fn many_qos_2_publishes_take_a_few_round_trips() {
    for version in BOTH {
        let mut peer = adopted(version, &[]);
        for tag in 1..=32 {
            peer.publish(2, "x", tag);
        }
        let mut server = Server::default();
        let rounds = (0..200).take_while(|_| server.answer(&mut peer)).count();
        assert_eq!(server.settled, 32);
        assert!(rounds <= FEW, "{rounds} round trips");
    }
}

#[test]
fn qos_1_does_not_wait_a_round_trip_for_each_qos_2() {
    for version in BOTH {
        let mut peer = adopted(version, &[]);
        for tag in 1..=32 {
            peer.publish(1 + (tag % 2) as u8, "x", tag);
        }
        let mut server = Server::default();
        let rounds = (0..200).take_while(|_| server.answer(&mut peer)).count();
        assert_eq!(server.settled, 32);
        assert!(rounds <= FEW, "{rounds} round trips");
    }
}

/// One after the other they take two round trips each, as in any session.
#[test]
fn later_publishes_find_their_identifiers_cleared() {
    for version in BOTH {
        let mut peer = adopted(version, &[]);
        let (mut server, mut rounds) = (Server::default(), 0);
        for tag in 1..=32 {
            peer.publish(2, "x", tag);
            rounds += (0..200).take_while(|_| server.answer(&mut peer)).count();
        }
        assert_eq!(server.settled, 32);
        assert!(rounds <= 2 * 32 + FEW, "{rounds} round trips");
    }
}

#[test]
fn a_window_of_one_is_kept_to_while_identifiers_are_cleared() {
    let mut peer = adopted(Version::V5, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    for tag in 1..=8 {
        peer.publish(2, "x", tag);
    }
    let mut server = Server::default();
    let mut before = 0;
    while server.answer(&mut peer) {
        let published = server.published.len();
        assert!(published <= before + 1, "more than one at a time");
        before = published;
    }
    assert_eq!(server.settled, 8);
}

#[test]
fn what_was_not_cleared_when_the_link_was_lost_is_cleared_on_the_next_connection() {
    for version in BOTH {
        for answered in 0..3 {
            let mut peer = adopted(version, &[]);
            for tag in 1..=8 {
                peer.publish(2, "x", tag);
            }
            let mut server = Server::default();
            for _ in 0..answered {
                server.answer(&mut peer);
            }
            peer.sent(); // Lost on its way.
            peer.reconnect(true);
            while server.answer(&mut peer) {}
            assert_eq!(server.settled, 8);
        }
    }
}

#[test]
fn a_resend_is_not_cleared() {
    for version in BOTH {
        let mut peer = adopted(version, &[]);
        peer.publish(2, "x", 1);
        assert_eq!(clear(&mut peer), ["PUBLISH q2 #1 t x"]);
        peer.reconnect(true);
        assert_eq!(clear(&mut peer), ["PUBLISH dup q2 #1 t x"]);
    }
}

#[test]
fn in_a_new_session_nothing_is_cleared() {
    for version in BOTH {
        let mut peer = adopted(version, &[]);
        peer.publish(2, "x", 1);
        assert_eq!(peer.sent()[0], "PUBREL #1");
        peer.reconnect(false);
        assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x"]);
    }
}

#[test]
fn what_was_published_before_there_was_a_connection_is_cleared_first_too() {
    for version in BOTH {
        let mut peer = Peer::with(config(version));
        for tag in 1..=3 {
            peer.publish(2, "x", tag);
        }
        assert_eq!(peer.connect(true, &[]), ["connected adopted"]);
        let mut server = Server::default();
        while server.answer(&mut peer) {}
        assert_eq!((server.settled, peer.client.pending()), (3, 0));
    }
}

/// Publishes at QoS 1 until that identifier was used.
fn publish_up_to(peer: &mut Peer, first: u16, last: u16) {
    for number in first..=last {
        peer.publish(1, "x", u32::from(number));
        peer.raw();
        peer.send(&Packet::PubAck(ack(number)));
    }
}

/// Identifiers that were used at QoS 1 alone are not cleared by that, and PUBREL in the middle of a
/// flow would end it at the server before its time.
// Decision [adopt-clears]
#[test]
fn each_identifier_is_cleared_before_its_first_qos_2_and_not_after() {
    let mut peer = adopted(Version::V5, &[]);
    publish_up_to(&mut peer, 1, 100);
    peer.publish(2, "x", 101);
    assert_eq!(clear(&mut peer), ["PUBLISH q2 #101 t x"]);
    publish_up_to(&mut peer, 102, 65_535);
    // They begin anew, with those that were passed over.
    publish_up_to(&mut peer, 1, 89);
    peer.publish(2, "x", 90);
    let sent = peer.sent();
    assert!(sent.contains(&"PUBREL #90".to_owned()), "{sent:?}");
    assert!(sent.contains(&"PUBREL #102".to_owned()), "{sent:?}");
    assert!(!sent.contains(&"PUBREL #101".to_owned()), "{sent:?}");
}
