//! Errors by culprit: malformed bytes and broken rules (the peer), unsendable packets (the caller).

use core::fmt;

use crate::packet_type::PacketType;
use crate::reason::ReasonCode;

/// What is wrong with received bytes. The peer is at fault.
///
/// [`reason`](Self::reason) is the code that a 5.0 peer is told before the connection is closed
/// [MQTT-4.13.1-1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DecodeError {
    /// The packet ends before its content does.
    Truncated,
    /// The packet goes on after its content.
    TrailingBytes,
    /// A variable byte integer is longer than four bytes or not in its shortest form [MQTT-1.5.5-1].
    VariableByteInteger,
    /// A string is not UTF-8 or holds U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2].
    String,
    /// The packet type 0, or AUTH in 3.1.1.
    PacketType,
    /// The reserved flags of the fixed header are not as the standard fixes them [MQTT-2.1.3-1].
    Flags(PacketType),
    /// QoS 3 [MQTT-3.3.1-4].
    QoS,
    /// DUP on a QoS 0 PUBLISH [MQTT-3.3.1-2].
    DupWithoutId,
    /// The packet identifier 0 [MQTT-2.2.1-3].
    PacketId,
    /// A reserved bit is set or a field holds a value the standard does not list.
    Reserved(PacketType),
    /// QoS 3 or Retain Handling 3 in a SUBSCRIBE (3.8.3.1).
    SubscriptionOptions,
    /// The reason code is not one that this packet may carry.
    ReasonCode(PacketType, u8),
    /// The protocol name is not "MQTT" [MQTT-3.1.2-1].
    ProtocolName,
    /// The protocol version is neither 4 (3.1.1) nor 5 (5.0).
    ProtocolVersion(u8),
    /// The property does not exist. One above 65,535 is told as that.
    UnknownProperty(u16),
    /// The property may not stand in this packet.
    MisplacedProperty(u8),
    /// The property may stand only once.
    RepeatedProperty(u8),
    /// The property's value is out of its range.
    PropertyValue(u8),
    /// The topic alias 0 [MQTT-3.3.2-8].
    TopicAliasZero,
    /// Authentication data without a method.
    AuthDataWithoutMethod,
    /// The topic name is not valid.
    TopicName(TopicError),
    /// The topic filter is not valid.
    TopicFilter(TopicError),
    /// SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
    NoFilter,
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    NoLocalShared,
    /// A password without a user name in 3.1.1 [MQTT-3.1.2-22].
    PasswordWithoutUserName,
}

