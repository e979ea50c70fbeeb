//! The driver and the callbacks' task, as others see them: what there is new, and how to wake them.

use core::task::Waker;

use mqtt_as_proto::Instant;

use crate::deadline::Deadline;

/// The tasks beside the program's.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    waker: Option<Waker>,
    callbacks: Option<Waker>,
    news: u8,
    is_due: bool,
    are_callbacks_due: bool,
    /// It is having a turn, and looks for what is new before it waits.
    is_awake: bool,
    /// It had nothing to write when it looked last.
    pub(crate) is_idle: bool,
    /// The link is idle: the outbox gives its memory back.
    pub(crate) trims: bool,
    /// It reads no more before a message is taken, or a reply is awaited.
    pub(crate) is_full: bool,
    /// The clock was read in this turn, or since the driver began to wait.
    pub(crate) knows_time: bool,
    /// When it looks at the time next.
    pub(crate) armed: Option<Deadline>,
    /// It was late, so many times in a row: until it looks next it only reads.
    reads_first: u8,
    /// What it has dealt with in this turn.
    done: u16,
}

/// What it deals with in a turn before others have theirs: 64 bytes of what was read are one piece of
/// work, a look at them is four.
const ENOUGH: u16 = 512;

/// Milliseconds by which the driver looks too late if the process was stopped, or had no processor.
const FROZEN: u32 = 100;

/// Milliseconds that it has then, before it judges, to read what came meanwhile: a runtime may fire
/// its timers before it sees that.
pub(crate) const READ_FIRST: u32 = 50;

/// How often in a row: a machine that is always late judges all the same.
const MOST_READS: u8 = 8;

/// Milliseconds by which the timer of a runtime may be ahead of its clock.
pub(crate) const NEAR: u32 = 2;

/// What the driver has to look at, a bit each.
pub(crate) struct News;

impl News {
    /// Reading may go on.
    pub(crate) const READ: u8 = 1;
    /// There is something to write.
    pub(crate) const WRITE: u8 = 2;
    /// Something has to be done earlier than it looks.
    pub(crate) const TIME: u8 = 4;
    /// The program wants something else of the link.
    pub(crate) const LINK: u8 = 8;
}

impl Driver {
    /// There is something new.
    #[inline]
    pub(crate) fn notify(&mut self, news: u8) {
        if self.news & news == 0 {
            self.is_due |= !self.is_awake && self.waker.is_some();
            self.news |= news;
        }
    }

    /// It has a turn more, if it waits.
    pub(crate) fn look_again(&mut self) {
        self.is_due |= !self.is_awake && self.waker.is_some();
    }

    /// Whether it sleeps, and longer than that.
    #[inline]
    pub(crate) fn looks_after(&self, deadline: Deadline) -> bool {
        !self.is_awake && self.armed.is_none_or(|armed| deadline.is_before(armed))
    }

    /// It looks at the time. Whether that may be held against anybody: one that was frozen has to
    /// read first.
    pub(crate) fn may_judge(&mut self, now: Instant) -> bool {
        let Some(armed) = self.armed else { return true };
        if self.reads_first() && armed.left(now) > NEAR {
            return false;
        }
        self.armed = None;
        let was_frozen = armed.is_past_by(now, FROZEN) && self.reads_first < MOST_READS;
        self.reads_first = if was_frozen { self.reads_first + 1 } else { 0 };
        !was_frozen
    }

    /// Whether it only reads until it looks next.
    pub(crate) fn reads_first(&self) -> bool {
        self.reads_first != 0
    }

    /// There is nothing to read.
    pub(crate) fn need_not_read(&mut self) {
        self.reads_first = 0;
    }

    /// The callbacks' task has to look again.
    pub(crate) fn notify_callbacks(&mut self) {
        self.are_callbacks_due |= self.callbacks.is_some();
    }

    /// A turn begins: what is new.
    pub(crate) fn begin_turn(&mut self) -> u8 {
        self.is_awake = true;
        self.knows_time = false;
        self.done = 0;
        self.take_news()
    }

    /// It has dealt with so many bytes at once.
    pub(crate) fn did(&mut self, bytes: usize) {
        let pieces = u16::try_from(bytes / 64 + 4).unwrap_or(u16::MAX);
        self.done = self.done.saturating_add(pieces);
    }

    /// Whether others should have their turn, whatever has come.
    pub(crate) fn did_enough(&self) -> bool {
        self.done >= ENOUGH
    }

    /// What is new since the last look.
    pub(crate) fn take_news(&mut self) -> u8 {
        core::mem::take(&mut self.news)
    }

    /// Nothing is new: the driver waits. False if something is. Gives an old waker back.
    pub(crate) fn wait(&mut self, waker: &Waker) -> (bool, Option<Waker>) {
        if self.news != 0 {
            return (false, None);
        }
        self.is_awake = false;
        (true, register(&mut self.waker, waker))
    }

    /// The callbacks' task waits. Gives an old waker back.
    #[must_use = "it is dropped when the lock is free"]
    pub(crate) fn wait_callbacks(&mut self, waker: &Waker) -> Option<Waker> {
        register(&mut self.callbacks, waker)
    }

    /// Whether wakers have to be called.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.is_due | self.are_callbacks_due
    }

    pub(crate) fn next_due(&mut self) -> Option<Waker> {
        if core::mem::take(&mut self.is_due) {
            return self.waker.take();
        }
        if core::mem::take(&mut self.are_callbacks_due) {
            return self.callbacks.take();
        }
        None
    }
}

fn register(place: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match place {
        Some(known) if known.will_wake(waker) => None,
        place => place.replace(waker.clone()),
    }
}
