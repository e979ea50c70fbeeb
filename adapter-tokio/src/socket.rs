//! Sockets of tokio, as the client opens, reads and writes them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::Shutdown;
use mqtt_as_client::net::{ByteStream, Sockets};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::compat::Compat;

/// The sockets of tokio.
#[derive(Clone, Copy, Debug)]
pub enum TokioSockets {}

impl Sockets for TokioSockets {
    type Tcp = TcpStream;
    type Read = ReadHalf;
    type Write = WriteHalf;

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        let _ = stream.set_nodelay(true); // Slower without, but no worse.
        Ok(stream)
    }

    async fn connect_unix(path: &Path) -> io::Result<impl ByteStream + 'static> {
        unix::connect(path).await
    }

    fn split(tcp: TcpStream) -> (ReadHalf, WriteHalf) {
        let (read, write) = tcp.into_split();
        (ReadHalf(read), WriteHalf(write))
    }

    fn stream(tcp: TcpStream) -> impl ByteStream + 'static {
        Compat(tcp)
    }

    /// Reads up to the end of the packet: more room is not asked for.
    fn poll_read_buf(
        read: &mut ReadHalf,
        packet: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let room = packet.capacity() - packet.len();
        let mut packet = packet.limit(room);
        Some(pin!(read.0.read_buf(&mut packet)).poll(cx))
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(time)
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::path::Path;

    use tokio::net::UnixStream;

    use crate::compat::Compat;

    pub(super) async fn connect(path: &Path) -> io::Result<Compat<UnixStream>> {
        UnixStream::connect(path).await.map(Compat)
    }
}

#[cfg(not(unix))]
mod unix {
    use std::io;
    use std::path::Path;

    use tokio::net::TcpStream;

    use crate::compat::Compat;

    pub(super) async fn connect(_: &Path) -> io::Result<Compat<TcpStream>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The half of a TCP connection that is read.
#[derive(Debug)]
pub struct ReadHalf(OwnedReadHalf);

/// The half of a TCP connection that is written.
#[derive(Debug)]
pub struct WriteHalf(OwnedWriteHalf);

impl ErrorType for ReadHalf {
    type Error = io::Error;
}

impl ErrorType for WriteHalf {
    type Error = io::Error;
}

impl Read for ReadHalf {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut buf = ReadBuf::new(buf);
            let poll = Pin::new(&mut self.0).poll_read(cx, &mut buf);
            poll.map(|result| result.map(|()| buf.filled().len()))
        })
        .await
    }
}

impl Write for WriteHalf {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut self.0).poll_write(cx, buf)).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.0).poll_flush(cx)).await
    }
}

impl Shutdown for WriteHalf {
    async fn shutdown(&mut self) {
        let _ = poll_fn(|cx| Pin::new(&mut self.0).poll_shutdown(cx)).await;
    }
}
