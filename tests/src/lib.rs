//! Testing a program that uses MQTT without a network: a broker in the process, a server that the test
//! plays itself, a network that is bad on purpose, and time that a test moves.
//!
//! It belongs to the client `mqtt-as`, and works with any other one as well.
//!
//! ```toml
//! [dev-dependencies]
//! mqtt-as-tests = { version = "0.1", features = ["tokio"] }
//! ```
//!
//! Until it is published: `mqtt-as-tests = { git = "https://github.com/mqtt-as/mqtt-as-rs", features = ["tokio"] }`. These
//! pages are made by `cargo doc -p mqtt-as-tests --features tokio,wire --open` in a checkout of that repository: `cargo doc`
//! does not make them in a program that has the crate as a dev-dependency.
//!
//! | what a test wants | what there is |
//! |---|---|
#![cfg_attr(
    feature = "tokio",
    doc = "| a broker without sockets, and hours that take no time | [`network::Network`] |"
)]
#![cfg_attr(
    not(feature = "tokio"),
    doc = "| a broker without sockets, and hours that take no time | `network::Network`, with feature `tokio` |"
)]
//! | a whole broker, on a port of loopback | [`server::Server`]; what it allows: [`broker::BrokerConfig`] |
//! | what the broker got, and who is connected | [`Server::with`](server::Server::with), [`Broker::accepted`](broker::Broker::accepted), [`Broker::sessions`](broker::Broker::sessions) |
//! | a broker that refuses, sends clients away, loses packets or breaks at one | [`Broker::refuse_all`](broker::Broker::refuse_all), [`disconnect`](broker::Broker::disconnect), [`fail_next`](broker::Broker::fail_next), [`forget_sessions`](broker::Broker::forget_sessions) |
//! | messages to the program, without a second client | [`Broker::inject`](broker::Broker::inject) |
//! | what no broker does: the test answers packet by packet | [`script::Script`] |
//! | links that are cut, fall silent, are slow or dribble, before any server | [`proxy::Proxy`] |
//! | the same without a runtime: bytes and milliseconds are arguments | [`broker::Broker`], [`link::Link`], [`random::Random`] |
#![cfg_attr(
    feature = "wire",
    doc = "| a network for a program under embassy, on this machine | [`wire::Wire`] |"
)]
#![cfg_attr(
    not(feature = "wire"),
    doc = "| a network for a program under embassy, on this machine | `wire::Wire`, with feature `wire` |"
)]
//!
//! Packets and the names of the standard are those of [`mqtt-as-proto`](proto).
//!
//! ```
//! use mqtt_as_tests::broker::{BrokerConfig, Fault};
//! use mqtt_as_tests::link::Direction;
//! use mqtt_as_tests::proto::packet::PacketType;
//! use mqtt_as_tests::server::Server;
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(BrokerConfig::default());
//! // The broker takes the first message, and the link breaks before the program learns of it.
//! server.with(|broker, _| {
//!     broker.fail_next(Direction::ToClient, PacketType::PubRec, Fault::Cut);
//! });
//!
//! let config = Config::new(server.addr().to_string()).client_id("pump-7");
//! let client = Client::new(config.reconnect(Reconnect::new()))?;
//! client.connect(false).await?;
//! client.publish("plant/7/state", "running").qos(QoS::ExactlyOnce).await?;
//! client.disconnect().await?;
//!
//! // It went out twice, and arrived once.
//! server.with(|broker, _| assert_eq!(broker.accepted().len(), 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! None is on by default: then it depends on `mqtt-as-proto` and nothing else.
//!
//! * `tokio`: `network::Network`, a broker and a network in tokio's time.
//! * `wire`: a network for embassy.
//! * `heap`: pairs of client core and broker, for the client's own tests.

// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod append;
#[doc(hidden)]
pub mod beside;
pub mod broker;
#[cfg(unix)]
#[doc(hidden)]
pub mod brokers;
pub mod example;
pub mod link;
#[doc(hidden)]
pub mod mosquitto;
#[cfg(feature = "tokio")]
pub mod network;
#[cfg(feature = "heap")]
#[doc(hidden)]
pub mod pair;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod proxies;
pub mod proxy;
pub mod random;
pub mod script;
pub mod server;
#[cfg(feature = "wire")]
#[doc(hidden)]
pub mod watched;
#[cfg(feature = "wire")]
pub mod wire;

pub use mqtt_as_proto as proto;

/// The example of the page at the registry compiles.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
