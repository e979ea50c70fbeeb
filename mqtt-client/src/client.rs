//! The handle: what a program does with its connection.

use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;

use mqtt_as_proto::client::{Acknowledged, OperationError, Tag};
use mqtt_as_proto::{AckToken, PacketId, Payload, ReasonCode};

use crate::config::millis;
use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::event::{Session, Statistics};
use crate::loops::Loop;
use crate::message::MessageRef;
use crate::publish::Publish;
use crate::queue::{LOOK_AGAIN, Queue};
use crate::shared::{State, act};
use crate::stream_out::OpenStream;
use crate::traits::Runtime;
use crate::waiter::{Event, Outcome, Slot, Wait};

/// The handle of a client: cheap to clone, shared by any number of tasks.
///
/// When the last handle is dropped, what was accepted is sent, DISCONNECT follows, and the driver
/// ends. When the driver is gone, every call returns `Closed`.
///
/// `L` is always the runtime's kind of callbacks: it lets each kind have its own `set_cb_on_event`.
pub struct Client<R: Runtime, L = <R as Runtime>::Listeners> {
    pub(crate) shared: R::Pointer,
    /// Connections and losses that `up` and `down` of this handle have told.
    ups: AtomicU32,
    downs: AtomicU32,
    listeners: PhantomData<fn() -> L>,
}

impl<R: Runtime> Client<R> {
    pub(crate) fn with_pointer(shared: R::Pointer) -> Self {
        act::<R, _>(&shared, |state| state.handles += 1);
        Self::telling(shared, 0, 0)
    }

    /// A handle, counted already, that has told of so many connections and losses.
    fn telling(shared: R::Pointer, ups: u32, downs: u32) -> Self {
        let (ups, downs) = (AtomicU32::new(ups), AtomicU32::new(downs));
        Self { shared, ups, downs, listeners: PhantomData }
    }

    #[inline]
    pub(crate) fn act<T>(&self, f: impl FnOnce(&mut State<R>) -> T) -> T {
        act::<R, T>(&self.shared, f)
    }

