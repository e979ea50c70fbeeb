//! What a runtime brings: a lock, a pointer, a clock, and transports.

use core::fmt;
use core::future::Future;
use core::ops::Deref;

use embedded_io_async::{Read, Write};
use mqtt_as_proto::Instant;

use crate::error::{ConnectError, DownReason};
use crate::event::Session;
use crate::shared::State;

/// A runtime: everything that the client does not bring itself.
///
/// It is a name for a set of types, never a value.
pub trait Runtime: Sized + 'static {
    /// Guards the state that handles and driver share.
    type Lock: Lock<State<Self>>;
    /// Points to it: `Arc` with a heap, `&'static` without.
    type Pointer: Deref<Target = Self::Lock> + Clone;
    /// Opens transports, where the program chooses nothing else.
    type Connect: Connect;
    /// Keeps the program's callbacks, with the bounds that this runtime asks of them: `Registered`
    /// with a heap, `()` for none.
    type Listeners: Listeners;

    /// Received packets that are dealt with under one lock: few where that stops interrupts.
    const PACKETS_PER_LOCK: usize = usize::MAX;

    /// The time since any fixed point.
    fn now() -> Instant;

    /// Sleeps until `at`.
    fn sleep_until(at: Instant) -> impl Future<Output = ()>;

    /// Calls `f`, which belongs to the program; false if it panicked and the runtime can tell.
    fn catch(f: impl FnOnce()) -> bool {
        f();
        true
    }
}

/// The program's callbacks, as the shared state knows them. Messages they take from the queue.
pub trait Listeners: Default + fmt::Debug {
    /// The link came up.
    fn up(&mut self, session: Session);

    /// The link went down.
    fn down(&mut self, reason: DownReason);
}

/// No callbacks.
impl Listeners for () {
    fn up(&mut self, _session: Session) {}

    fn down(&mut self, _reason: DownReason) {}
}

/// A lock whose guard cannot be held across an await: there is none.
pub trait Lock<T> {
    /// Guards `value`.
    fn new(value: T) -> Self;

    /// Calls `f` with the guarded value, alone.
    fn with<U>(&self, f: impl FnOnce(&mut T) -> U) -> U;
}

/// Where the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server<'a> {
    /// Host name or address.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// Milliseconds that each step (name resolution, each address) may take; 0 for any time.
    pub timeout: u32,
}

/// Opens transports to a server.
pub trait Connect {
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
}

/// The orderly end of what is written.
pub trait Shutdown {
    /// Tells the peer that nothing more comes. Failures do not matter any more.
    fn shutdown(&mut self) -> impl Future<Output = ()>;
}
