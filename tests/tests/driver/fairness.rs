//! A server that sends without an end what is not for the program: others in the same thread have their
//! turn, however much there is. Driven by hand: bytes are counted, not time.

use std::time::Duration;

use mqtt_as_client::{Config, QoS};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::hand::Bench;

/// Bytes of a flood: they are all there at once.
const FLOOD: usize = 512 * 1024;
/// The most bytes that the driver reads while it is polled once: a buffer, and what is enough for a
/// turn.
const MOST: usize = 32 * 1024 + 32 * 1024;
/// Reads, likewise.
const READS: usize = 128;

/// What comes again and again.
fn floods(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let v5 = version == Version::V5;
    let message: &[u8] =
        if v5 { &[0x30, 5, 0, 1, b't', 0, b'x'] } else { &[0x30, 4, 0, 1, b't', b'x'] };
    let suback: &[u8] = if v5 { &[0x90, 4, 0, 9, 0, 0] } else { &[0x90, 3, 0, 9, 0] };
    vec![
        ("PINGRESP", vec![0xd0, 0]),
        ("PUBACK", vec![0x40, 2, 0, 9]),
        ("PUBREC", vec![0x50, 2, 0, 9]),
        ("PUBREL", vec![0x62, 2, 0, 9]),
        ("SUBACK", suback.to_vec()),
        ("messages at QoS 0", message.to_vec()),
    ]
}

/// Reads find so many bytes at most: a full buffer, a record of TLS, a few, one.
const PIECES: [usize; 4] = [usize::MAX, 16 * 1024, 100, 1];

#[test]
fn a_flood_that_is_not_for_the_program_leaves_others_their_turn() {
    for version in BOTH {
        for (name, packet) in floods(version) {
            for piece in PIECES {
                suffer(version, name, &packet, piece);
            }
        }
    }
}

fn suffer(version: Version, name: &str, packet: &[u8], piece: usize) {
    let config = Config::new("by hand").version(version).client_id("ours");
    let mut bench = Bench::new(config.keepalive(Duration::ZERO), usize::MAX);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    bench.turns(10);
    bench.chunk(piece);
    let count = FLOOD.min(piece.saturating_mul(2_000)) / packet.len();
    bench.receive(&packet.repeat(count));
    let most = MOST.min(piece.saturating_mul(READS));
    let mut turns = 0;
    while bench.is_readable() {
        let before = bench.read();
        bench.turn();
        turns += 1;
        let read = bench.read() - before;
        assert!(read <= most, "{version:?}, {name} in pieces of {piece}: {read} bytes at once");
        assert!(turns <= 10_000, "{version:?}, {name} in pieces of {piece}: some are left");
    }
    bench.chunk(usize::MAX);
    let publish = client.publish("a", "x").qos(QoS::AtLeastOnce);
    bench.complete(publish).expect("the connection stands");
}
