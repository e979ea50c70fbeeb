//! Messages from the server: aliases, slots, quotas, and what has no room.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::{Event, Received};
use super::input::{Handled, Verdict};
use super::link::Reply;
use super::stream_in::SMALLEST_PIECE;
use crate::error::DecodeError;
use crate::frame::{FixedHeader, Frame};
use crate::packet::{Delivery, PacketType, Publish, QoS, Version};
use crate::reason::ReasonCode;
use crate::session::AckToken;
use crate::session::incoming::Arrival;
use crate::time::Instant;
use crate::wire::PacketId;

impl Client<'_> {
    /// A packet larger than we take at once: a message may come piece by piece. 3.1.1 cannot tell
    /// the server what is too large: there it is skipped.
    #[cold]
    #[inline(never)]
    pub(super) fn handle_too_large<'c>(
        &'c mut self,
        header: FixedHeader,
        input: &'c [u8],
        now: Instant,
    ) -> Result<Handled<'c>, ConnectionError> {
        let (size, room) = (header.packet_len(), self.config.maximum_packet_size as usize);
        let version = self.config.version;
        let message = PacketType::from_first_byte(header.first) == Some(PacketType::Publish);
        let streams = message && size <= self.config.largest_stream as usize;
        let close = version == Version::V5 || self.config.close_if_too_large;
        if !message || !self.is_connected() || (close && !streams) {
            return Err(self.fail(ConnectionError::TooLarge { size }));
        }
        if self.is_blocked() {
            return Ok(Handled { blocked: true, ..Handled::incomplete(None) });
        }
        let input = input.get(..size).unwrap_or(input);
        let body = input.get(header.len..).unwrap_or_default();
        let publish = match Publish::decode(Frame { first: header.first, body }, version) {
            Ok(publish) => publish,
            Err(DecodeError::Truncated) if input.len() < room => {
                return Ok(Handled::incomplete(None));
            }
            Err(DecodeError::Truncated) => {
                return Err(self.fail(ConnectionError::TooLarge { size }));
            }
            Err(error) => return Err(self.fail(error.into())),
        };
        let head = input.len().saturating_sub(publish.payload.len());
        if streams && head.saturating_add(SMALLEST_PIECE) <= room {
            return self.handle_stream(publish, head, size.saturating_sub(head), now);
        }
        if close {
            return Err(self.fail(ConnectionError::TooLarge { size }));
        }
        let rest = size.saturating_sub(input.len());
        if let Err(error) = self.skip(publish.delivery, rest, now) {
            return Err(self.fail(error));
        }
        let topic = publish.topic;
        let event = Event::TooLarge { topic, size, room };
        Ok(Handled::used(input.len(), Some(event)))
    }

    fn skip(
        &mut self,
        delivery: Delivery,
        rest: usize,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if let Some(link) = &mut self.link {
            link.skip = rest;
            link.unread = 0;
        }
        let Some(id) = delivery.id() else { return Ok(()) };
        let exactly_once = delivery.qos() == QoS::ExactlyOnce;
        match self.session.incoming.arrive_skipped(id, exactly_once) {
            Arrival::New(_) | Arrival::Joined => Ok(()),
            Arrival::Repeat => {
                self.reply(PacketType::PubRec, id, ReasonCode::SUCCESS);
                Ok(())
            }
            Arrival::Clash => Err(Violation::PacketId(PacketType::Publish, id).into()),
            Arrival::Full => {
                self.shed(now);
                Ok(())
            }
        }
    }

    /// A message. Its alias is stored before anything else is decided about it.
    #[inline]
    pub(super) fn on_publish<'f>(
        &mut self,
        publish: Publish<'f>,
        size: usize,
        now: Instant,
    ) -> Result<Verdict<'f>, ConnectionError> {
        let alias = match publish.properties.is_empty() {
            true => None,
            false => self.learn_alias(&publish)?,
        };
        let token = match publish.delivery {
            Delivery::AtMostOnce => None,
            Delivery::AtLeastOnce(id) => match self.arrive(id, false, size, now)? {
                Some(token) => Some(token),
                None => return Ok(Verdict::Nothing),
            },
            Delivery::ExactlyOnce(id) => match self.arrive(id, true, size, now)? {
                Some(token) => Some(token),
                None => return Ok(Verdict::Nothing),
            },
        };
        let received = Received { publish, token };
        Ok(match alias {
            Some(alias) => Verdict::Aliased(alias, received),
            None => Verdict::Event(Event::Message(received)),
        })
    }

    /// Stores a mapping; gives the alias if the topic has to be looked up.
    pub(super) fn learn_alias(
        &mut self,
        publish: &Publish<'_>,
    ) -> Result<Option<u16>, ConnectionError> {
        let Some(alias) = publish.properties.topic_alias() else { return Ok(None) };
        let alias = alias.0.get();
        let maximum = self.link.as_ref().map_or(0, |link| link.topic_alias_maximum);
        if alias > maximum {
            return Err(Violation::TopicAlias(alias).into()); // [MQTT-3.3.2-11]
        }
        if publish.topic.is_empty() {
            self.aliases_in.get(alias).ok_or(Violation::UnknownAlias(alias))?;
            return Ok(Some(alias));
        }
        if !self.aliases_in.set(alias, publish.topic) {
            return Err(ConnectionError::NoRoom);
        }
        Ok(None)
    }

    /// A QoS 1 or 2 message: gives the token of a new one that is to be delivered.
    #[inline]
    pub(super) fn arrive(
        &mut self,
        id: PacketId,
        exactly_once: bool,
        size: usize,
        now: Instant,
    ) -> Result<Option<AckToken>, ConnectionError> {
        let known = self.session.incoming.known(id, exactly_once);
        // A DUP of a counted message counts once.
        let counts = known != Some(true);
        if counts && (self.exceeds_quota() || (known.is_none() && !self.has_slot(size))) {
            self.shed(now);
            return Ok(None);
        }
        match self.session.incoming.arrive(id, exactly_once, size) {
            Arrival::New(token) => Ok(Some(token)),
            Arrival::Joined => Ok(None),
            Arrival::Repeat => {
                self.reply(PacketType::PubRec, id, ReasonCode::SUCCESS);
                Ok(None)
            }
            Arrival::Clash => Err(Violation::PacketId(PacketType::Publish, id).into()),
            Arrival::Full if self.config.version == Version::V5 => Err(ConnectionError::NoRoom),
            Arrival::Full => {
                self.shed(now);
                Ok(None)
            }
        }
    }

    /// Whether the server has sent more than our Receive Maximum [MQTT-3.3.4-9].
    ///
    /// It is not told so at once: brokers in use overrun it, and would do so again on every
    /// connection, before any acknowledgement could leave. The excess is shed as in 3.1.1, and the
    /// connection ends with 0x93 when the program has caught up.
    fn exceeds_quota(&self) -> bool {
        let Some(link) = &self.link else { return false };
        let over = self.session.incoming.on_link() >= link.receive_maximum;
        self.config.version == Version::V5 && (over || link.shed != 0)
    }

    /// 3.1.1 has no Receive Maximum: whether there is a slot for one more message. From the first
    /// one without a slot on, all are shed, so that the server's resend keeps the order.
    ///
    /// In 5.0 messages of lost sessions may be held beside those of this one: as many again.
    fn has_slot(&self, size: usize) -> bool {
        let incoming = &self.session.incoming;
        if self.config.version == Version::V5 {
            return incoming.held() < self.config.receive_maximum.saturating_mul(2);
        }
        let bytes = incoming.held_bytes().saturating_add(size);
        let shedding = self.link.as_ref().is_some_and(|link| link.shed != 0);
        let room = bytes <= self.config.receive_bytes || incoming.held() == 0;
        !shedding && room && incoming.held() < self.config.receive_maximum
    }

    fn shed(&mut self, now: Instant) {
        let time = u64::from(self.config.response_time);
        if let Some(link) = &mut self.link {
            link.shed = link.shed.saturating_add(1);
            if time != 0 {
                link.timers.overrun.get_or_insert(now.after(time));
            }
        }
        self.check_overrun();
    }

    /// A shedding connection ends as soon as the program has taken half of what it holds and
    /// awaits no reply.
    pub(super) fn check_overrun(&mut self) {
        let shedding = self.link.as_mut().filter(|link| link.shed != 0);
        let Some(link) = shedding else { return };
        let half = self.config.receive_maximum >> 1;
        if self.session.incoming.held() <= half && self.session.outgoing.is_idle() {
            link.timers.overrun = Some(Instant::default());
        }
    }

    pub(super) fn reply(&mut self, kind: PacketType, id: PacketId, reason: ReasonCode) {
        if let Some(link) = &mut self.link {
            link.replies.push(Reply { kind, id, reason });
        }
    }
}
