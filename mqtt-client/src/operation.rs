//! Subscribing and unsubscribing.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use mqtt_as_proto::client::OperationError;
use mqtt_as_proto::packet::{Subscription, SubscriptionOptions};
use mqtt_as_proto::{EncodeError, PacketId, Properties, QoS, ReasonCode, TopicFilter};

use crate::client::{Client, Held};
use crate::error::SubscribeError;
use crate::shared::State;
use crate::traits::Runtime;
use crate::waiter::{Outcome, Slot, Wait};

/// Filters that one call takes.
const MOST: usize = 16;

/// The server's answer per filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    codes: [ReasonCode; MOST],
    len: u8,
}

impl Granted {
    pub(crate) fn new(wire: &[u8]) -> Self {
        let mut codes = [ReasonCode::SUCCESS; MOST];
        for (code, wire) in codes.iter_mut().zip(wire) {
            *code = ReasonCode::from_u8(*wire);
        }
        Self { codes, len: wire.len().min(MOST) as u8 }
    }

    /// The reason codes in the order of the filters; empty for `unsubscribe` in 3.1.1.
    #[must_use]
    pub fn reason_codes(&self) -> &[ReasonCode] {
        self.codes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Per filter the granted QoS, or the reason to refuse it.
    pub fn results(&self) -> impl Iterator<Item = Result<QoS, ReasonCode>> + '_ {
        self.reason_codes().iter().map(|code| QoS::from_bits(code.as_u8()).ok_or(*code))
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Granted {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.reason_codes());
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reason_codes()).finish()
    }
}

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
        let filters = [(filter, SubscriptionOptions::new(qos))];
        match self.subscribe_all(&filters, Properties::NONE).await?.results().next() {
            Some(Ok(qos)) => Ok(qos),
            Some(Err(reason)) => Err(SubscribeError::Refused(reason)),
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
        self.request(&mut |state, slot| {
            let (all, count) = gather(filters, |(filter, options)| {
                Some(Subscription { filter: TopicFilter::new(filter).ok()?, options: *options })
            })?;
            state.core.subscribe(all.get(..count).unwrap_or_default(), properties, slot.tag())
        })
        .await
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
        self.request(&mut |state, slot| {
            let (all, count) = gather(filters, |filter| TopicFilter::new(filter).ok())?;
            state.core.unsubscribe(all.get(..count).unwrap_or_default(), properties, slot.tag())
        })
        .await
    }

    /// Sends a request when there is room for it, and waits for its answer.
    async fn request(&self, ask: Ask<'_, R>) -> Result<Granted, SubscribeError> {
        let mut held = Held { client: self, slot: None };
        poll_fn(|cx| {
            let slot = &mut held.slot;
            let (poll, _old) = self.act(|state| {
                let taken = match *slot {
                    Some(taken) => taken,
                    None => match state.begin_request() {
                        Ok(taken) => *slot.insert(taken),
                        Err(error) => return (Poll::Ready(Err(error)), None),
                    },
                };
                match state.waiters.wait(taken) {
                    Wait::Room if state.waiters.is_first(taken) => {
                        if let Err(error) = state.try_request(taken, ask) {
                            return (Poll::Ready(Err(error)), None);
                        }
                    }
                    Wait::Done(outcome) => return (Poll::Ready(outcome.granted()), None),
                    _ => {}
                }
                (Poll::Pending, state.waiters.register(taken, cx.waker()))
            });
            poll
        })
        .await
    }
}

impl<R: Runtime> State<R> {
    fn begin_request(&mut self) -> Result<Slot, SubscribeError> {
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        if !self.core.is_connected() {
            return Err(SubscribeError::NotConnected);
        }
        if self.inbox.is_open() {
            return Err(SubscribeError::StreamOpen);
        }
        let slot = self.waiters.take(Wait::Room).ok_or(SubscribeError::NoWaiter)?;
        let time = self.answer_time();
        if time != 0 {
            let deadline = self.time().after(time);
            self.waiters.set_deadline(slot, deadline);
            self.notify_before(deadline);
        }
        Ok(slot)
    }

    fn try_request(&mut self, slot: Slot, ask: Ask<'_, R>) -> Result<(), SubscribeError> {
        match ask(self, slot) {
            Ok(_) => self.waiters.change(slot, Wait::Answer),
            Err(OperationError::NoRoom) => {
                self.notify_write();
                return Ok(());
            }
            Err(OperationError::NotConnected) => return Err(SubscribeError::NotConnected),
            Err(error) => return Err(SubscribeError::Invalid(error)),
        }
        self.notify_write();
        self.waiters.wake_room();
        Ok(())
    }
}

impl Outcome {
    fn granted(self) -> Result<Granted, SubscribeError> {
        match self {
            Self::Granted(granted) => Ok(granted),
            Self::Fate(_) => Err(SubscribeError::Unknown),
            Self::TimedOut => Err(SubscribeError::TimedOut),
            Self::NoRoom => Err(SubscribeError::Invalid(OperationError::NoRoom)),
            Self::Kept => Err(SubscribeError::NotConnected),
            _ => Err(SubscribeError::Closed),
        }
    }
}

/// Hands a request to the core. Both kinds share one code for all that goes on around it.
type Ask<'s, R> =
    &'s mut (dyn FnMut(&mut State<R>, Slot) -> Result<PacketId, OperationError> + Send);

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
