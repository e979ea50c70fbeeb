//! Streams on their way out whose connection is lost: never sent, interrupted, sent again, or left.

use core::num::NonZeroU16;

use mqtt_as_proto::client::{Config, OperationError};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Property, Version};

use crate::adopting::clear;
use crate::peer::{BOTH, Peer, ack, config, memory, nack};
use crate::stream_out::{TAG, open, payload, small, streamed, write_all};

/// A stream of 300 bytes, of whose packet `cut` bytes were handed to the transport at the loss.
fn cut(version: Version, qos_: u8, cut: usize) -> (Peer, bool) {
    let mut peer = small(version);
    open(&mut peer, qos_, 300).unwrap();
    let bytes = payload(300);
    let (mut rest, mut written) = (&bytes[..], 0);
    loop {
        let taken = peer.client.write_stream(TAG, rest, peer.now).unwrap_or(0);
        rest = &rest[taken..];
        let more = (cut - written).min(1);
        if more == 0 || peer.write(more) == 0 {
            break;
        }
        written += more;
    }
    assert_eq!(written, cut);
    peer.events();
    peer.lose();
    (peer, rest.is_empty())
}

#[test]
fn cut_at_any_byte_it_is_never_sent_or_may_be_sent_again() {
    for version in BOTH {
        for qos_ in 0..=2 {
            let whole = {
                let mut peer = small(version);
                open(&mut peer, qos_, 300).unwrap();
                write_all(&mut peer, &payload(300), 100);
                peer.raw().len()
            };
            for at in 0..=whole {
                let (mut peer, written) = cut(version, qos_, at);
                let told = peer.events();
                match (qos_, at == whole) {
                    (0, _) if written => assert!(told.is_empty()),
                    (0, _) | (_, false) => assert_eq!(told, ["ended 9 NeverSent(Interrupted)"]),
                    (_, true) => assert_eq!(told, ["ended 9 Interrupted"]),
                }
                assert!(peer.client.is_idle(), "nothing is on its way");
                peer.connect(true, &[]);
                assert!(peer.sent().is_empty(), "nobody sends it by himself");
                peer.publish(1, "behind", 1);
                let again = qos_ != 0 && at == whole;
                assert_eq!(peer.sent(), ["PUBLISH q1 #2 t behind"]);
                open(&mut peer, qos_, 300).unwrap();
                write_all(&mut peer, &payload(300), 100);
                let name = match (qos_, again) {
                    (0, _) => "q0 ".into(),
                    (_, true) => format!("dup q{qos_} #1 "),
                    (_, false) => format!("q{qos_} #3 "),
                };
                assert_eq!(peer.sent(), [format!("PUBLISH {name}t <300 bytes>")]);
            }
        }
    }
}

#[test]
fn restarted_in_the_kept_session_a_qos_2_stream_stays_exactly_once() {
    for version in BOTH {
        let mut peer = interrupted(version, 2);
        peer.connect(true, &[]);
        open(&mut peer, 2, 10).unwrap();
        write_all(&mut peer, &payload(10), 100);
        peer.sent();
        // It is cut once more, in the middle of the second attempt.
        peer.reconnect(true);
        open(&mut peer, 2, 10).unwrap();
        assert_eq!(peer.lose(), Default::default());
        assert_eq!(peer.events(), ["ended 9 Interrupted"]);
        peer.connect(true, &[]);
        open(&mut peer, 2, 10).unwrap();
        write_all(&mut peer, &payload(10), 100);
        assert!(peer.sent()[0].starts_with("PUBLISH dup q2 #1 "));
        peer.send(&Packet::PubRec(ack(1)));
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        peer.lose();
        assert!(peer.events().is_empty(), "past PUBREC it is as any other");
        peer.connect(true, &[]);
        assert_eq!(peer.sent(), ["PUBREL #1"]);
        assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 9 0x00"]);
    }
}

/// A stream that was sent whole when the connection was lost.
fn interrupted(version: Version, qos_: u8) -> Peer {
    let mut peer = streamed(version, qos_, 10);
    peer.raw();
    peer.lose();
    assert_eq!(peer.events(), ["ended 9 Interrupted"]);
    peer
}

#[test]
fn in_a_lost_session_qos_1_is_a_new_message_and_qos_2_is_unknown() {
    for version in BOTH {
        let mut peer = interrupted(version, 1);
        peer.connect(false, &[]);
        assert!(peer.events().is_empty());
        open(&mut peer, 1, 10).unwrap();
        write_all(&mut peer, &payload(10), 100);
        assert!(peer.sent()[0].starts_with("PUBLISH q1 #2 "));
        assert_eq!(peer.send(&Packet::PubAck(ack(2))), ["published 9 0x00"]);

        let mut peer = interrupted(version, 2);
        let told = peer.connect(false, &[]);
        assert_eq!(told, ["connected", "ended 9 Unknown { received: false }"]);
        assert!(peer.client.is_idle());
    }
}

