//! Which links are alive, in virtual time.

use std::time::Duration;

use mqtt_as_client::{Config, ConnectionError, DownReason, QoS, Waiting};
use mqtt_as_proto::Version;
use mqtt_as_proto::packet::PacketType;

use crate::BOTH;
use crate::calls::{Call, connected};
use crate::hand::Bench;

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours")
}

fn down(waiting: Waiting) -> Option<DownReason> {
    Some(DownReason::Protocol(ConnectionError::TimedOut(waiting)))
}

/// 8 MB at 640 KB/s: longer than the server may be silent.
// Decision [silence]
#[test]
fn a_large_message_over_a_slow_link_is_not_silence() {
    for version in BOTH {
        let settings = config(version).keepalive(Duration::from_secs(3)).store(16 << 20);
        let mut bench = Bench::new(settings.ping_timeout(Duration::from_secs(1)), 640);
        let client = bench.client();
        bench.complete(client.connect(false)).expect("a connection");
        let payload = vec![7; 8_000_000];
        let publish = client.publish("t", &payload).qos(QoS::AtLeastOnce);
        bench.complete(publish).expect("a publish");
        assert_eq!(client.statistics().connections, 1);
        assert!(bench.complete(client.broker_up()));
    }
}

/// A message that trickles: the link is not dead, but the sign of life that was asked for is not there.
// Decision [broker-up]
#[test]
fn broker_up_has_a_time_of_its_own() {
    for version in BOTH {
        let mut bench = connected(config(version).ping_timeout(Duration::from_secs(2)));
        let client = bench.client();
        bench.receive(&[0x30, 0xff, 0xff, 0x7f, 0, 1, b't']);
        bench.turns(10);
        let mut call = Call::new(client.broker_up());
        let end = (0..5).find_map(|_| {
            bench.receive(b"x");
            (0..500).find_map(|_| {
                bench.turn();
                call.poll()
            })
        });
        assert_eq!(end, Some(false), "{version:?}");
        assert!(client.is_connected());
    }
}

#[test]
fn without_a_ping_timeout_broker_up_waits_as_long_as_the_link_stands() {
    for version in BOTH {
        let settings = config(version).ping_timeout(Duration::ZERO);
        let mut bench = connected(settings.keepalive(Duration::from_secs(60)));
        let client = bench.client();
        bench.mute(true);
        let mut call = Call::begun(client.broker_up());
        for _ in 0..80_000 {
            assert!(client.is_connected());
            assert_eq!(call.poll(), None);
            bench.turn();
        }
        bench.turns(11_000);
        assert_eq!(call.poll(), Some(false));
        assert_eq!(bench.complete(client.down()), down(Waiting::Silence));
    }
}

/// Stopped right after PINGREQ has left, for longer than PINGRESP may take, which is there meanwhile.
// Decision [late-process]
#[test]
fn a_process_that_was_stopped_reads_before_it_judges() {
    for version in BOTH {
        let mut bench = connected(config(version).ping_timeout(Duration::from_secs(1)));
        let client = bench.client();
        let mut call = Call::begun(client.broker_up());
        bench.turn();
        assert_eq!(bench.packet_types().last(), Some(&PacketType::PingReq));
        bench.freeze(1500);
        assert!(call.end_within(&mut bench, 100));
        assert!(client.is_connected());
    }
}

/// It reads, and nothing is there.
// Decision [late-process]
#[test]
fn a_process_that_was_stopped_finds_a_silent_server_out() {
    for version in BOTH {
        let mut bench = connected(config(version).ping_timeout(Duration::from_secs(1)));
        let client = bench.client();
        bench.mute(true);
        let mut call = Call::begun(client.broker_up());
        bench.turn();
        bench.freeze(1500);
        assert!(client.is_connected());
        assert!(!call.end_within(&mut bench, 200));
        assert_eq!(bench.complete(client.down()), down(Waiting::PingResp));
    }
}

/// Stopped again before it had its time to read: what came meanwhile is read first again.
#[test]
fn a_process_that_is_stopped_again_and_again_reads_each_time() {
    for version in BOTH {
        let mut bench = connected(config(version).ping_timeout(Duration::from_secs(1)));
        let client = bench.client();
        for _ in 0..5 {
            let mut call = Call::begun(client.broker_up());
            bench.turn();
            assert_eq!(bench.packet_types().last(), Some(&PacketType::PingReq));
            bench.freeze(1500);
            assert!(call.end_within(&mut bench, 20), "{version:?}");
        }
        assert!(client.is_connected());
    }
}

/// A machine that is always late judges in the end: nothing waits for ever.
#[test]
fn a_process_that_is_always_late_finds_a_silent_server_out() {
    for version in BOTH {
        let mut bench = connected(config(version).ping_timeout(Duration::from_secs(1)));
        let client = bench.client();
        bench.mute(true);
        let mut call = Call::begun(client.broker_up());
        bench.turn();
        let end = (0..20).find_map(|_| {
            bench.freeze(1500);
            bench.turn();
            call.poll()
        });
        assert_eq!(end, Some(false), "{version:?}");
        assert_eq!(bench.complete(client.down()), down(Waiting::PingResp));
    }
}
