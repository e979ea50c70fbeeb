//! What the client sends, as bytes: flags, identifiers, fields and sizes as the standards want them.

use mqtt_as_proto::client::{DisconnectDetails, OperationError, Published, Tag};
use mqtt_as_proto::packet::{Connect, Packet, RetainHandling, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::PropertyList;
use mqtt_as_proto::{PacketId, Properties, Property, QoS, ReasonCode, Version};

use crate::peer::{BOTH, Peer, ack, incoming, nack, suback};

const METHOD: [Property<'static>; 1] = [Property::AuthenticationMethod("M")];

fn unsubscribe(peer: &mut Peer, tag: u32) -> PacketId {
    let filter = "a".try_into().unwrap();
    peer.client.unsubscribe(&[filter], Properties::NONE, Tag(tag)).unwrap()
}

/// The next packet of the client begins with that byte, and is alone.
fn begins(peer: &mut Peer, first: u8) {
    let bytes = peer.raw();
    assert_eq!(bytes.first(), Some(&first), "{bytes:02x?}");
    assert_eq!(usize::from(bytes[1]), bytes.len() - 2, "{bytes:02x?}");
}

// 3.1.1 [MQTT-2.2.2-1] [MQTT-3.3.1-4] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1]
// 5.0 [MQTT-2.1.3-1] [MQTT-3.3.1-4] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1]
#[test]
fn fixed_header_flags_are_those_of_the_packet() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.client.connect(&Connect { client_id: "c", ..Connect::default() }, peer.now).unwrap();
        begins(&mut peer, 0x10);
        peer.accept(false, &[]);
        for (qos, first) in [(0, 0x30), (1, 0x32), (2, 0x34)] {
            peer.publish(qos, "x", 1);
            begins(&mut peer, first);
        }
        peer.send(&Packet::PubRec(ack(2)));
        begins(&mut peer, 0x62);
        peer.subscribe("a", 3).unwrap();
        begins(&mut peer, 0x82);
        unsubscribe(&mut peer, 4);
        begins(&mut peer, 0xa2);
        for (qos, first) in [(1, 0x40), (2, 0x50)] {
            peer.message(incoming(qos, 9, "t", "x"));
            peer.take();
            begins(&mut peer, first);
            peer.send(&Packet::PubRel(ack(9)));
            begins(&mut peer, 0x70);
        }
        peer.client.ping();
        begins(&mut peer, 0xc0);
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        begins(&mut peer, 0xe0);
    }
}

// 5.0 [MQTT-2.1.3-1] [MQTT-3.15.1-1]
#[test]
fn fixed_header_flags_of_auth_are_0() {
    let mut peer = Peer::new(Version::V5);
    let connect = Connect { properties: Properties::new(&METHOD), ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.raw();
    let properties = Properties::new(&METHOD);
    peer.client.authenticate(ReasonCode::CONTINUE_AUTHENTICATION, properties).unwrap();
    begins(&mut peer, 0xf0);
}

// 3.1.1 [MQTT-2.3.1-5] [MQTT-3.3.1-2] [MQTT-4.3.1-1]
// 5.0 [MQTT-2.2.1-2] [MQTT-3.3.1-2] [MQTT-4.3.1-1]
#[test]
fn qos_0_has_no_identifier_and_no_dup() {
    for (version, bytes) in
        [(Version::V311, &b"\x30\x04\0\x01tx"[..]), (Version::V5, b"\x30\x05\0\x01t\0x")]
    {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.publish(0, "x", 1), Published::Left);
        assert_eq!(peer.raw(), bytes);
        // Not even if a connection was lost since it was accepted.
        peer.lose();
        peer.publish(0, "x", 2);
        peer.begin(false);
        peer.lose();
        peer.begin(false);
        peer.accept(true, &[]);
        assert_eq!(peer.raw(), bytes);
    }
}

/// Topic name, identifier, and in 5.0 the properties: of which there are none.
// 3.1.1 [MQTT-3.3.2-1]
// 5.0 [MQTT-2.2.2-1] [MQTT-3.3.2-1]
#[test]
fn the_topic_name_comes_first_and_the_identifier_behind_it() {
    for (version, bytes) in [
        (Version::V311, &b"\x34\x06\0\x01t\0\x01x"[..]),
        (Version::V5, b"\x34\x07\0\x01t\0\x01\0x"),
    ] {
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 1);
        assert_eq!(peer.raw(), bytes);
    }
}

