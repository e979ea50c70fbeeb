//! What this adapter brings, told as stories over its own TCP, through a software wire, to a broker
//! on loopback: sockets, names, time, a driver, lent memory.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use futures_lite::future::{or, zip};
use mqtt_as_embassy::{
    Client, Config, ConfigError, ConnectError, DownReason, ErrorKind, QoS, Resources, Runner, Step,
    Version, event,
};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;
use mqtt_as_tests::wire::Wire;

const EACH_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
const EACH_VERSION: [Version; 2] = [Version::V311, Version::V5];

/// What the stories lend a client.
type Lent = Resources<256, 512, 2048, 8, 8, 8>;

fn lent() -> &'static mut Lent {
    Box::leak(Box::default())
}

/// A broker, and a wire that leads to it.
fn world() -> (Server, Wire) {
    let (server, wire) = (Server::start(BrokerConfig::default()), Wire::new());
    wire.forward(server.addr().port());
    (server, wire)
}

fn config(server: &Server) -> Config {
    to("10.0.0.1", server.addr().port())
}

fn to(host: &'static str, port: u16) -> Config {
    Config::new(host).port(port).client_id("smoke")
}

fn new(wire: &Wire, config: Config) -> (Client, Runner) {
    mqtt_as_embassy::new(wire.stack(), lent(), config).expect("settings that fit")
}

/// A story of this client, beside its driver: both are over, and not after ever.
fn joined(wire: &Wire, runner: Runner, story: impl Future<Output = ()>) {
    wire.run(or(
        async {
            zip(story, runner.run()).await;
        },
        async {
            async_io::Timer::after(Duration::from_secs(20)).await;
            panic!("it has to happen within twenty seconds");
        },
    ));
}

async fn talk(client: Client) {
    client.connect(true).await.expect("a connection");
    let granted = client.subscribe("smoke/#", QoS::ExactlyOnce).await.expect("a subscription");
    assert_eq!(format!("{granted:?}"), "ExactlyOnce");
    let mut buffer = [0; 256];
    for qos in EACH_QOS {
        client.publish("smoke/1", "a payload").qos(qos).await.expect("a publish");
        let message = client.queue().next_into(&mut buffer).await;
        let message = message.expect("a buffer that is large enough").expect("a message");
        assert_eq!((message.topic(), message.qos()), ("smoke/1", qos));
        assert_eq!(message.payload(), b"a payload");
    }
    client.disconnect().await.expect("a connection to end");
    assert!(!client.is_connected());
}

#[test]
fn talk_in_both_versions() {
    for version in EACH_VERSION {
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server).version(version));
        joined(&wire, runner, talk(client));
        assert_eq!(server.with(|broker, _| broker.accepted().len()), EACH_QOS.len());
    }
}
