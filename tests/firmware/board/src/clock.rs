//! The clock as embassy asks for it.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

use crate::time;

struct Clock {
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static CLOCK: Clock = Clock { queue: Mutex::new(RefCell::new(Queue::new())) });

impl Driver for Clock {
    fn now(&self) -> u64 {
        time::now()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            // No alarm is set: each millisecond looks at the queue.
            let _ = self.queue.borrow_ref_mut(section).schedule_wake(at, waker);
        });
    }
}

/// A millisecond has passed.
pub(crate) fn tick() {
    critical_section::with(|section| {
        let _ = CLOCK.queue.borrow_ref_mut(section).next_expiration(time::now());
    });
}
