//! What an unexpected packet gets, flow control, and the rules of 5.0 without a number.

use mqtt_as_proto::client::{Config, ConnectionError, Tag, Violation};
use mqtt_as_proto::packet::{
    Ack, Connect, Packet, PacketType, Publish, Subscription, SubscriptionOptions, UnsubAck,
};
use mqtt_as_proto::{Properties, Property, QoS, Version};

use crate::peer::{BOTH, Peer, ack, connack, dup, encode, id, incoming, nack, suback};

/// The connection ends for that reason, which a 5.0 server is told.
fn offends(peer: &mut Peer, packet: &Packet<'_>, code: u8) -> ConnectionError {
    let error = peer.try_send(packet).unwrap_err();
    let told = match peer.version {
        Version::V5 => vec![format!("DISCONNECT {code:#04x}")],
        Version::V311 => vec![],
    };
    assert_eq!(peer.sent(), told, "{error}");
    assert!(peer.client.is_closing());
    error
}

/// A client that tells a server at once that it exceeds our Receive Maximum.
fn strict() -> Peer {
    Peer::connected_with(Config { strict: true, ..crate::peer::config(Version::V5) })
}

/// The message is more than our Receive Maximum: it is shed, and the server is told.
fn is_too_much(peer: &mut Peer, message: Publish<'_>) {
    let error = ConnectionError::Violation(Violation::ReceiveMaximum);
    assert_eq!(peer.try_send(&Packet::Publish(message)), Err(error));
    assert_eq!(peer.sent().last().map(String::as_str), Some("DISCONNECT 0x93"));
}

// 5.0 [MQTT-3.6.2-1]
// Decision [unknown-id]
#[test]
fn an_unknown_pubrec_gets_pubrel() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.send(&Packet::PubRec(ack(7)));
        let told = if version == Version::V5 { "PUBREL #7 0x92" } else { "PUBREL #7" };
        assert_eq!(peer.sent(), [told]);
    }
    let mut peer = Peer::connected(Version::V5);
    peer.send(&Packet::PubRec(nack(7, 0x80)));
    assert!(peer.sent().is_empty());
}

// 5.0 [MQTT-3.7.2-1]
// Decision [unknown-id]
#[test]
fn an_unknown_pubrel_gets_pubcomp() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.send(&Packet::PubRel(ack(7)));
        let told = if version == Version::V5 { "PUBCOMP #7 0x92" } else { "PUBCOMP #7" };
        assert_eq!(peer.sent(), [told]);
    }
}

// 3.1.1 [MQTT-2.3.1-6] [MQTT-3.3.4-1]
// 5.0 [MQTT-3.3.4-1]
// Decision [wrong-kind]
#[test]
fn a_known_id_with_the_wrong_kind_of_acknowledgement_is_0x82() {
    let kinds: [fn(Ack<'static>) -> Packet<'static>; 3] =
        [Packet::PubRec, Packet::PubComp, Packet::PubAck];
    let wrong = [(1, kinds[0]), (1, kinds[1]), (2, kinds[1]), (2, kinds[2]), (0, kinds[2])];
    for version in BOTH {
        for (qos, packet) in wrong {
            let mut peer = Peer::connected(version);
            match qos {
                0 => drop(peer.subscribe("a", 1)),
                qos => drop(peer.publish(qos, "x", 1)),
            }
            peer.sent();
            let packet = packet(ack(1));
            let error = offends(&mut peer, &packet, 0x82);
            let violation = Violation::PacketId(packet.packet_type(), id(1));
            assert_eq!(error, ConnectionError::Violation(violation));
        }
        let mut peer = Peer::connected(version);
        peer.publish(1, "x", 1);
        peer.sent();
        offends(&mut peer, &suback(1, &[0]), 0x82);
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 1);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        peer.sent();
        offends(&mut peer, &Packet::PubAck(ack(1)), 0x82);
    }
}

