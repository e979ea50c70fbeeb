//! Receivers by filter.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::dispatch::{Dispatch, Standing};
use super::message::{Acknowledge, Message};
use super::subscription::Wish;
use crate::call::abandon;
use crate::error::SubscribeError;
use crate::granted::Granted;
use crate::runtime::{Runtime, ask, with_state, with_state_at_once};
use crate::state::State;
use crate::subscribe::Subscribe;
use crate::waiters::{Outcome, Slot, Wait};

impl<R: Runtime> Subscribe<'_, '_, R> {
    /// Returns a receiver for the messages that match the filter, which get nowhere else then.
    /// Resolves at SUBACK; without a connection at once, and the subscription is asked for as soon as
    /// there is one. So a receiver that is made before `connect` misses nothing of a session that is
    /// resumed.
    ///
    /// The subscription stands as long as the receiver: it is asked for again wherever a new session
    /// begins, and ends when the receiver is dropped. Receivers of equal filters share one, with the
    /// options of the one that came last. A filter is subscribed to with receivers or without: as long
    /// as there is one, a subscription without a receiver changes the options, and the messages are
    /// the receivers' all the same; an [`unsubscribe`](crate::Client::unsubscribe) is followed by
    /// another SUBSCRIBE. The last receiver ends the subscription, whoever made it.
    ///
    /// Of the properties user properties are sent, each time. The subscription identifier, where
    /// the server has them, is the client's own: by it messages find their receivers. It comes of the
    /// filter, is the same in each run of a program, and is one of the numbers from 134,217,728 on:
    /// subscriptions without receivers have smaller ones, if the program numbers them.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let mut commands = client.subscribe("plant/+/cmd", QoS::AtLeastOnce).receiver().await?;
    /// # client.publish("plant/7/cmd", "stop").await?;
    /// while let Some(message) = commands.next().await {
    ///     println!("{}", message.topic());
    /// #   break;
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said: there is no receiver then.
    ///
    /// # Cancel safety
    /// Dropping the future is as dropping the receiver.
    pub async fn receiver(self) -> Result<Receiver<R>, SubscribeError> {
        let mut receiver = Receiver::new(&self)?;
        poll_fn(|cx| receiver.poll_standing(cx)).await?;
        Ok(receiver)
    }
}

/// The messages that match a filter. Made by [`Subscribe::receiver`]; dropped, it unsubscribes.
///
/// A program whose session is to go on when it is started again keeps its receivers until it has
/// disconnected: one that is dropped before takes its subscription out of the session.
///
/// # To whom a message goes
///
/// A message goes to every receiver whose filter it belongs to, once to each. If it belongs to none, it
/// goes to [`queue`](crate::Client::queue) and to callbacks.
///
/// * In 5.0 the server says which subscriptions a message is for (subscription identifiers, 3.3.2.3.8), and
///   the receivers of these get it.
/// * In 3.1.1, and with a server that does not say it, the topic decides: every receiver whose filter
///   matches gets the message ([`TopicFilter::matches`](crate::TopicFilter::matches); of `$share/group/a/b` the filter is `a/b`). A server
///   that sends a copy for each of several overlapping filters makes each receiver get each copy.
/// * What waits in a kept session of an earlier run goes to the receivers of the filters that it was for
///   then, in whatever order the program makes them. If an earlier program had other filters, or was none
///   of this client, what names its subscriptions goes by the topic.
/// * A program that subscribes with and without receivers in 5.0 gets a message that names no
///   subscription from the queue or by callbacks.
///
/// Ask for the queue, or set a callback, before or soon after [`connect`](crate::Client::connect), if such
/// messages may come. If the program has done neither within `response_time`, messages at QoS 1 and 2
/// that no receiver gets are acknowledged, under `manual_ack` too, dropped, and counted in `unclaimed`: they would take the
/// server's window away from the receivers. Those that came before the first receiver are among them,
/// and those that callbacks have left when they were unset: the time begins with that.
///
/// # Acknowledgement and back-pressure
///
/// A QoS 1 or 2 message is acknowledged when the last of its receivers has taken it. Under `manual_ack`
/// the first [`ack`](crate::Client::ack) counts, of whichever receiver, whether or not the others have taken the
/// message; those of the others return false.
///
/// Receivers share the memory of the queue (`queue_len`, `queue_bytes`). When it is full nothing more
/// is read, so a receiver that is not read holds up the others: acknowledgements leave in order. Read
/// each one in a task of its own, or all in one `select`. If nobody takes anything for `response_time`
/// while another receiver waits for a message that may lie behind, reading goes on all the same: the
/// oldest QoS 0 messages make room, which is counted in `discards`, and QoS 1 and 2 messages without
/// room are left to the server.
///
/// What was not taken of a receiver that is dropped goes to the queue or to callbacks, if the program
/// has any; else it is over, and acknowledged, under `manual_ack` too.
pub struct Receiver<R: Runtime> {
    shared: R::Pointer,
    key: u32,
    slot: Option<Slot>,
    /// It ends with this; else with what the program has of it.
    is_owner: bool,
}

