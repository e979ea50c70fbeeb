//! PUBLISH and its acknowledgements.

use std::num::NonZeroU16;

use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::packet::{Delivery, Packet, Publish, Version};
use mqtt_as_proto::property::{Properties, Property, SubscriptionId, TopicAliasId};
use mqtt_as_proto::reason::ReasonCode;

use super::{Row, USER, ack, empty_topic, id, topic};

pub(crate) fn rows(row: Row<'_>) {
    publish_v5(row);
    publish_v5_properties(row);
    publish_v5_alias(row);
    publish_v311(row);
}

fn publish_v5(row: Row<'_>) {
    row(
        "PUBLISH 5.0, QoS 0, no payload [MQTT-2.2.1-2]",
        V5,
        "30 04         ; PUBLISH, QoS 0
         00 01 't'     ; topic name
         00            ; no properties",
        Packet::Publish(Publish::new(topic("t"), b"")),
    );
    row(
        "PUBLISH 5.0, QoS 1",
        V5,
        "32 09         ; PUBLISH, QoS 1
         00 01 't'     ; topic name
         00 0A         ; packet identifier
         00            ; no properties
         'abc'         ; payload",
        Packet::Publish(Publish {
            delivery: Delivery::AtLeastOnce(id(10)),
            ..Publish::new(topic("t"), b"abc")
        }),
    );
    row(
        "PUBLISH 5.0, QoS 2, retained, resent",
        V5,
        "3D 13         ; DUP, QoS 2, RETAIN
         00 0B C3 A4 '/' E6 B0 B4 '/' F0 9F 98 80
         FF FF         ; packet identifier
         00            ; no properties
         00 C3 FF      ; payload, which need not be text",
        Packet::Publish(Publish {
            dup: true,
            retain: true,
            delivery: Delivery::ExactlyOnce(id(0xffff)),
            ..Publish::new(topic("ä/水/😀"), &[0x00, 0xc3, 0xff])
        }),
    );
}

fn publish_v5_properties(row: Row<'_>) {
    row(
        "PUBLISH 5.0 with every property and several subscription identifiers",
        V5,
        "31 33             ; QoS 0, RETAIN
         00 01 't'
         2E                ; 46 bytes of properties
         01 00             ; Payload Format Indicator
         02 00 00 00 00    ; Message Expiry Interval 0
         03 00 00          ; Content Type, empty
         08 00 03 'r/1'    ; Response Topic
         09 00 00          ; Correlation Data, empty
         0B 01             ; Subscription Identifier 1
         0B 80 01          ; Subscription Identifier 128
         0B FF FF FF 7F    ; Subscription Identifier 268,435,455
         23 00 01          ; Topic Alias 1
         26 00 01 'a' 00 01 'b'
         26 00 01 'a' 00 01 'b'
         '!'               ; payload",
        Packet::Publish(Publish {
            retain: true,
            properties: Properties::new(&[
                Property::PayloadFormatIndicator(false),
                Property::MessageExpiryInterval(0),
                Property::ContentType(""),
                Property::ResponseTopic(topic("r/1")),
                Property::CorrelationData(b""),
                Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap()),
                Property::SubscriptionIdentifier(SubscriptionId::new(128).unwrap()),
                Property::SubscriptionIdentifier(SubscriptionId::new(268_435_455).unwrap()),
                Property::TopicAlias(TopicAliasId(NonZeroU16::MIN)),
                USER,
                USER,
            ]),
            ..Publish::new(topic("t"), b"!")
        }),
    );
    row(
        "PUBLISH 5.0 with a property length of two bytes",
        V5,
        "30 D3 01          ; 211 bytes follow
         00 01 't'
         CE 01             ; 206 bytes of properties
         26 00 01 'k' 00 C8 76x200",
        Packet::Publish(Publish {
            properties: Properties::new(&[Property::UserProperty(("k", &"v".repeat(200)))]),
            ..Publish::new(topic("t"), b"")
        }),
    );
}

fn publish_v5_alias(row: Row<'_>) {
    row(
        "PUBLISH 5.0 with a topic alias in place of its name",
        V5,
        "30 07
         00 00             ; no topic name
         03 23 00 01       ; Topic Alias 1
         '!'",
        Packet::Publish(Publish {
            properties: Properties::new(&[Property::TopicAlias(TopicAliasId(NonZeroU16::MIN))]),
            ..Publish::new(empty_topic(), b"!")
        }),
    );
    row(
        "PUBLISH 5.0 that sets a topic alias, QoS 1",
        V5,
        "32 09 00 01 't' 00 01
         03 23 FF FF       ; Topic Alias 65,535",
        Packet::Publish(Publish {
            delivery: Delivery::AtLeastOnce(id(1)),
            properties: Properties::new(&[Property::TopicAlias(TopicAliasId(NonZeroU16::MAX))]),
            ..Publish::new(topic("t"), b"")
        }),
    );
}

