//! A runtime that is driven by hand: one thread, virtual time, a transport that takes a few bytes
//! at a time. A future is polled only when it was woken, so a lost wake-up shows.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::Config;
use mqtt_as_client::{
    Callbacks, Client, ConfigError, Connect, ConnectError, ErrorKind, Instant, Lock, Memory,
    Registered, Runner, Runtime, Server, Shutdown, Start, State, Step,
};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_tests::broker::{Broker, ConnId};

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000) };
    static SLEEPERS: RefCell<BTreeMap<u64, (Instant, Waker)>> = const { RefCell::new(BTreeMap::new()) };
    static SLEEPS: Cell<u64> = const { Cell::new(0) };
    /// The transport of the client that is started next, and the tasks of the one that was last.
    static WIRE: RefCell<Wire> = RefCell::default();
    static STARTED: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
}

/// A task.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Debug)]
pub(crate) enum Hand {}

impl Runtime for Hand {
    type Lock = Alone;
    type Pointer = Rc<Self::Lock>;
    type Connect = Wire;
    type Listeners = Registered;

    fn now() -> Instant {
        Instant::from_millis(NOW.get())
    }

    async fn sleep_until(at: Instant) {
        let sleep = Sleep(SLEEPS.replace(SLEEPS.get() + 1));
        poll_fn(|cx| {
            if Self::now() >= at {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            SLEEPERS.with_borrow_mut(|sleepers| sleepers.insert(sleep.0, (at, waker)));
            Poll::Pending
        })
        .await;
    }
}

/// Wakes nobody any more when it is dropped.
struct Sleep(u64);

impl Drop for Sleep {
    fn drop(&mut self) {
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.remove(&self.0));
    }
}

impl Start for Hand {
    fn start(runner: Runner<Self>, callbacks: Callbacks<Self>) -> Result<(), ConfigError> {
        let tasks: [Work; 2] = [Box::pin(runner.run()), Box::pin(callbacks.run())];
        STARTED.with_borrow_mut(|started| started.extend(tasks));
        Ok(())
    }

    fn share(lock: Self::Lock) -> Self::Pointer {
        Rc::new(lock)
    }

    fn connector(_: &Config) -> Result<Wire, ConfigError> {
        Ok(WIRE.take())
    }
}

/// A client with callbacks over that transport, and its tasks.
pub(crate) fn start(config: Config, wire: &Wire) -> (Client<Hand>, Vec<Work>) {
    WIRE.set(wire.clone());
    let client = Client::new(config).expect("settings that fit each other");
    (client, STARTED.take())
}

/// A life begins: at the same time as any other.
pub(crate) fn begin() {
    NOW.set(1_000_000);
}

/// A millisecond passes.
pub(crate) fn pass(wire: &Wire) {
    wait(1);
    wire.0.borrow_mut().turn();
}

/// So many milliseconds pass, of which the transports see nothing.
fn wait(ms: u64) {
    NOW.set(NOW.get() + ms);
    SLEEPERS.with_borrow_mut(|sleepers| {
        sleepers.retain(|_, (at, waker)| {
            let sleeps = at.as_millis() > NOW.get();
            if !sleeps {
                waker.wake_by_ref();
            }
            sleeps
        });
    });
}

/// No lock is needed; a borrow shows whether one is taken twice.
#[derive(Debug)]
pub(crate) struct Alone(RefCell<State>);

impl Lock for Alone {
    fn new(state: State) -> Self {
        Self(RefCell::new(state))
    }

    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        f(&mut self.0.borrow_mut());
    }
}

#[derive(Default)]
struct World {
    broker: Broker,
    conn: Option<ConnId>,
    /// The server's side is closed; known from the next turn on.
    closed: bool,
    to_client: VecDeque<u8>,
    /// What the client wrote, by connection.
    written: Vec<Vec<u8>>,
    /// Bytes that the transport takes in a turn, and in this one still.
    chunk: usize,
    room: usize,
    dial: Dial,
    /// What the server says is lost.
    mute: bool,
    /// Bytes in both directions so far.
    moved: usize,
    /// Those that the client has read.
    read: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What becomes of the next connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dial {
    #[default]
    Opens,
    Fails,
    /// The name is looked up in vain.
    Unknown,
    Hangs,
}

/// The transport, and the server behind it.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<RefCell<World>>);

pub(crate) struct ReadHalf(Wire);
pub(crate) struct WriteHalf(Wire);

impl Connect for Wire {
    type Read<'c> = ReadHalf;
    type Write<'c> = WriteHalf;