    /// Connects: with a new session (`clean`), or resuming the one that the server holds.
    ///
    /// A connection that stands is properly ended first. The returned future says what CONNACK
    /// said. The attempt begins at its first poll.
    ///
    /// # Errors
    /// [`ConnectError`] says whose fault it is: refused, unreachable, timed out, malformed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the attempt running; `up` tells when it succeeds. A second
    /// `connect` replaces it.
    pub fn connect(&self, clean: bool) -> Connecting<'_, R> {
        Connecting { client: self, clean, slot: None }
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
        self.disconnect_with(ReasonCode::SUCCESS).await
    }

    /// As [`disconnect`](Self::disconnect), but the server publishes the will.
    ///
    /// # Errors
    /// As [`disconnect`](Self::disconnect).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the disconnect running.
    pub async fn disconnect_with_will(&self) -> Result<(), DisconnectError> {
        self.disconnect_with(ReasonCode::DISCONNECT_WITH_WILL).await
    }

    async fn disconnect_with(&self, reason: ReasonCode) -> Result<(), DisconnectError> {
        let ends = self.act(|state| {
            state.begin_disconnect(reason)?;
            Ok(state.link.ends)
        })?;
        self.wait_event(Event::Down, |state| {
            let ended = !state.link.busy || state.link.ends != ends;
            (ended || state.closed || state.link.wanted.is_some()).then_some(())
        })
        .await
        .ok_or(DisconnectError::NoWaiter)
    }

    /// Waits until nothing waits to leave or to be acknowledged, at most for `time`. True if so.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn drain(&self, time: Duration) -> bool {
        let end = R::now().after(u64::from(millis(time)));
        let step = 10;
        loop {
            let (idle, closed) = self.act(|state| (state.core.is_idle(), state.closed));
            let now = R::now();
            if idle || closed || now >= end {
                return idle;
            }
            R::sleep_until(now.after(step).min(end)).await;
        }
    }

    /// Whether the server has accepted the connection and it is not known to be lost.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.act(|state| state.core.is_connected())
    }

    /// Asks the server for a sign of life (PINGREQ) and waits for it: false if there is none within
    /// the ping time-out. Then the link is declared down. False at once while a message is being
    /// read as a stream, for the answer would lie behind it, and where no waiter slot is free.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only.
    pub async fn broker_up(&self) -> bool {
        let asked = self.act(|state| {
            let now = R::now();
            let asked = !state.inbox.is_open() && state.core.ping(now);
            state.settle();
            asked.then_some((state.link.pongs, state.link.ends))
        });
        let Some((pongs, ends)) = asked else { return false };
        let answer = self.wait_event(Event::Pong, |state| match () {
            () if state.link.pongs != pongs => Some(true),
            () if state.link.ends != ends || state.closed => Some(false),
            () => None,
        });
        answer.await.unwrap_or(false)
    }

    /// Waits for a connection that this handle has not told of yet, and says what CONNACK said.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn up(&self) -> Option<Session> {
        let seen = &self.ups;
        self.wait_change(Event::Up, |state| {
            let ups = state.link.ups;
            if seen.load(Ordering::Relaxed) != ups {
                seen.store(ups, Ordering::Relaxed);
                return Some(Some(state.link.session));
            }
            state.closed.then_some(None)
        })
        .await
    }

    /// Waits for the loss of a connection that this handle has not told of yet, and says why.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn down(&self) -> Option<DownReason> {
        let seen = &self.downs;
        self.wait_change(Event::Down, |state| {
            let downs = state.link.downs;
            if seen.load(Ordering::Relaxed) != downs {
                seen.store(downs, Ordering::Relaxed);
                return Some(state.link.down_reason);
            }
            state.closed.then_some(None)
        })
        .await
    }

    /// The received messages. From the first call on the queue is a consumer: QoS 1 and 2 messages
    /// are acknowledged when they are taken from it.
    #[must_use]
    pub fn queue(&self) -> Queue<'_, R> {
        Queue::new(self)
    }

    /// Publishes a message. Awaited, it resolves when QoS 0 is on its way, QoS 1 is at PUBACK, and
    /// QoS 2 at PUBCOMP. Options go before the `await`.
    #[inline]
    pub fn publish<'p>(
        &'p self,
        topic: &'p str,
        payload: impl Into<Payload<'p>>,
    ) -> Publish<'p, R> {
        Publish::new(self, topic, payload.into())
    }

    /// Publishes a message whose payload of `len` bytes is written piece by piece: it may be larger
    /// than all the memory of the client. Options first, then `open().await`.
    ///
    /// Nothing else can be sent before the last byte of a packet that was begun. So write it on
    /// without waiting for other things of this client, the whole of it within one and a half times
    /// the keep-alive.
    pub fn publish_stream<'p>(&'p self, topic: &'p str, len: u32) -> OpenStream<'p, R> {
        OpenStream::new(self, topic, len)
    }

    /// Acknowledges a message itself, under the setting `manual_ack`; in 5.0 a `reason` of 0x80 or
    /// more refuses it. False if there is nobody to tell any more: its connection is gone, or it
    /// was acknowledged before.
    pub fn ack(&self, message: &impl Acknowledge, reason: ReasonCode) -> bool {
        let Some(token) = message.token() else { return false };
        self.act(|state| {
            let done = state.core.acknowledge(token, reason);
            state.settle();
            done == Acknowledged::Queued
        })
    }

    /// Ends the publish with that packet identifier, which `down` called poison: its call ends with
    /// its fate. False if there is none.
    pub fn give_up(&self, id: u16) -> bool {
        self.act(|state| {
            let done = PacketId::new(id).is_some_and(|id| state.core.give_up(id));
            state.settle();
            done
        })
    }

    /// The reason string and the Server Reference with which the server last refused or ended a
    /// connection (5.0).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn server_words(&self) -> crate::ServerWords {
        self.act(|state| state.link.words.clone())
    }

    /// Counts since the client was made.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.act(|state| Statistics { discards: state.inbox.discards, ..state.statistics })
    }

    /// A handle that does not keep the client alive: for callbacks.
    #[must_use]
    pub fn downgrade(&self) -> WeakClient<R> {
        WeakClient { shared: self.shared.clone() }
    }

    /// Waits until `look` finds what it looks for; where no waiter slot is free, it looks again every
    /// 10 ms.
    async fn wait_change<T>(
        &self,
        event: Event,
        mut look: impl FnMut(&mut State<R>) -> Option<T>,
    ) -> T {
        loop {
            if let Some(found) = self.wait_event(event, &mut look).await {
                return found;
            }
            R::sleep_until(R::now().after(LOOK_AGAIN)).await;
        }
    }

    /// Waits until `look` finds what it looks for; `None` if no waiter slot is free.
    pub(crate) async fn wait_event<T>(
        &self,
        event: Event,
        mut look: impl FnMut(&mut State<R>) -> Option<T>,
    ) -> Option<T> {
        let mut held = Held { client: self, slot: None };
        poll_fn(|cx| {
            let slot = &mut held.slot;
            let (poll, _old) = self.act(|state| {
                if let Some(found) = look(state) {
                    return (Poll::Ready(Some(found)), None);
                }
                if slot.is_none() {
                    *slot = state.waiters.take(Wait::Event(event));
                }
                match *slot {
                    Some(slot) => (Poll::Pending, state.waiters.register(slot, cx.waker())),
                    None => (Poll::Ready(None), None),
                }
            });
            poll
        })
        .await
    }
}

