//! Faults put between client and broker, to show that a run finds them.

use std::collections::BTreeSet;

use mqtt_as_proto::PacketId;
use mqtt_as_proto::client::Tag;
use mqtt_as_proto::frame::FixedHeader;
use mqtt_as_proto::packet::PacketType;

use super::streams::STREAMS;
use super::wire::Wire;

const DUP: u8 = 0x08;
const QOS: u8 = 0x06;

/// A fault of clients in use, as the other side would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A PUBLISH that is sent again has no DUP.
    NoDup,
    /// A stream that is sent again has no DUP.
    StreamNoDup,
    /// A QoS 2 stream is sent again as a new message.
    NewStream,
    /// A packet identifier is used again before its last acknowledgement.
    EarlyId,
    /// Two messages that are sent again change places.
    Swapped,
    /// A message that waits is forgotten when the session is lost.
    LostMessage,
}

/// The fault at work.
#[derive(Debug)]
pub(super) struct Planted {
    plant: Option<Plant>,
    partial: Vec<u8>,
    hidden: BTreeSet<u32>,
}

impl Planted {
    pub(super) fn new(plant: Option<Plant>) -> Self {
        Self { plant, partial: Vec::new(), hidden: BTreeSet::new() }
    }

    /// What reaches the wire of what the client wrote. With a plant only whole packets do.
    pub(super) fn tamper(&mut self, bytes: &[u8], wire: &Wire) -> Vec<u8> {
        use Plant::{EarlyId, NoDup, StreamNoDup, Swapped};
        if !matches!(self.plant, Some(NoDup | StreamNoDup | EarlyId | Swapped)) {
            return bytes.to_vec();
        }
        self.partial.extend_from_slice(bytes);
        let mut out: Vec<Vec<u8>> = Vec::new();
        while let Ok(Some(header)) = FixedHeader::read(&self.partial) {
            let len = header.packet_len();
            if self.partial.len() < len {
                break;
            }
            let mut packet: Vec<u8> = self.partial.drain(..len).collect();
            if PacketType::from_first_byte(packet[0]) == Some(PacketType::Publish) {
                self.tamper_publish(&mut packet, header.len, wire);
            }
            out.push(packet);
        }
        if self.plant == Some(Plant::Swapped) {
            let again = |packet: &Vec<u8>| packet[0] >> 4 == 3 && packet[0] & DUP != 0;
            let both = out.windows(2).position(|two| two.iter().all(again));
            both.into_iter().for_each(|at| out.swap(at, at + 1));
        }
        out.concat()
    }

    fn tamper_publish(&self, packet: &mut [u8], header: usize, wire: &Wire) {
        let stream = packet[header + 2..].starts_with(STREAMS.as_bytes());
        if self.plant == Some(Plant::NoDup) || (self.plant == Some(Plant::StreamNoDup) && stream) {
            packet[0] &= !DUP;
            return;
        }
        let other = self.plant != Some(Plant::EarlyId);
        if other || packet[0] & QOS == 0 || packet[0] & DUP != 0 {
            return;
        }
        let topic = usize::from(u16::from_be_bytes([packet[header], packet[header + 1]]));
        let at = header + 2 + topic;
        let id = PacketId::new(u16::from_be_bytes([packet[at], packet[at + 1]]));
        if let Some(other) = id.and_then(|id| wire.other_open_id(id)) {
            packet[at..at + 2].copy_from_slice(&other.get().to_be_bytes());
        }
    }

    pub(super) fn hide(&mut self, tag: Option<Tag>) {
        self.hidden.extend(tag.map(|tag| tag.0));
    }

    pub(super) fn hides(&self, tag: Tag) -> bool {
        self.hidden.contains(&tag.0)
    }

    pub(super) fn end_connection(&mut self) {
        self.partial.clear();
    }
}
