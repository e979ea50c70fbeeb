//! What a client is made of: its settings and its memory.

use core::fmt;

use super::alias::AliasMemory;
use crate::packet::Version;
#[cfg(feature = "alloc")]
use crate::session::BLOCK_BYTES;
use crate::session::{Block, Flight, Held, Slot};
use crate::storage::Storage;

/// The settings of a client. Times are in milliseconds; 0 turns a time-out off.
#[derive(Clone, Debug)]
pub struct Config {
    /// The protocol version of every connection.
    pub version: Version,
    /// Received QoS 1 and 2 messages that the program has not taken: slots. In 5.0 the server
    /// keeps to it (Receive Maximum); in 3.1.1 more than that is an overrun.
    pub receive_maximum: u16,
    /// 3.1.1 has no Receive Maximum of the server's: unacknowledged messages of ours at a time.
    /// A broker that takes fewer drops the rest and cannot say so; the smallest in use takes 20.
    pub send_window: u16,
    /// Bytes of such messages. In 5.0 at least `receive_maximum` × `maximum_packet_size`.
    pub receive_bytes: usize,
    /// Bytes of the largest packet that is taken.
    pub maximum_packet_size: u32,
    /// Bytes of the largest PUBLISH that is taken piece by piece if it is larger than that: its
    /// header has to fit `maximum_packet_size`. 0 for none.
    pub largest_stream: u32,
    /// 3.1.1: close the connection on a larger message, so that the server keeps it, instead of
    /// skipping it.
    pub close_if_too_large: bool,
    /// The highest topic alias that the server may use. Announced only as far as there is memory.
    pub topic_alias_maximum: u16,
    /// How many topic aliases of its own the client uses at most, first come first served.
    pub topic_aliases: u16,
    /// Bytes of payloads held by reference until they are acknowledged; one may be larger.
    pub shared_bytes: usize,
    /// From the start of the connection until CONNACK, with all steps of authentication.
    pub connect_timeout: u32,
    /// PINGREQ is sent after this time without traffic, or the keep-alive if that is less.
    pub ping_interval: u32,
    /// PINGRESP has to come within this time.
    pub ping_timeout: u32,
    /// The transport has to take bytes within this time.
    pub write_timeout: u32,
    /// The server has to acknowledge something within this time, if anything is unacknowledged …
    pub response_time: u32,
    /// … and may fail to do so that many times in a row.
    pub max_repubs: u8,
    /// Sends QoS 1 messages of unknown fate again when the session is gone, else reports them.
    pub republish: bool,
    /// Does the same with QoS 2 messages; they may then arrive twice.
    pub republish_exactly_once: bool,
    /// Accepts a session that is not known here. By default 3.1.1 does and 5.0, as its standard
    /// demands [MQTT-3.2.2-4], does not.
    pub adopt_session: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::default(),
            receive_maximum: 64,
            send_window: 20,
            receive_bytes: 64 * 4 * 1024 * 1024,
            maximum_packet_size: 4 * 1024 * 1024,
            largest_stream: 0,
            close_if_too_large: false,
            topic_alias_maximum: 16,
            topic_aliases: 0,
            shared_bytes: 64 * 1024 * 1024,
            connect_timeout: 10_000,
            ping_interval: 0,
            ping_timeout: 10_000,
            write_timeout: 10_000,
            response_time: 10_000,
            max_repubs: 4,
            republish: true,
            republish_exactly_once: false,
            adopt_session: None,
        }
    }
}

/// The memory of a client. Nothing else is ever used; all of it is bounded.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    /// Encoded packets that wait to be written. The driver's own [`Outbox`](crate::Outbox) needs
    /// as much again.
    pub outbox: Storage<'a, u8>,
    /// QoS 1 and 2 messages and requests on their way to the server: one item each.
    pub flights: Storage<'a, Slot<Flight>>,
    /// Their bytes.
    pub blocks: Storage<'a, Block>,
    /// QoS 1 and 2 messages on their way in: one item each, at least the Receive Maximum, better
    /// twice that for QoS 2.
    pub held: Storage<'a, Slot<Held>>,
    /// Topic aliases of the server.
    pub aliases_in: AliasMemory<'a>,
    /// Topic aliases of the client.
    pub aliases_out: AliasMemory<'a>,
}

