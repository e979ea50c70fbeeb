//! Publishing a payload of any length through small buffers: it is written piece by piece.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use mqtt_as_proto::client::{Fate, Message, OperationError};
use mqtt_as_proto::{Properties, QoS, TopicName};

use crate::client::Client;
use crate::config::{WhileDown, millis};
use crate::error::{DownReason, PublishError};
use crate::loops::Loop;
use crate::shared::State;
use crate::traits::Runtime;
use crate::waiter::{Event, Outcome, Slot, Wait};

/// A message to publish as a stream: options, then [`open`](Self::open). Made by
/// [`Client::publish_stream`].
#[must_use = "it begins when it is opened"]
pub struct OpenStream<'p, R: Runtime> {
    client: &'p Client<R>,
    head: Head<'p>,
    timeout: Option<u32>,
}

/// All of a message but its payload.
#[derive(Clone, Copy, Debug)]
struct Head<'p> {
    topic: &'p str,
    len: u32,
    qos: QoS,
    retain: bool,
    properties: Properties<'p>,
}

impl<'p> Head<'p> {
    fn message(&self) -> Result<Message<'p>, PublishError> {
        let topic = TopicName::new(self.topic).map_err(PublishError::Topic)?;
        let Self { qos, retain, properties, .. } = *self;
        Ok(Message { qos, retain, properties, ..Message::new(topic, &[][..]) })
    }
}

impl<'p, R: Runtime> OpenStream<'p, R> {
    pub(crate) fn new(client: &'p Client<R>, topic: &'p str, len: u32) -> Self {
        let (qos, properties) = (QoS::AtMostOnce, Properties::NONE);
        let head = Head { topic, len, qos, retain: false, properties };
        Self { client, head, timeout: None }
    }

    /// The QoS. Default: 0.
    pub fn qos(mut self, qos: QoS) -> Self {
        self.head.qos = qos;
        self
    }

    /// Whether the server keeps the message for later subscribers. Default: no.
    pub fn retain(mut self, retain: bool) -> Self {
        self.head.retain = retain;
        self
    }

    /// Properties of the PUBLISH, 5.0 only. Default: none.
    pub fn properties(mut self, properties: impl Into<Properties<'p>>) -> Self {
        self.head.properties = properties.into();
        self
    }

    /// How long to wait until it is open, and again for the acknowledgement. Default:
    /// `response_time` × (`max_repubs` + 1).
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(millis(timeout)), ..self }
    }

    /// Opens the stream: waits for a connection, for everything accepted before it to have left, and
    /// at QoS 1 and 2 until the server takes one more message. One stream is open at a time.
    ///
    /// # Errors
    /// [`PublishError`] says what to change; nothing was sent.
    ///
    /// # Cancel safety
    /// Dropping the future means that it never happened.
    pub async fn open(self) -> Result<PublishStream<'p, R>, PublishError> {
        let Self { client, head, timeout } = self;
        let mut opening = Opening { client, slot: None, was: None };
        let slot = opening.open(&head, timeout, None).await?;
        Ok(PublishStream { client, head, timeout, slot, left: head.len })
    }
}

/// A stream that waits to be opened, for the first time or again.
struct Opening<'p, R: Runtime> {
    client: &'p Client<R>,
    slot: Option<Slot>,
    /// How the attempt before ended.
    was: Option<Outcome>,
}

impl<R: Runtime> Opening<'_, R> {
    /// `again` is the slot of a stream that was open before.
    async fn open(
        &mut self,
        head: &Head<'_>,
        timeout: Option<u32>,
        again: Option<Slot>,
    ) -> Result<Slot, PublishError> {
        let message = head.message()?;
        self.client.act(|state| self.begin(state, timeout, again))?;
        let slot = self.slot.ok_or(PublishError::NoWaiter)?;
        poll_fn(|cx| {
            let (poll, _old) =
                self.client.act(|state| state.poll_open(&message, head.len, slot, cx));
            poll
        })
        .await?;
        self.slot = None; // It is the stream's from here on.
        Ok(slot)
    }

    fn begin(
        &mut self,
        state: &mut State<R>,
        timeout: Option<u32>,
        again: Option<Slot>,
    ) -> Result<(), PublishError> {
        state.check_open()?;
        self.was = again.map(|slot| state.unfinished(slot)).transpose()?;
        if state.inbox.is_open() {
            return Err(PublishError::StreamOpen);
        }
        let wait = Wait::Event(Event::Stream);
        let slot = again.or_else(|| state.waiters.take(wait)).ok_or(PublishError::NoWaiter)?;
        self.slot = Some(slot);
        state.waiters.change(slot, wait);
        state.limit_wait(slot, timeout);
        Ok(())
    }
}

