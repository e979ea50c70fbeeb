//! How connections begin and end (3.1, 3.14), and what that does to sessions and wills.

use std::num::{NonZeroU16, NonZeroU32};

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{ConnAck, Connect, Disconnect, Packet, PacketType};
use mqtt_as_proto::property::{MaximumQoS, Properties, Property};
use mqtt_as_proto::{Instant, QoS, ReasonCode, Version};

use super::message::{Will, after_seconds};
use super::session::{FOREVER, Session};
use super::{Broker, BrokerConfig, ConnId};

impl Broker {
    /// The first packet of a connection has to be CONNECT [MQTT-3.1.0-1].
    pub(super) fn handle_first(&mut self, conn: ConnId, frame: Frame<'_>, now: Instant) {
        let is_connect = PacketType::from_first_byte(frame.first) == Some(PacketType::Connect);
        match Packet::decode(frame, Version::V5) {
            Ok(Packet::Connect(connect)) => match self.judge(&connect) {
                ReasonCode::SUCCESS => self.welcome(conn, &connect, now),
                reason => self.refuse(conn, connect.version, reason),
            },
            Err(error) if is_connect => self.refuse_malformed(conn, frame.body, error.reason()),
            _ => self.fail(conn, ReasonCode::PROTOCOL_ERROR, now),
        }
    }

    /// Whether a connection may begin.
    fn judge(&self, connect: &Connect<'_>) -> ReasonCode {
        if let Some(reason) = self.faults.refusal {
            return reason;
        }
        let will = connect.will.as_ref();
        if connect.properties.authentication_method().is_some() {
            return ReasonCode::BAD_AUTHENTICATION_METHOD; // 4.12
        }
        let is_v311 = connect.version == Version::V311;
        if is_v311 && connect.client_id.is_empty() && !connect.clean_start {
            return ReasonCode::CLIENT_IDENTIFIER_NOT_VALID; // 3.1.1 [MQTT-3.1.3-8]
        }
        if will.is_some_and(|will| will.qos > self.config.maximum_qos) {
            return ReasonCode::QOS_NOT_SUPPORTED; // [MQTT-3.2.2-12]
        }
        if will.is_some_and(|will| will.retain) && !self.config.retain_available {
            return ReasonCode::RETAIN_NOT_SUPPORTED; // [MQTT-3.2.2-13]
        }
        ReasonCode::SUCCESS
    }

