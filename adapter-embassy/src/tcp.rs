//! TCP sockets of embassy-net, as the client reads and writes them.

use core::cell::RefCell;
use core::fmt;
use core::future::{Future, pending, poll_fn};
use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_net::dns::{self, DnsQueryType};
use embassy_net::tcp::{self, State, TcpSocket};
use embassy_net::{IpAddress, Stack};
use embassy_time::Timer;
use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{Connect, ConnectError, ErrorKind, Server, Shutdown, Step};
use static_cell::StaticCell;

/// The buffers of a TCP connection: `RX` bytes that the peer may send ahead (its window), `TX` bytes
/// that the peer has not acknowledged.
pub struct TcpBuffers<const RX: usize, const TX: usize> {
    rx: [u8; RX],
    tx: [u8; TX],
    socket: StaticCell<TcpSocket<'static>>,
}

impl<const RX: usize, const TX: usize> TcpBuffers<RX, TX> {
    /// Buffers that nobody uses yet.
    ///
    /// ```
    /// # use mqtt_as_embassy::TcpBuffers;
    /// # use static_cell::ConstStaticCell;
    /// static TCP: ConstStaticCell<TcpBuffers<1024, 1024>> = ConstStaticCell::new(TcpBuffers::new());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { rx: [0; RX], tx: [0; TX], socket: StaticCell::new() }
    }
}

impl<const RX: usize, const TX: usize> Default for TcpBuffers<RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RX: usize, const TX: usize> fmt::Debug for TcpBuffers<RX, TX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpBuffers")
    }
}

/// Opens TCP connections, with Nagle's algorithm off: one at a time.
///
/// Of a name's addresses it tries as many as smoltcp keeps: one, unless the program chooses its
/// feature `dns-max-result-count-4` or another like it.
pub struct Tcp {
    stack: Stack<'static>,
    /// It lives for ever: what was written last still leaves when the driver is dropped.
    socket: RefCell<&'static mut TcpSocket<'static>>,
}

impl Tcp {
    /// Takes one socket of that stack, with those buffers.
    ///
    /// ```
    /// # use embassy_net::Stack;
    /// # use mqtt_as_embassy::{Tcp, TcpBuffers};
    /// # use static_cell::ConstStaticCell;
    /// static TCP: ConstStaticCell<TcpBuffers<1024, 1024>> = ConstStaticCell::new(TcpBuffers::new());
    ///
    /// fn tcp(stack: Stack<'static>) -> Tcp {
    ///     Tcp::new(stack, TCP.take())
    /// }
    /// ```
    ///
    /// # Panics
    /// If the stack's resources have no socket left: the client takes one, and DNS one for all.
    pub fn new<const RX: usize, const TX: usize>(
        stack: Stack<'static>,
        buffers: &'static mut TcpBuffers<RX, TX>,
    ) -> Self {
        let TcpBuffers { rx, tx, socket } = buffers;
        let socket = socket.init(TcpSocket::new(stack, rx, tx));
        socket.set_nagle_enabled(false);
        Self { stack, socket: RefCell::new(socket) }
    }

