//! Writing: from the core to the transport.

use embedded_io_async::Write;
use mqtt_as_proto::Outbox;

use super::turn::{ASKED, STOPPED, Turn, WRITING};
use crate::error::DownReason;
use crate::runtime::{Connect, Lock, Shutdown, with_state};
use crate::state::{Guard, State};

/// Writes all that is due, in as few writes as the transport takes.
pub(super) async fn write_loop<L: Lock, C: Connect>(
    lock: &L,
    write: &mut C::Write<'_>,
    writer: &mut Writer<'_>,
) -> DownReason {
    loop {
        let done = match writer.next(lock) {
            Output::Write => write.write(writer.out.chunk()).await,
            Output::Flush => write.flush().await.map(|()| 0),
            Output::Close => {
                write.shutdown().await;
                writer.close(lock);
                return core::future::pending().await;
            }
            Output::Nothing => {
                writer.turn.rest().await;
                continue;
            }
        };
        match done {
            Ok(n) => {
                if writer.did(n) {
                    return DownReason::Closed;
                }
            }
            Err(error) => return DownReason::Transport(C::write_failed(error)),
        }
    }
}

/// What there is to do for the transport.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Write,
    Flush,
    Close,
    Nothing,
}

/// How far the writing is.
pub(super) struct Writer<'w> {
    out: &'w mut Outbox<'static>,
    turn: &'w Turn,
    guard: Guard,
    /// What was done last.
    last: Output,
    /// Bytes that the transport has taken, and the core does not know of.
    written: usize,
    is_flushed: bool,
    is_closing: bool,
}

impl<'w> Writer<'w> {
    pub(super) fn new(out: &'w mut Outbox<'static>, turn: &'w Turn, guard: Guard) -> Self {
        let (written, last) = (0, Output::Nothing);
        Self { out, turn, guard, last, written, is_flushed: true, is_closing: false }
    }

    /// What there is to do next.
    #[inline(never)]
    fn next(&mut self, lock: &dyn Lock) -> Output {
        let flushed = self.last == Output::Flush && !self.is_closing;
        if !flushed || self.turn.has(ASKED) {
            self.turn.set(ASKED, false);
            let mut output = Output::Nothing;
            with_state(lock, |state| output = state.next_output(self.out, self.written));
            self.written = 0;
            self.is_closing = output == Output::Close;
            let flushes = output != Output::Write && !self.is_flushed;
            self.last = if flushes { Output::Flush } else { output };
        } else {
            self.last = Output::Nothing;
        }
        self.turn.set(WRITING, self.last != Output::Nothing);
        self.last
    }

    /// The transport took so many bytes, or has sent all. Whether it takes no more.
    #[inline(never)]
    fn did(&mut self, n: usize) -> bool {
        self.is_flushed = self.last == Output::Flush;
        if self.is_flushed {
            return false;
        }
        // It may let a payload of the program's go.
        if !(self.guard)(&mut || self.out.advance(n)) {
            self.out.advance(0);
        }
        self.written = n;
        self.turn.set(STOPPED, false);
        n == 0
    }

    fn close(&self, lock: &dyn Lock) {
        self.turn.set(WRITING, false);
        with_state(lock, State::said_all);
    }
}

impl State {
    fn next_output(&mut self, out: &mut Outbox<'static>, written: usize) -> Output {
        let now = self.turn_time();
        if written != 0 {
            self.core.handle_transmitted(written, now);
            self.prolong_ending();
        }
        let (core, mut told) = self.split();
        let writes = out.is_empty() && core.poll_transmit(out, now, &mut told.tell());
        self.driver.is_idle = !writes;
        if writes {
            self.waiters.wake_room();
        }
        self.tell_up();
        self.tell_progress();
        if !out.is_empty() {
            return Output::Write;
        }
        if self.core.is_closing() {
            self.link.is_unsent = false; // The server may close before the transport has shut down.
            return Output::Close;
        }
        if core::mem::take(&mut self.driver.trims) {
            out.release(); // The core has another one, and they change places.
            self.core.release_memory();
            self.kept.release_memory();
        }
        Output::Nothing
    }
}
