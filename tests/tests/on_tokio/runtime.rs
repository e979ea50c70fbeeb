//! What the list needs of a runtime: here tokio.

use std::future::Future;
use std::time::Duration;

use mqtt_as_client::Start;
pub(crate) use mqtt_as_tokio as adapter;
pub(crate) use mqtt_as_tokio::{Client, Tokio as Runtime};

use adapter::{Config, ConfigError};

pub(crate) use crate::with_std::glue::{on_attempt, on_down, on_message, on_up};

pub(crate) const NAME: &str = "tokio";

/// The longest wait of a story.
const BOUND: Duration = Duration::from_secs(10);

/// Runs a story to its end.
pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
    let value = runtime.block_on(story);
    runtime.shutdown_timeout(Duration::from_millis(100));
    value
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    soon(BOUND, future).await.expect("it has to happen within ten seconds")
}

/// What comes within that time, if it does.
pub(crate) async fn soon<T>(time: Duration, future: impl IntoFuture<Output = T>) -> Option<T> {
    tokio::time::timeout(time, future.into_future()).await.ok()
}

pub(crate) async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Blocks the thread, as this runtime wants it from whoever must: else a worker that blocks may be
/// the one that all others wait for.
pub(crate) fn block(time: Duration) {
    tokio::task::block_in_place(|| std::thread::sleep(time));
}

/// A task that runs beside the story.
pub(crate) struct Task<T>(tokio::task::JoinHandle<T>);

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    Task(tokio::spawn(future))
}

impl<T> Task<T> {
    /// Waits for its end, and what it says.
    pub(crate) async fn end(self) -> T {
        within(self.0).await.expect("a task that does not panic")
    }

    pub(crate) fn abort(self) {
        self.0.abort();
    }
}

/// The address under which the ports of this machine are reached.
pub(crate) fn host(_port: u16) -> &'static str {
    "127.0.0.1"
}

/// A client that is driven.
pub(crate) fn client(config: Config) -> Client {
    try_client(config).expect("settings that fit each other")
}

pub(crate) fn try_client(config: Config) -> Result<Client, ConfigError> {
    Client::new(config)
}

/// A client, and what the story has to poll for it.
pub(crate) fn parts(config: Config) -> (Client, impl Future<Output = ()> + Send + 'static) {
    let connector = Runtime::connector(&config).expect("layers that fit each other");
    let parts = Client::with_tasks(config, connector, Runtime::share);
    let (client, runner, callbacks) = parts.expect("settings that fit each other");
    (client, async {
        tokio::join!(runner.run(), callbacks.run());
    })
}
