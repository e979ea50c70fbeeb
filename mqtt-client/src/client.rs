//! The handle: what a program does with its connection.

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};

use mqtt_as_proto::PacketId;
use mqtt_as_proto::client::OtherProtocols;

use crate::config::Config;
use crate::driver::News;
use crate::event::Statistics;
use crate::memory::Memory;
use crate::runner::Runner;
use crate::runtime::{Connect, Lock, Runtime, ask, guard, with_state};
use crate::state::State;

/// The handle of a client: cheap to clone, shared by any number of tasks.
///
/// When the driver is gone, every call returns `Closed`.
///
/// # The end of a program
/// When the last handle is dropped, the driver sends what was accepted and DISCONNECT, and ends.
/// It takes time for that, and nobody waits for it: a program that ends at once, or whose runtime does,
/// takes the driver along. A QoS 0 publish that has returned is accepted, not yet sent: it may be lost
/// then; and without DISCONNECT the server publishes the will. So end with
/// [`disconnect`](Self::disconnect), which waits until all that is on the wire; and if what was
/// published has to be acknowledged, with [`drain`](Self::drain) before it. Whoever runs the driver in a
/// task of its own, from [`with_runner`](Self::with_runner), can wait for the end of that task instead.
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// # use core::time::Duration;
/// if !client.drain(Duration::from_secs(5)).await {
///     println!("something is not acknowledged");
/// }
/// let _ = client.disconnect().await; // No connection, nothing to end.
/// # });
/// ```
///
/// `L` is always the runtime's kind of callbacks: it lets each kind have its own `set_cb_on_event`.
pub struct Client<R: Runtime, L = <R as Runtime>::Listeners> {
    pub(crate) shared: R::Pointer,
    /// Connections and losses that `up` and `down` of this handle have told.
    pub(crate) ups: AtomicU32,
    pub(crate) downs: AtomicU32,
    pub(crate) listeners: R::Listeners,
    kind: PhantomData<fn() -> L>,
}

impl<R: Runtime> Client<R> {
    /// Returns a handle and its driver, with those settings and that memory: for adapters, whose
    /// own constructors call it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use mqtt_as_client::{Client, Config, Memory};
    /// # use mqtt_as_tokio::{Tokio, Transport};
    /// let config = Config::new("broker.example");
    /// let memory = Memory::heap(&config);
    /// let (client, runner) =
    ///     Client::<Tokio>::with_runner(config, memory, Transport::default(), Arc::new)?;
    /// // `runner.run()` goes into a task, or is joined with the program.
    /// # drop((client, runner));
    /// # Ok::<_, mqtt_as_client::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) names settings and memory that do not fit each other.
    // Out of line: the state passes over the stack, and its place must not stay the caller's.
    #[inline(never)]
    pub fn with_runner<C: Connect>(
        mut config: Config,
        mut memory: Memory,
        connect: C,
        pointer: impl FnOnce(R::Lock) -> R::Pointer,
    ) -> Result<(Self, Runner<R, C>), crate::ConfigError> {
        if config.between.is_some() && !C::TAKES_LAYERS {
            return Err(crate::ConfigError::OwnTransport);
        }
        if C::TAKES_HOST {
            config.kept.take_apart()?;
            config.core.other_protocols = Some(OtherProtocols::NAMED);
        }
        if config.kept.port == 0 {
            config.kept.port = config.between.port();
        }
        memory.fit(&config.sizes, &mut config.core)?;
        config.core.check_memory(&memory.core)?;
        let Memory { core, outbox, waiters, link_events, client_id, read } = memory;
        let state = State::new(config, core, waiters, link_events, client_id, R::now, guard::<R>);
        let shared = pointer(R::Lock::new(state));
        let client = Self::telling(shared.clone(), 0, 0, R::Listeners::default());
        Ok((client, Runner::new(shared, connect, outbox, read)))
    }

    /// A handle, counted already, that has told of so many connections and losses.
    fn telling(shared: R::Pointer, ups: u32, downs: u32, listeners: R::Listeners) -> Self {
        let (ups, downs) = (AtomicU32::new(ups), AtomicU32::new(downs));
        Self { shared, ups, downs, listeners, kind: PhantomData }
    }

