//! SUBSCRIBE and UNSUBSCRIBE (3.8 to 3.11): requests that the server answers filter by filter.

use super::Client;
use super::error::{ConnectionError, OperationError, Violation};
use super::event::{Answer, Event, Tag, Tell};
use super::outgoing::state;
use crate::limits::Limit;
use crate::log::Record;
use crate::packet::{
    Filters, PacketType, SubAck, Subscribe, Subscription, Subscriptions, Unsubscribe,
};
use crate::property::Properties;
use crate::topic::TopicFilter;
use crate::wire::{PacketId, Reader, Writer};

impl Client<'_> {
    /// Subscribes to the filters; [`Event::Answered`] tells the answer.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    pub fn subscribe(
        &mut self,
        subscriptions: &[Subscription<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let limits = self.limits().ok_or(OperationError::NotConnected)?;
        for subscription in subscriptions {
            limits.check_subscription(subscription)?;
        }
        if !properties.is_empty()
            && properties.raw(0x0b).is_some()
            && !limits.subscription_identifier_available
        {
            return Err(Limit::SubscriptionIdentifierNotAvailable.into());
        }
        self.incoming.is_awaited = true; // What comes of it is not dropped before somebody takes it.
        let version = self.config.version;
        let count = subscriptions.len();
        let filters = Subscriptions::new(subscriptions);
        self.request(PacketType::Subscribe, state::SUBSCRIBE, count, tag, &|id, out| {
            Subscribe { id, properties, filters }.write(version, out);
        })
    }

    /// Ends subscriptions; [`Event::Answered`] tells the answer.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    pub fn unsubscribe(
        &mut self,
        filters: &[TopicFilter<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let version = self.config.version;
        let (count, filters) = (filters.len(), Filters::new(filters));
        self.request(PacketType::Unsubscribe, state::UNSUBSCRIBE, count, tag, &|id, out| {
            Unsubscribe { id, properties, filters }.write(version, out);
        })
    }

    fn request(
        &mut self,
        kind: PacketType,
        state: u8,
        count: usize,
        tag: Tag,
        body: &dyn Fn(PacketId, &mut Writer<'_>),
    ) -> Result<PacketId, OperationError> {
        let limits = *self.limits().ok_or(OperationError::NotConnected)?;
        if !self.has_place() || !self.outgoing.log.has_empty_room() {
            return Err(OperationError::NoRoom);
        }
        let before = self.outgoing.last_id;
        let id = self.outgoing.next_id();
        let packet_id = PacketId::new(id).unwrap_or(PacketId::MIN);
        let sent = self.encode(kind, limits.maximum_packet_size, &|out| body(packet_id, out));
        if let Err(error) = sent {
            self.outgoing.last_id = before; // It was not used.
            return Err(error);
        }
        let extra = u32::try_from(count).unwrap_or(u32::MAX);
        let mut record = Record { id, state, who: tag.0, extra, ..Record::default() };
        if self.outgoing.log.append(&mut record) {
            self.outgoing.requests = self.outgoing.requests.wrapping_add(1);
        }
        Ok(packet_id)
    }

    /// SUBACK or UNSUBACK.
    pub(super) fn on_answer(
        &mut self,
        kind: PacketType,
        body: &[u8],
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        let mut from = Reader::new(body);
        let SubAck { id, properties, codes } = SubAck::read(&mut from, kind, self.config.version);
        from.end()?;
        self.check_explanation(kind, &properties)?;
        if !self.is_connected() {
            return Err(Violation::Unexpected(kind).into());
        }
        let Some(record) = self.outgoing.log.find(id.get()) else { return Ok(()) };
        let asked = if kind == PacketType::SubAck { state::SUBSCRIBE } else { state::UNSUBSCRIBE };
        if record.state != asked {
            return Err(Violation::PacketId(kind, id).into());
        }
        let any = kind == PacketType::UnsubAck && !self.v5();
        if !any && codes.len() != record.extra as usize {
            return Err(Violation::ReasonCodes(kind).into());
        }
        self.outgoing.remove(&record);
        self.note_progress();
        if record.who != Tag::NOBODY.0 {
            tell(Event::Answered(Answer { tag: Tag(record.who), codes, properties }));
        }
        Ok(())
    }
}
