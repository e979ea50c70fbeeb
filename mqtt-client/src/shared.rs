//! What handles and driver share, behind one lock: the core, the queue, who waits.

use core::task::Waker;

use mqtt_as_proto::client::{self, ConnectionError, Event as CoreEvent, Tag};
use mqtt_as_proto::{AckToken, Instant, ReasonCode};

use crate::config::{Config, Settings};
use crate::error::{ConnectError, DownReason};
use crate::event::{Session, Statistics};
use crate::inbox::{Consumer, Inbox};
use crate::link::Link;
use crate::loops::{Loop, Loops};
use crate::memory::Memory;
use crate::operation::Granted;
use crate::place::Place;
use crate::traits::{Listeners, Lock, Runtime};
use crate::waiter::{Event, Outcome, Slot, Waiters};

/// The shared state. Opaque: a runtime's lock guards it.
#[derive(Debug)]
pub struct State<R: Runtime> {
    pub(crate) core: client::Client<'static>,
    pub(crate) config: Settings,
    pub(crate) waiters: Waiters,
    pub(crate) inbox: Inbox,
    pub(crate) loops: Loops,
    pub(crate) link: Link,
    pub(crate) statistics: Statistics,
    /// Handles, without the driver's.
    pub(crate) handles: u32,
    /// The driver is gone.
    pub(crate) closed: bool,
    /// The time of the last thing that happened.
    pub(crate) now: Instant,
    pub(crate) listeners: R::Listeners,
}

/// Does something with the state, and afterwards wakes whom it concerns.
#[inline]
pub(crate) fn act<R: Runtime, T>(lock: &R::Lock, f: impl FnOnce(&mut State<R>) -> T) -> T {
    let (value, due) = lock.with(|state| {
        let value = f(state);
        (value, state.loops.is_due() || state.waiters.is_due())
    });
    if due {
        wake_all::<R>(lock);
    }
    value
}

