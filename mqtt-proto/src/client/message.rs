//! A message to publish, and its packet.

use crate::packet::{PacketType, QoS, Version};
use crate::payload::Payload;
use crate::property::Properties;
use crate::topic::TopicName;
use crate::wire::{MAX_REMAINING, Writer, copy, varint_len};

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

    /// The first byte of its PUBLISH.
    #[inline]
    pub(super) fn first_byte(&self) -> u8 {
        0x30 | (self.qos as u8) << 1 | u8::from(self.retain)
    }
}

/// How long a PUBLISH and its parts are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Of the whole packet, and of what follows the Remaining Length.
    packet: u32,
    remaining: u32,
    /// Of the properties, with the length of their section; 0 in 3.1.1.
    section: u32,
}

impl Sizes {
    /// Those of a packet with so much behind its fixed header; none if that is too much.
    #[inline]
    pub(super) fn new(remaining: usize, section: usize) -> Option<Self> {
        let remaining = u32::try_from(remaining).ok().filter(|len| *len <= MAX_REMAINING)?;
        let packet = remaining.wrapping_add(varint_len(remaining) as u32).wrapping_add(1);
        Some(Self { packet, remaining, section: section as u32 }) // At most `remaining`.
    }

    /// Bytes of the whole packet.
    #[inline]
    pub(super) fn packet(self) -> usize {
        self.packet as usize
    }
}

/// Writes a PUBLISH, which has its room, but for a payload that is held by reference: that has none.
#[cfg_attr(feature = "alloc", inline(always))]
#[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
pub(super) fn write_publish(room: &mut [u8], message: &Message<'_>, sizes: Sizes, id: u16) {
    let topic = message.topic.as_bytes();
    let mut room = put(room, &[message.first_byte()]);
    let mut remaining = sizes.remaining;
    while remaining > 0x7f {
        room = put(room, &[remaining as u8 | 0x80]);
        remaining >>= 7;
    }
    let [high, low] = (topic.len() as u16).to_be_bytes(); // At most 65,535 bytes.
    room = put(room, &[remaining as u8, high, low]);
    room = put(room, topic);
    if message.qos != QoS::AtMostOnce {
        room = put(room, &id.to_be_bytes());
    }
    let (section, rest) = room.split_at_mut_checked(sizes.section as usize).unwrap_or_default();
    match section {
        [] => {}
        [none] => *none = 0,
        section => {
            let mut out = Writer::new(section);
            message.properties.write(Version::V5, PacketType::Publish.bit(), &mut out);
        }
    }
    put(rest, message.payload.as_slice());
}

/// Writes the bytes, and returns the room behind them.
#[cfg_attr(feature = "alloc", inline)]
#[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
fn put<'r>(room: &'r mut [u8], bytes: &[u8]) -> &'r mut [u8] {
    let (place, rest) = room.split_at_mut_checked(bytes.len()).unwrap_or_default();
    copy(place, bytes);
    rest
}
