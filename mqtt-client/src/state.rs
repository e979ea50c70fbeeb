//! What handles and driver share, behind one lock: the core, who waits, where the link stands.

use core::task::Waker;

use mqtt_as_proto::client::{self, Consumer, Event, Preview, Tag};
use mqtt_as_proto::{Instant, PacketId, Shared, Storage};

use crate::config::Config;
use crate::deadline::{Deadline, LONGEST, NEVER};
use crate::driver::{Driver, News};
use crate::event::Session;
use crate::keep::{Discarded, Kept};
use crate::lane::{Lane, LinkEvent};
use crate::link::Link;
use crate::queues::Queues;
use crate::settings::Settings;
use crate::waiters::{Freed, Outcome, Slot, Time, Wait, Waiter, Waiters};

/// The shared state. Opaque: a runtime's lock guards it.
#[derive(Debug)]
pub struct State {
    pub(crate) core: client::Client<'static>,
    pub(crate) waiters: Waiters,
    pub(crate) driver: Driver,
    pub(crate) link: Link,
    pub(crate) lane: Lane,
    pub(crate) settings: Settings,
    pub(crate) counts: Counts,
    /// What only a client with a heap keeps.
    pub(crate) kept: Kept,
    /// Handles, without the driver's.
    pub(crate) handles: u32,
    /// Those that ask for messages.
    pub(crate) queues: Queues,
    /// The driver is gone.
    pub(crate) closed: bool,
    /// The time of the driver's last turn.
    pub(crate) now: Instant,
    pub(crate) clock: fn() -> Instant,
    pub(crate) guard: Guard,
}

/// What is counted here; the core counts the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) published: u64,
    pub(crate) connections: u32,
    pub(crate) unsent: u32,
    pub(crate) too_large: u32,
    pub(crate) attempts: u32,
}

/// What the core's events change: all but the core.
pub(crate) struct Told<'s> {
    waiters: &'s mut Waiters,
    driver: &'s mut Driver,
    link: &'s mut Link,
    lane: &'s mut Lane,
    counts: &'s mut Counts,
    kept: &'s mut Kept,
}

impl State {
    /// The state of a client with one handle.
    #[inline]
    pub(crate) fn new(
        config: Config,
        memory: client::Memory<'static>,
        waiters: Storage<'static, Waiter>,
        link_events: Storage<'static, LinkEvent>,
        client_id: Storage<'static, u8>,
        clock: fn() -> Instant,
        guard: Guard,
    ) -> Self {
        Self {
            core: client::Client::new(config.core, memory),
            waiters: Waiters::new(waiters),
            driver: Driver::default(),
            link: Link::new(client_id),
            lane: Lane::new(link_events),
            settings: config.kept,
            counts: Counts::default(),
            kept: Kept::default(),
            handles: 1,
            queues: Queues::default(),
            closed: false,
            now: Instant::default(),
            clock,
            guard,
        }
    }

    /// The core, and what its events change.
    #[inline]
    pub(crate) fn split(&mut self) -> (&mut client::Client<'static>, Told<'_>) {
        let Self { core, waiters, driver, link, lane, counts, kept, .. } = self;
        (core, Told { waiters, driver, link, lane, counts, kept })
    }

    /// The time, read from the clock only if nobody has read it since the driver began to wait.
    #[inline]
    pub(crate) fn time(&mut self) -> Instant {
        if !self.core.is_connected() {
            return self.exact_time();
        }
        self.turn_time()
    }

    /// The time of the driver's turn: the clock is read once in it.
    #[inline]
    pub(crate) fn turn_time(&mut self) -> Instant {
        if self.driver.knows_time { self.now } else { self.exact_time() }
    }

    /// The time, as exact as the clock is.
    #[inline(never)] // 64 bits: on a device that is code.
    pub(crate) fn exact_time(&mut self) -> Instant {
        self.now = (self.clock)();
        self.driver.knows_time = true;
        self.now
    }

    /// Something may have to be written.
    #[inline]
    pub(crate) fn notify_write(&mut self) {
        self.driver.notify(News::WRITE);
    }

    /// Something that waits for a reply was sent, or a message was taken: reading may go on.
    #[inline]
    pub(crate) fn notify_read(&mut self) {
        if self.driver.is_full {
            self.driver.notify(News::READ);
        }
        if self.core.counts().shed != 0 {
            self.notify_deadline(); // There may be room again, and the connection has to end.
        }
    }

    /// Something may have to be done earlier than the driver looks.
    #[cold]
    fn notify_deadline(&mut self) {
        if let Some(deadline) = self.core.poll_timeout() {
            self.notify_before(Deadline::after(deadline, 0));
        }
    }

    /// A call waits until `deadline`: does that come before the driver looks?
    #[inline]
    pub(crate) fn notify_before(&mut self, deadline: Deadline) {
        if self.driver.looks_after(deadline) {
            self.driver.notify(News::TIME);
        }
    }

