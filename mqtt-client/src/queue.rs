//! How a program takes received messages out of the queue.

use core::future::poll_fn;
use core::task::Poll;

use mqtt_as_proto::{AckToken, Version};

use crate::client::Client;
use crate::inbox::{Consumer, Inbox};
#[cfg(feature = "alloc")]
use crate::message::Message;
use crate::message::{MessageRef, decode};
use crate::place::Place;
use crate::shared::State;
use crate::stream_in::MessageStream;
use crate::traits::Runtime;
use crate::waiter::{Event, Slot, Wait};
use crate::window::Head;

/// The received messages, for [`Client::queue`].
///
/// Several consumers may share the queue: each message goes to one of them. A QoS 1 or 2 message
/// is acknowledged when it is taken, unless the setting `manual_ack` leaves that to the program.
#[derive(Debug)]
pub struct Queue<'c, R: Runtime> {
    client: &'c Client<R>,
}

impl<'c, R: Runtime> Queue<'c, R> {
    pub(crate) fn new(client: &'c Client<R>) -> Self {
        client.act(|state| state.inbox.activate(Consumer::Queue));
        Self { client }
    }

    /// The next message; `None` after `disconnect()` or the driver's end, when all are taken.
    ///
    /// Where no waiter slot is free, it looks again every 10 ms.
    ///
    /// Under the setting `largest_stream` it passes over messages that come as streams: they are
    /// skipped, acknowledged, and counted in `too_large`.
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    #[cfg(feature = "alloc")]
    pub async fn next(&mut self) -> Option<Message> {
        self.wait(true, Inbox::message).await
    }

    /// As `next`, into a buffer of the program's.
    ///
    /// # Errors
    /// [`TooSmall`] if the buffer cannot hold the message, which stays at the front of the queue. One
    /// that comes as a stream never fits: it is for [`next_stream`](Self::next_stream).
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    pub async fn next_into<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> Result<Option<MessageRef<'b>>, TooSmall> {
        let taken =
            self.wait(false, |inbox, index, version| inbox.copy(index, buffer, version)).await;
        match taken {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok((len, token, version))) => {
                let publish = decode(buffer.get(..len).unwrap_or_default(), version);
                Ok(publish.map(|publish| MessageRef { publish, token }))
            }
        }
    }

    /// The next message, whatever its size, to be read piece by piece. Its header, with topic and
    /// properties, is put into `header`.
    ///
    /// # Errors
    /// [`TooSmall`] if the buffer cannot hold the header of the message, which stays at the front of
    /// the queue.
    ///
    /// # Cancel safety
    /// Dropping the future takes no message.
    pub async fn next_stream<'b>(
        &mut self,
        header: &'b mut [u8],
    ) -> Result<Option<MessageStream<'c, 'b, R>>, TooSmall> {
        let taken = self.wait(false, |inbox, index, version| inbox.head(index, header, version));
        match taken.await {
            None => Ok(None),
            Some(Err(error)) => Err(error),
            Some(Ok(head)) => Ok(MessageStream::new(self.client, head, header)),
        }
    }

    /// Waits for a message and takes it, or passes over those that come as streams.
    async fn wait<T: Taken>(
        &mut self,
        pass_streams: bool,
        mut take: impl FnMut(&Inbox, Place, Version) -> T,
    ) -> Option<T> {
        loop {
            match self.wait_in_slot(pass_streams, &mut take).await {
                Ok(taken) => return taken,
                Err(NoSlot) => R::sleep_until(R::now().after(LOOK_AGAIN)).await,
            }
        }
    }

    /// Waits for a message, to be woken through a waiter slot.
    async fn wait_in_slot<T: Taken>(
        &mut self,
        pass_streams: bool,
        take: &mut impl FnMut(&Inbox, Place, Version) -> T,
    ) -> Result<Option<T>, NoSlot> {
        let mut waiting = Waiting { client: self.client, slot: None };
        poll_fn(|cx| {
            let slot = &mut waiting.slot;
            let (poll, _old) = self.client.act(|state| {
                let version = state.core.config().version;
                if pass_streams {
                    state.pass_streams();
                }
                if let Some(index) = state.inbox.front(Consumer::Queue) {
                    let taken = take(&state.inbox, index, version);
                    if taken.is_taken() {
                        taken.settle(state, index);
                        state.wake_next_consumer();
                    }
                    return (Poll::Ready(Ok(Some(taken))), None);
                }
                if state.is_over() {
                    return (Poll::Ready(Ok(None)), None);
                }
                if slot.is_none() {
                    *slot = state.waiters.take(Wait::Event(Event::Message));
                }
                match *slot {
                    Some(slot) => (Poll::Pending, state.waiters.register(slot, cx.waker())),
                    None => (Poll::Ready(Err(NoSlot)), None),
                }
            });
            poll
        })
        .await
    }
}

/// Nobody can be woken through it: all waiter slots are taken.
pub(crate) struct NoSlot;

/// Milliseconds after which a consumer that found no waiter slot looks again.
pub(crate) const LOOK_AGAIN: u64 = 10;

/// Whether a message was taken out of the queue.
trait Taken {
    fn is_taken(&self) -> bool {
        true
    }

    fn settle<R: Runtime>(&self, state: &mut State<R>, index: Place) {
        state.take(index, Consumer::Queue);
    }
}

/// A message that is read piece by piece is taken at its end.
impl Taken for Result<Head, TooSmall> {
    fn is_taken(&self) -> bool {
        self.is_ok()
    }

    fn settle<R: Runtime>(&self, state: &mut State<R>, index: Place) {
        state.inbox.hold(index);
    }
}

#[cfg(feature = "alloc")]
impl Taken for Message {}

impl Taken for Result<(usize, Option<AckToken>, Version), TooSmall> {
    fn is_taken(&self) -> bool {
        self.is_ok()
    }
}

/// Frees the slot when the future is dropped, and passes a wake-up on that came too late.
struct Waiting<'c, R: Runtime> {
    client: &'c Client<R>,
    slot: Option<Slot>,
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let waker = self.client.act(|state| {
            let waker = state.waiters.free(slot);
            if state.inbox.front(Consumer::Queue).is_some() {
                state.waiters.wake_consumer();
            }
            waker
        });
        drop(waker);
    }
}

/// The program's buffer is too small for the message. Where `given` is not less than `needed`, the
/// message comes as a stream, and no buffer is large enough: `Queue::next_stream` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooSmall {
    /// Bytes of the message's packet, or of its header for `Queue::next_stream`.
    pub needed: usize,
    /// Bytes of the buffer.
    pub given: usize,
}

impl core::fmt::Display for TooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { needed, given } = self;
        if needed <= given {
            return write!(f, "the message of {needed} bytes comes as a stream: use next_stream");
        }
        write!(f, "the message takes {needed} bytes, the buffer has {given}: give a larger one")
    }
}

impl core::error::Error for TooSmall {}
