//! The server that attacks, in threads of its own. It allocates next to nothing while it does.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::{Attack, End};
use crate::other::read_packet;

/// What the other client has to get done meanwhile: messages.
const DONE: usize = 4;
/// Bytes of a flood at least: many times what the client may hold.
const FLOOD: usize = 8 * 1024 * 1024;
/// More than what sockets take where nothing is read on.
const ALL: usize = 64 * 1024 * 1024;
/// Where nothing is read on, it is over after this time.
const PATIENCE: Duration = Duration::from_millis(100);
const BOUND: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Attacker {
    pub(crate) port: u16,
    pub(crate) attack: Arc<Attack>,
    shared: Arc<Shared>,
    /// Attacks that were seen to be over.
    seen: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shared {
    /// The four bytes that a client said last.
    last: AtomicU32,
    /// Attacks that are over.
    over: AtomicUsize,
    /// The client does not read on.
    stopped: AtomicBool,
}

impl Attacker {
    /// Attacks whoever connects. `acknowledged` counts what the other client has got done.
    pub(crate) fn listen(attack: Attack, acknowledged: Arc<AtomicUsize>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        let (attack, shared) = (Arc::new(attack), Arc::new(Shared::default()));
        let (ours, all) = (attack.clone(), shared.clone());
        thread::spawn(move || {
            let mut streams = Vec::with_capacity(64);
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                assail(&stream, &ours, &all, &acknowledged);
                streams.push(stream); // A connection that stands stays.
                all.over.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, attack, shared, seen: AtomicUsize::new(0) }
    }

    /// Whether the attack on this connection is over. It says so once.
    pub(crate) fn is_over(&self) -> bool {
        let over = self.shared.over.load(Ordering::SeqCst);
        self.seen.swap(over, Ordering::SeqCst) != over
    }

    /// Whether the client does not read on.
    pub(crate) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }

    /// A 5.0 client has told the reason, a 3.1.1 client nothing.
    pub(crate) fn was_told(&self, code: u8) {
        let [_, told @ ..] = self.shared.last.load(Ordering::SeqCst).to_be_bytes();
        let wanted = if self.attack.v5 { [0xe0, 1, code] } else { [0; 3] };
        assert_eq!(told, wanted, "{}", self.attack.name);
    }
}

fn assail(stream: &TcpStream, attack: &Attack, shared: &Arc<Shared>, acknowledged: &AtomicUsize) {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let waits = matches!(attack.end, End::Waits);
    let patience = if waits { PATIENCE } else { BOUND };
    stream.set_write_timeout(Some(patience)).expect("a bound");
    read_packet(stream, &mut [0; 4096]).expect("CONNECT");
    shared.last.store(0, Ordering::SeqCst); // What was said before counts no more.
    let mut to = stream;
    to.write_all(&attack.connack).expect("room for CONNACK");
    let (from, said) = (stream.try_clone().expect("a handle"), shared.clone());
    let reader = attack.reads.then(|| thread::spawn(move || listen(from, &said)));
    if !go_on(stream, attack, acknowledged) {
        shared.stopped.store(true, Ordering::SeqCst);
        return;
    }
    match (attack.end, reader) {
        (End::Told(_), Some(reader)) => {
            reader.join().expect("no panic");
            drop(stream.shutdown(Shutdown::Both)); // The client may have closed.
        }
        _ => to.write_all(&attack.last).expect("room for the last message"),
    }
}

/// Attacks for so many bytes, and until the other client has got done what it has to. False if nothing is
/// read on.
fn go_on(mut to: &TcpStream, attack: &Attack, acknowledged: &AtomicUsize) -> bool {
    let (before, begin, mut sent) = (acknowledged.load(Ordering::SeqCst), Instant::now(), 0);
    let enough = if matches!(attack.end, End::Waits) { ALL } else { FLOOD };
    loop {
        match to.write_all(&attack.bytes) {
            Ok(()) => sent += attack.bytes.len(),
            Err(error) if is_timeout(&error) => return false,
            Err(_) => return true, // The client has closed.
        }
        let done = acknowledged.load(Ordering::SeqCst) - before;
        if !attack.is_flood || (done >= DONE && sent >= enough) {
            return true;
        }
        assert!(begin.elapsed() < BOUND, "the other client stands still: {done} messages");
    }
}

/// Reads until the client closes.
fn listen(mut from: TcpStream, shared: &Shared) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let last = shared.last.load(Ordering::SeqCst);
        let last = bytes[..read].iter().fold(last, |last, byte| last << 8 | u32::from(*byte));
        shared.last.store(last, Ordering::SeqCst);
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
