//! The link is cut: the interface is down for a while, and nobody says a word of it.

use std::time::{Duration, Instant};

use mqtt_as_tests::brokers::Broker;

use super::inside::{inside, ip};
use crate::faults::line::plain;
use crate::faults::row::{Told, tell};
use crate::faults::silences::{LIMIT, attentive, since};
use crate::faults::{Case, count, each_of_mosquitto};
use crate::list::story::MS;
use crate::runtime::{run, sleep};

async fn cut(case: Case, broker: &Broker, time: Duration, fault: &str, wanted: Told) {
    let times = count(3, 1);
    let line = plain(case, broker, attentive).await;
    let mut begun = Vec::new();
    let cutting = async {
        for _ in 0..times {
            line.flows(20).await;
            begun.push(Instant::now());
            ip(&["link", "set", "lo", "down"]);
            sleep(time).await;
            ip(&["link", "set", "lo", "up"]);
            line.flows(20).await;
        }
    };
    let outcome = line.run(cutting).await;
    tell(fault, case, times, &outcome, since(&begun, &line), wanted);
}

#[test]
#[ignore = "tests/faults/run"]
fn link_cut_for_a_moment() {
    let name = "faults_with_std::links::link_cut_for_a_moment";
    let fault = "link down for 0.5 s (keep-alive 2 s)";
    inside(name, |_| {
        each_of_mosquitto(|case, broker| run(cut(case, &broker, 500 * MS, fault, Told::Never)));
    });
}

#[test]
#[ignore = "tests/faults/run"]
fn link_cut_for_longer() {
    let name = "faults_with_std::links::link_cut_for_longer";
    let fault = "link down for 5 s (keep-alive 2 s)";
    inside(name, |_| {
        each_of_mosquitto(|case, broker| {
            run(cut(case, &broker, 5000 * MS, fault, Told::Within(LIMIT)));
        });
    });
}
