//! Publishing: a builder that is awaited.

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use mqtt_as_proto::client::{Fate, Message, OperationError};
use mqtt_as_proto::{Payload, Properties, QoS, TopicName};

use crate::call::{Call, Done, Patience, Request, abandon};
use crate::config::{millis, options};
use crate::error::PublishError;
use crate::large::Large;
use crate::runtime::{Lock, Runtime, with_state};
use crate::waiters::{Outcome, Slot};

/// A message to publish: options, then `await`. Made by [`Client::publish`](crate::Client::publish).
///
/// # Cancel safety
/// Until there is room for the message, dropping the future means that it never happened. Then it
/// is accepted; dropping the future ends the waiting only.
#[must_use = "it begins when it is awaited"]
pub struct Publish<'c, 'p, R: Runtime> {
    call: Call<'c, 'p, R::Lock>,
    oneshot: bool,
    large: Large,
}

impl<'c, 'p, R: Runtime> Publish<'c, 'p, R> {
    #[inline]
    pub(crate) fn new(lock: &'c R::Lock, topic: &'p str, payload: Payload<'p>) -> Self {
        let request = match TopicName::new(topic) {
            Ok(topic) => Request::Publish(Message::new(topic, payload), Patience::DEFAULT),
            Err(error) => Request::Mistaken(error),
        };
        Self { call: Call::new(lock, request), oneshot: false, large: Large::NONE }
    }

    options! {
        /// The QoS. Default: 0.
        #[inline]
        qos(self, qos: QoS) { self.call.edit(|message, _| message.qos = qos); }

        /// Whether the server keeps the message for later subscribers. Default: no.
        #[inline]
        retain(self, retain: bool) { self.call.edit(|message, _| message.retain = retain); }

        /// Copies a large payload too, so that the packet leaves in one piece. Default: payloads of
        /// 32 KiB and more are written from where they lie.
        #[inline]
        oneshot(self, oneshot: bool) { self.oneshot = oneshot; }

        /// Properties of the PUBLISH, 5.0 only. Default: none.
        #[inline]
        properties(self, properties: impl Into<Properties<'p>>) {
            self.set_properties(properties.into());
        }

        /// How long to wait for room and the acknowledgement; a time of zero sets no limit. Default:
        /// `response_time` × (`max_repubs` + 1).
        #[inline]
        timeout(self, timeout: Duration) {
            self.call.edit(|_, patience| patience.timeout = Some(millis(timeout)));
        }
    }

    /// Publishes now or not at all: waits neither for room nor for an acknowledgement.
    ///
    /// # Errors
    /// [`PublishError::Invalid`] with `NoRoom` if there is no room; the others as when awaited.
    pub fn try_publish(self) -> Result<(), PublishError> {
        let this = self.ready();
        published(this.call.try_publish(this.large.payload()))
    }

    /// Publishes it, and waits until it is accepted only: then there is room for it, and it leaves
    /// in its turn. The receipt that comes tells the rest.
    ///
    /// # Errors
    /// As when it is awaited, where it is not accepted.
    ///
    /// # Cancel safety
    /// As when it is awaited.
    #[inline]
    pub fn send(mut self) -> Sending<'c, 'p, R> {
        self.call.edit(|_, patience| patience.until_accepted = true);
        Sending(self.into_future())
    }

    fn set_properties(&mut self, properties: Properties<'p>) {
        count_expiry(self.call.lock, &properties);
        self.call.edit(|message, _| message.properties = properties);
    }

    /// All is set: a large payload is copied, if it has to be.
    #[inline]
    fn ready(mut self) -> Self {
        let (large, oneshot) = (&mut self.large, self.oneshot);
        self.call.edit(|message, _| large.prepare(&mut message.payload, oneshot));
        self
    }
}

impl<'c, 'p, R: Runtime> IntoFuture for Publish<'c, 'p, R> {
    type Output = Result<(), PublishError>;
    type IntoFuture = Publishing<'c, 'p, R>;

    #[inline]
    fn into_future(self) -> Publishing<'c, 'p, R> {
        Publishing(self.ready())
    }
}

