//! The 27 properties of MQTT 5.0 (2.2.2), from one table.

mod kept;
mod list;
#[cfg(feature = "alloc")]
mod owned;
mod section;

use core::num::{NonZeroU16, NonZeroU32};

use crate::packet_type::{PacketType, QoS, WILL};
use crate::topic::TopicName;
use crate::wire::{MAX_REMAINING, text};

pub use kept::PropertyList;
pub(crate) use list::NO_PROPERTY;
pub use list::{Properties, PropertyIter};
#[cfg(feature = "alloc")]
pub use owned::OwnedProperties;
pub(crate) use section::Raw;
use section::{Kind, Rule};

macro_rules! properties {
    ($($(#[$doc:meta])+ $id:literal $name:ident($type:ty) $getter:ident:
        $($place:ident)|+;)+) => {
        /// One property and its value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Property<'a> {
            $($(#[$doc])+ $name($type),)+
        }

        /// The identifiers in the order in which properties are written.
        static ORDER: [u8; 27] = [$($id),+];

        impl<'a> Property<'a> {
            /// The rule of each property, at its identifier.
            const RULES: [Rule; 0x2B] = {
                let mut rules = [Rule { kind: Kind::Flag, places: 0 }; 0x2B];
                $(rules[$id] = Rule { kind: <$type>::KIND, places: $(bit!($place))|+ };)+
                rules
            };

            /// Returns the identifier on the wire (2.2.2.2).
            ///
            /// ```
            /// # use mqtt_as_proto::Property;
            /// assert_eq!(Property::ContentType("text/plain").id(), 0x03);
            /// ```
            #[must_use]
            pub const fn id(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $id,)+
                }
            }

            fn typed(raw: &Raw<'a>) -> Option<Self> {
                match raw.id {
                    $($id => Some(Self::$name(Value::typed(raw))),)+
                    _ => None,
                }
            }

        }

        fn raw_of<'a>(property: &Property<'a>) -> Raw<'a> {
            match *property {
                $(Property::$name(value) => Raw { id: $id, rule: &RULES[$id], ..value.raw() },)+
            }
        }

        impl<'a> Properties<'a> {
            $($(#[$doc])+
            #[must_use]
            pub fn $getter(&self) -> Option<$type> {
                self.raw($id).map(|raw| Value::typed(&raw))
            })+
        }
    };
}

static RULES: [Rule; 0x2B] = Property::RULES;

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
    0x1F ReasonString(&'a str) reason_string: ConnAck | PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck | Disconnect | Auth;
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
    /// Returns the identifier, if `value` is from 1 to 268,435,455.
    ///
    /// ```
    /// # use mqtt_as_proto::property::SubscriptionId;
    /// assert!(SubscriptionId::new(7).is_some());
    /// assert!(SubscriptionId::new(0).is_none());
    /// ```
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(id) if value <= MAX_REMAINING => Some(Self(id)),
            _ => None,
        }
    }

    /// Returns the identifier as a number.
    ///
    /// ```
    /// # use mqtt_as_proto::property::SubscriptionId;
    /// assert_eq!(SubscriptionId::new(7).map(SubscriptionId::get), Some(7));
    /// ```
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A topic alias: never 0 [MQTT-3.3.2-8].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicAliasId(pub NonZeroU16);

/// The value of the property Maximum QoS: QoS 0 or 1, for a server that lacks the higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaximumQoS(pub QoS);

/// A value between its type and the table, where it was judged.
trait Value<'a> {
    const KIND: Kind;
    fn typed(raw: &Raw<'a>) -> Self;
    fn raw(self) -> Raw<'a>;
}

macro_rules! values {
    ($($type:ty, $kind:ident: |$raw:ident| $typed:expr, |$value:ident| $field:ident $from:expr
        $(, $second:expr)?;)+) => {
        $(impl<'a> Value<'a> for $type {
            const KIND: Kind = Kind::$kind;

            fn typed($raw: &Raw<'a>) -> Self {
                $typed
            }

            fn raw(self) -> Raw<'a> {
                let $value = self;
                Raw { $field: $from, $(second: $second,)? ..Raw::NONE }
            }
        })+
    };
}

values! {
    bool, Flag: |raw| raw.number != 0, |flag| number u32::from(flag);
    u16, Short: |raw| raw.number as u16, |short| number u32::from(short);
    u32, Long: |raw| raw.number, |long| number long;
    NonZeroU16, ShortNot0:
        |raw| Self::new(raw.number as u16).unwrap_or(Self::MIN), |short| number u32::from(short.get());
    NonZeroU32, LongNot0: |raw| Self::new(raw.number).unwrap_or(Self::MIN), |long| number long.get();
    SubscriptionId, Varint: |raw| Self(Value::typed(raw)), |id| number id.get();
    TopicAliasId, Alias: |raw| Self(Value::typed(raw)), |alias| number u32::from(alias.0.get());
    MaximumQoS, Flag:
        |raw| Self(if raw.number == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce }),
        |maximum| number u32::from(maximum.0 != QoS::AtMostOnce);
    &'a str, Text: |raw| text(raw.bytes), |string| bytes string.as_bytes();
    &'a [u8], Data: |raw| raw.bytes, |data| bytes data;
    TopicName<'a>, Topic: |raw| TopicName::judged(raw.bytes), |topic| bytes topic.as_bytes();
    (&'a str, &'a str), Pair:
        |raw| (text(raw.bytes), text(raw.second)), |pair| bytes pair.0.as_bytes(), pair.1.as_bytes();
}
