//! Properties as types: decoded or from a list, read and written.

use super::section::{Place, Raw, Seen, judge};
use super::{ORDER, Property, SubscriptionId, Value, raw_of};
use crate::error::{DecodeError, EncodeError};
use crate::packet_type::{Carrier, PacketType, Version, WILL};
use crate::wire::{Body, Reader, Writer, text};

/// The properties of a packet: decoded ones lie as they came, others in a list of the caller's.
///
/// The getters return the first value of a property; iterate for those that may repeat.
///
/// ```
/// # use mqtt_as_proto::{Properties, Property};
/// let list = [Property::ContentType("text/plain"), Property::UserProperty(("site", "north"))];
/// let properties = Properties::new(&list);
/// assert_eq!(properties.content_type(), Some("text/plain"));
/// assert_eq!(properties.user_properties().next(), Some(("site", "north")));
/// assert_eq!(properties.message_expiry_interval(), None);
/// ```
#[derive(Clone, Copy)]
pub struct Properties<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// Judged bytes.
    Encoded(&'a [u8]),
    /// A list, and what is done with lists.
    List(&'a [Property<'a>], &'static Lists),
}

impl Source<'_> {
    /// What stands in front of `rest`, its end.
    fn without(self, rest: Self) -> Self {
        match (self, rest) {
            (Self::Encoded(all), Self::Encoded(rest)) => {
                let len = all.len().saturating_sub(rest.len());
                Self::Encoded(all.get(..len).unwrap_or_default())
            }
            (Self::List(all, lists), Self::List(rest, _)) => {
                let len = all.len().saturating_sub(rest.len());
                Self::List(all.get(..len).unwrap_or_default(), lists)
            }
            (all, _) => all,
        }
    }
}

/// What is done with lists: through pointers, so that a program that never makes one links nothing
/// of it.
struct Lists {
    raw: for<'a> fn(&Property<'a>) -> Raw<'a>,
    write: fn(&[Property<'_>], skip: u8, &mut Writer<'_>),
}

static LISTS: Lists = Lists { raw: raw_of, write: write_list };

