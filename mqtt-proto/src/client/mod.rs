//! The state machine of a client: one connection after the other over one session.

mod alias;
mod answer;
mod arrival;
mod config;
mod error;
mod event;
mod input;
mod link;
mod operation;
mod output;
mod publish;
mod stream_in;
mod stream_out;

use core::fmt;

pub use crate::limits::{Limit, Limits};
pub use crate::session::{Fate, NotSent, Tag};
pub use alias::{Alias, AliasMemory};
pub use config::{Config, ConfigError, Memory};
pub use error::{ConnectionError, OperationError, Violation, Waiting};
pub use event::{Answer, Connected, Event, Received};
pub use input::Handled;
pub use operation::Warning;
pub use publish::{Message, Published};

pub use crate::session::incoming::Acknowledged;

use alias::Aliases;
use link::{Link, Phase};

use crate::outbox::Outbox;
use crate::packet::Version;
use crate::session::Session;
use crate::session::incoming::Incoming;
use crate::session::outgoing::Outgoing;
use crate::time::Instant;
use crate::wire::PacketId;

/// An MQTT client without I/O and without a clock.
///
/// The caller owns the transport and the time. It keeps to this contract:
///
/// * **Begin**: when a transport is open, call [`connect`](Self::connect).
/// * **In**: give received bytes to [`handle_bytes`](Self::handle_bytes), until it uses no more of
///   them; call [`handle_timeout`](Self::handle_timeout) when the moment of
///   [`poll_timeout`](Self::poll_timeout) has come; tell with
///   [`handle_transmitted`](Self::handle_transmitted) what the transport has taken.
/// * **Out**: after anything of the above and after operations, take what is due:
///   [`poll_event`](Self::poll_event) until it gives none, [`poll_transmit`](Self::poll_transmit),
///   and [`poll_timeout`](Self::poll_timeout) for the next deadline.
/// * **End**: when a `handle_*` method fails, or [`is_closing`](Self::is_closing), write what
///   `poll_transmit` still gives, close the transport, and call
///   [`handle_connection_lost`](Self::handle_connection_lost); call that also when the transport
///   breaks. The session lives on; `connect` resumes it.
///
/// Operations ([`publish`](Self::publish), [`subscribe`](Self::subscribe), …) may come at any time.
/// Each carries a [`Tag`], which comes back with its outcome in an [`Event`].
pub struct Client<'a> {
    config: Config,
    session: Session<'a>,
    link: Option<Link>,
    outbox: Outbox<'a>,
    aliases_in: Aliases<'a>,
    aliases_out: Aliases<'a>,
    /// What the server allows, or allowed when it was last connected.
    limits: Limits,
    poison: Poison,
}

/// The oldest unacknowledged PUBLISH, and the connections in a row that ended with it.
#[derive(Clone, Copy, Debug, Default)]
struct Poison {
    id: Option<PacketId>,
    times: u8,
}

/// What the end of a connection left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// QoS 0 messages that were accepted, but may not have left: none of their fates is known.
    pub qos0: u32,
    /// 3.1.1 messages that were shed: the server sends them again if the session was kept.
    pub shed: u32,
    /// Three connections in a row ended with this PUBLISH unacknowledged and no progress: it may
    /// be what breaks them. [`Client::give_up`] ends it.
    pub poison: Option<PacketId>,
}

/// Connections in a row without progress after which the oldest PUBLISH is suspect.
const POISON: u8 = 3;

