//! Who waits for what: one slot per waiting call, found by its index, freed when its future is
//! dropped.

use core::task::Waker;

use mqtt_as_proto::client::{Fate, NotSent, Tag};
use mqtt_as_proto::{Instant, ReasonCode, Storage};

use crate::error::ConnectError;
use crate::operation::Granted;
use crate::place::ShortPlace;

/// One waiting call. Opaque: without a heap the caller makes an array of them.
#[derive(Debug)]
pub struct Waiter {
    wait: Wait,
    waker: Option<Waker>,
    generation: u16,
    next: Option<ShortPlace>,
    prev: Option<ShortPlace>,
    deadline: Option<Instant>,
    /// Its waker has to be called once the lock is free: it is in the list through `due_next`.
    due: bool,
    due_next: Option<ShortPlace>,
}

impl Waiter {
    /// A free slot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            wait: Wait::Free,
            waker: None,
            generation: 0,
            next: None,
            prev: None,
            deadline: None,
            due: false,
            due_next: None,
        }
    }
}

impl Default for Waiter {
    fn default() -> Self {
        Self::new()
    }
}

/// What a call waits for. It is matched, not compared: that would take 700 bytes of a device's code.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Wait {
    #[default]
    Free,
    /// Room for its message. First come, first served.
    Room,
    /// The end of its operation.
    Answer,
    /// A change of the link, a message, a PINGRESP.
    Event(Event),
    /// The connection that it asked for.
    Connection,
    /// Its stream is open: it waits for room in it, or for nothing yet.
    Stream,
    /// It is over.
    Done(Outcome),
}

impl Wait {
    fn is_for(&self, event: Event) -> bool {
        matches!(self, Self::Event(known) if *known == event)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Up,
    Down,
    Message,
    Pong,
    /// A connection to open a stream on.
    Stream,
    /// More of a message that is being read.
    Piece,
}

/// How a call ended.
// 0 to 5 are left for the cases of `Wait` around it, in their order: a slot that nobody has used is
// all zero, and a static array of them takes no flash.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Outcome {
    Acknowledged(ReasonCode) = 6,
    Fate(Fate),
    Granted(Granted),
    Connected(Result<(), ConnectError>),
    TimedOut,
    /// The same, and nothing was accepted.
    NoRoom,
    /// The program disconnected; the message stays for the next connection.
    Kept,
    Closed,
}

/// A slot, as a call holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    index: ShortPlace,
    generation: u16,
}

impl Slot {
    /// The mark that the operation carries through the core.
    pub(crate) fn tag(self) -> Tag {
        Tag(u32::from(self.generation) << 16 | self.index.at() as u32)
    }

    pub(crate) fn from_tag(tag: Tag) -> Option<Self> {
        let generation = (tag.0 >> 16) as u16;
        ShortPlace::new(tag.0 as u16).map(|index| Self { index, generation })
    }
}

/// All slots.
#[derive(Debug)]
pub(crate) struct Waiters {
    slots: Storage<'static, Waiter>,
    /// Slots that were used before, a list through `next`; those from `fresh` on never were.
    free: Option<ShortPlace>,
    fresh: u16,
    /// Calls that wait for room, in order.
    room_head: Option<ShortPlace>,
    room_tail: Option<ShortPlace>,
    /// No deadline is earlier than this.
    next_deadline: Option<Instant>,
    /// Slots with a waker to call, in order.
    due_head: Option<ShortPlace>,
    due_tail: Option<ShortPlace>,
    /// The slot that waited for a message last: it is likely to be the one to wake.
    consumer: Option<ShortPlace>,
    /// Slots that wait for a message.
    consumers: u16,
}

impl Waiters {
    pub(crate) fn new(slots: Storage<'static, Waiter>) -> Self {
        Self {
            slots,
            free: None,
            fresh: 0,
            room_head: None,
            room_tail: None,
            next_deadline: None,
            due_head: None,
            due_tail: None,
            consumer: None,
            consumers: 0,
        }
    }

    /// Takes a free slot; none if all are taken.
    pub(crate) fn take(&mut self, wait: Wait) -> Option<Slot> {
        let index = self.free_index()?;
        let waiter = self.slots.get_mut(index.at())?;
        waiter.wait = wait;
        waiter.deadline = None;
        let slot = Slot { index, generation: waiter.generation };
        match wait {
            Wait::Room => self.enqueue(index),
            Wait::Event(Event::Message) => self.consumers += 1,
            _ => {}
        }
        Some(slot)
    }

    fn free_index(&mut self) -> Option<ShortPlace> {
        if let Some(index) = self.free {
            self.free = self.slots.get_mut(index.at())?.next.take();
            return Some(index);
        }
        let index = ShortPlace::new(self.fresh)?;
        if !self.slots.grow_to(index.at() + 1) {
            return None;
        }
        self.fresh += 1;
        Some(index)
    }

