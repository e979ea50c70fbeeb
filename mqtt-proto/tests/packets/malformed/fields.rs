//! Strings, CONNECT, topics and subscriptions.

use mqtt_as_proto::error::DecodeError::{
    NoFilter, NoLocalShared, PasswordWithoutUserName, ProtocolName, ProtocolVersion, QoS, Reserved,
    String, SubscriptionOptions, TopicFilter, TopicName,
};
use mqtt_as_proto::packet::PacketType;
use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::topic::TopicError;

use super::Row;

pub(crate) const STRINGS: &[Row] = &[
    // Client identifiers.
    ("[MQTT-1.5.4-1] no UTF-8", V5, "10 0E 00 04 'MQTT' 05 02 00 00 00 00 01 FF", String, 0x81),
    ("[MQTT-1.5.4-1] cut", V5, "10 0F 00 04 'MQTT' 05 02 00 00 00 00 02 E6 B0", String, 0x81),
    ("[MQTT-1.5.4-1] overlong", V5, "10 0F 00 04 'MQTT' 05 02 00 00 00 00 02 C0 AF", String, 0x81),
    ("[MQTT-1.5.4-1] U+D800", V5, "10 10 00 04 'MQTT' 05 02 00 00 00 00 03 ED A0 80", String, 0x81),
    ("[MQTT-1.5.4-1] U+DFFF", V5, "10 10 00 04 'MQTT' 05 02 00 00 00 00 03 ED BF BF", String, 0x81),
    (
        "[MQTT-1.5.4-1] above U+10FFFF",
        V5,
        "10 11 00 04 'MQTT' 05 02 00 00 00 00 04 F4 90 80 80",
        String,
        0x81,
    ),
    ("[MQTT-1.5.4-2]", V5, "10 0F 00 04 'MQTT' 05 02 00 00 00 00 02 'a' 00", String, 0x81),
    ("3.1.1 [MQTT-1.5.3-1]", V311, "10 0F 00 04 'MQTT' 04 02 00 00 00 03 ED A0 80", String, 0x81),
    ("3.1.1 [MQTT-1.5.3-2]", V311, "10 0D 00 04 'MQTT' 04 02 00 00 00 01 00", String, 0x81),
    ("[MQTT-3.1.3-12]", V5, "10 10 00 04 'MQTT' 05 80 00 00 00 00 00 00 01 80", String, 0x81),
    ("3.1.1 [MQTT-3.1.3-11]", V311, "10 0F 00 04 'MQTT' 04 80 00 00 00 00 00 01 C3", String, 0x81),
    // Strings in properties.
    ("[MQTT-3.3.2-19]", V5, "30 08 00 01 't' 04 03 00 01 FF", String, 0x81),
    ("[MQTT-1.5.7-1] the name", V5, "30 0B 00 01 't' 07 26 00 01 FF 00 01 'b'", String, 0x81),
    ("[MQTT-1.5.7-1] the value", V5, "30 0B 00 01 't' 07 26 00 01 'a' 00 01 00", String, 0x81),
    ("[MQTT-1.5.4-2]", V5, "E0 06 00 04 1F 00 01 00", String, 0x81),
];

pub(crate) const CONNECT: &[Row] = &[
    ("[MQTT-3.1.2-1]", V5, "10 0D 00 04 'MQTt' 05 02 00 00 00 00 00", ProtocolName, 0x84),
    ("[MQTT-3.1.2-1]", V5, "10 0C 00 03 'MQT' 05 02 00 00 00 00 00", ProtocolName, 0x84),
    ("[MQTT-3.1.2-2]", V5, "10 0D 00 04 'MQTT' 06 02 00 00 00 00 00", ProtocolVersion(6), 0x84),
    ("[MQTT-3.1.2-2]", V5, "10 0C 00 04 'MQTT' 03 02 00 00 00 00", ProtocolVersion(3), 0x84),
    ("[MQTT-3.1.2-2]", V5, "10 0E 00 06 'MQIsdp' 03 02 00 00 00 00", ProtocolVersion(3), 0x84),
    (
        "[MQTT-3.1.2-3]",
        V5,
        "10 0D 00 04 'MQTT' 05 03 00 00 00 00 00",
        Reserved(PacketType::Connect),
        0x81,
    ),
    (
        "3.1.1 [MQTT-3.1.2-3]",
        V311,
        "10 0C 00 04 'MQTT' 04 01 00 00 00 00",
        Reserved(PacketType::Connect),
        0x81,
    ),
    (
        "[MQTT-3.1.2-11]",
        V5,
        "10 0D 00 04 'MQTT' 05 08 00 00 00 00 00",
        Reserved(PacketType::Connect),
        0x81,
    ),
    (
        "[MQTT-3.1.2-13]",
        V5,
        "10 0D 00 04 'MQTT' 05 20 00 00 00 00 00",
        Reserved(PacketType::Connect),
        0x81,
    ),
    (
        "3.1.1 [MQTT-3.1.2-15]",
        V311,
        "10 0C 00 04 'MQTT' 04 22 00 00 00 00",
        Reserved(PacketType::Connect),
        0x81,
    ),
    (
        "[MQTT-3.1.2-12]",
        V5,
        "10 13 00 04 'MQTT' 05 1C 00 00 00 00 00 00 00 01 'w' 00 00",
        QoS,
        0x81,
    ),
    (
        "3.1.1 [MQTT-3.1.2-14]",
        V311,
        "10 11 00 04 'MQTT' 04 1C 00 00 00 00 00 01 'w' 00 00",
        QoS,
        0x81,
    ),
    (
        "3.1.1 [MQTT-3.1.2-22]",
        V311,
        "10 0F 00 04 'MQTT' 04 42 00 00 00 00 00 01 'p'",
        PasswordWithoutUserName,
        0x81,
    ),
];

