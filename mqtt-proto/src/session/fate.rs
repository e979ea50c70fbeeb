//! What becomes of an operation, and whose it was.

use crate::error::EncodeError;
use crate::limits::Limit;

/// The caller's mark on an operation: it comes back with the operation's outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tag(pub u32);

impl Tag {
    /// The mark of an operation that nobody waits for.
    pub const NOBODY: Self = Self(u32::MAX);
}

/// What became of an operation that no acknowledgement closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
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
    /// It cannot be encoded.
    Invalid(EncodeError),
    /// The connection was lost before the last byte of a stream was handed to it.
    Interrupted,
    /// The program stopped in the middle of its stream.
    Stopped,
}
