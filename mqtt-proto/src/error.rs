//! Errors by culprit: malformed bytes and broken rules (the peer), unsendable packets (the caller).

use core::error::Error;

use crate::packet_type::{Carrier, PacketType};
use crate::property_name::Named;
use crate::reason::ReasonCode;

reasons! {
    /// What is wrong with received bytes. The peer is at fault.
    ///
    /// [`reason`](Self::reason) is the code that a 5.0 peer is told before the connection is closed
    /// [MQTT-4.13.1-1].
    #[non_exhaustive]
    DecodeError says "the peer sent " {
        /// The packet ends before its content does.
        Truncated => "a packet that ends before its content does";
        /// The packet goes on after its content.
        TrailingBytes => "a packet with bytes after its content";
        /// A variable byte integer is longer than four bytes or not in its shortest form
        /// [MQTT-1.5.5-1].
        VariableByteInteger => "a malformed variable byte integer";
        /// A string is not UTF-8 or holds U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2].
        String => "a string that is not UTF-8 or holds U+0000";
        /// The packet type 0, or AUTH in 3.1.1.
        PacketType => "a packet of an unknown type";
        /// The reserved flags of the fixed header are not as the standard fixes them
        /// [MQTT-2.1.3-1].
        Flags(packet: PacketType) => "{packet} with wrong fixed-header flags";
        /// QoS 3 [MQTT-3.3.1-4].
        QoS => "the QoS 3";
        /// DUP on a QoS 0 PUBLISH [MQTT-3.3.1-2].
        DupWithoutId => "DUP on a QoS 0 PUBLISH";
        /// The packet identifier 0 [MQTT-2.2.1-3].
        PacketId => "the packet identifier 0";
        /// A reserved bit is set or a field holds a value the standard does not list.
        Reserved(packet: PacketType) => "{packet} with a reserved bit or value";
        /// QoS 3 or Retain Handling 3 in a SUBSCRIBE (3.8.3.1).
        SubscriptionOptions => "a SUBSCRIBE with the QoS 3 or the Retain Handling 3";
        /// The reason code is not one that this packet may carry.
        ReasonCode(packet: PacketType, code: u8) => "{packet} with the reason code {code:#04x}";
        /// The protocol name is not "MQTT" [MQTT-3.1.2-1].
        ProtocolName => "a protocol name other than \"MQTT\"";
        /// The protocol version is neither 4 (3.1.1) nor 5 (5.0).
        ProtocolVersion(version: u8) => "the unknown protocol version {version}";
        /// The property does not exist. One above 65,535 is told as that.
        UnknownProperty(id: u16) => "the unknown property {id:#04x}";
        /// The property may not stand in what carries it.
        MisplacedProperty(carrier: Carrier, id: u8)
            => "the property {} in {carrier}, which may not carry it", Named(*id);
        /// The property may stand only once.
        RepeatedProperty(id: u8) => "the property {} more than once", Named(*id);
        /// The property's value is out of its range.
        PropertyValue(id: u8) => "the property {} with a forbidden value", Named(*id);
        /// The topic alias 0 [MQTT-3.3.2-8].
        TopicAliasZero => "the topic alias 0";
        /// Authentication data without a method.
        AuthDataWithoutMethod => "authentication data without a method";
        /// The topic name is not valid.
        TopicName(error: TopicError) => "an invalid topic name: {error}";
        /// The topic filter is not valid.
        TopicFilter(error: TopicError) => "an invalid topic filter: {error}";
        /// SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.10.3-2].
        NoFilter => "a SUBSCRIBE or UNSUBSCRIBE without a filter";
        /// No Local on a shared subscription [MQTT-3.8.3-4].
        NoLocalShared => "No Local on a shared subscription";
        /// A password without a user name in 3.1.1 [MQTT-3.1.2-22].
        PasswordWithoutUserName => "a password without a user name";
    }

    /// Why a packet cannot be encoded. The caller is at fault; nothing was written.
    #[non_exhaustive]
    EncodeError {
        /// A string or binary field is longer than 65,535 bytes.
        TooLong {
            /// Its length in bytes.
            len: usize,
        } => "a string or binary field of {len} bytes was given, MQTT allows 65,535: shorten it";
        /// A string holds U+0000 [MQTT-1.5.4-2].
        Nul => "a string holds U+0000, which MQTT forbids: remove it";
        /// The packet is longer than 268,435,455 bytes.
        PacketTooLarge => "the packet exceeds 268,435,455 bytes, the most MQTT allows: split it";
        /// The output is too small.
        NoRoom {
            /// Bytes that the packet takes.
            needed: usize,
        } => "the packet takes {needed} bytes, more than the buffer holds";
        /// The property may not stand in what carries it.
        MisplacedProperty(carrier: Carrier, id: u8)
            => "the property {} may not be given in {carrier}: remove it", Named(*id);
        /// The property may stand only once.
        RepeatedProperty(id: u8) => "the property {} was given twice: give it once", Named(*id);
        /// Authentication data was given without an authentication method.
        AuthDataWithoutMethod => "authentication data needs an authentication method beside it";
        /// Properties were given, but MQTT 3.1.1 has none.
        PropertiesNeedV5 => "properties need MQTT 5.0, this connection is 3.1.1: remove them";
        /// A subscription option other than the QoS was given, but MQTT 3.1.1 has none.
        OptionsNeedV5
            => "subscription options other than the QoS need MQTT 5.0, this connection is 3.1.1";
        /// An AUTH was given, but MQTT 3.1.1 has none.
        AuthNeedsV5 => "AUTH needs MQTT 5.0, this connection is 3.1.1";
        /// The standard does not list the reason code for this packet.
        ReasonCode(packet: PacketType, code: u8)
            => "the reason code {code:#04x} may not stand in {packet}: use one that it lists";
        /// A SUBSCRIBE or UNSUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT-3.10.3-2], or the
        /// answer to one without a reason code.
        NoFilter => "at least one topic filter must be given";
        /// No Local together with a shared subscription [MQTT-3.8.3-4].
        NoLocalShared => "No Local is not allowed on a shared subscription: remove one of them";
        /// A password without a user name, which only 5.0 allows [MQTT-3.1.2-22].
        PasswordWithoutUserName
            => "MQTT 3.1.1 allows a password only with a user name: set a user name";
        /// An empty topic name without a topic alias.
        EmptyTopic => "the topic name is empty: give one";
    }

    /// Why a string is no topic name or no topic filter.
    #[non_exhaustive]
    TopicError {
        /// There is none: the message to be answered names no Response Topic.
        NoResponseTopic
            => "the message names no response topic: its sender awaits no answer";
        /// It has no characters [MQTT-4.7.3-1].
        Empty => "the topic is empty: it needs at least one character";
        /// It is longer than 65,535 bytes [MQTT-4.7.3-3].
        TooLong => "the topic has more than the 65535 bytes that are allowed";
        /// It holds U+0000 [MQTT-4.7.3-2].
        Nul => "the topic holds U+0000: remove it";
        /// It is not UTF-8 [MQTT-1.5.4-1].
        NotUtf8 => "the topic is not UTF-8";
        /// A topic name holds `+` or `#` [MQTT-4.7.0-1].
        WildcardInName => "the topic name holds '+' or '#': wildcards are only for topic filters";
        /// `+` does not fill its level, or `#` does not fill the last one [MQTT-4.7.1-1]
        /// [MQTT-4.7.1-2].
        MisplacedWildcard => "the topic filter has a misplaced wildcard: '+' must fill a whole \
                              level, and '#' the whole last level";
        /// `$share/` without a share name, or with a wildcard in it [MQTT-4.8.2-1] [MQTT-4.8.2-2].
        ShareName => "the shared subscription needs a share name of at least one character and \
                      without '+' or '#': $share/name/filter";
        /// A share name without a topic filter after it [MQTT-4.8.2-2].
        ShareFilter => "the shared subscription needs a topic filter after its share name: \
                        $share/name/filter";
    }
}

impl DecodeError {
    /// The reason code to tell a 5.0 peer.
    ///
    /// ```
    /// # use mqtt_as_proto::{DecodeError, ReasonCode};
    /// assert_eq!(DecodeError::Truncated.reason(), ReasonCode::MALFORMED_PACKET);
    /// ```
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

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TopicName(error) | Self::TopicFilter(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for EncodeError {}
impl Error for TopicError {}
