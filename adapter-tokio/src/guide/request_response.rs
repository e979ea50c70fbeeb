//! Asking another client, and answering: request and response of 5.0 (4.10).
//!
//! # Who answers
//!
//! A request is a message like any other, with the topic for the answer in its properties:
//! [`respond`](crate::Client::respond) reads them. What is wrong with a request is said in the answer too, as the two
//! sides agree on; here behind `error:`.
//!
//! # Who asks
//!
//! [`request`](crate::Client::request) resolves to the answer, or says why there is none. Nobody serves the topic:
//! [`NoSubscribers`](crate::RequestError::NoSubscribers), if the server says so, which it need not. Who serves it is slow or
//! gone: [`TimedOut`](crate::RequestError::TimedOut). The request may have been dealt with all the same.
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect, RequestError};
//! use std::error::Error;
//! use std::time::Duration;
//!
//! /// Adds numbers, until the program disconnects.
//! async fn serve(server: &str) -> Result<(), Box<dyn Error>> {
//!     let config = Config::new(server).client_id("adder").reconnect(Reconnect::new());
//!     let client = Client::new(config)?;
//!     // Before `connect`: what waits in a session that is resumed comes here.
//!     let mut requests = client.subscribe("add", QoS::AtLeastOnce).receiver().await?;
//!     client.connect(false).await?;
//!     while let Some(request) = requests.next().await {
//!         let text = String::from_utf8_lossy(request.payload());
//!         let sum: Result<i64, _> = text.split('+').map(|n| n.trim().parse::<i64>()).sum();
//!         let answer = match sum {
//!             Ok(sum) => sum.to_string(),
//!             Err(error) => format!("error: {error}"),
//!         };
//!         if let Err(error) = client.respond(&request, answer).await {
//!             eprintln!("not answered: {error}"); // It named no topic for the answer, for example.
//!         }
//!     }
//!     Ok(())
//! }
//!
//! async fn ask(client: &Client, question: &str) -> Result<String, RequestError> {
//!     let answer = client.request("add", question).timeout(Duration::from_secs(5)).await?;
//!     Ok(String::from_utf8_lossy(answer.payload()).into_owned())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! # use mqtt_as_tests::{broker::BrokerConfig, server};
//! # let broker = server::Server::start(BrokerConfig::default());
//! # let server = broker.addr().to_string();
//! let client = Client::new(Config::new(server.as_str()).client_id("asker"))?;
//! client.connect(true).await?;
//! # assert_eq!(ask(&client, "1 + 2").await, Err(RequestError::NoSubscribers));
//! # tokio::spawn(async move { serve(&server).await.unwrap() });
//! # while ask(&client, "1 + 2").await == Err(RequestError::NoSubscribers) {}
//! match ask(&client, "1 + 2").await {
//!     Ok(answer) => println!("{answer}"),
//!     Err(RequestError::NoSubscribers) => eprintln!("nobody adds numbers now"),
//!     Err(RequestError::TimedOut) => eprintln!("no answer within 5 s"),
//!     Err(error) => return Err(error.into()),
//! }
//! # assert_eq!(ask(&client, "1 + 2").await?, "3");
//! # assert!(ask(&client, "1 + x").await?.starts_with("error: "));
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * A session that is kept goes on collecting requests while `serve` is away: nobody is told `NoSubscribers`, and all are
//!   answered when it is there again, when those who asked have left. Give requests an end by
//!   `.properties(&[Property::MessageExpiryInterval(5)])`, or connect with `true`: then there is nobody while it is away.
//! * It answers one at a time. To answer several, each in a task of its own: `client.clone()` and the request go into
//!   `tokio::spawn`.
//! * A receiver that is dropped unsubscribes. A program that ends `serve` by `select!` and keeps its session makes client and
//!   receiver outside, and lends them to `serve`.
//! * `requests.next()` is `None`, too, where the server has refused the filter:
//!   [`granted`](crate::Receiver::granted) says so.
//!
//! Requests may run side by side: each answer finds its own. Without a heap a device can answer, but not ask by this call.
