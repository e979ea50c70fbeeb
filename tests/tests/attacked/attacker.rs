//! The server that attacks, in threads of its own. It allocates next to nothing while it does.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::{Attack, End};
use crate::other::read_packet;

/// It goes on part by part: for each, another client has to get something done.
const PARTS: usize = 16;
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

    /// A 5.0 client has told the reason, a 3.1.1 client nothing.
    pub(crate) fn was_told(&self, code: u8) {
        let [_, told @ ..] = self.shared.last.load(Ordering::SeqCst).to_be_bytes();
        assert_eq!(told == [0xe0, 1, code], self.attack.v5, "{}: {told:02x?}", self.attack.name);
    }
}

fn assail(stream: &TcpStream, attack: &Attack, shared: &Arc<Shared>, acknowledged: &AtomicUsize) {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let waits = matches!(attack.end, End::Waits);
    let patience = if waits { PATIENCE } else { BOUND };
    stream.set_write_timeout(Some(patience)).expect("a bound");
    read_packet(stream, &mut [0; 4096]).expect("CONNECT");
    let mut to = stream;
    to.write_all(&attack.connack).expect("room for CONNACK");
    let (from, said) = (stream.try_clone().expect("a handle"), shared.clone());
    let reader = attack.reads.then(|| thread::spawn(move || listen(from, &said)));
    let part = attack.bytes.len().div_ceil(PARTS).max(1);
    for bytes in attack.bytes.chunks(part) {
        await_another(acknowledged);
        match to.write_all(bytes) {
            Ok(()) => {}
            Err(error) if is_timeout(&error) && waits => return,
            Err(error) if is_timeout(&error) => panic!("{}: it is not read", attack.name),
            Err(_) => break, // The client has closed.
        }
    }
    match (attack.end, reader) {
        (End::Told(_), Some(reader)) => {
            reader.join().expect("no panic");
            drop(stream.shutdown(Shutdown::Both)); // The client may have closed.
        }
        _ => to.write_all(&attack.last).expect("room for the last message"),
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

/// The other client is not held up.
fn await_another(acknowledged: &AtomicUsize) {
    let (before, begin) = (acknowledged.load(Ordering::SeqCst), Instant::now());
    while acknowledged.load(Ordering::SeqCst) == before {
        assert!(begin.elapsed() < BOUND, "the other client stands still");
        thread::sleep(Duration::from_micros(100));
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
