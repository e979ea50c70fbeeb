//! What passed on the wire, for those who look at it.

use super::wire::Wire;

/// What passed since it was last asked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// PUBLISH packets of the client's at QoS 1 and 2.
    pub(super) published: Vec<Published>,
    /// QoS 2 messages of the client's that the server has: their payloads.
    pub(super) released: Vec<Option<u64>>,
    /// PINGREQs.
    pub(super) pings: u32,
    /// CONNACK came, with that keep-alive.
    pub(super) connected: Option<Option<u16>>,
    pub(super) pong: bool,
    /// An acknowledgement came that was awaited.
    pub(super) progress: bool,
    /// What was met.
    pub(super) met: Vec<&'static str>,
}

/// A PUBLISH that left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    /// A digest of its payload.
    pub(super) content: u64,
    pub(super) dup: bool,
    /// Its Message Expiry Interval in seconds.
    pub(super) expiry: Option<u32>,
}

impl Wire {
    pub(super) fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }
}
