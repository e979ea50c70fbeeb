//! The settings of a client: one method per key.

use core::fmt;
use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, string::String, vec::Vec};

pub use mqtt_as_proto::client::Overflow;
use mqtt_as_proto::client::{AliasesOut, StreamsIn};
use mqtt_as_proto::{Properties, Property, QoS, TopicError, TopicName, Version, client, packet};

/// The settings of a client. Each key has a method; what is not set has the default named there.
///
/// ```
/// use core::time::Duration;
/// use mqtt_as_client::Config;
///
/// let config = Config::new("broker.example")
///     .client_id("pump-7")
///     .user("pump", "secret")
///     .keepalive(Duration::from_secs(30));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) kept: Settings,
    pub(crate) sizes: Sizes,
    pub(crate) core: client::Config,
}

/// The settings that a client keeps beside those of its core. The others have done their work when
/// it is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) server: Text,
    pub(crate) port: u16,
    pub(crate) client_id: Text,
    pub(crate) user: Option<Text>,
    pub(crate) password: Option<Binary>,
    /// In seconds.
    pub(crate) keepalive: u32,
    pub(crate) will: Option<Will>,
    pub(crate) clean_init: bool,
    pub(crate) session_expiry: Option<u32>,
    /// Makes properties of CONNECT from a list: set where there are any, so that others do not link
    /// what lists take.
    pub(crate) properties: MakeProperties,
    pub(crate) while_down: WhileDown,
}

pub(crate) type MakeProperties = for<'p> fn(&'p [Property<'p>]) -> Properties<'p>;

const NO_PROPERTIES: MakeProperties = |_| Properties::NONE;
const OF_LIST: MakeProperties = |list| Properties::new(list);

/// The sizes that the program set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) queue_len: Option<usize>,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) outbox: Option<usize>,
    pub(crate) in_flight: Option<u16>,
    pub(crate) store: Option<usize>,
}

/// What a publish does while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhileDown {
    /// It waits in the store for the next connection.
    #[default]
    Queue,
    /// It fails at once.
    Refuse,
}

impl Config {
    /// Settings for the server with that host name or address.
    pub fn new(server: impl Into<Text>) -> Self {
        let kept = Settings {
            server: server.into(),
            port: 1883,
            client_id: Text::default(),
            user: None,
            password: None,
            keepalive: 60,
            will: None,
            clean_init: false,
            session_expiry: None,
            properties: NO_PROPERTIES,
            while_down: WhileDown::default(),
        };
        // Linked only where they are used: expiry comes with the first message that has one.
        let core = client::Config { expiry: None, authentication: None, ..Default::default() };
        Self { kept, sizes: Sizes::default(), core }
    }

