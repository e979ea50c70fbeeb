//! Bytes that come one by one, or late: nothing is lost, and the link stands.

use std::time::Duration;

use mqtt_as_tests::brokers::Broker;
use mqtt_as_tests::proxy::{Plan, Proxy, Way};

use super::line::{Line, setup};
use super::row::{Told, tell};
use super::{Case, count, each_of_mosquitto};
use crate::runtime::adapter::Config;
use crate::runtime::run;

async fn paced(case: Case, broker: &Broker, way: Way, fault: &str) {
    let proxy = Proxy::start(broker.addr(), move |_| Plan { up: way, down: way });
    let behind = setup(|config: Config| config.ping_interval(Duration::from_secs(1)));
    let line = Line::begin_at(case, proxy.addr(), behind).await;
    let outcome = line.run(line.flows(count(300, 100))).await;
    let downs = [&line.publisher, &line.reader].map(|side| side.downs().len());
    assert_eq!((downs, proxy.cuts()), ([0, 0], 0), "{fault}: the link stands");
    tell(fault, case, 1, &outcome, Vec::new(), Told::Never);
}

#[test]
#[ignore = "tests/faults/run"]
fn bytes_one_by_one() {
    let way = Way { dribble: true, ..Way::default() };
    each_of_mosquitto(|case, broker| run(paced(case, &broker, way, "bytes one by one")));
}

#[test]
#[ignore = "tests/faults/run"]
fn bytes_that_are_late() {
    let way = Way { delay: Duration::from_millis(50), ..Way::default() };
    each_of_mosquitto(|case, broker| run(paced(case, &broker, way, "bytes 50 ms late")));
}
