//! All calls of the handle at a glance: what each does, and what it resolves to.
//!
//! | call | what it does |
//! |---|---|
//! | `connect(clean)` | opens a connection with a new session, or resumes, and returns what CONNACK said; `Err` says refused (with the code), unreachable, timed out or malformed |
//! | `disconnect()`, `drain(time)` | a builder that ends it properly: `.with_will() .reason() .session_expiry() .properties()`; waits until nothing is unacknowledged |
//! | `publish(topic, payload)` | a builder: `.qos() .retain() .properties() .oneshot() .timeout()`, then `.await`, `.send().await` or `.try_publish()`; it resolves to the server's acknowledgement: reason code (0x10 says that nobody listens), reason string, user properties |
//! | `request(topic, payload)`, `respond(message, payload)` | 5.0 request and response, with a heap: `.qos() .properties() .timeout()`, resolves to the answer, which reaches neither queue nor callbacks; the answering side, everywhere |
//! | `publish_stream(topic, len)` | the same for a payload of any length: `.open().await`, then `write`, `write_all`, `finish`; `restart` after a lost link |
//! | `subscribe(filter, qos)`, `unsubscribe(filter)` | builders: `.no_local() .retain_as_published() .retain_handling() .properties()`, then `.await`: what the server granted |
//! | … `.receiver().await`, `.handler(callback)` | with a heap: the messages that match this filter, which get nowhere else then; dropped, it unsubscribes |
//! | `subscribe_all(…)`, `unsubscribe_all(…)` | up to 16 filters in one packet, with a result per filter |
//! | `broker_up()`, `is_connected()` | asks the server for a sign of life; what is known |
//! | `up()`, `down()` | wait for the next change of the link; `down` says why |
//! | `queue()` | the received messages: `next()`, `next_many(limit)` for all that are there, `next_into(buffer)`, or `next_stream(header)` to read one piece by piece; several consumers may share it |
//! | `set_cb_on_event(event, callback)`, `unset_cb(id)` | callbacks on `event::Up`, `event::Down`, `event::Msg`, `event::Reconnecting`, with `.new_task()` and `.udata(data)` (`use mqtt_as_tokio::EventKind`); several per event |
//! | `ack(message, reason)` | acknowledges by hand, under `manual_ack` |
//! | `give_up(id)` | ends a publish that breaks every connection (`DownReason::Poison`) |
//! | `statistics()`, `server_words()`, `downgrade()` | counts, among them `discards`; reason string and server reference of the last refusal or end; a handle that does not keep the client alive |
//!
//! # A receiver for each filter
//!
//! A [`Receiver`](crate::Receiver) is a queue of its own for one filter, and a `Stream`, as the queue is. It may be made
//! before `connect`, so that a resumed session loses nothing, and it subscribes again wherever a
//! session is new, or may lack it. What no receiver's filter matches goes to the queue. Receivers share the memory of
//! the queue: read each in a task of its own, or all in one `select`.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let client = Client::new(Config::new(server.addr().to_string()))?;
//! # client.connect(true).await?;
//! let mut commands = client.subscribe("plant/+/cmd", QoS::AtLeastOnce).receiver().await?;
//! let mut alarms = client.subscribe("plant/+/alarm", QoS::ExactlyOnce).receiver().await?;
//! tokio::spawn(async move {
//!     while let Some(alarm) = alarms.next().await {
//!         println!("{}", alarm.topic());
//!     }
//! });
//! # client.publish("plant/7/cmd", "stop").await?;
//! while let Some(command) = commands.next().await {
//!     println!("{}", command.topic());
//! #   break;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Many publishes in flight, by one task
//!
//! `.send().await` returns as soon as the message is accepted, with a [`Receipt`](crate::Receipt) for
//! the rest. A receipt parks no task: one task keeps a whole window in flight, and awaits, polls or
//! drops the receipts in any order.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let client = Client::new(Config::new(server.addr().to_string()))?;
//! # client.connect(true).await?;
//! # let readings = ["20.5", "20.6", "20.4"];
//! let mut receipts = Vec::new();
//! for reading in readings {
//!     receipts.push(client.publish("plant/7/reading", reading).qos(QoS::AtLeastOnce).send().await?);
//! }
//! for receipt in receipts {
//!     receipt.await?; // PUBACK
//! }
//! # Ok(())
//! # }
//! ```
