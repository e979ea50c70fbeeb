//! Messages that are claimed where they come: by receivers, which the caller keeps on a heap.
//!
//! A message that comes is offered to the caller ([`Event::Arrived`](super::Event::Arrived)). Who
//! claims it has it from there on: no [`Consumer`](super::Consumer) gets it. Where it lies is found by
//! its [`Claim`], until `Client::claims_moved` says that claims have to be looked for anew.

#[cfg(feature = "alloc")]
pub(super) use heap::Claims;
#[cfg(not(feature = "alloc"))]
pub(super) use lent::Claims;

#[cfg(feature = "alloc")]
mod heap {
    use core::cell::Cell;

    use super::super::Client;
    use super::super::error::OperationError;
    use super::super::event::{Event, Tag, Tell};
    use super::super::incoming::{Consumer, Overflow, flag, state};
    use super::super::shown::{Arrival, Claim, Offered};
    use super::super::stored::Stored;
    use crate::log::Record;
    use crate::packet::Subscription;
    use crate::property::Properties;
    use crate::reason::ReasonCode;
    use crate::wire::PacketId;

    /// Whether messages are offered: through pointers, so that nothing of it is linked where they are
    /// not.
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Claims(Option<&'static Hook>);

    struct Hook {
        offer: fn(&mut Client<'_>, Record, Tell<'_>),
        drop_oldest: fn(&mut Client<'_>) -> bool,
    }

    static HOOK: Hook = Hook {
        offer: |client, record, tell| client.offer_message(record, tell),
        drop_oldest: |client| client.drop_oldest_claimed(),
    };

    impl Claims {
        #[inline]
        pub(crate) fn has_any(self) -> bool {
            self.0.is_some()
        }
    }

    /// Whether it is a QoS 1 or 2 message that nobody has had, or has claimed.
    fn is_unclaimed(record: &Record) -> bool {
        let waits = record.has(flag::QOS) && record.state == state::HELD;
        waits && record.has(flag::NEEDS) && !record.has(flag::OPEN | flag::HAD)
    }

    impl Client<'_> {
        /// From here on messages that come are offered to the caller.
        pub fn offer_messages(&mut self) {
            self.hooks.claims = Claims(Some(&HOOK));
        }

        /// A message was stored.
        #[inline]
        pub(in super::super) fn offer(&mut self, record: &Record, tell: Tell<'_>) {
            if let Some(hook) = self.hooks.claims.0 {
                (hook.offer)(self, *record, tell);
            }
        }

        /// The oldest QoS 0 message that is claimed makes room, where they do not wait. False if there
        /// is none.
        pub(in super::super) fn drop_claimed(&mut self) -> bool {
            self.hooks.claims.0.is_some_and(|hook| (hook.drop_oldest)(self))
        }

        /// Whether reading goes on though others do not take their messages.
        #[inline]
        pub(in super::super) fn reads_past_untaken(&self) -> bool {
            self.link.reads_past_untaken
        }

        #[cold]
        #[inline(never)]
        fn offer_message(&mut self, mut record: Record, tell: Tell<'_>) {
            if !record.has(flag::QOS) {
                record.who = self.incoming.take_serial();
            }
            self.end_reading_past(1);
            let offered = Cell::new(Offered::default());
            tell(Event::Arrived(Arrival {
                stored: self.stored(&record),
                claim: Claim { serial: record.who, at: record.at },
                has_consumer: self.incoming.active != 0,
                offered: &offered,
            }));
            match offered.get() {
                Offered::Left => {}
                Offered::Claimed => {
                    record.set_flag(flag::NEEDS, false);
                    record.set_flag(Consumer::Queue.open(), true);
                    if !record.has(flag::QOS) {
                        record.state = state::CLAIMED;
                    }
                    self.incoming.log.set(&record);
                }
                Offered::Finished => self.end_unclaimed(record),
            }
        }

        /// Nobody has had the message, and nobody will: nobody acknowledges it by hand.
        fn end_unclaimed(&mut self, mut record: Record) {
            record.set_flag(flag::NEEDS, false);
            self.finish_with(record, ReasonCode::SUCCESS);
        }

        /// Nobody will ask for the QoS 1 and 2 messages that nobody has claimed: they are over, and
        /// acknowledged. Returns how many they are.
        pub fn discard_unclaimed(&mut self) -> u32 {
            let (mut at, mut count) = (0, 0_u32);
            while let Some(record) = self.incoming.log.at(at) {
                at = record.end();
                if is_unclaimed(&record) {
                    count = count.wrapping_add(1); // Fewer than there are bytes.
                    self.end_unclaimed(record);
                }
            }
            count
        }

        /// Whether there is such a message, and no consumer that it is for: it may have come before
        /// messages were offered, or its consumer is gone.
        #[must_use]
        pub fn has_unclaimed(&self) -> bool {
            !self.has_consumer() && self.incoming.log.search(is_unclaimed).is_some()
        }

        /// As [`subscribe`](Client::subscribe), where what comes will be claimed: what nobody claims
        /// is not more awaited than before.
        ///
        /// # Errors
        /// As there.
        pub fn subscribe_to_claim(
            &mut self,
            subscriptions: &[Subscription<'_>],
            properties: Properties<'_>,
            tag: Tag,
        ) -> Result<PacketId, OperationError> {
            let before = self.incoming.is_awaited;
            let asked = self.subscribe(subscriptions, properties, tag);
            self.incoming.is_awaited = before;
            asked
        }

        /// Whether a consumer is active: else what nobody claims waits for whoever comes.
        #[must_use]
        pub fn has_consumer(&self) -> bool {
            self.incoming.active != 0
        }

        /// A number that is another one when claimed messages have moved, or some were dropped: then
        /// they have to be [located](Self::locate_claims) anew.
        #[must_use]
        #[inline]
        pub fn claims_moved(&self) -> u32 {
            self.incoming.log.moved()
        }

        /// Shows every claimed message that is there.
        pub fn locate_claims(&self, mut found: impl FnMut(Claim)) {
            let mut at = 0;
            while let Some(record) = self.incoming.log.next(&mut at) {
                if record.has(Consumer::Queue.open()) {
                    found(Claim { serial: record.who, at: record.at });
                }
            }
        }

        /// A claimed message.
        #[must_use]
        pub fn claimed(&self, claim: Claim) -> Option<Stored<'_>> {
            Some(self.stored(&self.claimed_record(claim)?))
        }

        fn claimed_record(&self, claim: Claim) -> Option<Record> {
            let record = self.incoming.log.at(claim.at)?;
            let is_it = record.who == claim.serial && record.has(Consumer::Queue.open());
            (record.at == claim.at && is_it).then_some(record)
        }

        /// All who claimed the message are done with it: it is acknowledged, as by
        /// [`finish`](Self::finish).
        pub fn finish_claimed(&mut self, claim: Claim) {
            let Some(mut record) = self.claimed_record(claim) else { return };
            record.set_flag(Consumer::Queue.open(), false);
            if record.state == state::CLAIMED {
                record.state = state::HELD;
            }
            self.finish_if_last(&record);
        }

        /// Nobody claims the message any more, nobody has had it, and there is no consumer: it is over,
        /// and acknowledged.
        pub fn drop_unhad(&mut self, claim: Claim) {
            let Some(mut record) = self.claimed_record(claim) else { return };
            record.set_flag(Consumer::Queue.open(), false);
            self.end_unclaimed(record);
        }

        /// Nobody claims the message any more, and nobody has had it: it is for the consumers.
        pub fn leave_claimed(&mut self, claim: Claim) {
            let Some(mut record) = self.claimed_record(claim) else { return };
            record.set_flag(Consumer::Queue.open(), false);
            record.flags |= self.incoming.needs();
            if record.state == state::CLAIMED {
                record.state = state::HELD;
            }
            self.incoming.log.set(&record);
            self.incoming.go_back_to(&record);
        }

        /// The oldest QoS 0 message that is claimed makes room, where QoS 0 messages do not wait.
        #[cold]
        fn drop_oldest_claimed(&mut self) -> bool {
            let drops = self.config.overflow == Overflow::DropOldest || self.awaits_reply();
            let oldest = self.incoming.log.search(|record| record.state == state::CLAIMED);
            let Some(record) = oldest.filter(|_| drops) else { return false };
            self.incoming.held = self.incoming.held.saturating_sub(1);
            self.incoming.log.end_record(&record);
            self.incoming.log.note_moved();
            true
        }

        /// Whoever has to take messages does not, while others wait for theirs behind them: reading goes
        /// on as if a reply were awaited, until half of the memory is free.
        pub fn read_past_untaken(&mut self) {
            self.link.reads_past_untaken = true;
            self.link.is_full = false;
        }

        /// There may be room again, beside what `came` since.
        pub(in super::super) fn end_reading_past(&mut self, came: u32) {
            let held = self.incoming.held.saturating_sub(came) as usize;
            if self.link.reads_past_untaken && held <= self.config.queue_len >> 1 {
                let log = &self.incoming.log;
                self.link.reads_past_untaken = log.live() > log.limit() >> 1;
            }
        }
    }
}

#[cfg(not(feature = "alloc"))]
#[allow(clippy::unused_self)] // With a heap there is something.
mod lent {
    use super::super::Client;
    use super::super::event::Tell;
    use crate::log::Record;

    /// Nobody claims messages.
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Claims {}

    impl Claims {
        #[inline]
        pub(crate) fn has_any(self) -> bool {
            false
        }
    }

    impl Client<'_> {
        #[inline]
        pub(in super::super) fn offer(&mut self, _: &Record, _: Tell<'_>) {}

        #[inline]
        pub(in super::super) fn drop_claimed(&mut self) -> bool {
            false
        }

        #[inline]
        pub(in super::super) fn reads_past_untaken(&self) -> bool {
            false
        }

        #[inline]
        pub(in super::super) fn end_reading_past(&mut self, _: u32) {}
    }
}
