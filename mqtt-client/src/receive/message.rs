//! Received messages: borrowed from the program's buffer, or owned with a heap.

use mqtt_as_proto::AckToken;
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{Properties, QoS, Version};

#[cfg(feature = "alloc")]
pub use owned::Message;

/// What the header of a PUBLISH says.
macro_rules! header {
    ($life:lifetime) => {
        /// Returns the topic.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # client.publish("plant/7/state", "running").await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// assert_eq!(message.topic(), "plant/7/state");
        /// # });
        /// ```
        #[must_use]
        pub fn topic(&self) -> &$life str {
            self.publish.topic.as_str()
        }

        /// Returns the QoS at which it came.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtLeastOnce).await?;
        /// # client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// assert_eq!(message.qos(), QoS::AtLeastOnce);
        /// # });
        /// ```
        #[must_use]
        pub fn qos(&self) -> QoS {
            self.publish.delivery.qos()
        }

        /// Returns whether it was a retained message.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// client.publish("plant/7/state", "running").retain(true).await?;
        /// client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// assert!(message.retain()); // It was there before the subscription.
        /// # });
        /// ```
        #[must_use]
        pub fn retain(&self) -> bool {
            self.publish.retain
        }

        /// Returns whether it may have come before (DUP): the server sent it again.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/order", QoS::AtLeastOnce).await?;
        /// # client.publish("plant/7/order", "one bolt").qos(QoS::AtLeastOnce).await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// if message.dup() {
        ///     println!("look whether this order was dealt with before");
        /// }
        /// # });
        /// ```
        #[must_use]
        pub fn dup(&self) -> bool {
            self.publish.dup
        }

        /// Returns its packet identifier, at QoS 1 and 2.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # client.publish("plant/7/state", "running").await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// assert_eq!(message.packet_id(), None); // It came at QoS 0.
        /// # });
        /// ```
        #[must_use]
        pub fn packet_id(&self) -> Option<u16> {
            self.publish.delivery.id().map(|id| id.get())
        }

        /// Returns its properties, 5.0 only. Who publishes the message elsewhere picks those that are
        /// wanted: a client may not send a subscription identifier (3.3.4-6), which is an error there.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::{Property, QoS};
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # let properties = [Property::ContentType("text/plain")];
        /// # client.publish("plant/7/state", "running").properties(&properties).await?;
        /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
        /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
        /// assert_eq!(message.properties().content_type(), Some("text/plain"));
        /// # });
        /// ```
        #[must_use]
        pub fn properties(&self) -> Properties<$life> {
            self.publish.properties
        }
    };
}
pub(super) use header;

/// A received message in a buffer of the program's.
#[derive(Clone, Copy, Debug)]
pub struct MessageRef<'a> {
    publish: Publish<'a>,
    token: Option<AckToken>,
}

/// What is known of a message beside the bytes of its packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    /// Bytes of its packet; of its header if it is read piece by piece.
    pub(crate) len: usize,
    pub(crate) token: Option<AckToken>,
    pub(crate) version: Version,
}

impl<'a> MessageRef<'a> {
    /// The message that was copied to the front of `buffer`.
    pub(crate) fn new(buffer: &'a [u8], copied: Copied) -> Option<Self> {
        let publish = decode(buffer.get(..copied.len)?, copied.version)?;
        Some(Self { publish, token: copied.token })
    }

    header!('a);

    /// Returns the payload.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
    /// # client.publish("plant/7/state", "running").await?;
    /// let (mut queue, mut buffer) = (client.queue(), [0; 512]);
    /// let message = queue.next_into(&mut buffer).await?.ok_or("disconnected")?;
    /// assert_eq!(str::from_utf8(message.payload())?, "running");
    /// # });
    /// ```
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.publish.payload
    }
}

/// Something received that can be acknowledged.
pub trait Acknowledge {
    /// The duty to acknowledge.
    #[doc(hidden)]
    fn token(&self) -> Option<AckToken>;
}

impl Acknowledge for MessageRef<'_> {
    fn token(&self) -> Option<AckToken> {
        self.token
    }
}

/// A received message that can be answered.
pub trait Respond {
    /// What an answer needs of it.
    #[doc(hidden)]
    fn asks(&self) -> (Properties<'_>, QoS);
}

impl Respond for MessageRef<'_> {
    fn asks(&self) -> (Properties<'_>, QoS) {
        (self.properties(), self.qos())
    }
}

/// Decodes bytes that were judged before: they are a PUBLISH, whose payload need not be there.
pub(crate) fn decode(packet: &[u8], version: Version) -> Option<Publish<'_>> {
    let header = FixedHeader::read(packet).ok().flatten()?;
    let body = packet.get(header.len..)?;
    Publish::decode(Frame { first: header.first, body }, version).ok()
}

#[cfg(feature = "alloc")]
mod owned {
    use core::fmt;

    use alloc::vec;

    use bytes::Bytes;
    use mqtt_as_proto::client::Stored;
    use mqtt_as_proto::packet::Publish;
    use mqtt_as_proto::wire::Writer;
    use mqtt_as_proto::{AckToken, PacketId, Properties, QoS, Version};

    use super::{Acknowledge, Respond, decode};
    use crate::chunks::Chunks;

    /// A received message. Clones share its bytes.
    #[derive(Clone)]
    pub struct Message {
        packet: Bytes,
        /// Where the payload begins.
        payload_at: u32,
        token: Option<AckToken>,
        version: Version,
    }

