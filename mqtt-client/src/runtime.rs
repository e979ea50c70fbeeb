//! What a runtime brings: a lock, a pointer, a clock with a timer, transports, and the bounds of callbacks.

use core::future::Future;
use core::ops::Deref;
#[cfg(feature = "alloc")]
use core::task::Poll;
use core::task::{Context, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_proto::Instant;

use crate::above::{Above, Ours};
use crate::address::Server;
use crate::credentials::Asking;
use crate::error::{ConnectError, TransportError};
use crate::reconnect::Reconnect;
use crate::state::State;

/// A runtime: everything that the client does not bring itself.
///
/// It is a name for a set of types, never a value. For `Client::new`, which starts tasks, it also
/// needs `Start` (with a heap).
pub trait Runtime: Sized + 'static {
    /// Guards the state that handles and driver share.
    type Lock: Lock + 'static;
    /// Points to it: `Arc` with a heap, `&'static` without.
    type Pointer: Deref<Target = Self::Lock> + Clone;
    /// Opens transports, where the program chooses nothing else.
    type Connect: Connect;
    /// The program's callbacks, with the bounds that this runtime asks of them: `Registered` with a
    /// heap, `Handlers` without, `()` for none.
    type Listeners: Listeners;

    /// Received packets that are dealt with under one lock: one where that stops interrupts.
    const PACKETS_PER_LOCK: usize = usize::MAX;

    /// Whether a timer wakes its task in time even if a later poll of the task did not poll the
    /// timer: the driver then leaves it alone while its deadline stands. False where all timers of
    /// a task share one place, which the last poll sets.
    const TIMERS_STAY: bool = false;

    /// The time since any fixed point.
    fn now() -> Instant;

    /// Sleeps until `at`.
    fn sleep_until(at: Instant) -> impl Future<Output = ()>;

    /// Has the driver's task polled again, when other tasks have had their turn: called where it has
    /// much to do, so that others would wait for it. Default: it is woken at once, which is enough
    /// where tasks run in the order in which they were woken, and what sockets and timers have for
    /// others is looked at meanwhile.
    fn yield_now(cx: &mut Context<'_>) {
        cx.waker().wake_by_ref();
    }

    /// Returns a number that another client of the same kind, started at the same moment, probably
    /// does not get: chance for the delays of a [reconnect policy](crate::Reconnect). Default: it
    /// comes of the clock.
    fn random() -> u32 {
        Self::now().as_millis() as u32
    }

    /// Calls `f`, which belongs to the program; false if it panicked and the runtime can tell.
    fn catch(f: impl FnOnce()) -> bool {
        f();
        true
    }
}

/// A kind of callbacks.
pub trait Listeners: Clone + Default + 'static {
    /// Whether there may be any, with which the queue shares messages.
    const ANY: bool = true;
}

impl Listeners for () {
    const ANY: bool = false;
}

/// A lock whose guard cannot be held across an await: there is none.
pub trait Lock {
    /// Guards `state`.
    fn new(state: State) -> Self
    where
        Self: Sized;

    /// Calls `f` with the guarded state, alone.
    fn with(&self, f: &mut dyn FnMut(&mut State));
}

/// Does something with the state, and afterwards calls the wakers that are due. What belongs to the
/// program is called and dropped here, when the lock is free.
#[inline]
pub(crate) fn with_state(lock: &dyn Lock, mut f: impl FnMut(&mut State)) {
    do_with_state(lock, &mut f);
}

/// The same, where it is done for each message: more code, and fewer calls.
#[inline]
pub(crate) fn with_state_at_once<L: Lock>(lock: &L, mut f: impl FnMut(&mut State)) {
    let (mut waker, mut old, mut has_chores) = (None, None, false);
    lock.with(&mut |state| {
        f(state);
        has_chores = state.begin_chores(&mut waker, &mut old);
    });
    finish(lock, waker, old, has_chores);
}

/// What is done with the state: a closure, of which the call alone is linked.
trait Work {
    fn work(&mut self, state: &mut State);
}

impl<F: FnMut(&mut State)> Work for F {
    #[inline]
    fn work(&mut self, state: &mut State) {
        self(state);
    }
}

fn do_with_state(lock: &dyn Lock, work: &mut dyn Work) {
    let (mut waker, mut old, mut has_chores) = (None, None, false);
    lock.with(&mut |state| {
        work.work(state);
        has_chores = state.begin_chores(&mut waker, &mut old);
    });
    finish(lock, waker, old, has_chores);
}

