//! Publishing: a message is judged, stored if it has to be acknowledged, and sent if it may be.

use super::Client;
use super::error::OperationError;
use super::link::Phase;
use super::operation::no_room;
use crate::error::EncodeError;
use crate::outbox::Outbox;
use crate::packet::{Delivery, Measure, Publish, QoS, Version};
use crate::payload::{Payload, Shared};
use crate::property::{Properties, Property, TopicAliasId};
use crate::session::Tag;
use crate::session::blocks::Chain;
use crate::session::outgoing::{Expiry, Flight, State};
use crate::time::Instant;
use crate::topic::TopicName;
use crate::wire::{PacketId, Sink, SliceSink, varint_len};

/// A message to publish.
#[derive(Clone, Copy, Debug)]
pub struct Message<'p> {
    /// Where it goes.
    pub topic: TopicName<'p>,
    /// What it says.
    pub payload: Payload<'p>,
    /// How hard the parties try.
    pub qos: QoS,
    /// Whether the server keeps it for later subscribers.
    pub retain: bool,
    /// Properties of the PUBLISH, 5.0 only. Topic aliases are the client's own business.
    pub properties: Properties<'p>,
}

impl<'p> Message<'p> {
    /// A QoS 0 message that is not retained.
    pub fn new(topic: TopicName<'p>, payload: impl Into<Payload<'p>>) -> Self {
        let payload = payload.into();
        Self { topic, payload, qos: QoS::AtMostOnce, retain: false, properties: Properties::NONE }
    }

    /// The same at that QoS.
    #[must_use]
    pub fn qos(self, qos: QoS) -> Self {
        Self { qos, ..self }
    }
}

/// What an accepted publish waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Nothing: it is QoS 0, and on its way.
    Left,
    /// An event with its tag: at QoS 1 and 2 the acknowledgement, at QoS 0 a connection.
    Pending(PacketId),
}

