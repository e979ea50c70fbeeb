//! The deadlines of a client: one small table, in milliseconds that wrap.
//!
//! A deadline lies less than 2³¹ ms ahead, and whoever has one looks at it in time: so a table of 32
//! bits goes on for ever, and costs a device little.

/// What has a deadline. Of several that have passed the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Timer {
    /// CONNACK has to be there.
    Connect,
    /// PINGRESP has to be there, unless something else comes.
    Pong,
    /// The server has to have said anything.
    Silence,
    /// The transport has to have taken bytes.
    Write,
    /// Something has to have been acknowledged.
    Acknowledge,
    /// The connection has to end; or what was taken has to have been acknowledged.
    End,
    /// PINGREQ may be due.
    Ping,
    /// The owner of an outbound stream has to have written on.
    StreamOut,
    /// The reader of an inbound stream has to have read on.
    StreamIn,
    /// A message that waits may have expired; also without a connection.
    Expiry,
}

/// All of them, in the order in which they are judged.
pub(super) const TIMERS: [Timer; 10] = [
    Timer::Connect,
    Timer::Pong,
    Timer::Silence,
    Timer::Write,
    Timer::Acknowledge,
    Timer::End,
    Timer::Ping,
    Timer::StreamOut,
    Timer::StreamIn,
    Timer::Expiry,
];

/// The longest time ahead: half of what wraps.
pub(super) const LONGEST: u32 = i32::MAX as u32;

/// What is longer ago than that counts as that long ago: so much is told from what is to come.
pub(super) const LEAP: u32 = LONGEST >> 1;

/// Those that wait for the server, and stand still while nothing is read.
const SERVER: u16 = Timer::Pong.bit() | Timer::Silence.bit() | Timer::Acknowledge.bit();

#[derive(Debug, Default)]
pub(super) struct Timers {
    at: [u32; TIMERS.len()],
    armed: u16,
    /// No deadline is earlier, if there is any: one that was stopped may count until it has passed.
    soonest: u32,
    /// Those that stand still, and since when.
    held: u16,
    held_since: u32,
    /// Nothing is read: what is awaited of the server stands still from the start.
    is_paused: bool,
}

impl Timer {
    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl Timers {
    /// Sets a deadline `time` milliseconds from now; 0 for none.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(super) fn arm(&mut self, timer: Timer, now: u32, time: u32) {
        self.stop(timer);
        if time == 0 {
            return;
        }
        let time = time.min(LONGEST);
        if self.is_paused && timer.bit() & SERVER != 0 {
            self.arm_held(timer, time);
        } else {
            self.arm_at(timer, now.wrapping_add(time));
        }
    }

    /// It has all its time when reading goes on.
    #[cold]
    fn arm_held(&mut self, timer: Timer, time: u32) {
        if let Some(place) = self.at.get_mut(timer as usize) {
            *place = self.held_since.wrapping_add(time);
            self.held |= timer.bit();
        }
    }

    #[inline]
    pub(super) fn arm_at(&mut self, timer: Timer, at: u32) {
        if let Some(place) = self.at.get_mut(timer as usize) {
            *place = at;
            if self.armed == 0 || !is_past(self.soonest, at) {
                self.soonest = at;
            }
            self.armed |= timer.bit();
        }
    }

    #[inline]
    pub(super) fn stop(&mut self, timer: Timer) {
        self.armed &= !timer.bit();
        self.held &= !timer.bit();
    }

    pub(super) fn is_armed(&self, timer: Timer) -> bool {
        (self.armed | self.held) & timer.bit() != 0
    }

    /// The connection is over: only what outlives it stays.
    pub(super) fn end_connection(&mut self) {
        self.armed &= Timer::Expiry.bit();
        (self.held, self.is_paused) = (0, false);
    }

    /// The connection is ending: nothing more is awaited of the server.
    pub(super) fn begin_ending(&mut self) {
        self.armed &= Timer::Write.bit() | Timer::StreamOut.bit() | Timer::Expiry.bit();
        (self.held, self.is_paused) = (0, false);
    }

    pub(super) fn is_due(&self, timer: Timer, now: u32) -> bool {
        let at = self.at.get(timer as usize).copied().unwrap_or_default();
        self.armed & timer.bit() != 0 && is_past(at, now)
    }

    /// Milliseconds until that deadline.
    pub(super) fn left(&self, timer: Timer, now: u32) -> Option<u32> {
        let at = self.at.get(timer as usize).filter(|_| self.armed & timer.bit() != 0)?;
        Some(left(*at, now))
    }

    /// Milliseconds until the next deadline, or less.
    #[inline]
    pub(super) fn next(&self, now: u32) -> Option<u32> {
        (self.armed != 0).then(|| left(self.soonest, now))
    }