#[test]
fn a_message_sent_again_in_a_lost_session_and_cut_is_not_called_never_sent() {
    let mut peer = interrupted(Version::V5, 1);
    peer.connect(false, &[]);
    open(&mut peer, 1, 10).unwrap();
    peer.lose();
    assert_eq!(peer.events(), ["ended 9 Interrupted"]);
    assert!(!peer.leave(TAG));
    assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
}

#[test]
fn an_interrupted_qos_2_stream_counts_with_the_server() {
    let mut peer = interrupted(Version::V5, 2);
    let maximum = [Property::ReceiveMaximum(NonZeroU16::new(2).unwrap())];
    peer.connect(true, &maximum);
    peer.publish(1, "one", 1);
    peer.publish(1, "two", 2);
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t one"]);
    // With its place kept, it needs none to be sent again, and goes before what waits for one.
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, &payload(10), 100);
    peer.sent();
    peer.send(&Packet::PubAck(ack(2)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #3 t two"]);
    peer.send(&Packet::PubAck(ack(3)));
    peer.send(&Packet::PubRec(nack(1, 0x80)));
    peer.publish(1, "three", 3);
    assert_eq!(peer.sent(), ["PUBLISH q1 #4 t three"]);
}

/// The server takes fewer than before, and some of them are not released yet.
// 5.0 [MQTT-3.3.4-7]
#[test]
fn sent_again_it_is_within_what_the_server_takes_now() {
    let mut peer = Peer::connected_with(config(Version::V5));
    for tag in 1..=2 {
        peer.publish(2, "released", tag);
        peer.sent();
        peer.send(&Packet::PubRec(ack(tag as u16)));
    }
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, &payload(10), 100);
    peer.sent();
    let maximum = [Property::ReceiveMaximum(NonZeroU16::new(1).unwrap())];
    peer.lose();
    peer.connect(true, &maximum);
    assert_eq!(peer.sent(), ["PUBREL #1", "PUBREL #2"]);
    assert_eq!(open(&mut peer, 2, 10), Err(OperationError::NoRoom));
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(open(&mut peer, 2, 10), Err(OperationError::NoRoom));
    peer.send(&Packet::PubComp(ack(2)));
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, &payload(10), 100);
    assert!(peer.sent()[0].starts_with("PUBLISH dup q2 #3"));
}

#[test]
fn sent_again_it_goes_before_those_that_wait_for_its_place() {
    let mut peer = interrupted(Version::V5, 2);
    peer.publish(1, "stored", 1);
    let maximum = [Property::ReceiveMaximum(NonZeroU16::new(1).unwrap())];
    peer.connect(true, &maximum);
    assert!(peer.sent().is_empty(), "the server takes one message, and may have it");
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, &payload(10), 100);
    assert!(peer.sent()[0].starts_with("PUBLISH dup q2 #1"));
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t stored"]);
}

#[test]
fn nobody_awaits_an_acknowledgement_of_what_is_interrupted() {
    let config = Config { response_time: 1000, max_repubs: 0, ..config(Version::V5) };
    let mut peer = Peer::connected_with(config);
    open(&mut peer, 2, 1).unwrap();
    write_all(&mut peer, b"x", 100);
    peer.raw();
    peer.reconnect(true);
    peer.publish(0, "something", 1);
    peer.sent();
    peer.advance(5000).expect("nothing that was sent here waits");
    open(&mut peer, 2, 1).unwrap();
    write_all(&mut peer, b"x", 100);
    peer.sent();
    assert!(peer.advance(1000).is_err(), "now it does");
}

/// The stream is sent again, and half of it is on the wire.
fn half_again() -> Peer {
    let mut peer = interrupted(Version::V5, 2);
    peer.connect(true, &[]);
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, b"half", 100);
    peer
}

#[test]
fn left_in_the_middle_of_being_sent_again_it_is_nobodys_and_its_fate_unknown() {
    let mut peer = half_again();
    assert!(peer.leave(TAG));
    assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
    let maximum = [Property::ReceiveMaximum(NonZeroU16::new(1).unwrap())];
    peer.lose();
    peer.connect(true, &maximum);
    peer.publish(1, "on", 1);
    assert_eq!(peer.sent(), ["PUBREL #1"], "the server may hold it: its identifier is cleared");
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t on"], "it takes no place of the server's");
}

#[test]
fn stopped_in_the_middle_of_being_sent_again_it_is_as_interrupted_as_before() {
    let mut peer = half_again();
    assert!(peer.stop(TAG) && !peer.stop(TAG));
    assert_eq!(peer.events(), ["ended 9 Interrupted"]);
    peer.raw();
    assert_eq!(peer.client.poll_timeout(), None, "nothing more is waited for");
    peer.reconnect(true);
    open(&mut peer, 2, 10).unwrap();
    write_all(&mut peer, &payload(10), 100);
    assert!(peer.sent()[0].starts_with("PUBLISH dup q2 #1"));
}

