//! PUBLISH (3.3) and its four acknowledgements PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7).

use super::{PacketType, QoS, Version, encode_framed, put_code, put_properties, read_properties};
use crate::error::{DecodeError, EncodeError};
use crate::frame::Frame;
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::topic::TopicName;
use crate::wire::{MAX_REMAINING, PacketId, Reader, Sink, varint, varint_len};

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
    #[inline]
    pub fn decode(frame: Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let mut from = Reader::new(frame.body);
        let topic = from.binary()?;
        let delivery = match (frame.first >> 1) & 3 {
            0 => Delivery::AtMostOnce,
            1 => Delivery::AtLeastOnce(from.packet_id()?),
            2 => Delivery::ExactlyOnce(from.packet_id()?),
            _ => return Err(DecodeError::QoS), // [MQTT-3.3.1-4]
        };
        let dup = frame.first & DUP != 0;
        if dup && delivery == Delivery::AtMostOnce {
            return Err(DecodeError::DupWithoutId); // [MQTT-3.3.1-2]
        }
        let properties = read_properties(&mut from, version, PacketType::Publish.bit())?;
        let topic = match topic {
            [] if properties.topic_alias().is_some() => TopicName::EMPTY,
            topic => TopicName::from_bytes(topic).map_err(DecodeError::TopicName)?,
        };
        let retain = frame.first & RETAIN != 0;
        Ok(Self { dup, retain, delivery, topic, properties, payload: from.rest() })
    }

    /// Writes the whole packet and returns its length.
    ///
    /// # Errors
    /// [`EncodeError`] says what to change; then nothing was written.
    #[inline]
    pub fn encode(
        &self,
        version: Version,
        out: &mut (impl Sink + ?Sized),
    ) -> Result<usize, EncodeError> {
        let len = self.encode_head(version, self.payload.len(), out)?;
        out.put(self.payload);
        Ok(len)
    }

    /// Writes everything but the payload, which is `payload_len` bytes long, and returns the
    /// length of the whole packet.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[inline]
    pub fn encode_head(
        &self,
        version: Version,
        payload_len: usize,
        out: &mut (impl Sink + ?Sized),
    ) -> Result<usize, EncodeError> {
        let measure = self.measure(version, payload_len)?;
        self.put_head(measure, out);
        Ok(measure.packet_len())
    }

    /// Writes everything but the payload, as it was measured.
    #[inline]
    pub(crate) fn put_head(&self, measure: Measure, out: &mut (impl Sink + ?Sized)) {
        self.put_topic(measure.remaining, out);
        self.put_id_and_properties(measure.properties, out);
    }

    /// How long the packet is, with a payload of that length.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[inline]
    pub(crate) fn measure(
        &self,
        version: Version,
        payload_len: usize,
    ) -> Result<Measure, EncodeError> {
        if self.topic.is_empty() && self.properties.topic_alias().is_none() {
            return Err(EncodeError::EmptyTopic);
        }
        let properties_len = self.properties_len(version)?;
        let fixed = if self.delivery == Delivery::AtMostOnce { 2 } else { 4 };
        let head = self.topic.as_bytes().len().wrapping_add(fixed).wrapping_add(properties_len);
        let remaining = u32::try_from(head.saturating_add(payload_len)).unwrap_or(u32::MAX);
        if remaining > MAX_REMAINING {
            return Err(EncodeError::PacketTooLarge);
        }
        Ok(Measure { remaining, properties: properties_len })
    }

    /// Fixed header and topic. Every length has its own arm: then none is copied in a loop.
    #[inline]
    fn put_topic(&self, remaining: u32, out: &mut (impl Sink + ?Sized)) {
        let first = self.first_byte();
        let topic = self.topic.as_bytes();
        let [high, low] = (topic.len() as u16).to_be_bytes(); // At most 65,535 bytes.
        match varint(remaining) {
            ([a, ..], 1) => out.put(&[first, a, high, low]),
            ([a, b, ..], 2) => out.put(&[first, a, b, high, low]),
            ([a, b, c, _], 3) => out.put(&[first, a, b, c, high, low]),
            ([a, b, c, d], _) => out.put(&[first, a, b, c, d, high, low]),
        }
        out.put(topic);
    }

    #[inline]
    fn put_id_and_properties(&self, len: usize, out: &mut (impl Sink + ?Sized)) {
        let id = self.delivery.id().map(|id| id.get().to_be_bytes());
        match (id, len) {
            (Some([high, low]), 1) => out.put(&[high, low, 0]), // [MQTT-2.2.2-1]
            (Some(id), _) => out.put(&id),
            (None, 1) => out.put(&[0]),
            (None, _) => {}
        }
        if len > 1 {
            self.properties.write(&mut Forward(out));
        }
    }

    /// Bytes that the whole packet takes on the wire.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        self.len_with(version, self.payload.len())
    }

    /// The same with a payload of that length.
    #[inline]
    pub(crate) fn len_with(&self, version: Version, payload: usize) -> Result<usize, EncodeError> {
        self.measure(version, payload).map(Measure::packet_len)
    }

    #[inline]
    fn properties_len(&self, version: Version) -> Result<usize, EncodeError> {
        match version {
            Version::V311 if self.properties.is_empty() => Ok(0),
            Version::V5 if self.properties.is_empty() => Ok(1),
            Version::V311 => Err(EncodeError::PropertiesNeedV5),
            Version::V5 => {
                self.properties.check(PacketType::Publish)?;
                self.properties.encoded_len()
            }
        }
    }

    #[inline]
    fn first_byte(&self) -> u8 {
        // [MQTT-3.3.1-2]
        let dup = if self.dup && self.delivery != Delivery::AtMostOnce { DUP } else { 0 };
        let qos = (self.delivery.qos() as u8) << 1;
        PacketType::Publish.first_byte() | dup | qos | u8::from(self.retain)
    }
}

