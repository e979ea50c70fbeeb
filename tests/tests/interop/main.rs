//! The client and the real broker: mosquitto, looked at from the other end by its own command-line clients.
//!
//! Every wait is bounded. Without a broker each test says that it was left out.

mod backlog;
mod broker_restart;
mod flow;
mod limits;
mod link_cut;
mod messages;
mod overrun;
mod policy;
mod properties;
mod receivers;
mod requests;
mod sessions;
mod shared_subscriptions;
mod silence;
mod wills;

use std::time::Duration;

use mqtt_as_tests::mosquitto::Mosquitto;
use mqtt_as_tokio::{Client, Config, Message, QoS, Version};
use tokio::time::timeout;

/// Comes at once if it comes at all.
const SOON: Duration = Duration::from_secs(10);
/// Long enough to believe that nothing comes.
const NEVER: Duration = Duration::from_millis(200);

const VERSIONS: [Version; 2] = [Version::V311, Version::V5];
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// What each row of a table of tests has: a version, a QoS, and both as the command-line clients want them.
#[derive(Clone, Copy, Debug)]
struct Row {
    version: Version,
    qos: QoS,
    v: &'static str,
    q: &'static str,
}

/// {3.1.1, 5.0} × {QoS 0, 1, 2}.
fn rows() -> impl Iterator<Item = Row> {
    let row = |version, qos| Row { version, qos, v: flag(version), q: digit(qos) };
    VERSIONS.into_iter().flat_map(move |version| EVERY_QOS.map(|qos| row(version, qos)))
}

/// The value of the option `-V`.
fn flag(version: Version) -> &'static str {
    match version {
        Version::V311 => "311",
        Version::V5 => "5",
    }
}

/// The value of the option `-q`.
fn digit(qos: QoS) -> &'static str {
    match qos {
        QoS::AtMostOnce => "0",
        QoS::AtLeastOnce => "1",
        QoS::ExactlyOnce => "2",
    }
}

fn config(broker: &Mosquitto, version: Version, id: &str) -> Config {
    Config::new("127.0.0.1").port(broker.port()).version(version).client_id(id)
}

/// A client with a new session.
async fn connected(broker: &Mosquitto, version: Version, id: &str) -> Client {
    let client = Client::new(config(broker, version, id)).expect("a client");
    within(client.connect(true)).await.expect("a connection");
    client
}

/// Waits until the broker has handled all that this client has sent.
///
/// What has no answer of its own (a publish at QoS 0) is settled before the broker has seen it, and the broker may serve
/// another connection first. A server handles what one connection brings in order: the answer to a sign of life comes
/// behind all that was sent before.
async fn handled(client: &Client) {
    assert!(within(client.broker_up()).await, "the broker does not answer");
}

/// What has to happen soon.
async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    timeout(SOON, future).await.expect("it takes too long")
}

async fn next(client: &Client) -> Message {
    within(client.queue().next()).await.expect("the queue has ended")
}

/// The next message as `mosquitto_sub` would print it with `%t %q %r %p`.
async fn next_line(client: &Client) -> String {
    line(&next(client).await)
}

fn line(message: &Message) -> String {
    let payload = String::from_utf8_lossy(message.payload());
    let (qos, retain) = (digit(message.qos()), u8::from(message.retain()));
    format!("{} {qos} {retain} {payload}", message.topic())
}

async fn nothing_comes(client: &Client) {
    let came = timeout(NEVER, client.queue().next()).await;
    assert!(came.is_err(), "nothing should come, but {came:?} did");
}
