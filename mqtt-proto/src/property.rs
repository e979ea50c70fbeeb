//! The 27 properties of MQTT 5.0 (2.2.2), from one table.

use core::num::{NonZeroU16, NonZeroU32};

use crate::error::{DecodeError, EncodeError};
use crate::packet_type::{PacketType, QoS, WILL};
use crate::topic::TopicName;
use crate::wire::{Counter, MAX_REMAINING, Reader, Sink, Value, put_varint};

macro_rules! properties {
    ($($(#[$doc:meta])+ $id:literal $name:ident($type:ty) $getter:ident: $($place:ident)|+;)+) => {
        /// One property and its value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Property<'a> {
            $($(#[$doc])+ $name($type),)+
        }

        /// The identifiers in the order in which properties are written.
        const ORDER: &[u8] = &[$($id),+];

        impl<'a> Property<'a> {
            /// The identifier on the wire (2.2.2.2).
            #[must_use]
            pub const fn id(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $id,)+
                }
            }

            fn read_value(id: u8, from: &mut Reader<'a>) -> Result<Self, DecodeError> {
                match id {
                    $($id => <$type as Value<'a>>::read(from).map(Self::$name),)+
                    _ => Err(DecodeError::UnknownProperty(u16::from(id))),
                }
            }

            fn write(&self, out: &mut dyn Sink) {
                out.put(&[self.id()]);
                match self {
                    $(Self::$name(value) => value.write(out),)+
                }
            }
        }

        /// The packets that may carry the property, a bit each.
        const fn places(id: u8) -> u16 {
            match id {
                $($id => $(bit!($place))|+,)+
                _ => 0,
            }
        }

        impl<'a> Properties<'a> {
            $($(#[$doc])+
            #[must_use]
            pub fn $getter(&self) -> Option<$type> {
                match self.find($id) {
                    Some(Property::$name(value)) => Some(value),
                    _ => None,
                }
            })+
        }
    };
}

macro_rules! bit {
    (Will) => {
        WILL
    };
    (All) => {
        u16::MAX
    };
    ($packet:ident) => {
        PacketType::$packet.bit()
    };
}

// In the order of the specification's table, which is the order of writing, except Maximum Packet
// Size before Receive Maximum and user properties last: so libmosquitto writes them too.
properties! {
    /// Whether the payload is UTF-8 text (3.3.2.3.2).
    0x01 PayloadFormatIndicator(bool) payload_format_indicator: Publish | Will;
    /// Seconds after which the message is not worth delivering (3.3.2.3.3).
    0x02 MessageExpiryInterval(u32) message_expiry_interval: Publish | Will;
    /// What the payload is, a MIME type for example (3.3.2.3.9).
    0x03 ContentType(&'a str) content_type: Publish | Will;
    /// Where an answer is expected (3.3.2.3.5) [MQTT-3.3.2-14].
    0x08 ResponseTopic(TopicName<'a>) response_topic: Publish | Will;
    /// What an answer belongs to (3.3.2.3.6).
    0x09 CorrelationData(&'a [u8]) correlation_data: Publish | Will;
    /// The subscription that a message comes from, 1 to 268,435,455 (3.8.2.1.2, 3.3.2.3.8).
    0x0B SubscriptionIdentifier(SubscriptionId) subscription_identifier: Publish | Subscribe;
    /// Seconds for which the session outlives the connection (3.1.2.11.2).
    0x11 SessionExpiryInterval(u32) session_expiry_interval: Connect | ConnAck | Disconnect;
    /// The client identifier that the server gave (3.2.2.3.7).
    0x12 AssignedClientIdentifier(&'a str) assigned_client_identifier: ConnAck;
    /// The keep-alive in seconds that the server wants (3.2.2.3.14).
    0x13 ServerKeepAlive(u16) server_keep_alive: ConnAck;
    /// The method of enhanced authentication (4.12).
    0x15 AuthenticationMethod(&'a str) authentication_method: Connect | ConnAck | Auth;
    /// Data of enhanced authentication (4.12).
    0x16 AuthenticationData(&'a [u8]) authentication_data: Connect | ConnAck | Auth;
    /// Whether reason strings and user properties are wanted everywhere (3.1.2.11.7).
    0x17 RequestProblemInformation(bool) request_problem_information: Connect;
    /// Seconds between the loss of the client and its will (3.1.3.2.2).
    0x18 WillDelayInterval(u32) will_delay_interval: Will;
    /// Whether Response Information is wanted in CONNACK (3.1.2.11.6).
    0x19 RequestResponseInformation(bool) request_response_information: Connect;
    /// A basis for response topics (3.2.2.3.15).
    0x1A ResponseInformation(&'a str) response_information: ConnAck;
    /// Another server to use (4.11).
    0x1C ServerReference(&'a str) server_reference: ConnAck | Disconnect;
    /// The reason in words, for people (3.2.2.3.9).
    0x1F ReasonString(&'a str) reason_string:
        ConnAck | PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck | Disconnect | Auth;
    /// The largest packet that the sender of this takes (3.1.2.11.4).
    0x27 MaximumPacketSize(NonZeroU32) maximum_packet_size: Connect | ConnAck;
    /// How many QoS 1 and 2 PUBLISH packets the sender of this takes at a time (3.1.2.11.3).
    0x21 ReceiveMaximum(NonZeroU16) receive_maximum: Connect | ConnAck;
    /// The highest topic alias that the sender of this takes (3.1.2.11.5).
    0x22 TopicAliasMaximum(u16) topic_alias_maximum: Connect | ConnAck;
    /// A number that stands for the topic name (3.3.2.3.4).
    0x23 TopicAlias(TopicAliasId) topic_alias: Publish;
    /// The highest QoS that the server takes (3.2.2.3.4).
    0x24 MaximumQoS(MaximumQoS) maximum_qos: ConnAck;
    /// Whether the server keeps retained messages (3.2.2.3.5).
    0x25 RetainAvailable(bool) retain_available: ConnAck;
    /// Whether the server takes filters with wildcards (3.2.2.3.11).
    0x28 WildcardSubscriptionAvailable(bool) wildcard_subscription_available: ConnAck;
    /// Whether the server takes subscription identifiers (3.2.2.3.12).
    0x29 SubscriptionIdentifierAvailable(bool) subscription_identifier_available: ConnAck;
    /// Whether the server takes shared subscriptions (3.2.2.3.13).
    0x2A SharedSubscriptionAvailable(bool) shared_subscription_available: ConnAck;
    /// A name and a value of the application's own; the only one that may repeat anywhere (3.1.2.11.8).
    0x26 UserProperty((&'a str, &'a str)) user_property: All;
}

/// A subscription identifier: 1 to 268,435,455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(NonZeroU32);

impl SubscriptionId {
    /// The identifier, if `value` is from 1 to 268,435,455.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(id) if value <= MAX_REMAINING => Some(Self(id)),
            _ => None,
        }
    }

    /// The identifier as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl<'a> Value<'a> for SubscriptionId {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::new(from.varint()?).ok_or(DecodeError::PropertyValue(0))
    }

    fn write(&self, out: &mut dyn Sink) {
        put_varint(out, self.get());
    }
}

/// A topic alias: never 0 [MQTT-3.3.2-8].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicAliasId(pub NonZeroU16);

impl<'a> Value<'a> for TopicAliasId {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        NonZeroU16::new(from.u16()?).map(Self).ok_or(DecodeError::TopicAliasZero)
    }

    fn write(&self, out: &mut dyn Sink) {
        self.0.get().write(out);
    }
}

/// The value of the property Maximum QoS: QoS 0 or 1, for a server that lacks the higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaximumQoS(pub QoS);

impl<'a> Value<'a> for MaximumQoS {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let one = bool::read(from)?;
        Ok(Self(if one { QoS::AtLeastOnce } else { QoS::AtMostOnce }))
    }

    fn write(&self, out: &mut dyn Sink) {
        (self.0 != QoS::AtMostOnce).write(out);
    }
}

/// The properties of a packet: decoded ones lie as they came, others in a list of the caller's.
///
/// The getters return the first value of a property; iterate for those that may repeat.
#[derive(Clone, Copy)]
pub struct Properties<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// Judged bytes.
    Encoded(&'a [u8]),
    /// Two lists: the client adds its own to the caller's.
    Lists(&'a [Property<'a>], &'a [Property<'a>]),
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Self = Self(Source::Encoded(&[]));

    /// The properties of `list`. They are written in the specification's order, not in the list's.
    #[must_use]
    pub const fn new(list: &'a [Property<'a>]) -> Self {
        Self(Source::Lists(list, &[]))
    }

    /// These and the ones of `more`; what was decoded stays alone.
    #[must_use]
    pub(crate) const fn and(self, more: &'a [Property<'a>]) -> Self {
        match self.0 {
            Source::Lists(list, []) => Self(Source::Lists(list, more)),
            Source::Encoded([]) => Self(Source::Lists(more, &[])),
            _ => self,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self.0 {
            Source::Encoded(bytes) => bytes.is_empty(),
            Source::Lists(list, more) => list.is_empty() && more.is_empty(),
        }
    }

    /// The first one with that identifier.
    fn find(&self, id: u8) -> Option<Property<'a>> {
        self.into_iter().find(|property| property.id() == id)
    }

    /// The user properties in their order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.into_iter().filter_map(|property| match property {
            Property::UserProperty(pair) => Some(pair),
            _ => None,
        })
    }

    /// The subscription identifiers: PUBLISH may carry several.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = SubscriptionId> + use<'a> {
        self.into_iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(id) => Some(id),
            _ => None,
        })
    }

    /// Whether each of them may stand in that packet, as often as it does.
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

    pub(crate) fn check_place(&self, place: u16) -> Result<(), EncodeError> {
        let mut seen = Seen::default();
        for property in *self {
            match seen.judge(property.id(), place) {
                Err(DecodeError::RepeatedProperty(id)) => {
                    return Err(EncodeError::RepeatedProperty(id));
                }
                Err(_) => return Err(EncodeError::MisplacedProperty(property.id())),
                Ok(()) => {}
            }
        }
        seen.method_with_data().then_some(()).ok_or(EncodeError::AuthDataWithoutMethod)
    }

    /// Reads the length and the properties, and judges each for its place.
    pub(crate) fn read(from: &mut Reader<'a>, place: u16) -> Result<Self, DecodeError> {
        let len = from.varint()?;
        let bytes = from.take(len as usize)?;
        if !bytes.is_empty() {
            judge(bytes, place)?;
        }
        Ok(Self(Source::Encoded(bytes)))
    }

    /// Writes the length, 0 if there are none [MQTT-2.2.2-1], and the properties.
    pub(crate) fn write(&self, out: &mut dyn Sink) {
        match self.0 {
            Source::Encoded(bytes) => {
                put_varint(out, len_u32(bytes.len()));
                out.put(bytes);
            }
            Source::Lists(..) => {
                let mut counter = Counter::default();
                write_ordered(*self, &mut counter);
                match counter.result() {
                    Ok(len) => put_varint(out, len_u32(len)),
                    Err(fault) => out.fault(fault),
                }
                write_ordered(*self, out);
            }
        }
    }

    /// Bytes that [`write`](Self::write) puts.
    pub(crate) fn encoded_len(&self) -> Result<usize, EncodeError> {
        if self.is_empty() {
            return Ok(1);
        }
        let mut counter = Counter::default();
        self.write(&mut counter);
        counter.result()
    }
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn write_ordered(properties: Properties<'_>, out: &mut dyn Sink) {
    for id in ORDER {
        let this = properties.into_iter().filter(|property| property.id() == *id);
        this.for_each(|property| property.write(out));
    }
}