const WILDCARD: mqtt_as_proto::DecodeError = TopicName(TopicError::WildcardInName);

pub(crate) const TOPICS: &[Row] = &[
    ("[MQTT-3.3.2-2]", V5, "30 04 00 01 '#' 00", WILDCARD, 0x81),
    ("[MQTT-3.3.2-2]", V311, "30 05 00 03 'a/+'", WILDCARD, 0x81),
    ("[MQTT-3.3.2-14]", V5, "30 08 00 01 't' 04 08 00 01 '#'", WILDCARD, 0x81),
    (
        "[MQTT-4.7.0-1] a will",
        V5,
        "10 13 00 04 'MQTT' 05 04 00 00 00 00 00 00 00 01 '+' 00 00",
        WILDCARD,
        0x81,
    ),
    ("[MQTT-3.3.2-1]", V5, "30 04 00 01 FF 00", TopicName(TopicError::NotUtf8), 0x81),
    ("[MQTT-3.3.2-1]", V311, "30 05 00 03 ED A0 80", TopicName(TopicError::NotUtf8), 0x81),
    ("[MQTT-3.3.2-13]", V5, "30 08 00 01 't' 04 08 00 01 FF", TopicName(TopicError::NotUtf8), 0x81),
    (
        "[MQTT-3.1.3-11]",
        V5,
        "10 13 00 04 'MQTT' 05 04 00 00 00 00 00 00 00 01 FF 00 00",
        TopicName(TopicError::NotUtf8),
        0x81,
    ),
    ("[MQTT-4.7.3-2]", V5, "30 05 00 02 'a' 00 00", TopicName(TopicError::Nul), 0x81),
    ("3.3.2.1 no name, no alias", V5, "30 03 00 00 00", TopicName(TopicError::Empty), 0x82),
    ("[MQTT-4.7.3-1]", V311, "30 02 00 00", TopicName(TopicError::Empty), 0x82),
    (
        "[MQTT-4.7.3-1] a will",
        V5,
        "10 12 00 04 'MQTT' 05 04 00 00 00 00 00 00 00 00 00 00",
        TopicName(TopicError::Empty),
        0x82,
    ),
];

pub(crate) const SUBSCRIPTIONS: &[Row] = &[
    ("[MQTT-3.8.3-2]", V5, "82 03 00 01 00", NoFilter, 0x82),
    ("3.1.1 [MQTT-3.8.3-3]", V311, "82 02 00 01", NoFilter, 0x82),
    ("[MQTT-3.10.3-2]", V5, "A2 03 00 01 00", NoFilter, 0x82),
    ("3.1.1 [MQTT-3.10.3-2]", V311, "A2 02 00 01", NoFilter, 0x82),
    ("3.8.3.1 QoS 3", V5, "82 07 00 01 00 00 01 'a' 03", SubscriptionOptions, 0x82),
    ("3.1.1 [MQTT-3.8.3-4]", V311, "82 06 00 01 00 01 'a' 03", SubscriptionOptions, 0x82),
    ("3.8.3.1 Retain Handling 3", V5, "82 07 00 01 00 00 01 'a' 30", SubscriptionOptions, 0x82),
    ("[MQTT-3.8.3-5]", V5, "82 07 00 01 00 00 01 'a' 40", Reserved(PacketType::Subscribe), 0x81),
    ("[MQTT-3.8.3-5]", V5, "82 07 00 01 00 00 01 'a' 80", Reserved(PacketType::Subscribe), 0x81),
    (
        "[MQTT-3.8.3-5] the second filter",
        V5,
        "82 0B 00 01 00 00 01 'a' 00 00 01 'b' C1",
        Reserved(PacketType::Subscribe),
        0x81,
    ),
    (
        "3.1.1 [MQTT-3.8.3-4] No Local",
        V311,
        "82 06 00 01 00 01 'a' 04",
        Reserved(PacketType::Subscribe),
        0x81,
    ),
    ("[MQTT-3.8.3-4]", V5, "82 10 00 01 00 00 0A '$share/g/a' 04", NoLocalShared, 0x82),
    ("[MQTT-3.8.3-1]", V5, "82 07 00 01 00 00 01 FF 00", TopicFilter(TopicError::NotUtf8), 0x81),
    ("[MQTT-3.10.3-1]", V5, "A2 06 00 01 00 00 01 FF", TopicFilter(TopicError::NotUtf8), 0x81),
    ("[MQTT-4.7.3-2]", V5, "A2 06 00 01 00 00 01 00", TopicFilter(TopicError::Nul), 0x81),
    ("[MQTT-4.7.3-1]", V5, "82 06 00 01 00 00 00 00", TopicFilter(TopicError::Empty), 0x81),
    (
        "[MQTT-4.7.1-1]",
        V5,
        "82 09 00 01 00 00 03 '#/a' 00",
        TopicFilter(TopicError::MisplacedWildcard),
        0x81,
    ),
    (
        "[MQTT-4.7.1-2]",
        V311,
        "A2 06 00 01 00 02 'a+'",
        TopicFilter(TopicError::MisplacedWildcard),
        0x81,
    ),
    (
        "[MQTT-4.8.2-1]",
        V5,
        "82 0F 00 01 00 00 09 '$share//a' 00",
        TopicFilter(TopicError::ShareName),
        0x81,
    ),
    (
        "[MQTT-4.8.2-2]",
        V5,
        "82 10 00 01 00 00 0A '$share/+/a' 00",
        TopicFilter(TopicError::ShareName),
        0x81,
    ),
    (
        "[MQTT-4.8.2-2]",
        V5,
        "82 0E 00 01 00 00 08 '$share/g' 00",
        TopicFilter(TopicError::ShareFilter),
        0x81,
    ),
];
