//! Out of a factory through its proxy, over secure WebSocket: wss://HOST/mqtt PROXY NAME PASSWORD CA
//! `cargo run -p mqtt-as-tokio --all-features --example websocket_proxy -- (and these)`

use std::error::Error;

use mqtt_as_tokio::{Client, Config, Proxy, QoS, Tls};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, proxy, name, password, ca] = &arguments[..] else { return Err("five".into()) };
    let proxy = Proxy::http(proxy).user(name, password);
    let tls = Tls::new().ca_pem(std::fs::read(ca)?);
    let config = Config::url(url)?.proxy(proxy).tls(tls).client_id("pump-7");
    let client = Client::new(config)?;
    client.connect(true).await?;

    client.subscribe("plant/7/cmd", QoS::AtLeastOnce).await?;
    client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    let command = client.queue().next().await.ok_or("the end")?;
    println!("{}", String::from_utf8_lossy(command.payload()));
    client.disconnect().await?;
    Ok(())
}
