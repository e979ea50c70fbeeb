//! A driver that has much to do does not keep the runtime from looking at the sockets of others.

use std::future::poll_fn;
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use mqtt_as_client::Runtime;
use mqtt_as_tokio::Tokio;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Tasks of one thread that are woken at once are polled 61 times before that.
#[tokio::test]
async fn sockets_are_looked_at_between_two_turns_of_the_driver() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
    let address = listener.local_addr().expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let (mut server, _) = listener.accept().expect("a connection");
    let came = Arc::new(AtomicUsize::new(0));
    let told = came.clone();
    let other = tokio::spawn(async move {
        while stream.read_u8().await.is_ok() {
            told.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (mut sent, mut turns, mut most) = (0, 0, 0);
    let driver = tokio::spawn(poll_fn(move |cx| {
        if came.load(Ordering::SeqCst) == sent {
            if sent == 20 {
                drop(server.shutdown(Shutdown::Both));
                return Poll::Ready(most);
            }
            server.write_all(b"x").expect("room");
            (sent, turns) = (sent + 1, 0);
        }
        turns += 1;
        most = most.max(turns);
        Tokio::yield_now(cx);
        Poll::Pending
    }));
    let most = driver.await.expect("no panic");
    other.await.expect("no panic");
    assert!(most <= 3, "{most} turns before a byte was seen and read");
}