    /// The slot's call waits that many milliseconds at most.
    #[inline]
    pub(crate) fn limit_wait(&mut self, slot: Slot, timeout: Option<u32>) {
        let time = timeout.map_or_else(|| self.answer_time(), u64::from);
        // More than 24 days is no time-out any more: deadlines have 32 bits.
        if time == 0 || time > u64::from(LONGEST) {
            return self.waiters.clear_deadline(slot);
        }
        // A time of the program's may be shorter than a write takes: that wants the clock.
        let now = if timeout.is_some() { self.exact_time() } else { self.time() };
        let deadline = Deadline::after(now, time as u32);
        let of_settings = timeout.is_none();
        let kind = if of_settings { Time::Usual } else { Time::Own };
        self.waiters.set_deadline(slot, Some(deadline), kind);
        self.notify_before(deadline);
    }

    /// A call found no slot. Whether it has to look again at once, since nothing would wake it.
    pub(crate) fn wait_without_slot(&mut self, waker: &Waker) -> bool {
        let at = Deadline::after(self.exact_time(), LOOK_AGAIN);
        let again = !self.waiters.register_stranger(waker, at);
        self.notify_before(at);
        again
    }

    /// Nobody waits any longer for that operation, if there is one. Whether it is a message that was
    /// never sent.
    pub(crate) fn disown(&mut self, (tag, id): (Tag, Option<PacketId>)) -> bool {
        id.is_some_and(|id| self.core.hand_over(id, tag, self.link.subscribed.adopt(tag)))
    }

    /// The milliseconds that are left until something has to be done, or `NEVER`.
    pub(crate) fn time_left(&self) -> u32 {
        let now = self.now;
        let left = |at: Option<Deadline>| at.map_or(NEVER, |at| at.left(now));
        let of_core = left(self.core.poll_timeout().map(|at| Deadline::after(at, 0)));
        let others = self.waiters.time_left(now).min(self.kept.time_left(now));
        of_core.min(left(self.link.linger)).min(others)
    }

    /// How long a call waits for its answer.
    pub(crate) fn answer_time(&self) -> u64 {
        let config = self.core.config();
        u64::from(config.response_time) * (u64::from(config.max_repubs) + 1)
    }

    /// Nothing comes any more: the program disconnected, or the driver is gone.
    pub(crate) fn is_over(&self) -> bool {
        self.closed || (self.link.disconnected && !self.link.busy)
    }

    /// What has to follow when something was done with the core.
    pub(crate) fn settle(&mut self) {
        let Self { kept, core, waiters, link, now, .. } = self;
        kept.attend(core, waiters, &mut link.subscribed, *now);
        if self.core.wants_transmit() || self.core.is_closing() {
            self.notify_write();
        }
        self.wake_room();
        self.tell_progress();
    }

    /// There may be room: those are woken that wait for it. If that is one alone, the driver looks
    /// whether it has looked.
    #[inline]
    pub(crate) fn wake_room(&mut self) {
        self.waiters.wake_room();
        self.watch_turn();
    }

    /// Others wait behind a call that was offered room alone: a turn of the driver ends that.
    #[inline]
    pub(crate) fn watch_turn(&mut self) {
        if self.waiters.holds_up() {
            self.driver.look_again();
        }
    }

    /// Wakes those that wait for bytes to leave.
    pub(crate) fn tell_progress(&mut self) {
        if let Some(slot) = self.link.stream {
            self.waiters.wake_slot(slot);
        }
        if self.waiters.waits(Wait::Idle) && self.core.is_idle() {
            self.waiters.wake_all(Wait::Idle);
        }
    }

    /// The call that has this slot goes away. Its operation goes on, but nobody waits for it.
    pub(crate) fn abandon(&mut self, slot: Slot) {
        let Some(Freed { wait, was_woken, id }) = self.waiters.free(slot) else { return };
        self.disown((slot.tag(), id));
        match wait {
            // Its wake-up is another's.
            Wait::Room if was_woken => self.wake_room(),
            Wait::Message if was_woken => self.wake_consumers(),
            Wait::Connection => {
                self.link.connecting = self.link.connecting.filter(|known| *known != slot);
            }
            _ => {}
        }
    }

    /// Messages are there: calls that wait for one are woken, one more than it needs, lest one that
    /// is not polled keeps a message from the others.
    pub(crate) fn wake_consumers(&mut self) {
        if self.waiters.waits(Wait::Message) && self.core.next(Consumer::Queue).is_some() {
            self.waiters.wake(Wait::Message, 2);
        }
    }

    /// Messages came, or may be taken by others: whoever takes them is woken.
    pub(crate) fn wake_takers(&mut self) {
        self.wake_consumers();
        if self.core.next(Consumer::Callbacks).is_some() {
            self.driver.notify_callbacks();
        }
    }