// 3.1.1 [MQTT-3.8.3-1] [MQTT-3.8.3-4]
// 5.0 [MQTT-2.2.2-1] [MQTT-3.8.3-1] [MQTT-3.8.3-5]
#[test]
fn filters_follow_each_other_with_options_whose_reserved_bits_are_0() {
    let one = SubscriptionOptions::new(QoS::ExactlyOnce);
    let other = SubscriptionOptions {
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
        ..SubscriptionOptions::new(QoS::AtLeastOnce)
    };
    let plain = SubscriptionOptions::new(QoS::AtLeastOnce);
    for (version, other, bytes) in [
        (Version::V311, plain, &b"\x82\x0d\0\x01\0\x03a/+\x02\0\x02\xc3\xa4\x01"[..]),
        (Version::V5, other, b"\x82\x0e\0\x01\0\0\x03a/+\x02\0\x02\xc3\xa4\x2d"),
    ] {
        let mut peer = Peer::connected(version);
        let filters = [("a/+", one), ("ä", other)]
            .map(|(filter, options)| Subscription { filter: filter.try_into().unwrap(), options });
        peer.client.subscribe(&filters, Properties::NONE, Tag(1)).unwrap();
        assert_eq!(peer.raw(), bytes);
    }
}

// 3.1.1 [MQTT-3.10.3-1]
// 5.0 [MQTT-2.2.2-1] [MQTT-3.10.3-1]
#[test]
fn the_filters_of_unsubscribe_follow_each_other() {
    for (version, bytes) in [
        (Version::V311, &b"\xa2\x0b\0\x01\0\x03a/#\0\x02\xc3\xa4"[..]),
        (Version::V5, b"\xa2\x0c\0\x01\0\0\x03a/#\0\x02\xc3\xa4"),
    ] {
        let mut peer = Peer::connected(version);
        let filters = ["a/#", "ä"].map(|filter| filter.try_into().unwrap());
        peer.client.unsubscribe(&filters, Properties::NONE, Tag(1)).unwrap();
        assert_eq!(peer.raw(), bytes);
    }
}

/// All that is identified draws from one sequence. One identifier of each kind stays in use.
// 3.1.1 [MQTT-2.3.1-1] [MQTT-2.3.1-2] [MQTT-4.3.2-1]
// 5.0 [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
#[test]
fn identifiers_are_never_0_and_never_those_in_use() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "stays", 1);
        peer.publish(2, "stays", 2);
        peer.publish(2, "is received", 3);
        assert_eq!(peer.subscribe("a", 4).unwrap().get(), 4);
        assert_eq!(unsubscribe(&mut peer, 5).get(), 5);
        peer.sent();
        peer.send(&Packet::PubRec(ack(3)));
        peer.sent();
        let mut expected = 6_u16;
        for round in 0..66_000_u32 {
            let id = match round % 4 {
                0 => peer.subscribe("b", 9).unwrap(),
                1 => unsubscribe(&mut peer, 9),
                qos => match peer.publish(qos as u8 - 1, "x", 9) {
                    Published::Pending(id) => id,
                    other => panic!("{other:?}"),
                },
            };
            assert_eq!(id.get(), expected);
            expected = expected.checked_add(1).unwrap_or(6);
            peer.sent();
            answer(&mut peer, round % 4, id.get());
        }
    }
}

fn answer(peer: &mut Peer, kind: u32, id: u16) {
    let [high, low] = id.to_be_bytes();
    match (kind, peer.version) {
        (0, _) => drop(peer.send(&suback(id, &[0]))),
        (1, Version::V311) => drop(peer.send_bytes(&[0xb0, 2, high, low]).unwrap()),
        (1, Version::V5) => drop(peer.send_bytes(&[0xb0, 4, high, low, 0, 0]).unwrap()),
        (2, _) => drop(peer.send(&Packet::PubAck(ack(id)))),
        _ => {
            peer.send(&Packet::PubRec(ack(id)));
            peer.sent();
            peer.send(&Packet::PubComp(ack(id)));
        }
    }
}