/// Something received that can be acknowledged.
pub trait Acknowledge {
    /// The duty to acknowledge.
    #[doc(hidden)]
    fn token(&self) -> Option<AckToken>;
}

impl Acknowledge for MessageRef<'_> {
    fn token(&self) -> Option<AckToken> {
        self.token
    }
}

impl<R: Runtime> Acknowledge for crate::MessageStream<'_, '_, R> {
    fn token(&self) -> Option<AckToken> {
        self.token()
    }
}

#[cfg(feature = "alloc")]
impl Acknowledge for crate::Message {
    fn token(&self) -> Option<AckToken> {
        self.token
    }
}

/// A waiter slot, freed when it is dropped.
pub(crate) struct Held<'c, R: Runtime> {
    pub(crate) client: &'c Client<R>,
    pub(crate) slot: Option<Slot>,
}

impl<R: Runtime> Drop for Held<'_, R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let _waker = self.client.act(|state| state.waiters.free(slot));
        }
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        self.act(|state| state.handles += 1);
        let told = |seen: &AtomicU32| seen.load(Ordering::Relaxed);
        Self::telling(self.shared.clone(), told(&self.ups), told(&self.downs))
    }
}

impl<R: Runtime, L> Drop for Client<R, L> {
    fn drop(&mut self) {
        act::<R, _>(&self.shared, |state| {
            state.handles -= 1;
            if state.handles == 0 {
                state.loops.notify(Loop::Runner);
                state.loops.notify(Loop::Control);
                state.loops.notify(Loop::Callbacks);
            }
        });
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("is_connected", &self.is_connected()).finish_non_exhaustive()
    }
}

/// A handle that does not keep the client alive.
pub struct WeakClient<R: Runtime> {
    shared: R::Pointer,
}

impl<R: Runtime> WeakClient<R> {
    /// A full handle, unless the last one is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Client<R>> {
        let alive = act::<R, _>(&self.shared, |state| {
            let alive = state.handles != 0 && !state.closed;
            state.handles += u32::from(alive);
            alive.then_some((state.link.ups, state.link.downs))
        });
        // It tells of what happens from here on.
        let (ups, downs) = alive?;
        Some(Client::telling(self.shared.clone(), ups, downs))
    }
}

