//! Subscriptions whose messages a callback gets.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll};

use super::callbacks::{Callback, CallbackFuture, Registered};
use super::message::{Acknowledge, Message};
use super::receiver::Receiver;
use crate::error::SubscribeError;
use crate::granted::Granted;
use crate::runtime::{Runtime, ask, with_state};
use crate::state::State;
use crate::subscribe::Subscribe;

impl<R: Runtime<Listeners = Registered>> Subscribe<'_, '_, R> {
    /// Calls `callback` with each message that matches the filter, one after the other; those of
    /// several subscriptions run side by side. In all else it is as
    /// [`receiver`](Self::receiver): the subscription ends when what is returned is dropped. A QoS 1
    /// or 2 message is acknowledged when the callback has finished.
    ///
    /// It runs in the task of callbacks, as those of `set_cb_on_event` do: one that needs the client
    /// captures a [`WeakClient`](crate::WeakClient).
    ///
    /// ```
    /// # use mqtt_as_client::{Client, QoS, Registered, Runtime, SubscribeError};
    /// # async fn show<R: Runtime<Listeners = Registered>>(client: &Client<R>)
    /// # -> Result<(), SubscribeError> {
    /// let alarms = client
    ///     .subscribe("plant/+/alarm", QoS::AtLeastOnce)
    ///     .handler(|message| async move { println!("{}", message.topic()) })
    ///     .await?;
    /// // …
    /// drop(alarms); // It unsubscribes.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SubscribeError`] says what to change, or what the server said: there is no subscription
    /// then.
    ///
    /// # Cancel safety
    /// Dropping the future ends the subscription.
    pub async fn handler<F, Fut>(self, callback: F) -> Result<Subscription<R>, SubscribeError>
    where
        F: Fn(Message) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut receiver = Receiver::new(&self)?;
        let callback: Callback<Message> = Arc::new(move |message| Box::pin(callback(message)));
        let handler = NewHandler { key: receiver.key(), callback };
        let mut handler = Some(handler);
        with_state(&**self.shared, |state| {
            if let Some(handler) = handler.take() {
                state.register_handler(handler);
            }
        });
        poll_fn(|cx| receiver.poll_standing(cx)).await?;
        Ok(Subscription(receiver))
    }
}

/// A subscription whose messages a callback gets. Made by [`Subscribe::handler`]; dropped, it
/// unsubscribes.
#[must_use = "it unsubscribes when it is dropped"]
pub struct Subscription<R: Runtime>(Receiver<R>);

impl<R: Runtime> Subscription<R> {
    /// Returns what the server granted, or why it refused the filter; `None` as long as it has not
    /// answered.
    #[must_use]
    pub fn granted(&self) -> Option<Result<Granted, SubscribeError>> {
        self.0.granted()
    }
}

opaque!(Subscription);

/// The callback of a receiver, before the task of callbacks has it.
pub(super) struct NewHandler {
    key: u32,
    callback: Callback<Message>,
}

impl fmt::Debug for NewHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewHandler")
    }
}

/// The callbacks of receivers, as their task has them.
pub(super) struct HandlerCalls<R: Runtime>(Vec<Running<R>>);

struct Running<R: Runtime> {
    receiver: Receiver<R>,
    callback: Callback<Message>,
    /// The call that has begun, the name of its message, and whether that is to be acknowledged.
    call: Option<(CallbackFuture, u32, bool)>,
}

/// Messages of one receiver after which others have their turn.
const MESSAGES: usize = 64;

impl<R: Runtime> HandlerCalls<R> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, shared: &R::Pointer, handlers: Vec<NewHandler>) {
        self.0.extend(handlers.into_iter().map(|NewHandler { key, callback }| {
            let receiver = Receiver::for_callback(shared.clone(), key);
            Running { receiver, callback, call: None }
        }));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with each. Those that get nothing any more are dropped.
    pub(super) fn poll(&mut self, shared: &R::Pointer, cx: &mut Context<'_>) {
        let lock = &**shared;
        self.add(shared, ask(lock, State::take_handlers).unwrap_or_default());
        self.0.retain_mut(|running| running.poll(lock, cx).is_pending());
    }
}

impl<R: Runtime> Running<R> {
    /// Ready when nothing comes any more.
    fn poll(&mut self, lock: &R::Lock, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MESSAGES {
            if let Some((future, name, owes)) = &mut self.call {
                let mut finished = false;
                let caught = R::catch(|| finished = future.as_mut().poll(cx).is_ready());
                if caught && !finished {
                    return Poll::Pending;
                }
                let (name, owes) = (*name, *owes);
                with_state(lock, |state| state.finish_received(name, owes));
                self.call = None;
            }
            match self.receiver.poll_take(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some((message, name))) => {
                    let (callback, owes) = (self.callback.clone(), message.token().is_some());
                    // The callback itself runs at the first poll.
                    let future = Box::pin(async move { callback(message).await });
                    self.call = Some((future, name, owes));
                }
            }
        }
        cx.waker().wake_by_ref(); // Others' turn.
        Poll::Pending
    }
}
