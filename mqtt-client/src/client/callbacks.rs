//! Callbacks, for runtimes with a heap.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;

use super::Client;
use crate::config::Config;
use crate::memory::Memory;
use crate::receive::{
    CallbackId, Callbacks, EventKind, Registered, Start, register_callback, unregister_callback,
};
use crate::runner::Runner;
use crate::runtime::{Connect, Runtime};

impl<R: Start> Client<R> {
    /// Returns a client with those settings. Its driver and its callbacks run in tasks of their own,
    /// until the last handle is dropped. Nothing is sent before [`connect`](Self::connect).
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
    /// Returns a client with those settings and memory from the heap, and its two tasks, the driver
    /// and the callbacks: for runtimes where somebody else starts them.
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
    /// [`event::Down`](crate::event::Down) or [`event::Msg`](crate::event::Msg), with the options
    /// [`new_task`](EventKind::new_task) and [`udata`](EventKind::udata). There may be several
    /// callbacks per event.
    ///
    /// Callbacks run in a task of their own: while one waits, the driver goes on. One that blocks its
    /// thread has to tell the runtime so, as any task has (under tokio: `block_in_place`). A QoS 1
    /// or 2 message is acknowledged when its callbacks have finished. Links that come up or go down
    /// are told past messages that wait. A panic in a callback is caught where the runtime can, and
    /// delivery goes on. A callback that needs the client captures a
    /// [`WeakClient`](crate::WeakClient): a handle would keep the client alive.
    ///
    /// ```
    /// # use mqtt_as_client::{Client, EventKind, Registered, Runtime, event};
    /// # fn show<R: Runtime<Listeners = Registered>>(client: &Client<R>) {
    /// client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });
    /// let id = client.set_cb_on_event(event::Msg.new_task(), |message| async move {
    ///     println!("{}", message.topic());
    /// });
    /// assert!(client.unset_cb(id));
    /// # }
    /// ```
    pub fn set_cb_on_event<E, F, Fut>(&self, event: E, callback: F) -> CallbackId
    where
        E: EventKind,
        F: Fn(E::Arg) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let binding = event.bind(Arc::new(move |arg| Box::pin(callback(arg))));
        register_callback(&*self.shared, binding)
    }

    /// Ends a callback: false if it is not registered. Calls that have begun go on.
    pub fn unset_cb(&self, id: CallbackId) -> bool {
        unregister_callback(&*self.shared, id)
    }
}
