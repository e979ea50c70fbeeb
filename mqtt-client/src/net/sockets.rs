//! What a runtime with the standard library brings.

use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::vec::Vec;

use bytes::BytesMut;
use embedded_io_async::{Read, Write};

use super::byte_stream::ByteStream;
use crate::runtime::Shutdown;

/// The sockets, the names and the time of a runtime.
pub trait Sockets: 'static {
    /// A TCP connection.
    type Tcp: Send + 'static;
    /// The half of it that is read.
    type Read: Read<Error = io::Error>;
    /// The half of it that is written.
    type Write: Write<Error = io::Error> + Shutdown;

    /// Looks a host name up.
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Opens a TCP connection, with Nagle's algorithm off.
    fn connect(address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Tcp>> + Send + 'static;

    /// Opens a connection to a unix socket.
    ///
    /// # Errors
    /// `Unsupported` where the system has none.
    fn connect_unix(
        path: &Path,
    ) -> impl Future<Output = io::Result<impl ByteStream + 'static>> + Send;

    /// Returns the halves of a TCP connection, as the runtime reads and writes it best.
    fn split(tcp: Self::Tcp) -> (Self::Read, Self::Write);

    /// Returns a TCP connection as what something is laid on.
    fn stream(tcp: Self::Tcp) -> impl ByteStream + 'static;

    /// Reads into the room behind what `packet` holds, as
    /// [`Connect::poll_read_buf`](crate::Connect::poll_read_buf) does.
    fn poll_read_buf(
        read: &mut Self::Read,
        packet: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let _ = (read, packet, cx);
        None
    }

    /// Waits for that time.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send + 'static;
}
