//! Asking and being answered, before MQTT begins: never a byte more than the answer is read.

use core::future::poll_fn;
use core::pin::Pin;
use std::io;
use std::string::String;

use futures_io::{AsyncRead, AsyncWrite};

/// Who asks, where that matters.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
}

/// Writes all of it.
pub(super) async fn write_all<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, rest)).await?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = rest.get(n..).unwrap_or_default();
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

/// Reads as many bytes as there is room for.
pub(super) async fn read_exact<S: AsyncRead + Unpin>(
    stream: &mut S,
    room: &mut [u8],
) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let n = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, rest)).await?;
        if n == 0 {
            return Err(failed("the proxy closed the connection without an answer"));
        }
        filled += n;
    }
    Ok(())
}

/// The failure with those words.
pub(super) fn failed(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why.into())
}
