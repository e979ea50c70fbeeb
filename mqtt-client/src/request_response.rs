//! Asking another client, and waiting for its answer (4.10).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;

use mqtt_as_proto::client::{Fate, OperationError, Published};
use mqtt_as_proto::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::OwnedProperties;
use mqtt_as_proto::{
    Instant, Properties, Property, QoS, TopicError, TopicFilter, TopicName, Version, client,
};

use crate::acknowledgement::Acknowledgement;
use crate::call::{Call, Done, Operation, Patience};
use crate::client::Client;
use crate::config::{millis, options};
use crate::large::Large;
use crate::payload::Payload;
use crate::publish::{count_expiry, unpublished};
use crate::receive::Message;
use crate::request_error::RequestError;
use crate::responses::{Key, Responses};
use crate::runtime::{Runtime, ask, with_state};
use crate::state::State;
use crate::waiters::{Outcome, Slot, Wait};

impl<R: Runtime> Client<R> {
    /// Asks whoever has subscribed to that topic, and waits for the answer: request and response
    /// of 5.0 (4.10). Options go before the `await`.
    ///
    /// The request carries a Response Topic and Correlation Data. The topic of answers is made of
    /// the Response Information that the server gave, if the CONNECT asked for it and it did, else
    /// it is `responses/` and the client identifier, the one that the server has assigned if the program
    /// gave none. The first request of a connection subscribes to
    /// it, at QoS 0. From then on what comes to it is for requests alone: neither the queue nor callbacks
    /// get it. In a session that is kept over a restart, late answers to an earlier run go to the queue until
    /// the first request.
    ///
    /// Without a connection it ends at once, with
    /// [`RequestError::NotConnected`](crate::RequestError::NotConnected).
    ///
    /// An answer has to fit the maximum packet size.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use core::time::Duration;
    /// use mqtt_as_tokio::QoS;
    ///
    /// # client.subscribe("sum", QoS::AtLeastOnce).await?;
    /// # let other = client.clone();
    /// # tokio::spawn(async move {
    /// #     let request = other.queue().next().await.unwrap();
    /// #     other.respond(&request, "3").await.unwrap();
    /// # });
    /// let answer = client.request("sum", "1 + 2").timeout(Duration::from_secs(5)).await?;
    /// assert_eq!(answer.payload(), b"3"); // From whoever answers: see `respond`.
    /// # });
    /// ```
    pub fn request<'c, 'p>(
        &'c self,
        topic: &'p str,
        payload: impl Into<Payload<'p>>,
    ) -> Request<'c, 'p, R> {
        let Payload { lent, owned: large } = payload.into();
        let message = TopicName::new(topic)
            .map(|topic| client::Message::new(topic, lent).qos(QoS::AtLeastOnce));
        let (run, progress) = (R::random(), Cell::new(Progress::default()));
        let asking = Asking { message, large, timeout: u32::MAX, run, progress };
        Request(Call::new(&*self.shared, asking))
    }
}

/// A request to another client: options, then `await`. Made by [`Client::request`].
///
/// # Errors
/// [`RequestError`] says what to do.
///
/// # Cancel safety
/// It begins at its first poll. Dropping it forgets the request: what was sent of it goes on, and an
/// answer that comes later is dropped.
#[must_use = "it begins when it is awaited"]
pub struct Request<'c, 'p, R: Runtime>(Call<'c, R::Lock, Asking<'p>>);

/// What is asked.
struct Asking<'p> {
    /// Or what is wrong with its topic.
    message: Result<client::Message<'p>, TopicError>,
    large: Large,
    /// In milliseconds; the most that there are for the time of the settings.
    timeout: u32,
    /// Tells this program's requests from those of one before it, if this is the first.
    run: u32,
    progress: Cell<Progress>,
}

