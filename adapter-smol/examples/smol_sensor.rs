//! A sensor on a poor link: its readings are kept while there is no connection, which comes back by
//! itself. `cargo run -p mqtt-as-smol --example smol_sensor -- 127.0.0.1:1883`

use std::error::Error;
use std::time::Duration;

use mqtt_as_smol::{Config, QoS, Reconnect, event};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let config = Config::new(server).client_id("sensor-7").reconnect(Reconnect::default());
    let (client, driver) = mqtt_as_smol::new(config)?;
    smol::spawn(driver.run()).detach();
    client.set_cb_on_event(event::Up, |_| async { println!("up") });
    client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });
    client.connect(false).await?;

    for reading in 1..=100 {
        let publish = client.publish("plant/7/temperature", reading.to_string());
        drop(publish.qos(QoS::AtLeastOnce).send().await?); // Accepted: it arrives, sooner or later.
        smol::Timer::after(Duration::from_millis(50)).await;
    }
    let drained = client.drain(Duration::from_secs(30)).await;
    println!("all acknowledged: {drained}");
    client.disconnect().await?;
    Ok(())
}
