//! Loads the tokio adapter against the `stub` server, for counts of instructions, system calls and
//! allocations.
//!
//! `load HOST:PORT WORK COUNT`, where WORK is
//!
//! * `publish-QOS-tasks-N`: N tasks, each of which awaits every publish; with `-reverse` behind it
//!   the server acknowledges every N messages in reverse order,
//! * `publish-QOS-receipts-N`, also with `-reverse`: one task that keeps N receipts and awaits the
//!   oldest,
//! * `publish-16k`: payloads of 16 KiB at QoS 0,
//! * `receive-QOS-next`, `receive-16k`, `receive-1m`: one message at a time; payloads of 16 KiB and of
//!   1 MiB at QoS 0,
//! * `receive-QOS-many`: up to 100 messages at a time,
//! * `round-trip`: messages at QoS 0 that come back, one in flight,
//! * `connect`: connects and disconnects, one after the other,
//! * `idle`: that many connected clients; the process ends while they live.
//!
//! With the file of a CA's certificate in the variable `MQTT_AS_CA` it speaks TLS.
//!
//! `tests/figures` runs it under the counting tools, and so does `tests/reach/run`.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use mqtt_as_tokio::{Client, Config, Overflow, QoS, Tls, Version};

const TOPIC: &str = "figures/topic/20byte";
/// What is published to it, the stub sends back.
const ECHO: &str = "echo/topic/of/20byte";
const PAYLOAD: &[u8] = &[b'x'; 64];
/// The largest window of a work, and room for it.
const WINDOW: u16 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, work, count] = &arguments[..] else { panic!("load HOST:PORT WORK COUNT") };
    let (server, work) = (server.clone(), work.clone());
    let count = number(count);
    // As in a program: what the runtime's outermost future costs is not the client's.
    tokio::spawn(async move { run(&server, &work, count).await }).await.expect("work that ends");
}

async fn run(server: &str, work: &str, count: usize) {
    let words: Vec<&str> = work.split('-').collect();
    match words[..] {
        ["publish", qos_, "tasks", tasks] | ["publish", qos_, "tasks", tasks, "reverse"] => {
            let client = connected(server, &acknowledged(work, tasks)).await;
            publish(&client, qos(qos_), count, number(tasks)).await;
            end(&client).await;
        }
        ["publish", qos_, "receipts", receipts]
        | ["publish", qos_, "receipts", receipts, "reverse"] => {
            let client = connected(server, &acknowledged(work, receipts)).await;
            publish_by_receipts(&client, qos(qos_), count, number(receipts)).await;
            end(&client).await;
        }
        ["publish", "16k"] => {
            let client = connected(server, "load").await;
            publish_large(&client, count).await;
            end(&client).await;
        }
        ["receive", qos_, "next"] => {
            let client = connected(server, "load").await;
            receive(&client, qos(qos_), count, PAYLOAD.len()).await;
            end(&client).await;
        }
        ["receive", qos_, "many"] => {
            let client = connected(server, "load").await;
            receive_many(&client, qos(qos_), count).await;
            end(&client).await;
        }
        ["receive", "16k"] => {
            let client = connected(server, "load").await;
            receive(&client, QoS::AtMostOnce, count, 16 << 10).await;
            end(&client).await;
        }
        ["receive", "1m"] => {
            let client = connected(server, "load").await;
            receive(&client, QoS::AtMostOnce, count, 1 << 20).await;
            end(&client).await;
        }
        ["round", "trip"] => {
            let client = connected(server, "load").await;
            round_trip(&client, count).await;
            end(&client).await;
        }
        ["connect"] => connect(server, count).await,
        ["idle"] => idle(server, count).await,
        _ => panic!("unknown work {work}"),
    }
}

/// Publishes from `tasks` tasks, each of which awaits every publish.
async fn publish(client: &Client, qos: QoS, count: usize, tasks: usize) {
    assert_eq!(count % tasks, 0, "the stub acknowledges whole windows");
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..count / tasks {
                    client.publish(TOPIC, PAYLOAD).qos(qos).await.expect("published");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task that ends");
    }
}

