//! What happens between the two, and what may not.

use std::fmt;

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::{ConnectionError, Fate, Lost, Tag};
use mqtt_as_proto::packet::Delivery;

use crate::broker::Accepted;

/// Something that happened on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The client's connection stands.
    Connected {
        /// The server resumed a session.
        session_present: bool,
    },
    /// The server refused the client.
    Refused(ReasonCode),
    /// A publish was acknowledged for good.
    Settled(Tag, ReasonCode),
    /// A request was answered, with a code for each filter.
    Answered(Tag, Vec<u8>),
    /// A publish or request ended without an acknowledgement.
    Ended(Tag, Fate),
    /// The program got a message.
    Delivered(Delivered),
    /// The program has dealt with a message, and has not acknowledged it.
    Finished(Delivered),
    /// A message was skipped, as it was too large.
    TooLarge,
    /// The server answered a PINGREQ.
    Pong,
    /// The client ended the connection for that reason.
    Failed(ConnectionError),
    /// The server ended the connection for that reason.
    Disconnected(ReasonCode),
    /// The client's connection is gone.
    Lost(Lost),
    /// The client's process ended, and another one began: of what it had, it knows nothing.
    Restarted,
    /// The broker began a new session for the client.
    SessionBorn,
    /// The broker took a message from the client.
    Accepted(Accepted),
}

/// A message that the program got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Its QoS and packet identifier.
    pub delivery: Delivery,
}

/// A rule that a run breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// DUP says whether a PUBLISH was sent before in its session [MQTT-3.3.1-1].
    Dup,
    /// A packet identifier is in use for one thing at a time [MQTT-2.2.1-3].
    PacketId,
    /// The packets of a flow come in their order, each once a connection [MQTT-4.4.0-1].
    Flow,
    /// Nothing is acknowledged that the program has not taken.
    Untaken,
    /// Whatever was accepted has one outcome.
    OneOutcome,
    /// The outcome is what the broker saw.
    Truth,
    /// QoS 2, and QoS 0 in its way: nothing arrives twice.
    ExactlyOnce,
    /// QoS 1 and 2: nothing is lost while the session lives.
    AtLeastOnce,
    /// Messages of a topic and QoS arrive in the order of sending [MQTT-4.6.0-5].
    Order,
    /// A message arrives as it was sent.
    Content,
    /// No connection ends without a cause.
    Connection,
    /// All comes to an end, and nothing turns in circles.
    Rest,
    /// Memory is given back when it is not needed.
    Memory,
    /// What a deadline is for happens at that moment, neither earlier nor later; and the client names
    /// it.
    Deadline,
    /// As many messages are under way as may be, if there are so many, and never more [MQTT-3.3.4-7].
    Quota,
    /// A message tells the time that it has left, and ends with it.
    Expiry,
}

/// A broken rule and how it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub invariant: Invariant,
    /// What happened.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.text)
    }
}

/// For a trace: payloads are long.
pub(super) fn short(happening: &Happening) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
    match happening {
        Happening::Delivered(message) => {
            let Delivered { topic, payload, delivery } = message;
            format!("delivered {topic} {:?} {delivery:?}", text(payload))
        }
        Happening::Finished(message) => format!("finished {:?}", message.delivery),
        Happening::Accepted(Accepted { topic, payload, qos, .. }) => {
            format!("the broker accepted {topic} {:?} {qos:?}", text(payload))
        }
        other => format!("{other:?}"),
    }
}
