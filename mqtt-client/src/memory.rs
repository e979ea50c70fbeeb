//! The memory of a client: from the heap, or lent for ever by the program.
//!
//! What the program did not set adapts to the memory. What it set and does not fit is refused.

use core::mem::take;

use mqtt_as_proto::Storage;
use mqtt_as_proto::client::{self, LogMemory};

use crate::error::ConfigError;
use crate::lane::LinkEvent;
use crate::read::ReadMemory;
use crate::waiters::Waiter;
use client_id::ClientId;

/// The memory of a client. All of it is bounded, and nothing else is used.
#[derive(Debug)]
pub struct Memory {
    /// The core's: outbox, messages on their way out and in, aliases.
    pub core: client::Memory<'static>,
    /// The driver's outbox: as large as the core's.
    pub outbox: Storage<'static, u8>,
    /// Waiting calls: one item each.
    pub waiters: Storage<'static, Waiter>,
    /// Changes of the link that callbacks have not been told yet: none where there are no callbacks.
    pub link_events: Storage<'static, LinkEvent>,
    /// The client identifier that a server assigns where the program names none. One that is longer
    /// is not kept: the next connect gets another one, and a new session.
    pub client_id: Storage<'static, u8>,
    /// What is read from the transport.
    pub read: ReadMemory,
}

/// Bytes of a record beside its packet.
const RECORD: usize = 16;

/// The sizes that the program set, or whether it did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) receive_maximum: bool,
    pub(crate) maximum_packet_size: bool,
    pub(crate) queue_bytes: Option<usize>,
    pub(crate) outbox: Option<usize>,
    pub(crate) store: Option<usize>,
    /// Fits settings and memory to each other. A program that sets no size links no check of one.
    pub(crate) fit: Fit,
}

pub(crate) type Fit = fn(&mut Memory, &Sizes, &mut client::Config) -> Result<(), ConfigError>;

impl Sizes {
    pub(crate) const NONE: Self = Self {
        receive_maximum: false,
        maximum_packet_size: false,
        queue_bytes: None,
        outbox: None,
        store: None,
        fit: |memory, sizes, core| {
            memory.adapt(sizes, core);
            Ok(())
        },
    };
    pub(crate) const CHECK: Fit = |memory, sizes, core| {
        core.check_numbers()?;
        memory.limit(sizes, core)?;
        memory.adapt(sizes, core);
        memory.check(core)
    };
}

#[cfg(feature = "alloc")]
impl Memory {
    /// Memory from the heap.
    pub(crate) fn up_to(sizes: &Sizes, mut core: client::Config) -> Self {
        let outbox = sizes.outbox.unwrap_or(64 * 1024);
        let store = sizes.store.unwrap_or(4 * 1024 * 1024);
        let mut incoming = sizes.queue_bytes.unwrap_or(16 * 1024 * 1024);
        if sizes.maximum_packet_size {
            incoming = incoming.max(record(&core));
        }
        let largest = u32::try_from(incoming.saturating_sub(RECORD)).unwrap_or(u32::MAX);
        core.maximum_packet_size = core.maximum_packet_size.min(largest.max(1));
        Self {
            core: client::Memory::heap(&core, outbox, store, incoming),
            outbox: Storage::owned(outbox),
            waiters: Storage::owned(usize::from(u16::MAX) - 1),
            link_events: Storage::owned(64),
            client_id: Storage::owned(usize::from(u16::MAX)),
            read: ReadMemory::heap(),
        }
    }
}

impl Memory {
    /// Fits settings and memory to each other.
    ///
    /// # Errors
    /// [`ConfigError`] names what the memory is not enough for, with the number needed.
    pub(crate) fn fit(
        &mut self,
        sizes: &Sizes,
        core: &mut client::Config,
    ) -> Result<(), ConfigError> {
        (sizes.fit)(self, sizes, core)?;
        self.outbox = take(&mut self.outbox).limited_to(self.core.outbox.limit());
        enough("bytes of the driver's outbox", self.core.outbox.limit(), self.outbox.limit())
    }

    /// No more is used than the program said.
    fn limit(&mut self, sizes: &Sizes, core: &client::Config) -> Result<(), ConfigError> {
        if let Some(needed) = sizes.queue_bytes {
            enough("bytes of queued messages", needed, self.core.incoming.limit())?;
            // The largest packet fits all the same.
            let least = if sizes.maximum_packet_size { record(core) } else { 0 };
            self.core.incoming = take(&mut self.core.incoming).limited_to(least.max(needed));
        }
        if let Some(needed) = sizes.store {
            enough("bytes of unacknowledged messages", needed, self.core.outgoing.limit())?;
            self.core.outgoing = take(&mut self.core.outgoing).limited_to(needed);
        }
        if let Some(needed) = sizes.outbox {
            enough("bytes of the outbox", needed, self.core.outbox.limit())?;
            self.core.outbox = take(&mut self.core.outbox).limited_to(needed);
        }
        Ok(())
    }

