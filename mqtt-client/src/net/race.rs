//! Addresses of both families, tried as browsers do (RFC 8305): a dead route costs a moment, not a
//! whole time-out.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::boxed::Box;
use std::io;
use std::net::SocketAddr;
use std::vec::{self, Vec};

use super::sockets::Sockets;
use super::told;

/// The next address is tried so long after the last one (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Opens a connection to whichever address takes it first. Those that lose the race are dropped.
///
/// # Errors
/// The last failure, once all have failed.
pub(super) async fn race<S: Sockets>(addresses: Vec<SocketAddr>) -> io::Result<S::Tcp> {
    if let [address] = *addresses {
        return attempt::<S>(address).await;
    }
    let mut race = Race::<S> {
        waiting: interleaved(addresses).into_iter(),
        running: Vec::new(),
        head_start: None,
        failure: io::ErrorKind::NotFound.into(),
    };
    poll_fn(|cx| race.poll(cx)).await
}

async fn attempt<S: Sockets>(address: SocketAddr) -> io::Result<S::Tcp> {
    told::tries(address);
    S::connect(address).await.inspect_err(|error| told::failed(address, error))
}

/// The families in turn, beginning with that of the first address: the system has put them in order.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let all = addresses.len();
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(all);
    while mixed.len() < all {
        mixed.extend(one.next());
        mixed.extend(other.next());
    }
    mixed
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Race<S: Sockets> {
    waiting: vec::IntoIter<SocketAddr>,
    running: Vec<Running<io::Result<S::Tcp>>>,
    /// That of the last one to start, while it lasts.
    head_start: Option<Running<()>>,
    failure: io::Error,
}

impl<S: Sockets> Race<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<S::Tcp>> {
        loop {
            if let Some(winner) = self.poll_running(cx) {
                return Poll::Ready(Ok(winner));
            }
            if self.head_start.as_mut().is_some_and(|time| time.as_mut().poll(cx).is_pending()) {
                return Poll::Pending;
            }
            self.head_start = None;
            let Some(address) = self.waiting.next() else { break };
            self.running.push(Box::pin(attempt::<S>(address)));
            self.head_start = Some(Box::pin(S::sleep(HEAD_START)));
        }
        if !self.running.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Err(core::mem::replace(&mut self.failure, io::ErrorKind::NotFound.into())))
    }

    /// Looks at those that run. Where one has failed, the next need not wait.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<S::Tcp> {
        let mut winner = None;
        self.running.retain_mut(|attempt| match attempt.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(tcp)) => {
                winner = Some(tcp);
                false
            }
            Poll::Ready(Err(error)) => {
                self.failure = error;
                self.head_start = None;
                false
            }
        });
        winner
    }
}
