//! Publishing a payload of any length through small buffers: it is written piece by piece.

use core::fmt;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use core::time::Duration;

use mqtt_as_proto::client::{Fate, Message, Published};
use mqtt_as_proto::{Properties, QoS, TopicName};

use crate::acknowledgement::Acknowledgement;
use crate::call::Done;
use crate::client::Client;
use crate::config::{millis, options};
use crate::deadline::Deadline;
use crate::driver::News;
use crate::error::{DownReason, PublishError};
use crate::runtime::{Lock, Runtime, ask, with_state};
use crate::settings::WhileDown;
use crate::state::State;
use crate::waiters::{Outcome, Slot, Wait};
use crate::words::Words;

impl<R: Runtime> Client<R> {
    /// Publishes a message whose payload of `len` bytes is written piece by piece: it may be larger
    /// than all the memory of the client. Options first, then `open().await`.
    ///
    /// Nothing else can be sent before the last byte of a packet that was begun. So write it on
    /// without waiting for other things of this client, the whole of it within one and a half times
    /// the keep-alive.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let mut stream = client.publish_stream("image", 3000).qos(QoS::AtLeastOnce).open().await?;
    /// for _ in 0..3 {
    ///     stream.write_all(&[0; 1000]).await?;
    /// }
    /// stream.finish().await?;
    /// # });
    /// ```
    pub fn publish_stream<'p>(&'p self, topic: &'p str, len: u32) -> OpenStream<'p, R> {
        let (qos, properties) = (QoS::AtMostOnce, Properties::NONE);
        let head = Head { topic, len, qos, retain: false, properties };
        OpenStream { lock: &*self.shared, head, timeout: None }
    }
}

/// A message to publish as a stream: options, then [`open`](Self::open). Made by
/// [`Client::publish_stream`](crate::Client::publish_stream).
#[must_use = "it begins when it is opened"]
pub struct OpenStream<'p, R: Runtime> {
    lock: &'p R::Lock,
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
    options! {
        /// Sets the QoS. Default: 0.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// let mut image = client.publish_stream("image", 5).qos(QoS::ExactlyOnce).open().await?;
        /// image.write_all(b"bytes").await?;
        /// image.finish().await?; // At PUBCOMP.
        /// # });
        /// ```
        qos(self, qos: QoS) { self.head.qos = qos; }

        /// Sets whether the server keeps the message for later subscribers. Default: no.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// let mut image = client.publish_stream("image", 5).retain(true).open().await?;
        /// image.write_all(b"bytes").await?;
        /// image.finish().await?;
        /// # });
        /// ```
        retain(self, retain: bool) { self.head.retain = retain; }

        /// Sets properties of the PUBLISH, 5.0 only. Default: none.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Property;
        ///
        /// let properties = [Property::ContentType("image/png")];
        /// let mut image = client.publish_stream("image", 5).properties(&properties).open().await?;
        /// image.write_all(b"bytes").await?;
        /// image.finish().await?;
        /// # });
        /// ```
        properties(self, properties: impl Into<Properties<'p>>) {
            self.head.properties = properties.into();
        }

        /// Sets how long to wait until it is open, and again for the acknowledgement. Default:
        /// `response_time` × (`max_repubs` + 1).
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// # use std::time::Duration;
        /// let stream = client.publish_stream("image", 5).timeout(Duration::from_secs(30));
        /// let mut image = stream.open().await?;
        /// image.write_all(b"bytes").await?;
        /// image.finish().await?;
        /// # });
        /// ```
        timeout(self, timeout: Duration) { self.timeout = Some(millis(timeout)); }
    }

    /// Opens the stream: waits for a connection, for everything accepted before it to have left, and
    /// at QoS 1 and 2 until the server takes one more message. One stream is open at a time.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let mut image = client.publish_stream("image", 5).open().await?;
    /// image.write_all(b"bytes").await?;
    /// image.finish().await?;
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`PublishError`] says what to change; nothing was sent.
    ///
    /// # Cancel safety
    /// Dropping the future means that it never happened.
    pub async fn open(self) -> Result<PublishStream<'p, R>, PublishError> {
        let Self { lock, head, timeout } = self;
        let message = head.message()?;
        let begun = ask(lock, |state| state.begin_open(timeout, None));
        let (slot, _) = begun.unwrap_or(Err(PublishError::Closed))?;
        let stream = PublishStream { lock, head, timeout, slot, left: head.len };
        stream.wait_until_open(&message).await?; // Else it is dropped, and never was.
        Ok(stream)
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
    lock: &'p R::Lock,
    head: Head<'p>,
    timeout: Option<u32>,
    slot: Slot,
    left: u32,
}

