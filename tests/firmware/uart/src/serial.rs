//! What the client needs from this board: a lock, a clock, and the line as a transport.

use core::cell::RefCell;
use core::convert::Infallible;

use board::{console, time, uart};
use embedded_io_async::{ErrorType, Write};
use mqtt_as_client::{Connect, ConnectError, Instant, Lock, Runtime, Server, Shutdown, State};
use program::Fault;

/// The board, as the client sees it.
pub struct Serial;

impl Runtime for Serial {
    type Lock = Alone;
    type Pointer = &'static Self::Lock;
    type Connect = Self;
    #[cfg(not(feature = "callbacks"))]
    type Listeners = ();
    #[cfg(feature = "callbacks")]
    type Listeners = mqtt_as_client::Handlers;

    fn now() -> Instant {
        Instant::from_millis(time::now())
    }

    async fn sleep_until(at: Instant) {
        time::sleep_until(at.as_millis()).await;
    }
}

impl Connect for Serial {
    const TAKES_HOST: bool = false;

    type Read<'c> = uart::Rx;
    type Write<'c> = Tx;

    /// The line is always there: whether somebody listens, CONNACK tells.
    async fn connect(&mut self, _: Server<'_>) -> Result<(uart::Rx, Tx), ConnectError> {
        let (rx, tx) = uart::open();
        Ok((rx, Tx(tx)))
    }
}

/// The half that is written.
pub struct Tx(uart::Tx);

impl ErrorType for Tx {
    type Error = Infallible;
}

impl Write for Tx {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Shutdown for Tx {
    async fn shutdown(&mut self) {}
}

/// A lock for one thread: the client's calls do not nest, and interrupts do not call it.
pub struct Alone(RefCell<State>);

impl Lock for Alone {
    fn new(state: State) -> Self {
        Self(RefCell::new(state))
    }

    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        match self.0.try_borrow_mut() {
            Ok(mut state) => f(&mut state),
            Err(_) => nested(),
        }
    }
}

#[cold]
#[inline(never)]
fn nested() -> ! {
    console::exit(Fault::Nested as u32)
}