impl<R: Runtime> Receiver<R> {
    /// Adds a receiver; its subscription is asked for if there is a connection.
    pub(super) fn new(subscribe: &Subscribe<'_, '_, R>) -> Result<Self, SubscribeError> {
        let (filter, options, properties) = subscribe.wish();
        let filter = filter.map_err(SubscribeError::Filter)?.as_str().into();
        let pairs = properties.user_properties();
        let user_properties = pairs.map(|(name, value)| (name.into(), value.into())).collect();
        let wish = Wish { filter, options, user_properties };
        let shared = subscribe.shared.clone();
        let added = ask(&*shared, |state| {
            if state.closed {
                return Err(SubscribeError::Closed);
            }
            if state.core.is_stream_open() {
                return Err(SubscribeError::StreamOpen);
            }
            state.add_receiver(wish).ok_or(SubscribeError::NoWaiter)
        });
        let key = added.unwrap_or(Err(SubscribeError::Closed))?;
        Ok(Self { shared, key, slot: None, is_owner: true })
    }

    /// What takes the messages of a receiver that the program has, for its callback.
    pub(super) fn for_callback(shared: R::Pointer, key: u32) -> Self {
        Self { shared, key, slot: None, is_owner: false }
    }

    pub(super) fn key(&self) -> u32 {
        self.key
    }

    /// Returns the next message; `None` when all are taken and no more will come: after `disconnect()`,
    /// when the policy has given up, where the driver is gone, and where the server has refused the
    /// filter since.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let mut states = client.subscribe("plant/+/state", QoS::AtLeastOnce).receiver().await?;
    /// client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    /// let message = states.next().await.ok_or("disconnected")?;
    /// assert_eq!(message.payload(), b"running");
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    #[allow(clippy::should_implement_trait)] // It has to be awaited.
    pub fn next(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| self.poll_message(cx))
    }

    /// Returns what the server granted, or why it refused the filter; `None` as long as it has not
    /// answered.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let states = client.subscribe("plant/+/state", QoS::AtLeastOnce).receiver().await?;
    /// let granted = states.granted().ok_or("no answer yet")??;
    /// assert_eq!(granted.qos(), QoS::AtLeastOnce);
    /// # });
    /// ```
    #[must_use]
    pub fn granted(&self) -> Option<Result<Granted, SubscribeError>> {
        ask(&*self.shared, |state| state.receivers()?.granted(self.key)).flatten()
    }

    /// Waits until the subscription stands, or there is no connection.
    pub(super) fn poll_standing(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SubscribeError>> {
        let Self { shared, key, slot, .. } = self;
        let mut poll = Poll::Pending;
        with_state(&**shared, |state| {
            poll = state.poll_standing(*key, slot, cx.waker());
        });
        poll
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_take(cx).map(|taken| taken.map(|(message, _)| message))
    }

    /// Takes the next message, and gives its name too: a callback is done with it only later.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Message, u32)>> {
        let Self { shared, key, slot, is_owner } = self;
        let (mut poll, mut again) = (Poll::Pending, false);
        with_state_at_once(&**shared, |state| {
            if let Some((message, name)) = state.begin_received(*key) {
                if *is_owner {
                    state.finish_received(name, message.token().is_some());
                }
                if let Some(slot) = *slot {
                    state.waiters.change(slot, Wait::Answer); // It does not wait any more.
                }
                poll = Poll::Ready(Some((message, name)));
            } else if state.is_over_for(*key, *is_owner) {
                poll = Poll::Ready(None);
            } else {
                again = state.wait_to_receive(*key, slot, cx.waker());
            }
        });
        if again {
            cx.waker().wake_by_ref();
        }
        poll
    }
}

