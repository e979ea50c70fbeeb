//! The broker's driver, and the client that feeds it.

use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, Connect, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, Properties, QoS, ReasonCode, TopicName, Version};

use super::{Connection, Direction, Happening, Invariant, Pair};

impl Connection {
    /// What the broker says, less what it does not say any more.
    fn says(&self, mut bytes: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        if self.unsaid.contains(&PacketType::ConnAck) {
            return said; // Nothing comes before that.
        }
        while let Ok(Some((frame, rest))) = Frame::split(bytes) {
            let (packet, _) = bytes.split_at(bytes.len() - rest.len());
            let kind = PacketType::from_first_byte(frame.first);
            if !kind.is_some_and(|kind| self.unsaid.contains(&kind)) {
                said.extend_from_slice(packet);
            }
            bytes = rest;
        }
        said
    }
}

impl Pair<'_> {
    /// What the broker's driver does now; false if there was nothing to do.
    pub(super) fn broker_turn(&mut self) -> bool {
        let mut moved = false;
        if self.broker.poll_timeout().is_some_and(|at| at <= self.now) {
            self.broker.handle_timeout(self.now);
            moved = true;
        }
        let mut old = std::mem::take(&mut self.old);
        old.retain_mut(|connection| {
            moved |= self.broker_serves(connection);
            while connection.link.receive(Direction::ToClient, self.now).is_some() {}
            !connection.is_over
        });
        self.old.append(&mut old);
        if let Some(mut connection) = self.current.take() {
            moved |= !self.is_dead && self.broker_judges(&mut connection);
            self.current = Some(connection);
        }
        let _ = self.broker.take_output(self.feeder);
        moved
    }

    /// The broker's end of the client's connection. It closes that for a rule that the client breaks; in
    /// 3.1.1 nobody is told.
    fn broker_judges(&mut self, connection: &mut Connection) -> bool {
        let before = self.broker.is_closed(connection.conn);
        let moved = self.broker_serves(connection);
        let is_lost = before || connection.link.is_ended(Direction::ToBroker);
        let is_wanted = is_lost || self.wire.replies.is_goodbye_said();
        if self.broker.is_closed(connection.conn) && !is_wanted {
            self.fail(Invariant::Connection, "the broker closes the connection".to_owned());
        }
        moved
    }

    /// The broker's end of one connection.
    fn broker_serves(&mut self, connection: &mut Connection) -> bool {
        let mut moved = false;
        while let Some(piece) = connection.link.receive(Direction::ToBroker, self.now) {
            self.broker.handle_bytes(connection.conn, &piece, self.now);
            self.log_accepted();
            self.broker_writes(connection);
            moved = true;
        }
        moved |= self.broker_writes(connection);
        let over =
            connection.link.is_ended(Direction::ToBroker) || self.broker.is_closed(connection.conn);
        if over && !connection.is_over {
            connection.is_over = true;
            connection.link.close(Direction::ToClient);
            self.broker.lost(connection.conn, self.now);
            moved = true;
        }
        moved
    }

    fn broker_writes(&mut self, connection: &mut Connection) -> bool {
        let mut bytes = self.broker.take_output(connection.conn);
        // CONNACK, Session Present 0, success.
        if bytes.first() == Some(&0x20) && matches!(bytes[..], [_, _, 0, 0, ..]) {
            self.happen(Happening::SessionBorn);
        }
        let wrote = !bytes.is_empty();
        if !connection.unsaid.is_empty() {
            bytes = connection.says(&bytes);
        }
        connection.link.send(Direction::ToClient, &bytes, self.now);
        wrote
    }

    fn log_accepted(&mut self) {
        let news = self.broker.accepted()[self.accepted..].to_vec();
        self.accepted += news.len();
        for accepted in news {
            if self.client_id.as_ref() == Some(&accepted.client_id) {
                self.happen(Happening::Accepted(accepted));
            }
        }
    }

    /// Connects the other client.
    pub(super) fn begin_feeding(&mut self) {
        self.feeder = self.broker.open();
        let connect = Connect { version: Version::V311, client_id: "feeder", ..Connect::default() };
        self.say(&Packet::Connect(Connect { clean_start: true, ..connect }));
    }

    pub(super) fn feed_broker(&mut self, topic: TopicName<'_>, payload: &[u8], qos: QoS) {
        self.fed = self.fed % 1000 + 1;
        let id = PacketId::new(self.fed).unwrap_or(PacketId::MIN);
        self.say(&Packet::Publish(Publish {
            dup: false,
            retain: false,
            delivery: Delivery::new(qos, id),
            topic,
            properties: Properties::NONE,
            payload,
        }));
        if qos == QoS::ExactlyOnce {
            self.say(&Packet::PubRel(Ack::new(id, ReasonCode::SUCCESS)));
        }
        let _ = self.broker.take_output(self.feeder);
    }

    fn say(&mut self, packet: &Packet<'_>) {
        let bytes = packet.encode_to_vec(Version::V311).expect("a good packet");
        self.broker.handle_bytes(self.feeder, &bytes, self.now);
        self.log_accepted();
    }
}
