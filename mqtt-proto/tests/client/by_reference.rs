//! Large payloads, which are held by reference.

use bytes::Bytes;
use mqtt_as_proto::client::{AliasesOut, Config, Input, Message, OperationError, Published, Tag};
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Property, Version};

use crate::peer::{BOTH, Peer, ack, config, encode, id, incoming, log, memory, qos, topic};

/// So many bytes are worth it.
const LARGE: usize = 32 * 1024;

/// A client without a connection, with room for one such payload, and little for what is copied.
fn down(config: Config) -> Peer {
    Peer::in_memory(config, memory(1024, LARGE + 4096), 1024)
}

fn publish(peer: &mut Peer, qos_: u8, tag: u32) -> Result<Published, OperationError> {
    let payload = Bytes::from(vec![b'x'; LARGE]);
    let message = Message::new(topic("t"), &payload).qos(qos(qos_));
    peer.client.publish(&message, Tag(tag), peer.now)
}

#[test]
fn it_leaves_whole_and_again_and_then_nothing_is_left_of_it() {
    for (version, aliases_out) in BOTH
        .map(|version| (version, None))
        .into_iter()
        .chain([(Version::V5, Some(AliasesOut::up_to(4)))])
    {
        let alias = if aliases_out.is_some() { " alias 1" } else { "" };
        let mut peer = down(Config { aliases_out, ..config(version) });
        assert_eq!(publish(&mut peer, 1, 1), Ok(Published::Pending(id(1))));
        assert!(peer.client.held_bytes().0 > LARGE, "it counts");
        let limits = [Property::TopicAliasMaximum(4)];
        let limits = if version == Version::V5 { limits.as_slice() } else { &[] };
        peer.connect(false, limits);
        assert_eq!(peer.sent(), [format!("PUBLISH q1 #1 t <{LARGE} bytes>{alias}")]);
        peer.lose();
        peer.connect(true, limits);
        assert_eq!(peer.sent(), [format!("PUBLISH dup q1 #1 t <{LARGE} bytes>")]);
        assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 1 0x00"]);
        assert!(peer.client.is_idle());
        assert_eq!(peer.client.held_bytes(), (0, 0));
        assert!(peer.client.take_released().is_some());
    }
}

#[test]
fn one_more_waits_for_the_room_of_the_first() {
    for (version, qos) in BOTH.into_iter().flat_map(|version| [(version, 1), (version, 2)]) {
        let mut peer = down(config(version));
        publish(&mut peer, qos, 1).unwrap();
        assert_eq!(publish(&mut peer, qos, 2), Err(OperationError::NoRoom));
        peer.publish(qos, "small", 3);
        peer.connect(false, &[]);
        let sent =
            [format!("PUBLISH q{qos} #1 t <{LARGE} bytes>"), format!("PUBLISH q{qos} #2 t small")];
        assert_eq!(peer.sent(), sent);
        assert!(peer.give_up(1));
        publish(&mut peer, qos, 2).unwrap();
        assert_eq!(peer.sent(), [format!("PUBLISH q{qos} #3 t <{LARGE} bytes>")]);
    }
}

#[test]
fn it_counts_for_the_largest_packet_that_the_server_takes() {
    let limit = [Property::MaximumPacketSize(1024.try_into().unwrap())];
    for qos in 0..=2 {
        let mut peer = down(config(Version::V5));
        publish(&mut peer, qos, 1).unwrap();
        let events = peer.connect(false, &limit);
        assert_eq!(events[1..], ["ended 1 NeverSent(Forbidden(MaximumPacketSize))"]);
        assert!(peer.sent().is_empty() && peer.client.is_idle());
    }
}

#[test]
fn as_long_as_it_has_not_left_it_cannot_be_acknowledged() {
    let mut peer = down(Config { max_repubs: 0, ..config(Version::V5) });
    publish(&mut peer, 1, 1).unwrap();
    peer.connect(false, &[]);
    for _ in 0..20 {
        assert_eq!(peer.write(1000), 1000);
        peer.stuck = true;
        peer.advance(9_000).unwrap();
        peer.stuck = false;
    }
    peer.write(LARGE);
    assert!(peer.advance(20_000).is_err());
}

/// What came is held where it lies: it counts once, with a header.
#[test]
fn a_message_that_came_counts_once() {
    let payload = "x".repeat(LARGE);
    let settings = Config { maximum_packet_size: 2 * LARGE as u32, ..config(Version::V5) };
    let mut memory = memory(1024, 1024);
    memory.incoming = log(3 * LARGE);
    let mut peer = Peer::in_memory(settings, memory, 1024);
    peer.connect(false, &[]);
    let packet = Packet::Publish(incoming(1, 5, "t", &payload));
    let bytes = Bytes::from(encode(&packet, Version::V5));
    let now = peer.now;
    peer.with_events(|client, tell| client.handle_bytes(Input::shared(&bytes), now, tell)).unwrap();
    let held = peer.client.held_bytes().1;
    assert!(held >= bytes.len() && held < bytes.len() + 64, "{held}");
}
