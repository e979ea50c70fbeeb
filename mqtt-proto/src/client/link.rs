//! One connection's life. All of it is dropped when the connection ends; there is no reset.

use super::error::Waiting;
use crate::packet::PacketType;
use crate::reason::ReasonCode;
use crate::session::{AckToken, Tag};
use crate::time::Instant;
use crate::wire::PacketId;

/// What holds for one connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    pub(crate) clean_start: bool,
    /// What CONNACK said, once it came.
    pub(crate) accepted: Option<bool>,
    /// Unacknowledged messages of ours, as the server counts them against its Receive Maximum.
    pub(crate) outstanding: u16,
    /// Our Receive Maximum as announced.
    pub(crate) receive_maximum: u16,
    /// The highest topic alias announced to the server.
    pub(crate) topic_alias_maximum: u16,
    /// Bytes put into the outbox, and bytes handed to the transport.
    pub(crate) enqueued: u64,
    pub(crate) written: u64,
    /// Bytes that came and have not been used.
    pub(crate) unread: usize,
    /// QoS 0 messages put into the outbox since it was last written out.
    pub(crate) unwritten_qos0: u32,
    pub(crate) replies: Replies,
    pub(crate) method: Method,
    pub(crate) re_authenticating: bool,
    /// Problem information was declined.
    pub(crate) no_problem_information: bool,
    /// The session expiry in CONNECT was 0, so DISCONNECT cannot raise it.
    pub(crate) expiry_zero: bool,
    /// The session ends with the connection.
    pub(crate) session_ends: bool,
    /// Bytes that have to come of a payload that is skipped, or is streamed.
    pub(crate) skip: usize,
    /// The message whose payload is streamed: the duty to acknowledge it.
    pub(crate) stream_in: Option<Option<AckToken>>,
    pub(crate) shed: u32,
    /// An acknowledgement of any kind came, on this connection and since the last check.
    pub(crate) progress: bool,
    pub(crate) progress_since: bool,
    pub(crate) goodbye: Option<Goodbye>,
    /// The packet that is written piece by piece: nothing else enters the outbox meanwhile.
    pub(crate) stream: Option<StreamOut>,
    pub(crate) timers: Timers,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// CONNECT is on its way, CONNACK is awaited.
    Connecting,
    Connected,
    /// Nothing more is sent but what the outbox holds [MQTT-3.14.4-1], and nothing is read.
    Closing,
}

/// The DISCONNECT that ends the connection when everything before it has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goodbye {
    pub(crate) reason: ReasonCode,
    pub(crate) session_expiry: Option<u32>,
    /// Whether what waits is sent first, as far as the server's limits let it.
    pub(crate) flush: bool,
}

/// A PUBLISH that is begun, and whose payload comes from its owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamOut {
    pub(crate) tag: Tag,
    pub(crate) index: u16,
    /// Bytes that have to come.
    pub(crate) left: u32,
    /// They will not come: the connection has to end.
    pub(crate) stopped: bool,
}

/// An authentication method, told apart by length and hash: it is compared, never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Method(Option<(usize, u32)>);

impl Method {
    pub(crate) fn new(method: Option<&str>) -> Self {
        Self(method.map(|method| (method.len(), fnv1a(method.as_bytes()))))
    }

    pub(crate) fn is_some(self) -> bool {
        self.0.is_some()
    }
}

fn fnv1a(bytes: &[u8]) -> u32 {
    let add = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, add)
}

/// PUBREC, PUBREL and PUBCOMP that answer at once, in the order of what they answer.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    ring: [Option<Reply>; 16],
    first: u8,
    len: u8,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) kind: PacketType,
    pub(crate) id: PacketId,
    pub(crate) reason: ReasonCode,
}

impl Replies {
    const MASK: u8 = 15;

    pub(crate) fn is_full(&self) -> bool {
        self.len > Self::MASK // One is pushed for a packet at most.
    }

    pub(crate) fn push(&mut self, reply: Reply) {
        let at = self.first.wrapping_add(self.len) & Self::MASK;
        if let Some(place) = self.ring.get_mut(usize::from(at)) {
            *place = Some(reply);
            self.len = self.len.wrapping_add(1);
        }
    }

