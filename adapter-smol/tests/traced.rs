//! What a client tells `tracing`, on smol. The tests are those of every runtime.

#[path = "../../tests/traced/mod.rs"]
mod traced;

mod runtime {
    use std::cell::RefCell;
    use std::time::Duration;

    use async_executor::LocalExecutor;
    use async_io::{Timer, block_on};
    use futures_lite::future::or;

    pub(crate) use mqtt_as_smol as adapter;

    use adapter::{Client, Config};

    thread_local! {
        static EXECUTOR: RefCell<&'static LocalExecutor<'static>> =
            RefCell::new(Box::leak(Box::new(LocalExecutor::new())));
    }

    /// On this thread, where the subscriber is.
    pub(crate) fn run(story: impl Future<Output = ()>) {
        let executor = EXECUTOR.with_borrow(|executor| *executor);
        let late = async {
            Timer::after(Duration::from_secs(30)).await;
            panic!("an end in time");
        };
        block_on(executor.run(or(story, late)));
    }

    pub(crate) fn client(config: Config) -> Client {
        let (client, driver) = adapter::new(config).expect("settings that fit each other");
        EXECUTOR.with_borrow(|executor| executor.spawn(driver.run()).detach());
        client
    }

    pub(crate) async fn pause() {
        Timer::after(Duration::from_millis(1)).await;
    }
}
