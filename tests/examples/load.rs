//! Loads the tokio adapter against the `stub` server, for counts of instructions and system calls.
//!
//! `load HOST:PORT WORK COUNT`, where WORK is `publish0`, `publish1`, `publish2`, `receive0`,
//! `receive1` or `ping-pong`. `tests/figures` runs it under the counting tools.

use mqtt_as_tokio::{Client, Config, Overflow, QoS, Version};

const TOPIC: &str = "figures/topic/20byte";
const PAYLOAD: &[u8] = &[b'x'; 64];
const WINDOW: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, server, work, count] = &arguments[..] else { panic!("load HOST:PORT WORK COUNT") };
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    let count: usize = count.parse().expect("a count");
    let window: usize = std::env::var("WINDOW").map_or(WINDOW, |w| w.parse().expect("a window"));
    let config = Config::new(host).port(port.parse().expect("a port")).version(Version::V311);
    // Every message counts: a consumer slowed down by counting must not miss any.
    let config = config.overflow(Overflow::Wait).send_window(1000).receive_maximum(1000);
    let client = Client::new(config.client_id("load")).expect("settings that fit");
    client.connect(true).await.expect("a connection");
    match work.as_str() {
        "publish0" => publish(&client, QoS::AtMostOnce, count, 1).await,
        "publish1" => publish(&client, QoS::AtLeastOnce, count, window).await,
        "publish2" => publish(&client, QoS::ExactlyOnce, count, window).await,
        "receive0" => receive(&client, QoS::AtMostOnce, count).await,
        "receive1" => receive(&client, QoS::AtLeastOnce, count).await,
        "ping-pong" => publish(&client, QoS::AtLeastOnce, count, 1).await,
        work => panic!("unknown work {work}"),
    }
    client.disconnect().await.expect("a proper end");
}

/// Publishes from `window` tasks, each of which awaits every publish.
async fn publish(client: &Client, qos: QoS, count: usize, window: usize) {
    let tasks: Vec<_> = (0..window)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..count / window {
                    client.publish(TOPIC, PAYLOAD).qos(qos).await.expect("published");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task that ends");
    }
}

/// The stub sends `count` messages to this subscription: its filter says how many.
async fn receive(client: &Client, qos: QoS, count: usize) {
    let mut queue = client.queue();
    client.subscribe(&format!("send/{count}"), qos).await.expect("subscribed");
    for _ in 0..count {
        queue.next().await.expect("a message");
    }
    assert_eq!(client.statistics().discards, 0);
}
