//! The moments until which something waits, in milliseconds that wrap: a device counts them fast.

use core::num::NonZeroU32;

use mqtt_as_proto::Instant;

/// A moment that lies less than 2³¹ ms ahead; what has one looks at it in time.
/// In zeroed memory an `Option` of it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(NonZeroU32);

/// The longest time ahead: half of what wraps.
pub(crate) const LONGEST: u32 = u32::MAX / 2;

/// More than is left until any of them.
pub(crate) const NEVER: u32 = u32::MAX;

impl Deadline {
    /// The moment `ms` milliseconds from now.
    #[inline]
    pub(crate) fn after(now: Instant, ms: u32) -> Self {
        // The moment 0 is one later.
        Self(NonZeroU32::new(low(now).wrapping_add(ms.min(LONGEST))).unwrap_or(NonZeroU32::MIN))
    }

    /// Milliseconds from now until then, if it has not passed.
    #[inline]
    pub(crate) fn left(self, now: Instant) -> u32 {
        let left = self.0.get().wrapping_sub(low(now));
        if left > LONGEST { 0 } else { left }
    }

    /// Whether it has passed by more than that.
    pub(crate) fn is_past_by(self, now: Instant, ms: u32) -> bool {
        let past = low(now).wrapping_sub(self.0.get());
        past > ms && past <= LONGEST
    }

    /// Whether it comes before the other one.
    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.0.get().wrapping_sub(other.0.get()) > LONGEST
    }
}

#[inline]
fn low(now: Instant) -> u32 {
    now.as_millis() as u32
}
