//! What callbacks of both kinds listen to, how their task waits, and what they share with the queue.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use mqtt_as_proto::client::Consumer;

use crate::runtime::{Runtime, ask, with_state};
use crate::state::State;

/// What there is for each kind of event.
#[derive(Clone)]
pub(crate) enum On<U, D, M, R> {
    Up(U),
    Down(D),
    Msg(M),
    Reconnecting(R),
}

impl<U, D, M, R> On<U, D, M, R> {
    /// A bit for each kind.
    pub(super) fn bit(&self) -> u8 {
        match self {
            Self::Up(_) => UP,
            Self::Down(_) => DOWN,
            Self::Msg(_) => MESSAGE,
            Self::Reconnecting(_) => ATTEMPT,
        }
    }
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const MESSAGE: u8 = 4;
const ATTEMPT: u8 = 8;

impl State {
    /// What callbacks want to know from here on.
    pub(super) fn listen(&mut self, kinds: u8) {
        self.lane.listen(kinds & UP != 0, kinds & DOWN != 0, kinds & ATTEMPT != 0);
        if kinds & MESSAGE != 0 {
            self.core.activate(Consumer::Callbacks);
            self.driver.notify_callbacks();
        } else {
            self.core.deactivate(Consumer::Callbacks);
            self.kept.left(&self.core, self.clock);
            self.wake_consumers();
            self.taken(true);
        }
    }

    /// The callbacks' task has nothing to do, until it is woken or the driver is gone.
    pub(super) fn wait_for_event(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.closed {
            return Poll::Ready(());
        }
        let old = self.driver.wait_callbacks(cx.waker());
        self.waiters.drop_later(old);
        Poll::Pending
    }
}

/// Milliseconds for which callbacks wait for a queue that nobody has: somebody may ask for it again.
const PATIENCE: u64 = 10_000;

impl State {
    /// Somebody asks for messages; it is counted where it matters.
    #[inline]
    pub(super) fn begin_queue(&mut self, is_counted: bool) {
        self.queues.alive = self.queues.alive.wrapping_add(u16::from(is_counted));
        self.core.activate(Consumer::Queue);
    }

    /// Somebody does no more.
    pub(super) fn end_queue(&mut self) {
        self.queues.alive = self.queues.alive.wrapping_sub(1);
        if self.queues.alive == 0 {
            self.queues.is_left = true;
            self.driver.notify_callbacks();
        }
    }

    /// Whether messages for callbacks wait for a queue that nobody has; and if so, whether it was
    /// left just now.
    fn left_queue(&mut self) -> Option<bool> {
        let shared = [Consumer::Queue, Consumer::Callbacks].map(|who| self.core.is_active(who));
        let left = shared == [true; 2] && self.queues.alive == 0;
        left.then(|| core::mem::take(&mut self.queues.is_left))
    }

    /// A consumer that is gone is none: what waits for it is over.
    fn close_queue(&mut self) {
        self.core.deactivate(Consumer::Queue);
        self.taken(true);
    }
}

/// Runs callbacks. What they share with a queue does not wait for one that nobody asks for.
#[allow(clippy::manual_async_fn)] // An `async fn` would hold the work twice.
pub(super) fn run<R: Runtime>(
    lock: &R::Lock,
    mut work: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> impl Future<Output = ()> {
    async move {
        let mut patience = pin!(None);
        poll_fn(|cx| {
            let over = work(cx);
            match ask(lock, State::left_queue).flatten() {
                None => patience.set(None),
                Some(true) => patience.set(Some(R::sleep_until(R::now().after(PATIENCE)))),
                Some(false) => {}
            }
            if is_over(patience.as_mut(), cx) {
                patience.set(None);
                with_state(lock, State::close_queue);
            }
            over
        })
        .await;
    }
}

fn is_over<F: Future>(sleep: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> bool {
    sleep.as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready())
}
