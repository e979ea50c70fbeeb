//! Bad input from the caller: a local error, nothing sent, no packet identifier used.

use mqtt_as_proto::client::{Limit, Message, OperationError as Refused, Published, Tag};
use mqtt_as_proto::error::EncodeError;
use mqtt_as_proto::packet::{
    Connect, PacketType, RetainHandling, Subscription, SubscriptionOptions,
};
use mqtt_as_proto::property::{MaximumQoS, SubscriptionId, TopicAliasId};
use mqtt_as_proto::topic::{TopicFilter, TopicName};
use mqtt_as_proto::{Properties, Property, QoS, Version};

use crate::peer::{BOTH, Peer, id, topic};

/// The call failed: nothing is sent, and the next publish gets the first identifier.
fn refused(
    peer: &mut Peer,
    expected: Refused,
    call: impl FnOnce(&mut Peer) -> Result<(), Refused>,
) {
    assert_eq!(call(peer), Err(expected));
    assert!(expected.to_string().len() > 20);
    assert!(peer.sent().is_empty());
    assert!(peer.events().is_empty());
    assert_eq!(peer.publish(1, "next", 9), Published::Pending(id(1)));
    assert_eq!(peer.sent(), ["PUBLISH q1 #1 t next"]);
}

fn publish(peer: &mut Peer, message: &Message<'_>) -> Result<(), Refused> {
    peer.client.publish(message, Tag(1), peer.now).map(drop)
}

fn subscribe(
    peer: &mut Peer,
    filter: &str,
    options: SubscriptionOptions,
    list: &[Property<'_>],
) -> Result<(), Refused> {
    let filter = TopicFilter::new(filter).unwrap();
    let subscription = Subscription { filter, options };
    peer.client.subscribe(&[subscription], Properties::new(list), Tag(1)).map(drop)
}

const PLAIN: SubscriptionOptions = SubscriptionOptions::new(QoS::AtLeastOnce);

// 3.1.1 [MQTT-3.3.2-2]
// 5.0 [MQTT-3.3.2-2]
#[test]
fn bad_topics_do_not_become_messages() {
    for name in ["a/+", "#", "a\0b", ""] {
        assert!(TopicName::new(name).is_err(), "{name:?}");
    }
    for filter in ["a/#/b", "a#", "+a", "a\0b", "", "$share//x", "$share/g"] {
        assert!(TopicFilter::new(filter).is_err(), "{filter:?}");
    }
    assert!(TopicName::new(&"x".repeat(65_536)).is_err());
    assert!(TopicFilter::new(&"x".repeat(65_536)).is_err());
}

// 5.0 [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]
#[test]
fn a_publish_beyond_the_servers_limits() {
    let limits = [
        Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
        Property::RetainAvailable(false),
        Property::MaximumPacketSize(50.try_into().unwrap()),
    ];
    let large = "x".repeat(50);
    let message = |payload| Message::new(topic("t"), payload);
    let size = Limit::MaximumPacketSize;
    let at_qos1 = Limit::MaximumPacketSize;
    let rows = [
        (message("x").qos(QoS::ExactlyOnce), Limit::MaximumQoS(QoS::AtLeastOnce)),
        (Message { retain: true, ..message("x") }, Limit::RetainNotAvailable),
        (message(large.as_str()), size),
        (message(large.as_str()).qos(QoS::AtLeastOnce), at_qos1),
    ];
    for (message, limit) in rows {
        let mut peer = Peer::new(Version::V5);
        peer.connect(false, &limits);
        refused(&mut peer, Refused::Forbidden(limit), |peer| publish(peer, &message));
    }
}

// 5.0 [MQTT-3.2.2-15]
// Decision [not-available]
#[test]
fn a_subscribe_beyond_the_servers_limits() {
    let limits = [
        Property::WildcardSubscriptionAvailable(false),
        Property::SharedSubscriptionAvailable(false),
        Property::SubscriptionIdentifierAvailable(false),
        Property::MaximumPacketSize(30.try_into().unwrap()),
    ];
    let number = [Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap())];
    let long = "x".repeat(40);
    let size = Limit::MaximumPacketSize;
    let rows: [(&str, &[Property<'_>], Limit); 4] = [
        ("a/+", &[], Limit::WildcardNotAvailable),
        ("$share/g/a", &[], Limit::SharedNotAvailable),
        ("a", &number, Limit::SubscriptionIdentifierNotAvailable),
        (&long, &[], size),
    ];
    for (filter, list, limit) in rows {
        let mut peer = Peer::new(Version::V5);
        peer.connect(false, &limits);
        let call = |peer: &mut Peer| subscribe(peer, filter, PLAIN, list);
        refused(&mut peer, Refused::Forbidden(limit), call);
    }
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &limits);
    let filter = TopicFilter::new(&long).unwrap();
    let size = Limit::MaximumPacketSize;
    refused(&mut peer, Refused::Forbidden(size), |peer| {
        peer.client.unsubscribe(&[filter], Properties::NONE, Tag(1)).map(drop)
    });
}

// 3.1.1 [MQTT-3.8.3-3] [MQTT-3.10.3-2]
// 5.0 [MQTT-3.8.3-2] [MQTT-3.8.3-4] [MQTT-3.10.3-2]
#[test]
fn what_cannot_be_said_in_mqtt() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        refused(&mut peer, EncodeError::NoFilter.into(), |peer| {
            peer.client.subscribe(&[], Properties::NONE, Tag(1)).map(drop)
        });
        let mut peer = Peer::connected(version);
        refused(&mut peer, EncodeError::NoFilter.into(), |peer| {
            peer.client.unsubscribe(&[], Properties::NONE, Tag(1)).map(drop)
        });
    }
    let no_local = SubscriptionOptions { no_local: true, ..PLAIN };
    let mut peer = Peer::connected(Version::V5);
    refused(&mut peer, EncodeError::NoLocalShared.into(), |peer| {
        subscribe(peer, "$share/g/a", no_local, &[])
    });
}

