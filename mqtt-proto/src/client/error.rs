//! Why an operation was refused here, and why a connection had to end.

use core::fmt;

use crate::error::{DecodeError, EncodeError};
use crate::limits::Limit;
use crate::packet::PacketType;
use crate::reason::ReasonCode;
use crate::wire::PacketId;

/// Why an operation was refused. The caller is at fault, or has to wait; nothing was sent, no
/// packet identifier is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OperationError {
    /// What was asked for does not fit MQTT.
    Invalid(EncodeError),
    /// The server does not allow it.
    Forbidden(Limit),
    /// There is no room now; there will be when packets have left or been acknowledged.
    NoRoom,
    /// It is larger than all the memory given to the client: it will never fit.
    TooLarge {
        /// Bytes that it takes.
        size: usize,
        /// Bytes there are.
        room: usize,
    },
    /// There is no connection, or it is ending.
    NotConnected,
    /// A connection stands or begins already.
    AlreadyConnected,
    /// 3.1.1 asks for a client identifier if the session is kept [MQTT-3.1.3-7].
    ClientIdMissing,
    /// The session expiry was 0 in CONNECT and may not be raised in DISCONNECT (3.14.2.2.2).
    SessionExpiry,
    /// More bytes than were announced for the stream.
    PastEnd {
        /// Bytes given.
        given: usize,
        /// Bytes that it still takes.
        left: u32,
    },
    /// A re-authentication is under way already, or there was no method in CONNECT
    /// [MQTT-4.12.0-7], or the method is another one [MQTT-4.12.1-1].
    Authentication,
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => error.fmt(f),
            Self::Forbidden(limit) => limit.fmt(f),
            Self::NoRoom => f.write_str("there is no room now: try again when something has left"),
            Self::TooLarge { size, room } => {
                write!(f, "it takes {size} bytes, the client's memory has {room}: give it more")
            }
            Self::NotConnected => f.write_str("there is no connection: connect first"),
            Self::AlreadyConnected => f.write_str("there is a connection: disconnect it first"),
            Self::ClientIdMissing => f.write_str(
                "MQTT 3.1.1 needs a client identifier to keep a session: set one, or connect clean",
            ),
            Self::SessionExpiry => f.write_str(
                "the session expiry was 0 at connect and cannot be raised now: set it at connect",
            ),
            Self::PastEnd { given, left } => write!(
                f,
                "the stream takes {left} more bytes, {given} were given: announce its whole length"
            ),
            Self::Authentication => f.write_str(
                "authentication is not possible now: it needs the method given at connect, and only \
                 one re-authentication runs at a time",
            ),
        }
    }
}

impl core::error::Error for OperationError {}

impl From<EncodeError> for OperationError {
    fn from(error: EncodeError) -> Self {
        Self::Invalid(error)
    }
}

impl From<Limit> for OperationError {
    fn from(limit: Limit) -> Self {
        Self::Forbidden(limit)
    }
}

/// Why the connection has to end. The session is intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConnectionError {
    /// The peer sent malformed bytes.
    Malformed(DecodeError),
    /// The peer broke a rule.
    Violation(Violation),
    /// Nothing happened for too long.
    TimedOut(Waiting),
    /// The server holds a session that is not known here [MQTT-3.2.2-4].
    SessionUnknown,
    /// More messages came than the program took; the rest is the server's to send again.
    Overrun,
    /// A message is larger than we take.
    TooLarge {
        /// Bytes of its packet.
        size: usize,
    },
    /// There is no room for the topics of the server's aliases.
    NoRoom,
    /// A packet that has to be sent is larger than the server takes (Maximum Packet Size).
    ServerMaximum {
        /// Bytes of the packet.
        size: usize,
    },
    /// The program stopped in the middle of a stream: its packet cannot be finished, so the
    /// connection ends without another word.
    StreamStopped,
    /// The program did not take a message that came piece by piece: the server sends it again.
    StreamNotTaken,
}

/// A rule that the server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Violation {
    /// The packet may not come from a server, or not now.
    Unexpected(PacketType),
    /// The packet identifier is in use for something else.
    PacketId(PacketType, PacketId),
    /// More unacknowledged messages than our Receive Maximum.
    ReceiveMaximum,
    /// A topic alias above our Topic Alias Maximum.
    TopicAlias(u16),
    /// A topic alias that stands for no topic yet.
    UnknownAlias(u16),
    /// SUBACK or UNSUBACK with another number of reason codes than there were filters.
    ReasonCodes(PacketType),
    /// Session Present after Clean Start [MQTT-3.2.2-2].
    SessionPresent,
    /// Another authentication method than CONNECT's [MQTT-4.12.0-5], or none.
    AuthenticationMethod,
    /// A reason string or user property although none were wanted [MQTT-3.1.2-29].
    ProblemInformation(PacketType),
    /// A session expiry in the server's DISCONNECT [MQTT-3.14.2-2].
    SessionExpiry,
}

