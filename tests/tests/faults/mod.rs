//! Real faults: the load goes on between two clients and a real broker while something breaks, and it
//! is counted what was lost, what came twice, how long it took until the program was told, and what
//! memory the clients hold afterwards.
//!
//! `tests/faults/run` runs these, alone on the machine, and makes a table of their rows. They are
//! ignored elsewhere: what they measure is nothing beside other tests. `MQTT_AS_FAULTS=long` makes
//! the counts those of the table; `MQTT_AS_FAULTS_BROKER` names the broker.

mod consumers;
pub(crate) mod line;
mod outages;
mod pace;
mod resets;
pub(crate) mod row;
pub(crate) mod silences;

use std::env;

use mqtt_as_tests::brokers::{Broker, Make};

use crate::runtime::adapter::{QoS, Version};

/// Whether the counts are those of the table.
fn is_long() -> bool {
    env::var("MQTT_AS_FAULTS").is_ok_and(|value| value == "long")
}

/// One of two numbers: that of the table, or that of a short look.
pub(crate) fn count(long: usize, short: usize) -> usize {
    if is_long() { long } else { short }
}

/// The broker that this run is against.
///
/// # Panics
///
/// If it is not installed: then there is nothing to look at.
fn make() -> Make {
    let name = env::var("MQTT_AS_FAULTS_BROKER").unwrap_or_else(|_| "mosquitto".to_owned());
    let make = Make::named(&name).unwrap_or_else(|| panic!("no broker is called {name}"));
    assert!(make.is_installed(), "{name} is not installed");
    make
}

/// What a row of the table is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) make: Make,
    pub(crate) version: Version,
    pub(crate) qos: QoS,
}

/// Every version and QoS that the broker has; in a short look the most that can be said.
fn cases() -> Vec<Case> {
    let make = make();
    let all = match (make, is_long()) {
        (Make::RabbitMq, _) => &[(Version::V311, QoS::AtLeastOnce)][..],
        (_, false) => &[(Version::V5, QoS::ExactlyOnce)],
        (_, true) => &[
            (Version::V311, QoS::AtLeastOnce),
            (Version::V311, QoS::ExactlyOnce),
            (Version::V5, QoS::AtLeastOnce),
            (Version::V5, QoS::ExactlyOnce),
        ],
    };
    all.iter().map(|&(version, qos)| Case { make, version, qos }).collect()
}

/// Starts a broker for that case, and runs the story of a fault.
pub(crate) fn each(fault: impl Fn(Case, Broker)) {
    for case in cases() {
        fault(case, Broker::start(case.make));
    }
}

/// The same, for what is the same whoever's broker it is.
pub(crate) fn each_of_mosquitto(fault: impl Fn(Case, Broker)) {
    if make() == Make::Mosquitto {
        each(fault);
    }
}
