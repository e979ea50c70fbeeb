//! What callbacks of both kinds listen to, and how their task waits.

use core::task::{Context, Poll};

use mqtt_as_proto::client::Consumer;

use crate::state::State;

/// What there is for each kind of event.
#[derive(Clone)]
pub(crate) enum On<U, D, M> {
    Up(U),
    Down(D),
    Msg(M),
}

impl<U, D, M> On<U, D, M> {
    /// A bit for each kind.
    pub(super) fn bit(&self) -> u8 {
        match self {
            Self::Up(_) => UP,
            Self::Down(_) => DOWN,
            Self::Msg(_) => MESSAGE,
        }
    }
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const MESSAGE: u8 = 4;

impl State {
    /// What callbacks want to know from here on.
    pub(super) fn listen(&mut self, kinds: u8) {
        self.lane.listen(kinds & UP != 0, kinds & DOWN != 0);
        if kinds & MESSAGE != 0 {
            self.core.activate(Consumer::Callbacks);
            self.driver.notify_callbacks();
        } else {
            self.core.deactivate(Consumer::Callbacks);
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
