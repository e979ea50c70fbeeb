//! Property sections as bytes: one loop over the table judges them all.

use super::RULES;
use crate::error::DecodeError;
use crate::topic::TopicName;
use crate::wire::{Reader, Writer};

/// What the standard says of a property.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// The packets that may carry it, a bit each; none if there is no such property.
    pub(super) places: u16,
    /// Those that may carry it more than once.
    pub(super) repeats: u16,
}

/// The basic data type of a value, and its range.
#[derive(Clone, Copy)]
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

/// Returns the rule of a property that exists.
fn rule(id: u32) -> Option<&'static Rule> {
    RULES.get(id as usize).filter(|rule| rule.places != 0)
}

/// A property of any kind: a number, or bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw<'a> {
    pub(crate) id: u8,
    pub(crate) number: u32,
    pub(crate) bytes: &'a [u8],
    /// The second string of a pair.
    pub(crate) second: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Reads a property and judges its value.
    pub(super) fn read(from: &mut Reader<'a>) -> Self {
        let id = from.varint();
        let Some(rule) = rule(id) else {
            from.fail(DecodeError::UnknownProperty(u16::try_from(id).unwrap_or(u16::MAX)));
            return Self::default();
        };
        let mut raw = Self { id: id as u8, ..Self::default() };
        match rule.kind {
            Kind::Flag => raw.number = u32::from(from.u8()),
            Kind::Short | Kind::ShortNot0 | Kind::Alias => raw.number = u32::from(from.u16()),
            Kind::Long | Kind::LongNot0 => raw.number = from.u32(),
            Kind::Varint => raw.number = from.varint(),
            Kind::Text => raw.bytes = from.string().as_bytes(),
            Kind::Topic => raw.bytes = TopicName::read(from).as_bytes(),
            Kind::Pair => {
                raw.bytes = from.string().as_bytes();
                raw.second = from.string().as_bytes();
            }
            Kind::Data => raw.bytes = from.binary(),
        }
        match (rule.kind, raw.number) {
            (Kind::Alias, 0) => from.fail(DecodeError::TopicAliasZero), // [MQTT-3.3.2-8]
            (Kind::ShortNot0 | Kind::LongNot0 | Kind::Varint, 0) | (Kind::Flag, 2..) => {
                from.fail(DecodeError::PropertyValue(raw.id));
            }
            _ => {}
        }
        raw
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) {
        let Some(rule) = rule(u32::from(self.id)) else { return };
        out.u8(self.id);
        match rule.kind {
            Kind::Flag => out.u8(self.number as u8),
            Kind::Short | Kind::ShortNot0 | Kind::Alias => out.u16(self.number as u16),
            Kind::Long | Kind::LongNot0 => out.u32(self.number),
            Kind::Varint => out.varint(self.number),
            Kind::Text => out.text(self.bytes),
            Kind::Topic => TopicName::judged(self.bytes).write(out),
            Kind::Pair => {
                out.text(self.bytes);
                out.text(self.second);
            }
            Kind::Data => out.binary(self.bytes),
        }
    }
}

/// Reads a property section, its length first, of the packets `place`, and judges it. Returns its
/// bytes.
///
/// `tell` is told identifier, number and bytes of each property; of a string pair twice, first with
/// the name, then with the value. What it was told is right only if the reader has no fault then.
#[inline]
pub(crate) fn read_section<'a>(
    from: &mut Reader<'a>,
    place: u16,
    tell: &mut dyn FnMut(u8, u32, &'a [u8]),
) -> &'a [u8] {
    let len = from.varint();
    let section = from.take(len as usize);
    if !section.is_empty()
        && let Err(fault) = read_properties(section, place, tell)
    {
        from.fail(fault);
    }
    section
}

fn read_properties<'a>(
    section: &'a [u8],
    place: u16,
    tell: &mut dyn FnMut(u8, u32, &'a [u8]),
) -> Result<(), DecodeError> {
    let mut rest = Reader::new(section);
    let mut seen = Seen::default();
    while !rest.is_empty() {
        let raw = Raw::read(&mut rest);
        rest.check()?;
        seen.judge(raw.id, place)?;
        tell(raw.id, raw.number, raw.bytes);
        if raw.id == USER_PROPERTY {
            tell(raw.id, 0, raw.second);
        }
    }
    if seen.lacks_method() { Err(DecodeError::AuthDataWithoutMethod) } else { Ok(()) }
}

const USER_PROPERTY: u8 = 0x26;

/// The properties seen so far, a bit each: all identifiers are below 64.
// In two halves: a device shifts no more than 32 bits at a time.
#[derive(Default)]
pub(super) struct Seen([u32; 2]);

impl Seen {
    pub(super) fn judge(&mut self, id: u8, place: u16) -> Result<(), DecodeError> {
        let Some(rule) = rule(u32::from(id)).filter(|rule| rule.places & place != 0) else {
            return Err(DecodeError::MisplacedProperty(id));
        };
        if self.has(id) && rule.repeats & place == 0 {
            return Err(DecodeError::RepeatedProperty(id));
        }
        self.note(id);
        Ok(())
    }

    pub(super) fn note(&mut self, id: u8) {
        if let Some(half) = self.0.get_mut(usize::from(id >> 5)) {
            *half |= bit(id);
        }
    }

    /// Authentication data needs its method (3.1.2.11.10).
    pub(super) fn lacks_method(&self) -> bool {
        self.has(0x16) && !self.has(0x15)
    }

    pub(super) fn has(&self, id: u8) -> bool {
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
    use crate::packet_type::PacketType;

    const PUBLISH: u16 = PacketType::Publish.bit();

    #[test]
    fn properties_are_told_in_their_order_and_a_pair_twice() {
        let bytes = b"\x12\x02\0\0\0\x07\x03\0\x01t\x26\0\x01a\0\0\x0b\x81\x01rest";
        let mut from = Reader::new(bytes);
        let mut told = Vec::new();
        let section = read_section(&mut from, PUBLISH, &mut |id, number, bytes| {
            told.push((id, number, bytes));
        });
        assert_eq!((section, from.rest()), (&bytes[1..19], &b"rest"[..]));
        assert_eq!(from.check(), Ok(()));
        let expected: [(u8, u32, &[u8]); 5] =
            [(2, 7, b""), (3, 0, b"t"), (0x26, 0, b"a"), (0x26, 0, b""), (0x0b, 129, b"")];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_fault_in_a_section_ends_the_packet() {
        let mut from = Reader::new(b"\x04\x01\x01\x01\x01rest");
        let mut told = 0;
        read_section(&mut from, PUBLISH, &mut |_, _, _| told += 1);
        assert_eq!((told, from.check()), (1, Err(DecodeError::RepeatedProperty(1))));
        assert!(from.is_empty());
    }
}