    /// Does something with the shared state.
    pub(crate) fn with_state<T: Default>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        ask(&*self.shared, f).unwrap_or_default()
    }

    /// Returns whether the server has accepted the connection and it is not known to be lost.
    /// [`broker_up`](Self::broker_up) asks the server.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// assert!(client.is_connected());
    /// client.disconnect().await?;
    /// assert!(!client.is_connected());
    /// # });
    /// ```
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.with_state(|state| state.core.is_connected())
    }

    /// Ends the publish with that packet identifier, which [`down`](Self::down) called poison: its
    /// call ends with its fate. Returns false if there is none.
    ///
    /// ```
    /// use mqtt_as_tokio::DownReason;
    ///
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// while let Some(reason) = client.down().await {
    ///     if let DownReason::Poison(id) = reason {
    ///         client.give_up(id);
    ///     }
    ///     client.connect(false).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn give_up(&self, id: u16) -> bool {
        let Some(id) = PacketId::new(id) else { return false };
        self.with_state(|state| {
            let (core, mut told) = state.split();
            let done = core.give_up(id, &mut told.tell());
            state.settle();
            done
        })
    }

    /// Returns the reason string and the Server Reference with which the server last refused or
    /// ended a connection, 5.0 only (3.2.2.3.9, 3.2.2.3.16, 3.14.2.2).
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Err(error) = client.connect(true).await {
    ///     eprintln!("{error}: {}", client.server_words().reason.unwrap_or_default());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn server_words(&self) -> crate::ServerWords {
        self.with_state(|state| state.link.assigned.words.as_deref().cloned().unwrap_or_default())
    }

    /// Returns counts since the client was made, and the memory that it has now.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// client.publish("plant/7/state", "running").await?;
    /// assert_eq!(client.statistics().published, 1);
    /// assert_eq!(client.statistics().connections, 1);
    /// # });
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.with_state(|state| {
            let (counts, core) = (state.counts, state.core.counts());
            Statistics {
                connections: counts.connections,
                attempts: counts.attempts,
                received: core.received,
                published: counts.published,
                discards: core.discards,
                unclaimed: state.kept.unclaimed(),
                shed: core.shed,
                too_large: core.too_large + u64::from(counts.too_large),
                unsent: u64::from(counts.unsent),
                allocated: state.core.allocated_bytes(),
            }
        })
    }

    /// Returns a handle that does not keep the client alive: for callbacks, which would keep it for
    /// ever.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::event;
    ///
    /// let weak = client.downgrade();
    /// client.set_cb_on_event(event::Msg, move |message| {
    ///     let weak = weak.clone();
    ///     async move {
    ///         let Some(client) = weak.upgrade() else { return };
    ///         let _ = client.publish("seen", message.topic()).await;
    ///     }
    /// });
    /// # });
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakClient<R> {
        WeakClient { shared: self.shared.clone(), listeners: self.listeners.clone() }
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        ask(&*self.shared, |state| state.handles += 1);
        let told = |seen: &AtomicU32| seen.load(Ordering::Relaxed);
        let (ups, downs) = (told(&self.ups), told(&self.downs));
        Self::telling(self.shared.clone(), ups, downs, self.listeners.clone())
    }
}

impl<R: Runtime, L> Drop for Client<R, L> {
    fn drop(&mut self) {
        with_state(&*self.shared, |state| {
            state.handles -= 1;
            if state.handles == 0 {
                state.driver.notify(News::LINK);
                state.driver.notify_callbacks();
            }
        });
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("is_connected", &self.is_connected()).finish_non_exhaustive()
    }
}

/// A handle that does not keep the client alive. Made by [`Client::downgrade`].
pub struct WeakClient<R: Runtime> {
    shared: R::Pointer,
    listeners: R::Listeners,
}

impl<R: Runtime> WeakClient<R> {
    /// Returns a full handle, unless the last one is gone.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// let weak = client.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(client);
    /// assert!(weak.upgrade().is_none());
    /// # });
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Client<R>> {
        let alive = ask(&*self.shared, |state| {
            let alive = state.handles != 0 && !state.closed;
            state.handles += u32::from(alive);
            alive.then_some((state.link.ups, state.link.downs))
        });
        // It tells of what happens from here on.
        let (ups, downs) = alive.flatten()?;
        Some(Client::telling(self.shared.clone(), ups, downs, self.listeners.clone()))
    }
}

impl<R: Runtime> Clone for WeakClient<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), listeners: self.listeners.clone() }
    }
}

opaque!(WeakClient);
