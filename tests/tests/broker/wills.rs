//! Wills (3.1.2.5).

use mqtt_as_proto::packet::{Connect, Disconnect, Packet, Will};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{QoS, ReasonCode, Version};
use mqtt_as_tests::broker::BrokerConfig;

use crate::world::{BOTH, Peer, World, clean, lasting, will};

/// A watcher of all wills, and a client with a will.
fn world(version: Version) -> (World, Peer, Peer) {
    let mut world = World::new();
    let watcher = world.join(version, "watcher");
    world.subscribe(watcher, "will/#", 1);
    let will = Some(will("will/c", "gone", &[]));
    let peer = world.open(Connect { will, ..clean(version, "c") });
    (world, watcher, peer)
}

/// A client with a will that is delayed by ten seconds, and a session of sixty.
fn delayed(world: &mut World) -> Peer {
    let list = [Property::WillDelayInterval(10), Property::UserProperty(("k", "v"))];
    let will = Some(will("will/c", "gone", &list));
    let session = [Property::SessionExpiryInterval(60)];
    world.open(Connect { will, ..lasting(Version::V5, "c", &session) })
}

#[test]
fn a_lost_client_has_its_will_published_once() {
    for version in BOTH {
        let (mut world, watcher, peer) = world(version);
        world.lost(peer);
        world.lost(peer);
        assert_eq!(world.told(watcher), ["q0 will/c gone"]);
        assert_eq!(world.accepted(), [""; 0], "a will is no PUBLISH");
    }
}

#[test]
fn a_client_that_says_goodbye_has_not() {
    for version in BOTH {
        let (mut world, watcher, peer) = world(version);
        world.disconnect(peer);
        assert_eq!(world.told(watcher), [""; 0]);
    }
}

#[test]
fn disconnect_with_will_publishes_it() {
    let (mut world, watcher, peer) = world(Version::V5);
    let reason = ReasonCode::DISCONNECT_WITH_WILL;
    world.send(peer, &Packet::Disconnect(Disconnect { reason, ..Disconnect::default() }));
    assert_eq!(world.told(watcher), ["q0 will/c gone"]);
}

#[test]
fn a_takeover_and_a_protocol_error_publish_it() {
    let (mut world, watcher, _) = world(Version::V5);
    let peer = world.join(Version::V5, "c");
    assert_eq!(world.told(watcher), ["q0 will/c gone"]);
    world.lost(peer);
    let will = Some(will("will/d", "bad", &[]));
    let peer = world.open(Connect { will, ..clean(Version::V5, "d") });
    world.send(peer, &Packet::PingResp);
    assert_eq!(world.told(watcher), ["q0 will/d bad"]);
}

#[test]
fn a_delayed_will_waits() {
    let (mut world, watcher, _) = world(Version::V5);
    world.told(watcher);
    let peer = delayed(&mut world);
    world.told(watcher); // The will of the client that was taken over.
    world.lost(peer);
    world.wait(9_999);
    assert_eq!(world.told(watcher), [""; 0]);
    world.wait(1);
    assert_eq!(world.told(watcher), ["q0 will/c gone k=v"]);
    world.wait(100_000);
    assert_eq!(world.told(watcher), [""; 0]);
}

#[test]
fn a_delayed_will_is_dropped_if_the_client_comes_back() {
    let mut world = World::new();
    let watcher = world.join(Version::V5, "watcher");
    world.subscribe(watcher, "will/#", 1);
    let peer = delayed(&mut world);
    world.lost(peer);
    world.wait(5_000);
    let (peer, told) = world.resume(Version::V5, "c");
    assert_eq!(told, ["CONNACK present success"]);
    world.wait(50_000);
    world.disconnect(peer);
    assert_eq!(world.told(watcher), [""; 0]);
}

#[test]
fn a_delayed_will_does_not_outlive_its_session() {
    let mut world = World::new();
    let watcher = world.join(Version::V5, "watcher");
    world.subscribe(watcher, "will/#", 1);
    let peer = delayed(&mut world);
    world.lost(peer);
    world.join(Version::V5, "c"); // A clean start.
    assert_eq!(world.told(watcher), ["q0 will/c gone k=v"]);
}

#[test]
fn a_retained_will_stays() {
    let mut world = World::new();
    let will = will("will/c", "gone", &[]);
    let will = Some(Will { retain: true, qos: QoS::ExactlyOnce, ..will });
    let peer = world.open(Connect { will, ..clean(Version::V311, "c") });
    world.lost(peer);
    let watcher = world.join(Version::V5, "watcher");
    assert_eq!(world.subscribe(watcher, "will/#", 2), ["retained q2 #1 will/c gone"]);
}

#[test]
fn a_will_beyond_the_brokers_limits_is_refused() {
    let config = BrokerConfig {
        maximum_qos: QoS::AtMostOnce,
        retain_available: false,
        ..BrokerConfig::default()
    };
    let base = will("w", "x", &[]);
    let cases = [
        (Will { qos: QoS::AtLeastOnce, ..base }, "CONNACK QoS not supported"),
        (Will { retain: true, ..base }, "CONNACK retain not supported"),
    ];
    for (will, wanted) in cases {
        let mut world = World::with(config.clone());
        let will = Some(Will { properties: Properties::NONE, ..will });
        let peer = world.open(Connect { will, ..clean(Version::V5, "c") });
        assert_eq!(world.told(peer), [wanted]);
        assert!(world.broker.is_closed(peer.conn));
    }
}
