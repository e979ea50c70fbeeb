//! Callbacks on events, run beside the driver: in order, or side by side.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::task::{Context, Poll};

use mqtt_as_proto::AckToken;

use super::Message;
use super::callback::{Callback, CallbackFuture};
use super::handler_calls::{HandlerCalls, NewHandler};
use super::listen::{self, On};
use super::message::Acknowledge;
use crate::client::Client;
use crate::config::Config;
use crate::error::DownReason;
use crate::event::{Down, Msg, Reconnecting, Session, Up};
use crate::lane::Change;
use crate::memory::Memory;
use crate::reconnect::Attempt;
use crate::runner::Runner;
use crate::runtime::{Connect, Listeners, Lock, Runtime, ask, with_state};
use crate::state::State;

impl<R: Start> Client<R> {
    /// Returns a client with those settings. Its driver and its callbacks run in tasks of their own,
    /// until the last handle is dropped. Nothing is sent before [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use mqtt_as_tokio::{Client, Config};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::new(Config::new("broker.example").client_id("pump-7"))?;
    /// client.connect(true).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings that do not fit each other, what is no name
    /// of a server, or that there is no runtime here to start tasks in.
    pub fn new(config: Config) -> Result<Self, crate::ConfigError> {
        let connector = R::connector(&config)?;
        let (client, runner, callbacks) = Self::with_tasks(config, connector, R::share)?;
        R::start(runner, callbacks)?;
        Ok(client)
    }
}

impl<R: Runtime<Listeners = Registered>> Client<R> {
    /// Returns a client with those settings and memory from the heap, and its two tasks, the driver
    /// and the callbacks: for runtimes where somebody else starts them.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use mqtt_as_client::{Client, Config};
    /// # use mqtt_as_tokio::{Tokio, Transport};
    /// let config = Config::new("broker.example");
    /// let (client, runner, callbacks) =
    ///     Client::<Tokio>::with_tasks(config, Transport::default(), Arc::new)?;
    /// // `runner.run()` and `callbacks.run()` go into a task each.
    /// # drop((client, runner, callbacks));
    /// # Ok::<_, mqtt_as_client::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings that do not fit each other.
    #[allow(clippy::type_complexity)] // The three parts of a client.
    pub fn with_tasks<C: Connect>(
        config: Config,
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<(Self, Runner<R, C>, Callbacks<R>), crate::ConfigError> {
        let memory = Memory::heap(&config);
        let (client, runner) = Self::with_runner(config, memory, connect, pointer)?;
        let callbacks = Callbacks::new(client.shared.clone());
        Ok((client, runner, callbacks))
    }
}

impl<R: Runtime<Listeners = Registered>> Client<R, Registered> {
    /// Calls `callback` on every such event, from now on: [`event::Up`](crate::event::Up),
    /// [`event::Down`](crate::event::Down), [`event::Msg`](crate::event::Msg) or
    /// [`event::Reconnecting`](crate::event::Reconnecting), with the options
    /// [`new_task`](EventKind::new_task) and [`udata`](EventKind::udata), which are methods of the trait
    /// [`EventKind`]: import it. An event may have several callbacks. They do not get the messages that
    /// receivers get.
    ///
    /// Callbacks run in a task of their own: while one waits, the driver goes on. One that blocks its
    /// thread has to tell the runtime so, as any task has (under tokio: `block_in_place`). A QoS 1
    /// or 2 message is acknowledged when its callbacks have finished. Links that come up or go down
    /// are told past messages that wait. A panic in a callback is caught where the runtime can, and
    /// delivery goes on. A callback that needs the client captures a
    /// [`WeakClient`](crate::WeakClient): a handle would keep the client alive.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{EventKind, event};
    ///
    /// client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });
    /// let id = client.set_cb_on_event(event::Msg.new_task(), |message| async move {
    ///     println!("{}", message.topic());
    /// });
    /// assert!(client.unset_cb(id));
    /// # });
    /// ```
    pub fn set_cb_on_event<E, F, Fut>(&self, event: E, callback: F) -> CallbackId
    where
        E: EventKind,
        F: Fn(E::Arg) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let binding = event.bind(Arc::new(move |arg| Box::pin(callback(arg))));
        self.with_state(|state| state.register_callback(binding)).unwrap_or(CallbackId(u64::MAX))
    }

