//! Connecting, disconnecting, and waiting for the link.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::AtomicU32;
use core::task::{Context, Poll};
use core::time::Duration;

use embassy_futures::select::select;
use mqtt_as_proto::ReasonCode;

use crate::call::{Call, Done, Request};
use crate::config::millis;
use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::event::Session;
use crate::runtime::{Lock, Runtime, ask};

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

impl<R: Runtime> fmt::Debug for Connecting<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connecting")
    }
}

pub(crate) async fn disconnect<L: Lock>(
    lock: &L,
    reason: ReasonCode,
) -> Result<(), DisconnectError> {
    match Call::new(lock, Request::Disconnect(reason)).await {
        Done::Disconnect(error) => Err(error),
        Done::NoWaiter => Err(DisconnectError::NoWaiter),
        _ => Ok(()),
    }
}

pub(crate) async fn up<L: Lock>(lock: &L, seen: &AtomicU32) -> Option<Session> {
    match Call::new(lock, Request::Up(seen)).await {
        Done::Up => Some(session(lock)),
        _ => None,
    }
}

/// What the last CONNACK said.
fn session(lock: &dyn Lock) -> Session {
    ask(lock, |state| state.link.session).unwrap_or_default()
}

pub(crate) async fn down<L: Lock>(lock: &L, seen: &AtomicU32) -> Option<DownReason> {
    match Call::new(lock, Request::Down(seen)).await {
        Done::Down(reason) => reason,
        _ => None,
    }
}

pub(crate) async fn broker_up<L: Lock>(lock: &L) -> bool {
    matches!(Call::new(lock, Request::Ping).await, Done::Found(true))
}

/// It keeps its time itself: nobody need drive the client.
pub(crate) async fn drain<R: Runtime>(lock: &R::Lock, time: Duration) -> bool {
    let end = R::now().after(u64::from(millis(time)));
    let wait = Call::new(lock, Request::Idle);
    select(wait, R::sleep_until(end)).await;
    ask(lock, |state| state.core.is_idle()).unwrap_or_default()
}
