//! Sockets of tokio, as the client reads and writes them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{Connect, ConnectError, ErrorKind, Server, Shutdown, Step, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Opens TCP connections, with Nagle's algorithm off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connect for Tcp {
    type Read<'c> = ReadHalf<OwnedReadHalf>;
    type Write<'c> = WriteHalf<OwnedWriteHalf>;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let stream = open(server).await?;
        let _ = stream.set_nodelay(true); // Slower without, but no worse.
        let (read, write) = stream.into_split();
        Ok((ReadHalf(read), WriteHalf(write)))
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

    fn poll_read_buf(
        read: &mut Self::Read<'_>,
        packet: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Result<usize, TransportError>>> {
        Some(poll_read_buf(read, packet, cx))
    }
}

/// Reads up to the end of the packet: more room is not asked for.
pub(crate) fn poll_read_buf<T: AsyncRead + Unpin>(
    read: &mut ReadHalf<T>,
    packet: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, TransportError>> {
    let room = packet.capacity() - packet.len();
    let mut packet = packet.limit(room);
    let poll = pin!(read.0.read_buf(&mut packet)).poll(cx);
    poll.map_err(TransportError::new)
}

/// Resolves the name and tries every address; tells of the last failure.
async fn open(server: Server<'_>) -> Result<TcpStream, ConnectError> {
    let lookup = tokio::net::lookup_host((server.host, server.port));
    let addresses: Vec<SocketAddr> = limited(server, Step::Resolve, lookup).await?.collect();
    let mut result = Err(ConnectError::Unreachable(Step::Resolve, ErrorKind::NotFound.into()));
    for address in addresses {
        result = limited(server, Step::Open, TcpStream::connect(address)).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// A step within its time-out.
pub(crate) async fn limited<T>(
    server: Server<'_>,
    step: Step,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectError> {
    let time = match server.timeout {
        0 => Duration::MAX,
        ms => Duration::from_millis(ms.into()),
    };
    match timeout(time, future).await {
        Err(_) => Err(ConnectError::TimedOut(step)),
        Ok(Err(error)) => Err(ConnectError::Unreachable(step, TransportError::new(error))),
        Ok(Ok(value)) => Ok(value),
    }
}

/// The half of a tokio stream that is read.
#[derive(Debug)]
pub struct ReadHalf<T>(pub(crate) T);

/// The half of a tokio stream that is written.
#[derive(Debug)]
pub struct WriteHalf<T>(pub(crate) T);

impl<T> ErrorType for ReadHalf<T> {
    type Error = io::Error;
}

impl<T> ErrorType for WriteHalf<T> {
    type Error = io::Error;
}

impl<T: AsyncRead + Unpin> Read for ReadHalf<T> {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut buf = ReadBuf::new(buf);
            let poll = Pin::new(&mut self.0).poll_read(cx, &mut buf);
            poll.map(|result| result.map(|()| buf.filled().len()))
        })
        .await
    }
}

impl<T: AsyncWrite + Unpin> Write for WriteHalf<T> {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut self.0).poll_write(cx, buf)).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.0).poll_flush(cx)).await
    }
}

impl<T: AsyncWrite + Unpin> Shutdown for WriteHalf<T> {
    async fn shutdown(&mut self) {
        let _ = poll_fn(|cx| match Pin::new(&mut self.0).poll_shutdown(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }
}
