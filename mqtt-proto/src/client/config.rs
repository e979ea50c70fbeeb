//! What a client is made of: its settings and its memory.

use super::acknowledge::Explanations;
use super::alias::{Aliases, AliasesOut};
use super::authenticate::Authentication;
use super::expiry::Expiry;
use super::foreign::OtherProtocols;
use super::incoming::Overflow;
use super::manual_ack::ManualAck;
use super::stream_in::StreamsIn;
use crate::log::LogMemory;
use crate::packet::Version;
use crate::storage::Storage;

/// The settings of a client. Times are in milliseconds, below 2³¹; 0 turns a time-out off.
#[derive(Clone, Debug)]
pub struct Config {
    /// The protocol version of every connection.
    pub version: Version,
    /// Received QoS 1 and 2 messages whose acknowledgement has not left, as the server is told in
    /// 5.0 (Receive Maximum).
    pub receive_maximum: u16,
    /// A server that exceeds it is told 0x93 at once. By default its messages are held as far as
    /// there is memory: servers in use exceed it.
    pub strict: bool,
    /// 3.1.1 has no Receive Maximum of the server's: unacknowledged messages of ours at a time.
    /// A broker that takes fewer drops the rest and cannot say so; the smallest in use takes 20.
    pub send_window: u16,
    /// Messages and requests on their way to the server, at a time.
    pub in_flight: u16,
    /// Received messages that may wait to be taken; their bytes are bounded by the memory.
    pub queue_len: usize,
    /// What happens to a QoS 0 message that finds the queue full.
    pub overflow: Overflow,
    /// Messages are acknowledged by [`Client::acknowledge`](super::Client::acknowledge) alone, not
    /// when they are finished.
    pub manual_ack: Option<ManualAck>,
    /// Bytes of the largest packet that is taken.
    pub maximum_packet_size: u32,
    /// Messages larger than that, which are taken piece by piece.
    pub streams_in: Option<StreamsIn>,
    /// 3.1.1: close the connection on a larger message, so that the server keeps it, instead of
    /// skipping it.
    pub close_if_too_large: bool,
    /// The highest topic alias that the server may use. Announced only as far as there is memory.
    pub topic_alias_maximum: u16,
    /// Topic aliases of the client's own.
    pub aliases_out: Option<AliasesOut>,
    /// Messages that expire while they wait. A program that publishes none may leave it out, which
    /// saves code.
    pub expiry: Option<&'static Expiry>,
    /// What the server says beside its acknowledgements is told. A program that does not care may
    /// leave it out, which saves code.
    pub explanations: Option<Explanations>,
    /// What answers CONNECT in another protocol is told by its name, not as malformed. Where there
    /// is no network it may be left out, which saves code.
    pub other_protocols: Option<OtherProtocols>,
    /// Enhanced authentication. A program that does not use it may leave it out, which saves code.
    pub authentication: Option<Authentication>,
    /// From the start of the connection until CONNACK, with all steps of authentication.
    pub connect_timeout: u32,
    /// PINGREQ is sent after this time without traffic, or the keep-alive if that is less.
    pub ping_interval: u32,
    /// Once PINGREQ has left, a silence of this time ends the connection, whatever the keep-alive.
    /// With 0 only a silence of one and a half keep-alives does, as without a PINGREQ.
    pub ping_timeout: u32,
    /// The transport has to take bytes within this time.
    pub write_timeout: u32,
    /// The server has to acknowledge something within this time, if anything is unacknowledged.
    ///
    /// The program has that time, too, to take what it holds, before a connection ends on which
    /// others were left to the server ([`ConnectionError::Overrun`](super::ConnectionError)). With 0 neither
    /// has a limit.
    pub response_time: u32,
    /// The server may fail to acknowledge in time that many times in a row.
    pub max_repubs: u8,
    /// Sends QoS 1 messages of unknown fate again when the session is gone, else reports them.
    pub republish: bool,
    /// Does the same with QoS 2 messages; they may then arrive twice.
    pub republish_exactly_once: bool,
    /// Accepts a session that is not known here. Without it Session Present is an error then, as
    /// the letter of 5.0 wants [MQTT-3.2.2-4].
    pub adopt_session: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Version::default(),
            receive_maximum: 64,
            strict: false,
            send_window: 20,
            in_flight: u16::MAX,
            queue_len: 1024,
            overflow: Overflow::default(),
            manual_ack: None,
            maximum_packet_size: 4 * 1024 * 1024,
            streams_in: None,
            close_if_too_large: false,
            topic_alias_maximum: 16,
            aliases_out: None,
            expiry: Some(&Expiry::COUNTS),
            explanations: Some(Explanations::TOLD),
            other_protocols: Some(OtherProtocols::NAMED),
            authentication: Some(Authentication::METHOD),
            connect_timeout: 10_000,
            ping_interval: 0,
            ping_timeout: 10_000,
            write_timeout: 10_000,
            response_time: 10_000,
            max_repubs: 4,
            republish: true,
            republish_exactly_once: false,
            adopt_session: true,
        }
    }
}

