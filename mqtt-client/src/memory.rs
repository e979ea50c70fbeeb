//! The memory of a client: from the heap, or lent for ever by the program.

use mqtt_as_proto::{Storage, client};

use crate::inbox::Entry;
use crate::read::ReadMemory;
use crate::waiter::Waiter;

/// The memory of a client. All of it is bounded, and nothing else is used.
#[derive(Debug)]
pub struct Memory {
    /// The core's: outbox, messages on their way, aliases.
    pub core: client::Memory<'static>,
    /// The driver's outbox: as large as the core's.
    pub outbox: Storage<'static, u8>,
    /// Queued messages: one item each.
    pub entries: Storage<'static, Entry>,
    /// Without a heap, their bytes: items × the maximum packet size. Empty with a heap.
    pub queue: Storage<'static, u8>,
    /// Waiting calls: one item each.
    pub waiters: Storage<'static, Waiter>,
    /// What is read from the transport.
    pub read: ReadMemory,
}

#[cfg(feature = "alloc")]
impl Memory {
    /// Memory from the heap, taken as it is needed, up to what the settings say.
    #[must_use]
    pub fn heap(config: &crate::Config) -> Self {
        let slots = usize::from(config.core.receive_maximum);
        let outbox = config.sizes.outbox.unwrap_or(64 * 1024);
        let in_flight = config.sizes.in_flight.unwrap_or(4096);
        let store = config.sizes.store.unwrap_or(4 * 1024 * 1024);
        Self {
            core: client::Memory::heap(&config.core, outbox, in_flight, store),
            outbox: Storage::owned(outbox),
            entries: Storage::owned(config.queue_messages().saturating_add(slots)),
            queue: Storage::default(),
            waiters: Storage::owned(usize::from(u16::MAX) - 1),
            read: ReadMemory::heap(),
        }
    }
}