fn judge(bytes: &[u8], place: u16) -> Result<(), DecodeError> {
    let mut seen = Seen::default();
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let property = read_property(&mut reader)?;
        seen.judge(property.id(), place)?;
    }
    seen.method_with_data().then_some(()).ok_or(DecodeError::AuthDataWithoutMethod)
}

fn read_property<'a>(reader: &mut Reader<'a>) -> Result<Property<'a>, DecodeError> {
    let id = reader.varint()?;
    let unknown = || DecodeError::UnknownProperty(u16::try_from(id).unwrap_or(u16::MAX));
    let id = u8::try_from(id).map_err(|_| unknown())?;
    match Property::read_value(id, reader) {
        Err(DecodeError::PropertyValue(_)) => Err(DecodeError::PropertyValue(id)),
        read => read,
    }
}

/// The properties seen so far, a bit each: all identifiers are below 64.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    fn judge(&mut self, id: u8, place: u16) -> Result<(), DecodeError> {
        if places(id) & place == 0 {
            return Err(DecodeError::MisplacedProperty(id));
        }
        let may_repeat = id == 0x26 || (id == 0x0B && place == PacketType::Publish.bit());
        if self.has(id) && !may_repeat {
            return Err(DecodeError::RepeatedProperty(id));
        }
        self.0 |= Self::bit(id);
        Ok(())
    }

    /// No authentication data without its method (3.1.2.11.10).
    fn method_with_data(&self) -> bool {
        self.has(0x15) || !self.has(0x16)
    }

    fn has(&self, id: u8) -> bool {
        self.0 & Self::bit(id) != 0
    }

    fn bit(id: u8) -> u64 {
        1_u64.wrapping_shl(u32::from(id))
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
        self.into_iter().eq(*other)
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
        PropertyIter(self.0)
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertyIter<'a>;

    fn into_iter(self) -> PropertyIter<'a> {
        PropertyIter(self.0)
    }
}

/// The properties of a packet, one after the other.
#[derive(Clone)]
pub struct PropertyIter<'a>(Source<'a>);

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        match &mut self.0 {
            Source::Encoded(bytes) => {
                let mut reader = Reader::new(bytes);
                let property = read_property(&mut reader).ok()?;
                *bytes = reader.rest();
                Some(property)
            }
            Source::Lists(list, more) => {
                if list.is_empty() {
                    *list = core::mem::take(more);
                }
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
        }
    }
}
