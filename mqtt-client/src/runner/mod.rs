//! The driver: one future that opens connections, and moves bytes and time for them.
//!
//! A connection has three parts, in one task: *read*, *time* (with what the program wants of the
//! link) and *write*, looked at in that order, each only when it has something to do. None is ever
//! restarted, so that a transport need not be cancel-safe.

mod asking;
mod reading;
mod turn;
mod writing;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::{Outbox, Storage};

use crate::address::Server;
use crate::error::{ConnectError, DownReason};
use crate::held::Text;
use crate::read::ReadMemory;
use crate::retries::Prepare;
use crate::runtime::{Connect, Lent, Lock, Runtime, guard, with_state};
use crate::state::State;
use crate::trace::{Trace, note};
use asking::await_credentials;
use reading::read_loop;
use turn::{Look, Turn};
use writing::{Writer, write_loop};

/// The driver of a client. [`run`](Self::run) it in a task of its own, or join it with the program.
///
/// `C` opens its transports: what the runtime brings for that, or anything else.
pub struct Runner<R: Runtime, C: Connect = <R as Runtime>::Connect> {
    shared: R::Pointer,
    connect: C,
    out: Outbox<'static>,
    read: ReadMemory,
    trace: Trace,
}

impl<R: Runtime, C: Connect> Runner<R, C> {
    pub(crate) fn new(
        shared: R::Pointer,
        connect: C,
        outbox: Storage<'static, u8>,
        read: ReadMemory,
    ) -> Self {
        Self { shared, connect, out: Outbox::new(outbox), read, trace: Trace::new() }
    }

    /// Drives the client until the last handle is dropped.
    ///
    /// # Cancel safety
    /// Dropping the future closes the transport without DISCONNECT; all calls return `Closed`.
    #[allow(clippy::manual_async_fn)] // An `async fn` would hold the runner twice.
    pub fn run(mut self) -> impl Future<Output = ()> {
        async move { while self.connection().await {} }
    }

    /// One connection, from the wish for it to its end. False if the program has no handle any more.
    async fn connection(&mut self) -> bool {
        let lock = &*self.shared;
        let trace = &mut self.trace;
        let Some((clean, opened)) = open::<R, C>(lock, &mut self.connect, trace).await else {
            return false;
        };
        let (mut read, mut write) = match opened {
            Ok(halves) if is_open(lock, clean, trace) => halves,
            Ok(_) => return true,
            Err(error) => {
                fail(lock, error, trace);
                return true;
            }
        };
        let (turn, mut end) = (Turn::new(), DownReason::Closed);
        {
            let (packets, memory) = (R::PACKETS_PER_LOCK, &mut self.read);
            let mut writer = Writer::new(&mut self.out, &turn, guard::<R>);
            let reading = read_loop::<R::Lock, C>(lock, packets, &mut read, memory, &turn);
            let writing = write_loop::<R::Lock, C>(lock, &mut write, &mut writer);
            let (mut reading, mut writing) = (pin!(reading), pin!(writing));
            watch::<R>(|is_late, cx| {
                let (read, write) = (reading.as_mut(), writing.as_mut());
                let look = trace.within(|| turn.look(lock, is_late, read, write, &mut end, cx));
                trace.look(lock);
                look
            })
            .await;
        }
        self.read.clear();
        // Each pass lets one payload go at least, whose drop may panic.
        while !R::catch(|| self.out.clear()) {}
        self.out.release();
        with_state(lock, |state| {
            state.end(core::mem::replace(&mut end, DownReason::Closed));
            note!(trace, state);
        });
        trace.tell();
        true
    }
}

type Opened<'c, C> = Result<(<C as Connect>::Read<'c>, <C as Connect>::Write<'c>), ConnectError>;

/// Waits until the program wants a connection, and opens its transport. Gives whether it is to be
/// clean; none if the program has no handle any more.
async fn open<'c, R: Runtime, C: Connect>(
    lock: &R::Lock,
    connect: &'c mut C,
    trace: &mut Trace,
) -> Option<(bool, Opened<'c, C>)> {
    let mut wish = None;
    let mut opening = pin!(None);
    let _ = meanwhile::<R, _>(lock, opening.as_mut(), State::begins, &mut wish).await;
    let Wish { server, port, timeout, clean, prepare } = wish.as_ref()?;
    let to = Server { host: server.as_str(), port: *port, timeout: *timeout };
    trace.connecting(to, *clean);
    if let Some(prepare) = prepare
        && let Some(asking) = prepare(&Lent(lock), R::random())
        && let Err(error) = await_credentials::<R>(lock, asking).await
    {
        return Some((*clean, Err(error)));
    }
    opening.set(Some(trace.around(connect.connect(to))));
    let opened = meanwhile::<R, _>(lock, opening, State::is_replaced, &mut None).await;
    let opened = opened.unwrap_or(Err(ConnectError::Replaced));
    Some((*clean, opened.map_err(|error| error.of_host(server))))
}

/// A transport was opened: CONNECT goes out. Whether that is so.
fn is_open<L: Lock>(lock: &L, clean: bool, trace: &mut Trace) -> bool {
    let (mut is_open, mut hooks) = (false, None);
    with_state(lock, |state| {
        hooks = state.settings.authenticating;
        is_open = hooks.is_none() && state.open_or_fail(clean, None);
        note!(trace, state);
    });
    is_open = hooks.map_or(is_open, |hooks| (hooks.begin)(&Lent(lock), clean));
    trace.tell();
    is_open
}