    /// Finds out which deadline is the next one.
    pub(super) fn look(&mut self, now: u32) {
        let next = TIMERS.iter().filter_map(|timer| self.left(*timer, now)).min();
        self.soonest = now.wrapping_add(next.unwrap_or_default());
    }

    /// From `now` so much time passes at once. Deadlines that have passed by then count as `past`.
    pub(super) fn leap(&mut self, now: u32, time: u64, past: u32) {
        for at in &mut self.at {
            if u64::from(left(*at, now)) <= time {
                *at = past;
            }
        }
        (self.soonest, self.held_since) = (past, past);
    }

    /// Nothing is read from here on: what is awaited of the server cannot come.
    pub(super) fn hold(&mut self, now: u32) {
        if !self.is_paused {
            (self.held_since, self.is_paused) = (now, true);
        }
        self.held |= self.armed & SERVER;
        self.armed &= !SERVER;
    }

    /// Reading goes on: what stood still goes on, too. Returns for how long it did.
    pub(super) fn go_on(&mut self, now: u32) -> u32 {
        let time = now.wrapping_sub(self.held_since);
        for (timer, at) in TIMERS.iter().zip(&mut self.at) {
            if self.held & timer.bit() != 0 {
                *at = at.wrapping_add(time);
            }
        }
        self.is_paused = false;
        self.armed |= core::mem::take(&mut self.held);
        self.look(now);
        time
    }
}

/// Milliseconds from `now` until `at`, if it has not passed.
#[inline]
fn left(at: u32, now: u32) -> u32 {
    if is_past(at, now) { 0 } else { at.wrapping_sub(now) }
}

/// Whether `at` is not later than `now`: both may have wrapped.
#[inline]
pub(super) fn is_past(at: u32, now: u32) -> bool {
    now.wrapping_sub(at) <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::{LEAP, LONGEST, Timer, Timers};

    #[test]
    fn a_deadline_beyond_the_wrap_is_not_past() {
        let mut timers = Timers::default();
        let now = u32::MAX - 10;
        timers.arm(Timer::Ping, now, 100);
        assert!(!timers.is_due(Timer::Ping, now));
        assert_eq!(timers.next(now), Some(100));
        assert!(!timers.is_due(Timer::Ping, now.wrapping_add(99)));
        assert!(timers.is_due(Timer::Ping, now.wrapping_add(100)));
        assert_eq!(timers.next(now.wrapping_add(200)), Some(0));
    }

    #[test]
    fn a_time_that_is_too_long_is_cut() {
        let mut timers = Timers::default();
        timers.arm(Timer::Write, 5, u32::MAX);
        assert_eq!(timers.next(5), Some(LONGEST));
    }

    #[test]
    fn what_stands_still_goes_on_later() {
        let mut timers = Timers::default();
        timers.arm(Timer::Acknowledge, 0, 100);
        timers.arm(Timer::Write, 0, 500);
        timers.hold(40);
        timers.hold(60);
        timers.look(200);
        assert_eq!(timers.next(200), Some(300), "only what waits for the transport runs");
        assert!(timers.is_armed(Timer::Acknowledge));
        timers.go_on(240);
        assert_eq!(timers.next(240), Some(60));
        assert_eq!(timers.left(Timer::Write, 240), Some(260), "what ran is not put off");
    }

    #[test]
    fn what_is_awaited_while_nothing_is_read_has_its_time_from_when_that_goes_on() {
        let mut timers = Timers::default();
        timers.hold(40);
        timers.arm(Timer::Pong, 70, 100);
        timers.arm(Timer::Write, 70, 500);
        timers.hold(80);
        assert_eq!(timers.next(300), Some(270), "only what waits for the transport runs");
        assert!(timers.is_armed(Timer::Pong));
        timers.go_on(300);
        assert_eq!(timers.left(Timer::Pong, 300), Some(100));
        timers.arm(Timer::Pong, 310, 100);
        assert_eq!(timers.left(Timer::Pong, 310), Some(100));
    }

    #[test]
    fn weeks_that_pass_at_once_are_not_taken_for_little() {
        let (mut timers, weeks) = (Timers::default(), u64::from(u32::MAX) / 2 + 1000);
        timers.arm(Timer::Ping, 5, 100);
        timers.arm(Timer::Expiry, 5, LONGEST);
        let now = 5_u32.wrapping_add(weeks as u32);
        assert!(!timers.is_due(Timer::Ping, now), "32 bits alone do not tell");
        timers.leap(5, weeks - 2000, now.wrapping_sub(2000).wrapping_sub(LEAP));
        assert!(timers.is_due(Timer::Ping, now.wrapping_sub(2000)));
        assert!(!timers.is_due(Timer::Expiry, now.wrapping_sub(2000)), "its time is not over");
    }
}
