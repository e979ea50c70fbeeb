//! Time: keep-alive, silence, and everything that is waited for.

use mqtt_as_proto::client::{Config, ConnectionError, Waiting};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Property, Version};

use crate::peer::{BOTH, Peer, ack, config, incoming};

fn late(waiting: Waiting) -> Result<(), ConnectionError> {
    Err(ConnectionError::TimedOut(waiting))
}

/// Connected with a keep-alive of that many seconds.
fn alive(config: Config, seconds: u16) -> Peer {
    let mut peer = Peer::with(config);
    peer.keep_alive = seconds;
    peer.connect(false, &[]);
    peer
}

// 3.1.1 [MQTT-3.1.2-23]
// 5.0 [MQTT-3.1.2-20]
// Decision [ping-due]
#[test]
fn pingreq_goes_out_a_little_before_the_keep_alive() {
    for version in BOTH {
        for (seconds, due) in [(10, 9_500), (60, 57_000), (600, 595_000)] {
            let mut peer = alive(config(version), seconds);
            peer.advance(due - 1).unwrap();
            assert!(peer.sent().is_empty());
            peer.advance(1).unwrap();
            assert_eq!(peer.sent(), ["PINGREQ"]);
            assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
        }
    }
}

// Decision [ping-due]
#[test]
fn ping_interval_shortens_it() {
    let mut peer = alive(Config { ping_interval: 4_000, ..config(Version::V5) }, 60);
    peer.advance(3_800).unwrap();
    assert_eq!(peer.sent(), ["PINGREQ"]);
    let mut peer = alive(Config { ping_interval: 100_000, ..config(Version::V5) }, 10);
    peer.advance(9_500).unwrap();
    assert_eq!(peer.sent(), ["PINGREQ"]);
}

// Decision [ping-both-ways]
#[test]
fn a_busy_qos0_publisher_that_hears_nothing_pings() {
    for version in BOTH {
        let mut peer = alive(config(version), 10);
        for _ in 0..9 {
            peer.publish(0, "x", 1);
            peer.sent();
            peer.advance(1000).unwrap();
        }
        peer.publish(0, "x", 1);
        peer.sent();
        peer.advance(500).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
    }
}

// 3.1.1 [MQTT-3.1.2-23]
// 5.0 [MQTT-3.1.2-20]
// Decision [ping-both-ways]
#[test]
fn a_busy_receiver_that_says_nothing_pings() {
    for version in BOTH {
        let mut peer = alive(config(version), 10);
        for _ in 0..9 {
            peer.advance(1000).unwrap();
            peer.message(incoming(0, 0, "t", "x"));
        }
        peer.advance(500).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
    }
}

#[test]
fn traffic_both_ways_puts_the_ping_off() {
    let mut peer = alive(config(Version::V5), 10);
    for n in 1..=10 {
        peer.advance(5_000).unwrap();
        peer.publish(1, "x", 1);
        assert_eq!(peer.sent(), [format!("PUBLISH q1 #{n} t x")]);
        peer.send(&Packet::PubAck(ack(n)));
    }
}

// 3.1.1 [MQTT-3.12.4-1]
// 5.0 [MQTT-3.12.4-1]
// Decision [ping-due]
#[test]
fn one_pingreq_is_open_at_a_time_and_pingresp_has_its_time() {
    for version in BOTH {
        let mut peer = alive(Config { ping_timeout: 3_000, ..config(version) }, 10);
        peer.advance(9_500).unwrap();
        peer.client.ping();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(2_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::PingResp));
        assert!(peer.sent().is_empty());
    }
}

#[test]
fn the_time_for_pingresp_begins_when_pingreq_has_left() {
    let mut peer = alive(Config { ping_timeout: 1_000, ..config(Version::V5) }, 60);
    peer.publish(0, &"x".repeat(1000), 1);
    peer.write(10);
    peer.stuck = true;
    peer.client.ping();
    peer.advance(5_000).unwrap();
    peer.stuck = false;
    assert_eq!(peer.sent().last().unwrap(), "PINGREQ");
    peer.advance(900).unwrap();
    assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_the_connection() {
    for version in BOTH {
        let mut peer = alive(Config { ping_timeout: 0, ..config(version) }, 10);
        assert_eq!(peer.advance(14_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::Silence));
    }
}

// Decision [silence]
#[test]
fn silence_is_measured_in_bytes_received() {
    for version in BOTH {
        let mut peer = alive(Config { ping_timeout: 0, ..config(version) }, 10);
        // One byte of a packet is a sign of life; looking at it again is not.
        peer.advance(10_000).unwrap();
        peer.send_bytes(&[0x30]).unwrap();
        peer.advance(14_000).unwrap();
        peer.read().unwrap();
        assert_eq!(peer.advance(1_000), late(Waiting::Silence));
    }
}

// 5.0 [MQTT-3.1.2-21] [MQTT-3.2.2-21]
#[test]
fn server_keep_alive_wins() {
    let mut peer = Peer::with(Config { ping_timeout: 0, ..config(Version::V5) });
    peer.keep_alive = 60;
    peer.connect(false, &[Property::ServerKeepAlive(10)]);
    peer.advance(9_500).unwrap();
    assert_eq!(peer.sent(), ["PINGREQ"]);
    assert_eq!(peer.advance(5_500), late(Waiting::Silence));
    peer.lose();
    peer.connect(false, &[Property::ServerKeepAlive(0)]);
    peer.advance(10_000_000).unwrap();
    assert!(peer.sent().is_empty());
}

// Decision [keep-alive-0]
#[test]
fn keep_alive_0_has_no_ping_and_no_silence() {
    for version in BOTH {
        let mut peer = alive(config(version), 0);
        assert_eq!(peer.client.poll_timeout(), None);
        peer.advance(100_000_000).unwrap();
        assert!(peer.sent().is_empty());
        // Unless ping_interval is set: then PINGREQ, and PINGRESP has its time.
        let mut peer = alive(Config { ping_interval: 1_000, ..config(version) }, 0);
        peer.advance(950).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(10_000), late(Waiting::PingResp));
    }
}

