//! A runtime that is driven by hand: one thread, virtual time, a transport that takes a few bytes
//! at a time. A future is polled only when it was woken, so a lost wake-up shows.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{
    Client, Connect, ConnectError, Instant, Lock, Memory, Registered, Server, Shutdown, State,
};
use mqtt_as_proto::frame::Frame;
use mqtt_as_tests::broker::{Broker, ConnId};
use mqtt_as_tokio::Config;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000) };
    static SLEEPER: RefCell<Vec<(Instant, Waker)>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(crate) enum Hand {}

impl mqtt_as_client::Runtime for Hand {
    type Lock = Alone<State<Self>>;
    type Pointer = Rc<Self::Lock>;
    type Connect = Wire;
    type Listeners = Registered;

    fn now() -> Instant {
        Instant::from_millis(NOW.get())
    }

    async fn sleep_until(at: Instant) {
        poll_fn(|cx| {
            if Self::now() >= at {
                return Poll::Ready(());
            }
            SLEEPER.with_borrow_mut(|sleepers| {
                match sleepers.iter_mut().find(|(_, waker)| waker.will_wake(cx.waker())) {
                    // Woken early, it sleeps again.
                    Some((earliest, _)) => *earliest = at.min(*earliest),
                    None => sleepers.push((at, cx.waker().clone())),
                }
            });
            Poll::Pending
        })
        .await;
    }
}

/// No lock is needed; a borrow shows whether one is taken twice.
#[derive(Debug)]
pub(crate) struct Alone<T>(RefCell<T>);

impl<T> Lock<T> for Alone<T> {
    fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U {
        f(&mut self.0.borrow_mut())
    }
}

#[derive(Default)]
struct World {
    broker: Broker,
    conn: Option<ConnId>,
    to_client: VecDeque<u8>,
    /// What the client wrote, by connection.
    written: Vec<Vec<u8>>,
    /// Bytes that the transport takes in a turn, and in this one still.
    chunk: usize,
    room: usize,
    wakers: Vec<Waker>,
}

/// The transport, and the server behind it.
#[derive(Clone, Default)]
pub(crate) struct Wire(Rc<RefCell<World>>);

pub(crate) struct ReadHalf(Wire);
pub(crate) struct WriteHalf(Wire);

impl Connect for Wire {
    type Read<'c> = ReadHalf;
    type Write<'c> = WriteHalf;

    async fn connect(&mut self, _: Server<'_>) -> Result<(ReadHalf, WriteHalf), ConnectError> {
        let mut first = true;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let world = &mut *self.0.borrow_mut();
        world.conn = Some(world.broker.open());
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
            self.to_client.extend(self.broker.take_output(conn));
        }
        self.wakers.drain(..).for_each(Waker::wake);
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
            let closed = world.conn.is_none_or(|conn| world.broker.is_closed(conn));
            if len == 0 && !closed {
                world.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
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
                world.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            world.room -= len;
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

/// Whether a future was woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A client, its driver and its server.
pub(crate) struct Bench {
    client: Client<Hand>,
    runner: Option<Pin<Box<dyn Future<Output = ()>>>>,
    wire: Wire,
    woken: Arc<Flag>,
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
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        Self { client, runner: Some(Box::pin(runner.run())), wire, woken }
    }

    pub(crate) fn client(&self) -> Client<Hand> {
        self.client.clone()
    }

    /// The server answers no more until it is lifted.
    pub(crate) fn stall(&self, stalled: bool) {
        self.wire.0.borrow_mut().chunk = if stalled { 0 } else { 1000 };
    }

    /// The connection breaks.
    pub(crate) fn lose(&self) {
        self.wire.0.borrow_mut().lose();
    }

    /// Those bytes come from the server.
    pub(crate) fn receive(&self, bytes: &[u8]) {
        self.wire.0.borrow_mut().to_client.extend(bytes);
    }

    /// What the client wrote on its last connection.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.wire.0.borrow().written.last().cloned().unwrap_or_default()
    }

    pub(crate) fn drop_runner(&mut self) {
        self.runner = None;
    }

    /// A millisecond passes.
    pub(crate) fn turn(&mut self) {
        NOW.set(NOW.get() + 1);
        SLEEPER.with_borrow_mut(|sleepers| {
            sleepers.extract_if(.., |(at, _)| at.as_millis() <= NOW.get()).for_each(|one| {
                one.1.wake();
            });
        });
        self.wire.0.borrow_mut().turn();
        let Some(runner) = &mut self.runner else { return };
        if self.woken.0.swap(false, Ordering::SeqCst) {
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
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        for _ in 0..100_000 {
            if woken.0.swap(false, Ordering::SeqCst)
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
