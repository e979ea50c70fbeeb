//! Messages that come piece by piece: they are larger than what is taken at once.
//!
//! Such a message holds its slot like any other, from its header on. Its caller takes the payload
//! as it comes, and acknowledges at its end; or skips it, or refuses it, which ends the connection.

use super::Client;
use super::error::ConnectionError;
use super::event::{Event, Received};
use super::input::Handled;
use super::link::StreamIn;
use crate::packet::{Delivery, Publish, QoS};
use crate::session::AckToken;
use crate::time::Instant;

/// Bytes that a header leaves free at least of what is taken at once, for pieces of the payload.
pub(super) const SMALLEST_PIECE: usize = 16;

impl Client<'_> {
    /// The header of a message that is to be streamed, which takes `head` bytes; `len` follow.
    pub(super) fn handle_stream<'c>(
        &'c mut self,
        publish: Publish<'c>,
        head: usize,
        len: usize,
        now: Instant,
    ) -> Result<Handled<'c>, ConnectionError> {
        match self.begin_stream_in(&publish, head, len, now) {
            Ok(None) => Ok(Handled::used(head, None)),
            Ok(Some((token, alias))) => {
                let topic = alias.and_then(|alias| self.aliases_in.get(alias));
                let topic = topic.unwrap_or(publish.topic);
                let publish = Publish { topic, payload: &[], ..publish };
                let event =
                    Event::StreamBegins { received: Received { publish, token }, head, len };
                Ok(Handled::used(head, Some(event)))
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Gives the token and the alias of a message that is to be delivered; the payload of any other
    /// is skipped.
    fn begin_stream_in(
        &mut self,
        publish: &Publish<'_>,
        head: usize,
        len: usize,
        now: Instant,
    ) -> Result<Option<(Option<AckToken>, Option<u16>)>, ConnectionError> {
        let alias = self.learn_alias(publish)?;
        // It holds the place of the largest message that is taken at once.
        let size = self.config.maximum_packet_size as usize;
        let token = match publish.delivery {
            Delivery::AtMostOnce => None,
            Delivery::AtLeastOnce(id) | Delivery::ExactlyOnce(id) => {
                let exactly_once = publish.delivery.qos() == QoS::ExactlyOnce;
                let token = self.arrive(id, exactly_once, size, now)?;
                if token.is_none() {
                    self.count_read(head);
                    if let Some(link) = &mut self.link {
                        link.skip = len;
                    }
                    return Ok(None);
                }
                token
            }
        };
        self.count_read(head);
        if let Some(link) = &mut self.link {
            link.stream_in = Some(StreamIn { token, left: len }).filter(|_| len != 0);
        }
        Ok(Some((token, alias)))
    }

    fn count_read(&mut self, n: usize) {
        if let Some(link) = &mut self.link {
            link.unread = link.unread.saturating_sub(n);
        }
    }

    /// The next bytes of a payload.
    pub(super) fn handle_piece<'c>(&mut self, input: &'c [u8]) -> Handled<'c> {
        let Some(link) = &mut self.link else { return Handled::incomplete(None) };
        let Some(stream) = &mut link.stream_in else { return Handled::incomplete(None) };
        let piece = input.get(..stream.left).unwrap_or(input);
        if piece.is_empty() {
            return Handled::incomplete(None);
        }
        stream.left = stream.left.saturating_sub(piece.len());
        if stream.left == 0 {
            link.stream_in = None;
        }
        self.count_read(piece.len());
        Handled::used(piece.len(), Some(Event::Piece(piece)))
    }

    /// Whether bytes of a payload are to come.
    #[must_use]
    pub fn is_streaming_in(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.stream_in.is_some())
    }

    /// The rest of the payload that is coming is not wanted: it is read and dropped. The message is
    /// to be acknowledged all the same.
    pub fn skip_stream(&mut self) {
        if let Some(link) = &mut self.link
            && let Some(stream) = link.stream_in.take()
        {
            link.skip = stream.left;
        }
    }

    /// The message that came as a stream was not taken, and a part of it is gone: it has to come
    /// again. So the connection ends, with DISCONNECT.
    pub fn refuse_stream(&mut self, token: AckToken) -> ConnectionError {
        self.session.incoming.forget(token);
        if let Some(link) = &mut self.link {
            link.stream_in = link.stream_in.filter(|stream| stream.token != Some(token));
        }
        self.fail(ConnectionError::StreamNotTaken)
    }
}
