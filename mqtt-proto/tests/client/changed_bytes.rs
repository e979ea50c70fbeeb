//! Each byte of each packet changed to each other one, and given to a client: it stays sane.

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Packet, PacketType};

use crate::golden::{self, Vector};
use crate::peer::{BOTH, Peer, ack, incoming};

/// Where ours and the server's messages and requests are under way with the identifier of the vectors,
/// 10, and around it.
fn busy(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    for tag in 1..=8 {
        peer.publish(1, "one", tag);
    }
    refill(&mut peer);
    peer
}

/// Something of all kinds is under way.
fn refill(peer: &mut Peer) {
    while peer.client.pending() < 12 {
        match peer.client.pending() % 3 {
            0 => peer.publish(1, "x", 1),
            1 => peer.publish(2, "x", 2),
            _ => match peer.subscribe("a", 3) {
                Ok(_) => continue,
                Err(error) => panic!("{error}"),
            },
        };
    }
    peer.sent();
}

/// The client is connected, or has said why it is not; and it goes on.
fn is_sane(peer: &mut Peer, bytes: &[u8]) {
    let told = peer.send_bytes(bytes);
    let sent = peer.sent();
    if let Err(error) = &told {
        assert!(peer.client.is_closing(), "{error}");
        let code = error.reason().expect("a code for each fault").as_u8();
        let wanted = format!("DISCONNECT {code:#04x}");
        assert_eq!(sent.last() == Some(&wanted), peer.version == Version::V5, "{error}: {sent:?}");
    }
    while !peer.tokens.is_empty() {
        peer.take();
    }
    peer.sent();
    assert!(peer.client.counts().shed == 0 && peer.client.pending() <= 12);
    if told.is_err() || peer.client.is_closing() || peer.unread() != 0 {
        let told = peer.reconnect(true);
        assert!(told.iter().any(|line| line == "connected resumed"), "{told:?}");
        peer.sent();
    }
    refill(peer);
}

fn is_a_clients(packet: &Packet<'_>) -> bool {
    use PacketType::{Connect, PingReq, Subscribe, Unsubscribe};
    matches!(packet.packet_type(), Connect | Subscribe | Unsubscribe | PingReq)
}

/// What the client had under way is under way still, and messages come.
fn goes_on(mut peer: Peer) {
    peer.reconnect(true);
    let sent = peer.sent();
    assert!(sent.iter().filter(|line| line.starts_with("PUB")).count() >= 4, "{sent:?}");
    assert_eq!(peer.message(incoming(0, 0, "t", "alive")), ["message q0 t alive"]);
    peer.send(&Packet::PubRel(ack(777)));
    assert!(peer.sent()[0].starts_with("PUBCOMP #777"));
}

// 3.1.1 [MQTT-4.8.0-1]
// 5.0 [MQTT-4.13.1-1]
#[test]
fn a_client_that_is_given_them_stays_sane() {
    for version in BOTH {
        let mut peer = busy(version);
        let mut check = |vector: &Vector<'_>| {
            if vector.version != version || vector.bytes.len() > 1 << 12 {
                return;
            }
            // What is in a packet that only a client may send is not looked at.
            let is_ours = is_a_clients(&vector.packet);
            golden::each_byte_changed(vector, |bytes, _| {
                if !is_ours || bytes[0] != vector.bytes[0] {
                    is_sane(&mut peer, bytes);
                }
            });
        };
        golden::each(&mut check);
        golden::each_other_form(&mut check);
        goes_on(peer);
    }
}

#[test]
fn a_client_that_awaits_connack_stays_sane() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        let mut check = |vector: &Vector<'_>| {
            if vector.version != version || !matches!(vector.packet, Packet::ConnAck(_)) {
                return;
            }
            golden::each_byte_changed(vector, |bytes, _| {
                peer.begin(false);
                let came = peer.send_bytes(bytes);
                match came {
                    Err(_) => assert!(peer.client.is_closing()),
                    Ok(told) if told.is_empty() => assert!(peer.unread() != 0),
                    Ok(told) if peer.client.is_closing() => assert!(told[0].starts_with("refused")),
                    Ok(told) => assert!(told[0].starts_with("connected")),
                }
                peer.sent();
                peer.lose();
                peer.events();
            });
        };
        golden::each(&mut check);
        peer.connect(false, &[]);
        peer.publish(1, "alive", 1);
        assert_eq!(peer.sent(), ["PUBLISH q1 #1 t alive"]);
    }
}
