//! Out of a factory through its proxy, over secure WebSocket: wss://HOST/mqtt PROXY NAME PASSWORD CA
//! `cargo run -p mqtt-as-smol --all-features --example smol_websocket_proxy -- (and these)`

use std::error::Error;

use mqtt_as_smol::{Config, Proxy, QoS, Tls};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, proxy, name, password, ca] = &arguments[..] else { return Err("five".into()) };
    let proxy = Proxy::http(proxy).user(name, password);
    let tls = Tls::new().ca_pem(std::fs::read(ca)?);
    let config = Config::url(url)?.proxy(proxy).tls(tls).client_id("pump-7");
    let (client, driver) = mqtt_as_smol::new(config)?;
    smol::spawn(driver.run()).detach();
    client.connect(true).await?;

    client.subscribe("plant/7/cmd", QoS::AtLeastOnce).await?;
    client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;
    let command = client.queue().next().await.ok_or("the end")?;
    println!("{}", String::from_utf8_lossy(command.payload()));
    client.disconnect().await?;
    Ok(())
}
