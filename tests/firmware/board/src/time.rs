//! Time: the system timer counts milliseconds.

use core::future::poll_fn;
use core::ptr::write_volatile;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;

use crate::run;

const CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
const RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
/// Cycles of the processor in a millisecond.
const CYCLES: u32 = 25_000;

static LOW: AtomicU32 = AtomicU32::new(0);
static HIGH: AtomicU32 = AtomicU32::new(0);
/// The moment (its lower half) at which the future is polled.
static ALARM: AtomicU32 = AtomicU32::new(0);

/// An alarm is not set further ahead: comparisons of lower halves stay right.
const FAR: u64 = 0x4000_0000;

pub(crate) fn begin() {
    // SAFETY: the registers of the system timer: counting, with an interrupt, by the processor's clock.
    unsafe {
        write_volatile(RELOAD, CYCLES - 1);
        write_volatile(CONTROL, 7);
    }
}

/// Milliseconds since the start.
#[must_use]
pub fn now() -> u64 {
    loop {
        let high = HIGH.load(Ordering::Relaxed);
        let low = LOW.load(Ordering::Relaxed);
        if high == HIGH.load(Ordering::Relaxed) {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Sleeps until that moment.
pub async fn sleep_until(at: u64) {
    poll_fn(|_| {
        let now = now();
        if now >= at {
            return Poll::Ready(());
        }
        set_alarm(now as u32, at.min(now + FAR) as u32);
        Poll::Pending
    })
    .await;
}

/// The alarm goes off at `at`, if it does not earlier. What sleeps longer sets it again then.
fn set_alarm(now: u32, at: u32) {
    let set = ALARM.load(Ordering::Relaxed).wrapping_sub(now) as i32;
    if set <= 0 || (at.wrapping_sub(now) as i32) < set {
        ALARM.store(at, Ordering::Relaxed);
    }
}

#[unsafe(export_name = "SysTick")]
extern "C" fn tick() {
    let now = LOW.load(Ordering::Relaxed).wrapping_add(1);
    LOW.store(now, Ordering::Relaxed);
    if now == 0 {
        HIGH.store(HIGH.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    if now == ALARM.load(Ordering::Relaxed) {
        run::wake();
    }
    #[cfg(feature = "net")]
    crate::clock::tick();
}
