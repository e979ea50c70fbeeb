//! The works, done by rust-mqtt over a buffered reader and writer, as its README advises. It speaks 5.0 only and belongs
//! to one task.

use std::time::Duration;

use embedded_io_adapters::tokio_1::FromTokio;
use rust_mqtt::buffer::AllocBuffer;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::types::{MqttString, QoS, TopicFilter, TopicName};
use tokio::io::BufStream;
use tokio::net::TcpStream;
use work::{Asked, CLIENT_ID, ECHO, LARGE, PAYLOAD, TOPIC, WINDOW, send};

type Client<'b, Io = FromTokio<BufStream<TcpStream>>> =
    rust_mqtt::client::Client<'b, 'b, Io, AllocBuffer, 1, 500, WINDOW, 0, 0, 0, 0>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = work::asked();
    let local = tokio::task::LocalSet::new();
    // As in a program: what the runtime's outermost future costs is not the client's.
    local.run_until(async { tokio::task::spawn_local(run(asked)).await.expect("an end") }).await;
}

async fn run(asked: Asked) {
    match asked.work.as_str() {
        "connect" => {
            let mut buffer = AllocBuffer;
            let mut client = Client::new(&mut buffer);
            for _ in 0..asked.count {
                connect(&mut client, &asked, CLIENT_ID).await;
                client.disconnect(&DisconnectOptions::new()).await.expect("a proper end");
            }
            return;
        }
        "idle" => return idle(asked).await,
        _ => {}
    }
    let mut buffer = AllocBuffer;
    let mut client = Client::new(&mut buffer);
    let (client, count) = (&mut client, asked.count);
    connect(client, &asked, CLIENT_ID).await;
    match asked.work.as_str() {
        "publish-0" => publish(client, count, PAYLOAD).await,
        "publish-1" => publish_counted(client, QoS::AtLeastOnce, count).await,
        "publish-2" => publish_counted(client, QoS::ExactlyOnce, count).await,
        "publish-16k" => publish(client, count, LARGE).await,
        "receive-0" => receive(client, QoS::AtMostOnce, count, PAYLOAD.len()).await,
        "receive-1" => receive(client, QoS::AtLeastOnce, count, PAYLOAD.len()).await,
        "receive-16k" => receive(client, QoS::AtMostOnce, count, LARGE.len()).await,
        "round-trip" => round_trip(client, count).await,
        work => panic!("unknown work {work}"),
    }
    client.disconnect(&DisconnectOptions::new()).await.expect("a proper end");
}

async fn connect(client: &mut Client<'_>, asked: &Asked, id: &str) {
    let io = FromTokio::new(BufStream::new(socket(asked).await));
    client.connect(io, &ConnectOptions::new().clean_start(), string(id)).await.expect("connected");
}

async fn socket(asked: &Asked) -> TcpStream {
    let stream = TcpStream::connect((asked.host.as_str(), asked.port)).await.expect("a server");
    stream.set_nodelay(true).expect("a socket");
    stream
}

fn string(text: &str) -> Option<MqttString<'_>> {
    Some(MqttString::from_str(text).expect("a string"))
}

fn topic(name: &str) -> TopicReference<'_> {
    let name = MqttString::from_str(name).expect("a string");
    TopicReference::Name(TopicName::new(name).expect("a topic"))
}

async fn publish(client: &mut Client<'_>, count: usize, payload: &[u8]) {
    let options = PublicationOptions::new(topic(TOPIC));
    for _ in 0..count {
        client.publish(&options, payload.into()).await.expect("published");
    }
}

/// Keeps the window full.
async fn publish_counted(client: &mut Client<'_>, qos: QoS, count: usize) {
    let options = PublicationOptions::new(topic(TOPIC)).qos(qos);
    let (mut sent, mut done) = (0, 0);
    while done < count {
        while sent < count && sent - done < WINDOW {
            client.publish(&options, PAYLOAD.into()).await.expect("published");
            sent += 1;
        }
        match client.poll().await.expect("a connection") {
            Event::PublishAcknowledged(_) | Event::PublishComplete(_) => done += 1,
            Event::PublishReceived(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

async fn subscribe(client: &mut Client<'_>, filter: &str, qos: QoS) {
    let filter = MqttString::from_str(filter).expect("a string");
    let filter = TopicFilter::new(filter).expect("a filter");
    client.subscribe(filter, &SubscriptionOptions::new().qos(qos)).await.expect("subscribed");
    assert!(matches!(client.poll().await.expect("a connection"), Event::Suback(_)));
}

async fn receive(client: &mut Client<'_>, qos: QoS, count: usize, len: usize) {
    subscribe(client, &send(count, len), qos).await;
    for _ in 0..count {
        assert_eq!(message(client).await, len);
    }
}

async fn round_trip(client: &mut Client<'_>, count: usize) {
    subscribe(client, ECHO, QoS::AtMostOnce).await;
    let options = PublicationOptions::new(topic(ECHO));
    for _ in 0..count {
        client.publish(&options, PAYLOAD.into()).await.expect("published");
        assert_eq!(message(client).await, PAYLOAD.len());
    }
}

/// Bytes of the next message.
async fn message(client: &mut Client<'_>) -> usize {
    match client.poll().await.expect("a connection") {
        Event::Publish(message) => message.message.len(),
        event => panic!("{event:?}"),
    }
}

/// What is live when the process ends is what the idle clients hold.
async fn idle(asked: Asked) {
    let asked = std::rc::Rc::new(asked);
    let (connected, mut all) = tokio::sync::mpsc::channel(1);
    for n in 0..asked.count {
        let (asked, connected) = (asked.clone(), connected.clone());
        tokio::task::spawn_local(async move {
            let mut buffer = AllocBuffer;
            let mut client = Client::<FromTokio<TcpStream>>::new(&mut buffer);
            // Unbuffered: where nothing goes on, that is only memory.
            let io = FromTokio::new(socket(&asked).await);
            let (options, id) = (ConnectOptions::new().clean_start(), format!("idle-{n}"));
            client.connect(io, &options, string(&id)).await.expect("connected");
            connected.send(()).await.expect("somebody waits");
            client.poll().await.expect("nothing ever comes");
        });
        all.recv().await.expect("a connection");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::process::exit(0);
}
