//! Received messages: borrowed from the program's buffer, or owned with a heap.

#[cfg(feature = "alloc")]
use core::fmt;

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{AckToken, Properties, QoS, Version};

/// A received message in a buffer of the program's.
#[derive(Clone, Copy, Debug)]
pub struct MessageRef<'a> {
    pub(crate) publish: Publish<'a>,
    pub(crate) token: Option<AckToken>,
}

impl<'a> MessageRef<'a> {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        self.publish.topic.as_str()
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.publish.payload
    }

    /// The QoS at which it came.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.publish.delivery.qos()
    }

    /// Whether it was a retained message.
    #[must_use]
    pub fn retain(&self) -> bool {
        self.publish.retain
    }

    /// Its properties, 5.0 only.
    #[must_use]
    pub fn properties(&self) -> Properties<'a> {
        self.publish.properties
    }
}

/// What is kept of a received PUBLISH beside its bytes.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// Where the topic begins.
    topic_at: u8,
    topic_len: u16,
    /// Where the payload begins.
    payload_at: u32,
}

#[cfg(feature = "alloc")]
impl Layout {
    /// Of no message.
    pub(crate) const NONE: Self = Self { topic_at: 0, topic_len: 0, payload_at: 0 };

    /// Of a PUBLISH that takes `len` bytes.
    pub(crate) fn new(publish: &Publish<'_>, len: usize) -> Self {
        let payload_at = len.saturating_sub(publish.payload.len());
        let remaining_len = match len {
            0..=129 => 1,
            130..=16_386 => 2,
            16_387..=2_097_155 => 3,
            _ => 4,
        };
        Self {
            topic_at: 1 + remaining_len + 2,
            topic_len: publish.topic.as_bytes().len() as u16, // At most 65,535.
            payload_at: payload_at as u32,                    // At most 268,435,460.
        }
    }
}

/// Decodes bytes that were judged before: they are a PUBLISH.
pub(crate) fn decode(bytes: &[u8], version: Version) -> Option<Publish<'_>> {
    let (frame, _) = Frame::split(bytes).ok().flatten()?;
    Publish::decode(frame, version).ok()
}

/// A received message. Clones share its bytes.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct Message {
    pub(crate) frame: bytes::Bytes,
    pub(crate) layout: Layout,
    pub(crate) version: Version,
    pub(crate) token: Option<AckToken>,
}

#[cfg(feature = "alloc")]
impl Message {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        let at = usize::from(self.layout.topic_at);
        let topic = self.frame.get(at..at + usize::from(self.layout.topic_len));
        core::str::from_utf8(topic.unwrap_or_default()).unwrap_or_default()
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.layout.payload_at as usize..).unwrap_or_default()
    }

    /// The payload, sharing the message's bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> bytes::Bytes {
        self.frame.slice(self.frame.len().min(self.layout.payload_at as usize)..)
    }

    /// The QoS at which it came.
    #[must_use]
    pub fn qos(&self) -> QoS {
        let first = self.frame.first().copied().unwrap_or_default();
        QoS::from_bits((first >> 1) & 3).unwrap_or_default()
    }

    /// Whether it was a retained message.
    #[must_use]
    pub fn retain(&self) -> bool {
        self.frame.first().is_some_and(|first| first & 1 != 0)
    }

    /// Its properties, 5.0 only.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        decode(&self.frame, self.version).map_or(Properties::NONE, |publish| publish.properties)
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("payload", &self.payload())
            .field("qos", &self.qos())
            .field("retain", &self.retain())
            .finish_non_exhaustive()
    }
}