impl Client<'_> {
    /// Publishes a message. It is accepted whole or not at all; accepted, it will have one fate,
    /// told by an event with its tag unless it has left at once.
    ///
    /// Without a connection it waits for one. `now` matters only to a message with an expiry.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    #[inline]
    pub fn publish(
        &mut self,
        message: &Message<'_>,
        tag: Tag,
        now: Instant,
    ) -> Result<Published, OperationError> {
        let shared = message.payload.shared();
        let judged = self.judge_publish(message, shared.as_ref())?;
        let direct = self.is_connected() && self.session.outgoing.waiting_qos0 == 0;
        if message.qos == QoS::AtMostOnce && direct {
            return self.publish_now(&judged, shared);
        }
        let expiry = match message.properties.is_empty() {
            true => None,
            false => self.expiry_of(message, now),
        };
        let flight = Flight { qos: message.qos, tag, payload: shared, expiry, ..Flight::default() };
        self.publish_stored(judged, flight)
    }

    /// Judges a message by the standard and by the server's limits.
    #[inline]
    fn judge_publish<'p>(
        &self,
        message: &Message<'p>,
        shared: Option<&Shared>,
    ) -> Result<Judged<'p>, OperationError> {
        if !message.properties.is_empty() {
            check_publish_properties(&message.properties)?;
        }
        let publish = as_publish(message, Delivery::new(message.qos, PacketId::MIN));
        let measure = publish.measure(self.config.version, publish.payload.len())?;
        match self.link.as_ref() {
            Some(link) if link.is_connected() => {
                let size = measure.packet_len();
                self.limits.check_publish(message.qos, message.retain, size)?;
            }
            // Limits are known at CONNACK; what waits is judged again there.
            Some(link) if link.phase == Phase::Closing => return Err(OperationError::NotConnected),
            _ => {}
        }
        let shared = shared.map_or(0, |payload| payload.as_slice().len());
        Ok(Judged { publish, measure, shared })
    }

    /// QoS 0 with a connection: straight into the outbox.
    #[inline]
    fn publish_now(
        &mut self,
        judged: &Judged<'_>,
        shared: Option<Shared>,
    ) -> Result<Published, OperationError> {
        let copied = judged.copied();
        if self.link.as_ref().is_some_and(|link| link.stream.is_some()) {
            return Err(OperationError::NoRoom);
        }
        if !self.outbox.has_publish_room(copied, judged.shared) {
            return Err(no_room(copied, self.outbox.limit()));
        }
        self.append_publish(judged);
        if let Some(payload) = shared {
            self.outbox.append_shared(payload);
        }
        if let Some(link) = &mut self.link {
            link.unwritten_qos0 = link.unwritten_qos0.saturating_add(1);
        }
        Ok(Published::Left)
    }

    /// Encodes a PUBLISH into the outbox, its topic replaced by an alias if there is one, and
    /// counts it with a payload that is held by reference.
    #[inline]
    fn append_publish(&mut self, judged: &Judged<'_>) {
        let maximum = self.limits.topic_alias_maximum.min(self.config.topic_aliases);
        let alias = if maximum == 0 { None } else { self.alias_of(judged, maximum) };
        let (property, aliased);
        let judged = match alias {
            None => judged,
            Some((id, topic)) => {
                property = [Property::TopicAlias(id)];
                aliased = judged.with_alias(topic, &property, self.config.version);
                aliased.as_ref().unwrap_or(judged)
            }
        };
        let len = judged.append_to(&mut self.outbox);
        if let Some(link) = &mut self.link {
            link.count(len);
        }
    }

    /// The alias of a message's topic, and the topic that goes along with it: the first time only.
    fn alias_of<'p>(
        &mut self,
        judged: &Judged<'p>,
        maximum: u16,
    ) -> Option<(TopicAliasId, TopicName<'p>)> {
        let publish = judged.publish;
        // Decoded properties, of a message that is passed on, cannot be added to.
        let probe = [Property::TopicAlias(TopicAliasId(core::num::NonZeroU16::MIN))];
        publish.properties.and(&probe).topic_alias()?;
        // Alias and section length take at most 6 bytes, which the outbox's reserve covers.
        let size = judged.measure.packet_len().saturating_add(6);
        self.limits.check_size(size).ok()?;
        let known = self.aliases_out.find(publish.topic);
        let topic = if known.is_some() { TopicName::EMPTY } else { publish.topic };
        let alias = known.or_else(|| self.aliases_out.assign(publish.topic, maximum))?;
        core::num::NonZeroU16::new(alias).map(|id| (TopicAliasId(id), topic))
    }

    /// QoS 1 and 2, and QoS 0 without a connection: into the store, and from there into the outbox
    /// at once if nothing stands before it.
    #[inline]
    fn publish_stored(
        &mut self,
        mut judged: Judged<'_>,
        flight: Flight,
    ) -> Result<Published, OperationError> {
        let copied = judged.copied();
        let outgoing = &mut self.session.outgoing;
        let room = outgoing.capacity().min(self.outbox.limit());
        if copied > room {
            return Err(OperationError::TooLarge { size: copied, room });
        }
        if !outgoing.has_room(copied, judged.shared) {
            return Err(OperationError::NoRoom);
        }
        let id = outgoing.free_id().ok_or(OperationError::NoRoom)?;
        judged.publish.delivery = Delivery::new(flight.qos, id);
        let direct = self.may_send_directly(copied, judged.shared, flight.qos);
        let start = self.link.as_ref().map_or(0, |link| link.enqueued);
        let chain = self.store(&judged, direct)?;
        let payload = flight.payload.clone().filter(|_| direct);
        let state = if direct { State::Sent } else { State::Waiting };
        let flight = Flight { state, chain, start, counted: direct, ..flight };
        self.session.outgoing.push(id, flight).ok_or(OperationError::NoRoom)?;
        if let Some(payload) = payload {
            self.outbox.append_shared(payload);
        }
        if let Some(link) = self.link.as_mut().filter(|_| direct) {
            link.outstanding = link.outstanding.saturating_add(1);
        }
        Ok(Published::Pending(id))
    }

    /// Keeps an encoded PUBLISH until it is acknowledged, and puts it into the outbox too if it may
    /// leave at once. There is room for both.
    #[inline]
    fn store(&mut self, judged: &Judged<'_>, direct: bool) -> Result<Chain, OperationError> {
        if direct {
            self.append_publish(judged);
        }
        let mut chain = self.session.outgoing.write();
        if direct && self.config.topic_aliases == 0 {
            chain.put(self.outbox.last(judged.copied()));
        } else {
            judged.put(&mut chain);
        }
        chain.finish().ok_or(OperationError::NoRoom)
    }

    /// Nothing waits before it, the server takes one more, and there is room.
    #[inline]
    fn may_send_directly(&self, copied: usize, shared: usize, qos: QoS) -> bool {
        let free = self.link.as_ref().is_some_and(|link| {
            link.is_connected()
                && link.outstanding < self.limits.receive_maximum
                && link.stream.is_none()
        });
        let clearing = self.session.adopted && qos == QoS::ExactlyOnce;
        free && !clearing
            && qos != QoS::AtMostOnce
            && self.session.outgoing.cursor.is_none()
            && self.outbox.has_publish_room(copied, shared)
    }

    fn expiry_of(&self, message: &Message<'_>, now: Instant) -> Option<Expiry> {
        let seconds = message.properties.message_expiry_interval()?;
        let at = now.after(u64::from(seconds).saturating_mul(1000));
        // Behind fixed header, topic, identifier and section length: the payload format indicator
        // and this property come first in the order of writing.
        let bare = Publish {
            properties: Properties::NONE,
            payload: &[],
            ..as_publish(message, Delivery::new(message.qos, PacketId::MIN))
        };
        let version = self.config.version;
        let whole = as_publish(message, bare.delivery).encoded_len(version).ok()?;
        let properties = message.properties.encoded_len().ok()?;
        let content =
            whole.checked_sub(message.payload.as_slice().len())?.checked_sub(properties)?;
        let section = varint_len(u32::try_from(properties).ok()?);
        let format = if message.properties.payload_format_indicator().is_some() { 2 } else { 0 };
        let offset = content.checked_add(section)?.checked_add(format)?.checked_add(1)?;
        Some(Expiry { at, offset })
    }
}

