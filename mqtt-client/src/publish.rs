//! Publishing: a builder that is awaited.

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use mqtt_as_proto::client::{Fate, Message, OperationError, Published};
use mqtt_as_proto::{Payload, Properties, QoS, TopicName};

use crate::client::{Client, NOBODY};
use crate::config::{WhileDown, millis};
use crate::error::PublishError;
use crate::shared::State;
use crate::traits::Runtime;
use crate::waiter::{Outcome, Slot, Wait};

/// A message to publish: options, then `await`. Made by [`Client::publish`].
///
/// # Cancel safety
/// Until there is room for the message, dropping the future means that it never happened. Then it
/// is accepted; dropping the future ends the waiting only.
#[must_use = "it begins when it is awaited"]
pub struct Publish<'p, R: Runtime> {
    client: &'p Client<R>,
    topic: &'p str,
    payload: Payload<'p>,
    qos: QoS,
    retain: bool,
    oneshot: bool,
    properties: Properties<'p>,
    timeout: Option<u32>,
}

impl<'p, R: Runtime> Publish<'p, R> {
    #[inline]
    pub(crate) fn new(client: &'p Client<R>, topic: &'p str, payload: Payload<'p>) -> Self {
        Self {
            client,
            topic,
            payload,
            qos: QoS::AtMostOnce,
            retain: false,
            oneshot: false,
            properties: Properties::NONE,
            timeout: None,
        }
    }

    /// The QoS. Default: 0.
    #[inline]
    pub fn qos(self, qos: QoS) -> Self {
        Self { qos, ..self }
    }

    /// Whether the server keeps the message for later subscribers. Default: no.
    #[inline]
    pub fn retain(self, retain: bool) -> Self {
        Self { retain, ..self }
    }

    /// Copies a large payload too, so that the packet leaves in one piece. Default: payloads of
    /// 4 KiB and more are written from where they lie.
    #[inline]
    pub fn oneshot(self, oneshot: bool) -> Self {
        Self { oneshot, ..self }
    }

    /// Properties of the PUBLISH, 5.0 only. Default: none.
    #[inline]
    pub fn properties(self, properties: impl Into<Properties<'p>>) -> Self {
        Self { properties: properties.into(), ..self }
    }

    /// How long to wait for room and the acknowledgement. Default: `response_time` ×
    /// (`max_repubs` + 1).
    #[inline]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(millis(timeout)), ..self }
    }

    /// Publishes now or not at all: waits neither for room nor for an acknowledgement.
    ///
    /// # Errors
    /// [`PublishError::Invalid`] with `NoRoom` if there is no room; the others as when awaited.
    pub fn try_publish(self) -> Result<(), PublishError> {
        let message = self.message()?;
        self.client.act(|state| {
            if state.waiters.has_room_queue() {
                return Err(PublishError::Invalid(OperationError::NoRoom));
            }
            state.check_open()?;
            let now = state.time();
            state.core.publish(&message, NOBODY, now)?;
            state.accepted();
            Ok(())
        })
    }

    #[inline]
    fn message(&self) -> Result<Message<'p>, PublishError> {
        Ok(Message {
            topic: TopicName::new(self.topic).map_err(PublishError::Topic)?,
            payload: if self.oneshot { self.payload.as_slice().into() } else { self.payload },
            qos: self.qos,
            retain: self.retain,
            properties: self.properties,
        })
    }
}

impl<'p, R: Runtime> IntoFuture for Publish<'p, R> {
    type Output = Result<(), PublishError>;
    type IntoFuture = Publishing<'p, R>;

    #[inline]
    fn into_future(self) -> Publishing<'p, R> {
        #[cfg(feature = "alloc")]
        let large = (!self.oneshot && self.payload.as_slice().len() >= LARGE)
            .then(|| self.payload.to_shared());
        Publishing {
            request: self,
            slot: None,
            #[cfg(feature = "alloc")]
            large,
        }
    }
}

/// A payload of this size is held by reference: from a slice it is copied once, here.
#[cfg(feature = "alloc")]
const LARGE: usize = 4096;

/// The future of a [`Publish`].
#[must_use = "it begins at its first poll: await it"]
pub struct Publishing<'p, R: Runtime> {
    request: Publish<'p, R>,
    slot: Option<Slot>,
    #[cfg(feature = "alloc")]
    large: Option<bytes::Bytes>,
}

type Step = (Poll<Result<(), PublishError>>, Option<Waker>);

impl<R: Runtime> Future for Publishing<'_, R> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let message = match this.request.message() {
            Ok(message) => message,
            Err(error) => return Poll::Ready(Err(error)),
        };
        #[cfg(feature = "alloc")]
        let message = match &this.large {
            Some(large) => Message { payload: large.into(), ..message },
            None => message,
        };
        let (slot, timeout) = (&mut this.slot, this.request.timeout);
        let (poll, _old) = this.request.client.act(|state| match *slot {
            None => state.begin_publish(&message, timeout, slot, cx),
            Some(_) => state.go_on_publishing(&message, slot, cx),
        });
        poll
    }
}

impl<R: Runtime> Drop for Publishing<'_, R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let _waker = self.request.client.act(|state| state.waiters.free(slot));
        }
    }
}

