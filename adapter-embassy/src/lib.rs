//! The adapter for embassy. It is not written yet: this crate holds its place, and nothing else.
//!
//! The core, `mqtt-as-proto`, runs on a microcontroller without a heap as it is.

#![no_std]
#![forbid(unsafe_code)]
