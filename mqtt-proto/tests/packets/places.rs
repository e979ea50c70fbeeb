//! Every property and every reason code in every packet: where the tables of 2.2.2.2 and 2.4 list
//! it, and nowhere else.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::error::{DecodeError, EncodeError};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::Version::V5;
use mqtt_as_proto::packet::{
    Auth, Carrier, ConnAck, Connect, Disconnect, Packet, PacketType, SubAck, UnsubAck, Will,
};
use mqtt_as_proto::property::{MaximumQoS, Properties, Property, SubscriptionId};
use mqtt_as_proto::{PacketId, QoS, ReasonCode, TopicName};

use crate::golden::{USER, ack, id};
use crate::hex;

/// Name, type, and what stands before and behind the properties; CONNECT's will is a place too.
const PACKETS: &[(&str, PacketType, &str, &str)] = &[
    ("Connect", PacketType::Connect, "00 04 'MQTT' 05 02 00 00", "00 00"),
    ("Will", PacketType::Connect, "00 04 'MQTT' 05 06 00 00 00 00 00", "00 01 'w' 00 00"),
    ("ConnAck", PacketType::ConnAck, "00 00", ""),
    ("Publish", PacketType::Publish, "00 01 't'", ""),
    ("PubAck", PacketType::PubAck, "00 01 00", ""),
    ("PubRec", PacketType::PubRec, "00 01 00", ""),
    ("PubRel", PacketType::PubRel, "00 01 00", ""),
    ("PubComp", PacketType::PubComp, "00 01 00", ""),
    ("Subscribe", PacketType::Subscribe, "00 01", "00 01 'a' 00"),
    ("SubAck", PacketType::SubAck, "00 01", "00"),
    ("Unsubscribe", PacketType::Unsubscribe, "00 01", "00 01 'a'"),
    ("UnsubAck", PacketType::UnsubAck, "00 01", "00"),
    ("Disconnect", PacketType::Disconnect, "00", ""),
    ("Auth", PacketType::Auth, "18", ""),
];

const ANSWERS: &str = "ConnAck PubAck PubRec PubRel PubComp SubAck UnsubAck Disconnect Auth";
const ALL: &str = "Connect Will ConnAck Publish PubAck PubRec PubRel PubComp Subscribe SubAck \
                   Unsubscribe UnsubAck Disconnect Auth";

/// Identifier, a value, and the packets that may carry it (2.2.2.2).
const PROPERTIES: &[(u8, &str, &str)] = &[
    (0x01, "01", "Publish Will"),
    (0x02, "00 00 00 01", "Publish Will"),
    (0x03, "00 01 'a'", "Publish Will"),
    (0x08, "00 01 'a'", "Publish Will"),
    (0x09, "00 01 FF", "Publish Will"),
    (0x0B, "01", "Publish Subscribe"),
    (0x11, "00 00 00 01", "Connect ConnAck Disconnect"),
    (0x12, "00 01 'a'", "ConnAck"),
    (0x13, "00 01", "ConnAck"),
    (0x15, "00 01 'a'", "Connect ConnAck Auth"),
    (0x16, "00 01 FF", "Connect ConnAck Auth"),
    (0x17, "01", "Connect"),
    (0x18, "00 00 00 01", "Will"),
    (0x19, "01", "Connect"),
    (0x1A, "00 01 'a'", "ConnAck"),
    (0x1C, "00 01 'a'", "ConnAck Disconnect"),
    (0x1F, "00 01 'a'", ANSWERS),
    (0x21, "00 01", "Connect ConnAck"),
    (0x22, "00 01", "Connect ConnAck"),
    (0x23, "00 01", "Publish"),
    (0x24, "01", "ConnAck"),
    (0x25, "01", "ConnAck"),
    (0x26, "00 01 'a' 00 01 'b'", ALL),
    (0x27, "00 00 00 01", "Connect ConnAck"),
    (0x28, "01", "ConnAck"),
    (0x29, "01", "ConnAck"),
    (0x2A, "01", "ConnAck"),
];