impl<R: Runtime> State<R> {
    #[inline]
    pub(crate) fn check_open(&self) -> Result<(), PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        if self.config.while_down == WhileDown::Refuse && !self.core.is_connected() {
            return Err(PublishError::NotConnected);
        }
        Ok(())
    }

    /// A message was accepted: it has to be written.
    #[inline]
    fn accepted(&mut self) {
        self.statistics.published += 1;
        self.notify_write();
    }

    #[inline]
    fn begin_publish(
        &mut self,
        message: &Message<'_>,
        timeout: Option<u32>,
        slot: &mut Option<Slot>,
        cx: &Context<'_>,
    ) -> Step {
        if let Err(error) = self.check_open() {
            return (Poll::Ready(Err(error)), None);
        }
        let waits = self.waiters.has_room_queue();
        if message.qos == QoS::AtMostOnce && !waits && self.core.is_connected() {
            match self.core.publish(message, NOBODY, self.now) {
                // On its way, or behind others that wait for room in the same connection.
                Ok(_) => {
                    self.accepted();
                    return (Poll::Ready(Ok(())), None);
                }
                Err(OperationError::NoRoom) => {}
                Err(error) => return (Poll::Ready(Err(error.into())), None),
            }
        }
        if self.inbox.is_open() && message.qos != QoS::AtMostOnce {
            return (Poll::Ready(Err(PublishError::StreamOpen)), None);
        }
        let wait = if waits { Wait::Room } else { Wait::Answer };
        let Some(taken) = self.waiters.take(wait) else {
            return (Poll::Ready(Err(PublishError::NoWaiter)), None);
        };
        *slot = Some(taken);
        let time = timeout.map_or_else(|| self.answer_time(), u64::from);
        if time != 0 {
            // A time of the program's may be shorter than a write takes: that wants the clock.
            let now = if timeout.is_some() { R::now() } else { self.time() };
            let deadline = now.after(time);
            self.waiters.set_deadline(taken, deadline);
            self.notify_before(deadline);
        }
        if waits {
            return (Poll::Pending, self.waiters.register(taken, cx.waker()));
        }
        self.try_room(message, slot, taken, cx)
    }

    fn go_on_publishing(
        &mut self,
        message: &Message<'_>,
        slot: &mut Option<Slot>,
        cx: &Context<'_>,
    ) -> Step {
        let Some(taken) = *slot else { return (Poll::Ready(Err(PublishError::Closed)), None) };
        match self.waiters.wait(taken) {
            Wait::Room if self.waiters.is_first(taken) => {
                if let Err(error) = self.check_open() {
                    return self.end_publish(slot, taken, Err(error));
                }
                self.try_room(message, slot, taken, cx)
            }
            Wait::Done(outcome) => self.end_publish(slot, taken, outcome.published()),
            _ => (Poll::Pending, self.waiters.register(taken, cx.waker())),
        }
    }

    /// Tries to have the message accepted; without room its call joins the queue for it.
    fn try_room(
        &mut self,
        message: &Message<'_>,
        slot: &mut Option<Slot>,
        taken: Slot,
        cx: &Context<'_>,
    ) -> Step {
        let now = self.time();
        match self.core.publish(message, taken.tag(), now) {
            Ok(published) => {
                self.waiters.change(taken, Wait::Answer);
                self.accepted();
                self.waiters.wake_room();
                if published == Published::Left {
                    return self.end_publish(slot, taken, Ok(()));
                }
                (Poll::Pending, self.waiters.register(taken, cx.waker()))
            }
            Err(OperationError::NoRoom) => {
                self.waiters.wait_for_room(taken);
                self.notify_write();
                (Poll::Pending, self.waiters.register(taken, cx.waker()))
            }
            Err(OperationError::NotConnected) => {
                // The connection is ending: the next one has room.
                self.waiters.wait_for_room(taken);
                (Poll::Pending, self.waiters.register(taken, cx.waker()))
            }
            Err(error) => self.end_publish(slot, taken, Err(error.into())),
        }
    }

    fn end_publish(
        &mut self,
        slot: &mut Option<Slot>,
        taken: Slot,
        result: Result<(), PublishError>,
    ) -> Step {
        *slot = None;
        let waker = self.waiters.free(taken);
        self.waiters.wake_room();
        (Poll::Ready(result), waker)
    }
}

impl Outcome {
    pub(crate) fn published(self) -> Result<(), PublishError> {
        match self {
            Self::Acknowledged(reason) if reason.is_error() => Err(PublishError::Refused(reason)),
            Self::Acknowledged(_) | Self::Fate(Fate::Left) => Ok(()),
            Self::Fate(Fate::NeverSent(why)) => Err(PublishError::NeverSent(why)),
            Self::Fate(Fate::Unknown { received }) => Err(PublishError::Unknown { received }),
            Self::Fate(Fate::Interrupted) => Err(PublishError::Interrupted),
            Self::TimedOut => Err(PublishError::TimedOut),
            Self::NoRoom => Err(PublishError::Invalid(OperationError::NoRoom)),
            Self::Kept => Err(PublishError::Kept),
            _ => Err(PublishError::Closed),
        }
    }
}

impl From<OperationError> for PublishError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NotConnected => Self::NotConnected,
            error => Self::Invalid(error),
        }
    }
}

impl<R: Runtime> fmt::Debug for Publish<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("payload", &self.payload)
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime> fmt::Debug for Publishing<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}