    /// The driver is gone: nobody waits any more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.finish_connect(Outcome::Closed);
        self.waiters.finish_all(Outcome::Closed);
        self.driver.notify_callbacks();
    }

    /// Whether there is something to do for those who do not hold the lock.
    #[inline]
    pub(crate) fn has_chores(&self) -> bool {
        self.core.has_released() || self.has_wakers() || self.kept.has_discarded()
    }

    /// Takes a waker to call, and one to drop, when the lock is free. Whether there is more to do then.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn begin_chores(
        &mut self,
        wake: &mut Option<Waker>,
        drop: &mut Option<Waker>,
    ) -> bool {
        self.has_chores() && self.begin_some(wake, drop)
    }

    #[cfg_attr(feature = "alloc", inline(never))]
    fn begin_some(&mut self, wake: &mut Option<Waker>, drop: &mut Option<Waker>) -> bool {
        // At once: the next to hold the lock may replace another one.
        *drop = self.waiters.take_old();
        *wake = self.next_waker();
        self.has_chores()
    }

    /// The next waker to call when the lock is free.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn next_waker(&mut self) -> Option<Waker> {
        if !self.has_wakers() {
            return None;
        }
        self.driver.next_due().or_else(|| self.waiters.next_due())
    }

    /// Whether wakers have to be called.
    #[inline]
    pub(crate) fn has_wakers(&self) -> bool {
        self.driver.is_due() || self.waiters.is_due()
    }

    /// Takes what has to be done when the lock is free. Whether there may be more.
    pub(crate) fn take_chores(&mut self, chores: &mut Chores) -> bool {
        chores.old = self.waiters.take_old();
        chores.discarded = self.kept.take_discarded();
        chores.dropped = self.core.take_released().map(|dropped| (dropped, self.guard));
        let filled = chores.wakers.iter_mut().all(|place| {
            *place = self.next_waker();
            place.is_some()
        });
        filled || self.has_chores()
    }
}

/// Milliseconds after which a call that found no waiter slot looks again.
const LOOK_AGAIN: u32 = 10;

/// What is done when the lock is free: it is the program's code.
#[derive(Default)]
pub(crate) struct Chores {
    wakers: [Option<Waker>; 4],
    old: Option<Waker>,
    dropped: Option<(Shared, Guard)>,
    discarded: Discarded,
}

/// Calls what is the program's, whose panic is its own: false then.
pub(crate) type Guard = fn(&mut dyn FnMut()) -> bool;

impl Chores {
    /// Does all of it.
    pub(crate) fn call(&mut self) {
        for waker in &mut self.wakers {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
        self.old = None;
        self.discarded = Discarded::default();
        if let Some((dropped, guard)) = self.dropped.take() {
            let mut dropped = Some(dropped);
            guard(&mut || dropped = None);
        }
    }
}

impl Told<'_> {
    /// What the core calls with its events.
    #[inline]
    pub(crate) fn tell(&mut self) -> impl FnMut(Event<'_>) {
        |event| self.happen(event)
    }

    /// Something happened in the core.
    fn happen(&mut self, event: Event<'_>) {
        match event {
            Event::Done { tag, fate } => self.waiters.finish_tag(tag, Outcome::Fate(fate)),
            Event::Answered(answer) => {
                self.link.subscribed.answer(answer.tag, answer.codes);
                if !self.kept.answered(&answer, self.waiters, &mut self.link.subscribed) {
                    self.waiters.answer(&answer);
                }
                self.kept.note_answer(self.waiters);
            }
            Event::Preview(Preview { publish, taken }) => {
                taken.set(self.kept.preview(&publish, self.waiters));
            }
            Event::Arrived(arrival) => self.kept.offer(&arrival, self.waiters),
            Event::Explained { tag, properties } => self.waiters.explain(tag, &properties),
            Event::Pong => {
                self.link.pongs = self.link.pongs.wrapping_add(1);
                self.waiters.wake_all(Wait::Pong);
            }
            Event::Readable => self.waiters.wake_all(Wait::Piece),
            Event::Auth(_) => self.waiters.wake_all(Wait::Pong),
            Event::TooLarge { .. } => {}
            event => self.change_link(&event),
        }
    }

    fn change_link(&mut self, event: &Event<'_>) {
        self.link.keep_words(event);
        match event {
            Event::Connected(connected) => {
                let is_unsure = self.link.late.come_up(connected.unanswered);
                self.come_up(Session::new(connected, is_unsure));
            }
            Event::Refused(ack) => self.link.refused = Some(ack.reason),
            Event::Disconnected(disconnect) => {
                self.link.end_by_server(disconnect.reason);
            }
            _ => {}
        }
    }

    fn come_up(&mut self, session: Session) {
        if self.link.preparing {
            self.link.prepared = true;
            return;
        }
        self.kept.come_up(&session);
        self.link.come_up(session);
        self.counts.connections += 1;
        self.driver.notify(News::WRITE);
        if self.lane.push(self.link, self.kept) {
            self.driver.notify_callbacks();
        }
    }
}
