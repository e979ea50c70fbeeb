//! What passed, as far as the fate of numbered messages hangs on it.

use std::collections::HashSet;
use std::time::Instant;

use mqtt_as_proto::PacketId;
use mqtt_as_proto::packet::Packet;

use super::Way;

/// Something that happened on a link.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// On which link, from 0.
    pub link: u32,
    /// Where it went.
    pub way: Way,
    /// What it was.
    pub what: What,
}

/// What passed whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// CONNECT.
    Connect,
    /// CONNACK that accepts.
    Accepted {
        /// Whether the session goes on.
        session_present: bool,
    },
    /// A PUBLISH whose payload begins with a number.
    Publish {
        /// The number.
        number: usize,
        /// The packet identifier, 0 at QoS 0.
        id: u16,
    },
    /// PUBACK.
    PubAck(u16),
    /// PUBREC.
    PubRec(u16),
    /// PUBREL.
    PubRel(u16),
    /// PUBCOMP.
    PubComp(u16),
    /// Another packet.
    Other,
    /// The link was ended, or the end has closed from which things go that way.
    End,
}

impl What {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        match packet {
            Packet::Connect(_) => Self::Connect,
            Packet::ConnAck(connack) if !connack.reason.is_error() => {
                Self::Accepted { session_present: connack.session_present }
            }
            Packet::Publish(publish) => {
                let id = publish.delivery.id().map_or(0, PacketId::get);
                number(publish.payload).map_or(Self::Other, |number| Self::Publish { number, id })
            }
            Packet::PubAck(ack) => Self::PubAck(ack.id.get()),
            Packet::PubRec(ack) => Self::PubRec(ack.id.get()),
            Packet::PubRel(ack) => Self::PubRel(ack.id.get()),
            Packet::PubComp(ack) => Self::PubComp(ack.id.get()),
            _ => Self::Other,
        }
    }
}

/// The number at the beginning of a payload.
fn number(payload: &[u8]) -> Option<usize> {
    let digits = payload.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// When links ended that the server had accepted: the first sign of each.
pub(super) fn ends(record: &[Event]) -> Vec<Instant> {
    let mut accepted = HashSet::new();
    let mut ends = Vec::new();
    for event in record {
        match event.what {
            What::Accepted { .. } => drop(accepted.insert(event.link)),
            What::End if accepted.remove(&event.link) => ends.push(event.at),
            _ => {}
        }
    }
    ends
}

/// What a record says of one number: every packet under its identifiers, one a line.
#[must_use]
pub fn story(record: &[Event], number: usize) -> String {
    let its = |event: &Event| match event.what {
        What::Publish { number: other, id } if other == number => Some(id),
        _ => None,
    };
    let ids: HashSet<u16> = record.iter().filter_map(its).collect();
    let mut lines = String::new();
    for event in record {
        let is_its = match event.what {
            What::Publish { id, .. }
            | What::PubAck(id)
            | What::PubRec(id)
            | What::PubRel(id)
            | What::PubComp(id) => ids.contains(&id),
            What::Accepted { session_present } => !session_present,
            What::Connect | What::Other | What::End => false,
        };
        if is_its {
            lines += &format!("link {} {:?} {:?}\n", event.link, event.way, event.what);
        }
    }
    lines
}
