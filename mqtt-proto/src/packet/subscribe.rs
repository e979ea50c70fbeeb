//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (3.8 to 3.11).

#![allow(private_interfaces)] // `Item` is sealed: it has no name outside.

use super::{PacketType, QoS, Version};
use crate::error::{DecodeError, EncodeError};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;
use crate::wire::{PacketId, Reader, Writer};

/// Which retained messages the server sends at the time of a subscription (3.8.3.1), 5.0 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetainHandling {
    /// All that match.
    #[default]
    Send = 0,
    /// All that match, if the subscription is new.
    SendIfNew = 1,
    /// None.
    DoNotSend = 2,
}

/// What a subscriber asks for (3.8.3.1). 3.1.1 knows only the QoS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionOptions {
    /// The highest QoS at which messages are wanted.
    pub qos: QoS,
    /// Do not send the client's own messages back to it, 5.0 only.
    pub no_local: bool,
    /// Keep the publisher's retain flag on forwarded messages, 5.0 only.
    pub retain_as_published: bool,
    /// Which retained messages are wanted, 5.0 only.
    pub retain_handling: RetainHandling,
}

impl SubscriptionOptions {
    /// That QoS, and the defaults.
    ///
    /// ```
    /// # use mqtt_as_proto::QoS;
    /// # use mqtt_as_proto::packet::SubscriptionOptions;
    /// let options = SubscriptionOptions { no_local: true, ..SubscriptionOptions::new(QoS::AtLeastOnce) };
    /// # let _ = options;
    /// ```
    #[must_use]
    pub const fn new(qos: QoS) -> Self {
        Self {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        }
    }

    fn from_bits(bits: u8) -> Option<Self> {
        let retain_handling = match (bits >> 4) & 3 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return None,
        };
        let (no_local, retain_as_published) = (bits & 4 != 0, bits & 8 != 0);
        Some(Self {
            qos: QoS::from_bits(bits & 3)?,
            no_local,
            retain_as_published,
            retain_handling,
        })
    }

    fn bits(self) -> u8 {
        let retain_as_published = u8::from(self.retain_as_published) << 3;
        let retain_handling = (self.retain_handling as u8) << 4;
        self.qos as u8 | u8::from(self.no_local) << 2 | retain_as_published | retain_handling
    }
}

/// A topic filter and what is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The topics wanted.
    pub filter: TopicFilter<'a>,
    /// How they are wanted.
    pub options: SubscriptionOptions,
}

impl Subscription<'_> {
    /// [MQTT-3.8.3-4]
    fn breaks_no_local(&self) -> bool {
        self.options.no_local && self.filter.is_shared()
    }
}

/// One of the things that a request lists.
pub trait Item<'a>: Copy + PartialEq {
    const REQUEST: PacketType;
    fn read(from: &mut Reader<'a>, version: Version) -> Self;
    fn write(&self, version: Version, out: &mut Writer<'_>);
}

impl<'a> Item<'a> for Subscription<'a> {
    const REQUEST: PacketType = PacketType::Subscribe;

    fn read(from: &mut Reader<'a>, version: Version) -> Self {
        let (filter, bits) = (TopicFilter::read(from), from.u8());
        let reserved = match version {
            Version::V311 => 0xfc,
            Version::V5 => 0xc0,
        };
        if bits & reserved != 0 {
            from.fail(DecodeError::Reserved(PacketType::Subscribe)); // [MQTT-3.8.3-5]
        }
        let options = SubscriptionOptions::from_bits(bits).unwrap_or_else(|| {
            from.fail(DecodeError::SubscriptionOptions);
            SubscriptionOptions::default()
        });
        let subscription = Self { filter, options };
        if subscription.breaks_no_local() {
            from.fail(DecodeError::NoLocalShared);
        }
        subscription
    }

    fn write(&self, version: Version, out: &mut Writer<'_>) {
        if self.breaks_no_local() {
            out.fail(EncodeError::NoLocalShared);
        }
        if version == Version::V311 && self.options != SubscriptionOptions::new(self.options.qos) {
            out.fail(EncodeError::OptionsNeedV5);
        }
        out.binary(self.filter.as_bytes());
        out.u8(self.options.bits());
    }
}

impl<'a> Item<'a> for TopicFilter<'a> {
    const REQUEST: PacketType = PacketType::Unsubscribe;

    fn read(from: &mut Reader<'a>, _: Version) -> Self {
        Self::read(from)
    }

    fn write(&self, _: Version, out: &mut Writer<'_>) {
        out.binary(self.as_bytes());
    }
}

/// What a request lists: as it came, judged, or a list of the caller's.
#[derive(Clone, Copy, Debug)]
pub struct List<'a, T>(Source<'a, T>);

/// The filters of a SUBSCRIBE with their options.
pub type Subscriptions<'a> = List<'a, Subscription<'a>>;

/// The filters of an UNSUBSCRIBE.
pub type Filters<'a> = List<'a, TopicFilter<'a>>;