    fn welcome(&mut self, conn: ConnId, connect: &Connect<'_>, now: Instant) {
        let assigned = connect.client_id.is_empty().then(|| self.assign());
        let client_id = assigned.as_deref().unwrap_or(connect.client_id);
        self.take_over(client_id, now);
        if connect.clean_start {
            self.end_session(client_id, now); // [MQTT-3.1.2-4]
        }
        let session_present = self.sessions.contains_key(client_id);
        let expiry = self.expiry(connect);
        self.sessions.entry(client_id.to_owned()).or_default().attach(conn, expiry);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.accept(connect, client_id, &self.config);
        }
        let list = self.connack_list(connect, expiry, assigned.as_deref());
        let properties = Properties::new(&list);
        let reason = ReasonCode::SUCCESS;
        let connack = ConnAck { session_present, reason, properties };
        self.send(conn, &Packet::ConnAck(connack));
        self.pump(client_id, now);
    }

    /// A client identifier that nobody has.
    fn assign(&mut self) -> String {
        loop {
            self.assigned += 1;
            let client_id = format!("auto-{}", self.assigned);
            if !self.sessions.contains_key(&client_id) {
                return client_id;
            }
        }
    }

    /// [MQTT-3.1.4-3] ends the client's other connection.
    fn take_over(&mut self, client_id: &str, now: Instant) {
        let other = self.sessions.get(client_id).and_then(|session| session.connection);
        if let Some(other) = other {
            self.fail(other, ReasonCode::SESSION_TAKEN_OVER, now);
        }
    }

    /// Seconds that the session outlives the connection.
    fn expiry(&self, connect: &Connect<'_>) -> u32 {
        let wanted = match connect.version {
            Version::V5 => connect.properties.session_expiry_interval().unwrap_or(0),
            Version::V311 if connect.clean_start => 0,
            Version::V311 => FOREVER,
        };
        wanted.min(self.config.session_expiry_maximum)
    }

    fn connack_list<'a>(
        &self,
        connect: &Connect<'_>,
        expiry: u32,
        assigned: Option<&'a str>,
    ) -> Vec<Property<'a>> {
        if connect.version == Version::V311 {
            return Vec::new();
        }
        let mut list = self.config.announcement();
        if expiry != connect.properties.session_expiry_interval().unwrap_or(0) {
            list.push(Property::SessionExpiryInterval(expiry));
        }
        list.extend(assigned.map(Property::AssignedClientIdentifier)); // [MQTT-3.2.2-16]
        list
    }

    fn refuse(&mut self, conn: ConnId, version: Version, reason: ReasonCode) {
        let Some(connection) = self.living(conn) else { return };
        connection.version = version;
        connection.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
        self.shut(conn);
    }

    fn shut(&mut self, conn: ConnId) {
        if let Some(connection) = self.living(conn) {
            connection.is_closed = true;
        }
    }

    /// A CONNECT that breaks a rule is answered as far as its version is known.
    fn refuse_malformed(&mut self, conn: ConnId, body: &[u8], reason: ReasonCode) {
        const NAME: &[u8] = b"\0\x04MQTT";
        const NAME_OF_3_1: &[u8] = b"\0\x06MQIsdp";
        let level = body.strip_prefix(NAME).or_else(|| body.strip_prefix(NAME_OF_3_1));
        match level.and_then(<[u8]>::first) {
            Some(5..) => self.refuse(conn, Version::V5, reason),
            Some(..=3) => self.refuse(conn, Version::V311, reason), // [MQTT-3.1.2-2]
            Some(4) | None => self.shut(conn),
        }
    }

    pub(super) fn handle_disconnect(
        &mut self,
        conn: ConnId,
        client_id: &str,
        packet: &Disconnect<'_>,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        if let Some(session) = self.sessions.get_mut(client_id)
            && let Some(expiry) = packet.properties.session_expiry_interval()
        {
            if session.expiry == 0 && expiry != 0 {
                return Err(ReasonCode::PROTOCOL_ERROR); // 3.14.2.2.2
            }
            session.expiry = expiry.min(self.config.session_expiry_maximum);
        }
        // [MQTT-3.14.4-3]
        self.detach(conn, packet.reason != ReasonCode::SUCCESS, now);
        Ok(())
    }

    /// Takes a connection from its session, which lives on or ends; so does the will.
    pub(super) fn detach(&mut self, conn: ConnId, with_will: bool, now: Instant) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.is_closed = true;
        let will = connection.will.take().filter(|_| with_will);
        let Some(client_id) = connection.client_id.take() else { return };
        let session = self.sessions.get_mut(&client_id);
        let Some(session) = session.filter(|session| session.connection == Some(conn)) else {
            return;
        };
        session.connection = None;
        let ends = session.expiry != FOREVER;
        session.ends = ends.then(|| after_seconds(now, session.expiry));
        session.will = will.map(|will| (after_seconds(now, will.delay), will));
        if session.expiry == 0 {
            self.end_session(&client_id, now); // [MQTT-3.1.2-23]
        }
        self.publish_wills(now);
    }

    /// Ends a session. A will that was still waiting waits no longer [MQTT-3.1.3-9].
    pub(super) fn end_session(&mut self, client_id: &str, now: Instant) {
        let will = self.sessions.remove(client_id).and_then(|session| session.will);
        if let Some((_, will)) = will {
            self.publish_will(client_id, will, now);
        }
    }

    /// Publishes the wills whose delay is over.
    pub(super) fn publish_wills(&mut self, now: Instant) {
        let due = |session: &mut Session| session.will.take_if(|(at, _)| *at <= now);
        let due: Vec<_> = (self.sessions.iter_mut())
            .filter_map(|(client_id, session)| Some((client_id.clone(), due(session)?.1)))
            .collect();
        for (client_id, will) in due {
            self.publish_will(&client_id, will, now);
        }
    }

    fn publish_will(&mut self, client_id: &str, will: Will, now: Instant) {
        self.publish(client_id, will.message(now), now);
    }
}

impl BrokerConfig {
    /// The properties of CONNACK that say what differs from the standard's defaults (3.2.2.3).
    fn announcement(&self) -> Vec<Property<'static>> {
        let maximum = NonZeroU16::new(self.receive_maximum);
        let unavailable = |available: bool| (!available).then_some(false);
        let maximum_qos = Some(self.maximum_qos).filter(|qos| *qos != QoS::ExactlyOnce);
        let wildcards = unavailable(self.wildcard_subscription_available);
        let ids = unavailable(self.subscription_identifier_available);
        let shared = unavailable(self.shared_subscription_available);
        let size = self.maximum_packet_size.and_then(NonZeroU32::new);
        let aliases = Some(self.topic_alias_maximum).filter(|maximum| *maximum > 0);
        [
            maximum.filter(|max| *max != NonZeroU16::MAX).map(Property::ReceiveMaximum),
            maximum_qos.map(|qos| Property::MaximumQoS(MaximumQoS(qos))),
            unavailable(self.retain_available).map(Property::RetainAvailable),
            size.map(Property::MaximumPacketSize),
            aliases.map(Property::TopicAliasMaximum),
            wildcards.map(Property::WildcardSubscriptionAvailable),
            ids.map(Property::SubscriptionIdentifierAvailable),
            shared.map(Property::SharedSubscriptionAvailable),
            self.server_keep_alive.map(Property::ServerKeepAlive),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