    /// Resolves the name and tries every address; tells of the last failure.
    async fn open(&mut self, server: Server<'_>) -> Result<(), ConnectError> {
        let mut failure = unknown();
        for kind in KINDS {
            let lookup = lookup(self.stack, server.host, *kind);
            match limited(server, Step::Resolve, lookup).await {
                Ok(addresses) => {
                    for address in addresses {
                        let open = open(self.socket.get_mut(), address, server.port);
                        match limited(server, Step::Open, open).await {
                            Ok(()) => return Ok(()),
                            Err(error) => failure = error,
                        }
                    }
                }
                // That an address of another kind could not be reached says more.
                Err(error) if failure == unknown() => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tcp")
    }
}

impl Connect for Tcp {
    type Read<'c> = TcpRead<'c>;
    type Write<'c> = TcpWrite<'c>;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        self.open(server).await?;
        Ok((TcpRead(&self.socket), TcpWrite(&self.socket)))
    }
}

/// The kinds of addresses that a name is asked for.
const KINDS: &[DnsQueryType] = &[
    DnsQueryType::A,
    #[cfg(feature = "proto-ipv6")]
    DnsQueryType::Aaaa,
];

/// Milliseconds that the end of the last connection may hold up the next one.
const FAREWELL: u64 = 100;

/// There is no address.
fn unknown() -> ConnectError {
    ConnectError::Unreachable(Step::Resolve, ErrorKind::NotFound.into())
}

async fn lookup(
    stack: Stack<'_>,
    host: &str,
    kind: DnsQueryType,
) -> Result<impl IntoIterator<Item = IpAddress>, ConnectError> {
    stack.dns_query(host, kind).await.map_err(|error| match error {
        dns::Error::InvalidName | dns::Error::NameTooLong => {
            ConnectError::Unreachable(Step::Resolve, ErrorKind::InvalidInput.into())
        }
        dns::Error::Failed => unknown(),
    })
}

async fn open(
    socket: &mut TcpSocket<'static>,
    address: IpAddress,
    port: u16,
) -> Result<(), ConnectError> {
    if !matches!(socket.state(), State::Closed | State::TimeWait) {
        socket.abort(); // The last connection's server never closed its side.
    }
    // It hears of that, before the socket serves another one; unless the network has changed, and
    // it cannot be reached any more.
    select(socket.flush(), Timer::after_millis(FAREWELL)).await;
    let mut opening = Opening { socket, opened: false };
    let result = opening.socket.connect((address, port)).await;
    opening.opened = result.is_ok();
    result.map_err(|error| {
        let kind = match error {
            tcp::ConnectError::TimedOut => return ConnectError::TimedOut(Step::Open),
            tcp::ConnectError::ConnectionReset => ErrorKind::ConnectionRefused,
            tcp::ConnectError::NoRoute => ErrorKind::AddrNotAvailable,
            tcp::ConnectError::InvalidState => ErrorKind::Other,
        };
        ConnectError::Unreachable(Step::Open, kind.into())
    })
}

/// Gives up what is being opened when it is dropped.
struct Opening<'s> {
    socket: &'s mut TcpSocket<'static>,
    opened: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.opened {
            self.socket.abort();
        }
    }
}

/// A step within its time-out.
pub(crate) async fn limited<T>(
    server: Server<'_>,
    step: Step,
    future: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let time_out = async {
        match server.timeout {
            0 => pending().await,
            ms => Timer::after_millis(ms.into()).await,
        }
    };
    match select(future, time_out).await {
        Either::First(result) => result,
        Either::Second(()) => Err(ConnectError::TimedOut(step)),
    }
}

/// The half of a connection that is read.
#[derive(Clone)]
pub struct TcpRead<'c>(&'c RefCell<&'static mut TcpSocket<'static>>);

/// The half of a connection that is written. It closes the connection when it is dropped.
pub struct TcpWrite<'c>(&'c RefCell<&'static mut TcpSocket<'static>>);

impl fmt::Debug for TcpRead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpRead")
    }
}

impl fmt::Debug for TcpWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpWrite")
    }
}

impl ErrorType for TcpRead<'_> {
    type Error = tcp::Error;
}

impl ErrorType for TcpWrite<'_> {
    type Error = tcp::Error;
}

// A future of the socket keeps nothing between two polls: each poll makes a new one, so that no half
// holds the socket while it waits.

impl Read for TcpRead<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, tcp::Error> {
        poll_fn(|cx| pin!(self.0.borrow_mut().read(buf)).poll(cx)).await
    }
}

impl Write for TcpWrite<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, tcp::Error> {
        poll_fn(|cx| pin!(self.0.borrow_mut().write(buf)).poll(cx)).await
    }

    async fn flush(&mut self) -> Result<(), tcp::Error> {
        Ok(()) // A socket holds nothing back; its own flush waits until the peer has all of it.
    }
}

impl Shutdown for TcpWrite<'_> {
    async fn shutdown(&mut self) {
        self.0.borrow_mut().close();
    }
}

impl Drop for TcpWrite<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().close();
    }
}
