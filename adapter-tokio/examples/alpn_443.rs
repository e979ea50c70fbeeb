//! MQTT on port 443 beside the web, told apart by ALPN, as AWS IoT Core has it.
//! `cargo run -p mqtt-as-tokio --features tls --example alpn_443 -- HOST ca.pem my.pem my.key [PORT]`

use std::error::Error;
use std::fs::read;

use mqtt_as_tokio::{Client, Config, QoS, Tls};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [host, ca, certificate, key, rest @ ..] = &arguments[..] else { return Err("four".into()) };
    let port = rest.first().map_or(Ok(443), |port| port.parse())?;
    let tls = Tls::new().ca_pem(read(ca)?).client_pem(read(certificate)?, read(key)?);
    let tls = tls.alpn(&["x-amzn-mqtt-ca"]);
    let config = Config::new(host.as_str()).port(port).client_id("pump-7").tls(tls);
    let client = Client::new(config)?;
    client.connect(true).await?;

    client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    println!("acknowledged");
    client.disconnect().await?;
    Ok(())
}
