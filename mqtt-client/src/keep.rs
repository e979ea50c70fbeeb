//! What a client keeps only with a heap.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Buried, Kept};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Buried, Kept};

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use core::any::Any;

    use crate::chunks::Chunks;
    use crate::error::{ConnectError, DownReason};
    use crate::held::Text;

    /// Reasons that are no longer told: the errors of transports in them are the program's to drop.
    pub(crate) type Buried = Vec<DownReason>;

    /// What is kept in the shared state.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {
        /// The memory that small messages are copied to.
        pub(crate) chunks: Chunks,
        /// The program's callbacks: what they are is known where they are called.
        pub(crate) callbacks: Option<Box<dyn Any + Send>>,
        /// A server that ours has named, for this time.
        pub(crate) elsewhere: Option<(Text, u16)>,
        buried: Buried,
    }

    impl Kept {
        /// The link is idle: what a burst took is given back.
        pub(crate) fn release_memory(&mut self) {
            self.chunks.release();
        }

        /// It is dropped when the lock is free.
        pub(crate) fn bury(&mut self, reason: Option<DownReason>) {
            self.buried.extend(reason);
        }

        /// The same.
        pub(crate) fn bury_failure(&mut self, failure: Option<ConnectError>) {
            self.buried.extend(failure.and_then(|failure| match failure {
                ConnectError::Unreachable(_, error) | ConnectError::HostNotFound { error, .. } => {
                    Some(DownReason::Transport(error))
                }
                ConnectError::Lost(reason) => Some(reason),
                _ => None,
            }));
        }

        #[inline]
        pub(crate) fn has_buried(&self) -> bool {
            !self.buried.is_empty()
        }

        pub(crate) fn take_buried(&mut self) -> Buried {
            core::mem::take(&mut self.buried)
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use crate::error::{ConnectError, DownReason};

    /// Nothing is anybody's to drop.
    pub(crate) type Buried = ();

    /// What is kept in the shared state: nothing.
    #[derive(Debug, Default)]
    pub(crate) struct Kept {}

    impl Kept {
        #[allow(clippy::unused_self)] // With a heap there is something to give back.
        pub(crate) fn release_memory(&mut self) {}

        #[allow(clippy::unused_self)] // As above.
        #[inline]
        pub(crate) fn bury(&mut self, _: Option<DownReason>) {}

        #[allow(clippy::unused_self)] // As above.
        #[inline]
        pub(crate) fn bury_failure(&mut self, _: Option<ConnectError>) {}

        #[allow(clippy::unused_self)] // As above.
        pub(crate) fn has_buried(&self) -> bool {
            false
        }

        #[allow(clippy::unused_self)] // As above.
        pub(crate) fn take_buried(&mut self) -> Buried {}
    }
}
