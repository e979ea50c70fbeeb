//! The callbacks of receivers, called by the task of callbacks.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::task::{Context, Poll};

use super::callback::{Callback, CallbackFuture};
use super::message::{Acknowledge, Message};
use super::receiver::Receiver;
use crate::runtime::{Runtime, ask, with_state};

/// The callback of a receiver, before the task of callbacks has it.
pub(super) struct NewHandler {
    key: u32,
    callback: Callback<Message>,
}

impl NewHandler {
    pub(super) fn new(key: u32, callback: Callback<Message>) -> Self {
        Self { key, callback }
    }
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
        let new = ask(lock, |state| state.take_handlers(cx));
        self.add(shared, new.unwrap_or_default());
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
