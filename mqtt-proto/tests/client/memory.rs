//! Memory from the caller: arrays, small ones, full ones.

use mqtt_as_proto::client::{ConfigError, LogMemory, Memory, OperationError, Published};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Config, Storage, Version};

use crate::peer::{BOTH, Peer, ack, config, dup, id, incoming, memory, suback};
use crate::stream_out::open;

/// Arrays as a device without a heap has them.
struct Arrays {
    outbox: [u8; 128],
    outgoing: [u8; 256],
    incoming: [u8; 256],
}

fn lend(arrays: &'static mut Arrays) -> Memory<'static> {
    Memory {
        outbox: Storage::borrowed(&mut arrays.outbox),
        outgoing: LogMemory::borrowed(&mut arrays.outgoing),
        incoming: LogMemory::borrowed(&mut arrays.incoming),
        ..Memory::default()
    }
}

fn small(version: Version) -> Config {
    Config { receive_maximum: 2, maximum_packet_size: 128, ..crate::peer::config(version) }
}

fn device(version: Version) -> Peer {
    let arrays = Arrays { outbox: [0; 128], outgoing: [0; 256], incoming: [0; 256] };
    let config = Config { in_flight: 4, ..small(version) };
    Peer::in_memory(config, lend(Box::leak(Box::new(arrays))), 128)
}

#[test]
fn a_whole_run_in_arrays_with_an_outbox_of_128_bytes() {
    for version in BOTH {
        let mut peer = device(version);
        assert_eq!(peer.connect(false, &[]), ["connected"]);
        peer.subscribe("a/#", 1).unwrap();
        assert_eq!(peer.sent(), ["SUBSCRIBE #1"]);
        assert_eq!(peer.send(&suback(1, &[1])), ["answered 1 [01]"]);
        for round in 0..50 {
            run(&mut peer, round);
        }
        assert!(peer.client.is_idle());
    }
}

/// All qualities of service both ways, with a reconnect in between.
fn run(peer: &mut Peer, round: u16) {
    let first = 2 + round * 2;
    assert_eq!(peer.publish(0, "zero", 0), Published::Left);
    peer.publish(1, "one", 1);
    peer.publish(2, "two", 2);
    let (one, two) = (first, first + 1);
    let sent = [
        "PUBLISH q0 t zero",
        &format!("PUBLISH q1 #{one} t one"),
        &format!("PUBLISH q2 #{two} t two"),
    ];
    assert_eq!(peer.sent(), sent);
    peer.send(&Packet::PubRec(ack(two)));
    assert_eq!(peer.message(incoming(2, 7, "a/b", "in")), ["message q2 a/b in"]);
    assert_eq!(peer.message(incoming(0, 0, "a/b", "in")), ["message q0 a/b in"]);
    peer.take();
    peer.reconnect(true);
    assert_eq!(peer.sent(), [format!("PUBREL #{two}"), format!("PUBLISH dup q1 #{one} t one")]);
    assert!(peer.message(dup(incoming(2, 7, "a/b", "in"))).is_empty());
    assert_eq!(peer.sent(), ["PUBREC #7"]);
    peer.send(&Packet::PubRel(ack(7)));
    assert_eq!(peer.sent(), ["PUBCOMP #7"]);
    assert_eq!(peer.send(&Packet::PubComp(ack(two))), ["published 2 0x00"]);
    assert_eq!(peer.send(&Packet::PubAck(ack(one))), ["published 1 0x00"]);
}

#[test]
fn a_full_log_has_no_room_until_something_is_acknowledged() {
    for version in BOTH {
        let mut peer = device(version);
        peer.connect(false, &[]);
        for tag in 1..=4 {
            peer.publish(1, "x", tag);
        }
        for qos in 1..=2 {
            assert_eq!(peer.try_publish(qos, "x", 5), Err(OperationError::NoRoom));
        }
        assert_eq!(peer.subscribe("a", 5), Err(OperationError::NoRoom));
        // QoS 0 needs no place in it.
        assert_eq!(peer.publish(0, "x", 6), Published::Left);
        peer.sent();
        peer.send(&Packet::PubAck(ack(2)));
        assert_eq!(peer.publish(1, "x", 5), Published::Pending(crate::peer::id(5)));
    }
}

/// Its answer would find nobody.
#[test]
fn a_request_or_a_stream_that_lent_memory_has_no_header_for_is_not_sent() {
    for version in BOTH {
        let mut peer = Peer::in_memory(config(version), memory(256, 96), 256);
        peer.connect(false, &[]);
        peer.publish(1, &"x".repeat(60), 1);
        assert_eq!(peer.subscribe("a", 2), Err(OperationError::NoRoom));
        assert_eq!(open(&mut peer, 1, 3), Err(OperationError::NoRoom));
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t <60 bytes>"]);
        peer.send(&Packet::PubAck(ack(1)));
        assert_eq!(peer.subscribe("a", 2), Ok(id(2)));
        assert_eq!(peer.sent(), ["SUBSCRIBE #2"]);
        assert_eq!(peer.send(&suback(2, &[1])), ["answered 2 [01]"]);
        assert_eq!(open(&mut peer, 1, 3), Ok(()));
    }
}

#[test]
fn a_full_store_has_no_room_until_something_is_acknowledged() {
    for version in BOTH {
        let mut peer = Peer::in_memory(small(version), memory(256, 256), 256);
        peer.connect(false, &[]);
        let payload = "x".repeat(100);
        assert!(peer.try_publish(1, &payload, 1).is_ok());
        assert!(peer.try_publish(2, &payload, 2).is_ok());
        assert_eq!(peer.try_publish(1, "small", 3), Err(OperationError::NoRoom));
        peer.sent();
        peer.send(&Packet::PubRec(ack(2)));
        // PUBREC frees the message, though not its identifier.
        assert!(peer.try_publish(1, "small", 3).is_ok());
    }
}

#[test]
fn a_full_outbox_has_no_room_until_something_was_written() {
    for version in BOTH {
        let mut peer = device(version);
        peer.connect(false, &[]);
        let mut accepted = 0;
        while peer.try_publish(0, "0123456789", 1).is_ok() {
            accepted += 1;
        }
        assert_eq!(peer.try_publish(0, "0123456789", 1), Err(OperationError::NoRoom));
        // QoS 1 is kept in the store meanwhile.
        peer.publish(1, "stored", 2);
        let sent = peer.sent();
        assert_eq!(sent.len(), accepted + 1);
        assert_eq!(sent[accepted], "PUBLISH q1 #1 t stored");
        assert!(peer.try_publish(0, "0123456789", 1).is_ok());
    }
}

#[test]
fn a_resend_larger_than_the_outbox_goes_out_in_several() {
    for version in BOTH {
        let mut peer = Peer::in_memory(small(version), memory(128, 2560), 128);
        peer.connect(false, &[]);
        let payload = "x".repeat(90);
        for tag in 1..=5 {
            peer.publish(1, &payload, tag);
            peer.sent();
        }
        peer.writes = 0;
        peer.reconnect(true);
        assert_eq!(peer.sent().len(), 5);
        assert!(peer.writes >= 5);
    }
}

#[test]
fn without_any_room_for_messages_out_qos0_still_works() {
    for version in BOTH {
        let mut peer = Peer::in_memory(small(version), memory(128, 0), 128);
        assert!(peer.try_publish(0, "x", 1).is_err());
        peer.connect(false, &[]);
        assert_eq!(peer.publish(0, "x", 1), Published::Left);
        assert!(peer.try_publish(1, "x", 1).is_err());
        assert_eq!(peer.message(incoming(1, 1, "t", "x")), ["message q1 t x"]);
    }
}

#[test]
fn all_memory_is_free_again_in_the_end() {
    for version in BOTH {
        let mut peer = Peer::in_memory(small(version), memory(256, 512), 256);
        peer.connect(false, &[]);
        for round in 0..1000_u16 {
            let payload = "x".repeat(usize::from(round) % 100);
            peer.publish(1, &payload, 1);
            peer.publish(2, &payload, 2);
            peer.sent();
            let ids = [round * 2 + 1, round * 2 + 2];
            peer.send(&Packet::PubAck(ack(ids[0])));
            peer.send(&Packet::PubRec(ack(ids[1])));
            peer.send(&Packet::PubComp(ack(ids[1])));
        }
        peer.sent();
        assert!(peer.client.is_idle());
        assert_eq!(peer.client.held_bytes(), (0, 0));
    }
}

#[test]
fn settings_and_memory_that_do_not_fit_are_told_with_numbers() {
    let check = |config: Config, memory: Memory<'static>| config.check(&memory).unwrap_err();
    for version in BOTH {
        let config = small(version);
        for (setting, zero) in [
            ("receive_maximum", Config { receive_maximum: 0, ..config.clone() }),
            ("maximum_packet_size", Config { maximum_packet_size: 0, ..config.clone() }),
            ("queue_len", Config { queue_len: 0, ..config.clone() }),
        ] {
            let error = check(zero, memory(128, 64));
            assert_eq!(error, ConfigError::Zero { setting });
            assert_eq!(error.to_string(), format!("{setting} is 0, it must be at least 1"));
        }
        let large = Config { maximum_packet_size: 10_000, ..config.clone() };
        let needed = ConfigError::Memory {
            what: "bytes of received messages",
            needed: 10_016,
            given: 8 * (1024 + 16),
        };
        assert_eq!(check(large, memory(128, 64)), needed);
        let needed = ConfigError::Memory { what: "bytes of the outbox", needed: 128, given: 127 };
        assert_eq!(check(config, memory(127, 64)), needed);
    }
}

// 3.1.1 [MQTT-2.3.1-2]
#[test]
fn identifiers_in_use_are_passed_over_for_ever() {
    let mut peer = Peer::in_memory(small(Version::V311), memory(256, 512), 256);
    peer.connect(false, &[]);
    peer.publish(1, "stays", 0);
    peer.sent();
    for n in 0..70_000_u32 {
        let Published::Pending(id) = peer.publish(1, "x", 1) else { panic!() };
        let expected = 2 + n % 65_534;
        assert_eq!(u32::from(id.get()), expected);
        peer.sent();
        peer.send(&Packet::PubAck(ack(id.get())));
    }
}

/// With the heap behind it the same client takes what it needs, and gives it back.
#[cfg(feature = "alloc")]
#[test]
fn memory_from_the_heap_is_given_back() {
    let config = Config { in_flight: 100, ..crate::peer::config(Version::V5) };
    let memory = Memory::heap(&config, 4096, 100 * (510 + 16), 10_000);
    let mut peer = Peer::in_memory(config, memory, 4096);
    peer.connect(false, &[]);
    for round in 0..3_u16 {
        for tag in 0..100 {
            peer.publish(1, &"x".repeat(500), tag);
        }
        assert_eq!(peer.try_publish(1, "x", 1), Err(OperationError::NoRoom));
        assert_eq!(peer.sent().len(), 100);
        for n in 1..=100 {
            peer.send(&Packet::PubAck(ack(round * 100 + n)));
        }
        peer.client.release_memory();
    }
}
