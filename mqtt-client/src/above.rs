//! What lower parts carry pointers to, and do not know.

/// Names what settings carry pointers to, and do not know: it is built on them.
pub(crate) trait Above {
    /// The shared state.
    type State;
    /// The lock around it, as the driver lends it.
    type Locked<'l>: ?Sized;
    /// Credentials that are on their way.
    type Asking;
    /// A policy.
    type Policy: 'static;
}

/// Those of this crate.
pub(crate) enum Ours {}
