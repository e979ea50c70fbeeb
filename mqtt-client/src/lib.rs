//! How tasks share one MQTT connection: a handle and a driver, over any runtime.
//!
//! A program uses this crate through the adapter of its runtime, which re-exports it:
//! `mqtt-as-tokio`, `mqtt-as-smol` or `mqtt-as-embassy`. Names and meaning are the same on all.
//!
//! * [`Client`] is the handle: cheap to clone, shared by any number of tasks.
//! * [`Runner`] is the driver: one future that owns the transport, until the last handle is gone.
//! * [`Runtime`] is what a runtime brings: a lock, a pointer, a clock, sockets.
//!
//! # Cancel safety
//!
//! An operation begins at its first poll. Until there is room for it, dropping it means that it
//! never happened; from then on it is accepted, and dropping it only ends the waiting. Nothing is
//! ever half sent, but for a [`PublishStream`] that is dropped before its last byte: that ends the
//! link.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod client;
mod config;
mod error;
pub mod event;
mod frames;
mod handlers;
mod inbox;
mod lent;
mod line;
mod link;
mod loops;
mod memory;
mod message;
mod operation;
mod place;
mod publish;
mod queue;
mod read;
mod runner;
mod shared;
mod sizes;
mod stream_in;
mod stream_out;
pub mod surface;
mod traits;
mod transport;
mod waiter;
mod window;

#[cfg(feature = "alloc")]
mod callback;

pub use client::{Acknowledge, Client, Connecting, WeakClient};
pub use config::{Binary, Config, Overflow, Text, WhileDown, Will};
pub use error::{
    ConnectError, DisconnectError, DownReason, PublishError, Step, StreamError, SubscribeError,
};
#[cfg(feature = "alloc")]
pub use event::ServerWords;
pub use event::{Session, Statistics};
pub use handlers::{HandledEvent, Handler, HandlerId, Handlers, Handling};
pub use inbox::Entry;
pub use lent::Lent;
pub use line::{Line, LineWrite};
pub use memory::Memory;
#[cfg(feature = "alloc")]
pub use message::Message;
pub use message::MessageRef;
pub use mqtt_as_proto::client::{
    ConfigError, ConnectionError, Limit, Limits, NotSent, OperationError, Violation, Waiting,
};
pub use mqtt_as_proto::packet::{RetainHandling, SubscriptionOptions};
pub use mqtt_as_proto::property::SubscriptionId;
pub use mqtt_as_proto::{
    Instant, Payload, Properties, Property, QoS, ReasonCode, TopicError, TopicFilter, TopicName,
    Version,
};
pub use operation::Granted;
pub use publish::{Publish, Publishing};
pub use queue::{Queue, TooSmall};
pub use read::ReadMemory;
pub use runner::Runner;
pub use shared::State;
pub use stream_in::MessageStream;
pub use stream_out::{OpenStream, PublishStream};
pub use traits::{Connect, Listeners, Lock, Runtime, Server, Shutdown};
pub use transport::ErrorKind;
pub use waiter::Waiter;

#[cfg(feature = "alloc")]
pub use callback::{
    Binding, Callback, CallbackFuture, CallbackId, Callbacks, EventKind, NewTask, Registered,
    Start, WithData,
};
