//! A device runs for years: nothing happens when its clock passes 2³² ms, connected or down.

use mqtt_as_proto::client::{Config, ConnectionError, Waiting};
use mqtt_as_proto::packet::{Packet, QoS};
use mqtt_as_proto::{Instant, Version};

use crate::expiring;
use crate::peer::{BOTH, Peer, ack, config, incoming};

/// 49 days, 17 hours.
const WRAP: u64 = 1 << 32;
const DAY: u64 = 24 * 60 * 60 * 1000;

fn late(waiting: Waiting) -> Result<(), ConnectionError> {
    Err(ConnectionError::TimedOut(waiting))
}

/// Connected, with so many milliseconds left until a clock of 32 bits is 0 again, for the first
/// time or a later one.
fn before(left: u64, config: &Config, keep_alive: u16) -> [Peer; 2] {
    [1, 5].map(|times| {
        let mut peer = Peer::with(config.clone());
        peer.now = Instant::from_millis(times * WRAP - left);
        peer.keep_alive = keep_alive;
        peer.connect(false, &[]);
        peer
    })
}

/// Times before it at which a timer is started that ends behind it.
const LEFT: [u64; 5] = [1, 2, 500, 1_000, 9_400];

#[test]
fn pingreq_and_the_time_for_pingresp() {
    for version in BOTH {
        for left in LEFT {
            for mut peer in before(left, &config(version), 10) {
                for _ in 0..3 {
                    assert_eq!(peer.advance(9_499), Ok(()));
                    assert!(peer.sent().is_empty());
                    assert_eq!(peer.advance(1), Ok(()));
                    assert_eq!(peer.sent(), ["PINGREQ"]);
                    assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
                }
            }
            let config = Config { ping_timeout: 3_000, ..config(version) };
            for mut peer in before(left, &config, 0) {
                peer.client.ping();
                peer.sent();
                assert_eq!(peer.advance(2_999), Ok(()));
                assert_eq!(peer.advance(1), late(Waiting::PingResp));
            }
        }
    }
}

#[test]
fn silence() {
    for version in BOTH {
        for left in LEFT {
            let config = Config { ping_timeout: 0, ..config(version) };
            for mut peer in before(left, &config, 10) {
                peer.advance(10_000).unwrap();
                peer.message(incoming(0, 0, "t", "a sign of life"));
                assert_eq!(peer.advance(14_999), Ok(()));
                assert_eq!(peer.advance(1), late(Waiting::Silence));
            }
        }
    }
}

#[test]
fn the_write_timeout() {
    for version in BOTH {
        for left in LEFT {
            for mut peer in before(left, &config(version), 0) {
                peer.publish(0, "x", 1);
                peer.write(3);
                peer.stuck = true;
                assert_eq!(peer.advance(9_999), Ok(()));
                assert_eq!(peer.advance(1), late(Waiting::Write));
            }
        }
    }
}

#[test]
fn the_acknowledgement_timer() {
    for version in BOTH {
        for left in LEFT {
            let config = Config { max_repubs: 0, ..config(version) };
            for mut peer in before(left, &config, 0) {
                peer.publish(1, "late", 1);
                peer.sent();
                assert_eq!(peer.advance(9_999), Ok(()));
                assert_eq!(peer.advance(1), late(Waiting::Acknowledgement));
                peer.reconnect(true);
                peer.sent();
                assert_eq!(peer.advance(9_999), Ok(()));
                assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 1 0x00"]);
                assert_eq!(peer.advance(100_000), Ok(()));
            }
        }
    }
}

#[test]
fn the_time_for_connack() {
    for version in BOTH {
        for left in LEFT {
            let mut peer = Peer::new(version);
            peer.now = Instant::from_millis(WRAP - left);
            peer.begin(false);
            assert_eq!(peer.advance(9_999), Ok(()));
            assert_eq!(peer.advance(1), late(Waiting::ConnAck));
        }
    }
}

#[test]
fn an_idle_connection_lives_for_months() {
    for version in BOTH {
        let [mut peer, _] = before(1, &config(version), 0);
        for _ in 0..10 {
            assert_eq!(peer.advance(30 * DAY), Ok(()));
            assert!(peer.sent().is_empty());
        }
        let [mut peer, _] = before(30 * DAY, &config(version), 60_000);
        for _ in 0..100 {
            assert_eq!(peer.advance(59_995_000), Ok(()));
            assert_eq!(peer.sent(), ["PINGREQ"]);
            assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
        }
    }
}

