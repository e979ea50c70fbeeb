//! Programs whose broker is restarted, or that are killed themselves.

use std::collections::BTreeSet;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};

use crate::{BOTH, SOON, output, publish_all, start};

/// What survives a restart, and has no limits of its own.
fn lasting() -> Options {
    Options::new().persistence().line("max_queued_messages 0")
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}

/// Takes numbers until all of them have come; some may come twice.
fn all_come(sub: &Sub, range: std::ops::RangeInclusive<u32>) {
    let mut missing: BTreeSet<_> = numbers(range).collect();
    while !missing.is_empty() {
        let came = sub.next_line(SOON);
        missing.remove(&came.unwrap_or_else(|| panic!("these do not come: {missing:?}")));
    }
}

#[test]
fn a_sensor_loses_no_reading_when_the_broker_is_restarted() {
    if !broker_or_skip("a_sensor_loses_no_reading_when_the_broker_is_restarted") {
        return;
    }
    for adapter in BOTH {
        let mut broker = Mosquitto::start(lasting());
        let args = ["-t", "plant/#", "-q", "1", "-c", "-i", "archive", "-F", "%p"];
        let sub = Sub::start(&broker, &args);
        let mut sensor = start(adapter, "sensor", &[&broker]);
        assert_eq!(sub.next_lines(10, SOON).len(), 10, "it works");
        broker.restart();
        all_come(&sub, 11..=100);
        let lines = output(&mut sensor);
        assert_eq!(lines.iter().filter(|line| *line == "up").count(), 2, "{lines:?}");
        assert!(lines.iter().any(|line| line == "all acknowledged: true"), "{lines:?}");
    }
}

#[test]
fn a_consumer_that_is_killed_goes_on_where_it_was() {
    if !broker_or_skip("a_consumer_that_is_killed_goes_on_where_it_was") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
        let first = start(adapter, "persistent_consumer", &[&broker]);
        assert!(first.prints("session present: false", SOON));
        std::thread::scope(|scope| {
            scope.spawn(|| publish_all(&broker, "orders", numbers(1..=250)));
            assert!(first.prints("done: 100", SOON));
        });
        first.kill();
        publish_all(&broker, "orders", numbers(251..=500).chain(["last".to_owned()]));
        let lines = output(&mut start(adapter, "persistent_consumer", &[&broker]));
        assert_eq!(lines.first().map(String::as_str), Some("session present: true"));
        // What it had done and not acknowledged on the wire comes again; nothing else does.
        let done: Vec<u32> =
            lines.iter().filter_map(|l| l.strip_prefix("done: ")?.parse().ok()).collect();
        let begin = *done.first().expect("the rest");
        assert!(begin > 1, "it does not begin anew");
        assert_eq!(done, (begin..=500).collect::<Vec<_>>(), "in order, without a gap");
        assert_eq!(lines.last().map(String::as_str), Some("done: last"));
    }
}

#[test]
fn a_bridge_loses_nothing_when_both_brokers_are_restarted() {
    if !broker_or_skip("a_bridge_loses_nothing_when_both_brokers_are_restarted") {
        return;
    }
    for adapter in BOTH {
        let (mut from, mut to) = (Mosquitto::start(lasting()), Mosquitto::start(lasting()));
        let sub = Sub::start(&to, &["-t", "up/#", "-q", "1", "-c", "-i", "end", "-F", "%p"]);
        let bridge = start(adapter, "bridge", &[&from, &to]);
        assert!(bridge.prints("up", SOON));
        publish_all(&from, "up/numbers", numbers(1..=100));
        assert_eq!(sub.next_lines(20, SOON).len(), 20, "it works");
        to.restart();
        publish_all(&from, "up/numbers", numbers(101..=200));
        from.restart();
        publish_all(&from, "up/numbers", numbers(201..=300));
        all_come(&sub, 21..=300);
    }
}
