//! Memory from the caller: arrays, small ones, full ones.

use mqtt_as_proto::client::{AliasMemory, ConfigError, Memory, OperationError, Published};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Block, Client, Config, Flight, Held, Slot, Storage, Version};

use crate::peer::{BOTH, Peer, ack, dup, incoming, memory, suback};

/// Arrays as a device without a heap has them.
struct Arrays {
    outbox: [u8; 128],
    flights: [Slot<Flight>; 4],
    blocks: [Block; 8],
    held: [Slot<Held>; 4],
}

fn lend(arrays: &'static mut Arrays) -> Memory<'static> {
    Memory {
        outbox: Storage::borrowed(&mut arrays.outbox),
        flights: Storage::borrowed(&mut arrays.flights),
        blocks: Storage::borrowed(&mut arrays.blocks),
        held: Storage::borrowed(&mut arrays.held),
        aliases_in: AliasMemory::default(),
        aliases_out: AliasMemory::default(),
    }
}

fn small(version: Version) -> Config {
    Config {
        version,
        receive_maximum: 2,
        receive_bytes: 2 * 128,
        maximum_packet_size: 128,
        ..Config::default()
    }
}

fn device(version: Version) -> Peer {
    let arrays = Box::leak(Box::new(Arrays {
        outbox: [0; 128],
        flights: core::array::from_fn(|_| Slot::default()),
        blocks: [[0; 64]; 8],
        held: core::array::from_fn(|_| Slot::default()),
    }));
    Peer::in_memory(small(version), lend(arrays), 128)
}

#[test]
fn a_whole_run_in_arrays_with_an_outbox_of_128_bytes() {
    for version in BOTH {
        let mut peer = device(version);
        assert_eq!(peer.connect(false, &[]), ["connected"]);
        peer.subscribe("a/#", 1).unwrap();
        assert_eq!(peer.sent(), ["SUBSCRIBE #1"]);
        assert_eq!(peer.send(&suback(1, &[1])), ["subscribed 1 [01]"]);
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
fn a_full_table_has_no_room_until_something_is_acknowledged() {
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

#[test]
fn a_full_store_has_no_room_until_something_is_acknowledged() {
    for version in BOTH {
        let mut peer = Peer::in_memory(small(version), memory(256, 8, 4), 256);
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
        let mut peer = Peer::in_memory(small(version), memory(128, 8, 40), 128);
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
        let mut peer = Peer::in_memory(small(version), memory(128, 0, 0), 128);
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
        let mut peer = Peer::in_memory(small(version), memory(256, 4, 8), 256);
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
        assert!(peer.client.is_idle());
    }
}

#[test]
fn settings_and_memory_that_do_not_fit_are_told_with_numbers() {
    let check = |config: Config, memory: Memory<'static>| Client::new(config, memory).unwrap_err();
    for version in BOTH {
        let config = small(version);
        let zero = Config { receive_maximum: 0, ..config.clone() };
        assert_eq!(check(zero, memory(128, 1, 1)), ConfigError::Zero);
        let zero = Config { maximum_packet_size: 0, ..config.clone() };
        assert_eq!(check(zero, memory(128, 1, 1)), ConfigError::Zero);
        let many = Config { receive_maximum: 9, receive_bytes: 1 << 20, ..config.clone() };
        let error = check(many, memory(128, 1, 1));
        assert_eq!(error, ConfigError::Held { needed: 9, given: 8 });
        let error = check(config.clone(), memory(127, 1, 1));
        assert_eq!(error, ConfigError::Outbox { needed: 128, given: 127 });
        let few = Config { receive_bytes: 255, ..config };
        let made = Client::new(few, memory(128, 1, 1));
        let error = ConfigError::ReceiveBytes { needed: 256, given: 255 };
        match version {
            Version::V5 => assert_eq!(made.unwrap_err(), error),
            Version::V311 => assert!(made.is_ok()),
        }
    }
}

#[test]
fn identifiers_in_use_are_passed_over_for_ever() {
    let mut peer = Peer::in_memory(small(Version::V311), memory(256, 2, 8), 256);
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
    let config = crate::peer::config(Version::V5);
    let memory = Memory::heap(&config, 4096, 100, 100_000);
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
