//! The works, done by minimq over a buffered reader and writer, with the packet buffers that its README takes, or larger
//! where a work needs them. It speaks 5.0 only, belongs to one task, and has at most [`WINDOW`] messages in flight.

use std::collections::VecDeque;
use std::time::Duration;

// Linked for its clock.
use embassy_time as _;
use embedded_io_adapters::tokio_1::FromTokio;
use minimq::{Buffers, ConfigBuilder, Connection, Publication, QoS, Session, TopicFilter};
use tokio::io::BufStream;
use tokio::net::TcpStream;
use work::{Asked, ECHO, LARGE, PAYLOAD, TOPIC, send};

/// More does not fit, whatever the buffers.
const WINDOW: usize = 8;

type Io = FromTokio<BufStream<TcpStream>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = work::asked();
    // As in a program: what the runtime's outermost future costs is not the client's.
    tokio::spawn(run(asked)).await.expect("an end");
}

async fn run(asked: Asked) {
    let (mut rx, mut tx) = match asked.work.as_str() {
        "publish-16k" | "receive-16k" => (vec![0; 20 << 10], vec![0; 20 << 10]),
        "idle" => return idle(asked).await,
        _ => (vec![0; 256], vec![0; 2048]),
    };
    let mut session = session(&mut rx, &mut tx, "acks/8/order", 600);
    if asked.work == "connect" {
        for _ in 0..asked.count {
            let io = buffered(socket(&asked).await);
            let mut connection = session.connect(io).await.expect("connected");
            connection.disconnect().await.expect("a proper end");
        }
        return;
    }
    let io = buffered(socket(&asked).await);
    let mut connection = session.connect(io).await.expect("a connection");
    match asked.work.as_str() {
        "publish-0" => publish(&mut connection, asked.count, PAYLOAD).await,
        "publish-1" => publish_counted(&mut connection, QoS::AtLeastOnce, asked.count).await,
        "publish-2" => publish_counted(&mut connection, QoS::ExactlyOnce, asked.count).await,
        "publish-16k" => publish(&mut connection, asked.count, LARGE).await,
        "receive-0" => receive(&mut connection, QoS::AtMostOnce, asked.count, PAYLOAD.len()).await,
        "receive-1" => receive(&mut connection, QoS::AtLeastOnce, asked.count, PAYLOAD.len()).await,
        "receive-16k" => receive(&mut connection, QoS::AtMostOnce, asked.count, LARGE.len()).await,
        "round-trip" => round_trip(&mut connection, asked.count).await,
        work => panic!("unknown work {work}"),
    }
    connection.disconnect().await.expect("a proper end");
}

fn session<'b>(rx: &'b mut [u8], tx: &'b mut [u8], id: &str, keep_alive: u16) -> Session<'b> {
    let config = ConfigBuilder::new(Buffers::new(rx, tx)).keepalive_interval(keep_alive);
    Session::new(config.client_id(id).expect("an identifier that fits"))
}

async fn socket(asked: &Asked) -> TcpStream {
    let stream = TcpStream::connect((asked.host.as_str(), asked.port)).await.expect("a server");
    stream.set_nodelay(true).expect("a socket");
    stream
}

fn buffered(stream: TcpStream) -> Io {
    FromTokio::new(BufStream::new(stream))
}

async fn publish(connection: &mut Connection<'_, '_, Io>, count: usize, payload: &[u8]) {
    for _ in 0..count {
        connection.publish(Publication::bytes(TOPIC, payload)).await.expect("published");
    }
}

/// Keeps the window full, and awaits the oldest.
async fn publish_counted(connection: &mut Connection<'_, '_, Io>, qos: QoS, count: usize) {
    let mut pending = VecDeque::with_capacity(WINDOW);
    for _ in 0..count {
        while !connection.can_publish(qos) {
            connection.poll().await.expect("a connection");
        }
        let publication = Publication::bytes(TOPIC, PAYLOAD).qos(qos);
        let op = connection.publish(publication).await.expect("published").expect("an operation");
        pending.push_back(op);
        while pending.front().is_some_and(|op| connection.is_complete(op)) {
            pending.pop_front();
        }
    }
    while let Some(op) = pending.pop_front() {
        while connection.is_pending(&op) {
            connection.poll().await.expect("a connection");
        }
        assert!(connection.is_complete(&op));
    }
}

async fn subscribe(connection: &mut Connection<'_, '_, Io>, filter: &str, qos: QoS) {
    let options = minimq::SubscriptionOptions::default().maximum_qos(qos);
    let filter = TopicFilter::new(filter).options(options);
    connection.subscribe(&[filter], &[]).await.expect("subscribed");
}

async fn receive(connection: &mut Connection<'_, '_, Io>, qos: QoS, count: usize, len: usize) {
    subscribe(connection, &send(count, len), qos).await;
    for _ in 0..count {
        assert_eq!(connection.recv().await.expect("a message").payload().len(), len);
    }
    // What is owed for the last ones leaves before the end.
    connection.drive().await.expect("a connection");
}

async fn round_trip(connection: &mut Connection<'_, '_, Io>, count: usize) {
    subscribe(connection, ECHO, QoS::AtMostOnce).await;
    for _ in 0..count {
        connection.publish(Publication::bytes(ECHO, PAYLOAD)).await.expect("published");
        assert_eq!(connection.recv().await.expect("a message").payload(), PAYLOAD);
    }
}

/// What is live when the process ends is what the idle clients hold.
async fn idle(asked: Asked) {
    let (connected, mut all) = tokio::sync::mpsc::channel(1);
    for n in 0..asked.count {
        // Unbuffered: where nothing goes on, that is only memory.
        let io = FromTokio::new(socket(&asked).await);
        let connected = connected.clone();
        tokio::spawn(async move {
            let (mut rx, mut tx) = ([0; 256], [0; 768]);
            // Without a keep-alive: the clock has no room for so many timers.
            let mut session = session(&mut rx, &mut tx, &format!("idle-{n}"), 0);
            let mut connection = session.connect(io).await.expect("a connection");
            connected.send(()).await.expect("somebody waits");
            connection.recv().await.expect("nothing ever comes");
        });
        all.recv().await.expect("a connection");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::process::exit(0);
}
