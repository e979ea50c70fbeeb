//! The driver: one future that opens connections, and moves bytes and time for them.
//!
//! A connection has three parts, in one task: *read*, *time* (with what the program wants of the
//! link) and *write*, looked at in that order, each only when it has something to do. None is ever
//! restarted, so that a transport need not be cancel-safe.

mod reading;
mod turn;
mod writing;

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, pending, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use mqtt_as_proto::{Instant, Outbox, Storage};

use crate::error::ConnectError;
use crate::link::End;
use crate::read::ReadMemory;
use crate::runtime::{Connect, Lock, Runtime, Server, ask, guard, with_state};
use crate::state::State;
use reading::read_loop;
use turn::{Look, Parts, Turn};
use writing::write_loop;

/// The driver of a client. [`run`](Self::run) it in a task of its own, or join it with the program.
///
/// `C` opens its transports: what the runtime brings for that, or anything else.
pub struct Runner<R: Runtime, C: Connect = <R as Runtime>::Connect> {
    shared: R::Pointer,
    connect: C,
    out: Outbox<'static>,
    read: ReadMemory,
}

impl<R: Runtime, C: Connect> Runner<R, C> {
    pub(crate) fn new(
        shared: R::Pointer,
        connect: C,
        outbox: Storage<'static, u8>,
        read: ReadMemory,
    ) -> Self {
        Self { shared, connect, out: Outbox::new(outbox), read }
    }

    /// Drives the client until the last handle is dropped.
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport without DISCONNECT; all calls return `Closed`.
    pub async fn run(mut self) {
        let shared = self.shared.clone();
        loop {
            let wanted = |state: &State| state.link.wanted.is_some() || state.handles == 0;
            let _ = meanwhile::<R, Infallible>(&shared, pending(), wanted).await;
            let mut begun = None;
            with_state(&*shared, |state| begun = state.begin());
            let Some((clean, prepare)) = begun else { return };
            if prepare {
                self.connection(true, true).await;
                if !ask(&*shared, State::goes_on).unwrap_or_default() {
                    continue;
                }
            }
            self.connection(clean, false).await;
        }
    }

    /// One connection, from the name to the end. With `only_clean` it ends at once.
    async fn connection(&mut self, clean: bool, only_clean: bool) {
        let lock = &*self.shared;
        let server = ask(lock, |state| {
            state.link.busy = true;
            state.link.preparing = only_clean;
            let settings = &state.settings;
            let timeout = state.core.config().connect_timeout;
            (settings.server.clone(), settings.port, timeout)
        });
        let Some((host, port, timeout)) = server else { return };
        let server = Server { host: host.as_str(), port, timeout };
        let opening = self.connect.connect(server);
        let opened = meanwhile::<R, _>(lock, opening, State::is_replaced).await;
        let opened = opened.unwrap_or(Err(ConnectError::Replaced));
        let opened = opened.and_then(|halves| {
            let mut said = Ok(());
            with_state(lock, |state| said = state.open(clean));
            said.map(|()| halves)
        });
        let (mut read, mut write) = match opened {
            Ok(halves) => halves,
            Err(error) => return with_state(lock, |state| state.fail(error)),
        };
        let turn = Turn::new();
        let end = {
            let reading = read_loop::<R::Lock, C>(
                lock,
                R::PACKETS_PER_LOCK,
                &mut read,
                &mut self.read,
                &turn,
            );
            let writing = write_loop(lock, &mut write, &mut self.out, &turn, guard::<R>);
            drive::<R, R::Lock>(lock, &turn, pin!(reading), pin!(writing)).await
        };
        self.read.clear();
        // Each pass lets one payload go at least, whose drop may panic.
        while !R::catch(|| self.out.clear()) {}
        self.out.release();
        with_state(lock, |state| state.end(end));
    }
}

/// Looks at the parts of a connection until it ends.
async fn drive<R: Runtime, L: Lock>(
    lock: &L,
    turn: &Turn,
    mut reading: Pin<&mut impl Future<Output = End>>,
    mut writing: Pin<&mut impl Future<Output = End>>,
) -> End {
    let mut sleep = pin!(None);
    poll_fn(|cx| {
        loop {
            let parts = Parts { read: reading.as_mut(), write: writing.as_mut() };
            match turn.look(lock, parts, cx) {
                Look::End(end) => return Poll::Ready(end),
                Look::Pause => return Poll::Pending,
                Look::Rest if R::TIMERS_STAY => return Poll::Pending,
                Look::Rest | Look::Sleep(None) => {}
                Look::Sleep(Some(at)) => sleep.set(Some(R::sleep_until(at))),
            }
            if !is_over(sleep.as_mut(), cx) {
                return Poll::Pending;
            }
            turn.time_has_come();
        }
    })
    .await
}

/// Whether it is set, and over: then it is no more.
fn is_over<F: Future<Output = ()>>(mut sleep: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> bool {
    let over = sleep.as_mut().as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
    if over {
        sleep.set(None);
    }
    over
}

/// Waits for that without a connection, as long as not `until`. Calls end whose time is over.
async fn meanwhile<R: Runtime, T>(
    lock: &R::Lock,
    future: impl Future<Output = T>,
    until: fn(&State) -> bool,
) -> Option<T> {
    let (mut future, mut sleep) = (pin!(future), pin!(None));
    let mut is_new = true;
    poll_fn(|cx| {
        loop {
            let Some(at) = wait_down(lock, core::mem::take(&mut is_new), until, cx) else {
                return Poll::Ready(None);
            };
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            if let Some(at) = at {
                sleep.set(Some(R::sleep_until(at)));
            }
            if !is_over(sleep.as_mut(), cx) {
                return Poll::Pending;
            }
            is_new = true;
        }
    })
    .await
}

/// What there is to do without a connection, with no timer set if it is new.
fn wait_down(
    lock: &dyn Lock,
    is_new: bool,
    until: fn(&State) -> bool,
    cx: &Context<'_>,
) -> Option<Option<Instant>> {
    let mut waits = Some(None);
    with_state(lock, |state| {
        if is_new {
            state.driver.armed = None;
        }
        waits = state.wait_down(until, cx);
    });
    waits
}

impl State {
    /// The connection to begin, if the program has still a handle: whether it is clean, and whether
    /// another one that is has to come before it.
    fn begin(&mut self) -> Option<(bool, bool)> {
        if self.handles == 0 {
            return None;
        }
        let clean = self.take_wanted()?;
        Some((clean, self.needs_clean_session_first(clean)))
    }

    /// What there is to do without a connection: `None` if that is over, else when to look again,
    /// if that is earlier than known.
    fn wait_down(&mut self, until: fn(&Self) -> bool, cx: &Context<'_>) -> Option<Option<Instant>> {
        let now = self.exact_time();
        self.expire(now);
        let pending = self.core.pending();
        let _ = self.handle_timeout(now);
        if self.core.pending() != pending {
            self.settle(); // What has expired made room.
        }
        self.driver.take_news();
        if until(self) {
            self.driver.armed = None;
            return None;
        }
        self.driver_waits(cx.waker());
        Some(self.arm())
    }
}

impl<R: Runtime, C: Connect> Drop for Runner<R, C> {
    fn drop(&mut self) {
        with_state(&*self.shared, State::drive_no_more);
    }
}

impl<R: Runtime, C: Connect> fmt::Debug for Runner<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}
