//! Messages from clients (3.3) and the acknowledgements of both directions.

use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{Instant, PacketId, ReasonCode, Version};

use super::message::Message;
use super::{Accepted, Broker, ConnId};

impl Broker {
    pub(super) fn handle_publish(
        &mut self,
        conn: ConnId,
        client_id: &str,
        publish: &Publish<'_>,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        self.may_publish(publish)?;
        let aliases = self.config.topic_alias_maximum;
        let maximum = self.config.receive_maximum;
        let Some(connection) = self.living(conn) else { return Ok(()) };
        let topic = connection.topic(publish, aliases)?;
        connection.count(publish.delivery, maximum)?;
        let matched = !self.is_new(client_id, publish.delivery) || {
            let message = Message::new(publish, topic, now);
            self.log(client_id, &message);
            self.publish(client_id, message, now)
        };
        if let Some(connection) = self.living(conn) {
            connection.acknowledge(publish.delivery, matched);
        }
        Ok(())
    }

    fn may_publish(&self, publish: &Publish<'_>) -> Result<(), ReasonCode> {
        if publish.properties.subscription_identifier().is_some() {
            return Err(ReasonCode::PROTOCOL_ERROR); // [MQTT-3.3.4-6]
        }
        if publish.delivery.qos() > self.config.maximum_qos {
            return Err(ReasonCode::QOS_NOT_SUPPORTED); // [MQTT-3.2.2-11]
        }
        if publish.retain && !self.config.retain_available {
            return Err(ReasonCode::RETAIN_NOT_SUPPORTED); // [MQTT-3.2.2-14]
        }
        Ok(())
    }

    /// False for a QoS 2 message that was accepted before [MQTT-4.3.3-10].
    fn is_new(&mut self, client_id: &str, delivery: Delivery) -> bool {
        let Delivery::ExactlyOnce(id) = delivery else { return true };
        self.sessions.get_mut(client_id).is_some_and(|session| session.received.insert(id))
    }

    fn log(&mut self, client_id: &str, message: &Message) {
        if self.config.log_accepted {
            self.accepted.push(Accepted {
                client_id: client_id.to_owned(),
                topic: message.topic.clone(),
                payload: message.payload.clone(),
                qos: message.qos,
                retain: message.retain,
            });
        }
    }

    /// PUBREL: the id is free again [MQTT-4.3.3-11].
    pub(super) fn handle_release(
        &mut self,
        conn: ConnId,
        client_id: &str,
        id: PacketId,
    ) -> Result<(), ReasonCode> {
        let session = self.sessions.get_mut(client_id);
        let known = session.is_some_and(|session| session.received.remove(&id));
        if let Some(connection) = self.living(conn) {
            let reason = match (known, connection.version) {
                (false, Version::V5) => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
                _ => ReasonCode::SUCCESS,
            };
            connection.send_last(&Packet::PubComp(Ack::new(id, reason)), id);
        }
        Ok(())
    }

    /// PUBACK, PUBREC or PUBCOMP.
    pub(super) fn handle_ack(
        &mut self,
        client_id: &str,
        kind: PacketType,
        ack: &Ack<'_>,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        let Some(session) = self.sessions.get_mut(client_id) else { return Ok(()) };
        let connection = session.connection.and_then(|conn| self.connections.get_mut(&conn));
        let Some(connection) = connection else { return Ok(()) };
        if let Some(answer) = session.acknowledged(kind, ack, connection.version)? {
            connection.send(&answer);
        }
        session.pump(connection, now);
        Ok(())
    }
}
