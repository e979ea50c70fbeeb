//! Packets that may not be sent: which error the caller gets, before a byte is written.

use std::num::NonZeroU16;

use mqtt_as_proto::error::EncodeError;
use mqtt_as_proto::packet::Version::{V5, V311};
use mqtt_as_proto::packet::{
    Auth, Carrier, ConnAck, Connect, Delivery, Disconnect, Filters, Packet, PacketType, Publish,
    QoS, RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions, Subscriptions,
    UnsubAck, Unsubscribe, Version, Will,
};
use mqtt_as_proto::property::{Properties, Property, SubscriptionId, TopicAliasId};
use mqtt_as_proto::reason::ReasonCode;
use mqtt_as_proto::wire::Writer;

use crate::golden::{self, USER, ack, filter, id, topic};

fn refuse(rule: &str, version: Version, packet: Packet<'_>, error: EncodeError) {
    for room in [16, 200_000] {
        let mut bytes = vec![0xee; room];
        let mut out = Writer::new(&mut bytes);
        assert_eq!(packet.encode(version, &mut out), Err(error), "{rule}");
        assert_eq!(out.result(), Ok(0), "{rule}");
        assert!(bytes.iter().all(|byte| *byte == 0xee), "{rule}: bytes were written");
        assert_eq!(packet.encode_to_slice(version, &mut bytes), Err(error), "{rule}");
    }
    assert_eq!(packet.encoded_len(version), Err(error), "{rule}");
    assert!(!error.to_string().is_empty());
}

fn connect(properties: &[Property<'_>], error: EncodeError) {
    let connect = Connect { properties: Properties::new(properties), ..Connect::default() };
    refuse("CONNECT", V5, Packet::Connect(connect), error);
}

fn publish(properties: &[Property<'_>], error: EncodeError) {
    let properties = Properties::new(properties);
    let publish = Publish { properties, ..Publish::new(topic("t"), b"") };
    refuse("PUBLISH", V5, Packet::Publish(publish), error);
}

fn will<'a>(payload: &'a [u8], properties: Properties<'a>) -> Will<'a> {
    Will { topic: topic("w"), payload, qos: QoS::AtMostOnce, retain: false, properties }
}

/// 1.5.4, 1.5.6
// Decision [length-of-strings]
#[test]
fn a_string_or_binary_field_has_at_most_65_535_bytes() {
    let (string, binary) = ("a".repeat(65_536), vec![0; 65_536]);
    let error = EncodeError::TooLong { len: 65_536 };
    let with = |connect| refuse("CONNECT", V5, Packet::Connect(connect), error);
    with(Connect { client_id: &string, ..Connect::default() });
    with(Connect { user_name: Some(&string), ..Connect::default() });
    with(Connect { password: Some(&binary), ..Connect::default() });
    with(Connect { will: Some(will(&binary, Properties::NONE)), ..Connect::default() });
    connect(&[Property::AuthenticationMethod(&string)], error);
    publish(&[Property::CorrelationData(&binary)], error);
    publish(&[Property::UserProperty((&string, ""))], error);
    publish(&[Property::UserProperty(("", &string))], error);
    let longest_pair = [Property::UserProperty((&string[1..], &string[1..]))];
    let longest = Connect {
        client_id: &string[1..],
        password: Some(&binary[1..]),
        properties: Properties::new(&longest_pair),
        ..Connect::default()
    };
    crate::round_trip(&Packet::Connect(longest), V5);
}

// 3.1.1 [MQTT-1.5.3-2]
// 5.0 [MQTT-1.5.4-2] [MQTT-1.5.7-1]
#[test]
fn a_string_holds_no_nul() {
    let with = |connect| refuse("CONNECT", V311, Packet::Connect(connect), EncodeError::Nul);
    let v311 = Connect { version: V311, ..Connect::default() };
    with(Connect { client_id: "a\0", ..v311 });
    with(Connect { user_name: Some("\0"), ..v311 });
    connect(&[Property::UserProperty(("a", "\0"))], EncodeError::Nul);
    publish(&[Property::UserProperty(("\0", "b"))], EncodeError::Nul);
    publish(&[Property::ContentType("\0")], EncodeError::Nul);
    let bye = Disconnect {
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(&[Property::ReasonString("a\0b")]),
    };
    refuse("DISCONNECT", V5, Packet::Disconnect(bye), EncodeError::Nul);
}

/// 2.2.2.2: each property in each packet is tried in the module `places`.
// Decision [once]
#[test]
fn a_property_stands_where_it_may_and_once() {
    connect(
        &[Property::TopicAlias(TopicAliasId(NonZeroU16::MIN))],
        misplaced(PacketType::Connect, 0x23),
    );
    connect(&[Property::WillDelayInterval(1)], misplaced(PacketType::Connect, 0x18));
    publish(&[USER, Property::ReasonString("n")], misplaced(PacketType::Publish, 0x1f));
    publish(&[Property::ContentType("a"), USER, Property::ContentType("a")], repeated(0x03));
    let one = Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap());
    let (twice, list) = ([one, one], [plain("a")]);
    let (properties, filters) = (Properties::new(&twice), Subscriptions::new(&list));
    let subscribe = Subscribe { id: id(1), properties, filters };
    refuse("3.8.2.1.2", V5, Packet::Subscribe(subscribe), repeated(0x0b));
    let properties = Properties::new(&[Property::SessionExpiryInterval(1)]);
    let connect = Connect { will: Some(will(b"", properties)), ..Connect::default() };
    refuse("3.1.3.2", V5, Packet::Connect(connect), misplaced(Carrier::Will, 0x11));
    let puback = ack(ReasonCode::SUCCESS, &[Property::ServerReference("s")]);
    refuse("3.4.2.2", V5, Packet::PubAck(puback), misplaced(PacketType::PubAck, 0x1c));
}

fn misplaced(carrier: impl Into<Carrier>, id: u8) -> EncodeError {
    EncodeError::MisplacedProperty(carrier.into(), id)
}

fn repeated(id: u8) -> EncodeError {
    EncodeError::RepeatedProperty(id)
}

/// 3.1.2.11.10, 3.2.2.3.18, 3.15.2.2.3
// Decision [data-with-method]
#[test]
fn authentication_data_needs_its_method() {
    let data = &[Property::AuthenticationData(&[7])];
    connect(data, EncodeError::AuthDataWithoutMethod);
    let properties = Properties::new(data);
    let error = EncodeError::AuthDataWithoutMethod;
    let connack = ConnAck { properties, ..ConnAck::default() };
    refuse("CONNACK", V5, Packet::ConnAck(connack), error);
    let auth = Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties };
    refuse("AUTH", V5, Packet::Auth(auth), error);
    assert_eq!(properties.check(PacketType::Auth), Err(error));
}

