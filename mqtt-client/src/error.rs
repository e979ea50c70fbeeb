//! One error type per operation; each says whose fault it is and what to do.

use core::fmt;

use mqtt_as_proto::client::{ConnectionError, NotSent, OperationError};
use mqtt_as_proto::{ReasonCode, TopicError};

pub use crate::transport::ErrorKind;

/// A step of opening a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step {
    /// Looking the host name up.
    Resolve,
    /// Opening the transport.
    Open,
    /// CONNECT and CONNACK.
    Connect,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host name",
            Self::Open => "opening the transport",
            Self::Connect => "waiting for CONNACK",
        })
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConnectError {
    /// The server refused, for that reason.
    Refused(ReasonCode),
    /// The server cannot be reached.
    Unreachable(Step, ErrorKind),
    /// A step took too long.
    TimedOut(Step),
    /// The server sent what it may not.
    Protocol(ConnectionError),
    /// The transport ended before CONNACK.
    Lost(DownReason),
    /// What was asked for cannot be said, or the server has said before that it forbids it.
    Invalid(OperationError),
    /// The keep-alive is above 65,535 s.
    KeepAlive {
        /// Seconds given.
        seconds: u32,
    },
    /// The will's topic is no topic name.
    WillTopic(TopicError),
    /// Another `connect` or a `disconnect` took its place.
    Replaced,
    /// The driver is gone.
    Closed,
    /// No waiter slot is free: without a heap their number is fixed.
    NoWaiter,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the server refused the connection: {reason}"),
            Self::Unreachable(step, kind) => {
                write!(f, "the server cannot be reached: {step} failed: {kind}")
            }
            Self::TimedOut(step) => write!(f, "the server did not answer in time: {step}"),
            Self::Protocol(error) => error.fmt(f),
            Self::Lost(reason) => write!(f, "the connection ended before CONNACK: {reason}"),
            Self::Invalid(error) => error.fmt(f),
            Self::KeepAlive { seconds } => {
                write!(f, "the keep-alive is {seconds} s, MQTT allows 65,535 s: lower it")
            }
            Self::WillTopic(error) => write!(f, "the topic of the will: {error}"),
            Self::Replaced => f.write_str("another connect or disconnect took its place"),
            Self::Closed => f.write_str(CLOSED),
            Self::NoWaiter => f.write_str(NO_WAITER),
        }
    }
}

impl core::error::Error for ConnectError {}

const CLOSED: &str = "the client's driver has ended";
const NO_WAITER: &str = "no waiter slot is free: give the client more, or call less at a time";

/// Why a message was not published, or is not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PublishError {
    /// The topic is no topic name. Nothing was sent.
    Topic(TopicError),
    /// It cannot be said, or the server does not allow it. Nothing was sent.
    Invalid(OperationError),
    /// The server got the message and refused it.
    Refused(ReasonCode),
    /// It was accepted, but never sent, and will not be.
    NeverSent(NotSent),
    /// It was sent, and the session is gone: nobody knows whether it arrived.
    Unknown {
        /// The server had received it, but not let go of it.
        received: bool,
    },
    /// There was no acknowledgement in time. The message itself goes on: if it is acknowledged
    /// later, nobody is told.
    TimedOut,
    /// The program disconnected before it was acknowledged. The session is kept, and with it the
    /// message: it goes out, or on, with the next connection.
    Kept,
    /// There is no connection, and the setting is to refuse then, or none came in time. Nothing was
    /// sent.
    NotConnected,
    /// All of a stream was sent, and the connection was lost before it was acknowledged: `restart`
    /// sends it again, at QoS 2 still exactly once.
    Interrupted,
    /// A stream that is open, on its way, or over cannot be restarted.
    NotInterrupted,
    /// A stream was given other bytes than were announced. More are not taken; with fewer its
    /// packet cannot be finished, so the link goes down.
    Length {
        /// Bytes announced.
        announced: u32,
        /// Bytes given.
        given: u32,
    },
    /// A message is being read as a stream: the answer would lie behind it. Read it to its end first.
    StreamOpen,
    /// The driver is gone.
    Closed,
    /// No waiter slot is free: without a heap their number is fixed. Nothing was sent.
    NoWaiter,
}

const STREAM_OPEN: &str =
    "a message is being read as a stream, and the answer would lie behind it: read it to its end";

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Invalid(error) => error.fmt(f),
            Self::Refused(reason) => write!(f, "the server refused the message: {reason}"),
            Self::NeverSent(NotSent::Forbidden(limit)) => {
                write!(f, "the message was never sent: {limit}")
            }
            Self::NeverSent(NotSent::Expired) => {
                f.write_str("the message expired before it could be sent")
            }
            Self::NeverSent(NotSent::Interrupted) => f.write_str(
                "the connection was lost in the middle of the stream, so the server has nothing of \
                 it: restart it",
            ),
            Self::NeverSent(NotSent::Stopped) => f.write_str(
                "the stream was not written on within the write time-out, so the link had to be \
                 closed: restart it, and write faster",
            ),
            Self::NeverSent(_) => f.write_str("the message was never sent: the client was closed"),
            Self::Unknown { received: false } => f.write_str(
                "the message was sent and the session is lost: nobody knows whether it arrived",
            ),
            Self::Unknown { received: true } => f.write_str(
                "the server received the message and the session is lost: nobody knows whether it \
                 was delivered",
            ),
            Self::TimedOut => {
                f.write_str("the message was not acknowledged in time; it is still on its way")
            }
            Self::Kept => f.write_str(
                "the program disconnected before the message was acknowledged; it goes on with the \
                 next connection",
            ),
            Self::NotConnected => f.write_str("there is no connection: connect first"),
            Self::Interrupted => f.write_str(
                "the connection was lost before the stream was acknowledged: restart it",
            ),
            Self::NotInterrupted => {
                f.write_str("the stream is open, on its way, or over: there is nothing to restart")
            }
            Self::StreamOpen => f.write_str(STREAM_OPEN),
            Self::Length { announced, given } => write!(
                f,
                "{announced} bytes were announced for the stream, {given} were given: announce what \
                 is written"
            ),
            Self::Closed => f.write_str(CLOSED),
            Self::NoWaiter => f.write_str(NO_WAITER),
        }
    }
}