// 3.1.1 [MQTT-3.8.4-5]
// 5.0 [MQTT-3.8.4-6]
#[test]
fn suback_has_one_code_for_each_filter() {
    for version in BOTH {
        for codes in [&[0][..], &[0, 1, 2]] {
            let mut peer = Peer::connected(version);
            let options = SubscriptionOptions::new(QoS::AtLeastOnce);
            let filters = ["a", "b"]
                .map(|filter| Subscription { filter: filter.try_into().unwrap(), options });
            peer.client.subscribe(&filters, Properties::NONE, Tag(1)).unwrap();
            peer.sent();
            let error = offends(&mut peer, &suback(1, codes), 0x82);
            let violation = Violation::ReasonCodes(PacketType::SubAck);
            assert_eq!(error, ConnectionError::Violation(violation));
        }
    }
}

// 5.0 [MQTT-3.11.3-2]
#[test]
fn unsuback_has_one_code_for_each_filter() {
    for codes in [&[0][..], &[0, 0x11, 0]] {
        let mut peer = Peer::connected(Version::V5);
        let filters = ["a", "b"].map(|filter| filter.try_into().unwrap());
        peer.client.unsubscribe(&filters, Properties::NONE, Tag(1)).unwrap();
        peer.sent();
        let answer = UnsubAck { id: id(1), properties: Properties::NONE, codes };
        let error = offends(&mut peer, &Packet::UnsubAck(answer), 0x82);
        let violation = Violation::ReasonCodes(PacketType::UnsubAck);
        assert_eq!(error, ConnectionError::Violation(violation));
    }
}

// 3.1.1 [MQTT-3.8.3-2]
// Decision [refused-filter]
#[test]
fn suback_tells_a_refusal_per_filter() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.subscribe("a", 1).unwrap();
        peer.sent();
        assert_eq!(peer.send(&suback(1, &[0x80])), ["answered 1 [80]"]);
    }
}

#[test]
fn an_id_at_two_qualities_of_service_is_0x82() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 3, "t", "x"));
        offends(&mut peer, &Packet::Publish(incoming(2, 3, "t", "x")), 0x82);
    }
}

// 3.1.1 [MQTT-4.8.0-1]
// Decision [not-a-servers]
#[test]
fn packets_of_a_client_from_a_server_end_the_connection() {
    for version in BOTH {
        let client_id = "s";
        for packet in
            [Packet::PingReq, Packet::Connect(Connect { version, client_id, ..Connect::default() })]
        {
            let mut peer = Peer::connected(version);
            let error = offends(&mut peer, &packet, 0x82);
            let violation = Violation::Unexpected(packet.packet_type());
            assert_eq!(error, ConnectionError::Violation(violation));
        }
    }
}

// Decision [not-a-servers]
#[test]
fn in_3_disconnect_and_auth_from_the_server_end_the_connection() {
    for bytes in [&[0xe0, 0][..], &[0xf0, 0]] {
        let mut peer = Peer::connected(Version::V311);
        peer.send_bytes(bytes).unwrap_err();
        assert!(peer.client.is_closing());
        assert!(peer.sent().is_empty());
    }
}

// 3.1.1 [MQTT-3.2.0-1]
// 5.0 [MQTT-3.2.0-1] [MQTT-3.2.0-2]
#[test]
fn anything_before_connack_and_a_second_connack_are_0x82() {
    for version in BOTH {
        let early = [
            Packet::Publish(incoming(0, 0, "t", "x")),
            Packet::PubAck(ack(1)),
            Packet::PingResp,
            suback(1, &[0]),
        ];
        for packet in early {
            let mut peer = Peer::new(version);
            peer.begin(false);
            offends(&mut peer, &packet, 0x82);
        }
        let mut peer = Peer::connected(version);
        offends(&mut peer, &connack(false, &[]), 0x82);
    }
}

// 5.0 [MQTT-3.14.2-2]
#[test]
fn a_session_expiry_in_the_servers_disconnect_is_0x82() {
    let mut peer = Peer::connected(Version::V5);
    peer.send_bytes(&[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 1]).unwrap_err();
    assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
}

