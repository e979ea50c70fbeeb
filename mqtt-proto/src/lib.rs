//! MQTT 3.1.1 and 5.0 without I/O, clock, heap or unsafe code.
//!
//! The crate says what MQTT says and does what MQTT does, and nothing else:
//!
//! * [`packet`]: the 15 control packets, borrowed, decoded and encoded, one type for both versions;
//! * [`client`]: the state machine of a client, over any number of connections;
//! * [`topic`], [`property`], [`reason`], [`frame`]: the words they are made of.
//!
//! It is *sans-IO*: bytes that came are arguments, bytes to write are results, and so is time. That
//! makes it run under any runtime or none, and lets a test drive years in a second. The contract
//! stands at [`Client`]; this is the whole loop, on `std::net`:
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
//! None is on by default. `alloc`: memory from the heap. `bytes`: payloads of 32 KiB and more, given
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
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
mod reasons;

pub mod client;
pub mod error;
pub mod frame;
mod limits;
mod log;
mod outbox;
pub mod packet;
mod packet_type;
mod payload;
pub mod property;
mod property_name;
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
