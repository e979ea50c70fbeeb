//! The settings of a client: one method per key.

use core::time::Duration;

pub use mqtt_as_proto::client::Overflow;
use mqtt_as_proto::client::{AliasesOut, ManualAck, StreamsIn};
use mqtt_as_proto::{Version, client};

use crate::apart::Apart;
use crate::between::Between;
use crate::held::{Binary, Text};
use crate::memory::Sizes;
use crate::options::whole_seconds;
pub(crate) use crate::options::{millis, options};
use crate::property_list::PropertyList;
use crate::settings::{Settings, WhileDown};
use crate::will::Will;
use crate::words::EXPLANATIONS;

/// The settings of a client. Each key has a method; what is not set has the default named there.
///
/// ```
/// use core::time::Duration;
/// use mqtt_as_tokio::Config;
///
/// let config = Config::new("broker.example")
///     .client_id("pump-7")
///     .user("pump", "secret")
///     .keepalive(Duration::from_secs(30));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    pub(crate) kept: Settings,
    pub(crate) sizes: Sizes,
    pub(crate) core: client::Config,
    pub(crate) between: Between,
}

impl Config {
    /// Returns settings for the server with that host name or address, alone or with a port:
    /// `host`, `host:port`, `[2001:db8::7]:1884`. `mqtt://` or `tcp://` may stand before it.
    ///
    /// It is judged when the client is made: [`ConfigError`](crate::ConfigError) then names what is
    /// no host, as other URLs; for TLS and the like the transport is chosen, not the name. A
    /// transport whose server has no host name gets the name as it is
    /// ([`Connect::TAKES_HOST`](crate::Connect::TAKES_HOST)).
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// let config = Config::new("broker.example:1884");
    /// # let _ = config;
    /// ```
    pub fn new(server: impl Into<Text>) -> Self {
        let kept = Settings::new(server.into());
        // Linked only where they are used: expiry comes with the first message that has one.
        let core = client::Config {
            expiry: None,
            authentication: None,
            explanations: EXPLANATIONS,
            other_protocols: None,
            ..Default::default()
        };
        Self { kept, sizes: Sizes::NONE, core, between: Between::default() }
    }

