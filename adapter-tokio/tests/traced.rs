//! What a client tells `tracing`, on tokio. The tests are those of every runtime.

#[path = "../../tests/traced/mod.rs"]
mod traced;

mod runtime {
    use std::time::Duration;

    pub(crate) use mqtt_as_tokio as adapter;

    use adapter::{Client, Config};

    /// On this thread, where the subscriber is.
    pub(crate) fn run(story: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let story = async { tokio::time::timeout(Duration::from_secs(30), story).await };
        runtime.expect("a runtime").block_on(story).expect("an end in time");
    }

    pub(crate) fn client(config: Config) -> Client {
        Client::new(config).expect("settings that fit each other")
    }

    pub(crate) async fn pause() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
