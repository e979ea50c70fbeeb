//! What comes: the queue of received messages, messages read as streams, and callbacks.

#[cfg(feature = "alloc")]
mod callback;
#[cfg(feature = "alloc")]
mod callbacks;
#[cfg(feature = "alloc")]
mod dispatch;
#[cfg(feature = "alloc")]
mod handled;
#[cfg(feature = "alloc")]
mod handler_calls;
mod handlers;
#[cfg(feature = "alloc")]
mod identifier;
mod listen;
mod message;
#[cfg(feature = "alloc")]
mod receiver;
mod stream;
#[cfg(feature = "alloc")]
mod subscription;
mod take;
#[cfg(feature = "alloc")]
mod unclaimed;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::Acknowledged;

use crate::client::Client;
use crate::runtime::{Listeners, Runtime, with_state};
use crate::state::State;
use crate::waiters::Wait;
use take::{Parked, Taking, put};

#[cfg(feature = "alloc")]
pub use callback::{Callback, CallbackFuture};
#[cfg(feature = "alloc")]
pub use callbacks::{
    Binding, CallbackId, Callbacks, EventKind, NewTask, Registered, Start, WithData,
};
#[cfg(feature = "alloc")]
pub use handled::Subscription;

pub use handlers::{
    HandledEvent, Handler, HandlerId, HandlerMemory, HandlerTable, Handlers, Handling, LentHandlers,
};
#[cfg(feature = "alloc")]
pub use message::Message;
pub use message::{Acknowledge, MessageRef, Respond};
#[cfg(feature = "alloc")]
pub use receiver::Receiver;
pub use stream::MessageStream;

impl<R: Runtime> Client<R> {
    /// Returns the received messages, but for those that receivers get. From the first call on the
    /// queue is a consumer: QoS 1 and 2 messages are acknowledged when they are taken from it.
    ///
    /// Where callbacks take messages too, each message is for both, and the queue is a consumer for
    /// as long as there is a [`Queue`], and for ten seconds more: keep it, if it takes longer
    /// between two messages.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// # client.subscribe("plant/+/cmd", QoS::AtMostOnce).await?;
    /// # client.publish("plant/7/cmd", "stop").await?;
    /// while let Some(message) = client.queue().next().await {
    ///     println!("{}: {} bytes", message.topic(), message.payload().len());
    ///     if message.payload() == b"stop" {
    ///         break;
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// The same without a heap:
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// # client.subscribe("plant/+/cmd", QoS::AtMostOnce).await?;
    /// # client.publish("plant/7/cmd", "stop").await?;
    /// let mut buffer = [0; 512];
    /// while let Some(message) = client.queue().next_into(&mut buffer).await? {
    ///     println!("{}: {} bytes", message.topic(), message.payload().len());
    /// #   break;
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn queue(&self) -> Queue<'_, R> {
        let lock = &*self.shared;
        with_state(lock, |state| state.begin_queue(R::Listeners::ANY));
        Queue { lock, parked: Parked::new(lock) }
    }

    /// Acknowledges a message itself, under the setting `manual_ack`; in 5.0 a `reason` of 0x80 or
    /// more refuses it (3.4.2.1, 3.5.2.1). Returns false if there is nobody to tell any more: its
    /// connection is gone, or it was acknowledged before.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|config| config.manual_ack(true), |client| {
    /// use mqtt_as_tokio::{QoS, ReasonCode};
    ///
    /// client.subscribe("orders", QoS::AtLeastOnce).await?;
    /// client.publish("orders", "one bolt").qos(QoS::AtLeastOnce).await?;
    /// let order = client.queue().next().await.ok_or("disconnected")?;
    /// // The work goes here.
    /// assert!(client.ack(&order, ReasonCode::SUCCESS));
    /// # });
    /// ```
    pub fn ack(&self, message: &impl Acknowledge, reason: ReasonCode) -> bool {
        let Some(token) = message.token() else { return false };
        self.with_state(|state| {
            let done = state.core.acknowledge(token, reason);
            state.settle();
            done == Acknowledged::Queued
        })
    }
}

/// The received messages, for [`Client::queue`].
///
/// Several consumers may share the queue: each message goes to one of them. A QoS 1 or 2 message
/// is acknowledged when it is taken, unless the setting `manual_ack` leaves that to the program.
pub struct Queue<'c, R: Runtime> {
    lock: &'c R::Lock,
    /// How it waits as a stream.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    parked: Parked<'c, R::Lock>,
}

impl<'c, R: Runtime> Queue<'c, R> {
    /// Returns the next message; `None` when all are taken and no more will come: after `disconnect()`,
    /// when the policy has given up, and where the driver is gone.
    /// While the link is down it waits, without a reconnect policy too: then nobody but the program connects.
    ///
    /// Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// Under the setting `largest_stream` it passes over messages that come as streams: they are
    /// skipped, acknowledged, and counted in `too_large`.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("plant/+/state", QoS::AtLeastOnce).await?;
    /// client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    /// let message = client.queue().next().await.ok_or("disconnected")?;
    /// assert_eq!((message.topic(), message.payload()), ("plant/7/state", &b"running"[..]));
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    #[cfg(feature = "alloc")]
    #[allow(clippy::should_implement_trait)] // It has to be awaited.
    #[inline]
    pub fn next(&mut self) -> impl Future<Output = Option<Message>> {
        Taking::new(self.lock, Wait::Message, State::take_message)
    }

