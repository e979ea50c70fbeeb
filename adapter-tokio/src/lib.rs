//! An async MQTT 3.1.1 and 5.0 client for tokio.
//!
//! ```no_run
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect, event};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::new("broker.example").client_id("pump-7");
//!     let client = Client::new(config.reconnect(Reconnect::new()))?; // Without it the program reconnects.
//!     client.set_cb_on_event(event::Down, |reason| async move { eprintln!("down: {reason}") });
//!     client.connect(true).await?;
//!     client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
//!     client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).retain(true).await?;
//!     while let Some(message) = client.queue().next().await {
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
//! * [`Client`]: the handle, and all that it can do. It is cheap to clone, and shared by tasks.
//! * [`Config`]: the settings; [`Reconnect`]: what the client does by itself when the link is lost.
//! * [`Message`], [`Queue`], [`Receiver`]: what comes in.
//! * [`guide`]: reconnecting, restarts, back-pressure, TLS and proxies, low power, testing without a network, coming from
//!   another client, a glossary.
//! * The examples of the repository ([`adapter-tokio/examples`](https://github.com/mqtt-as/mqtt-as-rs/tree/main/adapter-tokio/examples)): a sensor, a bridge, a cloud broker and ten other programs.
//!
//! # Calls are futures
//!
//! tokio joins, selects and spawns them, and each may be dropped at any time: see *Cancel safety* at each call.
//!
//! ```
//! # mqtt_as_tests::example!(|client| {
//! # use mqtt_as_tokio::QoS;
//! let (published, subscribed) = tokio::join!(
//!     client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce),
//!     client.subscribe("plant/+/cmd", QoS::AtLeastOnce),
//! );
//! published?;
//! subscribed?;
//! let later = tokio::spawn(client.publish("plant/7/state", format!("{} bar", 3)).owned());
//! later.await??;
//! # });
//! ```
//!
//! The names and their meaning are the same on every runtime: the types are those of `mqtt_as_client`,
//! which this crate re-exports. What tokio brings is sockets, time, tasks and a lock.
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
//! | `cli` | the programs `mqtt-pub` and `mqtt-sub`, which take the options of mosquitto's: `cargo install mqtt-as-tokio --features cli`. A library does not want it |
//!
//! Proxies, unix sockets, and the race of IPv6 and IPv4 need none of them.

#![forbid(unsafe_code)]
// On docs.rs an item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compat;
#[cfg(any(doc, doctest))]
pub mod generic;
#[cfg(any(doc, doctest))]
pub mod guide;
/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
/// The example of the page at the registry compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct RegistryReadme;
mod socket;

use std::io;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::Context;
use std::time::Duration;

