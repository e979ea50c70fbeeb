//! An async MQTT 3.1.1 and 5.0 client for embassy, with and without a heap.
//!
//! ```
//! use embassy_executor::Spawner;
//! use embassy_net::Stack;
//! use mqtt_as_embassy::{Config, QoS, Resources, Runner, event};
//! use static_cell::ConstStaticCell;
//!
//! // Packets of 512 bytes; 2 KiB of messages that wait for an acknowledgement, 4 KiB of received
//! // ones that wait to be taken; 4 calls that wait at once.
//! static RESOURCES: ConstStaticCell<Resources<512, 512, 2048, 4096, 4>> =
//!     ConstStaticCell::new(Resources::new());
//!
//! #[embassy_executor::task]
//! async fn mqtt(runner: Runner) {
//!     runner.run().await;
//! }
//!
//! async fn run(spawner: Spawner, stack: Stack<'static>) -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::new("broker.example").client_id("pump-7");
//!     let (client, runner) = mqtt_as_embassy::new(stack, RESOURCES.take(), config)?;
//!     spawner.spawn(mqtt(runner)?);
//!
//!     client.set_cb_on_event(event::Down, &|reason| println!("down: {reason}"));
//!     client.connect(true).await?;
//!     client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
//!     client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).retain(true).await?;
//!     let mut buffer = [0; 512];
//!     while let Some(message) = client.queue().next_into(&mut buffer).await? {
//!         if message.topic() == "plant/7/stop" {
//!             break;
//!         }
//!     }
//!     client.disconnect().await?;
//!     Ok(())
//! }
//! ```
//!
//! # Where to look
//!
//! * [`new`]: makes a client over TCP and its [`Runner`], which a task runs; [`with_connector`] over anything else.
//! * [`Client`]: the handle, and all that it can do. It is cheap to clone, and shared by the tasks of one executor.
//! * [`Config`]: the settings; [`Reconnect`]: what the client does by itself when the link is lost.
//! * [`guide`]: [sizing memory](guide::memory), and where the guides are that all runtimes share: reconnecting, restarts,
//!   back-pressure, payloads larger than memory, low power, coming from rust-mqtt or minimq, a glossary.
//! * The examples of the repository (`adapter-embassy/examples`): `quickstart` and `tls`, which run on a PC.
//!
//! The names and their meaning are the same on every runtime: the types are those of
//! `mqtt_as_client`, which this crate re-exports. What embassy brings is the sockets and
//! name resolution of embassy-net, the time of embassy-time, and a lock, which is a critical section
//! of one packet at most. Handle and driver stay on one executor: they are not `Send`. The program
//! brings an implementation of `critical-section` and a driver of `embassy-time`, as HALs do.
//!
//! # Memory
//!
//! The program lends it, once and for ever: [`Resources`]. In a `ConstStaticCell`, as above, it is
//! zeros before the program begins, and costs no flash; a `StaticCell` takes it as well, but what
//! `init` or `init_with` puts there may be made on the stack first. What a setting does not say adapts to it;
//! what a setting says and does not fit is refused by [`new`], with the number needed. What each number
//! buys: [`guide::memory`]. The stack's
//! own resources need a socket for the client and one for DNS.
//!
//! One memory makes one client:
//!
//! ```compile_fail,E0382
//! # use embassy_net::Stack;
//! # use mqtt_as_embassy::{Config, Resources};
//! fn two(stack: Stack<'static>, resources: &'static mut Resources<512, 512, 2048, 4096, 4>) {
//!     let one = mqtt_as_embassy::new(stack, resources, Config::new("one.example"));
//!     let other = mqtt_as_embassy::new(stack, resources, Config::new("other.example"));
//! }
//! ```
//!
//! # Transports
//!
//! TCP is one of them: with [`with_connector`] whatever `embedded-io-async` reads and writes can
//! take its place, as TLS, or a serial line ([`SerialLink`]):
//!
//! ```
//! use embassy_executor::Spawner;
//! use embedded_io_async::{Read, Write};
//! use mqtt_as_embassy::{
//!     Client, Config, ConnectError, Dial, ErrorKind, ResourcesFor, Runner, SerialLink, Server, Step,
//! };
//! use static_cell::ConstStaticCell;
//! # pub struct Uart;
//! # impl embedded_io_async::ErrorType for Uart { type Error = core::convert::Infallible; }
//! # impl Read for Uart {
//! #     async fn read(&mut self, _: &mut [u8]) -> Result<usize, Self::Error> { Ok(0) }
//! # }
//! # impl Write for Uart {
//! #     async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> { Ok(bytes.len()) }
//! #     async fn flush(&mut self) -> Result<(), Self::Error> { Ok(()) }
//! # }
//!
//! static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
//!     ConstStaticCell::new(ResourcesFor::new());
//!
//! /// Makes a connection of the line. A task needs its name: a closure has none.
//! struct Modem;
//!
//! impl<R: Read, W: Write> Dial<R, W> for Modem {
//!     async fn dial(
//!         &mut self,
//!         _rx: &mut R,
//!         tx: &mut W,
//!         server: Server<'_>,
//!     ) -> Result<(), ConnectError> {
//!         let failed = ConnectError::Unreachable(Step::Open, ErrorKind::Other.into());
//!         tx.write_all(server.host.as_bytes()).await.map_err(|_| failed)
//!     }
//! }
//!
//! #[embassy_executor::task]
//! async fn mqtt(runner: Runner<SerialLink<Uart, Uart, Modem>>) {
//!     runner.run().await;
//! }
//!
//! fn start(spawner: Spawner, rx: Uart, tx: Uart) -> Result<Client, Box<dyn std::error::Error>> {
//!     let line = SerialLink::with_dial(rx, tx, Modem);
//!     let config = Config::new("the other end");
//!     let (client, runner) = mqtt_as_embassy::with_connector(line, RESOURCES.take(), config)?;
//!     spawner.spawn(mqtt(runner)?);
//!     Ok(client)
//! }
//! ```
//!
//! A line that is always there needs no [`Dial`]: [`SerialLink::always_open`] makes a
//! `SerialLink<Uart, Uart>` of it.
//!
//! # TLS
//!
//! With the feature `tls` there is `Tls`, TLS 1.3 over any transport, by `embedded-tls`: without a
//! heap, without unsafe code of this project's, with one of two ways to know who the other side is.
//!
//! * `PreSharedKey`: a key that both sides know. The device needs neither the time nor a CA.
//!   mosquitto takes it with `psk_file` and `psk_hint`.
//! * `Certificates`: the server's, of a CA that is given as DER, for the name that was connected to;
//!   and one of the client's where the server asks for it. `rustls-webpki` judges the chain, names,
//!   time and use. Keys are of the curve P-256; other algorithms for the certificates of the chain can
//!   be brought along. There is no revocation.
//!
//! The example `tls` shows a whole program. A task more drives it, which `Tls::new` gives; on a
//! Cortex-M4 (thumbv7em, `opt-level = "z"`, fat LTO) this is what it adds to an image:
//!
//! | | flash | static RAM | of which buffers | peak stack |
//! |---|---:|---:|---:|---:|
//! | `PreSharedKey` | 46,624 | 10,560 | 4,224 | 4,592 |
//! | `Certificates` | 80,204 | 12,048 | 4,224 | not measured |
//!
//! The buffers are those of records of 2 KiB in and 1 KiB out, which are also the bounds of what
//! embedded-tls takes: a record, and a message of the handshake, has to fit into its buffer. mosquitto
//! keeps to the size it is asked for; a server that does not needs 16,640 bytes.
//!
//! What embedded-tls 0.19 does not do: sessions are not resumed, so that each connection is a whole
//! handshake; the one cipher suite is AES-128-GCM with SHA-256; a server that changes its keys in the
//! middle of a connection (KeyUpdate) ends it. It has not been reviewed by anybody known to this
//! project, and input that is made for it may make it panic.
//!
//! # Features
//!
//! All are off by default.
//!
//! | feature | brings |
//! |---|---|
//! | `tls` | TLS 1.3: see above |
//! | `alloc` | a heap: owned messages (`queue().next()`), receivers, requests, closures as callbacks |
//! | `proto-ipv6` | the IPv6 addresses of a host name, too |
//! | `defmt` | `defmt::Format` for errors and outcomes, and messages for what happens to a client: attempts to connect, links that come up and go down, messages that are dropped, left to the server, or skipped. Never a payload, a topic or a password |