fn misplaced(id: u8) -> EncodeError {
    EncodeError::MisplacedProperty(PacketType::Publish.into(), id)
}

// 5.0 [MQTT-3.3.2-19] [MQTT-3.3.4-6]
// Decision [once]
#[test]
fn properties_that_a_publish_may_not_carry() {
    let long = "x".repeat(65_536);
    let alias = Property::TopicAlias(TopicAliasId(1.try_into().unwrap()));
    let number = Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap());
    let rows: [(&[Property<'_>], EncodeError); 6] = [
        (&[alias], misplaced(0x23)),
        (&[number], misplaced(0x0b)),
        (&[Property::ReasonString("x")], misplaced(0x1f)),
        (
            &[Property::ContentType("x"), Property::ContentType("y")],
            EncodeError::RepeatedProperty(0x03),
        ),
        (&[Property::ContentType("a\0b")], EncodeError::Nul),
        (&[Property::ContentType(&long)], EncodeError::TooLong { len: 65_536 }),
    ];
    for (list, error) in rows {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let mut peer = Peer::connected(Version::V5);
            let message = Message::new(topic("t"), "x").qos(qos);
            let message = Message { properties: Properties::new(list), ..message };
            refused(&mut peer, error.into(), |peer| publish(peer, &message));
        }
    }
}

