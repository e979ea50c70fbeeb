//! CONNECT, DISCONNECT, keep-alive.

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Connect, Disconnect, Packet};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_tests::broker::BrokerConfig;

use crate::world::{BOTH, World, clean, lasting};

#[test]
fn a_takeover_ends_the_old_connection_with_0x8e() {
    let mut world = World::new();
    let old = world.join(Version::V5, "c");
    let new = world.join(Version::V5, "c");
    assert_eq!(world.told(old), ["DISCONNECT 0x8e"]);
    assert!(world.broker.is_closed(old.conn));
    // The end of the old socket does not touch the new connection.
    world.lost(old);
    assert!(!world.broker.is_closed(new.conn));
    assert!(world.broker.sessions()[0].connected);
}

#[test]
fn a_takeover_closes_a_3_1_1_connection_without_a_word() {
    let mut world = World::new();
    let old = world.join(Version::V311, "c");
    world.join(Version::V5, "c");
    assert_eq!(world.told(old), [""; 0]);
    assert!(world.broker.is_closed(old.conn));
}

#[test]
fn session_present_is_told_when_there_is_a_session() {
    for version in BOTH {
        let mut world = World::new();
        let (peer, told) = world.resume(version, "c");
        assert_eq!(told, ["CONNACK success"]);
        world.lost(peer);
        let (peer, told) = world.resume(version, "c");
        assert_eq!(told, ["CONNACK present success"]);
        world.disconnect(peer);
        world.join(version, "c"); // A clean start ends it.
    }
}

#[test]
fn a_session_without_expiry_ends_with_its_connection() {
    for version in BOTH {
        let mut world = World::new();
        let peer = world.join(version, "c");
        world.subscribe(peer, "a", 1);
        world.lost(peer);
        assert_eq!(world.broker.sessions(), []);
    }
}

#[test]
fn a_session_ends_when_its_expiry_is_over() {
    let mut world = World::new();
    let (peer, _) = world.resume(Version::V5, "c");
    world.lost(peer);
    world.wait(59_999);
    assert_eq!(world.broker.sessions().len(), 1);
    world.wait(1);
    assert_eq!(world.broker.sessions().len(), 0);
    // Of 3.1.1 sessions none ends by itself.
    let (peer, _) = world.resume(Version::V311, "c");
    world.disconnect(peer);
    assert_eq!(world.broker.poll_timeout(), None);
}

#[test]
fn disconnect_may_change_the_expiry() {
    let mut world = World::new();
    let (peer, _) = world.resume(Version::V5, "c");
    let list = [Property::SessionExpiryInterval(0)];
    let bye = |list| Disconnect { properties: Properties::new(list), ..Disconnect::default() };
    world.send(peer, &Packet::Disconnect(bye(&list)));
    assert_eq!(world.broker.sessions(), []);
    // From 0 it may not grow.
    let peer = world.join(Version::V5, "c");
    let list = [Property::SessionExpiryInterval(5)];
    world.send(peer, &Packet::Disconnect(bye(&list)));
    assert_eq!(world.told(peer), ["DISCONNECT 0x82"]);
}

#[test]
fn the_broker_limits_the_expiry_and_says_so() {
    let config = BrokerConfig { session_expiry_maximum: 10, ..BrokerConfig::default() };
    let mut world = World::with(config);
    let (_, told) = world.resume(Version::V5, "c");
    assert_eq!(told, ["CONNACK success SessionExpiryInterval(10)"]);
}

#[test]
fn an_empty_client_identifier_is_assigned_one() {
    let mut world = World::new();
    let peer = world.open(clean(Version::V5, ""));
    let assigned = r#"CONNACK success AssignedClientIdentifier("auto-1")"#;
    assert_eq!(world.told(peer), [assigned]);
    let peer = world.open(clean(Version::V311, ""));
    assert_eq!(world.told(peer), ["CONNACK success"]);
    let peer = world.open(lasting(Version::V311, "", &[]));
    assert_eq!(world.told(peer), ["CONNACK client identifier not valid"]);
    assert!(world.broker.is_closed(peer.conn));
}

#[test]
fn silence_beyond_one_and_a_half_keep_alives_ends_the_connection() {
    for (version, told) in [(Version::V5, vec!["DISCONNECT 0x8d"]), (Version::V311, vec![])] {
        let mut world = World::new();
        let peer = world.open(Connect { keep_alive: 10, ..clean(version, "c") });
        world.told(peer);
        world.wait(14_999);
        world.send(peer, &Packet::PingReq);
        assert_eq!(world.told(peer), ["PINGRESP"]);
        world.wait(14_999);
        assert!(!world.broker.is_closed(peer.conn));
        world.wait(1);
        assert_eq!(world.told(peer), told);
        assert!(world.broker.is_closed(peer.conn));
    }
}

