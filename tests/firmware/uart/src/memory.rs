//! All memory of the client.

use board::console;
use mqtt_as_client::{Lent, Memory, State};
use static_cell::{ConstStaticCell, StaticCell};

use crate::serial::{Alone, Serial};

/// Bytes of the largest packet either way.
const PACKET: usize = 1024;
/// Bytes of unacknowledged messages.
const STORE: usize = 512;
/// Received messages that wait to be taken.
const QUEUE: usize = 2;
/// Messages and requests on their way to the broker.
const FLIGHT: usize = 4;
/// Calls that wait at a time.
const WAITERS: usize = 4;

type Resources = Lent<PACKET, PACKET, STORE, QUEUE, FLIGHT, WAITERS>;

/// Tells how much of it there is.
pub fn tell() {
    let state = size_of::<Alone<State<Serial>>>();
    let buffers = (4 + QUEUE) * PACKET + STORE;
    let slots = size_of::<Resources>() - buffers;
    console::figure("client state", state);
    console::figure("slots", slots);
    console::figure("state besides buffers", state + slots);
    console::figure("buffers", buffers);
}

/// The client's state, and a pointer to it.
pub fn place(lock: Alone<State<Serial>>) -> &'static Alone<State<Serial>> {
    static STATE: StaticCell<Alone<State<Serial>>> = StaticCell::new();
    STATE.init(lock)
}

/// The client's part, and the buffer for callbacks.
pub fn memory() -> (Memory, &'static mut [u8]) {
    static RESOURCES: ConstStaticCell<Resources> = ConstStaticCell::new(Lent::new());
    RESOURCES.take().split()
}
