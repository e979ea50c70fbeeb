//! What the caller is shown of a message that comes: before it is stored, and when it is.

use core::cell::Cell;

use super::stored::Stored;
use crate::packet::Publish;

/// A whole message that came, and is not stored yet.
#[derive(Debug)]
pub struct Preview<'e> {
    /// The message; the topic of an alias is put back.
    pub publish: Publish<'e>,
    /// Set if the caller has it: then nobody else gets it, and it is acknowledged.
    pub taken: &'e Cell<bool>,
}

/// Names a claimed message, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name, until it is finished.
    pub serial: u32,
    pub(super) at: u32,
}

/// What becomes of a message that is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offered {
    /// Nobody claims it: it is for the consumers.
    #[default]
    Left,
    /// It is claimed, until `Client::finish_claimed`.
    Claimed,
    /// It is for nobody: it is over, and acknowledged at once.
    Finished,
}

/// A message that came.
#[derive(Debug)]
pub struct Arrival<'e> {
    /// The message where it lies.
    pub stored: Stored<'e>,
    /// How it is found, if it is claimed.
    pub claim: Claim,
    /// Whether a consumer is active, which gets it if nobody claims it.
    pub has_consumer: bool,
    /// What becomes of it, to be set.
    pub offered: &'e Cell<Offered>,
}
