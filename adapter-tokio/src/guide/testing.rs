//! Testing a program of your own without a network.
//!
//! The crate `mqtt-as-tests` of this repository has what the client's own tests run on. It is used by
//! git or path, as a dev-dependency:
//!
//! ```toml
//! [dev-dependencies]
//! mqtt-as-tests = { git = "https://github.com/mqtt-as/mqtt-as-rs", default-features = false }
//! ```
//!
//! A whole broker in the process, on a free port of loopback:
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
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A bad network between the two cuts or stalls links after so many bytes:
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
//! [`script::Script`](../../mqtt_as_tests/script/struct.Script.html) is a server that the test plays
//! itself, packet by packet: for what no real broker does. And `mqtt-as-proto` alone is a client
//! without sockets and clock: bytes and milliseconds are arguments, so that a day passes in a loop.
