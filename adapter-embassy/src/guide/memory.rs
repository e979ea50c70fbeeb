//! Sizing memory on a device: what each number buys.
//!
//! A client uses [`Resources`](crate::Resources) and nothing else. On a Cortex-M, without the feature
//! `alloc`, it has
//!
//! > 3 × `RX` + 3 × `TX` + `OUT` + `IN` + 56 × `CALLS` + 1,480 bytes
//!
//! and with [`ResourcesFor`](crate::ResourcesFor), over another transport than TCP, 2 × `RX` + 2 × `TX` and
//! 16 bytes less.
//!
//! | number | where it goes | what it buys |
//! |---|---|---|
//! | `RX` | the read buffer, the message that callbacks get, the window of TCP | the largest packet that comes in one piece. A 5.0 server is told so; in 3.1.1 a larger message is skipped, acknowledged and counted. With [`largest_stream`](crate::Config::largest_stream) only the header of a message has to fit |
//! | `TX` | packets that wait, the write that is under way, what TCP keeps until the server has it | the largest packet that the client sends, and an eighth of it, 64 bytes at most, for acknowledgements; and how much leaves in one write. 128 at least. A larger payload goes out by [`publish_stream`](crate::Client::publish_stream) |
//! | `OUT` | messages and requests that are unacknowledged, or wait for a connection | 16 bytes and the packet each. A publish that finds no room waits until there is |
//! | `IN` | received messages that wait to be taken or acknowledged | 16 bytes and the packet each; `RX` + 16 at least. A full queue stops reading |
//! | `CALLS` | calls that wait | one each for a `publish`, `subscribe`, `next_into`, `up` or `down` that is awaited, and for a receipt that is kept. With none free a call fails with `NoWaiter`; those that only look (`next_into`, `up`, `down`) look again every 10 ms |
//! | the rest | the state of the client, four changes of the link and twelve callbacks, a client identifier that the server assigns | |
//!
//! Three devices:
//!
//! | | `Resources` | bytes |
//! |---|---|--:|
//! | a sensor: readings of 64 bytes at QoS 1, one at a time, and short commands | `<128, 128, 192, 192, 2>` | 2,744 |
//! | a controller: the one of the front page | `<512, 512, 2048, 4096, 4>` | 10,920 |
//! | a gateway: 70 readings unacknowledged at a time, or kept over an outage | `<1024, 1024, 8192, 8192, 8>` | 24,456 |
//!
//! # `OUT`: how long an outage may be
//!
//! A PUBLISH has its topic, its payload and 7 bytes (6 in 3.1.1, 2 less at QoS 0), and properties. So a message
//! with a topic of 20 bytes and a payload of 64 takes 107 bytes, and 2,048 bytes keep 19 of them: at one in a
//! minute 19 minutes without a connection. The next one waits, or is refused by
//! [`try_publish`](crate::Publish::try_publish):
//!
//! ```
//! use embassy_futures::poll_once;
//! use mqtt_as_embassy::{Config, QoS, ResourcesFor, SerialLink};
//! use static_cell::ConstStaticCell;
//!
//! static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 32>> =
//!     ConstStaticCell::new(ResourcesFor::new());
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (rx, tx): (&[u8], &mut [u8]) = (&[], &mut []);
//! // A line that nobody has connected.
//! let line = SerialLink::always_open(rx, tx);
//! let config = Config::new("the other end");
//! let (client, _runner) = mqtt_as_embassy::with_connector(line, RESOURCES.take(), config)?;
//! let mut receipts = Vec::new();
//! loop {
//!     let publish = client.publish("plant/7/temperature1", &[7; 64]).qos(QoS::AtLeastOnce);
//!     match poll_once(publish.send()) {
//!         core::task::Poll::Ready(receipt) => receipts.push(receipt?),
//!         core::task::Poll::Pending => break, // No room.
//!     }
//! }
//! assert_eq!(receipts.len(), 2048 / (16 + 7 + 20 + 64));
//! # Ok(())
//! # }
//! ```
//!
//! # `TX`: what can be said in one piece
//!
//! ```
//! # use embassy_futures::poll_once;
//! # use mqtt_as_embassy::{Config, OperationError, PublishError, QoS, ResourcesFor, SerialLink};
//! # use static_cell::ConstStaticCell;
//! # static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
//! #     ConstStaticCell::new(ResourcesFor::new());
//! # let (rx, tx): (&[u8], &mut [u8]) = (&[], &mut []);
//! # let line = SerialLink::always_open(rx, tx);
//! # let config = Config::new("the other end");
//! # let (client, _runner) = mqtt_as_embassy::with_connector(line, RESOURCES.take(), config).unwrap();
//! let publish = client.publish("plant/7/image", &[7; 1000]).try_publish();
//! let Err(PublishError::Invalid(OperationError::TooLarge { room, .. })) = publish else { panic!() };
//! assert_eq!(room, 512 - 64);
//! ```
//!
//! # `IN`: how many may come at once
//!
//! A server sends at most Receive Maximum messages at QoS 1 and 2 before one is taken: as many of the largest
//! packets as fit, which is `IN` / (`RX` + 16), or what [`receive_maximum`](crate::Config::receive_maximum)
//! says. What does not fit is refused when the client is made, with the number needed:
//!
//! ```
//! # use mqtt_as_embassy::{Config, ConfigError, ResourcesFor, SerialLink};
//! # use static_cell::ConstStaticCell;
//! # static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
//! #     ConstStaticCell::new(ResourcesFor::new());
//! # let (rx, tx): (&[u8], &mut [u8]) = (&[], &mut []);
//! # let line = SerialLink::always_open(rx, tx);
//! let config = Config::new("broker.example").receive_maximum(10);
//! let error = mqtt_as_embassy::with_connector(line, RESOURCES.take(), config).unwrap_err();
//! let needed = 10 * (512 + 16);
//! assert!(matches!(error, ConfigError::Memory { needed: n, given: 4096, .. } if n == needed));
//! ```
//!
//! Messages at QoS 0 have no such limit: when the queue is full the client stops reading, and TCP slows the server
//! down.
//!
//! # What each number costs
//!
//! ```
//! use core::mem::size_of;
//! use mqtt_as_embassy::{Resources, ResourcesFor};
//!
//! type Small = Resources<512, 512, 2048, 4096, 4>;
//!
//! let more = |size: usize| size - size_of::<Small>();
//! assert_eq!(more(size_of::<Resources<1536, 512, 2048, 4096, 4>>()), 3 * 1024);
//! assert_eq!(more(size_of::<Resources<512, 1536, 2048, 4096, 4>>()), 3 * 1024);
//! assert_eq!(more(size_of::<Resources<512, 512, 3072, 4096, 4>>()), 1024);
//! assert_eq!(more(size_of::<Resources<512, 512, 2048, 5120, 4>>()), 1024);
//!
//! // With pointers of 64 bits, or a heap, the rest is somewhat larger than on a device.
//! let rest = size_of::<Small>() - 3 * 512 - 3 * 512 - 2048 - 4096 - 4 * 64;
//! assert!((1400..2600).contains(&rest), "{rest}");
//!
//! let tcp = size_of::<Small>() - size_of::<ResourcesFor<512, 512, 2048, 4096, 4>>();
//! assert!((2 * 512..2 * 512 + 64).contains(&tcp), "{tcp}");
//! ```
//!
//! # Beside it
//!
//! * The futures of the program lie in its tasks: 664 bytes for one that connects, subscribes, publishes and receives.
//! * The stack: 2,664 bytes at its peak, all interrupts of the board aside.
//! * embassy-net: its `StackResources`, with a socket for the client and one for DNS, and the buffers of the driver.
//! * TLS: the buffers of `TlsBuffers`, and some 6 KB for the session.
//! * Flash: 36 to 65 KB by what the program calls.
//!
//! Those figures are measured on an emulated Cortex-M4 by `tests/firmware` in the repository, whose README has them all,
//! with those of other clients.
