//! What the client tells its caller.

use crate::packet::{Auth, ConnAck, Disconnect, Publish};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::session::{AckToken, Fate, Tag};
use crate::topic::TopicName;

/// Something that happened. It borrows from the input, and must be used before the next call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The connection stands.
    Connected(Connected<'a>),
    /// The server refused the connection: CONNACK with a reason of 0x80 or more. It is over.
    Refused(ConnAck<'a>),
    /// A message came.
    Message(Received<'a>),
    /// A message came that is larger than we take at once: its payload follows in pieces. Here it is
    /// empty.
    StreamBegins {
        /// All but the payload.
        received: Received<'a>,
        /// Bytes of its packet before the payload: they are at the front of the input.
        head: usize,
        /// Bytes of its payload.
        len: usize,
    },
    /// The next bytes of its payload.
    Piece(&'a [u8]),
    /// A 3.1.1 message larger than we take was skipped and acknowledged [MQTT-4.5.0-2].
    TooLarge {
        /// Its topic.
        topic: TopicName<'a>,
        /// Bytes of its packet.
        size: usize,
        /// Bytes of the largest packet that we take.
        room: usize,
    },
    /// A publish was acknowledged for good: PUBACK, PUBCOMP, or PUBREC with an error.
    Published {
        /// The mark given to `publish`.
        tag: Tag,
        /// Success, or the server's reason to refuse the message.
        reason: ReasonCode,
        /// Properties of the acknowledgement.
        properties: Properties<'a>,
    },
    /// A publish or request ended without an acknowledgement, or a QoS 0 message that had waited
    /// left.
    Ended {
        /// The mark given to the operation.
        tag: Tag,
        /// What became of it.
        fate: Fate,
    },
    /// The server answered a SUBSCRIBE.
    Subscribed(Answer<'a>),
    /// The server answered an UNSUBSCRIBE.
    Unsubscribed(Answer<'a>),
    /// The server answered a PINGREQ.
    Pong,
    /// The server asks for a step of enhanced authentication, or ends a re-authentication.
    Auth(Auth<'a>),
    /// The server ends the connection. It is over.
    Disconnected(Disconnect<'a>),
}

/// The connection stands: what CONNACK said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected<'a> {
    /// The server resumed a session.
    pub session_present: bool,
    /// The session was not known here: its state is the server's alone.
    pub adopted: bool,
    /// Properties of CONNACK.
    pub properties: Properties<'a>,
}

/// A received message.
#[derive(Debug)]
pub struct Received<'a> {
    /// The PUBLISH, its topic alias resolved.
    pub publish: Publish<'a>,
    /// The duty to acknowledge, which QoS 0 has not. Until it is given to `Client::acknowledge` the
    /// message holds a slot.
    pub token: Option<AckToken>,
}

/// The answer to a SUBSCRIBE or UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The mark given to the operation.
    pub tag: Tag,
    /// One reason code per filter, as on the wire; empty for UNSUBACK in 3.1.1.
    pub codes: &'a [u8],
    /// Properties of the answer.
    pub properties: Properties<'a>,
}

impl Answer<'_> {
    /// The reason codes in the order of the filters.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + '_ {
        self.codes.iter().copied().map(ReasonCode::from_u8)
    }
}
