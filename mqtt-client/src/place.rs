//! Places in arrays, as lists through them keep them.

use core::num::{NonZeroU16, NonZeroU32};

macro_rules! places {
    ($($(#[$doc:meta])+ $name:ident($number:ty, $counted:ty);)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(
            /// Counted from 1: `None` takes no more room, and is zero.
            $counted,
        );

        impl $name {
            /// The place, unless it is too far back to be named.
            #[inline]
            pub(crate) fn new(at: $number) -> Option<Self> {
                <$counted>::MIN.checked_add(at).map(Self)
            }

            /// The index into the array.
            #[inline]
            pub(crate) fn at(self) -> usize {
                self.0.get() as usize - 1
            }
        }
    )+};
}

places! {
    /// The place of a message in the queue.
    Place(u32, NonZeroU32);
    /// The place of a waiting call.
    ShortPlace(u16, NonZeroU16);
}
