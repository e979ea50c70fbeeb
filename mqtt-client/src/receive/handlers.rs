//! Callbacks on events without a heap: plain functions, a fixed number, called beside the driver.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::task::{Context, Poll};

use mqtt_as_proto::Storage;
use mqtt_as_proto::client::Consumer;

use super::listen::{self, On};
use super::message::{Copied, MessageRef};
use crate::client::Client;
use crate::config::Config;
use crate::error::{ConfigError, DownReason};
use crate::event::{Down, Msg, Reconnecting, Session, Up};
use crate::held::Held;
use crate::lane::{Change, LinkEvent};
use crate::memory::Memory;
use crate::reconnect::Attempt;
use crate::runner::Runner;
use crate::runtime::{Connect, Listeners, Lock, Runtime, ask, guard, with_state};
use crate::state::{Guard, State};

/// Callbacks per event at most.
const MOST: usize = 4;

/// Changes of the link that wait to be told; older ones are forgotten.
const MOST_LINKS: usize = 4;

impl<R: Runtime<Listeners = Handlers>> Client<R, Handlers> {
    /// Calls `callback` on every such event, from now on: [`event::Up`](crate::event::Up),
    /// [`event::Down`](crate::event::Down), [`event::Msg`](crate::event::Msg) or
    /// [`event::Reconnecting`](crate::event::Reconnecting). There may be four callbacks per event,
    /// twelve in all; `None` says that there are, or that the client was made without memory for
    /// callbacks.
    ///
    /// They run beside the driver, one after the other: one that takes long holds the connection up.
    /// A QoS 1 or 2 message is acknowledged when all have run. One that needs the client has to
    /// find a [`WeakClient`](crate::WeakClient): a handle would keep the client alive.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, Handlers, Runtime, event};
    /// # fn show<R: Runtime<Listeners = Handlers>>(client: &Client<R>) {
    /// client.set_cb_on_event(event::Down, &|reason| println!("down: {reason}"));
    /// client.set_cb_on_event(event::Msg, &|message| println!("{}", message.topic()));
    /// # }
    /// ```
    pub fn set_cb_on_event<E: HandledEvent>(
        &self,
        event: E,
        callback: &'static E::Function,
    ) -> Option<HandlerId> {
        self.register(event.bind(callback))
    }

    /// Calls a closure on the heap on every such event, as
    /// [`set_cb_on_event`](Self::set_cb_on_event) does.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, Handlers, Runtime, event};
    /// # fn show<R: Runtime<Listeners = Handlers>>(client: &Client<R>, name: String) {
    /// client.set_boxed_cb_on_event(event::Down, Box::new(move |reason| println!("{name}: {reason}")));
    /// # }
    /// ```
    #[cfg(feature = "alloc")]
    pub fn set_boxed_cb_on_event<E: HandledEvent>(
        &self,
        event: E,
        callback: alloc::boxed::Box<E::Function>,
    ) -> Option<HandlerId> {
        self.register(event.bind_boxed(callback))
    }

    fn register(&self, handler: Handler) -> Option<HandlerId> {
        let table = self.listeners.0?;
        let id = table.add(handler)?;
        table.work.set(Some(do_next));
        table.listen(&*self.shared);
        Some(id)
    }

    /// Ends a callback. Returns false if it is not registered. A call that has begun goes on.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, Handlers, Runtime, event};
    /// # fn show<R: Runtime<Listeners = Handlers>>(client: &Client<R>) {
    /// if let Some(id) = client.set_cb_on_event(event::Up, &|_| println!("up")) {
    ///     assert!(client.unset_cb(id));
    /// }
    /// # }
    /// ```
    pub fn unset_cb(&self, id: HandlerId) -> bool {
        let Some(table) = self.listeners.0 else { return false };
        let removed = table.remove(id);
        table.listen(&*self.shared);
        removed.is_some()
    }

    /// Returns a client with those settings and that memory, and its two tasks: the driver, and the
    /// callbacks, which have `handlers` for themselves.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, Config, ConfigError, Connect, Handlers, Handling, LentHandlers};
    /// # use mqtt_as_client::{Memory, Runner, Runtime};
    /// /// What an adapter without a heap does.
    /// fn start<R: Runtime<Listeners = Handlers>, C: Connect>(
    ///     config: Config,
    ///     memory: Memory,
    ///     handlers: LentHandlers,
    ///     connect: C,
    ///     pointer: impl FnOnce(R::Lock) -> R::Pointer,
    /// ) -> Result<(Client<R>, Runner<R, C>, Handling<R>), ConfigError> {
    ///     Client::with_handlers(config, memory, handlers, connect, pointer)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    pub fn with_handlers<C: Connect>(
        config: Config,
        memory: Memory,
        mut handlers: LentHandlers,
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<Parts<R, C>, crate::ConfigError> {
        let memory = Memory { link_events: core::mem::take(&mut handlers.links), ..memory };
        let (mut client, runner) = Self::with_runner(config, memory, connect, pointer)?;
        client.listeners = Handlers(Some(handlers.table));
        let handling = Handling::new(client.shared.clone(), handlers)?;
        Ok((client, runner, handling))
    }
}

