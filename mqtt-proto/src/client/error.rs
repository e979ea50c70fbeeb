//! Why an operation was refused here, and why a connection had to end.

use core::error::Error;

use crate::error::{DecodeError, EncodeError};
use crate::limits::Limit;
use crate::packet::PacketType;
use crate::reason::ReasonCode;
use crate::wire::PacketId;

reasons! {
    /// Why an operation was refused. The caller is at fault, or has to wait; nothing was sent, no
    /// packet identifier is used.
    #[non_exhaustive]
    OperationError {
        /// What was asked for does not fit MQTT.
        Invalid(error: EncodeError) => "{error}";
        /// The server does not allow it.
        Forbidden(limit: Limit) => "{limit}";
        /// There is no room now; there will be when packets have left or been acknowledged.
        NoRoom => "there is no room now: try again when something has left";
        /// It is larger than all the memory given to the client: it will never fit.
        TooLarge {
            /// Bytes that it takes.
            size: usize,
            /// Bytes there are.
            room: usize,
        } => "it takes {size} bytes, the client's memory has {room}: give it more";
        /// There is no connection, or it is ending.
        NotConnected => "there is no connection: connect first";
        /// A connection stands or begins already.
        AlreadyConnected => "there is a connection: disconnect it first";
        /// 3.1.1 asks for a client identifier if the session is kept [MQTT-3.1.3-7].
        ClientIdMissing
            => "MQTT 3.1.1 needs a client identifier to keep a session: set one, or connect clean";
        /// The session expiry was 0 in CONNECT and may not be raised in DISCONNECT (3.14.2.2.2).
        SessionExpiry
            => "the session expiry was 0 at connect and cannot be raised now: set it at connect";
        /// More bytes than were announced for the stream.
        PastEnd {
            /// Bytes given.
            given: usize,
            /// Bytes that it still takes.
            left: u32,
        } => "the stream takes {left} more bytes, {given} were given: announce its whole length";
        /// A re-authentication is under way already, or there was no method in CONNECT
        /// [MQTT-4.12.0-7], or the method is another one [MQTT-4.12.1-1].
        Authentication => "authentication is not possible now: it needs the method given at \
                           connect, and only one re-authentication runs at a time";
    }

    /// Why the connection has to end. The session is intact.
    #[non_exhaustive]
    ConnectionError {
        /// The peer sent malformed bytes.
        Malformed(error: DecodeError) => "{error}";
        /// What answered CONNECT speaks another protocol.
        NotMqtt(protocol: Foreign) => "{protocol}";
        /// The peer broke a rule.
        Violation(violation: Violation) => "{violation}";
        /// Nothing happened for too long.
        TimedOut(waiting: Waiting) => "{waiting}";
        /// The server holds a session that is not known here [MQTT-3.2.2-4].
        SessionUnknown => "the server holds a session that this client knows nothing of: connect \
                           clean, or allow it with adopt_session";
        /// More messages came than the program took; the rest is the server's to send again.
        Overrun => "more messages came than the program took; the server sends the rest again: \
                    take messages faster, or make the queue longer";
        /// A message is larger than we take.
        TooLarge {
            /// Bytes of its packet.
            size: usize,
        } => "the server sent a packet of {size} bytes, more than we take: raise the maximum \
              packet size";
        /// There is no room for the topics of the server's aliases.
        NoRoom => "there is no room for the topics of the server's aliases: give the client more, \
                   or allow fewer";
        /// A packet that has to be sent is larger than the server takes (Maximum Packet Size).
        ServerMaximum {
            /// Bytes of the packet.
            size: usize,
        } => "a packet of {size} bytes has to be sent, the Maximum Packet Size of the server is \
              less: no client can talk to it";
        /// The program stopped in the middle of a stream: its packet cannot be finished, so the
        /// connection ends without another word.
        StreamStopped => "the program stopped in the middle of a stream, whose packet could not be \
                          finished: write on within the write time-out, and finish what is begun";
        /// The program did not take a message that came piece by piece: the server sends it again.
        StreamNotTaken => "the program did not take a message that came as a stream, which blocks \
                           all others; the server sends it again: read it to its end, within the \
                           response time";
    }

    /// What the other side speaks, if it is not MQTT.
    #[non_exhaustive]
    Foreign {
        /// An answer of HTTP.
        Http => "the server answered CONNECT in HTTP: this is not the port of an MQTT server";
        /// An alert of TLS, at a client that does not speak it.
        TlsAlert => "the server answered CONNECT with a TLS alert: on this port it wants TLS, so \
                     connect with TLS, or to its port without (often 1883)";
    }

    /// A rule that the server broke.
    #[non_exhaustive]
    Violation says "the server broke the protocol: it sent " {
        /// The packet may not come from a server, or not now.
        Unexpected(packet: PacketType) => "{packet}, which may not come now";
        /// The packet identifier is in use for something else.
        PacketId(packet: PacketType, id: PacketId)
            => "{packet} for the packet identifier {id}, which is used otherwise";
        /// More unacknowledged messages than our Receive Maximum.
        ReceiveMaximum => "more messages than our Receive Maximum";
        /// A topic alias above our Topic Alias Maximum.
        TopicAlias(alias: u16) => "the topic alias {alias}, above our Topic Alias Maximum";
        /// A topic alias that stands for no topic yet.
        UnknownAlias(alias: u16) => "the topic alias {alias}, which stands for no topic yet";
        /// SUBACK or UNSUBACK with another number of reason codes than there were filters.
        ReasonCodes(packet: PacketType)
            => "{packet} with another number of reason codes than there were filters";
        /// Session Present after Clean Start [MQTT-3.2.2-2].
        SessionPresent => "Session Present after a clean start";
        /// Another authentication method than CONNECT's [MQTT-4.12.0-5], or none.
        AuthenticationMethod => "another authentication method than the one given at connect";
        /// A reason string or user property although none were wanted [MQTT-3.1.2-29].
        ProblemInformation(packet: PacketType)
            => "{packet} with problem information, which was not wanted";
        /// A session expiry in the server's DISCONNECT [MQTT-3.14.2-2].
        SessionExpiry => "a session expiry in DISCONNECT";
    }

    /// What was waited for too long.
    #[non_exhaustive]
    Waiting {
        /// CONNACK, with all steps of authentication.
        ConnAck => "the server did not answer CONNECT in time";
        /// PINGRESP.
        PingResp => "the server did not answer PINGREQ in time";
        /// Anything at all, for one and a half times the keep-alive.
        Silence => "the server was silent for one and a half times the keep-alive";
        /// The transport to take bytes.
        Write => "the transport took no bytes for the write time-out";
        /// An acknowledgement, several times in a row.
        Acknowledgement => "the server acknowledged nothing, several times in a row";
    }
}