/// A client that has no room for what came: nothing is read until the program takes a message.
fn full(version: Version, keep_alive: u16) -> Peer {
    let mut peer = alive(Config { queue_len: 1, ..config(version) }, keep_alive);
    peer.message(incoming(1, 1, "t", "x"));
    peer.message(incoming(1, 2, "t", "y"));
    assert!(peer.client.is_full());
    peer
}

/// The program takes the message that was in the way, and reading goes on.
fn take_and_read_on(peer: &mut Peer) {
    peer.take();
    assert_eq!(peer.read_on(), Ok(None));
}

// 3.1.1 [MQTT-3.1.2-23]
// 5.0 [MQTT-3.1.2-20]
// Decision [stop-reading]
#[test]
fn while_reading_pauses_silence_is_not_the_servers_and_pingreq_still_goes_out() {
    for version in BOTH {
        let mut peer = full(version, 10);
        // The server has its own rule of silence, and no PINGRESP can come.
        for _ in 0..6 {
            assert!(peer.sent().is_empty());
            peer.advance(9_500).unwrap();
            assert_eq!(peer.sent(), ["PINGREQ"]);
        }
        take_and_read_on(&mut peer);
        peer.advance(9_000).unwrap();
        assert_eq!(peer.send(&Packet::PingResp), ["message q1 t y", "pong"]);
    }
}

// Decision [stop-reading]
#[test]
fn the_time_of_a_pause_does_not_count_as_silence() {
    for version in BOTH {
        let mut peer = alive(Config { ping_timeout: 0, queue_len: 1, ..config(version) }, 10);
        peer.message(incoming(1, 1, "t", "x"));
        peer.advance(5_000).unwrap();
        peer.message(incoming(1, 2, "t", "y"));
        peer.advance(20_000).unwrap();
        take_and_read_on(&mut peer);
        assert_eq!(peer.advance(14_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::Silence));
    }
}

/// While nothing is read no acknowledgement can come: its time stands still.
// Decision [stop-reading]
#[test]
fn a_pause_of_reading_moves_the_time_of_acknowledgements() {
    for version in BOTH {
        let times = Config { response_time: 1_000, max_repubs: 0, queue_len: 1, ..config(version) };
        let mut peer = alive(times, 0);
        peer.message(incoming(1, 1, "t", "x"));
        peer.sent();
        peer.publish(1, "out", 1);
        peer.sent();
        peer.advance(600).unwrap();
        peer.send(&Packet::PubAck(ack(1)));
        peer.message(incoming(1, 2, "t", "y"));
        assert!(peer.client.is_full());
        peer.advance(60_000).unwrap();
        take_and_read_on(&mut peer);
        assert_eq!(peer.advance(1_000), Ok(()), "nothing is awaited");
    }
}

/// Nobody waits for what was given up, so reading may pause before the server has acknowledged it.
#[test]
fn a_pause_of_reading_moves_the_time_of_what_was_given_up() {
    for version in BOTH {
        let times = Config { response_time: 1_000, max_repubs: 0, queue_len: 1, ..config(version) };
        let mut peer = alive(times, 0);
        peer.message(incoming(1, 1, "t", "x"));
        peer.publish(1, "out", 1);
        peer.sent();
        peer.give_up(1);
        peer.advance(600).unwrap();
        peer.message(incoming(1, 2, "t", "y"));
        assert!(peer.client.is_full());
        peer.advance(60_000).unwrap();
        take_and_read_on(&mut peer);
        assert_eq!(peer.advance(399), Ok(()), "there are 400 ms left");
        assert_eq!(peer.advance(1), late(Waiting::Acknowledgement));
    }
}

/// A pause moves the time of silence once, though more has come when reading goes on.
#[test]
fn what_comes_after_a_pause_of_reading_is_not_of_a_later_time() {
    for version in BOTH {
        let mut peer = alive(Config { queue_len: 1, ..config(version) }, 10);
        peer.message(incoming(1, 1, "t", "x"));
        peer.advance(8_000).unwrap();
        peer.message(incoming(1, 2, "t", "y"));
        assert!(peer.client.is_full());
        peer.advance(8_000).unwrap();
        peer.take();
        peer.message(incoming(0, 0, "t", "more"));
        peer.advance(8_500).unwrap();
    }
}

