//! The control loop: time, and what the program wants.

use core::future::{Future, poll_fn};
use core::task::Poll;

use embassy_futures::select::select;
use mqtt_as_proto::ReasonCode;

use super::End;
use crate::error::DownReason;
use crate::loops::Loop;
use crate::shared::{State, act};
use crate::traits::Runtime;

/// Watches the time, and what the program wants.
pub(super) async fn control_loop<R: Runtime>(shared: &R::Pointer) -> End {
    loop {
        let (step, seen) = act::<R, _>(shared, |state| (state.control(), state.loops.controls));
        match step {
            Control::End(end) => return end,
            Control::Wait => notified::<R>(shared, seen).await,
            Control::Until(at) => {
                select(R::sleep_until(at), notified::<R>(shared, seen)).await;
            }
        }
    }
}

enum Control {
    End(End),
    Wait,
    Until(mqtt_as_proto::Instant),
}

/// Waits until somebody notifies the control loop, since it looked last.
pub(super) fn notified<R: Runtime>(shared: &R::Pointer, seen: u32) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.loops.controls != seen {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, state.loops.register(Loop::Control, cx.waker()))
        });
        poll
    })
}

impl<R: Runtime> State<R> {
    /// Whether the program wants the connection to end, and it has not begun to.
    fn wants_control(&self) -> bool {
        (self.link.wanted.is_some() || self.handles == 0) && self.link.ending.is_none()
    }

    fn control(&mut self) -> Control {
        let now = R::now();
        self.now = now;
        self.waiters.expire(now);
        let refused = self.link.refused.is_some();
        if refused || self.link.linger.is_some_and(|at| at <= now) {
            return Control::End(End::Done);
        }
        self.end_stalled(now);
        let pinged = self.core.awaits_pong();
        if let Err(error) = self.core.handle_timeout(now)
            && let Some(end) = self.begin_ending(error)
        {
            return Control::End(end);
        }
        if self.core.awaits_pong() && !pinged && self.loops.write_idle {
            // Nothing went on for the ping interval: what a burst took is given back.
            self.core.release_memory();
            self.loops.trim = true;
        }
        if self.wants_control() {
            let replaced = self.link.wanted.is_some();
            let why = if replaced { DownReason::Replaced } else { DownReason::Disconnected };
            self.end_link(ReasonCode::SUCCESS, why);
        } else if self.link.prepared && self.link.ending.is_none() {
            self.end_link(ReasonCode::SUCCESS, DownReason::Replaced);
        }
        self.settle();
        self.loops.armed = self.next_deadline();
        match self.loops.armed {
            Some(at) => Control::Until(at),
            None => Control::Wait,
        }
    }
}
