//! Where the other crate differs, and which rule says that it should not.

use mqtt_as_proto::error::DecodeError;
use mqtt_as_proto::packet::{Packet, PacketType};
use mqtt_as_proto::{ReasonCode, Version};

/// What we refuse and they read, and the rule that they do not keep.
type Lax = (fn(DecodeError, PacketType, Version) -> bool, &'static str);

const LAX: &[Lax] = &[
    (
        |error, kind, version| {
            use PacketType::{PubAck, PubComp, PubRec, PubRel};
            version == Version::V311
                && matches!(kind, PubAck | PubRec | PubRel | PubComp)
                && error == DecodeError::TrailingBytes
        },
        "3.1.1, 3.4 to 3.7: there is no reason code",
    ),
    (|error, _, _| error == DecodeError::PacketId, "[MQTT-2.2.1-3]: no identifier is 0"),
    (|error, _, _| error == DecodeError::DupWithoutId, "[MQTT-3.3.1-2]: no DUP at QoS 0"),
    (
        |error, _, _| matches!(error, DecodeError::TopicName(_)),
        "[MQTT-4.7.3-1] [MQTT-3.3.2-2]: topics are not empty, and have no wildcards",
    ),
    (
        |error, _, _| matches!(error, DecodeError::TopicFilter(_)),
        "[MQTT-4.7.1-1] [MQTT-4.7.1-2]: where wildcards stand",
    ),
    (|error, _, _| error == DecodeError::String, "[MQTT-1.5.4-2]: no U+0000"),
    (
        |error, kind, _| {
            let judged = matches!(kind, PacketType::Connect | PacketType::ConnAck);
            judged && matches!(error, DecodeError::Reserved(_))
        },
        "[MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.2.2-1] [MQTT-3.2.2-6]: flags that are reserved",
    ),
    (
        |error, kind, _| error == DecodeError::QoS && kind == PacketType::Connect,
        "[MQTT-3.1.2-12]: no QoS 3 in the will",
    ),
    (
        |error, kind, version| {
            let bare = error == DecodeError::Truncated && kind == PacketType::Publish;
            bare && version == Version::V5
        },
        "3.3.2.3.1: the length of the properties may not be left out of PUBLISH",
    ),
    (
        |error, kind, _| error == DecodeError::Truncated && kind == PacketType::Auth,
        "3.15.2: AUTH may leave out both reason and properties, not the length of these alone",
    ),
    (|error, _, _| error == DecodeError::VariableByteInteger, "[MQTT-1.5.5-1]: the shortest form"),
    (
        |error, _, _| error == DecodeError::AuthDataWithoutMethod,
        "3.1.2.11.10: no data without a method",
    ),
    (
        |error, kind, _| {
            // 0x0b is the Subscription Identifier.
            error == DecodeError::RepeatedProperty(0x0b) && kind == PacketType::Subscribe
        },
        "3.8.2.1.2: one Subscription Identifier",
    ),
    (
        |error, _, version| {
            error == DecodeError::Reserved(PacketType::Subscribe) && version == Version::V311
        },
        "3.1.1 [MQTT-3.8.3-4]: the options of 5.0 are reserved bits",
    ),
    (|error, _, _| error == DecodeError::NoLocalShared, "[MQTT-3.8.3-4]: No Local, shared"),
];

/// What they refuse and we read, and why we do.
type Strict = (fn(&Packet<'_>, &[u8], Version) -> bool, &'static str);

const STRICT: &[Strict] = &[
    (
        |packet, body, version| {
            let refused = matches!(packet, Packet::ConnAck(ack) if ack.reason.is_error());
            refused && version == Version::V5 && body.len() == 2
        },
        "a refusal without the length of its properties, or by a 3.1.1 server: we hear it",
    ),
    (
        |packet, _, version| {
            let Packet::Connect(connect) = packet else { return false };
            version == Version::V5 && connect.password.is_some() && connect.user_name.is_none()
        },
        "3.1.2.9: 5.0 allows a password without a user name",
    ),
    (
        |packet, _, _| {
            let told = ReasonCode::BAD_AUTHENTICATION_METHOD;
            matches!(packet, Packet::Disconnect(disconnect) if disconnect.reason == told)
        },
        "2.4 lists this code for DISCONNECT, 3.14.2.1 does not: we hear it",
    ),
    (
        |packet, _, _| {
            let Packet::Auth(auth) = packet else { return false };
            auth.reason != ReasonCode::SUCCESS && auth.properties.authentication_method().is_none()
        },
        "3.15.2.2.2: AUTH has a method; we judge that against CONNECT's, where there is one",
    ),
];

pub(super) fn why_they_read(
    error: DecodeError,
    kind: PacketType,
    version: Version,
) -> Option<&'static str> {
    LAX.iter().find(|(is, _)| is(error, kind, version)).map(|(_, rule)| *rule)
}

pub(super) fn why_they_refuse(
    packet: &Packet<'_>,
    body: &[u8],
    version: Version,
) -> Option<&'static str> {
    STRICT.iter().find(|(is, _)| is(packet, body, version)).map(|(_, rule)| *rule)
}
