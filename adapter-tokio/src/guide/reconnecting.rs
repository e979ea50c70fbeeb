//! Staying connected: by a policy, or by a loop of the program's own.
//!
//! A link that is lost is reported at once where the system says so (a reset, an end of file), and
//! otherwise by silence: PINGREQ goes out after [`ping_interval`](crate::Config::ping_interval)
//! without traffic, and a silence of [`ping_timeout`](crate::Config::ping_timeout) behind it ends the
//! link. While the program publishes, a link ends where nothing is acknowledged for `response_time` ×
//! (`max_repubs` + 1), or where it takes no byte for [`write_timeout`](crate::Config::write_timeout). What happens then is the program's choice.
//!
//! # A policy
//!
//! [`Reconnect`](crate::Reconnect) is data. With it the client connects again by itself until the
//! program calls [`disconnect`](crate::Client::disconnect):
//!
//! ```
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect, event};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let policy = Reconnect::new().longest_delay(Duration::from_secs(30)).first_connect(true);
//! let client = Client::new(Config::new(host).client_id("pump-7").reconnect(policy))?;
//! client.set_cb_on_event(event::Reconnecting, |attempt| async move { eprintln!("{attempt}") });
//! client.connect(false).await?;
//! client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * Delays grow, and a part of each is left to chance, so that the clients of a server that restarts
//!   do not come all at once.
//! * Refused credentials, and certificates that are not trusted, wait for
//!   [`refused_delay`](crate::Reconnect::refused_delay); a session that another client has taken over
//!   ends the policy, where the server says so (5.0; mosquitto 2.0 closes the connection without a
//!   word): two clients with one identifier would cut each other off for ever.
//! * Where the server has lost the session, what the program subscribed to is subscribed to again.
//! * [`async_credentials`](crate::Reconnect::async_credentials) asks for a fresh token before each
//!   attempt; [`server_also`](crate::Reconnect::server_also) names servers to fall back on.
//!
//! # When the policy ends
//!
//! It ends where trying again is of no use, and after as many [`attempts`](crate::Reconnect::attempts)
//! as were set, which by default are without end. Then, as after `disconnect`, `queue().next()` is
//! `None`, and a loop over messages ends by itself. A publish that waits ends with
//! [`Kept`](crate::PublishError::Kept), and so does each one after it: it is stored for the next `connect` of
//! the program. So a program that only publishes ends at the first `Kept`; the reason comes with the
//! last event:
//!
//! ```
//! # use mqtt_as_tokio::{Client, event};
//! # fn watch(client: &Client) {
//! client.set_cb_on_event(event::Reconnecting, |attempt| async move {
//!     if attempt.delay().is_none() {
//!         eprintln!("gives up: {}", attempt.reason());
//!     }
//! });
//! # }
//! ```
//!
//! # For how long a call waits
//!
//! Messages at QoS 1 and 2 that were accepted go out on the next connection, whenever that comes (but for those of a
//! session that the server has lost: [`sessions`](super::sessions)). The
//! *call* that awaits one waits for `response_time` × (`max_repubs` + 1), which is 50 s by default, and
//! then ends with [`TimedOut`](crate::PublishError::TimedOut); so does a receipt. The message goes on
//! all the same. A program that wants the outcome however long an outage lasts asks for it:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use mqtt_as_tokio::{Client, QoS};
//! # async fn show(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
//! let reading = client.publish("plant/7/reading", "20.5").qos(QoS::AtLeastOnce);
//! reading.timeout(Duration::ZERO).await?; // 0 is no limit.
//! # Ok(())
//! # }
//! ```
//!
//! How long an outage a program survives without losing readings is a matter of memory: as many
//! messages as [`in_flight`](crate::Config::in_flight) says (65,535, which is the most, by default) and as
//! many bytes as [`store`](crate::Config::store) says (4 MiB: 33,000 readings of 100 bytes) wait for a
//! connection. Then `send` waits, and `try_publish` says [`NoRoom`](crate::OperationError::NoRoom). A program
//! that keeps receipts sets `in_flight` to less: with 65,534 of them the next `send` fails with
//! [`NoWaiter`](crate::PublishError::NoWaiter) instead of waiting.
//!
//! `subscribe`, `unsubscribe` and `request` do not outlive a link: without one they end at once
//! ([`NotConnected`](crate::SubscribeError::NotConnected)), and a link that breaks before the answer ends them. A program
//! asks again when the link is up, as in [`consumer`](super::consumer). What was subscribed to before is subscribed to
//! again by the policy, if the server has lost the session.
//!
//! # Without a connection
//!
//! | call | before the first `connect`, and while a link is lost | after `disconnect`, until `connect` | after the end of a policy, until `connect` |
//! |---|---|---|---|
//! | `publish` at QoS 1 or 2 | waits in the store; the call for its time | the same | is stored; `Kept` at once |
//! | its `send`, and the receipt | accepted at once, if there is room; waits as the call | the same | accepted; `Kept` at once |
//! | `publish` at QoS 0 | waits in the store | the same | the same |
//! | `subscribe`, `unsubscribe`, `request` | `NotConnected` at once | the same | the same |
//! | `subscribe(…).receiver()` | made at once; subscribed with the next connection | the same | the same |
//! | `queue().next()` | waits | `None`, when all are taken | the same |
//! | `drain` | waits while something is unacknowledged | the same | the same |
//! | `disconnect` | ends an attempt, or the wait for one; else `NotConnected` | `NotConnected` | the same |
//!
//! What waits goes out with `connect(true)`, too. What had been sent in the session before meets the fate
//! that it has where the server has lost a session: [`sessions`](super::sessions).
//!
//! # A loop of your own
//!
//! ```no_run
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, ConnectError, DownReason, QoS};
//!
//! async fn keep_up(client: &Client) {
//!     while let Some(reason) = client.down().await {
//!         if reason == DownReason::Disconnected {
//!             break;
//!         }
//!         loop {
//!             match client.connect(false).await {
//!                 // What was subscribed to was a part of the session.
//!                 Ok(session) if !session.has_subscriptions() => {
//!                     let _ = client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await;
//!                     break;
//!                 }
//!                 // Another task has connected, or disconnected.
//!                 Ok(_) | Err(ConnectError::Replaced) => break,
//!                 Err(_) => tokio::time::sleep(Duration::from_secs(2)).await,
//!             }
//!         }
//!     }
//! }
//! ```
//!
//! A publish at QoS 1 or 2 that is pending when the link goes down stays pending until its time is over
//! (above): it goes out again on the resumed session and resolves there. Nobody has to publish twice.