    /// The slots that are or were in use.
    fn all(&self) -> impl Iterator<Item = ShortPlace> + use<> {
        (0..self.fresh).map_while(ShortPlace::new)
    }

    fn get(&mut self, slot: Slot) -> Option<&mut Waiter> {
        let waiter = self.slots.get_mut(slot.index.at())?;
        let free = matches!(waiter.wait, Wait::Free);
        (waiter.generation == slot.generation && !free).then_some(waiter)
    }

    /// What the slot's call waits for now.
    pub(crate) fn wait(&mut self, slot: Slot) -> Wait {
        self.get(slot).map_or(Wait::Done(Outcome::Closed), |waiter| waiter.wait)
    }

    /// The call waits for something else from here on.
    pub(crate) fn change(&mut self, slot: Slot, wait: Wait) {
        let Some(waiter) = self.get(slot) else { return };
        let before = core::mem::replace(&mut waiter.wait, wait);
        self.leave(before, slot.index);
    }

    /// The call joins the queue for room, if it is not in it.
    pub(crate) fn wait_for_room(&mut self, slot: Slot) {
        if let Some(waiter) = self.get(slot)
            && !matches!(waiter.wait, Wait::Room)
        {
            waiter.wait = Wait::Room;
            self.enqueue(slot.index);
        }
    }

    /// The call joins the queue for room in front of all others.
    pub(crate) fn wait_in_front(&mut self, slot: Slot) {
        let Some(waiter) = self.get(slot) else { return };
        waiter.wait = Wait::Room;
        let second = self.room_head.replace(slot.index);
        if let Some(waiter) = self.slots.get_mut(slot.index.at()) {
            (waiter.prev, waiter.next) = (None, second);
        }
        match second.and_then(|second| self.slots.get_mut(second.at())) {
            Some(second) => second.prev = Some(slot.index),
            None => self.room_tail = Some(slot.index),
        }
    }

    /// The slot is free again. Gives the waker back, to be dropped when the lock is free.
    pub(crate) fn free(&mut self, slot: Slot) -> Option<Waker> {
        let waiter = self.get(slot)?;
        let waker = waiter.waker.take();
        let waited = core::mem::take(&mut waiter.wait);
        waiter.generation = waiter.generation.wrapping_add(1);
        self.leave(waited, slot.index);
        let free = self.free.replace(slot.index);
        if let Some(waiter) = self.slots.get_mut(slot.index.at()) {
            waiter.next = free;
        }
        waker
    }

    /// The slot does not wait so any more.
    fn leave(&mut self, waited: Wait, index: ShortPlace) {
        match waited {
            Wait::Room => self.dequeue(index),
            Wait::Event(Event::Message) => self.consumers -= 1,
            _ => {}
        }
    }

