//! Publishing: a builder that is awaited.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use mqtt_as_proto::client::{self, Message, OperationError};
use mqtt_as_proto::{Properties, QoS, ReasonCode, TopicError, TopicName};

use crate::acknowledgement::Acknowledgement;
use crate::call::{Call, Done, Operation, Patience, poll_at_once, take_words};
use crate::client::Client;
use crate::config::{millis, options};
use crate::error::PublishError;
use crate::large::Large;
use crate::payload::Payload;
use crate::runtime::{Lock, Runtime, ask, with_state};
use crate::state::State;
use crate::waiters::{Outcome, Slot};
use crate::words::Words;
use owner::{Owner, owner};

impl<R: Runtime> Client<R> {
    /// Publishes a message. Awaited, it resolves when QoS 0 is on its way, QoS 1 is at PUBACK, and
    /// QoS 2 at PUBCOMP, with the server's [`Acknowledgement`]. Options go before the `await`.
    ///
    /// After 50 s by default the call ends with [`TimedOut`](PublishError::TimedOut), and the
    /// message goes on: [`timeout`](Publish::timeout) sets another time, or none.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).retain(true).await?;
    /// client.publish("plant/7/raw", &[1, 2, 3]).await?;
    /// client.publish("plant/7/level", format!("{} %", 42)).await?;
    /// # });
    /// ```
    #[inline]
    pub fn publish<'c, 'p>(
        &'c self,
        topic: &'p str,
        payload: impl Into<Payload<'p>>,
    ) -> Publish<'c, 'p, R> {
        let Payload { lent, owned } = payload.into();
        self.publish_message(TopicName::new(topic).map(|topic| Message::new(topic, lent)), owned)
    }

    /// The same, of a message that is made already, or what is wrong with its topic.
    #[inline]
    pub(crate) fn publish_message<'c, 'p>(
        &'c self,
        message: Result<Message<'p>, TopicError>,
        large: Large,
    ) -> Publish<'c, 'p, R> {
        let posting = Posting { message, patience: Patience::DEFAULT, oneshot: false, large };
        Publish(Call::new(&*self.shared, posting), owner(self))
    }
}

/// A message to publish: options, then `await`. Made by [`Client::publish`].
///
/// Three ways to wait for it:
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use std::time::Duration;
/// use mqtt_as_tokio::QoS;
///
/// // Until PUBACK, or for 50 s: then it is `TimedOut`, and the message goes on.
/// client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).await?;
/// // Until PUBACK, however long that takes.
/// client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).timeout(Duration::ZERO).await?;
/// // Until it is accepted; the receipt tells the rest.
/// let receipt = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).send().await?;
/// receipt.await?;
/// # });
/// ```
///
/// # Cancel safety
/// Until there is room for the message, dropping the future means that it never happened. Then it
/// is accepted; dropping the future ends the waiting only.
#[must_use = "it begins when it is awaited"]
pub struct Publish<'c, 'p, R: Runtime>(
    pub(crate) Call<'c, R::Lock, Posting<'p>>,
    pub(crate) Owner<'c, R>,
);

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Posting<'p> {
    /// Or what is wrong with its topic.
    pub(crate) message: Result<Message<'p>, TopicError>,
    pub(crate) patience: Patience,
    pub(crate) oneshot: bool,
    pub(crate) large: Large,
}

