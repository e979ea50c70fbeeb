//! Which links are alive: what is a sign of life, and what is not.

use mqtt_as_proto::client::{Config, ConnectionError, Waiting};
use mqtt_as_proto::packet::Packet;

use crate::peer::{BOTH, Peer, config, incoming};

fn late(waiting: Waiting) -> Result<(), ConnectionError> {
    Err(ConnectionError::TimedOut(waiting))
}

/// Connected with a keep-alive of that many seconds, and a time for PINGRESP.
fn alive(config: &Config, seconds: u16, ping_timeout: u32) -> Peer {
    let mut peer = Peer::with(Config { ping_timeout, ..config.clone() });
    peer.keep_alive = seconds;
    peer.connect(false, &[]);
    peer
}

/// 8 MB at 640 KB/s under a keep-alive of 3 s, and nothing to hear meanwhile.
// Decision [silence]
#[test]
fn bytes_that_the_transport_takes_are_a_sign_of_life() {
    for version in BOTH {
        let mut peer = alive(&config(version), 3, 1_000);
        peer.publish(0, &"x".repeat(12_000), 1);
        for _ in 0..120 {
            assert_ne!(peer.write(100), 0, "there is more to write");
            peer.stuck = true;
            assert_eq!(peer.advance(100), Ok(()));
            peer.stuck = false;
        }
        assert_eq!(peer.sent(), ["PUBLISH q0 t <12000 bytes>"]);
        assert_eq!(peer.advance(2_850), Ok(()));
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
        // One that takes nothing more is not alive for it.
        peer.publish(0, &"x".repeat(12_000), 2);
        peer.write(100);
        peer.stuck = true;
        assert_eq!(peer.advance(4_500), late(Waiting::Silence));
    }
}

/// PINGRESP stands behind 20 s of messages, each whole.
// Decision [silence]
#[test]
fn messages_before_pingresp_are_a_sign_of_life() {
    for version in BOTH {
        let mut peer = alive(&config(version), 10, 2_000);
        peer.advance(9_500).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        for _ in 0..400 {
            assert_eq!(peer.advance(50), Ok(()));
            assert_eq!(peer.message(incoming(0, 0, "t", "x")), ["message q0 t x"]);
            peer.sent();
        }
        assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
        // Behind the last of them its time runs.
        peer.client.ping();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(1_000), Ok(()));
        peer.message(incoming(0, 0, "t", "x"));
        assert_eq!(peer.advance(1_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::PingResp));
    }
}

/// However long it is: the silence of one and a half keep-alives is for those that ask nothing.
#[test]
fn the_time_for_pingresp_holds_above_half_of_the_keep_alive() {
    for version in BOTH {
        for (keep_alive, ping_timeout) in [(10, 8_000), (10, 60_000), (1, 10_000)] {
            let mut peer = alive(&config(version), keep_alive, ping_timeout);
            peer.advance(u64::from(keep_alive) * 950).unwrap();
            assert_eq!(peer.sent(), ["PINGREQ"]);
            assert_eq!(peer.advance(u64::from(ping_timeout) - 1), Ok(()));
            assert_eq!(peer.advance(1), late(Waiting::PingResp));
            // And in time it is over and done with.
            let mut peer = alive(&config(version), keep_alive, ping_timeout);
            peer.advance(u64::from(keep_alive) * 950).unwrap();
            peer.sent();
            peer.advance(u64::from(ping_timeout) - 1).unwrap();
            assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
            assert_eq!(peer.advance(u64::from(keep_alive) * 900), Ok(()));
        }
    }
}

/// PINGRESP has no time of its own then: only silence ends the link.
#[test]
fn a_ping_timeout_of_0_leaves_it_to_silence() {
    for version in BOTH {
        let mut peer = alive(&config(version), 10, 0);
        peer.advance(9_500).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(5_499), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::Silence));
        // Without a keep-alive nothing does.
        let mut peer = alive(&Config { ping_interval: 1_000, ..config(version) }, 0, 0);
        peer.advance(950).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(500_000), Ok(()));
    }
}
