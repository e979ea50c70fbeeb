//! How many messages may be under way, each way (4.9), and whether as many are.

use std::collections::BTreeSet;

use mqtt_as_proto::packet::ConnAck;
use mqtt_as_proto::{PacketId, Version};

/// The Receive Maximum of either side, on one connection.
#[derive(Debug)]
pub(super) struct Quota {
    /// The server's, or in 3.1.1 what the client keeps to.
    servers: usize,
    window: usize,
    /// What the client announced.
    ours: usize,
    /// The server's messages of this connection without a last acknowledgement.
    received: BTreeSet<PacketId>,
}

impl Quota {
    pub(super) fn new(window: u16, ours: u16) -> Self {
        let window = usize::from(window.max(1));
        Self { servers: window, window, ours: ours.into(), received: BTreeSet::new() }
    }

    pub(super) fn connected(&mut self, ack: &ConnAck<'_>, version: Version) {
        let most = ack.properties.receive_maximum().map_or(u16::MAX, PacketId::get);
        self.servers = if version == Version::V5 { most.into() } else { self.window };
    }

    /// Messages of the client's that the server takes at a time.
    pub(super) fn servers(&self) -> usize {
        self.servers
    }

    /// A message of the server's came.
    pub(super) fn came(&mut self, id: PacketId) {
        self.received.insert(id);
    }

    /// Its last acknowledgement left.
    pub(super) fn acknowledged(&mut self, id: PacketId) {
        self.received.remove(&id);
    }

    /// Whether the server has sent as many as it may, and whether more.
    pub(super) fn ours_used(&self) -> (bool, bool) {
        (self.received.len() >= self.ours, self.received.len() > self.ours)
    }

    pub(super) fn end_connection(&mut self) {
        self.received.clear();
    }
}
