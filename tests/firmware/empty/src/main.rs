//! The board and nothing else: what sizes are compared with.

#![no_std]
#![no_main]
#![deny(unsafe_code)]

fn empty() -> u32 {
    board::console::figure("stack peak", board::stack::peak());
    0
}

board::image!(crate::empty);
