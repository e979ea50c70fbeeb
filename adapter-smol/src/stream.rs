//! Transports of the program's own make: whatever futures-io reads and writes.

use std::fmt;
use std::io;

use embedded_io_async::{ErrorType, Read, Write};
use futures_lite::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_lite::io::{ReadHalf, WriteHalf, split};
use mqtt_as_client::{Connect, ConnectError, Server, Shutdown, Step, TransportError};

use crate::socket::limited;

/// Opens transports by a function of the program's. [`new_with`](crate::new_with) takes it.
pub struct Streams<F>(pub(crate) F);

impl<F, O, S> Connect for Streams<F>
where
    F: FnMut(String, u16) -> O,
    O: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    type Read<'c>
        = Reader<S>
    where
        Self: 'c;
    type Write<'c>
        = Writer<S>
    where
        Self: 'c;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let open = (self.0)(server.host.to_owned(), server.port);
        let (read, write) = split(limited(server, Step::Open, open).await?);
        Ok((Reader(read), Writer(write)))
    }

    fn read_failed<'c>(error: io::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }

    fn write_failed<'c>(error: io::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }
}

/// The half of a stream that is read.
#[derive(Debug)]
pub struct Reader<S>(ReadHalf<S>);

/// The half of a stream that is written.
#[derive(Debug)]
pub struct Writer<S>(WriteHalf<S>);

impl<S> ErrorType for Reader<S> {
    type Error = io::Error;
}

impl<S> ErrorType for Writer<S> {
    type Error = io::Error;
}

impl<S: AsyncRead + Unpin> Read for Reader<S> {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf).await
    }
}

impl<S: AsyncWrite + Unpin> Write for Writer<S> {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }
}

impl<S: AsyncWrite + Unpin> Shutdown for Writer<S> {
    async fn shutdown(&mut self) {
        let _ = self.0.close().await;
    }
}

impl<F> fmt::Debug for Streams<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
