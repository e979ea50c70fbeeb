//! The harness for the real broker does what the interop tests rely on.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{
    Mosquitto, Options, Sub, broker_or_skip, publish, publish_bytes, wait_until,
};

/// Comes at once if it comes at all.
const SOON: Duration = Duration::from_secs(10);
/// Long enough to believe that nothing comes.
const NEVER: Duration = Duration::from_millis(300);

#[test]
fn a_message_goes_from_pub_to_sub_in_both_versions() {
    if !broker_or_skip("a_message_goes_from_pub_to_sub_in_both_versions") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for version in ["311", "5"] {
        let sub =
            Sub::start(&broker, &["-V", version, "-t", "a/#", "-q", "2", "-F", "%t %q %r %p"]);
        for qos in ["0", "1", "2"] {
            publish(&broker, &["-V", version, "-t", "a/b", "-q", qos, "-m", "hello"]);
            assert_eq!(sub.next_line(SOON), Some(format!("a/b {qos} 0 hello")));
        }
        assert_eq!(sub.next_line(NEVER), None);
    }
}

#[test]
fn payloads_of_any_bytes_and_of_2_mb_are_told_from_debug_lines() {
    if !broker_or_skip("payloads_of_any_bytes_and_of_2_mb_are_told_from_debug_lines") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let hex = Sub::start(&broker, &["-t", "bytes", "-q", "1", "-F", "%t %x"]);
    publish_bytes(&broker, &["-t", "bytes", "-q", "1"], b"MSG>\nSubscribed (mid: 1)\0\xFF");
    assert_eq!(
        hex.next_line(SOON).as_deref(),
        Some("bytes 4d53473e0a5375627363726962656420286d69643a20312900ff")
    );

    let large = Sub::start(&broker, &["-t", "large", "-q", "1", "-F", "%l %x"]);
    publish_bytes(&broker, &["-t", "large", "-q", "1"], &vec![0xA5; 2_000_000]);
    assert_eq!(large.next_line(SOON), Some(format!("2000000 {}", "a5".repeat(2_000_000))));
    assert!(!large.debug().contains("a5a5"), "a message among the debug lines");
}

#[test]
fn a_retained_message_survives_the_kill_of_a_persistent_broker() {
    if !broker_or_skip("a_retained_message_survives_the_kill_of_a_persistent_broker") {
        return;
    }
    let mut broker = Mosquitto::start(Options::new().persistence());
    let addr = broker.addr();
    publish(&broker, &["-t", "kept", "-q", "1", "-r", "-m", "still here"]);
    let witness = Sub::start(&broker, &["-t", "kept", "-q", "1"]);
    assert_eq!(witness.next_line(SOON).as_deref(), Some("kept 1 1 still here"));

    broker.kill();
    assert!(broker.pid().is_none() && TcpStream::connect(addr).is_err());
    broker.restart();
    assert_eq!(broker.addr(), addr);
    let sub = Sub::start(&broker, &["-t", "kept", "-q", "1"]);
    assert_eq!(sub.next_line(SOON).as_deref(), Some("kept 1 1 still here"));
    assert!(
        witness.wait_subscribed(2, SOON),
        "mosquitto_sub connects again; it said:\n{}",
        witness.debug()
    );
}

#[test]
fn a_broker_without_persistence_forgets() {
    if !broker_or_skip("a_broker_without_persistence_forgets") {
        return;
    }
    let mut broker = Mosquitto::start(Options::new());
    publish(&broker, &["-t", "gone", "-q", "1", "-r", "-m", "x"]);
    broker.stop();
    broker.restart();
    let sub = Sub::start(&broker, &["-t", "gone", "-q", "1"]);
    assert_eq!(sub.next_line(NEVER), None);
}

#[test]
fn a_paused_broker_accepts_and_is_silent_until_it_goes_on() {
    if !broker_or_skip("a_paused_broker_accepts_and_is_silent_until_it_goes_on") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let sub = Sub::start(&broker, &["-t", "a", "-q", "1"]);
    broker.pause();
    let mut stream = TcpStream::connect(broker.addr()).expect("the kernel accepts for it");
    stream.set_read_timeout(Some(NEVER)).expect("set a time-out");
    let silence = stream.read(&mut [0; 1]).expect_err("nobody answers").kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    broker.resume();
    publish(&broker, &["-t", "a", "-q", "1", "-m", "on it goes"]);
    assert_eq!(sub.next_line(SOON).as_deref(), Some("a 1 0 on it goes"));
}

#[test]
fn lines_of_configuration_and_the_log_of_packets() {
    if !broker_or_skip("lines_of_configuration_and_the_log_of_packets") {
        return;
    }
    let options = Options::new().verbose().line("max_inflight_messages 2").line("max_qos 1");
    let broker = Mosquitto::start(options);
    let sub = Sub::start(&broker, &["-V", "5", "-t", "a", "-q", "2"]);
    publish(&broker, &["-V", "5", "-i", "one", "-t", "a", "-q", "1", "-m", "x"]);
    publish(&broker, &["-V", "5", "-i", "two", "-t", "a", "-q", "1", "-m", "y"]);
    assert_eq!(sub.next_lines(2, SOON), ["a 1 0 x", "a 1 0 y"]);
    let logged = || broker.log().contains("Received PUBLISH from one (d0, q1, r0");
    assert!(wait_until(SOON, logged), "{}", broker.log());
}

#[test]
#[should_panic(expected = "mosquitto_pub")]
fn a_publish_to_a_killed_broker_fails_with_what_it_said() {
    if !broker_or_skip("a_publish_to_a_killed_broker_fails_with_what_it_said") {
        panic!("mosquitto_pub is not there");
    }
    let mut broker = Mosquitto::start(Options::new());
    broker.kill();
    publish(&broker, &["-t", "a", "-m", "x"]);
}

#[test]
#[should_panic(expected = "Unknown configuration variable \"no_such_option\"")]
fn a_broker_that_cannot_start_says_why_at_once() {
    if !broker_or_skip("a_broker_that_cannot_start_says_why_at_once") {
        panic!("Unknown configuration variable \"no_such_option\"");
    }
    let start = Instant::now();
    let _broker = Mosquitto::start(Options::new().line("no_such_option 1"));
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_dropped_broker_leaves_nothing_behind() {
    if !broker_or_skip("a_dropped_broker_leaves_nothing_behind") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let addr = broker.addr();
    drop(broker);
    TcpListener::bind(addr).expect("the port is free again");
}
