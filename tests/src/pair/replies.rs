//! Who owes whom a reply, and what has to stand in it: on one connection, and for requests.

use std::collections::{BTreeMap, BTreeSet};

use mqtt_as_proto::packet::{Ack, Subscribe, Subscription, Unsubscribe};
use mqtt_as_proto::{PacketId, QoS};

use super::Invariant::{Content, Flow, Truth};
use super::wire::fault;
use super::{Fault, Happening};

/// What was asked for, and what has to be answered.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Session Present of the last CONNACK.
    session_present: bool,
    /// The client has said DISCONNECT.
    is_goodbye_said: bool,
    /// PUBRECs of this connection without PUBREL, and PUBRELs without PUBCOMP.
    pubrecs: BTreeSet<PacketId>,
    pubrels: BTreeSet<PacketId>,
    /// Messages that the program refuses, with the code that it gives.
    refused: BTreeMap<PacketId, u8>,
    /// Requests of the program's: the filter, and the QoS if it subscribes.
    requests: BTreeMap<PacketId, (u32, String, Option<QoS>)>,
    /// The codes of the server's answers, by the mark of the request.
    answers: BTreeMap<u32, Vec<u8>>,
}

impl Replies {
    pub(super) fn end_connection(&mut self) {
        *self = Self::default();
    }

    pub(super) fn said_goodbye(&mut self) {
        self.is_goodbye_said = true;
    }

    /// Whether the client has ended the connection in good order.
    pub(super) fn is_goodbye_said(&self) -> bool {
        self.is_goodbye_said
    }

    pub(super) fn connected(&mut self, session_present: bool) {
        self.session_present = session_present;
    }

    pub(super) fn received_pubrec(&mut self, id: PacketId) {
        self.pubrecs.insert(id);
    }

    pub(super) fn received_pubrel(&mut self, id: PacketId) {
        self.pubrels.insert(id);
    }

    /// Whether PUBREL answers a PUBREC of this connection.
    pub(super) fn sent_pubrel(&mut self, id: PacketId) -> bool {
        self.pubrecs.remove(&id)
    }

    /// PUBCOMP answers PUBREL, each once [MQTT-4.3.3-11].
    pub(super) fn sent_pubcomp(&mut self, id: PacketId) -> Result<(), Fault> {
        match self.pubrels.remove(&id) {
            true => Ok(()),
            false => Err(fault(Flow, "PUBCOMP, and no PUBREL came", id)),
        }
    }

    /// A message came: what the program said of another one under its identifier is over.
    pub(super) fn came(&mut self, id: PacketId) {
        self.refused.remove(&id);
    }

    /// The program refuses a message with that code.
    pub(super) fn refuses(&mut self, id: PacketId, code: u8) {
        self.refused.insert(id, code);
    }

    /// PUBACK and PUBREC say what the program said.
    pub(super) fn sent_ack(&mut self, ack: &Ack<'_>) -> Result<(), Fault> {
        let wanted = self.refused.remove(&ack.id).unwrap_or(0);
        match ack.reason.as_u8() == wanted {
            true => Ok(()),
            false => Err(fault(Truth, "acknowledged with another code than the program's", ack.id)),
        }
    }

    /// The program asks for a subscription, or for its end if there is no QoS.
    pub(super) fn asked(&mut self, id: PacketId, tag: u32, filter: &str, qos: Option<QoS>) {
        self.requests.insert(id, (tag, filter.to_owned(), qos));
    }

    pub(super) fn sent_subscribe(&self, packet: &Subscribe<'_>) -> Result<(), Fault> {
        let one = |subscription: Subscription<'_>| {
            (subscription.filter.as_str().to_owned(), Some(subscription.options.qos))
        };
        self.sent_request(packet.id, &packet.filters.iter().map(one).collect::<Vec<_>>())
    }

    pub(super) fn sent_unsubscribe(&self, packet: &Unsubscribe<'_>) -> Result<(), Fault> {
        let filters = packet.filters.iter().map(|filter| (filter.as_str().to_owned(), None));
        self.sent_request(packet.id, &filters.collect::<Vec<_>>())
    }

    fn sent_request(&self, id: PacketId, said: &[(String, Option<QoS>)]) -> Result<(), Fault> {
        let asked = self.requests.get(&id);
        let same = asked.is_some_and(|(_, filter, qos)| said == [(filter.clone(), *qos)]);
        if same { Ok(()) } else { Err(fault(Content, "a request that nobody made", id)) }
    }

    /// The server has answered a request.
    pub(super) fn answered(&mut self, id: PacketId, codes: &[u8]) {
        if let Some((tag, ..)) = self.requests.remove(&id) {
            self.answers.insert(tag, codes.to_owned());
        }
    }

    /// What the program is told is what the server said.
    pub(super) fn judge(&self, told: &Happening) -> Result<(), Fault> {
        let (right, text) = match told {
            Happening::Connected { session_present } => {
                (*session_present == self.session_present, "not the Session Present of CONNACK")
            }
            Happening::Answered(tag, codes) => {
                (self.answers.get(&tag.0) == Some(codes), "not the codes of the answer")
            }
            _ => (true, ""),
        };
        if right {
            return Ok(());
        }
        Err(Fault { invariant: Truth, text: format!("{text}: {told:?}") })
    }
}
