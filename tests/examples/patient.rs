//! A program that asks its server three times for a sign of life, and has little patience: for the tests of
//! programs that are stopped meanwhile. `patient 127.0.0.1:1883 5`, or `4` for 3.1.1.

use std::error::Error;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, Version};

// On one thread, where the timer and the socket are looked at together.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("the server is missing")?;
    let version = match arguments.next().as_deref() {
        Some("4") => Version::V311,
        _ => Version::V5,
    };
    let config = Config::new(server).version(version).client_id("patient");
    let client = Client::new(config.ping_timeout(Duration::from_secs(1)))?;
    client.connect(true).await?;
    for _ in 0..3 {
        println!("up: {}", client.broker_up().await);
    }
    println!("connections: {}", client.statistics().connections);
    client.disconnect().await?;
    Ok(())
}