    async fn connect(&mut self, to: Server<'_>) -> Result<(ReadHalf, WriteHalf), ConnectError> {
        let dial = self.0.borrow().dial;
        let mut first = true;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        match dial {
            Dial::Opens => {}
            Dial::Fails => {
                return Err(ConnectError::Unreachable(
                    Step::Open,
                    ErrorKind::ConnectionRefused.into(),
                ));
            }
            Dial::Unknown => {
                return Err(ConnectError::Unreachable(Step::Resolve, ErrorKind::NotFound.into()));
            }
            Dial::Hangs => {
                Hand::sleep_until(Instant::from_millis(NOW.get() + u64::from(to.timeout))).await;
                return Err(ConnectError::TimedOut(Step::Open));
            }
        }
        let world = &mut *self.0.borrow_mut();
        world.conn = Some(world.broker.open());
        world.closed = false;
        world.to_client.clear();
        world.written.push(Vec::new());
        Ok((ReadHalf(self.clone()), WriteHalf(self.clone())))
    }
}

impl World {
    /// Time for the server; what it says arrives.
    fn turn(&mut self) {
        self.room = self.chunk;
        if let Some(conn) = self.conn {
            let said = self.broker.take_output(conn);
            self.to_client.extend(said.iter().filter(|_| !self.mute));
        }
        self.closed = self.conn.is_none_or(|conn| self.broker.is_closed(conn));
        let readable = self.closed || self.chunk.min(self.to_client.len()) != 0;
        let reader = self.reader.take_if(|_| readable);
        let writer = self.writer.take_if(|_| self.chunk != 0);
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }

    fn lose(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.broker.lost(conn, Instant::from_millis(NOW.get()));
        }
    }
}

impl ErrorType for ReadHalf {
    type Error = Infallible;
}

impl ErrorType for WriteHalf {
    type Error = Infallible;
}

