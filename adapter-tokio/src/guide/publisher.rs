//! A program that publishes for years, and ends in order: readings, "online" and "offline", Ctrl-C.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, PublishError, QoS, Reconnect, Will, event};
//! use std::collections::VecDeque;
//! use std::error::Error;
//! use std::io;
//! use std::time::Duration;
//! use tokio::time::MissedTickBehavior;
//!
//! const STATE: &str = "plant/7/state";
//! const READING: &str = "plant/7/temperature";
//!
//! fn config(server: &str) -> Config {
//!     // What the server says when this program is lost, and keeps for those who subscribe later.
//!     let will = Will::new(STATE, "offline").qos(QoS::AtLeastOnce).retain(true);
//!     let policy = Reconnect::new().first_connect(true); // Waits for a server that is not there yet.
//!     let config = Config::new(server).client_id("sensor-7").will(will).reconnect(policy);
//!     config.in_flight(36_000) // Ten hours without a link; then `send` waits.
//! }
//!
//! /// `client` is `Client::new(config("broker.example"))?`, `stop` is `asked_to_stop()`.
//! async fn run(client: &Client, stop: impl Future<Output = io::Result<()>>) -> Result<(), Box<dyn Error>> {
//!     // Without it a wrong password would be tried again and again, and nobody would know.
//!     client.set_cb_on_event(event::Reconnecting, |attempt| async move { eprintln!("{attempt}") });
//!     tokio::select! {
//!         result = measure(client) => {
//!             let _ = client.disconnect().with_will().await; // The server says "offline", if there is a link.
//!             result
//!         }
//!         signal = stop => {
//!             end(client).await;
//!             Ok(signal?)
//!         }
//!     }
//! }
//!
//! /// What was accepted still goes out, and the last word behind it: DISCONNECT publishes no will.
//! async fn end(client: &Client) {
//!     if !client.is_connected() {
//!         // The policy may wait for a minute: `connect` tries at once.
//!         let _ = tokio::time::timeout(Duration::from_secs(3), client.connect(false)).await;
//!     }
//!     let offline = client.publish(STATE, "offline").qos(QoS::AtLeastOnce).retain(true);
//!     if let Err(error) = offline.timeout(Duration::from_secs(3)).send().await.map(drop) {
//!         eprintln!("not said: offline: {error}");
//!     }
//!     if !client.drain(Duration::from_secs(3)).await {
//!         eprintln!("not acknowledged, and lost with the program: some readings");
//!     }
//!     if let Err(error) = client.disconnect().await {
//!         eprintln!("{error}");
//!     }
//! }
//!
//! /// Waits for Ctrl-C, or for SIGTERM, by which services are ended.
//! async fn asked_to_stop() -> io::Result<()> {
//!     # #[cfg(unix)] {
//!     use tokio::signal::unix::{SignalKind, signal};
//!     let mut terminate = signal(SignalKind::terminate())?;
//!     tokio::select! {
//!         signal = tokio::signal::ctrl_c() => signal,
//!         _ = terminate.recv() => Ok(()),
//!     }
//!     # }
//!     # #[cfg(not(unix))] { tokio::signal::ctrl_c().await }
//! }
//!
//! async fn measure(client: &Client) -> Result<(), Box<dyn Error>> {
//!     client.connect(false).await?;
//!     let mut clock = tokio::time::interval(Duration::from_secs(1));
//!     clock.set_missed_tick_behavior(MissedTickBehavior::Skip); // Else all that were missed come at once.
//!     let mut receipts = VecDeque::new();
//!     loop {
//!         tokio::select! {
//!             _ = clock.tick() => {
//!                 let publish = client.publish(READING, read().to_string()).qos(QoS::AtLeastOnce);
//!                 // It waits for room only: an outage does not stop the readings.
//!                 receipts.push_back(publish.timeout(Duration::ZERO).send().await?);
//!             }
//!             // At each connection, what takes the will back: from this task, so that "offline" comes behind it.
//!             Some(_) = client.up() => {
//!                 let online = client.publish(STATE, "online").qos(QoS::AtLeastOnce).retain(true);
//!                 receipts.push_back(online.timeout(Duration::ZERO).send().await?);
//!             }
//!             // The oldest one, if there is one: else this branch is passed over.
//!             Some(fate) = async { Some(receipts.front_mut()?.await) } => {
//!                 receipts.pop_front();
//!                 match fate {
//!                     Err(PublishError::Kept) => return Err("nobody connects any more".into()),
//!                     Err(error) => eprintln!("a reading is lost: {error}"),
//!                     Ok(_) => {}
//!                 }
//!             }
//!         }
//!     }
//! }
//!
//! fn read() -> f32 {
//!     21.5
//! }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! # use mqtt_as_tests::{broker::BrokerConfig, server};
//! # let broker = server::Server::start(BrokerConfig::default());
//! # let server = broker.addr().to_string();
//! # let arrived = || broker.with(|broker, _| broker.accepted().iter().map(|m| m.payload.clone()).collect::<Vec<_>>());
//! # let _ = asked_to_stop;
//! # let stop = async {
//! #     while arrived().len() < 2 { tokio::time::sleep(Duration::from_millis(1)).await }
//! #     Ok(())
//! # };
//! # run(&Client::new(config(&server))?, stop).await?;
//! # let arrived = arrived();
//! # for what in ["online", "21.5", "offline"] {
//! #     assert!(arrived.iter().any(|payload| **payload == *what.as_bytes()), "{what}");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! * A test of such a program, without a network: [`consumer`](super::consumer) has one.
//! * The store holds 36,000 messages ([`in_flight`](crate::Config::in_flight)) and 4 MiB
//!   ([`store`](crate::Config::store)): at one short reading in a second, an outage of ten hours. Then `send` waits, and with
//!   it the clock.
//! * Its end takes nine seconds, and ten more ([`write_timeout`](crate::Config::write_timeout)) where the link has just died:
//!   let the service manager wait for that before it kills.
//! * Where a wrong password is to end the program: [`refused_delay`](crate::Reconnect::refused_delay) of zero makes `connect`
//!   return the error.
//! * Ctrl-C drops the future of `measure`, and its receipts with it. That loses no message while the program runs: what is
//!   accepted goes out. With the process goes what `drain` has not got rid of in its time, as in an outage: messages are in
//!   memory only.
//! * `tokio::signal` is tokio's feature `signal`.