/// Reason text in an acknowledgement although problem information was declined [MQTT-3.1.2-29].
// 5.0 [MQTT-3.1.2-29]
#[test]
fn reason_text_despite_request_problem_information_0_is_0x82() {
    let text = [Property::ReasonString("why")];
    let user = [Property::UserProperty(("k", "v"))];
    for list in [&text, &user] {
        let ack = Ack { properties: Properties::new(list), ..ack(1) };
        for packet in [Packet::PubAck(ack), Packet::PubRec(ack), Packet::PubRel(ack)] {
            let mut peer = Peer::new(Version::V5);
            let declined = [Property::RequestProblemInformation(false)];
            let properties = Properties::new(&declined);
            let connect = Connect { properties, ..Connect::default() };
            peer.client.connect(&connect, peer.now).unwrap();
            peer.sent();
            // CONNACK, PUBLISH and DISCONNECT may carry it all the same.
            assert_eq!(peer.accept(false, list), ["connected"]);
            if list == &user {
                let publish = incoming(0, 0, "t", "x");
                let properties = Properties::new(list);
                peer.message(mqtt_as_proto::packet::Publish { properties, ..publish });
            }
            let error = offends(&mut peer, &packet, 0x82);
            let violation = Violation::ProblemInformation(packet.packet_type());
            assert_eq!(error, ConnectionError::Violation(violation));
            // Without the wish it is welcome.
            assert!(Peer::connected(Version::V5).try_send(&packet).is_ok());
        }
    }
}

/// Rules of 5.0 that have no statement number bind a server too.
// Decision [rules-without-number]
#[test]
fn rules_without_a_number() {
    // In CONNACK: a 0 where none is allowed, a repetition, a byte that is neither 0 nor 1, data
    // without a method, a property of another packet.
    let connack = |properties: &[u8]| {
        let len = properties.len() as u8;
        [&[0x20, len + 3, 0, 0, len], properties].concat()
    };
    let rows: [(&str, Vec<u8>, u8); 9] = [
        ("Receive Maximum 0", connack(&[0x21, 0, 0]), 0x82),
        ("Maximum Packet Size 0", connack(&[0x27, 0, 0, 0, 0]), 0x82),
        ("repeated", connack(&[0x21, 0, 1, 0x21, 0, 1]), 0x82),
        ("neither 0 nor 1", connack(&[0x25, 2]), 0x82),
        ("data without method", connack(&[0x16, 0, 1, 9]), 0x82),
        ("another packet's", connack(&[0x23, 0, 1]), 0x81),
        ("subscription identifier 0", vec![0x30, 6, 0, 1, b't', 2, 0x0b, 0], 0x82),
        ("empty topic without alias", vec![0x30, 3, 0, 0, 0], 0x82),
        ("alias twice", vec![0x30, 10, 0, 1, b't', 6, 0x23, 0, 1, 0x23, 0, 1], 0x82),
    ];
    for (name, bytes, code) in rows {
        let mut peer = Peer::new(Version::V5);
        peer.begin(false);
        if bytes[0] != 0x20 {
            peer.accept(false, &[]);
        }
        peer.send_bytes(&bytes).expect_err(name);
        assert_eq!(peer.sent(), [format!("DISCONNECT {code:#04x}")], "{name}");
    }
}

// 5.0 [MQTT-3.3.4-9]
// Decision [window-in]
#[test]
fn only_messages_of_this_connection_count_toward_our_receive_maximum() {
    let mut peer = strict();
    // Four of an earlier connection: two taken and awaiting PUBREL, two still held.
    for id in 1..=4 {
        peer.message(incoming(2, id, "t", "x"));
    }
    peer.take();
    peer.take();
    peer.sent();
    peer.reconnect(true);
    for id in 5..=8 {
        assert_eq!(peer.message(incoming(1, id, "t", "x")).len(), 1);
    }
    // A copy of an earlier one counts on this connection.
    is_too_much(&mut peer, dup(incoming(2, 3, "t", "x")));
}

