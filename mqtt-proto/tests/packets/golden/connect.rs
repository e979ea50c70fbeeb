//! CONNECT and CONNACK.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::packet::{ConnAck, Connect, Packet, QoS, Will};
use mqtt_as_proto::property::{MaximumQoS, Properties, Property};
use mqtt_as_proto::reason::ReasonCode;

use super::{Row, USER, topic};

pub(crate) fn rows(row: Row<'_>) {
    connect_v5(row);
    connect_v5_properties(row);
    connect_v5_will(row);
    connect_v311(row);
    connack_v5(row);
    connack_v5_properties(row);
    connack_v311(row);
}

fn connect_v5(row: Row<'_>) {
    row(
        "CONNECT 5.0 with an empty client identifier",
        V5,
        "10 0D         ; CONNECT, 13 bytes follow
         00 04 'MQTT'  ; protocol name [MQTT-3.1.2-1]
         05            ; version
         02            ; Clean Start
         00 00         ; no keep-alive
         00            ; no properties [MQTT-2.2.2-1]
         00 00         ; client identifier [MQTT-3.1.3-3]",
        Packet::Connect(Connect { clean_start: true, ..Connect::default() }),
    );
    row(
        "CONNECT 5.0 with a password and no user name [MQTT-3.1.2-16] [MQTT-3.1.2-19]",
        V5,
        "10 10 00 04 'MQTT' 05
         40            ; password
         FF FF         ; keep-alive 65,535
         00 00 00      ; no properties, no client identifier
         00 01 'p'     ; password",
        Packet::Connect(Connect { keep_alive: 0xffff, password: Some(b"p"), ..Connect::default() }),
    );
    row(
        "a U+FEFF in a string stays in it [MQTT-1.5.4-3]",
        V5,
        "10 12 00 04 'MQTT' 05 00 00 00 00
         00 05 EF BB BF C3 A4  ; U+FEFF, U+00E4",
        Packet::Connect(Connect { client_id: "\u{feff}ä", ..Connect::default() }),
    );
}

fn connect_v5_properties(row: Row<'_>) {
    row(
        "CONNECT 5.0 with every property",
        V5,
        "10 3A 00 04 'MQTT' 05 00
         00 3C             ; keep-alive 60
         2C                ; 44 bytes of properties
         11 00 00 00 0A    ; Session Expiry Interval 10
         15 00 03 'GSS'    ; Authentication Method
         16 00 02 00 FF    ; Authentication Data
         17 00             ; Request Problem Information
         19 01             ; Request Response Information
         27 00 00 10 00    ; Maximum Packet Size 4096
         21 00 0A          ; Receive Maximum 10
         22 00 05          ; Topic Alias Maximum 5
         26 00 01 'a' 00 01 'b'
         26 00 01 'a' 00 00
         00 01 'c'         ; client identifier",
        Packet::Connect(Connect {
            keep_alive: 60,
            client_id: "c",
            properties: Properties::new(&[
                Property::SessionExpiryInterval(10),
                Property::AuthenticationMethod("GSS"),
                Property::AuthenticationData(&[0, 255]),
                Property::RequestProblemInformation(false),
                Property::RequestResponseInformation(true),
                Property::MaximumPacketSize(NonZeroU32::new(4096).unwrap()),
                Property::ReceiveMaximum(NonZeroU16::new(10).unwrap()),
                Property::TopicAliasMaximum(5),
                USER,
                Property::UserProperty(("a", "")),
            ]),
            ..Connect::default()
        }),
    );
}

