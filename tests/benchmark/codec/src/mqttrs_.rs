use std::hint::black_box;

use mqttrs::{Packet, Pid, Publish, QosPid, decode_slice, encode_slice};
use work::{PAYLOAD, TOPIC};

use crate::{ID, Kind};

pub fn encode(kind: Kind, count: usize) -> Vec<u8> {
    let qospid = match kind {
        Kind::Publish0 => QosPid::AtMostOnce,
        Kind::Publish1 => QosPid::AtLeastOnce(Pid::try_from(ID).expect("not 0")),
        Kind::ConnAck => panic!("it speaks 3.1.1 only"),
    };
    let packet: Packet<'_> =
        Publish { dup: false, qospid, retain: false, topic_name: TOPIC, payload: PAYLOAD }.into();
    let (mut out, mut len) = ([0; 256], 0);
    for _ in 0..count {
        len = encode_slice(black_box(&packet), &mut out).expect("room");
        black_box(&out);
    }
    out[..len].to_vec()
}

pub fn decode(_: Kind, count: usize, mut bytes: &[u8]) {
    let len = bytes.len() / crate::STREAM;
    for _ in 0..count {
        // It does not say where a packet ends.
        let Some(Packet::Publish(publish)) = decode_slice(black_box(bytes)).expect("valid") else {
            panic!("a PUBLISH")
        };
        assert_eq!((publish.topic_name.len(), publish.payload.len()), (20, 64));
        bytes = &bytes[len..];
    }
}
