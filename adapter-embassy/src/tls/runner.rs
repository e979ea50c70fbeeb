//! What drives TLS connections, one after the other.

use core::fmt;
use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::pin;
use core::task::Poll;

use embassy_futures::select::{Either3, select, select3};
use embassy_sync::mutex::Mutex;
use embassy_sync::pipe::{DynamicReader, DynamicWriter};
use embassy_time::Timer;
use embedded_io_async::{BufRead, Read, Write};
use embedded_tls::{
    Aes128GcmSha256, MaxFragmentLength, TlsConfig, TlsConnection, TlsContext, TlsError as Fault,
    TlsReader, TlsWriter,
};
use mqtt_as_client::{Connect, ConnectError, Server, Shutdown, Step, TransportError};

use super::error::TlsError;
use super::identity::Identity;
use super::link::{Host, Link};
use super::socket::{Halves, Socket};
use crate::tcp::{Tcp, limited};

/// What drives the connections of a [`Tls`](crate::Tls). It has to run beside the client, in a task
/// of its own or joined with another, on the same executor.
///
/// Dropping it ends the connection without a word, and there is none any more.
#[must_use = "nothing happens before `run` is polled"]
pub struct TlsRunner<I, C = Tcp> {
    connect: C,
    identity: I,
    record_in: &'static mut [u8],
    record_out: &'static mut [u8],
    pipes: Pipes,
    link: &'static Link,
    on_failure: fn(&TlsError),
}

/// The other ends of the client's halves.
pub(super) struct Pipes {
    pub(super) read: DynamicReader<'static>,
    pub(super) write: DynamicWriter<'static>,
}

/// Milliseconds that the end of a connection may take: what is left to send, and the alert.
const FAREWELL: u64 = 1_000;

impl<I: Identity, C: Connect> TlsRunner<I, C> {
    pub(super) const fn new(
        connect: C,
        identity: I,
        record_in: &'static mut [u8],
        record_out: &'static mut [u8],
        pipes: Pipes,
        link: &'static Link,
    ) -> Self {
        Self { connect, identity, record_in, record_out, pipes, link, on_failure: |_| {} }
    }

    /// Tells that function of each failure, in all words: a client without a heap keeps only its
    /// kind.
    ///
    /// ```
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # use mqtt_as_embassy::{PreSharedKey, TlsRunner};
    /// # async fn show<R: RngCore + CryptoRng>(runner: TlsRunner<PreSharedKey<R>>) {
    /// runner.on_failure(|error| eprintln!("TLS: {error}")).run().await;
    /// # }
    /// ```
    pub fn on_failure(mut self, f: fn(&TlsError)) -> Self {
        self.on_failure = f;
        self
    }

    /// Drives connections until the [`Tls`](crate::Tls) is dropped, and the last one has ended.
    ///
    /// ```
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # use mqtt_as_embassy::{PreSharedKey, TlsRunner};
    /// # async fn show<R: RngCore + CryptoRng>(runner: TlsRunner<PreSharedKey<R>>) {
    /// runner.run().await; // In a task of its own.
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport; the client sees the end of its connection.
    pub async fn run(mut self) {
        let link = self.link;
        let mut host = Host::NONE;
        while let Some((port, timeout)) = link.asked(&mut host).await {
            let server = Server::new(host.as_str(), port, timeout);
            let connection = self.connection(server);
            select(connection, link.dropped()).await;
            link.close_done();
        }
    }

    /// A connection, from the wish for it to its end.
    async fn connection(&mut self, server: Server<'_>) {
        let Self { connect, identity, record_in, record_out, pipes, link, on_failure } = self;
        let (read, write) = match connect.connect(server).await {
            Ok(halves) => halves,
            Err(error) => return link.fail(error),
        };
        let halves = Halves { read: Mutex::new(read), write: Mutex::new(write) };
        let fragments = fragments(record_in.len());
        let mut tls = TlsConnection::new(Socket(&halves), record_in, record_out);
        let opened = limited(server, Step::Tls, async {
            open(&mut tls, identity, server.host, fragments).await.map_err(|error| {
                on_failure(&error);
                ConnectError::Unreachable(Step::Tls, TransportError::new(error))
            })
        });
        if let Err(error) = opened.await {
            return link.fail(error);
        }
        while pipes.read.try_read(&mut [0; 16]).is_ok() {} // It was for another connection.
        link.open();
        let ended = {
            let (mut reader, mut writer) = tls.split();
            let send = send(&mut pipes.read, &mut writer, link);
            let receive = receive(&mut reader, &pipes.write);
            match select3(send, receive, farewell(link)).await {
                Either3::First(Ok(())) | Either3::Third(()) => None,
                Either3::First(Err(fault)) | Either3::Second(fault) => Some(fault),
            }
        };
        match ended {
            None => {}
            Some(Fault::ConnectionClosed) => link.end(Ok(())),
            Some(fault) => {
                let error = TlsError::from(fault);
                on_failure(&error);
                link.end(Err(error));
            }
        }
        // The client may still have to read what came before.
        link.closing().await;
        select(close(tls, &halves), Timer::after_millis(FAREWELL)).await;
    }
}

