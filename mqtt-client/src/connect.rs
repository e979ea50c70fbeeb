//! Connecting, disconnecting, and waiting for the link.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embassy_futures::select::select;
use mqtt_as_proto::ReasonCode;

use crate::call::{Call, Done, Operation};
use crate::client::Client;
use crate::config::millis;
use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::event::Session;
use crate::runtime::{Lock, Runtime, ask, with_state};
use crate::state::State;
use crate::waiters::{Slot, Wait};

impl<R: Runtime> Client<R> {
    /// Connects: with a new session (`clean`), or resuming the one that the server holds.
    ///
    /// A connection that stands is properly ended first. The returned future says what CONNACK
    /// said. The attempt begins at its first poll.
    ///
    /// # Errors
    /// [`ConnectError`](crate::ConnectError) says whose fault it is: refused, unreachable, timed out, malformed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the attempt running; `up` tells when it succeeds. A second
    /// `connect` replaces it.
    pub fn connect(&self, clean: bool) -> Connecting<'_, R> {
        Connecting(Call::new(&*self.shared, Connect { clean }))
    }

    /// Ends the connection: what was accepted is sent, DISCONNECT follows, so no will. It does not
    /// wait for acknowledgements, [`drain`](Self::drain) does.
    ///
    /// Calls that wait end: with their fate, or, where the session is kept, with `Kept`.
    ///
    /// # Errors
    /// [`DisconnectError::NotConnected`] if there was no connection. Calls that wait, and the queue,
    /// end all the same. [`DisconnectError::NoWaiter`] if its end cannot be awaited: the disconnect
    /// runs all the same.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the disconnect running.
    pub async fn disconnect(&self) -> Result<(), DisconnectError> {
        self.end(ReasonCode::SUCCESS).await
    }

    /// As [`disconnect`](Self::disconnect), but the server publishes the will.
    ///
    /// # Errors
    /// As [`disconnect`](Self::disconnect).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the disconnect running.
    pub async fn disconnect_with_will(&self) -> Result<(), DisconnectError> {
        self.end(ReasonCode::DISCONNECT_WITH_WILL).await
    }

    /// Waits until nothing waits to leave or to be acknowledged, at most for `time`. True if so.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn drain(&self, time: Duration) -> bool {
        // It keeps its time itself: nobody need drive the client.
        let end = R::now().after(u64::from(millis(time)));
        select(Call::new(&*self.shared, Idle), R::sleep_until(end)).await;
        self.with_state(|state| state.core.is_idle())
    }

    async fn end(&self, reason: ReasonCode) -> Result<(), DisconnectError> {
        let begun =
            ask(&*self.shared, |state| state.begin_disconnect(reason).map(|()| state.link.ends));
        let ends = begun.unwrap_or(Err(DisconnectError::Closed))?;
        match Call::new(&*self.shared, End(ends)).await {
            Done::NoWaiter => Err(DisconnectError::NoWaiter),
            _ => Ok(()),
        }
    }

    /// Asks the server for a sign of life (PINGREQ) and waits for it: false if there is none within
    /// the ping time-out. Then the link is declared down. False at once while a message is being
    /// read as a stream, for the answer would lie behind it, and where no waiter slot is free.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only.
    pub async fn broker_up(&self) -> bool {
        let Some(pong) = self.with_state(Pong::begin) else { return false };
        matches!(Call::new(&*self.shared, pong).await, Done::Found(true))
    }

    /// Waits for a connection that this handle has not told of yet, and says what CONNACK said.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn up(&self) -> Option<Session> {
        match Call::new(&*self.shared, Up(&self.ups)).await {
            Done::Up => Some(session(&*self.shared)),
            _ => None,
        }
    }

    /// Waits for the loss of a connection that this handle has not told of yet, and says why.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn down(&self) -> Option<DownReason> {
        match Call::new(&*self.shared, Down(&self.downs)).await {
            Done::Down(reason) => reason,
            _ => None,
        }
    }
}

/// The future of [`Client::connect`].
#[must_use = "it begins at its first poll: await it"]
pub struct Connecting<'c, R: Runtime>(Call<'c, R::Lock, Connect>);

struct Connect {
    clean: bool,
}

impl Operation for Connect {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        state.connect(self.clean, slot, waker)
    }
}

impl<R: Runtime> Future for Connecting<'_, R> {
    type Output = Result<Session, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| match done {
            Done::Up => Ok(session(self.0.lock)),
            Done::Connect(error) => Err(error),
            _ => Err(ConnectError::Closed),
        })
    }
}

opaque!(Connecting, '_);

/// The end of the connection that has this number.
struct End(u32);

impl Operation for End {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let ended = !state.link.busy || state.link.ends != self.0;
        let over = ended || state.closed || state.link.wanted.is_some();
        state.wait_for(Wait::Down, over.then_some(Done::Found(true)), slot, waker)
    }
}

/// A connection that was not told of yet.
struct Up<'c>(&'c AtomicU32);

impl Operation for Up<'_> {
    fn looks_again(&self) -> bool {
        true
    }

    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let new = told_anew(self.0, state.link.ups).then_some(Done::Up);
        state.wait_for(Wait::Up, new.or(state.if_closed()), slot, waker)
    }
}

/// Whether there is something that a handle has not told of, which it does now. The lock is held: no
/// atomic read-modify-write is needed, which small devices do not have.
fn told_anew(seen: &AtomicU32, count: u32) -> bool {
    let is_new = seen.load(Ordering::Relaxed) != count;
    seen.store(count, Ordering::Relaxed);
    is_new
}

/// What the last CONNACK said.
fn session(lock: &dyn Lock) -> Session {
    let mut session = Session::default();
    with_state(lock, |state| session = state.link.session);
    session
}

/// A loss that was not told of yet.
struct Down<'c>(&'c AtomicU32);

impl Operation for Down<'_> {
    fn looks_again(&self) -> bool {
        true
    }

    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let down = Done::Down(state.link.down_reason);
        let new = told_anew(self.0, state.link.downs).then_some(down);
        state.wait_for(Wait::Down, new.or(state.if_closed()), slot, waker)
    }
}

/// The answer to PINGREQ: PINGRESPs and ends of connections that there were before.
struct Pong {
    pongs: u32,
    ends: u32,
}

impl Pong {
    fn begin(state: &mut State) -> Option<Self> {
        if state.core.is_stream_open() || !state.core.ping() {
            return None;
        }
        state.notify_write();
        state.notify_read();
        Some(Self { pongs: state.link.pongs, ends: state.link.ends })
    }
}

impl Operation for Pong {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let lost = state.link.ends != self.ends || state.closed;
        let answered = state.link.pongs != self.pongs;
        let found = (answered || lost).then_some(Done::Found(answered));
        state.wait_for(Wait::Pong, found, slot, waker)
    }
}

/// Nothing waits to leave or to be acknowledged.
struct Idle;

impl Operation for Idle {
    fn looks_again(&self) -> bool {
        true
    }

    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let found = (state.core.is_idle() || state.closed).then(|| state.core.is_idle());
        state.wait_for(Wait::Idle, found.map(Done::Found), slot, waker)
    }
}
