//! SUBSCRIBE and UNSUBSCRIBE (3.8, 3.10).

use mqtt_as_proto::packet::{
    Packet, RetainHandling, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe,
};
use mqtt_as_proto::property::{Properties, SubscriptionId};
use mqtt_as_proto::{Instant, ReasonCode, TopicFilter, Version};

use super::message::{Message, Outgoing};
use super::session::Subscribed;
use super::{Broker, ConnId};

impl Broker {
    pub(super) fn handle_subscribe(
        &mut self,
        conn: ConnId,
        client_id: &str,
        packet: &Subscribe<'_>,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        let subscription_id = packet.properties.subscription_identifier();
        if subscription_id.is_some() && !self.config.subscription_identifier_available {
            return Err(ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED);
        }
        let is_v5 = self.client(conn).is_some_and(|(_, version)| version == Version::V5);
        let mut codes = Vec::new();
        let mut retained = Vec::new();
        for subscription in packet.filters.iter() {
            match self.may_subscribe(subscription.filter) {
                Err(reason) if is_v5 => return Err(reason),
                Err(_) => codes.push(ReasonCode::UNSPECIFIED_ERROR.as_u8()),
                Ok(()) => {
                    let (qos, messages) =
                        self.subscribe(client_id, &subscription, subscription_id, now);
                    codes.push(qos);
                    retained.extend(messages);
                }
            }
        }
        let properties = Properties::NONE;
        self.send(conn, &Packet::SubAck(SubAck { id: packet.id, properties, codes: &codes }));
        for outgoing in retained {
            self.deliver(client_id, outgoing, now);
        }
        Ok(())
    }

    fn may_subscribe(&self, filter: TopicFilter<'_>) -> Result<(), ReasonCode> {
        let shared = filter.share_name().is_some();
        if shared && !self.config.shared_subscription_available {
            return Err(ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED);
        }
        let wildcard = filter.without_share().has_wildcard();
        if wildcard && !self.config.wildcard_subscription_available {
            return Err(ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED);
        }
        Ok(())
    }

    /// Adds or replaces a subscription [MQTT-3.8.4-3]: the granted QoS and the retained messages.
    fn subscribe(
        &mut self,
        client_id: &str,
        subscription: &Subscription<'_>,
        id: Option<SubscriptionId>,
        now: Instant,
    ) -> (u8, Vec<Outgoing>) {
        let mut options = subscription.options;
        options.qos = options.qos.min(self.config.maximum_qos);
        let subscribed = Subscribed { options, id };
        let Some(session) = self.sessions.get_mut(client_id) else { return (0, Vec::new()) };
        let filter = subscription.filter.as_str().to_owned();
        let is_new = session.subscriptions.insert(filter, subscribed).is_none();
        let wanted = match options.retain_handling {
            RetainHandling::Send => true,        // [MQTT-3.3.1-9]
            RetainHandling::SendIfNew => is_new, // [MQTT-3.3.1-10]
            RetainHandling::DoNotSend => false,  // [MQTT-3.3.1-11]
        };
        // None for a shared subscription (4.8.2).
        let wanted = wanted && subscription.filter.share_name().is_none();
        let retained = if wanted {
            self.retained_for(subscription.filter, &subscribed, now)
        } else {
            Vec::new()
        };
        (options.qos as u8, retained)
    }

    fn retained_for(
        &self,
        filter: TopicFilter<'_>,
        subscribed: &Subscribed,
        now: Instant,
    ) -> Vec<Outgoing> {
        let matches = |message: &Message| message.name().is_some_and(|name| filter.matches(name));
        let messages = self.retained.values();
        messages
            .filter(|message| matches(message) && !message.is_expired(now))
            .map(|message| Outgoing::retained(message, subscribed))
            .collect()
    }

    pub(super) fn handle_unsubscribe(
        &mut self,
        conn: ConnId,
        client_id: &str,
        packet: &Unsubscribe<'_>,
    ) -> Result<(), ReasonCode> {
        let Some(session) = self.sessions.get_mut(client_id) else { return Ok(()) };
        let mut codes = Vec::new();
        for filter in packet.filters.iter() {
            let code = match session.subscriptions.remove(filter.as_str()) {
                Some(_) => ReasonCode::SUCCESS,
                None => ReasonCode::NO_SUBSCRIPTION_EXISTED,
            };
            codes.push(code.as_u8());
        }
        let properties = Properties::NONE;
        self.send(conn, &Packet::UnsubAck(UnsubAck { id: packet.id, properties, codes: &codes }));
        Ok(())
    }
}