impl core::error::Error for PublishError {}

/// Why a subscription was not made or ended, or is not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SubscribeError {
    /// The filter is no topic filter. Nothing was sent.
    Filter(TopicError),
    /// It cannot be said, or the server does not allow it. Nothing was sent.
    Invalid(OperationError),
    /// More filters than one call takes. Nothing was sent.
    TooManyFilters {
        /// Filters that one call takes.
        most: usize,
    },
    /// The server refused the filter.
    Refused(ReasonCode),
    /// There is no connection. Nothing was sent.
    NotConnected,
    /// The connection was lost before the answer: nobody knows whether the server got it.
    Unknown,
    /// There was no answer in time.
    TimedOut,
    /// A message is being read as a stream: the answer would lie behind it. Nothing was sent.
    StreamOpen,
    /// The driver is gone.
    Closed,
    /// No waiter slot is free: without a heap their number is fixed. Nothing was sent.
    NoWaiter,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::Invalid(error) => error.fmt(f),
            Self::TooManyFilters { most } => {
                write!(f, "one call takes {most} filters at most: make several calls")
            }
            Self::Refused(reason) => write!(f, "the server refused the filter: {reason}"),
            Self::NotConnected => f.write_str("there is no connection: connect first"),
            Self::Unknown => {
                f.write_str("the connection was lost before the answer: call again when it is up")
            }
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::StreamOpen => f.write_str(STREAM_OPEN),
            Self::Closed => f.write_str(CLOSED),
            Self::NoWaiter => f.write_str(NO_WAITER),
        }
    }
}

impl core::error::Error for SubscribeError {}

/// Why a message cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StreamError {
    /// The connection was lost before all of it had come. At QoS 1 and 2 the server sends it again,
    /// if it has kept the session.
    Lost,
    /// It was not read on within the response time. At QoS 1 and 2 the link is closed, and the
    /// server sends it again; at QoS 0 the rest was skipped.
    TimedOut,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the connection was lost in the middle of the message",
            Self::TimedOut => "the message was not read on within the response time: read faster",
        })
    }
}

impl core::error::Error for StreamError {}

/// Why a disconnect was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DisconnectError {
    /// There is no connection.
    NotConnected,
    /// What was asked for cannot be said. No call there is asks for such a thing so far.
    Invalid(OperationError),
    /// The driver is gone.
    Closed,
    /// No waiter slot is free: without a heap their number is fixed. The disconnect runs all the
    /// same.
    NoWaiter,
}

impl fmt::Display for DisconnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("there is no connection"),
            Self::Invalid(error) => error.fmt(f),
            Self::Closed => f.write_str(CLOSED),
            Self::NoWaiter => f.write_str(NO_WAITER),
        }
    }
}

impl core::error::Error for DisconnectError {}

/// Why the link is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DownReason {
    /// The program disconnected.
    Disconnected,
    /// The program connected anew.
    Replaced,
    /// The server ended the connection, for that reason (5.0).
    Server(ReasonCode),
    /// The server closed the transport.
    Closed,
    /// The transport failed.
    Transport(ErrorKind),
    /// The client ended the connection: the server broke a rule, or nothing came for too long.
    Protocol(ConnectionError),
    /// Three connections in a row ended with this packet identifier unacknowledged and no progress:
    /// its message may be what breaks them. `Client::give_up` ends it.
    Poison(u16),
    /// The program stopped in the middle of a stream: its packet could not be finished, and nothing
    /// can follow half a packet.
    StreamStopped,
    /// The program did not read a message to its end that came as a stream, or not in time. The
    /// server sends it again.
    StreamNotTaken,
}

impl DownReason {
    pub(crate) fn transport(error: &impl embedded_io_async::Error) -> Self {
        Self::Transport(error.kind().into())
    }
}

impl From<ConnectionError> for DownReason {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::StreamStopped => Self::StreamStopped,
            ConnectionError::StreamNotTaken => Self::StreamNotTaken,
            error => Self::Protocol(error),
        }
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("the program disconnected"),
            Self::Replaced => f.write_str("the program connected anew"),
            Self::Server(reason) => write!(f, "the server ended the connection: {reason}"),
            Self::Closed => f.write_str("the server closed the transport"),
            Self::Transport(kind) => write!(f, "the link is lost: {kind}"),
            Self::Protocol(error) => error.fmt(f),
            Self::StreamStopped => ConnectionError::StreamStopped.fmt(f),
            Self::StreamNotTaken => ConnectionError::StreamNotTaken.fmt(f),
            Self::Poison(id) => write!(
                f,
                "three connections in a row ended with the packet identifier {id} unacknowledged: \
                 its message may break them"
            ),
        }
    }
}
