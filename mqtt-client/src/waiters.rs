//! Calls that wait: a slot each, in a list for each kind of wait.

mod deadlines;
mod ending;
mod lists;

use core::task::Waker;

use mqtt_as_proto::{Instant, PacketId, Storage};

use crate::apart::Apart;
use crate::deadline::Deadline;
use crate::granted::Codes;
use crate::waiter::Of;
pub use crate::waiter::Waiter;
pub(crate) use crate::waiter::{Outcome, Slot, Wait};
use crate::words::Words;
pub(crate) use deadlines::Time;
use lists::{DUE, LISTS, List};

/// All slots.
#[derive(Debug)]
pub(crate) struct Waiters {
    slots: Storage<'static, Waiter>,
    /// Slots that were used before; those from `fresh` on never were.
    free: u16,
    fresh: u16,
    lists: [List; LISTS],
    /// The call whose turn it is: others wait behind it for room.
    turn: Option<Slot>,
    /// How long ago it was woken, and has not looked since, in turns of the driver from 1 on; else 0.
    turn_age: u8,
    /// A waker to drop when the lock is free.
    old: Option<Waker>,
    /// Calls that found no slot, when they look again, and whether that is now.
    strangers: Option<Apart<Strangers>>,
    look_again: Option<Deadline>,
    are_strangers_due: bool,
}

/// So many calls at a time may be without a slot.
type Strangers = [Option<Waker>; 4];

/// A slot that was freed.
pub(crate) struct Freed {
    /// What its call waited for, and whether it was woken for that, or had the turn.
    pub(crate) wait: Wait,
    pub(crate) was_woken: bool,
    /// The operation whose end it waited for.
    pub(crate) id: Option<PacketId>,
}

/// Calls that are woken at once when there may be room for them; each that finds some wakes one more.
const BATCH: usize = 64;

/// A call that found no room so often is the next one.
const PATIENCE: u8 = 16;

/// Turns of the driver in which a call may look that was offered room alone. In the first of them some
/// runtimes have not polled it: of two tasks that were woken, they run the second one first.
const GRACE: u8 = 2;

impl Waiters {
    pub(crate) fn new(slots: Storage<'static, Waiter>) -> Self {
        Self {
            slots,
            free: 0,
            fresh: 0,
            lists: [List::default(); LISTS],
            turn: None,
            turn_age: 0,
            old: None,
            strangers: None,
            look_again: None,
            are_strangers_due: false,
        }
    }

