//! The link is cut at random bytes while the broker lives: nothing is lost, QoS 2 arrives once, in order.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};
use mqtt_as_tests::proxy::{Plan, Proxy, Way};
use mqtt_as_tests::random::Random;
use mqtt_as_tokio::{Client, QoS, Version};

use crate::flow::{Kept, assert_arrived, printed_numbers, publish_numbers, read_numbers, window};
use crate::{config, flag, within};

/// Cuts are random: `MQTT_AS_SEED` repeats a run, as far as threads allow.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MQTT_AS_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = given.unwrap_or_else(|| clock().map_or(1, |time| u64::from(time.subsec_nanos())));
    println!("MQTT_AS_SEED={seed}");
    seed
}

/// The first link is good until it is cut by hand; the next ones die somewhere, in either direction: a third of
/// them so early that hardly anything gets through.
fn cuts(seed: u64, up: u64, down: u64) -> impl FnMut(u32) -> Plan + Send {
    let mut random = Random::new(seed);
    move |link| {
        let soon = random.chance(30);
        let mut at = |most: u64| Way::cut_at(random.between(1..=if soon { 200 } else { most }));
        let (up, down) = (at(up), at(down));
        match random.between(0..=2) {
            _ if link == 0 => Plan::default(),
            0 => Plan { up, ..Plan::default() },
            1 => Plan { down, ..Plan::default() },
            _ => Plan { up, down },
        }
    }
}

