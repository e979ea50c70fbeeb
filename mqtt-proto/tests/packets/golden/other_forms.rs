//! Legal forms that the encoder does not choose.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::packet::Version::V5;
use mqtt_as_proto::packet::{Auth, ConnAck, Disconnect, Packet};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::reason::ReasonCode;

use super::{Row, USER, ack};

pub(crate) fn rows(row: Row<'_>) {
    acks(row);
    disconnect_and_auth(row);
    connack(row);
}

fn acks(row: Row<'_>) {
    let ok = ReasonCode::SUCCESS;
    row("PUBACK, 3 bytes, success", V5, "40 03 00 0A 00", Packet::PubAck(ack(ok, &[])));
    row("PUBREC, 4 bytes, success", V5, "50 04 00 0A 00 00", Packet::PubRec(ack(ok, &[])));
    row("PUBCOMP, 4 bytes, success", V5, "70 04 00 0A 00 00", Packet::PubComp(ack(ok, &[])));
    row(
        "PUBREL, 4 bytes",
        V5,
        "62 04 00 0A 92 00",
        Packet::PubRel(ack(ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, &[])),
    );
}

fn disconnect_and_auth(row: Row<'_>) {
    let bye = Packet::Disconnect(Disconnect::default());
    row("DISCONNECT, 1 byte, success", V5, "E0 01 00", bye);
    row("DISCONNECT, 2 bytes, success", V5, "E0 02 00 00", bye);
    row(
        "DISCONNECT, 2 bytes",
        V5,
        "E0 02 8E 00",
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::SESSION_TAKEN_OVER,
            properties: Properties::NONE,
        }),
    );
    row("AUTH, 2 bytes, success", V5, "F0 02 00 00", Packet::Auth(Auth::default()));
}

fn connack(row: Row<'_>) {
    row(
        "CONNACK of a 3.1.1 server to a 5.0 client: 3.1.1 [MQTT-3.1.2-2]",
        V5,
        "20 02 00 01",
        Packet::ConnAck(ConnAck {
            reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            ..ConnAck::default()
        }),
    );
    row(
        "CONNACK that refuses, without a property length",
        V5,
        "20 02 00 84",
        Packet::ConnAck(ConnAck {
            reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            ..ConnAck::default()
        }),
    );
    row(
        "properties in any order (2.2.2.2)",
        V5,
        "20 12 00 00 0F
         26 00 01 'a' 00 01 'b'
         21 00 14              ; Receive Maximum before Maximum Packet Size
         27 00 01 00 00",
        Packet::ConnAck(ConnAck {
            properties: Properties::new(&[
                USER,
                Property::ReceiveMaximum(NonZeroU16::new(20).unwrap()),
                Property::MaximumPacketSize(NonZeroU32::new(65_536).unwrap()),
            ]),
            ..ConnAck::default()
        }),
    );
}
