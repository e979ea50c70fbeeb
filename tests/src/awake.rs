//! A broker that is kept from dozing.
//!
//! mosquitto 2.0.11 gives its WebSocket library (libwebsockets, compiled in) a turn only when one of its own
//! sockets has something, or every 100 ms; and in a turn that sends 4,116 bytes at most. So it sends 2 MB
//! over WebSocket in 50 s to a client that waits for them, and at once where others keep it awake.
//!
//! What else it does there, seen on the wire: any path is right; a WebSocket without a subprotocol is
//! opened, and then nothing is answered in it; a subprotocol that it does not have ends the connection
//! without an answer of HTTP; a text frame is taken as if it were binary; packets that cannot be end the
//! connection without a frame Close; plain MQTT is answered with a 403 of HTTP. A listener ignores its
//! address and listens on all; without a plain listener beside it, the broker does not start.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::mosquitto::Mosquitto;

/// Between two pings.
const PAUSE: Duration = Duration::from_micros(200);

/// Keeps a broker awake until it is dropped.
#[derive(Debug)]
pub struct Awake(Arc<AtomicBool>);

impl Awake {
    /// Begins to ping that broker.
    #[must_use]
    pub fn keep(broker: &Mosquitto) -> Self {
        let (over, addr) = (Arc::new(AtomicBool::new(false)), broker.addr());
        let until = over.clone();
        // A broker that is gone needs no pings any more.
        thread::spawn(move || ping(addr, &until));
        Self(over)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ping(addr: SocketAddr, until: &AtomicBool) -> io::Result<()> {
    let mut broker = TcpStream::connect(addr)?;
    broker.set_nodelay(true)?;
    // "MQTT", level 4, clean session, keep-alive 60 s, no client id.
    broker.write_all(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0])?;
    broker.read_exact(&mut [0; 4])?;
    while !until.load(Ordering::Relaxed) {
        broker.write_all(&[0xC0, 0])?;
        broker.read_exact(&mut [0; 2])?;
        thread::sleep(PAUSE);
    }
    broker.write_all(&[0xE0, 0])
}
