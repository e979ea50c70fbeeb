//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK.

use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::packet::{
    Filters, Packet, QoS, RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions,
    Subscriptions, UnsubAck, Unsubscribe,
};
use mqtt_as_proto::property::{Properties, Property, SubscriptionId};

use super::{Row, USER, filter, id};

pub(crate) fn rows(row: Row<'_>) {
    subscribe_v5(row);
    subscribe_v5_options(row);
    subscribe_v311(row);
    suback(row);
    unsubscribe(row);
    unsuback(row);
}

fn plain(name: &str, qos: QoS) -> Subscription<'_> {
    Subscription { filter: filter(name), options: SubscriptionOptions::new(qos) }
}

fn subscribe_v5(row: Row<'_>) {
    row(
        "SUBSCRIBE 5.0 to one filter",
        V5,
        "82 07         ; SUBSCRIBE [MQTT-3.8.1-1]
         00 0A         ; packet identifier
         00            ; no properties
         00 01 'a' 01  ; filter and options: QoS 1",
        Packet::Subscribe(Subscribe {
            id: id(10),
            properties: Properties::NONE,
            filters: Subscriptions::new(&[plain("a", QoS::AtLeastOnce)]),
        }),
    );
}

fn subscribe_v5_options(row: Row<'_>) {
    row(
        "SUBSCRIBE 5.0 with every property and every option",
        V5,
        "82 26
         00 0A
         0C                    ; 12 bytes of properties
         0B FF FF FF 7F        ; Subscription Identifier 268,435,455
         26 00 01 'a' 00 01 'b'
         00 03 'a/+' 2E        ; QoS 2, No Local, Retain As Published, Retain Handling 2
         00 01 '#' 00          ; QoS 0
         00 0A '$share/g/a' 19 ; QoS 1, Retain As Published, Retain Handling 1",
        Packet::Subscribe(Subscribe {
            id: id(10),
            properties: Properties::new(&[
                Property::SubscriptionIdentifier(SubscriptionId::new(268_435_455).unwrap()),
                USER,
            ]),
            filters: Subscriptions::new(&[
                Subscription {
                    filter: filter("a/+"),
                    options: SubscriptionOptions {
                        qos: QoS::ExactlyOnce,
                        no_local: true,
                        retain_as_published: true,
                        retain_handling: RetainHandling::DoNotSend,
                    },
                },
                plain("#", QoS::AtMostOnce),
                Subscription {
                    filter: filter("$share/g/a"),
                    options: SubscriptionOptions {
                        qos: QoS::AtLeastOnce,
                        no_local: false,
                        retain_as_published: true,
                        retain_handling: RetainHandling::SendIfNew,
                    },
                },
            ]),
        }),
    );
}

fn subscribe_v311(row: Row<'_>) {
    row(
        "SUBSCRIBE 3.1.1 to two filters",
        V311,
        "82 0A
         00 01         ; packet identifier
         00 01 'a' 00  ; filter, QoS 0
         00 01 'b' 02  ; filter, QoS 2",
        Packet::Subscribe(Subscribe {
            id: id(1),
            properties: Properties::NONE,
            filters: Subscriptions::new(&[
                plain("a", QoS::AtMostOnce),
                plain("b", QoS::ExactlyOnce),
            ]),
        }),
    );
}

fn suback(row: Row<'_>) {
    row(
        "SUBACK 5.0 of one filter",
        V5,
        "90 04 00 0A
         00            ; no properties
         01            ; granted QoS 1",
        Packet::SubAck(SubAck { id: id(10), properties: Properties::NONE, codes: &[1] }),
    );
    row(
        "SUBACK 5.0 with every property and every reason code [MQTT-3.9.3-2]",
        V5,
        "90 1A 00 0A
         0B                    ; 11 bytes of properties
         1F 00 01 'n'          ; Reason String
         26 00 01 'a' 00 01 'b'
         00 01 02 80 83 87 8F 91 97 9E A1 A2",
        Packet::SubAck(SubAck {
            id: id(10),
            properties: Properties::new(&[Property::ReasonString("n"), USER]),
            codes: &[0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
        }),
    );
    row(
        "SUBACK 3.1.1 with every return code [MQTT-3.9.3-2]",
        V311,
        "90 06 00 01 00 01 02 80",
        Packet::SubAck(SubAck { id: id(1), properties: Properties::NONE, codes: &[0, 1, 2, 0x80] }),
    );
}

fn unsubscribe(row: Row<'_>) {
    row(
        "UNSUBSCRIBE 5.0 from one filter",
        V5,
        "A2 06         ; UNSUBSCRIBE [MQTT-3.10.1-1]
         00 0A 00      ; packet identifier, no properties
         00 01 'a'     ; filter",
        Packet::Unsubscribe(Unsubscribe {
            id: id(10),
            properties: Properties::NONE,
            filters: Filters::new(&[filter("a")]),
        }),
    );
    row(
        "UNSUBSCRIBE 5.0 with every property, from two filters",
        V5,
        "A2 19 00 0A
         07 26 00 01 'a' 00 01 'b'
         00 01 '#'
         00 0A '$share/g/a'",
        Packet::Unsubscribe(Unsubscribe {
            id: id(10),
            properties: Properties::new(&[USER]),
            filters: Filters::new(&[filter("#"), filter("$share/g/a")]),
        }),
    );
    row(
        "UNSUBSCRIBE 3.1.1 from two filters",
        V311,
        "A2 08 00 01 00 01 'a' 00 01 'b'",
        Packet::Unsubscribe(Unsubscribe {
            id: id(1),
            properties: Properties::NONE,
            filters: Filters::new(&[filter("a"), filter("b")]),
        }),
    );
}

fn unsuback(row: Row<'_>) {
    row(
        "UNSUBACK 5.0 of one filter",
        V5,
        "B0 04 00 0A 00 00",
        Packet::UnsubAck(UnsubAck { id: id(10), properties: Properties::NONE, codes: &[0] }),
    );
    row(
        "UNSUBACK 5.0 with every property and every reason code [MQTT-3.11.3-2]",
        V5,
        "B0 15 00 0A
         0B                    ; 11 bytes of properties
         1F 00 01 'n'          ; Reason String
         26 00 01 'a' 00 01 'b'
         00 11 80 83 87 8F 91",
        Packet::UnsubAck(UnsubAck {
            id: id(10),
            properties: Properties::new(&[Property::ReasonString("n"), USER]),
            codes: &[0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
        }),
    );
    row(
        "UNSUBACK 3.1.1",
        V311,
        "B0 02 00 01",
        Packet::UnsubAck(UnsubAck { id: id(1), properties: Properties::NONE, codes: &[] }),
    );
}
