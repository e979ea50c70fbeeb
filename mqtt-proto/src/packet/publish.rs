//! PUBLISH (3.3) and its four acknowledgements PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7).

use super::reason::{put_reason, read_reason};
use super::{PacketType, QoS, Version};
use crate::error::{DecodeError, EncodeError};
use crate::frame::Frame;
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::topic::TopicName;
use crate::wire::{PacketId, Reader, Writer, write_packet};

/// QoS and packet identifier of a PUBLISH in one value, so that they cannot disagree
/// [MQTT-2.2.1-2].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0: no identifier, no acknowledgement.
    #[default]
    AtMostOnce,
    /// QoS 1: answered by PUBACK.
    AtLeastOnce(PacketId),
    /// QoS 2: answered by PUBREC.
    ExactlyOnce(PacketId),
}

impl Delivery {
    /// The QoS alone.
    #[must_use]
    pub const fn qos(self) -> QoS {
        match self {
            Self::AtMostOnce => QoS::AtMostOnce,
            Self::AtLeastOnce(_) => QoS::AtLeastOnce,
            Self::ExactlyOnce(_) => QoS::ExactlyOnce,
        }
    }

    /// The packet identifier, which QoS 0 has not.
    #[must_use]
    pub const fn id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce(id) | Self::ExactlyOnce(id) => Some(id),
        }
    }

    /// The delivery of that QoS, with `id` where the QoS asks for one.
    #[must_use]
    pub const fn new(qos: QoS, id: PacketId) -> Self {
        match qos {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce(id),
            QoS::ExactlyOnce => Self::ExactlyOnce(id),
        }
    }
}

/// PUBLISH (3.3): a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// This is a resend of an earlier PUBLISH (3.3.1.1); not written at QoS 0.
    pub dup: bool,
    /// To the server: keep it as the topic's retained message. From the server: it was one (3.3.1.3).
    pub retain: bool,
    /// QoS and packet identifier.
    pub delivery: Delivery,
    /// The topic name; empty only in 5.0, beside a topic alias.
    pub topic: TopicName<'a>,
    /// Properties, 5.0 only (3.3.2.3).
    pub properties: Properties<'a>,
    /// The payload: any bytes.
    pub payload: &'a [u8],
}

/// The DUP flag in the first byte of a PUBLISH.
pub(crate) const DUP: u8 = 1 << 3;
const RETAIN: u8 = 1;

/// The property of that name.
const TOPIC_ALIAS: u8 = 0x23;

/// A PUBLISH as it lies in its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'p> {
    pub(crate) first: u8,
    /// Of QoS 0 it is none.
    pub(crate) id: Option<PacketId>,
    pub(crate) topic: &'p [u8],
    /// The topic stands for this alias, or the alias for the topic.
    pub(crate) alias: Option<u16>,
    pub(crate) section: &'p [u8],
    pub(crate) payload: &'p [u8],
}

impl<'p> Received<'p> {
    /// The QoS at which it came.
    #[cfg(feature = "alloc")]
    pub(crate) fn qos(&self) -> QoS {
        QoS::from_bits((self.first >> 1) & 3).unwrap_or_default()
    }

    /// Reads a PUBLISH, or its front as far as it is there. It is right if the reader has no fault
    /// then.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn read(first: u8, from: &mut Reader<'p>, version: Version) -> Self {
        let topic = from.binary();
        let mut id = None;
        match QoS::from_bits((first >> 1) & 3) {
            Some(QoS::AtMostOnce) if first & DUP != 0 => from.fail(DecodeError::DupWithoutId), // [MQTT-3.3.1-2]
            Some(QoS::AtMostOnce) => {}
            Some(_) => id = Some(from.packet_id()),
            None => from.fail(DecodeError::QoS), // [MQTT-3.3.1-4]
        }
        let (mut section, mut alias): (&[u8], _) = (&[], None);
        if version == Version::V5 && !from.skip_zero() {
            let properties = Properties::read(from, version, PacketType::Publish.bit());
            section = properties.section();
            alias = properties.number(TOPIC_ALIAS).map(|alias| alias as u16);
        }
        if let Err(error) = TopicName::from_bytes(topic)
            && (!topic.is_empty() || alias.is_none())
        {
            from.fail(DecodeError::TopicName(error));
        }
        Self { first, id, topic, alias, section, payload: from.take_rest() }
    }
}