use mqtt_as_client::net::{Layers, Streams};
use mqtt_as_client::{Callbacks, Instant, Registered, Runner, Start, std_runtime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::time::Instant as Clock;

use compat::Compat;

pub use mqtt_as_client::std_runtime::StdLock;
pub use mqtt_as_client::surface::*;
pub use socket::{ReadHalf, TokioSockets, WriteHalf};

/// Opens the transports that the settings ask for.
pub type Transport = mqtt_as_client::net::Transport<TokioSockets>;

/// The handle of a client under tokio: cheap to clone, `Send` and `Sync`.
///
/// `Client::new` starts the client's tasks, so it has to be called inside a tokio runtime, with I/O
/// and time enabled: elsewhere it is [`ConfigError::NoRuntime`].
///
/// # Methods
/// [`generic::Client`] describes each, with an example.
///
/// | method | what it does |
/// |---|---|
/// | [`new`](Client::new) | makes a client from its settings |
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
pub type Client = mqtt_as_client::Client<Tokio>;

/// A handle that does not keep the client alive. Described at [`generic::WeakClient`].
pub type WeakClient = mqtt_as_client::WeakClient<Tokio>;

/// What becomes of an accepted message. Described at [`generic::Receipt`].
pub type Receipt<'c> = mqtt_as_client::Receipt<'c, Tokio>;

/// The received messages. Described at [`generic::Queue`].
pub type Queue<'c> = mqtt_as_client::Queue<'c, Tokio>;

/// The messages that match a filter. Described at [`generic::Receiver`].
pub type Receiver = mqtt_as_client::Receiver<Tokio>;

/// A subscription whose messages a callback gets. Described at [`generic::Subscription`].
pub type Subscription = mqtt_as_client::Subscription<Tokio>;

/// A message that is published piece by piece. Described at [`generic::PublishStream`].
pub type PublishStream<'p> = mqtt_as_client::PublishStream<'p, Tokio>;

/// A received message that is read piece by piece. Described at [`generic::MessageStream`].
pub type MessageStream<'c, 'b> = mqtt_as_client::MessageStream<'c, 'b, Tokio>;

/// Returns a client over transports that the program opens: TLS, a proxy, a pipe, whatever tokio
/// reads and writes. `open` is called with the server's name and port for each connection, and has
/// the time of `connect_timeout`. The client's tasks are spawned, as by `Client::new`.
///
/// ```no_run
/// use mqtt_as_tokio::Config;
/// use tokio::net::TcpStream;
///
/// # fn tls<T>(stream: T) -> T { stream }
/// # async fn run() -> Result<(), mqtt_as_tokio::ConfigError> {
/// let config = Config::new("broker.example").port(8883);
/// let client = mqtt_as_tokio::new_with(config, |host, port| async move {
///     Ok(tls(TcpStream::connect((host, port)).await?))
/// })?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ConfigError`] names settings that do not fit each other.
///
/// # Panics
/// Outside a tokio runtime.
pub fn new_with<F, O, S>(config: Config, open: F) -> Result<Client, ConfigError>
where
    F: FnMut(String, u16) -> O + Send + 'static,
    O: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut open = open;
    let open = move |host, port| {
        let opening = open(host, port);
        async move { Ok(Compat(Box::pin(opening.await?))) }
    };
    let connector = Streams::<_, TokioSockets>::new(open);
    let (client, runner, callbacks) = Client::with_tasks(config, connector, Arc::new)?;
    tokio::spawn(runner.run());
    tokio::spawn(callbacks.run());
    Ok(client)
}

/// The runtime tokio, as the client sees it.
#[derive(Debug)]
pub enum Tokio {}

impl Runtime for Tokio {
    type Lock = StdLock;
    type Pointer = Arc<Self::Lock>;
    type Connect = Transport;
    type Listeners = Registered;

    const TIMERS_STAY: bool = true;

    /// Tasks that are woken at once are polled dozens of times before sockets are looked at.
    fn yield_now(cx: &mut Context<'_>) {
        let _ = pin!(tokio::task::yield_now()).poll(cx);
    }

    fn now() -> Instant {
        std_runtime::instant(START.elapsed())
    }

    async fn sleep_until(at: Instant) {
        tokio::time::sleep_until(*START + std_runtime::since(at)).await;
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

impl Start for Tokio {
    fn start(runner: Runner<Self>, callbacks: Callbacks<Self>) -> Result<(), ConfigError> {
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        runtime.spawn(runner.run());
        runtime.spawn(callbacks.run());
        Ok(())
    }

    fn share(lock: Self::Lock) -> Self::Pointer {
        Arc::new(lock)
    }

    fn connector(config: &Config) -> Result<Transport, ConfigError> {
        Layers::of(config).map(Transport::new)
    }
}

/// What the type system has to hold: handles are shared by tasks, futures move between threads.
#[allow(dead_code)]
fn assert_send(client: &'static Client) {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    fn send<T: Send>(_: T) {}
    shared(client);
    send(client.connect(true));
    send(client.disconnect());
    send(client.request("a", "b"));
    send(client.drain(Duration::ZERO));
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
