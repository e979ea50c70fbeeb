//! One network connection: everything that dies with it.

use std::collections::{BTreeMap, BTreeSet};

use mqtt_as_proto::packet::{Ack, Connect, Delivery, Disconnect, Packet, Publish};
use mqtt_as_proto::property::{Properties, TopicAliasId};
use mqtt_as_proto::{Instant, PacketId, QoS, ReasonCode, Version};

use crate::append::append;

use super::BrokerConfig;
use super::message::{Alias, Outgoing, Will};

#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Received bytes that are no whole packet yet.
    pub(super) input: Vec<u8>,
    output: Vec<u8>,
    pub(super) version: Version,
    /// Whose connection it is, once CONNECT was accepted.
    pub(super) client_id: Option<String>,
    pub(super) is_closed: bool,
    /// When it was last heard.
    pub(super) heard: Instant,
    keep_alive: u16,
    pub(super) will: Option<Will>,
    limits: Limits,
    aliases_in: BTreeMap<TopicAliasId, String>,
    aliases_out: BTreeMap<String, TopicAliasId>,
    /// Ids of the client's messages that it cannot know to be acknowledged.
    outstanding: BTreeSet<PacketId>,
    /// Ids whose last acknowledgement lies in `output`.
    acknowledged: Vec<PacketId>,
}

/// What the client takes.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    window: u16,
    packet_size: Option<u32>,
    aliases: u16,
}

impl Connection {
    /// Takes over what an accepted CONNECT says.
    pub(super) fn accept(&mut self, connect: &Connect<'_>, client_id: &str, config: &BrokerConfig) {
        self.version = connect.version;
        self.client_id = Some(client_id.to_owned());
        self.will = connect.will.as_ref().map(Will::new);
        self.keep_alive = connect.keep_alive;
        self.limits = Limits { window: config.window, packet_size: None, aliases: 0 };
        if connect.version == Version::V5 {
            self.keep_alive = config.server_keep_alive.unwrap_or(connect.keep_alive);
            self.limits = Limits::announced(&connect.properties);
            self.limits.window = self.limits.window.saturating_add(config.overrun);
        }
        if !config.outbound_aliases {
            self.limits.aliases = 0;
        }
    }

    /// How many QoS 1 and 2 messages may be on their way to the client.
    pub(super) fn window(&self) -> usize {
        usize::from(self.limits.window)
    }

    /// When the client counts as dead: after one and a half keep-alives [MQTT-3.1.2-22].
    pub(super) fn silence_ends(&self) -> Option<Instant> {
        let watched = self.client_id.is_some() && !self.is_closed && self.keep_alive > 0;
        watched.then(|| self.heard.after(u64::from(self.keep_alive) * 1500))
    }

    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        for id in self.acknowledged.drain(..) {
            self.outstanding.remove(&id);
        }
        std::mem::take(&mut self.output)
    }

    pub(super) fn send(&mut self, packet: &Packet<'_>) {
        // The broker's own packets break no rule: their strings came in packets of other clients.
        let written = append(packet, self.version, &mut self.output);
        written.expect("a packet that can be written");
    }

    /// The last acknowledgement of a message from the client.
    pub(super) fn send_last(&mut self, packet: &Packet<'_>, id: PacketId) {
        self.send(packet);
        self.acknowledged.push(id);
    }

    /// Says why, to a 5.0 client, and says no more.
    pub(super) fn close(&mut self, reason: ReasonCode) {
        if self.version == Version::V5 && self.client_id.is_some() && !self.is_closed {
            self.send(&Packet::Disconnect(Disconnect { reason, properties: Properties::NONE }));
        }
        self.is_closed = true;
    }

    /// Sends a message, unless it is larger than the client allows [MQTT-3.1.2-24].
    pub(super) fn send_message(
        &mut self,
        outgoing: &Outgoing,
        how: (Delivery, bool),
        now: Instant,
    ) -> Sent {
        let alias = self.alias_for(&outgoing.message.topic);
        let Some(bytes) = outgoing.encode(self.version, how, alias, now) else {
            return Sent::Dropped;
        };
        if self.limits.packet_size.is_some_and(|size| bytes.len() > size as usize) {
            return Sent::Dropped;
        }
        if let Alias::New(alias) = alias {
            self.aliases_out.insert(outgoing.message.topic.clone(), alias);
        }
        self.output.extend_from_slice(&bytes);
        Sent::Whole
    }

    fn alias_for(&self, topic: &str) -> Alias {
        if let Some(alias) = self.aliases_out.get(topic) {
            return Alias::Known(*alias);
        }
        let next = u16::try_from(self.aliases_out.len() + 1).ok();
        next.filter(|next| *next <= self.limits.aliases)
            .and_then(PacketId::new)
            .map_or(Alias::None, |next| Alias::New(TopicAliasId(next)))
    }

    /// The topic of a PUBLISH from the client, which may be an alias (3.3.2.3.4).
    pub(super) fn topic(&mut self, publish: &Publish<'_>, max: u16) -> Result<String, ReasonCode> {
        let topic = publish.topic.as_str().to_owned();
        let Some(alias) = publish.properties.topic_alias() else { return Ok(topic) };
        if alias.0.get() > max {
            return Err(ReasonCode::TOPIC_ALIAS_INVALID); // [MQTT-3.3.2-9]
        }
        if topic.is_empty() {
            return self.aliases_in.get(&alias).cloned().ok_or(ReasonCode::PROTOCOL_ERROR);
        }
        self.aliases_in.insert(alias, topic.clone());
        Ok(topic)
    }

    /// Counts a message from a 5.0 client against the broker's Receive Maximum [MQTT-3.3.4-7].
    pub(super) fn count(&mut self, delivery: Delivery, maximum: u16) -> Result<(), ReasonCode> {
        let Some(id) = delivery.id() else { return Ok(()) };
        self.outstanding.insert(id);
        let within = self.version == Version::V311 || self.outstanding.len() <= maximum.into();
        if within { Ok(()) } else { Err(ReasonCode::RECEIVE_MAXIMUM_EXCEEDED) }
    }

    /// Answers a message from the client.
    pub(super) fn acknowledge(&mut self, delivery: Delivery, matched: bool) {
        let reason = match (self.version, matched) {
            (Version::V5, false) => ReasonCode::NO_MATCHING_SUBSCRIBERS,
            _ => ReasonCode::SUCCESS,
        };
        let Some(id) = delivery.id() else { return };
        match delivery.qos() {
            QoS::ExactlyOnce => self.send(&Packet::PubRec(Ack::new(id, reason))),
            _ => self.send_last(&Packet::PubAck(Ack::new(id, reason)), id),
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// It counts as delivered [MQTT-3.1.2-25].
    Dropped,
}

impl Limits {
    fn announced(properties: &Properties<'_>) -> Self {
        Self {
            window: properties.receive_maximum().map_or(u16::MAX, PacketId::get),
            packet_size: properties.maximum_packet_size().map(std::num::NonZeroU32::get),
            aliases: properties.topic_alias_maximum().unwrap_or(0),
        }
    }
}
