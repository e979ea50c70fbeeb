//! The driver: one future that opens connections, and moves bytes and time for them.
//!
//! A connection has three loops, joined once, that live as long as it does: *read*, *write* and
//! *control* (time, and what the program wants). None is ever restarted, so that a transport need
//! not be cancel-safe.

mod connecting;
mod control;
mod reading;
mod writing;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_futures::select::{Either, Either3, select, select3};
use mqtt_as_proto::client::ConnectionError;
use mqtt_as_proto::{Outbox, Storage, Version};

use crate::client::Client;
use crate::config::Config;
use crate::error::{ConnectError, DownReason};
use crate::loops::Loop;
use crate::memory::Memory;
use crate::read::{ReadBuffer, ReadMemory};
use crate::shared::{State, act};
use crate::traits::{Connect, Lock, Runtime, Server};
use crate::transport::ErrorKind;
use control::{control_loop, notified};
use reading::read_loop;
use writing::write_loop;

/// The driver of a client. [`run`](Self::run) it in a task of its own, or join it with the program.
///
/// `C` opens its transports: what the runtime brings for that, or anything else.
pub struct Runner<R: Runtime, C: Connect = <R as Runtime>::Connect> {
    shared: R::Pointer,
    connect: C,
    out: Outbox<'static>,
    read: ReadMemory,
    /// A session was begun: `clean_init` has done its work.
    begun: bool,
}

/// Milliseconds that the server has to close its side of an ended connection.
const LINGER: u64 = 1000;

impl<R: Runtime> Client<R> {
    /// A handle and its driver, with those settings and that memory.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    // Out of line: the state passes over the stack, and its place must not stay the caller's.
    #[inline(never)]
    pub fn with_runner<C: Connect>(
        mut config: Config,
        memory: Memory,
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<(Self, Runner<R, C>), crate::ConfigError> {
        let (memory, outbox, read) = memory.fit(&mut config)?.split();
        let shared = pointer(R::Lock::new(State::new(config, memory)?));
        let client = Self::with_pointer(shared.clone());
        let out = Outbox::new(outbox);
        Ok((client, Runner { shared, connect, out, read, begun: false }))
    }
}

impl<R: Runtime, C: Connect> Runner<R, C> {
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
            (state.core.config().version == Version::V311, state.config.clean_init)
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
            (config.server.clone(), config.port, state.core.config().connect_timeout)
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
            control_loop::<R>(&shared),
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
    Transport(ErrorKind),
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

impl<R: Runtime, C: Connect> Drop for Runner<R, C> {
    fn drop(&mut self) {
        act::<R, _>(&self.shared, |state| {
            if state.link.busy {
                state.go_down(DownReason::Closed);
            }
            state.close();
        });
    }
}

impl<R: Runtime, C: Connect> fmt::Debug for Runner<R, C> {
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