impl<R: Runtime> Stream for Receiver<R>
where
    R::Pointer: Unpin,
{
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

impl<R: Runtime> Drop for Receiver<R> {
    fn drop(&mut self) {
        let lock = &*self.shared;
        if let Some(slot) = self.slot {
            abandon(lock, slot);
        }
        if self.is_owner {
            with_state(lock, |state| state.remove_receiver(self.key));
        }
    }
}

opaque!(Receiver);

impl State {
    fn poll_standing(
        &mut self,
        key: u32,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Result<(), SubscribeError>> {
        let connected = self.core.is_connected();
        let Some(receivers) = self.receivers() else { return Poll::Ready(Ok(())) };
        let done = match receivers.standing(key, connected) {
            Standing::Settled => Ok(()),
            Standing::Failed(error) => Err(error),
            Standing::Open => match slot.and_then(|slot| self.waiters.outcome(slot)) {
                None => match self.await_standing(key, slot, waker) {
                    true => return Poll::Pending,
                    false => Err(SubscribeError::NoWaiter),
                },
                Some(Outcome::TimedOut | Outcome::NoRoom) => Err(SubscribeError::TimedOut),
                Some(Outcome::Closed) => Err(SubscribeError::Closed),
                Some(_) => Ok(()), // The program has disconnected.
            },
        };
        if let Some(slot) = slot.take() {
            self.abandon(slot);
        }
        if let Some(receivers) = self.receivers() {
            receivers.set_standing(key, None);
        }
        Poll::Ready(done)
    }

    /// The call waits for the server's answer. False if no slot is free.
    fn await_standing(&mut self, key: u32, slot: &mut Option<Slot>, waker: &Waker) -> bool {
        let taken = match *slot {
            Some(taken) => taken,
            None => {
                let Some(taken) = self.waiters.take() else { return false };
                self.limit_wait(taken, None);
                *slot.insert(taken)
            }
        };
        self.waiters.park(taken, Wait::Received, waker);
        if let Some(receivers) = self.receivers() {
            receivers.set_standing(key, Some(taken));
        }
        true
    }

    /// Whether nothing comes any more for a receiver. A callback goes on after a disconnect.
    fn is_over_for(&mut self, key: u32, is_owner: bool) -> bool {
        let is_over = if is_owner { self.is_over() } else { self.closed };
        let ends = |receivers: &mut Dispatch| {
            if is_owner { receivers.is_over(key) } else { !receivers.has(key) }
        };
        is_over || self.receivers().is_none_or(ends)
    }

    /// A receiver waits for a message. Whether it has to look again at once, since nothing would wake
    /// it.
    fn wait_to_receive(&mut self, key: u32, slot: &mut Option<Slot>, waker: &Waker) -> bool {
        let Some(taken) = slot.or_else(|| self.waiters.take()) else {
            return self.wait_without_slot(waker);
        };
        if slot.replace(taken).is_none()
            && let Some(receivers) = self.receivers()
        {
            receivers.set_slot(key, Some(taken));
        }
        self.waiters.park(taken, Wait::Received, waker);
        false
    }
}
