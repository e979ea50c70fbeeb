//! Taking messages out of the core, and what follows from it.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::AckToken;
use mqtt_as_proto::client::{Consumer, Stored};

use super::TooSmall;
#[cfg(feature = "alloc")]
use super::message::Acknowledge;
use super::message::Copied;
use crate::call::{Done, abandon};
use crate::runtime::{Lock, with_state_at_once};
use crate::state::State;
use crate::waiters::{Slot, Wait};

/// Waits for messages, or pieces of one, until `take` has taken what it wants; `None` if nothing
/// comes any more.
pub(crate) struct Taking<'q, L: Lock, F> {
    lock: &'q L,
    wait: Wait,
    slot: Option<Slot>,
    take: F,
}

impl<'q, L: Lock, F> Taking<'q, L, F> {
    #[inline]
    pub(crate) fn new<T>(lock: &'q L, wait: Wait, take: F) -> Self
    where
        F: FnMut(&mut State) -> Option<T> + Unpin,
    {
        Self { lock, wait, slot: None, take }
    }
}

impl<T, L: Lock, F: FnMut(&mut State) -> Option<T> + Unpin> Future for Taking<'_, L, F> {
    type Output = Option<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { lock, wait, slot, take } = &mut *self;
        poll_take(*lock, *wait, slot, take, cx)
    }
}

#[inline]
fn poll_take<T, L: Lock>(
    lock: &L,
    wait: Wait,
    slot: &mut Option<Slot>,
    take: &mut impl FnMut(&mut State) -> Option<T>,
    cx: &Context<'_>,
) -> Poll<Option<T>> {
    let (mut poll, mut again) = (Poll::Pending, false);
    with_state_at_once(lock, |state| {
        if let Some(taken) = take(state) {
            poll = Poll::Ready(Some(taken));
            state.found(slot);
        } else if let Some(is_again) = state.wait_to_take(wait, slot, cx.waker()) {
            again = is_again;
        } else {
            poll = Poll::Ready(None);
        }
    });
    if again {
        cx.waker().wake_by_ref();
    }
    poll
}

impl<L: Lock, F> Drop for Taking<'_, L, F> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            abandon(self.lock, slot);
        }
    }
}

#[cfg(feature = "alloc")]
pub(crate) use parked::Parked;

#[cfg(not(feature = "alloc"))]
pub(crate) use no_stream::Parked;

#[cfg(feature = "alloc")]
mod parked {
    use super::{Context, Lock, Poll, Slot, State, Wait, abandon, poll_take};

    /// How a stream waits between its polls.
    pub(crate) struct Parked<'q, L: Lock> {
        lock: &'q L,
        slot: Option<Slot>,
    }

    impl<'q, L: Lock> Parked<'q, L> {
        #[inline]
        pub(crate) fn new(lock: &'q L) -> Self {
            Self { lock, slot: None }
        }

        /// Takes what there is, or waits for it; `None` if nothing comes any more.
        pub(crate) fn poll<T>(
            &mut self,
            wait: Wait,
            mut take: impl FnMut(&mut State) -> Option<T>,
            cx: &Context<'_>,
        ) -> Poll<Option<T>> {
            poll_take(self.lock, wait, &mut self.slot, &mut take, cx)
        }
    }

    impl<L: Lock> Drop for Parked<'_, L> {
        #[inline]
        fn drop(&mut self) {
            if let Some(slot) = self.slot {
                abandon(self.lock, slot);
            }
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod no_stream {
    use core::marker::PhantomData;

    /// There are no streams.
    pub(crate) struct Parked<'q, L>(PhantomData<&'q L>);

    impl<'q, L> Parked<'q, L> {
        #[inline]
        pub(crate) fn new(_: &'q L) -> Self {
            Self(PhantomData)
        }
    }
}

impl State {
    /// The call has what it waited for; others may take what is left.
    #[inline]
    fn found(&mut self, slot: &mut Option<Slot>) {
        if let Some(slot) = slot.take() {
            self.abandon(slot);
        }
        self.wake_consumers();
    }

