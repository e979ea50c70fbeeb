//! The state machine of a client: one connection after the other over one session.

mod acknowledge;
mod alias;
mod authenticate;
mod claim;
mod cleared;
mod config;
mod connect;
mod disconnect;
mod error;
mod event;
mod expiry;
mod foreign;
mod incoming;
mod input;
mod keep_alive;
mod link;
mod manual_ack;
mod message;
mod outgoing;
mod preview;
mod publish;
mod receive;
mod request;
mod ring;
mod session;
mod shown;
mod stored;
mod stream_coming;
mod stream_in;
mod stream_out;
mod timers;
mod transmit;
#[cfg(all(test, feature = "alloc"))]
mod worlds;

use core::fmt;

pub use crate::limits::{Limit, Limits};
pub use crate::log::LogMemory;
pub use acknowledge::Explanations;
pub use alias::{Aliases, AliasesOut};
pub use authenticate::Authentication;
pub use config::{Config, ConfigError, Memory};
pub use connect::Warning;
pub use disconnect::DisconnectDetails;
pub use error::{ConnectionError, Foreign, OperationError, Violation, Waiting};
pub use event::{Answer, Connected, Event, Fate, NotSent, Tag, Tell};
pub use expiry::Expiry;
pub use foreign::OtherProtocols;
pub use incoming::{Acknowledged, Consumer, Overflow};
pub use input::{Handled, Input, Stop};
pub use manual_ack::ManualAck;
pub use message::Message;
pub use publish::Published;
pub use session::Lost;
pub use shown::{Arrival, Claim, Offered, Preview};
pub use stored::{AckToken, Stored};
pub use stream_in::{Look, StreamKey, StreamsIn};

use cleared::Cleared;
use incoming::Incoming;
use link::{Link, Phase, Ping};
use outgoing::Outgoing;
use session::Poison;
use timers::Timers;

use crate::outbox::Outbox;
use crate::storage::Storage;
use crate::time::Instant;

/// An MQTT client without I/O and without a clock.
///
/// The caller owns the transport and the time. It keeps to this contract:
///
/// * **Begin**: when a transport is open, call [`connect`](Self::connect).
/// * **In**: give received bytes to [`handle_bytes`](Self::handle_bytes), and keep those that it
///   has not used in front of the next ones; call [`handle_timeout`](Self::handle_timeout) when the
///   moment of [`poll_timeout`](Self::poll_timeout) has come, but first give what came before it;
///   tell with [`handle_transmitted`](Self::handle_transmitted) what the transport has taken.
/// * **Out**: after anything of the above and after operations, take what is due:
///   [`poll_transmit`](Self::poll_transmit), and [`poll_timeout`](Self::poll_timeout) for the next
///   deadline.
/// * **End**: when a `handle_*` method fails, or [`is_closing`](Self::is_closing), write what
///   `poll_transmit` still gives, close the transport, and call
///   [`handle_connection_lost`](Self::handle_connection_lost); call that also when the transport
///   breaks. The session lives on; `connect` resumes it.
///
/// Operations ([`publish`](Self::publish), [`subscribe`](Self::subscribe), …) may come at any time.
/// Each carries a [`Tag`], which comes back with its fate in an [`Event`]. Whatever happens is told
/// at once, by the function that the call brings along ([`Tell`]).
///
/// Received messages are kept in order until they are taken: [`next`](Self::next) shows the first
/// one, [`begin`](Self::begin) takes it up, and [`finish`](Self::finish) says that it was dealt
/// with, which acknowledges it.
///
/// # The session
///
/// It is two logs. *Outgoing*: what was accepted and is not acknowledged, in the order in which it
/// leaves. *Incoming*: what came and was not taken, or not acknowledged, in the order in which it
/// came. A connection moves a cursor through each; a new connection moves it back to the front.
pub struct Client<'a> {
    config: Config,
    outgoing: Outgoing<'a>,
    incoming: Incoming<'a>,
    /// There was a session with the server, in this process or before it.
    exists: bool,
    /// A CONNECT was not answered: the session that the server holds may be the one it began.
    begun: bool,
    /// What is known of the identifiers of a session that began elsewhere.
    cleared: Cleared,
    link: Link,
    outbox: Outbox<'a>,
    /// One, if there is memory for it.
    aliases: Storage<'a, Aliases<'a>>,
    /// What the server allows, or allowed when it was last connected.
    limits: Limits,
    timers: Timers,
    /// The time of the last thing that happened.
    now: Instant,
    poison: Poison,
    /// What the next DISCONNECT says beside its reason.
    disconnect_details: Option<DisconnectDetails>,
    counts: Counts,
    hooks: Hooks,
}

/// Parts that a program may never use: reached through pointers that are set where it says that it
/// does, so that the others are not linked.
#[derive(Default)]
struct Hooks {
    /// Set by the first outbound stream.
    streams_out: Option<&'static stream_out::Hook>,
    /// Set where messages are offered as they come.
    claims: claim::Claims,
    /// Set where messages are shown before they are stored.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    previews: preview::Previews,
}

/// Counts since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages received.
    pub received: u64,
    /// QoS 0 messages dropped because there was no room.
    pub discards: u64,
    /// QoS 1 and 2 messages left to the server because there was no room.
    pub shed: u64,
    /// Messages that were acknowledged and given to nobody: in 3.1.1 those larger than we take, and
    /// streams where nobody reads streams.
    pub too_large: u64,
    /// Identifiers of received QoS 2 messages that were forgotten before their PUBREL, because
    /// there was no room: such a message may arrive twice.
    pub forgotten: u64,
}

