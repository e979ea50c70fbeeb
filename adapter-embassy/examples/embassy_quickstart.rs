//! Connects, subscribes, publishes at QoS 0, 1 and 2, and prints what comes back.
//!
//! `cargo run -p mqtt-as-embassy --example embassy_quickstart` starts a small broker of its own.
//! `cargo run -p mqtt-as-embassy --example embassy_quickstart -- --server 127.0.0.1:1883` uses yours, which
//! has to be on this machine.
//!
//! It runs on the host. What a board brings, a network driver and a stack over it, is here a
//! software wire: embassy's own TCP, and behind it a gateway to the ports of this machine.

use std::error::Error;

use embassy_executor::Spawner;
use embassy_time::{Duration, with_timeout};
use mqtt_as_embassy::{Config, QoS, Resources, Runner, event};
use mqtt_as_tests::{broker::BrokerConfig, server::Server, wire::Wire};
use static_cell::ConstStaticCell;

/// The client's memory: packets of 512 bytes; 2 KiB of messages that wait for an acknowledgement, 4 KiB
/// of received ones that wait to be taken; 4 calls that wait at once.
static RESOURCES: ConstStaticCell<Resources<512, 512, 2048, 4096, 4>> =
    ConstStaticCell::new(Resources::new());

#[embassy_executor::task]
async fn mqtt(runner: Runner) {
    runner.run().await;
}

#[embassy_executor::task]
async fn network(wire: &'static Wire) {
    wire.drive().await;
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let result = run(spawner).await;
    if let Err(error) = &result {
        eprintln!("Error: {error}");
    }
    std::process::exit(result.is_err().into()); // A board would go on.
}

async fn run(spawner: Spawner) -> Result<(), Box<dyn Error>> {
    // Without a server on the command line: a real broker in this process, on loopback.
    let own = server_argument().is_none().then(|| Server::start(BrokerConfig::default()));
    let server = server_argument().or_else(|| Some(own.as_ref()?.addr().to_string()));
    let (host, port) =
        server.as_deref().and_then(|s| s.rsplit_once(':')).ok_or("HOST:PORT, please")?;
    if !["127.0.0.1", "localhost"].contains(&host) {
        return Err("a HOST on this machine, please".into());
    }
    let port = port.parse()?;

    let wire: &'static Wire = Box::leak(Box::default());
    wire.forward(port);
    spawner.spawn(network(wire)?);

    let config = Config::new(Wire::HOST).port(port).client_id("quickstart");
    let (client, runner) = mqtt_as_embassy::new(wire.stack(), RESOURCES.take(), config)?;
    spawner.spawn(mqtt(runner)?);
    client.set_cb_on_event(event::Down, &|reason| println!("down: {reason}"));

    let session = client.connect(true).await?;
    println!("up: session present: {}", session.session_present);

    let granted = client.subscribe("quickstart/#", QoS::ExactlyOnce).await?;
    println!("subscribed: granted {:?}", granted.qos());

    let (mut queue, mut buffer) = (client.queue(), [0; 512]);
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let text = format!("published at {qos:?}");
        client.publish("quickstart/hello", text.as_str()).qos(qos).await?;
        let next = with_timeout(Duration::from_secs(5), queue.next_into(&mut buffer));
        let message = next.await.map_err(|_| "nothing came")??.ok_or("nothing came")?;
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