impl<R: Runtime> PublishStream<'_, R> {
    /// Writes the next bytes of the payload: waits for room and takes as many of them as there is
    /// room for. Returns how many it took, 0 only for no bytes.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let bytes = [7; 3000];
    /// let mut image = client.publish_stream("image", 3000).open().await?;
    /// let mut rest = &bytes[..];
    /// while !rest.is_empty() {
    ///     let taken = image.write(rest).await?;
    ///     rest = &rest[taken..];
    /// }
    /// image.finish().await?;
    /// # });
    /// ```
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
        let (slot, rest) = (self.slot, (self.left as usize, self.head.qos));
        let taken = wait(self.lock, |state, waker| state.poll_write(bytes, rest, slot, waker));
        let taken = taken.await?;
        self.left = self.left.saturating_sub(taken as u32); // At most `left`.
        Ok(taken)
    }

    /// Writes all of these bytes.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let mut image = client.publish_stream("image", 3000).open().await?;
    /// for _ in 0..3 {
    ///     image.write_all(&[7; 1000]).await?;
    /// }
    /// image.finish().await?;
    /// # });
    /// ```
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

    /// Returns how many bytes were written since the stream was opened, or restarted.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let mut image = client.publish_stream("image", 3000).open().await?;
    /// image.write_all(&[7; 1000]).await?;
    /// assert_eq!(image.written(), 1000);
    /// # image.write_all(&[7; 2000]).await?;
    /// # });
    /// ```
    #[must_use]
    pub fn written(&self) -> u32 {
        self.head.len.saturating_sub(self.left)
    }

    /// Waits for the end of the message: QoS 0 is on its way, QoS 1 is at PUBACK, QoS 2 at PUBCOMP.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let mut image = client.publish_stream("image", 5).qos(QoS::AtLeastOnce).open().await?;
    /// image.write_all(b"bytes").await?;
    /// let acknowledgement = image.finish().await?;
    /// println!("{acknowledgement}");
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`PublishError::Length`] if bytes are missing: the stream is stopped, the link goes down.
    /// [`PublishError::Interrupted`] if the connection was lost before the acknowledgement: then
    /// [`restart`](Self::restart) sends the message again. Else as for any publish.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting only. `finish` may be called again.
    pub async fn finish(&mut self) -> Result<Acknowledgement, PublishError> {
        let (slot, timeout, announced) = (self.slot, self.timeout, self.head.len);
        let (given, missing) = (self.written(), self.left != 0);
        let awaits = ask(self.lock, |state| {
            if state.waiters.outcome(slot).is_some() {
                return Ok(());
            }
            if missing {
                state.stop_stream(slot);
                return Err(PublishError::Length { announced, given });
            }
            state.await_fate(slot, timeout)
        });
        awaits.unwrap_or(Err(PublishError::Closed))?;
        let _waits = OnDrop(self.lock, |state| state.wait_no_longer(slot));
        let outcome = wait(self.lock, |state, waker| state.poll_outcome(slot, waker));
        let outcome = outcome.await;
        let words = ask(self.lock, |state| state.waiters.take_words(slot));
        outcome.published(words.unwrap_or_default())
    }

    /// Opens a stream again that the loss of the connection, or its own stop, has ended: its payload
    /// is to be written again from the start.
    ///
    /// If all of it had been sent before, and the server has kept the session, it goes out as a
    /// resend, under its packet identifier: at QoS 2 it stays exactly once. If the server has lost
    /// the session, a QoS 1 message is sent as a new one, and a QoS 2 message is
    /// [`PublishError::Unknown`].
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{PublishError, QoS};
    ///
    /// let mut image = client.publish_stream("image", 3000).qos(QoS::ExactlyOnce).open().await?;
    /// loop {
    ///     let sent = match image.write_all(&[7; 3000]).await {
    ///         Ok(()) => image.finish().await.map(drop),
    ///         Err(error) => Err(error),
    ///     };
    ///     match sent {
    ///         Err(PublishError::NeverSent(_) | PublishError::Interrupted) => image.restart().await?,
    ///         other => break other?,
    ///     }
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`PublishError::NotInterrupted`] if there is nothing to restart; else as
    /// [`open`](OpenStream::open).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the stream interrupted: it may be restarted later.
    pub async fn restart(&mut self) -> Result<(), PublishError> {
        let (message, timeout, again) = (self.head.message()?, self.timeout, Some(self.slot));
        let begun = ask(self.lock, |state| state.begin_open(timeout, again));
        let (slot, was) = begun.unwrap_or(Err(PublishError::Closed))?;
        let unopened = OnDrop(self.lock, |state| state.interrupt_again(slot, was));
        self.wait_until_open(&message).await?;
        core::mem::forget(unopened);
        self.left = self.head.len;
        Ok(())
    }

    async fn wait_until_open(&self, message: &Message<'_>) -> Result<(), PublishError> {
        let (len, slot) = (self.head.len, self.slot);
        wait(self.lock, |state, waker| state.poll_open(message, len, slot, waker)).await
    }
}

