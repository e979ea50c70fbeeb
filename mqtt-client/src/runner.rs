//! The driver: one future that opens connections, and moves bytes and time for them.
//!
//! A connection has three loops, joined once, that live as long as it does: *read*, *write* and
//! *control* (time, and what the program wants). None is ever restarted, so that a transport need
//! not be cancel-safe.

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_futures::select::{Either, Either3, select, select3};
use embassy_futures::yield_now;
use embedded_io_async::{Error as _, Read, Write};
use mqtt_as_proto::client::{ConnectionError, Waiting};
use mqtt_as_proto::packet::Connect as ConnectPacket;
use mqtt_as_proto::packet::Will as WillPacket;
use mqtt_as_proto::{Outbox, Properties, Property, ReasonCode, Storage, TopicName, Version};

use crate::client::Client;
use crate::config::{Binary, Config, Text};
use crate::error::{ConnectError, DownReason, Step};
use crate::memory::Memory;
use crate::read::{ReadBuffer, ReadMemory};
use crate::shared::{Loop, State, act};
use crate::traits::{Connect, Lock, Runtime, Server, Shutdown};

/// The driver of a client. [`run`](Self::run) it in a task of its own, or join it with the program.
pub struct Runner<R: Runtime> {
    shared: R::Pointer,
    connect: R::Connect,
    out: Outbox<'static>,
    read: ReadMemory,
    /// A session was begun: `clean_init` has done its work.
    begun: bool,
}

/// Milliseconds that the server has to close its side of an ended connection.
const LINGER: u64 = 1000;

/// Reads after which the read loop lets others run.
const READS: u8 = 32;

impl<R: Runtime> Client<R> {
    /// A handle and its driver, with those settings and that memory.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    pub fn with_runner(
        config: Config,
        memory: Memory,
        connect: R::Connect,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<(Self, Runner<R>), crate::ConfigError> {
        let (memory, outbox, read) = memory.split();
        let shared = pointer(R::Lock::new(State::new(config, memory)?));
        let client = Self::with_pointer(shared.clone());
        let out = Outbox::new(outbox);
        Ok((client, Runner { shared, connect, out, read, begun: false }))
    }
}

impl<R: Runtime> Runner<R> {
    /// Drives the client until the last handle is dropped.
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport without DISCONNECT; all calls return `Closed`.
    pub async fn run(mut self) {
        while let Some(clean) = self.wanted().await {
            if self.needs_clean_session_first(clean) {
                self.connection(true, true).await;
                if !act::<R, _>(&self.shared, State::goes_on) {
                    continue;
                }
            }
            self.connection(clean, false).await;
        }
    }

    /// Waits until the program wants a connection; `None` when the last handle is gone.
    async fn wanted(&self) -> Option<bool> {
        let wanted = poll_fn(|cx| {
            let (poll, _old) = act::<R, _>(&self.shared, |state| {
                if state.handles == 0 {
                    return (Poll::Ready(None), None);
                }
                match state.link.wanted.take() {
                    Some(clean) => {
                        state.link.busy = true;
                        state.link.ending = None;
                        state.link.refused = None;
                        (Poll::Ready(Some(clean)), None)
                    }
                    None => (Poll::Pending, state.loops.register(Loop::Runner, cx.waker())),
                }
            });
            poll
        });
        meanwhile::<R, _>(&self.shared, wanted).await
    }

    /// 3.1.1 has no way to begin a session that is kept: a clean connection ends the old one first.
    fn needs_clean_session_first(&mut self, clean: bool) -> bool {
        let (v311, clean_init) = act::<R, _>(&self.shared, |state| {
            (state.config.core.version == Version::V311, state.config.clean_init)
        });
        v311 && clean_init && !clean && !self.begun
    }

