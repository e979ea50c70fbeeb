//! Streams on their way out: a payload of any length through a small outbox.

use core::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::client::{Config, ConnectionError, Limit, Message, OperationError, Tag};
use mqtt_as_proto::packet::{Delivery, Packet, Publish, QoS};
use mqtt_as_proto::property::MaximumQoS;
use mqtt_as_proto::{Property, ReasonCode, Version};

use crate::adopting::clear;
use crate::peer::{BOTH, Peer, ack, config, encode, id, incoming, memory, nack, qos, topic};

pub(crate) const TAG: Tag = Tag(9);

/// Opens the stream of a payload of `len` bytes, with the mark 9.
pub(crate) fn open(peer: &mut Peer, qos_: u8, len: u32) -> Result<(), OperationError> {
    let head = Message::new(topic("t"), "").qos(qos(qos_));
    peer.client.open_stream(&head, len, TAG, peer.now)
}

/// Writes all of it, the transport taking `chunk` bytes whenever there is no room.
pub(crate) fn write_all(peer: &mut Peer, bytes: &[u8], chunk: usize) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = peer.client.write_stream(TAG, rest, peer.now).expect("an open stream");
        rest = &rest[taken..];
        assert!(taken != 0 || peer.write(chunk) != 0, "it stands still");
    }
}

pub(crate) fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

pub(crate) fn small(version: Version) -> Peer {
    let mut peer = Peer::in_memory(config(version), memory(128, 1024), 128);
    peer.connect(false, &[]);
    peer
}

/// All of a stream is written, in a client without other memory for it.
pub(crate) fn streamed(version: Version, qos_: u8, len: usize) -> Peer {
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
                    0 => assert!(peer.events().is_empty(), "its last byte is its end"),
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
        peer.client.ping();
        peer.take();
        for number in 1..=20 {
            peer.send(&Packet::PubRel(ack(100 + number % 9))); // More than there are places for.
        }
        write_all(&mut peer, b"pay", 100);
        let begun = peer.raw();
        assert!(begun.ends_with(b"pay"));
        assert_eq!(peer.write(1), 0, "nothing more leaves");
        write_all(&mut peer, b"!", 100);
        let rest = peer.raw();
        assert_eq!(rest[..4], [b'!', 0xc0, 0, 0x40]);
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(text.contains("behind"), "{rest:x?}");
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
    let limit = Limit::MaximumPacketSize;
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
            peer.client.ping();
            assert!(peer.leave(TAG));
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

// Decision [write-timeout]
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

#[test]
fn in_an_adopted_session_its_identifier_is_cleared_first() {
    let mut peer = Peer::with(config(Version::V5));
    peer.connect(true, &[]);
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    assert!(clear(&mut peer).is_empty());
    open(&mut peer, 2, 1).unwrap();
    peer.publish(1, "behind", 1);
    write_all(&mut peer, b"x", 100);
    assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x", "PUBLISH q1 #2 t behind"]);
    // One that waits for it holds up nobody.
    let mut peer = Peer::with(config(Version::V5));
    peer.connect(true, &[]);
    assert_eq!(open(&mut peer, 2, 1), Err(OperationError::NoRoom));
    peer.publish(1, "on", 2);
    assert!(peer.sent().last().is_some_and(|line| line.ends_with("t on")));
    assert!(!peer.leave(TAG) && peer.events().is_empty(), "there is nothing of it");
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
    for begun_before in [false, true] {
        let config = Config { write_timeout: 500, ..config(Version::V5) };
        let mut peer = Peer::connected_with(config);
        open(&mut peer, 1, 4).unwrap();
        if begun_before {
            peer.raw();
        }
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        peer.raw();
        assert_eq!(peer.advance(500), Err(ConnectionError::StreamStopped));
        assert!(peer.client.is_closing() && peer.raw().is_empty());
    }
}

#[test]
fn no_answer_to_a_pingreq_is_awaited_behind_disconnect() {
    for version in BOTH {
        let mut peer =
            Peer::connected_with(Config { ping_timeout: 500, write_timeout: 0, ..config(version) });
        assert!(peer.client.ping());
        peer.offer();
        open(&mut peer, 1, 4).unwrap();
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        peer.write(usize::MAX);
        assert_eq!(peer.advance(5000), Ok(()));
        write_all(&mut peer, b"rest", 100);
        assert!(peer.client.is_closing());
    }
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

    /// The owner of the stream is gone.
    pub(crate) fn leave(&mut self, tag: Tag) -> bool {
        self.with_events(|client, tell| client.leave_stream(tag, tell))
    }

    /// The owner of the stream stops.
    pub(crate) fn stop(&mut self, tag: Tag) -> bool {
        self.with_events(|client, tell| client.stop_stream(tag, tell))
    }

    /// The transport takes what has been begun.
    fn sent_header(&mut self) {
        assert!(!self.raw().is_empty());
    }
}
