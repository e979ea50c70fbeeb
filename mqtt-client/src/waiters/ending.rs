//! How the waits of calls end.

use mqtt_as_proto::Properties;
use mqtt_as_proto::client::{Answer, Fate, Tag};

use super::{Codes, Outcome, Slot, Wait, Waiters, at};

impl Waiters {
    /// Ends the wait of the call with that mark.
    pub(crate) fn finish_tag(&mut self, tag: Tag, outcome: Outcome) {
        if let Some(slot) = Slot::from_tag(tag) {
            self.finish(slot, outcome);
        }
    }

    /// The server has answered the request with that mark.
    pub(crate) fn answer(&mut self, answer: &Answer<'_>) {
        let Some(slot) = Slot::from_tag(answer.tag) else { return };
        if let Some(waiter) = self.get(slot) {
            waiter.granted = Codes::new(answer.codes);
            waiter.words.explain(&answer.properties);
            self.finish(slot, Outcome::Answered);
        }
    }

    /// The server says more to the operation with that mark than its fate.
    pub(crate) fn explain(&mut self, tag: Tag, properties: &Properties<'_>) {
        if let Some(waiter) = Slot::from_tag(tag).and_then(|slot| self.get(slot)) {
            waiter.words.explain(properties);
        }
    }

    /// Ends the wait of a call, if it still waits.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
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
            let has_waker = waiter.waker.is_some();
            self.change(slot, Wait::Done);
            if has_waker {
                self.make_due(slot.index());
            }
        }
    }

    /// It ends otherwise: as the stream had ended before, or with a message that was never sent.
    pub(crate) fn restore(&mut self, slot: Slot, outcome: Outcome) {
        self.change(slot, Wait::Done);
        if let Some(waiter) = self.get(slot) {
            waiter.outcome = outcome;
        }
    }

    /// Ends the wait of every call.
    pub(crate) fn finish_all(&mut self, outcome: Outcome) {
        for index in 1..=self.fresh {
            if let Some(waiter) = at(&mut self.slots, index)
                && let Some(slot) = Slot::new(index, waiter.generation)
            {
                self.finish(slot, outcome);
            }
        }
    }
}
