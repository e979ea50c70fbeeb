//! An async MQTT 3.1.1 and 5.0 client for smol, or any other executor.
//!
//! ```no_run
//! use mqtt_as_smol::{Config, QoS, event};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     smol::block_on(async {
//!         let (client, driver) = mqtt_as_smol::new(Config::new("broker.example").client_id("pump-7"))?;
//!         smol::spawn(driver.run()).detach(); // Or any executor, or a thread's `block_on`.
//!         client.set_cb_on_event(event::Down, |reason| async move { eprintln!("down: {reason}") });
//!         client.connect(true).await?;
//!         client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
//!         client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).retain(true).await?;
//!         while let Some(message) = client.queue().next().await {
//!             if message.topic() == "plant/7/stop" {
//!                 break;
//!             }
//!         }
//!         client.disconnect().await?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Where to look
//!
//! * [`new`]: makes a client and its [`Driver`]. No executor is asked for: whoever calls it has the driver polled. So it can
//!   be called anywhere, in a runtime or not.
//! * [`Client`]: the handle, and all that it can do. It is cheap to clone, and shared by tasks.
//! * [`Config`]: the settings; [`Reconnect`]: what the client does by itself when the link is lost.
//! * [`Message`], [`Queue`], [`Receiver`]: what comes in.
//! * [The guides](https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/), which are written for tokio; the calls are the same: reconnecting, restarts, back-pressure, TLS and
//!   proxies, low power, testing without a network, coming from another client, a glossary.
//! * The examples of the repository ([`adapter-smol/examples`](https://github.com/mqtt-as/mqtt-as-rs/tree/main/adapter-smol/examples)): a sensor, a bridge, a cloud broker and nine other programs.
//!
//! The names and their meaning are the same on every runtime: the types are those of `mqtt_as_client`,
//! which this crate re-exports. What async-io brings, which smol is built on, is sockets, time, and a lock.
//!
//! # Features
//!
//! All are off by default. A program that connects through TLS, as to any cloud, turns on `tls` and one of
//! the roots.
//!
//! | feature | brings |
//! |---|---|
//! | `tls` | TLS 1.2 and 1.3 by rustls, with ring: `Config::tls` |
//! | `platform-roots` | TLS trusts whom the platform trusts |
//! | `webpki-roots` | TLS trusts Mozilla's list, which is compiled in. With both features it is the platform's; with none of them the program names its CA |
//! | `websocket` | MQTT over WebSocket, with `tls` secure WebSocket too: `Config::websocket` |
//! | `url` | settings from a URL, as `mqtts://user:secret@host`: `Config::url` |
//! | `tracing` | a span for each connection, and events for attempts to connect and their steps, links that come up and go down, messages that are dropped, left to the server, or skipped, all with the target `mqtt_as_client`. Never a payload, a topic or a password |
//!
//! Proxies, unix sockets, and the race of IPv6 and IPv4 need none of them.

#![forbid(unsafe_code)]
// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(doc, doctest))]
pub mod generic;
/// The example of the page at the registry compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
mod socket;

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Instant as Clock;

use async_io::Timer;
use futures_lite::future::zip;
use futures_lite::io::{AsyncRead, AsyncWrite};
use mqtt_as_client::net::Layers;
use mqtt_as_client::{Callbacks, Instant, Registered, Runner, std_runtime};

pub use mqtt_as_client::std_runtime::StdLock;
pub use mqtt_as_client::surface::*;
pub use socket::{ReadHalf, SmolSockets, WriteHalf};

/// Opens the transports that the settings ask for.
pub type Transport = mqtt_as_client::net::Transport<SmolSockets>;

/// Opens transports by a function of the program's. [`new_with`] takes it.
pub type Streams<F> = mqtt_as_client::net::Streams<F, SmolSockets>;

