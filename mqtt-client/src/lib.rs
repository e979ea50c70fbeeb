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
//!
//! # How to write an adapter
//!
//! 1. Something that opens transports, [`Connect`]: its halves are read and written by the traits of
//!    `embedded-io-async`. Where there is a standard library, `net::Sockets` is less to write, and brings TLS,
//!    WebSocket, proxies and the race of addresses with it.
//! 2. A [`Runtime`]: the time, and how to wait for it; a [`Lock`] and a pointer to it, which is `Arc` with a heap (`std_runtime`
//!    has a lock), and `&'static` without.
//! 3. A constructor: with a heap it calls `Client::with_tasks`, without one [`Client::with_handlers`], and sees to it that
//!    driver and callbacks are polled.
//! 4. `pub use mqtt_as_client::surface::*`, and names for what is generic: `type Client = mqtt_as_client::Client<Mine>`.
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use std::io;
//! use std::sync::{Arc, LazyLock};
//!
//! use embedded_io_async::{ErrorType, Read, Write};
//! use mqtt_as_client::std_runtime::{self, StdLock};
//! use mqtt_as_client::{Client, Config, Connect, ConnectError, ErrorKind, Instant, QoS, Registered};
//! use mqtt_as_client::{Runtime, Server, Shutdown, Step};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//! use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
//!
//! /// 1. TCP.
//! struct Tcp;
//! struct Reader(OwnedReadHalf);
//! struct Writer(OwnedWriteHalf);
//!
//! impl Connect for Tcp {
//!     type Read<'c> = Reader;
//!     type Write<'c> = Writer;
//!
//!     async fn connect(&mut self, server: Server<'_>) -> Result<(Reader, Writer), ConnectError> {
//!         let failed = |_| ConnectError::Unreachable(Step::Open, ErrorKind::Other.into());
//!         let stream = TcpStream::connect((server.host, server.port)).await.map_err(failed)?;
//!         let (read, write) = stream.into_split();
//!         Ok((Reader(read), Writer(write)))
//!     }
//! }
//!
//! impl ErrorType for Reader { type Error = io::Error; }
//! impl ErrorType for Writer { type Error = io::Error; }
//!
//! impl Read for Reader {
//!     async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer).await }
//! }
//!
//! impl Write for Writer {
//!     async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.0.write(bytes).await }
//!     async fn flush(&mut self) -> io::Result<()> { self.0.flush().await }
//! }
//!
//! impl Shutdown for Writer {
//!     async fn shutdown(&mut self) { let _ = self.0.shutdown().await; }
//! }
//!
//! /// 2. The runtime: a name.
//! enum Mine {}
//!
//! static START: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);
//!
//! impl Runtime for Mine {
//!     type Lock = StdLock;
//!     type Pointer = Arc<StdLock>;
//!     type Connect = Tcp;
//!     type Listeners = Registered;
//!
//!     fn now() -> Instant { std_runtime::instant(START.elapsed()) }
//!     async fn sleep_until(at: Instant) {
//!         tokio::time::sleep_until(*START + std_runtime::since(at)).await;
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = mqtt_as_tests::server::Server::start(Default::default());
//! # let config = Config::new(server.addr().to_string());
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // 3. A client and its two tasks.
//! let (client, runner, callbacks) = Client::<Mine>::with_tasks(config, Tcp, Arc::new)?;
//! tokio::spawn(runner.run());
//! tokio::spawn(callbacks.run());
//! client.connect(true).await?;
//! client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
//! client.disconnect().await?;
//! # Ok(())
//! # })
//! # }
//! ```

#![no_std]
#![forbid(unsafe_code)]
// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// What a public signature names can be named.
#![warn(unnameable_types)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

