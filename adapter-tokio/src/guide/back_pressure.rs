//! Slower than what comes, faster than what leaves.
//!
//! # In
//!
//! Received messages wait in the queue ([`queue_len`](crate::Config::queue_len),
//! [`queue_bytes`](crate::Config::queue_bytes)). When it is full the client stops reading the socket;
//! TCP then slows the server down. PINGREQ and acknowledgements still leave, and time-outs for what the
//! server would have said stand still. [`Overflow::DropOldest`](crate::Overflow) drops QoS 0 messages
//! instead, and counts them in [`Statistics::discards`](crate::Statistics::discards).
//!
//! While a call, or PINGREQ, awaits an answer, reading goes on: the answer may lie behind messages. What
//! finds no room then is, at QoS 0, dropped, the oldest first, and counted in `discards`. At QoS 1 and 2 it,
//! and all that comes behind it, is left to the server, unacknowledged: when there is room again the client
//! ends the connection ([`Overrun`](crate::ConnectionError::Overrun)), and a kept session brings it once more,
//! in order. A clean one has lost it: [`Statistics::shed`](crate::Statistics::shed) counts.
//!
//! At QoS 1 and 2 the server itself keeps what does not fit
//! [`receive_maximum`](crate::Config::receive_maximum) (5.0).
//!
//! # Out
//!
//! A publish that finds no room waits until there is, but no longer than its time (50 s by default,
//! [`timeout`](crate::Publish::timeout)): awaiting it is the brake.
//! [`store`](crate::Config::store), [`in_flight`](crate::Config::in_flight) and
//! [`outbox`](crate::Config::outbox) say how much room. Three ways not to wait:
//!
//! ```
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, Config, QoS};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let client = Client::new(Config::new(host))?;
//! client.connect(true).await?;
//! // Not at all: the error says that there is no room, and nothing is sent.
//! client.publish("a", "1").try_publish()?;
//! // For so long; an accepted message still goes out.
//! client.publish("a", "2").qos(QoS::AtLeastOnce).timeout(Duration::from_secs(1)).await?;
//! // For room only: the receipt says later what became of it.
//! let receipt = client.publish("a", "3").qos(QoS::ExactlyOnce).send().await?;
//! receipt.await?;
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! While there is no connection a publish at any QoS waits in the store, or is refused:
//! [`while_down`](crate::Config::while_down).
