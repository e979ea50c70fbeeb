//! The serial line: the emulator makes it a TCP stream.
//!
//! The UART holds one byte each way. The emulator gives it the next one when the last was read, as a line with
//! hardware flow control does, so that none is lost however late the program reads.

use core::convert::Infallible;
use core::future::poll_fn;
use core::ptr::{read_volatile, write_volatile};
use core::task::Poll;

use embedded_io_async::{ErrorType, Read, Write};

const DATA: *mut u32 = 0x4000_4000 as *mut u32;
const STATE: *mut u32 = 0x4000_4004 as *mut u32;
const CONTROL: *mut u32 = 0x4000_4008 as *mut u32;
const INTERRUPT: *mut u32 = 0x4000_400c as *mut u32;
const DIVIDER: *mut u32 = 0x4000_4010 as *mut u32;

const SEND_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 2;

/// Both ways on; the interrupts of both are asked for while somebody waits.
const ON: u32 = 3;
const SEND_INTERRUPT: u32 = 4;
const RECEIVE_INTERRUPT: u32 = 8;

/// The numbers of the interrupts.
pub(crate) const RECEIVED: u32 = 0;
pub(crate) const SENT: u32 = 1;

/// The half that is read.
#[derive(Debug)]
pub struct Rx(());

/// The half that is written.
#[derive(Debug)]
pub struct Tx(());

/// Opens the line, and forgets what came before.
pub fn open() -> (Rx, Tx) {
    set(DIVIDER, 16);
    set(CONTROL, ON | SEND_INTERRUPT | RECEIVE_INTERRUPT);
    while get(STATE) & RECEIVE_FULL != 0 {
        get(DATA);
    }
    (Rx(()), Tx(()))
}

/// Something was received, or sent.
pub(crate) fn handle() {
    set(INTERRUPT, 3);
}

fn get(register: *mut u32) -> u32 {
    // SAFETY: only the registers above come here.
    unsafe { read_volatile(register) }
}

fn set(register: *mut u32, value: u32) {
    // SAFETY: as in `get`.
    unsafe { write_volatile(register, value) }
}

impl ErrorType for Rx {
    type Error = Infallible;
}

impl ErrorType for Tx {
    type Error = Infallible;
}

impl Read for Rx {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut n = 0;
            for place in &mut *buffer {
                if get(STATE) & RECEIVE_FULL == 0 {
                    break;
                }
                *place = get(DATA) as u8;
                n += 1;
            }
            if n == 0 { Poll::Pending } else { Poll::Ready(Ok(n)) }
        })
        .await
    }
}

impl Write for Tx {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut n = 0;
            for byte in bytes {
                if get(STATE) & SEND_FULL != 0 {
                    break;
                }
                set(DATA, u32::from(*byte));
                n += 1;
            }
            if n == 0 { Poll::Pending } else { Poll::Ready(Ok(n)) }
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