impl<'c, 'p, R: Runtime> Publish<'c, 'p, R> {
    options! {
        /// Sets the QoS (4.3). Default: 0.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// client.publish("plant/7/order", "one bolt").qos(QoS::ExactlyOnce).await?; // At PUBCOMP.
        /// # });
        /// ```
        #[inline]
        qos(self, qos: QoS) { self.edit(|message| message.qos = qos); }

        /// Sets whether the server keeps the message for later subscribers (3.3.1.3); an empty
        /// payload removes the one that it keeps. Default: no.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.publish("plant/7/state", "running").retain(true).await?;
        /// client.publish("plant/7/state", "").retain(true).await?; // Nothing is retained any more.
        /// # });
        /// ```
        #[inline]
        retain(self, retain: bool) { self.edit(|message| message.retain = retain); }

        /// Sets whether a large payload is copied too, so that the packet leaves in one write, if
        /// it fits the setting `outbox`. Default: no, payloads of 32 KiB and more are written from
        /// where they lie.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.publish("plant/7/image", vec![0; 40_000]).oneshot(true).await?;
        /// # });
        /// ```
        #[inline]
        oneshot(self, oneshot: bool) { self.0.operation.oneshot = oneshot; }

        /// Sets properties of the PUBLISH (3.3.2.3), 5.0 only. Default: none.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Property;
        ///
        /// client
        ///     .publish("plant/7/state", r#"{"speed":3}"#)
        ///     .properties(&[
        ///         Property::ContentType("application/json"),
        ///         Property::MessageExpiryInterval(60), // Seconds.
        ///     ])
        ///     .await?;
        /// # });
        /// ```
        #[inline]
        properties(self, properties: impl Into<Properties<'p>>) {
            self.set_properties(properties.into());
        }

        /// Sets how long to wait for room and the acknowledgement. Default: `response_time` ×
        /// (`max_repubs` + 1), which is 50 s if neither is set. After that the call ends: with
        /// [`TimedOut`](PublishError::TimedOut) if the message was accepted, which then goes on, and
        /// with [`Invalid`](PublishError::Invalid)`(NoRoom)` if there was no room for it in that time,
        /// where nothing was sent. `Duration::ZERO` waits however long it takes.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use std::time::Duration;
        /// use mqtt_as_tokio::{PublishError, QoS};
        ///
        /// let publish = client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce);
        /// match publish.timeout(Duration::from_secs(2)).await {
        ///     Err(PublishError::TimedOut { .. }) => println!("no PUBACK yet; the message goes on"),
        ///     other => drop(other?),
        /// }
        /// # });
        /// ```
        #[inline]
        timeout(self, timeout: Duration) {
            self.0.operation.patience.timeout = millis(timeout).min(u32::MAX - 1);
        }
    }

    #[inline]
    fn edit(&mut self, change: impl FnOnce(&mut Message<'p>)) {
        if let Ok(message) = &mut self.0.operation.message {
            change(message);
        }
    }

    fn set_properties(&mut self, properties: Properties<'p>) {
        count_expiry(self.0.lock, &properties);
        self.edit(|message| message.properties = properties);
    }

    /// Publishes now or not at all: waits neither for room nor for an acknowledgement.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// client.publish("plant/7/speed", "3").try_publish()?;
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`PublishError::Invalid`] with `NoRoom` if there is no room; the others as when awaited.
    pub fn try_publish(mut self) -> Result<(), PublishError> {
        self.prepare();
        let call = &mut self.0;
        let Posting { message, large, .. } = &call.operation;
        let mut message = message.map_err(PublishError::Topic)?;
        message.payload = large.payload().unwrap_or(message.payload);
        let done = ask(call.lock, |state| state.try_publish(&message)).unwrap_or(Done::CLOSED);
        published(done, call.lock, &mut call.slot).map(drop)
    }

    /// Publishes it, and waits only until it is accepted: there is room for it, and it leaves in
    /// its turn. Returns a [`Receipt`], which tells the rest. The wait for room ends after the
    /// [`timeout`](Self::timeout), 50 s by default.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let mut receipts = Vec::new();
    /// for reading in ["20.1", "20.4", "20.3"] {
    ///     let publish = client.publish("plant/7/reading", reading).qos(QoS::AtLeastOnce);
    ///     receipts.push(publish.send().await?); // Accepted; it leaves in its turn.
    /// }
    /// for receipt in receipts {
    ///     receipt.await?; // PUBACK.
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// As when it is awaited, where it is not accepted.
    ///
    /// # Cancel safety
    /// As when it is awaited.
    #[inline]
    pub fn send(mut self) -> Sending<'c, 'p, R> {
        self.0.operation.patience.until_accepted = true;
        Sending(self)
    }
}

