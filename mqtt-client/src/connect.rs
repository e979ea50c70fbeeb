//! Connecting, and waiting for the link.

use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embassy_futures::select::{Either, select};

use crate::call::{Call, Done, Operation};
use crate::client::Client;
use crate::config::millis;
use crate::error::{ConnectError, DownReason};
use crate::event::Session;
use crate::runtime::{Lock, Runtime, with_state};
use crate::state::State;
use crate::waiters::{Slot, Wait};

impl<R: Runtime> Client<R> {
    /// Connects: with a new session (`clean`), or resuming the one that the server holds.
    ///
    /// The returned future says what CONNACK said. The attempt begins at its first poll. A
    /// connection that stands is properly ended first by `connect(true)`: no
    /// [`down`](Self::down) tells it, the new one is told by [`up`](Self::up). `connect(false)` on a
    /// connection that stands leaves it alone, and returns what its CONNACK said: also where
    /// [`reconfigure`](Self::reconfigure) has changed settings since. To have those said,
    /// [`disconnect`](Self::disconnect) first.
    ///
    /// While a [reconnect policy](crate::Reconnect) waits for its next attempt, `connect` tries at once. If
    /// that fails the policy goes on; the call returns the error, or, under
    /// [`first_connect`](crate::Reconnect::first_connect), waits for the connection or the end of the policy.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let session = client.connect(false).await?;
    /// println!("resumed: {}", session.session_present);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`ConnectError`](crate::ConnectError) says whose fault it is: refused, unreachable, timed out, malformed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the attempt running; `up` tells when it succeeds. A second
    /// `connect` replaces it.
    pub fn connect(&self, clean: bool) -> Connecting<'_, R> {
        let failure = Cell::new(None);
        Connecting(Call::new(&*self.shared, Connect { clean, failure }))
    }

    /// Waits until nothing waits to leave or to be acknowledged, for `time` at most. Returns
    /// whether that is so. Acknowledgements for messages that the program took are waited for too,
    /// at QoS 2 up to the last one (PUBCOMP); under `manual_ack` not those for messages that it has not
    /// acknowledged.
    ///
    /// While the link is down it waits for as long as something is unacknowledged: a policy goes on
    /// meanwhile, and what is accepted may still arrive. What is left after the time ends with
    /// `Kept` at the [`disconnect`](Self::disconnect) that follows, if the session is kept, and
    /// goes on with the next connection of this client.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use std::time::Duration;
    /// use mqtt_as_tokio::QoS;
    ///
    /// let receipt = client.publish("plant/7/state", "off").qos(QoS::AtLeastOnce).send().await?;
    /// drop(receipt); // Nobody waits for its PUBACK, but for this:
    /// assert!(client.drain(Duration::from_secs(5)).await);
    /// client.disconnect().await?;
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn drain(&self, time: Duration) -> bool {
        // It keeps its time itself: nobody need drive the client.
        let end = R::now().after(u64::from(millis(time)));
        let idle = |state: &mut State| {
            let is_idle = state.core.is_idle();
            (is_idle || state.closed).then_some(Done::Found(is_idle))
        };
        match select(self.until(Wait::Idle, true, idle), R::sleep_until(end)).await {
            // What comes behind it does not count any more.
            Either::First(done) => matches!(done, Done::Found(true)),
            Either::Second(()) => self.with_state(|state| state.core.is_idle()),
        }
    }

    /// Asks the server for a sign of life (PINGREQ, 3.12) and waits for it (PINGRESP). Returns
    /// false if it has not come within the setting `ping_timeout`. If nothing at all came in that
    /// time, the link is taken for lost, too. Returns false at once while a message is being read
    /// as a stream, for the answer would lie behind it, and where no waiter slot is free.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// assert!(client.broker_up().await);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only.
    pub async fn broker_up(&self) -> bool {
        let Some((pongs, ends)) = self.with_state(State::begin_ping) else { return false };
        let asked = Call::new(&*self.shared, Asked { pongs, ends });
        matches!(asked.await, Done::Found(true))
    }

    /// Waits for a connection that this handle has not told of yet, and returns what CONNACK said;
    /// `None` when the driver is gone.
    ///
    /// A connection that came while nobody waited is told by the next call: after a
    /// [`connect`](Self::connect) has returned, `up` returns at once. Each is told once. Of several
    /// in the meantime only the last one is told. A clone knows what its original has told; a
    /// handle from [`WeakClient::upgrade`](crate::WeakClient::upgrade) tells only of what comes. Where no waiter slot is free,
    /// it looks again every 10 ms.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let session = client.up().await.ok_or("the driver is gone")?;
    /// if !session.has_subscriptions() {
    ///     // The server knows of none, or may not.
    /// #   use mqtt_as_tokio::QoS;
    ///     client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
    /// }
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn up(&self) -> Option<Session> {
        let told = |state: &mut State| {
            told_anew(&self.ups, state.link.ups).then_some(Done::Up).or(state.if_closed())
        };
        match self.until(Wait::Up, true, told).await {
            Done::Up => Some(session(&*self.shared)),
            _ => None,
        }
    }

    /// Waits for the loss of a connection that this handle has not told of yet, and returns the
    /// reason; `None` when the driver is gone.
    ///
    /// A loss that came while nobody waited is told by the next call, and each is told once: see
    /// [`up`](Self::up). Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::DownReason;
    ///
    /// client.disconnect().await?;
    /// assert_eq!(client.down().await, Some(DownReason::Disconnected));
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn down(&self) -> Option<DownReason> {
        let told = |state: &mut State| {
            told_anew(&self.downs, state.link.downs).then_some(Done::Down).or(state.if_closed())
        };
        match self.until(Wait::Down, true, told).await {
            Done::Down => self.with_state(|state| state.link.down_reason.clone()),
            _ => None,
        }
    }

    pub(crate) fn until<F: Fn(&mut State) -> Option<Done> + Unpin>(
        &self,
        wait: Wait,
        looks_again: bool,
        find: F,
    ) -> Call<'_, R::Lock, Until<F>> {
        Call::new(&*self.shared, Until { wait, looks_again, find })
    }
}

