//! A small honest broker for MQTT 3.1.1 and 5.0, sans-IO and deterministic.
//!
//! Who runs it gives it bytes and the time, and carries its bytes away:
//!
//! 1. [`open`](Broker::open) when a socket was accepted, [`lost`](Broker::lost) when it is gone;
//! 2. [`handle_bytes`](Broker::handle_bytes) with what was read, in pieces of any size;
//! 3. [`handle_timeout`](Broker::handle_timeout) at the moment that
//!    [`poll_timeout`](Broker::poll_timeout) names;
//! 4. after each of these, for every connection in [`outputs`](Broker::outputs), write what
//!    [`take_output`](Broker::take_output) gives; if [`is_closed`](Broker::is_closed) is true then,
//!    close the socket and call `lost`.
//!
//! The same calls give the same bytes. It has all of both standards but enhanced authentication,
//! and takes every user and password. Its queues have no bound: it is there to test with.

mod config;
mod connect;
mod connection;
mod fault;
mod message;
mod publish;
mod route;
mod session;
mod subscribe;
mod timer;

use std::collections::BTreeMap;
use std::sync::Arc;

use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::{Packet, PacketType};
use mqtt_as_proto::{DecodeError, Instant, QoS, ReasonCode, TopicName, Version};

use crate::link::Direction;

use connection::Connection;
use fault::Faults;
use message::Message;
use session::Session;

pub use config::BrokerConfig;
pub use fault::Fault;

/// One of a broker's connections. No two ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

/// A message that the broker took from a client: QoS 2 messages once, all others as often as they
/// came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Who sent it.
    pub client_id: String,
    /// What it was published to, also if it came as a topic alias.
    pub topic: String,
    /// Its payload.
    pub payload: Arc<[u8]>,
    /// The QoS it was published at.
    pub qos: QoS,
    /// Whether it is kept for those who subscribe later.
    pub retain: bool,
}

/// What the broker holds for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Whose session it is.
    pub client_id: String,
    /// Whether the client is connected.
    pub connected: bool,
    /// The filters subscribed to.
    pub filters: Vec<String>,
    /// Messages to the client that were not sent yet.
    pub queued: usize,
    /// Messages to the client that were sent and are not wholly acknowledged.
    pub in_flight: usize,
    /// QoS 2 messages from the client that it has not released yet.
    pub unreleased: usize,
}

/// The broker; see the [module](self).
#[derive(Debug, Default)]
pub struct Broker {
    config: BrokerConfig,
    connections: BTreeMap<ConnId, Connection>,
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Arc<Message>>,
    /// Whose turn it is in each shared subscription.
    turns: BTreeMap<String, usize>,
    accepted: Vec<Accepted>,
    faults: Faults,
    opened: u64,
    assigned: u64,
}

impl Broker {
    /// A broker without sessions and retained messages.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Has other settings from here on. Clients that are connected were told the old ones: they had better
    /// be gone.
    pub fn set_config(&mut self, config: BrokerConfig) {
        self.config = config;
    }

    /// The highest QoS at which a client gets messages to that topic, if it has subscribed to it.
    #[must_use]
    pub fn granted(&self, client_id: &str, topic: TopicName<'_>) -> Option<QoS> {
        let session = self.sessions.get(client_id)?;
        session.matching(topic, false).map(|subscribed| subscribed.options.qos).max()
    }

    /// A client has reached us: its first packet has to be CONNECT.
    pub fn open(&mut self) -> ConnId {
        self.opened += 1;
        let conn = ConnId(self.opened);
        self.connections.insert(conn, Connection::default());
        conn
    }

    /// The client's bytes. After the end of the connection they are ignored.
    pub fn handle_bytes(&mut self, conn: ConnId, bytes: &[u8], now: Instant) {
        let Some(connection) = self.living(conn) else { return };
        connection.heard = now;
        connection.input.extend_from_slice(bytes);
        let mut input = std::mem::take(&mut connection.input);
        self.end_sessions(now);
        let used = self.handle_frames(conn, &input, now);
        input.drain(..used);
        if let Some(connection) = self.living(conn) {
            connection.input = input;
        }
    }

    /// The socket is gone. If the client has not said DISCONNECT, its will is published.
    pub fn lost(&mut self, conn: ConnId, now: Instant) {
        self.detach(conn, true, now);
        self.connections.remove(&conn);
    }

    /// Bytes for the client, in the order in which they have to be written.
    #[must_use]
    pub fn take_output(&mut self, conn: ConnId) -> Vec<u8> {
        self.output_after_faults(conn)
    }

    /// The connections that have output.
    #[must_use]
    pub fn outputs(&self) -> Vec<ConnId> {
        let ready = self.connections.iter().filter(|(_, connection)| connection.has_output());
        ready.map(|(conn, _)| *conn).collect()
    }

