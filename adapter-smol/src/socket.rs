//! Sockets of async-io, as the client opens, reads and writes them.

use std::io::{self, ErrorKind::WouldBlock};
use std::net::{self, IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_io::{Async, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::Shutdown;
use mqtt_as_client::net::{ByteStream, Sockets};

/// The sockets of async-io.
#[derive(Clone, Copy, Debug)]
pub enum SmolSockets {}

impl Sockets for SmolSockets {
    type Tcp = Async<TcpStream>;
    type Read = ReadHalf;
    type Write = WriteHalf;

    /// The system resolves names while the caller waits: in a thread for such things, then.
    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let host = host.to_owned();
        blocking::unblock(move || Ok((host, port).to_socket_addrs()?.collect())).await
    }

    async fn connect(address: SocketAddr) -> io::Result<Async<TcpStream>> {
        let stream = Async::<TcpStream>::connect(address).await?;
        let _ = stream.get_ref().set_nodelay(true); // Slower without, but no worse.
        Ok(stream)
    }

    async fn connect_unix(path: &Path) -> io::Result<impl ByteStream + 'static> {
        unix::connect(path).await
    }

    fn split(tcp: Async<TcpStream>) -> (ReadHalf, WriteHalf) {
        let stream = Arc::new(tcp);
        (ReadHalf(stream.clone()), WriteHalf(stream))
    }

    fn stream(tcp: Async<TcpStream>) -> impl ByteStream + 'static {
        tcp
    }

    async fn sleep(time: Duration) {
        Timer::after(time).await;
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use async_io::Async;

    pub(super) async fn connect(path: &Path) -> io::Result<Async<UnixStream>> {
        Async::<UnixStream>::connect(path).await
    }
}

#[cfg(not(unix))]
mod unix {
    use std::io;
    use std::net::TcpStream;
    use std::path::Path;

    use async_io::Async;

    pub(super) async fn connect(_: &Path) -> io::Result<Async<TcpStream>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The half of a TCP connection that is read. It asks the system again only when that says that there is
/// something, however often the driver looks.
#[derive(Debug)]
pub struct ReadHalf(Arc<Async<TcpStream>>);

/// The half of a TCP connection that is written.
#[derive(Debug)]
pub struct WriteHalf(Arc<Async<TcpStream>>);

impl ErrorType for ReadHalf {
    type Error = io::Error;
}

impl ErrorType for WriteHalf {
    type Error = io::Error;
}

impl Read for ReadHalf {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match io::Read::read(&mut self.0.get_ref(), buf) {
                Err(error) if error.kind() == WouldBlock => self.0.readable().await?,
                result => return result,
            }
        }
    }
}

impl Write for WriteHalf {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match io::Write::write(&mut self.0.get_ref(), buf) {
                Err(error) if error.kind() == WouldBlock => self.0.writable().await?,
                result => return result,
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(()) // A socket holds nothing back.
    }
}

impl Shutdown for WriteHalf {
    async fn shutdown(&mut self) {
        let _ = self.0.get_ref().shutdown(net::Shutdown::Write);
    }
}