#![no_std]
#![forbid(unsafe_code)]
// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(doc, doctest))]
pub mod generic;
#[cfg(any(doc, doctest))]
pub mod guide;
mod lock;
mod resources;
mod tcp;
#[cfg(feature = "tls")]
mod tls;

use embassy_futures::join::join;
use embassy_net::Stack;
use embassy_time::{Instant as Clock, Timer};
use mqtt_as_client::{HandlerTable, Handlers, Handling, Instant};

pub use lock::Critical;
pub use mqtt_as_client::surface::*;
pub use mqtt_as_client::{HandledEvent, Handler, HandlerId};
pub use resources::{Resources, ResourcesFor};
pub use tcp::{Tcp, TcpBuffers, TcpRead, TcpWrite};
#[cfg(feature = "tls")]
pub use tls::{
    Certificates, ECDSA_P256_SHA256, Identity, PreSharedKey, Tls, TlsBuffers, TlsError, TlsRead,
    TlsRunner, TlsWrite, rand_core,
};

/// The handle of a client under embassy, cheap to clone. [`new`] makes one.
///
/// # Methods
/// [`generic::Client`] describes each, with an example.
///
/// | method | what it does |
/// |---|---|
/// | [`connect`](Client::connect) | opens a connection with a new session, or resumes the one at the server |
/// | [`disconnect`](Client::disconnect) | ends it with DISCONNECT |
/// | [`drain`](Client::drain) | waits until nothing is unacknowledged |
/// | [`is_connected`](Client::is_connected) | whether there is a connection, as far as is known |
/// | [`broker_up`](Client::broker_up) | asks the server for a sign of life |
/// | [`up`](Client::up) | waits for the next connection |
/// | [`down`](Client::down) | waits for the next loss of one, and says why |
/// | [`reconfigure`](Client::reconfigure) | changes what the next CONNECT says, and where it goes |
/// | [`reauthenticate`](Client::reauthenticate) | authenticates again on the connection that stands (5.0) |
/// | [`publish`](Client::publish) | publishes a message, up to its acknowledgement |
/// | [`publish_stream`](Client::publish_stream) | publishes a payload of any length, piece by piece |
#[cfg_attr(
    feature = "alloc",
    doc = "| [`request`](Client::request) | asks another client, and waits for its answer (5.0) |"
)]
/// | [`respond`](Client::respond) | answers the request of another client (5.0) |
/// | [`give_up`](Client::give_up) | ends a publish that breaks every connection |
/// | [`subscribe`](Client::subscribe) | subscribes to a filter |
/// | [`subscribe_all`](Client::subscribe_all) | subscribes to several filters in one packet |
/// | [`unsubscribe`](Client::unsubscribe) | ends a subscription |
/// | [`unsubscribe_all`](Client::unsubscribe_all) | ends several subscriptions in one packet |
/// | [`queue`](Client::queue) | the received messages |
/// | [`ack`](Client::ack) | acknowledges a message by hand |
/// | [`set_cb_on_event`](Client::set_cb_on_event) | calls a function when a message comes, or the link goes up or down |
#[cfg_attr(
    feature = "alloc",
    doc = "| [`set_boxed_cb_on_event`](Client::set_boxed_cb_on_event) | calls a closure on the heap |"
)]
/// | [`unset_cb`](Client::unset_cb) | ends that |
/// | [`statistics`](Client::statistics) | counts, and the memory in use |
#[cfg_attr(
    feature = "alloc",
    doc = "| [`server_words`](Client::server_words) | the reason string of the last refusal or end (5.0) |"
)]
/// | [`downgrade`](Client::downgrade) | a handle that does not keep the client alive |
pub type Client = mqtt_as_client::Client<Embassy>;

