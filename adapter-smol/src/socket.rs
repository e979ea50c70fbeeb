//! Sockets of async-io, as the client reads and writes them.

use std::io::{self, ErrorKind::WouldBlock};
use std::net::{self, IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use async_io::{Async, Timer};
use embedded_io_async::{ErrorType, Read, Write};
use futures_lite::future::or;
use mqtt_as_client::{Connect, ConnectError, ErrorKind, Server, Shutdown, Step, TransportError};

/// Opens TCP connections, with Nagle's algorithm off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connect for Tcp {
    type Read<'c> = ReadHalf;
    type Write<'c> = WriteHalf;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let stream = open(server).await?;
        let _ = stream.get_ref().set_nodelay(true); // Slower without, but no worse.
        let stream = Arc::new(stream);
        Ok((ReadHalf(stream.clone()), WriteHalf(stream)))
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

/// Resolves the name and tries every address; tells of the last failure.
async fn open(server: Server<'_>) -> Result<Async<TcpStream>, ConnectError> {
    let lookup = lookup(server.host, server.port);
    let addresses = limited(server, Step::Resolve, lookup).await?;
    let mut result = Err(ConnectError::Unreachable(Step::Resolve, ErrorKind::NotFound.into()));
    for address in addresses {
        result = limited(server, Step::Open, Async::<TcpStream>::connect(address)).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// The system resolves names while the caller waits: in a thread for such things, then.
async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    blocking::unblock(move || Ok((host, port).to_socket_addrs()?.collect())).await
}

/// A step within its time-out.
pub(crate) async fn limited<T>(
    server: Server<'_>,
    step: Step,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectError> {
    let timer = match server.timeout {
        0 => Timer::never(),
        ms => Timer::after(Duration::from_millis(ms.into())),
    };
    let step_done = async {
        let result = future.await;
        result.map_err(|error| ConnectError::Unreachable(step, TransportError::new(error)))
    };
    let time_out = async {
        timer.await;
        Err(ConnectError::TimedOut(step))
    };
    or(step_done, time_out).await
}

/// The half of a stream that is read. It asks the system again only when that says that there is
/// something, however often the driver looks.
#[derive(Debug)]
pub struct ReadHalf(Arc<Async<TcpStream>>);

/// The half of a stream that is written.
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
