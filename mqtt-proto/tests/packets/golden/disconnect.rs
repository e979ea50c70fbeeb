//! PINGREQ, PINGRESP, DISCONNECT and AUTH.

use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::packet::{Auth, Disconnect, Packet};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::reason::ReasonCode;

use super::{Row, USER};

pub(crate) fn rows(row: Row<'_>) {
    for version in [V311, V5] {
        row("PINGREQ", version, "C0 00", Packet::PingReq);
        row("PINGRESP", version, "D0 00", Packet::PingResp);
        let packet = Packet::Disconnect(Disconnect::default());
        row("DISCONNECT, the shortest", version, "E0 00", packet);
    }
    disconnect(row);
    auth(row);
}

fn disconnect(row: Row<'_>) {
    row(
        "DISCONNECT with a reason code alone",
        V5,
        "E0 01 04      ; disconnect with will message",
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::DISCONNECT_WITH_WILL,
            properties: Properties::NONE,
        }),
    );
    row(
        "DISCONNECT with a property and success",
        V5,
        "E0 07 00
         05 11 00 00 00 00     ; Session Expiry Interval 0",
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(&[Property::SessionExpiryInterval(0)]),
        }),
    );
    row(
        "DISCONNECT with every property",
        V5,
        "E0 16 9C              ; use another server
         14                    ; 20 bytes of properties
         11 FF FF FF FF        ; Session Expiry Interval: never
         1C 00 01 's'          ; Server Reference
         1F 00 01 'n'          ; Reason String
         26 00 01 'a' 00 01 'b'",
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::USE_ANOTHER_SERVER,
            properties: Properties::new(&[
                Property::SessionExpiryInterval(u32::MAX),
                Property::ServerReference("s"),
                Property::ReasonString("n"),
                USER,
            ]),
        }),
    );
}

fn auth(row: Row<'_>) {
    row("AUTH, the shortest", V5, "F0 00", Packet::Auth(Auth::default()));
    row(
        "AUTH with a reason code and no properties",
        V5,
        "F0 02 18 00           ; the property length stays (3.15.2.1)",
        Packet::Auth(Auth {
            reason: ReasonCode::CONTINUE_AUTHENTICATION,
            properties: Properties::NONE,
        }),
    );
    row(
        "AUTH with a method alone",
        V5,
        "F0 06 19              ; re-authenticate
         04 15 00 01 'm'       ; Authentication Method",
        Packet::Auth(Auth {
            reason: ReasonCode::RE_AUTHENTICATE,
            properties: Properties::new(&[Property::AuthenticationMethod("m")]),
        }),
    );
    row(
        "AUTH with every property",
        V5,
        "F0 17 18              ; continue authentication
         15                    ; 21 bytes of properties
         15 00 03 'GSS'        ; Authentication Method
         16 00 01 07           ; Authentication Data
         1F 00 01 'n'          ; Reason String
         26 00 01 'a' 00 01 'b'",
        Packet::Auth(Auth {
            reason: ReasonCode::CONTINUE_AUTHENTICATION,
            properties: Properties::new(&[
                Property::AuthenticationMethod("GSS"),
                Property::AuthenticationData(&[7]),
                Property::ReasonString("n"),
                USER,
            ]),
        }),
    );
}
