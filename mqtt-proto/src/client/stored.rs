//! A received message where it lies.

use core::num::NonZeroU16;

use crate::frame::{FixedHeader, Frame};
use crate::packet::{Publish, Version};
use crate::payload::Shared;

/// Names a received QoS 1 or 2 message until it is acknowledged.
///
/// A message is acknowledged once: with a token that was used nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckToken {
    pub(super) id: NonZeroU16,
    pub(super) serial: u32,
}

/// A received message that nobody has begun with, where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'s> {
    pub(super) packet: &'s [u8],
    pub(super) payload_at: usize,
    pub(super) token: Option<AckToken>,
    pub(super) version: Version,
    #[cfg_attr(not(feature = "bytes"), allow(dead_code))]
    pub(super) shared: Option<&'s Shared>,
    pub(super) streamed: Option<usize>,
}

impl<'s> Stored<'s> {
    /// The whole PUBLISH, the topic of an alias put back. Of a message that comes as a stream, all
    /// but its payload.
    #[must_use]
    #[inline]
    pub fn packet(&self) -> &'s [u8] {
        self.packet
    }

    /// Where in the packet the payload begins.
    #[must_use]
    #[inline]
    pub fn payload_at(&self) -> usize {
        self.payload_at
    }

    /// The payload. Of a message that comes as a stream, nothing.
    #[must_use]
    pub fn payload(&self) -> &'s [u8] {
        self.packet.get(self.payload_at..).unwrap_or_default()
    }

    /// Bytes of the whole payload, of a stream also.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.streamed.unwrap_or(self.packet.len().saturating_sub(self.payload_at))
    }

    /// Whether its payload comes piece by piece.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.streamed.is_some()
    }

    /// The duty to acknowledge, which QoS 0 has not.
    #[must_use]
    #[inline]
    pub fn token(&self) -> Option<AckToken> {
        self.token
    }

    /// The version of the connection that it came on.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The bytes that hold the whole packet by reference.
    #[cfg(feature = "bytes")]
    #[must_use]
    pub fn shared(&self) -> Option<&'s bytes::Bytes> {
        self.shared.map(|shared| &shared.0)
    }

    /// The PUBLISH as a packet. It was judged when it came.
    #[must_use]
    pub fn publish(&self) -> Option<Publish<'s>> {
        let header = FixedHeader::read(self.packet).ok().flatten()?;
        let body = self.packet.get(header.len..)?;
        Publish::decode(Frame { first: header.first, body }, self.version).ok()
    }
}