/// A client, its driver, and its callbacks.
type Parts<R, C> = (Client<R, Handlers>, Runner<R, C>, Handling<R>);

/// What callbacks need of memory that is zero before it is used: `RX` bytes of the message that they
/// are called with, at least those of the largest packet taken, and changes of the link.
#[derive(Debug)]
pub struct HandlerMemory<const RX: usize> {
    message: [u8; RX],
    links: [LinkEvent; MOST_LINKS],
}

impl<const RX: usize> HandlerMemory<RX> {
    /// Returns memory that nobody uses yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { message: [0; RX], links: [const { LinkEvent::NONE }; MOST_LINKS] }
    }

    /// Returns the memory, as a client takes it, with the table of its functions.
    pub fn split(&'static mut self, table: &'static HandlerTable) -> LentHandlers {
        let links = Storage::borrowed(&mut self.links);
        LentHandlers { message: &mut self.message, links, table }
    }
}

impl<const RX: usize> Default for HandlerMemory<RX> {
    fn default() -> Self {
        Self::new()
    }
}

/// What callbacks are lent. Made by [`HandlerMemory::split`].
#[derive(Debug)]
pub struct LentHandlers {
    message: &'static mut [u8],
    pub(crate) links: Storage<'static, LinkEvent>,
    pub(crate) table: &'static HandlerTable,
}

/// The registered functions. They stay with the thread that registers them.
#[derive(Default)]
pub struct HandlerTable {
    bindings: RefCell<[Option<(HandlerId, Handler)>; 3 * MOST]>,
    next_id: Cell<u32>,
    /// How they are called, as soon as there is one: a program that registers none links none of it.
    work: Cell<Option<Work>>,
}

impl HandlerTable {
    /// Returns a table without functions.
    #[must_use]
    pub const fn new() -> Self {
        let bindings = RefCell::new([const { None }; 3 * MOST]);
        Self { bindings, next_id: Cell::new(0), work: Cell::new(None) }
    }
}

impl fmt::Debug for HandlerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerTable")
    }
}

/// The table of a client's functions, if it was made with one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handlers(pub(crate) Option<&'static HandlerTable>);

impl Listeners for Handlers {}

/// Names a function, for [`Client::unset_cb`](crate::Client::unset_cb).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HandlerId(u32);

/// A function, bound to its event. Opaque.
#[derive(Clone)]
pub struct Handler(Function);

type Function = On<
    Held<dyn Fn(Session)>,
    Held<dyn Fn(DownReason)>,
    Held<dyn Fn(&MessageRef<'_>)>,
    Held<dyn Fn(Attempt)>,
>;

/// What is told.
type Told<M> = On<Session, DownReason, M, Attempt>;

/// An event that functions are called on: [`Up`], [`Down`], [`Msg`], [`Reconnecting`].
pub trait HandledEvent {
    /// What it calls.
    type Function: ?Sized + 'static;

    /// Returns the function, bound to the event.
    fn bind(self, function: &'static Self::Function) -> Handler;

    /// Returns the same with a function on the heap.
    #[cfg(feature = "alloc")]
    fn bind_boxed(self, function: alloc::boxed::Box<Self::Function>) -> Handler;
}

macro_rules! handled_events {
    ($($event:ident calls $function:ty;)+) => {$(
        impl HandledEvent for $event {
            type Function = $function;

            fn bind(self, function: &'static Self::Function) -> Handler {
                Handler(On::$event(Held::from_static(function)))
            }

            #[cfg(feature = "alloc")]
            fn bind_boxed(self, function: alloc::boxed::Box<Self::Function>) -> Handler {
                Handler(On::$event(function.into()))
            }
        }
    )+};
}

handled_events! {
    Up calls dyn Fn(Session);
    Down calls dyn Fn(DownReason);
    Msg calls dyn Fn(&MessageRef<'_>);
    Reconnecting calls dyn Fn(Attempt);
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            On::Up(_) => "Up",
            On::Down(_) => "Down",
            On::Msg(_) => "Msg",
            On::Reconnecting(_) => "Reconnecting",
        })
    }
}

impl HandlerTable {
    fn add(&self, handler: Handler) -> Option<HandlerId> {
        let mut bindings = self.bindings.borrow_mut();
        let of_event = |(_, known): &&(_, Handler)| known.0.bit() == handler.0.bit();
        if bindings.iter().flatten().filter(of_event).count() == MOST {
            return None;
        }
        let place = bindings.iter_mut().find(|place| place.is_none())?;
        let id = HandlerId(self.next_id.get());
        self.next_id.set(id.0.wrapping_add(1));
        *place = Some((id, handler));
        Some(id)
    }

