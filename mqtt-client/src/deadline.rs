//! The moments until which something waits, in milliseconds that wrap: a device counts them fast.

use mqtt_as_proto::Instant;

/// A moment that lies less than 2³¹ ms ahead; what has one looks at it in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deadline(u32);

/// The longest time ahead: half of what wraps.
pub(crate) const LONGEST: u32 = u32::MAX / 2;

/// More than is left until any of them.
pub(crate) const NEVER: u32 = u32::MAX;

impl Deadline {
    pub(crate) const NONE: Self = Self(0);

    /// The moment `ms` milliseconds from now.
    #[inline]
    pub(crate) fn after(now: Instant, ms: u32) -> Self {
        Self(low(now).wrapping_add(ms.min(LONGEST)))
    }

    /// Milliseconds from now until then, if it has not passed.
    #[inline]
    pub(crate) fn left(self, now: Instant) -> u32 {
        let left = self.0.wrapping_sub(low(now));
        if left > LONGEST { 0 } else { left }
    }

    /// Whether it has passed by more than that.
    pub(crate) fn is_past_by(self, now: Instant, ms: u32) -> bool {
        let past = low(now).wrapping_sub(self.0);
        past > ms && past <= LONGEST
    }

    /// Whether it comes before the other one.
    #[inline]
    pub(crate) fn is_before(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0) > LONGEST
    }
}

#[inline]
fn low(now: Instant) -> u32 {
    now.as_millis() as u32
}