impl<R: Runtime> Drop for Opening<'_, R> {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let _waker = self.client.act(|state| {
            state.core.cancel_open(slot.tag());
            let Some(was) = self.was else {
                let waker = state.waiters.free(slot);
                state.settle();
                return waker;
            };
            // It is as interrupted as it was, unless something else has become of it.
            match state.waiters.wait(slot) {
                Wait::Done(outcome) if outcome.is_last() => {}
                _ => state.waiters.change(slot, Wait::Done(was)),
            }
            state.settle();
            None
        });
    }
}

/// A PUBLISH that is begun, and whose payload is written piece by piece. Made by
/// [`OpenStream::open`].
///
/// Write all of it, then [`finish`](Self::finish). Until then nothing else is sent: other publishes
/// wait, and so do acknowledgements and PINGREQ. If the stream is dropped before its last byte, or
/// nothing is written for the write time-out, its packet cannot be finished: the link goes down with
/// [`DownReason::StreamStopped`], without DISCONNECT, and the session is kept.
///
/// A `disconnect` lets it finish, and follows it.
pub struct PublishStream<'p, R: Runtime> {
    client: &'p Client<R>,
    head: Head<'p>,
    timeout: Option<u32>,
    slot: Slot,
    left: u32,
}

impl<R: Runtime> PublishStream<'_, R> {
    /// Writes the next bytes of the payload: waits for room and takes as many of them as there is
    /// room for. Gives how many it took, 0 only for no bytes.
    ///
    /// # Errors
    /// [`PublishError::Length`] if they are more than were announced: none is taken.
    /// [`PublishError::NeverSent`] if the connection is lost, or the stream was stopped: then
    /// [`restart`](Self::restart) opens it again.
    ///
    /// # Cancel safety
    /// If the future is dropped before it says how many bytes it took, it took none.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<usize, PublishError> {
        if bytes.len() > self.left as usize {
            let given = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let given = self.written().saturating_add(given);
            return Err(PublishError::Length { announced: self.head.len, given });
        }
        let slot = self.slot;
        let taken = poll_fn(|cx| {
            let (poll, _old) = self.client.act(|state| state.poll_write(bytes, slot, cx));
            poll
        })
        .await?;
        self.left = self.left.saturating_sub(taken as u32); // At most `left`.
        Ok(taken)
    }

    /// Writes all of these bytes.
    ///
    /// # Errors
    /// As [`write`](Self::write); of too many bytes none is taken.
    ///
    /// # Cancel safety
    /// If the future is dropped, [`written`](Self::written) says how many bytes were taken so far.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), PublishError> {
        let mut rest = bytes;
        if rest.len() > self.left as usize {
            return self.write(rest).await.map(|_| ());
        }
        while !rest.is_empty() {
            let taken = self.write(rest).await?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Bytes written since the stream was opened, or restarted.
    #[must_use]
    pub fn written(&self) -> u32 {
        self.head.len.saturating_sub(self.left)
    }

    /// Waits for the end of the message: QoS 0 is on its way, QoS 1 is at PUBACK, QoS 2 at PUBCOMP.
    ///
    /// # Errors
    /// [`PublishError::Length`] if bytes are missing: the stream is stopped, the link goes down.
    /// [`PublishError::Interrupted`] if the connection was lost before the acknowledgement: then
    /// [`restart`](Self::restart) sends the message again. Else as for any publish.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only. `finish` may be called again.
    pub async fn finish(&mut self) -> Result<(), PublishError> {
        let (slot, timeout, announced) = (self.slot, self.timeout, self.head.len);
        let (given, missing) = (self.written(), self.left != 0);
        self.client.act(|state| {
            let ended = matches!(state.waiters.wait(slot), Wait::Done(_));
            if missing && !ended {
                if state.core.stop_stream(slot.tag()) {
                    state.end_in_stream(slot);
                }
                return Err(PublishError::Length { announced, given });
            }
            if !ended && state.inbox.is_open() {
                return Err(PublishError::StreamOpen);
            }
            if !ended {
                state.waiters.change(slot, Wait::Answer);
                state.limit_wait(slot, timeout);
            }
            Ok(())
        })?;
        let mut waiting = Finishing { client: self.client, slot };
        waiting.end().await
    }

    /// Opens a stream again that the loss of the connection, or its own stop, has ended: its payload
    /// is to be written again from the start.
    ///
    /// If all of it had been sent before, and the server has kept the session, it goes out as a
    /// resend, under its packet identifier: at QoS 2 it stays exactly once. If the server has lost
    /// the session, a QoS 1 message is sent as a new one, and a QoS 2 message is
    /// [`PublishError::Unknown`].
    ///
    /// # Errors
    /// [`PublishError::NotInterrupted`] if there is nothing to restart; else as
    /// [`open`](OpenStream::open).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the stream interrupted: it may be restarted later.
    pub async fn restart(&mut self) -> Result<(), PublishError> {
        let mut opening = Opening { client: self.client, slot: None, was: None };
        opening.open(&self.head, self.timeout, Some(self.slot)).await?;
        self.left = self.head.len;
        Ok(())
    }
}

