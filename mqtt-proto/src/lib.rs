//! MQTT 3.1.1 and 5.0 without I/O, clock, heap or unsafe code.
//!
//! The crate says what MQTT says and does what MQTT does, and nothing else:
//!
//! * [`packet`]: the 15 control packets, borrowed, decoded and encoded, one type for both versions;
//! * [`client`]: the state machine of a client, over any number of connections;
//! * [`topic`], [`property`], [`reason`], [`frame`]: the words they are made of.
//!
//! It is *sans-IO*: bytes that came are arguments, bytes to write are results, and so is time. That
//! makes it run under any runtime or none, and lets a test drive years in a second:
//!
//! ```
//! use mqtt_as_proto::client::{Client, Config, Event, Input, LogMemory, Memory};
//! use mqtt_as_proto::packet::Connect;
//! use mqtt_as_proto::{Instant, Outbox, Storage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Memory of the caller's: for packets to write, twice, and for messages on their way out and in.
//! let (mut waiting, mut writing) = ([0; 256], [0; 256]);
//! let (mut outgoing, mut incoming) = ([0; 512], [0; 1024]);
//! let memory = Memory {
//!     outbox: Storage::borrowed(&mut waiting),
//!     outgoing: LogMemory::borrowed(&mut outgoing),
//!     incoming: LogMemory::borrowed(&mut incoming),
//!     ..Memory::default()
//! };
//! let mut out = Outbox::new(Storage::borrowed(&mut writing));
//! let mut client = Client::new(Config { maximum_packet_size: 512, ..Config::default() }, memory);
//!
//! let mut now = Instant::from_millis(0);
//! let connect = Connect { client_id: "m7", clean_start: true, keep_alive: 60, ..Connect::default() };
//! client.connect(&connect, now)?;
//! assert!(client.poll_transmit(&mut out, now, &mut |_| {}));
//! let len = out.chunk().len(); // CONNECT, for the transport, which takes it.
//! out.advance(len);
//! client.handle_transmitted(len, now);
//!
//! let mut connected = false;
//! let mut tell = |event: Event<'_>| connected |= matches!(event, Event::Connected(_));
//! client.handle_bytes(Input::new(&[0x20, 3, 0, 0, 0]), now, &mut tell)?; // CONNACK.
//! assert!(connected);
//!
//! now = client.poll_timeout().ok_or("a keep-alive is set")?; // Somewhat less than a minute later.
//! client.handle_timeout(now, &mut |_| {})?;
//! assert!(client.poll_transmit(&mut out, now, &mut |_| {}));
//! assert_eq!(out.chunk(), [0xc0, 0]); // PINGREQ.
//! # Ok(())
//! # }
//! ```
//!
//! The contract stands at [`Client`]; this is the whole loop, on `std::net`:
//!
#![cfg_attr(feature = "alloc", doc = "```no_run")]
#![cfg_attr(not(feature = "alloc"), doc = "```ignore")]
#![doc = include_str!("../examples/blocking.rs")]
//! ```
//!
//! # Memory
//!
//! All memory comes from the caller ([`Storage::borrowed`]) or, with the feature `alloc`, from the
//! heap up to a limit (`Storage::owned`). Nothing grows without bound.
//!
//! # Features
//!
//! All are off by default. `alloc`: memory from the heap. `bytes`: payloads of 32 KiB and more, given
//! as `bytes::Bytes`, are held by reference and never copied, and so are received messages of 4 KiB
//! and more that lie in `bytes::Bytes`.
//!
//! # Errors
//!
//! They say whose fault it is. [`DecodeError`] and [`client::ConnectionError`]: the peer's; the
//! connection has to end, the session is intact. [`EncodeError`], [`client::OperationError`] and
//! [`client::ConfigError`]: the caller's; nothing was sent.

#![no_std]
#![forbid(unsafe_code)]
// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![cfg_attr(
    any(test, fuzzing),
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, fuzzing))]
extern crate std;

#[macro_use]
mod reasons;

pub mod client;
pub mod error;
pub mod frame;
#[cfg(all(any(test, fuzzing), feature = "alloc"))]
#[doc(hidden)]
pub mod fuzzed;
mod limits;
mod log;
mod outbox;
pub mod packet;
mod packet_type;
mod payload;
pub mod property;
mod property_name;
#[cfg(any(test, fuzzing))]
mod random;
pub mod reason;
mod storage;
pub mod time;
pub mod topic;
pub mod wire;

pub use client::{AckToken, Client, Config, Event, LogMemory, Memory};
pub use error::{DecodeError, EncodeError, TopicError};
pub use outbox::Outbox;
pub use packet::{Packet, PacketType, QoS, Version};
pub use payload::{Payload, Shared};
pub use property::{Properties, Property};
pub use reason::ReasonCode;
pub use storage::Storage;
pub use time::Instant;
pub use topic::{TopicFilter, TopicName};
pub use wire::PacketId;
