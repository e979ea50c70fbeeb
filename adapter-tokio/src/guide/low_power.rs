//! Wake up, publish, sleep: as few milliseconds and bytes as the protocol allows.
//!
//! ```
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, Config, QoS, Version};
//! # use mqtt_as_tests::{broker::BrokerConfig, server::Server};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = Server::start(BrokerConfig::default());
//! # let host = server.addr().to_string();
//! let config = Config::new(host).client_id("m7").version(Version::V311);
//! let client = Client::new(config.keepalive(Duration::ZERO))?;
//! client.connect(false).await?;
//! client.publish("m/7", "21.5").qos(QoS::AtLeastOnce).await?; // PUBACK is there.
//! client.drain(Duration::from_secs(2)).await; // What came meanwhile is acknowledged.
//! client.disconnect().await?; // DISCONNECT is on the wire.
//! # Ok(())
//! # }
//! ```
//!
//! # Milliseconds and bytes
//!
//! The radio is on for as long as the round trips to the server take. On a link with 50 ms for each, as of a good
//! mobile network, those four calls take 200 ms, whatever the processor does:
//!
//! | step | round trips | ms | bytes up, 3.1.1 | 5.0 | bytes down, 3.1.1 | 5.0 |
//! |---|--:|--:|--:|--:|--:|--:|
//! | TCP | 1 | 50 | | | | |
//! | `connect`: CONNECT, CONNACK | 1 | 50 | 16 | 33 | 4 | 8 |
//! | `publish` at QoS 1: PUBLISH, PUBACK | 1 | 50 | 13 | 14 | 4 | 5 |
//! | `drain`: nothing is left to acknowledge | 0 | 0 | 0 | 0 | 0 | 0 |
//! | `disconnect`: DISCONNECT, and the server closes | 1 | 50 | 2 | 2 | 0 | 0 |
//! | all | 4 | 200 | 31 | 49 | 8 | 13 |
//!
//! What else may come, in round trips: the name of the server 1 (an address needs none), TLS 1.3 another 1, TLS 1.2
//! another 2; `subscribe` 1, which a kept session needs once only, so connect with `false`; a publish at QoS 0 none,
//! at QoS 2 two.
//!
//! The bytes are those of MQTT. By the packet layouts of 3.1.1: CONNECT 14 and the client identifier, CONNACK 4, PUBLISH 6,
//! the topic and the payload, PUBACK 4, DISCONNECT 2. 5.0 adds the properties, and a server may say more in CONNACK than the
//! one here. TCP and IP add 40 bytes to each of some ten segments; TLS 1.3 adds 2 KB and more for the handshake, most of
//! it the server's certificate, and 22 bytes to each write.
//!
//! The table is made by this, on a clock that jumps from one event to the next ([`testing`](super::testing)):
//!
//! ```
//! # use std::sync::Arc;
//! # use std::sync::atomic::{AtomicU64, Ordering};
//! # use std::time::Duration;
//! # use mqtt_as_tests::broker::{Broker, BrokerConfig};
//! # use mqtt_as_tokio::{Client, Config, QoS, Version};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
//! # use tokio::sync::mpsc;
//! # use tokio::time::{Instant, sleep, sleep_until};
//! # const ROUND_TRIP: Duration = Duration::from_millis(50);
//! # #[derive(Clone, Default)]
//! # struct Counts(Arc<[AtomicU64; 2]>);
//! # /// A broker at the other end of a link on which bytes take half a round trip each way.
//! # fn serve(far: DuplexStream, counts: Counts) {
//! #     let mut broker = Broker::new(BrokerConfig::default());
//! #     let conn = broker.open();
//! #     let (mut read, mut write) = tokio::io::split(far);
//! #     let (up, mut arrives) = mpsc::unbounded_channel();
//! #     let (down, mut leaves) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
//! #     let sent = counts.clone();
//! #     tokio::spawn(async move {
//! #         let mut buffer = [0; 4096];
//! #         while let Ok(len @ 1..) = read.read(&mut buffer).await {
//! #             sent.0[0].fetch_add(len as u64, Ordering::Relaxed);
//! #             up.send((Instant::now() + ROUND_TRIP / 2, buffer[..len].to_vec())).unwrap();
//! #         }
//! #     });
//! #     tokio::spawn(async move {
//! #         while let Some((at, bytes)) = arrives.recv().await {
//! #             sleep_until(at).await;
//! #             broker.handle_bytes(conn, &bytes, mqtt_as_proto::Instant::from_millis(0));
//! #             let _ = down.send((Instant::now() + ROUND_TRIP / 2, broker.take_output(conn)));
//! #             if broker.is_closed(conn) { break }
//! #         }
//! #     });
//! #     tokio::spawn(async move {
//! #         while let Some((at, bytes)) = leaves.recv().await {
//! #             sleep_until(at).await;
//! #             counts.0[1].fetch_add(bytes.len() as u64, Ordering::Relaxed);
//! #             if write.write_all(&bytes).await.is_err() { break }
//! #         }
//! #         let _ = write.shutdown().await;
//! #     });
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # for version in [Version::V311, Version::V5] {
//! # let counts = Counts::default();
//! # let server = counts.clone();
//! # let config = Config::new("broker.example").client_id("m7").version(version);
//! # let client = mqtt_as_tokio::new_with(config.keepalive(Duration::ZERO), move |_, _| {
//! #     let counts = server.clone();
//! #     async move {
//! #         sleep(ROUND_TRIP).await; // The handshake of TCP.
//! #         let (near, far) = tokio::io::duplex(4096);
//! #         serve(far, counts);
//! #         Ok(near)
//! #     }
//! # })?;
//! # let mut last = (Instant::now(), 0, 0);
//! # let mut step = || {
//! #     let [up, down] = [0, 1].map(|way: usize| counts.0[way].load(Ordering::Relaxed));
//! #     let now = Instant::now();
//! #     let step = ((now - last.0).as_millis(), up - last.1, down - last.2);
//! #     last = (now, up, down);
//! #     step
//! # };
//! client.connect(false).await?;
//! let connect = step(); // Milliseconds, bytes up, bytes down.
//! client.publish("m/7", "21.5").qos(QoS::AtLeastOnce).await?;
//! let publish = step();
//! client.drain(Duration::from_secs(2)).await;
//! let drain = step();
//! # client.subscribe("m/7/cmd", QoS::AtLeastOnce).await?;
//! # assert_eq!(step().0, 50);
//! # client.publish("m/7", "21.5").await?;
//! # assert_eq!(step().0, 0);
//! # client.publish("m/7", "21.5").qos(QoS::ExactlyOnce).await?;
//! # assert_eq!(step().0, 100);
//! client.disconnect().await?;
//! let disconnect = step();
//! match version {
//!     Version::V311 => {
//!         assert_eq!([connect, publish], [(100, 16, 4), (50, 13, 4)]);
//!         assert_eq!([drain, disconnect], [(0, 0, 0), (50, 2, 0)]);
//!     }
//!     Version::V5 => {
//!         assert_eq!([connect, publish], [(100, 33, 8), (50, 14, 5)]);
//!         assert_eq!([drain, disconnect], [(0, 0, 0), (50, 2, 0)]);
//!     }
//! }
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Less of it
//!
//! * Several messages: `send()` each, then await the receipts. They leave in one write, and all of them take one round trip.
//! * A command for the sleeping device, published at QoS 1, waits in its session at the server
//!   and comes right after CONNACK; `client.queue()` takes it. `drain` waits for its acknowledgement.
//! * A connection that stays costs PINGREQ and PINGRESP, 2 bytes each, in every [`keepalive`](crate::Config::keepalive): with
//!   one of 20 minutes that is less than connecting anew each hour, if the radio can sleep in between.
//! * `connect_timeout` and `response_time` bound how long the radio stays on: a call that has failed
//!   says so, and the message that was accepted is lost only with the program's memory.