    /// Keeps the waker of the call that waits. Gives an old one back.
    pub(crate) fn register(&mut self, slot: Slot, waker: &Waker) -> Option<Waker> {
        let waiter = self.get(slot)?;
        match &waiter.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => waiter.waker.replace(waker.clone()),
        }
    }

    pub(crate) fn set_deadline(&mut self, slot: Slot, deadline: Instant) {
        if let Some(waiter) = self.get(slot) {
            waiter.deadline = Some(deadline);
            let earliest = self.next_deadline.map_or(deadline, |at| at.min(deadline));
            self.next_deadline = Some(earliest);
        }
    }

    pub(crate) fn clear_deadline(&mut self, slot: Slot) {
        if let Some(waiter) = self.get(slot) {
            waiter.deadline = None;
        }
    }

    /// Wakes that call, if it waits.
    pub(crate) fn wake_slot(&mut self, slot: Slot) {
        if self.get(slot).is_some() {
            self.wake(slot.index);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Ends what has waited for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.next_deadline.is_none_or(|at| at > now) {
            return;
        }
        let mut next: Option<Instant> = None;
        for index in self.all() {
            let Some(waiter) = self.slots.get_mut(index.at()) else { continue };
            let waits = matches!(waiter.wait, Wait::Room | Wait::Answer | Wait::Event(_));
            let no_room = matches!(waiter.wait, Wait::Room);
            let Some(at) = waiter.deadline.filter(|_| waits) else { continue };
            if at <= now {
                let slot = Slot { index, generation: waiter.generation };
                let outcome = if no_room { Outcome::NoRoom } else { Outcome::TimedOut };
                self.finish(slot, outcome);
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        self.next_deadline = next;
    }

    /// Ends the wait of a call, if it still waits.
    pub(crate) fn finish(&mut self, slot: Slot, outcome: Outcome) {
        let Some(waiter) = self.get(slot) else { return };
        // An interrupted stream is not over: what becomes of it may still come.
        let open = matches!(waiter.wait, Wait::Done(Outcome::Fate(Fate::Interrupted)));
        if open || !matches!(waiter.wait, Wait::Done(_)) {
            self.change(slot, Wait::Done(outcome));
            self.wake(slot.index);
        }
    }

    /// Ends the wait of every call.
    pub(crate) fn finish_all(&mut self, outcome: Outcome) {
        for index in self.all() {
            if let Some(waiter) = self.slots.get(index.at()) {
                self.finish(Slot { index, generation: waiter.generation }, outcome);
            }
        }
    }

    /// Ends the wait of every call for room or an answer: what was accepted is kept.
    pub(crate) fn finish_publishes(&mut self) {
        for index in self.all() {
            let Some(waiter) = self.slots.get(index.at()) else { continue };
            let slot = Slot { index, generation: waiter.generation };
            match waiter.wait {
                Wait::Room | Wait::Event(Event::Stream) => {
                    let never = Outcome::Fate(Fate::NeverSent(NotSent::Disconnected));
                    self.finish(slot, never);
                }
                Wait::Answer | Wait::Stream => self.finish(slot, Outcome::Kept),
                _ => {}
            }
        }
    }

    /// Wakes every call that waits for the event.
    pub(crate) fn wake_event(&mut self, event: Event) {
        for index in self.all() {
            let waiter = self.slots.get(index.at());
            if waiter.is_some_and(|waiter| waiter.wait.is_for(event)) {
                self.wake(index);
            }
        }
    }

    /// Wakes a call that waits for a message and was not woken yet.
    pub(crate) fn wake_consumer(&mut self) {
        if self.consumers == 0 {
            return;
        }
        let waits = |waiter: &Waiter| {
            waiter.wait.is_for(Event::Message) && waiter.waker.is_some() && !waiter.due
        };
        let waits = |index: &ShortPlace| self.slots.get(index.at()).is_some_and(waits);
        let likely = self.consumer.filter(waits);
        if let Some(index) = likely.or_else(|| self.all().find(waits)) {
            self.consumer = Some(index);
            self.wake(index);
        }
    }

    /// Whether calls wait for room.
    pub(crate) fn has_room_queue(&self) -> bool {
        self.room_head.is_some()
    }

    /// Whether that call is the first in the queue for room.
    pub(crate) fn is_first(&self, slot: Slot) -> bool {
        self.room_head == Some(slot.index)
    }

    /// There may be room: wakes the first call that waits for it.
    pub(crate) fn wake_room(&mut self) {
        if let Some(index) = self.room_head {
            self.wake(index);
        }
    }

    fn wake(&mut self, index: ShortPlace) {
        let Some(waiter) = self.slots.get_mut(index.at()) else { return };
        if waiter.waker.is_none() || core::mem::replace(&mut waiter.due, true) {
            return;
        }
        waiter.due_next = None;
        let tail = self.due_tail.replace(index);
        match tail.and_then(|tail| self.slots.get_mut(tail.at())) {
            Some(tail) => tail.due_next = Some(index),
            None => self.due_head = Some(index),
        }
    }

    /// Whether wakers have to be called.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due_head.is_some()
    }

    /// The next waker to call when the lock is free.
    pub(crate) fn next_due(&mut self) -> Option<Waker> {
        while let Some(index) = self.due_head {
            let waiter = self.slots.get_mut(index.at())?;
            waiter.due = false;
            self.due_head = waiter.due_next.take();
            let waker = waiter.waker.take();
            if self.due_head.is_none() {
                self.due_tail = None;
            }
            if waker.is_some() {
                return waker;
            }
        }
        None
    }

    fn enqueue(&mut self, index: ShortPlace) {
        let tail = self.room_tail.replace(index);
        if let Some(waiter) = self.slots.get_mut(index.at()) {
            (waiter.prev, waiter.next) = (tail, None);
        }
        match tail.and_then(|tail| self.slots.get_mut(tail.at())) {
            Some(tail) => tail.next = Some(index),
            None => self.room_head = Some(index),
        }
    }

    fn dequeue(&mut self, index: ShortPlace) {
        let Some(waiter) = self.slots.get_mut(index.at()) else { return };
        let (prev, next) = (waiter.prev.take(), waiter.next.take());
        match prev.and_then(|prev| self.slots.get_mut(prev.at())) {
            Some(prev) => prev.next = next,
            None => {
                // It may have been the one that was woken for room.
                self.room_head = next;
                self.wake_room();
            }
        }
        match next.and_then(|next| self.slots.get_mut(next.at())) {
            Some(next) => next.prev = prev,
            None => self.room_tail = prev,
        }
    }
}
