//! Callbacks on events, run beside the driver: in order, or side by side.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::client::Client;
use crate::config::Config;
use crate::error::DownReason;
use crate::event::{Down, Msg, Session, Up};
use crate::inbox::Consumer;
use crate::loops::Loop;
use crate::memory::Memory;
use crate::message::Message;
use crate::place::Place;
use crate::runner::Runner;
use crate::shared::{State, act};
use crate::traits::{Connect, Listeners, Runtime};

/// A runtime that can start tasks, and has a heap.
pub trait Start: Runtime<Listeners = Registered> {
    /// Starts the driver and the callbacks in tasks of their own.
    ///
    /// # Panics
    /// May panic where the runtime is not there to start them.
    fn start(runner: Runner<Self>, callbacks: Callbacks<Self>);

    /// Puts the shared state behind the runtime's pointer.
    fn share(lock: Self::Lock) -> Self::Pointer;

    /// What opens transports.
    fn connector() -> Self::Connect;
}

impl<R: Start> Client<R> {
    /// A client with those settings. Its driver and its callbacks run in tasks of their own, until
    /// the last handle is dropped. Nothing is sent before [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings that do not fit each other.
    pub fn new(config: Config) -> Result<Self, crate::ConfigError> {
        let (client, runner, callbacks) = Self::with_tasks(config, R::connector(), R::share)?;
        R::start(runner, callbacks);
        Ok(client)
    }
}

impl<R: Runtime<Listeners = Registered>> Client<R> {
    /// A client with those settings and memory from the heap, and its two tasks, the driver and the
    /// callbacks: for runtimes where somebody else starts them.
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
        let shared = client.shared.clone();
        let callbacks = Callbacks { shared, ordered: VecDeque::new(), running: Vec::new() };
        Ok((client, runner, callbacks))
    }
}

/// What a callback returns, boxed.
pub type CallbackFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A callback, boxed.
pub type Callback<A> = Arc<dyn Fn(A) -> CallbackFuture + Send + Sync>;

/// Names a callback, for [`Client::unset_cb`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallbackId(u64);

/// An event to register callbacks for: [`Up`], [`Down`], [`Msg`], with options.
pub trait EventKind: Sized {
    /// What its callbacks get.
    type Arg: Send + 'static;

    /// Callbacks run side by side, those of one event with those of the next. Default: one after the
    /// other. An event that waits for callbacks one after the other holds later events back.
    fn new_task(self) -> NewTask<Self> {
        NewTask(self)
    }

    /// Callbacks get a clone of `data` beside the event.
    fn udata<U: Clone + Send + Sync + 'static>(self, data: U) -> WithData<Self, U> {
        WithData(self, data)
    }

    /// The callback, bound to the event.
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
    callback: Kind,
    new_task: bool,
}

#[derive(Clone)]
enum Kind {
    Up(Callback<Session>),
    Down(Callback<DownReason>),
    Msg(Callback<Message>),
}

impl EventKind for Up {
    type Arg = Session;

    fn bind(self, callback: Callback<Session>) -> Binding {
        Binding { callback: Kind::Up(callback), new_task: false }
    }
}

impl EventKind for Down {
    type Arg = DownReason;

    fn bind(self, callback: Callback<DownReason>) -> Binding {
        Binding { callback: Kind::Down(callback), new_task: false }
    }
}

impl EventKind for Msg {
    type Arg = Message;

    fn bind(self, callback: Callback<Message>) -> Binding {
        Binding { callback: Kind::Msg(callback), new_task: false }
    }
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

/// The registered callbacks, and the events that they have not got yet. Opaque: the shared state of
/// a runtime with a heap keeps it.
#[derive(Debug, Default)]
pub struct Registered {
    bindings: Vec<(CallbackId, Binding)>,
    next_id: u64,
    links: VecDeque<LinkEvent>,
}

#[derive(Clone, Copy, Debug)]
enum LinkEvent {
    Up(Session),
    Down(DownReason),
}

/// Changes of the link that wait for slow callbacks; older ones are forgotten.
const MOST_LINKS: usize = 64;

impl Listeners for Registered {
    fn up(&mut self, session: Session) {
        self.push(LinkEvent::Up(session));
    }