/// The memory of a client. Nothing else is ever used; all of it is bounded.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    /// Encoded packets that wait to be written. The driver's own [`Outbox`](crate::Outbox) needs
    /// as much again.
    pub outbox: Storage<'a, u8>,
    /// Messages and requests on their way to the server.
    pub outgoing: LogMemory<'a>,
    /// Received messages.
    pub incoming: LogMemory<'a>,
    /// Topics for which server and client use aliases: one item, or none and no aliases.
    pub aliases: Storage<'a, Aliases<'a>>,
}

#[cfg(feature = "alloc")]
impl Memory<'_> {
    /// Memory from the heap, taken as it is needed: an outbox of up to `outbox` bytes, messages on
    /// their way out of up to `outgoing` bytes, received ones of up to `incoming` bytes, each with
    /// 16 bytes more, and what the settings ask for.
    #[must_use]
    pub fn heap(config: &Config, outbox: usize, outgoing: usize, incoming: usize) -> Self {
        let aliases = |count: u16| {
            let longest = config.longest_topic().saturating_add(crate::log::HEADER);
            LogMemory::owned(usize::from(count).saturating_mul(longest))
        };
        let ours = config.aliases_out.map_or(0, AliasesOut::maximum);
        let new = || Aliases::new(aliases(config.topic_alias_maximum), aliases(ours));
        let mut both = Storage::owned(1);
        // Without memory for it there are no aliases; 3.1.1 has none.
        let _ = config.version == Version::V5 && both.grow_to_with(1, new);
        Self {
            outbox: Storage::owned(outbox),
            outgoing: LogMemory::owned(outgoing),
            incoming: LogMemory::owned(incoming),
            aliases: both,
        }
    }
}

impl Config {
    /// A topic cannot be longer than the packet around it.
    pub(super) fn longest_topic(&self) -> usize {
        usize::from(u16::MAX).min(self.maximum_packet_size as usize)
    }

    /// Whether a client with these settings works in that memory.
    ///
    /// # Errors
    /// [`ConfigError`] names what does not fit and the number needed.
    pub fn check(&self, memory: &Memory<'_>) -> Result<(), ConfigError> {
        self.check_numbers()?;
        self.check_memory(memory)
    }

    /// Whether no setting is 0 that may not be: those of [`Config::default`] are not.
    ///
    /// # Errors
    /// [`ConfigError::Zero`] names one that is.
    pub fn check_numbers(&self) -> Result<(), ConfigError> {
        self.zero().map_or(Ok(()), |setting| Err(ConfigError::Zero { setting }))
    }

    /// Whether that memory is enough for these settings.
    ///
    /// # Errors
    /// [`ConfigError::Memory`] names what is not, and the number needed.
    pub fn check_memory(&self, memory: &Memory<'_>) -> Result<(), ConfigError> {
        let packet = (self.maximum_packet_size as usize).saturating_add(crate::log::HEADER);
        let incoming = "bytes of received messages";
        enough(incoming, packet, memory.incoming.limit())?;
        enough("bytes of the outbox", Self::SMALLEST_OUTBOX, memory.outbox.limit())
    }

    /// The setting that is 0 and may not be.
    fn zero(&self) -> Option<&'static str> {
        match self {
            Self { receive_maximum: 0, .. } => Some("receive_maximum"),
            Self { maximum_packet_size: 0, .. } => Some("maximum_packet_size"),
            Self { queue_len: 0, .. } => Some("queue_len"),
            _ => None,
        }
    }

    /// Bytes that an outbox has at least: room for the smallest packets of each kind.
    pub const SMALLEST_OUTBOX: usize = 128;
}

fn enough(what: &'static str, needed: usize, given: usize) -> Result<(), ConfigError> {
    if given < needed { Err(ConfigError::Memory { what, needed, given }) } else { Ok(()) }
}

reasons! {
    /// Settings and memory that do not fit each other.
    ConfigError {
        /// A setting that may not be 0: Receive Maximum, Maximum Packet Size or the length of the
        /// queue.
        Zero {
            /// Its name.
            setting: &'static str,
        } => "{setting} is 0, it must be at least 1";
        /// A piece of memory is too small for the settings.
        Memory {
            /// Which one.
            what: &'static str,
            /// Items or bytes needed.
            needed: usize,
            /// Items or bytes given.
            given: usize,
        } => "the settings ask for {needed} {what}, there are {given}";
    }
}

impl core::error::Error for ConfigError {}