    pub(crate) fn front(&self) -> Option<Reply> {
        self.ring.get(usize::from(self.first)).copied().flatten()
    }

    pub(crate) fn pop(&mut self) {
        if let Some(place) = self.ring.get_mut(usize::from(self.first)) {
            *place = None;
            self.first = self.first.wrapping_add(1) & Self::MASK;
            self.len = self.len.saturating_sub(1);
        }
    }
}

/// All deadlines of a connection, derived from when things last happened.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Until CONNACK: when it has to be there.
    pub(crate) connect: Option<Instant>,
    /// The keep-alive in force, in milliseconds; 0 turns it off.
    pub(crate) keep_alive: u32,
    /// PINGREQ goes out after this time without traffic; 0 for never.
    pub(crate) ping_after: u32,
    pub(crate) ping_timeout: u32,
    pub(crate) write_timeout: u32,
    pub(crate) last_sent: Instant,
    pub(crate) last_received: Instant,
    pub(crate) ping: Ping,
    /// PINGRESP lies behind a packet that is coming.
    pub(crate) behind: bool,
    /// Since when the transport has taken nothing of what it was given.
    pub(crate) writing: Option<Instant>,
    /// When something has to have been acknowledged.
    pub(crate) acknowledge: Option<Instant>,
    /// Times in a row that it was not.
    pub(crate) missed: u8,
    /// When a shedding connection has to end.
    pub(crate) overrun: Option<Instant>,
    /// Since when the transport has waited for the rest of a stream.
    pub(crate) stream: Option<Instant>,
    /// Since when the caller has read nothing: silence is not the peer's then.
    pub(crate) paused: Option<Instant>,
}

/// The one PINGREQ that may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ping {
    None,
    /// It has to be put into the outbox.
    Owed,
    /// It is in the outbox, and ends there in the connection's output.
    Queued(u64),
    /// The transport took it.
    Sent(Instant),
}

/// What is waited for with a deadline: of several that have passed the first one counts.
const AWAITED: [Waiting; 5] = [
    Waiting::ConnAck,
    Waiting::PingResp,
    Waiting::Silence,
    Waiting::Write,
    Waiting::Acknowledgement,
];

impl Timers {
    /// When a PINGREQ is due: nothing was sent, or nothing was received, for the interval.
    fn ping_due(&self) -> Option<Instant> {
        let idle_since = match self.ping {
            Ping::None => self.last_sent.min(self.last_received),
            // Its answer is held up, and the server wants to hear of us all the same.
            Ping::Sent(_) if self.is_held_up() => self.last_sent,
            _ => return None,
        };
        (self.ping_after != 0).then(|| idle_since.after(u64::from(self.ping_after)))
    }

    /// Whether PINGRESP cannot come: nobody reads, or it lies behind a packet that is coming.
    fn is_held_up(&self) -> bool {
        self.paused.is_some() || self.behind
    }

    /// More of a packet came: PINGRESP has its time from here on.
    pub(crate) fn hold_pong(&mut self, now: Instant) {
        if let Ping::Sent(at) = &mut self.ping {
            *at = now;
            self.behind = true;
        }
    }

    /// A PINGREQ is to be sent, unless one is open whose answer may come.
    pub(crate) fn owe_ping(&mut self) {
        match self.ping {
            Ping::None => self.behind = false,
            Ping::Sent(_) if self.is_held_up() => {}
            _ => return,
        }
        self.ping = Ping::Owed;
    }

    /// The deadlines of what is waited for, in the order of `AWAITED`.
    fn deadlines(&self) -> [Option<Instant>; 5] {
        let after = |since: Option<Instant>, time: u32| {
            since.filter(|_| time != 0).map(|since| since.after(u64::from(time)))
        };
        let reading = self.paused.is_none();
        let silence = self.keep_alive.saturating_add(self.keep_alive >> 1);
        let heard = (reading && self.connect.is_none()).then_some(self.last_received);
        let pinged = match self.ping {
            Ping::Sent(at) => Some(at),
            _ => None,
        };
        [
            self.connect,
            after(pinged.filter(|_| reading), self.ping_timeout),
            after(heard, silence),
            self.write_deadline(),
            self.acknowledge.filter(|_| reading),
        ]
    }

