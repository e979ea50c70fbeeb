//! The broker goes and comes back in the middle of flows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};
use mqtt_as_tests::random::Random;
use mqtt_as_tokio::{Client, QoS, Version};

use crate::flow::{Kept, assert_arrived, printed_numbers, publish_counted, read_numbers, window};
use crate::link_cut::{dropped_by_broker, seed, without_broker_faults};
use crate::{config, within};

/// How the broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// SIGTERM: it saves.
    Stop,
    /// SIGKILL: what it has saved before is all.
    Kill,
}

/// mosquitto 2.0.11 answers first and saves afterwards: `autosave_on_changes` writes the whole database at the end of
/// a turn of its loop, behind the acknowledgements of that turn. SIGKILL in between takes it back to a state in which
/// messages that it has acknowledged are unknown (lost to everybody), and others that it has delivered are not
/// (delivered again, at QoS 2 too); in 5.0 it may also refuse a resend with 0x97. So what it acknowledged within this
/// many messages of a kill proves nothing about the client. What is further off has to be right, and every call has to
/// end. SIGTERM saves: there the rules hold without exception.
const NEAR: usize = 300;
const RESTARTS: usize = 3;
const MESSAGES: usize = 3000;

async fn restart_while_numbers_flow(version: Version, qos: QoS, end: End) {
    let mut random = Random::new(seed());
    let options = Options::new().verbose().persistence().line("max_queued_messages 0");
    let mut broker = Mosquitto::start(options);
    // At QoS 1: at QoS 2 mosquitto_sub leaves with a protocol error when the broker exceeds its Receive Maximum.
    let args = ["-t", "flow", "-q", "1", "-F", "%p", "-c", "-i", "sub"];
    let sub = Sub::start(&broker, &args);
    let config = |id| config(&broker, version, id);
    let client = |id| Client::new(config(id)).expect("a client");
    let (publisher, reader) = (client("publisher"), client("reader"));
    let kept = [Kept::connect(&publisher).await, Kept::connect(&reader).await];
    within(reader.subscribe("flow", qos)).await.expect("subscribed");
    tokio::time::sleep(Duration::from_millis(200)).await;

    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    let publish = publish_counted(&publisher, "flow", qos, 0..MESSAGES, window(version), &done);
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
    let (refused, at, numbers) = tokio::join!(publish, restart, read);
    let downs = kept.each_ref().map(Kept::downs);
    println!(
        "{version:?} {qos:?} {end:?}: {MESSAGES} messages, restarts at {at:?}, downs {downs:?}, {:?}",
        begin.elapsed()
    );
    let printed = printed_numbers(&sub, MESSAGES - 1);
    let witness = QoS::AtLeastOnce;
    if end == End::Stop {
        assert!(refused.is_empty(), "refused: {refused:?}");
        let numbers = without_broker_faults(&broker.log(), numbers);
        assert_arrived("our reader", qos, MESSAGES, &numbers);
        assert_arrived("mosquitto_sub", witness, MESSAGES, &printed);
    } else {
        let refused = [refused, dropped_by_broker(&broker.log())].concat();
        assert_arrived_but_near(&at, "our reader", qos, &numbers, &refused);
        assert_arrived_but_near(&at, "mosquitto_sub", witness, &printed, &refused);
    }
}

/// Everything has arrived as it should, apart from what was acknowledged around a SIGKILL.
fn assert_arrived_but_near(
    kills: &[usize],
    who: &str,
    qos: QoS,
    numbers: &[usize],
    refused: &[usize],
) {
    let near = |number: &usize| kills.iter().any(|kill| kill.abs_diff(*number) <= NEAR);
    let lost = (0..MESSAGES).filter(|number| !numbers.contains(number)).count();
    println!("{who}: lost {lost}, refused {}", refused.len());
    // The numbers that are left, closed up.
    let counts = |number: &usize| !near(number) && !refused.contains(number);
    let left: Vec<usize> = (0..MESSAGES).filter(counts).collect();
    let far: Vec<usize> =
        numbers.iter().filter_map(|number| left.binary_search(number).ok()).collect();
    assert_arrived(who, qos, left.len(), &far);
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
