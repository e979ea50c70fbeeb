//! Memory from the heap.

use mqtt_as_proto::client::AliasesOut;
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Config, Memory, Property, Version};

use crate::peer::{Peer, ack, config, incoming};

#[test]
fn heap_memory_is_given_back_when_it_is_not_needed() {
    let settings = Config { aliases_out: Some(AliasesOut::up_to(4)), ..config(Version::V5) };
    let heap = Memory::heap(&settings, 16 * 1024, 16 * 1024, 16 * 1024);
    let mut peer = Peer::in_memory(settings, heap, 16 * 1024);
    assert_eq!(peer.client.allocated_bytes(), 0, "nothing is taken before it is needed");
    peer.connect(false, &[Property::TopicAliasMaximum(4)]);
    for id in 1..=20 {
        peer.publish(1, "out", u32::from(id));
        peer.message(incoming(2, id, "t", "in"));
    }
    peer.sent();
    peer.client.release_memory();
    let in_use = peer.client.allocated_bytes();
    let (outgoing, incoming) = peer.client.held_bytes();
    assert!(in_use >= outgoing + incoming && in_use < 8 * 1024, "{in_use}");
    while !peer.tokens.is_empty() {
        peer.take();
    }
    for id in 1..=20 {
        peer.send(&Packet::PubAck(ack(id)));
        peer.send(&Packet::PubRel(ack(id)));
    }
    peer.lose();
    assert!(peer.client.allocated_bytes() > 0);
    peer.client.release_memory();
    assert_eq!(peer.client.allocated_bytes(), 0);
}
