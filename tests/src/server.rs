//! The broker on a TCP port of this machine, with threads of std.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant as Clock};

use mqtt_as_proto::Instant;

use crate::broker::{Broker, BrokerConfig, ConnId};

/// How long a client may take to close its side after the broker has closed its own, and the
/// longest that a thread looks away from the order to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// A [`Broker`] that listens on a TCP port until it is dropped.
///
/// ```
/// use mqtt_as_tests::broker::BrokerConfig;
/// use mqtt_as_tests::server::Server;
///
/// let server = Server::start(BrokerConfig::default());
/// println!("mosquitto_sub -h 127.0.0.1 -p {} -t '#'", server.addr().port());
/// ```
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something has happened to the state: output, an end, an earlier time-out.
    changed: Condvar,
    started: Clock,
}

#[derive(Debug)]
struct State {
    broker: Broker,
    sockets: BTreeMap<ConnId, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    is_stopped: bool,
}

impl Server {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If the system gives no port or no thread.
    #[must_use]
    pub fn start(config: BrokerConfig) -> Self {
        Self::bind((Ipv4Addr::LOCALHOST, 0), config).expect("listen on a free port of 127.0.0.1")
    }

    /// Starts on an address of the caller's choice.
    ///
    /// # Errors
    ///
    /// The system's, if the address cannot be used.
    pub fn bind(addr: impl ToSocketAddrs, config: BrokerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let state = State {
            broker: Broker::new(config),
            sockets: BTreeMap::new(),
            threads: Vec::new(),
            is_stopped: false,
        };
        let (changed, started) = (Condvar::new(), Clock::now());
        let shared = Arc::new(Shared { state: Mutex::new(state), changed, started });
        let (accepting, waiting) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::spawn(move || accepting.accept(&listener)),
            thread::spawn(move || waiting.keep_time()),
        ];
        Ok(Self { addr, shared, threads })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Looks into the broker, or changes it; all connections wait meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&mut Broker, Instant) -> T) -> T {
        let result = look(&mut self.shared.lock().broker, self.shared.now());
        self.shared.changed.notify_all();
        result
    }

    /// Cuts all connections without a word; new ones are welcome.
    pub fn cut(&self) {
        self.shared.lock().cut();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_stopped = true;
        state.cut();
        let connections = std::mem::take(&mut state.threads);
        drop(state);
        self.shared.changed.notify_all();
        // Its own connection wakes the thread that accepts; without one, that is left behind.
        let woken = TcpStream::connect_timeout(&self.addr, PATIENCE).is_ok();
        let left = usize::from(!woken);
        let threads = self.threads.drain(..).skip(left).chain(connections);
        threads.for_each(|thread| drop(thread.join()));
    }
}

impl State {
    fn cut(&self) {
        for socket in self.sockets.values() {
            // An error says that it is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.started.elapsed().as_millis() as u64) // 584 million years.
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for socket in listener.incoming() {
            if self.lock().is_stopped {
                return;
            }
            match socket {
                // A client that cannot be served sees its connection closed.
                Ok(socket) => drop(self.serve(socket)),
                // Out of sockets, perhaps: others may be closed in a while.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Starts the two threads of a connection.
    fn serve(self: &Arc<Self>, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let (reading, writing) = (socket.try_clone()?, socket.try_clone()?);
        let mut state = self.lock();
        if state.is_stopped {
            return Ok(());
        }
        let conn = state.broker.open();
        state.sockets.insert(conn, socket);
        state.threads.retain(|thread| !thread.is_finished());
        let (reader, writer) = (Arc::clone(self), Arc::clone(self));
        state.threads.push(thread::spawn(move || reader.read(conn, reading)));
        state.threads.push(thread::spawn(move || writer.write(conn, &writing)));
        Ok(())
    }

    fn read(&self, conn: ConnId, mut socket: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match socket.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(len) => {
                    self.lock().broker.handle_bytes(conn, &buffer[..len], self.now());
                    self.changed.notify_all();
                }
            }
        }
        let mut state = self.lock();
        state.broker.lost(conn, self.now());
        state.sockets.remove(&conn);
        drop(state);
        self.changed.notify_all();
    }

    fn write(&self, conn: ConnId, socket: &TcpStream) {
        while let Some(output) = self.next_output(conn) {
            if self.write_all(socket, &output).is_err() {
                let _ = socket.shutdown(Shutdown::Both); // The reader sees it.
                return;
            }
        }
        self.farewell(conn, socket);
    }

    /// Waits for output; `None` after the last.
    fn next_output(&self, conn: ConnId) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            let output = state.broker.take_output(conn);
            if !output.is_empty() {
                return Some(output);
            }
            if state.is_stopped || state.broker.is_closed(conn) {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes all, however slowly the client reads, unless the server stops.
    fn write_all(&self, mut socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match socket.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => bytes = &bytes[len..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) && !self.lock().is_stopped => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes our side first: a full close would destroy the last packet if unread bytes lie here.
    fn farewell(&self, conn: ConnId, socket: &TcpStream) {
        let _ = socket.shutdown(Shutdown::Write);
        let stays = |state: &mut State| state.sockets.contains_key(&conn) && !state.is_stopped;
        drop(self.changed.wait_timeout_while(self.lock(), PATIENCE, stays));
        let _ = socket.shutdown(Shutdown::Both);
    }

    fn keep_time(&self) {
        let mut state = self.lock();
        while !state.is_stopped {
            let wait = state.broker.poll_timeout().map(|at| at.since(self.now()));
            state = match wait {
                Some(0) => {
                    state.broker.handle_timeout(self.now());
                    self.changed.notify_all();
                    state
                }
                Some(ms) => {
                    let woken = self.changed.wait_timeout(state, Duration::from_millis(ms));
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
