//! Connects, subscribes, publishes at QoS 0, 1 and 2, and prints what comes back.
//!
//! `cargo run -p mqtt-as-smol --example smol_quickstart` starts a small broker of its own.
//! `cargo run -p mqtt-as-smol --example smol_quickstart -- --server 127.0.0.1:1883` uses yours.

use std::error::Error;
use std::time::Duration;

use async_executor::Executor;
use async_io::{Timer, block_on};
use futures_lite::future::or;
use mqtt_as_smol::{Config, QoS, event};
use mqtt_as_tests::{broker::BrokerConfig, server::Server};

fn main() -> Result<(), Box<dyn Error>> {
    let executor = Executor::new();
    block_on(executor.run(run(&executor)))
}

async fn run(executor: &Executor<'_>) -> Result<(), Box<dyn Error>> {
    // Without a server on the command line: a real broker in this process, on loopback.
    let own = server_argument().is_none().then(|| Server::start(BrokerConfig::default()));
    let server = server_argument().or_else(|| Some(own.as_ref()?.addr().to_string()));
    let (host, port) =
        server.as_deref().and_then(|s| s.rsplit_once(':')).ok_or("HOST:PORT, please")?;

    let config = Config::new(host).port(port.parse()?).client_id("quickstart");
    let (client, driver) = mqtt_as_smol::new(config)?;
    let driver = executor.spawn(driver.run());
    client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });

    let session = client.connect(true).await?;
    println!("up: session present: {}", session.session_present);

    let granted = client.subscribe("quickstart/#", QoS::ExactlyOnce).await?;
    println!("subscribed: granted {:?}", granted.qos());

    let mut queue = client.queue();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish("quickstart/hello", format!("published at {qos:?}")).qos(qos).await?;
        let message = or(queue.next(), nothing_after(Duration::from_secs(5))).await;
        let message = message.ok_or("nothing came")?;
        let text = String::from_utf8_lossy(message.payload());
        println!("{} ({:?}): {text}", message.topic(), message.qos());
    }

    client.disconnect().await?;
    drop(queue);
    drop(client);
    driver.await; // Until all is said.
    Ok(())
}

async fn nothing_after<T>(time: Duration) -> Option<T> {
    Timer::after(time).await;
    None
}

fn server_argument() -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--server");
    arguments.nth(1)
}
