//! Reading a message of any length through a small buffer: piece by piece.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{AckToken, Instant, Properties, QoS, ReasonCode};

use crate::client::{Client, Held};
use crate::error::StreamError;
use crate::inbox::Consumer;
use crate::loops::Loop;
use crate::place::Place;
use crate::queue::{LOOK_AGAIN, NoSlot};
use crate::shared::State;
use crate::traits::Runtime;
use crate::waiter::{Event, Slot, Wait};
use crate::window::{Cut, Head, Look, decode_head};

/// A received message whose payload is read piece by piece. Made by `Queue::next_stream`.
///
/// It is taken, and acknowledged unless the setting `manual_ack` leaves that to the program, when
/// its last byte has been read. Dropped before a byte was read, or if it is there whole, it stays at
/// the front of the queue. Else a part of it is gone: at QoS 1 and 2 the link is closed
/// ([`DownReason::StreamNotTaken`](crate::DownReason::StreamNotTaken)), and the server sends the
/// message again; at QoS 0 the rest is skipped, and counted in `discards`.
///
/// A message larger than the maximum packet size blocks all that comes behind it. While it is not
/// all there, a call that would wait for an answer fails with `StreamOpen`. If nothing is read for
/// the response time, it is as if the stream had been dropped.
pub struct MessageStream<'c, 'b, R: Runtime> {
    client: &'c Client<R>,
    publish: Publish<'b>,
    head: Head,
    /// Bytes that were read.
    read: usize,
    /// It is taken.
    done: bool,
}

impl<'c, 'b, R: Runtime> MessageStream<'c, 'b, R> {
    /// The message that the state holds for it.
    pub(crate) fn new(client: &'c Client<R>, head: Head, header: &'b [u8]) -> Option<Self> {
        let header = header.get(..head.len).unwrap_or_default();
        let Some(publish) = decode_head(header, head.version) else {
            client.act(|state| state.put_back(head.index));
            return None;
        };
        Some(Self { client, publish, head, read: 0, done: false })
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &'b str {
        self.publish.topic.as_str()
    }

    /// The QoS at which it came.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.publish.delivery.qos()
    }

    /// Whether it was a retained message.
    #[must_use]
    pub fn retain(&self) -> bool {
        self.publish.retain
    }

    /// Its properties, 5.0 only.
    #[must_use]
    pub fn properties(&self) -> Properties<'b> {
        self.publish.properties
    }

    /// Bytes of the whole payload.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.head.payload
    }

    pub(crate) fn token(&self) -> Option<AckToken> {
        self.head.token
    }

    /// Reads the next bytes of the payload, and gives how many; 0 at its end, or for no buffer.
    ///
    /// # Errors
    /// [`StreamError`] if the rest will not come.
    ///
    /// # Cancel safety
    /// If the future is dropped before it gives a number, it has read nothing.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        if self.done || (buffer.is_empty() && self.head.payload != 0) {
            return Ok(0);
        }
        loop {
            match self.read_in_slot(buffer).await {
                Ok(read) => {
                    let (taken, done) = read?;
                    self.read += taken;
                    self.done = done;
                    return Ok(taken);
                }
                Err(NoSlot) => R::sleep_until(R::now().after(LOOK_AGAIN)).await,
            }
        }
    }

    /// Waits for bytes, to be woken through a waiter slot.
    async fn read_in_slot(&self, buffer: &mut [u8]) -> Result<Read, NoSlot> {
        let mut held = Held { client: self.client, slot: None };
        let (head, before) = (self.head, self.read);
        poll_fn(|cx| {
            let slot = &mut held.slot;
            let (poll, _old) =
                self.client.act(|state| state.poll_read(&head, before, buffer, slot, cx));
            poll
        })
        .await
    }

    /// Takes the message without reading the rest of it.
    pub fn skip(mut self) {
        if !core::mem::replace(&mut self.done, true) {
            self.client.act(|state| {
                if state.inbox.is_cut(self.head.index) {
                    state.inbox.finish_reading(self.head.index);
                    return;
                }
                state.skip_rest(self.head.index);
                state.finish_reading(self.head.index);
                state.settle();
            });
        }
    }
}

impl<R: Runtime> Drop for MessageStream<'_, '_, R> {
    fn drop(&mut self) {
        if !self.done {
            self.client.act(|state| state.leave_reading(self.head.index, self.read != 0));
        }
    }
}

impl<R: Runtime> fmt::Debug for MessageStream<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream")
            .field("publish", &self.publish)
            .field("payload_len", &self.head.payload)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

/// How many bytes were read, and whether the message is taken.
type Read = Result<(usize, bool), StreamError>;
type Step = (Poll<Result<Read, NoSlot>>, Option<Waker>);

