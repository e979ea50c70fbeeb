//! The interrupts: each is masked until its driver asks for it again, and has everything looked at.

use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

use crate::{run, uart};

const ENABLE: *mut u32 = 0xe000_e100 as *mut u32;
const STATE: *const u32 = 0xe000_ed04 as *const u32;

/// Interrupts are numbered from here on; before them come the exceptions.
const FIRST: u32 = 16;

pub(crate) fn enable() {
    // SAFETY: the drivers' interrupts are handled below; nothing holds a lock yet.
    unsafe {
        write_volatile(ENABLE, 1 << uart::RECEIVED | 1 << uart::SENT);
        asm!("cpsie i");
    }
}

/// Calls `f` while no interrupt comes.
#[cfg_attr(not(test), inline(always))]
pub(crate) fn without<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: not nested: nothing that is called so masks interrupts itself.
    unsafe { asm!("cpsid i") };
    let value = f();
    // SAFETY: as above.
    unsafe { asm!("cpsie i") };
    value
}

#[unsafe(export_name = "DefaultHandler")]
extern "C" fn handler() {
    // SAFETY: the register that says which interrupt this is; reading it changes nothing.
    let number = unsafe { read_volatile(STATE) } & 0xff;
    match number.wrapping_sub(FIRST) {
        uart::RECEIVED | uart::SENT => uart::handle(),
        _ => crate::console::exit(102),
    }
    run::wake();
}
