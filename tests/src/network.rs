//! A broker and a network without sockets and threads, in tokio's time: with the time paused, a day
//! passes as fast as the program can think, and each run goes as the one before.
//!
//! ```
//! use mqtt_as_tests::broker::BrokerConfig;
//! use mqtt_as_tests::network::Network;
//! use mqtt_as_tokio::{Config, QoS, Reconnect};
//! use std::time::Duration;
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)] // Or `#[tokio::test(…)]`.
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let network = Network::new(BrokerConfig::default());
//!     let config = Config::new("broker").client_id("pump-7").reconnect(Reconnect::new());
//!     let client = mqtt_as_tokio::new_with(config, network.connector())?;
//!     client.connect(false).await?;
//!
//!     network.cut();
//!     network.shut(true); // For eight hours nobody answers.
//!     let state = client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce);
//!     let (published, ()) = tokio::join!(state.timeout(Duration::from_secs(24 * 3600)), async {
//!         tokio::time::sleep(Duration::from_secs(8 * 3600)).await;
//!         network.shut(false);
//!     });
//!     published?;
//!     assert_eq!(network.with(|broker, _| broker.accepted().len()), 1);
//!     Ok(())
//! }
//! ```

use std::future::{Future, Ready, ready};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mqtt_as_proto::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::sync::watch;
use tokio::time::{Instant as Clock, sleep_until};

use crate::broker::{Broker, BrokerConfig, ConnId};
use crate::link::{Direction, Link, LinkConfig};

/// Bytes that a connection holds in each direction before a writer waits.
const PIPE: usize = 64 * 1024;

/// A century: later than that is never.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A [`Broker`] and the network to it; cheap to clone.
///
/// With a connection over it, the time of a paused tokio runtime moves on to the next moment at which
/// the broker, the network or the program has something to do.
#[derive(Clone, Debug)]
pub struct Network(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something has happened that others may have to act upon.
    changed: watch::Sender<()>,
    started: Clock,
}

#[derive(Debug)]
struct State {
    broker: Broker,
    link: LinkConfig,
    seed: u64,
    /// How many connections there have been.
    connections: u64,
    cuts: u64,
    shut: bool,
    stalled: bool,
}

impl Network {
    /// A network with a broker in it that nobody has reached yet.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its time enabled.
    #[must_use]
    pub fn new(broker: BrokerConfig) -> Self {
        let state = State {
            broker: Broker::new(broker),
            link: LinkConfig::default(),
            seed: 0,
            connections: 0,
            cuts: 0,
            shut: false,
            stalled: false,
        };
        let changed = watch::Sender::new(());
        let shared = Arc::new(Shared { state: Mutex::new(state), changed, started: Clock::now() });
        tokio::spawn(keep_time(Arc::downgrade(&shared), shared.changed.subscribe()));
        Self(shared)
    }

    /// Opens a connection to the broker.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` while the network is [`shut`](Self::shut).
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let mut state = self.0.lock();
        if state.shut {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        state.connections += 1;
        let (near, far) = duplex(PIPE);
        let link = Link::new(state.seed.wrapping_add(state.connections), state.link.clone());
        let (conn, cuts) = (state.broker.open(), state.cuts);
        let (is_closed, is_lost, unwritten) = (false, false, Vec::new());
        let line = Line { conn, link, cuts, is_closed, is_lost, unwritten };
        tokio::spawn(carry(Arc::downgrade(&self.0), self.0.changed.subscribe(), far, line));
        Ok(near)
    }

    /// Returns what `mqtt_as_tokio::new_with` takes: it opens connections to this broker, whatever
    /// the name and port.
    pub fn connector(
        &self,
    ) -> impl FnMut(String, u16) -> Ready<io::Result<DuplexStream>> + Send + 'static {
        let network = self.clone();
        move |_, _| ready(network.connect())
    }

    /// Makes the connections to come late and chopped, by chance that the seed repeats.
    ///
    /// ```
    /// # use mqtt_as_tests::{broker::BrokerConfig, link::LinkConfig, network::Network};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let network = Network::new(BrokerConfig::default());
    /// network.set_link(LinkConfig { latency_ms: 200..=900, chop: true }, 4711);
    /// # }
    /// ```
    pub fn set_link(&self, link: LinkConfig, seed: u64) {
        let mut state = self.0.lock();
        (state.link, state.seed) = (link, seed);
    }

    /// Cuts all connections; of what was on its way a part still arrives. New ones are welcome.
    pub fn cut(&self) {
        self.0.lock().cuts += 1;
        self.0.tell();
    }

    /// While `shut`, nobody can connect. The connections that stand are left alone.
    pub fn shut(&self, shut: bool) {
        self.0.lock().shut = shut;
    }

    /// While `stalled`, nothing passes and nobody is told: a dead route, a closed lid.
    pub fn stall(&self, stalled: bool) {
        self.0.lock().stalled = stalled;
        self.0.tell();
    }

    /// Looks into the broker, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Broker, Instant) -> T) -> T {
        let result = look(&mut self.0.lock().broker, self.0.now());
        self.0.tell();
        result
    }

    /// Waits until the broker is as a test wants it.
    ///
    /// ```
    /// # use mqtt_as_tests::{broker::BrokerConfig, network::Network};
    /// # use std::time::Duration;
    /// # async fn run(network: &Network) -> Result<(), Box<dyn std::error::Error>> {
    /// let all_there = network.until(|broker| broker.accepted().len() == 3);
    /// tokio::time::timeout(Duration::from_secs(60), all_there).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// It may be dropped.
    pub fn until(&self, condition: impl FnMut(&Broker) -> bool) -> impl Future<Output = ()> {
        let (network, mut condition) = (self.clone(), condition);
        let mut changes = self.0.changed.subscribe();
        async move {
            while !condition(&network.0.lock().broker) {
                // The sender is there as long as the network.
                let _ = changes.changed().await;
            }
        }
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.0.lock().connections
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_replace(());
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.started.elapsed().as_millis() as u64) // 584 million years.
    }

    /// The moment of the broker's and the network's time, in tokio's.
    fn moment(&self, at: Option<Instant>) -> Clock {
        let after = at.map_or(NEVER, |at| Duration::from_millis(at.as_millis()));
        self.started + after.min(NEVER)
    }

    /// Does what is due; when to look again.
    fn keep_time(&self) -> Clock {
        let (mut state, now) = (self.lock(), self.now());
        if state.broker.poll_timeout().is_some_and(|at| at <= now) {
            state.broker.handle_timeout(now);
            self.tell();
        }
        self.moment(state.broker.poll_timeout())
    }
}

