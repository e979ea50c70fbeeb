//! Reading: from the transport to the core.

use embedded_io_async::Read;
use mqtt_as_proto::client::{Handled, Stop};

use super::turn::{ENOUGH, FULL, READ, STOPPED, TIME, Turn, YIELD};
use crate::authentication::Authenticating;
use crate::error::DownReason;
use crate::read::ReadMemory;
use crate::runtime::{Connect, Lent, Lock, with_state};
use crate::state::State;
use large::read_more;

/// Reads, and gives whole packets to the core.
pub(super) async fn read_loop<L: Lock, C: Connect>(
    lock: &L,
    packets: usize,
    read: &mut C::Read<'_>,
    memory: &mut ReadMemory,
    turn: &Turn,
) -> DownReason {
    let mut is_stopped = false;
    loop {
        if !is_stopped && let Err(end) = read_more::<C>(read, memory).await {
            return end;
        }
        match take(lock, memory, packets, turn) {
            Ok(stopped) => is_stopped = stopped,
            Err(end) => return end,
        }
        turn.rest().await;
    }
}

/// Reads once.
async fn read_once<C: Connect>(
    read: &mut C::Read<'_>,
    memory: &mut ReadMemory,
) -> Result<(), DownReason> {
    match read.read(memory.room()?).await {
        Ok(0) => Err(DownReason::Closed),
        Ok(n) => {
            memory.fill(n);
            Ok(())
        }
        Err(error) => Err(DownReason::Transport(C::read_failed(error))),
    }
}

#[cfg(feature = "alloc")]
mod large {
    use core::future::poll_fn;
    use core::task::Poll;

    use bytes::BytesMut;

    use super::{Connect, DownReason, Read, ReadMemory, read_once};

    /// Bytes that are made zero before a read: as many as a record of TLS has.
    const PIECE: usize = 16 * 1024;

    /// Reads once: to where the packet at the front is.
    pub(super) async fn read_more<C: Connect>(
        read: &mut C::Read<'_>,
        memory: &mut ReadMemory,
    ) -> Result<(), DownReason> {
        let Some(packet) = memory.whole.unfinished() else {
            return read_once::<C>(read, memory).await;
        };
        let done = poll_fn(|cx| match C::poll_read_buf(read, packet, cx) {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(result)) => Poll::Ready(Some(result)),
            None => Poll::Ready(None),
        });
        let n = match done.await {
            Some(result) => result.map_err(DownReason::Transport)?,
            None => read_initialised::<C>(read, packet).await?,
        };
        memory.is_filled = true;
        if n == 0 { Err(DownReason::Closed) } else { Ok(()) }
    }

    /// The same, into memory that is written to first, piece by piece.
    async fn read_initialised<C: Connect>(
        read: &mut C::Read<'_>,
        packet: &mut BytesMut,
    ) -> Result<usize, DownReason> {
        let filled = packet.len();
        packet.resize(packet.capacity().min(filled + PIECE), 0);
        let result = read.read(packet.get_mut(filled..).unwrap_or_default()).await;
        packet.truncate(filled + *result.as_ref().unwrap_or(&0));
        result.map_err(|error| DownReason::Transport(C::read_failed(error)))
    }
}

#[cfg(not(feature = "alloc"))]
mod large {
    use super::{Connect, DownReason, ReadMemory, read_once};

    /// Reads once: without a heap no packet has memory of its own.
    pub(super) fn read_more<C: Connect>(
        read: &mut C::Read<'_>,
        memory: &mut ReadMemory,
    ) -> impl Future<Output = Result<(), DownReason>> {
        read_once::<C>(read, memory)
    }
}

/// What became of what was read.
enum Took {
    End(DownReason),
    /// The program sees the packet at the front first.
    Shows(&'static Authenticating),
    /// The lock was given back between packets.
    More,
    Stopped(Stop),
    All {
        messages: bool,
    },
}

/// Gives what was read to the core. Whether it takes no more for now.
#[inline(never)]
fn take<L: Lock>(
    lock: &L,
    memory: &mut ReadMemory,
    packets: usize,
    turn: &Turn,
) -> Result<bool, DownReason> {
    let mut seen = false;
    loop {
        let mut took = Took::More;
        with_state(lock, |state| {
            turn.begin(state);
            took = state.take_read(memory, packets, seen);
            turn.note(state.driver.take_news());
            turn.set(TIME, state.is_late());
            // Noted under the lock: consumers may make room at once.
            turn.set(FULL, state.driver.is_full);
            turn.set(ENOUGH, state.driver.did_enough());
        });
        match took {
            Took::End(end) => return Err(end),
            Took::Shows(hooks) => {
                (hooks.show)(&Lent(lock), memory);
                seen = true;
            }
            Took::More if turn.has(ENOUGH) => {
                turn.set(READ, true);
                return Ok(true); // The rest is there: it need not be read.
            }
            Took::More => seen = false,
            Took::Stopped(stop) => {
                turn.set(STOPPED, stop == Stop::Write);
                return Ok(true);
            }
            Took::All { messages } => {
                turn.set(READ, true);
                turn.set(YIELD, messages && (memory.is_filled || turn.has(ENOUGH)));
                return Ok(false);
            }
        }
    }
}

impl State {
    fn take_read(&mut self, memory: &mut ReadMemory, mut packets: usize, seen: bool) -> Took {
        let now = self.exact_time();
        if let Some(hooks) = self.settings.authenticating {
            packets = if seen { 1 } else { (hooks.packets)(self, memory, packets) };
            if packets == 0 {
                return Took::Shows(hooks);
            }
        }
        let (core, mut told) = self.split();
        let handled = memory.handle(core, packets, now, &mut told.tell());
        if let Some(retries) = self.settings.retries {
            (retries.after_read)(self);
        }
        if self.link.prepared {
            // The old session has ended; nothing else is said on this connection.
            self.core.disconnect_at_once();
        }
        let took = match handled {
            Ok(handled) => self.took(&handled, memory),
            Err(error) => match self.begin_ending(error) {
                Some(end) => Took::End(end),
                None => {
                    memory.clear(); // Nothing more is taken.
                    Took::All { messages: true }
                }
            },
        };
        self.wake_takers();
        self.settle();
        if matches!(took, Took::End(_)) {
            return took;
        }
        self.watch_link(now).map_or(took, Took::End)
    }

    fn took(&mut self, handled: &Handled, memory: &ReadMemory) -> Took {
        let Handled { used, needed, stop, messages } = *handled;
        self.driver.did(used);
        self.driver.is_full = stop == Some(Stop::Take);
        self.kept.note_full(self.driver.is_full, used != 0, &self.core, self.now);
        match stop {
            Some(stop) => Took::Stopped(stop),
            None if used != 0 && needed.is_none() && !memory.bytes().is_empty() => Took::More,
            None => Took::All { messages },
        }
    }
}
