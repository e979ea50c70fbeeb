//! The memory of TLS, in one value that the program lends for ever.

use core::fmt;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use static_cell::StaticCell;

use super::link::Link;

/// The buffers of a TLS connection.
///
/// * `IN`: bytes of the largest record taken. 16,640 are enough for any server. With fewer the
///   server is asked for smaller records (RFC 6066, section 4): of 4,096 bytes with 4,352 of them or
///   more, of 2,048 with 2,304, of 1,024 with 1,280, else of 512. OpenSSL keeps to it, and so does
///   mosquitto; the server's certificate has to fit into one all the same.
/// * `OUT`: bytes of the largest record sent, of which 128 are TLS's own. 512 are enough, with a
///   certificate of the client's what that needs and 256 more.
/// * `PIPE`: bytes between client and TLS in each direction.
pub struct TlsBuffers<const IN: usize, const OUT: usize, const PIPE: usize = 256> {
    pub(super) record_in: [u8; IN],
    pub(super) record_out: [u8; OUT],
    pub(super) pipe_in: Pipe<NoopRawMutex, PIPE>,
    pub(super) pipe_out: Pipe<NoopRawMutex, PIPE>,
    // It is no zeros, which all the rest is: a `ConstStaticCell` of the whole costs no flash.
    pub(super) link: StaticCell<Link>,
}

impl<const IN: usize, const OUT: usize, const PIPE: usize> TlsBuffers<IN, OUT, PIPE> {
    /// Returns buffers that nobody uses yet.
    ///
    /// ```
    /// # use mqtt_as_embassy::TlsBuffers;
    /// # use static_cell::ConstStaticCell;
    /// static TLS: ConstStaticCell<TlsBuffers<4352, 1024>> = ConstStaticCell::new(TlsBuffers::new());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(IN >= 512 + 256 && OUT >= 512 && PIPE > 0, "too small for TLS") };
        Self {
            record_in: [0; IN],
            record_out: [0; OUT],
            pipe_in: Pipe::new(),
            pipe_out: Pipe::new(),
            link: StaticCell::new(),
        }
    }
}

impl<const IN: usize, const OUT: usize, const PIPE: usize> Default for TlsBuffers<IN, OUT, PIPE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const IN: usize, const OUT: usize, const PIPE: usize> fmt::Debug
    for TlsBuffers<IN, OUT, PIPE>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsBuffers")
    }
}
