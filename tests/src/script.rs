//! A peer that says what a test tells it to, over a real TCP socket.
//!
//! A test's own thread plays the server while the client under test runs elsewhere. Every wait
//! ends after five seconds with a panic that says what was awaited.

use std::fmt::Display;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_as_proto::Version;
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::{ConnAck, Packet, PacketType};

use crate::append::append;

/// The longest wait: far more than a loaded machine needs.
const BOUND: Duration = Duration::from_secs(20);

/// A server by hand: it listens, and holds one connection at a time.
#[derive(Debug)]
pub struct Script {
    listener: TcpListener,
    peer: Option<TcpStream>,
    /// Their clients may still be reading.
    closed: Vec<TcpStream>,
    version: Version,
}

impl Script {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If the system gives no port.
    #[must_use]
    pub fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        listener.set_nonblocking(true).expect("a listener that does not block");
        Self { listener, peer: None, closed: Vec::new(), version: Version::V5 }
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// Not in practice: a bound socket has an address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("the address of a bound socket")
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// Waits for the client to connect. An earlier connection is closed.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn accept(&mut self) {
        let end = Instant::now() + BOUND;
        let peer = loop {
            match self.listener.accept() {
                Ok((peer, _)) => break peer,
                Err(error) if is_timeout(&error) && Instant::now() < end => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("waited for a connection: {error}"),
            }
        };
        peer.set_nonblocking(false).expect("a socket that blocks");
        peer.set_nodelay(true).expect("TCP_NODELAY");
        peer.set_write_timeout(Some(BOUND)).expect("a bound for writing");
        self.peer = Some(peer);
    }

    /// Waits for the client, its CONNECT, and answers it: accepted, without a session.
    ///
    /// # Panics
    ///
    /// If it does not connect.
    pub fn welcome(&mut self) {
        self.accept();
        self.expect(PacketType::Connect);
        self.send(&Packet::ConnAck(ConnAck::default()));
    }

    /// The next client has to connect, and is told that its session is there.
    ///
    /// # Panics
    ///
    /// As [`welcome`](Self::welcome).
    pub fn welcome_back(&mut self) {
        self.accept();
        self.expect(PacketType::Connect);
        self.send(&Packet::ConnAck(ConnAck { session_present: true, ..ConnAck::default() }));
    }

    /// The next packet has to be of that type; its bytes, fixed header included.
    ///
    /// A CONNECT decides the version of what follows.
    ///
    /// # Panics
    ///
    /// If another packet comes, or none.
    pub fn expect(&mut self, wanted: PacketType) -> Vec<u8> {
        let bytes = self.read_packet(wanted);
        let kind = PacketType::from_first_byte(bytes[0]);
        assert!(kind == Some(wanted), "wanted {wanted}, received {}", hex(&bytes));
        let version = self.version;
        if let Packet::Connect(connect) = decode(&bytes, version) {
            self.version = connect.version;
        }
        bytes
    }

    /// The next packet has to be of that type; `look` gets it decoded.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect), and if the packet is not well-formed.
    pub fn expect_packet<T>(
        &mut self,
        wanted: PacketType,
        look: impl FnOnce(&Packet<'_>) -> T,
    ) -> T {
        let bytes = self.expect(wanted);
        look(&decode(&bytes, self.version))
    }

    /// The next packet, if one comes within that time; `look` gets it decoded.
    ///
    /// # Panics
    ///
    /// If the client closes, or sends a packet that is not well-formed.
    pub fn next_packet<T>(
        &mut self,
        time: Duration,
        look: impl FnOnce(&Packet<'_>) -> T,
    ) -> Option<T> {
        self.set_read_timeout(time);
        match self.peer().peek(&mut [0]) {
            Err(error) if is_timeout(&error) => return None,
            Ok(1) => {}
            end => panic!("wanted a packet or silence, got the end: {end:?}"),
        }
        let bytes = self.read_packet("a packet");
        Some(look(&decode(&bytes, self.version)))
    }

    /// The next bytes have to be these.
    ///
    /// # Panics
    ///
    /// If others come, or fewer.
    pub fn expect_bytes(&mut self, wanted: &[u8]) {
        let mut bytes = vec![0; wanted.len()];
        self.read_exact(&mut bytes, format!("the bytes {}", hex(wanted)));
        assert!(bytes == wanted, "wanted {}, received {}", hex(wanted), hex(&bytes));
    }

    /// Sends a packet in the connection's version.
    ///
    /// # Panics
    ///
    /// If it cannot be written or sent.
    pub fn send(&mut self, packet: &Packet<'_>) {
        let bytes = self.written(packet);
        self.send_bytes(&bytes);
    }

    /// The bytes of a packet in the connection's version.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    #[must_use]
    pub fn written(&self, packet: &Packet<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(packet, self.version, &mut bytes).expect("a packet that can be written");
        bytes
    }

    /// Sends bytes, well-formed or not.
    ///
    /// # Panics
    ///
    /// If they cannot be sent.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.peer().write_all(bytes).expect("send to the client");
    }

    /// Closes the connection in good order: the client gets all that was sent, then the end.
    ///
    /// What the client sends afterwards goes nowhere: a reset for it might destroy what the client
    /// has not read yet.
    ///
    /// # Panics
    ///
    /// If there is no connection.
    pub fn close(&mut self) {
        let peer = self.peer.take().expect("a connection");
        let _ = peer.shutdown(Shutdown::Write);
        self.closed.push(peer);
    }

    /// Breaks the connection: the client sees a reset, and may lose what was sent to it.
    ///
    /// Without `unsafe`, the only way to it is to close a socket with unread bytes. So the client
    /// must have sent something that was not [expected](Self::expect), and this waits for that.
    ///
    /// # Panics
    ///
    /// If no byte of the client is unread.
    pub fn reset(&mut self) {
        self.set_read_timeout(BOUND);
        let unread = self.peer().peek(&mut [0]);
        assert!(matches!(unread, Ok(1)), "a reset needs unread bytes of the client: {unread:?}");
        self.peer = None;
    }

    /// Nothing may come for that long, not even the end.
    ///
    /// # Panics
    ///
    /// If something comes.
    pub fn expect_silence(&mut self, time: Duration) {
        self.set_read_timeout(time);
        let mut buffer = [0; 64];
        match self.peer().peek(&mut buffer) {
            Err(error) if is_timeout(&error) => {}
            Ok(len) => panic!("wanted silence, received {} ({len} bytes)", hex(&buffer[..len])),
            Err(error) => panic!("wanted silence, the connection failed: {error}"),
        }
    }

    /// The client has to close the connection, without another byte.
    ///
    /// # Panics
    ///
    /// If it sends something or does not close.
    pub fn expect_close(&mut self) {
        self.set_read_timeout(BOUND);
        let mut buffer = [0; 64];
        match self.peer().read(&mut buffer) {
            Ok(0) => {}
            Ok(len) => panic!("wanted the end, received {}", hex(&buffer[..len])),
            Err(error) if is_timeout(&error) => panic!("wanted the end, nothing came: {error}"),
            Err(_) => {} // A reset is an end.
        }
        self.peer = None;
    }

    fn peer(&mut self) -> &mut TcpStream {
        self.peer.as_mut().expect("a connection: accept one first")
    }

    fn set_read_timeout(&mut self, time: Duration) {
        // The system takes no time-out of 0.
        let time = time.max(Duration::from_millis(1));
        self.peer().set_read_timeout(Some(time)).expect("a bound for reading");
    }

    /// Reads one packet and not a byte more: what follows stays in the socket.
    fn read_packet(&mut self, wanted: impl Display + Copy) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = loop {
            let mut byte = [0];
            self.read_exact(&mut byte, wanted);
            bytes.push(byte[0]);
            if let Some(header) = FixedHeader::read(&bytes).expect("a fixed header") {
                break header;
            }
        };
        bytes.resize(header.packet_len(), 0);
        self.read_exact(&mut bytes[header.len..], wanted);
        bytes
    }

    fn read_exact(&mut self, bytes: &mut [u8], wanted: impl Display) {
        let end = Instant::now() + BOUND;
        let mut read = 0;
        while read < bytes.len() {
            self.set_read_timeout(end.saturating_duration_since(Instant::now()));
            match self.peer().read(&mut bytes[read..]) {
                Ok(0) => panic!("wanted {wanted}, the client closed after {}", hex(&bytes[..read])),
                Ok(len) => read += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("wanted {wanted}, got {} and {error}", hex(&bytes[..read])),
            }
        }
    }
}

fn decode(bytes: &[u8], version: Version) -> Packet<'_> {
    let split = Frame::split(bytes).ok().flatten();
    let decoded = split.map(|(frame, _)| Packet::decode(frame, version));
    decoded
        .and_then(Result::ok)
        .unwrap_or_else(|| panic!("the client sent a malformed packet: {}", hex(bytes)))
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn hex(bytes: &[u8]) -> String {
    const MOST: usize = 256;
    let mut text: String = bytes.iter().take(MOST).map(|byte| format!("{byte:02x} ")).collect();
    if bytes.len() > MOST {
        text += &format!("and {} more", bytes.len() - MOST);
    }
    format!("[{}]", text.trim_end())
}
