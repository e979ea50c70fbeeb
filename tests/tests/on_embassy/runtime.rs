//! What the list needs of a runtime: here embassy, on a software wire, with and without a heap.
//!
//! Everything is on one thread: the stack, the drivers, the tasks, the story. Nothing is `Send`.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use embassy_time::{Timer, with_timeout};
pub(crate) use mqtt_as_embassy as adapter;
pub(crate) use mqtt_as_embassy::Client;
use mqtt_as_tests::wire::{Stack, Wire};

use adapter::{Attempt, Config, ConfigError, DownReason, MessageRef, Resources, Session, event};

#[cfg(feature = "heap")]
pub(crate) const NAME: &str = "embassy";
#[cfg(not(feature = "heap"))]
pub(crate) const NAME: &str = "embassy without a heap";

/// The memory of a client. Where the list is told with a heap, it asks for more.
#[cfg(feature = "heap")]
type Memory = Resources<8192, 8192, 32_768, 131_072, 1100>;
#[cfg(not(feature = "heap"))]
type Memory = Resources<4096, 2048, 4096, 65_536, 16>;

/// The longest wait of a story.
const BOUND: Duration = Duration::from_secs(10);

thread_local! {
    /// The wire of the story on this thread.
    static WIRE: RefCell<Option<Rc<Wire>>> = const { RefCell::new(None) };
}

fn wire() -> Rc<Wire> {
    WIRE.with_borrow(Clone::clone).expect("a story that runs")
}

/// Runs a story to its end.
pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    let wire = Rc::new(Wire::new());
    WIRE.set(Some(wire.clone()));
    let value = wire.run(story);
    WIRE.take();
    value
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    soon(BOUND, future).await.expect("it has to happen within ten seconds")
}

/// What comes within that time, if it does.
pub(crate) async fn soon<T>(time: Duration, future: impl IntoFuture<Output = T>) -> Option<T> {
    with_timeout(ticks(time), future.into_future()).await.ok()
}

pub(crate) async fn sleep(time: Duration) {
    Timer::after(ticks(time)).await;
}

fn ticks(time: Duration) -> embassy_time::Duration {
    embassy_time::Duration::from_micros(time.as_micros() as u64)
}

/// A task that runs beside the story.
pub(crate) struct Task<T>(Option<Handle<T>>);

type Handle<T> = mqtt_as_tests::wire::Task<T>;

pub(crate) fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    Task(Some(wire().spawn(future)))
}

impl<T> Task<T> {
    /// Waits for its end, and what it says.
    pub(crate) async fn end(mut self) -> T {
        let task = self.0.take().expect("it was not aborted");
        within(task).await
    }

    pub(crate) fn abort(mut self) {
        drop(self.0.take());
    }
}

/// Who forgets a task lets it go on.
impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

/// The address under which that port of this machine is reached.
pub(crate) fn host(port: u16) -> &'static str {
    wire().forward(port);
    Wire::HOST
}

/// Lets that name lead to this machine, where that port is reached.
pub(crate) fn named(name: &str, port: u16) {
    wire().forward(port);
    wire().name(name, &[Wire::ADDRESS]);
}

/// A client that is driven.
pub(crate) fn client(config: Config) -> Client {
    try_client(config).expect("settings that fit each other")
}

/// The stack on this side of the wire.
pub(crate) fn stack() -> Stack<'static> {
    wire().stack()
}

pub(crate) fn try_client(config: Config) -> Result<Client, ConfigError> {
    let (client, runner) = adapter::new(stack(), memory(), config)?;
    drop(spawn(runner.run()));
    Ok(client)
}

/// A client, and what the story has to poll for it.
pub(crate) fn parts(config: Config) -> (Client, impl Future<Output = ()> + 'static) {
    let parts = adapter::new(stack(), memory(), config);
    let (client, runner) = parts.expect("settings that fit each other");
    (client, runner.run())
}

/// Lent for ever: a test's memory lives as long as the process.
fn memory() -> &'static mut Memory {
    Box::leak(Box::new(const { Memory::new() }))
}

/// Names a callback, for `unset_cb`.
pub(crate) type Callback = adapter::HandlerId;

/// Calls `told` with topic and payload of every message.
pub(crate) fn on_message(client: &Client, told: impl Fn(&str, &[u8]) + 'static) -> Callback {
    set(
        client,
        event::Msg,
        Box::new(move |message: &MessageRef<'_>| {
            told(message.topic(), message.payload());
        }),
    )
}

pub(crate) fn on_up(client: &Client, told: impl Fn(Session) + 'static) -> Callback {
    set(client, event::Up, Box::new(told))
}

pub(crate) fn on_down(client: &Client, told: impl Fn(DownReason) + 'static) -> Callback {
    set(client, event::Down, Box::new(told))
}

pub(crate) fn on_attempt(client: &Client, told: impl Fn(Attempt) + 'static) -> Callback {
    set(client, event::Reconnecting, Box::new(told))
}

fn set<E: adapter::HandledEvent>(client: &Client, event: E, told: Box<E::Function>) -> Callback {
    #[cfg(feature = "heap")]
    let callback = client.set_boxed_cb_on_event(event, told);
    #[cfg(not(feature = "heap"))]
    let callback = client.set_cb_on_event(event, Box::leak(told));
    callback.expect("a place for a callback")
}
