//! Five tasks publish through one client: they share its connection and its writes.
//! `cargo run -p mqtt-as-tokio --example five_tasks -- 127.0.0.1:1883`

use std::error::Error;

use mqtt_as_tokio::{Client, Config, PublishError, QoS};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let client = Client::new(Config::new(server).client_id("five-tasks"))?;
    client.connect(true).await?;

    let mut tasks = Vec::new();
    for task in 1..=5 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            let topic = format!("tasks/{task}");
            for number in 1..=200 {
                client.publish(&topic, number.to_string()).qos(QoS::AtLeastOnce).await?;
            }
            Ok::<_, PublishError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    println!("acknowledged: {}", client.statistics().published);
    client.disconnect().await?;
    Ok(())
}