fn connect_v5_will(row: Row<'_>) {
    row(
        "CONNECT 5.0 with every flag and every will property [MQTT-3.1.3-1]",
        V5,
        "10 41 00 04 'MQTT' 05
         F6                ; user name, password, retain, QoS 2, will, Clean Start
         00 0A 00          ; keep-alive 10, no properties
         00 01 'c'         ; client identifier
         23                ; 35 bytes of will properties
         01 01             ; Payload Format Indicator
         02 00 00 00 3C    ; Message Expiry Interval 60
         03 00 04 'text'   ; Content Type
         08 00 01 'r'      ; Response Topic
         09 00 02 01 02    ; Correlation Data
         18 00 00 00 05    ; Will Delay Interval 5
         26 00 01 'k' 00 01 'v'
         00 01 'w'         ; will topic
         00 03 'bye'       ; will payload
         00 01 'u'         ; user name
         00 02 00 FF       ; password",
        Packet::Connect(Connect {
            clean_start: true,
            keep_alive: 10,
            client_id: "c",
            will: Some(Will {
                topic: topic("w"),
                payload: b"bye",
                qos: QoS::ExactlyOnce,
                retain: true,
                properties: Properties::new(&[
                    Property::PayloadFormatIndicator(true),
                    Property::MessageExpiryInterval(60),
                    Property::ContentType("text"),
                    Property::ResponseTopic(topic("r")),
                    Property::CorrelationData(&[1, 2]),
                    Property::WillDelayInterval(5),
                    Property::UserProperty(("k", "v")),
                ]),
            }),
            user_name: Some("u"),
            password: Some(&[0, 255]),
            ..Connect::default()
        }),
    );
    row(
        "CONNECT 5.0 with an empty will and an empty user name [MQTT-3.1.2-9] [MQTT-3.1.2-17]",
        V5,
        "10 16 00 04 'MQTT' 05
         8C                ; user name, QoS 1, will
         00 00 00          ; no keep-alive, no properties
         00 01 'c'         ; client identifier
         00                ; no will properties
         00 01 'w' 00 00   ; will topic and payload
         00 00             ; user name",
        Packet::Connect(Connect {
            client_id: "c",
            will: Some(Will {
                topic: topic("w"),
                payload: b"",
                qos: QoS::AtLeastOnce,
                retain: false,
                properties: Properties::NONE,
            }),
            user_name: Some(""),
            ..Connect::default()
        }),
    );
}

fn connect_v311(row: Row<'_>) {
    row(
        "CONNECT 3.1.1 with an empty client identifier",
        V311,
        "10 0C 00 04 'MQTT'
         04            ; level
         02            ; Clean Session
         00 3C         ; keep-alive 60
         00 00         ; client identifier",
        Packet::Connect(Connect {
            version: V311,
            clean_start: true,
            keep_alive: 60,
            ..Connect::default()
        }),
    );
    row(
        "CONNECT 3.1.1 with all that it may have",
        V311,
        "10 1C 00 04 'MQTT' 04
         F4            ; user name, password, retain, QoS 2, will
         00 00
         00 01 'c'     ; client identifier
         00 01 'w'     ; will topic
         00 03 'bye'   ; will message
         00 01 'u'     ; user name
         00 02 00 FF   ; password",
        Packet::Connect(Connect {
            version: V311,
            client_id: "c",
            will: Some(Will {
                topic: topic("w"),
                payload: b"bye",
                qos: QoS::ExactlyOnce,
                retain: true,
                properties: Properties::NONE,
            }),
            user_name: Some("u"),
            password: Some(&[0, 255]),
            ..Connect::default()
        }),
    );
    row(
        "CONNECT 3.1.1 with a user name and no password",
        V311,
        "10 0F 00 04 'MQTT' 04 82 00 00 00 00 00 01 'u'",
        Packet::Connect(Connect {
            version: V311,
            clean_start: true,
            user_name: Some("u"),
            ..Connect::default()
        }),
    );
}

