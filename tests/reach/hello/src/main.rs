//! Connects, subscribes, publishes, and prints what comes back.

use mqtt_as_tokio::{Client, Config, QoS};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::new(config())?;
    client.connect(true).await?;
    client.subscribe("hello", QoS::AtLeastOnce).await?;
    client.publish("hello", "world").qos(QoS::AtLeastOnce).await?;
    if let Some(message) = client.queue().next().await {
        println!("{}", String::from_utf8_lossy(message.payload()));
    }
    client.disconnect().await?;
    Ok(())
}

#[cfg(not(feature = "tls"))]
fn config() -> Config {
    Config::new("localhost").client_id("hello")
}

#[cfg(feature = "tls")]
fn config() -> Config {
    let ca = include_bytes!("../../ca.pem");
    Config::new("localhost").client_id("hello").tls(mqtt_as_tokio::Tls::new().ca_pem(*ca))
}
