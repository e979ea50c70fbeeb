//! What the client tells its caller, and what becomes of operations.

use super::shown::{Arrival, Preview};
use crate::limits::{Limit, Limits};
use crate::packet::{Auth, ConnAck, Disconnect};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::topic::TopicName;

/// Who is told what happens: a function that must not call the client.
pub type Tell<'t> = &'t mut dyn FnMut(Event<'_>);

/// Something that happened. It borrows from the input.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A publish has its fate, or a request ended without an answer.
    Done {
        /// The mark given to the operation.
        tag: Tag,
        /// What became of it.
        fate: Fate,
    },
    /// The server said more of a publish than a reason code: a reason string, user properties. Its
    /// fate follows, at QoS 2 perhaps after more of them.
    Explained {
        /// The mark given to the operation.
        tag: Tag,
        /// Properties of PUBACK, PUBREC or PUBCOMP.
        properties: Properties<'e>,
    },
    /// A message was stored: with a heap, after `Client::offer_messages`.
    Arrived(Arrival<'e>),
    /// A message came and is not stored yet: see
    /// `Client::preview_messages`, with a heap.
    Preview(Preview<'e>),
    /// The server answered a SUBSCRIBE or UNSUBSCRIBE.
    Answered(Answer<'e>),
    /// The connection stands.
    Connected(Connected<'e>),
    /// The server refused the connection: CONNACK with a reason of 0x80 or more. It is over.
    Refused(ConnAck<'e>),
    /// The server ends the connection. It is over.
    Disconnected(Disconnect<'e>),
    /// The server asks for a step of enhanced authentication, or ends a re-authentication.
    Auth(Auth<'e>),
    /// The server answered a PINGREQ.
    Pong,
    /// A 3.1.1 message larger than we take was skipped and acknowledged [MQTT-4.5.0-2].
    TooLarge {
        /// Its topic.
        topic: TopicName<'e>,
        /// Bytes of its packet.
        size: usize,
        /// Bytes of the largest packet that we take.
        room: usize,
    },
    /// The message that is read as a stream can be read on: more of it came, or it was cut.
    Readable,
}

/// The connection stands: what CONNACK said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected<'e> {
    /// The server resumed a session.
    pub session_present: bool,
    /// The session was not known here: its state is the server's alone.
    pub adopted: bool,
    /// A CONNECT before this one was not answered: a session that is present may be the one that the
    /// server began for that, without a subscription.
    pub unanswered: bool,
    /// The keep-alive that the server wants, in seconds, if not ours.
    pub server_keep_alive: Option<u16>,
    /// Seconds for which the server keeps the session, if not what was asked for.
    pub session_expiry: Option<u32>,
    /// What the server allows.
    pub limits: &'e Limits,
    /// Properties of CONNACK.
    pub properties: Properties<'e>,
}

/// The answer to a SUBSCRIBE or UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'e> {
    /// The mark given to the operation.
    pub tag: Tag,
    /// One reason code per filter, as on the wire; empty for UNSUBACK in 3.1.1.
    pub codes: &'e [u8],
    /// Properties of the answer.
    pub properties: Properties<'e>,
}

impl Answer<'_> {
    /// The reason codes in the order of the filters.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + '_ {
        self.codes.iter().copied().map(ReasonCode::from_u8)
    }
}

/// The caller's mark on an operation: it comes back with the operation's fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tag(pub u32);

impl Tag {
    /// The mark of an operation that nobody waits for.
    pub const NOBODY: Self = Self(u32::MAX);
}

/// What became of a publish, or of a request without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Acknowledged for good: PUBACK, PUBCOMP, or PUBREC with an error. What the server made of the
    /// message, as PUBACK or PUBREC said: success, or its reason to refuse it.
    Acknowledged(ReasonCode),
    /// A QoS 0 message that had waited for a connection was handed to it.
    Left,
    /// Not a byte of it was handed to a transport, and none will be.
    NeverSent(NotSent),
    /// It was sent, or begun, and nobody knows whether it arrived.
    Unknown {
        /// The server had received it (PUBREC), but not let go of it.
        received: bool,
    },
    /// A stream that was handed to a connection whole, which was lost before the acknowledgement.
    /// It is not over: its owner may open it again, under the same packet identifier.
    Interrupted,
}

/// Why a message was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NotSent {
    /// The server's limits, learned when it accepted the connection, forbid it.
    Forbidden(Limit),
    /// Its Message Expiry Interval passed while it waited.
    Expired,
    /// The client was disconnected before it could leave.
    Disconnected,
    /// The connection was lost before the last byte of a stream was handed to it.
    Interrupted,
    /// The program stopped in the middle of its stream.
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::Fate;

    #[test]
    fn a_fate_is_two_bytes() {
        assert_eq!(size_of::<Fate>(), 2);
    }
}
