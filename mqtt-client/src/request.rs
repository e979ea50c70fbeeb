//! What calls ask for, and how they end.

use core::task::{Poll, Waker};

use mqtt_as_proto::TopicError;
use mqtt_as_proto::client::OperationError;

use crate::error::DisconnectError;
use crate::granted::Codes;
use crate::state::State;
use crate::waiters::{Outcome, Slot};

/// What a call asks for: reached through a pointer, so that a program links only what it calls.
pub(crate) trait Operation: Unpin {
    /// It waits for something that happens anyway: where no waiter slot is free, it looks again.
    fn looks_again(&self) -> bool {
        false
    }

    /// Does what there is to do when the call is polled.
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done>;
}

/// How long a publish waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// In milliseconds; the most that there are for the time of the settings.
    pub(crate) timeout: u32,
    /// It does not wait for the acknowledgement: a receipt does.
    pub(crate) until_accepted: bool,
}

impl Patience {
    pub(crate) const DEFAULT: Self = Self { timeout: u32::MAX, until_accepted: false };

    /// The program's own time-out.
    pub(crate) fn timeout(self) -> Option<u32> {
        Some(self.timeout).filter(|timeout| *timeout != u32::MAX)
    }
}

/// How a call ended. If it still has its slot, the server's words lie there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Done {
    Outcome(Outcome),
    /// A QoS 0 message is on its way.
    Left,
    Mistaken(TopicError),
    /// It was accepted, and goes on in the slot.
    Accepted,
    /// The core does not take it.
    Refused(OperationError),
    Granted(Codes),
    /// The link is, or was, up.
    Up,
    Down,
    Found(bool),
    /// There is no connection, for a reason that is told beside.
    Unconnected,
    /// The connection cannot be ended so.
    Disconnect(DisconnectError),
    NotConnected,
    StreamOpen,
    /// No waiter slot is free.
    NoWaiter,
}

impl Done {
    pub(crate) const CLOSED: Self = Self::Outcome(Outcome::Closed);
}
