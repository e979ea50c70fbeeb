//! A session that a restarted program declares its own: the server may hold any identifier.

use std::collections::BTreeSet;

use mqtt_as_proto::PacketId;
use mqtt_as_proto::packet::{Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{FEW, MS, accept, ack, both, client, config, peer, small};
use crate::runtime::adapter::QoS;
use crate::runtime::{spawn, within};

/// What a packet of the client asks for: its type, its QoS if it is a PUBLISH, its identifier.
type Asked = (PacketType, QoS, u16);

/// All packets that come until nothing comes for a while, or DISCONNECT.
fn batch(script: &mut Script) -> Vec<Asked> {
    let look = |packet: &Packet<'_>| match packet {
        Packet::Publish(publish) => {
            let id = publish.delivery.id().map_or(0, PacketId::get);
            (PacketType::Publish, publish.delivery.qos(), id)
        }
        Packet::PubRel(ack) => (PacketType::PubRel, QoS::ExactlyOnce, ack.id.get()),
        other => (other.packet_type(), QoS::AtMostOnce, 0),
    };
    let mut all = Vec::from_iter(script.next_packet(3000 * MS, look));
    while !all.iter().any(|(kind, ..)| *kind == PacketType::Disconnect) {
        match script.next_packet(60 * MS, look) {
            Some(one) => all.push(one),
            None => break,
        }
    }
    all
}

/// Answers all that comes at once, until DISCONNECT; says in how many round trips. Each identifier
/// has to be cleared before its first QoS 2 use.
fn round_trips(script: &mut Script) -> usize {
    let mut cleared = BTreeSet::new();
    for round in 0.. {
        let mut answer = Vec::new();
        for (kind, qos, number) in batch(script) {
            let packet = match (kind, qos) {
                (PacketType::Disconnect, _) => return round,
                (PacketType::PubRel, _) => {
                    cleared.insert(number);
                    Packet::PubComp(ack(number))
                }
                (_, QoS::ExactlyOnce) => {
                    assert!(cleared.contains(&number), "{number} was not cleared");
                    Packet::PubRec(ack(number))
                }
                _ => Packet::PubAck(ack(number)),
            };
            answer.extend(script.written(&packet));
        }
        script.send_bytes(&answer);
    }
    unreachable!("it ends with DISCONNECT")
}

// Decision [adopt-clears]
#[test]
fn many_qos_2_publishes_take_a_few_round_trips() {
    for others in [QoS::ExactlyOnce, QoS::AtLeastOnce] {
        both(async |version| {
            let server = peer(|script| {
                accept(script, true, &[]);
                let rounds = round_trips(script);
                // There is room for eight at a time; each takes two, and the first are cleared.
                assert!(rounds <= 16, "{rounds} round trips for 32 messages");
            });
            let client = client(small(config(version, server.port)).adopt_session(true));
            let session = within(client.connect(false)).await.expect("a connection");
            assert!(session.adopted);
            let calls: Vec<_> = (0..FEW)
                .map(|number| {
                    let client = client.clone();
                    let qos = if number % 2 == 0 { QoS::ExactlyOnce } else { others };
                    spawn(async move {
                        for _ in 0..4 {
                            within(client.publish("a", "x").qos(qos)).await.expect("a publish");
                        }
                    })
                })
                .collect();
            for call in calls {
                call.end().await;
            }
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}
