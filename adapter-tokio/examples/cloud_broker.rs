//! A broker in the cloud: TLS with a CA of its own, and a certificate that says who this client is.
//! `cargo run -p mqtt-as-tokio --features tls --example cloud_broker -- HOST:8883 ca.pem my.pem my.key`

use std::error::Error;
use std::fs::read;

use mqtt_as_tokio::{Client, Config, QoS, Tls};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [server, ca, certificate, key] = &arguments[..] else { return Err("four".into()) };
    let tls = Tls::new().ca_pem(read(ca)?).client_pem(read(certificate)?, read(key)?);
    let config = Config::new(server.as_str()).client_id("pump-7").tls(tls);
    let client = Client::new(config)?;
    client.connect(true).await?;

    client.subscribe("plant/7/cmd", QoS::AtLeastOnce).await?;
    client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    let command = client.queue().next().await.ok_or("the end")?;
    println!("{}", String::from_utf8_lossy(command.payload()));
    client.disconnect().await?;
    Ok(())
}
