//! The transport beneath TLS, as one stream with two ends.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_io_async::{Error, ErrorKind, ErrorType, Read, Write};

/// The halves of a transport. Each has one user, so that nobody ever waits for the other.
pub(super) struct Halves<R, W> {
    pub(super) read: Mutex<NoopRawMutex, R>,
    pub(super) write: Mutex<NoopRawMutex, W>,
}

/// Both of them, for whoever has one of the two uses.
pub(super) struct Socket<'s, R, W>(pub(super) &'s Halves<R, W>);

impl<R, W> Clone for Socket<'_, R, W> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<R, W> ErrorType for Socket<'_, R, W> {
    type Error = ErrorKind;
}

impl<R: Read, W> Read for Socket<'_, R, W> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.read.lock().await.read(buf).await.map_err(|error| error.kind())
    }
}

impl<R, W: Write> Write for Socket<'_, R, W> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        match self.0.write.lock().await.write(buf).await {
            // Who writes all of something panics then.
            Ok(0) if !buf.is_empty() => Err(ErrorKind::WriteZero),
            done => done.map_err(|error| error.kind()),
        }
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.write.lock().await.flush().await.map_err(|error| error.kind())
    }
}