async fn keep_time(shared: Weak<Shared>, mut changes: watch::Receiver<()>) {
    loop {
        let Some(at) = shared.upgrade().map(|shared| shared.keep_time()) else { return };
        tokio::select! {
            () = sleep_until(at) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// One connection, as the network sees it.
#[derive(Debug)]
struct Line {
    conn: ConnId,
    link: Link,
    /// The network's cuts before it.
    cuts: u64,
    /// The client says nothing more.
    is_closed: bool,
    /// The broker knows that it is gone.
    is_lost: bool,
    /// What has arrived for the client, which has not taken it yet.
    unwritten: Vec<u8>,
}

/// What a line waits for.
struct Turn {
    /// Whether anything passes.
    passes: bool,
    wake: Clock,
}

/// Carries the bytes of a connection until both sides know that it has ended.
async fn carry(
    shared: Weak<Shared>,
    mut changes: watch::Receiver<()>,
    far: DuplexStream,
    mut line: Line,
) {
    let (mut from, mut to) = split(far);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Some(turn) = shared.upgrade().map(|shared| line.turn(&shared)) else { return };
        if line.is_told() {
            let _ = to.shutdown().await; // The client sees the end, or has closed itself.
            if line.is_lost {
                return;
            }
        }
        tokio::select! {
            read = from.read(&mut buffer), if turn.passes && !line.is_closed => {
                let Some(shared) = shared.upgrade() else { return };
                line.take(&buffer[..read.unwrap_or(0)], shared.now());
            }
            written = to.write(&line.unwritten), if turn.passes && !line.unwritten.is_empty() => {
                line.written(written.ok());
            }
            () = sleep_until(turn.wake) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

impl Line {
    /// Moves what has arrived by now, both ways.
    fn turn(&mut self, shared: &Shared) -> Turn {
        let (mut state, now) = (shared.lock(), shared.now());
        if state.cuts != self.cuts && !self.link.is_cut() {
            self.link.cut(now);
        }
        if state.stalled && !self.link.is_cut() {
            return Turn { passes: false, wake: shared.moment(None) };
        }
        let mut heard = self.hand_in(&mut state.broker, now);
        self.hand_out(&mut state.broker, now);
        heard |= self.end(&mut state.broker, now);
        if heard {
            shared.tell(); // There may be output for others.
        }
        Turn { passes: true, wake: shared.moment(self.link.next_arrival()) }
    }

    /// Whether the broker has got anything.
    fn hand_in(&mut self, broker: &mut Broker, now: Instant) -> bool {
        let mut any = false;
        while let Some(piece) = self.link.receive(Direction::ToBroker, now) {
            broker.handle_bytes(self.conn, &piece, now);
            any = true;
        }
        any
    }

    fn hand_out(&mut self, broker: &mut Broker, now: Instant) {
        let output = broker.take_output(self.conn);
        self.link.send(Direction::ToClient, &output, now);
        if broker.is_closed(self.conn) {
            self.link.close(Direction::ToClient);
        }
        while let Some(piece) = self.link.receive(Direction::ToClient, now) {
            self.unwritten.extend(piece);
        }
    }

    /// Tells the broker that the connection is gone, once it is.
    fn end(&mut self, broker: &mut Broker, now: Instant) -> bool {
        let is_over = self.link.is_ended(Direction::ToBroker) || broker.is_closed(self.conn);
        if !is_over || self.is_lost {
            return false;
        }
        self.is_lost = true;
        broker.lost(self.conn, now);
        self.link.close(Direction::ToClient);
        true
    }

    /// Whether the client has all that it will get.
    fn is_told(&self) -> bool {
        self.link.is_ended(Direction::ToClient) && self.unwritten.is_empty()
    }

    /// Takes what the client has written; nothing at its end.
    fn take(&mut self, bytes: &[u8], now: Instant) {
        self.link.send(Direction::ToBroker, bytes, now);
        if bytes.is_empty() {
            self.is_closed = true;
            self.link.close(Direction::ToBroker);
        }
    }

    /// The client has taken so much; `None` if it takes nothing more.
    fn written(&mut self, len: Option<usize>) {
        let len = len.unwrap_or(self.unwritten.len());
        self.unwritten.drain(..len);
    }
}
