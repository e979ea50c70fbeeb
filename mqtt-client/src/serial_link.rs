//! A transport that is always there: a serial line, a modem, a stream that somebody else opened.

use core::fmt;
use core::future::Future;

use embedded_io_async::{ErrorType, Read, Write};

use crate::address::Server;
use crate::error::ConnectError;
use crate::runtime::{Connect, Shutdown};

/// A single stream, as halves that are read and written, over which every connection goes.
///
/// Before each connection `open` prepares it: it dials, or does nothing. It keeps to the time-out
/// that it is told. The stream is flushed after writing, and never closed.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// # use mqtt_as_client::{Connect, ConnectError, ErrorKind, SerialLink, Server, Step};
///
/// /// A modem that turns a serial line into a connection.
/// fn modem(rx: impl Read, tx: impl Write) -> impl Connect {
///     SerialLink::new(rx, tx, async |rx, tx, server: Server<'_>| {
///         let failed = || ConnectError::Unreachable(Step::Open, ErrorKind::Other.into());
///         tx.write_all(b"ATD").await.map_err(|_| failed())?;
///         tx.write_all(server.host.as_bytes()).await.map_err(|_| failed())?;
///         tx.write_all(b"\r").await.map_err(|_| failed())?;
///         let mut answer = [0; 9];
///         rx.read_exact(&mut answer).await.map_err(|_| failed())?;
///         if &answer == b"CONNECT\r\n" { Ok(()) } else { Err(failed()) }
///     })
/// }
/// # let _ = modem(&[][..], &mut [][..]);
/// ```
///
/// A closure has no name. Where the type of the link needs one, as in a task of embassy, a [`Dial`]
/// of the program's own takes its place ([`with_dial`](Self::with_dial)), or nothing
/// ([`always_open`](Self::always_open)).
pub struct SerialLink<R, W, F = AlwaysOpen> {
    read: R,
    write: W,
    open: F,
}

impl<R: Read, W: Write> SerialLink<R, W> {
    /// Returns a link over that stream, which needs nothing before a connection.
    ///
    /// ```
    /// # use embedded_io_async::{Read, Write};
    /// # use mqtt_as_client::{Connect, SerialLink};
    /// fn cable(rx: impl Read, tx: impl Write) -> impl Connect {
    ///     SerialLink::always_open(rx, tx)
    /// }
    /// # let _ = cable(&[][..], &mut [][..]);
    /// ```
    pub const fn always_open(read: R, write: W) -> Self {
        Self { read, write, open: AlwaysOpen }
    }
}

impl<R: Read, W: Write, D: Dial<R, W>> SerialLink<R, W, D> {
    /// Returns a link over that stream, which `dial` prepares for each connection.
    ///
    /// ```
    /// # use embedded_io_async::{Read, Write};
    /// # use mqtt_as_client::{Connect, ConnectError, Dial, SerialLink, Server};
    /// /// Wakes the other end before each connection.
    /// struct Wake;
    ///
    /// impl<R: Read, W: Write> Dial<R, W> for Wake {
    ///     async fn dial(&mut self, _: &mut R, tx: &mut W, _: Server<'_>) -> Result<(), ConnectError> {
    ///         let _ = tx.write_all(b"\0").await;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// fn line(rx: impl Read, tx: impl Write) -> impl Connect {
    ///     SerialLink::with_dial(rx, tx, Wake)
    /// }
    /// # let _ = line(&[][..], &mut [][..]);
    /// ```
    pub const fn with_dial(read: R, write: W, dial: D) -> Self {
        Self { read, write, open: dial }
    }
}

/// Prepares a stream for a connection, as a modem dials. Closures do.
pub trait Dial<R, W> {
    /// Prepares the stream for a connection to that server, within its time-out.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`] or [`ConnectError::TimedOut`]: there is no connection.
    fn dial(
        &mut self,
        read: &mut R,
        write: &mut W,
        server: Server<'_>,
    ) -> impl Future<Output = Result<(), ConnectError>>;
}

impl<R, W, F> Dial<R, W> for F
where
    F: AsyncFnMut(&mut R, &mut W, Server<'_>) -> Result<(), ConnectError>,
{
    async fn dial(
        &mut self,
        read: &mut R,
        write: &mut W,
        server: Server<'_>,
    ) -> Result<(), ConnectError> {
        self(read, write, server).await
    }
}

/// Nothing is to do before a connection: the line is always there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysOpen;

impl<R, W> Dial<R, W> for AlwaysOpen {
    async fn dial(&mut self, _: &mut R, _: &mut W, _: Server<'_>) -> Result<(), ConnectError> {
        Ok(())
    }
}

impl<R, W, F> SerialLink<R, W, F>
where
    R: Read,
    W: Write,
    F: AsyncFnMut(&mut R, &mut W, Server<'_>) -> Result<(), ConnectError>,
{
    /// Returns a link over that stream, which `open` prepares for each connection.
    ///
    /// ```
    /// # use embedded_io_async::{Read, Write};
    /// # use mqtt_as_client::{Connect, SerialLink};
    /// fn line(rx: impl Read, tx: impl Write) -> impl Connect {
    ///     SerialLink::new(rx, tx, async |_rx, tx, _server| {
    ///         let _ = tx.write_all(b"\0").await; // It wakes the other end.
    ///         Ok(())
    ///     })
    /// }
    /// # let _ = line(&[][..], &mut [][..]);
    /// ```
    pub const fn new(read: R, write: W, open: F) -> Self {
        Self { read, write, open }
    }
}

impl<R, W, F> Connect for SerialLink<R, W, F>
where
    R: Read,
    W: Write,
    F: Dial<R, W>,
{
    const TAKES_HOST: bool = false;

    type Read<'c>
        = &'c mut R
    where
        Self: 'c;
    type Write<'c>
        = SerialLinkWrite<'c, W>
    where
        Self: 'c;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        self.open.dial(&mut self.read, &mut self.write, server).await?;
        Ok((&mut self.read, SerialLinkWrite(&mut self.write)))
    }
}

impl<R, W, F> fmt::Debug for SerialLink<R, W, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialLink")
    }
}

/// The half of a [`SerialLink`] that is written.
#[derive(Debug)]
pub struct SerialLinkWrite<'c, W>(&'c mut W);

impl<W: Write> ErrorType for SerialLinkWrite<'_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for SerialLinkWrite<'_, W> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, W::Error> {
        self.0.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), W::Error> {
        self.0.flush().await
    }
}

impl<W: Write> Shutdown for SerialLinkWrite<'_, W> {
    async fn shutdown(&mut self) {
        let _ = self.0.flush().await; // A line has no end.
    }
}
