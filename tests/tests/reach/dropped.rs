//! Cancel safety: a connect through all layers that is dropped at any await leaves nothing behind.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as Clock};

use async_io::{Async, Timer, block_on};
use futures_lite::io::{AsyncRead, AsyncWrite};
use mqtt_as_client::net::{
    ByteStream, Layers, Sockets, StreamReadHalf, StreamWriteHalf, Transport,
};
use mqtt_as_client::std_runtime::{self, StdLock};
use mqtt_as_client::{Client, Instant, Memory, Registered, Runtime};
use mqtt_as_tests::mosquitto::broker_or_skip;
use mqtt_as_tests::proxies::{RealProxy, USER, proxies_or_skip};

use super::config;
use super::real::Everywhere;
use crate::runtime::adapter::{Config, ConnectError, Proxy, WebSocket};

/// Sockets that are open.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A socket that is counted. It waits before it reads, however fast the peer was: each step of a
/// connect is an await on any machine.
struct Counted {
    socket: Async<TcpStream>,
    has_waited: bool,
}

impl Counted {
    fn new(socket: Async<TcpStream>) -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Self { socket, has_waited: false }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sockets that are counted.
enum Counting {}

impl Sockets for Counting {
    type Tcp = Counted;
    type Read = StreamReadHalf;
    type Write = StreamWriteHalf;

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        futures_lite::future::yield_now().await;
        Ok((host, port).to_socket_addrs()?.collect())
    }

    async fn connect(address: SocketAddr) -> io::Result<Counted> {
        Async::<TcpStream>::connect(address).await.map(Counted::new)
    }

    async fn connect_unix(_: &Path) -> io::Result<impl ByteStream + 'static> {
        Err::<Counted, _>(io::ErrorKind::Unsupported.into())
    }

    fn split(tcp: Counted) -> (StreamReadHalf, StreamWriteHalf) {
        let stream: Box<dyn ByteStream> = Box::new(tcp);
        stream.split()
    }

    fn stream(tcp: Counted) -> impl ByteStream + 'static {
        tcp
    }

    async fn sleep(time: Duration) {
        Timer::after(time).await;
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// A runtime with these sockets.
enum Counts {}

static START: LazyLock<Clock> = LazyLock::new(Clock::now);

impl Runtime for Counts {
    type Lock = StdLock;
    type Pointer = Arc<StdLock>;
    type Connect = Transport<Counting>;
    type Listeners = Registered;

    fn now() -> Instant {
        std_runtime::instant(START.elapsed())
    }

    async fn sleep_until(at: Instant) {
        Timer::at(*START + std_runtime::since(at)).await;
    }
}

/// Connects, and drops the driver after so many looks. What `connect` said by then.
fn connect(settings: &Config, looks: usize) -> Option<Result<(), ConnectError>> {
    let transport = Transport::<Counting>::new(Layers::of(settings).expect("layers"));
    let memory = Memory::heap(settings);
    let made = Client::<Counts>::with_runner(settings.clone(), memory, transport, Arc::new);
    let (client, runner) = made.expect("settings that fit each other");
    let (mut connect, mut driver) = (pin!(client.connect(true)), Box::pin(runner.run()));
    let mut left = looks;
    let said = block_on(poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        assert!(driver.as_mut().poll(cx).is_pending(), "there is a handle");
        connect.as_mut().poll(cx).map(Some)
    }));
    if said.is_some() {
        assert_eq!(ALIVE.load(Ordering::SeqCst), 1, "the link stands");
    }
    drop(driver);
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0, "after {looks} looks");
    if said.is_none() {
        let ended = block_on(connect);
        assert!(matches!(ended, Err(ConnectError::Closed)), "after {looks} looks: {ended:?}");
    }
    said.map(|said| said.map(drop))
}

#[test]
fn a_connect_that_is_dropped_at_any_await_leaves_nothing_behind() {
    const NAME: &str = "a_connect_that_is_dropped_at_any_await_leaves_nothing_behind";
    if !broker_or_skip(NAME) || !proxies_or_skip(NAME) {
        return;
    }
    let (broker, proxy) = (Everywhere::start(), RealProxy::socks5(true));
    let way = Proxy::socks5(proxy.addr().to_string()).user(USER.0, USER.1);
    let settings = config(broker.mutual_web).proxy(way);
    let settings = settings.tls(broker.identified()).websocket(WebSocket::new());
    let mut looks = 0;
    let connected = loop {
        if let Some(said) = connect(&settings, looks) {
            break said;
        }
        looks += 1;
    };
    assert_eq!(connected, Ok(()), "after {looks} looks");
    assert!(looks > 8, "each step waits at least once, but there were {looks} looks");
}
