//! Says that it is there whenever it connects; the broker says that it is gone.
//! `cargo run -p mqtt-as-smol --example smol_will_and_birth -- 127.0.0.1:1883`

use std::error::Error;
use std::time::Duration;

use mqtt_as_smol::{Config, QoS, Reconnect, Will, event};

const STATE: &str = "devices/pump-7/state";

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let will = Will::new(STATE, "offline").qos(QoS::AtLeastOnce).retain(true);
    let config = Config::new(server).client_id("pump-7").will(will);
    let (client, driver) = mqtt_as_smol::new(config.reconnect(Reconnect::default()))?;
    smol::spawn(driver.run()).detach();
    let weak = client.downgrade(); // A callback must not keep its own client alive.
    client.set_cb_on_event(event::Up, move |_| {
        let client = weak.upgrade();
        async move {
            let Some(client) = client else { return };
            client.publish(STATE, "online").qos(QoS::AtLeastOnce).retain(true).await.ok();
        }
    });
    client.connect(true).await?;
    smol::Timer::after(Duration::from_secs(3)).await; // The work.
    client.publish(STATE, "switched off").qos(QoS::AtLeastOnce).retain(true).await?;
    client.disconnect().await?; // In order: the broker does not publish the will.
    Ok(())
}