    /// One connection, from the name to the end. With `only_clean` it ends at once.
    async fn connection(&mut self, clean: bool, only_clean: bool) {
        let shared = self.shared.clone();
        let (host, port, timeout) = act::<R, _>(&shared, |state| {
            state.link.busy = true;
            state.link.preparing = only_clean;
            let config = &state.config;
            (config.server.clone(), config.port, config.core.connect_timeout)
        });
        let server = Server { host: host.as_str(), port, timeout };
        let opened = select(self.connect.connect(server), replaced::<R>(&shared));
        let opened = meanwhile::<R, _>(&shared, opened).await;
        let (mut read, mut write) = match opened {
            Either::First(Ok(halves)) => halves,
            Either::First(Err(error)) => return fail::<R>(&shared, error),
            Either::Second(()) => return fail::<R>(&shared, ConnectError::Replaced),
        };
        if let Err(error) = act::<R, _>(&shared, |state| state.open(clean, self.begun)) {
            return fail::<R>(&shared, error);
        }
        let mut buffer = ReadBuffer::new(&mut self.read);
        let loops = select3(
            read_loop::<R>(&shared, &mut read, &mut buffer),
            write_loop::<R>(&shared, &mut write, &mut self.out),
            control_loop::<R>(&shared, only_clean),
        );
        let end = match loops.await {
            Either3::First(end) | Either3::Second(end) | Either3::Third(end) => end,
        };
        self.out.clear();
        self.out.release();
        self.begun |= act::<R, _>(&shared, |state| state.end(end));
    }
}

/// How the loops of a connection ended.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The server closed the transport.
    Eof,
    /// All is said, and the server has had its time.
    Done,
    Transport(embedded_io_async::ErrorKind),
    Protocol(ConnectionError),
}

/// Does that without a connection: calls end whose time is over.
async fn meanwhile<R: Runtime, T>(shared: &R::Pointer, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let (deadline, seen) = act::<R, _>(shared, |state| {
            state.loops.armed = state.waiters.next_deadline();
            (state.loops.armed, state.loops.controls)
        });
        let timer = async {
            match deadline {
                Some(at) => R::sleep_until(at).await,
                None => core::future::pending().await,
            }
        };
        match select3(future.as_mut(), timer, notified::<R>(shared, seen)).await {
            Either3::First(value) => return value,
            _ => act::<R, _>(shared, |state| state.waiters.expire(R::now())),
        }
    }
}

/// Waits until the program wants something else than the connection that is being opened.
async fn replaced<R: Runtime>(shared: &R::Pointer) {
    poll_fn(|cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            let other = state.link.wanted.is_some() || state.link.ending.is_some();
            if other || state.handles == 0 {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, state.loops.register(Loop::Control, cx.waker()))
        });
        poll
    })
    .await;
}

/// The connection did not come to be.
fn fail<R: Runtime>(shared: &R::Pointer, error: ConnectError) {
    act::<R, _>(shared, |state| {
        if state.link.wanted.is_none() {
            state.finish_connect(Err(error));
        }
        let why = state.link.ending.take().unwrap_or(DownReason::Replaced);
        state.go_down(why);
    });
}

/// Reads, and gives whole packets to the core.
async fn read_loop<R: Runtime>(
    shared: &R::Pointer,
    read: &mut impl Read,
    buffer: &mut ReadBuffer<'_>,
) -> End {
    let mut needed = None;
    let mut reads: u8 = 0;
    loop {
        let room = buffer.room(needed);
        if room.is_empty() {
            let size = needed.unwrap_or(0);
            return End::Protocol(ConnectionError::TooLarge { size });
        }
        match read.read(room).await {
            Ok(0) => return End::Eof,
            Ok(n) => buffer.fill(n),
            Err(error) => return End::Transport(error.kind()),
        }
        let mut filling = false;
        loop {
            let took = act::<R, _>(shared, |state| state.take_read(buffer));
            filling |= took.filling;
            needed = took.needed;
            if let Some(end) = took.end {
                return end;
            }
            if !took.blocked {
                break;
            }
            wait_for_room::<R>(shared, took.looked).await;
        }
        reads = (reads + 1) % READS;
        if filling || reads == 0 {
            // The consumers' turn, before more comes than they can have taken, and that of the
            // other loops: a transport need not ever make this one wait.
            yield_now().await;
        }
    }
}

