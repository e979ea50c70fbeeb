//! The server's name is gone for a while, and so is who answers for names; then both are back.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use mqtt_as_tests::brokers::Broker;
use mqtt_as_tests::watched::End;

use super::inside::inside;
use crate::faults::line::{Line, Setup, setup};
use crate::faults::row::{AT_ONCE, of_ended_links, tell};
use crate::faults::silences::attentive;
use crate::faults::{Case, count, each_of_mosquitto};
use crate::runtime::{run, sleep};

const NAME: &str = "broker.test";
/// Longer than an attempt to connect may take.
const GONE: Duration = Duration::from_secs(3);

fn know(name: bool, files: &Path) {
    let line = if name { "127.0.0.1 broker.test\n" } else { "" };
    let hosts = format!("127.0.0.1 localhost\n{line}");
    fs::write(files.join("hosts"), hosts).expect("write the names");
}

async fn gone(case: Case, broker: &Broker, files: &Path) {
    let times = count(3, 1);
    // It is asked, and never answers.
    let _mute = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).expect("the port for names");
    know(true, files);
    let line = Setup { name: Some(NAME), ..setup(attentive) };
    let line = Line::begin(case, broker, line).await;
    let going = async {
        for _ in 0..times {
            line.flows(50).await;
            know(false, files);
            for side in [&line.publisher, &line.reader] {
                side.link.end_all(End::Reset);
            }
            sleep(GONE).await;
            let up = line.publisher.client.is_connected() || line.reader.client.is_connected();
            assert!(!up, "there is no such name");
            know(true, files);
            line.flows(50).await;
        }
    };
    let outcome = line.run(going).await;
    let fault = "link reset while DNS is gone for 3 s";
    tell(fault, case, times, &outcome, of_ended_links(&line), AT_ONCE);
}

#[test]
#[ignore = "tests/faults/run"]
fn dns_gone() {
    inside("faults_with_std::names::dns_gone", |files| {
        each_of_mosquitto(|case, broker| run(gone(case, &broker, files)));
    });
}
