//! Loads rumqttc against the `stub` server, as `tests/examples/load.rs` does this client.
//!
//! `load-rumqttc HOST:PORT WORK COUNT`, where WORK is `publish-QOS`, with 100 in flight at QoS 1 and 2, `publish-16k`,
//! `receive-QOS`, `receive-16k`, `receive-1m` or `round-trip`; over TLS with the file of a CA's certificate in the
//! variable `MQTT_AS_CA`.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, Outgoing, QoS,
    TlsConfiguration, Transport,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

const TOPIC: &str = "figures/topic/20byte";
/// What is published to it, the stub sends back.
const ECHO: &str = "echo/topic/of/20byte";
const PAYLOAD: &[u8] = &[b'x'; 64];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, work, count] = &arguments[..] else { panic!("load HOST:PORT WORK COUNT") };
    let (client, events) = connect(server);
    let (work, count) = (work.clone(), count.parse().expect("a number"));
    // As in a program: what the runtime's outermost future costs is not the client's.
    tokio::spawn(async move { run(client, events, &work, count).await }).await.expect("an end");
}

fn connect(server: &str) -> (AsyncClient, EventLoop) {
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    // The stub acknowledges every 100, which are as many as are in flight at a time.
    let mut options = MqttOptions::new("acks/100/order", host, port.parse().expect("a port"));
    options.set_keep_alive(Duration::from_secs(600));
    options.set_inflight(100);
    options.set_max_packet_size(2 << 20, 2 << 20);
    if let Ok(file) = std::env::var("MQTT_AS_CA") {
        options.set_transport(Transport::Tls(tls(&file)));
    }
    let (client, mut events) = AsyncClient::new(options, 100);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true); // Else it waits for delayed acknowledgements, as the other does not.
    events.set_network_options(network);
    (client, events)
}

fn tls(file: &str) -> TlsConfiguration {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).expect("a certificate")).expect("a CA");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    TlsConfiguration::Rustls(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

async fn run(client: AsyncClient, mut events: EventLoop, work: &str, count: usize) {
    let words: Vec<&str> = work.split('-').collect();
    match words[..] {
        ["publish", "16k"] => publish(client, &mut events, 0, count, &[b'x'; 16 << 10]).await,
        ["publish", qos] => publish(client, &mut events, number(qos), count, PAYLOAD).await,
        ["receive", "16k"] => receive(client, &mut events, 0, count, 16 << 10).await,
        ["receive", "1m"] => receive(client, &mut events, 0, count, 1 << 20).await,
        ["receive", qos] => receive(client, &mut events, number(qos), count, PAYLOAD.len()).await,
        ["round", "trip"] => round_trip(client, &mut events, count).await,
        _ => panic!("unknown work {work}"),
    }
}

/// Publishes from a task; here the loop is driven, as a program of rumqttc's does.
async fn publish(
    client: AsyncClient,
    events: &mut EventLoop,
    qos: u8,
    count: usize,
    payload: &'static [u8],
) {
    let level = level(qos);
    let publishing = tokio::spawn(async move {
        for _ in 0..count {
            client.publish(TOPIC, level, false, payload).await.expect("published");
        }
        client
    });
    let mut done = 0;
    while done < count {
        done += match events.poll().await.expect("a connection") {
            Event::Outgoing(Outgoing::Publish(_)) if qos == 0 => 1,
            Event::Incoming(Incoming::PubAck(_)) if qos == 1 => 1,
            Event::Incoming(Incoming::PubComp(_)) if qos == 2 => 1,
            _ => 0,
        };
    }
    end(publishing.await.expect("a task that ends"), events).await;
}

async fn receive(client: AsyncClient, events: &mut EventLoop, qos: u8, count: usize, len: usize) {
    client.subscribe(format!("send/{count}/{len}"), level(qos)).await.expect("subscribed");
    for _ in 0..count {
        assert_eq!(message(events).await, len);
    }
    end(client, events).await;
}

async fn round_trip(client: AsyncClient, events: &mut EventLoop, count: usize) {
    client.subscribe(ECHO, QoS::AtMostOnce).await.expect("subscribed");
    while !matches!(
        events.poll().await.expect("a connection"),
        Event::Incoming(Incoming::SubAck(_))
    ) {}
    for _ in 0..count {
        client.publish(ECHO, QoS::AtMostOnce, false, PAYLOAD).await.expect("published");
        message(events).await;
    }
    end(client, events).await;
}

/// Bytes of the next message.
async fn message(events: &mut EventLoop) -> usize {
    loop {
        if let Event::Incoming(Incoming::Publish(message)) =
            events.poll().await.expect("a connection")
        {
            return message.payload.len();
        }
    }
}

async fn end(client: AsyncClient, events: &mut EventLoop) {
    client.disconnect().await.expect("a proper end");
    while !matches!(events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
}

fn level(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

fn number(word: &str) -> u8 {
    word.parse().expect("a QoS")
}
