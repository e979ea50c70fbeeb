//! From a message to its receivers (3.3.4, 4.8).

use std::collections::BTreeMap;
use std::sync::Arc;

use mqtt_as_proto::packet::Delivery;
use mqtt_as_proto::{Instant, QoS, TopicFilter, TopicName};

use super::Broker;
use super::message::{Message, Outgoing};
use super::session::{Session, Subscribed};

/// A client and what it gets.
type Copies = Vec<(String, Outgoing)>;

impl Broker {
    /// Keeps the message if it is a retained one, and sends it to all who want it; false if nobody
    /// does.
    pub(super) fn publish(&mut self, from: &str, message: Message, now: Instant) -> bool {
        let message = Arc::new(message);
        self.retain(&message);
        let Some(name) = message.name() else { return false };
        let mut copies = self.direct_copies(from, &message, name);
        copies.extend(self.shared_copies(&message, name));
        let matched = !copies.is_empty();
        for (client_id, outgoing) in copies {
            self.deliver(&client_id, outgoing, now);
        }
        matched
    }

    /// An empty retained message clears the topic [MQTT-3.3.1-6].
    fn retain(&mut self, message: &Arc<Message>) {
        if !message.retain {
            return;
        }
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
        } else {
            self.retained.insert(message.topic.clone(), Arc::clone(message));
        }
    }

    /// One copy a client, however many of its subscriptions match.
    fn direct_copies(&self, from: &str, message: &Arc<Message>, name: TopicName<'_>) -> Copies {
        let copy = |(client_id, session): (&String, &Session)| {
            let mut matching = session.matching(name, client_id == from).peekable();
            matching.peek()?;
            Some((client_id.clone(), Outgoing::forward(message, matching)))
        };
        self.sessions.iter().filter_map(copy).collect()
    }

    /// One copy a shared subscription: its members take turns, those that are connected first.
    fn shared_copies(&mut self, message: &Arc<Message>, name: TopicName<'_>) -> Copies {
        let mut copies = Copies::new();
        for (filter, mut members) in self.shared(name) {
            if members.iter().any(|(_, connected, _)| *connected) {
                members.retain(|(_, connected, _)| *connected);
            }
            let turn = self.turns.entry(filter).or_default();
            let (client_id, _, subscribed) = members.swap_remove(*turn % members.len());
            *turn = turn.wrapping_add(1);
            copies.push((client_id, Outgoing::forward(message, [&subscribed].into_iter())));
        }
        copies
    }

    /// The shared subscriptions that match, each with its members: client, whether connected, what
    /// was asked for. None is empty.
    fn shared(&self, name: TopicName<'_>) -> BTreeMap<String, Vec<(String, bool, Subscribed)>> {
        let mut shared: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (client_id, session) in &self.sessions {
            for (filter, subscribed) in &session.subscriptions {
                let matches = TopicFilter::new(filter)
                    .is_ok_and(|filter| filter.share_name().is_some() && filter.matches(name));
                if matches {
                    let member = (client_id.clone(), session.connection.is_some(), *subscribed);
                    shared.entry(filter.clone()).or_default().push(member);
                }
            }
        }
        shared
    }

    /// QoS 0 goes at once or not at all, the rest waits for its turn.
    pub(super) fn deliver(&mut self, client_id: &str, outgoing: Outgoing, now: Instant) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        if outgoing.qos != QoS::AtMostOnce {
            session.enqueue(outgoing);
            return self.pump(client_id, now);
        }
        let connection = session.connection.and_then(|conn| self.connections.get_mut(&conn));
        if let Some(connection) = connection {
            connection.send_message(&outgoing, (Delivery::AtMostOnce, false), now);
        }
    }
}

impl Outgoing {
    /// A message as the subscriptions of one client ask for it.
    fn forward<'a>(
        message: &Arc<Message>,
        subscriptions: impl Iterator<Item = &'a Subscribed>,
    ) -> Self {
        let mut outgoing = Self {
            message: Arc::clone(message),
            qos: QoS::AtMostOnce,
            retain: false, // [MQTT-3.3.1-12]
            subscriptions: Vec::new(),
        };
        for subscribed in subscriptions {
            let granted = subscribed.options.qos.min(message.qos); // [MQTT-3.8.4-8]
            outgoing.qos = outgoing.qos.max(granted);
            // [MQTT-3.3.1-13]
            outgoing.retain |= subscribed.options.retain_as_published && message.retain;
            outgoing.subscriptions.extend(subscribed.id);
        }
        outgoing
    }

    /// A retained message as a new subscription gets it.
    pub(super) fn retained(message: &Arc<Message>, subscribed: &Subscribed) -> Self {
        // [MQTT-3.3.1-8]
        Self { retain: true, ..Self::forward(message, [subscribed].into_iter()) }
    }
}
