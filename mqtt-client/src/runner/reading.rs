//! Reading: from the transport to the core.

use embedded_io_async::Read;
use mqtt_as_proto::client::{ConnectionError, Handled, Stop};

use super::turn::{FULL, READ, STOPPED, TIME, Turn, YIELD};
use crate::error::ErrorKind;
use crate::link::End;
use crate::read::ReadMemory;
use crate::runtime::{Connect, Lock, with_state};
use crate::state::State;

/// Reads, and gives whole packets to the core.
pub(super) async fn read_loop<L: Lock, C: Connect>(
    lock: &L,
    packets: usize,
    read: &mut C::Read<'_>,
    memory: &mut ReadMemory,
    turn: &Turn,
) -> End {
    let mut needed = 0;
    loop {
        let fills = match read_more::<C>(read, memory, needed).await {
            Ok(Some(fills)) => fills,
            Ok(None) => return End::Eof,
            Err(end) => return end,
        };
        loop {
            match take(lock, memory, packets, turn) {
                Took::End(end) => return end,
                Took::More => {}
                Took::All { needed: size, messages } => {
                    needed = size;
                    turn.set(READ, true);
                    turn.set(YIELD, fills && messages);
                    turn.rest().await;
                    break;
                }
                Took::Stopped(stop) => {
                    turn.set(STOPPED, stop == Stop::Write);
                    turn.rest().await;
                }
            }
        }
    }
}

/// Reads once. Whether that has filled the buffer, so that there is likely to be more; none at the
/// end.
async fn read_more<C: Connect>(
    read: &mut C::Read<'_>,
    memory: &mut ReadMemory,
    needed: usize,
) -> Result<Option<bool>, End> {
    if memory.is_large() {
        return read_large::<C>(read, memory).await;
    }
    let room = memory.room(needed);
    let len = room.len();
    if len == 0 {
        return Err(End::Protocol(ConnectionError::TooLarge { size: needed }));
    }
    let n = read.read(room).await.map_err(failed)?;
    memory.fill(n);
    Ok((n != 0).then_some(n == len))
}

#[cfg(feature = "alloc")]
use large::read_large;

#[cfg(feature = "alloc")]
mod large {
    use core::future::poll_fn;
    use core::task::Poll;

    use bytes::BytesMut;

    use super::{Connect, End, Read, ReadMemory, failed};

    /// Bytes that are made zero before a read.
    const PIECE: usize = 64 * 1024;

    /// Reads the rest of a large packet into memory of its own.
    pub(super) async fn read_large<C: Connect>(
        read: &mut C::Read<'_>,
        memory: &mut ReadMemory,
    ) -> Result<Option<bool>, End> {
        let packet = &mut memory.large;
        let done = poll_fn(|cx| match C::poll_read_buf(read, packet, cx) {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(result)) => Poll::Ready(Some(result)),
            None => Poll::Ready(None),
        });
        let n = match done.await {
            Some(result) => result.map_err(End::Transport)?,
            None => read_initialised(read, packet).await?,
        };
        Ok((n != 0).then_some(true))
    }

    /// The same, into memory that is written to first, piece by piece.
    async fn read_initialised(read: &mut impl Read, packet: &mut BytesMut) -> Result<usize, End> {
        let filled = packet.len();
        packet.resize(packet.capacity().min(filled + PIECE), 0);
        let result = read.read(packet.get_mut(filled..).unwrap_or_default()).await;
        packet.truncate(filled + *result.as_ref().unwrap_or(&0));
        result.map_err(failed)
    }
}

/// Without a heap no packet has memory of its own.
#[cfg(not(feature = "alloc"))]
#[allow(clippy::unused_async)]
async fn read_large<C: Connect>(
    _read: &mut C::Read<'_>,
    _memory: &mut ReadMemory,
) -> Result<Option<bool>, End> {
    Ok(None)
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` gives it.
fn failed(error: impl embedded_io_async::Error) -> End {
    End::Transport(ErrorKind::from(error.kind()))
}

/// What became of what was read.
enum Took {
    End(End),
    /// The lock was given back between packets.
    More,
    Stopped(Stop),
    All {
        needed: usize,
        messages: bool,
    },
}

#[inline(never)]
fn take(lock: &dyn Lock, memory: &mut ReadMemory, packets: usize, turn: &Turn) -> Took {
    let mut took = Took::More;
    with_state(lock, |state| {
        took = state.take_read(memory, packets);
        turn.note(state.driver.take_news());
        turn.set(TIME, state.is_late());
        // Noted under the lock: consumers may make room at once.
        turn.set(FULL, state.driver.is_full);
    });
    took
}

impl State {
    fn take_read(&mut self, memory: &mut ReadMemory, packets: usize) -> Took {
        let now = self.exact_time();
        let (core, mut told) = self.split();
        let handled = memory.handle(core, packets, now, &mut |event| told.happen(event));
        if self.link.prepared {
            // The old session has ended; nothing else is said on this connection.
            self.core.disconnect_at_once();
        }
        let took = match handled {
            Ok(handled) => self.took(handled, memory),
            Err(error) => match self.begin_ending(error) {
                Some(end) => Took::End(end),
                None => {
                    memory.clear(); // Nothing more is taken.
                    Took::All { needed: 0, messages: true }
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

    fn took(&mut self, handled: Handled, memory: &ReadMemory) -> Took {
        let Handled { used, needed, stop, messages } = handled;
        self.driver.is_full = stop == Some(Stop::Take);
        match stop {
            Some(stop) => Took::Stopped(stop),
            None if used != 0 && needed.is_none() && !memory.bytes().is_empty() => Took::More,
            None => Took::All { needed: needed.unwrap_or(0), messages },
        }
    }
}
