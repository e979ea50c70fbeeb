//! Subscriptions, their options, retained messages, shared subscriptions.

use mqtt_as_proto::packet::{RetainHandling, SubscriptionOptions};
use mqtt_as_proto::{QoS, Version};
use mqtt_as_tests::broker::BrokerConfig;

use crate::world::{BOTH, World};

const Q1: SubscriptionOptions = SubscriptionOptions::new(QoS::AtLeastOnce);

#[test]
fn wildcards_match_and_the_qos_is_the_lower_one() {
    for version in BOTH {
        let mut world = World::new();
        let sub = world.join(version, "sub");
        let publisher = world.join(version, "pub");
        world.subscribe(sub, "room/+/t", 1);
        world.publish(publisher, 2, 9, "room/1/t", "a");
        world.say(publisher, "room/1/t", "b");
        world.say(publisher, "room/t", "c");
        assert_eq!(world.told(sub), ["q1 #1 room/1/t a", "q0 room/1/t b"]);
    }
}

#[test]
fn overlapping_subscriptions_give_one_copy_with_all_identifiers() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.subscribe_with(peer, "a/#", SubscriptionOptions::new(QoS::AtMostOnce), Some(3));
    world.subscribe_with(peer, "a/b", Q1, Some(4));
    world.subscribe_with(peer, "+/b", Q1, None);
    world.publish(peer, 1, 5, "a/b", "x");
    assert_eq!(world.told(peer), ["q1 #1 a/b x id=3 id=4", "PUBACK #5"]);
}

#[test]
fn no_local_keeps_a_clients_own_messages_from_it() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    let other = world.join(Version::V5, "other");
    world.subscribe_with(peer, "a", SubscriptionOptions { no_local: true, ..Q1 }, None);
    world.publish(peer, 1, 1, "a", "mine");
    assert_eq!(world.told(peer), ["PUBACK #1 0x10"]);
    world.say(other, "a", "other's");
    assert_eq!(world.told(peer), ["q0 a other's"]);
}

#[test]
fn retained_messages_greet_a_subscription() {
    for version in BOTH {
        let mut world = World::new();
        let publisher = world.join(version, "pub");
        world.retain(publisher, "room/1", "a");
        world.retain(publisher, "room/2", "b");
        world.retain(publisher, "room/1", ""); // An empty one clears it.
        let sub = world.join(version, "sub");
        assert_eq!(world.subscribe(sub, "room/#", 1), ["retained q0 room/2 b"]);
        // Later ones are messages like any other.
        world.retain(publisher, "room/3", "c");
        assert_eq!(world.told(sub), ["q0 room/3 c"]);
    }
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.subscribe_with(peer, "a", SubscriptionOptions { retain_as_published: true, ..Q1 }, None);
    world.retain(peer, "a", "x");
    world.say(peer, "a", "y");
    assert_eq!(world.told(peer), ["retained q0 a x", "q0 a y"]);
}

#[test]
fn retain_handling_decides_who_is_greeted() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.retain(peer, "a", "x");
    let with = |retain_handling| SubscriptionOptions { retain_handling, ..Q1 };
    assert!(world.subscribe_with(peer, "a", with(RetainHandling::DoNotSend), None).is_empty());
    assert!(world.subscribe_with(peer, "a", with(RetainHandling::SendIfNew), None).is_empty());
    let greeted = world.subscribe_with(peer, "a", with(RetainHandling::Send), None);
    assert_eq!(greeted, ["retained q0 a x"]);
    world.unsubscribe(peer, "a");
    let greeted = world.subscribe_with(peer, "a", with(RetainHandling::SendIfNew), Some(6));
    assert_eq!(greeted, ["retained q0 a x id=6"]);
}

#[test]
fn unsubscribe_says_whether_there_was_a_subscription() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.subscribe(peer, "a", 0);
    assert_eq!(world.unsubscribe(peer, "a"), ["UNSUBACK #78 0"]);
    assert_eq!(world.unsubscribe(peer, "a"), ["UNSUBACK #78 11"]);
    world.say(peer, "a", "x");
    assert_eq!(world.told(peer), [""; 0]);
    let peer = world.join(Version::V311, "c");
    assert_eq!(world.unsubscribe(peer, "a"), ["UNSUBACK #78 "]);
}

#[test]
fn members_of_a_shared_subscription_take_turns() {
    let mut world = World::new();
    let [a, b, publisher] = ["a", "b", "pub"].map(|name| world.join(Version::V5, name));
    for member in [a, b] {
        assert!(world.subscribe(member, "$share/group/job/+", 1).is_empty());
    }
    for payload in ["1", "2", "3"] {
        world.publish(publisher, 1, 1, "job/x", payload);
    }
    assert_eq!(world.told(a), ["q1 #1 job/x 1", "q1 #2 job/x 3"]);
    assert_eq!(world.told(b), ["q1 #1 job/x 2"]);
    world.lost(a);
    for payload in ["4", "5"] {
        world.say(publisher, "job/x", payload);
    }
    assert_eq!(world.told(b), ["q0 job/x 4", "q0 job/x 5"]);
}

#[test]
fn a_shared_subscription_prefers_members_that_are_connected() {
    let mut world = World::new();
    let (away, _) = world.resume(Version::V5, "away");
    let here = world.join(Version::V5, "here");
    for member in [away, here] {
        world.subscribe(member, "$share/group/job", 1);
    }
    world.lost(away);
    world.publish(here, 1, 1, "job", "1");
    world.publish(here, 1, 2, "job", "2");
    let told = ["q1 #1 job 1", "PUBACK #1", "q1 #2 job 2", "PUBACK #2"];
    assert_eq!(world.told(here), told);
}

#[test]
fn shared_subscriptions_get_no_retained_messages() {
    let mut world = World::new();
    let peer = world.join(Version::V5, "c");
    world.retain(peer, "a", "x");
    assert!(world.subscribe(peer, "$share/group/a", 1).is_empty());
}

#[test]
fn what_is_not_available_is_a_protocol_error_with_its_own_code() {
    let config = BrokerConfig {
        wildcard_subscription_available: false,
        shared_subscription_available: false,
        subscription_identifier_available: false,
        ..BrokerConfig::default()
    };
    let cases = [("a/#", None, 0xa2), ("$share/g/a", None, 0x9e), ("a", Some(1), 0xa1)];
    for (filter, id, code) in cases {
        let mut world = World::with(config.clone());
        let peer = world.open(crate::world::clean(Version::V5, "c"));
        let connack = "CONNACK success WildcardSubscriptionAvailable(false) \
            SubscriptionIdentifierAvailable(false) SharedSubscriptionAvailable(false)";
        assert_eq!(world.told(peer), [connack]);
        world.ask(peer, filter, Q1, id);
        assert_eq!(world.told(peer), [format!("DISCONNECT {code:#04x}")]);
    }
    let mut world = World::with(config);
    let peer = world.join(Version::V311, "c");
    world.ask(peer, "a/#", Q1, None);
    assert_eq!(world.told(peer), ["SUBACK #77 80"]);
}
