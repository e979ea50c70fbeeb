//! What can go wrong with a transport, in words that no runtime owns.

use core::fmt;

/// Why a transport could not be opened, read or written. The kinds are those of the operating
/// systems' sockets; a transport of another make says what comes nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// None of the others.
    Other,
    /// There is no such host.
    NotFound,
    /// The program may not.
    PermissionDenied,
    /// The peer refused.
    ConnectionRefused,
    /// The peer cut the connection.
    ConnectionReset,
    /// The connection was cut on this side.
    ConnectionAborted,
    /// There is no connection.
    NotConnected,
    /// The address of this side is taken.
    AddrInUse,
    /// The address of this side does not exist.
    AddrNotAvailable,
    /// The peer reads no more.
    BrokenPipe,
    /// What was asked for makes no sense to the transport.
    InvalidInput,
    /// What came makes no sense to the transport.
    InvalidData,
    /// It took too long.
    TimedOut,
    /// It was interrupted.
    Interrupted,
    /// The transport cannot do this.
    Unsupported,
    /// There is no memory.
    OutOfMemory,
    /// The transport took nothing.
    WriteZero,
}

impl From<embedded_io_async::ErrorKind> for ErrorKind {
    fn from(kind: embedded_io_async::ErrorKind) -> Self {
        use embedded_io_async::ErrorKind as Theirs;
        match kind {
            Theirs::NotFound => Self::NotFound,
            Theirs::PermissionDenied => Self::PermissionDenied,
            Theirs::ConnectionRefused => Self::ConnectionRefused,
            Theirs::ConnectionReset => Self::ConnectionReset,
            Theirs::ConnectionAborted => Self::ConnectionAborted,
            Theirs::NotConnected => Self::NotConnected,
            Theirs::AddrInUse => Self::AddrInUse,
            Theirs::AddrNotAvailable => Self::AddrNotAvailable,
            Theirs::BrokenPipe => Self::BrokenPipe,
            Theirs::InvalidInput => Self::InvalidInput,
            Theirs::InvalidData => Self::InvalidData,
            Theirs::TimedOut => Self::TimedOut,
            Theirs::Interrupted => Self::Interrupted,
            Theirs::Unsupported => Self::Unsupported,
            Theirs::OutOfMemory => Self::OutOfMemory,
            Theirs::WriteZero => Self::WriteZero,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "the transport failed",
            Self::NotFound => "there is no such host",
            Self::PermissionDenied => "it is not permitted",
            Self::ConnectionRefused => "the peer refused",
            Self::ConnectionReset => "the peer cut the connection",
            Self::ConnectionAborted => "the connection was cut on this side",
            Self::NotConnected => "there is no connection",
            Self::AddrInUse => "the address of this side is taken",
            Self::AddrNotAvailable => "this side has no such address",
            Self::BrokenPipe => "the peer reads no more",
            Self::InvalidInput => "the transport cannot make sense of what was asked",
            Self::InvalidData => "the transport cannot make sense of what came",
            Self::TimedOut => "it took too long",
            Self::Interrupted => "it was interrupted",
            Self::Unsupported => "the transport cannot do this",
            Self::OutOfMemory => "there is no memory for it",
            Self::WriteZero => "the transport took nothing",
        })
    }
}