/// Only the closing acknowledgement frees it: a message that waits for PUBCOMP has it still.
// 3.1.1 [MQTT-2.3.1-3] [MQTT-4.1.0-2]
// 5.0 [MQTT-2.2.1-3]
#[test]
fn an_identifier_is_free_when_its_closing_acknowledgement_came() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(2, "x", 1);
        peer.sent();
        peer.send(&Packet::PubRec(ack(1)));
        for next in 2..=u16::MAX {
            let id = peer.subscribe("a", 9).unwrap().get();
            assert_eq!(id, next);
            peer.sent();
            peer.send(&suback(id, &[0]));
        }
        let id = peer.subscribe("a", 9).unwrap().get();
        assert_eq!(id, 2, "1 is in use");
        peer.sent();
        peer.send(&suback(id, &[0]));
        peer.send(&Packet::PubComp(ack(1)));
        for _ in 3..=u16::MAX {
            let id = peer.subscribe("a", 9).unwrap().get();
            peer.sent();
            peer.send(&suback(id, &[0]));
        }
        assert_eq!(peer.subscribe("a", 9).unwrap().get(), 1);
    }
}

/// Reason strings and user properties would have to fit what the server takes: there are none.
// 5.0 [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-1] [MQTT-3.6.2-2]
//   [MQTT-3.6.2-3] [MQTT-3.7.2-1] [MQTT-3.7.2-2] [MQTT-3.7.2-3]
#[test]
fn acknowledgements_say_no_more_than_a_reason() {
    let mut peer = Peer::connected(Version::V5);
    peer.message(incoming(1, 1, "t", "x"));
    peer.message(incoming(2, 2, "t", "x"));
    for reason in [ReasonCode::QUOTA_EXCEEDED, ReasonCode::NOT_AUTHORIZED] {
        let token = peer.tokens.pop_front().unwrap();
        peer.acknowledge(token, reason);
    }
    assert_eq!(peer.raw(), b"\x40\x03\0\x01\x97\x50\x03\0\x02\x87");
    peer.send(&Packet::PubRel(ack(8)));
    peer.send(&Packet::PubRec(ack(9)));
    assert_eq!(peer.raw(), b"\x70\x03\0\x08\x92\x62\x03\0\x09\x92");
    peer.message(incoming(1, 3, "t", "x"));
    peer.message(incoming(2, 4, "t", "x"));
    peer.take();
    peer.take();
    peer.publish(2, "x", 1);
    assert_eq!(peer.raw()[..8], *b"\x40\x02\0\x03\x50\x02\0\x04");
    peer.send(&Packet::PubRel(ack(4)));
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.raw(), b"\x70\x02\0\x04\x62\x02\0\x01");
}

/// What is too large with the words of the program is not sent with them.
// 5.0 [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3]
#[test]
fn words_that_the_server_does_not_take_are_refused_here() {
    let most = Property::MaximumPacketSize(20.try_into().unwrap());
    for words in [
        Property::ReasonString("more than the server takes"),
        Property::UserProperty(("more than", "the server takes")),
    ] {
        let mut peer = Peer::new(Version::V5);
        peer.connect(false, &[most]);
        let list: &'static [_; 1] = Box::leak(Box::new([words]));
        let details = DisconnectDetails::new(None, PropertyList::from(list));
        let said = peer.client.prepare_disconnect(ReasonCode::UNSPECIFIED_ERROR, details);
        assert!(matches!(said, Err(OperationError::Forbidden(_))), "{said:?}");
        peer.client.disconnect(ReasonCode::UNSPECIFIED_ERROR, None).unwrap();
        assert_eq!(peer.raw(), [0xe0, 1, 0x80]);

        let mut peer = Peer::new(Version::V5);
        let connect = Connect { properties: Properties::new(&METHOD), ..Connect::default() };
        peer.client.connect(&connect, peer.now).unwrap();
        peer.raw();
        peer.accept(false, &[METHOD[0], most]);
        let list = [METHOD[0], words];
        let again = ReasonCode::RE_AUTHENTICATE;
        let said = peer.client.authenticate(again, Properties::new(&list));
        assert!(matches!(said, Err(OperationError::Forbidden(_))), "{said:?}");
        assert!(peer.raw().is_empty());
        peer.client.authenticate(again, Properties::new(&METHOD)).unwrap();
        assert_eq!(peer.sent(), ["AUTH 0x19"]);
    }
}

