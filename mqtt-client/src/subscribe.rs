//! Subscribing and unsubscribing: builders that are awaited.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::client::{Fate, OperationError, Published, Tag};
use mqtt_as_proto::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mqtt_as_proto::{EncodeError, Properties, QoS, TopicError, TopicFilter};

use crate::call::{Call, Done, Operation};
use crate::client::Client;
use crate::config::options;
use crate::error::SubscribeError;
use crate::granted::{Granted, MOST};
use crate::runtime::{Lock, Runtime};
use crate::state::State;
use crate::waiters::{Outcome, Slot};
use crate::words::Words;

impl<R: Runtime> Client<R> {
    /// Subscribes to a filter at that QoS. Awaited, it resolves at SUBACK with what was granted.
    /// Options go before the `await`.
    ///
    /// The messages come to [`queue`](Self::queue) and to callbacks. With a heap
    /// `Subscribe::receiver` gives those of this filter alone; without one the program sees by
    /// [`TopicFilter::matches`] which filter a topic belongs to.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{QoS, RetainHandling};
    ///
    /// let granted = client
    ///     .subscribe("plant/+/cmd", QoS::AtLeastOnce)
    ///     .retain_handling(RetainHandling::SendIfNew)
    ///     .await?;
    /// println!("granted: {:?}", granted.qos());
    /// # });
    /// ```
    pub fn subscribe<'c, 'p>(&'c self, filter: &'p str, qos: QoS) -> Subscribe<'c, 'p, R> {
        let asked = Asked {
            filter: TopicFilter::new(filter),
            options: SubscriptionOptions::new(qos),
            properties: Properties::NONE,
        };
        Subscribe { call: Call::new(&*self.shared, asked), shared: &self.shared }
    }

    /// Subscribes to up to 16 filters in one packet, each with its options; properties (a
    /// subscription identifier, user properties) are for 5.0 only. Resolves at SUBACK with a result
    /// per filter.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{Properties, QoS, SubscriptionOptions};
    ///
    /// let filters = [
    ///     ("plant/+/cmd", SubscriptionOptions::new(QoS::AtLeastOnce)),
    ///     ("plant/+/alarm", SubscriptionOptions::new(QoS::ExactlyOnce)),
    /// ];
    /// let granted = client.subscribe_all(&filters, Properties::NONE).await?;
    /// for ((filter, _), result) in filters.iter().zip(granted.results()) {
    ///     println!("{filter}: {result:?}");
    /// }
    /// # });
    /// ```
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
        check_filters(filters.iter().map(|(filter, _)| *filter))?;
        let ask = |state: &mut State, tag| {
            let (all, count) = gather(filters, |(filter, options)| {
                let filter = TopicFilter::new(filter).ok()?;
                Some(Subscription { filter, options: *options })
            })?;
            state.subscribe(all.get(..count).unwrap_or_default(), properties, tag)
        };
        Requesting(Call::new(&*self.shared, Asking { ask })).await
    }

    /// Ends the subscription to a filter. Awaited, it resolves at UNSUBACK. Options go before the
    /// `await`.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// client.unsubscribe("plant/+/cmd").await?;
    /// # });
    /// ```
    pub fn unsubscribe<'c, 'p>(&'c self, filter: &'p str) -> Unsubscribe<'c, 'p, R> {
        let filter = TopicFilter::new(filter);
        let leaving = Leaving { filter, properties: Properties::NONE };
        Unsubscribe(Call::new(&*self.shared, leaving))
    }

    /// Ends the subscriptions to up to 16 filters in one packet; user properties are for 5.0 only.
    /// Resolves at UNSUBACK with a reason code per filter, none in 3.1.1.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::Properties;
    ///
    /// client.unsubscribe_all(&["plant/+/cmd", "plant/+/alarm"], Properties::NONE).await?;
    /// # });
    /// ```
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
        check_filters(filters.iter().copied())?;
        let ask = |state: &mut State, tag| {
            let (all, count) = gather(filters, |filter| TopicFilter::new(filter).ok())?;
            state.unsubscribe(all.get(..count).unwrap_or_default(), properties, tag)
        };
        Requesting(Call::new(&*self.shared, Asking { ask })).await
    }
}

/// A subscription to make: options, then `await`. Made by [`Client::subscribe`].
///
/// # Errors
/// [`SubscribeError`] says what to change, or what the server said.
///
/// # Cancel safety
/// Dropping it before the packet was accepted means that it never happened; later it ends the
/// waiting only.
#[must_use = "it begins when it is awaited"]
pub struct Subscribe<'c, 'p, R: Runtime> {
    call: Call<'c, R::Lock, Asked<'p>>,
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(crate) shared: &'c R::Pointer,
}

