//! Callbacks on events without a heap: plain functions, a fixed number, called beside the driver.

#[cfg(feature = "alloc")]
use alloc::rc::Rc;
use core::fmt;
use core::future::poll_fn;
use core::ops::Deref;
use core::task::{Context, Poll, Waker};

use embassy_futures::yield_now;
use mqtt_as_proto::{AckToken, Version};

use crate::client::Client;
use crate::config::Config;
use crate::error::DownReason;
use crate::event::{Down, Msg, Session, Up};
use crate::inbox::Consumer;
use crate::loops::Loop;
use crate::memory::Memory;
use crate::message::{MessageRef, decode};
use crate::place::Place;
use crate::runner::Runner;
use crate::shared::{State, act};
use crate::sizes::enough;
use crate::traits::{Connect, Listeners, Runtime};

/// Callbacks per event at most.
const MOST: usize = 4;

/// Changes of the link that wait to be told; older ones are forgotten.
const MOST_LINKS: usize = 4;

/// The registered functions, and the changes of the link that they have not been told yet. Opaque:
/// the shared state of a runtime that needs no heap keeps it.
#[derive(Debug, Default)]
pub struct Handlers {
    bindings: [Option<(HandlerId, Handler)>; 3 * MOST],
    next_id: u32,
    links: [Option<Change>; MOST_LINKS],
}

/// Names a function, for `unset_cb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HandlerId(u32);

/// A function, bound to its event. Opaque.
#[derive(Clone)]
pub struct Handler(Kind);

#[derive(Clone)]
enum Kind {
    Up(Function<dyn Fn(Session)>),
    Down(Function<dyn Fn(DownReason)>),
    Msg(Function<dyn Fn(&MessageRef<'_>)>),
}

enum Function<F: ?Sized + 'static> {
    Lent(&'static F),
    #[cfg(feature = "alloc")]
    Owned(Rc<F>),
}

impl<F: ?Sized> Clone for Function<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Lent(function) => Self::Lent(function),
            #[cfg(feature = "alloc")]
            Self::Owned(function) => Self::Owned(function.clone()),
        }
    }
}

impl<F: ?Sized> Deref for Function<F> {
    type Target = F;

    fn deref(&self) -> &F {
        match self {
            Self::Lent(function) => function,
            #[cfg(feature = "alloc")]
            Self::Owned(function) => function,
        }
    }
}

/// An event that functions are called on: [`Up`], [`Down`], [`Msg`].
pub trait HandledEvent {
    /// What it calls.
    type Function: ?Sized + 'static;

