//! `mqtt-pub` and `mqtt-sub`, as a user runs them, beside mosquitto's own programs.
//!
//! `lines` is the list of command lines: on each, both print the same bytes, end with the same code,
//! and somebody else sees the same messages. `alone` has what only ours do.

mod alone;
#[allow(dead_code)] // Others make more of them.
#[path = "../reach/certificates.rs"]
mod certificates;
mod line;
mod lines;
mod run;
mod ways;

use line::{Brokers, Kind, Line, run_line};

/// Runs a part of the list with mosquitto's programs and with ours, against a broker for each.
fn compare(test: &str, lines: &[Line]) {
    if !mqtt_as_tests::mosquitto::broker_or_skip(test) {
        return;
    }
    run::build();
    let (theirs, ours) = (Brokers::start(lines), Brokers::start(lines));
    for version in ["311", "5"] {
        for (number, line) in lines.iter().enumerate() {
            let place = format!("{version}/{number}");
            let expected = run_line(line, Kind::Theirs, &theirs, version, &place);
            let got = run_line(line, Kind::Ours, &ours, version, &place);
            let what = format!("{}, version {version}: {:?}", line.shows, line.arguments);
            assert_eq!(expected.code, Some(line.code), "mosquitto's program, {what}");
            assert_eq!(got, expected, "{what}");
        }
    }
}

#[test]
fn publishing_is_as_mosquittos() {
    compare("publishing_is_as_mosquittos", &lines::publishing());
}

#[test]
fn subscribing_is_as_mosquittos() {
    compare("subscribing_is_as_mosquittos", &lines::subscribing());
}

#[test]
fn formats_are_as_mosquittos() {
    compare("formats_are_as_mosquittos", &lines::formats());
}

#[test]
fn refusals_are_as_mosquittos() {
    compare("refusals_are_as_mosquittos", &lines::refusals());
}

#[test]
fn all_ways_lead_there_as_mosquittos() {
    let test = "all_ways_lead_there_as_mosquittos";
    if mqtt_as_tests::proxies::proxies_or_skip(test) {
        compare(test, &lines::ways());
    }
}
