//! How the waits of calls end.

use core::num::NonZeroU16;

use mqtt_as_proto::client::{Fate, NotSent, Tag};
use mqtt_as_proto::{Instant, PacketId};

use super::{Codes, Outcome, Slot, Wait, Waiters, at};

impl Waiters {
    /// Ends what has waited for too long, and tells which operations nobody waits for any more.
    pub(crate) fn expire(&mut self, now: Instant, disown: &mut dyn FnMut(PacketId, Tag)) {
        if self.next_deadline.is_none_or(|at| at > now) {
            return;
        }
        let ms = now.as_millis() as u32;
        let mut next: Option<u32> = None;
        for index in 1..=self.fresh {
            let Some(waiter) = at(&mut self.slots, index) else { continue };
            if waiter.deadline == 0 || matches!(waiter.wait, Wait::Free | Wait::Done) {
                continue;
            }
            let left = waiter.deadline.wrapping_sub(ms);
            // Behind us, or one millisecond ahead where 0 was not to be had.
            if left == 0 || left > u32::MAX / 2 {
                let outcome =
                    if waiter.wait == Wait::Room { Outcome::NoRoom } else { Outcome::TimedOut };
                let id = PacketId::new(core::mem::take(&mut waiter.id));
                let slot = Slot { index: nonzero(index), generation: waiter.generation };
                self.finish(slot, outcome);
                if let Some(id) = id {
                    disown(id, slot.tag());
                }
            } else {
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
        self.next_deadline = next.map(|left| now.after(u64::from(left)));
    }

    /// Ends the wait of the call with that mark.
    pub(crate) fn finish_tag(&mut self, tag: Tag, outcome: Outcome) {
        if let Some(slot) = Slot::from_tag(tag) {
            self.finish(slot, outcome);
        }
    }

    /// The server has answered the request with that mark.
    pub(crate) fn answer(&mut self, tag: Tag, codes: &[u8]) {
        let Some(slot) = Slot::from_tag(tag) else { return };
        if let Some(waiter) = self.get(slot) {
            waiter.codes = Codes::new(codes);
            self.finish_tag(tag, Outcome::Answered);
        }
    }

    /// Ends the wait of a call, if it still waits.
    pub(crate) fn finish(&mut self, slot: Slot, outcome: Outcome) {
        let Some(waiter) = self.get(slot) else { return };
        waiter.id = 0;
        // An interrupted stream is not over: what becomes of it may still come. And a connect whose
        // failure was not heard is replaced by the next one.
        let open = match waiter.outcome {
            Outcome::Fate(Fate::Interrupted) => true,
            Outcome::Failed => outcome == Outcome::Replaced,
            _ => false,
        };
        if open || waiter.wait != Wait::Done {
            waiter.outcome = outcome;
            self.change(slot, Wait::Done);
            self.make_due(slot.index.get());
        }
    }

    /// A stream ends as it had ended before.
    pub(crate) fn restore(&mut self, slot: Slot, outcome: Outcome) {
        self.change(slot, Wait::Done);
        if let Some(waiter) = self.get(slot) {
            waiter.outcome = outcome;
        }
    }

    /// Ends the wait of every call.
    pub(crate) fn finish_all(&mut self, outcome: Outcome) {
        for index in 1..=self.fresh {
            if let Some(waiter) = at(&mut self.slots, index) {
                let slot = Slot { index: nonzero(index), generation: waiter.generation };
                self.finish(slot, outcome);
            }
        }
    }

    /// Ends the wait of every call for room or an answer: what was accepted is kept. Tells which
    /// operations nobody waits for any more.
    pub(crate) fn finish_publishes(&mut self, disown: &mut dyn FnMut(PacketId, Tag)) {
        for index in 1..=self.fresh {
            let Some(waiter) = at(&mut self.slots, index) else { continue };
            let slot = Slot { index: nonzero(index), generation: waiter.generation };
            match waiter.wait {
                Wait::Room | Wait::Open => {
                    self.finish(slot, Outcome::Fate(Fate::NeverSent(NotSent::Disconnected)));
                }
                Wait::Answer | Wait::Stream => {
                    let id = PacketId::new(core::mem::take(&mut waiter.id));
                    self.finish(slot, Outcome::Kept);
                    if let Some(id) = id {
                        disown(id, slot.tag());
                    }
                }
                _ => {}
            }
        }
    }
}

/// An index of a slot, which is never 0.
fn nonzero(index: u16) -> NonZeroU16 {
    NonZeroU16::new(index).unwrap_or(NonZeroU16::MIN)
}
