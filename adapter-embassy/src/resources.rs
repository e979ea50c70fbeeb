//! The memory of a client, in one value that the program lends for ever.

use core::fmt;

use mqtt_as_client::{Lent, State};
use static_cell::StaticCell;

use crate::lock::Critical;
use crate::{Embassy, TcpBuffers};

/// The memory of a client over TCP.
///
/// * `RX`: bytes of the largest packet taken, and of TCP's window. There are `QUEUE` + 3 times as
///   many.
/// * `TX`: bytes of packets that wait to be written, at least 128, and of what TCP has to keep until
///   the server has it. There are three times as many.
/// * `STORE`: bytes of QoS 1 and 2 messages, kept until they are acknowledged: 60 of each 64 hold
///   them.
/// * `QUEUE`: received messages that wait to be taken. At least 2 for 5.0: the Receive Maximum is
///   one half of them.
/// * `FLIGHT`: messages and requests that are unacknowledged or wait for a connection.
/// * `WAITERS`: calls that wait at once, in all tasks.
#[derive(Debug, Default)]
pub struct Resources<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> {
    pub(crate) client: ResourcesFor<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>,
    pub(crate) tcp: TcpBuffers<RX, TX>,
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> Resources<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    /// Memory that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { client: ResourcesFor::new(), tcp: TcpBuffers::new() }
    }
}

/// The memory of a client over any transport: the same as [`Resources`], without TCP's buffers.
pub struct ResourcesFor<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> {
    pub(crate) memory: Lent<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>,
    // A cell that may be sent while it is empty: so that a `ConstStaticCell` can hold the whole.
    pub(crate) state: StaticCell<Critical<State<Embassy>>>,
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> ResourcesFor<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    /// Memory that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: Lent::new(), state: StaticCell::new() }
    }
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> Default for ResourcesFor<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<
    const RX: usize,
    const TX: usize,
    const STORE: usize,
    const QUEUE: usize,
    const FLIGHT: usize,
    const WAITERS: usize,
> fmt::Debug for ResourcesFor<RX, TX, STORE, QUEUE, FLIGHT, WAITERS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourcesFor")
    }
}