/// The handshake.
async fn open<I: Identity, R: Read, W: Write>(
    tls: &mut TlsConnection<'_, Socket<'_, R, W>, Aes128GcmSha256>,
    identity: &mut I,
    host: &str,
    fragments: Option<MaxFragmentLength>,
) -> Result<(), TlsError> {
    identity.begin(host);
    let opened = {
        let mut config = TlsConfig::new();
        if host.parse::<IpAddr>().is_err() {
            config = config.with_server_name(host); // RFC 6066, section 3: no address.
        }
        if let Some(fragments) = fragments {
            config = config.with_max_fragment_length(fragments);
        }
        if let Some((name, key)) = identity.key() {
            config = config.with_psk(key, &[name]);
        }
        tls.open(TlsContext::new(&config, &mut *identity)).await
    };
    match opened {
        Ok(()) => identity.end(),
        Err(fault) => Err(identity.refusal().unwrap_or_else(|| fault.into())),
    }
}

/// The largest records that fit into that many bytes: 256 and the type stand beside the content.
fn fragments(bytes: usize) -> Option<MaxFragmentLength> {
    match bytes {
        16_640.. => None,
        4_352.. => Some(MaxFragmentLength::Bits12),
        2_304.. => Some(MaxFragmentLength::Bits11),
        1_280.. => Some(MaxFragmentLength::Bits10),
        _ => Some(MaxFragmentLength::Bits9),
    }
}

/// Sends what the client writes, until it is done.
async fn send<'s, R: 's, W: Write + 's>(
    pipe: &mut DynamicReader<'static>,
    writer: &mut TlsWriter<'s, Socket<'s, R, W>, Aes128GcmSha256>,
    link: &Link,
) -> Result<(), Fault> {
    loop {
        if let Ok(bytes) = pipe.try_fill_buf() {
            let n = writer.write(bytes).await?;
            pipe.consume(n);
        } else {
            writer.flush().await?;
            if !more(pipe, link).await {
                return Ok(());
            }
        }
    }
}

/// Waits for bytes of the client: false if there will be none.
async fn more(pipe: &mut DynamicReader<'static>, link: &Link) -> bool {
    poll_fn(|cx| {
        if pin!(pipe.fill_buf()).poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        link.poll_closing(cx).map(|()| false)
    })
    .await
}

/// Hands on what the server sends, until something ends that.
async fn receive<'s, R: Read + 's, W: 's>(
    reader: &mut TlsReader<'s, Socket<'s, R, W>, Aes128GcmSha256>,
    pipe: &DynamicWriter<'static>,
) -> Fault {
    loop {
        let n = match reader.fill_buf().await {
            Ok(bytes) => pipe.write(bytes).await,
            Err(fault) => return fault,
        };
        reader.consume(n);
    }
}

/// The client is done, and has been for some time.
async fn farewell(link: &Link) {
    link.closing().await;
    Timer::after_millis(FAREWELL).await;
}

/// Tells the server that nothing more comes (RFC 8446, section 6.1), and closes the transport.
async fn close<R: Read, W: Write + Shutdown>(
    tls: TlsConnection<'_, Socket<'_, R, W>, Aes128GcmSha256>,
    halves: &Halves<R, W>,
) {
    let _ = tls.close().await; // Nobody listens, perhaps.
    halves.write.lock().await.shutdown().await;
}

impl<I, C> Drop for TlsRunner<I, C> {
    fn drop(&mut self) {
        self.link.leave();
    }
}

impl<I, C> fmt::Debug for TlsRunner<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsRunner")
    }
}
