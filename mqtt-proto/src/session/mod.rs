//! What survives a reconnect: messages on their way out, messages on their way in, and their
//! packet identifiers (4.1).

pub(crate) mod blocks;
mod fate;
pub(crate) mod incoming;
pub(crate) mod outgoing;
pub(crate) mod resume;
pub(crate) mod streams;
mod table;

pub use blocks::{BLOCK_BYTES, Block};
pub use fate::{Fate, NotSent, Tag};
pub use incoming::{AckToken, Held};
pub use outgoing::Flight;
pub use table::Slot;

use incoming::Incoming;
use outgoing::Outgoing;

/// The session state of a client.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) outgoing: Outgoing<'a>,
    pub(crate) incoming: Incoming<'a>,
    /// There was a session with the server, in this process or before it.
    pub(crate) exists: bool,
    /// A CONNECT was not answered: the session that the server holds may be the one it began.
    pub(crate) begun: bool,
    /// The session is the server's alone: what it holds is not known here.
    pub(crate) adopted: bool,
}