impl<R: Runtime> Drop for PublishStream<'_, R> {
    fn drop(&mut self) {
        let _waker = self.client.act(|state| {
            if state.core.leave_stream(self.slot.tag()) {
                state.end_in_stream(self.slot);
            }
            state.settle();
            state.waiters.free(self.slot)
        });
    }
}

/// A wait for the end of a message. When it is over, the stream is its owner's again.
struct Finishing<'c, R: Runtime> {
    client: &'c Client<R>,
    slot: Slot,
}

impl<R: Runtime> Finishing<'_, R> {
    async fn end(&mut self) -> Result<(), PublishError> {
        poll_fn(|cx| {
            let (poll, _old) = self.client.act(|state| match state.waiters.wait(self.slot) {
                Wait::Done(outcome) => (Poll::Ready(outcome.published()), None),
                _ => (Poll::Pending, state.waiters.register(self.slot, cx.waker())),
            });
            poll
        })
        .await
    }
}

impl<R: Runtime> Drop for Finishing<'_, R> {
    fn drop(&mut self) {
        self.client.act(|state| match state.waiters.wait(self.slot) {
            Wait::Answer | Wait::Done(Outcome::TimedOut) => {
                state.waiters.clear_deadline(self.slot);
                state.waiters.change(self.slot, Wait::Stream);
            }
            _ => {}
        });
    }
}

impl Outcome {
    /// Nothing can follow it: an interrupted stream has come to its end.
    fn is_last(self) -> bool {
        matches!(self, Self::Fate(Fate::Unknown { .. }) | Self::Acknowledged(_) | Self::Closed)
    }

    /// Why a stream was not opened.
    fn unopened(self) -> PublishError {
        match self {
            Self::TimedOut => PublishError::NotConnected,
            // It was acknowledged after all.
            outcome => outcome.published().err().unwrap_or(PublishError::NotInterrupted),
        }
    }
}

type Step<T> = (Poll<Result<T, PublishError>>, Option<Waker>);

impl<R: Runtime> State<R> {
    /// The call waits that long at most.
    fn limit_wait(&mut self, slot: Slot, timeout: Option<u32>) {
        let time = timeout.map_or_else(|| self.answer_time(), u64::from);
        self.waiters.clear_deadline(slot);
        if time != 0 {
            let deadline = R::now().after(time);
            self.waiters.set_deadline(slot, deadline);
            self.notify_before(deadline);
        }
    }

