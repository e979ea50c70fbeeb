//! Sessions, and programs that are started again.
//!
//! A session is what the server remembers under a client identifier: subscriptions, and messages at
//! QoS 1 and 2 that are not acknowledged. `connect(true)` begins a new one that ends with the
//! connection; `connect(false)` resumes the one there is, or begins one that is kept.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS, RetainHandling};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! for start in 0..2 {
//!     // The program is started twice; its identifier has to be the same both times.
//!     let client = Client::new(Config::new(host.as_str()).client_id("billing"))?;
//!     let session = client.connect(false).await?;
//!     assert_eq!(session.session_present, start == 1);
//!     // Each time: the session may be of a program that was killed before it had subscribed, or of
//!     // an older one with other filters. Retained messages come only where it is new (5.0).
//!     let orders = client.subscribe("orders/#", QoS::AtLeastOnce);
//!     orders.retain_handling(RetainHandling::SendIfNew).await?;
//!     client.disconnect().await?; // The session stays.
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a message
//!
//! | when | a publish at QoS 1 or 2 that is not acknowledged | a received one that is not taken |
//! |---|---|---|
//! | the link is lost, the session resumes | is sent again, its call resolves then | comes again |
//! | the server has lost the session | QoS 1 is sent again ([`republish`](crate::Config::republish)); QoS 2, and QoS 1 without it: the call ends with "unknown" | is handed out if the client has it; what the server held is gone |
//! | the program ends | is lost: `drain` before `disconnect` | comes again |
//!
//! # In 5.0
//!
//! `connect(false)` alone keeps the session for ever; [`session_expiry`](crate::Config::session_expiry)
//! names a time. What the server says ([`Session::session_expiry`](crate::Session::session_expiry))
//! counts. A server that answers with a session the program knows nothing of, after a restart, is
//! taken at its word: [`adopt_session`](crate::Config::adopt_session).
//!
//! # In 3.1.1
//!
//! A kept session needs a client identifier. There is no way to say "begin a new session, and keep
//! it" in one CONNECT: [`clean_init`](crate::Config::clean_init) connects twice for it.