fn lists(places: &str, name: &str) -> bool {
    places.split_whitespace().any(|place| place == name)
}

/// The packet's body with these properties in it.
fn body(before: &str, properties: &[u8], behind: &str) -> Vec<u8> {
    let len = [u8::try_from(properties.len()).unwrap()];
    [&hex::bytes(before), &len[..], properties, &hex::bytes(behind)].concat()
}

pub(crate) fn properties_of<'a>(packet: &Packet<'a>) -> Properties<'a> {
    match *packet {
        Packet::Connect(Connect { will: Some(will), .. }) => will.properties,
        Packet::Connect(connect) => connect.properties,
        Packet::ConnAck(ack) => ack.properties,
        Packet::Publish(publish) => publish.properties,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            ack.properties
        }
        Packet::Subscribe(subscribe) => subscribe.properties,
        Packet::SubAck(ack) => ack.properties,
        Packet::Unsubscribe(unsubscribe) => unsubscribe.properties,
        Packet::UnsubAck(ack) => ack.properties,
        Packet::Disconnect(disconnect) => disconnect.properties,
        Packet::Auth(auth) => auth.properties,
        Packet::PingReq | Packet::PingResp => Properties::NONE,
    }
}

/// The property on the wire; Authentication Data comes with its method where that may stand.
fn on_wire(id: u8, value: &str, places: &str, name: &str) -> Vec<u8> {
    let method = if id == 0x16 && lists(places, name) { "15 00 01 'm'" } else { "" };
    [hex::bytes(method), vec![id], hex::bytes(value)].concat()
}

/// What an error calls it.
fn carrier(name: &str, kind: PacketType) -> Carrier {
    if name == "Will" { Carrier::Will } else { kind.into() }
}

#[test]
fn a_property_is_read_where_it_may_stand() {
    for (name, kind, before, behind) in PACKETS {
        for (id, value, places) in PROPERTIES {
            let bytes = body(before, &on_wire(*id, value, places, name), behind);
            let frame = Frame { first: kind.first_byte(), body: &bytes };
            let result = Packet::decode(frame, V5);
            if !lists(places, name) {
                let error = DecodeError::MisplacedProperty(carrier(name, *kind), *id);
                assert_eq!(result, Err(error), "{id:02X} in {name}");
                continue;
            }
            let packet = result.unwrap();
            assert_eq!(properties_of(&packet).into_iter().last().map(|p| p.id()), Some(*id));
            crate::round_trip(&packet, V5);
        }
    }
}

#[test]
fn no_other_property_exists() {
    for (_, kind, before, behind) in PACKETS {
        for id in (0..0x80).filter(|id| !PROPERTIES.iter().any(|known| known.0 == *id)) {
            let bytes = body(before, &[id, 0, 0, 0, 1], behind);
            let frame = Frame { first: kind.first_byte(), body: &bytes };
            let error = DecodeError::UnknownProperty(u16::from(id));
            assert_eq!(Packet::decode(frame, V5), Err(error));
        }
    }
}

#[test]
fn only_user_properties_and_those_of_subscriptions_repeat() {
    for (name, kind, before, behind) in PACKETS {
        for (id, value, places) in PROPERTIES.iter().filter(|row| lists(row.2, name)) {
            let once = on_wire(*id, value, places, name);
            let again = [vec![*id], hex::bytes(value)].concat();
            let bytes = body(before, &[once, again].concat(), behind);
            let frame = Frame { first: kind.first_byte(), body: &bytes };
            let result = Packet::decode(frame, V5).map(drop);
            let may = *id == 0x26 || (*id == 0x0B && *name == "Publish");
            let expected = if may { Ok(()) } else { Err(DecodeError::RepeatedProperty(*id)) };
            assert_eq!(result, expected, "{id:02X} twice in {name}");
        }
    }
}

