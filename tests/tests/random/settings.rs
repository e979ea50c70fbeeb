//! What a life is made of.

use mqtt_as_proto::client::{AliasesOut, ManualAck, Overflow, StreamsIn};
use mqtt_as_proto::{QoS, Version};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::link::LinkConfig;
use mqtt_as_tests::pair::{PairConfig, Plant};
use mqtt_as_tests::random::Random;

/// Any of the three.
pub(crate) fn random_qos(random: &mut Random) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][random.index(3)]
}

pub(crate) fn settings(random: &mut Random, plant: Option<Plant>) -> PairConfig {
    let mut config = PairConfig { plant, ..PairConfig::default() };
    let small = random.chance(40);
    config.client.version = [Version::V311, Version::V5][random.index(2)];
    config.client.maximum_packet_size = [256, 1024, 65_536][random.index(3)];
    config.client.receive_maximum = if small { random.between(1..=4) } else { 30 } as u16;
    config.client.topic_alias_maximum = random.between(0..=3) as u16;
    config.client.streams_in = random.chance(50).then(|| StreamsIn::up_to(100_000));
    let aliases_out = random.between(0..=3) as u16;
    config.client.aliases_out = (aliases_out != 0).then(|| AliasesOut::up_to(aliases_out));
    config.client.republish = random.chance(70);
    config.client.republish_exactly_once = random.chance(20);
    // A second client of the same name is not in this play: nothing is unknown.
    config.client.adopt_session = true;
    // The broker keeps to what it is told.
    config.client.strict = random.chance(50);
    config.client.manual_ack = random.chance(50).then_some(ManualAck::ALL);
    config.client.queue_len = if small { random.between(1..=6) as usize } else { 1000 };
    config.client.overflow = [Overflow::Wait, Overflow::DropOldest][random.index(2)];
    config.outbox = if small { random.between(128..=1024) as usize } else { 64 * 1024 };
    config.client.in_flight = if small { random.between(1..=8) as u16 } else { 100 };
    config.outgoing = if small { random.between(200..=2000) as usize } else { 1 << 20 };
    let largest = config.client.maximum_packet_size as usize;
    config.incoming = if small { largest + random.between(16..=600) as usize } else { 1 << 21 };
    config.lent = small && largest <= 1024 && random.chance(50);
    config.keep_alive = [0, 5, 60][random.index(3)];
    config.session_expiry = [None, None, Some(0), Some(5), Some(3600)][random.index(5)];
    config.partial_writes = random.chance(50);
    let latency = [0, 20, 200][random.index(3)];
    config.link = LinkConfig { latency_ms: latency / 4..=latency, chop: random.chance(50) };
    times(&mut config, random);
    config.assigned = config.client.version == Version::V5 && random.chance(10);
    config.broker = broker(config.client.version, random);
    config
}

/// Time-outs, of which some are turned off.
fn times(config: &mut PairConfig, random: &mut Random) {
    let client = &mut config.client;
    client.connect_timeout = [10_000, 3_000][random.index(2)];
    client.ping_interval = [0, 0, 7_000, 33_333][random.index(4)];
    client.ping_timeout = [10_000, 1_500, 0][random.index(3)];
    client.write_timeout = [10_000, 4_000][random.index(2)];
    client.response_time = [10_000, 2_500][random.index(2)];
    client.max_repubs = [4, 0, 1][random.index(3)];
    client.send_window = [20, 1, 3][random.index(3)];
}

/// What a broker allows: another one each time.
pub(crate) fn broker(version: Version, random: &mut Random) -> BrokerConfig {
    let mut config = broker_of_5_0(random);
    if version == Version::V311 {
        // It cannot be told, and would close the connection over each such message.
        config.maximum_qos = QoS::ExactlyOnce;
        config.maximum_packet_size = None;
    }
    config
}

fn broker_of_5_0(random: &mut Random) -> BrokerConfig {
    BrokerConfig {
        receive_maximum: [1, 2, 5, u16::MAX][random.index(4)],
        maximum_qos: if random.chance(90) { QoS::ExactlyOnce } else { random_qos(random) },
        maximum_packet_size: [None, None, Some(150), Some(6000)][random.index(4)],
        topic_alias_maximum: [0, 2, 10][random.index(3)],
        wildcard_subscription_available: random.chance(80),
        session_expiry_maximum: if random.chance(80) { u32::MAX } else { 10 },
        outbound_aliases: random.chance(70),
        window: random.between(1..=20) as u16,
        overrun: [0, 0, 0, 5][random.index(4)],
        server_keep_alive: [None, None, None, Some(0), Some(3), Some(300)][random.index(6)],
        ..BrokerConfig::default()
    }
}