/// No transport was opened.
fn fail(lock: &dyn Lock, error: ConnectError, trace: &mut Trace) {
    let mut error = Some(error);
    with_state(lock, |state| {
        if let Some(error) = error.take() {
            state.fail(error);
        }
        note!(trace, state);
    });
    trace.tell();
}

/// Looks, with whether it is time to do so, until that is over; between the looks it waits.
#[allow(clippy::manual_async_fn)] // An `async fn` would hold what looks twice.
fn watch<R: Runtime>(
    mut look: impl FnMut(bool, &mut Context<'_>) -> Look,
) -> impl Future<Output = ()> {
    async move {
        let (mut sleep, mut is_late) = (pin!(None), true);
        poll_fn(|cx| {
            loop {
                match look(core::mem::take(&mut is_late), cx) {
                    Look::End => return Poll::Ready(()),
                    Look::Pause => return Poll::Pending,
                    Look::Yield => {
                        R::yield_now(cx);
                        return Poll::Pending;
                    }
                    Look::Rest if R::TIMERS_STAY => return Poll::Pending,
                    Look::Rest | Look::Sleep(None) => {}
                    Look::Sleep(Some(at)) => sleep.set(Some(R::sleep_until(at))),
                }
                let timer = sleep.as_mut().as_pin_mut();
                if !timer.is_some_and(|timer| timer.poll(cx).is_ready()) {
                    return Poll::Pending;
                }
                sleep.set(None);
                is_late = true;
            }
        })
        .await;
    }
}

/// Waits for that without a connection, as long as not `until`. Calls end whose time is over.
async fn meanwhile<R: Runtime, F: Future>(
    lock: &R::Lock,
    mut future: Pin<&mut Option<F>>,
    until: Until,
    wish: &mut Option<Wish>,
) -> Option<F::Output> {
    let mut output = None;
    watch::<R>(|is_late, cx| {
        let look = look_down(lock, is_late, until, wish, cx.waker());
        match (look, future.as_mut().as_pin_mut()) {
            (Look::Sleep(at), Some(future)) => match future.poll(cx) {
                Poll::Ready(value) => {
                    output = Some(value);
                    Look::End
                }
                Poll::Pending => Look::Sleep(at),
            },
            (look, _) => look,
        }
    })
    .await;
    output
}

fn look_down(
    lock: &dyn Lock,
    is_late: bool,
    until: Until,
    wish: &mut Option<Wish>,
    waker: &Waker,
) -> Look {
    let mut look = Look::End;
    with_state(lock, |state| look = state.look_down(is_late, until, wish, waker));
    look
}

/// What ends a wait without a connection.
type Until = fn(&mut State, &mut Option<Wish>) -> bool;

/// A connection that the program wants.
struct Wish {
    server: Text,
    port: u16,
    timeout: u32,
    clean: bool,
    prepare: Option<Prepare>,
}

impl State {
    /// Whether CONNECT goes out, with that data.
    pub(crate) fn open_or_fail(&mut self, clean: bool, data: Option<&[u8]>) -> bool {
        let opened = self.open(clean, data);
        let is_open = opened.is_ok();
        if let Err(error) = opened {
            self.fail(error);
        }
        is_open
    }

    /// Whether there is a connection to begin, or there will never be one.
    fn begins(&mut self, wish: &mut Option<Wish>) -> bool {
        if let Some(clean) = self.take_wanted() {
            if let Some(fault) = self.settings.fault() {
                self.fail(fault);
                return false;
            }
            let timeout = self.core.config().connect_timeout;
            let prepare = self.settings.retries.map(|retries| retries.prepare);
            let (server, port) = self.target();
            *wish = Some(Wish { server, port, timeout, clean, prepare });
        }
        wish.is_some() || self.handles == 0
    }

    /// Whether the program wants something else than the connection that is being opened.
    fn is_replaced(&mut self, _: &mut Option<Wish>) -> bool {
        self.link.wanted.is_some() || self.link.ending.is_some() || self.handles == 0
    }

    /// What there is to do without a connection, if that is not over.
    fn look_down(
        &mut self,
        is_late: bool,
        until: Until,
        wish: &mut Option<Wish>,
        waker: &Waker,
    ) -> Look {
        if is_late {
            self.driver.armed = None;
        }
        self.driver.need_not_read();
        self.waiters.begin_turn();
        let now = self.exact_time();
        self.expire(now);
        let pending = self.core.pending();
        let _ = self.handle_timeout(now);
        self.kept.make_room(&mut self.core, &self.waiters, now);
        if self.core.pending() != pending {
            self.settle(); // What has expired made room.
        }
        self.driver.take_news();
        if until(self, wish) {
            self.driver.armed = None;
            return Look::End;
        }
        self.driver_waits(waker);
        Look::Sleep(self.arm())
    }
}

impl<R: Runtime, C: Connect> Drop for Runner<R, C> {
    fn drop(&mut self) {
        with_state(&*self.shared, State::drive_no_more);
        self.trace.look(&*self.shared);
    }
}

impl<R: Runtime, C: Connect> fmt::Debug for Runner<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}
