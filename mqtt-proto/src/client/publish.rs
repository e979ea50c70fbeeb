//! Publishing: a message is judged, stored if it has to be acknowledged, and sent if it may be.

use super::Client;
use super::error::OperationError;
use super::link::Phase;
use super::operation::no_room;
use crate::error::EncodeError;
use crate::outbox::Outbox;
use crate::packet::{Delivery, Publish, QoS, Version};
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
        let size = self.check_publish(message)?;
        let shared = message.payload.shared();
        let shared_len = shared.as_ref().map_or(0, |payload| payload.as_slice().len());
        let copied = size.saturating_sub(shared_len);
        if message.qos == QoS::AtMostOnce
            && self.is_connected()
            && self.session.outgoing.waiting_qos0 == 0
        {
            return self.publish_now(message, copied, shared);
        }
        let flight = Flight {
            qos: message.qos,
            tag,
            payload: shared,
            expiry: match message.properties.is_empty() {
                true => None,
                false => self.expiry_of(message, now),
            },
            ..Flight::default()
        };
        self.publish_stored(message, copied, shared_len, flight)
    }

    /// Judges a message, and gives the bytes of its PUBLISH.
    #[inline]
    fn check_publish(&self, message: &Message<'_>) -> Result<usize, OperationError> {
        let publish = as_publish(message, Delivery::new(message.qos, PacketId::MIN));
        if !message.properties.is_empty() {
            check_publish_properties(&message.properties)?;
        }
        let len = message.payload.as_slice().len();
        let size = publish.len_with(self.config.version, len)?;
        match self.link.as_ref() {
            Some(link) if link.is_connected() => {
                link.limits.check_publish(message.qos, message.retain, size)?;
            }
            // Limits are known at CONNACK; what waits is judged again there.
            Some(link) if link.phase == Phase::Closing => return Err(OperationError::NotConnected),
            _ => {}
        }
        Ok(size)
    }

    /// QoS 0 with a connection: straight into the outbox.
    #[inline]
    fn publish_now(
        &mut self,
        message: &Message<'_>,
        copied: usize,
        shared: Option<Shared>,
    ) -> Result<Published, OperationError> {
        let shared_len = shared.as_ref().map_or(0, |payload| payload.as_slice().len());
        if !self.outbox.has_publish_room(copied, shared_len) {
            return Err(no_room(copied, self.outbox.limit()));
        }
        let publish = as_publish(message, Delivery::AtMostOnce);
        self.append_publish(&publish, copied, shared_len);
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
    fn append_publish(&mut self, publish: &Publish<'_>, copied: usize, shared_len: usize) {
        let Some(link) = &mut self.link else { return };
        let maximum = link.limits.topic_alias_maximum.min(self.config.topic_aliases);
        let copied = match maximum {
            0 => put_publish(publish, copied, shared_len, self.config.version, &mut self.outbox),
            maximum => self.append_aliased(publish, copied, shared_len, maximum),
        };
        if let Some(link) = &mut self.link {
            link.count(copied.saturating_add(shared_len));
        }
    }

    /// The same with an alias: the topic goes along the first time only.
    fn append_aliased(
        &mut self,
        publish: &Publish<'_>,
        copied: usize,
        shared_len: usize,
        maximum: u16,
    ) -> usize {
        let version = self.config.version;
        // Decoded properties, of a message that is passed on, cannot be added to.
        let probe = [Property::TopicAlias(TopicAliasId(core::num::NonZeroU16::MIN))];
        if publish.properties.and(&probe).topic_alias().is_none() {
            return put_publish(publish, copied, shared_len, version, &mut self.outbox);
        }
        let known = self.aliases_out.find(publish.topic);
        // Alias and section length take at most 6 bytes, which the outbox's reserve covers.
        let size = copied.saturating_add(shared_len).saturating_add(6);
        let limits = self.link.as_ref().map(|link| &link.limits);
        let fits = limits.is_some_and(|limits| limits.check_size(size).is_ok());
        let assign = || self.aliases_out.assign(publish.topic, maximum);
        let alias = if fits { known.or_else(assign) } else { None };
        let alias = alias.and_then(core::num::NonZeroU16::new);
        let Some(id) = alias else {
            return put_publish(publish, copied, shared_len, version, &mut self.outbox);
        };
        let alias = [Property::TopicAlias(TopicAliasId(id))];
        let topic = if known.is_some() { TopicName::EMPTY } else { publish.topic };
        let aliased = Publish { topic, properties: publish.properties.and(&alias), ..*publish };
        let len = aliased.len_with(version, publish.payload.len());
        let len = len.map_or(copied, |len| len.saturating_sub(shared_len));
        put_publish(&aliased, len, shared_len, version, &mut self.outbox)
    }

    /// QoS 1 and 2, and QoS 0 without a connection: into the store, and from there into the outbox
    /// at once if nothing stands before it.
    #[inline]
    fn publish_stored(
        &mut self,
        message: &Message<'_>,
        copied: usize,
        shared_len: usize,
        flight: Flight,
    ) -> Result<Published, OperationError> {
        let outgoing = &mut self.session.outgoing;
        let room = outgoing.capacity().min(self.outbox.limit());
        if copied > room {
            return Err(OperationError::TooLarge { size: copied, room });
        }
        if !outgoing.has_room(copied, shared_len) {
            return Err(OperationError::NoRoom);
        }
        let id = outgoing.free_id().ok_or(OperationError::NoRoom)?;
        let publish = as_publish(message, Delivery::new(message.qos, id));
        let direct = self.may_send_directly(copied, shared_len, message.qos);
        let start = self.link.as_ref().map_or(0, |link| link.enqueued);
        let chain = self.store(&publish, copied, shared_len, direct)?;
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
    fn store(
        &mut self,
        publish: &Publish<'_>,
        copied: usize,
        shared_len: usize,
        direct: bool,
    ) -> Result<Chain, OperationError> {
        if direct && self.config.topic_aliases == 0 {
            self.append_publish(publish, copied, shared_len);
            let mut chain = self.session.outgoing.write();
            chain.put(self.outbox.last(copied));
            return chain.finish().ok_or(OperationError::NoRoom);
        }
        let mut chain = self.session.outgoing.write();
        let encoded = encode_publish(publish, shared_len, self.config.version, &mut chain);
        let chain = chain.finish().ok_or(OperationError::NoRoom)?;
        encoded.inspect_err(|_| self.session.outgoing.forget(chain))?;
        if direct {
            self.append_publish(publish, copied, shared_len);
        }
        Ok(chain)
    }

    /// Nothing waits before it, the server takes one more, and there is room.
    #[inline]
    fn may_send_directly(&self, copied: usize, shared: usize, qos: QoS) -> bool {
        let free = self.link.as_ref().is_some_and(|link| {
            link.is_connected() && link.outstanding < link.limits.receive_maximum
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
fn check_publish_properties(properties: &Properties<'_>) -> Result<(), OperationError> {
    let forbidden = properties.into_iter().find(|property| {
        matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_))
    });
    match forbidden {
        Some(property) => Err(EncodeError::MisplacedProperty(property.id()).into()),
        None => Ok(()),
    }
}

#[inline]
fn as_publish<'p>(message: &Message<'p>, delivery: Delivery) -> Publish<'p> {
    Publish {
        dup: false,
        retain: message.retain,
        delivery,
        topic: message.topic,
        properties: message.properties,
        payload: message.payload.as_slice(),
    }
}

/// Writes a PUBLISH; its payload only if it is not held by reference.
#[inline]
fn encode_publish(
    publish: &Publish<'_>,
    shared_len: usize,
    version: Version,
    out: &mut impl Sink,
) -> Result<usize, EncodeError> {
    match shared_len {
        0 => publish.encode(version, out),
        len => publish.encode_head(version, len, out),
    }
}

/// Encodes into the outbox; `len` is what there is to write.
#[inline]
fn put_publish(
    publish: &Publish<'_>,
    len: usize,
    shared_len: usize,
    version: Version,
    outbox: &mut Outbox<'_>,
) -> usize {
    let Some(room) = outbox.append(len) else { return 0 };
    // It was judged and counted before: it encodes, and fits.
    let _ = encode_publish(publish, shared_len, version, &mut SliceSink::new(room));
    len
}
