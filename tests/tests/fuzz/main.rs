//! Random input against the protocol: for `MQTT_AS_FUZZ_SECONDS` (1 unless set) a target.
//!
//! Each case has a seed of its own. A failing case prints it; `MQTT_AS_FUZZ_SEED` runs that case
//! alone.

#![allow(missing_docs)]

mod bytes;
mod operations;
mod server;
mod settings;
mod streams;

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
