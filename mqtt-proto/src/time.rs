//! Time as an argument: the core has no clock.

use core::fmt;
use core::num::NonZeroU64;

/// A moment, in milliseconds since any fixed point of the caller's choice (usually its start).
///
/// The core never reads a clock: the caller passes an `Instant` to each `handle_*` method and
/// sleeps until `poll_timeout`. Times must not go backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// One more than the milliseconds, so that `Option<Instant>` takes no more room.
    NonZeroU64,
);

impl Instant {
    /// The moment `ms` milliseconds after the fixed point.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(ms))
    }

    /// Milliseconds since the fixed point.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get().wrapping_sub(1)
    }

    /// The moment `ms` milliseconds later; the end of time if there is no such moment.
    #[inline(never)] // 64 bits: on a device that is code.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` until this moment, 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

impl Default for Instant {
    /// The fixed point.
    fn default() -> Self {
        Self::from_millis(0)
    }
}

/// Whole seconds that hold so many milliseconds. Devices divide 32 bits at a time: 64 would cost
/// them 700 bytes of code.
pub(crate) fn seconds(ms: u64) -> u32 {
    const WHOLE: u32 = 4_294_967; // Of the 2³² ms in one step of `high`, and 296 ms.
    let Ok(high) = u32::try_from(ms >> 32) else { return u32::MAX };
    let low = ms as u32;
    let rest = high.saturating_mul(296).saturating_add(low % 1000).div_ceil(1000);
    high.saturating_mul(WHOLE).saturating_add(low / 1000).saturating_add(rest)
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn seconds_are_those_of_a_division_of_64_bits() {
        let bits = (0..42).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for ms in bits.chain((0..100_000).map(|n| n * 42_949_677)) {
            assert_eq!(u64::from(seconds(ms)), ms.div_ceil(1000), "{ms} ms");
        }
        assert_eq!(seconds(u64::MAX), u32::MAX);
        assert_eq!(seconds(u64::from(u32::MAX) * 1000), u32::MAX);
    }
}