/// What a subscription asks for.
struct Asked<'p> {
    /// Or what is wrong with it.
    filter: Result<TopicFilter<'p>, TopicError>,
    options: SubscriptionOptions,
    properties: Properties<'p>,
}

impl<'p, R: Runtime> Subscribe<'_, 'p, R> {
    options! {
        /// Sets whether the server keeps the client's own messages from it (3.8.3.1), 5.0 only.
        /// Default: no.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// // A chat: what this client says itself does not come back.
        /// client.subscribe("chat", QoS::AtMostOnce).no_local(true).await?;
        /// # });
        /// ```
        no_local(self, no_local: bool) { self.call.operation.options.no_local = no_local; }

        /// Sets whether messages keep the retain flag of their publisher (3.8.3.1), 5.0 only.
        /// Default: no, only those that were retained before the subscription have it.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// // A bridge: what is retained there has to be retained here.
        /// client.subscribe("plant/#", QoS::AtLeastOnce).retain_as_published(true).await?;
        /// # });
        /// ```
        retain_as_published(self, keep: bool) {
            self.call.operation.options.retain_as_published = keep;
        }

        /// Sets which retained messages the server sends at first (3.8.3.1), 5.0 only. Default: all
        /// that match.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::{QoS, RetainHandling};
        ///
        /// // Only what comes from now on.
        /// client.subscribe("plant/#", QoS::AtLeastOnce).retain_handling(RetainHandling::DoNotSend).await?;
        /// # });
        /// ```
        retain_handling(self, retain_handling: RetainHandling) {
            self.call.operation.options.retain_handling = retain_handling;
        }

        /// Sets properties of the SUBSCRIBE (3.8.2.1), 5.0 only: user properties, a subscription
        /// identifier. Default: none.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::{Property, QoS, SubscriptionId};
        ///
        /// let id = SubscriptionId::new(7).ok_or("1 to 268,435,455")?;
        /// let properties = [Property::SubscriptionIdentifier(id)];
        /// client.subscribe("plant/#", QoS::AtLeastOnce).properties(&properties).await?;
        /// # });
        /// ```
        properties(self, properties: impl Into<Properties<'p>>) {
            self.call.operation.properties = properties.into();
        }
    }
}

#[cfg(feature = "alloc")]
impl<'p, R: Runtime> Subscribe<'_, 'p, R> {
    /// What it asks for.
    pub(crate) fn wish(
        &self,
    ) -> (Result<TopicFilter<'p>, TopicError>, SubscriptionOptions, Properties<'p>) {
        let Asked { filter, options, properties, .. } = &self.call.operation;
        (*filter, *options, *properties)
    }
}

impl<R: Runtime> Future for Subscribe<'_, '_, R> {
    type Output = Result<Granted, SubscribeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = Pin::new(&mut self.call).poll(cx);
        poll.map(|done| {
            let granted = answer(done, self.call.take_words())?;
            let first = granted.results().next();
            match first {
                Some(Ok(_)) => Ok(granted),
                Some(Err(reason)) => Err(SubscribeError::Refused(reason)),
                None => Err(SubscribeError::Unknown),
            }
        })
    }
}

impl Operation for Asked<'_> {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let filter = match self.filter {
            Ok(filter) => filter,
            Err(error) => return Poll::Ready(Done::Mistaken(error)),
        };
        let subscription = Subscription { filter, options: self.options };
        let mut ask =
            |state: &mut State, tag| state.subscribe(&[subscription], self.properties, tag);
        state.request(slot, waker, &mut ask)
    }
}

/// The end of a subscription: options, then `await`. Made by [`Client::unsubscribe`].
///
/// # Errors
/// [`SubscribeError`] says what to change, or what the server said.
///
/// # Cancel safety
/// As [`Subscribe`].
#[must_use = "it begins when it is awaited"]
pub struct Unsubscribe<'c, 'p, R: Runtime>(Call<'c, R::Lock, Leaving<'p>>);

/// A subscription that is to end.
struct Leaving<'p> {
    /// Or what is wrong with it.
    filter: Result<TopicFilter<'p>, TopicError>,
    properties: Properties<'p>,
}

impl<'p, R: Runtime> Unsubscribe<'_, 'p, R> {
    options! {
        /// Sets properties of the UNSUBSCRIBE (3.10.2.1), 5.0 only: user properties. Default: none.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Property;
        ///
        /// let properties = [Property::UserProperty(("by", "pump-7"))];
        /// client.unsubscribe("plant/#").properties(&properties).await?;
        /// # });
        /// ```
        properties(self, properties: impl Into<Properties<'p>>) {
            self.0.operation.properties = properties.into();
        }
    }
}

