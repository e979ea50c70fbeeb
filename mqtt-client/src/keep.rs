//! What a client keeps only with a heap.

#[cfg(feature = "alloc")]
pub(crate) use heap::Kept;
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::Kept;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use core::any::Any;

    use crate::chunks::Chunks;
    use crate::held::Text;

    /// What is kept in the shared state.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {
        /// The memory that small messages are copied to.
        pub(crate) chunks: Chunks,
        /// The program's callbacks: what they are is known where they are called.
        pub(crate) callbacks: Option<Box<dyn Any + Send>>,
        /// A server that ours has named, for this time.
        pub(crate) elsewhere: Option<(Text, u16)>,
    }

    impl Kept {
        /// The link is idle: what a burst took is given back.
        pub(crate) fn release_memory(&mut self) {
            self.chunks.release();
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    /// What is kept in the shared state: nothing.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {}

    impl Kept {
        #[allow(clippy::unused_self)] // With a heap there is something to give back.
        pub(crate) fn release_memory(&mut self) {}
    }
}
