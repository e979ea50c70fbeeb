//! Properties, as 2.2.2.2 of 5.0 lists them, packet by packet.

use mqtt_as_proto::property::{MaximumQoS, SubscriptionId, TopicAliasId};
use mqtt_as_proto::{Properties, Property, QoS};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::text::{bytes, name, text};

const ANSWERS: &str = "CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH";

/// Who may carry a property once, in the order of writing.
const PLACES: [(u8, &str); 24] = [
    (0x01, "PUBLISH will"),
    (0x02, "PUBLISH will"),
    (0x03, "PUBLISH will"),
    (0x08, "PUBLISH will"),
    (0x09, "PUBLISH will"),
    (0x11, "CONNECT CONNACK DISCONNECT"),
    (0x12, "CONNACK"),
    (0x13, "CONNACK"),
    (0x15, "CONNECT CONNACK AUTH"),
    (0x17, "CONNECT"),
    (0x18, "will"),
    (0x19, "CONNECT"),
    (0x1a, "CONNACK"),
    (0x1c, "CONNACK DISCONNECT"),
    (0x1f, ANSWERS),
    (0x27, "CONNECT CONNACK"),
    (0x21, "CONNECT CONNACK"),
    (0x22, "CONNECT CONNACK"),
    (0x23, "PUBLISH"),
    (0x24, "CONNACK"),
    (0x25, "CONNACK"),
    (0x28, "CONNACK"),
    (0x29, "CONNACK"),
    (0x2a, "CONNACK"),
];

/// What may stand in that packet, in the order of writing.
pub(crate) fn of(carrier: &'static str) -> impl Strategy<Value = Properties<'static>> {
    let is_there = |places: &&str| places.split(' ').any(|place| place == carrier);
    let single = PLACES.iter().filter(|(_, places)| is_there(places));
    let single: Vec<_> = single.map(|(id, _)| some(single_one(*id))).collect();
    let identifiers = (1_u32..=268_435_455).prop_map(|id| {
        Property::SubscriptionIdentifier(SubscriptionId::new(id).expect("in its range"))
    });
    let most = match carrier {
        "PUBLISH" => 3,
        "SUBSCRIBE" => 1,
        _ => 0,
    };
    let user = || (text(), text()).prop_map(Property::UserProperty);
    let user = prop_oneof![3 => vec(user(), 0..2), 1 => vec(user(), 2..5)];
    let all = (single, vec(identifiers, 0..=most), some(bytes()), user);
    all.prop_map(|(single, identifiers, data, user)| {
        let mut list: Vec<_> = single.into_iter().flatten().collect();
        // Authentication Data stands behind its method, and never alone.
        let method = list.iter().position(|one| matches!(one, Property::AuthenticationMethod(_)));
        if let Some((at, data)) = method.zip(data) {
            list.insert(at + 1, Property::AuthenticationData(data));
        }
        let before = list.iter().take_while(|one| one.id() < 0x0b).count();
        list.splice(before..before, identifiers);
        list.extend(user);
        if list.is_empty() { Properties::NONE } else { Properties::new(list.leak()) }
    })
}

/// Often none.
fn some<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.3, value)
}

fn single_one(id: u8) -> BoxedStrategy<Property<'static>> {
    use std::num::{NonZeroU16, NonZeroU32};
    let not_0 = || any::<NonZeroU16>();
    match id {
        0x01 => any::<bool>().prop_map(Property::PayloadFormatIndicator).boxed(),
        0x02 => any::<u32>().prop_map(Property::MessageExpiryInterval).boxed(),
        0x03 => text().prop_map(Property::ContentType).boxed(),
        0x08 => name().prop_map(Property::ResponseTopic).boxed(),
        0x09 => bytes().prop_map(Property::CorrelationData).boxed(),
        0x11 => any::<u32>().prop_map(Property::SessionExpiryInterval).boxed(),
        0x12 => text().prop_map(Property::AssignedClientIdentifier).boxed(),
        0x13 => any::<u16>().prop_map(Property::ServerKeepAlive).boxed(),
        0x15 => text().prop_map(Property::AuthenticationMethod).boxed(),
        0x17 => any::<bool>().prop_map(Property::RequestProblemInformation).boxed(),
        0x18 => any::<u32>().prop_map(Property::WillDelayInterval).boxed(),
        0x19 => any::<bool>().prop_map(Property::RequestResponseInformation).boxed(),
        0x1a => text().prop_map(Property::ResponseInformation).boxed(),
        0x1c => text().prop_map(Property::ServerReference).boxed(),
        0x1f => text().prop_map(Property::ReasonString).boxed(),
        0x21 => not_0().prop_map(Property::ReceiveMaximum).boxed(),
        0x22 => any::<u16>().prop_map(Property::TopicAliasMaximum).boxed(),
        0x23 => not_0().prop_map(|alias| Property::TopicAlias(TopicAliasId(alias))).boxed(),
        0x24 => prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce)]
            .prop_map(|qos| Property::MaximumQoS(MaximumQoS(qos)))
            .boxed(),
        0x25 => any::<bool>().prop_map(Property::RetainAvailable).boxed(),
        0x27 => any::<NonZeroU32>().prop_map(Property::MaximumPacketSize).boxed(),
        0x28 => any::<bool>().prop_map(Property::WildcardSubscriptionAvailable).boxed(),
        0x29 => any::<bool>().prop_map(Property::SubscriptionIdentifierAvailable).boxed(),
        0x2a => any::<bool>().prop_map(Property::SharedSubscriptionAvailable).boxed(),
        id => unreachable!("{id:#04x} is in no table"),
    }
}
