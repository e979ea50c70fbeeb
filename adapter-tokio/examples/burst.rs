//! Receives a burst of 20,000 messages at QoS 0 whole, however fast they come.
//! `cargo run -p mqtt-as-tokio --example burst -- 127.0.0.1:1883`

use std::error::Error;

use mqtt_as_tokio::{Client, Config, QoS};

const MESSAGES: u32 = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let client = Client::new(Config::new(&*server).client_id("receiver"))?;
    client.connect(true).await?;
    client.subscribe("burst", QoS::AtMostOnce).await?;

    let sender = Client::new(Config::new(&*server).client_id("sender"))?;
    sender.connect(true).await?;
    tokio::spawn(async move {
        for number in 0..MESSAGES {
            sender.publish("burst", number.to_be_bytes()).await.expect("a connection");
        }
    });

    let mut queue = client.queue();
    for number in 0..MESSAGES {
        let message = queue.next().await.ok_or("the client has ended")?;
        assert_eq!(message.payload(), number.to_be_bytes());
    }
    println!("received: {MESSAGES}, discarded: {}", client.statistics().discards);
    client.disconnect().await?;
    Ok(())
}
