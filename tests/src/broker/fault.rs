//! What goes wrong on purpose: clients that are refused or sent away, packets that get lost, links
//! that break at a packet; and messages of the broker's own.

use mqtt_as_proto::frame::FixedHeader;
use mqtt_as_proto::packet::{Delivery, PacketType, Publish};
use mqtt_as_proto::property::Properties;
use mqtt_as_proto::{Instant, PacketId, QoS, ReasonCode, TopicName};

use crate::link::Direction;

use super::connection::Connection;
use super::message::Message;
use super::{Broker, ConnId};

/// What happens to a packet. [`Broker::fail_next`] takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// It gets lost and the connection stands: TCP does not do that, faulty brokers do.
    Lost,
    /// The connection is closed in its place, without a word.
    Cut,
}

/// The faults to come, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: Vec<(Direction, PacketType, Fault)>,
    pub(super) refusal: Option<ReasonCode>,
}

impl Faults {
    /// What is to happen to a packet that begins with that byte; once.
    pub(super) fn take(&mut self, direction: Direction, first: u8) -> Option<Fault> {
        let kind = PacketType::from_first_byte(first)?;
        let wanted = |fault: &(Direction, PacketType, _)| (fault.0, fault.1) == (direction, kind);
        let at = self.next.iter().position(wanted)?;
        Some(self.next.remove(at).2)
    }

    /// Output, less what gets lost.
    fn pass(&mut self, output: &[u8], connection: &mut Connection) -> Vec<u8> {
        let (mut passed, mut rest) = (Vec::new(), output);
        while let Some((packet, behind)) = first_packet(rest) {
            match self.take(Direction::ToClient, packet[0]) {
                None => passed.extend_from_slice(packet),
                Some(Fault::Lost) => {}
                Some(Fault::Cut) => {
                    connection.is_closed = true;
                    break;
                }
            }
            rest = behind;
        }
        passed
    }
}

/// The first packet of what the broker wrote: it writes whole ones.
fn first_packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = FixedHeader::read(bytes).ok()??;
    bytes.split_at_checked(header.packet_len())
}

impl Broker {
    /// Has a fault happen to the next packet of that type on that way, of whichever client. Called
    /// again, to the one after it.
    ///
    /// ```
    /// use mqtt_as_tests::broker::{Broker, Fault};
    /// use mqtt_as_tests::link::Direction;
    /// use mqtt_as_tests::proto::packet::PacketType;
    ///
    /// let mut broker = Broker::default();
    /// // The broker takes the message, and the link breaks before the client learns of it.
    /// broker.fail_next(Direction::ToClient, PacketType::PubAck, Fault::Cut);
    /// ```
    pub fn fail_next(&mut self, direction: Direction, packet: PacketType, fault: Fault) {
        self.faults.next.push((direction, packet, fault));
    }

    /// Refuses every CONNECT with that reason, until it is called with `None`.
    ///
    /// ```
    /// use mqtt_as_tests::broker::Broker;
    /// use mqtt_as_tests::proto::ReasonCode;
    ///
    /// let mut broker = Broker::default();
    /// broker.refuse_all(Some(ReasonCode::SERVER_BUSY));
    /// ```
    pub fn refuse_all(&mut self, reason: Option<ReasonCode>) {
        self.faults.refusal = reason;
    }

    /// Ends a client's connection, in 5.0 with DISCONNECT and that reason. Its will is published.
    pub fn disconnect(&mut self, client_id: &str, reason: ReasonCode, now: Instant) {
        let session = self.sessions.get(client_id);
        if let Some(conn) = session.and_then(|session| session.connection) {
            self.fail(conn, reason, now);
        }
    }

    /// Publishes a message of the broker's own: no client of the test is needed for it. Returns
    /// whether anybody gets it.
    ///
    /// # Panics
    ///
    /// If the topic is none that may be published to.
    pub fn inject(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
        now: Instant,
    ) -> bool {
        let delivery = match qos {
            QoS::AtMostOnce => Delivery::AtMostOnce,
            QoS::AtLeastOnce => Delivery::AtLeastOnce(PacketId::MIN),
            QoS::ExactlyOnce => Delivery::ExactlyOnce(PacketId::MIN),
        };
        let name = TopicName::new(topic).unwrap_or_else(|error| panic!("{topic:?}: {error}"));
        let properties = Properties::NONE;
        let publish = Publish { dup: false, retain, delivery, topic: name, properties, payload };
        self.publish("", Message::new(&publish, topic.to_owned(), now), now)
    }

    /// A packet from the client that gets lost, or breaks the link.
    pub(super) fn pass_over(
        &mut self,
        conn: ConnId,
        fault: Fault,
        now: Instant,
    ) -> Result<(), ReasonCode> {
        if fault == Fault::Cut {
            self.detach(conn, true, now);
        }
        Ok(())
    }

    /// What a connection has to write, after the faults.
    pub(super) fn output_after_faults(&mut self, conn: ConnId) -> Vec<u8> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Vec::new() };
        let output = connection.take_output();
        if self.faults.next.is_empty() { output } else { self.faults.pass(&output, connection) }
    }
}
