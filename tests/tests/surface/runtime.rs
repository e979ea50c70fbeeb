//! What the stories need of a runtime: here tokio.

use std::future::Future;
use std::time::Duration;

pub(crate) use mqtt_as_tokio::{Client, Tokio as Runtime};

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
    tokio::time::timeout(BOUND, future.into_future())
        .await
        .expect("it has to happen within ten seconds")
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

    pub(crate) fn abort(&self) {
        self.0.abort();
    }
}
