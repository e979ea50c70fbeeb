//! The emulated board (`mps2-an386`): start-up, console, clock, serial line and Ethernet.
//!
//! All unsafe code of the firmware is here. Nothing formats, nothing allocates.

#![no_std]

#[cfg(feature = "net")]
mod clock;
pub mod console;
#[cfg(feature = "net")]
pub mod ethernet;
mod interrupt;
mod run;
pub mod stack;
pub mod time;
pub mod uart;

// The start-up code and the vector table come with it.
use cortex_m_rt as _;

pub use run::{block_on, task};

/// Makes `fn() -> u32` the program: what it returns is the emulator's exit code.
#[macro_export]
macro_rules! image {
    ($main:path) => {
        #[allow(unsafe_code)]
        mod start {
            #[unsafe(export_name = "main")]
            extern "C" fn start() -> ! {
                $crate::begin();
                $crate::console::exit($main())
            }
        }
    };
}

/// What every image does first.
pub fn begin() {
    time::begin();
    interrupt::enable();
}

/// A panic says nothing, so that nothing is formatted: it is an exit code of its own.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    console::exit(101)
}