    /// Ends a callback. Returns false if it is not registered. Calls that have begun go on.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::event;
    ///
    /// let id = client.set_cb_on_event(event::Up, |_| async { println!("up") });
    /// assert!(client.unset_cb(id));
    /// assert!(!client.unset_cb(id)); // It is not there any more.
    /// # });
    /// ```
    pub fn unset_cb(&self, id: CallbackId) -> bool {
        // It is dropped here, outside the lock.
        self.with_state(|state| state.unregister_callback(id)).is_some()
    }
}

/// A runtime that can start tasks, and has a heap.
pub trait Start: Runtime<Listeners = Registered> {
    /// Starts the driver and the callbacks in tasks of their own.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`](crate::ConfigError::NoRuntime) where the runtime is not there to
    /// start them.
    fn start(runner: Runner<Self>, callbacks: Callbacks<Self>) -> Result<(), crate::ConfigError>;

    /// Puts the shared state behind the runtime's pointer.
    fn share(lock: Self::Lock) -> Self::Pointer;

    /// Returns what opens transports, as the settings ask for.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings that do not fit each other.
    fn connector(config: &Config) -> Result<Self::Connect, crate::ConfigError>;
}

/// Names a callback, for [`Client::unset_cb`](crate::Client::unset_cb).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallbackId(u64);

/// An event to register callbacks for: [`Up`], [`Down`], [`Msg`], [`Reconnecting`], with options.
pub trait EventKind: Sized {
    /// What its callbacks get.
    type Arg: Send + 'static;

    /// Callbacks run side by side, those of one event with those of the next. Default: one after the
    /// other. A message that waits for callbacks one after the other holds later messages back; links
    /// that come up or go down are told meanwhile.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{EventKind, event};
    ///
    /// client.set_cb_on_event(event::Msg.new_task(), |message| async move {
    ///     println!("{}", message.topic()); // The next message does not wait for this one.
    /// });
    /// # });
    /// ```
    fn new_task(self) -> NewTask<Self> {
        NewTask(self)
    }

    /// Callbacks get a clone of `data` beside the event.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// use mqtt_as_tokio::{EventKind, event};
    ///
    /// let count = Arc::new(AtomicU32::new(0));
    /// client.set_cb_on_event(event::Msg.udata(count.clone()), |(_, count)| async move {
    ///     count.fetch_add(1, Ordering::Relaxed);
    /// });
    /// # });
    /// ```
    fn udata<U: Clone + Send + Sync + 'static>(self, data: U) -> WithData<Self, U> {
        WithData(self, data)
    }

    /// Returns the callback, bound to the event.
    fn bind(self, callback: Callback<Self::Arg>) -> Binding;
}

/// An event whose callbacks run side by side.
#[derive(Clone, Copy, Debug)]
pub struct NewTask<E>(E);

/// An event whose callbacks get data.
#[derive(Clone, Copy, Debug)]
pub struct WithData<E, U>(E, U);

/// A callback, bound to its event.
#[derive(Clone)]
pub struct Binding {
    callback: On<Callback<Session>, Callback<DownReason>, Callback<Message>, Callback<Attempt>>,
    new_task: bool,
}

macro_rules! event_kinds {
    ($($event:ident gives $arg:ty;)+) => {$(
        impl EventKind for $event {
            type Arg = $arg;

            fn bind(self, callback: Callback<$arg>) -> Binding {
                Binding { callback: On::$event(callback), new_task: false }
            }
        }
    )+};
}

event_kinds! {
    Up gives Session;
    Down gives DownReason;
    Msg gives Message;
    Reconnecting gives Attempt;
}

impl<E: EventKind> EventKind for NewTask<E> {
    type Arg = E::Arg;

    fn bind(self, callback: Callback<E::Arg>) -> Binding {
        Binding { new_task: true, ..self.0.bind(callback) }
    }
}

impl<E: EventKind, U: Clone + Send + Sync + 'static> EventKind for WithData<E, U> {
    type Arg = (E::Arg, U);

    fn bind(self, callback: Callback<Self::Arg>) -> Binding {
        let Self(event, data) = self;
        event.bind(Arc::new(move |arg| callback((arg, data.clone()))))
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("new_task", &self.new_task).finish_non_exhaustive()
    }
}

