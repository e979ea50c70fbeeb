//! Writing: from the core to the transport.

use embedded_io_async::Write;
use mqtt_as_proto::Outbox;

use super::turn::{ASKED, STOPPED, Turn, WRITING};
use crate::error::ErrorKind;
use crate::link::End;
use crate::runtime::{Lock, Shutdown, with_state};
use crate::state::{Guard, State};

/// Writes all that is due, in as few writes as the transport takes.
pub(super) async fn write_loop<L: Lock>(
    lock: &L,
    write: &mut (impl Write + Shutdown),
    out: &mut Outbox<'static>,
    turn: &Turn,
    guard: Guard,
) -> End {
    let (mut written, mut unflushed) = (0, false);
    loop {
        turn.set(ASKED, false);
        let output = next(lock, out, core::mem::take(&mut written));
        turn.set(WRITING, !matches!(output, Output::Nothing));
        match output {
            Output::Write => match write.write(out.chunk()).await {
                Ok(0) => return End::Eof,
                Ok(n) => {
                    // It may let a payload of the program's go.
                    if !guard(&mut || out.advance(n)) {
                        out.advance(0);
                    }
                    (written, unflushed) = (n, true);
                    turn.set(STOPPED, false);
                }
                Err(error) => return failed(&error),
            },
            Output::Nothing | Output::Close if unflushed => {
                unflushed = false;
                turn.set(WRITING, true);
                if let Err(error) = write.flush().await {
                    return failed(&error);
                }
                if matches!(output, Output::Nothing) && !turn.has(ASKED) {
                    turn.set(WRITING, false);
                    turn.rest().await;
                }
            }
            Output::Nothing => turn.rest().await,
            Output::Close => {
                write.shutdown().await;
                turn.set(WRITING, false);
                with_state(lock, State::said_all);
                return core::future::pending().await;
            }
        }
    }
}

fn failed(error: &impl embedded_io_async::Error) -> End {
    End::Transport(ErrorKind::from(error.kind()))
}

enum Output {
    Write,
    Close,
    Nothing,
}

/// What there is to write, when the transport has taken that many bytes more.
#[inline(never)]
fn next(lock: &dyn Lock, out: &mut Outbox<'static>, written: usize) -> Output {
    let mut output = Output::Nothing;
    with_state(lock, |state| output = state.next_output(out, written));
    output
}

impl State {
    fn next_output(&mut self, out: &mut Outbox<'static>, written: usize) -> Output {
        let now = self.turn_time();
        if written != 0 {
            self.core.handle_transmitted(written, now);
            self.prolong_ending();
        }
        let (core, mut told) = self.split();
        let writes =
            out.is_empty() && core.poll_transmit(out, now, &mut |event| told.happen(event));
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
            return Output::Close;
        }
        if core::mem::take(&mut self.driver.trims) {
            out.release();
        }
        Output::Nothing
    }
}