/// Something that happens anyway, and is waited for.
pub(crate) struct Until<F> {
    wait: Wait,
    looks_again: bool,
    find: F,
}

impl<F: Fn(&mut State) -> Option<Done> + Unpin> Operation for Until<F> {
    fn looks_again(&self) -> bool {
        self.looks_again
    }

    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let found = (self.find)(state);
        state.wait_for(self.wait, found, slot, waker)
    }
}

/// PINGRESP is waited for: how many of them, and ends of connections, there were before.
struct Asked {
    pongs: u32,
    ends: u32,
}

impl Operation for Asked {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let answered = state.link.pongs != self.pongs;
        let over = answered || state.link.ends != self.ends || state.closed;
        let begins = slot.is_none();
        let poll = state.wait_for(Wait::Pong, over.then_some(Done::Found(answered)), slot, waker);
        if begins && let Some(slot) = *slot {
            let time = state.core.config().ping_timeout;
            state.limit_wait(slot, Some(time));
        }
        poll
    }
}

/// The future of [`Client::connect`].
#[must_use = "it begins at its first poll: await it"]
pub struct Connecting<'c, R: Runtime>(Call<'c, R::Lock, Connect>);

struct Connect {
    clean: bool,
    /// Why there is no connection.
    failure: Cell<Option<ConnectError>>,
}

impl Operation for Connect {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        state.connect(self.clean, &self.failure, slot, waker)
    }
}

impl<R: Runtime> Future for Connecting<'_, R> {
    type Output = Result<Session, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| match done {
            Done::Up => Ok(session(self.0.lock)),
            _ => Err(self.0.operation.failure.take().unwrap_or(ConnectError::Closed)),
        })
    }
}

opaque!(Connecting, '_);

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
    with_state(lock, |state| session = state.link.session.clone());
    session
}

impl State {
    /// Asks for PINGRESP: how many of them, and ends of connections, there were before.
    fn begin_ping(&mut self) -> Option<(u32, u32)> {
        if self.core.is_stream_open() || !self.core.ping() {
            return None;
        }
        self.notify_write();
        self.notify_read();
        Some((self.link.pongs, self.link.ends))
    }
}
