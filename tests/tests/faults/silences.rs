//! Links that stand and say nothing: a black hole, a mute peer, one that never reads.

use std::time::{Duration, Instant};

use mqtt_as_tests::brokers::Broker;
use mqtt_as_tests::watched::{End, Silence};

use super::line::{Line, plain};
use super::row::{Told, latencies, tell};
use super::{Case, count, each, each_of_mosquitto};
use crate::list::story::{MS, client, config, until};
use crate::runtime::adapter::{Config, ConnectError, QoS, Step};
use crate::runtime::{run, sleep, soon, within};

/// The keep-alive, and the time-out of PINGRESP.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
const PINGRESP: Duration = Duration::from_secs(1);
/// One and a half keep-alives; and what a loaded machine takes to wake up.
pub(crate) const LIMIT: Duration = Duration::from_millis(3100);

/// PINGREQ goes out when nothing has come for the keep-alive, and its answer has a time of its own.
pub(crate) fn attentive(config: Config) -> Config {
    config.keepalive(KEEP_ALIVE).ping_timeout(PINGRESP).connect_timeout(PINGRESP)
}

async fn silent(case: Case, broker: &Broker, silence: Silence, fault: &str) {
    let times = count(3, 1);
    let line = plain(case, broker, attentive).await;
    let mut begun = Vec::new();
    let fell = async {
        for time in 1..=times {
            line.flows(50).await;
            begun.push(Instant::now());
            for side in [&line.publisher, &line.reader] {
                side.link.fall_silent(silence);
            }
            line.are_told(time).await;
            for side in [&line.publisher, &line.reader] {
                side.link.fall_silent(Silence::Nowhere);
            }
        }
        line.flows(50).await;
    };
    let outcome = line.run(fell).await;
    tell(fault, case, times, &outcome, since(&begun, &line), Told::Within(LIMIT));
}

/// The times from each of these moments until both clients were told.
pub(crate) fn since(begun: &[Instant], line: &Line) -> Vec<Duration> {
    let sides = [&line.publisher, &line.reader];
    sides.into_iter().flat_map(|side| latencies(begun, &side.downs())).collect()
}

#[test]
#[ignore = "tests/faults/run"]
fn black_hole() {
    each(|case, broker| run(silent(case, &broker, Silence::BlackHole, "black hole")));
}

#[test]
#[ignore = "tests/faults/run"]
fn mute_peer() {
    each(|case, broker| run(silent(case, &broker, Silence::Mute, "mute peer")));
}

/// The transport has to take bytes within that time.
const WRITE: Duration = Duration::from_secs(1);

fn writing(config: Config) -> Config {
    config.write_timeout(WRITE).keepalive(60 * KEEP_ALIVE).connect_timeout(PINGRESP)
}

/// What the publisher writes fills the buffers of both ends, beside the load.
async fn never_reads(case: Case, broker: &Broker) {
    let times = count(3, 1);
    let line = plain(case, broker, writing).await;
    let mut begun = Vec::new();
    let client = &line.publisher.client;
    let fault = async {
        for time in 1..=times {
            line.flows(50).await;
            line.publisher.link.fall_silent(Silence::Deaf);
            let (large, mut last) = (vec![b'x'; 4000], Instant::now());
            while line.publisher.downs().len() < time {
                let publish = client.publish("faults/large", &large).qos(QoS::AtMostOnce);
                if soon(20 * MS, publish).await.is_some_and(|published| published.is_ok()) {
                    last = Instant::now();
                }
            }
            begun.push(last);
            line.publisher.link.fall_silent(Silence::Nowhere);
        }
        line.flows(50).await;
    };
    let outcome = line.run(fault).await;
    let until_down = latencies(&begun, &line.publisher.downs());
    let limit = Told::Within(WRITE + 500 * MS);
    tell("a peer that never reads", case, times, &outcome, until_down, limit);
}

#[test]
#[ignore = "tests/faults/run"]
fn peer_that_never_reads() {
    each_of_mosquitto(|case, broker| run(never_reads(case, &broker)));
}

/// A peer that accepts TCP, and never answers CONNECT: `connect` says so in its time.
#[test]
#[ignore = "tests/faults/run"]
fn mute_from_the_first_byte() {
    each_of_mosquitto(|case, broker| {
        run(async {
            let line = plain(case, &broker, attentive).await;
            let times = count(3, 1);
            let mut took = Vec::new();
            let fault = async {
                line.flows(50).await;
                let mute = &line.reader.link;
                mute.fall_silent(Silence::Mute);
                let third = client(attentive(config(case.version, mute.port()).client_id("third")));
                for _ in 0..times {
                    let begin = Instant::now();
                    let error = within(third.connect(true)).await.err();
                    took.push(begin.elapsed());
                    assert_eq!(error, Some(ConnectError::TimedOut(Step::Connect)));
                }
                mute.fall_silent(Silence::Nowhere);
                mute.end_all(End::Close);
                until(|| line.reader.client.is_connected()).await;
                line.flows(50).await;
                sleep(MS).await;
            };
            let outcome = line.run(fault).await;
            let fault = "no answer to CONNECT (until `connect` fails)";
            tell(fault, case, times, &outcome, took, Told::Within(PINGRESP + 100 * MS));
        });
    });
}
