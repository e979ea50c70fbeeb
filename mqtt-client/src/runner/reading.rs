//! The read loop: from the transport to the core.

use core::future::poll_fn;
use core::task::Poll;

use embassy_futures::yield_now;
use embedded_io_async::{Error as _, Read};
use mqtt_as_proto::client::ConnectionError;

use super::{End, LINGER};
use crate::error::DownReason;
use crate::loops::Loop;
use crate::read::ReadBuffer;
use crate::shared::{State, act};
use crate::traits::Runtime;

/// Reads after which the read loop lets others run.
const READS: u8 = 32;

/// Reads, and gives whole packets to the core.
pub(super) async fn read_loop<R: Runtime>(
    shared: &R::Pointer,
    read: &mut impl Read,
    buffer: &mut ReadBuffer<'_>,
) -> End {
    let mut needed = None;
    let mut reads: u8 = 0;
    loop {
        let room = buffer.room(needed);
        if room.is_empty() {
            let size = needed.unwrap_or(0);
            return End::Protocol(ConnectionError::TooLarge { size });
        }
        match read.read(room).await {
            Ok(0) => return End::Eof,
            Ok(n) => buffer.fill(n),
            Err(error) => return End::Transport(error.kind().into()),
        }
        let mut filling = false;
        loop {
            let took = act::<R, _>(shared, |state| state.take_read(buffer));
            filling |= took.filling;
            needed = took.needed;
            if let Some(end) = took.end {
                return end;
            }
            if took.more {
                continue;
            }
            if !took.blocked {
                break;
            }
            wait_for_room::<R>(shared, took.looked).await;
        }
        reads = (reads + 1) % READS;
        if filling || reads == 0 {
            // The consumers' turn, before more comes than they can have taken, and that of the
            // other loops: a transport need not ever make this one wait.
            yield_now().await;
        }
    }
}

/// What a look at the read buffer found.
struct Took {
    /// The lock was given back between packets.
    more: bool,
    needed: Option<usize>,
    blocked: bool,
    filling: bool,
    looked: Looked,
    end: Option<End>,
}

impl<R: Runtime> State<R> {
    #[inline(never)]
    fn take_read(&mut self, buffer: &mut ReadBuffer<'_>) -> Took {
        let now = R::now();
        let (used, result) = self.take_input(buffer.bytes(), now);
        let stopped = matches!(result, Ok((None, false)));
        let more = stopped && used != 0 && used < buffer.bytes().len();
        self.use_read(buffer, used);
        self.settle();
        let (needed, blocked) = match result {
            Ok(done) => done,
            Err(error) => {
                let end = self.begin_ending(error);
                let looked = self.looked();
                buffer.consume(buffer.bytes().len()); // Nothing more is taken.
                return Took {
                    more: false,
                    needed: None,
                    blocked: false,
                    filling: false,
                    looked,
                    end,
                };
            }
        };
        let end = self.link.ending.filter(|_| self.is_said()).map(|_| End::Done);
        let end = end.or(self.link.refused.map(|_| End::Done));
        let blocked = blocked || self.wants_pause();
        self.core.pause_reading(blocked, now);
        if blocked {
            self.notify_deadline(); // A second PINGREQ may be due.
        }
        self.watch_stream(now);
        let looked = self.looked();
        Took { more, needed, blocked, looked, filling: self.inbox.is_filling(), end }
    }

    /// Splits the used bytes off: the messages among them refer to them.
    fn use_read(&mut self, buffer: &mut ReadBuffer<'_>, used: usize) {
        #[cfg(feature = "alloc")]
        if self.inbox.is_unfinished() {
            let read = buffer.split(used);
            self.inbox.finish(&read);
            return;
        }
        if used != 0 {
            buffer.consume(used);
        }
    }

    fn looked(&self) -> Looked {
        Looked { writes: self.loops.writes, paused: self.wants_pause() }
    }

    /// Nothing has to be written any more.
    fn is_said(&self) -> bool {
        matches!(self.link.ending, Some(DownReason::Server(_)))
    }

    /// The program is the reason that the connection has to end.
    pub(crate) fn close_for(&mut self, error: ConnectionError) {
        let _lingers = self.begin_ending(error);
        self.loops.notify(Loop::Control);
    }

    /// The connection has to end: the server is told why, and given time to close.
    pub(super) fn begin_ending(&mut self, error: ConnectionError) -> Option<End> {
        if error.reason().is_none() || self.link.ending.is_some() {
            return Some(End::Protocol(error));
        }
        self.link.ending = Some(error.into());
        self.link.linger = Some(self.now.after(LINGER));
        self.notify_write();
        self.notify_deadline();
        None
    }
}

/// Waits until something was written, or consumers have made room, since the last look.
async fn wait_for_room<R: Runtime>(shared: &R::Pointer, looked: Looked) {
    poll_fn(|cx| {
        let (poll, _old) = act::<R, _>(shared, |state| {
            if state.looked() != looked {
                return (Poll::Ready(()), None);
            }
            (Poll::Pending, state.loops.register(Loop::Read, cx.waker()))
        });
        poll
    })
    .await;
}

/// How things stood when the read loop found that it had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Looked {
    writes: u32,
    paused: bool,
}
