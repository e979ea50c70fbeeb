//! A program that works on messages for years: killed, restarted, cut off, it goes on where it was.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, Message, QoS, ReasonCode, Reconnect, RetainHandling, event};
//! use std::error::Error;
//! use std::io;
//! use std::time::Duration;
//!
//! fn config(server: &str) -> Config {
//!     Config::new(server)
//!         .client_id("billing") // The session's name: the same at each start.
//!         .manual_ack(true) // An order is the server's until the work is done.
//!         .receive_maximum(20) // So many at a time; the server keeps the others.
//!         .reconnect(Reconnect::new().first_connect(true)) // Waits for a server that is not there yet.
//! }
//!
//! /// `client` is `Client::new(config("broker.example"))?`, `stop` is `tokio::signal::ctrl_c()`.
//! async fn run(client: &Client, stop: impl Future<Output = io::Result<()>>) -> Result<(), Box<dyn Error>> {
//!     client.set_cb_on_event(event::Reconnecting, |attempt| async move { eprintln!("{attempt}") });
//!     tokio::select! {
//!         result = serve(client) => result?,
//!         signal = stop => signal?,
//!     }
//!     let _ = client.disconnect().await; // The session stays, with all that is not acknowledged.
//!     Ok(())
//! }
//!
//! async fn serve(client: &Client) -> Result<(), Box<dyn Error>> {
//!     client.connect(false).await?;
//!     // At each start: the session may be that of an older version of the program.
//!     let subscribe = || client.subscribe("orders/#", QoS::AtLeastOnce);
//!     while let Err(error) = subscribe().retain_handling(RetainHandling::SendIfNew).await {
//!         if !error.is_retryable() {
//!             return Err(error.into());
//!         }
//!         // The link broke before the answer. Where one stands, `connect` returns at once.
//!         tokio::time::sleep(Duration::from_secs(1)).await;
//!         client.connect(false).await?;
//!     }
//!     while let Some(order) = client.queue().next().await {
//!         let done = match work(&order) {
//!             Ok(()) => ReasonCode::SUCCESS,
//!             Err(error) => {
//!                 eprintln!("an order is refused: {error}");
//!                 ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR // 3.1.1 has no refusal: it is acknowledged.
//!             }
//!         };
//!         client.ack(&order, done); // False if the link has gone: the order comes again.
//!     }
//!     Err("nobody connects any more".into()) // The policy has ended: its last event said why.
//! }
//!
//! fn work(order: &Message) -> Result<(), std::str::Utf8Error> {
//!     println!("{}", std::str::from_utf8(order.payload())?);
//!     Ok(())
//! }
//!
//! // A test of it, without a network: `#[tokio::test(start_paused = true)]`. The night passes at once.
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn Error>> { no_order_is_lost().await }
//! async fn no_order_is_lost() -> Result<(), Box<dyn Error>> {
//!     use mqtt_as_tests::{broker::{BrokerConfig, SessionInfo}, network::Network};
//!     let hour = Duration::from_secs(3600);
//!
//!     let network = Network::new(BrokerConfig::default());
//!     let client = || mqtt_as_tokio::new_with(config("broker"), network.connector());
//!     let subscribed = network.until(|broker| broker.sessions().iter().any(|session| !session.filters.is_empty()));
//!     run(&client()?, async { Ok(subscribed.await) }).await?;
//!
//!     // Ordered while nobody is there; then the program starts, and the broker does not.
//!     assert!(network.with(|broker, now| broker.inject("orders/7", b"one bolt", QoS::AtLeastOnce, false, now)));
//!     network.shut(true);
//!     let night = async {
//!         tokio::time::sleep(8 * hour).await;
//!         network.shut(false);
//!         let is_done = |session: &SessionInfo| session.queued + session.in_flight == 0;
//!         let all_done = network.until(move |broker| broker.sessions().iter().all(is_done));
//!         Ok(tokio::time::timeout(hour, all_done).await?)
//!     };
//!     run(&client()?, night).await
//! }
//! ```
//!
//! * An order may come twice: where the program, or the link, ended between the work and `ack`, and where it was taken
//!   while the link was down. What must not be done twice needs a number of its own.
//! * `disconnect` sends the acknowledgements that were given. Behind it the queue still hands out what it has, which comes
//!   again at the next start: the program leaves the loop first.
//! * `work` is called between two messages. For work that takes long, runs side by side, or fails and is to be tried
//!   again, see [`manual_acks`](super::manual_acks).
//! * A session that the server has lost is subscribed to again by the policy. What was published in between is not there:
//!   [`sessions`](super::sessions).
//! * `ctrl_c` is SIGINT. Services are ended by SIGTERM: [`publisher`](super::publisher) waits for both.