/// What a look at the read buffer found.
struct Took {
    needed: Option<usize>,
    blocked: bool,
    filling: bool,
    looked: Looked,
    end: Option<End>,
}

impl<R: Runtime> State<R> {
    fn take_read(&mut self, buffer: &mut ReadBuffer<'_>) -> Took {
        let now = R::now();
        let (used, result) = self.take_input(buffer.bytes(), now);
        self.use_read(buffer, used);
        self.settle();
        let (needed, blocked) = match result {
            Ok(done) => done,
            Err(error) => {
                let end = self.begin_ending(error);
                let looked = self.looked();
                buffer.consume(buffer.bytes().len()); // Nothing more is taken.
                return Took { needed: None, blocked: false, filling: false, looked, end };
            }
        };
        let end = self.link.ending.filter(|_| self.is_said()).map(|_| End::Done);
        let end = end.or(self.link.refused.map(|_| End::Done));
        let blocked = blocked || self.wants_pause();
        self.core.pause_reading(blocked, now);
        let looked = self.looked();
        Took { needed, blocked, looked, filling: self.inbox.is_filling(), end }
    }

    /// Splits the used bytes off: the messages among them refer to them.
    fn use_read(&mut self, buffer: &mut ReadBuffer<'_>, used: usize) {
        #[cfg(feature = "alloc")]
        if self.inbox.is_unfinished() {
            let read = buffer.split(used);
            self.inbox.finish(&read);
            return;
        }
        if used != 0 {
            buffer.consume(used);
        }
    }

    fn looked(&self) -> Looked {
        Looked { writes: self.loops.writes, paused: self.wants_pause() }
    }

    /// Nothing has to be written any more.
    fn is_said(&self) -> bool {
        matches!(self.link.ending, Some(DownReason::Server(_)))
    }

    /// The connection has to end: the server is told why, and given time to close.
    fn begin_ending(&mut self, error: ConnectionError) -> Option<End> {
        if error.reason().is_none() || self.link.ending.is_some() {
            return Some(End::Protocol(error));
        }
        self.link.ending = Some(DownReason::Protocol(error));
        self.link.linger = Some(self.now.after(LINGER));
        self.notify_write();
        self.notify_deadline();
        None
    }
}

/// Waits until something was written, or consumers have made room, since the last look.
async fn wait_for_room<R: Runtime>(shared: &R::Pointer, looked: Looked) {
    poll_fn(|cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.looked() != looked {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, state.loops.register(Loop::Read, cx.waker()))
        });
        poll
    })
    .await;
}

/// How things stood when the read loop found that it had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Looked {
    writes: u32,
    paused: bool,
}

/// Writes all that is due, in as few writes as the transport takes.
async fn write_loop<R: Runtime>(
    shared: &R::Pointer,
    write: &mut (impl Write + Shutdown),
    out: &mut Outbox<'static>,
) -> End {
    let mut unflushed = false;
    loop {
        match next_output::<R>(shared, out, unflushed).await {
            Output::Write => {}
            Output::Flush => {
                unflushed = false;
                if let Err(error) = write.flush().await {
                    return End::Transport(error.kind());
                }
                continue;
            }
            Output::Close => {
                write.shutdown().await;
                act::<R, _>(shared, State::said_all);
                return core::future::pending().await;
            }
        }
        unflushed = true;
        while !out.is_empty() {
            match write.write(out.chunk()).await {
                Ok(0) => return End::Eof,
                Ok(n) => {
                    out.advance(n);
                    act::<R, _>(shared, |state| state.wrote(n));
                }
                Err(error) => return End::Transport(error.kind()),
            }
        }
    }
}

enum Output {
    Write,
    Flush,
    Close,
}

