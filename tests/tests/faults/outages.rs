//! The broker itself is killed, ended, or stopped under load.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_as_tests::brokers::{Broker, Make};

use super::line::{Line, plain};
use super::row::{AT_ONCE, Told, of_ended_links, tell};
use super::silences::{LIMIT, attentive, since};
use super::{Case, count, each, each_of_mosquitto};
use crate::list::story::MS;
use crate::runtime::adapter::Config;
use crate::runtime::{run, sleep};

/// How often a broker is killed: those on Erlang take seconds to come back.
fn kills(make: Make) -> usize {
    match make {
        Make::Mosquitto => count(50, 5),
        Make::Ejabberd => count(10, 2),
        Make::RabbitMq => count(5, 1),
    }
}

/// Does what takes its time on a thread of its own: on some runtimes this one carries the bytes.
async fn beside(broker: &Arc<Mutex<Broker>>, act: fn(&mut Broker)) {
    let broker = broker.clone();
    let thread = thread::spawn(move || act(&mut broker.lock().expect("no panic")));
    while !thread.is_finished() {
        sleep(MS).await;
    }
    thread.join().expect("no panic");
}

async fn restarted(case: Case, broker: Broker, end: fn(&mut Broker), fault: &str) {
    let settings = |config: Config| config.connect_timeout(1000 * MS).ping_interval(1000 * MS);
    let line = plain(case, &broker, settings).await;
    let broker = Arc::new(Mutex::new(broker));
    let times = kills(case.make);
    let ending = async {
        for time in 1..=times {
            line.flows(20).await;
            beside(&broker, end).await;
            line.are_told(time).await;
            beside(&broker, Broker::restart).await;
            both_are_back(&line).await;
        }
        line.flows(20).await;
    };
    let outcome = line.run(ending).await;
    tell(fault, case, times, &outcome, of_ended_links(&line), AT_ONCE);
}

async fn both_are_back(line: &Line) {
    while !(line.publisher.client.is_connected() && line.reader.client.is_connected()) {
        sleep(MS).await;
    }
}

#[test]
#[ignore = "tests/faults/run"]
fn broker_killed() {
    each(|case, broker| run(restarted(case, broker, Broker::kill, "broker killed")));
}

#[test]
#[ignore = "tests/faults/run"]
fn broker_ended() {
    let fault = "broker ended (it saves)";
    each_of_mosquitto(|case, broker| run(restarted(case, broker, Broker::stop, fault)));
}

/// Stopped for a while that the keep-alive allows, or does not.
async fn stopped(case: Case, broker: &Broker, time: Duration, fault: &str, wanted: Told) {
    let times = count(3, 1);
    let line = plain(case, broker, attentive).await;
    let mut begun = Vec::new();
    let fault_is = async {
        for _ in 0..times {
            line.flows(20).await;
            begun.push(Instant::now());
            broker.pause();
            sleep(time).await;
            broker.resume();
            both_are_back(&line).await;
        }
        line.flows(20).await;
    };
    let outcome = line.run(fault_is).await;
    tell(fault, case, times, &outcome, since(&begun, &line), wanted);
}

#[test]
#[ignore = "tests/faults/run"]
fn broker_stopped_for_a_moment() {
    let time = 800 * MS;
    let fault = "broker stopped for 0.8 s (keep-alive 2 s)";
    each(|case, broker| run(stopped(case, &broker, time, fault, Told::Never)));
}

#[test]
#[ignore = "tests/faults/run"]
fn broker_stopped_for_longer() {
    let time = 5000 * MS;
    let fault = "broker stopped for 5 s (keep-alive 2 s)";
    each(|case, broker| run(stopped(case, &broker, time, fault, Told::Within(LIMIT))));
}