impl<R: Runtime> Drop for PublishStream<'_, R> {
    fn drop(&mut self) {
        with_state(self.lock, |state| state.leave_stream(self.slot));
    }
}

/// Does something when the future around it is dropped.
struct OnDrop<'c, L: Lock, F: FnMut(&mut State)>(&'c L, F);

impl<L: Lock, F: FnMut(&mut State)> Drop for OnDrop<'_, L, F> {
    fn drop(&mut self) {
        with_state(self.0, &mut self.1);
    }
}

/// Waits until the state has what is looked for.
async fn wait<T>(lock: &impl Lock, mut look: impl FnMut(&mut State, &Waker) -> Poll<T>) -> T {
    poll_fn(|cx| {
        let mut poll = Poll::Pending;
        with_state(lock, |state| poll = look(state, cx.waker()));
        poll
    })
    .await
}

impl Outcome {
    /// Nothing can follow it: an interrupted stream has come to its end.
    fn is_last(self) -> bool {
        let fate = matches!(self, Self::Fate(Fate::Unknown { .. } | Fate::Acknowledged(_)));
        fate || self == Self::Closed
    }

    /// Why a stream was not opened.
    fn unopened(self) -> PublishError {
        match self {
            Self::TimedOut | Self::NoRoom => PublishError::NotConnected,
            // It was acknowledged after all.
            outcome => outcome.published(Words::NONE).err().unwrap_or(PublishError::NotInterrupted),
        }
    }
}

impl State {
    /// A stream waits to be opened: for the first time, or again in the slot that it has, and then
    /// it tells how it ended before.
    fn begin_open(
        &mut self,
        timeout: Option<u32>,
        again: Option<Slot>,
    ) -> Result<(Slot, Option<Outcome>), PublishError> {
        self.check_open().map_err(|done| match done {
            Done::NotConnected => PublishError::NotConnected,
            _ => PublishError::Closed,
        })?;
        let was = again.map(|slot| self.unfinished(slot)).transpose()?;
        if self.core.is_stream_open() {
            return Err(PublishError::StreamOpen);
        }
        let slot = again.or_else(|| self.waiters.take()).ok_or(PublishError::NoWaiter)?;
        self.waiters.change(slot, Wait::Open);
        self.limit_wait(slot, timeout);
        Ok((slot, was))
    }

    /// The stream was not opened again: it is as interrupted as it was, unless something else has
    /// become of it.
    fn interrupt_again(&mut self, slot: Slot, was: Option<Outcome>) {
        if let Some(was) = was
            && !self.waiters.outcome(slot).is_some_and(Outcome::is_last)
        {
            self.waiters.restore(slot, was);
        }
        self.settle();
    }

    fn poll_outcome(&mut self, slot: Slot, waker: &Waker) -> Poll<Outcome> {
        let outcome = self.waiters.outcome(slot);
        if outcome.is_none() {
            self.waiters.register(slot, waker);
        }
        outcome.map_or(Poll::Pending, Poll::Ready)
    }

    /// The end of the message is awaited no longer: the stream is its owner's again.
    fn wait_no_longer(&mut self, slot: Slot) {
        if let None | Some(Outcome::TimedOut) = self.waiters.outcome(slot) {
            self.waiters.clear_deadline(slot);
            self.waiters.change(slot, Wait::Stream);
        }
    }

    /// How a stream ended that its owner may send again.
    fn unfinished(&mut self, slot: Slot) -> Result<Outcome, PublishError> {
        match self.waiters.outcome(slot) {
            Some(outcome @ Outcome::Fate(Fate::Interrupted | Fate::NeverSent(_))) => Ok(outcome),
            Some(Outcome::Fate(Fate::Unknown { received })) => {
                Err(PublishError::Unknown { received })
            }
            Some(Outcome::Closed) => Err(PublishError::Closed),
            _ => Err(PublishError::NotInterrupted),
        }
    }