/// Waits for something to write.
async fn next_output<R: Runtime>(
    shared: &R::Pointer,
    out: &mut Outbox<'static>,
    unflushed: bool,
) -> Output {
    poll_fn(|cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.loops.write_idle {
                state.now = R::now();
            }
            let now = state.now;
            if state.core.poll_transmit(out, now) {
                state.loops.write_idle = false;
                state.settle();
                return (Poll::Ready(Output::Write), None);
            }
            if unflushed {
                return (Poll::Ready(Output::Flush), None);
            }
            if state.core.is_closing() {
                return (Poll::Ready(Output::Close), None);
            }
            state.loops.write_idle = true;
            (Poll::Pending, state.loops.register(Loop::Write, cx.waker()))
        });
        poll
    })
    .await
}

impl<R: Runtime> State<R> {
    /// The transport took `n` bytes.
    fn wrote(&mut self, n: usize) {
        self.now = R::now();
        self.core.handle_transmitted(n, self.now);
        self.loops.writes = self.loops.writes.wrapping_add(1);
        // An ending connection has that time as long as the transport takes bytes.
        let more = self.now.after(u64::from(self.config.core.write_timeout));
        self.link.linger = self.link.linger.map(|at| at.max(more));
        self.loops.notify(Loop::Read);
        self.waiters.wake_room();
        self.notify_deadline();
    }

    /// DISCONNECT is out, or there is none: the server has a little time to close.
    fn said_all(&mut self) {
        let now = R::now();
        self.link.ending.get_or_insert(DownReason::Closed);
        self.link.linger = Some(now.after(LINGER));
        self.notify_deadline();
    }
}

/// Watches the time, and what the program wants.
async fn control_loop<R: Runtime>(shared: &R::Pointer, only_clean: bool) -> End {
    loop {
        let (step, seen) =
            act::<R, _>(shared, |state| (state.control(only_clean), state.loops.controls));
        match step {
            Control::End(end) => return end,
            Control::Wait => notified::<R>(shared, seen).await,
            Control::Until(at) => {
                select(R::sleep_until(at), notified::<R>(shared, seen)).await;
            }
        }
    }
}

enum Control {
    End(End),
    Wait,
    Until(mqtt_as_proto::Instant),
}

/// Waits until somebody notifies the control loop, since it looked last.
fn notified<R: Runtime>(shared: &R::Pointer, seen: u32) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.loops.controls != seen {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, state.loops.register(Loop::Control, cx.waker()))
        });
        poll
    })
}

impl<R: Runtime> State<R> {
    /// Whether the program wants the connection to end, and it has not begun to.
    fn wants_control(&self) -> bool {
        (self.link.wanted.is_some() || self.handles == 0) && self.link.ending.is_none()
    }

    fn control(&mut self, only_clean: bool) -> Control {
        let now = R::now();
        self.now = now;
        self.waiters.expire(now);
        let refused = self.link.refused.is_some();
        if refused || self.link.linger.is_some_and(|at| at <= now) {
            return Control::End(End::Done);
        }
        if let Err(error) = self.core.handle_timeout(now)
            && let Some(end) = self.begin_ending(error)
        {
            return Control::End(end);
        }
        if self.wants_control() {
            let replaced = self.link.wanted.is_some();
            let why = if replaced { DownReason::Replaced } else { DownReason::Disconnected };
            self.end_link(ReasonCode::SUCCESS, why);
        } else if only_clean && self.link.prepared && self.link.ending.is_none() {
            self.end_link(ReasonCode::SUCCESS, DownReason::Replaced);
        }
        self.settle();
        self.loops.armed = self.next_deadline();
        match self.loops.armed {
            Some(at) => Control::Until(at),
            None => Control::Wait,
        }
    }