/// Topic aliases and subscription identifiers are not the caller's to give [MQTT-3.3.4-6].
pub(super) fn check_publish_properties(properties: &Properties<'_>) -> Result<(), OperationError> {
    let forbidden = properties.into_iter().find(|property| {
        matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_))
    });
    match forbidden {
        Some(property) => Err(EncodeError::MisplacedProperty(property.id()).into()),
        None => Ok(()),
    }
}

#[inline]
pub(super) fn as_publish<'p>(message: &Message<'p>, delivery: Delivery) -> Publish<'p> {
    Publish {
        dup: false,
        retain: message.retain,
        delivery,
        topic: message.topic,
        properties: message.properties,
        payload: message.payload.as_slice(),
    }
}

/// A PUBLISH that was judged and measured: it encodes.
struct Judged<'p> {
    publish: Publish<'p>,
    measure: Measure,
    /// Bytes of a payload that is held by reference.
    shared: usize,
}

impl<'p> Judged<'p> {
    /// The same with that alias, and that topic beside it.
    fn with_alias(
        &self,
        topic: TopicName<'p>,
        alias: &'p [Property<'p>],
        version: Version,
    ) -> Option<Self> {
        let publish = self.publish;
        let publish = Publish { topic, properties: publish.properties.and(alias), ..publish };
        let measure = publish.measure(version, publish.payload.len()).ok()?;
        Some(Self { publish, measure, shared: self.shared })
    }

    /// Bytes to copy.
    #[inline]
    fn copied(&self) -> usize {
        self.measure.packet_len().saturating_sub(self.shared)
    }

    /// Writes it, but for a payload that is held by reference.
    #[inline]
    fn put(&self, out: &mut impl Sink) {
        self.publish.put_head(self.measure, out);
        if self.shared == 0 {
            out.put(self.publish.payload);
        }
    }

    /// Writes it to the outbox, which has room, and gives the length of the packet.
    #[inline]
    fn append_to(&self, outbox: &mut Outbox<'_>) -> usize {
        let Some(room) = outbox.append(self.copied()) else { return 0 };
        self.put(&mut SliceSink::new(room));
        self.measure.packet_len()
    }
}
