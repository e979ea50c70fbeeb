//! Calls that wait for room or an answer, in the order of their deadlines: the earliest is found at
//! once, and all of them without a look at slots that nobody has.

use mqtt_as_proto::client::{Fate, NotSent, Tag};
use mqtt_as_proto::{Instant, PacketId};

use super::lists::TIMES;
use super::{Of, Outcome, Slot, Wait, Waiters, at};
use crate::deadline::{Deadline, NEVER};

/// What a deadline comes of: each has its list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    /// The time of the settings: each deadline is behind those that there are.
    Usual = TIMES as isize + 1,
    /// A time of the call's own.
    Own,
    /// There is none.
    Unlimited,
}

impl Waiters {
    /// The call waits until then, and its slot is known to those that end all waits.
    pub(crate) fn set_deadline(&mut self, slot: Slot, deadline: Option<Deadline>, time: Time) {
        let index = slot.index();
        let Some(waiter) = self.get(slot) else { return };
        waiter.deadline = deadline;
        if waiter.is_listed(Of::Time) {
            self.unlink(index, Of::Time);
        }
        let mut prev = self.tail(time as u8);
        while let Some(other) = at(&mut self.slots, prev) {
            if !deadline.zip(other.deadline).is_some_and(|(new, other)| new.is_before(other)) {
                break;
            }
            prev = other.places[1].prev;
        }
        self.link(index, Of::Time, time as u8, prev);
    }

    /// The call waits for as long as it takes.
    pub(crate) fn clear_deadline(&mut self, slot: Slot) {
        self.set_deadline(slot, None, Time::Unlimited);
    }

    /// The milliseconds that are left until something is due, or `NEVER`.
    pub(crate) fn time_left(&self, now: Instant) -> u32 {
        let earliest = self.earliest(now).map_or(NEVER, |(left, _)| left);
        self.look_again.map_or(earliest, |at| at.left(now).min(earliest))
    }

    /// The milliseconds that are left until the earliest deadline, and whose it is.
    fn earliest(&self, now: Instant) -> Option<(u32, u16)> {
        let first = |time: Time| {
            let index = self.head(time as u8);
            let waiter = self.slots.get(usize::from(index).wrapping_sub(1))?;
            Some((waiter.deadline?.left(now), index))
        };
        match (first(Time::Usual), first(Time::Own)) {
            (Some(usual), Some(own)) if own < usual => Some(own),
            (usual, own) => usual.or(own),
        }
    }

    /// Ends what has waited for too long, one at a time. Gives the mark of its operation, and the
    /// identifier if there is one that nobody waits for any more.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(Tag, Option<PacketId>)> {
        let late = self.earliest(now).filter(|(left, _)| *left == 0)?;
        Some(self.end_wait(late.1, Outcome::NoRoom, Outcome::TimedOut))
    }

    /// Ends the wait of a call for room or an answer: what was accepted is kept. Gives the same.
    pub(crate) fn finish_publish(&mut self) -> Option<(Tag, Option<PacketId>)> {
        let mut heads = (Time::Usual as u8..=Time::Unlimited as u8).map(|time| self.head(time));
        let index = heads.find(|index| *index != 0)?;
        let never = Outcome::Fate(Fate::NeverSent(NotSent::Disconnected));
        Some(self.end_wait(index, never, Outcome::Kept))
    }

    /// Ends a wait, of which there is none if the call has ended and was not polled since.
    fn end_wait(
        &mut self,
        index: u16,
        for_room: Outcome,
        other: Outcome,
    ) -> (Tag, Option<PacketId>) {
        self.unlink(index, Of::Time);
        let Some(waiter) = at(&mut self.slots, index) else { return (Tag::NOBODY, None) };
        let Some(slot) = Slot::new(index, waiter.generation) else { return (Tag::NOBODY, None) };
        let outcome = match waiter.wait {
            Wait::Free | Wait::Done => return (slot.tag(), None),
            Wait::Room | Wait::Open => for_room,
            _ => other,
        };
        let id = PacketId::new(core::mem::take(&mut waiter.id));
        self.finish(slot, outcome);
        (slot.tag(), id)
    }
}