    options! {
        /// Sets the TCP port of the server, in place of one that stands with its name. Default:
        /// that one, or 1883; 8883 with TLS, 80 with WebSocket, 443 with both.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").port(1884);
        /// # let _ = config;
        /// ```
        port(self, port: u16) { self.kept.port = port; }

        /// Sets the protocol version (3.1.2.2). Default: 5.0.
        ///
        /// ```
        /// use mqtt_as_tokio::Config;
        /// use mqtt_as_tokio::Version;
        ///
        /// let config = Config::new("broker.example").version(Version::V311);
        /// # let _ = config;
        /// ```
        version(self, version: Version) { self.core.version = version; }

        /// Sets the client identifier (3.1.3.1), which names the session at the server. Default:
        /// empty, the server chooses one. In 3.1.1 a session that is kept needs one.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").client_id("pump-7");
        /// # let _ = config;
        /// ```
        client_id(self, client_id: impl Into<Text>) { self.kept.client_id = client_id.into(); }

        /// Sets user name and password (3.1.3.5, 3.1.3.6). Default: none.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").user("pump", "secret");
        /// # let _ = config;
        /// ```
        user(self, user: impl Into<Text>, password: impl Into<Binary>) {
            self.kept.user = Some(user.into());
            self.kept.password = Some(password.into());
        }

        /// Sets the user name (3.1.3.5), alone or together with [`password`](Self::password).
        /// Default: none.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").user_name("pump");
        /// # let _ = config;
        /// ```
        user_name(self, user: impl Into<Text>) { self.kept.user = Some(user.into()); }

        /// Sets the password (3.1.3.6). 3.1.1 takes it only beside a user name [MQTT-3.1.2-22].
        /// Default: none.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").user_name("pump").password("secret");
        /// # let _ = config;
        /// ```
        password(self, password: impl Into<Binary>) {
            self.kept.password = Some(password.into());
        }

        /// Sets the keep-alive (3.1.2.10): the silence after which either side takes the other for
        /// lost. In whole seconds, at most 65,535; a part of the first second counts as one, and 0
        /// turns it off. With more, `connect` fails. Default: 60 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").keepalive(Duration::from_secs(30));
        /// # let _ = config;
        /// ```
        keepalive(self, keepalive: Duration) {
            self.kept.keepalive = whole_seconds(keepalive);
        }

        /// Sets the time without traffic after which PINGREQ goes out (3.12), if that is less than
        /// the keep-alive. Default: the keep-alive.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").ping_interval(Duration::from_secs(20));
        /// # let _ = config;
        /// ```
        ping_interval(self, interval: Duration) { self.core.ping_interval = millis(interval); }

        /// Sets how long the client waits for PINGRESP (3.13) once PINGREQ has left, as long as
        /// nothing else comes either: a silence of this time ends the link, whether it is shorter
        /// or longer than the keep-alive. `broker_up` waits for its answer this long, whatever
        /// comes.
        ///
        /// With 0 only a silence of one and a half keep-alives ends the link, and `broker_up` waits
        /// for as long as the link stands. Default: 10 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").ping_timeout(Duration::from_secs(5));
        /// # let _ = config;
        /// ```
        ping_timeout(self, timeout: Duration) { self.core.ping_timeout = millis(timeout); }

        /// Sets the time within which the transport has to open, with all of its steps (name,
        /// addresses, proxy, TLS, WebSocket), and after that once more the time within which
        /// CONNACK has to come. Default: 10 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").connect_timeout(Duration::from_secs(30));
        /// # let _ = config;
        /// ```
        connect_timeout(self, timeout: Duration) {
            self.core.connect_timeout = millis(timeout);
        }

        /// Sets the time within which the transport has to take bytes; else the link is lost.
        /// Default: 10 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").write_timeout(Duration::from_secs(30));
        /// # let _ = config;
        /// ```
        write_timeout(self, timeout: Duration) { self.core.write_timeout = millis(timeout); }

        /// Sets the time within which the server has to acknowledge something, if anything is
        /// unacknowledged; zero for no limit. Default: 10 s.
        ///
        /// The program has that time, too, to take the message that it holds, before a connection ends on
        /// which others were left to the server ([`Overrun`](crate::ConnectionError::Overrun)): with zero
        /// the connection stands until it has taken it.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// # use core::time::Duration;
        /// let config = Config::new("broker.example").response_time(Duration::from_secs(20));
        /// # let _ = config;
        /// ```
        response_time(self, time: Duration) { self.core.response_time = millis(time); }

        /// Sets how often in a row it may fail to do so within
        /// [`response_time`](Self::response_time), before the link is taken for lost. A call waits
        /// for its answer for `response_time` × (`max_repubs` + 1), which is 50 s by default.
        /// Default: 4.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").max_repubs(2);
        /// # let _ = config;
        /// ```
        max_repubs(self, times: u8) { self.core.max_repubs = times; }

        /// Sets the will (3.1.2.5): what the server publishes when the client is lost. Default:
        /// none.
        ///
        /// ```
        /// use mqtt_as_tokio::Config;
        /// use mqtt_as_tokio::Will;
        ///
        /// let config = Config::new("broker.example").will(Will::new("plant/7/state", "lost").retain(true));
        /// # let _ = config;
        /// ```
        will(self, will: Will) {
            self.kept.say_more = will.say_more.or(self.kept.say_more);
            self.kept.will = Some(Apart::new(will));
        }

        /// Sets properties of CONNECT, 5.0 only: user properties, Request Problem Information,
        /// Request Response Information (3.1.2.11). At most 16, with those that the client adds.
        /// Default: none.
        ///
        /// ```
        /// use mqtt_as_tokio::{Config, Property};
        ///
        /// let config = Config::new("broker.example").properties(&[
        ///     Property::RequestResponseInformation(true),
        ///     Property::UserProperty(("site", "north")),
        /// ]);
        /// # let _ = config;
        /// ```
        properties(self, properties: impl Into<PropertyList>) {
            self.kept.properties = properties.into();
            self.kept.has_more();
        }

        /// Sets whether the first `connect(false)` of this client begins a new session, which is
        /// then kept. Default: no, it resumes one.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").client_id("pump-7").clean_init(true);
        /// # let _ = config;
        /// ```
        clean_init(self, clean_init: bool) {
            self.kept.clean_init = clean_init;
            self.kept.has_own();
        }

        /// Sets for how many seconds the server keeps the session after a connection (3.1.2.11.2),
        /// 5.0 only; `u32::MAX` is for ever. Default: 0 after `connect(true)`, for ever after
        /// `connect(false)`.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").client_id("pump-7").session_expiry(3600);
        /// # let _ = config;
        /// ```
        session_expiry(self, seconds: u32) {
            self.kept.session_expiry = Some(seconds);
            self.kept.has_own();
        }

        /// Sets whether a session at the server that this client knows nothing of is accepted.
        /// Default: yes, so that a program that is started again goes on. No is the letter of the
        /// standard [MQTT-3.2.2-4]: `connect` fails with `SessionUnknown` then.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").client_id("pump-7").adopt_session(false);
        /// # let _ = config;
        /// ```
        adopt_session(self, adopt: bool) { self.core.adopt_session = adopt; }

        /// Sets how many received messages the queue holds. Default: 1,024, or as many as lent
        /// memory holds.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").queue_len(100);
        /// # let _ = config;
        /// ```
        queue_len(self, messages: usize) {
            self.core.queue_len = messages;
            self.sizes.fit = Sizes::CHECK;
        }

        /// Sets how many bytes of received messages the queue holds. Default: 16 MiB, or all of
        /// lent memory.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").queue_bytes(64 * 1024);
        /// # let _ = config;
        /// ```
        queue_bytes(self, bytes: usize) {
            self.sizes.queue_bytes = Some(bytes);
            self.sizes.fit = Sizes::CHECK;
        }

        /// Sets what happens to QoS 0 messages that find the queue full. Default: nothing more is
        /// read until there is room; only while a reply is awaited the oldest ones are dropped.
        ///
        /// ```
        /// use mqtt_as_tokio::Config;
        /// use mqtt_as_tokio::Overflow;
        ///
        /// let config = Config::new("broker.example").overflow(Overflow::DropOldest);
        /// # let _ = config;
        /// ```
        overflow(self, overflow: Overflow) { self.core.overflow = overflow; }

        /// Sets what a publish does while there is no connection. Default: it waits in the
        /// [`store`](Self::store) for the next one.
        ///
        /// ```
        /// use mqtt_as_tokio::Config;
        /// use mqtt_as_tokio::WhileDown;
        ///
        /// let config = Config::new("broker.example").while_down(WhileDown::Refuse);
        /// # let _ = config;
        /// ```
        while_down(self, while_down: WhileDown) { self.kept.while_down = while_down; }

        /// Sets whether the program acknowledges QoS 1 and 2 messages itself, with `Client::ack`.
        /// Default: no, they are acknowledged when they are taken.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").client_id("billing").manual_ack(true);
        /// # let _ = config;
        /// ```
        manual_ack(self, manual_ack: bool) {
            self.core.manual_ack = manual_ack.then_some(ManualAck::ALL);
        }

        /// Sets how many QoS 1 and 2 messages may wait to be taken: the Receive Maximum of 5.0
        /// (3.1.2.11.3). Default: 64, or as many of the largest packets as lent memory holds, if
        /// that is less.
        ///
        /// It and [`maximum_packet_size`](Self::maximum_packet_size) bound the memory for them.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").receive_maximum(10);
        /// # let _ = config;
        /// ```
        receive_maximum(self, messages: u16) {
            self.core.receive_maximum = messages;
            self.sizes.receive_maximum = true;
            self.sizes.fit = Sizes::CHECK;
        }

        /// Sets whether a server that sends more than [`receive_maximum`](Self::receive_maximum) at
        /// once is told so (0x93), and the connection ends [MQTT-3.3.4-9]. Default: no, what it
        /// sends is held as far as there is memory.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").receive_maximum(10).strict(true);
        /// # let _ = config;
        /// ```
        strict(self, strict: bool) { self.core.strict = strict; }

        /// Sets how many QoS 1 and 2 messages the client has unacknowledged at a time, 3.1.1 only:
        /// a broker that takes fewer drops the rest and cannot say so. Default: 20, the smallest
        /// window of a broker in use. In 5.0 the server says how many it takes.
        ///
        /// ```
        /// use mqtt_as_tokio::Config;
        /// use mqtt_as_tokio::Version;
        ///
        /// let config = Config::new("broker.example").version(Version::V311).send_window(100);
        /// # let _ = config;
        /// ```
        send_window(self, messages: u16) { self.core.send_window = messages; }

        /// Sets how many bytes the largest packet taken has, its fixed header included; a 5.0
        /// server is told so (3.1.2.11.4). Default: 4 MiB, or what fits lent memory.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").maximum_packet_size(16 * 1024);
        /// # let _ = config;
        /// ```
        maximum_packet_size(self, bytes: u32) {
            self.core.maximum_packet_size = bytes;
            self.sizes.maximum_packet_size = true;
            self.sizes.fit = Sizes::CHECK;
        }

        /// Sets how many bytes the largest message taken at all has. One that is larger than
        /// [`maximum_packet_size`](Self::maximum_packet_size) comes as a stream, which
        /// `Queue::next_stream` reads piece by piece; only its header has to fit that size. A 5.0
        /// server is told this size instead. Default: 0, nothing is streamed.
        ///
        /// Whoever cannot take a stream passes over it: `Queue::next`, and callbacks if they are
        /// all that takes messages. It is skipped, acknowledged, and counted in `too_large`.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").maximum_packet_size(4096).largest_stream(1 << 20);
        /// # let _ = config;
        /// ```
        largest_stream(self, bytes: u32) {
            self.core.streams_in = (bytes != 0).then(|| StreamsIn::up_to(bytes));
        }

        /// Sets whether a message that is too large closes the connection, so that the server keeps
        /// it, 3.1.1 only. Default: no, it is skipped, acknowledged, and counted in `too_large`.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").maximum_packet_size(4096).close_if_too_large(true);
        /// # let _ = config;
        /// ```
        close_if_too_large(self, close: bool) { self.core.close_if_too_large = close; }

        /// Sets how many topic aliases the server may use (3.1.2.11.5), 5.0 only. Default: 16. With
        /// a queue in lent memory it may use none, whatever is set.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").topic_alias_maximum(0);
        /// # let _ = config;
        /// ```
        topic_alias_maximum(self, aliases: u16) { self.core.topic_alias_maximum = aliases; }

        /// Sets how many topic aliases the client uses itself, for the first topics that it
        /// publishes to (3.3.2.3.4), 5.0 only. Default: 0. There are never more than the server
        /// allows, or the memory lent for them holds.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").topic_aliases(8);
        /// # let _ = config;
        /// ```
        topic_aliases(self, aliases: u16) {
            self.core.aliases_out = (aliases != 0).then(|| AliasesOut::up_to(aliases));
        }

        /// Sets whether QoS 1 messages whose fate is unknown are sent again when the server has
        /// lost the session; they may arrive twice. Default: yes. Else their calls end with
        /// `Unknown`.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").republish(false);
        /// # let _ = config;
        /// ```
        republish(self, republish: bool) { self.core.republish = republish; }

        /// Sets how many bytes of packets may wait to be written. A packet has to fit, unless it is
        /// a stream or its payload is held by reference. Default: 64 KiB, or all of lent memory.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").outbox(16 * 1024);
        /// # let _ = config;
        /// ```
        outbox(self, bytes: usize) {
            self.sizes.outbox = Some(bytes);
            self.sizes.fit = Sizes::CHECK;
        }

        /// Sets how many messages and requests may be unacknowledged, or wait for a connection.
        /// Default: as many as there are packet identifiers on the heap, so that [`store`](Self::store)
        /// bounds them; or as many as lent memory holds. The next publish waits for room.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").in_flight(100);
        /// # let _ = config;
        /// ```
        in_flight(self, messages: u16) { self.core.in_flight = messages; }

        /// Sets how many bytes such messages may have, payloads held by reference included. Each takes
        /// about 25 more than its topic, properties and payload. Default: 4 MiB, or all of lent memory.
        ///
        /// By default 33,000 messages of 100 bytes fit: a reading in a second over an outage of nine hours.
        ///
        /// ```
        /// # use mqtt_as_tokio::Config;
        /// let config = Config::new("broker.example").store(256 * 1024);
        /// # let _ = config;
        /// ```
        store(self, bytes: usize) {
            self.sizes.store = Some(bytes);
            self.sizes.fit = Sizes::CHECK;
        }
    }
}

#[cfg(feature = "alloc")]
impl crate::Memory {
    /// Memory from the heap, taken as it is needed, up to what the settings say.
    #[must_use]
    pub fn heap(config: &Config) -> Self {
        Self::up_to(&config.sizes, config.core.clone())
    }
}
