//! The debugger's console (semihosting): text out, and the exit code.

use core::arch::asm;

const WRITE_CHARACTER: usize = 0x03;
const COMMAND_LINE: usize = 0x15;
const EXIT_WITH_CODE: usize = 0x20;
/// The reason "the application ended".
const APPLICATION_EXIT: usize = 0x2_0026;

/// Asks the debugger, which the emulator is.
fn call(operation: usize, argument: *const usize) {
    // SAFETY: the operations used here read what `argument` points to, and write only where it says.
    unsafe {
        asm!(
            "bkpt #0xab",
            inout("r0") operation => _,
            in("r1") argument,
            options(nostack, preserves_flags),
        );
    }
}

/// Ends the emulator with that exit code.
pub fn exit(code: u32) -> ! {
    let block = [APPLICATION_EXIT, code as usize];
    loop {
        call(EXIT_WITH_CODE, block.as_ptr());
    }
}

/// The number at the end of the command line: the broker's port.
#[must_use]
pub fn argument() -> u16 {
    let mut line = [0_u8; 80];
    let mut block = [line.as_mut_ptr() as usize, line.len()];
    call(COMMAND_LINE, block.as_mut_ptr());
    // Of the block the length was replaced by that of the line.
    let [_, len] = core::hint::black_box(block);
    let line = core::hint::black_box(line);
    let mut value: u16 = 0;
    for byte in line.iter().take(len) {
        value = match byte {
            b'0'..=b'9' => value.wrapping_mul(10).wrapping_add(u16::from(byte - b'0')),
            _ => 0,
        };
    }
    value
}

/// Writes text.
pub fn text(text: &str) {
    for byte in text.bytes() {
        let word = usize::from(byte);
        call(WRITE_CHARACTER, &raw const word);
    }
}

/// Writes a line: a name and a number.
pub fn figure(name: &str, value: usize) {
    text(name);
    text(" ");
    number(value);
    text("\n");
}

fn number(value: usize) {
    if value >= 10 {
        number(value / 10);
    }
    let digit = usize::from(b'0') + value % 10;
    call(WRITE_CHARACTER, &raw const digit);
}