/// The handle of a client under smol: cheap to clone, `Send` and `Sync`. [`new`] makes one.
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
/// | [`request`](Client::request) | asks another client, and waits for its answer (5.0) |
/// | [`respond`](Client::respond) | answers the request of another client (5.0) |
/// | [`give_up`](Client::give_up) | ends a publish that breaks every connection |
/// | [`subscribe`](Client::subscribe) | subscribes to a filter; with `.receiver()` or `.handler(…)` for its messages alone |
/// | [`subscribe_all`](Client::subscribe_all) | subscribes to several filters in one packet |
/// | [`unsubscribe`](Client::unsubscribe) | ends a subscription |
/// | [`unsubscribe_all`](Client::unsubscribe_all) | ends several subscriptions in one packet |
/// | [`queue`](Client::queue) | the received messages |
/// | [`ack`](Client::ack) | acknowledges a message by hand |
/// | [`set_cb_on_event`](Client::set_cb_on_event) | calls a function when a message comes, or the link goes up or down |
/// | [`unset_cb`](Client::unset_cb) | ends that |
/// | [`statistics`](Client::statistics) | counts, and the memory in use |
/// | [`server_words`](Client::server_words) | the reason string of the last refusal or end (5.0) |
/// | [`downgrade`](Client::downgrade) | a handle that does not keep the client alive |
pub type Client = mqtt_as_client::Client<Smol>;

/// A handle that does not keep the client alive. Described at [`generic::WeakClient`].
pub type WeakClient = mqtt_as_client::WeakClient<Smol>;

/// What becomes of an accepted message. Described at [`generic::Receipt`].
pub type Receipt<'c> = mqtt_as_client::Receipt<'c, Smol>;

/// The received messages. Described at [`generic::Queue`].
pub type Queue<'c> = mqtt_as_client::Queue<'c, Smol>;

/// The messages that match a filter. Described at [`generic::Receiver`].
pub type Receiver = mqtt_as_client::Receiver<Smol>;

/// A subscription whose messages a callback gets. Described at [`generic::Subscription`].
pub type Subscription = mqtt_as_client::Subscription<Smol>;

/// A message that is published piece by piece. Described at [`generic::PublishStream`].
pub type PublishStream<'p> = mqtt_as_client::PublishStream<'p, Smol>;

/// A received message that is read piece by piece. Described at [`generic::MessageStream`].
pub type MessageStream<'c, 'b> = mqtt_as_client::MessageStream<'c, 'b, Smol>;

/// A client with those settings, and what drives it. Nothing is sent before
/// [`connect`](Client::connect), and nothing happens before [`Driver::run`] is polled.
///
/// ```no_run
/// # use mqtt_as_smol::Config;
/// # smol::block_on(async {
/// let (client, driver) = mqtt_as_smol::new(Config::new("broker.example").client_id("pump-7"))?;
/// smol::spawn(driver.run()).detach();
/// client.connect(true).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # });
/// ```
///
/// # Errors
/// [`ConfigError`] names settings that do not fit each other.
pub fn new(config: Config) -> Result<(Client, Driver), ConfigError> {
    let connector = Transport::new(Layers::of(&config)?);
    let (client, runner, callbacks) = Client::with_tasks(config, connector, Arc::new)?;
    Ok((client, Driver { runner, callbacks }))
}

/// As [`new`], over transports that the program opens: TLS, a proxy, a pipe, whatever futures-io
/// reads and writes. `open` is called with the server's name and port for each connection, and has
/// the time of `connect_timeout`.
///
/// ```no_run
/// use std::net::TcpStream;
///
/// use async_io::Async;
/// use mqtt_as_smol::Config;
///
/// # fn tls<T>(stream: T) -> T { stream }
/// let config = Config::new("broker.example").port(8883);
/// let (client, driver) = mqtt_as_smol::new_with(config, |_host, port| async move {
///     Ok(tls(Async::<TcpStream>::connect(([192, 0, 2, 1], port)).await?))
/// })?;
/// # let _ = (client, driver);
/// # Ok::<_, mqtt_as_smol::ConfigError>(())
/// ```
///
/// # Errors
/// [`ConfigError`] names settings that do not fit each other.
pub fn new_with<F, O, S>(
    config: Config,
    open: F,
) -> Result<(Client, Driver<Streams<F>>), ConfigError>
where
    F: FnMut(String, u16) -> O + Send + 'static,
    O: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, runner, callbacks) = Client::with_tasks(config, Streams::new(open), Arc::new)?;
    Ok((client, Driver { runner, callbacks }))
}

/// What drives a client: its connection and its callbacks. Dropping it closes the client.
#[derive(Debug)]
#[must_use = "nothing happens before `run` is polled"]
pub struct Driver<C: Connect = Transport> {
    runner: Runner<Smol, C>,
    callbacks: Callbacks<Smol>,
}

