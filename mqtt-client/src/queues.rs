//! The handles of the queue, counted.

/// The handles of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) alive: u16,
    /// The last one was dropped, and the callbacks do not know yet.
    pub(crate) is_left: bool,
}
