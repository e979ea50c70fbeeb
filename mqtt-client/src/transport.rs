//! What can go wrong with a transport, in words that no runtime owns.

use core::error::Error;
use core::fmt;

use whole::Whole;

/// The failure of a transport. With a heap it keeps the error of the transport whole, which is its
/// [`source`](Error::source): a `std::io::Error` on tokio and smol.
///
/// Two of them are equal if their kinds are.
#[derive(Clone)]
pub struct TransportError {
    kind: ErrorKind,
    whole: Whole,
}

impl TransportError {
    /// Returns the failure for that error of a transport: its kind, and with a heap all of it.
    ///
    /// ```
    /// use mqtt_as_tokio::{ErrorKind, TransportError};
    ///
    /// let error = TransportError::new(embedded_io_async::ErrorKind::ConnectionReset);
    /// assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    /// ```
    #[must_use]
    pub fn new<E: embedded_io_async::Error + Send + Sync + 'static>(error: E) -> Self {
        Self { kind: error.kind().into(), whole: Whole::new(error) }
    }

    /// The failure of that kind alone.
    pub(crate) fn from_kind(error: &impl embedded_io_async::Error) -> Self {
        ErrorKind::from(error.kind()).into()
    }

    /// Returns what went wrong, as far as programs tell it apart.
    ///
    /// ```
    /// use mqtt_as_tokio::{ErrorKind, TransportError};
    ///
    /// assert_eq!(TransportError::from(ErrorKind::TimedOut).kind(), ErrorKind::TimedOut);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns whether trying again unchanged can help: not where the transport cannot do what was
    /// asked, or may not. A certificate that is not trusted, is for another name, or that the server
    /// does not take is [`ErrorKind::PermissionDenied`].
    ///
    /// ```
    /// use mqtt_as_tokio::{ErrorKind, TransportError};
    ///
    /// assert!(TransportError::from(ErrorKind::ConnectionReset).is_retryable());
    /// assert!(!TransportError::from(ErrorKind::Unsupported).is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        !matches!(
            self.kind,
            ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
        )
    }

    /// The error beneath one that says all that this one does.
    pub(crate) fn beneath(&self) -> &(dyn Error + 'static) {
        self.whole.get().unwrap_or(self)
    }
}

impl From<ErrorKind> for TransportError {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, whole: Whole::NONE }
    }
}

impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for TransportError {}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.whole.get()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole.get() {
            Some(error) => fmt::Display::fmt(error, f),
            None => fmt::Display::fmt(&self.kind, f),
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole.get() {
            Some(error) => fmt::Debug::fmt(error, f),
            None => fmt::Debug::fmt(&self.kind, f),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for TransportError {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.kind.format(f);
    }
}

#[cfg(feature = "alloc")]
mod whole {
    use alloc::sync::Arc;
    use core::error::Error;

    /// The error of a transport.
    #[derive(Clone)]
    pub(super) struct Whole(Option<Arc<dyn Error + Send + Sync>>);

    impl Whole {
        pub(super) const NONE: Self = Self(None);

        pub(super) fn new(error: impl Error + Send + Sync + 'static) -> Self {
            Self(Some(Arc::new(error)))
        }

        pub(super) fn get(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|error| error as &(dyn Error + 'static))
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod whole {
    use core::error::Error;

    /// Without a heap there is no place for the error of a transport.
    #[derive(Clone)]
    pub(super) struct Whole;

    impl Whole {
        pub(super) const NONE: Self = Self;

        pub(super) fn new(_: impl Error) -> Self {
            Self
        }

        #[allow(clippy::unused_self)] // With a heap there is something to get.
        pub(super) fn get(&self) -> Option<&(dyn Error + 'static)> {
            None
        }
    }
}

mqtt_as_proto::reasons! {
    /// Why a transport could not be opened, read or written. The kinds are those of the operating
    /// systems' sockets; a transport of another make says what comes nearest.
    #[non_exhaustive]
    ErrorKind {
        /// None of the others.
        Other => "the transport failed";
        /// There is no such host.
        NotFound => "there is no such host";
        /// The program may not.
        PermissionDenied => "it is not permitted";
        /// The peer refused.
        ConnectionRefused => "the peer refused";
        /// The peer cut the connection.
        ConnectionReset => "the peer cut the connection";
        /// The connection was cut on this side.
        ConnectionAborted => "the connection was cut on this side";
        /// There is no connection.
        NotConnected => "there is no connection";
        /// The address of this side is taken.
        AddrInUse => "the address of this side is taken";
        /// The address of this side does not exist.
        AddrNotAvailable => "this side has no such address";
        /// The peer reads no more.
        BrokenPipe => "the peer reads no more";
        /// What was asked for makes no sense to the transport.
        InvalidInput => "the transport cannot make sense of what was asked";
        /// What came makes no sense to the transport.
        InvalidData => "the transport cannot make sense of what came";
        /// It took too long.
        TimedOut => "it took too long";
        /// It was interrupted.
        Interrupted => "it was interrupted";
        /// The transport cannot do this.
        Unsupported => "the transport cannot do this";
        /// There is no memory.
        OutOfMemory => "there is no memory for it";
        /// The transport took nothing.
        WriteZero => "the transport took nothing";
    }
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
