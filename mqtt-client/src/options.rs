//! How builders are written, and the times that they take.

use core::time::Duration;

/// The options of a builder: a method each.
macro_rules! options {
    ($(
        $(#[$about:meta])*
        $name:ident($this:ident, $($part:ident: $type:ty),*) { $($set:expr;)+ }
    )+) => {$(
        $(#[$about])*
        pub fn $name(mut $this, $($part: $type),*) -> Self {
            $($set;)+
            $this
        }
    )+};
}
pub(crate) use options;

/// Seconds as MQTT counts them: a time that is not 0 does not become 0, which has a meaning of its own.
pub(crate) fn whole_seconds(time: Duration) -> u32 {
    seconds(time).max(u32::from(!time.is_zero()))
}

/// Whole seconds, or the most that there are.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Milliseconds, rounded up; more than 49 days is no time-out any more.
pub(crate) fn millis(time: Duration) -> u32 {
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    seconds(time).saturating_mul(1000).saturating_add(rest)
}
