//! What a server may say, and what it may not.

use std::num::NonZeroU16;

use mqtt_as_proto::packet::{
    Ack, Auth, ConnAck, Delivery, Disconnect, Packet, Publish, SubAck, UnsubAck,
};
use mqtt_as_proto::property::{Property, TopicAliasId};
use mqtt_as_proto::{PacketId, Properties, ReasonCode, TopicName, Version};
use mqtt_as_tests::random::Random;

use super::settings::qos;

/// Few identifiers, so that they meet.
pub(crate) fn id(random: &mut Random) -> PacketId {
    PacketId::new(random.between(1..=7) as u16).expect("not 0")
}

pub(crate) fn connack(random: &mut Random, version: Version, method: bool) -> Vec<u8> {
    let list = [
        Property::AuthenticationMethod("m"),
        Property::ReceiveMaximum(NonZeroU16::new(random.between(1..=3) as u16).expect("not 0")),
        Property::TopicAliasMaximum(random.index(4) as u16),
    ];
    let first = if method { 0 } else { random.between(1..=3) as usize };
    let list = if version == Version::V5 { &list[first..] } else { &[] };
    let connack = ConnAck {
        session_present: random.chance(40),
        reason: ReasonCode::from_u8(if random.chance(95) { 0 } else { 0x87 }),
        properties: Properties::new(list),
    };
    encoded(&Packet::ConnAck(connack), version)
}

fn encoded(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    packet.encode_to_vec(version).unwrap_or_default()
}

/// A packet of a server: mostly one that may come.
pub(crate) fn says(random: &mut Random, version: Version, id: PacketId) -> Vec<u8> {
    let reason = ReasonCode::from_u8([0, 0, 0, 0, 0x10, 0x80, 0x92][random.index(7)]);
    let ack = Ack::new(id, reason);
    let properties = Properties::NONE;
    let codes = [0, 1, 0x80];
    let codes = &codes[..random.between(1..=2) as usize];
    let packet = match random.index(16) {
        0..=3 => return publish(random, version),
        4 | 5 => Packet::PubAck(ack),
        6 | 7 => Packet::PubRec(ack),
        8 => Packet::PubRel(Ack::new(ack.id, ReasonCode::SUCCESS)),
        9 | 10 => Packet::PubComp(Ack::new(ack.id, ReasonCode::SUCCESS)),
        11 => Packet::SubAck(SubAck { id: ack.id, properties, codes }),
        12 => Packet::UnsubAck(UnsubAck { id: ack.id, properties, codes: &codes[..1] }),
        13 => Packet::PingResp,
        14 if random.chance(10) => Packet::Disconnect(Disconnect { reason, properties }),
        14 if random.chance(30) => {
            let method = [Property::AuthenticationMethod("m")];
            let reason = ReasonCode::from_u8([0, 0x18][random.index(2)]);
            let properties = Properties::new(&method);
            return encoded(&Packet::Auth(Auth { reason, properties }), version);
        }
        15 if random.chance(20) => return connack(random, version, false),
        _ => Packet::PingResp,
    };
    encoded(&packet, version)
}

fn publish(random: &mut Random, version: Version) -> Vec<u8> {
    let alias = NonZeroU16::new(random.between(1..=4) as u16).expect("not 0");
    let alias = [Property::TopicAlias(TopicAliasId(alias))];
    let aliased = version == Version::V5 && random.chance(30);
    let topic = TopicName::new(["t", "u/long/one", "v"][random.index(3)]).expect("a topic");
    let payload = vec![9; [0, 3, 40, 300, 1500, 5000][random.index(6)]];
    let publish = Publish {
        dup: random.chance(20),
        retain: random.chance(20),
        delivery: Delivery::new(qos(random), id(random)),
        topic,
        properties: Properties::new(if aliased { &alias } else { &[] }),
        payload: &payload,
    };
    encoded(&Packet::Publish(publish), version)
}

pub(crate) fn mutated(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..random.between(1..=3) {
        let at = random.index(bytes.len());
        match (bytes.get_mut(at), random.index(4)) {
            (Some(byte), 0) => *byte ^= 1 << random.index(8),
            (Some(byte), 1) => *byte = random.next_u64() as u8,
            (Some(_), 2) => drop(bytes.remove(at)),
            _ => bytes.insert(at, random.next_u64() as u8),
        }
    }
    bytes
}