/// Publishes from this task, which awaits the oldest of `window` receipts.
async fn publish_by_receipts(client: &Client, qos: QoS, count: usize, window: usize) {
    assert_eq!(count % window, 0, "the stub acknowledges whole windows");
    let mut receipts = VecDeque::with_capacity(window);
    for _ in 0..count {
        let receipt = client.publish(TOPIC, PAYLOAD).qos(qos).send().await.expect("accepted");
        receipts.push_back(receipt);
        if receipts.len() == window {
            let oldest = receipts.pop_front().expect("as many as the window is wide");
            oldest.await.expect("acknowledged");
        }
    }
    for receipt in receipts {
        receipt.await.expect("acknowledged");
    }
}

async fn publish_large(client: &Client, count: usize) {
    let payload = Bytes::from(vec![b'x'; 16 << 10]);
    for _ in 0..count {
        client.publish(TOPIC, &payload).await.expect("published");
    }
}

/// Subscribes to `count` messages with payloads of `len` bytes: the stub reads it in the filter.
async fn subscribe(client: &Client, qos: QoS, count: usize, len: usize) {
    client.subscribe(&format!("send/{count}/{len}"), qos).await.expect("subscribed");
}

async fn receive(client: &Client, qos: QoS, count: usize, len: usize) {
    let mut queue = client.queue();
    subscribe(client, qos, count, len).await;
    for _ in 0..count {
        let message = queue.next().await.expect("a message");
        assert_eq!(message.payload().len(), len);
    }
    assert_eq!(client.statistics().discards, 0);
}

async fn receive_many(client: &Client, qos: QoS, count: usize) {
    let (mut queue, mut messages) = (client.queue(), Vec::with_capacity(100));
    subscribe(client, qos, count, PAYLOAD.len()).await;
    let mut received = 0;
    while received < count {
        let n = queue.next_many(&mut messages, 100).await;
        assert!(n != 0 && n == messages.len());
        assert!(messages.drain(..).all(|message| message.payload().len() == PAYLOAD.len()));
        received += n;
    }
    assert_eq!(client.statistics().discards, 0);
}

async fn round_trip(client: &Client, count: usize) {
    let mut queue = client.queue();
    client.subscribe(ECHO, QoS::AtMostOnce).await.expect("subscribed");
    for _ in 0..count {
        client.publish(ECHO, PAYLOAD).await.expect("published");
        queue.next().await.expect("the message that comes back");
    }
}

async fn connect(server: &str, count: usize) {
    let client = client(server, "load");
    for _ in 0..count {
        client.connect(true).await.expect("a connection");
        client.disconnect().await.expect("a proper end");
    }
}

/// What is live when the process ends is what the idle clients hold.
async fn idle(server: &str, count: usize) {
    let mut clients = Vec::new();
    for n in 0..count {
        let config = config(server, &format!("idle-{n}"));
        let client = Client::new(config).expect("settings that fit");
        client.connect(true).await.expect("a connection");
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(clients.iter().all(Client::is_connected));
    std::process::exit(0);
}

fn config(server: &str, client_id: &str) -> Config {
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    let port = port.parse().expect("a port");
    let config = Config::new(host).port(port).version(Version::V311).client_id(client_id);
    match std::env::var("MQTT_AS_CA") {
        Ok(file) => config.tls(Tls::new().ca_pem(std::fs::read(file).expect("a CA"))),
        Err(_) => config,
    }
}

fn client(server: &str, client_id: &str) -> Client {
    let config = config(server, client_id).send_window(WINDOW).in_flight(WINDOW + 100);
    // Every message counts: a consumer slowed down by counting must not miss any.
    let config = config.overflow(Overflow::Wait).receive_maximum(1000);
    Client::new(config).expect("settings that fit")
}

async fn connected(server: &str, client_id: &str) -> Client {
    let client = client(server, client_id);
    client.connect(true).await.expect("a connection");
    client
}

async fn end(client: &Client) {
    client.disconnect().await.expect("a proper end");
}

/// The client identifier that tells the stub how to acknowledge.
fn acknowledged(work: &str, window: &str) -> String {
    let order = if work.ends_with("-reverse") { "reverse" } else { "order" };
    format!("acks/{window}/{order}")
}

fn qos(word: &str) -> QoS {
    match word {
        "0" => QoS::AtMostOnce,
        "1" => QoS::AtLeastOnce,
        "2" => QoS::ExactlyOnce,
        _ => panic!("a QoS is 0, 1 or 2"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}
