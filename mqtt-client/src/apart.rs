//! What few programs use, kept apart from what all do: with a heap it takes memory when it is set.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Apart, take_out};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Apart, take_out};

#[cfg(feature = "alloc")]
mod heap {
    pub(crate) use alloc::boxed::Box as Apart;

    #[allow(clippy::boxed_local)] // Without a heap it is no box.
    pub(crate) fn take_out<T>(apart: Apart<T>) -> T {
        *apart
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use core::ops::{Deref, DerefMut};

    /// Without a heap it has no other place.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Apart<T>(T);

    impl<T> Apart<T> {
        #[inline]
        pub(crate) fn new(value: T) -> Self {
            Self(value)
        }
    }

    #[inline]
    pub(crate) fn take_out<T>(apart: Apart<T>) -> T {
        apart.0
    }

    impl<T> Deref for Apart<T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> DerefMut for Apart<T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}