/// Callbacks are registered in the shared state: those of a runtime with a heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registered;

impl Listeners for Registered {}

/// All that are registered. Whoever calls them shares the list as it was then.
type Bindings = Arc<Vec<(CallbackId, Binding)>>;

/// The callbacks, as the shared state keeps them.
#[derive(Default)]
struct Registry {
    bindings: Bindings,
    next_id: u64,
    /// Those of receivers that their task has not seen.
    handlers: Vec<NewHandler>,
}

impl State {
    fn registry(&mut self) -> Option<&mut Registry> {
        let callbacks = self.kept.callbacks.get_or_insert_with(|| Box::<Registry>::default());
        callbacks.downcast_mut()
    }

    fn bindings(&mut self) -> Bindings {
        self.registry().map(|registry| registry.bindings.clone()).unwrap_or_default()
    }

    fn register_callback(&mut self, binding: Binding) -> Option<CallbackId> {
        let registry = self.registry()?;
        let id = CallbackId(registry.next_id);
        registry.next_id += 1;
        Arc::make_mut(&mut registry.bindings).push((id, binding));
        self.listen_to_registered();
        Some(id)
    }

    fn unregister_callback(&mut self, id: CallbackId) -> Option<Binding> {
        let registry = self.registry()?;
        let at = registry.bindings.iter().position(|(known, _)| *known == id)?;
        let (_, binding) = Arc::make_mut(&mut registry.bindings).remove(at);
        self.listen_to_registered();
        Some(binding)
    }

    /// The callback of a receiver is for their task.
    pub(super) fn register_handler(&mut self, handler: NewHandler) {
        if let Some(registry) = self.registry() {
            registry.handlers.push(handler);
            self.driver.notify_callbacks();
        }
    }

    /// Those that are new to their task, which is woken for each that comes from here on.
    pub(super) fn take_handlers(&mut self, cx: &Context<'_>) -> Vec<NewHandler> {
        let _ = self.wait_for_event(cx); // If the driver is gone, its task learns it below.
        let has_any = self.kept.callbacks.is_some();
        let registry = if has_any { self.registry() } else { None };
        registry.map(|registry| core::mem::take(&mut registry.handlers)).unwrap_or_default()
    }

    fn listen_to_registered(&mut self) {
        let bindings = self.bindings();
        self.listen(bindings.iter().fold(0, |kinds, (_, known)| kinds | known.callback.bit()));
    }

    /// The next event for callbacks that are free for it; none if none comes any more.
    fn next_event(
        &mut self,
        links: bool,
        messages: bool,
        cx: &Context<'_>,
    ) -> Poll<Option<(Cause, Bindings)>> {
        if links && let Some(change) = self.lane.pop() {
            return Poll::Ready(Some((Cause::Link(change), self.bindings())));
        }
        if messages && let Some(message) = self.begin_message() {
            return Poll::Ready(Some((Cause::Message(message), self.bindings())));
        }
        self.wait_for_event(cx).map(|()| None)
    }
}

/// The task of the callbacks. [`run`](Self::run) it beside the driver, as long as that runs: without
/// it no callback is called, and what waits for one stays in the queue, unacknowledged.
pub struct Callbacks<R: Runtime> {
    shared: R::Pointer,
    /// Calls for changes of the link: they do not stand behind messages.
    links: Calls,
    messages: Calls,
    /// Those of receivers.
    handlers: HandlerCalls<R>,
}

/// Calls that have begun.
#[derive(Default)]
struct Calls {
    /// Those of the event at hand, one after the other.
    ordered: VecDeque<Call>,
    /// Those that run side by side.
    running: Vec<Call>,
}

struct Call {
    future: CallbackFuture,
    /// The message whose acknowledgement waits for it.
    message: Option<AckToken>,
}

/// Events after which the callbacks let others run.
const EVENTS: usize = 64;

/// Calls that run side by side at most, for messages and for changes of the link; more wait.
const MOST_RUNNING: usize = 64;

impl<R: Runtime<Listeners = Registered>> Callbacks<R> {
    pub(crate) fn new(shared: R::Pointer) -> Self {
        let handlers = HandlerCalls::new();
        Self { shared, links: Calls::default(), messages: Calls::default(), handlers }
    }

