//! How much a client holds: what the program set, and what its memory gives.
//!
//! What the program did not set adapts to the memory. What it set and does not fit is refused.

use mqtt_as_proto::client::ConfigError;
use mqtt_as_proto::{BLOCK_BYTES, Storage, Version};

use crate::config::Config;
use crate::memory::Memory;

/// The sizes that the program set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) queue_len: Option<usize>,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) outbox: Option<usize>,
    pub(crate) in_flight: Option<u16>,
    pub(crate) store: Option<usize>,
}

/// Messages that the queue holds where the program did not say and memory does not matter.
const QUEUE_LEN: usize = 1024;

/// The same in bytes of QoS 0 messages.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

impl Config {
    /// Messages that the queue holds: never fewer than may come unasked.
    pub(crate) fn queue_messages(&self) -> usize {
        let slots = usize::from(self.core.receive_maximum);
        self.sizes.queue_len.unwrap_or(QUEUE_LEN).max(slots)
    }

    /// Bytes of QoS 0 messages that the queue holds.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.sizes.queue_bytes.unwrap_or(QUEUE_BYTES)
    }
}

impl Memory {
    /// Fits settings and memory to each other.
    ///
    /// # Errors
    /// [`ConfigError`] names what the memory is not enough for, with the number needed.
    pub(crate) fn fit(mut self, config: &mut Config) -> Result<Self, ConfigError> {
        let Sizes { outbox, in_flight, store, .. } = config.sizes;
        self.fit_packets(config)?;
        self.fit_queue(config)?;
        self.core.outbox = bounded("bytes of the outbox", outbox, self.core.outbox)?;
        self.outbox = self.outbox.limited_to(self.core.outbox.limit());
        enough("bytes of the driver's outbox", self.core.outbox.limit(), self.outbox.limit())?;
        let in_flight = in_flight.map(usize::from);
        self.core.flights = bounded("messages in flight", in_flight, self.core.flights)?;
        if let Some(store) = store {
            let given = self.core.blocks.limit().saturating_mul(BLOCK_BYTES);
            enough("bytes of unacknowledged messages", store, given)?;
            self.core.blocks = self.core.blocks.limited_to(store.div_ceil(BLOCK_BYTES));
        }
        Ok(self)
    }

    /// The largest packet taken, and how many messages may come before one is taken.
    fn fit_packets(&self, config: &mut Config) -> Result<(), ConfigError> {
        let (entries, core) = (self.entries.limit(), &mut config.core);
        let lent = self.queue.limit() != 0;
        if config.sizes.maximum_packet_size.is_none() {
            let read = self.read.limit().unwrap_or(usize::MAX);
            let place = self.queue.limit().checked_div(entries).filter(|_| lent);
            let largest = u32::try_from(read.min(place.unwrap_or(usize::MAX)));
            core.maximum_packet_size = core.maximum_packet_size.min(largest.unwrap_or(u32::MAX));
        }
        if config.sizes.receive_maximum.is_none() {
            let most = self.core.held.limit().min(entries / 2).max(1);
            core.receive_maximum =
                core.receive_maximum.min(u16::try_from(most).unwrap_or(u16::MAX));
        }
        let (slots, packet) =
            (usize::from(core.receive_maximum), core.maximum_packet_size as usize);
        core.receive_bytes = slots.saturating_mul(packet);
        if lent {
            // With its topic put back a message might not fit its place any more.
            core.topic_alias_maximum = 0;
        }
        if let Some(read) = self.read.limit() {
            enough("bytes to read into", packet, read)?;
        }
        if lent {
            enough("bytes of queued messages", entries.saturating_mul(packet), self.queue.limit())?;
        }
        // In 5.0 messages of a lost session may be held beside those of the next one.
        let needed = match core.version {
            Version::V5 => slots.saturating_mul(2),
            Version::V311 => slots,
        };
        enough("queued messages", needed, entries)
    }

    fn fit_queue(&mut self, config: &mut Config) -> Result<(), ConfigError> {
        let given = self.entries.limit();
        enough("queued messages", config.sizes.queue_len.unwrap_or(0), given)?;
        if self.queue.limit() != 0 {
            let bytes = config.sizes.queue_bytes.unwrap_or(0);
            enough("bytes of queued messages", bytes, self.queue.limit())?;
        }
        let len = config.queue_messages().min(given);
        config.sizes.queue_len = Some(len);
        let slots = usize::from(config.core.receive_maximum);
        let entries = core::mem::take(&mut self.entries);
        self.entries = entries.limited_to(len.saturating_add(slots));
        Ok(())
    }
}

/// Memory for what the program set, or all of it.
fn bounded<'a, T>(
    what: &'static str,
    set: Option<usize>,
    memory: Storage<'a, T>,
) -> Result<Storage<'a, T>, ConfigError> {
    let Some(needed) = set else { return Ok(memory) };
    enough(what, needed, memory.limit())?;
    Ok(memory.limited_to(needed))
}

pub(crate) fn enough(what: &'static str, needed: usize, given: usize) -> Result<(), ConfigError> {
    if given < needed {
        return Err(ConfigError::Memory { what, needed, given });
    }
    Ok(())
}