/// The future of a [`Publish`].
#[must_use = "it begins at its first poll: await it"]
pub struct Publishing<'c, 'p, R: Runtime>(Publish<'c, 'p, R>);

impl<R: Runtime> Future for Publishing<'_, '_, R> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Publish { call, large, .. } = &mut self.0;
        call.poll_publish(large.payload(), cx).map(published)
    }
}

/// The future of [`Publish::send`].
#[must_use = "it begins at its first poll: await it"]
pub struct Sending<'c, 'p, R: Runtime>(Publishing<'c, 'p, R>);

impl<'c, R: Runtime> Future for Sending<'c, '_, R> {
    type Output = Result<Receipt<'c, R>, PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Publish { call, large, .. } = &mut self.0.0;
        let Poll::Ready(done) = call.poll_publish(large.payload(), cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match done {
            Done::Accepted => Ok(Receipt { lock: call.lock, slot: call.take_slot() }),
            done => published(done).map(|()| Receipt { lock: call.lock, slot: None }),
        })
    }
}

/// What becomes of an accepted message: QoS 0 is on its way, QoS 1 is at PUBACK, QoS 2 at PUBCOMP.
///
/// It can be awaited, also in between, or dropped: the message goes on. No task waits for it before
/// it is awaited, but it takes a waiter slot.
#[must_use = "it tells whether the message arrived; if that does not matter, drop it"]
pub struct Receipt<'c, R: Runtime> {
    lock: &'c R::Lock,
    slot: Option<Slot>,
}

impl<R: Runtime> Future for Receipt<'_, R> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = self.slot.take() else { return Poll::Ready(Ok(())) };
        let mut call = Call::in_slot(self.lock, slot);
        let poll = call.poll_call(cx);
        self.slot = call.take_slot();
        poll.map(published)
    }
}

impl<R: Runtime> Drop for Receipt<'_, R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            abandon(self.lock, slot);
        }
    }
}

/// Messages expire while they wait once there is one that can: a program whose messages cannot does
/// not link what counts them.
pub(crate) fn count_expiry(lock: &dyn Lock, properties: &Properties<'_>) {
    if properties.message_expiry_interval().is_some() {
        with_state(lock, |state| state.core.count_expiry());
    }
}

/// What a publish that is over tells.
#[inline]
fn published(done: Done) -> Result<(), PublishError> {
    if let Done::Left | Done::Accepted = done {
        return Ok(());
    }
    ended(done)
}

fn ended(done: Done) -> Result<(), PublishError> {
    Err(match done {
        Done::Outcome(outcome) => return outcome.published(),
        Done::Refused(OperationError::NotConnected) | Done::NotConnected => {
            PublishError::NotConnected
        }
        Done::Refused(error) => PublishError::Invalid(error),
        Done::Mistaken(error) => PublishError::Topic(error),
        Done::StreamOpen => PublishError::StreamOpen,
        Done::NoWaiter => PublishError::NoWaiter,
        _ => PublishError::Closed,
    })
}

impl Outcome {
    pub(crate) fn published(self) -> Result<(), PublishError> {
        Err(match self {
            Self::Fate(Fate::Left) => return Ok(()),
            Self::Fate(Fate::Acknowledged(reason)) if !reason.is_error() => return Ok(()),
            Self::Fate(Fate::Acknowledged(reason)) => PublishError::Refused(reason),
            Self::Fate(Fate::NeverSent(why)) => PublishError::NeverSent(why),
            Self::Fate(Fate::Unknown { received }) => PublishError::Unknown { received },
            Self::Fate(Fate::Interrupted) => PublishError::Interrupted,
            Self::TimedOut => PublishError::TimedOut,
            Self::NoRoom => PublishError::Invalid(OperationError::NoRoom),
            Self::Kept => PublishError::Kept,
            _ => PublishError::Closed,
        })
    }
}

impl<R: Runtime> fmt::Debug for Publish<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.request().fmt(f)
    }
}

opaque!(Publishing, '_, '_);
opaque!(Sending, '_, '_);
opaque!(Receipt, '_);
