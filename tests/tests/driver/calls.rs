//! Calls that are polled when they were woken, and what stands in their way.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mqtt_as_client::{Acknowledgement, Config, PublishError};

use crate::hand::{Bench, Flag};

/// Turns, of a millisecond each, within which most things have to happen.
const SOON: usize = 100;

/// Whether the publish has ended, and the server has taken it.
pub(crate) fn has_arrived(end: &Option<Result<Acknowledgement, PublishError>>) -> bool {
    matches!(end, Some(Ok(_)))
}

/// A call, and whether it was woken.
pub(crate) struct Call<F: Future> {
    future: Pin<Box<F>>,
    pub(crate) woken: Arc<Flag>,
    pub(crate) polls: usize,
}

impl<F: Future> Call<F> {
    pub(crate) fn new(future: impl IntoFuture<IntoFuture = F, Output = F::Output>) -> Self {
        Self { future: Box::pin(future.into_future()), woken: Flag::new(), polls: 0 }
    }

    /// A call that has begun, and waits.
    pub(crate) fn begun(future: impl IntoFuture<IntoFuture = F, Output = F::Output>) -> Self {
        let mut call = Self::new(future);
        assert!(call.poll().is_none(), "it has to wait");
        call
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.is_set()
    }

    /// Polls it, if it was woken.
    pub(crate) fn poll(&mut self) -> Option<F::Output> {
        if !self.woken.take() {
            return None;
        }
        self.polls += 1;
        let waker = Waker::from(self.woken.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    /// Its end, which has to come soon.
    pub(crate) fn end(&mut self, bench: &mut Bench) -> F::Output {
        self.end_within(bench, SOON)
    }

    pub(crate) fn end_within(&mut self, bench: &mut Bench, turns: usize) -> F::Output {
        for _ in 0..turns {
            if let Some(value) = self.poll() {
                return value;
            }
            bench.turn();
        }
        panic!("it does not end");
    }
}

/// A client with a connection.
pub(crate) fn connected(config: Config) -> Bench {
    let mut bench = Bench::new(config, 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    bench
}

/// The transport takes nothing, and both outboxes are full.
pub(crate) fn fill(bench: &mut Bench) {
    let client = bench.client();
    bench.stall(true);
    bench.turn();
    for _ in 0..2 {
        while client.publish("topic", [0; 40]).try_publish().is_ok() {}
        bench.turn(); // The driver takes the first buffer full.
    }
    while client.publish("t", "").try_publish().is_ok() {}
}
