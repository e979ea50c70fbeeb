//! Transports of the program's own make: whatever tokio reads and writes.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;
use mqtt_as_client::{Connect, ConnectError, Server, Step, TransportError};
use tokio::io::{AsyncRead, AsyncWrite, split};

use crate::socket::{ReadHalf, WriteHalf, limited, poll_read_buf};

/// Opens transports by a function of the program's. [`new_with`](crate::new_with) takes it.
pub struct Streams<F>(pub(crate) F);

impl<F, O, S> Connect for Streams<F>
where
    F: FnMut(String, u16) -> O + 'static,
    O: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite,
{
    type Read<'c>
        = ReadHalf<tokio::io::ReadHalf<S>>
    where
        Self: 'c;
    type Write<'c>
        = WriteHalf<tokio::io::WriteHalf<S>>
    where
        Self: 'c;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let open = (self.0)(server.host.to_owned(), server.port);
        let (read, write) = split(limited(server, Step::Open, open).await?);
        Ok((ReadHalf(read), WriteHalf(write)))
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
        Some(poll_read_buf(read, packet, cx))
    }
}

impl<F> fmt::Debug for Streams<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
