//! Reason codes (2.4) and the return codes of 3.1.1.

use core::fmt;

use crate::packet_type::PacketType;

/// What a packet says of an operation's outcome: below 0x80 it went well.
///
/// 3.1.1 knows five CONNACK return codes and the SUBACK failure; they are shown as the 5.0 code
/// of the same meaning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReasonCode(u8);

macro_rules! reason_codes {
    ($($code:literal $name:ident $text:literal $($packet:ident)+;)+) => {
        impl ReasonCode {
            $(#[doc = concat!(stringify!($code), ": ", $text, ".")]
            pub const $name: Self = Self($code);)+

            /// The packets that may carry the code, a bit each.
            const fn places(self) -> u16 {
                match self.0 {
                    $($code => $(PacketType::$packet.bit())|+,)+
                    _ => 0,
                }
            }

            /// The standard's words for the code.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self.0 {
                    $($code => $text,)+
                    _ => "unknown reason code",
                }
            }
        }
    };
}

reason_codes! {
    0x00 SUCCESS "success" ConnAck PubAck PubRec PubRel PubComp SubAck UnsubAck Auth Disconnect;
    0x01 GRANTED_QOS_1 "granted QoS 1" SubAck;
    0x02 GRANTED_QOS_2 "granted QoS 2" SubAck;
    0x04 DISCONNECT_WITH_WILL "disconnect with will message" Disconnect;
    0x10 NO_MATCHING_SUBSCRIBERS "no matching subscribers" PubAck PubRec;
    0x11 NO_SUBSCRIPTION_EXISTED "no subscription existed" UnsubAck;
    0x18 CONTINUE_AUTHENTICATION "continue authentication" Auth;
    0x19 RE_AUTHENTICATE "re-authenticate" Auth;
    0x80 UNSPECIFIED_ERROR "unspecified error" ConnAck PubAck PubRec SubAck UnsubAck Disconnect;
    0x81 MALFORMED_PACKET "malformed packet" ConnAck Disconnect;
    0x82 PROTOCOL_ERROR "protocol error" ConnAck Disconnect;
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "implementation specific error"
        ConnAck PubAck PubRec SubAck UnsubAck Disconnect;
    0x84 UNSUPPORTED_PROTOCOL_VERSION "unsupported protocol version" ConnAck;
    0x85 CLIENT_IDENTIFIER_NOT_VALID "client identifier not valid" ConnAck;
    0x86 BAD_USER_NAME_OR_PASSWORD "bad user name or password" ConnAck;
    0x87 NOT_AUTHORIZED "not authorized" ConnAck PubAck PubRec SubAck UnsubAck Disconnect;
    0x88 SERVER_UNAVAILABLE "server unavailable" ConnAck;
    0x89 SERVER_BUSY "server busy" ConnAck Disconnect;
    0x8A BANNED "banned" ConnAck;
    0x8B SERVER_SHUTTING_DOWN "server shutting down" Disconnect;
    0x8C BAD_AUTHENTICATION_METHOD "bad authentication method" ConnAck Disconnect;
    0x8D KEEP_ALIVE_TIMEOUT "keep alive timeout" Disconnect;
    0x8E SESSION_TAKEN_OVER "session taken over" Disconnect;
    0x8F TOPIC_FILTER_INVALID "topic filter invalid" SubAck UnsubAck Disconnect;
    0x90 TOPIC_NAME_INVALID "topic name invalid" ConnAck PubAck PubRec Disconnect;
    0x91 PACKET_IDENTIFIER_IN_USE "packet identifier in use" PubAck PubRec SubAck UnsubAck;
    0x92 PACKET_IDENTIFIER_NOT_FOUND "packet identifier not found" PubRel PubComp;
    0x93 RECEIVE_MAXIMUM_EXCEEDED "receive maximum exceeded" Disconnect;
    0x94 TOPIC_ALIAS_INVALID "topic alias invalid" Disconnect;
    0x95 PACKET_TOO_LARGE "packet too large" ConnAck Disconnect;
    0x96 MESSAGE_RATE_TOO_HIGH "message rate too high" Disconnect;
    0x97 QUOTA_EXCEEDED "quota exceeded" ConnAck PubAck PubRec SubAck Disconnect;
    0x98 ADMINISTRATIVE_ACTION "administrative action" Disconnect;
    0x99 PAYLOAD_FORMAT_INVALID "payload format invalid" ConnAck PubAck PubRec Disconnect;
    0x9A RETAIN_NOT_SUPPORTED "retain not supported" ConnAck Disconnect;
    0x9B QOS_NOT_SUPPORTED "QoS not supported" ConnAck Disconnect;
    0x9C USE_ANOTHER_SERVER "use another server" ConnAck Disconnect;
    0x9D SERVER_MOVED "server moved" ConnAck Disconnect;
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "shared subscriptions not supported" SubAck Disconnect;
    0x9F CONNECTION_RATE_EXCEEDED "connection rate exceeded" ConnAck Disconnect;
    0xA0 MAXIMUM_CONNECT_TIME "maximum connect time" Disconnect;
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "subscription identifiers not supported"
        SubAck Disconnect;
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "wildcard subscriptions not supported"
        SubAck Disconnect;
}

impl ReasonCode {
    /// The code that stands on the wire as `value`, listed by the standard or not.
    #[must_use]
    pub const fn from_u8(value: u8) -> Self {
        Self(value)
    }

    /// The code as it stands on the wire of 5.0.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0
    }

    /// Whether the operation failed: 0x80 or more.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Returns whether the same operation, tried again unchanged, can go well: where the server is
    /// busy or out of room, restarts, or does not say what is wrong. False where it does not take
    /// what was asked for, and where nothing failed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::UNSPECIFIED_ERROR
                | Self::IMPLEMENTATION_SPECIFIC_ERROR
                | Self::SERVER_UNAVAILABLE
                | Self::SERVER_BUSY
                | Self::SERVER_SHUTTING_DOWN
                | Self::KEEP_ALIVE_TIMEOUT
                | Self::MAXIMUM_CONNECT_TIME
                | Self::PACKET_IDENTIFIER_IN_USE
                | Self::PACKET_IDENTIFIER_NOT_FOUND
                | Self::RECEIVE_MAXIMUM_EXCEEDED
                | Self::MESSAGE_RATE_TOO_HIGH
                | Self::QUOTA_EXCEEDED
                | Self::CONNECTION_RATE_EXCEEDED
                | Self::ADMINISTRATIVE_ACTION
        )
    }

    /// Whether the standard lists the code for that packet.
    #[must_use]
    pub const fn is_listed_for(self, packet: PacketType) -> bool {
        self.places() & packet.bit() != 0
    }

    /// The 5.0 code with the meaning of a 3.1.1 CONNACK return code (3.2.2.3), if there is one.
    #[must_use]
    pub fn from_return_code(code: u8) -> Option<Self> {
        RETURN_CODES.get(usize::from(code)).copied()
    }

    /// The 3.1.1 CONNACK return code nearest in meaning.
    #[must_use]
    pub fn to_return_code(self) -> u8 {
        let code = if self == Self::BANNED { Self::NOT_AUTHORIZED } else { self };
        let place = RETURN_CODES.iter().position(|known| *known == code);
        place.map_or(3, |place| place as u8)
    }
}

/// The return codes of 3.1.1, from 0.
static RETURN_CODES: [ReasonCode; 6] = [
    ReasonCode::SUCCESS,
    ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
    ReasonCode::SERVER_UNAVAILABLE,
    ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    ReasonCode::NOT_AUTHORIZED,
];

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.text(), self.0)
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