/// Shows the names only of what is opaque, or belongs to the program.
macro_rules! opaque {
    ($name:ident $(, $life:lifetime)*) => {
        impl<R: crate::Runtime> core::fmt::Debug for $name<$($life,)* R> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

// Each imports from those below it only.
mod above;
mod acknowledgement;
mod address;
mod apart;
mod assigned;
mod authenticate;
mod authentication;
mod between;
mod call;
#[cfg(feature = "alloc")]
mod chunks;
mod client;
mod config;
mod connect;
mod credentials;
mod deadline;
mod disconnect;
mod driver;
mod error;
pub mod event;
mod granted;
mod held;
mod keep;
mod lane;
mod large;
mod late;
mod link;
mod linking;
mod memory;
#[cfg(feature = "std")]
pub mod net;
mod options;
mod payload;
mod property_list;
mod publish;
#[cfg(feature = "alloc")]
mod publish_owned;
mod queues;
mod read;
mod reauthenticate;
mod receive;
mod reconfigure;
mod reconnect;
mod reconnecting;
mod redirection;
mod request;
#[cfg(feature = "alloc")]
mod request_error;
#[cfg(feature = "alloc")]
mod request_response;
mod respond;
#[cfg(feature = "alloc")]
mod responses;
mod retries;
mod runner;
mod runtime;
mod say_more;
mod serial_link;
mod server;
mod servers;
mod settings;
mod state;
#[cfg(feature = "std")]
pub mod std_runtime;
mod step;
mod stream_out;
mod subscribe;
mod subscriptions;
pub mod surface;
mod trace;
mod transport;
mod waiter;
mod waiters;
mod will;
mod words;

pub use acknowledgement::Acknowledgement;
pub use address::Server;
pub use authentication::{Authenticator, Reply, Stage};
pub use client::{Client, WeakClient};
pub use config::{Config, Overflow};
pub use connect::Connecting;
pub use credentials::Credentials;
pub use disconnect::Disconnect;
pub use error::{
    ConfigError, ConnectError, DisconnectError, DownReason, ErrorKind, PublishError, Step,
    StreamError, SubscribeError, TransportError,
};
#[cfg(feature = "alloc")]
pub use event::ServerWords;
pub use event::{Session, Statistics};
pub use granted::Granted;
pub use held::{Binary, Held, Text};
pub use lane::LinkEvent;
pub use memory::{BorrowedMemory, Memory};
pub use mqtt_as_proto::client::{
    ConnectionError, Foreign, Limit, Limits, NotSent, OperationError, Violation, Waiting,
};
pub use mqtt_as_proto::packet::{Carrier, RetainHandling, SubscriptionOptions};
pub use mqtt_as_proto::property::{MaximumQoS, PropertyIter, SubscriptionId, TopicAliasId};
pub use mqtt_as_proto::{DecodeError, EncodeError, PacketId, PacketType};
pub use mqtt_as_proto::{
    Instant, Properties, Property, QoS, ReasonCode, TopicError, TopicFilter, TopicName, Version,
};
pub use payload::Payload;
pub use property_list::PropertyList;
pub use publish::{Publish, Receipt, Sending};
#[cfg(feature = "alloc")]
pub use publish_owned::OwnedPublish;
pub use read::ReadMemory;
pub use reauthenticate::AuthenticateError;
pub use receive::{Acknowledge, MessageRef, MessageStream, Queue, Respond, TooSmall};
pub use receive::{
    HandledEvent, Handler, HandlerId, HandlerMemory, HandlerTable, Handlers, Handling, LentHandlers,
};
pub use reconfigure::Reconfigure;
pub use reconnect::{Attempt, Reconnect, ReconnectPolicy, RetryReason};
#[cfg(feature = "alloc")]
pub use request_error::RequestError;
#[cfg(feature = "alloc")]
pub use request_response::Request;
pub use runner::Runner;
pub use runtime::{Connect, Listeners, Lock, Runtime, Shutdown};
pub use serial_link::{AlwaysOpen, Dial, SerialLink, SerialLinkWrite};
pub use settings::WhileDown;
pub use state::State;
pub use stream_out::{OpenStream, PublishStream};
pub use subscribe::{Subscribe, Unsubscribe};
pub use waiters::Waiter;
pub use will::Will;

#[cfg(feature = "url")]
pub use error::UrlError;
#[cfg(feature = "std")]
pub use net::Proxy;
#[cfg(feature = "tls")]
pub use net::Tls;
#[cfg(feature = "websocket")]
pub use net::WebSocket;
#[cfg(feature = "alloc")]
pub use receive::{
    Binding, Callback, CallbackFuture, CallbackId, Callbacks, EventKind, Message, NewTask,
    Receiver, Registered, Start, Subscription, WithData,
};