impl<R: Runtime> Future for Unsubscribe<'_, '_, R> {
    type Output = Result<Granted, SubscribeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = Pin::new(&mut self.0).poll(cx);
        poll.map(|done| {
            let granted = answer(done, self.0.take_words())?;
            match granted.reason_codes().first() {
                Some(reason) if reason.is_error() => Err(SubscribeError::Refused(*reason)),
                _ => Ok(granted),
            }
        })
    }
}

impl Operation for Leaving<'_> {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let filter = match self.filter {
            Ok(filter) => filter,
            Err(error) => return Poll::Ready(Done::Mistaken(error)),
        };
        let mut ask = |state: &mut State, tag| state.unsubscribe(&[filter], self.properties, tag);
        state.request(slot, waker, &mut ask)
    }
}

opaque!(Subscribe, '_, '_);
opaque!(Unsubscribe, '_, '_);

impl State {
    /// Every SUBSCRIBE of the program passes here: what the server grants may have to be restored.
    fn subscribe(
        &mut self,
        subscriptions: &[Subscription<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<Published, OperationError> {
        let id = self.core.subscribe(subscriptions, properties, tag)?;
        self.link.subscribed.ask(subscriptions, &properties, tag);
        self.kept.note_subscribing(subscriptions, &mut self.link.subscribed);
        Ok(Published::Pending(id))
    }

    /// And so does every UNSUBSCRIBE.
    fn unsubscribe(
        &mut self,
        filters: &[TopicFilter<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<Published, OperationError> {
        let id = self.core.unsubscribe(filters, properties, tag)?;
        self.link.subscribed.forget(filters);
        self.kept.note_unsubscribing(filters);
        Ok(Published::Pending(id))
    }
}

/// A request for several filters, and its answer.
struct Requesting<'c, L: Lock, F: Fn(&mut State, Tag) -> Result<Published, OperationError> + Unpin>(
    Call<'c, L, Asking<F>>,
);

struct Asking<F> {
    ask: F,
}

impl<F> Operation for Asking<F>
where
    F: Fn(&mut State, Tag) -> Result<Published, OperationError> + Unpin,
{
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        state.request(slot, waker, &mut &self.ask)
    }
}

impl<L: Lock, F> Future for Requesting<'_, L, F>
where
    F: Fn(&mut State, Tag) -> Result<Published, OperationError> + Unpin,
{
    type Output = Result<Granted, SubscribeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = Pin::new(&mut self.0).poll(cx);
        poll.map(|done| answer(done, self.0.take_words()))
    }
}

/// The filters, judged before, as an array, and how many they are. It is made when it is needed: a
/// future need not hold it.
fn gather<F, T: Copy>(
    filters: &[F],
    judge: impl Fn(&F) -> Option<T>,
) -> Result<([T; MOST], usize), EncodeError> {
    let mut all = [filters.first().and_then(&judge).ok_or(EncodeError::NoFilter)?; MOST];
    for (place, filter) in all.iter_mut().zip(filters) {
        *place = judge(filter).unwrap_or(*place);
    }
    Ok((all, filters.len()))
}

/// What a request that is over tells.
fn answer(done: Done, words: Words) -> Result<Granted, SubscribeError> {
    Err(match done {
        Done::Granted(codes) => return Ok(Granted::new(codes, words)),
        Done::Mistaken(error) => SubscribeError::Filter(error),
        Done::Outcome(Outcome::Fate(Fate::NeverSent(_))) => SubscribeError::NotConnected,
        Done::Outcome(Outcome::Fate(_)) => SubscribeError::Unknown,
        Done::Outcome(Outcome::TimedOut) => SubscribeError::TimedOut,
        Done::Outcome(Outcome::NoRoom) => SubscribeError::Invalid(OperationError::NoRoom),
        Done::Outcome(Outcome::Kept)
        | Done::NotConnected
        | Done::Refused(OperationError::NotConnected) => SubscribeError::NotConnected,
        Done::Refused(error) => SubscribeError::Invalid(error),
        Done::StreamOpen => SubscribeError::StreamOpen,
        Done::NoWaiter => SubscribeError::NoWaiter,
        _ => SubscribeError::Closed,
    })
}

/// Whether all are filters, and not too many.
fn check_filters<'f>(
    filters: impl ExactSizeIterator<Item = &'f str>,
) -> Result<(), SubscribeError> {
    if filters.len() > MOST {
        return Err(SubscribeError::TooManyFilters { most: MOST });
    }
    for filter in filters {
        TopicFilter::new(filter).map_err(SubscribeError::Filter)?;
    }
    Ok(())
}
