//! Settings of a client that is fuzzed: small numbers, so that limits are reached.

use mqtt_as_proto::client::{AliasesOut, Config, ManualAck, Overflow, StreamsIn};
use mqtt_as_proto::{QoS, Version};
use mqtt_as_tests::random::Random;

pub(crate) fn settings(random: &mut Random) -> Config {
    let large = random.chance(20);
    let aliases = random.index(4) as u16;
    Config {
        version: [Version::V311, Version::V5][random.index(2)],
        receive_maximum: random.between(1..=3) as u16,
        strict: random.chance(30),
        in_flight: random.index(6) as u16,
        queue_len: random.between(1..=4) as usize,
        overflow: [Overflow::Wait, Overflow::DropOldest][random.index(2)],
        manual_ack: random.chance(50).then_some(ManualAck::ALL),
        maximum_packet_size: if large { 8192 } else { random.between(16..=256) as u32 },
        streams_in: [None, Some(StreamsIn::up_to(2000)), Some(StreamsIn::up_to(6000))]
            [random.index(3)],
        close_if_too_large: random.chance(20),
        topic_alias_maximum: random.index(4) as u16,
        aliases_out: (aliases != 0).then(|| AliasesOut::up_to(aliases)),
        ping_interval: [0, 700][random.index(2)],
        write_timeout: [0, 1000][random.index(2)],
        response_time: [0, 1000][random.index(2)],
        max_repubs: random.index(3) as u8,
        republish: random.chance(50),
        republish_exactly_once: random.chance(50),
        adopt_session: random.chance(50),
        ..Config::default()
    }
}

pub(crate) fn qos(random: &mut Random) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][random.index(3)]
}