/// The lengths of a PUBLISH that was judged and can be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// The Remaining Length.
    remaining: u32,
    /// What the property section takes of it.
    properties: usize,
}

impl Measure {
    /// Bytes of the whole packet.
    #[inline]
    pub(crate) fn packet_len(self) -> usize {
        (self.remaining as usize).wrapping_add(varint_len(self.remaining)).wrapping_add(1)
    }
}

/// Makes a `dyn Sink` of a sink that may already be one.
struct Forward<'a, S: ?Sized>(&'a mut S);

impl<S: Sink + ?Sized> Sink for Forward<'_, S> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put(bytes);
    }

    fn fault(&mut self, error: EncodeError) {
        self.0.fault(error);
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

    #[inline]
    pub(crate) fn read(
        from: &mut Reader<'a>,
        kind: PacketType,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let id = from.packet_id()?;
        if version == Version::V311 || from.is_empty() {
            return Ok(Self::new(id, ReasonCode::SUCCESS));
        }
        let reason = read_reason(from, kind)?;
        let properties = read_optional_properties(from, kind)?;
        Ok(Self { id, reason, properties })
    }

    /// Reads the form without reason and properties, which nearly all have: `None` for any other
    /// packet, and for a malformed one.
    #[inline]
    pub(crate) fn shortest(frame: Frame<'_>) -> Option<(PacketType, Self)> {
        let kind = match frame.first {
            0x40 => PacketType::PubAck,
            0x50 => PacketType::PubRec,
            0x62 => PacketType::PubRel,
            0x70 => PacketType::PubComp,
            _ => return None,
        };
        let id = u16::from_be_bytes(frame.body.try_into().ok()?);
        Some((kind, Self::new(PacketId::new(id)?, ReasonCode::SUCCESS)))
    }

    /// Writes the shortest form.
    pub(crate) fn encode(
        &self,
        kind: PacketType,
        version: Version,
        out: &mut dyn Sink,
    ) -> Result<usize, EncodeError> {
        encode_framed(kind, out, &|out| {
            out.put(&self.id.get().to_be_bytes());
            put_reason(kind, version, self.reason, &self.properties, out);
        })
    }
}

/// A reason code that `kind` may carry.
pub(super) fn read_reason(
    from: &mut Reader<'_>,
    kind: PacketType,
) -> Result<ReasonCode, DecodeError> {
    let code = from.u8()?;
    Some(ReasonCode::from_u8(code))
        .filter(|reason| reason.is_listed_for(kind))
        .ok_or(DecodeError::ReasonCode(kind, code))
}

/// Properties that may be left out with their length.
pub(super) fn read_optional_properties<'a>(
    from: &mut Reader<'a>,
    kind: PacketType,
) -> Result<Properties<'a>, DecodeError> {
    if from.is_empty() { Ok(Properties::NONE) } else { Properties::read(from, kind.bit()) }
}

/// A reason code and properties at the end of a packet, as short as they can be; nothing in 3.1.1.
pub(super) fn put_reason(
    kind: PacketType,
    version: Version,
    reason: ReasonCode,
    properties: &Properties<'_>,
    out: &mut dyn Sink,
) {
    let bare = properties.is_empty();
    if version == Version::V5 && !(bare && reason == ReasonCode::SUCCESS) {
        put_code(kind, reason, out);
    }
    if version == Version::V311 || !bare {
        put_properties(version, kind.bit(), properties, out);
    }
}
