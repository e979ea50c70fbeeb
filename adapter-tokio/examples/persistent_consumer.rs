//! A consumer with a session of its own that acknowledges what it has done: killed and started again,
//! it goes on where it was. `cargo run -p mqtt-as-tokio --example persistent_consumer -- 127.0.0.1:1883`

use std::error::Error;

use mqtt_as_tokio::{Client, Config, QoS, ReasonCode, Reconnect};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let config = Config::new(server).client_id("billing").manual_ack(true);
    let client = Client::new(config.reconnect(Reconnect::default()))?;
    let session = client.connect(false).await?;
    println!("session present: {}", session.session_present);
    client.subscribe("orders", QoS::AtLeastOnce).await?;

    while let Some(order) = client.queue().next().await {
        println!("done: {}", String::from_utf8_lossy(order.payload())); // The work.
        client.ack(&order, ReasonCode::SUCCESS);
        if order.payload() == b"last" {
            break;
        }
    }
    client.disconnect().await?;
    Ok(())
}