    /// The largest packet taken, and how many messages may come before one is taken, if the program
    /// did not say.
    fn adapt(&self, sizes: &Sizes, core: &mut client::Config) {
        let (read, incoming) = (self.read.limit(), self.core.incoming.limit());
        if !sizes.maximum_packet_size {
            let largest = incoming.saturating_sub(RECORD).min(read.unwrap_or(usize::MAX)).max(1);
            let largest = u32::try_from(largest).unwrap_or(u32::MAX);
            core.maximum_packet_size = core.maximum_packet_size.min(largest);
        }
        if read.is_some() && !sizes.receive_maximum {
            let most = incoming.checked_div(record(core)).unwrap_or(1).max(1);
            let most = u16::try_from(most).unwrap_or(u16::MAX);
            core.receive_maximum = core.receive_maximum.min(most);
        }
    }

    /// Lent memory has room for them.
    fn check(&self, core: &client::Config) -> Result<(), ConfigError> {
        let Some(read) = self.read.limit() else { return Ok(()) };
        enough("bytes to read into", core.maximum_packet_size as usize, read)?;
        let all = usize::from(core.receive_maximum).saturating_mul(record(core));
        enough("bytes of queued messages", all, self.core.incoming.limit())
    }
}

/// Bytes of the record of the largest packet taken.
fn record(core: &client::Config) -> usize {
    (core.maximum_packet_size as usize).saturating_add(RECORD)
}

fn enough(what: &'static str, needed: usize, given: usize) -> Result<(), ConfigError> {
    if given < needed {
        return Err(ConfigError::Memory { what, needed, given });
    }
    Ok(())
}

/// The memory of a client without a heap: one value that the program lends for ever. Settings that
/// the program leaves open adapt to it; what it sets and does not fit is refused when the client is
/// made.
///
/// * `RX`: bytes to read into: those of the largest packet taken, so 2 at least:
///   ```compile_fail
///   let memory = mqtt_as_client::BorrowedMemory::<0, 512, 2048, 4096, 4>::new();
///   ```
/// * `TX`: bytes of packets that wait to be written, at least 128. Used twice.
/// * `OUT`: bytes of messages and requests that are unacknowledged, or wait for a connection.
///   Each takes 16 bytes more than its packet.
/// * `IN`: bytes of received messages that wait to be taken, or to be acknowledged, with 16
///   bytes more for each: at least the largest packet and 16.
/// * `CALLS`: calls that wait at once.
///
/// A client identifier that a server assigns may have 64 bytes where there is no heap; [`Memory`]
/// takes memory for longer ones.
#[derive(Debug)]
pub struct BorrowedMemory<
    const RX: usize,
    const TX: usize,
    const OUT: usize,
    const IN: usize,
    const CALLS: usize,
> {
    read: [u8; RX],
    outbox: [u8; TX],
    writing: [u8; TX],
    outgoing: [u8; OUT],
    incoming: [u8; IN],
    waiters: [Waiter; CALLS],
    client_id: ClientId,
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    BorrowedMemory<RX, TX, OUT, IN, CALLS>
{
    /// Memory that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RX >= 2, "RX: bytes of the largest packet taken, 2 at least") };
        Self {
            read: [0; RX],
            outbox: [0; TX],
            writing: [0; TX],
            outgoing: [0; OUT],
            incoming: [0; IN],
            waiters: [const { Waiter::new() }; CALLS],
            client_id: ClientId::NONE,
        }
    }

    /// The memory, as a client takes it.
    pub fn split(&'static mut self) -> Memory {
        let core = client::Memory {
            outbox: Storage::borrowed(&mut self.outbox),
            outgoing: LogMemory::borrowed(&mut self.outgoing),
            incoming: LogMemory::borrowed(&mut self.incoming),
            ..client::Memory::default()
        };
        Memory {
            core,
            outbox: Storage::borrowed(&mut self.writing),
            waiters: Storage::borrowed(&mut self.waiters),
            link_events: Storage::default(),
            client_id: self.client_id.lend(),
            read: ReadMemory::lent(&mut self.read),
        }
    }
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    Default for BorrowedMemory<RX, TX, OUT, IN, CALLS>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "alloc")]
mod client_id {
    use mqtt_as_proto::Storage;

    /// An identifier that a server assigns lies on the heap.
    #[derive(Debug)]
    pub(super) struct ClientId;

    impl ClientId {
        pub(super) const NONE: Self = Self;

        #[allow(clippy::unused_self)] // Without a heap it is lent.
        pub(super) fn lend(&'static mut self) -> Storage<'static, u8> {
            Storage::owned(usize::from(u16::MAX))
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod client_id {
    use mqtt_as_proto::Storage;

    /// Room for an identifier that a server assigns: those in use are not longer.
    #[derive(Debug)]
    pub(super) struct ClientId([u8; 64]);

    impl ClientId {
        pub(super) const NONE: Self = Self([0; 64]);

        pub(super) fn lend(&'static mut self) -> Storage<'static, u8> {
            Storage::borrowed(&mut self.0)
        }
    }
}