fn connack_v5(row: Row<'_>) {
    row(
        "CONNACK 5.0, success",
        V5,
        "20 03         ; CONNACK, 3 bytes follow
         00            ; no session present
         00            ; success
         00            ; no properties",
        Packet::ConnAck(ConnAck::default()),
    );
    row(
        "CONNACK 5.0, session present",
        V5,
        "20 03 01 00 00",
        Packet::ConnAck(ConnAck { session_present: true, ..ConnAck::default() }),
    );
    row(
        "CONNACK 5.0, not authorized",
        V5,
        "20 03 00 87 00",
        Packet::ConnAck(ConnAck { reason: ReasonCode::NOT_AUTHORIZED, ..ConnAck::default() }),
    );
    row(
        "CONNACK 5.0, Maximum QoS 0",
        V5,
        "20 05 00 00
         02 24 00      ; Maximum QoS",
        Packet::ConnAck(ConnAck {
            properties: Properties::new(&[Property::MaximumQoS(MaximumQoS(QoS::AtMostOnce))]),
            ..ConnAck::default()
        }),
    );
}

fn connack_v5_properties(row: Row<'_>) {
    row(
        "CONNACK 5.0 with every property",
        V5,
        "20 42 00 00
         3F                ; 63 bytes of properties
         11 00 00 00 3C    ; Session Expiry Interval 60
         12 00 02 'id'     ; Assigned Client Identifier
         13 00 1E          ; Server Keep Alive 30
         15 00 01 'm'      ; Authentication Method
         16 00 01 07       ; Authentication Data
         1A 00 02 'r/'     ; Response Information
         1C 00 01 's'      ; Server Reference
         1F 00 02 'ok'     ; Reason String
         27 00 01 00 00    ; Maximum Packet Size 65,536
         21 00 14          ; Receive Maximum 20
         22 00 0A          ; Topic Alias Maximum 10
         24 01             ; Maximum QoS 1
         25 00             ; Retain Available
         28 00             ; Wildcard Subscription Available
         29 00             ; Subscription Identifiers Available
         2A 01             ; Shared Subscription Available
         26 00 01 'a' 00 01 'b'",
        Packet::ConnAck(ConnAck {
            properties: Properties::new(&[
                Property::SessionExpiryInterval(60),
                Property::AssignedClientIdentifier("id"),
                Property::ServerKeepAlive(30),
                Property::AuthenticationMethod("m"),
                Property::AuthenticationData(&[7]),
                Property::ResponseInformation("r/"),
                Property::ServerReference("s"),
                Property::ReasonString("ok"),
                Property::MaximumPacketSize(NonZeroU32::new(65_536).unwrap()),
                Property::ReceiveMaximum(NonZeroU16::new(20).unwrap()),
                Property::TopicAliasMaximum(10),
                Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
                Property::RetainAvailable(false),
                Property::WildcardSubscriptionAvailable(false),
                Property::SubscriptionIdentifierAvailable(false),
                Property::SharedSubscriptionAvailable(true),
                USER,
            ]),
            ..ConnAck::default()
        }),
    );
}

fn connack_v311(row: Row<'_>) {
    row("CONNACK 3.1.1, accepted", V311, "20 02 00 00", Packet::ConnAck(ConnAck::default()));
    row(
        "CONNACK 3.1.1, session present",
        V311,
        "20 02 01 00",
        Packet::ConnAck(ConnAck { session_present: true, ..ConnAck::default() }),
    );
    for (bytes, reason) in [
        ("20 02 00 01", ReasonCode::UNSUPPORTED_PROTOCOL_VERSION),
        ("20 02 00 02", ReasonCode::CLIENT_IDENTIFIER_NOT_VALID),
        ("20 02 00 03", ReasonCode::SERVER_UNAVAILABLE),
        ("20 02 00 04", ReasonCode::BAD_USER_NAME_OR_PASSWORD),
        ("20 02 00 05", ReasonCode::NOT_AUTHORIZED),
    ] {
        let packet = Packet::ConnAck(ConnAck { reason, ..ConnAck::default() });
        row("CONNACK 3.1.1, refused", V311, bytes, packet);
    }
}
