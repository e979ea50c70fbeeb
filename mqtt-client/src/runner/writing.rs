//! The write loop: from the core to the transport.

use core::future::poll_fn;
use core::task::Poll;

use embedded_io_async::{Error as _, Write};
use mqtt_as_proto::Outbox;

use super::{End, LINGER};
use crate::error::DownReason;
use crate::loops::Loop;
use crate::shared::{State, act};
use crate::traits::{Runtime, Shutdown};

/// Writes all that is due, in as few writes as the transport takes.
pub(super) async fn write_loop<R: Runtime>(
    shared: &R::Pointer,
    write: &mut (impl Write + Shutdown),
    out: &mut Outbox<'static>,
) -> End {
    let mut unflushed = false;
    loop {
        match next_output::<R>(shared, out, unflushed).await {
            Output::Write => {}
            Output::Flush => {
                unflushed = false;
                if let Err(error) = write.flush().await {
                    return End::Transport(error.kind().into());
                }
                continue;
            }
            Output::Close => {
                write.shutdown().await;
                act::<R, _>(shared, State::said_all);
                return core::future::pending().await;
            }
        }
        unflushed = true;
        while !out.is_empty() {
            match write.write(out.chunk()).await {
                Ok(0) => return End::Eof,
                Ok(n) => {
                    out.advance(n);
                    act::<R, _>(shared, |state| state.wrote(n));
                }
                Err(error) => return End::Transport(error.kind().into()),
            }
        }
    }
}

enum Output {
    Write,
    Flush,
    Close,
}

/// Waits for something to write.
async fn next_output<R: Runtime>(
    shared: &R::Pointer,
    out: &mut Outbox<'static>,
    unflushed: bool,
) -> Output {
    poll_fn(|cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.loops.write_idle {
                state.now = R::now();
            }
            let now = state.now;
            if state.core.poll_transmit(out, now) {
                state.loops.write_idle = false;
                state.settle();
                return (Poll::Ready(Output::Write), None);
            }
            // What expired while it waited gives nothing to write, but has a fate.
            state.tell_fates();
            state.waiters.wake_room();
            if unflushed {
                return (Poll::Ready(Output::Flush), None);
            }
            if state.core.is_closing() {
                return (Poll::Ready(Output::Close), None);
            }
            state.loops.write_idle = true;
            if core::mem::take(&mut state.loops.trim) {
                out.release();
            }
            (Poll::Pending, state.loops.register(Loop::Write, cx.waker()))
        });
        poll
    })
    .await
}

impl<R: Runtime> State<R> {
    /// The transport took `n` bytes.
    fn wrote(&mut self, n: usize) {
        self.now = R::now();
        self.core.handle_transmitted(n, self.now);
        self.loops.writes = self.loops.writes.wrapping_add(1);
        // An ending connection has that time as long as the transport takes bytes.
        let more = self.now.after(u64::from(self.core.config().write_timeout));
        self.link.linger = self.link.linger.map(|at| at.max(more));
        self.loops.notify(Loop::Read);
        self.waiters.wake_room();
        self.notify_deadline();
    }

    /// DISCONNECT is out, or there is none: the server has a little time to close.
    fn said_all(&mut self) {
        let now = R::now();
        self.link.ending.get_or_insert(DownReason::Closed);
        self.link.linger = Some(now.after(LINGER));
        self.notify_deadline();
    }
}
