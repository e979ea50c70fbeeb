//! The handle: what a program does with its connection.

#[cfg(feature = "alloc")]
mod callbacks;
mod handlers;

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use mqtt_as_proto::client::{Acknowledged, Counts};
use mqtt_as_proto::packet::SubscriptionOptions;
use mqtt_as_proto::{PacketId, Payload, Properties, QoS, ReasonCode};

use crate::config::Config;
use crate::connect::{self, Connecting};
use crate::driver::News;
use crate::error::{DisconnectError, DownReason, SubscribeError};
use crate::event::{Session, Statistics};
use crate::granted::Granted;
use crate::lane::Lane;
use crate::memory::Memory;
use crate::publish::Publish;
use crate::receive::{Acknowledge, Queue};
use crate::runner::Runner;
use crate::runtime::{Connect, Lock, Runtime, ask, guard, with_state};
use crate::state::State;
use crate::stream_out::OpenStream;
use crate::subscribe;
use crate::waiters::Waiters;

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
    listeners: R::Listeners,
    kind: PhantomData<fn() -> L>,
}

impl<R: Runtime> Client<R> {
    /// A handle and its driver, with those settings and that memory.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    // Out of line: the state passes over the stack, and its place must not stay the caller's.
    #[inline(never)]
    pub fn with_runner<C: Connect>(
        mut config: Config,
        mut memory: Memory,
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<(Self, Runner<R, C>), crate::ConfigError> {
        memory.fit(&mut config)?;
        let Memory { core, outbox, waiters, link_events, read } = memory;
        let core = mqtt_as_proto::Client::new(config.core, core)?;
        let (waiters, lane) = (Waiters::new(waiters), Lane::new(link_events));
        let state = State::new(core, config.kept, waiters, lane, R::now, guard::<R>);
        let shared = pointer(R::Lock::new(state));
        let client = Self::telling(shared.clone(), 0, 0, R::Listeners::default());
        Ok((client, Runner::new(shared, connect, outbox, read)))
    }

    /// A handle, counted already, that has told of so many connections and losses.
    fn telling(shared: R::Pointer, ups: u32, downs: u32, listeners: R::Listeners) -> Self {
        let (ups, downs) = (AtomicU32::new(ups), AtomicU32::new(downs));
        Self { shared, ups, downs, listeners, kind: PhantomData }
    }

    /// Does something with the shared state.
    fn with_state<T: Default>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        ask(&*self.shared, f).unwrap_or_default()
    }

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
        Connecting::new(&*self.shared, clean)
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
        connect::disconnect(&*self.shared, ReasonCode::SUCCESS).await
    }

    /// As [`disconnect`](Self::disconnect), but the server publishes the will.
    ///
    /// # Errors
    /// As [`disconnect`](Self::disconnect).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the disconnect running.
    pub async fn disconnect_with_will(&self) -> Result<(), DisconnectError> {
        connect::disconnect(&*self.shared, ReasonCode::DISCONNECT_WITH_WILL).await
    }

    /// Waits until nothing waits to leave or to be acknowledged, at most for `time`. True if so.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn drain(&self, time: Duration) -> bool {
        connect::drain::<R>(&*self.shared, time).await
    }

    /// Whether the server has accepted the connection and it is not known to be lost.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.with_state(|state| state.core.is_connected())
    }

    /// Asks the server for a sign of life (PINGREQ) and waits for it: false if there is none within
    /// the ping time-out. Then the link is declared down. False at once while a message is being
    /// read as a stream, for the answer would lie behind it, and where no waiter slot is free.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only.
    pub async fn broker_up(&self) -> bool {
        connect::broker_up(&*self.shared).await
    }

    /// Waits for a connection that this handle has not told of yet, and says what CONNACK said.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn up(&self) -> Option<Session> {
        connect::up(&*self.shared, &self.ups).await
    }

    /// Waits for the loss of a connection that this handle has not told of yet, and says why.
    /// `None` when the driver is gone. Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// # Cancel safety
    /// Dropping the future tells nothing: the next call tells it.
    pub async fn down(&self) -> Option<DownReason> {
        connect::down(&*self.shared, &self.downs).await
    }

    /// The received messages. From the first call on the queue is a consumer: QoS 1 and 2 messages
    /// are acknowledged when they are taken from it.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, Runtime, TooSmall};
    /// # async fn show<R: Runtime>(client: &Client<R>) -> Result<(), TooSmall> {
    /// let mut buffer = [0; 512];
    /// while let Some(message) = client.queue().next_into(&mut buffer).await? {
    ///     println!("{}: {} bytes", message.topic(), message.payload().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn queue(&self) -> Queue<'_, R> {
        Queue::new(&*self.shared)
    }

    /// Publishes a message. Awaited, it resolves when QoS 0 is on its way, QoS 1 is at PUBACK, and
    /// QoS 2 at PUBCOMP. Options go before the `await`.
    #[inline]
    pub fn publish<'c, 'p>(
        &'c self,
        topic: &'p str,
        payload: impl Into<Payload<'p>>,
    ) -> Publish<'c, 'p, R> {
        Publish::new(&*self.shared, topic, payload.into())
    }

    /// Publishes a message whose payload of `len` bytes is written piece by piece: it may be larger
    /// than all the memory of the client. Options first, then `open().await`.
    ///
    /// Nothing else can be sent before the last byte of a packet that was begun. So write it on
    /// without waiting for other things of this client, the whole of it within one and a half times
    /// the keep-alive.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, PublishError, QoS, Runtime};
    /// # async fn show<R: Runtime>(client: &Client<R>) -> Result<(), PublishError> {
    /// let mut stream = client.publish_stream("image", 3000).qos(QoS::AtLeastOnce).open().await?;
    /// for _ in 0..3 {
    ///     stream.write_all(&[0; 1000]).await?;
    /// }
    /// stream.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_stream<'p>(&'p self, topic: &'p str, len: u32) -> OpenStream<'p, R> {
        OpenStream::new(&*self.shared, topic, len)
    }

    /// Acknowledges a message itself, under the setting `manual_ack`; in 5.0 a `reason` of 0x80 or
    /// more refuses it. False if there is nobody to tell any more: its connection is gone, or it
    /// was acknowledged before.
    pub fn ack(&self, message: &impl Acknowledge, reason: ReasonCode) -> bool {
        let Some(token) = message.token() else { return false };
        self.with_state(|state| {
            let done = state.core.acknowledge(token, reason);
            state.settle();
            done == Acknowledged::Queued
        })
    }

    /// Ends the publish with that packet identifier, which `down` called poison: its call ends with
    /// its fate. False if there is none.
    pub fn give_up(&self, id: u16) -> bool {
        let Some(id) = PacketId::new(id) else { return false };
        self.with_state(|state| {
            let (core, mut told) = state.split();
            let done = core.give_up(id, &mut |event| told.happen(event));
            state.settle();
            done
        })
    }

    /// The reason string and the Server Reference with which the server last refused or ended a
    /// connection (5.0).
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn server_words(&self) -> crate::ServerWords {
        self.with_state(|state| state.link.assigned.words.clone())
    }

    /// Counts since the client was made.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.with_state(|state| {
            let Counts { received, discards, shed, .. } = state.core.counts();
            let too_large = state.counts.too_large + state.core.counts().too_large;
            Statistics { received, discards, shed, too_large, ..state.counts }
        })
    }

    /// A handle that does not keep the client alive: for callbacks.
    #[must_use]
    pub fn downgrade(&self) -> WeakClient<R> {
        WeakClient { shared: self.shared.clone(), listeners: self.listeners.clone() }
    }

    /// Subscribes to a filter at that QoS. Resolves at SUBACK with the granted QoS.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said.
    ///
    /// # Cancel safety
    /// Dropping the future before the packet was accepted means that it never happened; later it
    /// ends the waiting only.
    pub async fn subscribe(&self, filter: &str, qos: QoS) -> Result<QoS, SubscribeError> {
        subscribe::subscribe(&*self.shared, filter, qos).await
    }

    /// Subscribes to up to 16 filters in one packet, each with its options; properties (a
    /// subscription identifier, user properties) are for 5.0 only. Resolves at SUBACK with a result
    /// per filter.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change. What the server refuses is in the results.
    ///
    /// # Cancel safety
    /// As [`subscribe`](Self::subscribe).
    pub async fn subscribe_all(
        &self,
        filters: &[(&str, SubscriptionOptions)],
        properties: Properties<'_>,
    ) -> Result<Granted, SubscribeError> {
        subscribe::subscribe_all(&*self.shared, filters, properties).await
    }

    /// Ends the subscription to a filter. Resolves at UNSUBACK.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said.
    ///
    /// # Cancel safety
    /// As [`subscribe`](Self::subscribe).
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), SubscribeError> {
        subscribe::unsubscribe(&*self.shared, filter).await
    }

    /// Ends the subscriptions to up to 16 filters in one packet; user properties are for 5.0 only.
    /// Resolves at UNSUBACK with a reason code per filter, none in 3.1.1.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change. What the server refuses is in the results.
    ///
    /// # Cancel safety
    /// As [`subscribe`](Self::subscribe).
    pub async fn unsubscribe_all(
        &self,
        filters: &[&str],
        properties: Properties<'_>,
    ) -> Result<Granted, SubscribeError> {
        subscribe::unsubscribe_all(&*self.shared, filters, properties).await
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        ask(&*self.shared, |state| state.handles += 1);
        let told = |seen: &AtomicU32| seen.load(Ordering::Relaxed);
        let (ups, downs) = (told(&self.ups), told(&self.downs));
        Self::telling(self.shared.clone(), ups, downs, self.listeners.clone())
    }
}

impl<R: Runtime, L> Drop for Client<R, L> {
    fn drop(&mut self) {
        with_state(&*self.shared, |state| {
            state.handles -= 1;
            if state.handles == 0 {
                state.driver.notify(News::LINK);
                state.driver.notify_callbacks();
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
    listeners: R::Listeners,
}

impl<R: Runtime> WeakClient<R> {
    /// A full handle, unless the last one is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Client<R>> {
        let alive = ask(&*self.shared, |state| {
            let alive = state.handles != 0 && !state.closed;
            state.handles += u32::from(alive);
            alive.then_some((state.link.ups, state.link.downs))
        });
        // It tells of what happens from here on.
        let (ups, downs) = alive.flatten()?;
        Some(Client::telling(self.shared.clone(), ups, downs, self.listeners.clone()))
    }
}

impl<R: Runtime> Clone for WeakClient<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), listeners: self.listeners.clone() }
    }
}

opaque!(WeakClient);
