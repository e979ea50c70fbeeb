//! Carries messages from one broker to another at QoS 1: one is acknowledged to the first when the
//! second has acknowledged it, so none is lost whichever of them is restarted.
//! `cargo run -p mqtt-as-smol --example smol_bridge -- 127.0.0.1:1883 127.0.0.1:1884`

use std::error::Error;

use mqtt_as_smol::{Config, QoS, ReasonCode, Reconnect};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut servers = std::env::args().skip(1);
    let (from, to) = servers.next().zip(servers.next()).ok_or("FROM:PORT TO:PORT, please")?;
    let config = Config::new(from).client_id("bridge-in").manual_ack(true);
    let (client, driver) = mqtt_as_smol::new(config.reconnect(Reconnect::default()))?;
    smol::spawn(driver.run()).detach();
    let config = Config::new(to).client_id("bridge-out").reconnect(Reconnect::default());
    let (onward, driver) = mqtt_as_smol::new(config)?;
    smol::spawn(driver.run()).detach();
    client.connect(false).await?;
    onward.connect(false).await?;
    client.subscribe("up/#", QoS::AtLeastOnce).await?;
    println!("up");

    while let Some(message) = client.queue().next().await {
        let publish = onward.publish(message.topic(), message.payload());
        publish.qos(QoS::AtLeastOnce).retain(message.retain()).await?;
        client.ack(&message, ReasonCode::SUCCESS);
    }
    Ok(())
}
