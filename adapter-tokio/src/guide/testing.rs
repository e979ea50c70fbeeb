//! Testing a program of your own without a network.
//!
//! The crate [`mqtt-as-tests`](https://docs.rs/mqtt-as-tests) has what the client's own tests run on:
//!
//! ```toml
//! [dev-dependencies]
//! mqtt-as-tests = { version = "0.1", features = ["tokio"] }
//! tokio = { version = "1", features = ["test-util"] }
//! ```
//!
//! Until it is published it is had as
//! `mqtt-as-tests = { git = "https://github.com/mqtt-as/mqtt-as-rs", features = ["tokio"] }`, and its pages are made in a
//! checkout of that, by `cargo doc -p mqtt-as-tests --features tokio --open`.
//!
//! Let your code take a [`Client`](crate::Client): [`new_with`](crate::new_with), which a test calls, returns the
//! same type as `Client::new`. Its `Config` names no TLS and no proxy then: those are the connector's business, and
//! with them it is an error ([`ConfigError::OwnTransport`](crate::ConfigError::OwnTransport)). The guide
//! [`consumer`](super::consumer) has a whole program with its test.
//!
//! # Time that the test moves
//!
//! `network::Network` is a broker that needs neither sockets nor threads. With tokio's time paused a
//! night passes at once: whenever everybody waits, the time moves on to the next moment at which
//! anything happens.
//!
//! ```
//! use mqtt_as_tests::broker::BrokerConfig;
//! use mqtt_as_tests::network::Network;
//! use mqtt_as_tokio::{Client, Config, PublishError, QoS, Reconnect};
//! use std::time::Duration;
//! use tokio::time::{Instant, sleep};
//!
//! // The program under test.
//! async fn tell_state(client: &Client) -> Result<(), PublishError> {
//!     let state = client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce);
//!     state.timeout(HOUR).await.map(drop)
//! }
//!
//! const HOUR: Duration = Duration::from_secs(3600);
//!
//! // In a test: `#[tokio::test(start_paused = true)]`.
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let network = Network::new(BrokerConfig::default());
//!     let config = Config::new("broker").client_id("pump-7").reconnect(Reconnect::new());
//!     let client = mqtt_as_tokio::new_with(config, network.connector())?;
//!     client.connect(false).await?;
//!
//!     network.stall(true); // The route is dead, and nobody is told.
//!     let start = Instant::now();
//!     let reason = client.down().await;
//!     println!("noticed after {:?}: {}", start.elapsed(), reason.ok_or("closed")?);
//!     sleep(8 * HOUR).await;
//!     network.cut(); // What given-up attempts have sent does not arrive any more.
//!     network.stall(false);
//!     tell_state(&client).await?;
//!     assert_eq!(network.with(|broker, _| broker.accepted().len()), 1);
//!     Ok(())
//! }
//! ```
//!
//! A server on a socket does not go with paused time: its answers come in real time, and every
//! time-out of the program would be over before.
//!
//! `Network` also cuts links (`cut`), refuses connections (`shut`; the one that stands is left alone), is late
//! and in pieces by chance that a seed repeats (`set_link`), and waits for what the broker gets (`until`). A
//! program that is killed: `shut(true)`, `cut()`, and drop its client. The delays of a policy have a part
//! of chance; [`jitter(0)`](crate::Reconnect::jitter) takes it out.
//!
//! # A broker in the process
//!
//! It listens on a free port of loopback, has all of both versions of MQTT, and limits where a test
//! wants them:
//!
//! ```
//! use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//! use mqtt_as_tokio::{Client, Config, QoS};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server that knows no QoS 2: what does the program do?
//! let broker = BrokerConfig { maximum_qos: QoS::AtLeastOnce, ..BrokerConfig::default() };
//! let server = Server::start(broker);
//! let client = Client::new(Config::new(server.addr().to_string()))?;
//! client.connect(true).await?;
//! assert!(client.publish("a", "b").qos(QoS::ExactlyOnce).await.is_err());
//!
//! // What arrived, and a message to the program without a second client.
//! client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
//! client.subscribe("plant/7/cmd", QoS::AtLeastOnce).await?;
//! server.with(|broker, now| {
//!     assert_eq!(broker.accepted()[0].topic, "plant/7/state");
//!     broker.inject("plant/7/cmd", b"stop", QoS::AtLeastOnce, false, now);
//! });
//! assert_eq!(client.queue().next().await.ok_or("closed")?.payload(), b"stop");
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! The broker has them on request: it refuses clients ([`refuse_all`]), sends one away
//! ([`disconnect`]), forgets its sessions ([`forget_sessions`]), and loses a packet, or the link at a
//! packet ([`fail_next`]):
//!
//! [`refuse_all`]: https://docs.rs/mqtt-as-tests/latest/mqtt_as_tests/broker/struct.Broker.html#method.refuse_all
//! [`disconnect`]: https://docs.rs/mqtt-as-tests/latest/mqtt_as_tests/broker/struct.Broker.html#method.disconnect
//! [`forget_sessions`]: https://docs.rs/mqtt-as-tests/latest/mqtt_as_tests/broker/struct.Broker.html#method.forget_sessions
//! [`fail_next`]: https://docs.rs/mqtt-as-tests/latest/mqtt_as_tests/broker/struct.Broker.html#method.fail_next
//!
//! ```
//! use mqtt_as_tests::broker::{BrokerConfig, Fault};
//! use mqtt_as_tests::link::Direction;
//! use mqtt_as_tests::server::Server;
//! use mqtt_as_tokio::{Client, Config, ConnectError, PacketType, QoS, ReasonCode};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(BrokerConfig::default());
//! let client = Client::new(Config::new(server.addr().to_string()).client_id("pump-7"))?;
//!
//! server.with(|broker, _| broker.refuse_all(Some(ReasonCode::SERVER_BUSY)));
//! assert!(matches!(client.connect(false).await, Err(ConnectError::Refused(_))));
//! server.with(|broker, _| broker.refuse_all(None));
//! client.connect(false).await?;
//!
//! // The broker takes the message, and the link breaks before the program learns of it.
//! server.with(|broker, _| {
//!     broker.fail_next(Direction::ToClient, PacketType::PubAck, Fault::Cut);
//! });
//! let receipt = client.publish("a", "b").qos(QoS::AtLeastOnce).send().await?;
//! client.down().await;
//! client.connect(false).await?;
//! receipt.await?;
//! server.with(|broker, _| assert_eq!(broker.accepted().len(), 2)); // QoS 1: at least once.
//! # Ok(())
//! # }
//! ```
//!
//! # A bad network
//!
//! A proxy before any server, a real one too, cuts or stalls links after so many bytes, delays them,
//! or lets each byte travel alone:
//!
//! ```
//! use mqtt_as_tests::proxy::{Plan, Proxy, Way};
//! use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect};
//! use std::time::Duration;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(BrokerConfig::default());
//! // The first link is cut after 60 bytes, in the middle of the PUBLISH.
//! let plan = |link| match link {
//!     0 => Plan { up: Way::cut_at(60), ..Plan::default() },
//!     _ => Plan::default(),
//! };
//! let proxy = Proxy::start(server.addr(), plan);
//! let policy = Reconnect::new().first_delay(Duration::from_millis(1));
//! let config = Config::new(proxy.addr().to_string()).client_id("tested");
//! let client = Client::new(config.reconnect(policy))?;
//! client.connect(false).await?;
//! client.publish("a", vec![0; 200]).qos(QoS::ExactlyOnce).await?; // It arrives, once.
//! assert_eq!(proxy.cuts(), 1);
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Packet by packet
//!
//! `script::Script` is a server that the test plays itself: for what no broker does. And `mqtt-as-proto`
//! alone is a client without sockets and clock: bytes and milliseconds are arguments.
