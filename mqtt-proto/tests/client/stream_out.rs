//! Streams on their way out: a payload of any length through a small outbox.

use core::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::client::{Config, ConnectionError, Limit, Message, OperationError, Tag};
use mqtt_as_proto::packet::{Delivery, Packet, Publish, QoS};
use mqtt_as_proto::property::MaximumQoS;
use mqtt_as_proto::{Property, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, config, encode, id, incoming, memory, nack, qos, topic};

const TAG: Tag = Tag(9);

/// Opens the stream of a payload of `len` bytes, with the mark 9.
fn open(peer: &mut Peer, qos_: u8, len: u32) -> Result<(), OperationError> {
    let head = Message::new(topic("t"), "").qos(qos(qos_));
    peer.client.open_stream(&head, len, TAG, peer.now)
}

/// Writes all of it, the transport taking `chunk` bytes whenever there is no room.
fn write_all(peer: &mut Peer, bytes: &[u8], chunk: usize) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = peer.client.write_stream(TAG, rest, peer.now).expect("an open stream");
        rest = &rest[taken..];
        assert!(taken != 0 || peer.write(chunk) != 0, "it stands still");
    }
}

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn small(version: Version) -> Peer {
    let mut peer = Peer::in_memory(config(version), memory(128, 8, 16), 128);
    peer.connect(false, &[]);
    peer
}

/// All of a stream is written, in a client without other memory for it.
fn streamed(version: Version, qos_: u8, len: usize) -> Peer {
    let mut peer = small(version);
    open(&mut peer, qos_, len as u32).unwrap();
    write_all(&mut peer, &payload(len), 7);
    peer
}

#[test]
fn the_wire_shows_the_same_bytes_as_for_any_message() {
    for version in BOTH {
        for (qos_, len) in [(0, 0), (0, 5), (1, 0), (1, 200), (2, 1), (2, 40_000)] {
            let bytes = payload(len);
            let delivery = Delivery::new(qos(qos_), id(1));
            let whole = Publish { delivery, ..Publish::new(topic("t"), &bytes) };
            let whole = encode(&Packet::Publish(whole), version);
            for chunk in [1, 3, 100, usize::MAX] {
                let mut peer = small(version);
                open(&mut peer, qos_, len as u32).unwrap();
                write_all(&mut peer, &bytes, chunk);
                assert_eq!(peer.raw(), whole, "QoS {qos_}, {len} bytes");
                match qos_ {
                    0 => assert_eq!(peer.events(), ["ended 9 Left"]),
                    1 => assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 9 0x00"]),
                    _ => {
                        assert!(peer.send(&Packet::PubRec(ack(1))).is_empty());
                        assert_eq!(peer.sent(), ["PUBREL #1"]);
                        assert_eq!(peer.send(&Packet::PubComp(ack(1))), ["published 9 0x00"]);
                    }
                }
                assert!(peer.client.is_idle());
            }
        }
    }
}

#[test]
fn the_server_may_refuse_it() {
    let mut peer = streamed(Version::V5, 1, 10);
    assert_eq!(peer.send(&Packet::PubAck(nack(1, 0x97))), ["published 9 0x97"]);
    let mut peer = streamed(Version::V5, 2, 10);
    peer.raw();
    assert_eq!(peer.send(&Packet::PubRec(nack(1, 0x87))), ["published 9 0x87"]);
    assert!(peer.client.is_idle());
}

#[test]
fn nothing_else_enters_the_outbox_until_its_last_byte() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 7, "in", "held"));
        peer.publish(1, "before", 1);
        open(&mut peer, 1, 4).unwrap();
        peer.publish(1, "behind", 2);
        assert_eq!(peer.try_publish(0, "no room", 3), Err(OperationError::NoRoom));
        assert_eq!(peer.subscribe("f", 4), Err(OperationError::NoRoom));
        peer.client.ping(peer.now);
        peer.take();
        for number in 1..=20 {
            peer.send(&Packet::PubRel(ack(100 + number % 9))); // More than there are places for.
        }
        write_all(&mut peer, b"pay", 100);
        let begun = peer.raw();
        assert!(begun.ends_with(b"pay"));
        assert!(
            !peer
                .client
                .poll_transmit(&mut mqtt_as_proto::Outbox::new(crate::peer::room(0)), peer.now)
        );
        write_all(&mut peer, b"!", 100);
        let rest = peer.raw();
        assert_eq!(rest[..4], [b'!', 0xc0, 0, 0x70]);
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(text.contains("behind") && rest.contains(&0x40), "{rest:x?}");
        assert!(!peer.read().unwrap());
        assert!(peer.subscribe("f", 4).is_ok());
    }
}

