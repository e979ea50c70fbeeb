//! Subscribing and unsubscribing.

use mqtt_as_proto::client::OperationError;
use mqtt_as_proto::packet::SubscriptionOptions;
use mqtt_as_proto::{Properties, QoS, TopicFilter};

use crate::call::{Call, Done, Request};
use crate::error::SubscribeError;
use crate::granted::{Granted, MOST};
use crate::runtime::Lock;
use crate::waiters::Outcome;

pub(crate) async fn subscribe<L: Lock>(
    lock: &L,
    filter: &str,
    qos: QoS,
) -> Result<QoS, SubscribeError> {
    let filters = [(filter, SubscriptionOptions::new(qos))];
    match subscribe_all(lock, &filters, Properties::NONE).await?.results().next() {
        Some(Ok(qos)) => Ok(qos),
        Some(Err(reason)) => Err(SubscribeError::Refused(reason)),
        None => Err(SubscribeError::Unknown),
    }
}

pub(crate) async fn subscribe_all<L: Lock>(
    lock: &L,
    filters: &[(&str, SubscriptionOptions)],
    properties: Properties<'_>,
) -> Result<Granted, SubscribeError> {
    check_filters(filters.iter().map(|(filter, _)| *filter))?;
    granted(Call::new(lock, Request::Subscribe(filters, properties)).await)
}

pub(crate) async fn unsubscribe<L: Lock>(lock: &L, filter: &str) -> Result<(), SubscribeError> {
    let granted = unsubscribe_all(lock, &[filter], Properties::NONE).await?;
    match granted.reason_codes().first() {
        Some(reason) if reason.is_error() => Err(SubscribeError::Refused(*reason)),
        _ => Ok(()),
    }
}

pub(crate) async fn unsubscribe_all<L: Lock>(
    lock: &L,
    filters: &[&str],
    properties: Properties<'_>,
) -> Result<Granted, SubscribeError> {
    check_filters(filters.iter().copied())?;
    granted(Call::new(lock, Request::Unsubscribe(filters, properties)).await)
}

/// What a request that is over tells.
fn granted(done: Done) -> Result<Granted, SubscribeError> {
    Err(match done {
        Done::Granted(codes) => return Ok(Granted::new(codes)),
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
