//! Payloads of any length, through small buffers.
//!
//! A payload larger than all the memory of the client is written, and read, piece by piece: at every QoS, in both versions, on
//! every runtime. Ten mebibytes pass through buffers of one kibibyte (`tests/tests/on_embassy/mosquitto.rs`).
//!
//! ```
//! use mqtt_as_tokio::{Client, Config, QoS};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let reader = Client::new(
//!     // Larger than 4 KiB, up to 1 MiB: as a stream.
//!     Config::new(host.as_str()).maximum_packet_size(4096).largest_stream(1 << 20),
//! )?;
//! reader.connect(true).await?;
//! reader.subscribe("log", QoS::ExactlyOnce).await?;
//!
//! let writer = Client::new(Config::new(host))?;
//! writer.connect(true).await?;
//! let mut out = writer.publish_stream("log", 100_000).qos(QoS::ExactlyOnce).open().await?;
//! for _ in 0..100 {
//!     out.write_all(&[7; 1000]).await?;
//! }
//! out.finish().await?; // Resolves at PUBCOMP.
//!
//! let (mut queue, mut header, mut chunk) = (reader.queue(), [0; 256], [0; 1024]);
//! let mut message = queue.next_stream(&mut header).await?.ok_or("disconnected")?;
//! let mut len = 0;
//! while let n @ 1.. = message.read(&mut chunk).await? {
//!     len += n;
//! } // Here it is acknowledged.
//! assert_eq!(len, 100_000);
//! # drop((message, queue));
//! writer.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! While a stream is on its way out, nothing else can be sent: acknowledgements, PINGREQ and other publishes wait for its last
//! byte. A sender that stops half-way closes the link and keeps the session; `restart` sends the message again, under the
//! same packet identifier if the server may have had all of it, so that QoS 2 stays exactly once. A message that is read
//! half-way and then dropped was not taken: the server sends it again.
//!
//! A message that is being read holds back what comes behind it, answers to this client's own calls
//! included: read it to its end before awaiting them.