    /// TCP port of the server. Default: 1883.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.kept.port = port;
        self
    }

    /// Protocol version. Default: 5.0.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.core.version = version;
        self
    }

    /// Names the session. Default: empty, the server chooses one; a kept session in 3.1.1 needs it.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<Text>) -> Self {
        self.kept.client_id = client_id.into();
        self
    }

    /// User name and password. Default: none.
    #[must_use]
    pub fn user(mut self, user: impl Into<Text>, password: impl Into<Binary>) -> Self {
        self.kept.user = Some(user.into());
        self.kept.password = Some(password.into());
        self
    }

    /// The user name alone, or together with [`password`](Self::password).
    #[must_use]
    pub fn user_name(mut self, user: impl Into<Text>) -> Self {
        self.kept.user = Some(user.into());
        self
    }

    /// The password. 3.1.1 takes it only beside a user name.
    #[must_use]
    pub fn password(mut self, password: impl Into<Binary>) -> Self {
        self.kept.password = Some(password.into());
        self
    }

    /// Silence after which either side counts the other as lost (keep-alive): whole seconds, at
    /// most 65,535, a part of the first one counts as one; 0 turns it off. Default: 60 s.
    #[must_use]
    pub fn keepalive(mut self, keepalive: Duration) -> Self {
        self.kept.keepalive = seconds(keepalive).max(u32::from(!keepalive.is_zero()));
        self
    }

    /// PINGREQ goes out after this time without traffic, if that is less than the keep-alive.
    /// Default: the keep-alive.
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.core.ping_interval = millis(interval);
        self
    }

    /// PINGRESP has to come within this time. Default: 10 s.
    #[must_use]
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.core.ping_timeout = millis(timeout);
        self
    }

    /// Each step of a connect (name, each address, CONNACK) has to end within this time.
    /// Default: 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.core.connect_timeout = millis(timeout);
        self
    }

    /// The transport has to take bytes within this time. Default: 10 s.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.core.write_timeout = millis(timeout);
        self
    }

    /// The server has to acknowledge something within this time, if anything is unacknowledged.
    /// Default: 10 s.
    #[must_use]
    pub fn response_time(mut self, time: Duration) -> Self {
        self.core.response_time = millis(time);
        self
    }

    /// How often in a row it may fail to, before the link is declared down. A call waits for its
    /// answer for `response_time` × (`max_repubs` + 1). Default: 4.
    #[must_use]
    pub fn max_repubs(mut self, times: u8) -> Self {
        self.core.max_repubs = times;
        self
    }

    /// What the server publishes when the client is lost. Default: nothing.
    #[must_use]
    pub fn will(mut self, will: Will) -> Self {
        self.kept.will = Some(will);
        self
    }

    /// The first `connect(false)` of this client begins a new session, which is then kept.
    /// Default: false, it resumes one.
    #[must_use]
    pub fn clean_init(mut self, clean_init: bool) -> Self {
        self.kept.clean_init = clean_init;
        self.kept.properties = OF_LIST;
        self
    }

    /// Seconds for which the server keeps the session after a connection, 5.0 only. Default: 0
    /// after `connect(true)`, for ever after `connect(false)`.
    #[must_use]
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        self.kept.session_expiry = Some(seconds);
        self.kept.properties = OF_LIST;
        self
    }

    /// Accepts a session on the server that this client knows nothing of. Default: yes, so that a
    /// program that is started again goes on; no is the letter of 5.0.
    #[must_use]
    pub fn adopt_session(mut self, adopt: bool) -> Self {
        self.core.adopt_session = adopt;
        self
    }

    /// Messages that the queue holds. Default: 1,024, or as many as lent memory holds.
    #[must_use]
    pub fn queue_len(mut self, messages: usize) -> Self {
        self.core.queue_len = messages;
        self.sizes.queue_len = Some(messages);
        self
    }

    /// Bytes of messages that the queue holds. Default: 16 MiB.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.sizes.queue_bytes = Some(bytes);
        self
    }

    /// What happens to QoS 0 messages that find the queue full. Default: nothing more is read until
    /// there is room, so that none is dropped; unless a reply is awaited.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.core.overflow = overflow;
        self
    }

    /// What a publish does while there is no connection. Default: it waits in the store.
    #[must_use]
    pub fn while_down(mut self, while_down: WhileDown) -> Self {
        self.kept.while_down = while_down;
        self
    }

    /// The program acknowledges QoS 1 and 2 messages itself, with `Client::ack`. Default: they are
    /// acknowledged when they are taken.
    #[must_use]
    pub fn manual_ack(mut self, manual_ack: bool) -> Self {
        self.core.manual_ack = manual_ack;
        self
    }

    /// QoS 1 and 2 messages that may wait to be taken (Receive Maximum). Default: 64,
    /// or half of the messages that lent memory holds, if that is less.
    ///
    /// It and [`maximum_packet_size`](Self::maximum_packet_size) bound the memory for them.
    #[must_use]
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.core.receive_maximum = messages;
        self.sizes.receive_maximum = Some(messages);
        self
    }

    /// A server that sends more than that at once is told so, and the connection ends. Default: no,
    /// what it sends is held as far as there is memory.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.core.strict = strict;
        self
    }

    /// 3.1.1: unacknowledged QoS 1 and 2 messages at a time. A broker that takes fewer drops the
    /// rest and cannot say so. Default: 20, the smallest window of a broker in use; in 5.0 the
    /// server says how many it takes.
    #[must_use]
    pub fn send_window(mut self, messages: u16) -> Self {
        self.core.send_window = messages;
        self
    }

    /// Bytes of the largest packet taken. Default: 4 MiB, or what fits lent memory.
    #[must_use]
    pub fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.core.maximum_packet_size = bytes;
        self.sizes.maximum_packet_size = Some(bytes);
        self
    }

    /// Bytes of the largest message taken at all: one larger than
    /// [`maximum_packet_size`](Self::maximum_packet_size) comes as a stream, which
    /// `Queue::next_stream` reads piece by piece; only its header has to fit that size. In 5.0 the
    /// server is told this one. Default: 0, nothing is streamed.
    ///
    /// Whoever cannot take a stream passes over it: `Queue::next`, and callbacks if they are all
    /// that takes messages. It is skipped, acknowledged, and counted in `too_large`.
    #[must_use]
    pub fn largest_stream(mut self, bytes: u32) -> Self {
        self.core.streams_in = (bytes != 0).then(|| StreamsIn::up_to(bytes));
        self
    }

    /// 3.1.1: a larger message closes the connection, and the server keeps it. Default: it is
    /// skipped, acknowledged, and counted.
    #[must_use]
    pub fn close_if_too_large(mut self, close: bool) -> Self {
        self.core.close_if_too_large = close;
        self
    }

    /// Topic aliases that the server may use, 5.0 only. Default: 16. With a queue in lent memory it
    /// may use none, whatever is set.
    #[must_use]
    pub fn topic_alias_maximum(mut self, aliases: u16) -> Self {
        self.core.topic_alias_maximum = aliases;
        self
    }

    /// Topic aliases that the client uses itself, for the first topics it publishes to, 5.0 only.
    /// Default: 0. There are never more than the memory lent for them holds.
    #[must_use]
    pub fn topic_aliases(mut self, aliases: u16) -> Self {
        self.core.aliases_out = (aliases != 0).then(|| AliasesOut::up_to(aliases));
        self
    }

    /// Sends QoS 1 messages whose fate is unknown again when the server has lost the session.
    /// Default: true; else their fate is reported.
    #[must_use]
    pub fn republish(mut self, republish: bool) -> Self {
        self.core.republish = republish;
        self
    }

    /// Bytes that may wait to be written. Default: 64 KiB, or all of lent memory.
    #[must_use]
    pub fn outbox(mut self, bytes: usize) -> Self {
        self.sizes.outbox = Some(bytes);
        self
    }

    /// Messages and requests that may be unacknowledged, or wait for a connection. Default: 4,096 on
    /// the heap, or as many as lent memory holds.
    #[must_use]
    pub fn in_flight(mut self, messages: u16) -> Self {
        self.core.in_flight = messages;
        self.sizes.in_flight = Some(messages);
        self
    }

    /// Bytes of such messages, payloads held by reference included. Default: 4 MiB, or all of lent
    /// memory.
    #[must_use]
    pub fn store(mut self, bytes: usize) -> Self {
        self.sizes.store = Some(bytes);
        self
    }
}