#[test]
fn the_servers_keep_alive_replaces_the_clients() {
    let config = BrokerConfig { server_keep_alive: Some(2), ..BrokerConfig::default() };
    let mut world = World::with(config);
    let peer = world.open(clean(Version::V5, "c"));
    assert_eq!(world.told(peer), ["CONNACK success ServerKeepAlive(2)"]);
    world.wait(3000);
    assert_eq!(world.told(peer), ["DISCONNECT 0x8d"]);
}

#[test]
fn an_unknown_version_is_refused_in_the_form_of_its_time() {
    let cases: [(&[u8], &[u8]); 2] = [
        // MQIsdp, level 3, client identifier "c"
        (b"\x10\x0f\0\x06MQIsdp\x03\x02\0\0\0\x01c", &[0x20, 2, 0, 1]),
        // MQTT, level 6
        (b"\x10\x0d\0\x04MQTT\x06\x02\0\0\0\x01c", &[0x20, 3, 0, 0x84, 0]),
    ];
    for (connect, wanted) in cases {
        let mut world = World::new();
        let conn = world.broker.open();
        world.broker.handle_bytes(conn, connect, world.now);
        assert_eq!(world.broker.take_output(conn), wanted);
        assert!(world.broker.is_closed(conn));
    }
}

#[test]
fn what_is_no_connect_at_first_or_is_one_later_ends_the_connection() {
    let mut world = World::new();
    let conn = world.broker.open();
    world.broker.handle_bytes(conn, &[0xc0, 0], world.now);
    assert!(world.broker.is_closed(conn) && world.broker.take_output(conn).is_empty());
    let peer = world.join(Version::V5, "c");
    world.send(peer, &Packet::Connect(clean(Version::V5, "c")));
    assert_eq!(world.told(peer), ["DISCONNECT 0x82"]);
}

#[test]
fn enhanced_authentication_is_refused() {
    let mut world = World::new();
    let list = [Property::AuthenticationMethod("SCRAM-SHA-1")];
    let peer = world.open(lasting(Version::V5, "c", &list));
    assert_eq!(world.told(peer), ["CONNACK bad authentication method"]);
    assert!(world.broker.is_closed(peer.conn));
}

#[test]
fn packets_may_come_byte_by_byte_and_together() {
    let mut world = World::new();
    let conn = world.broker.open();
    let mut bytes = Vec::new();
    for packet in [Packet::Connect(clean(Version::V311, "c")), Packet::PingReq, Packet::PingReq] {
        bytes.extend(packet.encode_to_vec(Version::V311).expect("a good packet"));
    }
    for byte in &bytes {
        world.broker.handle_bytes(conn, &[*byte], world.now);
    }
    assert_eq!(world.broker.take_output(conn), [0x20, 2, 0, 0, 0xd0, 0, 0xd0, 0]);
    let together = world.broker.open();
    world.broker.handle_bytes(together, &bytes, world.now);
    assert_eq!(world.broker.take_output(together), [0x20, 2, 0, 0, 0xd0, 0, 0xd0, 0]);
}

#[test]
fn forgotten_sessions_are_gone_and_their_connections_close() {
    let mut world = World::new();
    let (peer, _) = world.resume(Version::V5, "c");
    world.broker.forget_sessions();
    assert!(world.broker.is_closed(peer.conn));
    let (_, told) = world.resume(Version::V5, "c");
    assert_eq!(told, ["CONNACK success"]);
    world.lost(peer); // Late news of the old connection harm nobody.
    assert!(world.broker.sessions()[0].connected);
}

#[test]
fn malformed_packets_are_answered_with_the_reason() {
    let cases: [(&[u8], &str); 6] = [
        (&[0x36, 5, 0, 1, b'a', 0, 1], "DISCONNECT 0x81"), // QoS 3
        (&[0x60, 2, 0, 1], "DISCONNECT 0x81"),             // PUBREL without its flags
        (&[0x30, 4, 0, 1, 0xff, 0], "DISCONNECT 0x81"),    // A topic that is not UTF-8
        (&[0x30, 6, 0, 3, b'a', b'/', b'#', 0], "DISCONNECT 0x81"),
        (&[0x82, 9, 0, 1, 0, 0, 3, b'a', b'#', b'b', 0], "DISCONNECT 0x81"),
        (&[0x30, 0xff, 0xff, 0xff, 0xff, 1], "DISCONNECT 0x81"),
    ];
    for (bytes, wanted) in cases {
        let mut world = World::new();
        let peer = world.join(Version::V5, "c");
        world.bytes(peer, bytes);
        assert_eq!(world.told(peer), [wanted], "{bytes:02x?}");
        assert!(world.broker.is_closed(peer.conn));
    }
}
