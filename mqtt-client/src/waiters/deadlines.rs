//! Calls that wait for room or an answer, in the order of their deadlines: the earliest is found at
//! once, and all of them without a look at slots that nobody has.

use mqtt_as_proto::client::{Fate, NotSent, Tag};
use mqtt_as_proto::{Instant, PacketId};

use super::ending::nonzero;
use super::lists::TIMES;
use super::{Of, Outcome, Slot, Wait, Waiters, at};

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
    pub(crate) fn set_deadline(&mut self, slot: Slot, deadline: Instant, time: Time) {
        let index = slot.index.get();
        let deadline = deadline.as_millis() as u32;
        let Some(waiter) = self.get(slot) else { return };
        waiter.deadline = deadline;
        self.unlink(index, Of::Time);
        let mut prev = self.tail(time as u8);
        while let Some(other) = at(&mut self.slots, prev) {
            if !is_earlier(deadline, other.deadline) {
                break;
            }
            prev = other.places[1].prev;
        }
        self.link(index, Of::Time, time as u8, prev);
    }

    /// The call waits for as long as it takes.
    pub(crate) fn clear_deadline(&mut self, slot: Slot) {
        self.set_deadline(slot, Instant::default(), Time::Unlimited);
    }

    /// The earliest deadline, if there is one, seen at `now`.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let left = |time: Time| {
            let index = usize::from(self.head(time as u8)).wrapping_sub(1);
            let left = self.slots.get(index)?.deadline.wrapping_sub(now.as_millis() as u32);
            Some(if left > u32::MAX / 2 { 0 } else { left })
        };
        let next = match (left(Time::Usual), left(Time::Own)) {
            (Some(usual), Some(own)) => usual.min(own),
            (usual, own) => usual.or(own)?,
        };
        Some(now.after(u64::from(next)))
    }

    /// Ends what has waited for too long, one at a time. Gives the mark of its operation, and the
    /// identifier if there is one that nobody waits for any more.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(Tag, Option<PacketId>)> {
        let now = now.as_millis() as u32;
        let heads = [Time::Usual, Time::Own].map(|time| self.head(time as u8));
        let late = heads.into_iter().find(|head| {
            let waiter = at(&mut self.slots, *head);
            waiter.is_some_and(|waiter| !is_earlier(now, waiter.deadline))
        })?;
        Some(self.end_wait(late, Outcome::NoRoom, Outcome::TimedOut))
    }

    /// Ends the wait of a call for room or an answer: what was accepted is kept. Gives the same.
    pub(crate) fn finish_publish(&mut self) -> Option<(Tag, Option<PacketId>)> {
        let lists = [Time::Usual, Time::Own, Time::Unlimited];
        let index =
            lists.into_iter().map(|time| self.head(time as u8)).find(|index| *index != 0)?;
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
        let slot = Slot { index: nonzero(index), generation: waiter.generation };
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

/// Whether that moment, in wrapping milliseconds, is before the other.
fn is_earlier(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) > u32::MAX / 2
}