    /// Runs callbacks until the driver is gone and all have finished.
    ///
    /// # Cancel safety
    /// Dropping the future drops the calls that have begun.
    #[allow(clippy::manual_async_fn)] // An `async fn` would hold the callbacks twice.
    pub fn run(mut self) -> impl Future<Output = ()> {
        async move {
            let shared = self.shared.clone();
            listen::run::<R>(&shared, |cx| self.poll(cx)).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, links, messages, handlers } = self;
        let lock = &**shared;
        handlers.poll(shared, cx);
        for _ in 0..EVENTS {
            links.poll::<R>(lock, cx);
            messages.poll::<R>(lock, cx);
            let (link, message) = (links.is_free(), messages.is_free());
            let next = ask(lock, |state| state.next_event(link, message, cx));
            let Some(Poll::Ready(next)) = next else { return Poll::Pending };
            match next {
                Some((cause, bindings)) => {
                    let (calls, token) = match &cause {
                        Cause::Link(_) => (&mut *links, None),
                        Cause::Message(message) => (&mut *messages, message.token()),
                    };
                    calls.begin(&bindings, &cause);
                    calls.finish(lock, token); // If there is no call for it.
                }
                None if links.is_empty() && messages.is_empty() && handlers.is_empty() => {
                    return Poll::Ready(());
                }
                None => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref(); // Others' turn.
        Poll::Pending
    }
}

/// Why callbacks are called.
enum Cause {
    Link(Change),
    Message(Message),
}

impl Cause {
    /// The call, if the callback is for such an event. The callback itself runs at its first poll.
    fn call(&self, binding: &Binding) -> Option<Call> {
        Some(match (self, &binding.callback) {
            (Self::Link(Change::Up(session)), On::Up(call)) => {
                Call::new(call, session.clone(), None)
            }
            (Self::Link(Change::Down(reason)), On::Down(call)) => {
                Call::new(call, reason.clone(), None)
            }
            (Self::Link(Change::Reconnecting(attempt)), On::Reconnecting(call)) => {
                Call::new(call, attempt.clone(), None)
            }
            (Self::Message(message), On::Msg(call)) => {
                Call::new(call, message.clone(), message.token())
            }
            _ => return None,
        })
    }
}

impl Calls {
    fn begin(&mut self, bindings: &Bindings, cause: &Cause) {
        for (_, binding) in bindings.iter() {
            let Some(call) = cause.call(binding) else { continue };
            if binding.new_task {
                self.running.push(call);
            } else {
                self.ordered.push_back(call);
            }
        }
    }

    fn poll<R: Runtime>(&mut self, lock: &dyn Lock, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(call) = self.running.get_mut(index) {
            if call.poll::<R>(cx) {
                let call = self.running.swap_remove(index);
                self.finish(lock, call.message);
            } else {
                index += 1;
            }
        }
        while let Some(call) = self.ordered.front_mut()
            && call.poll::<R>(cx)
        {
            let message = self.ordered.pop_front().and_then(|call| call.message);
            self.finish(lock, message);
        }
    }

    /// A call has finished: if it was the last one of its message, the callbacks are done with that.
    fn finish(&mut self, lock: &dyn Lock, message: Option<AckToken>) {
        let mut calls = self.ordered.iter().chain(&self.running);
        if message.is_some() && !calls.any(|call| call.message == message) {
            with_state(lock, |state| state.finish_message(message));
        }
    }

    /// Whether the calls of another event may begin.
    fn is_free(&self) -> bool {
        self.ordered.is_empty() && self.running.len() < MOST_RUNNING
    }

    fn is_empty(&self) -> bool {
        self.ordered.is_empty() && self.running.is_empty()
    }
}

impl Call {
    fn new<A: Send + 'static>(callback: &Callback<A>, arg: A, message: Option<AckToken>) -> Self {
        let callback = callback.clone();
        Self { future: Box::pin(async move { callback(arg).await }), message }
    }

    /// Whether the call has finished, be it by a panic.
    fn poll<R: Runtime>(&mut self, cx: &mut Context<'_>) -> bool {
        let mut finished = false;
        let future = &mut self.future;
        !R::catch(|| finished = future.as_mut().poll(cx).is_ready()) || finished
    }
}

opaque!(Callbacks);
