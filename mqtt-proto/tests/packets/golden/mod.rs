//! Packets as the standards spell them out, byte by byte, and what they mean. Written by hand.

mod connect;
mod disconnect;
mod other_forms;
mod publish;
mod subscribe;

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, Packet, Publish, Version};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{PacketId, ReasonCode, TopicFilter, TopicName};

use crate::hex;

/// One row: the wire form of a packet.
pub(crate) struct Vector<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Version,
    pub(crate) bytes: &'a [u8],
    pub(crate) packet: Packet<'a>,
}

/// Takes a row: name, version, bytes and packet.
pub(crate) type Row<'r> = &'r mut dyn FnMut(&str, Version, &str, Packet<'_>);

/// Shows `check` every packet in the one form in which it is written.
pub(crate) fn each(mut check: impl FnMut(&Vector<'_>)) {
    let row: Row<'_> = &mut |name, version, text, packet| {
        check(&Vector { name, version, bytes: &hex::bytes(text), packet });
    };
    connect::rows(row);
    publish::rows(row);
    publish::ack_rows(row);
    publish::long_rows(row);
    subscribe::rows(row);
    disconnect::rows(row);
}

/// Shows `check` forms that may be read, though they are not written.
pub(crate) fn each_other_form(mut check: impl FnMut(&Vector<'_>)) {
    other_forms::rows(&mut |name, version, text, packet| {
        check(&Vector { name, version, bytes: &hex::bytes(text), packet });
    });
}

/// The user property "a" = "b", which stands last in many rows.
pub(crate) const USER: Property<'static> = Property::UserProperty(("a", "b"));

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName<'_> {
    TopicName::new(name).unwrap()
}

/// The name beside a topic alias: the decoder makes it, no caller can.
pub(crate) fn empty_topic() -> TopicName<'static> {
    let frame = Frame { first: 0x30, body: &[0, 0, 3, 0x23, 0, 1] };
    Publish::decode(frame, Version::V5).unwrap().topic
}

pub(crate) fn filter(filter: &str) -> TopicFilter<'_> {
    TopicFilter::new(filter).unwrap()
}

/// An acknowledgement of the packet 10.
pub(crate) fn ack<'a>(reason: ReasonCode, properties: &'a [Property<'a>]) -> Ack<'a> {
    Ack { id: id(10), reason, properties: Properties::new(properties) }
}
