//! A turn of the driver: which parts of a connection it looks at.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicU16, Ordering};
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::Instant;
use mqtt_as_proto::client::ConnectionError;

use crate::deadline::{Deadline, NEVER};
use crate::driver::{NEAR, News, READ_FIRST};
use crate::error::DownReason;
use crate::runtime::{Lock, with_state};
use crate::state::State;
use crate::waiters::{Outcome, Slot};

/// What the parts of a connection tell each other. All are in one task.
#[derive(Debug)]
pub(super) struct Turn(AtomicU16);

/// Something was read, so that there may be more.
pub(super) const READ: u16 = 1;
/// Nothing more is read before something is written.
pub(super) const STOPPED: u16 = 2;
/// Nothing more is read before a message is taken.
pub(super) const FULL: u16 = 4;
/// The program should see what has come before more is read.
pub(super) const YIELD: u16 = 8;
/// A write is under way.
pub(super) const WRITING: u16 = 16;
/// It is time to look at the time.
pub(super) const TIME: u16 = 32;
/// There may be something to write. So it is when the link is new.
pub(super) const WRITE: u16 = 64;
/// The same, since the writer last asked.
pub(super) const ASKED: u16 = 128;
/// Enough was done in this turn: others should run, whatever has come.
pub(super) const ENOUGH: u16 = 256;
/// The driver has had the lock in this turn.
const BEGUN: u16 = 512;

/// What a look found.
pub(super) enum Look {
    End,
    /// The program should see what has come; the driver was woken again.
    Pause,
    /// Others should run, and what they wait for be looked at, before the driver is woken again.
    Yield,
    /// Nothing is to do before something happens; the timer is far, and need not be looked at if it
    /// stays set.
    Rest,
    /// Nothing is to do before something happens; the timer has to be looked at, and set if a
    /// moment is given.
    Sleep(Option<Instant>),
}

/// A part that moves bytes.
type Part<'p> = Pin<&'p mut dyn Future<Output = DownReason>>;

/// Turns after which the driver lets others run.
const ROUNDS: u8 = 32;

impl Turn {
    pub(super) fn new() -> Self {
        Self(AtomicU16::new(WRITE))
    }

    pub(super) fn has(&self, flags: u16) -> bool {
        self.0.load(Ordering::Relaxed) & flags != 0
    }

    /// One task writes: no atomic read-modify-write is needed.
    pub(super) fn set(&self, flags: u16, on: bool) {
        let all = self.0.load(Ordering::Relaxed);
        self.0.store(if on { all | flags } else { all & !flags }, Ordering::Relaxed);
    }

    fn take(&self, flags: u16) -> bool {
        let has = self.has(flags);
        self.set(flags, false);
        has
    }