    fn remove(&self, id: HandlerId) -> Option<(HandlerId, Handler)> {
        let mut bindings = self.bindings.borrow_mut();
        let is_it = |place: &&mut Option<(HandlerId, Handler)>| {
            place.as_ref().is_some_and(|(known, _)| *known == id)
        };
        bindings.iter_mut().find(is_it)?.take()
    }

    /// Calls the functions for that, while the table is free.
    fn tell(&self, what: &Told<MessageRef<'_>>, guard: Guard) {
        for index in 0..3 * MOST {
            let binding = self.bindings.borrow().get(index).cloned().flatten();
            let Some((_, handler)) = binding else { continue };
            guard(&mut || match (&handler.0, what) {
                (On::Up(function), On::Up(session)) => function(session.clone()),
                (On::Down(function), On::Down(reason)) => function(reason.clone()),
                (On::Msg(function), On::Msg(message)) => function(message),
                (On::Reconnecting(function), On::Reconnecting(attempt)) => {
                    function(attempt.clone());
                }
                _ => {}
            });
        }
    }

    /// What its functions want to know.
    fn listen(&self, lock: &dyn Lock) {
        let bindings = self.bindings.borrow();
        let kinds = bindings.iter().flatten().fold(0, |kinds, (_, known)| kinds | known.0.bit());
        drop(bindings);
        with_state(lock, |state| state.listen(kinds));
    }
}

/// The task of the callbacks. [`run`](Self::run) it beside the driver.
pub struct Handling<R: Runtime> {
    shared: R::Pointer,
    message: &'static mut [u8],
    table: &'static HandlerTable,
}

impl<R: Runtime<Listeners = Handlers>> Handling<R> {
    /// # Errors
    /// [`ConfigError::Memory`] if the largest packet taken does not fit.
    pub(crate) fn new(shared: R::Pointer, lent: LentHandlers) -> Result<Self, ConfigError> {
        let LentHandlers { message, table, .. } = lent;
        let packet = |state: &mut State| state.core.config().maximum_packet_size;
        let (needed, given) = (ask(&*shared, packet).unwrap_or(0) as usize, message.len());
        if given < needed {
            return Err(ConfigError::Memory { what: "bytes for callbacks", needed, given });
        }
        Ok(Self { shared, message, table })
    }

    /// Calls the callbacks until the driver is gone.
    ///
    /// # Cancel safety
    /// Dropping the future calls none any more.
    pub async fn run(self) {
        let Self { shared, message, table } = self;
        let lock = &*shared;
        listen::run::<R>(lock, |cx| match table.work.get() {
            Some(work) => work(lock, table, message, guard::<R>, cx),
            // There is nothing to do, but to end with the driver.
            None => ask(lock, |state| state.wait_for_event(cx)).unwrap_or(Poll::Ready(())),
        })
        .await;
    }
}

/// Calls the functions of the next event.
type Work = fn(&dyn Lock, &HandlerTable, &mut [u8], Guard, &mut Context<'_>) -> Poll<()>;

fn do_next(
    lock: &dyn Lock,
    table: &HandlerTable,
    buffer: &mut [u8],
    guard: Guard,
    cx: &mut Context<'_>,
) -> Poll<()> {
    match ask(lock, |state| state.next_handled(buffer, cx)) {
        None => return Poll::Ready(()),
        Some(Err(poll)) => return poll,
        Some(Ok(On::Up(session))) => table.tell(&On::Up(session), guard),
        Some(Ok(On::Down(reason))) => table.tell(&On::Down(reason), guard),
        Some(Ok(On::Reconnecting(attempt))) => table.tell(&On::Reconnecting(attempt), guard),
        Some(Ok(On::Msg(copied))) => {
            if let Some(message) = MessageRef::new(buffer, copied) {
                table.tell(&On::Msg(message), guard);
            }
            with_state(lock, |state| state.finish_message(copied.token));
        }
    }
    cx.waker().wake_by_ref(); // Others' turn.
    Poll::Pending
}

impl State {
    /// The next event; a message is copied to the buffer.
    fn next_handled(
        &mut self,
        buffer: &mut [u8],
        cx: &Context<'_>,
    ) -> Result<Told<Copied>, Poll<()>> {
        match self.lane.pop() {
            Some(Change::Up(session)) => return Ok(On::Up(session)),
            Some(Change::Down(reason)) => return Ok(On::Down(reason)),
            Some(Change::Reconnecting(attempt)) => return Ok(On::Reconnecting(attempt)),
            None => {}
        }
        while let Some(copied) = self.begin_in(buffer) {
            if let Ok(copied) = copied {
                return Ok(On::Msg(copied));
            }
            // It cannot be: the buffer was checked. But a message is never lost uncounted.
            self.counts.too_large += 1;
            let token = self.core.begin(Consumer::Callbacks);
            self.finish_message(token);
        }
        Err(self.wait_for_event(cx))
    }
}

opaque!(Handling);
