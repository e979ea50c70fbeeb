//! TLS 1.3 over any transport, by `embedded-tls`.
//!
//! A connection of `embedded-tls` borrows its buffers and its transport, so that both live where its
//! future does: in [`TlsRunner::run`]. The client's halves are pipes to it.

mod buffers;
mod certificates;
mod error;
mod identity;
mod link;
mod preshared;
mod runner;
mod socket;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_sync::pipe::{DynamicReader, DynamicWriter};
use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{Connect, ConnectError, Server, Shutdown, Step, TransportError};

use crate::tcp::limited;
use link::Link;

pub use buffers::TlsBuffers;
pub use certificates::{Certificates, ECDSA_P256_SHA256};
pub use error::TlsError;
pub use identity::Identity;
pub use p256::elliptic_curve::rand_core;
pub use preshared::PreSharedKey;
pub use runner::TlsRunner;

/// Opens TLS 1.3 connections, one at a time: [`with_connector`](crate::with_connector) takes it.
///
/// Beside it goes a [`TlsRunner`], which a task has to run. [`new`](Self::new) shows both.
pub struct Tls {
    link: &'static Link,
    read: DynamicReader<'static>,
    write: DynamicWriter<'static>,
}

impl Tls {
    /// Returns what opens TLS connections over that transport, and what drives them.
    ///
    /// ```
    /// use embassy_executor::Spawner;
    /// use embassy_net::Stack;
    /// use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// use mqtt_as_embassy::{
    ///     Certificates, Client, Config, ResourcesFor, Runner, Tcp, TcpBuffers, Tls, TlsBuffers,
    ///     TlsRunner,
    /// };
    /// use static_cell::ConstStaticCell;
    ///
    /// static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
    ///     ConstStaticCell::new(ResourcesFor::new());
    /// static TCP: ConstStaticCell<TcpBuffers<1024, 1024>> = ConstStaticCell::new(TcpBuffers::new());
    /// // Records of 4 KiB, which the server is asked to keep to; what is sent, in records of 1 KiB.
    /// static TLS: ConstStaticCell<TlsBuffers<4352, 1024>> = ConstStaticCell::new(TlsBuffers::new());
    ///
    /// #[embassy_executor::task]
    /// async fn mqtt(runner: Runner<Tls>) {
    ///     runner.run().await;
    /// }
    ///
    /// #[embassy_executor::task]
    /// async fn tls(runner: TlsRunner<Certificates<Trng>>) {
    ///     runner.run().await;
    /// }
    ///
    /// fn start(
    ///     spawner: Spawner,
    ///     stack: Stack<'static>,
    ///     ca: &'static [u8],
    ///     trng: Trng,
    /// ) -> Result<Client, Box<dyn std::error::Error>> {
    ///     let identity = Certificates::new(ca, unix_time, trng)?;
    ///     let tcp = Tcp::new(stack, TCP.take());
    ///     let (connect, runner) = Tls::new(tcp, TLS.take(), identity);
    ///     spawner.spawn(tls(runner)?);
    ///     let config = Config::new("broker.example").port(8883);
    ///     let (client, runner) = mqtt_as_embassy::with_connector(connect, RESOURCES.take(), config)?;
    ///     spawner.spawn(mqtt(runner)?);
    ///     Ok(client)
    /// }
    ///
    /// /// Seconds since 1970, from the network or a clock with a battery.
    /// fn unix_time() -> u64 {
    /// # 1_800_000_000
    /// # }
    /// # struct Trng;
    /// # impl CryptoRng for Trng {}
    /// # impl RngCore for Trng {
    /// #     fn next_u32(&mut self) -> u32 { 0 }
    /// #     fn next_u64(&mut self) -> u64 { 0 }
    /// #     fn fill_bytes(&mut self, _: &mut [u8]) {}
    /// #     fn try_fill_bytes(
    /// #         &mut self,
    /// #         _: &mut [u8],
    /// #     ) -> Result<(), mqtt_as_embassy::rand_core::Error> { Ok(()) }
    /// # }
    /// ```
    pub fn new<C: Connect, I: Identity, const IN: usize, const OUT: usize, const PIPE: usize>(
        connect: C,
        buffers: &'static mut TlsBuffers<IN, OUT, PIPE>,
        identity: I,
    ) -> (Self, TlsRunner<I, C>) {
        let TlsBuffers { record_in, record_out, pipe_in, pipe_out, link } = buffers;
        let link: &'static Link = link.init(Link::new());
        let (to_client, from_server) = (pipe_in.split(), pipe_out.split());
        let tls = Self { link, read: to_client.0.into(), write: from_server.1.into() };
        let pipes = runner::Pipes { read: from_server.0.into(), write: to_client.1.into() };
        (tls, TlsRunner::new(connect, identity, record_in, record_out, pipes, link))
    }
}

impl Connect for Tls {
    type Read<'c> = TlsRead<'c>;
    type Write<'c> = TlsWrite<'c>;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(TlsRead<'_>, TlsWrite<'_>), ConnectError> {
        // The last connection has to end first; and a runner that nobody runs never answers.
        let asked = limited(server, Step::Tls, self.link.ask(server)).await?;
        while self.read.try_read(&mut [0; 16]).is_ok() {} // Nobody has taken that.
        asked.answer().await?;
        Ok((
            TlsRead { pipe: &self.read, link: self.link },
            TlsWrite { pipe: &self.write, link: self.link },
        ))
    }

    fn read_failed<'c>(error: TlsError) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }

    fn write_failed<'c>(error: TlsError) -> TransportError
    where
        Self: 'c,
    {
        TransportError::new(error)
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.link.leave();
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The half of a [`Tls`] connection that is read.
pub struct TlsRead<'c> {
    pipe: &'c DynamicReader<'static>,
    link: &'static Link,
}

/// The half of a [`Tls`] connection that is written. It closes the connection when it is dropped.
pub struct TlsWrite<'c> {
    pipe: &'c DynamicWriter<'static>,
    link: &'static Link,
}

impl ErrorType for TlsRead<'_> {
    type Error = TlsError;
}

impl ErrorType for TlsWrite<'_> {
    type Error = TlsError;
}

impl Read for TlsRead<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, TlsError> {
        poll_fn(|cx| match pin!(self.pipe.read(buf)).poll(cx) {
            Poll::Ready(n) => Poll::Ready(Ok(n)),
            // What came before the end has been read.
            Poll::Pending => self.link.poll_end(cx).map(|end| end.map(|()| 0)),
        })
        .await
    }
}

impl Write for TlsWrite<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, TlsError> {
        poll_fn(|cx| match self.link.poll_end(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(Err(TlsError::Cut)),
            Poll::Pending => pin!(self.pipe.write(buf)).poll(cx).map(Ok),
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), TlsError> {
        Ok(()) // The runner holds nothing back.
    }
}

impl Shutdown for TlsWrite<'_> {
    async fn shutdown(&mut self) {
        self.link.close();
        self.link.closed().await;
    }
}

impl Drop for TlsWrite<'_> {
    fn drop(&mut self) {
        self.link.close();
    }
}

impl fmt::Debug for TlsRead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsRead")
    }
}

impl fmt::Debug for TlsWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsWrite")
    }
}