    fn down(&mut self, reason: DownReason) {
        self.push(LinkEvent::Down(reason));
    }
}

impl Registered {
    fn push(&mut self, event: LinkEvent) {
        let wanted = self.bindings.iter().any(|(_, binding)| match (&binding.callback, event) {
            (Kind::Up(_), LinkEvent::Up(_)) | (Kind::Down(_), LinkEvent::Down(_)) => true,
            (Kind::Up(_) | Kind::Down(_) | Kind::Msg(_), _) => false,
        });
        if wanted {
            if self.links.len() == MOST_LINKS {
                self.links.pop_front();
            }
            self.links.push_back(event);
        }
    }

    fn takes_messages(&self) -> bool {
        self.bindings.iter().any(|(_, binding)| matches!(binding.callback, Kind::Msg(_)))
    }
}

impl<R: Runtime<Listeners = Registered>> Client<R, Registered> {
    /// Calls `callback` on every such event, from now on: [`event::Up`](Up), [`event::Down`](Down)
    /// or [`event::Msg`](Msg), with the options [`new_task`](EventKind::new_task) and
    /// [`udata`](EventKind::udata). There may be several callbacks per event.
    ///
    /// Callbacks run in a task of their own: while one waits, the driver goes on. One that blocks its
    /// thread has to tell the runtime so, as any task has (under tokio: `block_in_place`). A QoS 1
    /// or 2 message is acknowledged when its callbacks have finished. A panic in one is caught where
    /// the runtime can, and delivery goes on. A callback that needs the client captures a
    /// [`WeakClient`](crate::WeakClient): a handle would keep the client alive.
    pub fn set_cb_on_event<E, F, Fut>(&self, event: E, callback: F) -> CallbackId
    where
        E: EventKind,
        F: Fn(E::Arg) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let binding = event.bind(Arc::new(move |arg| Box::pin(callback(arg))));
        self.act(|state| {
            let id = CallbackId(state.listeners.next_id);
            state.listeners.next_id += 1;
            if matches!(binding.callback, Kind::Msg(_)) {
                state.inbox.activate(Consumer::Callbacks);
            }
            state.listeners.bindings.push((id, binding));
            state.loops.notify(Loop::Callbacks);
            id
        })
    }

    /// Ends a callback: false if it is not registered. Calls that have begun go on.
    pub fn unset_cb(&self, id: CallbackId) -> bool {
        let removed = self.act(|state| {
            let bindings = &mut state.listeners.bindings;
            let at = bindings.iter().position(|(known, _)| *known == id)?;
            let binding = bindings.remove(at);
            if !state.listeners.takes_messages() {
                state.end_callbacks();
            }
            Some(binding)
        });
        removed.is_some() // Dropped here, outside the lock.
    }
}

/// The task of the callbacks. [`run`](Self::run) it beside the driver.
pub struct Callbacks<R: Runtime> {
    shared: R::Pointer,
    /// Calls of the event at hand, one after the other.
    ordered: VecDeque<Call>,
    /// Calls that run side by side.
    running: Vec<Call>,
}

struct Call {
    future: CallbackFuture,
    /// The message whose acknowledgement waits for it.
    message: Option<Place>,
}

/// Events after which the callbacks let others run.
const EVENTS: usize = 64;

/// Calls that run side by side at most; more wait.
const MOST_RUNNING: usize = 64;

/// What to do next.
enum Work {
    Calls(Vec<(Call, bool)>),
    /// With a waker to drop when the lock is free.
    Wait(Option<Waker>),
    End,
}

