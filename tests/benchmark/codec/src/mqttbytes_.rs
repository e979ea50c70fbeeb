use std::hint::black_box;

use bytes::BytesMut;
use mqttbytes::{QoS, v4, v5};
use work::{PAYLOAD, TOPIC};

use crate::{ALIASES, CLIENT_ID, EXPIRY, ID, KEEP_ALIVE, Kind, MAX_PACKET, RECEIVE_MAXIMUM};

pub fn encode(kind: Kind, count: usize) -> Vec<u8> {
    let mut out = BytesMut::with_capacity(256);
    let qos = if kind == Kind::Publish0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    let mut publish = v4::Publish::new(TOPIC, qos, PAYLOAD);
    publish.pkid = if kind == Kind::Publish0 { 0 } else { ID };
    let connack = connack();
    for _ in 0..count {
        out.clear();
        match kind {
            Kind::ConnAck => black_box(&connack).write(&mut out).expect("encodes"),
            _ => black_box(&publish).write(&mut out).expect("encodes"),
        };
        black_box(&out);
    }
    out.to_vec()
}

pub fn decode(kind: Kind, count: usize, bytes: &[u8]) {
    let mut bytes = BytesMut::from(bytes);
    for _ in 0..count {
        let bytes = black_box(&mut bytes);
        if kind == Kind::ConnAck {
            let v5::Packet::ConnAck(ack) = v5::read(bytes, 1 << 20).expect("valid") else {
                panic!("a CONNACK")
            };
            let properties = ack.properties.expect("properties");
            assert_eq!(properties.session_expiry_interval, Some(EXPIRY));
            assert_eq!(properties.assigned_client_identifier.as_deref(), Some(CLIENT_ID));
            assert_eq!(properties.server_keep_alive, Some(KEEP_ALIVE));
            assert_eq!(properties.max_packet_size, Some(MAX_PACKET));
            assert_eq!(properties.receive_max, Some(RECEIVE_MAXIMUM));
            assert_eq!(properties.topic_alias_max, Some(ALIASES));
        } else {
            let v4::Packet::Publish(publish) = v4::read(bytes, 1 << 20).expect("valid") else {
                panic!("a PUBLISH")
            };
            assert_eq!((publish.topic.len(), publish.payload.len()), (20, 64));
        }
    }
}

fn connack() -> v5::ConnAck {
    let properties = v5::ConnAckProperties {
        session_expiry_interval: Some(EXPIRY),
        receive_max: Some(RECEIVE_MAXIMUM),
        max_qos: None,
        retain_available: None,
        max_packet_size: Some(MAX_PACKET),
        assigned_client_identifier: Some(CLIENT_ID.to_owned()),
        topic_alias_max: Some(ALIASES),
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: Some(KEEP_ALIVE),
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    };
    let code = v5::ConnectReturnCode::Success;
    v5::ConnAck { session_present: false, code, properties: Some(properties) }
}
