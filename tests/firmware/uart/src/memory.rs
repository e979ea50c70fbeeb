//! All memory of the client.

use board::console;
use mqtt_as_client::{BorrowedMemory, Memory};
use static_cell::{ConstStaticCell, StaticCell};

use crate::serial::Alone;

/// Bytes of the largest packet either way.
const PACKET: usize = 1024;
/// Bytes of unacknowledged messages.
const OUTGOING: usize = 512;
/// Bytes of received messages that wait to be taken.
const INCOMING: usize = 2048;
/// Calls that wait at a time.
const WAITERS: usize = 4;

type Resources = BorrowedMemory<PACKET, PACKET, OUTGOING, INCOMING, WAITERS>;

/// Tells how much of it there is.
pub fn tell() {
    let state = size_of::<Alone>();
    let buffers = 3 * PACKET + OUTGOING + INCOMING;
    let slots = size_of::<Resources>() - buffers;
    console::figure("client state", state);
    console::figure("slots", slots);
    console::figure("state besides buffers", state + slots);
    console::figure("buffers", buffers);
}

/// The client's state, and a pointer to it.
pub fn place(lock: Alone) -> &'static Alone {
    static STATE: StaticCell<Alone> = StaticCell::new();
    STATE.init(lock)
}

/// What the client is lent.
pub fn memory() -> Memory {
    static RESOURCES: ConstStaticCell<Resources> = ConstStaticCell::new(Resources::new());
    RESOURCES.take().split()
}

/// What its callbacks are lent.
#[cfg(feature = "callbacks")]
pub fn handlers() -> mqtt_as_client::LentHandlers {
    use mqtt_as_client::{HandlerMemory, HandlerTable};

    static MEMORY: ConstStaticCell<HandlerMemory<PACKET>> =
        ConstStaticCell::new(HandlerMemory::new());
    static TABLE: StaticCell<HandlerTable> = StaticCell::new();
    MEMORY.take().split(TABLE.init(HandlerTable::new()))
}
