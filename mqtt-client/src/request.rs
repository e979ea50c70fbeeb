//! What calls ask for, and how they end.

use core::sync::atomic::AtomicU32;

use mqtt_as_proto::client::{Message, OperationError};
use mqtt_as_proto::packet::SubscriptionOptions;
use mqtt_as_proto::{Properties, ReasonCode, TopicError};

use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::granted::Codes;
use crate::waiters::Outcome;

/// What a call asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'c> {
    Publish(Message<'c>, Patience),
    /// A message whose topic is none.
    Mistaken(TopicError),
    Subscribe(&'c [(&'c str, SubscriptionOptions)], Properties<'c>),
    Unsubscribe(&'c [&'c str], Properties<'c>),
    Connect {
        clean: bool,
    },
    Disconnect(ReasonCode),
    /// The end of the connection that had this number: of a disconnect that was begun.
    End(u32),
    /// A connection, or a loss, that was not told of yet.
    Up(&'c AtomicU32),
    Down(&'c AtomicU32),
    Ping,
    /// The answer to it: PINGRESPs and ends of connections that there were before.
    Pong(u32, u32),
    Idle,
    /// The end of what was accepted before.
    Fate,
}

/// How long a publish waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Milliseconds; none for the time of the settings.
    pub(crate) timeout: Option<u32>,
    /// It does not wait for the acknowledgement: a receipt does.
    pub(crate) until_accepted: bool,
}

impl Patience {
    pub(crate) const DEFAULT: Self = Self { timeout: None, until_accepted: false };
}

/// How a call ended.
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
    Down(Option<DownReason>),
    Found(bool),
    /// It could not begin.
    Connect(ConnectError),
    Disconnect(DisconnectError),
    NotConnected,
    StreamOpen,
    /// No waiter slot is free.
    NoWaiter,
}

impl Done {
    pub(crate) const CLOSED: Self = Self::Outcome(Outcome::Closed);
}

impl Request<'_> {
    /// What waits for something that happens anyway looks again where no waiter slot is free.
    pub(crate) fn looks_again(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Down(_) | Self::Idle)
    }
}