/// A large message over a slow link: PINGRESP cannot pass it, and the server hears of us meanwhile.
// Decision [ping-due]
#[test]
fn while_a_packet_is_coming_pingresp_has_its_time() {
    for version in BOTH {
        let mut peer = alive(config(version), 10);
        peer.send_bytes(&[0x30, 0xa0, 1, 0, 1, b't', 0]).unwrap();
        let mut sent = Vec::new();
        for _ in 0..120 {
            peer.advance(500).unwrap();
            sent.extend(peer.sent());
            peer.send_bytes(b"x").unwrap();
        }
        assert_eq!(sent, ["PINGREQ"; 6]);
        peer.send_bytes(&[b'x'; 36]).unwrap();
        peer.advance(9_999).unwrap();
        peer.sent();
        assert_eq!(peer.send(&Packet::PingResp), ["pong"]);
        let mut peer = alive(Config { ping_timeout: 0, ..config(version) }, 10);
        peer.send_bytes(&[0x30, 0x64, 0, 1, b't', 0]).unwrap();
        peer.advance(9_500).unwrap();
        assert_eq!(peer.sent(), ["PINGREQ"]);
        assert_eq!(peer.advance(5_500), late(Waiting::Silence));
    }
}

// Decision [write-timeout]
#[test]
fn a_transport_that_takes_nothing_is_given_up_after_the_write_timeout() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(0, "x", 1);
        peer.write(3);
        peer.stuck = true;
        assert_eq!(peer.advance(9_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::Write));
        // There is nobody to tell: nothing more is written.
        peer.stuck = false;
        assert_eq!(peer.write_on(), 0);
    }
}

// Decision [write-timeout]
#[test]
fn bytes_taken_renew_the_write_timeout() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(0, "0123456789", 1);
    for _ in 0..5 {
        peer.write(1);
        peer.stuck = true;
        peer.advance(9_000).unwrap();
        peer.stuck = false;
    }
    peer.sent();
    peer.advance(100_000).unwrap();
}

#[test]
fn the_write_timeout_holds_while_disconnecting_too() {
    for version in BOTH {
        for stuck_before in [false, true] {
            let mut peer = Peer::connected(version);
            peer.publish(0, "x", 1);
            if stuck_before {
                peer.write(3);
            }
            peer.client.disconnect(mqtt_as_proto::ReasonCode::SUCCESS, None).unwrap();
            if !stuck_before {
                peer.write(3);
            }
            peer.stuck = true;
            assert_eq!(peer.advance(10_000), late(Waiting::Write));
            assert_eq!(peer.client.poll_timeout(), None);
        }
    }
}

// 3.1.1 [MQTT-3.1.4-4]
// 5.0 [MQTT-3.1.4-5]
#[test]
fn connect_has_a_timeout_of_its_own() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.keep_alive = 1;
        peer.begin(false);
        assert_eq!(peer.advance(9_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::ConnAck));
        assert!(peer.sent().is_empty());
        // In time, it is over and done with.
        peer.lose();
        peer.keep_alive = 0;
        peer.connect(false, &[]);
        peer.advance(1_000_000).unwrap();
    }
}

#[test]
fn an_acknowledgement_may_be_missed_max_repubs_times() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { max_repubs: 2, ..config(version) });
        peer.publish(1, "x", 1);
        peer.sent();
        assert_eq!(peer.advance(29_999), Ok(()));
        assert_eq!(peer.advance(1), late(Waiting::Acknowledgement));
        let told: &[&str] = if version == Version::V5 { &["DISCONNECT 0x80"] } else { &[] };
        assert_eq!(peer.sent(), told);
        peer.reconnect(true);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t x"]);
    }
}

#[test]
fn any_acknowledgement_is_progress() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { max_repubs: 0, ..config(version) });
        for n in 1..=8 {
            peer.publish(1, "x", n);
        }
        peer.sent();
        for n in (1..=8).rev() {
            assert_eq!(peer.advance(9_000), Ok(()));
            peer.send(&Packet::PubAck(ack(n)));
        }
        peer.advance(1_000_000).unwrap();
    }
}

#[test]
fn a_subscribe_without_an_answer_is_missed_too() {
    for version in BOTH {
        let mut peer = Peer::connected_with(Config { max_repubs: 0, ..config(version) });
        peer.subscribe("a", 1).unwrap();
        peer.sent();
        assert_eq!(peer.advance(10_000), late(Waiting::Acknowledgement));
    }
}

#[test]
fn what_has_not_left_cannot_be_acknowledged() {
    let mut peer = Peer::connected_with(Config { max_repubs: 0, ..config(Version::V5) });
    peer.publish(1, &"x".repeat(500), 1);
    for _ in 0..10 {
        peer.write(10);
        peer.stuck = true;
        peer.advance(8_000).unwrap();
        peer.stuck = false;
    }
    peer.sent();
    assert_eq!(peer.advance(20_000), late(Waiting::Acknowledgement));
}