    /// How a stream ended that its owner may send again.
    fn unfinished(&mut self, slot: Slot) -> Result<Outcome, PublishError> {
        match self.waiters.wait(slot) {
            Wait::Done(outcome @ Outcome::Fate(Fate::Interrupted | Fate::NeverSent(_))) => {
                Ok(outcome)
            }
            Wait::Done(Outcome::Fate(Fate::Unknown { received })) => {
                Err(PublishError::Unknown { received })
            }
            Wait::Done(Outcome::Closed) => Err(PublishError::Closed),
            _ => Err(PublishError::NotInterrupted),
        }
    }

    fn poll_open(
        &mut self,
        message: &Message<'_>,
        len: u32,
        slot: Slot,
        cx: &Context<'_>,
    ) -> Step<()> {
        match self.waiters.wait(slot) {
            Wait::Done(outcome) => return (Poll::Ready(Err(outcome.unopened())), None),
            _ if !self.core.is_connected() => return self.wait_for_link(slot, cx),
            Wait::Room => {}
            // It has its room, and those that wait for some may wait for just that.
            _ if self.core.is_interrupted(slot.tag()) => self.waiters.wait_in_front(slot),
            _ => self.waiters.wait_for_room(slot),
        }
        if !self.waiters.is_first(slot) {
            return (Poll::Pending, self.waiters.register(slot, cx.waker()));
        }
        let now = self.time();
        match self.core.open_stream(message, len, slot.tag(), now) {
            Ok(()) => {
                self.waiters.clear_deadline(slot);
                self.waiters.change(slot, Wait::Stream);
                self.link.stream = Some(slot);
                self.statistics.published += 1;
                self.settle();
                (Poll::Ready(Ok(())), None)
            }
            Err(OperationError::NoRoom) => {
                self.notify_write();
                (Poll::Pending, self.waiters.register(slot, cx.waker()))
            }
            Err(OperationError::NotConnected) => self.wait_for_link(slot, cx),
            Err(error) => (Poll::Ready(Err(PublishError::Invalid(error))), None),
        }
    }

    /// Without a connection a stream lets those behind it pass: they may be stored.
    fn wait_for_link(&mut self, slot: Slot, cx: &Context<'_>) -> Step<()> {
        if self.config.while_down == WhileDown::Refuse {
            return (Poll::Ready(Err(PublishError::NotConnected)), None);
        }
        self.waiters.change(slot, Wait::Event(Event::Stream));
        (Poll::Pending, self.waiters.register(slot, cx.waker()))
    }

    fn poll_write(&mut self, bytes: &[u8], slot: Slot, cx: &Context<'_>) -> Step<usize> {
        if let Wait::Done(outcome) = self.waiters.wait(slot) {
            let error = outcome.published().err().unwrap_or(PublishError::Closed);
            let over = !bytes.is_empty() || outcome.published().is_err();
            return (Poll::Ready(if over { Err(error) } else { Ok(0) }), None);
        }
        let now = self.time();
        match self.core.write_stream(slot.tag(), bytes, now) {
            Ok(0) if !bytes.is_empty() => {
                self.notify_write();
                (Poll::Pending, self.waiters.register(slot, cx.waker()))
            }
            Ok(taken) => {
                self.settle();
                (Poll::Ready(Ok(taken)), None)
            }
            // All is written, or the connection is ending: then its end is told.
            Err(_) if bytes.is_empty() => (Poll::Ready(Ok(0)), None),
            Err(_) => (Poll::Pending, self.waiters.register(slot, cx.waker())),
        }
    }

    /// The owner of the stream that is open is gone, or goes no further: the link goes down.
    fn end_in_stream(&mut self, slot: Slot) {
        self.link.stream = self.link.stream.filter(|stream| *stream != slot);
        self.link.ending.get_or_insert(DownReason::StreamStopped);
        let time = u64::from(self.core.config().write_timeout);
        let end = (time != 0).then(|| R::now().after(time));
        self.link.linger = self.link.linger.or(end);
        self.notify_write();
        self.loops.notify(Loop::Control);
        self.settle();
    }
}

impl<R: Runtime> fmt::Debug for OpenStream<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

impl<R: Runtime> fmt::Debug for PublishStream<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishStream")
            .field("head", &self.head)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