#[derive(Clone, Copy, Debug)]
enum Source<'a, T> {
    Encoded(&'a [u8]),
    Given(&'a [T]),
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// Returns the items of `list`.
    #[must_use]
    pub const fn new(list: &'a [T]) -> Self {
        Self(Source::Given(list))
    }

    /// Returns one after the other.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (encoded, given) = match self.0 {
            Source::Encoded(bytes) => (bytes, &[][..]),
            Source::Given(items) => (&[][..], items),
        };
        // They were judged, so that the laxer version reads those of both.
        let mut from = Reader::new(encoded);
        let decoded = move || (!from.is_empty()).then(|| T::read(&mut from, Version::V5));
        given.iter().copied().chain(core::iter::from_fn(decoded))
    }

    /// Reads items to the end of the packet: at least one [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    fn read(from: &mut Reader<'a>, version: Version) -> Self {
        if from.is_empty() {
            from.fail(DecodeError::NoFilter);
        }
        let encoded = from.rest();
        while !from.is_empty() {
            T::read(from, version);
        }
        Self(Source::Encoded(encoded))
    }

    fn write(self, version: Version, out: &mut Writer<'_>) {
        match self.0 {
            Source::Encoded([]) | Source::Given([]) => out.fail(EncodeError::NoFilter),
            Source::Encoded(_) => self.iter().for_each(|item| item.write(version, out)),
            Source::Given(items) => items.iter().for_each(|item| item.write(version, out)),
        }
    }
}

/// Equal if they list the same in the same order.
impl<'a, T: Item<'a>> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a>> Eq for List<'a, T> {}

/// SUBSCRIBE (3.8), the client asks for messages, or UNSUBSCRIBE (3.10), it ends that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a, T: Item<'a>> {
    /// The packet identifier that the answer repeats.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The filters, at least one [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    pub filters: List<'a, T>,
}

/// SUBSCRIBE (3.8): the client asks for messages.
pub type Subscribe<'a> = Request<'a, Subscription<'a>>;

/// UNSUBSCRIBE (3.10): the client ends subscriptions.
pub type Unsubscribe<'a> = Request<'a, TopicFilter<'a>>;

impl<'a, T: Item<'a>> Request<'a, T> {
    pub(super) fn read(from: &mut Reader<'a>, version: Version) -> Self {
        let (id, properties) = read_start(from, T::REQUEST, version);
        Self { id, properties, filters: List::read(from, version) }
    }

    pub(crate) fn write(&self, version: Version, out: &mut Writer<'_>) {
        put_start(self.id, &self.properties, T::REQUEST, version, out);
        self.filters.write(version, out);
    }
}

/// SUBACK (3.9) or UNSUBACK (3.11), which have one form: one reason code per filter, in their order
/// [MQTT-3.9.3-1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The packet identifier of the request.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The reason codes as they stand on the wire: the granted QoS, or 0x80 and more. Empty in
    /// UNSUBACK of 3.1.1.
    pub codes: &'a [u8],
}

/// UNSUBACK (3.11).
pub type UnsubAck<'a> = SubAck<'a>;

impl<'a> SubAck<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, kind: PacketType, version: Version) -> Self {
        let (id, properties) = read_start(from, kind, version);
        if has_no_codes(kind, version) {
            return Self { id, properties, codes: &[] };
        }
        let codes = from.take_rest();
        if codes.is_empty() {
            from.fail(DecodeError::Truncated);
        }
        if let Some(code) = unlisted(codes, kind, version) {
            from.fail(DecodeError::ReasonCode(kind, code));
        }
        Self { id, properties, codes }
    }

    pub(super) fn write(&self, kind: PacketType, version: Version, out: &mut Writer<'_>) {
        put_start(self.id, &self.properties, kind, version, out);
        if has_no_codes(kind, version) {
            return;
        }
        if self.codes.is_empty() {
            out.fail(EncodeError::NoFilter);
        }
        if let Some(code) = unlisted(self.codes, kind, version) {
            out.fail(EncodeError::ReasonCode(kind, code));
        }
        out.put(self.codes);
    }

    /// Returns the reason codes in the order of the filters.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + use<'a> {
        self.codes.iter().copied().map(ReasonCode::from_u8)
    }
}

fn has_no_codes(kind: PacketType, version: Version) -> bool {
    kind == PacketType::UnsubAck && version == Version::V311
}

/// Reads what all four begin with.
fn read_start<'a>(
    from: &mut Reader<'a>,
    kind: PacketType,
    version: Version,
) -> (PacketId, Properties<'a>) {
    let id = from.packet_id();
    (id, Properties::read(from, version, kind.bit()))
}

fn put_start(
    id: PacketId,
    properties: &Properties<'_>,
    kind: PacketType,
    version: Version,
    out: &mut Writer<'_>,
) {
    out.u16(id.get());
    properties.write(version, kind.bit(), out);
}

/// Returns the first code that `kind` may not carry [MQTT-3.9.3-2] [MQTT-3.11.3-2].
fn unlisted(codes: &[u8], kind: PacketType, version: Version) -> Option<u8> {
    let listed = |code: &u8| match version {
        Version::V311 => matches!(code, 0..=2 | 0x80),
        Version::V5 => ReasonCode::from_u8(*code).is_listed_for(kind),
    };
    codes.iter().copied().find(|code| !listed(code))
}
