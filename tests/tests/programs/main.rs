//! The examples of the adapters for tokio and smol, as a user runs them: each is started as a program
//! of its own against a real broker. One more, which belongs to no adapter, is stopped on its way.
//!
//! `tests/twins` makes those of smol; they do the same.

// What the tests of these layers want beyond a program.
#[allow(dead_code)]
#[path = "../reach/certificates.rs"]
mod certificates;
#[allow(dead_code)]
#[path = "../reach/front.rs"]
mod front;
mod outages;
mod reach;
mod stopped;
mod together;

use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use mqtt_as_tests::mosquitto::Mosquitto;
use mqtt_as_tests::process::{Program, cargo};
use mqtt_as_tokio::{Client, Config, QoS};

/// What has to happen, on a loaded machine too.
const SOON: Duration = Duration::from_secs(60);

/// The two adapters, by how the names of their examples begin.
const BOTH: [&str; 2] = ["", "smol_"];

/// Starts an example against these brokers.
fn start(adapter: &str, name: &str, brokers: &[&Mosquitto]) -> Program {
    let arguments: Vec<_> = brokers.iter().map(|broker| broker.addr().to_string()).collect();
    start_with(adapter, name, &arguments)
}

/// Starts an example with these arguments.
fn start_with(adapter: &str, name: &str, arguments: &[String]) -> Program {
    build();
    Program::start(&examples().join(format!("{adapter}{name}")), arguments)
}

/// What the example prints, until it ends well.
fn output(program: &mut Program) -> Vec<String> {
    let lines = std::iter::from_fn(|| program.next_line(SOON)).collect();
    assert!(program.ends_well(SOON), "it did not end well: {lines:?}");
    lines
}

/// Publishes these payloads in order, at QoS 1.
fn publish_all(broker: &Mosquitto, topic: &str, payloads: impl Iterator<Item = String>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let config = Config::new("127.0.0.1").port(broker.port()).client_id("publisher");
        let client = Client::new(config).expect("a client");
        client.connect(true).await.expect("a connection");
        for payload in payloads {
            let publish = client.publish(topic, &*payload).qos(QoS::AtLeastOnce);
            drop(publish.send().await.expect("room"));
        }
        assert!(client.drain(SOON).await, "all is acknowledged");
        client.disconnect().await.expect("an end");
    });
}

/// Beside the directory of this test.
fn examples() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps");
    profile.join("examples")
}

/// A test of the whole workspace has built them before; one of this file alone has not.
fn build() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let packages = ["-p", "mqtt-as-tokio", "-p", "mqtt-as-smol", "-p", "mqtt-as-tests"];
        // The features that the tests turn on in a build of the whole workspace.
        let features = ["tls", "url", "websocket"]
            .map(|feature| format!("mqtt-as-tokio/{feature},mqtt-as-smol/{feature}"));
        let built = cargo(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--examples", "--features", &features.join(",")])
            .args(packages)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the examples do not compile");
    });
}