impl<R: Runtime> Clone for WeakClient<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Runtime> fmt::Debug for WeakClient<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakClient")
    }
}

/// The future of [`Client::connect`].
#[must_use = "it begins at its first poll: await it"]
pub struct Connecting<'c, R: Runtime> {
    client: &'c Client<R>,
    clean: bool,
    slot: Option<Slot>,
}

impl<R: Runtime> Future for Connecting<'_, R> {
    type Output = Result<Session, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (clean, slot) = (self.clean, self.slot);
        let (poll, slot, _old) = self.client.act(|state| {
            let slot = match slot {
                Some(slot) => slot,
                None => match state.begin_connect(clean) {
                    Ok(slot) => slot,
                    Err(error) => return (Poll::Ready(Err(error)), None, None),
                },
            };
            match state.waiters.wait(slot) {
                Wait::Done(outcome) => {
                    let result = match outcome {
                        Outcome::Connected(result) => result.map(|()| state.link.session),
                        _ => Err(ConnectError::Closed),
                    };
                    (Poll::Ready(result), None, state.waiters.free(slot))
                }
                _ => (Poll::Pending, Some(slot), state.waiters.register(slot, cx.waker())),
            }
        });
        self.slot = slot;
        poll
    }
}

impl<R: Runtime> Drop for Connecting<'_, R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let _waker = self.client.act(|state| {
                if state.link.connecting == Some(slot) {
                    state.link.connecting = None;
                }
                state.waiters.free(slot)
            });
        }
    }
}

impl<R: Runtime> fmt::Debug for Connecting<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").field("clean", &self.clean).finish_non_exhaustive()
    }
}

impl<R: Runtime> State<R> {
    fn begin_connect(&mut self, clean: bool) -> Result<Slot, ConnectError> {
        if self.closed {
            return Err(ConnectError::Closed);
        }
        self.check_connect(clean)?;
        let slot = self.waiters.take(Wait::Connection).ok_or(ConnectError::NoWaiter)?;
        self.finish_connect(Err(ConnectError::Replaced));
        self.link.connecting = Some(slot);
        self.link.wanted = Some(clean);
        self.link.disconnected = false;
        self.waiters.wake_event(Event::Down); // Disconnects that wait: this takes their place.
        self.loops.notify(Loop::Runner);
        self.loops.notify(Loop::Control);
        Ok(slot)
    }

    /// The program wants no connection any more.
    fn begin_disconnect(&mut self, reason: ReasonCode) -> Result<(), DisconnectError> {
        if self.closed {
            return Err(DisconnectError::Closed);
        }
        let wanted = self.link.wanted.take().is_some();
        self.finish_connect(Err(ConnectError::Replaced));
        self.link.disconnected = true;
        self.waiters.wake_event(Event::Message);
        if !self.link.busy && !wanted {
            self.end_calls(false);
            return Err(DisconnectError::NotConnected);
        }
        self.end_link(reason, DownReason::Disconnected);
        Ok(())
    }

    /// Ends the connection properly: DISCONNECT goes out behind what was accepted.
    pub(crate) fn end_link(&mut self, reason: ReasonCode, why: DownReason) {
        if self.link.ending.is_none() && self.link.busy {
            self.link.ending = Some(why);
            let time = u64::from(self.core.config().write_timeout);
            self.link.linger = (time != 0).then(|| R::now().after(time));
            match self.core.disconnect(reason, None) {
                Ok(()) | Err(OperationError::NotConnected) => {}
                Err(_) => self.link.linger = Some(R::now()),
            }
        }
        self.notify_write();
        self.loops.notify(Loop::Control);
    }
}

/// The mark of an operation that nobody waits for.
pub(crate) const NOBODY: Tag = Tag::NOBODY;
