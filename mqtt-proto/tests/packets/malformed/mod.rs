//! Packets that break a rule: which rule, which error, and which reason code the peer is told.

mod body;
mod fields;
mod properties;

use mqtt_as_proto::error::DecodeError;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Packet, Version};

use crate::hex;

/// One row: the rule, the version, the bytes, the error, and the reason code in it.
type Row = (&'static str, Version, &'static str, DecodeError, u8);

fn check(rows: &[Row]) {
    for (rule, version, text, error, code) in rows {
        let bytes = hex::bytes(text);
        let result = Frame::split(&bytes).and_then(|split| {
            let (frame, rest) = split.expect(rule);
            assert!(rest.is_empty(), "{rule}: the row's length is wrong");
            Packet::decode(frame, *version)
        });
        assert_eq!(result, Err(*error), "{rule}: {text}");
        assert_eq!(error.reason().as_u8(), *code, "{rule}: {text}");
        assert!(error.to_string().starts_with("the peer sent "), "{error}");
    }
}

// 3.1.1 [MQTT-3.2.2-4]
// 5.0 [MQTT-3.2.2-6]
#[test]
fn bad_headers_and_bodies() {
    check(body::FLAGS);
    check(body::LENGTHS);
    check(body::IDENTIFIERS);
    check(body::REASON_CODES);
}

// 3.1.1 [MQTT-1.5.3-1] [MQTT-4.7.3-1]
// 5.0 [MQTT-1.5.4-1] [MQTT-4.7.3-1]
#[test]
fn bad_fields() {
    check(fields::STRINGS);
    check(fields::CONNECT);
    check(fields::TOPICS);
    check(fields::SUBSCRIPTIONS);
}

#[test]
fn bad_properties() {
    check(properties::VALUES);
    check(properties::PLACES);
    check(properties::LENGTHS);
}