/// Whole seconds, or the most that there are.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Milliseconds, rounded up; more than 49 days is no time-out any more.
pub(crate) fn millis(time: Duration) -> u32 {
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    seconds(time).saturating_mul(1000).saturating_add(rest)
}

/// The message that the server publishes when the client is lost (3.1.2.5).
#[derive(Clone, Debug)]
pub struct Will {
    pub(crate) topic: Text,
    pub(crate) payload: Binary,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// In seconds.
    pub(crate) delay: u32,
    /// Says it in CONNECT, with those properties: linked where there is a will.
    pub(crate) say: SayWill,
}

pub(crate) type SayWill =
    for<'p> fn(&'p Will, &'p [Property<'p>]) -> Result<packet::Will<'p>, TopicError>;

impl Will {
    /// A QoS 0 will that is not retained.
    pub fn new(topic: impl Into<Text>, payload: impl Into<Binary>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            delay: 0,
            say: Self::say,
        }
    }

    /// The QoS at which it is published.
    #[must_use]
    pub fn qos(self, qos: QoS) -> Self {
        Self { qos, ..self }
    }

    /// Whether it is retained.
    #[must_use]
    pub fn retain(self, retain: bool) -> Self {
        Self { retain, ..self }
    }

    /// How long the server waits for the client to come back, 5.0 only.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: seconds(delay), ..self }
    }

    fn say<'p>(&'p self, properties: &'p [Property<'p>]) -> Result<packet::Will<'p>, TopicError> {
        Ok(packet::Will {
            topic: TopicName::new(self.topic.as_str())?,
            payload: self.payload.as_slice(),
            qos: self.qos,
            retain: self.retain,
            properties: Properties::new(properties),
        })
    }
}

/// Text that a client keeps: borrowed for ever, or owned with a heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Kept<&'static str, OwnedText>);

/// Bytes that a client keeps: borrowed for ever, or owned with a heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Binary(Kept<&'static [u8], OwnedBinary>);

#[derive(Clone, PartialEq, Eq)]
#[allow(dead_code)] // Without a heap nothing is owned.
enum Kept<S, O> {
    Static(S),
    Owned(O),
}

#[cfg(feature = "alloc")]
type OwnedText = Box<str>;
#[cfg(feature = "alloc")]
type OwnedBinary = Box<[u8]>;
#[cfg(not(feature = "alloc"))]
type OwnedText = crate::never::Never<str>;
#[cfg(not(feature = "alloc"))]
type OwnedBinary = crate::never::Never<[u8]>;

impl Text {
    /// Text that lives for ever: taken as it is, with and without a heap.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Kept::Static(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Static(text) => text,
            Kept::Owned(text) => text,
        }
    }
}

impl Binary {
    /// Bytes that live for ever: taken as they are, with and without a heap.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(Kept::Static(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Kept::Static(bytes) => bytes,
            Kept::Owned(bytes) => bytes,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Shows the length only: it may be a password.
impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_slice().len())
    }
}

#[cfg(feature = "alloc")]
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Kept::Owned(text.into()))
    }
}

#[cfg(not(feature = "alloc"))]
impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::from_static(text)
    }
}

#[cfg(feature = "alloc")]
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Kept::Owned(text.into()))
    }
}

#[cfg(feature = "alloc")]
impl From<&str> for Binary {
    fn from(text: &str) -> Self {
        Self(Kept::Owned(text.as_bytes().into()))
    }
}

#[cfg(feature = "alloc")]
impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(Kept::Owned(bytes.into()))
    }
}

#[cfg(feature = "alloc")]
impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kept::Owned(bytes.into()))
    }
}

#[cfg(not(feature = "alloc"))]
impl From<&'static str> for Binary {
    fn from(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}

#[cfg(not(feature = "alloc"))]
impl From<&'static [u8]> for Binary {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from_static(bytes)
    }
}
