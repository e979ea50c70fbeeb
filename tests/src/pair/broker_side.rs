//! The broker's driver, and the client that feeds it.

use mqtt_as_proto::packet::{Ack, Connect, Delivery, Packet, Publish};
use mqtt_as_proto::{PacketId, Properties, QoS, ReasonCode, TopicName, Version};

use super::{CLIENT_ID, Connection, Direction, Happening, Pair};

impl Pair {
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
            moved |= !self.is_dead && self.broker_serves(&mut connection);
            self.current = Some(connection);
        }
        let _ = self.broker.take_output(self.feeder);
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
        let bytes = self.broker.take_output(connection.conn);
        // CONNACK, Session Present 0, success.
        if bytes.first() == Some(&0x20) && matches!(bytes[..], [_, _, 0, 0, ..]) {
            self.happen(Happening::SessionBorn);
        }
        connection.link.send(Direction::ToClient, &bytes, self.now);
        !bytes.is_empty()
    }

    fn log_accepted(&mut self) {
        let news = self.broker.accepted()[self.accepted..].to_vec();
        self.accepted += news.len();
        for accepted in news.into_iter().filter(|accepted| accepted.client_id == CLIENT_ID) {
            self.happen(Happening::Accepted(accepted));
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
