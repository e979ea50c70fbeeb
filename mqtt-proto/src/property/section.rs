//! Property sections as bytes: one loop over the table judges them all.

use super::RULES;
use crate::error::DecodeError;
use crate::packet_type::{Carrier, PacketType};
use crate::topic::TopicName;
use crate::wire::{Reader, Writer, utf8};

/// What the standard says of a property.
#[derive(Clone, Copy, PartialEq)]
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

/// The rule of what is no property.
static NO_RULE: Rule = Rule { kind: Kind::Data, places: 0 };

/// A property of any kind: a number, or bytes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Raw<'a> {
    pub(crate) id: u8,
    pub(super) rule: &'static Rule,
    pub(crate) number: u32,
    pub(crate) bytes: &'a [u8],
    /// The second string of a pair.
    pub(crate) second: &'a [u8],
}

impl<'a> Raw<'a> {
    pub(super) const NONE: Self =
        Self { id: 0, rule: &NO_RULE, number: 0, bytes: &[], second: &[] };

    /// Reads a property, whose value is not judged.
    #[inline(never)]
    pub(super) fn read(from: &mut Reader<'a>) -> Self {
        let id = from.varint();
        let Some(rule) = RULES.get(id as usize).filter(|rule| rule.places != 0) else {
            from.fail(DecodeError::UnknownProperty(u16::try_from(id).unwrap_or(u16::MAX)));
            return Self::NONE;
        };
        let mut raw = Self { id: id as u8, rule, ..Self::NONE };
        match rule.kind {
            Kind::Varint => raw.number = from.varint(),
            Kind::Text | Kind::Topic | Kind::Data => raw.bytes = from.binary(),
            Kind::Pair => (raw.bytes, raw.second) = (from.binary(), from.binary()),
            number => raw.number = from.number(number.width()),
        }
        raw
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        out.u8(self.id);
        match self.rule.kind {
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
    fn judge(&self, from: &mut Reader<'_>) {
        let kind = self.rule.kind;
        let is_right = match kind {
            Kind::Flag => self.number < 2,
            Kind::ShortNot0 | Kind::LongNot0 | Kind::Varint | Kind::Alias => self.number != 0,
            Kind::Text | Kind::Pair => utf8(self.bytes).and(utf8(self.second)).is_some(),
            Kind::Topic => !TopicName::judge(self.bytes, from).is_empty(),
            Kind::Short | Kind::Long | Kind::Data => true,
        };
        if !is_right {
            from.fail(match kind {
                Kind::Text | Kind::Pair => DecodeError::String,
                Kind::Alias => DecodeError::TopicAliasZero, // [MQTT-3.3.2-8]
                _ => DecodeError::PropertyValue(self.id),
            });
        }
    }
}

/// Judges a property section of the packets `place`.
pub(super) fn judge(section: &[u8], place: u16) -> Result<(), DecodeError> {
    let mut rest = Reader::new(section);
    let mut seen = Seen::default();
    while !rest.is_empty() {
        let raw = Raw::read(&mut rest);
        raw.judge(&mut rest);
        match seen.note(&raw, place) {
            Place::Right => {}
            Place::Wrong => {
                rest.fail(DecodeError::MisplacedProperty(Carrier::of(place), raw.id));
            }
            Place::Taken => rest.fail(DecodeError::RepeatedProperty(raw.id)),
        }
    }
    if seen.lacks_method() {
        rest.fail(DecodeError::AuthDataWithoutMethod);
    }
    rest.check()
}

/// Where a property stands.
pub(super) enum Place {
    Right,
    /// The packet may not carry it.
    Wrong,
    /// The packet may carry it once.
    Taken,
}

/// The properties seen so far, a bit each: all identifiers are below 64.
// In two halves: a device shifts no more than 32 bits at a time.
#[derive(Default)]
pub(super) struct Seen([u32; 2]);

impl Seen {
    pub(super) fn note(&mut self, raw: &Raw<'_>, place: u16) -> Place {
        // A message may come from several subscriptions (3.3.2.3.8).
        let repeats = match raw.rule.kind {
            Kind::Varint => place == PacketType::Publish.bit(),
            kind => kind == Kind::Pair,
        };
        if raw.rule.places & place == 0 {
            return Place::Wrong;
        }
        if self.has(raw.id) && !repeats {
            return Place::Taken;
        }
        if let Some(half) = self.0.get_mut(usize::from(raw.id >> 5)) {
            *half |= bit(raw.id);
        }
        Place::Right
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
