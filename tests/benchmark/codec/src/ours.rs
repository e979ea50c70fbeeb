use std::hint::black_box;
use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{ConnAck, Delivery, Publish};
use mqtt_as_proto::{Packet, PacketId, Properties, Property, TopicName, Version};
use work::{PAYLOAD, TOPIC};

use crate::{ALIASES, CLIENT_ID, EXPIRY, ID, KEEP_ALIVE, Kind, MAX_PACKET, RECEIVE_MAXIMUM};

pub fn encode(kind: Kind, count: usize) -> Vec<u8> {
    let properties = [
        Property::SessionExpiryInterval(EXPIRY),
        Property::AssignedClientIdentifier(CLIENT_ID),
        Property::ServerKeepAlive(KEEP_ALIVE),
        Property::MaximumPacketSize(NonZeroU32::new(MAX_PACKET).expect("not 0")),
        Property::ReceiveMaximum(NonZeroU16::new(RECEIVE_MAXIMUM).expect("not 0")),
        Property::TopicAliasMaximum(ALIASES),
    ];
    let mut publish = Publish::new(TopicName::new(TOPIC).expect("a topic"), PAYLOAD);
    if kind == Kind::Publish1 {
        publish.delivery = Delivery::AtLeastOnce(PacketId::new(ID).expect("not 0"));
    }
    let packet = match kind {
        Kind::ConnAck => {
            let properties = Properties::new(&properties);
            Packet::ConnAck(ConnAck { properties, ..ConnAck::default() })
        }
        _ => Packet::Publish(publish),
    };
    let (mut out, mut len) = ([0; 256], 0);
    for _ in 0..count {
        len = black_box(&packet).encode_to_slice(version(kind), &mut out).expect("room");
        black_box(&out);
    }
    out[..len].to_vec()
}

pub fn decode(kind: Kind, count: usize, mut bytes: &[u8]) {
    for _ in 0..count {
        let (frame, rest) = Frame::split(black_box(bytes)).expect("well-formed").expect("whole");
        match Packet::decode(frame, version(kind)).expect("valid") {
            Packet::Publish(publish) => {
                assert_eq!((publish.topic.as_str().len(), publish.payload.len()), (20, 64));
            }
            Packet::ConnAck(ack) => {
                let properties = ack.properties;
                assert_eq!(properties.session_expiry_interval(), Some(EXPIRY));
                assert_eq!(properties.assigned_client_identifier(), Some(CLIENT_ID));
                assert_eq!(properties.server_keep_alive(), Some(KEEP_ALIVE));
                assert_eq!(properties.maximum_packet_size().map(NonZeroU32::get), Some(MAX_PACKET));
                assert_eq!(
                    properties.receive_maximum().map(NonZeroU16::get),
                    Some(RECEIVE_MAXIMUM)
                );
                assert_eq!(properties.topic_alias_maximum(), Some(ALIASES));
            }
            packet => panic!("{packet:?}"),
        }
        bytes = rest;
    }
}

fn version(kind: Kind) -> Version {
    if kind == Kind::ConnAck { Version::V5 } else { Version::V311 }
}
