//! Taking messages out of the core, and what follows from it.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::AckToken;
use mqtt_as_proto::client::{Consumer, Stored};

use super::TooSmall;
use super::message::Copied;
use crate::call::{Done, abandon};
use crate::runtime::{Lock, with_state_at_once};
use crate::state::State;
use crate::waiters::{Slot, Wait};

/// Waits for messages, or pieces of one, until `take` has taken what it wants, and put it where the
/// caller wants it; `None` if nothing comes any more.
pub(crate) struct Taking<'q, L: Lock, T, F> {
    lock: &'q L,
    wait: Wait,
    slot: Option<Slot>,
    take: F,
    taken: PhantomData<fn() -> T>,
}

impl<'q, L: Lock, T, F> Taking<'q, L, T, F> {
    #[inline]
    pub(crate) fn new(lock: &'q L, wait: Wait, take: F) -> Self
    where
        F: FnMut(&mut State, &mut Taken<T>) + Unpin,
    {
        Self { lock, wait, slot: None, take, taken: PhantomData }
    }
}

/// Where that is put: nothing is there before.
pub(super) type Taken<T> = Poll<Option<T>>;

/// Puts what was taken there.
pub(super) fn put<T>(
    mut take: impl FnMut(&mut State) -> Option<T>,
) -> impl FnMut(&mut State, &mut Taken<T>) {
    move |state, place| {
        if let Some(taken) = take(state) {
            *place = Poll::Ready(Some(taken));
        }
    }
}

impl<T, L, F> Future for Taking<'_, L, T, F>
where
    L: Lock,
    F: FnMut(&mut State, &mut Taken<T>) + Unpin,
{
    type Output = Option<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { lock, wait, slot, take, .. } = &mut *self;
        poll_take(*lock, *wait, slot, take, cx)
    }
}

#[inline]
fn poll_take<T, L: Lock>(
    lock: &L,
    wait: Wait,
    slot: &mut Option<Slot>,
    take: &mut impl FnMut(&mut State, &mut Taken<T>),
    cx: &Context<'_>,
) -> Poll<Option<T>> {
    let (mut poll, mut again) = (Poll::Pending, false);
    with_state_at_once(lock, |state| {
        take(state, &mut poll);
        if poll.is_ready() {
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

impl<L: Lock, T, F> Drop for Taking<'_, L, T, F> {
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
    use super::{Context, Lock, Poll, Slot, State, Taken, Wait, abandon, poll_take};

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
            mut take: impl FnMut(&mut State, &mut Taken<T>),
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
    pub(super) fn take_message(&mut self, place: &mut Taken<super::Message>) {
        self.take_whole(|message| *place = Poll::Ready(Some(message)));
    }

    /// Takes that many of them at most. Gives how many those were.
    #[cfg(feature = "alloc")]
    pub(super) fn take_many(&mut self, into: &mut Vec<super::Message>, max: usize) -> usize {
        let mut taken = 0;
        while taken < max && self.take_whole(|message| into.push(message)) {
            taken += 1;
        }
        taken
    }

    #[cfg(feature = "alloc")]
    #[inline(always)] // For each message.
    fn take_whole(&mut self, mut put: impl FnMut(super::Message)) -> bool {
        loop {
            let Self { core, kept, .. } = self;
            let mut owes = false;
            let is_taken = core.take(Consumer::Queue, |stored| {
                let whole = !stored.is_stream();
                if whole {
                    owes = stored.token().is_some();
                    put(super::Message::new(stored, &mut kept.chunks));
                }
                whole
            });
            if is_taken {
                self.taken(owes);
                return true;
            }
            if !self.passes_streams() {
                return false;
            }
        }
    }

    /// Whether there was a message that comes as a stream, and is passed over.
    #[cfg(feature = "alloc")]
    #[cold]
    #[inline(never)]
    fn passes_streams(&mut self) -> bool {
        let passes = self.core.next(Consumer::Queue).is_some_and(|stored| stored.is_stream());
        if passes {
            self.core.pass_streams();
            self.taken(true);
        }
        passes
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
        self.begin_next();
        Some(message)
    }

    /// Copies the next message of the callbacks to a buffer and begins with it. Tells what does not
    /// fit.
    pub(super) fn begin_in(&mut self, buffer: &mut [u8]) -> Option<Result<Copied, TooSmall>> {
        let copied = copy_message(&self.core.next(Consumer::Callbacks)?, buffer);
        if copied.is_ok() {
            self.begin_next();
        }
        Some(copied)
    }

    /// Callbacks begin with their next message: one at QoS 0 makes room with that, however long they
    /// take.
    fn begin_next(&mut self) {
        if self.core.begin(Consumer::Callbacks).is_none() {
            self.taken(false);
        }
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
