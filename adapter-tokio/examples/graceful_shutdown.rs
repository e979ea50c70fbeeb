//! Ends in order at Ctrl-C: what was accepted is sent and acknowledged first.
//! `cargo run -p mqtt-as-tokio --example graceful_shutdown -- 127.0.0.1:1883`

use std::error::Error;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, QoS};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let client = Client::new(Config::new(server).client_id("logger"))?;
    client.connect(true).await?;
    println!("up");

    let work = async {
        for number in 1u64.. {
            let publish = client.publish("log", number.to_string()).qos(QoS::AtLeastOnce);
            drop(publish.send().await?); // Accepted.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    tokio::select! {
        result = work => result?,
        signal = tokio::signal::ctrl_c() => signal?,
    }
    let drained = client.drain(Duration::from_secs(5)).await;
    println!("accepted: {}, all acknowledged: {drained}", client.statistics().published);
    client.disconnect().await?;
    Ok(())
}
