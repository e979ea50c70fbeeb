//! The adapter for smol. It is not written yet: this crate holds its place, and nothing else.
//!
//! Under tokio, use `mqtt-as-tokio`. The core, `mqtt-as-proto`, runs without any runtime.

#![forbid(unsafe_code)]