impl<'a> Client<'a> {
    /// A client with those settings, in that memory.
    ///
    /// # Errors
    /// [`ConfigError`] names what does not fit and the number needed.
    pub fn new(config: Config, memory: Memory<'a>) -> Result<Self, ConfigError> {
        config.check(&memory)?;
        let shared_bytes = config.shared_bytes;
        Ok(Self {
            config,
            session: Session {
                outgoing: Outgoing::new(memory.flights, memory.blocks, shared_bytes),
                incoming: Incoming::new(memory.held),
                exists: false,
                begun: false,
                adopted: false,
            },
            link: None,
            outbox: Outbox::new(memory.outbox),
            aliases_in: Aliases::new(memory.aliases_in),
            aliases_out: Aliases::new(memory.aliases_out),
            limits: Limits::default(),
            poison: Poison::default(),
        })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the server has accepted the connection, and it is not ending.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_connected)
    }

    /// Whether the connection is over: write what is left, then close the transport.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.phase == Phase::Closing && !link.ends_behind_stream())
    }

    /// Whether the session ends with the connection, by what was agreed.
    #[must_use]
    pub fn session_expires(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.session_ends)
    }

    /// Whether a PINGREQ is open.
    #[must_use]
    pub fn awaits_pong(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.timers.ping != link::Ping::None)
    }

    /// Whether nothing waits to leave or to be acknowledged.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let taken = self.link.as_ref().is_none_or(|link| link.written == link.enqueued);
        self.session.outgoing.is_idle() && self.outbox.is_empty() && taken
    }

    /// Operations that wait to leave or to be acknowledged.
    #[must_use]
    pub fn pending(&self) -> u16 {
        self.session.outgoing.len()
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

    /// The connection is gone. Everything that belongs to it is dropped; the session stays.
    pub fn handle_connection_lost(&mut self) -> Lost {
        let Some(link) = self.link.take() else { return Lost::default() };
        let poison = self.suspect(&link);
        // A Clean Start without an answer may have ended the session: it is not known any more.
        let ended = match link.accepted {
            Some(accepted) => accepted && link.session_ends,
            None => link.clean_start && link.written != 0,
        };
        self.session.exists &= !ended;
        self.session.begun |= link.accepted.is_none() && link.written != 0;
        self.outbox.clear();
        self.aliases_in.end_connection();
        self.aliases_out.end_connection();
        self.session.outgoing.end_connection(link.written);
        self.session.incoming.end_connection();
        if let Some(token) = link.stream_in.flatten() {
            self.session.incoming.forget(token); // What is not all there comes again.
        }
        let qos0 = if link.written == link.enqueued { 0 } else { link.unwritten_qos0 };
        Lost { qos0, shed: link.shed, poison }
    }

    /// Counts connections that end with the same PUBLISH unacknowledged and no progress. Those on
    /// which it was not sent tell nothing.
    fn suspect(&mut self, link: &Link) -> Option<PacketId> {
        let id = self.session.outgoing.oldest_sent(link.written);
        let again = id.is_some() && id == self.poison.id && !link.progress;
        if id.is_some() || link.progress {
            let times = if again { self.poison.times.saturating_add(1) } else { 1 };
            self.poison = Poison { id, times };
        }
        id.filter(|_| self.poison.times >= POISON)
    }

    /// The next moment at which [`handle_timeout`](Self::handle_timeout) has to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.as_ref()?;
        match link.phase {
            Phase::Closing => link.timers.stuck(),
            _ => link.timers.next(),
        }
    }

    /// Time has passed: sends PINGREQ if it is due.
    ///
    /// # Errors
    /// [`ConnectionError::TimedOut`] or [`ConnectionError::Overrun`]: the connection has to end.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        if link.timers.stream_deadline().is_some_and(|at| at <= now) {
            return Err(self.end_in_stream());
        }
        if link.phase == Phase::Closing {
            let stuck = link.timers.write_deadline().is_some_and(|at| at <= now);
            let error = ConnectionError::TimedOut(Waiting::Write);
            return if stuck { Err(self.fail(error)) } else { Ok(()) };
        }
        if link.timers.overrun.is_some_and(|at| at <= now) {
            return Err(self.fail(match self.config.version {
                Version::V5 => Violation::ReceiveMaximum.into(),
                Version::V311 => ConnectionError::Overrun,
            }));
        }
        match link.timers.missed(now) {
            Some(Waiting::Acknowledgement) => self.acknowledgement_missed(now)?,
            Some(waiting) => return Err(self.fail(ConnectionError::TimedOut(waiting))),
            None => {}
        }
        if self.link.as_ref().is_some_and(|link| link.timers.is_ping_due(now)) {
            self.ping(now);
        }
        Ok(())
    }

    /// `response_time` has passed: with no acknowledgement in it, one more was missed.
    fn acknowledgement_missed(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        let awaited = link.outstanding.saturating_sub(self.session.outgoing.counted_interrupted());
        let waits = awaited != 0 || self.session.outgoing.requests != 0;
        // What has not left cannot have been acknowledged: that is the write time-out's matter.
        let leaving = self.session.outgoing.oldest_end().is_some_and(|end| end > link.written);
        let progress = core::mem::take(&mut link.progress_since) || leaving;
        link.timers.missed =
            if progress || !waits { 0 } else { link.timers.missed.saturating_add(1) };
        link.timers.acknowledge = waits.then(|| now.after(u64::from(self.config.response_time)));
        if link.timers.missed > self.config.max_repubs {
            return Err(self.fail(ConnectionError::TimedOut(Waiting::Acknowledgement)));
        }
        Ok(())
    }

    /// The caller reads nothing for a while: the peer's silence does not count until it goes on.
    pub fn pause_reading(&mut self, pause: bool, now: Instant) {
        if let Some(link) = &mut self.link {
            link.timers.pause(pause, now);
        }
    }

    /// Gives heap memory back that is not in use. Worth a call when the connection falls idle.
    pub fn release_memory(&mut self) {
        self.outbox.release();
        self.session.outgoing.release_memory();
        self.session.incoming.release_memory();
    }

    /// Ends the connection for that reason.
    fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        let overrun = self.link.as_ref().is_some_and(|link| link.shed != 0);
        let resent = matches!(error, ConnectionError::Overrun | ConnectionError::StreamNotTaken);
        let can_tell = resent || self.config.version == Version::V5;
        if overrun {
            // What was taken is acknowledged, as far as there is room, before the end.
            let _ = self.fill_replies() && self.fill_acknowledgements();
        }
        if let Some(link) = &mut self.link {
            link.fail(error.reason().filter(|_| can_tell));
            if matches!(error, ConnectionError::TimedOut(Waiting::Write)) {
                link.give_up_writing();
                self.outbox.clear();
            }
        }
        error
    }
}

impl fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("link", &self.link)
            .field("session", &self.session)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}
