//! Callbacks, for runtimes without a heap.

use super::Client;
use crate::config::Config;
use crate::memory::Memory;
use crate::receive::{
    HandledEvent, HandlerId, Handlers, Handling, LentHandlers, register_handler, unregister_handler,
};
use crate::runner::Runner;
use crate::runtime::{Connect, Runtime};

impl<R: Runtime<Listeners = Handlers>> Client<R, Handlers> {
    /// Calls `callback` on every such event, from now on: [`event::Up`](crate::event::Up),
    /// [`event::Down`](crate::event::Down) or [`event::Msg`](crate::event::Msg). There may be four
    /// callbacks per event; `None` says that there are, or that the client was made without memory
    /// for callbacks.
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
        register_handler(&*self.shared, self.listeners, event.bind(callback))
    }

    /// Calls a closure on the heap on every such event, as
    /// [`set_cb_on_event`](Self::set_cb_on_event) does.
    #[cfg(feature = "alloc")]
    pub fn set_boxed_cb_on_event<E: HandledEvent>(
        &self,
        event: E,
        callback: alloc::boxed::Box<E::Function>,
    ) -> Option<HandlerId> {
        register_handler(&*self.shared, self.listeners, event.bind_boxed(callback))
    }

    /// Ends a callback: false if it is not registered. A call that has begun goes on.
    pub fn unset_cb(&self, id: HandlerId) -> bool {
        unregister_handler(&*self.shared, self.listeners, id)
    }

    /// Returns a client with those settings and that memory, and its two tasks: the driver, and the
    /// callbacks, which have `handlers` for themselves.
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
