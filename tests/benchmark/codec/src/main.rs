//! Packets encoded and decoded by the codecs of several crates, without a network.
//!
//! `codec CRATE WORK COUNT`, where WORK is `encode-PACKET` or `decode-PACKET`, and PACKET is `publish-0`, `publish-1`
//! (64 bytes of payload, 3.1.1) or `connack` (six properties, 5.0). Decoding takes COUNT packets from the front of one
//! stream that is as long in every run; all that a packet says is read. What is encoded is compared with the stream's.

mod mqttbytes_;
mod mqttrs_;
mod ntex_mqtt_;
mod ours;
mod rumqttc_;

/// Packets of the stream.
const STREAM: usize = 50_000;
/// What the CONNACK says.
const EXPIRY: u32 = 3600;
const CLIENT_ID: &str = "auto-7";
const KEEP_ALIVE: u16 = 60;
const MAX_PACKET: u32 = 65536;
const RECEIVE_MAXIMUM: u16 = 100;
const ALIASES: u16 = 10;
/// The packet identifier of the PUBLISH at QoS 1.
const ID: u16 = 7;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Publish0,
    Publish1,
    ConnAck,
}

/// What a codec does COUNT times. `encode` returns the last packet.
struct Codec {
    encode: fn(Kind, usize) -> Vec<u8>,
    decode: fn(Kind, usize, &[u8]),
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, work, count] = &arguments[..] else { panic!("codec CRATE WORK COUNT") };
    let codec = match name.as_str() {
        "ours" => Codec { encode: ours::encode, decode: ours::decode },
        "rumqttc" => Codec { encode: rumqttc_::encode, decode: rumqttc_::decode },
        "mqttbytes" => Codec { encode: mqttbytes_::encode, decode: mqttbytes_::decode },
        "ntex-mqtt" => Codec { encode: ntex_mqtt_::encode, decode: ntex_mqtt_::decode },
        "mqttrs" => Codec { encode: mqttrs_::encode, decode: mqttrs_::decode },
        _ => panic!("unknown codec {name}"),
    };
    let (way, packet) = work.split_once('-').expect("encode-PACKET or decode-PACKET");
    let kind = match packet {
        "publish-0" => Kind::Publish0,
        "publish-1" => Kind::Publish1,
        "connack" => Kind::ConnAck,
        _ => panic!("unknown packet {packet}"),
    };
    let count = count.parse().expect("a number");
    let one = ours::encode(kind, 1);
    match way {
        "encode" => assert_eq!((codec.encode)(kind, count).len(), one.len()),
        "decode" => {
            assert!(count <= STREAM);
            (codec.decode)(kind, count, &one.repeat(STREAM));
        }
        _ => panic!("encode or decode"),
    }
}