// 5.0 [MQTT-3.3.4-8] [MQTT-4.9.0-3]
#[test]
fn a_used_up_quota_holds_back_publish_and_nothing_else() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    peer.publish(2, "first", 1);
    peer.publish(1, "waits", 2);
    assert_eq!(peer.sent(), ["PUBLISH q2 #1 t first"]);
    peer.publish(0, "zero", 3);
    peer.subscribe("a", 4).unwrap();
    unsubscribe(&mut peer, 5);
    peer.client.ping();
    peer.message(incoming(1, 1, "t", "x"));
    peer.message(incoming(2, 2, "t", "x"));
    peer.take();
    peer.take();
    let mut sent = peer.sent();
    sent.sort_unstable();
    let all = [
        "PINGREQ",
        "PUBACK #1",
        "PUBLISH q0 t zero",
        "PUBREC #2",
        "SUBSCRIBE #3",
        "UNSUBSCRIBE #4",
    ];
    assert_eq!(sent, all);
    peer.send(&Packet::PubRel(ack(2)));
    peer.send(&Packet::PubRec(ack(1)));
    assert_eq!(peer.sent(), ["PUBCOMP #2", "PUBREL #1"]);
    peer.send(&Packet::PubComp(ack(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #2 t waits"]);
}

/// Whatever the server took on an earlier one.
// 5.0 [MQTT-4.9.0-1]
#[test]
fn the_quota_begins_at_receive_maximum_on_each_connection() {
    let mut peer = Peer::new(Version::V5);
    for maximum in [1_u16, 3, 2] {
        peer.connect(true, &[Property::ReceiveMaximum(maximum.try_into().unwrap())]);
        while peer.client.pending() < 5 {
            peer.publish(1, "x", 1);
        }
        assert_eq!(peer.sent().len(), usize::from(maximum));
        peer.lose();
    }
}

// 5.0 [MQTT-3.1.2-30]
#[test]
fn with_a_method_nothing_but_auth_and_disconnect_leaves_before_connack() {
    let mut peer = Peer::new(Version::V5);
    peer.publish(1, "waits", 1);
    let connect = Connect { properties: Properties::new(&METHOD), ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.sent();
    for qos in 0..=2 {
        peer.publish(qos, "waits", 1);
    }
    peer.client.ping();
    peer.subscribe("a", 2).unwrap_err();
    let properties = Properties::new(&METHOD);
    peer.client.authenticate(ReasonCode::CONTINUE_AUTHENTICATION, properties).unwrap();
    assert_eq!(peer.sent(), ["AUTH 0x18"]);
    peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
    assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
}

// 3.1.1 [MQTT-3.14.4-1] [MQTT-3.14.4-2]
// 5.0 [MQTT-3.14.4-1] [MQTT-3.14.4-2]
#[test]
fn behind_disconnect_nothing_is_sent() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.message(incoming(1, 1, "t", "x"));
        peer.publish(2, "x", 1);
        peer.sent();
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
        peer.take();
        for qos in 0..=2 {
            peer.try_publish(qos, "x", 1).unwrap_err();
        }
        peer.client.ping();
        peer.subscribe("a", 2).unwrap_err();
        peer.send(&Packet::PubRec(ack(1)));
        peer.send(&Packet::PubRel(nack(2, 0x92)));
        peer.advance(60_000).unwrap();
        assert!(peer.sent().is_empty());
        assert!(peer.client.is_closing(), "the caller closes the transport");
    }
}

/// At no other time than on a new connection: not however long an acknowledgement is missing.
// 3.1.1 [MQTT-4.4.0-1]
// 5.0 [MQTT-4.3.3-6] [MQTT-4.4.0-1]
#[test]
fn nothing_is_sent_again_while_the_connection_stands() {
    for version in BOTH {
        let config = mqtt_as_proto::Config {
            response_time: 1_000,
            max_repubs: 50,
            ..crate::peer::config(version)
        };
        let mut peer = Peer::connected_with(config);
        peer.publish(1, "x", 1);
        peer.publish(2, "x", 2);
        peer.publish(2, "x", 3);
        peer.sent();
        peer.send(&Packet::PubRec(ack(3)));
        assert_eq!(peer.sent(), ["PUBREL #3"]);
        peer.advance(45_000).unwrap();
        assert!(peer.sent().is_empty());
    }
}

// 5.0 [MQTT-4.4.0-2]
#[test]
fn what_the_server_refused_is_not_sent_again() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(1, "x", 1);
    peer.publish(2, "x", 2);
    peer.sent();
    assert_eq!(peer.send(&Packet::PubAck(nack(1, 0x97))), ["published 1 0x97"]);
    assert_eq!(peer.send(&Packet::PubRec(nack(2, 0x97))), ["published 2 0x97"]);
    peer.reconnect(true);
    assert!(peer.sent().is_empty());
    assert!(peer.client.is_idle());
}
