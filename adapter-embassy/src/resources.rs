//! The memory of a client, in one value that the program lends for ever.

use core::fmt;

use mqtt_as_client::{BorrowedMemory, HandlerMemory, HandlerTable};
use static_cell::StaticCell;

use crate::TcpBuffers;
use crate::lock::Critical;

/// The memory of a client over TCP.
///
/// * `RX`: bytes of the largest packet taken, and of TCP's window. There are three times as many: to
///   read into, for callbacks, and for TCP.
/// * `TX`: bytes of packets that wait to be written, at least 128, and of what TCP has to keep until
///   the server has it. There are three times as many.
/// * `OUT`: bytes of messages and requests that are unacknowledged or wait for a connection,
///   each with 16 more.
/// * `IN`: bytes of received messages that wait to be taken, each with 16 more: at least
///   `RX` + 16.
/// * `CALLS`: calls that wait at once, in all tasks.
#[derive(Debug, Default)]
pub struct Resources<
    const RX: usize,
    const TX: usize,
    const OUT: usize,
    const IN: usize,
    const CALLS: usize,
> {
    pub(crate) client: ResourcesFor<RX, TX, OUT, IN, CALLS>,
    pub(crate) tcp: TcpBuffers<RX, TX>,
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    Resources<RX, TX, OUT, IN, CALLS>
{
    /// Memory that nobody uses yet.
    ///
    /// ```
    /// # use mqtt_as_embassy::Resources;
    /// # use static_cell::ConstStaticCell;
    /// static RESOURCES: ConstStaticCell<Resources<512, 512, 2048, 4096, 4>> =
    ///     ConstStaticCell::new(Resources::new());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { client: ResourcesFor::new(), tcp: TcpBuffers::new() }
    }
}

/// The memory of a client over any transport: the same as [`Resources`], without TCP's buffers.
pub struct ResourcesFor<
    const RX: usize,
    const TX: usize,
    const OUT: usize,
    const IN: usize,
    const CALLS: usize,
> {
    pub(crate) memory: BorrowedMemory<RX, TX, OUT, IN, CALLS>,
    pub(crate) handlers: HandlerMemory<RX>,
    // Cells that may be sent while they are empty: so that a `ConstStaticCell` can hold the whole.
    pub(crate) table: StaticCell<HandlerTable>,
    pub(crate) state: StaticCell<Critical>,
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    ResourcesFor<RX, TX, OUT, IN, CALLS>
{
    /// Memory that nobody uses yet.
    ///
    /// ```
    /// # use mqtt_as_embassy::ResourcesFor;
    /// # use static_cell::ConstStaticCell;
    /// static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
    ///     ConstStaticCell::new(ResourcesFor::new());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: BorrowedMemory::new(),
            handlers: HandlerMemory::new(),
            table: StaticCell::new(),
            state: StaticCell::new(),
        }
    }
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    Default for ResourcesFor<RX, TX, OUT, IN, CALLS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const RX: usize, const TX: usize, const OUT: usize, const IN: usize, const CALLS: usize>
    fmt::Debug for ResourcesFor<RX, TX, OUT, IN, CALLS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourcesFor")
    }
}
