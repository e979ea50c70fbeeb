//! What lives meet: each of these has to be met, or the run does not see it.

use mqtt_as_proto::QoS;
use mqtt_as_proto::client::{ConnectionError, Fate, Violation};
use mqtt_as_tests::pair::Happening;

/// All that a few hundred lives have to meet.
pub(crate) const KINDS: [&str; 47] = [
    "connected",
    "resumed",
    "settled",
    "answered",
    "left",
    "never sent",
    "unknown",
    "unknown, received",
    "accepted at QoS 0",
    "accepted at QoS 1",
    "accepted at QoS 2",
    "delivered at QoS 0",
    "delivered at QoS 1",
    "delivered at QoS 2",
    "sent again",
    "delivered again",
    "interrupted",
    "streamed out",
    "streamed in",
    "too large",
    "overrun",
    "session born",
    "lost",
    "restarted",
    "overrun, told",
    "timed out: CONNACK",
    "timed out: PINGRESP",
    "timed out: silence",
    "timed out: the transport",
    "timed out: acknowledgements",
    "PINGREQ at its time",
    "a millisecond before a deadline",
    "a clock that jumped",
    "the server's quota in use",
    "our quota in use",
    "our quota exceeded",
    "expired",
    "expiry counted down",
    "session expired",
    "an alias of ours alone",
    "an alias of the server's alone",
    "other limits",
    "a keep-alive of the server's",
    "a name that the server gave",
    "a session that was adopted",
    "identifiers from the start again",
    "memory that is lent",
];

/// What it is.
pub(crate) fn kind(happening: &Happening) -> &'static str {
    match happening {
        Happening::Connected { session_present: false } => "connected",
        Happening::Connected { session_present: true } => "resumed",
        Happening::Settled(..) => "settled",
        Happening::Answered(..) => "answered",
        Happening::Ended(_, Fate::Left) => "left",
        Happening::Ended(_, Fate::NeverSent(_)) => "never sent",
        Happening::Ended(_, Fate::Unknown { received: false }) => "unknown",
        Happening::Ended(_, Fate::Interrupted) => "interrupted",
        Happening::Ended(_, Fate::Unknown { received: true }) => "unknown, received",
        Happening::Accepted(accepted) => match accepted.qos {
            QoS::AtMostOnce => "accepted at QoS 0",
            QoS::AtLeastOnce => "accepted at QoS 1",
            QoS::ExactlyOnce => "accepted at QoS 2",
        },
        Happening::Delivered(delivered) => match delivered.delivery.qos() {
            QoS::AtMostOnce => "delivered at QoS 0",
            QoS::AtLeastOnce => "delivered at QoS 1",
            QoS::ExactlyOnce => "delivered at QoS 2",
        },
        Happening::TooLarge => "too large",
        Happening::Failed(ConnectionError::Violation(Violation::ReceiveMaximum)) => "overrun, told",
        Happening::Failed(ConnectionError::Overrun) => "overrun",
        Happening::SessionBorn => "session born",
        Happening::Lost(_) => "lost",
        Happening::Restarted => "restarted",
        _ => "other",
    }
}
