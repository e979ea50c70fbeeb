//! A service that answers, and a client that asks it (MQTT 5.0, section 4.10).
//! `cargo run -p mqtt-as-tokio --example request_response -- 127.0.0.1:1883`

use std::error::Error;
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, QoS, Version};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let config = Config::new(&*server).version(Version::V5).client_id("adder");
    let service = Client::new(config)?;
    service.connect(true).await?;
    let mut requests = service.subscribe("add", QoS::AtLeastOnce).receiver().await?;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let numbers = String::from_utf8_lossy(request.payload());
            let sum: i64 = numbers.split('+').filter_map(|n| n.trim().parse::<i64>().ok()).sum();
            service.respond(&request, sum.to_string()).await.ok();
        }
    });

    let config = Config::new(&*server).version(Version::V5).client_id("asks");
    let client = Client::new(config)?;
    client.connect(true).await?;
    for question in ["1 + 1", "2 + 3 + 4"] {
        let answer = client.request("add", question).timeout(Duration::from_secs(5)).await?;
        println!("{question} = {}", String::from_utf8_lossy(answer.payload()));
    }
    client.disconnect().await?;
    Ok(())
}