/// What was waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Waiting {
    /// CONNACK, with all steps of authentication.
    ConnAck,
    /// PINGRESP.
    PingResp,
    /// Anything at all, for one and a half times the keep-alive.
    Silence,
    /// The transport to take bytes.
    Write,
    /// An acknowledgement, several times in a row.
    Acknowledgement,
}

impl ConnectionError {
    /// What a 5.0 server is told in DISCONNECT; `None` if it is told nothing.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        Some(match self {
            // A malformed CONNECT, for example, is told a CONNACK's code; here it is a packet that
            // may not come at all.
            Self::Malformed(error) if !error.reason().is_listed_for(PacketType::Disconnect) => {
                ReasonCode::PROTOCOL_ERROR
            }
            Self::Malformed(error) => error.reason(),
            Self::Violation(violation) => violation.reason(),
            Self::TimedOut(Waiting::Acknowledgement) => ReasonCode::UNSPECIFIED_ERROR,
            Self::TimedOut(_) | Self::StreamStopped => return None,
            Self::SessionUnknown => ReasonCode::PROTOCOL_ERROR,
            Self::Overrun | Self::StreamNotTaken => ReasonCode::SUCCESS,
            Self::TooLarge { .. } | Self::ServerMaximum { .. } => ReasonCode::PACKET_TOO_LARGE,
            Self::NoRoom => ReasonCode::QUOTA_EXCEEDED,
        })
    }
}

impl Violation {
    const fn reason(self) -> ReasonCode {
        match self {
            Self::ReceiveMaximum => ReasonCode::RECEIVE_MAXIMUM_EXCEEDED,
            Self::TopicAlias(_) => ReasonCode::TOPIC_ALIAS_INVALID,
            _ => ReasonCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Violation(violation) => violation.fmt(f),
            Self::TimedOut(waiting) => waiting.fmt(f),
            Self::SessionUnknown => f.write_str(
                "the server holds a session that this client knows nothing of: connect clean, or \
                 allow it with adopt_session",
            ),
            Self::Overrun => f.write_str(
                "more messages came than the program took; the server sends the rest again: take \
                 messages faster, or make the queue longer",
            ),
            Self::TooLarge { size } => write!(
                f,
                "the server sent a packet of {size} bytes, more than we take: raise the maximum \
                 packet size"
            ),
            Self::StreamStopped => f.write_str(
                "the program stopped in the middle of a stream, whose packet could not be finished: \
                 write on within the write time-out, and finish what is begun",
            ),
            Self::StreamNotTaken => f.write_str(
                "the program did not take a message that came as a stream, which blocks all others; \
                 the server sends it again: read it to its end, within the response time",
            ),
            Self::NoRoom => f.write_str(
                "there is no room for the topics of the server's aliases: give the client more, or \
                 allow fewer",
            ),
            Self::ServerMaximum { size } => write!(
                f,
                "a packet of {size} bytes has to be sent, the Maximum Packet Size of the server is \
                 less: no client can talk to it"
            ),
        }
    }
}

impl core::error::Error for ConnectionError {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server broke the protocol: it sent ")?;
        match self {
            Self::Unexpected(packet) => write!(f, "{packet}, which may not come now"),
            Self::PacketId(packet, id) => {
                write!(f, "{packet} for the packet identifier {id}, which is used otherwise")
            }
            Self::ReceiveMaximum => f.write_str("more messages than our Receive Maximum"),
            Self::TopicAlias(alias) => {
                write!(f, "the topic alias {alias}, above our Topic Alias Maximum")
            }
            Self::UnknownAlias(alias) => {
                write!(f, "the topic alias {alias}, which stands for no topic yet")
            }
            Self::ReasonCodes(packet) => {
                write!(f, "{packet} with another number of reason codes than there were filters")
            }
            Self::SessionPresent => f.write_str("Session Present after a clean start"),
            Self::AuthenticationMethod => {
                f.write_str("another authentication method than the one given at connect")
            }
            Self::ProblemInformation(packet) => {
                write!(f, "{packet} with problem information, which was not wanted")
            }
            Self::SessionExpiry => f.write_str("a session expiry in DISCONNECT"),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnAck => "the server did not answer CONNECT in time",
            Self::PingResp => "the server did not answer PINGREQ in time",
            Self::Silence => "the server was silent for one and a half times the keep-alive",
            Self::Write => "the transport took no bytes for the write time-out",
            Self::Acknowledgement => "the server acknowledged nothing, several times in a row",
        })
    }
}

impl From<DecodeError> for ConnectionError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl From<Violation> for ConnectionError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}
