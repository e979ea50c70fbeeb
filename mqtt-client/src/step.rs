//! What there is to do for a call that is polled.

use core::cell::Cell;
use core::task::{Poll, Waker};

use mqtt_as_proto::QoS;
use mqtt_as_proto::client::{Message, OperationError, Published, Tag};

use crate::apart::take_out;
use crate::error::ConnectError;
use crate::request::{Done, Patience};
use crate::settings::WhileDown;
use crate::state::State;
use crate::waiters::{Outcome, Slot, Wait};

impl State {
    pub(crate) fn if_closed(&self) -> Option<Done> {
        self.closed.then_some(Done::CLOSED)
    }

    /// Ends a wait that has found what it looks for, or begins it.
    pub(crate) fn wait_for(
        &mut self,
        wait: Wait,
        found: Option<Done>,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Done> {
        if let Some(found) = found {
            return self.end_call(slot, found);
        }
        let Some(taken) = slot.or_else(|| self.waiters.take()) else {
            return Poll::Ready(Done::NoWaiter);
        };
        *slot = Some(taken);
        if let Some(outcome) = self.waiters.outcome(taken) {
            return self.end_call(slot, Done::Outcome(outcome));
        }
        self.waiters.park(taken, wait, waker);
        Poll::Pending
    }

    /// The call is over: its slot is free again.
    fn end_call(&mut self, slot: &mut Option<Slot>, done: Done) -> Poll<Done> {
        if let Some(slot) = slot.take() {
            self.abandon(slot);
        }
        Poll::Ready(done)
    }

    /// Connects; if it fails, `failure` says why.
    pub(crate) fn connect(
        &mut self,
        clean: bool,
        failure: &Cell<Option<ConnectError>>,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Done> {
        let taken = match *slot {
            Some(taken) => taken,
            None if !clean && self.stands() => return Poll::Ready(Done::Up),
            None => match self.begin_connect(clean) {
                Ok(taken) => *slot.insert(taken),
                Err(error) => {
                    failure.set(Some(error));
                    return Poll::Ready(Done::Unconnected);
                }
            },
        };
        let done = self.go_on(slot, taken, waker);
        match done {
            Poll::Ready(Done::Outcome(Outcome::Replaced)) => {
                failure.set(Some(ConnectError::Replaced));
            }
            Poll::Ready(Done::Outcome(Outcome::Failed)) => {
                self.link.connecting = None;
                failure.set(self.link.failure.take().map(take_out));
            }
            _ => {}
        }
        done
    }

    /// What keeps a message from being accepted at all.
    pub(crate) fn check_open(&self) -> Result<(), Done> {
        self.check(false)
    }

    fn check(&self, needs_link: bool) -> Result<(), Done> {
        if self.closed {
            return Err(Done::CLOSED);
        }
        let refuses = needs_link || self.settings.while_down == WhileDown::Refuse;
        if refuses && !self.core.is_connected() {
            return Err(Done::NotConnected);
        }
        Ok(())
    }

    /// A message was accepted: it has to be written.
    #[inline]
    pub(crate) fn accepted(&mut self) {
        self.counts.published += 1;
        self.notify_write();
    }

    /// Publishes now or not at all.
    pub(crate) fn try_publish(&mut self, message: &Message<'_>) -> Done {
        if let Err(done) = self.check_open() {
            return done;
        }
        let now = self.time();
        match self.core.publish(message, Tag::NOBODY, now) {
            Ok(_) => {
                self.accepted();
                self.notify_read();
                Done::Left
            }
            Err(error) => Done::Refused(error),
        }
    }

    /// QoS 0 with a connection: straight into the outbox. None if it has to wait.
    #[inline]
    pub(crate) fn publish_straight(&mut self, message: &Message<'_>) -> Option<Done> {
        if !self.core.is_connected() || self.closed || self.waiters.is_behind(None) {
            return None;
        }
        match self.core.publish(message, Tag::NOBODY, self.now) {
            // On its way, or behind others that wait for room in the same connection.
            Ok(_) => {
                self.accepted();
                Some(Done::Left)
            }
            Err(OperationError::NoRoom) => None,
            Err(error) => Some(Done::Refused(error)),
        }
    }

    pub(crate) fn publish(
        &mut self,
        message: &Message<'_>,
        patience: Patience,
        slot: &mut Option<Slot>,
        waker: &Waker,
    ) -> Poll<Done> {
        let awaits_reply = message.qos != QoS::AtMostOnce;
        let needs = Needs { link: false, awaits_reply, patience };
        self.operate(slot, waker, &needs, &mut |state, tag| {
            let now = state.time();
            let published = state.core.publish(message, tag, now)?;
            state.counts.published += 1;
            Ok(published)
        })
    }

    /// Sends a request when there is room for it, and waits for its answer.
    pub(crate) fn request(
        &mut self,
        slot: &mut Option<Slot>,
        waker: &Waker,
        ask: &mut dyn FnMut(&mut Self, Tag) -> Result<Published, OperationError>,
    ) -> Poll<Done> {
        self.request_within(Patience::DEFAULT, slot, waker, ask)
    }

    /// The same, for that long at most.
    pub(crate) fn request_within(
        &mut self,
        patience: Patience,
        slot: &mut Option<Slot>,
        waker: &Waker,
        ask: &mut dyn FnMut(&mut Self, Tag) -> Result<Published, OperationError>,
    ) -> Poll<Done> {
        let needs = Needs { link: true, awaits_reply: true, patience };
        self.operate(slot, waker, &needs, ask)
    }

    /// Has a message or a request accepted when there is room for it, and waits for its end.
    #[inline(never)]
    fn operate(
        &mut self,
        slot: &mut Option<Slot>,
        waker: &Waker,
        needs: &Needs,
        take: &mut dyn FnMut(&mut Self, Tag) -> Result<Published, OperationError>,
    ) -> Poll<Done> {
        let taken = match *slot {
            None => match self.begin(needs) {
                Ok(taken) => *slot.insert(taken),
                Err(done) => return Poll::Ready(done),
            },
            Some(taken) if self.waiters.wait(taken) != Wait::Room => {
                return self.go_on(slot, taken, waker);
            }
            // A connection that is ending is no reason before it has ended.
            Some(taken) if self.link.is_up() => taken,
            Some(taken) => match self.check(needs.link) {
                Ok(()) => taken,
                Err(done) => return self.end_call(slot, done),
            },
        };
        self.try_room(slot, taken, waker, needs.patience.until_accepted, take)
    }

    fn begin(&mut self, needs: &Needs) -> Result<Slot, Done> {
        self.check(needs.link)?;
        if needs.awaits_reply && self.core.is_stream_open() {
            return Err(Done::StreamOpen);
        }
        let slot = self.waiters.take().ok_or(Done::NoWaiter)?;
        self.limit_wait(slot, needs.patience.timeout());
        Ok(slot)
    }

    /// Tries to have a message or a request accepted; else its call waits for room.
    fn try_room(
        &mut self,
        slot: &mut Option<Slot>,
        taken: Slot,
        waker: &Waker,
        until_accepted: bool,
        take: &mut dyn FnMut(&mut Self, Tag) -> Result<Published, OperationError>,
    ) -> Poll<Done> {
        let done = match self.take_room(taken, waker, take) {
            None => Poll::Pending,
            Some(Err(error)) => self.end_call(slot, Done::Refused(error)),
            Some(Ok(Published::Left)) => {
                self.notify_write();
                self.end_call(slot, Done::Left)
            }
            Some(Ok(Published::Pending(id))) => {
                self.waiters.await_answer(taken, id, (!until_accepted).then_some(waker));
                self.notify_write();
                self.notify_read();
                if until_accepted { Poll::Ready(Done::Accepted) } else { Poll::Pending }
            }
        };
        if self.link.has_given_up() {
            self.end_waits();
        }
        done
    }

    /// Does what needs room in the core; without room the call waits for it. The next one is woken
    /// if there was some.
    pub(crate) fn take_room(
        &mut self,
        slot: Slot,
        waker: &Waker,
        take: &mut dyn FnMut(&mut Self, Tag) -> Result<Published, OperationError>,
    ) -> Option<Result<Published, OperationError>> {
        if self.waiters.is_behind(Some(slot)) {
            // The driver looks whether the other one has still its turn.
            self.notify_write();
            self.waiters.park(slot, Wait::Room, waker);
            return None;
        }
        match take(self, slot.tag()) {
            // What clears an identifier may have to leave first, though nothing else has.
            Err(OperationError::NoRoom) => self.notify_write(),
            // The connection is ending: the next one has room.
            Err(OperationError::NotConnected) if !self.closed => {}
            result => {
                self.waiters.change(slot, Wait::Answer);
                self.waiters.wake(Wait::Room, 1);
                return Some(result);
            }
        }
        self.waiters.park_for_room(slot, waker);
        None
    }

    /// Waits for the end of what was accepted, or of a connect.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(crate) fn go_on(
        &mut self,
        slot: &mut Option<Slot>,
        taken: Slot,
        waker: &Waker,
    ) -> Poll<Done> {
        let Some((outcome, is_explained)) = self.waiters.end(taken) else {
            self.waiters.register(taken, waker);
            return Poll::Pending;
        };
        let done = match outcome {
            Outcome::Answered => Done::Granted(self.waiters.granted(taken)),
            Outcome::Connected => Done::Up,
            outcome => Done::Outcome(outcome),
        };
        // Its slot stays for what the server said: whoever asked takes it from there.
        if is_explained {
            return Poll::Ready(done);
        }
        // It was over: nothing goes on without it, and nobody has waited behind it.
        *slot = None;
        self.waiters.free(taken);
        Poll::Ready(done)
    }
}

/// What an operation needs beside room.
struct Needs {
    /// It is of this connection.
    link: bool,
    awaits_reply: bool,
    patience: Patience,
}