impl<R: Runtime> State<R> {
    fn poll_read(
        &mut self,
        head: &Head,
        before: usize,
        buffer: &mut [u8],
        slot: &mut Option<Slot>,
        cx: &Context<'_>,
    ) -> Step {
        match self.inbox.read(head.index, head.len + before, buffer) {
            Look::Bytes(taken) => {
                let done = before + taken == head.payload;
                self.restart_stalled();
                self.loops.notify(Loop::Read);
                if done {
                    self.finish_reading(head.index);
                }
                (Poll::Ready(Ok(Ok((taken, done)))), None)
            }
            Look::Cut(Cut::Lost) => (Poll::Ready(Ok(Err(StreamError::Lost))), None),
            Look::Cut(Cut::Late) => (Poll::Ready(Ok(Err(StreamError::TimedOut))), None),
            Look::Wait => {
                if slot.is_none() {
                    *slot = self.waiters.take(Wait::Event(Event::Piece));
                }
                self.link.reader = *slot;
                match *slot {
                    Some(slot) => (Poll::Pending, self.waiters.register(slot, cx.waker())),
                    None => (Poll::Ready(Err(NoSlot)), None),
                }
            }
        }
    }

    /// The reader is done with the message, which may have to be acknowledged.
    fn finish_reading(&mut self, index: Place) {
        let token = self.inbox.finish_reading(index);
        self.taken(token);
    }

    /// A message stays at the front of the queue.
    fn put_back(&mut self, index: Place) {
        self.inbox.put_back(index);
        self.wake_next_consumer();
    }

    /// The reader goes away before the end. Of what came piece by piece a part may be gone.
    fn leave_reading(&mut self, index: Place, begun: bool) {
        if self.inbox.is_cut(index) {
            self.inbox.finish_reading(index);
            return;
        }
        match self.inbox.stream(index) {
            Some(_) if begun => {
                self.refuse(index);
                self.inbox.finish_reading(index);
                self.settle();
            }
            _ => self.put_back(index),
        }
    }

    /// A message of which a part is gone: it comes again, or at QoS 0 is lost.
    fn refuse(&mut self, index: Place) {
        let Some(token) = self.inbox.stream(index).flatten() else {
            self.skip_rest(index);
            self.inbox.discards += 1;
            return;
        };
        let was_up = self.core.is_connected();
        let error = self.core.refuse_stream(token);
        if was_up {
            self.close_for(error);
        }
    }

    /// What has still to come of that message is not wanted.
    fn skip_rest(&mut self, index: Place) {
        if self.inbox.streaming == Some(index) {
            self.core.skip_stream();
            self.link.stalled = None;
            self.loops.notify(Loop::Read);
        }
    }

    /// There is no place for a message that comes as a stream, or nobody who could take it.
    pub(crate) fn decline(&mut self, token: Option<AckToken>) {
        self.core.skip_stream();
        if self.inbox.has_callbacks_only() {
            self.statistics.too_large += 1;
        }
        if let Some(token) = token {
            self.core.acknowledge(token, ReasonCode::SUCCESS);
            self.notify_write();
        }
    }

    /// Messages at the front that come as streams are passed over: their consumer takes whole ones.
    pub(crate) fn pass_streams(&mut self) {
        while let Some(index) = self.inbox.front(Consumer::Queue) {
            let Some(token) = self.inbox.stream(index) else { return };
            self.skip_rest(index);
            self.inbox.remove(index);
            self.statistics.too_large += 1;
            if let Some(token) = token {
                self.core.acknowledge(token, ReasonCode::SUCCESS);
                self.notify_write();
            }
        }
    }

    /// What fits of the input, as long as anybody wants it.
    pub(crate) fn fitting<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        if self.core.is_connected() { self.inbox.fitting(input) } else { input }
    }

    pub(crate) fn wake_reader(&mut self) {
        if let Some(slot) = self.link.reader {
            self.waiters.wake_slot(slot);
        }
    }

    /// The connection is gone: what was not all there comes again.
    pub(crate) fn cut_stream(&mut self) {
        self.link.stalled = None;
        if let Some(index) = self.inbox.streaming {
            self.inbox.cut(index, Cut::Lost);
        }
        self.wake_reader();
    }

    /// Reading waits for the reader of a message, or goes on.
    pub(crate) fn watch_stream(&mut self, now: Instant) {
        let time = u64::from(self.core.config().response_time);
        if !self.inbox.is_window_full() {
            self.link.stalled = None;
        } else if time != 0 && self.link.stalled.is_none() {
            self.link.stalled = Some(now.after(time));
            self.notify_deadline();
        }
    }

    /// A message was taken, or a part of one: reading waits anew, if it still has to.
    pub(crate) fn restart_stalled(&mut self) {
        if self.link.stalled.take().is_some() {
            self.watch_stream(R::now());
        }
    }

    /// Nobody has read the message on for the response time: nothing waits for it any longer.
    pub(crate) fn end_stalled(&mut self, now: Instant) {
        if self.link.stalled.is_none_or(|at| at > now) {
            return;
        }
        self.link.stalled = None;
        let Some(index) = self.inbox.streaming else { return };
        if self.inbox.has_callbacks_only() {
            self.skip_rest(index);
            let token = self.inbox.stream(index).flatten();
            self.decline(token);
        } else {
            self.refuse(index);
        }
        self.inbox.cut(index, Cut::Late);
        self.wake_reader();
    }
}
