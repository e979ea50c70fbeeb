//! The two halves of a stream with something in between: the driver reads and writes at the same time.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::boxed::Box;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use embedded_io_async::{ErrorType, Read, Write};

use super::byte_stream::ByteStream;
use crate::runtime::Shutdown;

/// Both halves live in one task, so that nobody ever waits for the lock.
type Shared = Arc<Mutex<Box<dyn ByteStream>>>;

/// The half of a stream that is read.
pub struct StreamReadHalf(Shared);

/// The half of a stream that is written.
pub struct StreamWriteHalf(Shared);

/// Splits a stream.
pub(super) fn split(stream: Box<dyn ByteStream>) -> (StreamReadHalf, StreamWriteHalf) {
    let shared = Arc::new(Mutex::new(stream));
    (StreamReadHalf(shared.clone()), StreamWriteHalf(shared))
}

impl dyn ByteStream {
    /// Returns the two halves of it, for the driver.
    pub fn split(self: Box<Self>) -> (StreamReadHalf, StreamWriteHalf) {
        split(self)
    }
}

fn with<T>(
    shared: &Shared,
    cx: &mut Context<'_>,
    f: impl FnOnce(Pin<&mut dyn ByteStream>, &mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let mut stream = shared.lock().unwrap_or_else(PoisonError::into_inner);
    f(Pin::new(&mut **stream), cx)
}

impl ErrorType for StreamReadHalf {
    type Error = io::Error;
}

impl ErrorType for StreamWriteHalf {
    type Error = io::Error;
}

impl Read for StreamReadHalf {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| with(&self.0, cx, |stream, cx| stream.poll_read(cx, buf))).await
    }
}

impl Write for StreamWriteHalf {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| with(&self.0, cx, |stream, cx| stream.poll_write(cx, buf))).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| with(&self.0, cx, |mut stream, cx| stream.as_mut().poll_flush(cx))).await
    }
}

impl Shutdown for StreamWriteHalf {
    async fn shutdown(&mut self) {
        let _ =
            poll_fn(|cx| with(&self.0, cx, |mut stream, cx| stream.as_mut().poll_close(cx))).await;
    }
}

impl fmt::Debug for StreamReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamReadHalf")
    }
}

impl fmt::Debug for StreamWriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamWriteHalf")
    }
}
