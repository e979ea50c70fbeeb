//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (3.8 to 3.11).

use super::{PacketType, QoS, Version, put_properties, read_properties};
use crate::error::{DecodeError, EncodeError};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::topic::TopicFilter;
use crate::wire::{PacketId, Reader, Sink, put_binary};

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
    #[must_use]
    pub const fn new(qos: QoS) -> Self {
        Self {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        }
    }

    fn read(from: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let bits = from.u8()?;
        let reserved = match version {
            Version::V311 => 0xfc,
            Version::V5 => 0xc0,
        };
        if bits & reserved != 0 {
            return Err(DecodeError::Reserved(PacketType::Subscribe)); // [MQTT-3.8.3-5]
        }
        let retain_handling = match bits >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(DecodeError::SubscriptionOptions),
        };
        Ok(Self {
            qos: QoS::from_bits(bits & 3).ok_or(DecodeError::SubscriptionOptions)?,
            no_local: bits & 4 != 0,
            retain_as_published: bits & 8 != 0,
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

impl<'a> Subscription<'a> {
    fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let filter = read_filter(from)?;
        let options = SubscriptionOptions::read(from, version)?;
        let subscription = Self { filter, options };
        if subscription.breaks_no_local() {
            return Err(DecodeError::NoLocalShared);
        }
        Ok(subscription)
    }

    fn write(&self, version: Version, out: &mut dyn Sink) {
        if self.breaks_no_local() {
            out.fault(EncodeError::NoLocalShared);
        }
        if version == Version::V311 && self.options != SubscriptionOptions::new(self.options.qos) {
            out.fault(EncodeError::OptionsNeedV5);
        }
        put_binary(out, self.filter.as_bytes());
        out.put(&[self.options.bits()]);
    }

    /// [MQTT-3.8.3-4]
    fn breaks_no_local(&self) -> bool {
        self.options.no_local && self.filter.is_shared()
    }
}

fn read_filter<'a>(from: &mut Reader<'a>) -> Result<TopicFilter<'a>, DecodeError> {
    TopicFilter::from_bytes(from.binary()?).map_err(DecodeError::TopicFilter)
}

/// SUBSCRIBE (3.8): the client asks for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The packet identifier that SUBACK repeats.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The filters, at least one [MQTT-3.8.3-2].
    pub subscriptions: Subscriptions<'a>,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let id = from.packet_id()?;
        let properties = read_properties(from, version, PacketType::Subscribe.bit())?;
        let encoded = from.rest();
        read_all(from, |from| Subscription::read(from, version).map(drop))?;
        let subscriptions = Subscriptions(List::Encoded(encoded));
        Ok(Self { id, properties, subscriptions })
    }

    pub(super) fn write(&self, version: Version, out: &mut dyn Sink) {
        Self::write_with(self.id, &self.properties, self.subscriptions.iter(), version, out);
    }

    /// The same from a list of the caller's.
    pub(crate) fn write_with(
        id: PacketId,
        properties: &Properties<'_>,
        subscriptions: impl Iterator<Item = Subscription<'a>>,
        version: Version,
        out: &mut dyn Sink,
    ) {
        out.put(&id.get().to_be_bytes());
        put_properties(version, PacketType::Subscribe.bit(), properties, out);
        let mut none = true;
        for subscription in subscriptions {
            subscription.write(version, out);
            none = false;
        }
        if none {
            out.fault(EncodeError::NoFilter);
        }
    }
}

/// Reads items to the end of the packet: at least one.
fn read_all<'a>(
    from: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    if from.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    while !from.is_empty() {
        read(from)?;
    }
    Ok(())
}

/// Items that lie as they came, judged, or in a list of the caller's.
#[derive(Clone, Copy, Debug)]
enum List<'a, T> {
    Encoded(&'a [u8]),
    Given(&'a [T]),
}

/// The filters of a SUBSCRIBE with their options.
#[derive(Clone, Copy, Debug)]
pub struct Subscriptions<'a>(List<'a, Subscription<'a>>);

impl<'a> Subscriptions<'a> {
    /// The subscriptions of `list`.
    #[must_use]
    pub const fn new(list: &'a [Subscription<'a>]) -> Self {
        Self(List::Given(list))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Subscription<'a>> + use<'a> {
        let (mut encoded, given) = split_list(self.0);
        // Judged when decoded, so the laxer version reads both.
        let decoded =
            core::iter::from_fn(move || Subscription::read(&mut encoded, Version::V5).ok());
        given.iter().copied().chain(decoded)
    }
}

/// Equal if they list the same subscriptions in the same order.
impl PartialEq for Subscriptions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Subscriptions<'_> {}

fn split_list<'a, T: Copy>(list: List<'a, T>) -> (Reader<'a>, &'a [T]) {
    match list {
        List::Encoded(bytes) => (Reader::new(bytes), &[]),
        List::Given(items) => (Reader::new(&[]), items),
    }
}

/// UNSUBSCRIBE (3.10): the client ends subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// The packet identifier that UNSUBACK repeats.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The filters, at least one [MQTT-3.10.3-2].
    pub filters: Filters<'a>,
}