// 3.1.1 [MQTT-3.8.3-4]
// Decision [properties-5]
#[test]
fn what_only_5_can_say_is_refused_in_3() {
    let user = [Property::UserProperty(("k", "v"))];
    let message = Message::new(topic("t"), "x");
    let message = Message { properties: Properties::new(&user), ..message };
    let properties = EncodeError::PropertiesNeedV5;
    refused(&mut Peer::connected(Version::V311), properties.into(), |peer| publish(peer, &message));
    refused(&mut Peer::connected(Version::V311), properties.into(), |peer| {
        subscribe(peer, "a", PLAIN, &user)
    });
    let options = [
        SubscriptionOptions { no_local: true, ..PLAIN },
        SubscriptionOptions { retain_as_published: true, ..PLAIN },
        SubscriptionOptions { retain_handling: RetainHandling::SendIfNew, ..PLAIN },
    ];
    for options in options {
        refused(&mut Peer::connected(Version::V311), EncodeError::OptionsNeedV5.into(), |peer| {
            subscribe(peer, "a", options, &[])
        });
    }
}

#[test]
fn a_message_larger_than_all_memory_is_not_called_a_matter_of_time() {
    for version in BOTH {
        let memory = crate::peer::memory(512, 6400);
        let mut peer = Peer::in_memory(crate::peer::config(version), memory, 512);
        peer.connect(false, &[]);
        for qos in 0..=2 {
            let error = peer.try_publish(qos, &"x".repeat(600), 1).unwrap_err();
            assert!(matches!(error, Refused::TooLarge { room: 448, .. }), "{error:?}");
        }
        assert_eq!(peer.publish(1, "x", 2), Published::Pending(id(1)));
    }
}

#[test]
fn requests_need_a_connection() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        assert_eq!(peer.subscribe("a", 1), Err(Refused::NotConnected));
        peer.begin(false);
        assert_eq!(peer.subscribe("a", 1), Err(Refused::NotConnected));
        peer.accept(false, &[]);
        assert_eq!(peer.subscribe("a", 1), Ok(id(1)));
    }
}

// 3.1.1 [MQTT-3.1.2-22] [MQTT-3.1.3-7]
// Decision [3-locally]
#[test]
fn a_connect_that_3_forbids() {
    let rows = [
        (Connect { client_id: "", ..Connect::default() }, Refused::ClientIdMissing),
        (
            Connect { client_id: "c", password: Some(b"p"), ..Connect::default() },
            EncodeError::PasswordWithoutUserName.into(),
        ),
    ];
    for (connect, error) in rows {
        let mut peer = Peer::new(Version::V311);
        assert_eq!(peer.client.connect(&connect, peer.now), Err(error));
        assert!(peer.sent().is_empty());
        assert_eq!(peer.client.poll_timeout(), None);
        // The same is well in 5.0, and this client can still connect.
        let mut other = Peer::new(Version::V5);
        assert_eq!(other.client.connect(&connect, other.now), Ok(None));
        assert_eq!(peer.connect(false, &[]), ["connected"]);
    }
}

// Decision [data-with-method]
#[test]
fn a_connect_that_cannot_be_said() {
    let long = "x".repeat(65_536);
    let twice = [Property::ReceiveMaximum(9.try_into().unwrap())];
    let data = [Property::AuthenticationData(b"x")];
    let rows = [
        (Connect { client_id: "a\0b", ..Connect::default() }, EncodeError::Nul),
        (Connect { client_id: &long, ..Connect::default() }, EncodeError::TooLong { len: 65_536 }),
        (
            Connect { user_name: Some(&long), ..Connect::default() },
            EncodeError::TooLong { len: 65_536 },
        ),
        // The client announces that one itself.
        (
            Connect { properties: Properties::new(&twice), ..Connect::default() },
            EncodeError::RepeatedProperty(0x21),
        ),
        (
            Connect { properties: Properties::new(&data), ..Connect::default() },
            EncodeError::AuthDataWithoutMethod,
        ),
    ];
    for (connect, error) in rows {
        let mut peer = Peer::new(Version::V5);
        assert_eq!(peer.client.connect(&connect, peer.now), Err(Refused::Invalid(error)));
        assert!(peer.sent().is_empty());
        assert_eq!(peer.connect(false, &[]), ["connected"]);
    }
}