/// One of each, in the order in which they are written: that of the specification's table, but for
/// Maximum Packet Size before Receive Maximum and user properties last.
fn one_of_each() -> [Property<'static>; 27] {
    [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(1),
        Property::ContentType("a"),
        Property::ResponseTopic(TopicName::new("a").unwrap()),
        Property::CorrelationData(b"a"),
        Property::SubscriptionIdentifier(SubscriptionId::new(1).unwrap()),
        Property::SessionExpiryInterval(1),
        Property::AssignedClientIdentifier("a"),
        Property::ServerKeepAlive(1),
        Property::AuthenticationMethod("a"),
        Property::AuthenticationData(b"a"),
        Property::RequestProblemInformation(true),
        Property::WillDelayInterval(1),
        Property::RequestResponseInformation(true),
        Property::ResponseInformation("a"),
        Property::ServerReference("a"),
        Property::ReasonString("a"),
        Property::MaximumPacketSize(NonZeroU32::MIN),
        Property::ReceiveMaximum(NonZeroU16::MIN),
        Property::TopicAliasMaximum(1),
        Property::TopicAlias(mqtt_as_proto::property::TopicAliasId(NonZeroU16::MIN)),
        Property::MaximumQoS(MaximumQoS(QoS::AtLeastOnce)),
        Property::RetainAvailable(true),
        Property::WildcardSubscriptionAvailable(true),
        Property::SubscriptionIdentifierAvailable(true),
        Property::SharedSubscriptionAvailable(true),
        USER,
    ]
}

// Decision [in-its-place]
#[test]
fn a_property_is_given_where_it_may_stand() {
    for (name, kind, ..) in PACKETS {
        for property in one_of_each().into_iter().filter(|property| property.id() != 0x16) {
            let (list, id) = (&[property], property.id());
            let properties = Properties::new(list);
            let check = match *name {
                "Will" => properties.check_will(),
                _ => properties.check(*kind),
            };
            let places = PROPERTIES.iter().find(|row| row.0 == id).unwrap().2;
            let may = lists(places, name);
            let misplaced = EncodeError::MisplacedProperty(carrier(name, *kind), id);
            let expected = if may { Ok(()) } else { Err(misplaced) };
            assert_eq!(check, expected, "{id:02X} in {name}");
        }
    }
}

/// The user knows it by the standard's name, and which packet has it.
#[test]
fn a_misplaced_property_is_told_by_name() {
    for property in one_of_each() {
        let id = property.id();
        let misplaced = EncodeError::MisplacedProperty(PacketType::PubAck.into(), id).to_string();
        let variant = format!("{property:?}");
        let name: String = misplaced.chars().filter(|c| *c != ' ').collect();
        let variant = &variant[..variant.find('(').unwrap()];
        assert!(name.contains(&format!("property{variant}({id:#04x})")), "{misplaced}");
        assert!(misplaced.contains("in PUBACK"), "{misplaced}");
        let came = DecodeError::MisplacedProperty(Carrier::Will, id).to_string();
        assert!(came.contains("in the will"), "{came}");
        let twice = EncodeError::RepeatedProperty(id).to_string();
        assert!(misplaced.starts_with(twice.split(" was").next().unwrap()), "{twice}");
    }
    let alias = EncodeError::MisplacedProperty(PacketType::Publish.into(), 0x23).to_string();
    assert_eq!(alias, "the property Topic Alias (0x23) may not be given in PUBLISH: remove it");
}

/// 2.2.2: whatever the order in the caller's list, user properties keep theirs.
#[test]
fn properties_are_written_in_one_order() {
    for (name, ..) in PACKETS.iter().filter(|row| ["Connect", "Will", "ConnAck"].contains(&row.0)) {
        let may = |property: &Property<'_>| {
            lists(PROPERTIES.iter().find(|row| row.0 == property.id()).unwrap().2, name)
        };
        let mut ordered: Vec<_> = one_of_each().into_iter().filter(may).collect();
        ordered.push(Property::UserProperty(("second", "")));
        for turn in 0..ordered.len() {
            let mut list = ordered.clone();
            list.pop();
            list.rotate_left(turn);
            list.push(Property::UserProperty(("second", "")));
            let bytes = crate::encode(&packet_with(name, &list), V5).unwrap();
            let packet = crate::decode(&bytes, V5).unwrap();
            assert_eq!(properties_of(&packet), Properties::new(&ordered), "{name}");
        }
    }
}

