//! What the list needs of a runtime: here smol.

use std::future::{Future, pending};
use std::panic::catch_unwind;
use std::sync::{Mutex, Once};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use async_io::{Timer, block_on};
use futures_lite::future::or;
pub(crate) use mqtt_as_smol as adapter;
pub(crate) use mqtt_as_smol::Client;

use adapter::{Config, ConfigError};

pub(crate) use crate::with_std::glue::{on_attempt, on_down, on_message, on_up};

pub(crate) const NAME: &str = "smol";

/// The longest wait of a story.
const BOUND: Duration = Duration::from_secs(10);

/// Threads for tasks, as many as may block at a time and some.
const THREADS: usize = 4;

static EXECUTOR: Executor<'static> = Executor::new();
static START: Once = Once::new();

/// Runs a story to its end.
pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    START.call_once(|| {
        for _ in 0..THREADS {
            thread::spawn(work);
        }
    });
    block_on(story)
}

/// A task that panics takes its thread's turn, not its thread.
fn work() {
    loop {
        let _ = catch_unwind(|| block_on(EXECUTOR.run(pending::<()>())));
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    soon(BOUND, future).await.expect("it has to happen within ten seconds")
}

/// What comes within that time, if it does.
pub(crate) async fn soon<T>(time: Duration, future: impl IntoFuture<Output = T>) -> Option<T> {
    let late = async {
        sleep(time).await;
        None
    };
    or(async { Some(future.into_future().await) }, late).await
}

pub(crate) async fn sleep(time: Duration) {
    Timer::after(time).await;
}

/// Blocks the thread: here there are enough.
pub(crate) fn block(time: Duration) {
    thread::sleep(time);
}

/// A task that runs beside the story.
pub(crate) struct Task<T>(Mutex<Option<async_executor::Task<T>>>);

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    Task(Mutex::new(Some(EXECUTOR.spawn(future))))
}

impl<T> Task<T> {
    fn take(&self) -> Option<async_executor::Task<T>> {
        self.0.lock().expect("no panic under the lock").take()
    }

    /// Waits for its end, and what it says.
    pub(crate) async fn end(self) -> T {
        let task = self.take().expect("it was not aborted");
        within(task).await
    }

    pub(crate) fn abort(self) {
        drop(self.take());
    }
}

/// Who forgets a task lets it go on.
impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(task) = self.take() {
            task.detach();
        }
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
    let (client, driver) = adapter::new(config)?;
    let (connection, callbacks) = driver.split();
    EXECUTOR.spawn(connection).detach();
    EXECUTOR.spawn(callbacks).detach();
    Ok(client)
}

/// A client, and what the story has to poll for it.
pub(crate) fn parts(config: Config) -> (Client, impl Future<Output = ()> + Send + 'static) {
    let (client, driver) = adapter::new(config).expect("settings that fit each other");
    (client, driver.run())
}
