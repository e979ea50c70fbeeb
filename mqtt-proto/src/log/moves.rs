//! How often records have moved: with a heap others keep their positions.

#[cfg(feature = "alloc")]
pub(super) use counted::Moves;
#[cfg(not(feature = "alloc"))]
pub(super) use uncounted::Moves;

#[cfg(feature = "alloc")]
mod counted {
    /// A number that is another one when records have moved.
    #[derive(Default)]
    pub(crate) struct Moves(u32);

    impl Moves {
        pub(crate) fn note(&mut self) {
            self.0 = self.0.wrapping_add(1);
        }
    }

    impl super::super::Log<'_> {
        /// Another number when records have moved.
        #[inline]
        pub(crate) fn moved(&self) -> u32 {
            self.moves.0
        }

        /// Records are gone that others know of.
        pub(crate) fn note_moved(&mut self) {
            self.moves.note();
        }
    }
}

#[cfg(not(feature = "alloc"))]
#[allow(clippy::unused_self)] // With a heap there is something.
mod uncounted {
    /// Nobody keeps positions.
    #[derive(Default)]
    pub(crate) struct Moves {}

    impl Moves {
        #[inline]
        pub(crate) fn note(&mut self) {}
    }
}