impl Read for ReadHalf {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let world = &mut *self.0.0.borrow_mut();
            let len = buf.len().min(world.to_client.len()).min(world.chunk);
            if len == 0 && !world.closed {
                world.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            world.moved += len;
            world.read += len;
            buf.iter_mut().zip(world.to_client.drain(..len)).for_each(|(to, byte)| *to = byte);
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for WriteHalf {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let world = &mut *self.0.0.borrow_mut();
            let len = buf.len().min(world.room);
            if len == 0 {
                world.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            world.room -= len;
            world.moved += len;
            let written = world.written.last_mut().expect("a connection");
            written.extend_from_slice(&buf[..len]);
            if let Some(conn) = world.conn {
                world.broker.handle_bytes(conn, &buf[..len], Instant::from_millis(NOW.get()));
            }
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Shutdown for WriteHalf {
    async fn shutdown(&mut self) {
        self.0.0.borrow_mut().lose();
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        self.0.0.borrow_mut().lose();
    }
}

impl Wire {
    /// A transport to that server.
    pub(crate) fn to(broker: Broker) -> Self {
        Self(Rc::new(RefCell::new(World { broker, chunk: 1000, ..World::default() })))
    }

    pub(crate) fn with_broker<T>(&self, f: impl FnOnce(&mut Broker, Instant) -> T) -> T {
        f(&mut self.0.borrow_mut().broker, Hand::now())
    }

    /// It takes that many bytes a turn from here on, and the next connections open or do not.
    pub(crate) fn set(&self, chunk: usize, dial: Dial) {
        let world = &mut *self.0.borrow_mut();
        (world.chunk, world.dial) = (chunk, dial);
    }

    /// The connection breaks.
    pub(crate) fn lose(&self) {
        self.0.borrow_mut().lose();
    }

    /// Bytes in both directions so far.
    pub(crate) fn moved(&self) -> usize {
        self.0.borrow().moved
    }
}

/// Whether a future was woken.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// Woken, to begin with.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A client, its driver and its server.
pub(crate) struct Bench {
    client: Client<Hand>,
    runner: Option<Work>,
    wire: Wire,
    woken: Arc<Flag>,
    callbacks: Option<Work>,
    /// How often the driver was polled.
    polls: usize,
}

impl Bench {
    /// The transport takes `chunk` bytes a turn.
    pub(crate) fn new(config: Config, chunk: usize) -> Self {
        let memory = Memory::heap(&config);
        Self::with_memory(config, memory, chunk)
    }

    /// The same in that memory.
    pub(crate) fn with_memory(config: Config, memory: Memory, chunk: usize) -> Self {
        let wire = Wire::default();
        wire.0.borrow_mut().chunk = chunk;
        let made = Client::with_runner(config, memory, wire.clone(), Rc::new);
        let (client, runner) = made.expect("settings that fit each other");
        let woken = Flag::new();
        let runner: Option<Work> = Some(Box::pin(runner.run()));
        Self { client, runner, wire, woken, callbacks: None, polls: 0 }
    }

    /// With callbacks, and a transport that takes 1000 bytes a turn.
    pub(crate) fn with_callbacks(config: Config) -> Self {
        let wire = Wire::to(Broker::default());
        let (client, mut tasks) = start(config, &wire);
        let (callbacks, runner) = (tasks.pop(), tasks.pop());
        Self { client, runner, wire, woken: Flag::new(), callbacks, polls: 0 }
    }

    pub(crate) fn client(&self) -> Client<Hand> {
        self.client.clone()
    }

    /// The server answers no more until it is lifted.
    pub(crate) fn stall(&self, stalled: bool) {
        self.wire.0.borrow_mut().chunk = if stalled { 0 } else { 1000 };
    }

    /// Nothing comes from the server until it is lifted.
    pub(crate) fn mute(&self, mute: bool) {
        self.wire.0.borrow_mut().mute = mute;
    }

    /// The next connections open or do not.
    pub(crate) fn dial(&self, dial: Dial) {
        self.wire.0.borrow_mut().dial = dial;
    }

    /// How often the driver was polled.
    pub(crate) fn polls(&self) -> usize {
        self.polls
    }

    /// The connection breaks.
    pub(crate) fn lose(&self) {
        self.wire.0.borrow_mut().lose();
    }

    pub(crate) fn with_broker<T>(&self, f: impl FnOnce(&mut Broker, Instant) -> T) -> T {
        self.wire.with_broker(f)
    }

    /// Those bytes come from the server.
    pub(crate) fn receive(&self, bytes: &[u8]) {
        self.wire.0.borrow_mut().to_client.extend(bytes);
    }

    /// Bytes that the client has read.
    pub(crate) fn read(&self) -> usize {
        self.wire.0.borrow().read
    }

    /// Whether there are more.
    pub(crate) fn is_readable(&self) -> bool {
        !self.wire.0.borrow().to_client.is_empty()
    }

    /// The transport takes so many bytes a turn from here on, and gives so many a read.
    pub(crate) fn chunk(&self, chunk: usize) {
        self.wire.0.borrow_mut().chunk = chunk;
    }

    /// What the client wrote on its last connection.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.wire.0.borrow().written.last().cloned().unwrap_or_default()
    }

    /// The whole packets that the client wrote on its last connection.
    pub(crate) fn packet_types(&self) -> Vec<PacketType> {
        let (written, mut types) = (self.written(), Vec::new());
        let mut rest = &written[..];
        while let Some((frame, after)) = Frame::split(rest).expect("no malformed packet") {
            types.push(PacketType::from_first_byte(frame.first).expect("a packet type"));
            rest = after;
        }
        types
    }

    /// How often the server took that payload.
    pub(crate) fn accepted(&self, payload: &[u8]) -> usize {
        let of = |broker: &mut Broker, _| {
            broker.accepted().iter().filter(|one| one.payload[..] == *payload).count()
        };
        self.wire.with_broker(of)
    }

    /// Whether there is no connection.
    pub(crate) fn is_cut(&self) -> bool {
        self.wire.0.borrow().conn.is_none()
    }

    pub(crate) fn drop_runner(&mut self) {
        self.runner = None;
    }

    pub(crate) fn drop_callbacks(&mut self) {
        self.callbacks = None;
    }

    /// A millisecond passes.
    pub(crate) fn turn(&mut self) {
        pass(&self.wire);
        if let Some(callbacks) = &mut self.callbacks {
            let _ = callbacks.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        self.run();
    }

    /// The process is stopped for so long. When it goes on, its timers fire before it knows what came.
    pub(crate) fn freeze(&mut self, ms: u64) {
        wait(ms);
        self.run();
    }

    fn run(&mut self) {
        let Some(runner) = &mut self.runner else { return };
        if self.woken.take() {
            self.polls += 1;
            let waker = Waker::from(self.woken.clone());
            let end = runner.as_mut().poll(&mut Context::from_waker(&waker));
            if end.is_ready() {
                self.runner = None;
            }
        }
    }

    pub(crate) fn turns(&mut self, count: usize) {
        (0..count).for_each(|_| self.turn());
    }

    /// Polls a future that many times, the driver in between, then drops it: what it said.
    pub(crate) fn poll_times<T>(
        &mut self,
        future: impl IntoFuture<Output = T>,
        times: usize,
    ) -> Option<T> {
        let mut future = pin!(future.into_future());
        for _ in 0..times {
            let poll = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(value) = poll {
                return Some(value);
            }
            self.turn();
        }
        None
    }

    /// Drives a future to its end. It is polled only when it was woken.
    pub(crate) fn complete<T>(&mut self, future: impl IntoFuture<Output = T>) -> T {
        let mut future = pin!(future.into_future());
        let woken = Flag::new();
        let waker = Waker::from(woken.clone());
        for _ in 0..100_000 {
            if woken.take()
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return value;
            }
            self.turn();
        }
        panic!("it has to happen within a hundred seconds");
    }

    /// Each connection carried whole packets only; the last one so far as well.
    pub(crate) fn assert_whole_packets(&self) {
        let world = self.wire.0.borrow();
        for written in &world.written {
            let mut rest = &written[..];
            while !rest.is_empty() {
                let split = Frame::split(rest).expect("no malformed packet");
                let Some((_, after)) = split else { panic!("half a packet: {rest:?}") };
                rest = after;
            }
        }
    }
}