    /// The call waits; whether it has to look again at once, since nothing would wake
    /// it. `None` if nothing comes any more.
    #[inline(never)]
    fn wait_to_take(&mut self, wait: Wait, slot: &mut Option<Slot>, waker: &Waker) -> Option<bool> {
        let over = wait == Wait::Message && self.is_over();
        match self.wait_for(wait, over.then_some(Done::Found(false)), slot, waker) {
            Poll::Pending => Some(false),
            Poll::Ready(Done::NoWaiter) => Some(self.wait_without_slot(waker)),
            Poll::Ready(_) => None,
        }
    }

    /// Takes the next whole message of the queue, if one is there. Those that come as streams are
    /// passed over.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(super) fn take_message(&mut self) -> Option<super::Message> {
        let mut message = None;
        if !self.take_first(&mut message) {
            self.take_behind_streams(&mut message);
        }
        if let Some(message) = &message {
            self.taken(message.token().is_some());
        }
        message
    }

    #[cfg(feature = "alloc")]
    #[inline]
    fn take_first(&mut self, message: &mut Option<super::Message>) -> bool {
        let Self { core, kept, .. } = self;
        core.take(Consumer::Queue, |stored| {
            let whole = !stored.is_stream();
            if whole {
                *message = Some(super::Message::new(stored, &mut kept.chunks));
            }
            whole
        })
    }

    #[cfg(feature = "alloc")]
    #[cold]
    #[inline(never)]
    fn take_behind_streams(&mut self, message: &mut Option<super::Message>) {
        if self.core.next(Consumer::Queue).is_some_and(|stored| stored.is_stream()) {
            self.core.pass_streams();
            self.taken(true);
            self.take_first(message);
        }
    }

    /// Takes the next message of the queue into a buffer. Tells what does not fit.
    pub(super) fn take_into(&mut self, buffer: &mut [u8]) -> Option<Result<Copied, TooSmall>> {
        let mut result = None;
        self.core
            .take(Consumer::Queue, |stored| result.insert(copy_message(stored, buffer)).is_ok());
        if let Some(Ok(copied)) = &result {
            self.taken(copied.token.is_some());
        }
        result
    }

    /// Begins with the next message of the callbacks.
    #[cfg(feature = "alloc")]
    pub(super) fn begin_message(&mut self) -> Option<super::Message> {
        let stored = self.core.next(Consumer::Callbacks)?;
        let message = super::Message::new(&stored, &mut self.kept.chunks);
        self.core.begin(Consumer::Callbacks);
        Some(message)
    }

    /// Copies the next message of the callbacks to a buffer and begins with it. Tells what does not
    /// fit.
    pub(super) fn begin_in(&mut self, buffer: &mut [u8]) -> Option<Result<Copied, TooSmall>> {
        let copied = copy_message(&self.core.next(Consumer::Callbacks)?, buffer);
        if copied.is_ok() {
            self.core.begin(Consumer::Callbacks);
        }
        Some(copied)
    }

    /// Messages were taken: one may have to be acknowledged, and there may be room for others.
    #[inline]
    pub(super) fn taken(&mut self, owes: bool) {
        self.kept.note_taken();
        if owes {
            self.notify_write();
        }
        self.notify_read();
    }

    /// The callbacks are done with a message that they began with.
    pub(super) fn finish_message(&mut self, token: Option<AckToken>) {
        if let Some(token) = token {
            self.core.finish(Consumer::Callbacks, token);
        }
        self.taken(token.is_some());
    }
}

/// Copies a whole message to a buffer.
fn copy_message(stored: &Stored<'_>, buffer: &mut [u8]) -> Result<Copied, TooSmall> {
    let packet = stored.packet();
    if stored.is_stream() {
        let needed = packet.len() + stored.payload_len();
        return Err(TooSmall { needed, given: buffer.len() });
    }
    copy_to(packet, stored, buffer)
}

/// Copies the packet of a message, or its header, to a buffer.
pub(super) fn copy_to(
    packet: &[u8],
    stored: &Stored<'_>,
    buffer: &mut [u8],
) -> Result<Copied, TooSmall> {
    let (needed, given) = (packet.len(), buffer.len());
    let place = buffer.get_mut(..needed).ok_or(TooSmall { needed, given })?;
    mqtt_as_proto::wire::copy(place, packet);
    Ok(Copied { len: needed, token: stored.token(), version: stored.version() })
}
