//! Packets as the standards spell them out, byte by byte, and what they mean. Written by hand.

mod connect;
mod disconnect;
mod other_forms;
mod publish;
mod subscribe;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

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

/// All places in `len` bytes, or those at both ends if there are very many. In a packet that takes
/// long to look at they are those of its head, where it has all that is no payload, and the last one.
pub(crate) fn places_in(len: usize) -> impl Iterator<Item = usize> {
    let (front, back) = if len > 1 << 16 { (9, 1) } else { (256, 16) };
    (0..len).filter(move |at| *at < front || *at >= len - back)
}

/// Shows `check` a packet with each of its bytes changed to each other one. Of a payload that takes
/// long to look at it is the last one, and where it takes very long, other bytes are those of one bit.
pub(crate) fn each_byte_changed(vector: &Vector<'_>, mut check: impl FnMut(&[u8], Version)) {
    let len = vector.bytes.len();
    let mut bytes = vector.bytes.to_vec();
    for at in places_in(len).filter(|at| len < 1 << 12 || *at < 9 || *at == len - 1) {
        let old = vector.bytes[at];
        for new in (0..=255_u8).filter(|new| *new != old) {
            if len > 1 << 16 && (new ^ old).count_ones() > 1 {
                continue;
            }
            bytes[at] = new;
            let run = AssertUnwindSafe(|| check(&bytes, vector.version));
            if let Err(panic) = catch_unwind(run) {
                eprintln!("in the row: {}, byte {at} = {new:#04x}", vector.name);
                resume_unwind(panic);
            }
        }
        bytes[at] = old;
    }
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
