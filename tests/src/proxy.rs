//! A bad link to a good server: a TCP proxy that cuts, stalls, delays and dribbles.
//!
//! ```no_run
//! use mqtt_as_tests::proxy::{Plan, Proxy, Way};
//!
//! # let broker: std::net::SocketAddr = ([127, 0, 0, 1], 1883).into();
//! // The first link dies when the client has sent 700 bytes, the next ones work.
//! let proxy = Proxy::start(broker, |link| match link {
//!     0 => Plan { up: Way::cut_at(700), ..Plan::default() },
//!     _ => Plan::default(),
//! });
//! // … a client connects to proxy.addr() …
//! proxy.cut_all();
//! ```

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often a stalled link looks whether it has ended.
const TICK: Duration = Duration::from_millis(5);

/// What happens to one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// After that many bytes both ends lose the link.
    pub cut: Option<u64>,
    /// After that many bytes nothing passes any more, but the link stands.
    pub stall: Option<u64>,
    /// Each byte travels alone.
    pub dribble: bool,
    /// What is read waits for so long before it is written.
    pub delay: Duration,
}

impl Way {
    /// A direction that is cut after that many bytes.
    #[must_use]
    pub fn cut_at(bytes: u64) -> Self {
        Self { cut: Some(bytes), ..Self::default() }
    }

    /// A direction that falls silent after that many bytes.
    #[must_use]
    pub fn stall_at(bytes: u64) -> Self {
        Self { stall: Some(bytes), ..Self::default() }
    }
}

/// What happens to one link. The default is nothing: all bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// From the client to the server.
    pub up: Way,
    /// From the server to the client.
    pub down: Way,
}

/// A proxy on a free port of 127.0.0.1. Its links end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    links: Mutex<Vec<Arc<Link>>>,
    count: AtomicU32,
    up: AtomicU64,
    cuts: AtomicU32,
}

#[derive(Debug)]
struct Link {
    ended: AtomicBool,
    client: TcpStream,
    server: TcpStream,
}

impl Link {
    /// Both ends lose the link. True the first time.
    fn end(&self) -> bool {
        let first = !self.ended.swap(true, Ordering::Relaxed);
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
        first
    }
}

impl Proxy {
    /// Starts a proxy to that server; `plan` is asked for each link, by its number.
    ///
    /// # Panics
    ///
    /// If no port can be bound.
    #[must_use]
    pub fn start(server: SocketAddr, plan: impl FnMut(u32) -> Plan + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, server, plan, &accepting));
        Self { addr, shared }
    }

    /// Where clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts every link that stands, now. How many there were.
    #[must_use]
    pub fn cut_all(&self) -> usize {
        let links: Vec<_> = self.shared.links().drain(..).collect();
        let cut = links.iter().filter(|link| link.end()).count();
        self.shared.cuts.fetch_add(u32::try_from(cut).unwrap_or(u32::MAX), Ordering::Relaxed);
        cut
    }

    /// Links that there have been.
    #[must_use]
    pub fn links(&self) -> u32 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Links that were cut, by plan or by [`cut_all`](Self::cut_all).
    #[must_use]
    pub fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// Bytes that have passed from clients to the server.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.shared.up.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = self.cut_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.addr);
    }
}

impl Shared {
    fn links(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(
    listener: &TcpListener,
    server: SocketAddr,
    mut plan: impl FnMut(u32) -> Plan,
    shared: &Arc<Shared>,
) {
    for client in listener.incoming().map_while(Result::ok) {
        if shared.over.load(Ordering::Relaxed) {
            return;
        }
        // Without a server the client's link ends here.
        let Ok(server) = TcpStream::connect(server) else { continue };
        let number = shared.count.fetch_add(1, Ordering::Relaxed);
        let _ = open(client, server, plan(number), shared);
    }
}

fn open(
    client: TcpStream,
    server: TcpStream,
    plan: Plan,
    shared: &Arc<Shared>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let (back_from, back_to) = (server.try_clone()?, client.try_clone()?);
    let link = Arc::new(Link { ended: AtomicBool::new(false), client, server });
    let mut links = shared.links();
    links.retain(|link| !link.ended.load(Ordering::Relaxed));
    links.push(Arc::clone(&link));
    drop(links);
    let (up, back) = (Arc::clone(shared), Arc::clone(shared));
    let other = Arc::clone(&link);
    thread::spawn(move || relay(from, to, plan.up, &link, &up, Some(&up.up)));
    thread::spawn(move || relay(back_from, back_to, plan.down, &other, &back, None));
    Ok(())
}

/// Passes bytes on, until an end of the link, or the plan, says stop.
fn relay(
    mut from: TcpStream,
    mut to: TcpStream,
    way: Way,
    link: &Link,
    shared: &Shared,
    counter: Option<&AtomicU64>,
) {
    let mut buffer = [0; 16 * 1024];
    let mut left = way.cut.into_iter().chain(way.stall).min().unwrap_or(u64::MAX);
    while left != 0 {
        let size = if way.dribble { 1 } else { buffer.len() };
        let n = match from.read(&mut buffer[..size]) {
            Ok(0) => {
                // The other direction may still have something to say.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(n) => n.min(usize::try_from(left).unwrap_or(usize::MAX)),
            Err(_) => break,
        };
        if !way.delay.is_zero() {
            thread::sleep(way.delay);
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
        left -= n as u64;
        if let Some(counter) = counter {
            counter.fetch_add(n as u64, Ordering::Relaxed);
        }
    }
    if left != 0 {
        link.end();
        return;
    }
    let stalls = way.stall.is_some_and(|stall| way.cut.is_none_or(|cut| stall < cut));
    while stalls && !link.ended.load(Ordering::Relaxed) {
        thread::sleep(TICK);
    }
    if link.end() {
        shared.cuts.fetch_add(1, Ordering::Relaxed);
    }
}
