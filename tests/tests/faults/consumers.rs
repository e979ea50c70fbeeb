//! The program itself is what is slow: a consumer that sleeps.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mqtt_as_tests::brokers::Broker;

use super::line::plain;
use super::row::{Told, tell};
use super::silences::attentive;
use super::{Case, count, each_of_mosquitto};
use crate::list::story::MS;
use crate::runtime::{run, sleep};

/// Longer than the keep-alive and the time-out of PINGRESP.
const NAP: Duration = Duration::from_secs(4);

async fn sleeps(case: Case, broker: &Broker) {
    let times = count(3, 1);
    let line = plain(case, broker, attentive).await;
    // What comes meanwhile fits the queue: a broker does not keep to the window that it has. What
    // does not fit is another story, of overruns.
    line.flow.slow.store(5, Ordering::SeqCst);
    let asleep = async {
        for _ in 0..times {
            line.flows(50).await;
            let nap = NAP.as_millis() as usize;
            line.flow.sleepy.store(nap, Ordering::SeqCst);
            sleep(NAP + 500 * MS).await;
        }
        line.flows(50).await;
    };
    let outcome = line.run(asleep).await;
    let sides = [&line.publisher, &line.reader];
    let until_down = sides.iter().flat_map(|side| side.downs()).map(|_| NAP).collect();
    let fault = "consumer asleep for 4 s (keep-alive 2 s)";
    tell(fault, case, times, &outcome, until_down, Told::Never);
}

#[test]
#[ignore = "tests/faults/run"]
fn sleeping_consumer() {
    each_of_mosquitto(|case, broker| run(sleeps(case, &broker)));
}