impl<'p, R: Runtime> Request<'_, 'p, R> {
    options! {
        /// Sets the QoS of the request. Default: 1, so that a server can say that nobody listens.
        ///
        /// ```
        /// use mqtt_as_tokio::QoS;
        ///
        /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
        /// let answer = client.request("sum", "1 + 2").qos(QoS::AtMostOnce).await?;
        /// # Ok(())
        /// # }
        /// ```
        qos(self, qos: QoS) {
            self.0.operation.message = self.0.operation.message.map(|message| message.qos(qos));
        }

        /// Sets properties of the request; those that an answer needs come by themselves. Default:
        /// none.
        ///
        /// ```
        /// use mqtt_as_tokio::Property;
        ///
        /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
        /// let properties = [Property::ContentType("text/plain")];
        /// let answer = client.request("sum", "1 + 2").properties(&properties).await?;
        /// # Ok(())
        /// # }
        /// ```
        properties(self, properties: impl Into<Properties<'p>>) {
            self.set_properties(properties.into());
        }

        /// Sets how long to wait for the answer, all that stands before it included; a time of zero
        /// sets no limit. Default: `response_time` × (`max_repubs` + 1).
        ///
        /// ```
        /// # use std::time::Duration;
        /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
        /// let answer = client.request("sum", "1 + 2").timeout(Duration::from_secs(2)).await?;
        /// # Ok(())
        /// # }
        /// ```
        timeout(self, timeout: Duration) {
            self.0.operation.timeout = millis(timeout).min(u32::MAX - 1);
        }
    }

    fn set_properties(&mut self, properties: Properties<'p>) {
        count_expiry(self.0.lock, &properties);
        if let Ok(message) = &mut self.0.operation.message {
            message.properties = properties;
        }
    }
}

/// How far a request has come.
#[derive(Default)]
struct Progress {
    phase: Phase,
    key: Option<Key>,
    /// The connections that had ended before it, and when it has to be answered.
    ends: u32,
    until: Option<Instant>,
    /// The slot waits for others, or the answer, not for an operation of its own.
    parked: bool,
    /// Its properties.
    properties: OwnedProperties,
    error: Option<RequestError>,
}

#[derive(Clone, Copy, Default)]
enum Phase {
    #[default]
    New,
    Subscribe,
    Publish,
    Answer,
}

impl Operation for Asking<'_> {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let mut progress = self.progress.take();
        let poll = self.advance(&mut progress, state, slot, waker);
        if poll.is_ready()
            && let Some(slot) = slot.take()
        {
            state.abandon(slot);
        }
        let done = poll.map(|result| {
            progress.error = result.err();
            Done::Found(progress.error.is_none())
        });
        self.progress.set(progress);
        done
    }
}