// Decision [properties-5]
#[test]
fn mqtt_3_1_1_has_no_properties() {
    let properties = Properties::new(&[USER]);
    let refuse = |packet| refuse("3.1.1", V311, packet, EncodeError::PropertiesNeedV5);
    let connect = Connect { version: V311, ..Connect::default() };
    refuse(Packet::Connect(Connect { properties, ..connect }));
    refuse(Packet::Connect(Connect { will: Some(will(b"", properties)), ..connect }));
    refuse(Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }));
    refuse(Packet::Publish(Publish { properties, ..Publish::new(topic("t"), b"") }));
    let answer = ack(ReasonCode::SUCCESS, &[USER]);
    refuse(Packet::PubAck(answer));
    refuse(Packet::PubRec(answer));
    refuse(Packet::PubRel(answer));
    refuse(Packet::PubComp(answer));
    let (subscriptions, filters) = (&[plain("a")], &[filter("a")]);
    let subscriptions = Subscriptions::new(subscriptions);
    refuse(Packet::Subscribe(Subscribe { id: id(1), properties, filters: subscriptions }));
    refuse(Packet::SubAck(SubAck { id: id(1), properties, codes: &[0] }));
    let filters = Filters::new(filters);
    refuse(Packet::Unsubscribe(Unsubscribe { id: id(1), properties, filters }));
    refuse(Packet::UnsubAck(UnsubAck { id: id(1), properties, codes: &[] }));
    refuse(Packet::Disconnect(Disconnect { reason: ReasonCode::SUCCESS, properties }));
}

// Decision [properties-5]
#[test]
fn mqtt_3_1_1_has_no_auth() {
    refuse("2.2.1", V311, Packet::Auth(Auth::default()), EncodeError::AuthNeedsV5);
    let properties = Properties::new(&[Property::AuthenticationMethod("m")]);
    let auth = Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties };
    refuse("2.2.1", V311, Packet::Auth(auth), EncodeError::AuthNeedsV5);
}

fn plain(name: &str) -> Subscription<'_> {
    let options = SubscriptionOptions::new(QoS::AtMostOnce);
    Subscription { filter: filter(name), options }
}