// Decision [window-in]
#[test]
fn a_copy_of_an_earlier_message_counts_once() {
    let mut peer = strict();
    peer.message(incoming(1, 1, "t", "x"));
    peer.message(incoming(1, 2, "t", "x"));
    peer.reconnect(true);
    for id in [1, 2, 1, 2] {
        assert!(peer.message(dup(incoming(1, id, "t", "x"))).is_empty());
    }
    assert_eq!(peer.message(incoming(1, 3, "t", "x")).len(), 1);
    assert_eq!(peer.message(incoming(1, 4, "t", "x")).len(), 1);
    is_too_much(&mut peer, incoming(1, 5, "t", "x"));
}

// Decision [window-in]
#[test]
fn a_place_is_free_when_pubrel_came() {
    let mut peer = strict();
    for id in 1..=4 {
        peer.message(incoming(2, id, "t", "x"));
        peer.take();
    }
    peer.sent();
    peer.send(&Packet::PubRel(ack(1)));
    assert_eq!(peer.message(incoming(2, 5, "t", "x")), ["message q2 t x"]);
    is_too_much(&mut peer, incoming(2, 6, "t", "x"));
}

// Decision [window-3]
#[test]
fn in_3_the_send_window_stands_for_the_receive_maximum_that_there_is_not() {
    let config = Config { send_window: 2, ..crate::peer::config(Version::V311) };
    let mut peer = Peer::connected_with(config);
    for tag in 1..=4 {
        peer.publish(2, "x", tag);
    }
    assert_eq!(peer.sent(), ["PUBLISH q2 #1 t x", "PUBLISH q2 #2 t x"]);
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q2 #3 t x"]);
}

// 5.0 [MQTT-3.3.4-7] [MQTT-4.9.0-2]
// Decision [window-out]
#[test]
fn ids_that_await_pubcomp_count_over_a_resume_and_pubrel_never_waits() {
    let two = [Property::ReceiveMaximum(2.try_into().unwrap())];
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &two);
    for tag in 1..=4 {
        peer.publish(2, "x", tag);
    }
    peer.sent();
    peer.send(&Packet::PubRec(ack(1)));
    peer.send(&Packet::PubRec(ack(2)));
    assert_eq!(peer.sent(), ["PUBREL #1", "PUBREL #2"]);
    peer.lose();
    peer.connect(true, &two);
    assert_eq!(peer.sent(), ["PUBREL #1", "PUBREL #2"]);
    peer.send(&Packet::PubComp(ack(2)));
    assert_eq!(peer.sent(), ["PUBLISH q2 #3 t x"]);
    peer.lose();
    // The server takes only one now: not even the resend goes before the PUBCOMP.
    peer.connect(true, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    assert_eq!(peer.sent(), ["PUBREL #1"]);
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH dup q2 #3 t x"]);
}

#[test]
fn a_peer_that_floods_and_reads_nothing_is_not_read_on() {
    for version in BOTH {
        let mut peer =
            Peer::in_memory(crate::peer::config(version), crate::peer::memory(128, 1024), 128);
        peer.connect(false, &[]);
        peer.publish(0, "stuck", 1);
        peer.write(1);
        peer.stuck = true;
        let pubrel = encode(&Packet::PubRel(ack(9)), version);
        peer.send_bytes(&pubrel.repeat(200)).unwrap();
        assert_eq!(peer.read(), Ok(true));
        let left = peer.unread();
        assert!((1..200).contains(&(left / pubrel.len())), "{left}");
        // It goes on as the transport does, and answers all.
        peer.stuck = false;
        let mut answers = 0;
        loop {
            let sent = peer.sent();
            answers += sent.iter().filter(|line| line.starts_with("PUBCOMP")).count();
            if peer.unread() == 0 && sent.is_empty() {
                break;
            }
            peer.read().unwrap();
        }
        assert_eq!(answers, 200);
    }
}

// 5.0 [MQTT-3.14.2-1]
#[test]
fn a_reason_that_disconnect_may_not_carry_is_not_told() {
    // A CONNECT of an unknown version, which a server has no business to send at all.
    let mut peer = Peer::connected(Version::V5);
    let bytes = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 9, 2, 0, 0, 0, 0, 0];
    peer.send_bytes(&bytes).unwrap_err();
    assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
}
