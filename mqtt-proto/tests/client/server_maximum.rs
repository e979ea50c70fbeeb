//! The server's Maximum Packet Size binds every packet of ours [MQTT-3.2.2-15]: where one cannot be
//! sent, the connection ends with 0x95.

use std::num::NonZeroU32;

use mqtt_as_proto::client::ConnectionError;
use mqtt_as_proto::packet::Packet;
use mqtt_as_proto::{Property, ReasonCode, Version};

use crate::peer::{Peer, ack, incoming};

/// Connected to a server that takes packets of up to `maximum` bytes.
fn limited(maximum: u32) -> Peer {
    let mut peer = Peer::new(Version::V5);
    peer.keep_alive = 10;
    let maximum = NonZeroU32::new(maximum).unwrap();
    peer.connect(false, &[Property::MaximumPacketSize(maximum)]);
    peer
}

/// Ends with 0x95, of which the server is told if that packet of three bytes is not too large.
fn ends(peer: &mut Peer, result: Result<(), ConnectionError>, told: bool) {
    let error = result.and_then(|()| peer.advance(0)).expect_err("its end");
    assert_eq!(error.reason(), Some(ReasonCode::PACKET_TOO_LARGE));
    let wanted: &[&str] = if told { &["DISCONNECT 0x95"] } else { &[] };
    assert_eq!(peer.sent(), wanted);
}

// 5.0 [MQTT-3.2.2-15] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
// Decision [own-size]
#[test]
fn puback_and_pubrec() {
    for qos in [1, 2] {
        for (maximum, told) in [(1, false), (2, false), (3, true)] {
            let mut peer = limited(maximum);
            peer.message(incoming(qos, 1, "t", "x"));
            peer.take();
            ends(&mut peer, Ok(()), told);
        }
        let mut peer = limited(4);
        peer.message(incoming(qos, 1, "t", "x"));
        peer.take();
        assert_eq!(peer.sent().len(), 1);
    }
}

#[test]
fn an_acknowledgement_with_a_reason() {
    for qos in [1, 2] {
        let mut peer = limited(4);
        peer.message(incoming(qos, 1, "t", "x"));
        let token = peer.tokens.pop_front().unwrap();
        peer.acknowledge(token, ReasonCode::QUOTA_EXCEEDED);
        ends(&mut peer, Ok(()), true);
    }
}

// 5.0 [MQTT-3.2.2-15] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3]
// Decision [own-size]
#[test]
fn pubrel_and_pubcomp() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(2, "x", 1);
    peer.sent();
    peer.lose();
    peer.connect(true, &[Property::MaximumPacketSize(NonZeroU32::new(100).unwrap())]);
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    peer.lose();
    peer.connect(true, &[Property::MaximumPacketSize(NonZeroU32::new(3).unwrap())]);
    assert!(peer.sent().is_empty());
    ends(&mut peer, Ok(()), true);

    let mut peer = limited(3);
    let result = peer.try_send(&Packet::PubRel(ack(9))).map(drop);
    ends(&mut peer, result, true);
}

/// PUBCOMP with a reason has five bytes: without it, four.
#[test]
fn pubcomp_for_an_unknown_identifier() {
    let mut peer = limited(4);
    let result = peer.try_send(&Packet::PubRel(ack(9))).map(drop);
    ends(&mut peer, result, true);
}

// 5.0 [MQTT-3.2.2-15]
// Decision [own-size]
#[test]
fn pingreq() {
    let mut peer = limited(1);
    let result = peer.advance(9_500);
    ends(&mut peer, result, false);
    let mut peer = limited(2);
    peer.advance(9_500).unwrap();
    assert_eq!(peer.sent(), ["PINGREQ"]);
}

// 5.0 [MQTT-3.2.2-15]
#[test]
fn disconnect() {
    for (maximum, fits) in [(1, false), (2, true)] {
        let mut peer = limited(maximum);
        let _ = peer.client.disconnect(ReasonCode::SUCCESS, None);
        assert_eq!(peer.raw(), [0xe0, 0][..if fits { 2 } else { 0 }]);
        assert!(peer.client.is_closing());
    }
    let mut peer = limited(2);
    let _ = peer.client.disconnect(ReasonCode::DISCONNECT_WITH_WILL, None);
    assert!(peer.raw().is_empty(), "it has three bytes");
    assert!(peer.client.is_closing());
}

/// What tells the server of its offence is left unsaid if it is too large.
// 5.0 [MQTT-4.13.2-1]
#[test]
fn disconnect_with_a_reason() {
    for (maximum, fits) in [(2, false), (3, true)] {
        let mut peer = limited(maximum);
        peer.try_send(&Packet::PubAck(ack(1))).unwrap();
        peer.try_send(&Packet::PingReq).unwrap_err();
        assert_eq!(peer.raw(), [0xe0, 1, 0x82][..if fits { 3 } else { 0 }]);
    }
}