/// Wakes all that are due, a few under one lock. Not a part of each `act`, of which there are many.
#[inline(never)]
fn wake_all<R: Runtime>(lock: &R::Lock) {
    let mut more = true;
    while more {
        let mut wakers: [Option<Waker>; 4] = Default::default();
        more = lock.with(|state| state.take_due(&mut wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl<R: Runtime> State<R> {
    /// # Errors
    /// [`client::ConfigError`] names settings and memory that do not fit each other.
    pub(crate) fn new(config: Config, memory: Memory) -> Result<Self, client::ConfigError> {
        Ok(Self {
            inbox: Inbox::new(
                memory.entries,
                memory.queue,
                config.core.maximum_packet_size as usize,
                config.queue_messages(),
                config.queued_bytes(),
                config.overflow,
            ),
            core: client::Client::new(config.core, memory.core)?,
            waiters: Waiters::new(memory.waiters),
            config: config.kept,
            loops: Loops::default(),
            link: Link::default(),
            statistics: Statistics::default(),
            handles: 0,
            closed: false,
            now: Instant::default(),
            listeners: R::Listeners::default(),
        })
    }

    /// Takes wakers that have to be called. Whether there may be more.
    fn take_due(&mut self, wakers: &mut [Option<Waker>]) -> bool {
        wakers.iter_mut().all(|place| {
            *place = self.loops.next_due().or_else(|| self.waiters.next_due());
            place.is_some()
        })
    }

    /// The time, read from the clock only if nothing is going on that has just read it.
    #[inline]
    pub(crate) fn time(&mut self) -> Instant {
        if self.loops.write_idle || !self.core.is_connected() {
            self.now = R::now();
        }
        self.now
    }

    /// Something may have to be written.
    #[inline]
    pub(crate) fn notify_write(&mut self) {
        if core::mem::take(&mut self.loops.write_idle) {
            self.loops.notify(Loop::Write);
        }
    }

    /// Something may have to be done earlier than the control loop looks.
    pub(crate) fn notify_deadline(&mut self) {
        let earliest = self.next_deadline();
        if earliest.is_some() && self.loops.armed.is_none_or(|armed| earliest < Some(armed)) {
            self.loops.notify(Loop::Control);
        }
    }

    /// A call waits until `deadline`: does that come before the control loop looks?
    pub(crate) fn notify_before(&mut self, deadline: Instant) {
        if self.loops.armed.is_none_or(|armed| deadline < armed) {
            self.loops.notify(Loop::Control);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let Link { linger, stalled, .. } = self.link;
        let deadlines = [self.core.poll_timeout(), self.waiters.next_deadline(), linger, stalled];
        deadlines.into_iter().flatten().min()
    }

    /// The old session has ended, and the program still wants the new one.
    pub(crate) fn goes_on(&mut self) -> bool {
        let prepared = core::mem::take(&mut self.link.prepared);
        let other = self.link.wanted.is_some() || self.link.disconnected || self.handles == 0;
        self.link.busy = prepared && !other;
        self.link.busy
    }

    /// Nothing comes any more: the program disconnected, or the driver is gone.
    pub(crate) fn is_over(&self) -> bool {
        self.closed || (self.link.disconnected && !self.link.busy)
    }

    /// How long a call waits for its answer.
    pub(crate) fn answer_time(&self) -> u64 {
        let config = self.core.config();
        u64::from(config.response_time) * (u64::from(config.max_repubs) + 1)
    }

    /// A consumer has taken a message; the last one acknowledges it.
    pub(crate) fn take(&mut self, index: Place, consumer: Consumer) {
        let token = self.inbox.taken(index, consumer);
        self.taken(token);
    }

    /// A message was taken that has that duty to acknowledge.
    pub(crate) fn taken(&mut self, token: Option<AckToken>) {
        if let Some(token) = token.filter(|_| !self.config.manual_ack) {
            self.core.acknowledge(token, ReasonCode::SUCCESS);
            self.notify_write();
        }
        self.restart_stalled();
        self.loops.notify(Loop::Read);
    }

    /// No callback takes messages any more: those that the queue has had are taken.
    pub(crate) fn end_callbacks(&mut self) {
        while let Some(index) = self.inbox.left_by_queue() {
            self.take(index, Consumer::Callbacks);
        }
        self.inbox.deactivate_callbacks();
    }

    /// Bytes came: deals with all whole packets among them. Gives the bytes used, those that the
    /// packet behind them needs, and whether nothing more can be taken before something is written.
    #[inline(never)]
    pub(crate) fn take_input(
        &mut self,
        input: &[u8],
        now: Instant,
    ) -> (usize, Result<(Option<usize>, bool), ConnectionError>) {
        self.now = now;
        let version = self.core.config().version;
        let mut used = 0;
        let mut messages = false;
        let mut packets: usize = 0;
        let end = loop {
            let rest = input.get(used..).unwrap_or_default();
            if rest.is_empty() || packets == R::PACKETS_PER_LOCK {
                break Ok((None, false));
            }
            if self.wants_pause() {
                break Ok((None, true));
            }
            let rest = if self.inbox.streaming.is_some() { self.fitting(rest) } else { rest };
            let handled = match self.core.handle_bytes(rest, now) {
                Ok(handled) => handled,
                // The messages in front of the fault came all the same.
                Err(error) => break Err(error),
            };
            let packet = handled.used;
            match handled.event {
                None if packet == 0 => break Ok((handled.needed, handled.blocked)),
                None => {}
                Some(CoreEvent::Message(received)) => {
                    let bytes = rest.get(..packet).unwrap_or_default();
                    messages |= self.inbox.push(&received, bytes, used, version);
                    self.statistics.received += 1;
                }
                Some(CoreEvent::StreamBegins { received, head, len }) => {
                    let (bytes, token) = (rest.get(..head).unwrap_or_default(), received.token);
                    let taken = self.inbox.push_stream(&received, bytes, len, version);
                    self.statistics.received += 1;
                    messages |= taken;
                    if !taken {
                        self.decline(token);
                    }
                }
                Some(CoreEvent::Piece(piece)) => {
                    self.inbox.push_piece(piece);
                    self.wake_reader();
                }
                Some(event) => {
                    self.link.keep_words(&event);
                    let event = Happened::new(&event);
                    self.happen(event);
                }
            }
            used += packet;
            packets += 1;
        };
        if messages {
            self.notify_consumers();
        }
        (used, end)
    }

    /// What has to follow when something was done with the core.
    pub(crate) fn settle(&mut self) {
        self.tell_fates();
        if self.core.wants_transmit() || self.core.is_closing() {
            self.notify_write();
        }
        self.waiters.wake_room();
        if let Some(slot) = self.link.stream {
            self.waiters.wake_slot(slot);
        }
        self.notify_deadline();
    }

    /// Tells calls what became of their messages.
    pub(crate) fn tell_fates(&mut self) {
        while let Some(event) = self.core.poll_event() {
            self.happen(Happened::new(&event));
        }
    }

    /// Whether reading has to wait for consumers: not while a call or a PINGREQ awaits an answer,
    /// which lies behind what is not read. But always where a message would find no place at all.
    pub(crate) fn wants_pause(&self) -> bool {
        let awaits = self.core.pending() != 0 || self.core.awaits_pong();
        if self.inbox.streaming.is_some() {
            return self.inbox.is_window_full() && self.core.is_connected();
        }
        let pause = (self.inbox.wants_pause() && !awaits) || self.inbox.is_exhausted();
        // Before CONNACK no message comes, and `connect` awaits it.
        pause && self.core.is_connected()
    }

    /// Another consumer may take what is left.
    pub(crate) fn wake_next_consumer(&mut self) {
        if self.inbox.front(Consumer::Queue).is_some() {
            self.waiters.wake_consumer();
        }
    }

    fn notify_consumers(&mut self) {
        self.wake_next_consumer();
        if self.inbox.front(Consumer::Callbacks).is_some() {
            self.loops.notify(Loop::Callbacks);
        }
    }

    fn happen(&mut self, event: Happened) {
        match event {
            Happened::Nothing => {}
            Happened::Connected(session) => self.come_up(session),
            Happened::Refused(reason) => self.link.refused = Some(reason),
            Happened::Ended(reason) => {
                self.link.ending.get_or_insert(DownReason::Server(reason));
            }
            Happened::TooLarge => self.statistics.too_large += 1,
            Happened::Pong => {
                self.link.pongs = self.link.pongs.wrapping_add(1);
                self.waiters.wake_event(Event::Pong);
            }
            Happened::Done(tag, outcome) => {
                if let Some(slot) = Slot::from_tag(tag) {
                    self.waiters.finish(slot, outcome);
                }
            }
        }
    }

    fn come_up(&mut self, session: Session) {
        if self.link.preparing {
            self.link.prepared = true;
            self.core.disconnect_at_once();
            self.loops.notify(Loop::Control);
            return;
        }
        let warning = core::mem::take(&mut self.link.session.expires_at_once);
        self.link.session = Session { expires_at_once: warning, ..session };
        self.link.is_up = true;
        self.link.ups = self.link.ups.wrapping_add(1);
        self.statistics.connections += 1;
        self.finish_connect(Ok(()));
        self.waiters.wake_event(Event::Up);
        self.waiters.wake_event(Event::Stream);
        self.listeners.up(self.link.session);
        self.loops.notify(Loop::Callbacks);
    }

    /// The call that waits for the connection learns how it went.
    pub(crate) fn finish_connect(&mut self, result: Result<(), ConnectError>) {
        if let Some(slot) = self.link.connecting.take() {
            self.waiters.finish(slot, Outcome::Connected(result));
        }
    }

    /// The connection is gone, for that reason.
    pub(crate) fn go_down(&mut self, reason: DownReason) {
        // The clean connection before a kept session ends the old session, not the program's wish.
        let expires = self.core.session_expires() && !self.link.preparing;
        let lost = self.core.handle_connection_lost();
        self.statistics.unsent += u64::from(lost.qos0);
        self.statistics.shed += u64::from(lost.shed);
        let reason = match (lost.poison, reason) {
            (_, DownReason::Disconnected | DownReason::Replaced) | (None, _) => reason,
            (Some(id), _) => DownReason::Poison(id.get()),
        };
        self.link.linger = None;
        self.link.stream = None;
        self.cut_stream();
        self.link.busy = false;
        self.link.ends = self.link.ends.wrapping_add(1);
        if matches!(reason, DownReason::Disconnected) || self.link.disconnected {
            self.end_calls(expires);
        }
        self.settle();
        if core::mem::take(&mut self.link.is_up) {
            self.link.downs = self.link.downs.wrapping_add(1);
            self.link.down_reason = Some(reason);
            self.listeners.down(reason);
            self.loops.notify(Loop::Callbacks);
        }
        for event in [Event::Down, Event::Pong, Event::Message] {
            self.waiters.wake_event(event);
        }
        self.core.release_memory();
    }

    /// After a disconnect no call stays pending. Messages of a session that is kept stay for the
    /// next connection, the others meet their fate.
    pub(crate) fn end_calls(&mut self, expires: bool) {
        if expires {
            self.core.give_up_all();
        }
        self.tell_fates();
        self.waiters.finish_publishes();
    }

    /// The driver is gone: nobody waits any more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.finish_connect(Err(ConnectError::Closed));
        self.waiters.finish_all(Outcome::Closed);
        self.loops.notify(Loop::Callbacks);
    }
}

/// An event of the core, without what it borrows.
#[derive(Clone, Copy)]
enum Happened {
    Nothing,
    Connected(Session),
    Refused(ReasonCode),
    Ended(ReasonCode),
    TooLarge,
    Pong,
    Done(Tag, Outcome),
}

impl Happened {
    fn new(event: &CoreEvent<'_>) -> Self {
        match event {
            CoreEvent::Connected(connected) => Self::Connected(Session::new(connected)),
            CoreEvent::Refused(ack) => Self::Refused(ack.reason),
            CoreEvent::Disconnected(disconnect) => Self::Ended(disconnect.reason),
            CoreEvent::TooLarge { .. } => Self::TooLarge,
            CoreEvent::Pong => Self::Pong,
            CoreEvent::Published { tag, reason, .. } => {
                Self::Done(*tag, Outcome::Acknowledged(*reason))
            }
            CoreEvent::Ended { tag, fate } => Self::Done(*tag, Outcome::Fate(*fate)),
            CoreEvent::Subscribed(answer) | CoreEvent::Unsubscribed(answer) => {
                Self::Done(answer.tag, Outcome::Granted(Granted::new(answer.codes)))
            }
            _ => Self::Nothing,
        }
    }
}
