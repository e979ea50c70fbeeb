//! Three receivers, each with a filter of its own; what none of them takes is in the queue.
//! `cargo run -p mqtt-as-smol --example smol_receivers -- 127.0.0.1:1883`

use std::error::Error;

use mqtt_as_smol::{Config, QoS};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let (client, driver) = mqtt_as_smol::new(Config::new(server).client_id("control-room"))?;
    smol::spawn(driver.run()).detach();
    client.connect(true).await?;
    let mut temperatures =
        client.subscribe("plant/+/temperature", QoS::AtMostOnce).receiver().await?;
    let mut alarms = client.subscribe("plant/+/alarm", QoS::ExactlyOnce).receiver().await?;
    let mut all = client.subscribe("plant/#", QoS::AtLeastOnce).receiver().await?;

    for (topic, payload) in
        [("plant/1/temperature", "21"), ("plant/2/alarm", "smoke"), ("plant/3/door", "open")]
    {
        client.publish(topic, payload).qos(QoS::AtLeastOnce).await?;
    }

    let temperature = temperatures.next().await.ok_or("the client has ended")?;
    println!("temperature: {}", String::from_utf8_lossy(temperature.payload()));
    let alarm = alarms.next().await.ok_or("the client has ended")?;
    println!("alarm: {}", String::from_utf8_lossy(alarm.payload()));
    for _ in 0..3 {
        let message = all.next().await.ok_or("the client has ended")?;
        println!("all: {}", message.topic());
    }
    client.disconnect().await?;
    Ok(())
}