impl DecodeError {
    /// The reason code to tell a 5.0 peer.
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::RepeatedProperty(_)
            | Self::PropertyValue(_)
            | Self::AuthDataWithoutMethod
            | Self::SubscriptionOptions
            | Self::NoFilter
            | Self::NoLocalShared
            | Self::TopicName(TopicError::Empty)
            | Self::ReasonCode(..) => ReasonCode::PROTOCOL_ERROR,
            Self::TopicAliasZero => ReasonCode::TOPIC_ALIAS_INVALID,
            Self::ProtocolVersion(_) | Self::ProtocolName => {
                ReasonCode::UNSUPPORTED_PROTOCOL_VERSION
            }
            // Other bad topics too: 0x8F and 0x90 are for well-formed ones that are not accepted. And
            // properties of other packets (2.2.2.2).
            _ => ReasonCode::MALFORMED_PACKET,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer sent ")?;
        match self {
            Self::Truncated => f.write_str("a packet that ends before its content does"),
            Self::TrailingBytes => f.write_str("a packet with bytes after its content"),
            Self::VariableByteInteger => f.write_str("a malformed variable byte integer"),
            Self::String => f.write_str("a string that is not UTF-8 or holds U+0000"),
            Self::PacketType => f.write_str("a packet of an unknown type"),
            Self::Flags(p) => write!(f, "{p} with wrong fixed-header flags"),
            Self::QoS => f.write_str("the QoS 3"),
            Self::DupWithoutId => f.write_str("DUP on a QoS 0 PUBLISH"),
            Self::PacketId => f.write_str("the packet identifier 0"),
            Self::Reserved(p) => write!(f, "{p} with a reserved bit or value"),
            Self::SubscriptionOptions => {
                f.write_str("a SUBSCRIBE with the QoS 3 or the Retain Handling 3")
            }
            Self::ReasonCode(p, c) => write!(f, "{p} with the reason code {c:#04x}"),
            Self::ProtocolName => f.write_str("a protocol name other than \"MQTT\""),
            Self::ProtocolVersion(v) => write!(f, "the unknown protocol version {v}"),
            Self::UnknownProperty(id) => write!(f, "the unknown property {id:#04x}"),
            Self::MisplacedProperty(id) => {
                write!(f, "the property {id:#04x} in a packet that may not carry it")
            }
            Self::RepeatedProperty(id) => write!(f, "the property {id:#04x} more than once"),
            Self::PropertyValue(id) => write!(f, "the property {id:#04x} with a forbidden value"),
            Self::TopicAliasZero => f.write_str("the topic alias 0"),
            Self::AuthDataWithoutMethod => f.write_str("authentication data without a method"),
            Self::TopicName(e) => write!(f, "an invalid topic name: {e}"),
            Self::TopicFilter(e) => write!(f, "an invalid topic filter: {e}"),
            Self::NoFilter => f.write_str("a SUBSCRIBE or UNSUBSCRIBE without a filter"),
            Self::NoLocalShared => f.write_str("No Local on a shared subscription"),
            Self::PasswordWithoutUserName => f.write_str("a password without a user name"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a packet cannot be encoded. The caller is at fault; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EncodeError {
    /// A string or binary field is longer than 65,535 bytes.
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A string holds U+0000 [MQTT-1.5.4-2].
    Nul,
    /// The packet is longer than 268,435,455 bytes.
    PacketTooLarge,
    /// The output is too small.
    NoRoom {
        /// Bytes that the packet takes.
        needed: usize,
    },
    /// The property may not stand in this packet.
    MisplacedProperty(u8),
    /// The property may stand only once.
    RepeatedProperty(u8),
    /// Authentication data was given without an authentication method.
    AuthDataWithoutMethod,
    /// Properties were given, but MQTT 3.1.1 has none.
    PropertiesNeedV5,
    /// A subscription option other than the QoS was given, but MQTT 3.1.1 has none.
    OptionsNeedV5,
    /// An AUTH was given, but MQTT 3.1.1 has none.
    AuthNeedsV5,
    /// The standard does not list the reason code for this packet.
    ReasonCode(PacketType, u8),
    /// A SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.10.3-2], or the answer to
    /// one without a reason code.
    NoFilter,
    /// No Local together with a shared subscription [MQTT-3.8.3-4].
    NoLocalShared,
    /// A password without a user name, which only 5.0 allows [MQTT-3.1.2-22].
    PasswordWithoutUserName,
    /// An empty topic name without a topic alias.
    EmptyTopic,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => write!(
                f,
                "a string or binary field of {len} bytes was given, MQTT allows 65,535: shorten it"
            ),
            Self::Nul => f.write_str("a string holds U+0000, which MQTT forbids: remove it"),
            Self::PacketTooLarge => {
                f.write_str("the packet exceeds 268,435,455 bytes, the most MQTT allows: split it")
            }
            Self::NoRoom { needed } => {
                write!(f, "the packet takes {needed} bytes, more than the buffer holds")
            }
            Self::MisplacedProperty(id) => {
                write!(f, "the property {id:#04x} may not stand in this packet: remove it")
            }
            Self::RepeatedProperty(id) => {
                write!(f, "the property {id:#04x} was given twice: give it once")
            }
            Self::AuthDataWithoutMethod => {
                f.write_str("authentication data needs an authentication method beside it")
            }
            Self::PropertiesNeedV5 => {
                f.write_str("properties need MQTT 5.0, this connection is 3.1.1: remove them")
            }
            Self::OptionsNeedV5 => f.write_str(
                "subscription options other than the QoS need MQTT 5.0, this connection is 3.1.1",
            ),
            Self::AuthNeedsV5 => f.write_str("AUTH needs MQTT 5.0, this connection is 3.1.1"),
            Self::ReasonCode(p, c) => {
                write!(f, "the reason code {c:#04x} may not stand in {p}: use one that it lists")
            }
            Self::NoFilter => f.write_str("at least one topic filter must be given"),
            Self::NoLocalShared => {
                f.write_str("No Local is not allowed on a shared subscription: remove one of them")
            }
            Self::PasswordWithoutUserName => {
                f.write_str("MQTT 3.1.1 allows a password only with a user name: set a user name")
            }
            Self::EmptyTopic => f.write_str("the topic name is empty: give one"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why a string is no topic name or no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TopicError {
    /// It has no characters [MQTT-4.7.3-1].
    Empty,
    /// It is longer than 65,535 bytes [MQTT-4.7.3-3].
    TooLong,
    /// It holds U+0000 [MQTT-4.7.3-2].
    Nul,
    /// It is not UTF-8 [MQTT-1.5.4-1].
    NotUtf8,
    /// A topic name holds `+` or `#` [MQTT-4.7.0-1].
    WildcardInName,
    /// `+` does not fill its level, or `#` does not fill the last one [MQTT-4.7.1-1]
    /// [MQTT-4.7.1-2].
    MisplacedWildcard,
    /// `$share/` without a share name, or with a wildcard in it [MQTT-4.8.2-1] [MQTT-4.8.2-2].
    ShareName,
    /// A share name without a topic filter after it [MQTT-4.8.2-2].
    ShareFilter,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the topic is empty: it needs at least one character",
            Self::TooLong => "the topic has more than the 65535 bytes that are allowed",
            Self::Nul => "the topic holds U+0000: remove it",
            Self::NotUtf8 => "the topic is not UTF-8",
            Self::WildcardInName => {
                "the topic name holds '+' or '#': wildcards are only for topic filters"
            }
            Self::MisplacedWildcard => {
                "the topic filter has a misplaced wildcard: \
                 '+' must fill a whole level, and '#' the whole last level"
            }
            Self::ShareName => {
                "the shared subscription needs a share name \
                 of at least one character and without '+' or '#': $share/name/filter"
            }
            Self::ShareFilter => {
                "the shared subscription needs a topic filter \
                 after its share name: $share/name/filter"
            }
        })
    }
}

impl core::error::Error for TopicError {}