impl<R: Runtime<Listeners = Registered>> Callbacks<R> {
    /// Runs callbacks until the driver is gone and all have finished.
    ///
    /// # Cancel safety
    /// Dropping the future drops the calls that have begun.
    pub async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..EVENTS {
            self.poll_running(cx);
            if self.poll_ordered(cx).is_pending() || self.running.len() >= MOST_RUNNING {
                return Poll::Pending;
            }
            match act::<R, _>(&self.shared, |state| state.next_call(cx)) {
                Work::Calls(calls) => self.begin(calls),
                Work::Wait(old) => {
                    drop(old);
                    return Poll::Pending;
                }
                Work::End if self.running.is_empty() => return Poll::Ready(()),
                Work::End => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref(); // Others' turn.
        Poll::Pending
    }

    fn begin(&mut self, calls: Vec<(Call, bool)>) {
        for (call, new_task) in calls {
            if new_task {
                self.running.push(call);
            } else {
                self.ordered.push_back(call);
            }
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(call) = self.running.get_mut(index) {
            if poll_call::<R>(call, cx) {
                let call = self.running.swap_remove(index);
                self.finished(call.message);
            } else {
                index += 1;
            }
        }
    }

    fn poll_ordered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(call) = self.ordered.front_mut() {
            if !poll_call::<R>(call, cx) {
                return Poll::Pending;
            }
            let message = self.ordered.pop_front().and_then(|call| call.message);
            self.finished(message);
        }
        Poll::Ready(())
    }

    /// A call has finished: if it was the last one of its message, that is taken.
    fn finished(&mut self, message: Option<Place>) {
        let Some(index) = message else { return };
        let mut calls = self.ordered.iter().chain(&self.running);
        if !calls.any(|call| call.message == message) {
            act::<R, _>(&self.shared, |state| state.take(index, Consumer::Callbacks));
        }
    }
}

/// Whether the call has finished, be it by a panic.
fn poll_call<R: Runtime>(call: &mut Call, cx: &mut Context<'_>) -> bool {
    let mut finished = false;
    let future = &mut call.future;
    !R::catch(|| finished = future.as_mut().poll(cx).is_ready()) || finished
}

impl<R: Runtime<Listeners = Registered>> State<R> {
    /// The calls of the next event.
    fn next_call(&mut self, cx: &Context<'_>) -> Work {
        if let Some(event) = self.listeners.links.pop_front() {
            return Work::Calls(self.link_calls(event));
        }
        if let Some(index) = self.inbox.front(Consumer::Callbacks) {
            return Work::Calls(self.message_calls(index));
        }
        if self.closed {
            return Work::End;
        }
        Work::Wait(self.loops.register(Loop::Callbacks, cx.waker()))
    }

    fn link_calls(&self, event: LinkEvent) -> Vec<(Call, bool)> {
        let bindings = self.listeners.bindings.iter();
        let calls = bindings.filter_map(|(_, binding)| match (&binding.callback, event) {
            (Kind::Up(callback), LinkEvent::Up(session)) => {
                Some((Call::new(callback, session, None), binding.new_task))
            }
            (Kind::Down(callback), LinkEvent::Down(reason)) => {
                Some((Call::new(callback, reason, None), binding.new_task))
            }
            (Kind::Up(_) | Kind::Down(_) | Kind::Msg(_), _) => None,
        });
        calls.collect()
    }

    fn message_calls(&mut self, index: Place) -> Vec<(Call, bool)> {
        let message = self.inbox.message(index, self.core.config().version);
        // QoS 0 may be evicted at any time, and nobody waits for it to be taken.
        let held = message.token.is_some().then_some(index);
        let bindings = self.listeners.bindings.iter();
        let calls: Vec<_> = bindings
            .filter_map(|(_, binding)| match &binding.callback {
                Kind::Msg(callback) => {
                    Some((Call::new(callback, message.clone(), held), binding.new_task))
                }
                Kind::Up(_) | Kind::Down(_) => None,
            })
            .collect();
        if held.is_some() && !calls.is_empty() {
            self.inbox.advance(index, Consumer::Callbacks);
        } else {
            self.take(index, Consumer::Callbacks);
        }
        calls
    }
}

impl Call {
    /// The callback itself runs at the first poll, outside the lock.
    fn new<A: Send + 'static>(callback: &Callback<A>, arg: A, message: Option<Place>) -> Self {
        let callback = callback.clone();
        Self { future: Box::pin(async move { callback(arg).await }), message }
    }
}

impl<R: Runtime> fmt::Debug for Callbacks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks")
    }
}
