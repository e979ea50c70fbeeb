//! Connects, subscribes, publishes at QoS 0, 1 and 2, and prints what comes back.
//!
//! `cargo run -p mqtt-as-tokio --example quickstart` starts a small broker of its own.
//! `cargo run -p mqtt-as-tokio --example quickstart -- --server 127.0.0.1:1883` uses yours.

use std::error::Error;
use std::time::Duration;

use mqtt_as_tests::{broker::BrokerConfig, server::Server};
use mqtt_as_tokio::{Client, Config, QoS, event};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Without a server on the command line: a real broker in this process, on loopback.
    let own = server_argument().is_none().then(|| Server::start(BrokerConfig::default()));
    let server = server_argument().or_else(|| Some(own.as_ref()?.addr().to_string()));
    let (host, port) =
        server.as_deref().and_then(|s| s.rsplit_once(':')).ok_or("HOST:PORT, please")?;

    let client = Client::new(Config::new(host).port(port.parse()?).client_id("quickstart"))?;
    client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });

    let session = client.connect(true).await?;
    println!("up: session present: {}", session.session_present);

    let granted = client.subscribe("quickstart/#", QoS::ExactlyOnce).await?;
    println!("subscribed: granted {:?}", granted.qos());

    let mut queue = client.queue();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish("quickstart/hello", format!("published at {qos:?}")).qos(qos).await?;
        let message = timeout(Duration::from_secs(5), queue.next()).await?.ok_or("the end")?;
        let text = String::from_utf8_lossy(message.payload());
        println!("{} ({:?}): {text}", message.topic(), message.qos());
    }

    client.disconnect().await?;
    Ok(())
}

fn server_argument() -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--server");
    arguments.nth(1)
}