impl<'a> Unsubscribe<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let id = from.packet_id()?;
        let properties = read_properties(from, version, PacketType::Unsubscribe.bit())?;
        let encoded = from.rest();
        read_all(from, |from| read_filter(from).map(drop))?;
        Ok(Self { id, properties, filters: Filters(List::Encoded(encoded)) })
    }

    pub(super) fn write(&self, version: Version, out: &mut dyn Sink) {
        Self::write_with(self.id, &self.properties, self.filters.iter(), version, out);
    }

    /// The same from a list of the caller's.
    pub(crate) fn write_with(
        id: PacketId,
        properties: &Properties<'_>,
        filters: impl Iterator<Item = TopicFilter<'a>>,
        version: Version,
        out: &mut dyn Sink,
    ) {
        out.put(&id.get().to_be_bytes());
        put_properties(version, PacketType::Unsubscribe.bit(), properties, out);
        let mut none = true;
        for filter in filters {
            put_binary(out, filter.as_bytes());
            none = false;
        }
        if none {
            out.fault(EncodeError::NoFilter);
        }
    }
}

/// The filters of an UNSUBSCRIBE.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a>(List<'a, TopicFilter<'a>>);

impl<'a> Filters<'a> {
    /// The filters of `list`.
    #[must_use]
    pub const fn new(list: &'a [TopicFilter<'a>]) -> Self {
        Self(List::Given(list))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter<'a>> + use<'a> {
        let (mut encoded, given) = split_list(self.0);
        given.iter().copied().chain(core::iter::from_fn(move || read_filter(&mut encoded).ok()))
    }
}

/// Equal if they list the same filters in the same order.
impl PartialEq for Filters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Filters<'_> {}

/// SUBACK (3.9): one reason code per filter, in their order [MQTT-3.9.3-1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The packet identifier of the SUBSCRIBE.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The reason codes as they stand on the wire: the granted QoS, or 0x80 and more.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let id = from.packet_id()?;
        let properties = read_properties(from, version, PacketType::SubAck.bit())?;
        let codes = read_codes(from, PacketType::SubAck, version)?;
        Ok(Self { id, properties, codes })
    }

    pub(super) fn write(&self, version: Version, out: &mut dyn Sink) {
        out.put(&self.id.get().to_be_bytes());
        put_properties(version, PacketType::SubAck.bit(), &self.properties, out);
        put_codes(PacketType::SubAck, version, self.codes, out);
    }

    /// The reason codes in the order of the filters.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + use<'a> {
        self.codes.iter().copied().map(ReasonCode::from_u8)
    }
}

/// UNSUBACK (3.11): one reason code per filter; none in 3.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// The packet identifier of the UNSUBSCRIBE.
    pub id: PacketId,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// The reason codes as they stand on the wire; empty in 3.1.1.
    pub codes: &'a [u8],
}

impl<'a> UnsubAck<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let id = from.packet_id()?;
        if version == Version::V311 {
            return Ok(Self { id, properties: Properties::NONE, codes: &[] });
        }
        let properties = read_properties(from, version, PacketType::UnsubAck.bit())?;
        let codes = read_codes(from, PacketType::UnsubAck, version)?;
        Ok(Self { id, properties, codes })
    }

    pub(super) fn write(&self, version: Version, out: &mut dyn Sink) {
        out.put(&self.id.get().to_be_bytes());
        put_properties(version, PacketType::UnsubAck.bit(), &self.properties, out);
        if version == Version::V5 {
            put_codes(PacketType::UnsubAck, version, self.codes, out);
        }
    }

    /// The reason codes in the order of the filters.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + use<'a> {
        self.codes.iter().copied().map(ReasonCode::from_u8)
    }
}

/// Reads reason codes to the end of the packet: at least one.
fn read_codes<'a>(
    from: &mut Reader<'a>,
    kind: PacketType,
    version: Version,
) -> Result<&'a [u8], DecodeError> {
    let codes = from.take(from.rest().len())?;
    match unlisted(codes, kind, version) {
        _ if codes.is_empty() => Err(DecodeError::Truncated),
        Some(code) => Err(DecodeError::ReasonCode(kind, code)),
        None => Ok(codes),
    }
}

fn put_codes(kind: PacketType, version: Version, codes: &[u8], out: &mut dyn Sink) {
    if codes.is_empty() {
        out.fault(EncodeError::NoFilter);
    }
    if let Some(code) = unlisted(codes, kind, version) {
        out.fault(EncodeError::ReasonCode(kind, code));
    }
    out.put(codes);
}

/// The first code that `kind` may not carry [MQTT-3.9.3-2] [MQTT-3.11.3-2].
fn unlisted(codes: &[u8], kind: PacketType, version: Version) -> Option<u8> {
    let listed = |code: &u8| match version {
        Version::V311 => matches!(code, 0..=2 | 0x80),
        Version::V5 => ReasonCode::from_u8(*code).is_listed_for(kind),
    };
    codes.iter().copied().find(|code| !listed(code))
}
