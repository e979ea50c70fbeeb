//! Acknowledging when the work is done.
//!
//! By default a message at QoS 1 or 2 is acknowledged when the program takes it. Under
//! [`manual_ack`](crate::Config::manual_ack) it is acknowledged by [`ack`](crate::Client::ack): a
//! program that is killed in between gets it again from the server.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS, ReasonCode};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let client = Client::new(Config::new(host).client_id("billing").manual_ack(true))?;
//! client.connect(false).await?;
//! client.subscribe("orders", QoS::AtLeastOnce).await?;
//! client.publish("orders", "one bolt").qos(QoS::AtLeastOnce).await?;
//! let order = client.queue().next().await.ok_or("disconnected")?;
//! // The work goes here.
//! assert!(client.ack(&order, ReasonCode::SUCCESS));
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * Messages may be acknowledged in any order. The acknowledgements leave in the order in which the
//!   messages came, as the standard asks (4.6.0-2): one that is not acknowledged holds the later ones
//!   back.
//! * [`receive_maximum`](crate::Config::receive_maximum) bounds how many may be open, in 5.0: a program that
//!   never acknowledges gets no more than that. In 3.1.1 there is no such number, and servers have one of
//!   their own.
//! * `ack` returns whether it counts: whether the message is of the connection that stands. One that is
//!   held back by an older message leaves with that one, and is lost with the link: the message comes
//!   again then. It is always false for QoS 0.
//! * An acknowledgement belongs to a connection. While the link is down `ack` is false, and the server
//!   sends the message again. The queue hands out what it has all the same. Do that work, too: a server
//!   that has lost its sessions, as one without a disk does at a restart, sends nothing again.
//! * A message that was still in the queue when the session was resumed is not handed out twice: the
//!   server sends it again, and `ack` acknowledges that.
//! * Some messages come twice all the same: where the program ended between the work and `ack`, or the
//!   link between `ack` and the server. At QoS 1 nobody can tell them by
//!   [`dup`](crate::Message::dup): it says that the server may have tried before, not that the
//!   program has seen it. What must not be done twice needs a number of its own in the payload.
//! * A message that is dropped without `ack` is not lost: the server has it, and sends it after the
//!   next resume, if it still has the session.
//! * In 5.0 `ack` with a reason of 0x80 or more refuses the message: the server does not send it again.
//!
//! # Work that takes long, or fails
//!
//! A message may be held while tasks work, and while a failure waits for its next try. It comes again
//! when the link was lost meanwhile: so the program knows by the order's own number what it works on,
//! and acknowledges the newest copy.
//!
//! ```
//! use mqtt_as_tokio::{Client, Message, ReasonCode};
//! use std::collections::{HashMap, HashSet};
//! use std::time::Duration;
//! use tokio::task::{JoinError, JoinSet};
//! use tokio::time::sleep;
//!
//! async fn serve(client: &Client) -> Result<(), JoinError> {
//!     let mut open: HashMap<String, Message> = HashMap::new(); // By the order's own number.
//!     let mut done = HashSet::new(); // And the link was lost before the server knew.
//!     let mut tasks = JoinSet::new();
//!     let mut queue = client.queue();
//!     loop {
//!         tokio::select! {
//!             order = queue.next() => {
//!                 let Some(order) = order else { return Ok(()) };
//!                 let number = String::from_utf8_lossy(order.payload()).into_owned();
//!                 if done.contains(&number) {
//!                     if client.ack(&order, ReasonCode::SUCCESS) {
//!                         done.remove(&number);
//!                     }
//!                 } else if open.insert(number.clone(), order).is_none() {
//!                     tasks.spawn(until_done(number)); // Else a task works on it already.
//!                 }
//!             }
//!             Some(number) = tasks.join_next() => {
//!                 let number = number?; // A task that panicked ends the program: its order comes again.
//!                 if let Some(order) = open.remove(&number)
//!                     && !client.ack(&order, ReasonCode::SUCCESS)
//!                 {
//!                     done.insert(number);
//!                 }
//!             }
//!         }
//!     }
//! }
//!
//! async fn until_done(number: String) -> String {
//!     while let Err(error) = work(&number).await {
//!         eprintln!("order {number}: {error}");
//!         sleep(Duration::from_secs(60)).await;
//!     }
//!     number
//! }
//! # async fn work(_: &str) -> std::io::Result<()> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use mqtt_as_tests::{broker::BrokerConfig, network::Network};
//! # use mqtt_as_tokio::{Config, QoS};
//! # let network = Network::new(BrokerConfig::default());
//! # let config = Config::new("broker").client_id("billing").manual_ack(true);
//! # let client = mqtt_as_tokio::new_with(config, network.connector())?;
//! # client.connect(false).await?;
//! # client.subscribe("orders", QoS::AtLeastOnce).await?;
//! # for number in ["1", "2", "3"] {
//! #     network.with(|broker, now| broker.inject("orders", number.as_bytes(), QoS::AtLeastOnce, false, now));
//! # }
//! # tokio::select! {
//! #     ended = serve(&client) => panic!("it ended: {ended:?}"),
//! #     () = network.until(|broker| broker.sessions()[0].in_flight == 0) => {}
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! In 5.0 `receive_maximum` bounds the orders that are open. One that waits for its next try holds a place, and holds back
//! the acknowledgements of those behind it: where many fail for long, publish them to a topic for later, and
//! acknowledge.