#[test]
fn what_was_accepted_before_leaves_before() {
    let mut peer = small(Version::V5);
    peer.connect_again(1);
    peer.publish(1, "first", 1);
    peer.publish(1, "second", 2);
    assert_eq!(open(&mut peer, 0, 1), Err(OperationError::NoRoom));
    assert_eq!(peer.sent(), ["PUBLISH q1 #1 t first"]);
    assert_eq!(open(&mut peer, 0, 1), Err(OperationError::NoRoom));
    peer.send(&Packet::PubAck(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t second"]);
    open(&mut peer, 0, 1).unwrap();
}

#[test]
fn it_waits_for_the_servers_quota() {
    let mut peer = small(Version::V5);
    peer.connect_again(1);
    peer.publish(1, "first", 1);
    peer.sent();
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    peer.send(&Packet::PubAck(ack(1)));
    open(&mut peer, 2, 1).unwrap();
    write_all(&mut peer, b"x", 100);
    peer.publish(1, "behind", 2);
    assert_eq!(peer.sent(), ["PUBLISH q2 #2 t x"]);
    peer.send(&Packet::PubRec(nack(2, 0x80)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #3 t behind"]);
}

#[test]
fn one_is_open_at_a_time() {
    let mut peer = small(Version::V5);
    open(&mut peer, 0, 1).unwrap();
    let head = Message::new(topic("t"), "");
    let second = |peer: &mut Peer| peer.client.open_stream(&head, 1, Tag(10), peer.now);
    assert_eq!(second(&mut peer), Err(OperationError::NoRoom));
    write_all(&mut peer, b"x", 100);
    second(&mut peer).unwrap();
    assert_eq!(peer.client.write_stream(TAG, b"x", peer.now), Err(OperationError::NotConnected));
}

#[test]
fn more_than_was_announced_is_refused_whole() {
    let mut peer = small(Version::V5);
    open(&mut peer, 0, 3).unwrap();
    write_all(&mut peer, b"a", 100);
    let refused = peer.client.write_stream(TAG, b"bcd", peer.now);
    assert_eq!(refused, Err(OperationError::PastEnd { given: 3, left: 2 }));
    write_all(&mut peer, b"bc", 100);
    assert_eq!(peer.sent(), ["PUBLISH q0 t abc"]);
}

#[test]
fn the_servers_limits_count_the_payload_too() {
    let mut peer = Peer::connected(Version::V5);
    peer.lose();
    let size = NonZeroU32::new(100).unwrap();
    let limits = [
        Property::MaximumPacketSize(size),
        Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
        Property::RetainAvailable(false),
    ];
    peer.connect(false, &limits);
    let limit = Limit::MaximumPacketSize { size: 101, maximum: 100 };
    assert_eq!(open(&mut peer, 0, 95), Err(OperationError::Forbidden(limit)));
    let limit = Limit::MaximumQoS(QoS::AtLeastOnce);
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::Forbidden(limit)));
    let head = Message { retain: true, ..Message::new(topic("t"), "") };
    let refused = peer.client.open_stream(&head, 1, TAG, peer.now);
    assert_eq!(refused, Err(OperationError::Forbidden(Limit::RetainNotAvailable)));
    open(&mut peer, 0, 94).unwrap();
    let long = "x".repeat(200);
    let mut peer = small(Version::V5);
    let refused = peer.client.open_stream(&Message::new(topic(&long), ""), 1, TAG, peer.now);
    assert_eq!(refused, Err(OperationError::TooLarge { size: 206, room: 112 }));
    peer.lose();
    assert_eq!(open(&mut peer, 1, 1), Err(OperationError::NotConnected));
}

#[test]
fn a_sender_that_leaves_half_way_ends_the_connection_without_another_word() {
    for version in BOTH {
        for qos_ in 0..=2 {
            let mut peer = Peer::connected(version);
            peer.publish(1, "before", 1);
            open(&mut peer, qos_, 10).unwrap();
            write_all(&mut peer, b"half", 100);
            peer.publish(1, "behind", 2);
            peer.client.ping(peer.now);
            assert!(peer.client.leave_stream(TAG));
            assert!(peer.client.is_closing());
            assert_eq!(peer.events(), ["ended 9 NeverSent(Stopped)"]);
            assert!(peer.raw().ends_with(b"half"));
            assert_eq!(
                peer.client.write_stream(TAG, b"x", peer.now),
                Err(OperationError::NotConnected)
            );
            peer.reconnect(true);
            assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t before", "PUBLISH q1 #3 t behind"]);
        }
    }
}

#[test]
fn a_sender_that_writes_nothing_for_the_write_timeout_does_so_too() {
    let config = Config { write_timeout: 500, ..config(Version::V5) };
    let mut peer = Peer::connected_with(config.clone());
    open(&mut peer, 1, 10).unwrap();
    peer.sent_header();
    peer.advance(499).unwrap();
    write_all(&mut peer, b"a", 100);
    peer.write(100);
    peer.advance(499).unwrap();
    assert_eq!(peer.advance(1), Err(ConnectionError::StreamStopped));
    assert_eq!(peer.events(), ["ended 9 NeverSent(Stopped)"]);
    assert!(peer.client.is_closing() && !peer.client.wants_transmit());

    // As long as the transport is slow it is not the sender who is.
    let mut peer = Peer::connected_with(Config { write_timeout: 500, ..config });
    open(&mut peer, 1, 10).unwrap();
    for _ in 0..5 {
        assert_eq!(peer.write(1), 1);
        peer.stuck = true;
        peer.advance(400).unwrap();
        peer.stuck = false;
    }
}

#[test]
fn its_bytes_count_as_sent_and_pingreq_follows_it() {
    let mut peer = Peer::new(Version::V311);
    peer.keep_alive = 10;
    peer.connect(false, &[]);
    open(&mut peer, 0, 10).unwrap();
    peer.raw();
    for byte in b"123456789" {
        // What comes shows that the server lives.
        peer.message(incoming(0, 0, "in", "x"));
        peer.advance(5000).unwrap();
        write_all(&mut peer, &[*byte], 100);
        assert_eq!(peer.raw(), [*byte]);
    }
    peer.message(incoming(0, 0, "in", "x"));
    peer.advance(9600).unwrap(); // PINGREQ is due.
    assert!(peer.raw().is_empty());
    write_all(&mut peer, b"0", 100);
    assert_eq!(peer.raw(), [b'0', 0xc0, 0]);
}

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
        assert!(peer.sent()[0].starts_with("PUBLISH q1 #1 "));
        peer.send(&Packet::PubAck(ack(1)));

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
    assert!(!peer.client.leave_stream(TAG));
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
    assert!(peer.client.leave_stream(TAG));
    assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
    let maximum = [Property::ReceiveMaximum(NonZeroU16::new(1).unwrap())];
    peer.lose();
    peer.connect(true, &maximum);
    peer.publish(1, "on", 1);
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t on"], "it takes no place of the server's");
}

#[test]
fn stopped_in_the_middle_of_being_sent_again_it_is_as_interrupted_as_before() {
    let mut peer = half_again();
    assert!(peer.client.stop_stream(TAG) && !peer.client.stop_stream(TAG));
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
        let config = Config {
            republish_exactly_once: true,
            adopt_session: Some(true),
            ..config(Version::V5)
        };
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
            assert_eq!(peer.sent(), ["PUBREL #1"], "its identifier is cleared");
            peer.send(&Packet::PubComp(ack(1)));
        }
        open(&mut peer, 2, 1).unwrap();
        write_all(&mut peer, b"x", 100);
        assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x"]);
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
fn left_after_its_last_byte_it_goes_on_for_nobody_and_its_identifier_is_retired() {
    for version in BOTH {
        for qos_ in [1, 2] {
            let mut peer = streamed(version, qos_, 10);
            peer.raw();
            assert!(!peer.client.leave_stream(TAG));
            peer.lose();
            let nobody = Tag::NOBODY.0;
            assert_eq!(peer.events(), [format!("ended {nobody} Unknown {{ received: false }}")]);
            peer.connect(true, &[]);
            assert!(peer.sent().is_empty() && peer.client.is_idle());
            assert_eq!(open(&mut peer, qos_, 0), Ok(()));
            assert!(peer.sent()[0].contains("#2 "), "its identifier stays out of use");
            let late = if qos_ == 1 { Packet::PubAck(ack(1)) } else { Packet::PubComp(ack(1)) };
            assert!(peer.send(&late).is_empty());

            let mut peer = interrupted(version, qos_);
            assert!(!peer.client.leave_stream(TAG));
            assert_eq!(peer.events(), ["ended 9 Unknown { received: false }"]);
            peer.connect(true, &[]);
            assert!(!peer.client.give_up(id(1)) && peer.client.is_idle());
        }
    }
}

#[test]
fn in_an_adopted_session_its_identifier_is_cleared_first() {
    let config = Config { adopt_session: Some(true), ..config(Version::V5) };
    let mut peer = Peer::with(config);
    peer.connect(true, &[]);
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    peer.publish(1, "behind", 1);
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    peer.send(&Packet::PubComp(nack(1, 0x92)));
    assert!(peer.sent().is_empty());
    open(&mut peer, 2, 1).unwrap();
    write_all(&mut peer, b"x", 100);
    assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x", "PUBLISH q1 #2 t behind"]);
    peer.send(&Packet::PubRec(nack(1, 0x80)));
    peer.send(&Packet::PubAck(ack(2)));

    // The one that waits for it may go away, or its connection.
    for lost in [false, true] {
        let head = Message::new(topic("t"), "").qos(QoS::ExactlyOnce);
        let tag = Tag(10);
        let again = peer.client.open_stream(&head, 1, tag, peer.now);
        assert_eq!(again, Err(OperationError::NoRoom));
        peer.publish(1, "on", 2);
        assert_eq!(peer.sent().len(), 1);
        if lost {
            peer.lose();
            assert!(peer.events().is_empty());
            peer.connect(true, &[]);
        } else {
            peer.client.leave_stream(tag);
            assert_eq!(peer.events(), ["ended 10 NeverSent(Stopped)"]);
        }
        let sent = peer.sent();
        assert!(sent.last().is_some_and(|line| line.ends_with("t on")), "{sent:?}");
    }
}

#[test]
fn disconnect_lets_it_finish_and_follows_it() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        open(&mut peer, 1, 4).unwrap();
        peer.publish(1, "behind", 2);
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        assert!(!peer.client.is_closing());
        peer.raw();
        write_all(&mut peer, b"rest", 100);
        assert!(peer.client.is_closing());
        let rest = peer.raw();
        assert!(rest.starts_with(b"rest") && rest.contains(&0xe0), "{rest:x?}");
        peer.lose();
        assert_eq!(peer.events(), ["ended 9 Interrupted"]);
    }
    let config = Config { write_timeout: 500, ..config(Version::V5) };
    let mut peer = Peer::connected_with(config);
    open(&mut peer, 1, 4).unwrap();
    peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
    peer.raw();
    assert_eq!(peer.advance(500), Err(ConnectionError::StreamStopped));
    assert!(peer.client.is_closing() && peer.raw().is_empty());
}

#[test]
fn a_fault_of_the_server_ends_it_without_disconnect() {
    let mut peer = Peer::connected(Version::V5);
    open(&mut peer, 1, 4).unwrap();
    peer.raw();
    let fault = peer.try_send(&Packet::PubAck(ack(1)));
    assert!(fault.is_err(), "it is not sent yet");
    assert!(peer.client.is_closing() && peer.raw().is_empty());
    assert!(peer.client.write_stream(TAG, b"x", peer.now).is_err());
    peer.lose();
    assert_eq!(peer.events(), ["ended 9 NeverSent(Interrupted)"]);
}

impl Peer {
    /// A new connection, whose server takes that many messages.
    fn connect_again(&mut self, maximum: u16) {
        self.lose();
        let maximum = NonZeroU16::new(maximum).unwrap();
        self.connect(false, &[Property::ReceiveMaximum(maximum)]);
    }

    /// The transport takes what has been begun.
    fn sent_header(&mut self) {
        assert!(!self.raw().is_empty());
    }
}