    /// Takes a free slot; none if all are taken.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Slot> {
        let index = self.free_index()?;
        let waiter = at(&mut self.slots, index)?;
        waiter.wait = Wait::Answer;
        waiter.id = 0;
        waiter.passed = 0;
        Slot::new(index, waiter.generation)
    }

    fn free_index(&mut self) -> Option<u16> {
        if let Some(waiter) = at(&mut self.slots, self.free) {
            return Some(core::mem::replace(&mut self.free, waiter.places[0].next));
        }
        let index = self.fresh.checked_add(1).filter(|index| *index != u16::MAX)?;
        if !self.slots.grow_to(usize::from(index)) {
            return None;
        }
        self.fresh = index;
        Some(index)
    }

    #[inline]
    fn get(&mut self, slot: Slot) -> Option<&mut Waiter> {
        let waiter = at(&mut self.slots, slot.index())?;
        (waiter.generation == slot.generation() && waiter.wait != Wait::Free).then_some(waiter)
    }

    /// What the slot's call waits for now.
    pub(crate) fn wait(&mut self, slot: Slot) -> Wait {
        self.get(slot).map_or(Wait::Done, |waiter| waiter.wait)
    }

    /// How the call ended, if it has.
    #[inline]
    pub(crate) fn outcome(&mut self, slot: Slot) -> Option<Outcome> {
        match self.get(slot) {
            Some(waiter) if waiter.wait == Wait::Done => Some(waiter.outcome),
            Some(_) => None,
            None => Some(Outcome::Closed),
        }
    }

    /// What the server answered.
    pub(crate) fn granted(&mut self, slot: Slot) -> Codes {
        self.get(slot).map_or(Codes::NONE, |waiter| waiter.granted)
    }

    /// The same, and whether the server has said more to the operation than a reason code.
    #[inline]
    pub(crate) fn end(&mut self, slot: Slot) -> Option<(Outcome, bool)> {
        match self.get(slot) {
            Some(waiter) => {
                let end = (waiter.outcome, !waiter.words.is_empty());
                (waiter.wait == Wait::Done).then_some(end)
            }
            None => Some((Outcome::Closed, false)),
        }
    }

    /// Takes what the server said to the operation.
    pub(crate) fn take_words(&mut self, slot: Slot) -> Words {
        self.get(slot).map(|waiter| core::mem::take(&mut waiter.words)).unwrap_or_default()
    }

    /// The call waits for the end of the operation with that identifier, if it is to be woken for it.
    #[inline]
    pub(crate) fn await_answer(&mut self, slot: Slot, id: PacketId, waker: Option<&Waker>) {
        let Some(waiter) = self.get(slot) else { return };
        waiter.id = id.get();
        if let Some(waker) = waker {
            self.register(slot, waker);
        }
    }

    /// The call waits for something else from here on, and is in no list yet.
    #[inline]
    pub(crate) fn change(&mut self, slot: Slot, wait: Wait) {
        let Some(waiter) = self.get(slot) else { return };
        waiter.wait = wait;
        if waiter.is_listed(Of::Wait) {
            self.unlink(slot.index(), Of::Wait);
        }
        self.end_turn(slot);
    }

    /// The call waits for that, in the list of its kind, until it is woken.
    pub(crate) fn park(&mut self, slot: Slot, wait: Wait, waker: &Waker) {
        let Some(waiter) = self.get(slot) else { return };
        if waiter.wait != wait {
            self.change(slot, wait);
        }
        let index = slot.index();
        if at(&mut self.slots, index).is_some_and(|waiter| !waiter.is_listed(Of::Wait)) {
            self.link(index, Of::Wait, wait as u8, self.tail(wait as u8));
        }
        self.register(slot, waker);
    }

    /// It found no room, and waits for some. The more often that was so, the sooner it is its turn.
    pub(crate) fn park_for_room(&mut self, slot: Slot, waker: &Waker) {
        let has_turn = self.turn == Some(slot);
        let Some(waiter) = self.get(slot) else { return };
        if waiter.wait == Wait::Room {
            waiter.passed = waiter.passed.saturating_add(1);
        }
        let due = waiter.passed >= PATIENCE && self.turn.is_none();
        self.park(slot, Wait::Room, waker);
        if due {
            self.turn = Some(slot);
        }
        if has_turn || due {
            self.turn_age = 0;
        }
    }

    /// Whether any call waits for that.
    #[inline]
    pub(crate) fn waits(&self, wait: Wait) -> bool {
        self.head(wait as u8) != 0
    }

    /// Whether the call is the next one that room is for.
    pub(crate) fn has_turn(&self, slot: Slot) -> bool {
        self.turn == Some(slot)
    }

    /// Whether another call is the next one that room is for.
    #[inline]
    pub(crate) fn is_behind(&self, slot: Option<Slot>) -> bool {
        self.turn.is_some() && self.turn != slot
    }

    /// The call is the next one that room is for, whoever was it before.
    pub(crate) fn claim_turn(&mut self, slot: Slot) {
        if self.turn != Some(slot) {
            self.change(slot, Wait::Room);
            self.turn = Some(slot);
            self.turn_age = 0;
        }
    }

    /// Whoever had the turn has it no longer: those behind it look again.
    #[inline]
    fn end_turn(&mut self, slot: Slot) {
        if self.turn == Some(slot) {
            self.end_turns();
        }
    }

    /// Nobody has a turn any more.
    pub(crate) fn end_turns(&mut self) {
        if self.turn.take().is_some() {
            self.turn_age = 0;
            self.wake(Wait::Room, BATCH);
        }
    }

    /// Keeps the waker of the call that waits.
    #[inline]
    pub(crate) fn register(&mut self, slot: Slot, waker: &Waker) {
        let Some(waiter) = self.get(slot) else { return };
        match &waiter.waker {
            Some(known) if known.will_wake(waker) => {}
            _ => self.old = waiter.waker.replace(waker.clone()).or(self.old.take()),
        }
    }

    /// A call that found no slot looks again at that time, or when a slot is free. Gives false if
    /// there are too many of them.
    pub(crate) fn register_stranger(&mut self, waker: &Waker, at: Deadline) -> bool {
        let waits = |place: &Option<Waker>| place.as_ref().is_some_and(|w| w.will_wake(waker));
        let strangers = self.strangers.get_or_insert_default();
        if !strangers.iter().any(waits) {
            let place = strangers.iter_mut().find(|place| place.is_none());
            let Some(place) = place else { return false };
            *place = Some(waker.clone());
        }
        self.look_again.get_or_insert(at);
        true
    }

    /// They look again, if it is time.
    pub(crate) fn wake_strangers(&mut self, now: Instant) {
        if self.look_again.is_some_and(|at| at.left(now) == 0) {
            self.are_strangers_due = true;
        }
    }

    /// The driver has a turn: a call that was offered room alone, and did not look, loses its own.
    #[inline]
    pub(crate) fn begin_turn(&mut self) {
        if self.turn_age != 0 {
            self.age_turn();
        }
    }

    fn age_turn(&mut self) {
        self.turn_age = self.turn_age.saturating_add(1);
        if self.turn_age > GRACE
            && let Some(slot) = self.turn.take()
        {
            self.turn_age = 0;
            if let Some(waiter) = self.get(slot) {
                waiter.passed = 0;
            }
            self.wake(Wait::Room, BATCH);
        }
    }

    /// Whether others wait behind a call that was offered room alone, and has not looked since.
    #[inline]
    pub(crate) fn holds_up(&self) -> bool {
        self.turn_age != 0 && self.waits_behind()
    }

    fn waits_behind(&self) -> bool {
        let (room, own) = (Wait::Room as u8, self.turn.map_or(0, Slot::index));
        [self.head(room), self.tail(room)].into_iter().any(|index| index != 0 && index != own)
    }

    /// A waker to drop when the lock is free.
    pub(crate) fn drop_later(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.old = waker;
        }
    }

    /// The slot is free again, if it was not before.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(crate) fn free(&mut self, slot: Slot) -> Option<Freed> {
        let (had_turn, index) = (self.has_turn(slot), slot.index());
        let waiter = self.get(slot)?;
        let freed = Freed {
            wait: waiter.wait,
            was_woken: had_turn || !waiter.is_listed(Of::Wait),
            id: PacketId::new(core::mem::take(&mut waiter.id)),
        };
        let waker = waiter.waker.take();
        waiter.words = Words::NONE;
        waiter.wait = Wait::Free;
        waiter.generation = waiter.generation.wrapping_add(1);
        let (waits, has_deadline) = (waiter.is_listed(Of::Wait), waiter.is_listed(Of::Time));
        if waits {
            self.unlink(index, Of::Wait);
        }
        if has_deadline {
            self.unlink(index, Of::Time);
        }
        self.end_turn(slot);
        let next = core::mem::replace(&mut self.free, index);
        at(&mut self.slots, index)?.places[0].next = next;
        if waker.is_some() {
            self.old = waker;
        }
        self.are_strangers_due |= self.look_again.is_some();
        Some(freed)
    }

    /// Wakes that call.
    pub(crate) fn wake_slot(&mut self, slot: Slot) {
        if self.get(slot).is_some() {
            self.make_due(slot.index());
        }
    }

    /// The same, and it does not wait any longer, whether it looks or not.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))]
    pub(crate) fn wake_parked(&mut self, slot: Slot) {
        if self.get(slot).is_some() {
            self.unlink(slot.index(), Of::Wait);
            self.make_due(slot.index());
        }
    }

    /// Wakes every call that waits for that.
    pub(crate) fn wake_all(&mut self, wait: Wait) {
        self.wake(wait, usize::MAX);
    }

    /// Wakes the first calls that wait for that, `count` at most: they leave the list, so that
    /// nobody waits behind one that is not polled.
    #[inline]
    pub(crate) fn wake(&mut self, wait: Wait, count: usize) {
        for _ in 0..count {
            let index = self.head(wait as u8);
            if index == 0 {
                return;
            }
            self.unlink(index, Of::Wait);
            self.make_due(index);
        }
    }

    /// There may be room: wakes those that wait for it, or the one whose turn it is.
    pub(crate) fn wake_room(&mut self) {
        if let Some(slot) = self.turn {
            self.turn_age = self.turn_age.max(1);
            return self.wake_slot(slot);
        }
        self.wake(Wait::Room, BATCH);
    }

    fn make_due(&mut self, index: u16) {
        let Some(waiter) = at(&mut self.slots, index) else { return };
        if waiter.waker.is_some() && !waiter.is_listed(Of::Wake) {
            self.link(index, Of::Wake, DUE, self.tail(DUE));
        }
    }

    /// Whether wakers have to be called, or dropped.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.head(DUE) != 0 || self.old.is_some() || self.are_strangers_due
    }

    /// A waker to drop when the lock is free.
    pub(crate) fn take_old(&mut self) -> Option<Waker> {
        self.old.take()
    }

    /// The next waker to call when the lock is free.
    pub(crate) fn next_due(&mut self) -> Option<Waker> {
        if self.are_strangers_due {
            self.look_again = None;
            if let Some(strangers) = self.strangers.as_deref_mut()
                && let Some(stranger) = strangers.iter_mut().find_map(Option::take)
            {
                return Some(stranger);
            }
            self.are_strangers_due = false;
        }
        let mut index = self.head(DUE);
        while let Some(waiter) = at(&mut self.slots, index) {
            let waker = waiter.waker.take();
            self.unlink(index, Of::Wake);
            if waker.is_some() {
                return waker;
            }
            index = self.head(DUE);
        }
        None
    }
}

/// The slot at that place, counted from 1.
#[inline]
fn at<'s>(slots: &'s mut Storage<'static, Waiter>, index: u16) -> Option<&'s mut Waiter> {
    looks::count();
    slots.get_mut(usize::from(index).wrapping_sub(1))
}

#[cfg(not(test))]
mod looks {
    #[inline]
    pub(super) fn count() {}
}

/// How often a slot was looked at: what a test of work counts.
#[cfg(test)]
mod looks {
    use core::cell::Cell;

    std::thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        LOOKS.with(|looks| looks.set(looks.get() + 1));
    }

    pub(super) fn take() -> usize {
        LOOKS.with(Cell::take)
    }
}

#[cfg(test)]
#[path = "waiters/tests.rs"]
mod tests;