impl<'a> Publish<'a> {
    /// A first, QoS 0, not retained PUBLISH of that payload; the rest is set field by field.
    #[must_use]
    pub const fn new(topic: TopicName<'a>, payload: &'a [u8]) -> Self {
        Self {
            dup: false,
            retain: false,
            delivery: Delivery::AtMostOnce,
            topic,
            properties: Properties::NONE,
            payload,
        }
    }

    /// Reads a PUBLISH. Of a frame whose end is missing, `payload` is what there is of it.
    ///
    /// # Errors
    /// [`DecodeError`] names the rule that the bytes break.
    pub fn decode(frame: Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let mut from = Reader::new(frame.body);
        let publish = Self::read(frame.first, &mut from, version);
        from.check()?;
        Ok(publish)
    }

    pub(super) fn read(first: u8, from: &mut Reader<'a>, version: Version) -> Self {
        let received = Received::read(first, from, version);
        let qos = QoS::from_bits((first >> 1) & 3).unwrap_or_default();
        Self {
            dup: first & DUP != 0,
            retain: first & RETAIN != 0,
            delivery: Delivery::new(qos, received.id.unwrap_or(PacketId::MIN)),
            topic: TopicName::judged(received.topic),
            properties: Properties::judged(received.section),
            payload: received.payload,
        }
    }

    /// Writes the whole packet and returns its length.
    ///
    /// # Errors
    /// [`EncodeError`] says what to change; then nothing was written.
    pub fn encode(&self, version: Version, out: &mut Writer<'_>) -> Result<usize, EncodeError> {
        write_packet(out, self.first_byte(), &|out| self.write(version, out))
    }

    /// Returns how many bytes the whole packet takes on the wire.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        self.encode(version, &mut Writer::counting())
    }

    pub(super) fn write(&self, version: Version, out: &mut Writer<'_>) {
        if self.topic.is_empty() && self.properties.number(TOPIC_ALIAS).is_none() {
            out.fail(EncodeError::EmptyTopic);
        }
        out.binary(self.topic.as_bytes());
        if let Some(id) = self.delivery.id() {
            out.u16(id.get());
        }
        self.properties.write(version, PacketType::Publish.bit(), out);
        out.put(self.payload);
    }

    pub(crate) fn first_byte(&self) -> u8 {
        // [MQTT-3.3.1-2]
        let dup = if self.dup && self.delivery != Delivery::AtMostOnce { DUP } else { 0 };
        let qos = (self.delivery.qos() as u8) << 1;
        PacketType::Publish.first_byte() | dup | qos | u8::from(self.retain)
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (3.4 to 3.7): they have one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The packet identifier of the PUBLISH [MQTT-2.2.1-5].
    pub id: PacketId,
    /// How it went; always success in 3.1.1.
    pub reason: ReasonCode,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// The acknowledgement of `id` with that reason and nothing else.
    #[must_use]
    pub const fn new(id: PacketId, reason: ReasonCode) -> Self {
        Self { id, reason, properties: Properties::NONE }
    }

    pub(crate) fn read(from: &mut Reader<'a>, kind: PacketType, version: Version) -> Self {
        let id = from.packet_id();
        let (reason, properties) = read_reason(from, kind, version);
        Self { id, reason, properties }
    }

    /// Writes the shortest form.
    pub(super) fn write(&self, kind: PacketType, version: Version, out: &mut Writer<'_>) {
        out.u16(self.id.get());
        put_reason(self.reason, &self.properties, kind, version, out);
    }
}
