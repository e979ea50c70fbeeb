//! Sockets of a world in virtual time, in which a test says what every address does.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::boxed::Box;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread_local;
use std::vec::Vec;

use futures_io::{AsyncRead, AsyncWrite};

use super::byte_stream::ByteStream;
use super::halves::{StreamReadHalf, StreamWriteHalf};
use super::sockets::Sockets;

/// What an address does, so many milliseconds after it was asked. The others never answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Accepts(u64),
    Refuses(u64, io::ErrorKind),
}

#[derive(Debug, Default)]
struct World {
    /// In milliseconds.
    now: u64,
    timers: BTreeSet<u64>,
    addresses: Vec<SocketAddr>,
    resolves_at: u64,
    answers: BTreeMap<SocketAddr, Answer>,
    /// When which address was asked.
    asked: Vec<(u64, SocketAddr)>,
    /// Sockets that are open, or are being opened.
    alive: usize,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn with<T>(f: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(f)
}

/// A new world, in which every name has these addresses, known after so many milliseconds.
pub(super) fn begin(resolves_at: u64, addresses: &[(SocketAddr, Option<Answer>)]) {
    let answers = addresses.iter().filter_map(|(at, answer)| Some((*at, (*answer)?))).collect();
    let addresses = addresses.iter().map(|(address, _)| *address).collect();
    with(|world| *world = World { addresses, resolves_at, answers, ..World::default() });
}

/// Runs that to its end.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    run_until(usize::MAX, future).expect("it ends")
}

/// Runs that to its end, unless that takes more looks.
pub(super) fn run_until<T>(looks: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..looks {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(value);
        }
        with(|world| world.now = world.timers.pop_first().expect("something happens yet"));
    }
    None
}

pub(super) fn now() -> u64 {
    with(|world| world.now)
}

pub(super) fn asked() -> Vec<(u64, SocketAddr)> {
    with(|world| world.asked.clone())
}

pub(super) fn alive() -> usize {
    with(|world| world.alive)
}

/// Waits until then.
async fn until(at: u64) {
    let is_over = |world: &mut World| {
        let is_over = world.now >= at;
        if !is_over {
            world.timers.insert(at);
        }
        is_over
    };
    poll_fn(|_| if with(is_over) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// A socket, whose peer says nothing.
#[derive(Debug)]
pub(super) struct Socket(pub(super) SocketAddr);

impl Socket {
    fn new(address: SocketAddr) -> Self {
        with(|world| world.alive += 1);
        Self(address)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        with(|world| world.alive -= 1);
    }
}

/// The sockets of the world of this thread.
#[derive(Debug)]
pub(super) enum Fake {}

impl Sockets for Fake {
    type Tcp = Socket;
    type Read = StreamReadHalf;
    type Write = StreamWriteHalf;

    async fn resolve(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        until(with(|world| world.resolves_at)).await;
        Ok(with(|world| world.addresses.clone()))
    }

    async fn connect(address: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(address);
        let answer = with(|world| {
            world.asked.push((world.now, address));
            world.answers.get(&address).copied()
        });
        match answer {
            Some(Answer::Accepts(after)) => until(now() + after).await,
            Some(Answer::Refuses(after, kind)) => {
                until(now() + after).await;
                return Err(kind.into());
            }
            None => core::future::pending().await,
        }
        Ok(socket)
    }

    async fn connect_unix(_: &Path) -> io::Result<impl ByteStream + 'static> {
        Err::<Socket, _>(io::ErrorKind::Unsupported.into())
    }

    fn split(tcp: Socket) -> (StreamReadHalf, StreamWriteHalf) {
        let stream: Box<dyn ByteStream> = Box::new(tcp);
        stream.split()
    }

    fn stream(tcp: Socket) -> impl ByteStream + 'static {
        tcp
    }

    async fn sleep(time: Duration) {
        until(now() + time.as_millis() as u64).await;
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
