//! The peak of the stack: the start-up code has painted it.

use core::ptr::read_volatile;

const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// The most bytes of stack that were ever in use.
#[must_use]
pub fn peak() -> usize {
    let (top, mut at) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: both are ends of the stack's memory, which is readable as a whole.
    while at < top && unsafe { read_volatile(at) } == PAINT {
        at = at.wrapping_add(1);
    }
    top as usize - at as usize
}
