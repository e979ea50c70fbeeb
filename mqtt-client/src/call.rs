//! The one future under the calls of a handle. Receiving has one of its own, `receive::take`, and
//! streams out have theirs.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

pub(crate) use crate::request::{Done, Operation, Patience};
use crate::runtime::{Lock, with_state, with_state_at_once};
use crate::waiters::Slot;
use crate::words::Words;

/// A call: what is asked for, and the slot in which it waits.
pub(crate) struct Call<'c, L: Lock, O> {
    pub(crate) lock: &'c L,
    pub(crate) operation: O,
    pub(crate) slot: Option<Slot>,
}

impl<'c, L: Lock, O> Call<'c, L, O> {
    #[inline]
    pub(crate) fn new(lock: &'c L, operation: O) -> Self {
        Self { lock, operation, slot: None }
    }
}

impl<L: Lock, O> Call<'_, L, O> {
    /// What the server said to the operation that is over.
    pub(crate) fn take_words(&mut self) -> Words {
        take_words(self.lock, &mut self.slot)
    }
}

/// What the server said to the operation whose call has that slot, which is free then.
pub(crate) fn take_words(lock: &dyn Lock, slot: &mut Option<Slot>) -> Words {
    let mut words = Words::NONE;
    if Words::ARE_KEPT
        && let Some(slot) = slot.take()
    {
        with_state(lock, |state| {
            words = state.waiters.take_words(slot);
            state.abandon(slot);
        });
    }
    words
}

impl<L: Lock, O: Operation> Future for Call<'_, L, O> {
    type Output = Done;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let Self { lock, operation, slot } = &mut *self;
        poll(*lock, operation, slot, cx.waker())
    }
}

impl<L: Lock, O> Drop for Call<'_, L, O> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            abandon(self.lock, slot);
        }
    }
}

/// The call that has this slot goes away.
#[inline(never)]
pub(crate) fn abandon(lock: &dyn Lock, slot: Slot) {
    with_state(lock, |state| state.abandon(slot));
}

/// The same where it is done for each message: more code, and fewer calls.
#[cfg_attr(feature = "alloc", inline)]
#[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
pub(crate) fn poll_at_once<L: Lock>(
    lock: &L,
    operation: &impl Operation,
    slot: &mut Option<Slot>,
    waker: &Waker,
) -> Poll<Done> {
    let mut poll = Poll::Pending;
    with_state_at_once(lock, |state| poll = operation.step(state, slot, waker));
    poll
}

pub(crate) fn poll(
    lock: &dyn Lock,
    operation: &dyn Operation,
    slot: &mut Option<Slot>,
    waker: &Waker,
) -> Poll<Done> {
    let (mut poll, mut again) = (Poll::Pending, false);
    with_state(lock, |state| {
        poll = operation.step(state, slot, waker);
        if matches!(poll, Poll::Ready(Done::NoWaiter)) && operation.looks_again() {
            again = state.wait_without_slot(waker);
            poll = Poll::Pending;
        }
    });
    if again {
        waker.wake_by_ref();
    }
    poll
}
