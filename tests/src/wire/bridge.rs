//! The gateway: each TCP connection of the client's, carried on by one of this machine's.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use async_executor::LocalExecutor;
use async_io::{Async, Timer};
use embassy_net::Stack;
use embassy_net::tcp::{self, State, TcpSocket};
use futures_lite::future::{or, poll_once, try_zip};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use socket2::SockRef;

use super::Shared;

/// Bytes of each buffer of a connection.
const BUFFER: usize = 16 * 1024;

/// The longest that a port of this machine may take to answer, and a connection to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the connections of the gateway.
pub(super) struct Bridges {
    gateway: Stack<'static>,
    /// Weak: the tasks are the executor's own.
    executor: Weak<LocalExecutor<'static>>,
    shared: Rc<Shared>,
    /// The client's ports that have a connection.
    open: Rc<RefCell<BTreeSet<u16>>>,
}

/// The beginning of a connection, as a frame says it.
struct Syn {
    from: u16,
    to: u16,
}

impl Bridges {
    pub(super) fn new(
        gateway: Stack<'static>,
        executor: &Rc<LocalExecutor<'static>>,
        shared: Rc<Shared>,
    ) -> Self {
        Self { gateway, executor: Rc::downgrade(executor), shared, open: Rc::default() }
    }

    /// Before a frame reaches the gateway: if it opens a connection, the gateway listens only if
    /// this machine accepts it. Else the gateway refuses.
    pub(super) async fn prepare(&self, frame: &[u8]) {
        let Some(syn) = Syn::of(frame) else { return };
        let forwarded = self.shared.ports.borrow().contains(&syn.to);
        if !forwarded || self.open.borrow().contains(&syn.from) {
            return;
        }
        let Ok(host) = open(syn.to).await else { return };
        let Some(executor) = self.executor.upgrade() else { return };
        self.open.borrow_mut().insert(syn.from);
        let (gateway, open) = (self.gateway, self.open.clone());
        let mut bridge = Box::pin(async move {
            serve(gateway, host, syn.to).await;
            open.borrow_mut().remove(&syn.from);
        });
        // Its first step is to listen.
        if poll_once(bridge.as_mut()).await.is_none() {
            executor.spawn(bridge).detach();
        }
    }
}

/// A connection to a port of this machine.
async fn open(port: u16) -> io::Result<Async<TcpStream>> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let open = async {
        let host = Async::<TcpStream>::connect(address).await?;
        host.get_ref().set_nodelay(true)?;
        // The system would hold megabytes for a server that does not read.
        SockRef::from(host.get_ref()).set_send_buffer_size(BUFFER)?;
        Ok(host)
    };
    or(open, async {
        Timer::after(PATIENCE).await;
        Err(io::ErrorKind::TimedOut.into())
    })
    .await
}

impl Syn {
    /// Of an IPv4 packet.
    fn of(packet: &[u8]) -> Option<Self> {
        let header = usize::from(packet.first()? & 15) * 4;
        let is_tcp = packet.first()? >> 4 == 4 && *packet.get(9)? == 6;
        let segment = packet.get(header..)?;
        let flags = segment.get(13)? & 0x12;
        let port = |at: usize| Some(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?]));
        (is_tcp && flags == 2).then_some(Self { from: port(0)?, to: port(2)? })
    }
}

/// Accepts the connection of the client's, and carries it on.
async fn serve(gateway: Stack<'static>, host: Async<TcpStream>, port: u16) {
    let (mut rx, mut tx) = (vec![0; BUFFER], vec![0; BUFFER]);
    let mut socket = TcpSocket::new(gateway, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    if socket.accept(port).await.is_err() {
        return;
    }
    let socket = RefCell::new(socket);
    if try_zip(to_host(&socket, &host), to_client(&socket, &host)).await.is_err() {
        // Whoever broke it off: the other side sees the same.
        let _ = SockRef::from(host.get_ref()).set_linger(Some(Duration::ZERO));
        drop(host);
        socket.borrow_mut().abort();
    }
    or(ended(&socket), async {
        Timer::after(PATIENCE).await;
    })
    .await;
}

/// Until the client has all, and has closed its side.
async fn ended(socket: &RefCell<TcpSocket<'_>>) {
    let _ = flushed(socket).await;
    while !matches!(socket.borrow().state(), State::Closed | State::TimeWait) {
        Timer::after(Duration::from_millis(1)).await;
    }
}

async fn to_host(socket: &RefCell<TcpSocket<'_>>, mut host: &Async<TcpStream>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = poll_fn(|cx| pin!(socket.borrow_mut().read(&mut buffer)).poll(cx)).await;
        match read.map_err(broken)? {
            0 => return host.get_ref().shutdown(Shutdown::Write),
            len => host.write_all(&buffer[..len]).await?,
        }
    }
}

async fn to_client(socket: &RefCell<TcpSocket<'_>>, mut host: &Async<TcpStream>) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = host.read(&mut buffer).await?;
        if len == 0 {
            // First: smoltcp 0.13 forgets a window that grows while its last bytes wait behind FIN.
            flushed(socket).await?;
            socket.borrow_mut().close();
            return Ok(());
        }
        let mut rest = &buffer[..len];
        while !rest.is_empty() {
            let wrote = poll_fn(|cx| pin!(socket.borrow_mut().write(rest)).poll(cx)).await;
            rest = &rest[wrote.map_err(broken)?..];
        }
    }
}

async fn flushed(socket: &RefCell<TcpSocket<'_>>) -> io::Result<()> {
    poll_fn(|cx| pin!(socket.borrow_mut().flush()).poll(cx)).await.map_err(broken)
}

fn broken(_: tcp::Error) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
