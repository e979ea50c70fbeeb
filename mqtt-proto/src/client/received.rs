//! A PUBLISH as it comes.

use super::incoming::flag;
use crate::error::DecodeError;
use crate::frame::Frame;
use crate::packet::{DUP, Publish, QoS, TOPIC_ALIAS, Version};
use crate::topic::TopicName;
use crate::wire::PacketId;

/// A received PUBLISH, as far as it counts here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'p> {
    pub(super) first: u8,
    pub(super) qos: QoS,
    /// Of QoS 0 it is none.
    pub(super) id: Option<PacketId>,
    pub(super) topic: &'p [u8],
    /// The topic stands for this alias, or the alias for the topic.
    pub(super) alias: Option<u16>,
    pub(super) section: &'p [u8],
    pub(super) payload: &'p [u8],
}

/// What becomes of a message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was dealt with.
    Done,
    /// It was stored: somebody may take it.
    Stored,
    /// There is no room, and nobody awaits a reply: it has to wait where it is.
    Wait,
}

impl<'p> Received<'p> {
    /// The QoS of its record, and that its acknowledgement is owed on this connection.
    #[inline]
    pub(super) fn flags(&self) -> u8 {
        let owed = if self.id.is_some() { flag::LINK } else { 0 };
        self.qos as u8 | owed
    }

    /// Reads a PUBLISH, or its front as far as it is there.
    #[inline]
    pub(super) fn read(first: u8, body: &'p [u8], v5: bool) -> Result<Self, DecodeError> {
        if let Some(received) = Self::plain(first, body, v5) {
            return Ok(received);
        }
        Self::read_any(first, body, v5)
    }

    /// Reads the plainest PUBLISH: without properties, and with nothing wrong.
    #[inline]
    fn plain(first: u8, body: &'p [u8], v5: bool) -> Option<Self> {
        let (len, rest) = body.split_first_chunk::<2>()?;
        let (topic, mut rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let mut id = None;
        let qos = QoS::from_bits((first >> 1) & 3)?;
        if qos != QoS::AtMostOnce {
            let (bytes, after) = rest.split_first_chunk::<2>()?;
            (id, rest) = (Some(PacketId::new(u16::from_be_bytes(*bytes))?), after);
        } else if first & DUP != 0 {
            return None;
        }
        if v5 {
            let (0, after) = rest.split_first()? else { return None };
            rest = after;
        }
        TopicName::from_bytes(topic).ok()?;
        Some(Self { first, qos, id, topic, alias: None, section: &[], payload: rest })
    }

    /// Reads any.
    #[inline(never)]
    fn read_any(first: u8, body: &'p [u8], v5: bool) -> Result<Self, DecodeError> {
        let version = if v5 { Version::V5 } else { Version::V311 };
        let publish = Publish::decode(Frame { first, body }, version)?;
        Ok(Self {
            first,
            qos: publish.delivery.qos(),
            id: publish.delivery.id(),
            topic: publish.topic.as_bytes(),
            alias: publish.properties.number(TOPIC_ALIAS).map(|alias| alias as u16),
            section: publish.properties.section(),
            payload: publish.payload,
        })
    }
}