impl<C: Connect + 'static> Driver<C> {
    /// Drives the client until the last handle is dropped and all callbacks have finished. Spawn it
    /// on any executor, or join it with the program.
    ///
    /// A callback that blocks its thread holds the connection up: see [`split`](Self::split).
    ///
    /// ```no_run
    /// # use mqtt_as_smol::Config;
    /// let (client, driver) = mqtt_as_smol::new(Config::new("broker.example"))?;
    /// std::thread::spawn(|| smol::block_on(driver.run()));
    /// # drop(client);
    /// # Ok::<(), mqtt_as_smol::ConfigError>(())
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport without DISCONNECT, and drops the callbacks that
    /// have begun; all calls return `Closed`.
    pub async fn run(self) {
        let (connection, callbacks) = self.split();
        zip(connection, callbacks).await;
    }

    /// The connection and the callbacks, to be spawned apart: on an executor of several threads, or
    /// on two, the connection goes on while a callback blocks its thread. Both have to run; both are `Send`
    /// as far as the transport is.
    ///
    /// ```no_run
    /// # use mqtt_as_smol::Config;
    /// let (client, driver) = mqtt_as_smol::new(Config::new("broker.example"))?;
    /// let (connection, callbacks) = driver.split();
    /// std::thread::spawn(|| smol::block_on(connection));
    /// std::thread::spawn(|| smol::block_on(callbacks)); // They may block their thread.
    /// # drop(client);
    /// # Ok::<(), mqtt_as_smol::ConfigError>(())
    /// ```
    #[must_use = "nothing happens before both are polled"]
    pub fn split(self) -> (impl Future<Output = ()> + 'static, impl Future<Output = ()> + 'static) {
        (self.runner.run(), self.callbacks.run())
    }
}

/// The runtime smol, as the client sees it.
#[derive(Debug)]
pub enum Smol {}

impl Runtime for Smol {
    type Lock = StdLock;
    type Pointer = Arc<Self::Lock>;
    type Connect = Transport;
    type Listeners = Registered;

    const TIMERS_STAY: bool = true;

    fn now() -> Instant {
        std_runtime::instant(START.elapsed())
    }

    async fn sleep_until(at: Instant) {
        Timer::at(*START + std_runtime::since(at)).await;
    }

    fn random() -> u32 {
        std_runtime::random()
    }

    fn catch(f: impl FnOnce()) -> bool {
        std_runtime::catch(f)
    }
}

/// The fixed point of the client's time.
static START: LazyLock<Clock> = LazyLock::new(Clock::now);

/// What the type system has to hold: handles are shared by tasks, futures move between threads.
#[allow(dead_code)]
fn assert_send(client: &'static Client, driver: Driver) {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    fn send<T: Send>(_: T) {}
    shared(client);
    send(driver.run());
    send(client.connect(true));
    send(client.disconnect());
    send(client.request("a", "b"));
    send(client.drain(std::time::Duration::ZERO));
    send(client.broker_up());
    send(client.up());
    send(client.down());
    send(client.subscribe("a", QoS::AtMostOnce));
    send(client.subscribe_all(&[], Properties::NONE));
    send(client.unsubscribe("a"));
    send(client.unsubscribe_all(&[], Properties::NONE));
    send(client.publish("a", "b"));
    send(client.publish("a", "b").send());
    send(client.publish("a", "b").owned());
    send(client.reauthenticate());
    send(async { client.publish("a", "b").send().await?.await });
    send(async { client.queue().next().await });
    send(async { client.queue().next_into(&mut [0; 64]).await.is_ok() });
    send(async { client.queue().next_many(&mut Vec::new(), 1).await });
    send(client.publish_stream("a", 1).open());
    send(async { streams(client).await.is_some() });

    // Each of these is awaited, so that the future around them is as `Send` as they are.
    async fn streams(client: &Client) -> Option<()> {
        let mut stream = client.publish_stream("a", 1).open().await.ok()?;
        stream.write(b"b").await.ok()?;
        stream.write_all(b"").await.ok()?;
        stream.restart().await.ok()?;
        stream.finish().await.ok()?;
        let (mut queue, mut header) = (client.queue(), [0; 64]);
        let mut message = queue.next_stream(&mut header).await.ok()??;
        message.read(&mut [0; 64]).await.ok()?;
        Some(())
    }
}