    /// A transport is open: CONNECT goes out.
    fn open(&mut self, clean: bool, begun: bool) -> Result<(), ConnectError> {
        if self.link.ending.is_some() {
            return Err(ConnectError::Replaced); // By a disconnect, while the transport opened.
        }
        let now = R::now();
        self.now = now;
        self.loops.armed = None;
        self.loops.write_idle = false;
        let config = self.config.clone();
        let v5 = config.core.version == Version::V5;
        let first = config.clean_init && !begun && !clean;
        let expiry = match config.session_expiry {
            None if first => Some(u32::MAX),
            expiry => expiry,
        };
        let expiry = expiry.filter(|_| v5).map(Property::SessionExpiryInterval);
        let delay = config.will.as_ref().map_or(0, |will| will.delay.as_secs());
        let delay = u32::try_from(delay).unwrap_or(u32::MAX);
        let delay = (v5 && delay != 0).then_some(Property::WillDelayInterval(delay));
        let will = match &config.will {
            None => None,
            Some(will) => Some(WillPacket {
                topic: TopicName::new(will.topic.as_str()).map_err(ConnectError::WillTopic)?,
                payload: will.payload.as_slice(),
                qos: will.qos,
                retain: will.retain,
                properties: Properties::new(delay.as_slice()),
            }),
        };
        #[cfg(feature = "alloc")]
        let client_id = match &self.link.assigned {
            Some(assigned) if config.client_id.as_str().is_empty() => assigned,
            _ => config.client_id.as_str(),
        };
        #[cfg(not(feature = "alloc"))]
        let client_id = config.client_id.as_str();
        let connect = ConnectPacket {
            version: config.core.version,
            clean_start: clean || (v5 && first),
            keep_alive: config.keepalive.as_secs() as u16, // Checked by `connect`.
            client_id,
            will,
            user_name: config.user.as_ref().map(Text::as_str),
            password: config.password.as_ref().map(Binary::as_slice),
            properties: Properties::new(expiry.as_slice()),
        };
        let warning = self.core.connect(&connect, now).map_err(ConnectError::Invalid)?;
        self.link.session.expires_at_once = warning.is_some();
        Ok(())
    }

    /// The loops of a connection have ended. Whether it was up.
    fn end(&mut self, end: End) -> bool {
        let was_up = self.link.is_up || self.link.prepared;
        let ending = self.link.ending.take();
        let reason = match (ending, end) {
            (Some(reason), _) => reason,
            (None, End::Eof | End::Done) => DownReason::Closed,
            (None, End::Transport(kind)) => DownReason::Transport(kind),
            (None, End::Protocol(error)) => DownReason::Protocol(error),
        };
        if !was_up && self.link.wanted.is_none() {
            let error = match (self.link.refused.take(), reason) {
                (Some(reason), _) => ConnectError::Refused(reason),
                (_, DownReason::Protocol(ConnectionError::TimedOut(Waiting::ConnAck))) => {
                    ConnectError::TimedOut(Step::Connect)
                }
                (_, DownReason::Protocol(error)) => ConnectError::Protocol(error),
                (_, DownReason::Disconnected | DownReason::Replaced) => ConnectError::Replaced,
                (_, reason) => ConnectError::Lost(reason),
            };
            self.finish_connect(Err(error));
        }
        self.link.refused = None;
        self.go_down(reason);
        was_up
    }
}

impl<R: Runtime> Drop for Runner<R> {
    fn drop(&mut self) {
        act::<R, _>(&self.shared, |state| {
            if state.link.busy {
                state.go_down(DownReason::Closed);
            }
            state.close();
        });
    }
}

impl<R: Runtime> fmt::Debug for Runner<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}

impl Memory {
    /// What handles and driver share, what only the driver has.
    fn split(self) -> (Self, Storage<'static, u8>, ReadMemory) {
        let Self { core, outbox, entries, queue, waiters, read } = self;
        let shared = Self {
            core,
            outbox: Storage::default(),
            entries,
            queue,
            waiters,
            read: ReadMemory::none(),
        };
        (shared, outbox, read)
    }
}