/// A handle that does not keep the client alive. Described at [`generic::WeakClient`].
pub type WeakClient = mqtt_as_client::WeakClient<Embassy>;

/// What becomes of an accepted message. Described at [`generic::Receipt`].
pub type Receipt<'c> = mqtt_as_client::Receipt<'c, Embassy>;

/// The received messages. Described at [`generic::Queue`].
pub type Queue<'c> = mqtt_as_client::Queue<'c, Embassy>;

/// The messages that match a filter. Described at [`generic::Receiver`].
#[cfg(feature = "alloc")]
pub type Receiver = mqtt_as_client::Receiver<Embassy>;

/// A message that is published piece by piece. Described at [`generic::PublishStream`].
pub type PublishStream<'p> = mqtt_as_client::PublishStream<'p, Embassy>;

/// A received message that is read piece by piece. Described at [`generic::MessageStream`].
pub type MessageStream<'c, 'b> = mqtt_as_client::MessageStream<'c, 'b, Embassy>;

/// A client over TCP with those settings, in that memory, and what drives it. Nothing is sent before
/// [`connect`](mqtt_as_client::Client::connect), and nothing happens before [`Runner::run`] is
/// polled.
///
/// ```
/// # use embassy_net::Stack;
/// # use mqtt_as_embassy::{Client, Config, ConfigError, Resources, Runner};
/// # use static_cell::ConstStaticCell;
/// static RESOURCES: ConstStaticCell<Resources<512, 512, 2048, 4096, 4>> =
///     ConstStaticCell::new(Resources::new());
///
/// fn start(stack: Stack<'static>) -> Result<(Client, Runner), ConfigError> {
///     mqtt_as_embassy::new(stack, RESOURCES.take(), Config::new("broker.example"))
/// }
/// ```
///
/// # Errors
/// [`ConfigError`] names settings that fit neither each other nor the memory.
///
/// # Panics
/// If the stack's resources have no socket left: embassy-net has no way to ask for that beforehand.
pub fn new<
    const RX: usize,
    const TX: usize,
    const OUT: usize,
    const IN: usize,
    const CALLS: usize,
