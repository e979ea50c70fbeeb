//! What a fuzzer drives: each target takes bytes, and panics where a promise is broken. The fuzzer of
//! `tests/fuzzing` finds the bytes by what they reach, the test `fuzz` draws them.

pub(crate) mod bytes;
mod case;
pub(crate) mod decode;
mod lives;
pub(crate) mod operations;
mod program;
mod server;
mod settings;
mod steps;
mod streams;
