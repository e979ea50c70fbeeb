//! Messages that come piece by piece: they are larger than what is taken at once.
//!
//! Such a message holds its slot like any other, from its header on. Its caller takes the payload
//! as it comes, and acknowledges at its end; or skips it, or refuses it, which ends the connection.

use super::Client;
use super::error::ConnectionError;
use super::event::{Event, Received};
use super::input::Handled;
use crate::packet::{Delivery, Publish, QoS};
use crate::session::AckToken;
use crate::time::Instant;

/// Bytes that a header leaves free at least of what is taken at once, for pieces of the payload.
pub(super) const SMALLEST_PIECE: usize = 16;

/// What a message that is to be delivered brings: its duty to acknowledge, and its alias, if its
/// topic has to be looked up.
type Begun = (Option<AckToken>, Option<u16>);

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

    /// None of a message that is not to be delivered: its payload is skipped.
    fn begin_stream_in(
        &mut self,
        publish: &Publish<'_>,
        head: usize,
        len: usize,
        now: Instant,
    ) -> Result<Option<Begun>, ConnectionError> {
        let alias = self.learn_alias(publish)?;
        // It holds the place of the largest message that is taken at once.
        let size = self.config.maximum_packet_size as usize;
        let token = match publish.delivery {
            Delivery::AtMostOnce => None,
            Delivery::AtLeastOnce(id) | Delivery::ExactlyOnce(id) => {
                let exactly_once = publish.delivery.qos() == QoS::ExactlyOnce;
                let token = self.arrive(id, exactly_once, size, now)?;
                if token.is_none() {
                    self.begin_payload(head, len);
                    return Ok(None);
                }
                token
            }
        };
        self.begin_payload(head, len);
        if let Some(link) = &mut self.link {
            link.stream_in = Some(token).filter(|_| len != 0);
        }
        Ok(Some((token, alias)))
    }

    /// The header of a message is read, its payload comes.
    fn begin_payload(&mut self, head: usize, len: usize) {
        if let Some(link) = &mut self.link {
            link.unread = link.unread.saturating_sub(head);
            link.skip = len;
        }
    }

    /// Whether bytes of a payload are to come.
    #[must_use]
    pub fn is_streaming_in(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.stream_in.is_some())
    }

    /// The rest of the payload that is coming is not wanted: it is read and dropped. The message is
    /// to be acknowledged all the same.
    pub fn skip_stream(&mut self) {
        if let Some(link) = &mut self.link {
            link.stream_in = None;
        }
    }

    /// The message that came as a stream was not taken, and a part of it is gone: it has to come
    /// again. So the connection ends, with DISCONNECT.
    pub fn refuse_stream(&mut self, token: AckToken) -> ConnectionError {
        self.session.incoming.forget(token);
        if let Some(link) = &mut self.link {
            link.stream_in = link.stream_in.filter(|stream| *stream != Some(token));
        }
        self.fail(ConnectionError::StreamNotTaken)
    }
}
