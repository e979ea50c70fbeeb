//! Subscriptions whose messages a callback gets.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};

use super::callback::Callback;
use super::callbacks::Registered;
use super::handler_calls::NewHandler;
use super::message::Message;
use super::receiver::Receiver;
use crate::error::SubscribeError;
use crate::granted::Granted;
use crate::runtime::{Runtime, with_state};
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
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let alarms = client
    ///     .subscribe("plant/+/alarm", QoS::AtLeastOnce)
    ///     .handler(|message| async move { println!("{}", message.topic()) })
    ///     .await?;
    /// // …
    /// drop(alarms); // It unsubscribes.
    /// # });
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
        let handler = NewHandler::new(receiver.key(), callback);
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
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let alarms = client.subscribe("plant/+/alarm", QoS::AtLeastOnce);
    /// let alarms = alarms.handler(|message| async move { println!("{}", message.topic()) }).await?;
    /// let granted = alarms.granted().ok_or("no answer yet")??;
    /// assert_eq!(granted.qos(), QoS::AtLeastOnce);
    /// # });
    /// ```
    #[must_use]
    pub fn granted(&self) -> Option<Result<Granted, SubscribeError>> {
        self.0.granted()
    }
}

opaque!(Subscription);