    fn poll_open(
        &mut self,
        message: &Message<'_>,
        len: u32,
        slot: Slot,
        waker: &Waker,
    ) -> Poll<Result<(), PublishError>> {
        if let Some(outcome) = self.waiters.outcome(slot) {
            return Poll::Ready(Err(outcome.unopened()));
        }
        if !self.core.is_connected() {
            return self.wait_for_link(slot, waker);
        }
        if self.core.is_interrupted(slot.tag()) {
            // It has its room, and those that wait for some may wait for just that.
            self.waiters.claim_turn(slot);
        }
        let opened = self.take_room(slot, waker, &mut |state, tag| {
            let now = state.time();
            state.core.open_stream(message, len, tag, now).map(|()| Published::Left)
        });
        match opened {
            None => return Poll::Pending,
            Some(Err(error)) => return Poll::Ready(Err(PublishError::Invalid(error))),
            Some(Ok(_)) => {}
        }
        self.waiters.clear_deadline(slot);
        self.waiters.change(slot, Wait::Stream);
        self.link.stream = Some(slot);
        self.accepted();
        self.notify_read();
        if len == 0 {
            self.end_writing(slot, message.qos);
        }
        self.settle();
        Poll::Ready(Ok(()))
    }

    /// Without a connection a stream lets those behind it pass: they may be stored.
    fn wait_for_link(&mut self, slot: Slot, waker: &Waker) -> Poll<Result<(), PublishError>> {
        if self.settings.while_down == WhileDown::Refuse {
            return Poll::Ready(Err(PublishError::NotConnected));
        }
        let had_turn = self.waiters.has_turn(slot);
        self.waiters.park(slot, Wait::Open, waker);
        if had_turn {
            self.wake_room();
        }
        Poll::Pending
    }

    fn poll_write(
        &mut self,
        bytes: &[u8],
        (left, qos): (usize, QoS),
        slot: Slot,
        waker: &Waker,
    ) -> Poll<Result<usize, PublishError>> {
        if let Some(outcome) = self.waiters.outcome(slot) {
            let ended = outcome.published(Words::NONE);
            let over = !bytes.is_empty() || ended.is_err();
            let error = ended.err().unwrap_or(PublishError::Closed);
            return Poll::Ready(if over { Err(error) } else { Ok(0) });
        }
        let now = self.time();
        match self.core.write_stream(slot.tag(), bytes, now) {
            Ok(0) if !bytes.is_empty() => self.notify_write(),
            Ok(taken) if taken < left => {
                self.notify_write();
                return Poll::Ready(Ok(taken));
            }
            Ok(taken) => {
                self.end_writing(slot, qos);
                self.settle(); // Others may go on.
                return Poll::Ready(Ok(taken));
            }
            // All is written, or the connection is ending: then its end is told.
            Err(_) if bytes.is_empty() => return Poll::Ready(Ok(0)),
            Err(_) => {}
        }
        self.waiters.register(slot, waker);
        Poll::Pending
    }

    /// The last byte is written: at QoS 0 that is the end of the message.
    fn end_writing(&mut self, slot: Slot, qos: QoS) {
        self.link.stream = None;
        if qos == QoS::AtMostOnce {
            self.waiters.finish(slot, Outcome::Fate(Fate::Left));
        }
    }

    /// All is written: what becomes of it is awaited, for that long at most.
    fn await_fate(&mut self, slot: Slot, timeout: Option<u32>) -> Result<(), PublishError> {
        if self.core.is_stream_open() {
            return Err(PublishError::StreamOpen);
        }
        self.waiters.change(slot, Wait::Answer);
        self.limit_wait(slot, timeout);
        Ok(())
    }

    /// The owner of the stream goes no further.
    fn stop_stream(&mut self, slot: Slot) {
        let (core, mut told) = self.split();
        if core.stop_stream(slot.tag(), &mut told.tell()) {
            self.end_in_stream(slot);
        }
    }

    /// The owner of the stream is gone.
    fn leave_stream(&mut self, slot: Slot) {
        let (core, mut told) = self.split();
        if core.leave_stream(slot.tag(), &mut told.tell()) {
            self.end_in_stream(slot);
        }
        self.link.stream = self.link.stream.filter(|stream| *stream != slot);
        self.abandon(slot);
        self.settle();
    }

    /// The stream that is open cannot be finished: the link goes down.
    fn end_in_stream(&mut self, slot: Slot) {
        self.link.stream = self.link.stream.filter(|stream| *stream != slot);
        self.link.ending.get_or_insert(DownReason::StreamStopped);
        let time = self.core.config().write_timeout;
        let now = self.exact_time();
        let end = (time != 0).then(|| Deadline::after(now, time));
        self.link.linger = self.link.linger.or(end);
        self.driver.notify(News::LINK);
        self.notify_write();
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
