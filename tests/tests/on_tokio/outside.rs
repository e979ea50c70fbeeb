//! Where no tokio runs.

use mqtt_as_tokio::{Client, Config, ConfigError};

#[test]
fn a_client_outside_of_a_runtime_is_an_error_and_no_panic() {
    let error = Client::new(Config::new("broker.example")).expect_err("no runtime");
    assert_eq!(error, ConfigError::NoRuntime);
    assert!(error.to_string().contains("runtime"), "{error}");
    // Inside one, entered or in a task, it is a client.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let entered = runtime.enter();
    Client::new(Config::new("broker.example")).expect("a client");
    drop(entered);
    runtime.block_on(async { Client::new(Config::new("broker.example")) }).expect("a client");
}
