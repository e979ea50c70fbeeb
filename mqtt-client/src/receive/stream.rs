//! Reading a message of any length through a small buffer: piece by piece.

use core::fmt;

use mqtt_as_proto::client::{Consumer, Look, StreamKey};
use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{AckToken, Properties, QoS};

use super::TooSmall;
use super::message::{Acknowledge, Copied, decode, header};
use super::take::{Taking, copy_to, put};
use crate::driver::News;
use crate::error::StreamError;
use crate::runtime::{Runtime, with_state};
use crate::state::State;
use crate::waiters::Wait;

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
    lock: &'c R::Lock,
    publish: Publish<'b>,
    begun: Begun,
    /// Bytes that were read.
    read: usize,
    /// It is taken.
    done: bool,
}

/// A message that was taken up to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    key: StreamKey,
    header: Copied,
    /// Bytes of the whole payload.
    payload: usize,
}

impl<'c, 'b, R: Runtime> MessageStream<'c, 'b, R> {
    /// The message whose header was copied to the front of `header`.
    pub(super) fn new(lock: &'c R::Lock, begun: Begun, header: &'b [u8]) -> Option<Self> {
        let header = header.get(..begun.header.len).unwrap_or_default();
        let Some(publish) = decode(header, begun.header.version) else {
            with_state(lock, |state| state.leave_reading(begun.key, false));
            return None;
        };
        Some(Self { lock, publish, begun, read: 0, done: false })
    }

    header!('b);

    /// Returns how many bytes the whole payload has.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("image", QoS::AtLeastOnce).await?;
    /// client.publish("image", vec![7; 10_000]).qos(QoS::AtLeastOnce).await?;
    /// let (mut queue, mut header) = (client.queue(), [0; 128]);
    /// let message = queue.next_stream(&mut header).await?.ok_or("disconnected")?;
    /// assert_eq!(message.payload_len(), 10_000);
    /// # });
    /// ```
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.begun.payload
    }

    /// Reads the next bytes of the payload, and returns how many; 0 at its end, or for no buffer.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("image", QoS::AtLeastOnce).await?;
    /// client.publish("image", vec![7; 10_000]).qos(QoS::AtLeastOnce).await?;
    /// let (mut queue, mut header, mut piece) = (client.queue(), [0; 128], [0; 1024]);
    /// let mut message = queue.next_stream(&mut header).await?.ok_or("disconnected")?;
    /// while let read @ 1.. = message.read(&mut piece).await? {
    ///     println!("{} bytes", piece[..read].len());
    /// } // Here it is acknowledged.
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`StreamError`] if the rest will not come.
    ///
    /// # Cancel safety
    /// If the future is dropped before it returns a number, it has read nothing.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let Begun { key, payload, .. } = self.begun;
        if self.done || (buffer.is_empty() && payload != 0) {
            return Ok(0);
        }
        let before = self.read;
        let take = put(|state| {
            let taken = state.read_on(key, before, buffer)?;
            let done = taken.is_ok_and(|taken| before + taken == payload);
            if done {
                state.finish_reading(key);
            }
            Some(taken.map(|taken| (taken, done)))
        });
        let reading = Taking::new(self.lock, Wait::Piece, take);
        let (taken, done) = reading.await.unwrap_or(Err(StreamError::Lost))?;
        self.read += taken;
        self.done = done;
        Ok(taken)
    }

    /// Takes the message without reading the rest of it.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("image", QoS::AtLeastOnce).await?;
    /// client.publish("image", vec![7; 10_000]).qos(QoS::AtLeastOnce).await?;
    /// let (mut queue, mut header) = (client.queue(), [0; 128]);
    /// let message = queue.next_stream(&mut header).await?.ok_or("disconnected")?;
    /// if message.payload_len() > 4096 {
    ///     message.skip(); // It is acknowledged, and over.
    /// }
    /// # });
    /// ```
    pub fn skip(mut self) {
        if !core::mem::replace(&mut self.done, true) {
            with_state(self.lock, |state| {
                state.finish_reading(self.begun.key);
                state.settle();
            });
        }
    }
}

impl<R: Runtime> Acknowledge for MessageStream<'_, '_, R> {
    fn token(&self) -> Option<AckToken> {
        self.begun.header.token
    }
}

impl<R: Runtime> Drop for MessageStream<'_, '_, R> {
    fn drop(&mut self) {
        if !self.done {
            with_state(self.lock, |state| {
                state.leave_reading(self.begun.key, self.read != 0);
            });
        }
    }
}

impl<R: Runtime> fmt::Debug for MessageStream<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream")
            .field("publish", &self.publish)
            .field("payload_len", &self.begun.payload)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Takes the next message up, to be read. Its header is copied to a buffer.
    pub(super) fn begin_stream(&mut self, buffer: &mut [u8]) -> Option<Result<Begun, TooSmall>> {
        let stored = self.core.next(Consumer::Queue)?;
        let payload = stored.payload_len();
        let header = stored.packet().get(..stored.payload_at()).unwrap_or_default();
        let header = match copy_to(header, &stored, buffer) {
            Ok(header) => header,
            Err(error) => return Some(Err(error)),
        };
        let key = self.core.begin_stream()?;
        Some(Ok(Begun { key, header, payload }))
    }

    /// Reads what there is of the payload, of which that much was read before.
    fn read_on(
        &mut self,
        key: StreamKey,
        before: usize,
        buffer: &mut [u8],
    ) -> Option<Result<usize, StreamError>> {
        match self.core.read_stream(key, before, buffer) {
            Look::Bytes(taken) => {
                self.notify_read();
                Some(Ok(taken))
            }
            Look::Wait => None,
            Look::Lost => Some(Err(StreamError::Lost)),
            Look::Late => Some(Err(StreamError::TimedOut)),
        }
    }

    /// The reader is done with the message, which may have to be acknowledged.
    fn finish_reading(&mut self, key: StreamKey) {
        self.core.finish_stream(key);
        self.notify_write();
        self.notify_read();
    }

    /// The reader goes away before the end. Of what came piece by piece a part may be gone.
    fn leave_reading(&mut self, key: StreamKey, begun: bool) {
        if self.core.leave_stream_in(key, begun).is_some() {
            self.driver.notify(News::TIME); // The driver tells the server why the link ends.
        }
        self.notify_read();
        self.wake_consumers();
        self.settle();
    }
}
