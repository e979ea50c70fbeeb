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
//! * [`receive_maximum`](crate::Config::receive_maximum) bounds how many may be open. A program that
//!   never acknowledges gets no more than that.
//! * `ack` returns whether the acknowledgement will be sent: not whether the server has it, and always
//!   false for QoS 0.
//! * An acknowledgement belongs to a connection. While the link is down `ack` is false, and the server
//!   sends the message again. The queue hands out what it has all the same, so a program looks before
//!   it begins with work that it does not want to do twice:
//!
//!   ```
//!   # use mqtt_as_tokio::{Client, Message, ReasonCode};
//!   # fn work(_: &Message) {}
//!   # async fn serve(client: &Client) {
//!   while let Some(order) = client.queue().next().await {
//!       if !client.is_connected() {
//!           continue; // It comes again, if the server keeps the session.
//!       }
//!       work(&order);
//!       client.ack(&order, ReasonCode::SUCCESS);
//!   }
//!   # }
//!   ```
//! * A message that was still in the queue when the session was resumed is not handed out twice: the
//!   server sends it again, and `ack` acknowledges that.
//! * Some messages come twice all the same: where the program ended between the work and `ack`, or the
//!   link between `ack` and the server. At QoS 1 nobody can tell them by
//!   [`dup`](crate::Message::dup): it says that the server may have tried before, not that the
//!   program has seen it. What must not be done twice needs a number of its own in the payload.
//! * A message that is dropped without `ack` is not lost: the server has it, and sends it after the
//!   next resume. That is so as long as the server keeps the session; where it may lose that, as a
//!   broker without a disk does at a restart, do the work all the same.
//! * Where the work fails, `ack` with a reason of 0x80 or more (5.0) refuses the message: the server
//!   does not send it again. To get it again, leave it unacknowledged and connect anew
//!   (`connect(false)` after `disconnect()`); until then it holds the later ones back.
