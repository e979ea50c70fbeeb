//! Transports of the program's own make: whatever futures-io reads and writes.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::io;
use std::string::String;

use super::byte_stream::ByteStream;
use super::halves::{StreamReadHalf, StreamWriteHalf};
use super::open::within;
use super::sockets::Sockets;
use crate::address::Server;
use crate::error::{ConnectError, TransportError};
use crate::runtime::Connect;

/// Opens transports by a function of the program's: the `new_with` of the adapters takes it.
pub struct Streams<F, S> {
    open: F,
    sockets: PhantomData<fn() -> S>,
}

impl<F, S: Sockets> Streams<F, S> {
    /// Returns what opens transports by that function.
    pub const fn new(open: F) -> Self {
        Self { open, sockets: PhantomData }
    }
}

impl<F, O, B, S> Connect for Streams<F, S>
where
    F: FnMut(String, u16) -> O,
    O: Future<Output = io::Result<B>>,
    B: ByteStream + 'static,
    S: Sockets,
{
    type Read<'c>
        = StreamReadHalf
    where
        Self: 'c;
    type Write<'c>
        = StreamWriteHalf
    where
        Self: 'c;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let open = (self.open)(server.host.to_owned(), server.port);
        let stream: Box<dyn ByteStream> = Box::new(within::<S, _>(server, open).await?);
        Ok(stream.split())
    }

    fn read_failed<'c>(error: io::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }

    fn write_failed<'c>(error: io::Error) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }
}

impl<F, S> fmt::Debug for Streams<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
