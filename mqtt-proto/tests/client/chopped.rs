//! However the transport cuts the server's bytes, the same happens.

use mqtt_as_proto::packet::{Auth, Packet, Publish};
use mqtt_as_proto::property::TopicAliasId;
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, connack, disconnect, dup, encode, incoming, nack, suback};

/// A long life of a connection, from the server's side, and its end.
fn script(version: Version) -> (Vec<u8>, Vec<u8>) {
    let text = "x".repeat(300);
    let mut packets = vec![
        connack(true, &[]),
        suback(4, &[2]),
        Packet::Publish(incoming(0, 0, "a/b", "zero")),
        Packet::Publish(incoming(1, 1, "a/b", "one")),
        Packet::Publish(incoming(2, 2, "a/c", "two")),
        Packet::Publish(dup(incoming(2, 2, "a/c", "two"))),
        Packet::PubAck(ack(1)),
        Packet::PubRec(ack(2)),
        Packet::PubRec(ack(77)),
        Packet::PubComp(ack(2)),
        Packet::Publish(incoming(1, 3, "large", &text)),
        Packet::PubRel(ack(9)),
        Packet::PingResp,
        Packet::PubAck(ack(55)),
    ];
    let alias = [Property::TopicAlias(TopicAliasId(1.try_into().unwrap()))];
    let method = [Property::AuthenticationMethod("M")];
    let first = Publish { properties: Properties::new(&alias), ..incoming(0, 0, "alias", "1") };
    if version == Version::V5 {
        packets[0] = connack(true, &method);
        packets.extend([Packet::PubRec(nack(3, 0x97)), Packet::Publish(first)]);
        let reason = ReasonCode::SUCCESS;
        packets.push(Packet::Auth(Auth { reason, properties: Properties::new(&method) }));
    } else {
        packets.extend([Packet::PubRec(ack(3)), Packet::PubComp(ack(3))]);
    }
    let mut bytes: Vec<u8> = packets.iter().flat_map(|packet| encode(packet, version)).collect();
    if version == Version::V311 {
        let payload = "y".repeat(3000);
        bytes.extend(encode(&Packet::Publish(incoming(2, 8, "too/large", &payload)), version));
        return (bytes, vec![0xe0, 0]);
    }
    (bytes, encode(&disconnect(0x8b), version))
}

/// A client with messages in flight and a connection begun, to the point where CONNACK is awaited.
fn awaiting(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.publish(1, "a", 1);
    peer.publish(2, "b", 2);
    peer.publish(2, "c", 3);
    peer.sent();
    peer.lose();
    let method = [Property::AuthenticationMethod("M")];
    let properties =
        if version == Version::V5 { Properties::new(&method) } else { Properties::NONE };
    let connect =
        mqtt_as_proto::packet::Connect { client_id: "c", properties, ..Default::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.sent();
    peer
}

/// What the client reports and sends if the bytes come in pieces of that size.
fn play(version: Version, piece: usize) -> (Vec<String>, Vec<String>) {
    let mut peer = awaiting(version);
    let (bytes, end) = script(version);
    let connack = encode(&connack(true, &[]), version)[1] as usize + 2;
    let start = if version == Version::V5 { bytes[1] as usize + 2 } else { connack };
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    let mut feed = |peer: &mut Peer, bytes: &[u8]| {
        for piece in bytes.chunks(piece) {
            match peer.send_bytes(piece) {
                Ok(more) => events.extend(more),
                Err(error) => {
                    events.extend(peer.events());
                    events.push(format!("failed: {error}"));
                }
            }
        }
    };
    feed(&mut peer, &bytes[..start]);
    peer.subscribe("a/#", 4).unwrap();
    peer.client.ping();
    if version == Version::V5 {
        let method = [Property::AuthenticationMethod("M")];
        let again = ReasonCode::RE_AUTHENTICATE;
        peer.client.authenticate(again, Properties::new(&method)).unwrap();
    }
    sent.extend(peer.sent());
    feed(&mut peer, &bytes[start..]);
    while !peer.tokens.is_empty() {
        peer.take();
    }
    sent.extend(peer.sent());
    feed(&mut peer, &end);
    // Messages are taken when the input was dealt with.
    events.sort_by_key(|event| event.starts_with("message"));
    (events, sent)
}

#[test]
fn one_byte_at_a_time_or_all_at_once() {
    for version in BOTH {
        let whole = play(version, usize::MAX);
        assert!(whole.0.len() >= 12, "{whole:#?}");
        assert!(whole.0.iter().any(|event| event.starts_with("published 3")), "{whole:#?}");
        assert!(whole.1.contains(&"PUBREC #2".into()), "{whole:#?}");
        assert!(whole.1.iter().any(|line| line.starts_with("PUBCOMP #9")), "{whole:#?}");
        for piece in [1, 2, 3, 5, 17, 256] {
            assert_eq!(play(version, piece), whole, "pieces of {piece}");
        }
    }
}