/// Does what is done when the lock is free.
#[cfg_attr(feature = "alloc", inline)]
#[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
fn finish(lock: &dyn Lock, waker: Option<Waker>, old: Option<Waker>, has_chores: bool) {
    drop(old);
    if let Some(waker) = waker {
        waker.wake();
    }
    if has_chores {
        do_chores(lock);
    }
}

/// The same with a result.
pub(crate) fn ask<T>(lock: &dyn Lock, f: impl FnOnce(&mut State) -> T) -> Option<T> {
    let (mut f, mut answer) = (Some(f), None);
    with_state(lock, |state| answer = f.take().map(|f| f(state)));
    answer
}

/// Calls what is the program's, whose panic is its own: false then.
pub(crate) fn guard<R: Runtime>(f: &mut dyn FnMut()) -> bool {
    R::catch(f)
}

/// Calls the wakers that are due, a few under one lock, and drops what has to be dropped.
#[cold]
#[inline(never)]
fn do_chores(lock: &dyn Lock) {
    let (mut more, mut chores) = (true, crate::state::Chores::default());
    while more {
        lock.with(&mut |state| more = state.take_chores(&mut chores));
        chores.call();
    }
}

/// A lock that is lent where its kind is not known. It is not the lock's own vtable, in which its drop
/// would be linked.
pub(crate) trait Locked {
    /// Does something with the state, and afterwards what is done when the lock is free.
    fn with(&self, f: &mut dyn FnMut(&mut State));
}

/// The lock of a client.
pub(crate) struct Lent<'l, L: Lock>(pub(crate) &'l L);

impl<L: Lock> Locked for Lent<'_, L> {
    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        with_state(self.0, f);
    }
}

impl dyn Locked + '_ {
    /// Calls what is the program's, whose panic is its own: false then.
    pub(crate) fn call(&self, f: &mut dyn FnMut()) -> bool {
        let mut guard = None;
        self.with(&mut |state| guard = Some(state.guard));
        guard.is_some_and(|guard| guard(f))
    }
}

/// What the settings do not know by name.
impl Above for Ours {
    type State = State;
    type Locked<'l> = dyn Locked + 'l;
    type Asking = Asking;
    type Policy = Reconnect;
}

/// Opens transports to a server.
pub trait Connect {
    /// Whether the name of the server is a host name or an address: then it is judged when the client
    /// is made, and a port that stands with it is taken off. No where it means something else, as at
    /// the other end of a line.
    const TAKES_HOST: bool = true;

    /// Whether it lays what the settings ask for between the socket and MQTT: TLS and the like.
    const TAKES_LAYERS: bool = false;

    /// The half that is read.
    type Read<'c>: Read
    where
        Self: 'c;
    /// The half that is written.
    type Write<'c>: Write + Shutdown
    where
        Self: 'c;

    /// Opens a transport: resolves the name and tries every address, each within the time-out.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`] or [`ConnectError::TimedOut`], with the step that failed.
    ///
    /// # Cancel safety
    /// Dropping the future closes what it had opened.
    fn connect(
        &mut self,
        server: Server<'_>,
    ) -> impl Future<Output = Result<(Self::Read<'_>, Self::Write<'_>), ConnectError>>;

    /// What the client says of a read that failed: its kind. A transport whose errors own what they
    /// say hands them on whole, as [`TransportError::new`].
    fn read_failed<'c>(error: <Self::Read<'c> as ErrorType>::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::from_kind(&error)
    }

    /// The same of a write.
    fn write_failed<'c>(error: <Self::Write<'c> as ErrorType>::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::from_kind(&error)
    }

    /// Reads into the room behind what `packet` holds, of which there is some, and returns how many
    /// bytes came. A transport that can read into memory that nobody has written to yet does so
    /// here; for others it is `None`.
    #[cfg(feature = "alloc")]
    fn poll_read_buf(
        read: &mut Self::Read<'_>,
        packet: &mut bytes::BytesMut,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Result<usize, TransportError>>> {
        let _ = (read, packet, cx);
        None
    }
}

/// The orderly end of what is written.
pub trait Shutdown {
    /// Tells the peer that nothing more comes. Failures do not matter any more.
    fn shutdown(&mut self) -> impl Future<Output = ()>;
}
