//! A transport that is always there: a serial line, a modem, a stream that somebody else opened.

use core::fmt;

use embedded_io_async::{ErrorType, Read, Write};

use crate::error::ConnectError;
use crate::runtime::{Connect, Server, Shutdown};

/// A single stream, as halves that are read and written, over which every connection goes.
///
/// Before each connection `open` prepares it: it dials, or does nothing. It keeps to the time-out
/// that it is told. The stream is flushed after writing, and never closed.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use mqtt_as_client::{Connect, ConnectError, ErrorKind, SerialLink, Server, Step};
///
/// /// A modem that turns a serial line into a connection.
/// fn modem(rx: impl Read, tx: impl Write) -> impl Connect {
///     SerialLink::new(rx, tx, async |rx, tx, server: Server<'_>| {
///         let failed = ConnectError::Unreachable(Step::Open, ErrorKind::Other);
///         tx.write_all(b"ATD").await.map_err(|_| failed)?;
///         tx.write_all(server.host.as_bytes()).await.map_err(|_| failed)?;
///         tx.write_all(b"\r").await.map_err(|_| failed)?;
///         let mut answer = [0; 9];
///         rx.read_exact(&mut answer).await.map_err(|_| failed)?;
///         if &answer == b"CONNECT\r\n" { Ok(()) } else { Err(failed) }
///     })
/// }
/// # let _ = modem(&[][..], &mut [][..]);
/// ```
pub struct SerialLink<R, W, F> {
    read: R,
    write: W,
    open: F,
}

impl<R, W, F> SerialLink<R, W, F>
where
    R: Read,
    W: Write,
    F: AsyncFnMut(&mut R, &mut W, Server<'_>) -> Result<(), ConnectError>,
{
    /// That stream, which `open` prepares for each connection.
    pub const fn new(read: R, write: W, open: F) -> Self {
        Self { read, write, open }
    }
}

impl<R, W, F> Connect for SerialLink<R, W, F>
where
    R: Read,
    W: Write,
    F: AsyncFnMut(&mut R, &mut W, Server<'_>) -> Result<(), ConnectError>,
{
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
        (self.open)(&mut self.read, &mut self.write, server).await?;
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
