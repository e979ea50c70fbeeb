//! Random input against the protocol: for `MQTT_AS_FUZZ_SECONDS` (1 unless set) a target. And all that the
//! fuzzer of `tests/fuzzing` keeps: what it found, and what it begins with.
//!
//! Each case has a seed of its own. A failing case prints it; `MQTT_AS_FUZZ_SEED` runs that case
//! alone.

#![allow(missing_docs)]

mod damage;
mod kept;
mod targets;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mqtt_as_tests::random::Random;

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// Runs cases until the time is over, or the one whose seed is set.
pub(crate) fn fuzz(target: &str, mut case: impl FnMut(&mut Random)) {
    if let Some(seed) = number("MQTT_AS_FUZZ_SEED") {
        return case(&mut Random::new(seed));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = u64::try_from(now.as_nanos()).unwrap_or(0);
    println!("{target}: the first seed is {first}");
    let end = Instant::now() + Duration::from_secs(number("MQTT_AS_FUZZ_SECONDS").unwrap_or(1));
    let mut cases = 0;
    while Instant::now() < end {
        let seed = first.wrapping_add(cases);
        let run = AssertUnwindSafe(|| case(&mut Random::new(seed)));
        if let Err(panic) = catch_unwind(run) {
            eprintln!("{target} failed: MQTT_AS_FUZZ_SEED={seed} runs this case alone");
            resume_unwind(panic);
        }
        cases += 1;
    }
    println!("{target}: {cases} cases");
}

/// So many bytes and fewer.
fn noise(random: &mut Random, most: u64) -> Vec<u8> {
    (0..random.between(4..=most)).map(|_| random.next_u64() as u8).collect()
}

#[test]
fn a_decoded_packet_survives_a_round_trip() {
    let mut decoded = 0;
    fuzz("decode", |random| {
        let how = random.next_u64() as u8 & !1;
        decoded += targets::decode::run(&[&[how], &damage::stream(random)[..]].concat());
    });
    println!("decode: {decoded} packets decoded");
}

#[test]
fn a_client_bears_any_bytes_in_any_state() {
    let mut events = 0;
    fuzz("bytes", |random| {
        let said = match random.chance(10) {
            true => noise(random, 64),
            false => (0..5).flat_map(|_| damage::stream(random)).collect(),
        };
        events += targets::bytes::run(&[noise(random, 4), said].concat());
    });
    println!("bytes: {events} events");
}

#[test]
fn a_client_bears_any_caller_and_any_server() {
    let mut events = 0;
    fuzz("operations", |random| events += targets::operations::run(&noise(random, 600)));
    println!("operations: {events} events");
}