impl Error for OperationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::Forbidden(limit) => Some(limit),
            _ => None,
        }
    }
}

impl OperationError {
    /// Returns whether the same operation, tried again unchanged, can go well: where something has
    /// to leave, or a connection to come, before.
    ///
    /// ```
    /// # use mqtt_as_proto::client::OperationError;
    /// assert!(OperationError::NoRoom.is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NoRoom | Self::NotConnected => true,
            // A re-authentication runs, or there was no method: which of them is not known.
            Self::Authentication => true,
            // What cannot be said, or is not allowed, has to be changed.
            Self::Invalid(_) | Self::Forbidden(_) | Self::TooLarge { .. } => false,
            Self::AlreadyConnected | Self::ClientIdMissing | Self::SessionExpiry => false,
            Self::PastEnd { .. } => false,
        }
    }
}

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

impl ConnectionError {
    /// What a 5.0 server is told in DISCONNECT; `None` if it is told nothing.
    ///
    /// ```
    /// # use mqtt_as_proto::ReasonCode;
    /// # use mqtt_as_proto::client::ConnectionError;
    /// let told = ConnectionError::SessionUnknown.reason();
    /// assert!(told.is_none_or(ReasonCode::is_error));
    /// ```
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
            Self::TimedOut(_) | Self::StreamStopped | Self::NotMqtt(_) => return None,
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

impl Error for ConnectionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Violation(error) => Some(error),
            Self::NotMqtt(error) => Some(error),
            Self::TimedOut(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for Violation {}
impl Error for Waiting {}
impl Error for Foreign {}

impl ConnectionError {
    /// Returns whether another connection, with nothing changed, can do better.
    ///
    /// ```
    /// # use mqtt_as_proto::client::{ConnectionError, Waiting};
    /// assert!(ConnectionError::TimedOut(Waiting::PingResp).is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            // A server that was slow, or bytes that were not its own, may pass.
            Self::Malformed(_) | Self::Violation(_) | Self::TimedOut(_) => true,
            // The server sends again what was not taken.
            Self::Overrun | Self::StreamStopped | Self::StreamNotTaken => true,
            // It will be another port, other settings, more memory, or another server.
            Self::NotMqtt(_) | Self::SessionUnknown => false,
            Self::TooLarge { .. } | Self::NoRoom | Self::ServerMaximum { .. } => false,
        }
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
