//! The broker goes and comes back in the middle of flows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};
use mqtt_as_tests::random::Random;
use mqtt_as_tokio::{Client, QoS, Version};

use crate::flow::{Kept, assert_arrived, printed_numbers, publish_counted, read_numbers};
use crate::link_cut::seed;
use crate::{config, flag, within};

/// How the broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// SIGTERM: it saves.
    Stop,
    /// SIGKILL: what it has saved before is all.
    Kill,
}

const RESTARTS: usize = 4;
const MESSAGES: usize = 3000;

async fn restart_while_numbers_flow(version: Version, qos: QoS, end: End) {
    let mut random = Random::new(seed());
    let options = Options::new().persistence().line("max_queued_messages 0");
    let mut broker = Mosquitto::start(options);
    let mut args = vec!["-V", flag(version), "-t", "flow", "-q", "2", "-F", "%p", "-c", "-i", "sub"];
    if version == Version::V5 {
        args.extend(["-x", "3600"]);
    }
    let sub = Sub::start(&broker, &args);
    let client = |id| Client::new(config(&broker, version, id)).expect("a client");
    let (publisher, reader) = (client("publisher"), client("reader"));
    let kept = [Kept::connect(&publisher).await, Kept::connect(&reader).await];
    within(reader.subscribe("flow", qos)).await.expect("subscribed");
    tokio::time::sleep(Duration::from_millis(200)).await;

    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    let publish = publish_counted(&publisher, "flow", qos, 0..MESSAGES, 50, &done);
    let restart = async {
        let mut at = Vec::new();
        for turn in 0..RESTARTS {
            // Somewhere in the next part of the flow.
            let part = MESSAGES / (RESTARTS + 1);
            let after = part * turn + random.index(part);
            while done.load(Ordering::Relaxed) < after {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            match end {
                End::Stop => broker.stop(),
                End::Kill => broker.kill(),
            }
            at.push(done.load(Ordering::Relaxed));
            broker.restart();
            assert!(sub.wait_subscribed(turn + 2, crate::SOON), "{}", sub.debug());
        }
        at
    };
    let read = read_numbers(&reader, MESSAGES - 1);
    let ((), at, numbers) = tokio::join!(publish, restart, read);
    let downs = kept.each_ref().map(Kept::downs);
    println!(
        "{version:?} {qos:?} {end:?}: {MESSAGES} messages, restarts at {at:?}, downs {downs:?}, {:?}",
        begin.elapsed()
    );
    assert_arrived("our reader", qos, MESSAGES, &numbers);
    assert_arrived("mosquitto_sub", qos, MESSAGES, &printed_numbers(&sub, MESSAGES - 1));
}
macro_rules! restarts {
    ($($name:ident: $version:ident $qos:ident $end:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            if broker_or_skip(stringify!($name)) {
                restart_while_numbers_flow(Version::$version, QoS::$qos, End::$end).await;
            }
        })+
    };
}

restarts! {
    qos_1_over_a_broker_that_restarts_v311: V311 AtLeastOnce Stop;
    qos_1_over_a_broker_that_restarts_v5: V5 AtLeastOnce Stop;
    qos_2_over_a_broker_that_restarts_v311: V311 ExactlyOnce Stop;
    qos_2_over_a_broker_that_restarts_v5: V5 ExactlyOnce Stop;
    qos_1_over_a_broker_that_is_killed_v311: V311 AtLeastOnce Kill;
    qos_1_over_a_broker_that_is_killed_v5: V5 AtLeastOnce Kill;
    qos_2_over_a_broker_that_is_killed_v311: V311 ExactlyOnce Kill;
    qos_2_over_a_broker_that_is_killed_v5: V5 ExactlyOnce Kill;
}
