//! What is looked at when waits end: as much as ends, however many there are.

use std::boxed::Box;
use std::vec::Vec;

use mqtt_as_proto::{Instant, Storage};

use super::{Outcome, Slot, Time, Wait, Waiter, Waiters, looks};
use crate::deadline::{Deadline, NEVER};

fn waiters(count: usize) -> Waiters {
    let slots: Vec<_> = (0..count).map(|_| Waiter::new()).collect();
    Waiters::new(Storage::borrowed(Box::leak(slots.into_boxed_slice())))
}

fn until(ms: u64) -> Deadline {
    Deadline::after(Instant::from_millis(ms), 0)
}

fn take(waiters: &mut Waiters, at: u64, time: Time) -> Slot {
    let slot = waiters.take().expect("a slot is free");
    waiters.set_deadline(slot, Some(until(at)), time);
    slot
}

/// One wait of `count` ends each millisecond.
fn looks_of_ends(count: usize, time: Time) -> usize {
    let mut waiters = waiters(count);
    let first = 1000 + u64::from(u32::MAX); // Milliseconds wrap.
    let slots: Vec<_> = (0..count as u64).map(|n| take(&mut waiters, first + n, time)).collect();
    looks::take();
    for (now, slot) in (first..).zip(slots) {
        let now = Instant::from_millis(now);
        assert_eq!(waiters.time_left(now), 0);
        assert_eq!(waiters.expire(now), Some((slot.tag(), None)));
        assert_eq!(waiters.outcome(slot), Some(Outcome::TimedOut));
        assert_eq!(waiters.expire(now), None);
    }
    looks::take() / count
}

#[test]
fn a_deadline_is_found_without_a_walk() {
    for time in [Time::Usual, Time::Own] {
        assert_eq!(looks_of_ends(10, time), looks_of_ends(10_000, time));
    }
}

#[test]
fn a_wait_begins_without_a_walk() {
    let mut waiters = waiters(10_001);
    for n in 0..10_000 {
        take(&mut waiters, 1000 + n, Time::Own);
    }
    looks::take();
    take(&mut waiters, 11_000, Time::Own);
    assert!(looks::take() < 20);
    assert_eq!(waiters.time_left(Instant::default()), 1000);
}

#[test]
fn deadlines_come_in_their_order() {
    let mut waiters = waiters(7);
    let times = [(50, Time::Own), (20, Time::Own), (40, Time::Usual), (30, Time::Own)];
    let slots = times.map(|(at, time)| take(&mut waiters, at, time));
    take(&mut waiters, 0, Time::Unlimited);
    let gone = take(&mut waiters, 10, Time::Own);
    waiters.free(gone);
    waiters.change(slots[3], Wait::Room);
    waiters.set_deadline(slots[3], Some(until(60)), Time::Own);
    for slot in [1, 2, 0, 3].map(|n| slots[n]) {
        let next = u64::from(waiters.time_left(Instant::default()));
        assert_eq!(waiters.expire(Instant::from_millis(next - 1)), None);
        assert_eq!(waiters.expire(Instant::from_millis(next)), Some((slot.tag(), None)));
    }
    assert_eq!(waiters.outcome(slots[3]), Some(Outcome::NoRoom));
    assert_eq!(waiters.time_left(Instant::default()), NEVER);
}

#[test]
fn slots_that_are_free_are_not_looked_at_when_waits_end() {
    let mut waiters = waiters(10_000);
    let slots: Vec<_> = (0..10_000).map(|_| take(&mut waiters, 5, Time::Usual)).collect();
    slots.into_iter().for_each(|slot| assert!(waiters.free(slot).is_some()));
    let slot = take(&mut waiters, 0, Time::Unlimited);
    looks::take();
    assert_eq!(waiters.finish_publish(), Some((slot.tag(), None)));
    assert_eq!(waiters.finish_publish(), None);
    assert_eq!(waiters.outcome(slot), Some(Outcome::Kept));
    assert!(looks::take() < 20);
}
