//! The one future under the calls of a handle. Receiving has one of its own, `receive::take`, and
//! streams out have theirs.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::client::Message;
use mqtt_as_proto::{Payload, QoS};

pub(crate) use crate::request::{Done, Operation, Patience, Request};
use crate::runtime::{Lock, ask, with_state};
use crate::waiters::Slot;

/// A call: what is asked for, and the slot in which it waits.
pub(crate) struct Call<'c, 'p, L: Lock> {
    pub(crate) lock: &'c L,
    request: Request<'p>,
    slot: Option<Slot>,
}

impl<'c, 'p, L: Lock> Call<'c, 'p, L> {
    #[inline]
    pub(crate) fn new(lock: &'c L, request: Request<'p>) -> Self {
        Self { lock, request, slot: None }
    }

    /// Waits for the end of what was accepted in that slot.
    pub(crate) fn in_slot(lock: &'c L, slot: Slot) -> Self {
        Self { lock, request: Request::Fate, slot: Some(slot) }
    }

    /// The slot of what was accepted, which is the caller's from here on.
    pub(crate) fn take_slot(&mut self) -> Option<Slot> {
        self.slot.take()
    }

    pub(crate) fn request(&self) -> &Request<'p> {
        &self.request
    }

    /// Changes the message to publish.
    #[inline]
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Message<'p>, &mut Patience)) {
        if let Request::Publish(message, patience) = &mut self.request {
            change(message, patience);
        }
    }

    /// Publishes now or not at all, with that for the payload.
    pub(crate) fn try_publish(&self, payload: Option<Payload<'_>>) -> Done {
        match self.request {
            Request::Publish(message, _) => {
                let message = Message { payload: payload.unwrap_or(message.payload), ..message };
                ask(self.lock, |state| state.try_publish(&message)).unwrap_or(Done::CLOSED)
            }
            Request::Mistaken(error) => Done::Mistaken(error),
            _ => Done::CLOSED,
        }
    }

    /// Polls a publish, with that for the payload.
    #[inline]
    pub(crate) fn poll_publish(
        &mut self,
        payload: Option<Payload<'_>>,
        cx: &Context<'_>,
    ) -> Poll<Done> {
        if let Request::Publish(message, patience) = &self.request {
            if let Some(payload) = payload {
                let mut request = Request::Publish(Message { payload, ..*message }, *patience);
                return poll(self.lock, &mut request, &mut self.slot, cx.waker());
            }
            if message.qos == QoS::AtMostOnce
                && self.slot.is_none()
                && let Some(done) = publish_straight(self.lock, message)
            {
                return Poll::Ready(done);
            }
        }
        self.poll_call(cx)
    }

    #[inline]
    pub(crate) fn poll_call(&mut self, cx: &Context<'_>) -> Poll<Done> {
        poll(self.lock, &mut self.request, &mut self.slot, cx.waker())
    }
}

impl<L: Lock> Future for Call<'_, '_, L> {
    type Output = Done;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        self.poll_call(cx)
    }
}

impl<L: Lock> Drop for Call<'_, '_, L> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            abandon(self.lock, slot);
        }
    }
}

/// QoS 0 with a connection: straight into the outbox. None if it has to wait.
#[inline(never)]
fn publish_straight(lock: &dyn Lock, message: &Message<'_>) -> Option<Done> {
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

/// The call that has this slot goes away.
#[inline(never)]
pub(crate) fn abandon(lock: &dyn Lock, slot: Slot) {
    with_state(lock, |state| state.abandon(slot));
}

fn poll(
    lock: &dyn Lock,
    request: &mut Request<'_>,
    slot: &mut Option<Slot>,
    waker: &Waker,
) -> Poll<Done> {
    let (mut poll, mut again) = (Poll::Pending, false);
    with_state(lock, |state| {
        poll = state.step(request, slot, waker);
        if matches!(poll, Poll::Ready(Done::NoWaiter)) && request.looks_again() {
            again = state.wait_without_slot(waker);
            poll = Poll::Pending;
        }
    });
    if again {
        waker.wake_by_ref();
    }
    poll
}
