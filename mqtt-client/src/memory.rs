//! The memory of a client: from the heap, or lent for ever by the program.

use mqtt_as_proto::{Storage, Version, client};

use crate::config::Config;
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
        Self {
            core: client::Memory::heap(&config.core, config.outbox, config.in_flight, config.store),
            outbox: Storage::owned(config.outbox),
            entries: Storage::owned(config.queue_len.max(slots).saturating_add(slots)),
            queue: Storage::default(),
            waiters: Storage::owned(usize::from(u16::MAX) - 1),
            read: ReadMemory::heap(),
        }
    }
}

impl Memory {
    /// Whether the memory is enough for what the settings promise.
    pub(crate) fn check(&self, config: &Config) -> Result<(), client::ConfigError> {
        let slots = usize::from(config.core.receive_maximum);
        let packet = config.core.maximum_packet_size as usize;
        // In 5.0 messages of a lost session may be held beside those of the next one.
        let entries = match config.core.version {
            Version::V5 => slots.saturating_mul(2),
            Version::V311 => slots,
        };
        enough("queued messages", entries, self.entries.limit())?;
        if let Some(read) = self.read.limit() {
            enough("bytes to read into", packet, read)?;
        }
        if self.queue.limit() != 0 {
            let bytes = self.entries.limit().saturating_mul(packet);
            enough("bytes of queued messages", bytes, self.queue.limit())?;
        }
        enough("bytes of the driver's outbox", self.core.outbox.limit(), self.outbox.limit())
    }
}

fn enough(what: &'static str, needed: usize, given: usize) -> Result<(), client::ConfigError> {
    if given < needed {
        return Err(client::ConfigError::Memory { what, needed, given });
    }
    Ok(())
}