    /// Whether the broker wants the socket closed, after the output was written. Also true when
    /// the connection was [`lost`](Self::lost).
    #[must_use]
    pub fn is_closed(&self, conn: ConnId) -> bool {
        self.connections.get(&conn).is_none_or(|connection| connection.is_closed)
    }

    /// The messages taken from clients, in their order. Wills are not among them.
    #[must_use]
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// The sessions, in the order of the client identifiers.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.sessions.iter().map(|(client_id, session)| session.info(client_id)).collect()
    }

    /// Loses all sessions, as a restart without a disk does: connections close without a word and
    /// no will is published. Retained messages stay.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
        self.turns.clear();
        for connection in self.connections.values_mut() {
            connection.is_closed = true;
        }
    }

    fn living(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(&conn).filter(|connection| !connection.is_closed)
    }

    /// Handles all whole packets and returns how many bytes they have.
    fn handle_frames(&mut self, conn: ConnId, input: &[u8], now: Instant) -> usize {
        let mut used = 0;
        while self.living(conn).is_some() {
            let handled = match self.split(&input[used..]) {
                Ok(None) => break,
                Ok(Some((len, frame))) => {
                    used += len;
                    match self.faults.take(Direction::ToBroker, frame.first) {
                        None => self.handle_frame(conn, frame, now),
                        Some(fault) => self.pass_over(conn, fault, now),
                    }
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = handled {
                self.fail(conn, reason, now);
            }
        }
        used
    }

    /// The first packet of `bytes` and its length; a packet that is too large is none.
    fn split<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Frame<'a>)>, ReasonCode> {
        let Some(header) = FixedHeader::read(bytes).map_err(DecodeError::reason)? else {
            return Ok(None);
        };
        let max = self.config.maximum_packet_size.map_or(usize::MAX, |size| size as usize);
        if header.packet_len() > max {
            return Err(ReasonCode::PACKET_TOO_LARGE); // [MQTT-3.2.2-15]
        }
        Ok(header.frame(bytes).map(|frame| (header.packet_len(), frame)))
    }

    fn handle_frame(
        &mut self,
        conn: ConnId,
        frame: Frame<'_>,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        let Some((client_id, version)) = self.client(conn) else {
            self.handle_first(conn, frame, now);
            return Ok(());
        };
        match Packet::decode(frame, version).map_err(DecodeError::reason)? {
            Packet::Publish(publish) => self.handle_publish(conn, &client_id, &publish, now),
            Packet::PubRel(ack) => self.handle_release(conn, &client_id, ack.id),
            Packet::PubAck(ack) => self.handle_ack(&client_id, PacketType::PubAck, &ack, now),
            Packet::PubRec(ack) => self.handle_ack(&client_id, PacketType::PubRec, &ack, now),
            Packet::PubComp(ack) => self.handle_ack(&client_id, PacketType::PubComp, &ack, now),
            Packet::Subscribe(packet) => self.handle_subscribe(conn, &client_id, &packet, now),
            Packet::Unsubscribe(packet) => self.handle_unsubscribe(conn, &client_id, &packet),
            Packet::Disconnect(packet) => self.handle_disconnect(conn, &client_id, &packet, now),
            Packet::PingReq => {
                self.send(conn, &Packet::PingResp);
                Ok(())
            }
            _ => Err(ReasonCode::PROTOCOL_ERROR), // [MQTT-3.1.0-2] and what only servers send
        }
    }

    /// Whose connection it is, if it has said so.
    fn client(&self, conn: ConnId) -> Option<(String, Version)> {
        let connection = self.connections.get(&conn)?;
        Some((connection.client_id.clone()?, connection.version))
    }

    fn send(&mut self, conn: ConnId, packet: &Packet<'_>) {
        if let Some(connection) = self.living(conn) {
            connection.send(packet);
        }
    }

    /// Ends a connection whose client broke a rule: its will is published.
    fn fail(&mut self, conn: ConnId, reason: ReasonCode, now: Instant) {
        if let Some(connection) = self.living(conn) {
            connection.close(reason);
        }
        self.detach(conn, true, now);
    }

    /// Sends a client what waits for it.
    fn pump(&mut self, client_id: &str, now: Instant) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        let connection = session.connection.and_then(|conn| self.connections.get_mut(&conn));
        if let Some(connection) = connection {
            session.pump(connection, now);
        }
    }
}

impl Session {
    fn info(&self, client_id: &str) -> SessionInfo {
        SessionInfo {
            client_id: client_id.to_owned(),
            connected: self.connection.is_some(),
            filters: self.subscriptions.keys().cloned().collect(),
            queued: self.queue.len(),
            in_flight: self.flights.len(),
            unreleased: self.received.len(),
        }
    }
}
