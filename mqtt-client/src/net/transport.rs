//! The connector of the runtimes with the standard library.

use core::fmt;
use core::marker::PhantomData;
use core::task::{Context, Poll};
use std::boxed::Box;
use std::io;

use bytes::BytesMut;
use embedded_io_async::{ErrorType, Read, Write};

use super::halves::{StreamReadHalf, StreamWriteHalf};
use super::layers::Layers;
use super::open::{Opened, open};
use super::sockets::Sockets;
use crate::address::Server;
use crate::error::{ConnectError, TransportError};
use crate::runtime::{Connect, Shutdown};

/// Opens the transports that the settings ask for: TCP, with Nagle's algorithm off, or a unix socket,
/// and what lies on top of it.
pub struct Transport<S> {
    layers: Layers,
    sockets: PhantomData<fn() -> S>,
}

impl<S: Sockets> Transport<S> {
    /// Returns a connector for those layers.
    #[must_use]
    pub const fn new(layers: Layers) -> Self {
        Self { layers, sockets: PhantomData }
    }
}

impl<S: Sockets> Connect for Transport<S> {
    const TAKES_LAYERS: bool = true;

    type Read<'c> = TransportReadHalf<S>;
    type Write<'c> = TransportWriteHalf<S>;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        // Apart: a driver whose link stands has no room for it.
        Ok(match Box::pin(open::<S>(&self.layers, server)).await? {
            Opened::Tcp(tcp) => {
                let (read, write) = S::split(tcp);
                (TransportReadHalf(Either::Tcp(read)), TransportWriteHalf(Either::Tcp(write)))
            }
            Opened::Stream(stream) => {
                let (read, write) = stream.split();
                (TransportReadHalf(Either::Stream(read)), TransportWriteHalf(Either::Stream(write)))
            }
        })
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

    fn poll_read_buf(
        read: &mut Self::Read<'_>,
        packet: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Option<Poll<Result<usize, TransportError>>> {
        let Either::Tcp(read) = &mut read.0 else { return None };
        S::poll_read_buf(read, packet, cx).map(|poll| poll.map_err(TransportError::new))
    }
}

/// TCP is read and written without detours.
enum Either<T, U> {
    Tcp(T),
    Stream(U),
}

/// The half of a connection that is read.
pub struct TransportReadHalf<S: Sockets>(Either<S::Read, StreamReadHalf>);

/// The half of a connection that is written.
pub struct TransportWriteHalf<S: Sockets>(Either<S::Write, StreamWriteHalf>);

impl<S: Sockets> ErrorType for TransportReadHalf<S> {
    type Error = io::Error;
}

impl<S: Sockets> ErrorType for TransportWriteHalf<S> {
    type Error = io::Error;
}

impl<S: Sockets> Read for TransportReadHalf<S> {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Either::Tcp(read) => read.read(buf).await,
            Either::Stream(read) => read.read(buf).await,
        }
    }
}

impl<S: Sockets> Write for TransportWriteHalf<S> {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Either::Tcp(write) => write.write(buf).await,
            Either::Stream(write) => write.write(buf).await,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Either::Tcp(write) => write.flush().await,
            Either::Stream(write) => write.flush().await,
        }
    }
}

impl<S: Sockets> Shutdown for TransportWriteHalf<S> {
    async fn shutdown(&mut self) {
        match &mut self.0 {
            Either::Tcp(write) => write.shutdown().await,
            Either::Stream(write) => write.shutdown().await,
        }
    }
}

impl<S: Sockets> Default for Transport<S> {
    /// Returns a connector for plain TCP.
    fn default() -> Self {
        Self::new(Layers::default())
    }
}

impl<S> Clone for Transport<S> {
    fn clone(&self) -> Self {
        Self { layers: self.layers.clone(), sockets: PhantomData }
    }
}

impl<S> fmt::Debug for Transport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.layers).finish()
    }
}

impl<S: Sockets> fmt::Debug for TransportReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportReadHalf")
    }
}

impl<S: Sockets> fmt::Debug for TransportWriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportWriteHalf")
    }
}
