//! Which random lives are lived: `MQTT_AS_SEEDS` says how many, from `MQTT_AS_FIRST_SEED` on (0
//! unless set); `MQTT_AS_SEED` runs that one alone.

use std::env;
use std::ops::Range;

/// The one that is to run alone.
pub(crate) fn alone() -> Option<u64> {
    setting("MQTT_AS_SEED")
}

/// All of them: `usual` many unless that is set.
pub(crate) fn all(usual: u64) -> Range<u64> {
    if let Some(seed) = alone() {
        return seed..seed + 1;
    }
    let first = setting("MQTT_AS_FIRST_SEED").unwrap_or(0);
    first..first + setting("MQTT_AS_SEEDS").unwrap_or(usual)
}

fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}