>(
    stack: Stack<'static>,
    resources: &'static mut Resources<RX, TX, OUT, IN, CALLS>,
    config: Config,
) -> Result<(Client, Runner), ConfigError> {
    let Resources { client, tcp } = resources;
    with_connector(Tcp::new(stack, tcp), client, config)
}

/// As [`new`], over any transport.
///
/// ```
/// # use embedded_io_async::{Read, Write};
/// # use mqtt_as_embassy::{Client, Config, ConfigError, ResourcesFor, Runner, SerialLink};
/// # use static_cell::ConstStaticCell;
/// static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
///     ConstStaticCell::new(ResourcesFor::new());
///
/// /// Over a line that is always there.
/// fn start<R: Read, W: Write>(
///     rx: R,
///     tx: W,
/// ) -> Result<(Client, Runner<SerialLink<R, W>>), ConfigError> {
///     let line = SerialLink::always_open(rx, tx);
///     mqtt_as_embassy::with_connector(line, RESOURCES.take(), Config::new("the other end"))
/// }
/// ```
///
/// # Errors
/// [`ConfigError`] names settings that fit neither each other nor the memory.
pub fn with_connector<
    C: Connect,
    const RX: usize,
    const TX: usize,
    const OUT: usize,
    const IN: usize,
    const CALLS: usize,
>(
    connect: C,
    resources: &'static mut ResourcesFor<RX, TX, OUT, IN, CALLS>,
    config: Config,
) -> Result<(Client, Runner<C>), ConfigError> {
    let ResourcesFor { memory, handlers, table, state } = resources;
    let handlers = handlers.split(table.init(HandlerTable::new()));
    let pointer = |lock| &*state.init(lock);
    let (client, driver, callbacks) =
        Client::with_handlers(config, memory.split(), handlers, connect, pointer)?;
    Ok((client, Runner { driver, callbacks }))
}

/// What drives a client: its connection and its callbacks. Dropping it closes the client.
#[derive(Debug)]
#[must_use = "nothing happens before `run` is polled"]
pub struct Runner<C: Connect = Tcp> {
    driver: mqtt_as_client::Runner<Embassy, C>,
    callbacks: Handling<Embassy>,
}

impl<C: Connect> Runner<C> {
    /// Drives the client until the last handle is dropped and all callbacks have run. It is meant
    /// for a task of its own.
    ///
    /// ```
    /// use mqtt_as_embassy::Runner;
    ///
    /// #[embassy_executor::task]
    /// async fn mqtt(runner: Runner) {
    ///     runner.run().await;
    /// }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport without DISCONNECT; all calls return `Closed`.
    pub async fn run(self) {
        join(self.driver.run(), self.callbacks.run()).await;
    }
}

/// The runtime embassy, as the client sees it.
#[derive(Debug)]
pub enum Embassy {}

impl Runtime for Embassy {
    type Lock = Critical;
    type Pointer = &'static Self::Lock;
    type Connect = Tcp;
    type Listeners = Handlers;

    const PACKETS_PER_LOCK: usize = 1;

    fn now() -> Instant {
        Instant::from_millis(Clock::now().as_millis())
    }

    async fn sleep_until(at: Instant) {
        Timer::at(Clock::from_millis(at.as_millis().min(FAR))).await;
    }
}

/// A century in milliseconds: later than that is never.
const FAR: u64 = 100 * 365 * 24 * 3_600_000;