    impl Message {
        /// A small message is copied out of the queue; a large one shares its bytes.
        #[inline(always)] // For each message.
        pub(crate) fn new(stored: &Stored<'_>, chunks: &mut Chunks) -> Self {
            let packet = match stored.shared() {
                Some(shared) => shared.clone(),
                None => chunks.copy(stored.packet()),
            };
            Self {
                packet,
                payload_at: stored.payload_at() as u32, // A packet has less than 2²⁹ bytes.
                token: stored.token(),
                version: stored.version(),
            }
        }

        /// A copy of what was not stored, of version 5.0.
        pub(crate) fn copied(publish: &Publish<'_>) -> Option<Self> {
            let mut packet = vec![0; publish.encoded_len(Version::V5).ok()?];
            publish.encode(Version::V5, &mut Writer::new(&mut packet)).ok()?;
            let payload_at = packet.len().saturating_sub(publish.payload.len()) as u32;
            Some(Self { packet: packet.into(), payload_at, token: None, version: Version::V5 })
        }

        /// Returns the topic.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # client.publish("plant/7/state", "running").await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert_eq!(message.topic(), "plant/7/state");
        /// # });
        /// ```
        #[must_use]
        pub fn topic(&self) -> &str {
            core::str::from_utf8(topic(&self.packet).unwrap_or_default()).unwrap_or_default()
        }

        /// Returns the payload.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # client.publish("plant/7/state", "running").await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert_eq!(str::from_utf8(message.payload())?, "running");
        /// # });
        /// ```
        #[must_use]
        pub fn payload(&self) -> &[u8] {
            self.packet.get(self.payload_at as usize..).unwrap_or_default()
        }

        /// Returns the payload, sharing the message's bytes.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("image", QoS::AtMostOnce).await?;
        /// # client.publish("image", vec![7; 10_000]).await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// client.publish("copy", message.payload_bytes()).await?; // No byte of it is copied here.
        /// # });
        /// ```
        #[must_use]
        pub fn payload_bytes(&self) -> Bytes {
            self.packet.slice(self.packet.len().min(self.payload_at as usize)..)
        }

        /// Returns the QoS at which it came.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtLeastOnce).await?;
        /// # client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert_eq!(message.qos(), QoS::AtLeastOnce);
        /// # });
        /// ```
        #[must_use]
        pub fn qos(&self) -> QoS {
            let first = self.packet.first().copied().unwrap_or_default();
            QoS::from_bits((first >> 1) & 3).unwrap_or_default()
        }

        /// Returns whether it was a retained message.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// client.publish("plant/7/state", "running").retain(true).await?;
        /// client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert!(message.retain()); // It was there before the subscription.
        /// # });
        /// ```
        #[must_use]
        pub fn retain(&self) -> bool {
            self.packet.first().is_some_and(|first| first & 1 != 0)
        }

        /// Returns whether it may have come before (DUP): the server sent it again.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/order", QoS::AtLeastOnce).await?;
        /// # client.publish("plant/7/order", "one bolt").qos(QoS::AtLeastOnce).await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// if message.dup() {
        ///     println!("look whether this order was dealt with before");
        /// }
        /// # });
        /// ```
        #[must_use]
        pub fn dup(&self) -> bool {
            self.packet.first().is_some_and(|first| first & 8 != 0)
        }

        /// Returns its packet identifier, at QoS 1 and 2.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::QoS;
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # client.publish("plant/7/state", "running").await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert_eq!(message.packet_id(), None); // It came at QoS 0.
        /// # });
        /// ```
        #[must_use]
        pub fn packet_id(&self) -> Option<u16> {
            let publish = decode(&self.packet, self.version)?;
            publish.delivery.id().map(PacketId::get)
        }

        /// Returns its properties, 5.0 only. Who publishes the message elsewhere picks those that are
        /// wanted: a client may not send a subscription identifier (3.3.4-6), which is an error there.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::{Property, QoS};
        ///
        /// # client.subscribe("plant/+/state", QoS::AtMostOnce).await?;
        /// # let properties = [Property::ContentType("text/plain")];
        /// # client.publish("plant/7/state", "running").properties(&properties).await?;
        /// let message = client.queue().next().await.ok_or("disconnected")?;
        /// assert_eq!(message.properties().content_type(), Some("text/plain"));
        /// # });
        /// ```
        #[must_use]
        pub fn properties(&self) -> Properties<'_> {
            decode(&self.packet, self.version)
                .map_or(Properties::NONE, |publish| publish.properties)
        }
    }

    /// The topic of a PUBLISH: it lies behind the first byte and the Remaining Length.
    fn topic(packet: &[u8]) -> Option<&[u8]> {
        let remaining = packet.get(1..)?;
        let body = remaining.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let (len, rest) = remaining.get(body..)?.split_first_chunk()?;
        rest.get(..usize::from(u16::from_be_bytes(*len)))
    }

    impl Acknowledge for Message {
        fn token(&self) -> Option<AckToken> {
            self.token
        }
    }

    impl Respond for Message {
        fn asks(&self) -> (Properties<'_>, QoS) {
            (self.properties(), self.qos())
        }
    }

    impl fmt::Debug for Message {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Message")
                .field("topic", &self.topic())
                .field("payload", &self.payload())
                .field("qos", &self.qos())
                .field("retain", &self.retain())
                .field("dup", &self.dup())
                .field("packet_id", &self.packet_id())
                .finish_non_exhaustive()
        }
    }
}
