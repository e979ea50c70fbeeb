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
        #[cfg(feature = "net")]
        write_volatile(ENABLE, 1 << crate::ethernet::EVENT);
        asm!("cpsie i");
    }
}

/// How critical sections are made here: one core, so masking the interrupts is enough.
struct Masked;

critical_section::set_impl!(Masked);

// SAFETY: between the calls nothing else runs; nested ones leave the mask to the outermost.
unsafe impl critical_section::Impl for Masked {
    unsafe fn acquire() -> bool {
        let mask: u32;
        // SAFETY: reads the mask and sets it.
        unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) mask) };
        mask & 1 == 0
    }

    unsafe fn release(unmask: bool) {
        if unmask {
            // SAFETY: it was so before.
            unsafe { asm!("cpsie i") };
        }
    }
}

#[unsafe(export_name = "DefaultHandler")]
extern "C" fn handler() {
    // SAFETY: the register that says which interrupt this is; reading it changes nothing.
    let number = unsafe { read_volatile(STATE) } & 0xff;
    match number.wrapping_sub(FIRST) {
        uart::RECEIVED | uart::SENT => uart::handle(),
        #[cfg(feature = "net")]
        crate::ethernet::EVENT => crate::ethernet::handle(),
        _ => crate::console::exit(102),
    }
    run::wake();
}