impl Operation for Posting<'_> {
    #[inline]
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let message = match &self.message {
            Ok(message) => message,
            Err(error) => return Poll::Ready(Done::Mistaken(*error)),
        };
        match self.large.payload() {
            None => state.publish(message, self.patience, slot, waker),
            Some(payload) => {
                let message = Message { payload, ..*message };
                state.publish(&message, self.patience, slot, waker)
            }
        }
    }
}

/// QoS 0 with a connection: straight into the outbox. None if it has to wait.
#[inline(never)] // Once for each kind of lock, which is in it.
fn publish_straight<L: Lock>(lock: &L, message: &Message<'_>) -> Option<Done> {
    let (mut done, mut waker) = (None, None);
    lock.with(&mut |state| {
        done = state.publish_straight(message);
        waker = state.next_waker(); // The driver's: nothing has ended.
    });
    if let Some(waker) = waker {
        waker.wake();
    }
    done
}

impl<R: Runtime> Publish<'_, '_, R> {
    /// All is set: a large payload is copied, if it has to be.
    #[inline]
    pub(crate) fn prepare(&mut self) {
        let Posting { message, large, oneshot, .. } = &mut self.0.operation;
        if let Ok(message) = message {
            large.prepare(message, *oneshot, self.0.lock);
        }
    }

    #[inline]
    fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Done> {
        if self.0.slot.is_none() {
            self.prepare();
            let Call { lock, operation, .. } = &self.0;
            if let Ok(message) = &operation.message
                && message.qos == QoS::AtMostOnce
                && operation.large.payload().is_none()
                && let Some(done) = publish_straight(*lock, message)
            {
                return Poll::Ready(done);
            }
        }
        let Call { lock, operation, slot } = &mut self.0;
        poll_at_once(*lock, operation, slot, cx.waker())
    }
}

impl<R: Runtime> Future for Publish<'_, '_, R> {
    type Output = Result<Acknowledgement, PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_done(cx).map(|done| {
            let call = &mut self.0;
            published(done, call.lock, &mut call.slot)
        })
    }
}

/// The future of [`Publish::send`].
#[must_use = "it begins at its first poll: await it"]
pub struct Sending<'c, 'p, R: Runtime>(Publish<'c, 'p, R>);

impl<'c, R: Runtime> Future for Sending<'c, '_, R> {
    type Output = Result<Receipt<'c, R>, PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_done(cx).map(|done| {
            let call = &mut self.0.0;
            if !matches!(done, Done::Left | Done::Accepted) {
                ended(done, call.lock, &mut call.slot)?;
            }
            Ok(Receipt(Call { lock: call.lock, operation: Fate, slot: call.slot.take() }))
        })
    }
}

/// What becomes of an accepted message: QoS 0 is on its way, QoS 1 is at PUBACK, QoS 2 at PUBCOMP.
///
/// It can be awaited, also in a `select!` again and again, or dropped: the message goes on. No task waits
/// for it before it is awaited, but it takes a waiter slot.
///
/// It ends as the publish would: with [`TimedOut`](PublishError::TimedOut) 50 s after `send`, by default, if
/// the server has not answered until then; with `.timeout(Duration::ZERO)` it has no such end.
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use std::time::Duration;
/// use mqtt_as_tokio::QoS;
///
/// let publish = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce);
/// let receipt = publish.timeout(Duration::ZERO).send().await?;
/// // Something else meanwhile.
/// let acknowledgement = receipt.await?;
/// println!("{acknowledgement}");
/// # });
/// ```
#[must_use = "it tells whether the message arrived; if that does not matter, drop it"]
pub struct Receipt<'c, R: Runtime>(Call<'c, R::Lock, Fate>);

/// The end of what was accepted.
struct Fate;

