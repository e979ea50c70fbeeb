//! A waiting call: what it waits for, and how it ended.

use core::num::NonZeroU32;
use core::task::Waker;

use mqtt_as_proto::client::{Fate, Tag};

use crate::deadline::Deadline;
use crate::granted::Codes;
use crate::words::Words;

/// One waiting call. Opaque: without a heap the caller makes an array of them.
#[derive(Debug)]
pub struct Waiter {
    pub(crate) waker: Option<Waker>,
    pub(crate) deadline: Option<Deadline>,
    /// The server's answer to a request.
    pub(crate) granted: Codes,
    pub(crate) generation: u16,
    /// Its places in the lists: see `Of`.
    pub(crate) places: [Place; 3],
    /// The packet identifier of the operation that it waits for.
    pub(crate) id: u16,
    pub(crate) wait: Wait,
    /// How often it found no room.
    pub(crate) passed: u8,
    pub(crate) outcome: Outcome,
    /// What the server said to its operation.
    pub(crate) words: Words,
}

impl Waiter {
    /// A free slot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waker: None,
            deadline: None,
            granted: Codes::NONE,
            generation: 0,
            places: [Place::NONE; 3],
            id: 0,
            wait: Wait::Free,
            passed: 0,
            outcome: Outcome::None,
            words: Words::NONE,
        }
    }
}

impl Default for Waiter {
    fn default() -> Self {
        Self::new()
    }
}

/// A slot's place in a list: its neighbours, and which list it is; 0 for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) prev: u16,
    pub(crate) next: u16,
    pub(crate) list: u8,
}

impl Place {
    pub(crate) const NONE: Self = Self { prev: 0, next: 0, list: 0 };
}

/// What a slot is in a list for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// Its kind of wait. Free slots are in a row, too.
    Wait = 0,
    /// Its deadline.
    Time = 1,
    /// Its waker, which has to be called.
    Wake = 2,
}

impl Waiter {
    /// Whether it is in a list of that sort.
    #[inline]
    pub(crate) fn is_listed(&self, of: Of) -> bool {
        self.places.get(of as usize).is_some_and(|place| place.list != 0)
    }
}

/// What a call waits for. Those from `Room` to `Idle` have a list each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wait {
    /// Nobody waits.
    Free = 0,
    /// Room for its message.
    Room,
    /// The link to come up.
    Up,
    /// The link to go down.
    Down,
    /// PINGRESP.
    Pong,
    /// A message.
    Message,
    /// A connection to open a stream on.
    Open,
    /// More of a message that is being read.
    Piece,
    /// A message for a receiver, or that its subscription stands.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    Received,
    /// What another client answers, or that answers are subscribed to.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    Response,
    /// That nothing is on its way any more.
    Idle,
    /// The end of its operation.
    Answer,
    /// The connection that it asked for.
    Connection,
    /// Its stream is open: it waits for room in it, or for nothing yet.
    Stream,
    /// It is over.
    Done,
}

/// Kinds that have a list.
pub(crate) const KINDS: usize = Wait::Idle as usize;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    None = 0,
    Fate(Fate),
    /// The server has answered the request.
    Answered,
    Connected,
    /// The connection did not come to be; the link knows why.
    Failed,
    /// Another call took its place.
    Replaced,
    TimedOut,
    /// The same, and the message was never sent.
    Unsent,
    /// The same, and nothing was accepted.
    NoRoom,
    /// The program disconnected; the message stays for the next connection.
    Kept,
    Closed,
}

/// A slot, as a call holds it: its place, counted from 1, and in the upper half its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(NonZeroU32);

impl Slot {
    pub(crate) fn new(index: u16, generation: u16) -> Option<Self> {
        Self::from_tag(Tag(u32::from(generation) << 16 | u32::from(index)))
    }

    #[inline]
    pub(crate) fn index(self) -> u16 {
        self.0.get() as u16
    }

    #[inline]
    pub(crate) fn generation(self) -> u16 {
        (self.0.get() >> 16) as u16
    }

    /// The mark that the operation carries through the core.
    #[inline]
    pub(crate) fn tag(self) -> Tag {
        Tag(self.0.get())
    }

    #[inline]
    pub(crate) fn from_tag(tag: Tag) -> Option<Self> {
        NonZeroU32::new(tag.0).map(Self)
    }
}