impl<'a> Client<'a> {
    /// A client with those settings, in that memory: [`Config::check`] says whether they fit each
    /// other. The check stands apart from this, so that a device moves the client once.
    #[must_use]
    #[inline] // Made where the caller keeps it: it does not pass over the stack.
    pub fn new(config: Config, memory: Memory<'a>) -> Self {
        Self {
            config,
            outgoing: Outgoing::new(memory.outgoing),
            incoming: Incoming::new(memory.incoming),
            exists: false,
            begun: false,
            cleared: Cleared::default(),
            link: Link::default(),
            outbox: Outbox::new(memory.outbox),
            aliases: memory.aliases,
            limits: Limits::default(),
            timers: Timers::default(),
            now: Instant::default(),
            poison: Poison::default(),
            disconnect_details: None,
            counts: Counts::default(),
            hooks: Hooks::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the server has accepted the connection, and it is not ending.
    #[must_use]
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// Whether the connection is over: write what is left, then close the transport.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.link.phase == Phase::Closing && !self.link.ends_behind_stream()
    }

    /// Whether the session ends with the connection, by what was agreed.
    #[must_use]
    pub fn session_expires(&self) -> bool {
        self.link.session_ends
    }

    /// Whether a PINGREQ is open.
    #[must_use]
    pub fn awaits_pong(&self) -> bool {
        self.link.ping != Ping::None
    }

    /// Whether nothing waits to leave or to be acknowledged: acknowledgements of ours included, and
    /// received QoS 2 messages up to their PUBCOMP.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let taken = self.link.written == self.link.enqueued;
        self.pending() == 0 && self.outbox.is_empty() && taken && !self.owes()
    }

    /// Whether a received message is on its way to its last acknowledgement.
    fn owes(&self) -> bool {
        self.is_connected() && self.incoming.awaits_end()
    }

    /// Operations that wait to leave or to be acknowledged.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.outgoing.pending()
    }

    /// Whether anybody awaits a reply of the server: then reading goes on, whatever the room.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        let replies = self.pending() != 0 || self.awaits_pong() || self.awaits_response();
        replies || self.link.re_authenticates() || self.reads_past_untaken()
    }

    /// Whether reading has to wait until messages are taken: the last call of
    /// [`handle_bytes`](Self::handle_bytes) stopped for that, and nothing has changed since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        // Behind a stream no reply comes until it was read.
        self.link.is_full && (self.link.stream_in.is_some() || !self.awaits_reply())
    }

    /// What the server allows, if it is connected.
    #[must_use]
    pub fn limits(&self) -> Option<&Limits> {
        self.is_connected().then_some(&self.limits)
    }

    /// Bytes of the largest packet that is taken: a receive buffer of this size always suffices.
    #[must_use]
    pub fn maximum_packet_size(&self) -> usize {
        self.config.maximum_packet_size as usize
    }

    /// Counts since the client was made.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes that messages and requests on their way out, and received messages, take now. Those
    /// that are held by reference count.
    #[must_use]
    pub fn held_bytes(&self) -> (usize, usize) {
        (self.outgoing.log.live(), self.incoming.log.live())
    }

    /// Bytes of memory that the client has now, in use or not: what was lent, and what it took from
    /// the heap. Payloads held by reference are not among them.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        let aliases =
            self.aliases.as_slice().iter().flat_map(|both| [&both.coming, &both.outgoing]);
        let logs = aliases.chain([&self.outgoing.log, &self.incoming.log]);
        logs.fold(self.outbox.allocated(), |sum, log| sum.saturating_add(log.allocated()))
    }

    /// A payload that the client held by reference and has let go of. Its drop may run code of the
    /// program: who guards the client with a lock drops it outside.
    pub fn take_released(&mut self) -> Option<crate::Shared> {
        self.outgoing.log.take_released().or_else(|| self.incoming.log.take_released())
    }

    /// Forgets what was not written. Payloads held by reference are let go of later.
    fn clear_outbox(&mut self) {
        while let Some(payload) = self.outbox.take_payload() {
            self.outgoing.log.let_go(payload);
        }
        self.outbox.clear();
    }

    /// Whether [`take_released`](Self::take_released) has any.
    #[must_use]
    #[inline]
    pub fn has_released(&self) -> bool {
        self.outgoing.log.has_released() || self.incoming.log.has_released()
    }

    /// From here on messages expire while they wait: see [`Config::expiry`].
    pub fn count_expiry(&mut self) {
        self.config.expiry = Some(&Expiry::COUNTS);
    }

    /// Gives heap memory back that is not in use. Worth a call when the connection falls idle.
    pub fn release_memory(&mut self) {
        self.outbox.release();
        self.outgoing.log.release();
        self.incoming.log.release();
        self.aliases.as_mut_slice().iter_mut().for_each(Aliases::release);
    }

    fn v5(&self) -> bool {
        self.config.version == crate::packet::Version::V5
    }

    /// It is that late, at least.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    fn note_time(&mut self, now: Instant) {
        if now.since(self.now) > u64::from(timers::LEAP) {
            self.leap(now);
        }
        self.now = self.now.max(now);
    }

    /// So much time has passed at once that it might be taken for little: the process, or the device,
    /// has slept for weeks.
    #[cold]
    fn leap(&mut self, now: Instant) {
        let past = (now.as_millis() as u32).wrapping_sub(timers::LEAP);
        self.timers.leap(self.ms(), now.since(self.now), past);
        let link = &mut self.link;
        (link.last_sent, link.last_write, link.last_received) = (past, past, past);
    }

    /// The low bits of the time, which timers count in.
    #[inline]
    fn ms(&self) -> u32 {
        self.now.as_millis() as u32
    }
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("link", &self.link)
            .field("outgoing", &self.outgoing.log)
            .field("incoming", &self.incoming.log)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}