    /// Puts the messages that are there at the end of `into`, up to `max`, and returns how many
    /// those were. If there is none, it waits for one. Returns 0 where [`next`](Self::next) returns
    /// `None`, or for a `max` of 0.
    ///
    /// One call costs less than a `next` for each of them.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("plant/+/state", QoS::AtLeastOnce).await?;
    /// client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    /// let mut batch = Vec::new();
    /// let taken = client.queue().next_many(&mut batch, 100).await;
    /// assert_eq!(batch.len(), taken);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn next_many(
        &mut self,
        into: &mut Vec<Message>,
        max: usize,
    ) -> impl Future<Output = usize> {
        let take = move |state: &mut State| {
            Some(state.take_many(into, max)).filter(|taken| *taken != 0 || max == 0)
        };
        let taking = Taking::new(self.lock, Wait::Message, put(take));
        mapped(taking, Option::unwrap_or_default)
    }

    /// Returns the next message, in a buffer of the program's; `None` when all are taken and no more
    /// will come: after `disconnect()`, when the policy has given up, and where the driver is gone.
    /// Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("plant/+/state", QoS::AtLeastOnce).await?;
    /// client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    /// let mut buffer = [0; 512];
    /// let message = client.queue().next_into(&mut buffer).await?.ok_or("disconnected")?;
    /// assert_eq!((message.topic(), message.payload()), ("plant/7/state", &b"running"[..]));
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`TooSmall`] if the buffer cannot hold the message, which stays at the front of the queue. One
    /// that comes as a stream never fits: it is for [`next_stream`](Self::next_stream).
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    pub fn next_into<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> impl Future<Output = Result<Option<MessageRef<'b>>, TooSmall>> {
        let mut buffer = Some(buffer);
        let take = move |state: &mut State| {
            let copied = state.take_into(buffer.as_deref_mut()?)?;
            Some(copied.map(|copied| (copied, buffer.take().unwrap_or_default())))
        };
        let taking = Taking::new(self.lock, Wait::Message, put(take));
        mapped(taking, |taken| match taken {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok((copied, buffer))) => Ok(MessageRef::new(buffer, copied)),
        })
    }

    /// Returns the next message, whatever its size, to be read piece by piece. Its header, with
    /// topic and properties, is put into `header`.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("image", QoS::AtLeastOnce).await?;
    /// client.publish("image", vec![7; 10_000]).qos(QoS::AtLeastOnce).await?;
    /// let (mut queue, mut header, mut piece) = (client.queue(), [0; 128], [0; 1024]);
    /// let mut message = queue.next_stream(&mut header).await?.ok_or("disconnected")?;
    /// let mut len = 0;
    /// while let read @ 1.. = message.read(&mut piece).await? {
    ///     len += read;
    /// }
    /// assert_eq!(len, message.payload_len());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`TooSmall`] if the buffer cannot hold the header of the message, which stays at the front of
    /// the queue.
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    pub async fn next_stream<'b>(
        &mut self,
        header: &'b mut [u8],
    ) -> Result<Option<MessageStream<'c, 'b, R>>, TooSmall> {
        let take = put(|state| state.begin_stream(header));
        match Taking::new(self.lock, Wait::Message, take).await {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok(begun)) => Ok(MessageStream::new(self.lock, begun, header)),
        }
    }
}

impl<R: Runtime> Drop for Queue<'_, R> {
    fn drop(&mut self) {
        if R::Listeners::ANY {
            with_state(self.lock, State::end_queue);
        }
    }
}

#[cfg(feature = "alloc")]
impl<R: Runtime> futures_core::Stream for Queue<'_, R> {
    type Item = Message;

    /// As [`next`](Queue::next).
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.parked.poll(Wait::Message, State::take_message, cx)
    }
}

opaque!(Queue, '_);

/// A future whose output becomes another: it holds nothing twice, as an `async` block would.
fn mapped<F: Future + Unpin, T, M: FnMut(F::Output) -> T + Unpin>(
    future: F,
    map: M,
) -> impl Future<Output = T> {
    Mapped(future, map)
}

struct Mapped<F, M>(F, M);

impl<F: Future + Unpin, T, M: FnMut(F::Output) -> T + Unpin> Future for Mapped<F, M> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self(future, map) = &mut *self;
        Pin::new(future).poll(cx).map(map)
    }
}

/// The program's buffer is too small for the message. Where `given` is not less than `needed`, the
/// message comes as a stream, and no buffer is large enough: `Queue::next_stream` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooSmall {
    /// Bytes of the message's packet, or of its header for `Queue::next_stream`.
    pub needed: usize,
    /// Bytes of the buffer.
    pub given: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, given } = self;
        if needed <= given {
            return write!(f, "the message of {needed} bytes comes as a stream: use next_stream");
        }
        write!(f, "the message takes {needed} bytes, the buffer has {given}: give a larger one")
    }
}

impl core::error::Error for TooSmall {}