fn packet_with<'a>(name: &str, list: &'a [Property<'a>]) -> Packet<'a> {
    let properties = Properties::new(list);
    let topic = TopicName::new("w").unwrap();
    match name {
        "ConnAck" => Packet::ConnAck(ConnAck { properties, ..ConnAck::default() }),
        "Connect" => Packet::Connect(Connect { properties, ..Connect::default() }),
        _ => {
            let (payload, qos, retain) = (&[], QoS::AtMostOnce, false);
            let will = Will { topic, payload, qos, retain, properties };
            Packet::Connect(Connect { will: Some(will), ..Connect::default() })
        }
    }
}

/// The reason codes of each packet, as its own section and 2.4 list them.
const REASON_CODES: &[(PacketType, &str, &str)] = &[
    (
        PacketType::ConnAck,
        "00",
        "00 80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F",
    ),
    (PacketType::PubAck, "00 0A", "00 10 80 83 87 90 91 97 99"),
    (PacketType::PubRec, "00 0A", "00 10 80 83 87 90 91 97 99"),
    (PacketType::PubRel, "00 0A", "00 92"),
    (PacketType::PubComp, "00 0A", "00 92"),
    (PacketType::SubAck, "00 0A 00", "00 01 02 80 83 87 8F 91 97 9E A1 A2"),
    (PacketType::UnsubAck, "00 0A 00", "00 11 80 83 87 8F 91"),
    (
        PacketType::Disconnect,
        "",
        "00 04 80 81 82 83 87 89 8B 8C 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2",
    ),
    (PacketType::Auth, "", "00 18 19"),
];

fn packet_with_code(kind: PacketType, code: &[u8; 1]) -> Packet<'_> {
    let reason = ReasonCode::from_u8(code[0]);
    let (id, properties): (PacketId, _) = (id(10), Properties::NONE);
    match kind {
        PacketType::ConnAck => Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }),
        PacketType::PubAck => Packet::PubAck(ack(reason, &[])),
        PacketType::PubRec => Packet::PubRec(ack(reason, &[])),
        PacketType::PubRel => Packet::PubRel(ack(reason, &[])),
        PacketType::PubComp => Packet::PubComp(ack(reason, &[])),
        PacketType::SubAck => Packet::SubAck(SubAck { id, properties, codes: code }),
        PacketType::UnsubAck => Packet::UnsubAck(UnsubAck { id, properties, codes: code }),
        PacketType::Disconnect => Packet::Disconnect(Disconnect { reason, properties }),
        _ => Packet::Auth(Auth { reason, properties }),
    }
}

/// [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2]
/// [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
#[test]
fn a_reason_code_stands_where_it_is_listed() {
    for (kind, before, codes) in REASON_CODES {
        let listed = hex::bytes(codes);
        let behind = matches!(kind, PacketType::ConnAck | PacketType::Auth).then_some(0);
        for code in 0..=0xff {
            let mut bytes = hex::bytes(before);
            bytes.push(code);
            bytes.extend(behind);
            let frame = Frame { first: kind.first_byte(), body: &bytes };
            let code = [code];
            let packet = packet_with_code(*kind, &code);
            assert_eq!(
                ReasonCode::from_u8(code[0]).is_listed_for(*kind),
                listed.contains(&code[0])
            );
            if listed.contains(&code[0]) {
                assert_eq!(Packet::decode(frame, V5), Ok(packet));
                crate::round_trip(&packet, V5);
            } else {
                let error = DecodeError::ReasonCode(*kind, code[0]);
                assert_eq!(Packet::decode(frame, V5), Err(error));
                let error = EncodeError::ReasonCode(*kind, code[0]);
                assert_eq!(crate::encode(&packet, V5), Err(error));
            }
        }
    }
}