fn publish_v311(row: Row<'_>) {
    row(
        "PUBLISH 3.1.1, QoS 0, no payload",
        V311,
        "30 03 00 01 't'",
        Packet::Publish(Publish::new(topic("t"), b"")),
    );
    row(
        "PUBLISH 3.1.1, QoS 1, retained",
        V311,
        "33 08
         00 01 't'     ; topic name
         00 0A         ; packet identifier
         'abc'         ; payload",
        Packet::Publish(Publish {
            retain: true,
            delivery: Delivery::AtLeastOnce(id(10)),
            ..Publish::new(topic("t"), b"abc")
        }),
    );
    row(
        "PUBLISH 3.1.1, QoS 2, resent",
        V311,
        "3C 05 00 01 't' 01 00",
        Packet::Publish(Publish {
            dup: true,
            delivery: Delivery::ExactlyOnce(id(256)),
            ..Publish::new(topic("t"), b"")
        }),
    );
}

/// The borders between the lengths of a Remaining Length (2.1.4).
pub(crate) fn long_rows(row: Row<'_>) {
    let mut publish = |name: &str, version: Version, bytes: &str, payload: usize| {
        let payload = vec![0x78; payload];
        row(name, version, bytes, Packet::Publish(Publish::new(topic("t"), &payload)));
    };
    publish("1 byte, 127", V311, "30 7F 00 01 't' 78x124", 124);
    publish("2 bytes, 128", V311, "30 80 01 00 01 't' 78x125", 125);
    publish("2 bytes, 16,383", V5, "30 FF 7F 00 01 't' 00 78x16379", 16_379);
    publish("3 bytes, 16,384", V5, "30 80 80 01 00 01 't' 00 78x16380", 16_380);
    publish("3 bytes, 2,097,151", V311, "30 FF FF 7F 00 01 't' 78x2097148", 2_097_148);
    publish("4 bytes, 2,097,152", V5, "30 80 80 80 01 00 01 't' 00 78x2097148", 2_097_148);
}

pub(crate) fn ack_rows(row: Row<'_>) {
    let ok = ReasonCode::SUCCESS;
    for version in [V311, V5] {
        row("PUBACK, 2 bytes", version, "40 02 00 0A", Packet::PubAck(ack(ok, &[])));
        row("PUBREC, 2 bytes", version, "50 02 00 0A", Packet::PubRec(ack(ok, &[])));
        row("PUBREL, 2 bytes", version, "62 02 00 0A", Packet::PubRel(ack(ok, &[])));
        row("PUBCOMP, 2 bytes", version, "70 02 00 0A", Packet::PubComp(ack(ok, &[])));
    }
    let nobody = ReasonCode::NO_MATCHING_SUBSCRIBERS;
    let unknown = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
    row("PUBACK, 3 bytes", V5, "40 03 00 0A 10", Packet::PubAck(ack(nobody, &[])));
    row("PUBREC, 3 bytes", V5, "50 03 00 0A 10", Packet::PubRec(ack(nobody, &[])));
    row("PUBREL, 3 bytes", V5, "62 03 00 0A 92", Packet::PubRel(ack(unknown, &[])));
    row("PUBCOMP, 3 bytes", V5, "70 03 00 0A 92", Packet::PubComp(ack(unknown, &[])));
    ack_rows_with_properties(row);
}

fn ack_rows_with_properties(row: Row<'_>) {
    let properties = &[Property::ReasonString("no"), USER];
    row(
        "PUBACK with every property",
        V5,
        "40 10 00 0A 87     ; not authorized
         0C                 ; 12 bytes of properties
         1F 00 02 'no'      ; Reason String
         26 00 01 'a' 00 01 'b'",
        Packet::PubAck(ack(ReasonCode::NOT_AUTHORIZED, properties)),
    );
    row(
        "PUBREC with every property",
        V5,
        "50 10 00 0A 97     ; quota exceeded
         0C 1F 00 02 'no' 26 00 01 'a' 00 01 'b'",
        Packet::PubRec(ack(ReasonCode::QUOTA_EXCEEDED, properties)),
    );
    row(
        "PUBREL with every property",
        V5,
        "62 10 00 0A 00     ; success
         0C 1F 00 02 'no' 26 00 01 'a' 00 01 'b'",
        Packet::PubRel(ack(ReasonCode::SUCCESS, properties)),
    );
    row(
        "PUBCOMP with every property",
        V5,
        "70 10 00 0A 92     ; packet identifier not found
         0C 1F 00 02 'no' 26 00 01 'a' 00 01 'b'",
        Packet::PubComp(ack(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, properties)),
    );
}
