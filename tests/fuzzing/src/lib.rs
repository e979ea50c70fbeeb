//! The targets, as the fuzzer calls them. See tests/fuzzing.md.

mod differential;
#[path = "../../tests/fuzz/targets/mod.rs"]
mod targets;

pub use differential::run as differential;

pub fn decode(bytes: &[u8]) {
    targets::decode::run(bytes);
}

pub fn bytes(bytes: &[u8]) {
    targets::bytes::run(bytes);
}

pub fn operations(bytes: &[u8]) {
    targets::operations::run(bytes);
}

/// The model of a log, or of an outbox: private parts.
#[cfg(fuzzing)]
pub fn log(bytes: &[u8]) {
    mqtt_as_proto::fuzzed::log(bytes);
}

#[cfg(not(fuzzing))]
pub fn log(_bytes: &[u8]) {
    panic!("tests/fuzzing/run builds this: it sets cfg(fuzzing)");
}