impl Operation for Fate {
    #[inline]
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        match *slot {
            Some(taken) => state.go_on(slot, taken, waker),
            None => Poll::Ready(Done::Left), // Or told before.
        }
    }
}

impl<R: Runtime> Future for Receipt<'_, R> {
    type Output = Result<Acknowledgement, PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Call { lock, operation, slot } = &mut self.0;
        poll_at_once(*lock, operation, slot, cx.waker()).map(|done| published(done, *lock, slot))
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
pub(crate) fn published(
    done: Done,
    lock: &dyn Lock,
    slot: &mut Option<Slot>,
) -> Result<Acknowledgement, PublishError> {
    match done {
        Done::Left | Done::Accepted => Ok(Acknowledgement::SUCCESS),
        // Nothing is said beside, or there would be a slot.
        Done::Outcome(Outcome::ACKNOWLEDGED) if slot.is_none() => Ok(Acknowledgement::SUCCESS),
        _ => ended(done, lock, slot),
    }
}

fn ended(
    done: Done,
    lock: &dyn Lock,
    slot: &mut Option<Slot>,
) -> Result<Acknowledgement, PublishError> {
    let Done::Outcome(outcome) = done else { return Err(unpublished(done)) };
    outcome.published(take_words(lock, slot))
}

/// Why a publish was not accepted.
pub(crate) fn unpublished(done: Done) -> PublishError {
    match done {
        Done::Refused(OperationError::NotConnected) | Done::NotConnected => {
            PublishError::NotConnected
        }
        Done::Refused(error) => PublishError::Invalid(error),
        Done::Mistaken(error) => PublishError::Topic(error),
        Done::StreamOpen => PublishError::StreamOpen,
        Done::NoWaiter => PublishError::NoWaiter,
        _ => PublishError::Closed,
    }
}

impl Outcome {
    const ACKNOWLEDGED: Self = Self::Fate(client::Fate::Acknowledged(ReasonCode::SUCCESS));

    /// What it means for a publish to which the server said that.
    pub(crate) fn published(self, words: Words) -> Result<Acknowledgement, PublishError> {
        Err(match self {
            Self::Fate(client::Fate::Left) => return Ok(Acknowledgement::SUCCESS),
            Self::Fate(client::Fate::Acknowledged(reason)) => {
                let acknowledgement = Acknowledgement::new(reason, words);
                if !reason.is_error() {
                    return Ok(acknowledgement);
                }
                PublishError::Refused(acknowledgement)
            }
            Self::Fate(client::Fate::NeverSent(why)) => PublishError::NeverSent(why),
            Self::Fate(client::Fate::Unknown { received }) => PublishError::Unknown { received },
            Self::Fate(client::Fate::Interrupted) => PublishError::Interrupted,
            Self::TimedOut => PublishError::TimedOut { sent: true },
            Self::Unsent => PublishError::TimedOut { sent: false },
            Self::NoRoom => PublishError::Invalid(OperationError::NoRoom),
            Self::Kept => PublishError::Kept,
            _ => PublishError::Closed,
        })
    }
}

impl<R: Runtime> fmt::Debug for Publish<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.operation.message.fmt(f)
    }
}

opaque!(Sending, '_, '_);
opaque!(Receipt, '_);

#[cfg(feature = "alloc")]
mod owner {
    use crate::client::Client;

    /// Who publishes: an owned publish keeps it alive.
    pub(crate) type Owner<'c, R> = &'c Client<R>;

    #[inline]
    pub(crate) fn owner<R: crate::Runtime>(client: &Client<R>) -> Owner<'_, R> {
        client
    }
}

#[cfg(not(feature = "alloc"))]
mod owner {
    use core::marker::PhantomData;

    use crate::client::Client;

    /// Who publishes: without a heap nobody asks.
    pub(crate) type Owner<'c, R> = PhantomData<&'c Client<R>>;

    #[inline]
    pub(crate) fn owner<R: crate::Runtime>(_: &Client<R>) -> Owner<'_, R> {
        PhantomData
    }
}