/// The packet identifier behind `mark` in a line of the broker's log.
fn id(line: &str, mark: &str) -> Option<usize> {
    let digits = line.split_once(mark)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The numbers that mosquitto 2.0.11 drops: it counts messages that were open when it was killed for
/// ever, and so finds its window of 20 full; its PUBREC 0x97 says nothing in 3.1.1. Our identifiers
/// are 1, 2, 3, …
pub(crate) fn dropped_by_broker(log: &str) -> Vec<usize> {
    let dropped = log
        .lines()
        .filter(|line| line.contains("Sending PUBREC to publisher") && line.contains("rc151"));
    dropped.filter_map(|line| Some(id(line, "(m")? - 1)).collect()
}

/// Takes out what mosquitto 2.0.11 delivers twice itself. When a link is lost before it has sent all PUBRELs again,
/// it forgets that their messages were received: on the next link it sends PUBLISH, for which it has had PUBREC
/// (4.4 and 4.3.3 forbid that). Its log shows each case. Nothing else may come twice.
///
/// After such a link it may also send a message of its queue before older ones. So a number stands for its place in the
/// order in which the broker sent the messages first: in that order they have to come.
pub(crate) fn without_broker_faults(log: &str, numbers: Vec<usize>) -> Vec<usize> {
    let (mut received, mut again) = (HashSet::new(), HashSet::new());
    let mut places = HashMap::new();
    for line in log.lines() {
        if line.contains("Received PUBREC from reader") {
            received.extend(id(line, "(Mid: "));
        } else if line.contains("Sending PUBLISH to reader") {
            // It gives the reader's messages the identifiers 1, 2, 3, …
            let Some(id) = id(line, ", m") else { continue };
            let place = places.len();
            places.entry(id - 1).or_insert(place);
            if received.contains(&id) {
                again.insert(id - 1);
            }
        }
    }
    let mut seen = HashSet::new();
    let all = numbers.len();
    let rest: Vec<_> = numbers
        .into_iter()
        .filter(|number| seen.insert(*number) || !again.contains(number))
        .map(|number| places[&number])
        .collect();
    println!("the broker delivered {} twice", all - rest.len());
    rest
}

/// Publisher and reader each have a bad link of their own; a mosquitto_sub has a good one.
async fn cut_while_numbers_flow(version: Version, qos: QoS, count: usize) {
    let seed = seed();
    let broker = Mosquitto::start(Options::new().verbose().line("max_queued_messages 0"));
    // Its link is good: at QoS 0 it sees what the broker takes from us, as often as it takes it.
    let sub = Sub::start(&broker, &["-t", "cut", "-q", "0", "-F", "%p"]);
    let links = [(seed, 12_000, 900), (!seed, 900, 12_000)];
    let [publishing, reading] =
        links.map(|(seed, up, down)| Proxy::start(broker.addr(), cuts(seed, up, down)));
    let client = |id, proxy: &Proxy| {
        let config = config(&broker, version, id);
        Client::new(config.port(proxy.addr().port())).expect("a client")
    };
    let (publisher, reader) = (client("publisher", &publishing), client("reader", &reading));
    let kept = [Kept::connect(&publisher).await, Kept::connect(&reader).await];
    within(reader.subscribe("cut", qos)).await.expect("subscribed");

    let read = tokio::spawn(async move { read_numbers(&reader, count - 1).await });
    let begin = Instant::now();
    assert_eq!(publishing.cut_all() + reading.cut_all(), 2);
    publish_numbers(&publisher, "cut", qos, 0..count, window(version)).await;
    let numbers = read.await.expect("a reader");
    let (cut, took) = ([publishing.cuts(), reading.cuts()], begin.elapsed());
    let downs = kept.each_ref().map(Kept::downs);
    println!("{version:?} {qos:?}: {count} messages, cuts {cut:?}, downs {downs:?}, {took:?}");
    assert_arrived("mosquitto_sub", qos, count, &printed_numbers(&sub, count - 1));
    let numbers = without_broker_faults(&broker.log(), numbers);
    assert_arrived("our reader", qos, count, &numbers);
    assert!(cut.iter().all(|cuts| *cuts > 5), "hardly a bad link: {cut:?}");
}

const MESSAGES: usize = 1500;

#[tokio::test(flavor = "multi_thread")]
async fn qos_1_over_a_link_that_is_cut_v311() {
    if broker_or_skip("qos_1_over_a_link_that_is_cut_v311") {
        cut_while_numbers_flow(Version::V311, QoS::AtLeastOnce, MESSAGES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_1_over_a_link_that_is_cut_v5() {
    if broker_or_skip("qos_1_over_a_link_that_is_cut_v5") {
        cut_while_numbers_flow(Version::V5, QoS::AtLeastOnce, MESSAGES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_2_over_a_link_that_is_cut_v311() {
    if broker_or_skip("qos_2_over_a_link_that_is_cut_v311") {
        cut_while_numbers_flow(Version::V311, QoS::ExactlyOnce, MESSAGES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn qos_2_over_a_link_that_is_cut_v5() {
    if broker_or_skip("qos_2_over_a_link_that_is_cut_v5") {
        cut_while_numbers_flow(Version::V5, QoS::ExactlyOnce, MESSAGES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_come_one_by_one_and_late_change_nothing() {
    if !broker_or_skip("bytes_that_come_one_by_one_and_late_change_nothing") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let dribble = Way { dribble: true, ..Way::default() };
    let late = Way { delay: Duration::from_millis(20), ..Way::default() };
    for (version, way) in
        [Version::V311, Version::V5].into_iter().flat_map(|v| [(v, dribble), (v, late)])
    {
        let proxy = Proxy::start(broker.addr(), move |_| Plan { up: way, down: way });
        // Nobody reads before all is published: there has to be room for it.
        let config = config(&broker, version, "slow").receive_maximum(100);
        let config = config.port(proxy.addr().port());
        let client = Client::new(config).expect("a client");
        within(client.connect(true)).await.expect("a connection");
        within(client.subscribe("slow", QoS::ExactlyOnce)).await.expect("subscribed");
        publish_numbers(&client, "slow", QoS::ExactlyOnce, 0..100, 20).await;
        assert_arrived("we", QoS::ExactlyOnce, 100, &read_numbers(&client, 99).await);
        within(client.disconnect()).await.expect("disconnected");
        assert_eq!((proxy.links(), proxy.cuts()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_falls_silent_in_a_packet_is_given_up() {
    if !broker_or_skip("a_link_that_falls_silent_in_a_packet_is_given_up") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for version in [Version::V311, Version::V5] {
        let stalls = |link| if link == 0 { Way::stall_at(300) } else { Way::default() };
        let proxy =
            Proxy::start(broker.addr(), move |link| Plan { up: stalls(link), ..Plan::default() });
        let time = Duration::from_millis(300);
        let config = config(&broker, version, "stalled").port(proxy.addr().port());
        let config = config.response_time(time).max_repubs(1).ping_timeout(time);
        let client = Client::new(config).expect("a client");
        // At QoS 0 it sees what the broker takes from us, as often as it takes it; at QoS 2 it
        // leaves when the broker exceeds its Receive Maximum.
        let sub =
            Sub::start(&broker, &["-V", flag(version), "-t", "stalled", "-q", "0", "-F", "%p"]);
        let kept = Kept::connect(&client).await;
        publish_numbers(&client, "stalled", QoS::ExactlyOnce, 0..50, window(version)).await;
        assert_arrived("mosquitto_sub", QoS::ExactlyOnce, 50, &printed_numbers(&sub, 49));
        assert_eq!(kept.downs(), 1, "{version:?}");
        drop(kept);
        within(client.connect(true)).await.expect("a clean end");
    }
}
