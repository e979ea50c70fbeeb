//! Properties. Each in each packet: see the module `places`.

use mqtt_as_proto::error::DecodeError::{
    AuthDataWithoutMethod, MisplacedProperty, PropertyValue, RepeatedProperty, TopicAliasZero,
    Truncated, UnknownProperty, VariableByteInteger,
};
use mqtt_as_proto::packet::Carrier::Packet;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_proto::packet::Version::{V5, V311};

use super::Row;

pub(crate) const VALUES: &[Row] = &[
    ("3.1.2.11.3 Receive Maximum 0", V5, "20 06 00 00 03 21 00 00", PropertyValue(0x21), 0x82),
    (
        "3.1.2.11.3 Receive Maximum 0",
        V5,
        "10 10 00 04 'MQTT' 05 02 00 00 03 21 00 00 00 00",
        PropertyValue(0x21),
        0x82,
    ),
    (
        "3.1.2.11.4 Maximum Packet Size 0",
        V5,
        "20 08 00 00 05 27 00 00 00 00",
        PropertyValue(0x27),
        0x82,
    ),
    (
        "3.8.2.1.2 Subscription Identifier 0",
        V5,
        "82 09 00 01 02 0B 00 00 01 'a' 00",
        PropertyValue(0x0b),
        0x82,
    ),
    (
        "3.3.2.3.8 Subscription Identifier 0",
        V5,
        "30 06 00 01 't' 02 0B 00",
        PropertyValue(0x0b),
        0x82,
    ),
    ("[MQTT-3.3.2-8]", V5, "30 07 00 01 't' 03 23 00 00", TopicAliasZero, 0x94),
    ("[MQTT-3.3.2-8]", V5, "30 06 00 00 03 23 00 00", TopicAliasZero, 0x94),
    ("3.3.2.3.2 neither 0 nor 1", V5, "30 06 00 01 't' 02 01 02", PropertyValue(0x01), 0x82),
    (
        "3.1.2.11.7 neither 0 nor 1",
        V5,
        "10 0F 00 04 'MQTT' 05 02 00 00 02 17 02 00 00",
        PropertyValue(0x17),
        0x82,
    ),
    (
        "3.1.2.11.6 neither 0 nor 1",
        V5,
        "10 0F 00 04 'MQTT' 05 02 00 00 02 19 FF 00 00",
        PropertyValue(0x19),
        0x82,
    ),
    ("3.2.2.3.4 Maximum QoS 2", V5, "20 05 00 00 02 24 02", PropertyValue(0x24), 0x82),
    ("3.2.2.3.5 neither 0 nor 1", V5, "20 05 00 00 02 25 02", PropertyValue(0x25), 0x82),
    ("3.2.2.3.11 neither 0 nor 1", V5, "20 05 00 00 02 28 80", PropertyValue(0x28), 0x82),
    ("3.2.2.3.12 neither 0 nor 1", V5, "20 05 00 00 02 29 02", PropertyValue(0x29), 0x82),
    ("3.2.2.3.13 neither 0 nor 1", V5, "20 05 00 00 02 2A 02", PropertyValue(0x2a), 0x82),
    (
        "3.1.2.11.10",
        V5,
        "10 11 00 04 'MQTT' 05 02 00 00 04 16 00 01 07 00 00",
        AuthDataWithoutMethod,
        0x82,
    ),
    ("3.2.2.3.18", V5, "20 07 00 00 04 16 00 01 07", AuthDataWithoutMethod, 0x82),
    ("3.15.2.2.3", V5, "F0 06 18 04 16 00 01 07", AuthDataWithoutMethod, 0x82),
];

pub(crate) const PLACES: &[Row] = &[
    ("2.2.2.2 no such property", V5, "30 06 00 01 't' 02 00 00", UnknownProperty(0), 0x81),
    ("2.2.2.2 no such property", V5, "30 06 00 01 't' 02 7F 00", UnknownProperty(0x7f), 0x81),
    ("2.2.2.2 no such property", V5, "30 06 00 01 't' 02 A6 02", UnknownProperty(0x126), 0x81),
    (
        "[MQTT-1.5.5-1] an identifier of two bytes",
        V5,
        "30 07 00 01 't' 03 81 00 01",
        VariableByteInteger,
        0x81,
    ),
    (
        "2.2.2.2 Topic Alias in CONNACK",
        V5,
        "20 06 00 00 03 23 00 01",
        MisplacedProperty(Packet(PacketType::ConnAck), 0x23),
        0x81,
    ),
    (
        "2.2.2.2 Will Delay Interval outside of the will",
        V5,
        "10 12 00 04 'MQTT' 05 02 00 00 05 18 00 00 00 01 00 00",
        MisplacedProperty(Packet(PacketType::Connect), 0x18),
        0x81,
    ),
    (
        "2.2.2.2 Reason String in PUBLISH",
        V5,
        "30 08 00 01 't' 04 1F 00 01 'n'",
        MisplacedProperty(Packet(PacketType::Publish), 0x1f),
        0x81,
    ),
    (
        "2.2.2.2 Subscription Identifier in UNSUBSCRIBE",
        V5,
        "A2 08 00 01 02 0B 01 00 01 'a'",
        MisplacedProperty(Packet(PacketType::Unsubscribe), 0x0b),
        0x81,
    ),
    (
        "3.1.2.11.2 Session Expiry Interval twice",
        V5,
        "E0 0C 00 0A 11 00 00 00 00 11 00 00 00 01",
        RepeatedProperty(0x11),
        0x82,
    ),
    (
        "3.8.2.1.2 Subscription Identifier twice in SUBSCRIBE",
        V5,
        "82 0B 00 01 04 0B 01 0B 02 00 01 'a' 00",
        RepeatedProperty(0x0b),
        0x82,
    ),
    (
        "3.4.2.2.2 Reason String twice",
        V5,
        "40 0C 00 01 00 08 1F 00 01 'n' 1F 00 01 'n'",
        RepeatedProperty(0x1f),
        0x82,
    ),
];

pub(crate) const LENGTHS: &[Row] = &[
    ("2.2.2.1 beyond the packet", V5, "20 03 00 00 01", Truncated, 0x81),
    ("2.2.2.1 beyond the packet", V5, "20 05 00 00 03 25 01", Truncated, 0x81),
    ("2.2.2.1 beyond the packet", V5, "40 05 00 01 00 02 1F", Truncated, 0x81),
    ("2.2.2.1 beyond the packet", V5, "30 05 00 01 't' FF 7F", Truncated, 0x81),
    ("2.2.2.1 a length that is cut", V5, "30 04 00 01 't' 80", Truncated, 0x81),
    ("2.2.2.1 two bytes for 0", V5, "30 05 00 01 't' 80 00", VariableByteInteger, 0x81),
    ("2.2.2.1 five bytes", V5, "30 08 00 01 't' 80 80 80 80 01", VariableByteInteger, 0x81),
    ("2.2.2.1 it ends inside a value", V5, "30 08 00 01 't' 03 03 00 01 't'", Truncated, 0x81),
    ("2.2.2.1 it ends behind an identifier", V5, "20 05 00 00 01 25 00", Truncated, 0x81),
    (
        "1.5.5 a Subscription Identifier of five bytes",
        V5,
        "30 0A 00 01 't' 06 0B 80 80 80 80 01",
        VariableByteInteger,
        0x81,
    ),
    // 3.1.1 has no properties: their bytes are something else there.
    ("3.1.1 3.2", V311, "20 03 00 00 00", mqtt_as_proto::DecodeError::TrailingBytes, 0x81),
];
