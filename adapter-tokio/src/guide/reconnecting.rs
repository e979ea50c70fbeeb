//! Staying connected: by a policy, or by a loop of the program's own.
//!
//! A link that is lost is reported at once where the system says so (a reset, an end of file), and
//! otherwise by silence: PINGREQ goes out after [`ping_interval`](crate::Config::ping_interval)
//! without traffic, and a silence of [`ping_timeout`](crate::Config::ping_timeout) behind it ends the
//! link. What happens then is the program's choice.
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
//! * Refused credentials wait for [`refused_delay`](crate::Reconnect::refused_delay); a session that
//!   another client has taken over ends the policy: two clients with one identifier would cut each
//!   other off for ever.
//! * Where the server has lost the session, what the program subscribed to is subscribed to again.
//! * [`async_credentials`](crate::Reconnect::async_credentials) asks for a fresh token before each
//!   attempt; [`server_also`](crate::Reconnect::server_also) names servers to fall back on.
//!
//! # A loop of your own
//!
//! ```no_run
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, DownReason};
//!
//! async fn keep_up(client: &Client) {
//!     while let Some(reason) = client.down().await {
//!         if reason == DownReason::Disconnected {
//!             break;
//!         }
//!         while client.connect(false).await.is_err() {
//!             tokio::time::sleep(Duration::from_secs(2)).await;
//!         }
//!     }
//! }
//! ```
//!
//! Calls that are pending when the link goes down stay pending: a publish at QoS 1 or 2 goes out
//! again on the resumed session and resolves there. Nobody has to publish twice.
