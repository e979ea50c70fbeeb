use std::hint::black_box;
use std::num::NonZeroU16;

use ntex_bytes::{BytePages, ByteString, Bytes, BytesMut};
use ntex_codec::{Decoder, Encoder};
use ntex_mqtt::{QoS, v3, v5};
use work::{PAYLOAD, TOPIC};

use crate::{ALIASES, CLIENT_ID, EXPIRY, ID, KEEP_ALIVE, Kind, MAX_PACKET, RECEIVE_MAXIMUM};

pub fn encode(kind: Kind, count: usize) -> Vec<u8> {
    if kind == Kind::ConnAck {
        let ack = v5::codec::ConnectAck {
            session_expiry_interval_secs: Some(EXPIRY),
            assigned_client_id: Some(ByteString::from_static(CLIENT_ID)),
            server_keepalive_sec: Some(KEEP_ALIVE),
            max_packet_size: Some(MAX_PACKET),
            receive_max: NonZeroU16::new(RECEIVE_MAXIMUM).expect("not 0"),
            topic_alias_max: ALIASES,
            ..v5::codec::ConnectAck::default()
        };
        let packet = v5::codec::Encoded::Packet(v5::codec::Packet::ConnectAck(Box::new(ack)));
        encode_with(&v5::codec::Codec::new(), &packet, count)
    } else {
        let publish = v3::codec::Publish {
            dup: false,
            retain: false,
            qos: if kind == Kind::Publish0 { QoS::AtMostOnce } else { QoS::AtLeastOnce },
            topic: ByteString::from_static(TOPIC),
            packet_id: NonZeroU16::new(ID).filter(|_| kind == Kind::Publish1),
            payload_size: PAYLOAD.len() as u32,
        };
        let packet = v3::codec::Encoded::Publish(publish, Some(Bytes::from_static(PAYLOAD)));
        encode_with(&v3::codec::Codec::new(), &packet, count)
    }
}

/// The codec takes the packet by value, as its callers give it.
fn encode_with<C: Encoder>(codec: &C, packet: &C::Item, count: usize) -> Vec<u8>
where
    C::Item: Clone,
{
    let mut out = BytePages::default();
    for _ in 0..count {
        out.clear();
        codec.encodev(black_box(packet).clone(), &mut out).expect("encodes");
        black_box(&out);
    }
    out.freeze().to_vec()
}

pub fn decode(kind: Kind, count: usize, bytes: &[u8]) {
    let mut bytes = BytesMut::copy_from_slice(bytes);
    let (v3_codec, v5_codec) = (v3::codec::Codec::new(), v5::codec::Codec::new());
    for _ in 0..count {
        let bytes = black_box(&mut bytes);
        if kind == Kind::ConnAck {
            let packet = v5_codec.decode(bytes).expect("valid").expect("whole");
            let v5::codec::Decoded::Packet(v5::codec::Packet::ConnectAck(ack), _) = packet else {
                panic!("a CONNACK")
            };
            assert_eq!(ack.session_expiry_interval_secs, Some(EXPIRY));
            assert_eq!(ack.assigned_client_id.as_deref(), Some(CLIENT_ID));
            assert_eq!(ack.server_keepalive_sec, Some(KEEP_ALIVE));
            assert_eq!(ack.max_packet_size, Some(MAX_PACKET));
            assert_eq!(ack.receive_max.get(), RECEIVE_MAXIMUM);
            assert_eq!(ack.topic_alias_max, ALIASES);
        } else {
            let packet = v3_codec.decode(bytes).expect("valid").expect("whole");
            let v3::codec::Decoded::Publish(publish, payload, _) = packet else {
                panic!("a PUBLISH")
            };
            assert_eq!((publish.topic.len(), payload.len()), (20, 64));
        }
    }
}
