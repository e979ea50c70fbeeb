//! Takes a backlog of thousands at its own pace: what it has not taken waits, here or at the broker.
//! `cargo run -p mqtt-as-tokio --example slow_consumer -- 127.0.0.1:1883`

use std::error::Error;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, QoS};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let client = Client::new(Config::new(server).client_id("archive"))?;
    client.connect(false).await?;
    client.subscribe("backlog", QoS::AtLeastOnce).await?;
    println!("up");

    let mut queue = client.queue();
    let mut taken = 0;
    while let Some(message) = queue.next().await {
        if message.payload() == b"last" {
            break;
        }
        taken += 1;
        tokio::time::sleep(Duration::from_millis(1)).await; // A slow disk.
    }
    println!("taken: {taken}, connections: {}", client.statistics().connections);
    client.disconnect().await?;
    Ok(())
}
