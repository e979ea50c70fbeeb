//! All memory of the client.

use core::array::from_fn;

use board::console;
use mqtt_as_client::{Entry, Memory, ReadMemory, State, Waiter};
use mqtt_as_proto::Storage;
use mqtt_as_proto::client::{self, AliasMemory};
use mqtt_as_proto::{Block, Flight, Held, Slot};
use static_cell::{ConstStaticCell, StaticCell};

use crate::serial::{Alone, Serial};

/// Bytes of the largest packet.
pub const PACKET: usize = 1024;

/// Messages that may wait to be taken.
pub const MESSAGES: usize = 1;

/// Messages and requests on their way to the broker.
const FLIGHTS: usize = 4;

/// Their bytes, in blocks.
const BLOCKS: usize = 8;

/// Calls that wait at a time.
const WAITERS: usize = 4;

/// Tells how much of it there is.
pub fn tell() {
    let state = size_of::<Alone<State<Serial>>>();
    let slots = size_of::<[Slot<Flight>; FLIGHTS]>()
        + size_of::<[Slot<Held>; 2 * MESSAGES]>()
        + size_of::<[Entry; 2 * MESSAGES]>()
        + size_of::<[Waiter; WAITERS]>();
    console::figure("client state", state);
    console::figure("slots", slots);
    console::figure("state besides buffers", state + slots);
    console::figure("buffers", (3 + 2 * MESSAGES) * PACKET + size_of::<[Block; BLOCKS]>());
}

/// The client's state, and a pointer to it.
pub fn place(lock: Alone<State<Serial>>) -> &'static Alone<State<Serial>> {
    static STATE: StaticCell<Alone<State<Serial>>> = StaticCell::new();
    STATE.init(lock)
}

pub fn memory() -> Memory {
    static OUTBOX: ConstStaticCell<[u8; PACKET]> = ConstStaticCell::new([0; PACKET]);
    static WRITE: ConstStaticCell<[u8; PACKET]> = ConstStaticCell::new([0; PACKET]);
    static READ: ConstStaticCell<[u8; PACKET]> = ConstStaticCell::new([0; PACKET]);
    static QUEUE: ConstStaticCell<[u8; 2 * MESSAGES * PACKET]> =
        ConstStaticCell::new([0; 2 * MESSAGES * PACKET]);
    static BLOCKS: ConstStaticCell<[Block; BLOCKS]> = ConstStaticCell::new([Block::EMPTY; BLOCKS]);
    static FLIGHT: StaticCell<[Slot<Flight>; FLIGHTS]> = StaticCell::new();
    static HELD: StaticCell<[Slot<Held>; 2 * MESSAGES]> = StaticCell::new();
    static ENTRIES: StaticCell<[Entry; 2 * MESSAGES]> = StaticCell::new();
    static WAITER: StaticCell<[Waiter; WAITERS]> = StaticCell::new();
    Memory {
        core: client::Memory {
            outbox: Storage::borrowed(OUTBOX.take()),
            flights: Storage::borrowed(FLIGHT.init_with(|| from_fn(|_| Slot::default()))),
            blocks: Storage::borrowed(BLOCKS.take()),
            held: Storage::borrowed(HELD.init_with(|| from_fn(|_| Slot::default()))),
            aliases_in: AliasMemory::default(),
            aliases_out: AliasMemory::default(),
        },
        outbox: Storage::borrowed(WRITE.take()),
        entries: Storage::borrowed(ENTRIES.init_with(|| from_fn(|_| Entry::default()))),
        queue: Storage::borrowed(QUEUE.take()),
        waiters: Storage::borrowed(WAITER.init_with(|| from_fn(|_| Waiter::default()))),
        read: ReadMemory::lent(READ.take()),
    }
}
