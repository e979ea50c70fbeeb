//! Wake up, publish, sleep: as few milliseconds and bytes as the protocol allows.
//!
//! ```
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, Config, QoS, Version};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let config = Config::new(host).client_id("m7").version(Version::V311);
//! let client = Client::new(config.keepalive(Duration::ZERO))?;
//! client.connect(false).await?;
//! client.publish("m/7", "21.5").qos(QoS::AtLeastOnce).await?; // PUBACK is there.
//! client.drain(Duration::from_secs(2)).await; // What came meanwhile is acknowledged.
//! client.disconnect().await?; // DISCONNECT is on the wire.
//! # Ok(())
//! # }
//! ```
//!
//! What is on the wire, beside TCP, by the packet layouts of 3.1.1 (5.0 adds a byte or more for the
//! properties of each packet): CONNECT 14 bytes and the client identifier, CONNACK 4, PUBLISH 6 bytes,
//! the topic and the payload, PUBACK 4, DISCONNECT 2. Three round trips with TCP's own, and one more for
//! a subscription: a kept session needs that once only, so connect with `false`.
//!
//! * Several messages: `send()` each, then await the receipts. They leave in one write.
//! * A command for the sleeping device, published at QoS 1, waits in its session at the server
//!   and comes right after CONNACK; `client.queue()` takes it. `drain` waits for its acknowledgement.
//! * `connect_timeout` and `response_time` bound how long the radio stays on: a call that has failed
//!   says so, and the message that was accepted is lost only with the program's memory.
