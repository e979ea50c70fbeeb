//! The smallest executor: one future, polled whenever something happened, asleep otherwise.

use core::arch::asm;
use core::future::Future;
use core::pin::{Pin, pin};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

static WOKEN: AtomicBool = AtomicBool::new(true);

/// Has the future polled again.
pub(crate) fn wake() {
    WOKEN.store(true, Ordering::Relaxed);
}

/// Runs a future to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // SAFETY: the functions of the table do not look at the pointer.
    let waker = unsafe { Waker::from_raw(RAW) };
    let mut context = Context::from_waker(&waker);
    loop {
        WOKEN.store(false, Ordering::Relaxed);
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        sleep();
    }
}

fn sleep() {
    while !WOKEN.load(Ordering::Relaxed) {
        // An interrupt that comes after the look ends the wait, though it is handled after it.
        critical_section::with(|_| {
            if !WOKEN.load(Ordering::Relaxed) {
                // SAFETY: waits, and changes nothing.
                unsafe { asm!("wfi") };
            }
        });
    }
}

const RAW: RawWaker = RawWaker::new(ptr::null(), &TABLE);
static TABLE: RawWakerVTable = RawWakerVTable::new(|_| RAW, |_| wake(), |_| wake(), |_| {});

/// A future that is polled out of line, as an executor's task is: what another one has on the stack is not under it.
pub struct Task<F>(F);

/// Makes one of a future.
pub fn task<F: Future>(future: F) -> Task<F> {
    Task(future)
}

impl<F: Future> Future for Task<F> {
    type Output = F::Output;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future stays where it is: nothing else gives it away.
        unsafe { self.map_unchecked_mut(|task| &mut task.0) }.poll(context)
    }
}
