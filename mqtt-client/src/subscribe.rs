//! Subscribing and unsubscribing.

use core::task::{Poll, Waker};

use mqtt_as_proto::client::{Fate, OperationError, Published, Tag};
use mqtt_as_proto::packet::{Subscription, SubscriptionOptions};
use mqtt_as_proto::{EncodeError, PacketId, Properties, QoS, TopicFilter};

use crate::call::{Call, Done, Operation};
use crate::client::Client;
use crate::error::SubscribeError;
use crate::granted::{Granted, MOST};
use crate::runtime::Runtime;
use crate::state::State;
use crate::waiters::{Outcome, Slot};

impl<R: Runtime> Client<R> {
    /// Subscribes to a filter at that QoS. Resolves at SUBACK with the granted QoS.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said.
    ///
    /// # Cancel safety
    /// Dropping the future before the packet was accepted means that it never happened; later it
    /// ends the waiting only.
    pub async fn subscribe(&self, filter: &str, qos: QoS) -> Result<QoS, SubscribeError> {
        let filter = TopicFilter::new(filter).map_err(SubscribeError::Filter)?;
        let subscription = Subscription { filter, options: SubscriptionOptions::new(qos) };
        let asks =
            self.request(move |core, tag| core.subscribe(&[subscription], Properties::NONE, tag));
        match answer(asks.await)?.reason_codes().first() {
            Some(reason) => QoS::from_bits(reason.as_u8()).ok_or(SubscribeError::Refused(*reason)),
            None => Err(SubscribeError::Unknown),
        }
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
        check_filters(filters.iter().map(|(filter, _)| *filter))?;
        let asks = self.request(move |core, tag| {
            let (all, count) = gather(filters, |(filter, options)| {
                let filter = TopicFilter::new(filter).ok()?;
                Some(Subscription { filter, options: *options })
            })?;
            core.subscribe(all.get(..count).unwrap_or_default(), properties, tag)
        });
        answer(asks.await)
    }

    /// Ends the subscription to a filter. Resolves at UNSUBACK.
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said.
    ///
    /// # Cancel safety
    /// As [`subscribe`](Self::subscribe).
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), SubscribeError> {
        let granted = self.unsubscribe_all(&[filter], Properties::NONE).await?;
        match granted.reason_codes().first() {
            Some(reason) if reason.is_error() => Err(SubscribeError::Refused(*reason)),
            _ => Ok(()),
        }
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
        check_filters(filters.iter().copied())?;
        let asks = self.request(move |core, tag| {
            let (all, count) = gather(filters, |filter| TopicFilter::new(filter).ok())?;
            core.unsubscribe(all.get(..count).unwrap_or_default(), properties, tag)
        });
        answer(asks.await)
    }

    fn request<F: Ask>(&self, ask: F) -> Call<'_, R::Lock, Asking<F>> {
        Call::new(&*self.shared, Asking(ask))
    }
}

type Core = mqtt_as_proto::client::Client<'static>;

/// Asks the core for something that the server answers.
trait Ask: Fn(&mut Core, Tag) -> Result<PacketId, OperationError> + Unpin {}

impl<F: Fn(&mut Core, Tag) -> Result<PacketId, OperationError> + Unpin> Ask for F {}

struct Asking<F>(F);

impl<F: Ask> Operation for Asking<F> {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        state.request(slot, waker, &mut |state, tag| {
            (self.0)(&mut state.core, tag).map(Published::Pending)
        })
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
fn answer(done: Done) -> Result<Granted, SubscribeError> {
    Err(match done {
        Done::Granted(granted) => return Ok(granted),
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