fn subscribe(version: Version, subscriptions: &[Subscription<'_>], error: EncodeError) {
    let filters = Subscriptions::new(subscriptions);
    let subscribe = Subscribe { id: id(1), properties: Properties::NONE, filters };
    refuse("SUBSCRIBE", version, Packet::Subscribe(subscribe), error);
}

// Decision [properties-5]
#[test]
fn mqtt_3_1_1_has_no_subscription_options() {
    let qos = SubscriptionOptions::new(QoS::AtLeastOnce);
    for options in [
        SubscriptionOptions { no_local: true, ..qos },
        SubscriptionOptions { retain_as_published: true, ..qos },
        SubscriptionOptions { retain_handling: RetainHandling::SendIfNew, ..qos },
    ] {
        let list = [plain("a"), Subscription { filter: filter("b"), options }];
        subscribe(V311, &list, EncodeError::OptionsNeedV5);
    }
}

// 5.0 [MQTT-3.8.3-4]
#[test]
fn a_shared_subscription_has_no_no_local() {
    let mut shared = plain("$share/g/a");
    shared.options.no_local = true;
    subscribe(V5, &[plain("a"), shared], EncodeError::NoLocalShared);
}

/// [MQTT-3.8.3-2] [MQTT-3.10.3-2] [MQTT-3.8.4-6] [MQTT-3.11.3-2]
#[test]
fn a_request_names_a_filter_and_its_answer_a_code() {
    let properties = Properties::NONE;
    for version in [V5, V311] {
        subscribe(version, &[], EncodeError::NoFilter);
        let unsubscribe = Unsubscribe { id: id(1), properties, filters: Filters::new(&[]) };
        refuse("none", version, Packet::Unsubscribe(unsubscribe), EncodeError::NoFilter);
        let suback = SubAck { id: id(1), properties, codes: &[] };
        refuse("none", version, Packet::SubAck(suback), EncodeError::NoFilter);
    }
    let unsuback = UnsubAck { id: id(1), properties, codes: &[] };
    refuse("none", V5, Packet::UnsubAck(unsuback), EncodeError::NoFilter);
}

/// 3.1.1 [MQTT-3.1.2-22]
#[test]
fn a_password_of_3_1_1_needs_a_user_name() {
    let connect = Connect { version: V311, password: Some(b"p"), ..Connect::default() };
    refuse("3.1.2.9", V311, Packet::Connect(connect), EncodeError::PasswordWithoutUserName);
}

/// 3.3.2.1, [MQTT-4.7.3-1]
// 5.0 [MQTT-3.3.2-13]
// Decision [name-or-alias]
#[test]
fn an_empty_topic_name_needs_an_alias() {
    let empty = golden::empty_topic();
    let packet = Packet::Publish(Publish::new(empty, b""));
    for version in [V5, V311] {
        refuse("3.3.2.1", version, packet, EncodeError::EmptyTopic);
    }
    publish(&[Property::ResponseTopic(empty)], EncodeError::EmptyTopic);
    let will = Will { topic: empty, ..will(b"", Properties::NONE) };
    let connect = Packet::Connect(Connect { will: Some(will), ..Connect::default() });
    refuse("4.7.3", V5, connect, EncodeError::EmptyTopic);
}

/// 3.1.1 [MQTT-3.9.3-2]; the codes of 5.0 are tried in the module `places`.
#[test]
fn only_listed_codes_are_sent() {
    let suback = SubAck { id: id(1), properties: Properties::NONE, codes: &[0, 0x87] };
    crate::round_trip(&Packet::SubAck(suback), V5);
    let error = EncodeError::ReasonCode(PacketType::SubAck, 0x87);
    refuse("3.9.3", V311, Packet::SubAck(suback), error);
    let error = EncodeError::ReasonCode(PacketType::UnsubAck, 0x01);
    let unsuback = UnsubAck { id: id(1), properties: Properties::NONE, codes: &[0, 1] };
    refuse("3.11.3", V5, Packet::UnsubAck(unsuback), error);
}

/// [MQTT-3.3.1-2] [MQTT-3.2.2-6]
#[test]
fn flags_that_would_break_a_rule_are_not_written() {
    let publish = Publish { dup: true, ..Publish::new(topic("t"), b"") };
    let bytes = crate::encode(&Packet::Publish(publish), V5).unwrap();
    assert_eq!(bytes, crate::hex::bytes("30 04 00 01 't' 00"));
    let publish = Publish { delivery: Delivery::AtLeastOnce(id(1)), ..publish };
    let bytes = crate::encode(&Packet::Publish(publish), V5).unwrap();
    assert_eq!(bytes, crate::hex::bytes("3A 06 00 01 't' 00 01 00"));
    let connack =
        ConnAck { session_present: true, reason: ReasonCode::NOT_AUTHORIZED, ..ConnAck::default() };
    let bytes = crate::encode(&Packet::ConnAck(connack), V5).unwrap();
    assert_eq!(bytes, crate::hex::bytes("20 03 00 87 00"));
}
