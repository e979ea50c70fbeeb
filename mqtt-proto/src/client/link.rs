//! One connection's life. All of it is dropped when the connection ends; there is no reset.

use super::error::ConnectionError;
use super::event::Tag;
use crate::reason::ReasonCode;

/// What holds for one connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) phase: Phase,
    pub(super) clean_start: bool,
    /// What CONNACK said, once it came.
    pub(super) accepted: Option<bool>,
    /// Unacknowledged messages of ours, as the server counts them against its Receive Maximum.
    pub(super) outstanding: u16,
    /// Messages of this connection that count against our Receive Maximum.
    pub(super) received: u16,
    /// None of them lies behind that position of the log. Those that come again may come in another
    /// order than before.
    pub(super) last_at: u32,
    /// Our Receive Maximum and Topic Alias Maximum, as announced.
    pub(super) receive_maximum: u16,
    pub(super) topic_alias_maximum: u16,
    /// Bytes put into the outbox, and bytes handed to the transport: they wrap.
    pub(super) enqueued: u32,
    pub(super) written: u32,
    /// Any byte was handed to the transport.
    pub(super) has_written: bool,
    /// Bytes that came and have not been used.
    pub(super) unread: usize,
    /// Bytes that have to come of a payload that is skipped, or is streamed.
    pub(super) skip: u32,
    /// QoS 0 messages put into the outbox since it was last written out.
    pub(super) unwritten_qos0: u32,
    pub(super) method: Method,
    /// Re-authentications begun and ended: odd while one is under way. They wrap.
    pub(super) re_authentications: u8,
    /// An answer of another client is awaited.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(super) awaits_response: bool,
    /// Problem information was declined.
    pub(super) no_problem_information: bool,
    /// The session expiry in CONNECT was 0, so DISCONNECT cannot raise it.
    pub(super) expiry_zero: bool,
    /// The session ends with the connection.
    pub(super) session_ends: bool,
    /// Messages that were left to the server.
    pub(super) shed: u32,
    /// Some that came was acknowledged, or has had its time for that: the next connection gets on.
    pub(super) acknowledges: bool,
    /// There is no room for the packet at the front of the input.
    pub(super) is_full: bool,
    /// Messages are not taken, while others wait for theirs behind them: reading goes on.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(super) reads_past_untaken: bool,
    /// Nothing is read for that.
    pub(super) is_paused: bool,
    /// An acknowledgement of any kind came, on this connection and since the last check.
    pub(super) progress: bool,
    pub(super) progress_since: bool,
    /// Times in a row that nothing was acknowledged in time.
    pub(super) missed: u8,
    pub(super) goodbye: Option<Goodbye>,
    /// Why the connection has to end, as `handle_timeout` tells.
    pub(super) end: Option<ConnectionError>,
    pub(super) ping: Ping,
    /// The keep-alive in force and the time after which PINGREQ is due, in milliseconds; 0 for none.
    pub(super) keep_alive: u32,
    pub(super) ping_after: u32,
    pub(super) last_sent: u32,
    /// When the transport was given bytes, or took some.
    pub(super) last_write: u32,
    pub(super) last_received: u32,
    /// The packet that is written piece by piece: nothing else enters the outbox meanwhile.
    pub(super) stream_out: Option<StreamOut>,
    /// The serial of the message that comes piece by piece.
    pub(super) stream_in: Option<u32>,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none.
    #[default]
    Down,
    /// CONNECT is on its way, CONNACK is awaited.
    Connecting,
    Connected,
    /// Nothing more is sent but what the outbox holds [MQTT-3.14.4-1], and nothing is read.
    Closing,
}

/// The DISCONNECT that ends the connection when everything before it has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goodbye {
    pub(super) reason: ReasonCode,
    /// Whether what waits is sent first, as far as the server's limits let it.
    pub(super) flush: bool,
}

/// The PINGREQ that may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ping {
    #[default]
    None,
    /// It has to be put into the outbox.
    Owed,
    /// It is in the outbox, and ends there in the connection's output.
    Queued(u32),
    /// The transport took it; something came since.
    Sent { heard: bool },
}

/// A PUBLISH that is begun, and whose payload comes from its owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamOut {
    pub(super) tag: Tag,
    pub(super) id: u16,
    /// Bytes that have to come.
    pub(super) left: u32,
    /// They will not come: the connection has to end.
    pub(super) stopped: bool,
}

/// An authentication method, told apart by length and hash: it is compared, never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Method(Option<(u16, u32)>);

impl Method {
    pub(super) fn new(method: Option<&[u8]>) -> Self {
        Self(method.map(|method| (method.len() as u16, fnv1a(method))))
    }

    pub(super) fn is_some(self) -> bool {
        self.0.is_some()
    }
}

fn fnv1a(bytes: &[u8]) -> u32 {
    let add = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, add)
}

impl Link {
    #[inline]
    pub(super) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Whether a re-authentication is under way.
    pub(super) fn re_authenticates(&self) -> bool {
        self.re_authentications & 1 != 0
    }

    /// Bytes put into the outbox.
    #[inline]
    pub(super) fn count(&mut self, len: usize) {
        self.enqueued = self.enqueued.wrapping_add(len as u32);
    }

    /// Whether the end waits for the rest of a stream, and the DISCONNECT behind it.
    pub(super) fn ends_behind_stream(&self) -> bool {
        let flush = self.goodbye.is_some_and(|goodbye| goodbye.flush);
        flush && self.stream_out.is_some_and(|stream| !stream.stopped)
    }

    /// Whether the transport has taken the byte at that position of the output.
    pub(super) fn is_written(&self, position: u32) -> bool {
        (self.written.wrapping_sub(position) as i32) > 0
    }

    /// Whether the transport has still to take bytes before that position.
    pub(super) fn has_still_to_write(&self, position: u32) -> bool {
        (position.wrapping_sub(self.written) as i32) > 0
    }

    /// An acknowledgement came.
    #[inline]
    pub(super) fn note_progress(&mut self) {
        (self.progress, self.progress_since) = (true, true);
    }
}