/// No property.
pub(crate) const NO_PROPERTY: u8 = 0;

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Self = Self(Source::Encoded(&[]));

    /// Returns the properties of `list`. They are written in the specification's order, not in the
    /// list's.
    #[must_use]
    pub const fn new(list: &'a [Property<'a>]) -> Self {
        Self(Source::List(list, &LISTS))
    }

    /// Returns the properties that `section` holds, as they lie in that packet without their length
    /// before them: what [`section`](Self::section) gave.
    ///
    /// # Errors
    /// [`DecodeError`] says why it is no section of that packet.
    pub fn from_section(section: &'a [u8], packet: PacketType) -> Result<Self, DecodeError> {
        judge(section, packet.bit())?;
        Ok(Self::judged(section))
    }

    /// Returns the properties of a section that was judged.
    pub(crate) const fn judged(section: &'a [u8]) -> Self {
        Self(Source::Encoded(section))
    }

    /// Returns the bytes of decoded properties, without their length before them; of a list, nothing.
    #[must_use]
    pub const fn section(&self) -> &'a [u8] {
        match self.0 {
            Source::Encoded(bytes) => bytes,
            Source::List(..) => &[],
        }
    }

    /// Returns true if there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self.0 {
            Source::Encoded(bytes) => bytes.is_empty(),
            Source::List(list, _) => list.is_empty(),
        }
    }

    /// Returns one after the other, as numbers and bytes.
    pub(crate) const fn raws(&self) -> Raws<'a> {
        Raws(self.0)
    }

    /// Returns the first one with that identifier, as number and bytes.
    #[inline(never)] // Getters are many.
    pub(crate) fn raw(&self, id: u8) -> Option<Raw<'a>> {
        self.raws().find(|raw| raw.id == id)
    }

    /// Returns the number of the first one with that identifier.
    pub(crate) fn number(&self, id: u8) -> Option<u32> {
        self.raw(id).map(|raw| raw.number)
    }

    /// Returns the bytes of the first one with that identifier.
    pub(crate) fn bytes(&self, id: u8) -> Option<&'a [u8]> {
        self.raw(id).map(|raw| raw.bytes)
    }

    /// Returns the user properties in their order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.raws().filter(|raw| raw.id == 0x26).map(|raw| (text(raw.bytes), text(raw.second)))
    }

    /// Returns the Correlation Data alone, as an answer carries it; none if there is none.
    #[must_use]
    pub fn correlation(&self) -> Self {
        let mut rest = self.raws();
        loop {
            let before = rest.0;
            match rest.next() {
                None => return Self::NONE,
                Some(raw) if raw.id == 0x09 => return Self(before.without(rest.0)),
                Some(_) => {}
            }
        }
    }

    /// Returns the subscription identifiers: PUBLISH may carry several.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = SubscriptionId> + use<'a> {
        self.raws().filter(|raw| raw.id == 0x0b).map(|raw| Value::typed(&raw))
    }

    /// Judges whether each of them may stand in that packet, as often as it does.
    ///
    /// # Errors
    /// The property that is misplaced or repeated, or that authentication data lacks its method.
    pub fn check(&self, packet: PacketType) -> Result<(), EncodeError> {
        self.check_place(packet.bit())
    }

    /// As [`check`](Self::check), for the will inside CONNECT.
    ///
    /// # Errors
    /// The property that is misplaced or repeated, or that authentication data lacks its method.
    pub fn check_will(&self) -> Result<(), EncodeError> {
        self.check_place(WILL)
    }

    fn check_place(&self, place: u16) -> Result<(), EncodeError> {
        let mut seen = Seen::default();
        for raw in self.raws() {
            match seen.note(&raw, place) {
                Place::Right => {}
                Place::Wrong => {
                    return Err(EncodeError::MisplacedProperty(Carrier::of(place), raw.id));
                }
                Place::Taken => return Err(EncodeError::RepeatedProperty(raw.id)),
            }
        }
        if seen.lacks_method() { Err(EncodeError::AuthDataWithoutMethod) } else { Ok(()) }
    }

    /// Reads a property section, its length first, and judges it: 5.0 only.
    pub(crate) fn read(from: &mut Reader<'a>, version: Version, place: u16) -> Self {
        if version == Version::V311 {
            return Self::NONE;
        }
        let len = from.varint();
        let section = from.take(len as usize);
        if !section.is_empty()
            && let Err(fault) = judge(section, place)
        {
            from.fail(fault);
        }
        Self::judged(section)
    }

    /// Writes the length, 0 if there are none [MQTT-2.2.2-1], and the properties: 5.0 only.
    #[inline]
    pub(crate) fn write(&self, version: Version, place: u16, out: &mut Writer<'_>) {
        if !self.is_empty() {
            self.write_behind(&|_| {}, NO_PROPERTY, version, place, out);
        } else if version == Version::V5 {
            out.u8(0);
        }
    }

    /// Writes a section that begins with what `first` writes, and leaves one property out.
    #[inline(never)] // Most packets have none.
    pub(crate) fn write_behind(
        &self,
        first: Body<'_>,
        skip: u8,
        version: Version,
        place: u16,
        out: &mut Writer<'_>,
    ) {
        let faults = match version {
            Version::V311 if self.is_empty() => return,
            Version::V311 => Err(EncodeError::PropertiesNeedV5),
            Version::V5 => self.check_place(place),
        };
        if let Err(fault) = faults {
            return out.fail(fault);
        }
        out.section(&|out| {
            first(out);
            self.write_content(skip, out);
        });
    }

    /// Writes what came as it came.
    pub(super) fn write_content(&self, skip: u8, out: &mut Writer<'_>) {
        match self.0 {
            Source::Encoded(bytes) => {
                let mut from = Reader::new(bytes);
                while !from.is_empty() {
                    let rest = from.rest();
                    let id = Raw::read(&mut from).id;
                    let len = rest.len().saturating_sub(from.rest().len());
                    if id != skip {
                        out.put(rest.get(..len).unwrap_or_default());
                    }
                }
            }
            Source::List(list, lists) => (lists.write)(list, skip, out),
        }
    }
}

/// Writes a list in the order of writing.
fn write_list(list: &[Property<'_>], skip: u8, out: &mut Writer<'_>) {
    for id in ORDER.into_iter().filter(|id| *id != skip) {
        list.iter().filter(|p| p.id() == id).for_each(|p| raw_of(p).write(out));
    }
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<'a> From<&'a [Property<'a>]> for Properties<'a> {
    fn from(list: &'a [Property<'a>]) -> Self {
        Self::new(list)
    }
}

impl<'a, const N: usize> From<&'a [Property<'a>; N]> for Properties<'a> {
    fn from(list: &'a [Property<'a>; N]) -> Self {
        Self::new(list)
    }
}

/// Equal if the same properties stand in the same order.
impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raws().eq(other.raws())
    }
}

impl Eq for Properties<'_> {}

impl core::fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        PropertyIter(self.raws())
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        PropertyIter(self.raws())
    }
}

/// The properties of a packet, one after the other.
#[derive(Clone)]
pub struct PropertyIter<'a>(Raws<'a>);

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        self.0.next().and_then(|raw| Property::typed(&raw))
    }
}

/// The same as numbers and bytes.
#[derive(Clone)]
pub(crate) struct Raws<'a>(Source<'a>);

impl<'a> Iterator for Raws<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        match &mut self.0 {
            Source::Encoded([]) => None,
            Source::Encoded(bytes) => {
                let mut from = Reader::new(bytes);
                let raw = Raw::read(&mut from);
                *bytes = from.rest();
                Some(raw)
            }
            Source::List(list, lists) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some((lists.raw)(first))
            }
        }
    }
}