    /// When the transport has to have taken something.
    pub(crate) fn write_deadline(&self) -> Option<Instant> {
        let since = self.writing.filter(|_| self.write_timeout != 0);
        since.map(|since| since.after(u64::from(self.write_timeout)))
    }

    /// When the rest of a stream, or more of it, has to have come.
    pub(crate) fn stream_deadline(&self) -> Option<Instant> {
        let idle = self.write_timeout != 0 && self.writing.is_none();
        let since = self.stream.filter(|_| idle);
        since.map(|since| since.after(u64::from(self.write_timeout)))
    }

    /// The earliest moment at which a connection that is ending is stuck.
    pub(crate) fn stuck(&self) -> Option<Instant> {
        earlier(self.write_deadline(), self.stream_deadline())
    }

    /// The earliest moment at which anything has to be done.
    pub(crate) fn next(&self) -> Option<Instant> {
        let others = [self.ping_due(), self.overrun, self.stream_deadline()];
        others.into_iter().chain(self.deadlines()).fold(None, earlier)
    }

    /// What was waited for too long.
    pub(crate) fn missed(&self, now: Instant) -> Option<Waiting> {
        let mut awaited = AWAITED.into_iter().zip(self.deadlines());
        awaited.find(|(_, at)| at.is_some_and(|at| at <= now)).map(|(waiting, _)| waiting)
    }

    pub(crate) fn is_ping_due(&self, now: Instant) -> bool {
        self.connect.is_none() && self.ping_due().is_some_and(|at| at <= now)
    }

    /// The keep-alive that holds, and with it when PINGREQ is due: a little before the time, by
    /// 5 %, at most 5 s.
    pub(crate) fn set_keep_alive(&mut self, seconds: u16, ping_interval: u32) {
        self.keep_alive = u32::from(seconds).saturating_mul(1000);
        let interval = match (self.keep_alive, ping_interval) {
            (0, time) | (time, 0) => time,
            (keep_alive, interval) => keep_alive.min(interval),
        };
        let early = interval.checked_div(20).unwrap_or(0).min(5000);
        self.ping_after = interval.saturating_sub(early);
    }

    /// The caller stops or goes on reading; the time between is not the peer's silence.
    pub(crate) fn pause(&mut self, pause: bool, now: Instant) {
        if !pause && let Some(since) = self.paused.take() {
            let time = now.since(since);
            self.last_received = self.last_received.after(time).min(now);
            if let Ping::Sent(at) = &mut self.ping {
                *at = at.after(time).min(now);
            }
            self.acknowledge = self.acknowledge.map(|at| at.after(time));
        } else if pause {
            self.paused.get_or_insert(now);
        }
    }
}

/// The earlier of two moments that need not be.
#[inline]
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Link {
    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Whether the end waits for the rest of a stream, and the DISCONNECT behind it.
    pub(crate) fn ends_behind_stream(&self) -> bool {
        let flush = self.goodbye.is_some_and(|goodbye| goodbye.flush);
        flush && self.stream.is_some_and(|stream| !stream.stopped)
    }

    /// The transport is stuck: nothing more is to be written.
    pub(crate) fn give_up_writing(&mut self) {
        self.goodbye = None;
        self.timers.writing = None;
    }

    /// Bytes put into the outbox.
    #[inline]
    pub(crate) fn count(&mut self, len: usize) {
        self.enqueued = self.enqueued.wrapping_add(len as u64); // Nobody lives to see it wrap.
    }

    /// Ends the connection, with a DISCONNECT if the peer is told something.
    pub(crate) fn fail(&mut self, reason: Option<ReasonCode>) {
        if self.phase != Phase::Closing {
            self.phase = Phase::Closing;
            let goodbye = |reason| Goodbye { reason, session_expiry: None, flush: false };
            self.goodbye = reason.map(goodbye);
        }
    }

    /// An acknowledgement came.
    #[inline]
    pub(crate) fn note_progress(&mut self) {
        self.progress = true;
        self.progress_since = true;
    }
}
