//! A peer that says what a test gives it, in pieces of any size, and hears what is said to it.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::io;
use std::string::{String, ToString};
use std::vec::Vec;

use futures_io::{AsyncRead, AsyncWrite};

/// The peer. When it has said all, it closes.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) says: Vec<u8>,
    pub(super) heard: Vec<u8>,
    /// Bytes of a read, and of a write.
    pub(super) piece: usize,
    is_ready: bool,
}

impl Scripted {
    pub(super) fn new(says: &[u8], piece: usize) -> Self {
        Self { says: says.to_vec(), heard: Vec::new(), piece, is_ready: false }
    }

    /// Every other look finds nothing.
    fn is_pending(&mut self, cx: &mut Context<'_>) -> bool {
        self.is_ready = !self.is_ready;
        if !self.is_ready {
            cx.waker().wake_by_ref();
        }
        !self.is_ready
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        let n = self.piece.min(buf.len()).min(self.says.len());
        buf[..n].copy_from_slice(&self.says[..n]);
        self.says.drain(..n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        let n = self.piece.min(buf.len());
        self.heard.extend_from_slice(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Talks to a peer that says this, in pieces: what it heard, and what it was not asked for.
pub(super) fn talk(
    says: &[u8],
    piece: usize,
    talk: impl AsyncFnOnce(&mut Scripted) -> io::Result<()>,
) -> Result<Scripted, String> {
    let mut peer = Scripted::new(says, piece);
    let result = finish(talk(&mut peer));
    result.map(|()| peer).map_err(|error| error.to_string())
}

/// Polls until it is done: with this peer that is a matter of polls alone.
pub(super) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("it does not end");
}
