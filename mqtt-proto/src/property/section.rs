//! Property sections as bytes: one loop over the table judges them all.

use super::RULES;
use crate::error::DecodeError;
use crate::packet_type::PacketType;
use crate::topic::TopicName;
use crate::wire::{Reader, Writer, utf8};

/// What the standard says of a property.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// The packets that may carry it, a bit each; none if there is no such property.
    pub(super) places: u16,
}

/// The basic data type of a value, and its range.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A byte, 0 or 1.
    Flag,
    /// Two bytes.
    Short,
    ShortNot0,
    /// Two bytes: a topic alias.
    Alias,
    /// Four bytes.
    Long,
    LongNot0,
    /// A variable byte integer, not 0.
    Varint,
    /// A UTF-8 string.
    Text,
    /// A UTF-8 string: a topic name.
    Topic,
    /// Two UTF-8 strings [MQTT-1.5.7-1].
    Pair,
    /// Binary data.
    Data,
}

impl Kind {
    /// Bytes of a number of fixed length.
    const fn width(self) -> usize {
        match self {
            Self::Flag => 1,
            Self::Short | Self::ShortNot0 | Self::Alias => 2,
            _ => 4,
        }
    }
}

/// Returns the rule of a property that exists.
fn rule(id: u32) -> Option<&'static Rule> {
    RULES.get(id as usize).filter(|rule| rule.places != 0)
}

/// A property of any kind: a number, or bytes.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Raw<'a> {
    pub(crate) id: u8,
    pub(crate) number: u32,
    pub(crate) bytes: &'a [u8],
    /// The second string of a pair.
    pub(crate) second: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Reads a property, whose value is not judged.
    pub(super) fn read(from: &mut Reader<'a>) -> Self {
        let id = from.varint();
        let Some(rule) = rule(id) else {
            from.fail(DecodeError::UnknownProperty(u16::try_from(id).unwrap_or(u16::MAX)));
            return Self::default();
        };
        let mut raw = Self { id: id as u8, ..Self::default() };
        match rule.kind {
            Kind::Varint => raw.number = from.varint(),
            Kind::Text | Kind::Topic | Kind::Data => raw.bytes = from.binary(),
            Kind::Pair => (raw.bytes, raw.second) = (from.binary(), from.binary()),
            number => raw.number = from.number(number.width()),
        }
        raw
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        let Some(rule) = rule(u32::from(self.id)) else { return };
        out.u8(self.id);
        match rule.kind {
            Kind::Varint => out.varint(self.number),
            Kind::Data => out.binary(self.bytes),
            Kind::Topic => TopicName::judged(self.bytes).write(out),
            Kind::Text => out.text(self.bytes),
            Kind::Pair => {
                out.text(self.bytes);
                out.text(self.second);
            }
            number => out.number(self.number, number.width()),
        }
    }

    /// Judges the value.
    fn judge(&self) -> Result<(), DecodeError> {
        let Some(rule) = rule(u32::from(self.id)) else { return Ok(()) };
        match (rule.kind, self.number) {
            (Kind::Alias, 0) => Err(DecodeError::TopicAliasZero), // [MQTT-3.3.2-8]
            (Kind::ShortNot0 | Kind::LongNot0 | Kind::Varint, 0) | (Kind::Flag, 2..) => {
                Err(DecodeError::PropertyValue(self.id))
            }
            (Kind::Text | Kind::Pair, _) => match (utf8(self.bytes), utf8(self.second)) {
                (Some(_), Some(_)) => Ok(()),
                _ => Err(DecodeError::String),
            },
            (Kind::Topic, _) => {
                TopicName::from_bytes(self.bytes).map_err(DecodeError::TopicName).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Judges a property section of the packets `place`.
pub(super) fn judge(section: &[u8], place: u16) -> Result<(), DecodeError> {
    let mut rest = Reader::new(section);
    let mut seen = Seen::default();
    while !rest.is_empty() {
        let raw = Raw::read(&mut rest);
        rest.check()?;
        raw.judge()?;
        seen.judge(raw.id, place)?;
    }
    if seen.lacks_method() { Err(DecodeError::AuthDataWithoutMethod) } else { Ok(()) }
}

/// The properties seen so far, a bit each: all identifiers are below 64.
// In two halves: a device shifts no more than 32 bits at a time.
#[derive(Default)]
pub(super) struct Seen([u32; 2]);

impl Seen {
    pub(super) fn judge(&mut self, id: u8, place: u16) -> Result<(), DecodeError> {
        let Some(rule) = rule(u32::from(id)).filter(|rule| rule.places & place != 0) else {
            return Err(DecodeError::MisplacedProperty(id));
        };
        // A message may come from several subscriptions (3.3.2.3.8).
        let repeats = match rule.kind {
            Kind::Varint => place == PacketType::Publish.bit(),
            kind => kind == Kind::Pair,
        };
        if self.has(id) && !repeats {
            return Err(DecodeError::RepeatedProperty(id));
        }
        if let Some(half) = self.0.get_mut(usize::from(id >> 5)) {
            *half |= bit(id);
        }
        Ok(())
    }

    /// Authentication data needs its method (3.1.2.11.10).
    pub(super) fn lacks_method(&self) -> bool {
        self.has(0x16) && !self.has(0x15)
    }

    fn has(&self, id: u8) -> bool {
        self.0.get(usize::from(id >> 5)).is_some_and(|half| half & bit(id) != 0)
    }
}

/// Its bit in its half.
const fn bit(id: u8) -> u32 {
    1_u32.wrapping_shl(id as u32)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::packet_type::Version;
    use crate::property::Properties;

    const PUBLISH: u16 = PacketType::Publish.bit();

    #[test]
    fn properties_are_read_in_their_order_and_a_pair_as_two() {
        let bytes = b"\x12\x02\0\0\0\x07\x03\0\x01t\x26\0\x01a\0\0\x0b\x81\x01rest";
        let mut from = Reader::new(bytes);
        let properties = Properties::read(&mut from, Version::V5, PUBLISH);
        assert_eq!((properties.section(), from.rest()), (&bytes[1..19], &b"rest"[..]));
        assert_eq!(from.check(), Ok(()));
        let raws: Vec<_> =
            properties.raws().map(|raw| (raw.id, raw.number, raw.bytes, raw.second)).collect();
        let expected: [(u8, u32, &[u8], &[u8]); 4] =
            [(2, 7, b"", b""), (3, 0, b"t", b""), (0x26, 0, b"a", b""), (0x0b, 129, b"", b"")];
        assert_eq!(raws, expected);
    }

    #[test]
    fn a_fault_in_a_section_ends_the_packet() {
        let mut from = Reader::new(b"\x04\x01\x01\x01\x01rest");
        Properties::read(&mut from, Version::V5, PUBLISH);
        assert_eq!(from.check(), Err(DecodeError::RepeatedProperty(1)));
        assert!(from.is_empty());
    }
}
