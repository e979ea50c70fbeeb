//! The whole way to a server, step by step, within one time-out.

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use std::boxed::Box;
use std::io;

use super::byte_stream::ByteStream;
use super::hop::Hop;
use super::layers::Layers;
use super::race::race;
use super::sockets::Sockets;
use super::told;
use crate::address::Server;
use crate::error::{ConnectError, Step, TransportError};

/// What was opened.
pub(super) enum Opened<T> {
    /// A TCP connection, with nothing on top.
    Tcp(T),
    /// A stream with something in between.
    Stream(Box<dyn ByteStream>),
}

/// Opens what the settings ask for, all of it within the time-out of `server`.
///
/// # Errors
/// [`ConnectError::Unreachable`] or [`ConnectError::TimedOut`], with the step that failed.
///
/// # Cancel safety
/// Dropping the future closes what it had opened.
pub(super) async fn open<S: Sockets>(
    layers: &Layers,
    server: Server<'_>,
) -> Result<Opened<S::Tcp>, ConnectError> {
    let mut time = pin!(S::sleep(time_out(server)));
    let mut time: Time<'_, _> = time.as_mut();
    let Some(set) = layers.set() else {
        return Ok(Opened::Tcp(tcp::<S, _>(&mut time, Hop::to(server)).await?));
    };
    let mut stream: Box<dyn ByteStream> = match &set.unix {
        Some(path) => Box::new(step(&mut time, Step::Open, S::connect_unix(path)).await?),
        None => Box::new(S::stream(tcp::<S, _>(&mut time, set.first_hop(server)).await?)),
    };
    for layer in &set.layers {
        let (name, on_top) = (layer.step(), layer.lay(stream, server));
        stream = step(&mut time, name, on_top).await?;
    }
    Ok(Opened::Stream(stream))
}

/// What is left of the time-out.
type Time<'t, F> = Pin<&'t mut F>;

async fn tcp<S: Sockets, F: Future<Output = ()>>(
    time: &mut Time<'_, F>,
    hop: Hop<'_>,
) -> Result<S::Tcp, ConnectError> {
    let (resolve, open) = hop.steps();
    let resolving = async {
        let addresses = S::resolve(hop.host, hop.port).await.map_err(|error| hop.explain(error))?;
        let none = || hop.explain(io::Error::new(io::ErrorKind::NotFound, NO_ADDRESS));
        if addresses.is_empty() { Err(none()) } else { Ok(addresses) }
    };
    let addresses = step(time, resolve, resolving).await?;
    let opening = async { race::<S>(addresses).await.map_err(|error| hop.explain(error)) };
    step(time, open, opening).await
}

const NO_ADDRESS: &str = "the name has no address";

/// A step, as long as there is time.
async fn step<T, F: Future<Output = ()>>(
    time: &mut Time<'_, F>,
    step: Step,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectError> {
    told::begins(step);
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(Ok(value)) => Poll::Ready(Ok(value)),
        Poll::Ready(Err(error)) => {
            Poll::Ready(Err(ConnectError::Unreachable(step, TransportError::new(error))))
        }
        Poll::Pending => time.as_mut().poll(cx).map(|()| Err(ConnectError::TimedOut(step))),
    })
    .await
}

/// A single step that the program brings, within the time-out of `server`.
///
/// # Errors
/// As [`open`], with the step [`Step::Open`].
pub(super) async fn within<S: Sockets, T>(
    server: Server<'_>,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectError> {
    let mut time = pin!(S::sleep(time_out(server)));
    step(&mut time.as_mut(), Step::Open, future).await
}

/// A century is never.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

fn time_out(server: Server<'_>) -> Duration {
    match server.timeout {
        0 => NEVER,
        ms => Duration::from_millis(ms.into()),
    }
}

#[cfg(test)]
mod tests;