impl Asking<'_> {
    fn advance(
        &self,
        progress: &mut Progress,
        state: &mut State,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Result<(), RequestError>> {
        loop {
            progress.phase = match progress.phase {
                Phase::New => {
                    self.begin(progress, state)?;
                    Phase::Subscribe
                }
                _ if progress.is_answered(state) => return Poll::Ready(Ok(())),
                _ => {
                    progress.check(state)?;
                    match progress.phase {
                        Phase::Subscribe => ready!(progress.subscribe(state, slot, waker))?,
                        Phase::Publish => ready!(self.publish(progress, state, slot, waker))?,
                        _ => return progress.park(state, slot, waker),
                    }
                }
            };
        }
    }

    /// Begins a request, if there is a connection for it.
    fn begin(&self, progress: &mut Progress, state: &mut State) -> Result<(), RequestError> {
        let message = self.message.as_ref().map_err(|error| RequestError::Topic(*error))?;
        if state.core.config().version != Version::V5 {
            return Err(RequestError::NeedsV5);
        }
        if state.closed {
            return Err(RequestError::Closed);
        }
        if !state.core.is_connected() {
            return Err(RequestError::NotConnected);
        }
        if state.core.is_stream_open() {
            return Err(RequestError::StreamOpen);
        }
        let now = state.exact_time();
        let time =
            if self.timeout == u32::MAX { state.answer_time() } else { u64::from(self.timeout) };
        progress.until = (time != 0).then(|| now.after(time));
        progress.ends = state.link.ends;
        let key = state.begin_request(self.run);
        progress.key = Some(key);
        progress.properties = state.request_properties(key, message.properties)?;
        Ok(())
    }

    /// Publishes the request, and waits until the server has it.
    fn publish(
        &self,
        progress: &mut Progress,
        state: &mut State,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Result<Phase, RequestError>> {
        let Ok(message) = &self.message else { return Poll::Ready(Err(RequestError::Closed)) };
        let properties = progress.properties.get();
        let payload = self.large.payload().unwrap_or(message.payload);
        let message = client::Message { properties, payload, ..*message };
        let patience = progress.patience(state);
        let poll = state.publish(&message, patience, slot, waker);
        progress.note_slot(state, *slot);
        let Poll::Ready(done) = poll else {
            // It is woken when the link goes down, too.
            if let Some(slot) = slot.filter(|slot| state.waiters.wait(*slot) == Wait::Answer) {
                state.waiters.park(slot, Wait::Response, waker);
            }
            return Poll::Pending;
        };
        let acknowledgement = match done {
            Done::Left => Ok(Acknowledgement::SUCCESS),
            Done::Outcome(Outcome::TimedOut) => return Poll::Ready(Err(RequestError::TimedOut)),
            Done::Outcome(outcome) => {
                let words = slot.map(|slot| state.waiters.take_words(slot));
                outcome.published(words.unwrap_or_default())
            }
            done => Err(unpublished(done)),
        };
        if let Some(slot) = slot.take() {
            state.abandon(slot);
        }
        Poll::Ready(match acknowledgement {
            Ok(acknowledgement) if acknowledgement.has_no_subscribers() => {
                Err(RequestError::NoSubscribers)
            }
            Ok(_) => Ok(Phase::Answer),
            Err(error) => Err(error.into()),
        })
    }
}

impl Progress {
    fn is_answered(&self, state: &mut State) -> bool {
        let responses = state.kept.responses.as_ref();
        responses.zip(self.key).is_some_and(|(responses, key)| responses.is_answered(key))
    }

    /// Whether it can still be answered.
    fn check(&self, state: &mut State) -> Result<(), RequestError> {
        if state.closed {
            return Err(RequestError::Closed);
        }
        if state.link.ends != self.ends {
            return Err(RequestError::LinkLost);
        }
        match self.until {
            Some(until) if state.exact_time() >= until => Err(RequestError::TimedOut),
            _ => Ok(()),
        }
    }

    /// The time that is left, for an operation: 0 is without end.
    fn patience(&self, state: &mut State) -> Patience {
        let now = state.exact_time();
        let left = self.until.map_or(0, |until| {
            u32::try_from(until.as_millis().saturating_sub(now.as_millis()).max(1))
                .unwrap_or(u32::MAX - 1)
        });
        Patience { timeout: left.min(u32::MAX - 1), until_accepted: false }
    }

    fn note_slot(&self, state: &mut State, slot: Option<Slot>) {
        if let (Some(responses), Some(key)) = (&mut state.kept.responses, self.key) {
            responses.set_slot(key, slot);
        }
    }

    /// Has the server bring answers, if it does not yet.
    fn subscribe(
        &mut self,
        state: &mut State,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Result<Phase, RequestError>> {
        let Some(responses) = &mut state.kept.responses else {
            return Poll::Ready(Err(RequestError::Closed));
        };
        if responses.are_others_asking(*slot, &mut state.waiters) {
            return self.park(state, slot, waker).map(|result| result.map(|()| Phase::Subscribe));
        }
        if responses.is_subscribed {
            self.leave(state, slot);
            return Poll::Ready(Ok(Phase::Publish));
        }
        if self.parked {
            self.leave(state, slot);
        }
        let patience = self.patience(state);
        let poll = state.request_within(patience, slot, waker, &mut |state, tag| {
            let State { core, kept, .. } = state;
            let topic = kept.responses.as_ref().map_or("", |responses| responses.topic());
            let filter = TopicFilter::new(topic).map_err(|_| OperationError::NotConnected)?;
            let options = SubscriptionOptions {
                retain_handling: RetainHandling::DoNotSend,
                ..SubscriptionOptions::new(QoS::AtMostOnce)
            };
            let subscription = Subscription { filter, options };
            core.subscribe(&[subscription], Properties::NONE, tag).map(Published::Pending)
        });
        let Poll::Ready(done) = poll else {
            let asking = slot.filter(|slot| state.waiters.wait(*slot) == Wait::Answer);
            if let Some(responses) = &mut state.kept.responses {
                responses.subscriber = asking.or(responses.subscriber);
            }
            return Poll::Pending;
        };
        let result = subscribed(done);
        if let Some(responses) = &mut state.kept.responses {
            responses.subscriber = None;
            responses.is_subscribed = result.is_ok();
        }
        state.waiters.wake_all(Wait::Response);
        Poll::Ready(result.map(|()| Phase::Publish))
    }

    /// Waits for others, or for the answer.
    fn park(
        &mut self,
        state: &mut State,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Result<(), RequestError>> {
        let taken = match *slot {
            Some(taken) => taken,
            None => {
                let taken = state.waiters.take().ok_or(RequestError::NoWaiter)?;
                let patience = self.patience(state);
                state.limit_wait(taken, patience.timeout());
                *slot.insert(taken)
            }
        };
        self.parked = true;
        match state.waiters.outcome(taken) {
            None => {}
            Some(Outcome::TimedOut) => return Poll::Ready(Err(RequestError::TimedOut)),
            Some(Outcome::Closed) => return Poll::Ready(Err(RequestError::Closed)),
            Some(_) => return Poll::Ready(Err(RequestError::LinkLost)),
        }
        self.note_slot(state, *slot);
        state.waiters.park(taken, Wait::Response, waker);
        Poll::Pending
    }

    /// Waits no longer.
    fn leave(&mut self, state: &mut State, slot: &mut Option<Slot>) {
        self.parked = false;
        if let Some(slot) = slot.take() {
            state.abandon(slot);
        }
    }
}

/// What the server said to the subscription.
fn subscribed(done: Done) -> Result<(), RequestError> {
    Err(match done {
        Done::Granted(granted) => match granted.as_slice().first() {
            Some(reason) if !reason.is_error() => return Ok(()),
            Some(reason) => RequestError::ResponseTopic(*reason),
            None => RequestError::LinkLost,
        },
        Done::Outcome(Outcome::TimedOut | Outcome::NoRoom) => RequestError::TimedOut,
        Done::Outcome(Outcome::Fate(Fate::NeverSent(_))) | Done::NotConnected => {
            RequestError::NotConnected
        }
        Done::Outcome(Outcome::Fate(_) | Outcome::Kept) => RequestError::LinkLost,
        Done::Refused(OperationError::NotConnected) => RequestError::NotConnected,
        Done::Refused(error) => RequestError::Invalid(error),
        Done::StreamOpen => RequestError::StreamOpen,
        Done::NoWaiter => RequestError::NoWaiter,
        _ => RequestError::Closed,
    })
}

impl State {
    /// A request begins: it has a name from here on.
    fn begin_request(&mut self, run: u32) -> Key {
        let Self { core, kept, link, settings, .. } = self;
        let responses = kept.responses.get_or_insert_with(|| Box::new(Responses::new(run)));
        let own = settings.client_id.as_str();
        let id = if own.is_empty() { link.assigned.id() } else { own };
        let key = responses.begin(link.ups, &link.session, id);
        core.preview_messages();
        core.await_response(true);
        self.notify_read();
        key
    }

    /// The properties of a request: the program's, and what an answer needs.
    fn request_properties(
        &self,
        key: Key,
        own: Properties<'_>,
    ) -> Result<OwnedProperties, RequestError> {
        let responses = self.kept.responses.as_ref().ok_or(RequestError::Closed)?;
        let topic = TopicName::new(responses.topic()).map_err(RequestError::Topic)?;
        let correlation = responses.correlation(key);
        let answer = [Property::ResponseTopic(topic), Property::CorrelationData(&correlation)];
        let all: Vec<_> = own.into_iter().chain(answer).collect();
        OwnedProperties::new(&Properties::new(&all))
            .map_err(|error| RequestError::Invalid(error.into()))
    }

    /// A request is over, answered or not.
    fn end_request(&mut self, key: Key) -> Option<Message> {
        let Self { core, kept, .. } = self;
        let responses = kept.responses.as_mut()?;
        let answer = responses.end(key);
        core.await_response(responses.are_open());
        answer
    }
}

impl<R: Runtime> Future for Request<'_, '_, R> {
    type Output = Result<Message, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _ = ready!(Pin::new(&mut self.0).poll(cx));
        let Progress { key, error, .. } = self.0.operation.progress.take();
        let answer = key.and_then(|key| ask(self.0.lock, |state| state.end_request(key)).flatten());
        Poll::Ready(answer.ok_or(error.unwrap_or(RequestError::Closed)))
    }
}

impl<R: Runtime> Drop for Request<'_, '_, R> {
    fn drop(&mut self) {
        let Some(key) = self.0.operation.progress.take().key else { return };
        let slot = self.0.slot.take();
        with_state(self.0.lock, |state| {
            if let Some(slot) = slot {
                state.abandon(slot);
                state.waiters.wake_all(Wait::Response); // It may have asked the server for others.
            }
            drop(state.end_request(key));
        });
    }
}

impl<R: Runtime> core::fmt::Debug for Request<'_, '_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.operation.message.fmt(f)
    }
}
