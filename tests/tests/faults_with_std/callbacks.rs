//! A callback that panics: the link stands, and every message is told to the others.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mqtt_as_tests::brokers::Broker;

use crate::faults::line::{number, plain};
use crate::faults::row::{Told, tell};
use crate::faults::silences::attentive;
use crate::faults::{Case, count, each_of_mosquitto};
use crate::list::story::MS;
use crate::runtime::{on_message, run, sleep};

/// One in so many messages makes it panic.
const EVERY: usize = 7;

async fn panics(case: Case, broker: &Broker) {
    let line = plain(case, broker, attentive).await;
    let client = &line.reader.client;
    on_message(client, |_, payload| {
        assert_ne!(number(payload) % EVERY, 0, "a panic that the fault is");
    });
    let taken = Arc::<Mutex<Vec<usize>>>::default();
    let (told, flow) = (taken.clone(), line.flow.clone());
    on_message(client, move |_, payload| {
        told.lock().expect("no panic").push(number(payload));
        flow.taken.fetch_add(1, Ordering::SeqCst);
    });
    let read = async {
        let (mut last, mut seen) = (Instant::now(), 0);
        while !line.flow.is_over(seen, last.elapsed()) {
            sleep(10 * MS).await;
            let now = line.flow.taken.load(Ordering::SeqCst);
            if now != seen {
                (last, seen) = (Instant::now(), now);
            }
        }
        taken.lock().expect("no panic").clone()
    };
    let outcome = line.run_with(line.flows(count(2000, 200)), read).await;
    let until_down = line.reader.downs().iter().map(Instant::elapsed).collect();
    let times = outcome.score.sent / EVERY;
    tell("callback that panics", case, times, &outcome, until_down, Told::Never);
}

#[test]
#[ignore = "tests/faults/run"]
fn callback_that_panics() {
    // As many as there are panics would hide everything else.
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("a panic that the fault is") {
            eprintln!("{text}");
        }
    }));
    each_of_mosquitto(|case, broker| run(panics(case, &broker)));
}