#[cfg(feature = "alloc")]
impl Memory<'static> {
    /// Memory from the heap, taken as it is needed: an outbox of up to `outbox` bytes, up to
    /// `flights` messages on their way out of up to `store` bytes together, and what the settings
    /// ask for.
    #[must_use]
    pub fn heap(config: &Config, outbox: usize, flights: u16, store: usize) -> Self {
        let longest = config.longest_topic();
        let aliases = |count: u16| AliasMemory {
            aliases: Storage::owned(usize::from(count)),
            topics: Storage::owned(usize::from(count).saturating_mul(longest)),
        };
        Self {
            outbox: Storage::owned(outbox),
            flights: Storage::owned(usize::from(flights)),
            blocks: Storage::owned(store.div_ceil(BLOCK_BYTES)),
            held: Storage::owned(usize::from(config.receive_maximum).saturating_mul(2)),
            aliases_in: aliases(config.topic_alias_maximum),
            aliases_out: aliases(config.topic_aliases),
        }
    }
}

impl Config {
    /// A topic cannot be longer than the packet around it.
    pub(super) fn longest_topic(&self) -> usize {
        usize::from(u16::MAX).min(self.maximum_packet_size as usize)
    }

    pub(super) fn check(&self, memory: &Memory<'_>) -> Result<(), ConfigError> {
        let slots = usize::from(self.receive_maximum);
        let bytes = slots.saturating_mul(self.maximum_packet_size as usize);
        if slots == 0 || self.maximum_packet_size == 0 {
            return Err(ConfigError::Zero);
        }
        if memory.held.limit() < slots {
            return Err(ConfigError::Held { needed: slots, given: memory.held.limit() });
        }
        if self.version == Version::V5 && self.receive_bytes < bytes {
            return Err(ConfigError::ReceiveBytes { needed: bytes, given: self.receive_bytes });
        }
        if memory.outbox.limit() < Self::SMALLEST_OUTBOX {
            let (needed, given) = (Self::SMALLEST_OUTBOX, memory.outbox.limit());
            return Err(ConfigError::Outbox { needed, given });
        }
        Ok(())
    }

    /// Bytes that an outbox has at least: room for the smallest packets of each kind.
    pub const SMALLEST_OUTBOX: usize = 128;
}

/// Settings and memory that do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConfigError {
    /// Receive Maximum and Maximum Packet Size may not be 0.
    Zero,
    /// Less room for received messages than the Receive Maximum. Memory that is made for the
    /// settings, or that an adapter lends, never has less.
    Held {
        /// Items needed.
        needed: usize,
        /// Items given.
        given: usize,
    },
    /// 5.0: fewer bytes than Receive Maximum × Maximum Packet Size. Only for programs on the core
    /// itself: where there is a handle and a driver above it, the number follows from the others.
    ReceiveBytes {
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        given: usize,
    },
    /// A piece of memory is too small for the settings.
    Memory {
        /// Which one.
        what: &'static str,
        /// Items or bytes needed.
        needed: usize,
        /// Items or bytes given.
        given: usize,
    },
    /// The outbox is too small.
    Outbox {
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        given: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("receive_maximum and maximum_packet_size must be at least 1"),
            Self::Held { needed, given } => write!(
                f,
                "receive_maximum asks for room for {needed} received messages, there is {given}"
            ),
            Self::ReceiveBytes { needed, given } => write!(
                f,
                "receive_maximum × maximum_packet_size is {needed} bytes, receive_bytes is {given}: \
                 raise it, or lower one of them"
            ),
            Self::Memory { what, needed, given } => {
                write!(f, "the settings ask for {needed} of {what}, there are {given}")
            }
            Self::Outbox { needed, given } => {
                write!(f, "the outbox needs {needed} bytes at least, it has {given}")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
