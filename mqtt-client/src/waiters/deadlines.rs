//! Calls that wait for room or an answer, in the order of their deadlines: the earliest is found at
//! once, and all of them without a look at slots that nobody has.

use mqtt_as_proto::client::{Fate, NotSent, Tag};
use mqtt_as_proto::{Instant, PacketId};

use super::ending::nonzero;
use super::{List, Outcome, Slot, Wait, Waiters, at};

/// Lists of deadlines. Calls without a deadline are in one, too.
pub(super) const TIMES: usize = 3;

/// What a deadline comes of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    /// The time of the settings: each deadline is behind those that there are.
    Usual = 1,
    /// A time of the call's own.
    Own,
    /// There is none.
    Unlimited,
}

impl Waiters {
    /// The call waits until then, and its slot is known to those that end all waits.
    pub(crate) fn set_deadline(&mut self, slot: Slot, deadline: Instant, time: Time) {
        let index = slot.index.get();
        self.leave_times(index);
        let deadline = deadline.as_millis() as u32;
        let Some(waiter) = self.get(slot) else { return };
        (waiter.deadline, waiter.time) = (deadline, time as u8);
        let Some(list) = self.times.get_mut(time as usize - 1) else { return };
        let (mut before, mut behind) = (list.tail, 0);
        while let Some(other) = at(&mut self.slots, before) {
            if !is_earlier(deadline, other.deadline) {
                other.later = index;
                break;
            }
            (before, behind) = (other.sooner, before);
        }
        match at(&mut self.slots, behind) {
            Some(other) => other.sooner = index,
            None => list.tail = index,
        }
        if before == 0 {
            list.head = index;
        }
        if let Some(waiter) = at(&mut self.slots, index) {
            (waiter.sooner, waiter.later) = (before, behind);
        }
    }

    /// The call waits for as long as it takes.
    pub(crate) fn clear_deadline(&mut self, slot: Slot) {
        self.set_deadline(slot, Instant::default(), Time::Unlimited);
    }

    pub(super) fn leave_times(&mut self, index: u16) {
        let Some(waiter) = at(&mut self.slots, index) else { return };
        let time = usize::from(core::mem::take(&mut waiter.time));
        let (sooner, later) = (waiter.sooner, waiter.later);
        let Some(list) = self.times.get_mut(time.wrapping_sub(1)) else { return };
        match at(&mut self.slots, sooner) {
            Some(sooner) => sooner.later = later,
            None => list.head = later,
        }
        match at(&mut self.slots, later) {
            Some(later) => later.sooner = sooner,
            None => list.tail = sooner,
        }
    }

    /// The earliest deadline, if there is one, seen at `now`.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let [usual, own, _] = &self.times;
        let left = |list: &List| {
            let waiter = self.slots.get(usize::from(list.head).wrapping_sub(1))?;
            let left = waiter.deadline.wrapping_sub(now.as_millis() as u32);
            Some(if left > u32::MAX / 2 { 0 } else { left })
        };
        let next = match (left(usual), left(own)) {
            (Some(usual), Some(own)) => usual.min(own),
            (usual, own) => usual.or(own)?,
        };
        Some(now.after(u64::from(next)))
    }

    /// Ends what has waited for too long, one at a time. Gives the mark of its operation, and the
    /// identifier if there is one that nobody waits for any more.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(Tag, Option<PacketId>)> {
        let now = now.as_millis() as u32;
        let heads = [Time::Usual, Time::Own].map(|time| self.first(time));
        let late = heads.into_iter().find(|head| {
            let waiter = at(&mut self.slots, *head);
            waiter.is_some_and(|waiter| !is_earlier(now, waiter.deadline))
        })?;
        Some(self.end_wait(late, Outcome::NoRoom, Outcome::TimedOut))
    }

    /// Ends the wait of a call for room or an answer: what was accepted is kept. Gives the same.
    pub(crate) fn finish_publish(&mut self) -> Option<(Tag, Option<PacketId>)> {
        let lists = [Time::Usual, Time::Own, Time::Unlimited];
        let index = lists.into_iter().map(|time| self.first(time)).find(|index| *index != 0)?;
        let never = Outcome::Fate(Fate::NeverSent(NotSent::Disconnected));
        Some(self.end_wait(index, never, Outcome::Kept))
    }

    fn first(&self, time: Time) -> u16 {
        self.times.get(time as usize - 1).map_or(0, |list| list.head)
    }

    /// Ends a wait, of which there is none if the call has ended and was not polled since.
    fn end_wait(
        &mut self,
        index: u16,
        for_room: Outcome,
        other: Outcome,
    ) -> (Tag, Option<PacketId>) {
        self.leave_times(index);
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
