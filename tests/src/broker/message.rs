//! Application messages as the broker keeps them, and how they go out.

use std::sync::Arc;

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Delivery, Packet, Publish, Will as WillPacket};
use mqtt_as_proto::property::{Properties, Property, SubscriptionId, TopicAliasId};
use mqtt_as_proto::{Instant, QoS, TopicName, Version};

use crate::append::append;

/// A message from a client.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Arc<[u8]>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) expires: Option<Instant>,
    labels: Labels,
}

/// The properties that are forwarded unaltered (3.3.2.3).
#[derive(Clone, Debug, Default)]
struct Labels {
    payload_format: Option<bool>,
    content_type: Option<String>,
    response_topic: Option<String>,
    correlation_data: Option<Vec<u8>>,
    user_properties: Vec<(String, String)>,
}

impl Message {
    /// The message of a PUBLISH, whose topic may have stood for it as an alias.
    pub(super) fn new(publish: &Publish<'_>, topic: String, now: Instant) -> Self {
        let expiry = publish.properties.message_expiry_interval();
        Self {
            topic,
            payload: publish.payload.into(),
            qos: publish.delivery.qos(),
            retain: publish.retain,
            expires: expiry.map(|seconds| after_seconds(now, seconds)),
            labels: Labels::new(publish.properties),
        }
    }

    pub(super) fn name(&self) -> Option<TopicName<'_>> {
        TopicName::new(&self.topic).ok()
    }

    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Labels {
    fn new(properties: Properties<'_>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            payload_format: properties.payload_format_indicator(),
            content_type: properties.content_type().map(str::to_owned),
            response_topic: properties.response_topic().map(|topic| topic.as_str().to_owned()),
            correlation_data: properties.correlation_data().map(<[u8]>::to_vec),
            user_properties: properties.user_properties().map(owned).collect(),
        }
    }

    fn list(&self) -> Vec<Property<'_>> {
        let topic = self.response_topic.as_deref().and_then(|topic| TopicName::new(topic).ok());
        let single = [
            self.payload_format.map(Property::PayloadFormatIndicator),
            self.content_type.as_deref().map(Property::ContentType),
            topic.map(Property::ResponseTopic),
            self.correlation_data.as_deref().map(Property::CorrelationData),
        ];
        let pairs = self.user_properties.iter();
        let users = pairs.map(|(name, value)| Property::UserProperty((name, value)));
        single.into_iter().flatten().chain(users).collect()
    }
}

/// A will that waits for the loss of its client (3.1.2.5).
#[derive(Clone, Debug)]
pub(super) struct Will {
    message: Message,
    /// Seconds between the loss and the publication.
    pub(super) delay: u32,
    expiry: Option<u32>,
}

impl Will {
    pub(super) fn new(will: &WillPacket<'_>) -> Self {
        let message = Message {
            topic: will.topic.as_str().to_owned(),
            payload: will.payload.into(),
            qos: will.qos,
            retain: will.retain,
            expires: None,
            labels: Labels::new(will.properties),
        };
        let delay = will.properties.will_delay_interval().unwrap_or(0);
        Self { message, delay, expiry: will.properties.message_expiry_interval() }
    }

    /// The message as it is published now.
    pub(super) fn message(self, now: Instant) -> Message {
        let expires = self.expiry.map(|seconds| after_seconds(now, seconds));
        Message { expires, ..self.message }
    }
}

/// A message on its way to one client.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) message: Arc<Message>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    /// The subscriptions that it comes from [MQTT-3.3.4-3].
    pub(super) subscriptions: Vec<SubscriptionId>,
}

/// How a topic goes out: as itself, with a new alias, or as an alias alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias {
    None,
    New(TopicAliasId),
    Known(TopicAliasId),
}

impl Outgoing {
    /// The PUBLISH; `None` if no such packet can be written.
    pub(super) fn encode(
        &self,
        version: Version,
        (delivery, dup): (Delivery, bool),
        alias: Alias,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let list = match version {
            Version::V5 => self.properties(alias, now),
            Version::V311 => Vec::new(),
        };
        let topic = match alias {
            Alias::Known(_) => no_topic()?,
            Alias::None | Alias::New(_) => self.message.name()?,
        };
        let properties = Properties::new(&list);
        let payload = &self.message.payload;
        let retain = self.retain;
        let publish = Publish { dup, retain, delivery, topic, properties, payload };
        let mut bytes = Vec::new();
        append(&Packet::Publish(publish), version, &mut bytes).ok()?;
        Some(bytes)
    }

    fn properties(&self, alias: Alias, now: Instant) -> Vec<Property<'_>> {
        let mut list = self.message.labels.list();
        if let Some(expires) = self.message.expires {
            // [MQTT-3.3.2-6] less the time that it has waited here.
            let seconds = expires.since(now).div_ceil(1000);
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            list.push(Property::MessageExpiryInterval(seconds));
        }
        list.extend(self.subscriptions.iter().copied().map(Property::SubscriptionIdentifier));
        if let Alias::New(alias) | Alias::Known(alias) = alias {
            list.push(Property::TopicAlias(alias));
        }
        list
    }
}

/// The empty topic name, which only a decoded PUBLISH has.
fn no_topic() -> Option<TopicName<'static>> {
    // No topic; one property, the topic alias 1.
    const ALIAS_ONLY: Frame<'static> = Frame { first: 0x30, body: &[0, 0, 3, 0x23, 0, 1] };
    Publish::decode(ALIAS_ONLY, Version::V5).ok().map(|publish| publish.topic)
}

pub(super) fn after_seconds(now: Instant, seconds: u32) -> Instant {
    now.after(u64::from(seconds) * 1000)
}
