//! Connecting, disconnecting, and waiting for the link.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embassy_futures::select::select;
use mqtt_as_proto::ReasonCode;

use crate::call::{Call, Done, Operation, Request};
use crate::config::millis;
use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::event::Session;
use crate::runtime::{Lock, Runtime, ask, with_state};
use crate::state::State;
use crate::waiters::{Slot, Wait};

/// The future of [`Client::connect`](crate::Client::connect).
#[must_use = "it begins at its first poll: await it"]
pub struct Connecting<'c, R: Runtime>(Call<'c, 'static, R::Lock>);

impl<'c, R: Runtime> Connecting<'c, R> {
    pub(crate) fn new(lock: &'c R::Lock, clean: bool) -> Self {
        Self(Call::new(lock, Request::Connect { clean }))
    }
}

impl<R: Runtime> Future for Connecting<'_, R> {
    type Output = Result<Session, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_call(cx).map(|done| match done {
            Done::Up => Ok(session(self.0.lock)),
            Done::Connect(error) => Err(error),
            _ => Err(ConnectError::Closed),
        })
    }
}

opaque!(Connecting, '_);

pub(crate) async fn disconnect<L: Lock>(
    lock: &L,
    reason: ReasonCode,
) -> Result<(), DisconnectError> {
    let begun = ask(lock, |state| state.begin_disconnect(reason).map(|()| state.link.ends));
    let ends = begun.unwrap_or(Err(DisconnectError::Closed))?;
    match Call::new(lock, Request::Other(&End(ends))).await {
        Done::NoWaiter => Err(DisconnectError::NoWaiter),
        _ => Ok(()),
    }
}

/// The end of the connection that has this number.
struct End(u32);

impl Operation for End {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let ended = !state.link.busy || state.link.ends != self.0;
        let over = ended || state.closed || state.link.wanted.is_some();
        state.wait_for(Wait::Down, over.then_some(Done::Found(true)), slot, waker)
    }
}

pub(crate) async fn up<L: Lock>(lock: &L, seen: &AtomicU32) -> Option<Session> {
    match Call::new(lock, Request::Other(&Up(seen))).await {
        Done::Up => Some(session(lock)),
        _ => None,
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

pub(crate) async fn down<L: Lock>(lock: &L, seen: &AtomicU32) -> Option<DownReason> {
    match Call::new(lock, Request::Other(&Down(seen))).await {
        Done::Down(reason) => reason,
        _ => None,
    }
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

pub(crate) async fn broker_up<L: Lock>(lock: &L) -> bool {
    let Some(pong) = ask(lock, Pong::begin).flatten() else { return false };
    matches!(Call::new(lock, Request::Other(&pong)).await, Done::Found(true))
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

/// It keeps its time itself: nobody need drive the client.
pub(crate) async fn drain<R: Runtime>(lock: &R::Lock, time: Duration) -> bool {
    let end = R::now().after(u64::from(millis(time)));
    let wait = Call::new(lock, Request::Other(&Idle));
    select(wait, R::sleep_until(end)).await;
    ask(lock, |state| state.core.is_idle()).unwrap_or_default()
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
