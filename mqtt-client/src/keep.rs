//! What a client keeps only with a heap.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Discarded, Kept, Receivers};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Discarded, Kept};

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use core::any::Any;

    use mqtt_as_proto::client::{self, Answer, Arrival};
    use mqtt_as_proto::packet::{Publish, Subscription};
    use mqtt_as_proto::{Instant, TopicFilter};

    use crate::chunks::Chunks;
    use crate::deadline::{Deadline, NEVER};
    use crate::error::{ConnectError, DownReason};
    use crate::event::Session;
    use crate::held::Text;
    use crate::responses::Responses;
    use crate::subscriptions::Subscribed;
    use crate::waiters::{Wait, Waiters};

    /// Reasons that are no longer told: the errors of transports in them are the program's to drop.
    pub(crate) type Discarded = Vec<DownReason>;

    /// What is kept in the shared state.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {
        /// The memory that small messages are copied to.
        pub(crate) chunks: Chunks,
        /// The program's callbacks: what they are is known where they are called.
        pub(crate) callbacks: Option<Box<dyn Any + Send>>,
        /// A server that ours has named, for this time.
        pub(crate) elsewhere: Option<Box<(Text, u16)>>,
        /// The program's receivers, once there was one.
        pub(crate) receivers: Option<Box<dyn Receivers>>,
        /// The program has subscribed to something itself, too.
        subscribes: bool,
        /// When nobody has taken a message for too long, since nothing more is read for want of room.
        untaken_until: Option<Deadline>,
        discarded: Discarded,
        /// The program's requests to other clients, once there was one.
        pub(crate) responses: Option<Box<Responses>>,
    }

    /// Receivers by filter, as the rest of the client sees them.
    pub(crate) trait Receivers: Any + Send {
        /// A message came: it is claimed by those that it is for. `others` if the program has also
        /// subscribed without receivers.
        fn offer(&mut self, arrival: &Arrival<'_>, others: bool, waiters: &mut Waiters);

        /// The server answered a request of theirs.
        fn answered(
            &mut self,
            answer: &Answer<'_>,
            waiters: &mut Waiters,
            subscribed: &mut Subscribed,
        );

        /// The program subscribes without receivers.
        fn subscribed(&mut self, all: &[Subscription<'_>], subscribed: &mut Subscribed);

        /// The program ends its subscriptions to those filters.
        fn unsubscribed(&mut self, filters: &[TopicFilter<'_>]);

        /// The link came up.
        fn come_up(&mut self, session: &Session);

        /// The link went down.
        fn go_down(&mut self);

        /// Asks the server for what is wanted, and looks for messages that have moved.
        fn attend(
            &mut self,
            core: &mut client::Client<'static>,
            waiters: &mut Waiters,
            subscribed: &mut Subscribed,
            now: Instant,
        );

        /// Messages may have been left that nobody claims: somebody has to ask for them in time.
        fn left(&mut self, core: &client::Client<'static>, clock: fn() -> Instant);

        /// The milliseconds until somebody has to have asked for what none of them claims, or `NEVER`.
        fn time_left(&self, now: Instant) -> u32;

        /// How many of those were discarded.
        fn unclaimed(&self) -> u64;

        /// If nobody has, that is over: true then.
        fn expire(&mut self, core: &mut client::Client<'static>, now: Instant) -> bool;
    }

    impl core::fmt::Debug for dyn Receivers {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("Receivers")
        }
    }

    impl Kept {
        /// The link is idle: what a burst took is given back.
        pub(crate) fn release_memory(&mut self) {
            self.chunks.release();
        }

        /// The program subscribes to something, for no receiver.
        pub(crate) fn note_subscribing(
            &mut self,
            all: &[Subscription<'_>],
            subscribed: &mut Subscribed,
        ) {
            self.subscribes = true;
            if let Some(receivers) = &mut self.receivers {
                receivers.subscribed(all, subscribed);
            }
        }

        /// The program unsubscribes from those filters.
        pub(crate) fn note_unsubscribing(&mut self, filters: &[TopicFilter<'_>]) {
            if let Some(receivers) = &mut self.receivers {
                receivers.unsubscribed(filters);
            }
        }

        pub(crate) fn offer(&mut self, arrival: &Arrival<'_>, waiters: &mut Waiters) {
            if let Some(receivers) = &mut self.receivers {
                receivers.offer(arrival, self.subscribes, waiters);
            }
        }

        /// Whether the answer was for receivers.
        pub(crate) fn answered(
            &mut self,
            answer: &Answer<'_>,
            waiters: &mut Waiters,
            subscribed: &mut Subscribed,
        ) -> bool {
            let receivers = self.receivers.as_mut().filter(|_| answer.tag.0 & 0xffff == 0);
            receivers.map(|receivers| receivers.answered(answer, waiters, subscribed)).is_some()
        }

        pub(crate) fn come_up(&mut self, session: &Session) {
            if let Some(receivers) = &mut self.receivers {
                receivers.come_up(session);
            }
        }

        pub(crate) fn go_down(&mut self, waiters: &mut Waiters) {
            self.untaken_until = None;
            if let Some(receivers) = &mut self.receivers {
                receivers.go_down();
                waiters.wake_all(Wait::Received);
            }
        }

        #[inline]
        pub(crate) fn attend(
            &mut self,
            core: &mut client::Client<'static>,
            waiters: &mut Waiters,
            subscribed: &mut Subscribed,
            now: Instant,
        ) {
            if let Some(receivers) = &mut self.receivers {
                receivers.attend(core, waiters, subscribed, now);
            }
        }

        /// Whether nothing more is read before a message is taken: somebody has the response time to
        /// do so.
        #[inline]
        pub(crate) fn note_full(
            &mut self,
            is_full: bool,
            has_read: bool,
            core: &client::Client<'static>,
            now: Instant,
        ) {
            // It may look again for other reasons: that makes no room.
            if is_full && self.receivers.is_some() && (has_read || self.untaken_until.is_none()) {
                let time = core.config().response_time;
                self.untaken_until = (time != 0).then(|| Deadline::after(now, time));
            }
        }

        /// A consumer is gone, or there are receivers from here on.
        pub(crate) fn left(&mut self, core: &client::Client<'static>, clock: fn() -> Instant) {
            if let Some(receivers) = &mut self.receivers {
                receivers.left(core, clock);
            }
        }

        /// Somebody has taken one.
        #[inline]
        pub(crate) fn note_taken(&mut self) {
            self.untaken_until = None;
        }

        /// The milliseconds until somebody has to have taken a message, or `NEVER`.
        pub(crate) fn time_left(&self, now: Instant) -> u32 {
            let of_receivers = self.receivers.as_ref().map_or(NEVER, |all| all.time_left(now));
            self.untaken_left(now).min(of_receivers)
        }

        fn untaken_left(&self, now: Instant) -> u32 {
            self.untaken_until.map_or(NEVER, |until| until.left(now))
        }

        /// Messages that no receiver has claimed, and nobody has asked for in time.
        pub(crate) fn unclaimed(&self) -> u64 {
            self.receivers.as_ref().map_or(0, |all| all.unclaimed())
        }

        /// If nobody has, and somebody waits for a message that may lie behind, reading goes on: true
        /// then, and where what nobody asks for is over.
        pub(crate) fn make_room(
            &mut self,
            core: &mut client::Client<'static>,
            waiters: &Waiters,
            now: Instant,
        ) -> bool {
            let discarded = self.receivers.as_mut().is_some_and(|all| all.expire(core, now));
            self.read_past_untaken(core, waiters, now) || discarded
        }

        fn read_past_untaken(
            &mut self,
            core: &mut client::Client<'static>,
            waiters: &Waiters,
            now: Instant,
        ) -> bool {
            if self.untaken_left(now) != 0 {
                return false;
            }
            self.untaken_until = None;
            let waits = waiters.waits(Wait::Received) || waiters.waits(Wait::Message);
            let is_blocked = waits && core.is_full();
            if is_blocked {
                core.read_past_untaken();
            }
            is_blocked
        }

        /// It is dropped when the lock is free.
        pub(crate) fn discard(&mut self, reason: Option<DownReason>) {
            self.discarded.extend(reason);
        }

        /// The same.
        pub(crate) fn discard_failure(&mut self, failure: Option<ConnectError>) {
            self.discarded.extend(failure.and_then(|failure| match failure {
                ConnectError::Unreachable(_, error) | ConnectError::HostNotFound { error, .. } => {
                    Some(DownReason::Transport(error))
                }
                ConnectError::Lost(reason) => Some(reason),
                _ => None,
            }));
        }

        #[inline]
        pub(crate) fn has_discarded(&self) -> bool {
            !self.discarded.is_empty()
        }

        pub(crate) fn take_discarded(&mut self) -> Discarded {
            core::mem::take(&mut self.discarded)
        }

        /// The server has answered something.
        pub(crate) fn note_answer(&mut self, waiters: &mut Waiters) {
            if self.responses.is_some() {
                waiters.wake_all(Wait::Response); // It may be the subscription that they wait for.
            }
        }

        /// A message came: whether a request has it.
        pub(crate) fn preview(&mut self, publish: &Publish<'_>, waiters: &mut Waiters) -> bool {
            let offer = |responses: &mut Responses| (responses.offer)(responses, publish, waiters);
            self.responses.as_deref_mut().is_some_and(offer)
        }
    }
}

#[cfg(not(feature = "alloc"))]
#[allow(clippy::unused_self)] // With a heap there is something.
mod lent {
    use mqtt_as_proto::client::{self, Answer, Arrival};
    use mqtt_as_proto::packet::{Publish, Subscription};
    use mqtt_as_proto::{Instant, TopicFilter};

    use crate::deadline::NEVER;
    use crate::error::{ConnectError, DownReason};
    use crate::event::Session;
    use crate::subscriptions::Subscribed;
    use crate::waiters::Waiters;

    /// Nothing is anybody's to drop.
    pub(crate) type Discarded = ();

    /// What is kept in the shared state: nothing.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {}

    impl Kept {
        pub(crate) fn release_memory(&mut self) {}

        #[inline]
        pub(crate) fn note_subscribing(&mut self, _: &[Subscription<'_>], _: &mut Subscribed) {}

        #[inline]
        pub(crate) fn offer(&mut self, _: &Arrival<'_>, _: &mut Waiters) {}

        #[inline]
        pub(crate) fn answered(
            &mut self,
            _: &Answer<'_>,
            _: &mut Waiters,
            _: &mut Subscribed,
        ) -> bool {
            false
        }

        #[inline]
        pub(crate) fn come_up(&mut self, _: &Session) {}

        #[inline]
        pub(crate) fn go_down(&mut self, _: &mut Waiters) {}

        #[inline]
        pub(crate) fn attend(
            &mut self,
            _: &mut client::Client<'static>,
            _: &mut Waiters,
            _: &mut Subscribed,
            _: Instant,
        ) {
        }

        #[inline]
        pub(crate) fn note_unsubscribing(&mut self, _: &[TopicFilter<'_>]) {}

        #[inline]
        pub(crate) fn note_full(
            &mut self,
            _: bool,
            _: bool,
            _: &client::Client<'static>,
            _: Instant,
        ) {
        }

        #[inline]
        pub(crate) fn left(&mut self, _: &client::Client<'static>, _: fn() -> Instant) {}

        #[inline]
        pub(crate) fn note_taken(&mut self) {}

        #[inline]
        pub(crate) fn time_left(&self, _: Instant) -> u32 {
            NEVER
        }

        #[inline]
        pub(crate) fn unclaimed(&self) -> u64 {
            0
        }

        #[inline]
        pub(crate) fn make_room(
            &mut self,
            _: &mut client::Client<'static>,
            _: &Waiters,
            _: Instant,
        ) -> bool {
            false
        }

        #[inline]
        pub(crate) fn discard(&mut self, _: Option<DownReason>) {}

        #[inline]
        pub(crate) fn discard_failure(&mut self, _: Option<ConnectError>) {}

        pub(crate) fn has_discarded(&self) -> bool {
            false
        }

        pub(crate) fn take_discarded(&mut self) -> Discarded {}

        #[inline]
        pub(crate) fn note_answer(&mut self, _: &mut Waiters) {}

        #[inline]
        pub(crate) fn preview(&mut self, _: &Publish<'_>, _: &mut Waiters) -> bool {
            false
        }
    }
}