    /// Lets the driver look at the other parts.
    pub(super) async fn rest(&self) {
        let mut rested = false;
        poll_fn(|_| {
            if core::mem::replace(&mut rested, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Looks at the parts that have something to do.
    #[inline(never)]
    pub(super) fn look(
        &self,
        lock: &dyn Lock,
        is_late: bool,
        mut read: Part<'_>,
        mut write: Part<'_>,
        end: &mut DownReason,
        cx: &mut Context<'_>,
    ) -> Look {
        let mut worked = false;
        self.set(TIME, is_late || self.has(TIME));
        self.set(BEGUN | ENOUGH, false);
        for _ in 0..ROUNDS {
            if self.has(FULL | STOPPED) {
                self.attend(lock, false);
            }
            if !self.has(FULL | STOPPED)
                && let Poll::Ready(reason) = read.as_mut().poll(cx)
            {
                *end = reason;
                return Look::End;
            }
            let (has_read, blocked) = (self.take(READ), self.has(FULL | STOPPED));
            if let Some(reason) = self.attend(lock, true) {
                *end = reason;
                return Look::End;
            }
            let asked = self.take(WRITE);
            self.set(ASKED, asked || self.has(ASKED));
            let writes = asked || self.has(WRITING);
            if writes && let Poll::Ready(reason) = write.as_mut().poll(cx) {
                *end = reason;
                return Look::End;
            }
            worked |= has_read | writes;
            if self.take(YIELD) && has_read {
                cx.waker().wake_by_ref();
                return Look::Pause;
            }
            if self.take(ENOUGH) && !self.has(FULL) {
                return Look::Yield;
            }
            let unblocked = blocked && !self.has(FULL | STOPPED);
            if has_read || unblocked || self.has(TIME | WRITE) {
                continue;
            }
            let mut wait = None;
            with_state(lock, |state| {
                wait = state.end_turn(worked, cx.waker());
                if wait.is_none() {
                    self.note(state.driver.take_news());
                }
            });
            if let Some(look) = wait {
                return look;
            }
        }
        Look::Yield
    }

    /// Sees what is new, and looks at the time if it is `its_turn` and there is reason to.
    fn attend(&self, lock: &dyn Lock, its_turn: bool) -> Option<DownReason> {
        let mut end = None;
        if !self.has(BEGUN) || (its_turn && self.has(TIME)) {
            with_state(lock, |state| {
                self.begin(state);
                if its_turn && self.take(TIME) {
                    end = state.look_at_time();
                    self.note(state.driver.take_news());
                }
            });
        }
        end
    }

    /// The lock is held: if that is so for the first time in this turn, this is what is new.
    pub(super) fn begin(&self, state: &mut State) {
        if !self.has(BEGUN) {
            self.set(BEGUN, true);
            self.note(state.begin_turn());
        }
    }

    /// There is something new.
    pub(super) fn note(&self, news: u8) {
        if news & News::READ != 0 {
            self.set(FULL, false);
        }
        if news & (News::TIME | News::LINK) != 0 {
            self.set(TIME, true);
        }
        if news & News::WRITE != 0 {
            self.set(WRITE, true);
        }
    }
}

impl State {
    /// The driver has a look: what is new.
    fn begin_turn(&mut self) -> u8 {
        self.waiters.begin_turn();
        self.driver.begin_turn()
    }

    /// Whether it is time to look at the time: the timer has fired, or may have, being ahead of the
    /// clock. It has to be set again then.
    pub(super) fn is_late(&self) -> bool {
        self.driver.armed.is_some_and(|at| at.left(self.now) <= NEAR)
    }

    /// Ends what has taken too long, and does what the program wants of the link.
    fn look_at_time(&mut self) -> Option<DownReason> {
        let now = self.turn_time();
        if !self.driver.may_judge(now) {
            return self.watch_link(now);
        }
        self.expire(now);
        if self.kept.make_room(&mut self.core, &self.waiters, now) {
            self.driver.notify(News::READ);
        }
        let pinged = self.core.awaits_pong();
        if let Err(error) = self.handle_timeout(now)
            && let Some(end) = self.begin_ending(error)
        {
            return Some(end);
        }
        if self.core.awaits_pong() && !pinged && self.driver.is_idle {
            // Nothing went on for the ping interval: when PINGREQ has left, what a burst took is
            // given back.
            self.driver.trims = true;
        }
        let end = self.watch_link(now);
        self.settle();
        end
    }

    /// Ends the waits of calls that have waited for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(ended) = self.waiters.expire(now) {
            if self.disown(ended)
                && let Some(slot) = Slot::from_tag(ended.0)
            {
                self.waiters.restore(slot, Outcome::Unsent);
            }
        }
        self.waiters.wake_strangers(now);
    }

    /// It is that late, for the core.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let (core, mut told) = self.split();
        let done = core.handle_timeout(now, &mut told.tell());
        if !self.core.is_full() {
            self.notify_read(); // Nothing waits for the reader of a message any longer.
        }
        done
    }

    /// Nothing is to do any more, unless something is new: `None` then.
    fn end_turn(&mut self, worked: bool, waker: &Waker) -> Option<Look> {
        if !self.driver_waits(waker) {
            return None;
        }
        let knows_time = core::mem::take(&mut self.driver.knows_time);
        let armed = self.driver.armed;
        let at = self.arm();
        // Whoever knows the time knows that the timer has not fired, if not by little.
        let is_far = armed.is_some_and(|armed| armed.left(self.now) > NEAR);
        if at.is_none() && worked && knows_time && is_far {
            return Some(Look::Rest);
        }
        Some(Look::Sleep(at))
    }

    /// The driver waits, if nothing is new.
    pub(super) fn driver_waits(&mut self, waker: &Waker) -> bool {
        let (waits, old) = self.driver.wait(waker);
        self.waiters.drop_later(old);
        if waits {
            self.watch_turn();
        }
        waits
    }

    /// The moment at which the driver has to look at the time, if that is earlier than it would.
    pub(super) fn arm(&mut self) -> Option<Instant> {
        let now = self.now;
        let left = match (self.driver.reads_first(), self.driver.armed) {
            (false, _) => self.time_left(),
            (true, None) => READ_FIRST,
            (true, Some(_)) => return None,
        };
        if left >= self.driver.armed.map_or(NEVER, |armed| armed.left(now)) {
            return None;
        }
        self.driver.armed = Some(Deadline::after(now, left));
        Some(now.after(u64::from(left)))
    }
}