/// Without a time-out of the program's nothing ends the waiting.
// 3.1.1 [MQTT-4.1.0-1] [MQTT-4.1.0-2]
// 5.0 [MQTT-4.1.0-1]
#[test]
fn what_is_unacknowledged_for_months_is_still_on_its_way() {
    for version in BOTH {
        let config = Config { response_time: 0, ..config(version) };
        let [mut peer, _] = before(1, &config, 0);
        peer.publish(1, "slow", 1);
        peer.sent();
        assert_eq!(peer.advance(60 * DAY), Ok(()));
        assert!(peer.events().is_empty());
        assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 1 0x00"]);
    }
}

#[test]
fn after_sixty_days_down_it_connects_and_goes_on() {
    for version in BOTH {
        let config = Config { ping_timeout: 0, ..config(version) };
        for mut peer in before(10 * DAY, &config, 10) {
            peer.publish(1, "sent", 1);
            peer.sent();
            peer.lose();
            peer.publish(1, "waits", 2);
            peer.publish(0, "waits", 3);
            assert_eq!(peer.advance(60 * DAY), Ok(()));
            assert!(peer.events().is_empty());
            assert_eq!(peer.connect(true, &[]), ["connected resumed"]);
            let sent = ["PUBLISH dup q1 #1 t sent", "PUBLISH q1 #2 t waits", "PUBLISH q0 t waits"];
            assert_eq!(peer.sent(), sent);
            peer.send(&Packet::PubAck(ack(1)));
            peer.send(&Packet::PubAck(ack(2)));
            assert_eq!(peer.advance(9_499), Ok(()));
            assert!(peer.sent().is_empty(), "nothing is due");
            assert_eq!(peer.advance(1), Ok(()));
            assert_eq!(peer.sent(), ["PINGREQ"]);
            assert_eq!(peer.advance(5_500), late(Waiting::Silence));
        }
    }
}

/// A client that was never connected has a clock too.
#[test]
fn a_message_waits_for_the_first_connection_for_sixty_days() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.publish(2, "patient", 1);
        assert_eq!(peer.advance(60 * DAY), Ok(()));
        peer.connect(false, &[]);
        assert_eq!(peer.sent(), ["PUBLISH q2 #1 t patient"]);
    }
}

const LIFE: u64 = 120 * DAY;

/// Messages that live that long, with the marks 1 to 3.
fn living(peer: &mut Peer) {
    for (tag, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce), (3, QoS::AtMostOnce)] {
        expiring::publish(peer, qos, "x", (LIFE / 1000) as u32, tag).unwrap();
    }
}

#[test]
fn a_message_may_live_longer_than_that() {
    for start in [0, WRAP - 1, 3 * WRAP + 7] {
        let mut peer = Peer::new(Version::V5);
        peer.now = Instant::from_millis(start);
        living(&mut peer);
        assert_eq!(peer.advance(60 * DAY), Ok(()));
        assert!(peer.events().is_empty(), "half of its life is left");
        peer.connect(false, &[]);
        let left = 60 * DAY / 1000;
        assert_eq!(
            peer.sent(),
            [
                format!("PUBLISH q1 #1 t x expiry {left}"),
                format!("PUBLISH q2 #2 t x expiry {left}"),
                format!("PUBLISH q0 t x expiry {left}")
            ]
        );
    }
}

#[test]
fn and_it_ends_when_its_time_has_come() {
    for start in [0, WRAP - 1, 3 * WRAP + 7] {
        let mut peer = Peer::new(Version::V5);
        peer.now = Instant::from_millis(start);
        living(&mut peer);
        assert_eq!(peer.advance(LIFE - 1_000), Ok(()));
        assert!(peer.events().is_empty());
        assert_eq!(peer.advance(1_000), Ok(()));
        let mut events = peer.events();
        peer.connect(false, &[]);
        assert!(peer.sent().is_empty());
        events.sort();
        assert_eq!(events, [1, 2, 3].map(|tag| format!("ended {tag} NeverSent(Expired)")));
    }
}

/// A process, or a device, that slept for so long that 32 bits of its clock say nothing: what came is
/// read first, then what is due is noticed at once.
// Decision [silence]
#[test]
fn whoever_slept_for_weeks_notices_at_once_what_is_due() {
    for version in BOTH {
        for days in [1, 13, 25, 30, 49, 50, 60, 75, 100] {
            let [mut peer, _] = before(DAY, &config(version), 60);
            peer.now = peer.now.after(days * DAY);
            assert_eq!(peer.timeout(), late(Waiting::Silence), "{days} days");

            let [mut peer, _] = before(DAY, &config(version), 60);
            peer.now = peer.now.after(days * DAY);
            peer.message(incoming(0, 0, "t", "x"));
            assert_eq!(peer.timeout(), Ok(()), "{days} days");
            assert_eq!(peer.sent(), ["PINGREQ"], "{days} days");
            assert_eq!(peer.advance(9_999), Ok(()));
            assert_eq!(peer.advance(1), late(Waiting::PingResp), "{days} days");
        }
    }
}
