//! The memory of a client without a heap: one value that the program lends for ever.

use mqtt_as_proto::client::AliasMemory;
use mqtt_as_proto::{Flight, Held, Slot, Storage, client};

use crate::inbox::Entry;
use crate::memory::Memory;
use crate::read::ReadMemory;
use crate::waiter::Waiter;

/// The memory of a client. Settings that the program leaves open adapt to it; what it sets and does
/// not fit is refused when the client is made.
///
/// * `RX`: bytes of the largest packet taken. Used once to read into, once for each queued message,
///   and once for callbacks.
/// * `TX`: bytes of packets that wait to be written, at least 128. Used twice.
/// * `STORE`: bytes of unacknowledged messages, kept to be sent again: 60 of each 64 hold them.
/// * `QUEUE`: received messages that wait to be taken. At least two for 5.0: one half of them is
///   the Receive Maximum.
/// * `FLIGHT`: messages and requests that are unacknowledged or wait for a connection.
/// * `WAITERS`: calls that wait at once.
#[derive(Debug)]
pub struct Lent<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> {
    read: [u8; RX],
    queue: [[u8; RX]; QUEUE],
    call: [u8; RX],
    outbox: [u8; TX],
    writing: [u8; TX],
    store: [u8; STORE],
    entries: [Entry; QUEUE],
    held: [Slot<Held>; QUEUE],
    flights: [Slot<Flight>; FLIGHT],
    waiters: [Waiter; WAITERS],
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> Lent<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    /// Memory that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            read: [0; RX],
            queue: [[0; RX]; QUEUE],
            call: [0; RX],
            outbox: [0; TX],
            writing: [0; TX],
            store: [0; STORE],
            entries: [const { Entry::new() }; QUEUE],
            held: [const { Slot::new(Held::new()) }; QUEUE],
            flights: [const { Slot::new(Flight::new()) }; FLIGHT],
            waiters: [const { Waiter::new() }; WAITERS],
        }
    }

    /// The client's memory, and the callbacks' buffer.
    pub fn split(&'static mut self) -> (Memory, &'static mut [u8]) {
        let core = client::Memory {
            outbox: Storage::borrowed(&mut self.outbox),
            flights: Storage::borrowed(&mut self.flights),
            blocks: Storage::borrowed(self.store.as_chunks_mut().0),
            held: Storage::borrowed(&mut self.held),
            aliases_in: AliasMemory::default(),
            aliases_out: AliasMemory::default(),
        };
        let memory = Memory {
            core,
            outbox: Storage::borrowed(&mut self.writing),
            entries: Storage::borrowed(&mut self.entries),
            queue: Storage::borrowed(self.queue.as_flattened_mut()),
            waiters: Storage::borrowed(&mut self.waiters),
            read: ReadMemory::lent(&mut self.read),
        };
        (memory, &mut self.call)
    }
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> Default for Lent<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    fn default() -> Self {
        Self::new()
    }
}