#[test]
fn in_a_lost_session_one_that_may_be_sent_as_new_takes_no_place() {
    for adopted in [false, true] {
        let config =
            Config { republish_exactly_once: true, adopt_session: true, ..config(Version::V5) };
        let mut peer = Peer::with(config);
        peer.connect(false, &[]);
        open(&mut peer, 2, 1).unwrap();
        write_all(&mut peer, b"x", 100);
        peer.raw();
        peer.lose();
        let maximum = [Property::ReceiveMaximum(NonZeroU16::new(1).unwrap())];
        if adopted {
            // A clean start without an answer: whatever session there is now is not known.
            peer.begin(true);
            peer.lose();
        }
        peer.connect(adopted, &maximum);
        peer.publish(1, "on", 1);
        assert_eq!(peer.sent(), ["PUBLISH q1 #2 t on"]);
        peer.send(&Packet::PubAck(ack(2)));
        if adopted {
            assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
            assert!(clear(&mut peer).is_empty(), "its identifier is cleared");
        }
        open(&mut peer, 2, 1).unwrap();
        write_all(&mut peer, b"x", 100);
        assert_eq!(peer.sent(), ["PUBLISH q2 #3 t x"]);
    }
}

#[test]
fn received_after_all_it_is_not_sent_again() {
    let mut peer = interrupted(Version::V5, 2);
    peer.connect(true, &[]);
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(open(&mut peer, 2, 10), Err(OperationError::NoRoom));
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 9 0x00"]);
}

#[test]
fn left_after_its_last_byte_it_goes_on_for_nobody_and_holds_nothing_for_ever() {
    for version in BOTH {
        for qos_ in [1, 2] {
            let mut peer = streamed(version, qos_, 10);
            peer.raw();
            assert!(!peer.leave(TAG));
            assert_eq!(peer.client.pending(), 1, "its acknowledgement is awaited");
            peer.lose();
            assert_eq!((peer.client.pending(), peer.events()), (0, vec![]));
            peer.connect(true, &[]);
            if qos_ == 2 {
                assert_eq!(peer.sent(), ["PUBREL #1"], "its identifier is cleared");
                assert!(peer.send(&Packet::PubComp(ack(1))).is_empty());
            }
            assert!(peer.sent().is_empty() && peer.client.is_idle());
            assert_eq!(peer.client.held_bytes().0, 0);

            let mut peer = interrupted(version, qos_);
            assert!(!peer.leave(TAG));
            assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
            peer.connect(true, &[]);
            assert!(!peer.give_up(1) && peer.client.pending() == 0);
            assert_eq!(peer.sent().len(), usize::from(qos_ == 2));
        }
    }
}

#[test]
fn left_and_cut_again_and_again_they_block_nobody() {
    for qos_ in [1, 2] {
        let config = Config { in_flight: 4, ..config(Version::V5) };
        let mut peer = Peer::in_memory(config, memory(128, 1024), 128);
        peer.connect(false, &[]);
        for number in 0..8 {
            open(&mut peer, qos_, 1).unwrap();
            write_all(&mut peer, b"x", 100);
            peer.sent();
            peer.leave(TAG);
            peer.reconnect(true);
            assert_eq!(peer.client.pending(), 0, "the {number}th is over");
            for line in peer.sent() {
                let id_ = line.strip_prefix("PUBREL #").unwrap().parse().unwrap();
                assert!(peer.send(&Packet::PubComp(ack(id_))).is_empty());
            }
        }
        peer.publish(1, "after", 1);
        assert_eq!(peer.sent().len(), 1);
    }
}

#[test]
fn given_up_it_is_over_for_good() {
    for qos_ in [1, 2] {
        let mut peer = streamed(Version::V5, qos_, 10);
        peer.raw();
        assert!(peer.give_up(1) && !peer.give_up(1));
        assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
        assert_eq!(peer.client.pending(), 0);
        peer.reconnect(true);
        assert_eq!(peer.sent().len(), usize::from(qos_ == 2), "PUBREL");

        let mut peer = small(Version::V5);
        open(&mut peer, qos_, 10).unwrap();
        peer.give_up_all();
        assert_eq!(peer.events(), ["ended 9 NeverSent(Stopped)"]);
        assert!(peer.client.is_closing() && peer.client.pending() == 0);

        let mut peer = interrupted(Version::V5, qos_);
        peer.give_up_all();
        assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
        assert_eq!(peer.client.pending(), 0);
    }
}

#[test]
fn whole_in_the_outbox_and_not_on_the_wire_it_was_never_sent() {
    let mut peer = small(Version::V5);
    open(&mut peer, 1, 10).unwrap();
    write_all(&mut peer, b"begin", 100);
    peer.raw(); // All that there is was written, in the middle of the packet.
    write_all(&mut peer, b"n end", 100);
    peer.lose();
    assert_eq!(peer.events(), ["ended 9 NeverSent(Interrupted)"]);
}
