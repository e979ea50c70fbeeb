//! What can go wrong with a transport, in words that no runtime owns.

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
