//! What stands between the socket and MQTT: the same stories on both runtimes with the standard
//! library.

mod bad_tls;
mod certificates;
mod cut;
mod dropped;
mod front;
mod proxied;
mod real;
mod recipes;
mod refused;
mod self_made;
mod tls;
mod url;

use mqtt_as_proto::Version;

use crate::runtime::Client;
use crate::runtime::adapter::{Config, QoS};
use crate::runtime::{self, within};

pub(crate) const VERSIONS: [Version; 2] = [Version::V311, Version::V5];

pub(crate) const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Two megabytes that do not repeat soon.
fn large() -> Vec<u8> {
    (0..2_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Settings for whoever listens on that port under the name `localhost`.
fn config(port: u16) -> Config {
    Config::new("localhost").port(port).client_id("ours")
}

async fn connected(config: Config) -> Client {
    let client = runtime::client(config);
    within(client.connect(true)).await.expect("a connection");
    client
}