    /// The function, bound to the event.
    fn bind(self, function: &'static Self::Function) -> Handler;

    /// The same with a function on the heap.
    #[cfg(feature = "alloc")]
    fn bind_boxed(self, function: alloc::boxed::Box<Self::Function>) -> Handler;
}

macro_rules! handled_events {
    ($($event:ident calls $function:ty;)+) => {$(
        impl HandledEvent for $event {
            type Function = $function;

            fn bind(self, function: &'static Self::Function) -> Handler {
                Handler(Kind::$event(Function::Lent(function)))
            }

            #[cfg(feature = "alloc")]
            fn bind_boxed(self, function: alloc::boxed::Box<Self::Function>) -> Handler {
                Handler(Kind::$event(Function::Owned(function.into())))
            }
        }
    )+};
}

handled_events! {
    Up calls dyn Fn(Session);
    Down calls dyn Fn(DownReason);
    Msg calls dyn Fn(&MessageRef<'_>);
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Up(_) => "Up",
            Kind::Down(_) => "Down",
            Kind::Msg(_) => "Msg",
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Up(Session),
    Down(DownReason),
}

impl Listeners for Handlers {
    fn up(&mut self, session: Session) {
        if self.count(|kind| matches!(kind, Kind::Up(_))) != 0 {
            self.push(Change::Up(session));
        }
    }

    fn down(&mut self, reason: DownReason) {
        if self.count(|kind| matches!(kind, Kind::Down(_))) != 0 {
            self.push(Change::Down(reason));
        }
    }
}

impl Handlers {
    fn push(&mut self, change: Change) {
        if self.links.iter().all(Option::is_some) {
            self.pop();
        }
        if let Some(place) = self.links.iter_mut().find(|place| place.is_none()) {
            *place = Some(change);
        }
    }

    fn pop(&mut self) -> Option<Change> {
        self.links.rotate_left(1);
        self.links.last_mut().and_then(Option::take)
    }

    fn count(&self, which: impl Fn(&Kind) -> bool) -> usize {
        self.bindings.iter().flatten().filter(|(_, handler)| which(&handler.0)).count()
    }

    fn takes_messages(&self) -> bool {
        self.count(|kind| matches!(kind, Kind::Msg(_))) != 0
    }

    fn add(&mut self, handler: &Handler) -> Option<HandlerId> {
        let event = core::mem::discriminant(&handler.0);
        if self.count(|kind| core::mem::discriminant(kind) == event) == MOST {
            return None;
        }
        let place = self.bindings.iter_mut().find(|place| place.is_none())?;
        let id = HandlerId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        *place = Some((id, handler.clone()));
        Some(id)
    }

    /// The function at that place.
    fn at(&self, index: usize) -> Option<Kind> {
        let binding = self.bindings.get(index)?.as_ref();
        binding.map(|(_, handler)| handler.0.clone())
    }
}

impl<R: Runtime<Listeners = Handlers>> Client<R, Handlers> {
    /// Calls `callback` on every such event, from now on: [`event::Up`](Up), [`event::Down`](Down)
    /// or [`event::Msg`](Msg). There may be four callbacks per event; `None` says that there are.
    ///
    /// They run beside the driver, one after the other: one that takes long holds the connection up.
    /// A QoS 1 or 2 message is acknowledged when all have run. One that needs the client has to
    /// find a [`WeakClient`](crate::WeakClient): a handle would keep the client alive.
    pub fn set_cb_on_event<E: HandledEvent>(
        &self,
        event: E,
        callback: &'static E::Function,
    ) -> Option<HandlerId> {
        self.set_handler(event.bind(callback))
    }

    /// As [`set_cb_on_event`](Self::set_cb_on_event), with a closure on the heap.
    #[cfg(feature = "alloc")]
    pub fn set_boxed_cb_on_event<E: HandledEvent>(
        &self,
        event: E,
        callback: alloc::boxed::Box<E::Function>,
    ) -> Option<HandlerId> {
        self.set_handler(event.bind_boxed(callback))
    }

    #[allow(clippy::needless_pass_by_value)] // What is not kept is dropped here, outside the lock.
    fn set_handler(&self, handler: Handler) -> Option<HandlerId> {
        self.act(|state| {
            let id = state.listeners.add(&handler)?;
            if matches!(handler.0, Kind::Msg(_)) {
                state.inbox.activate(Consumer::Callbacks);
            }
            state.loops.notify(Loop::Callbacks);
            Some(id)
        })
    }

    /// Ends a callback: false if it is not registered. A call that has begun goes on.
    pub fn unset_cb(&self, id: HandlerId) -> bool {
        let removed = self.act(|state| {
            let mut bindings = state.listeners.bindings.iter_mut();
            let place =
                bindings.find(|place| place.as_ref().is_some_and(|(known, _)| *known == id));
            let binding = place?.take();
            if !state.listeners.takes_messages() {
                state.end_callbacks();
            }
            binding
        });
        removed.is_some() // Dropped here, outside the lock.
    }

    /// A client with those settings and that memory, and its two tasks: the driver and the
    /// callbacks, which hand messages over in `buffer`.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    pub fn with_handlers<C: Connect>(
        config: Config,
        memory: Memory,
        buffer: &'static mut [u8],
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<Parts<R, C>, crate::ConfigError> {
        let given = buffer.len();
        let (client, runner) = Self::with_runner(config, memory, connect, pointer)?;
        let packet = client.act(|state| state.core.config().maximum_packet_size as usize);
        enough("bytes for callbacks", packet, given)?;
        let shared = client.shared.clone();
        Ok((client, runner, Handling { shared, buffer }))
    }
}

/// A client, its driver, and its callbacks.
type Parts<R, C> = (Client<R, Handlers>, Runner<R, C>, Handling<R>);

/// The task of the callbacks. [`run`](Self::run) it beside the driver.
pub struct Handling<R: Runtime> {
    shared: R::Pointer,
    buffer: &'static mut [u8],
}

/// What to do next.
enum Work {
    Tell(Change),
    Deliver(Delivery),
    End,
}

/// A message in the buffer.
struct Delivery {
    len: usize,
    version: Version,
    token: Option<AckToken>,
    /// The entry of the queue that has still to be taken.
    index: Option<Place>,
}

impl<R: Runtime<Listeners = Handlers>> Handling<R> {
    /// Calls the callbacks until the driver is gone.
    ///
    /// # Cancel safety
    /// Dropping the future calls none any more.
    pub async fn run(mut self) {
        loop {
            match self.next().await {
                Work::Tell(change) => self.tell(change),
                Work::Deliver(delivery) => self.deliver(&delivery),
                Work::End => return,
            }
            yield_now().await; // Others' turn.
        }
    }

    async fn next(&mut self) -> Work {
        let Self { shared, buffer } = self;
        poll_fn(|cx| {
            let (poll, _old) = act::<R, _>(shared, |state| state.next_work(buffer, cx));
            poll
        })
        .await
    }

    fn tell(&self, change: Change) {
        self.each(|kind| match (kind, change) {
            (Kind::Up(function), Change::Up(session)) => function(session),
            (Kind::Down(function), Change::Down(reason)) => function(reason),
            _ => {}
        });
    }

    fn deliver(&self, delivery: &Delivery) {
        let bytes = self.buffer.get(..delivery.len).unwrap_or_default();
        if let Some(publish) = decode(bytes, delivery.version) {
            let message = MessageRef { publish, token: delivery.token };
            self.each(|kind| {
                if let Kind::Msg(function) = kind {
                    function(&message);
                }
            });
        }
        if let Some(index) = delivery.index {
            act::<R, _>(&self.shared, |state| state.take(index, Consumer::Callbacks));
        }
    }

    /// Calls with each function, outside the lock.
    fn each(&self, call: impl Fn(&Kind)) {
        for index in 0..3 * MOST {
            if let Some(kind) = act::<R, _>(&self.shared, |state| state.listeners.at(index)) {
                R::catch(|| call(&kind));
            }
        }
    }
}

impl<R: Runtime<Listeners = Handlers>> State<R> {
    fn next_work(&mut self, buffer: &mut [u8], cx: &Context<'_>) -> (Poll<Work>, Option<Waker>) {
        if let Some(change) = self.listeners.pop() {
            return (Poll::Ready(Work::Tell(change)), None);
        }
        while let Some(index) = self.inbox.front(Consumer::Callbacks) {
            match self.inbox.copy(index, buffer, self.core.config().version) {
                Ok((len, token, version)) => {
                    let index = self.begin_delivery(index, token);
                    let delivery = Delivery { len, version, token, index };
                    return (Poll::Ready(Work::Deliver(delivery)), None);
                }
                // It cannot be: the buffer was checked. But a message is never lost uncounted.
                Err(_) => {
                    self.statistics.too_large += 1;
                    self.take(index, Consumer::Callbacks);
                }
            }
        }
        if self.closed {
            return (Poll::Ready(Work::End), None);
        }
        (Poll::Pending, self.loops.register(Loop::Callbacks, cx.waker()))
    }

    /// QoS 0 may be evicted at any time, and nobody waits for it to be taken; others are taken when
    /// all functions have run.
    fn begin_delivery(&mut self, index: Place, token: Option<AckToken>) -> Option<Place> {
        if token.is_none() {
            self.take(index, Consumer::Callbacks);
            return None;
        }
        self.inbox.advance(index, Consumer::Callbacks);
        Some(index)
    }
}

impl<R: Runtime> fmt::Debug for Handling<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handling")
    }
}
