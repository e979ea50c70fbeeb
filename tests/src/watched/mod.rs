//! A bad link whose packets are known: a proxy that ends it inside a chosen packet, or lets it fall
//! silent, and keeps a record of what passed, which says afterwards whose fault a loss was.
//!
//! ```no_run
//! use mqtt_as_proto::packet::PacketType;
//! use mqtt_as_tests::watched::{End, Fate, Watched};
//!
//! # let broker: std::net::SocketAddr = ([127, 0, 0, 1], 1883).into();
//! // Each link is reset behind the first byte of the first PUBACK.
//! let proxy = Watched::start(broker, |packet| match packet.kind {
//!     PacketType::PubAck => Fate::End { after: 1, how: End::Reset },
//!     _ => Fate::Pass,
//! });
//! // … a client connects to proxy.port() …
//! println!("{:?}", proxy.record().len());
//! ```

mod judge;
mod link;
mod record;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use mqtt_as_proto::packet::{Packet, PacketType};

pub use judge::{Score, judge};
use link::Link;
pub use record::{Event, What, story};

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// How a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In TCP's order: FIN.
    Close,
    /// At once: RST.
    Reset,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Pass,
    /// So many of its bytes pass, then both ends lose the link.
    End {
        /// Bytes that still pass.
        after: usize,
        /// How both ends learn it.
        how: End,
    },
}

/// What passes no more, though the link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Silence {
    /// Everything passes.
    Nowhere = 0,
    /// What the server says is lost.
    Mute = 1,
    /// What either side says is lost.
    BlackHole = 2,
    /// What the client says is not even read.
    Deaf = 3,
}

/// A packet on its way.
#[derive(Debug)]
pub struct Passing<'a> {
    /// The number of its link, from 0.
    pub link: u32,
    /// The packets that this link has carried before it.
    pub before: u32,
    /// Where it goes.
    pub way: Way,
    /// Its type.
    pub kind: PacketType,
    /// Bytes of the whole packet.
    pub len: usize,
    /// What it says, where it is well-formed.
    pub packet: Option<&'a Packet<'a>>,
}

type Plan = Box<dyn FnMut(&Passing<'_>) -> Fate + Send>;

/// A proxy on a free port of 127.0.0.1. Its links end when it is dropped.
#[derive(Debug)]
pub struct Watched {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    over: AtomicBool,
    silence: AtomicU8,
    count: AtomicU32,
    plan: Mutex<Plan>,
    record: Mutex<Vec<Event>>,
    /// A reset goes out when the sockets close: nobody else may hold them.
    links: Mutex<Vec<Weak<Link>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Watched {
    /// Starts a proxy to that server; `plan` says what becomes of each packet.
    ///
    /// # Panics
    ///
    /// If no port can be bound.
    #[must_use]
    pub fn start(
        server: SocketAddr,
        plan: impl FnMut(&Passing<'_>) -> Fate + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            silence: AtomicU8::new(Silence::Nowhere as u8),
            count: AtomicU32::new(0),
            plan: Mutex::new(Box::new(plan)),
            record: Mutex::new(Vec::new()),
            links: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, server, &accepting));
        Self { addr, shared }
    }

    /// The port on 127.0.0.1 that clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Says what passes from now on. A link that has lost something stays silent for ever.
    pub fn fall_silent(&self, silence: Silence) {
        self.shared.silence.store(silence as u8, Ordering::SeqCst);
    }

    /// Ends every link that stands.
    pub fn end_all(&self, how: End) {
        for link in locked(&self.shared.links).drain(..).filter_map(|link| link.upgrade()) {
            link.end(how);
        }
    }

    /// Returns what has happened so far.
    #[must_use]
    pub fn record(&self) -> Vec<Event> {
        locked(&self.shared.record).clone()
    }

    /// Returns when links were ended on which the client was connected.
    #[must_use]
    pub fn ends(&self) -> Vec<Instant> {
        record::ends(&locked(&self.shared.record))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.end_all(End::Close);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.addr);
    }
}

impl Shared {
    fn tell(&self, link: u32, way: Way, what: What) {
        locked(&self.record).push(Event { at: Instant::now(), link, way, what });
    }

    /// Whether what goes this way is lost, or is not even read.
    fn silence(&self) -> Silence {
        match self.silence.load(Ordering::SeqCst) {
            1 => Silence::Mute,
            2 => Silence::BlackHole,
            3 => Silence::Deaf,
            _ => Silence::Nowhere,
        }
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, shared: &Arc<Shared>) {
    for client in listener.incoming().map_while(Result::ok) {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        // Without a server the client's link ends here.
        let Ok(server) = TcpStream::connect(server) else { continue };
        let number = shared.count.fetch_add(1, Ordering::SeqCst);
        if let Ok(link) = Link::open(number, client, server, shared) {
            let mut links = locked(&shared.links);
            links.retain(|link| link.strong_count() != 0);
            links.push(Arc::downgrade(&link));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
