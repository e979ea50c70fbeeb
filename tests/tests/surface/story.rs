//! How stories begin: a server or a peer, a client that is connected to it.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqtt_as_proto::packet::{Ack, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, ReasonCode, TopicName, Version};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;
use mqtt_as_tokio::{Config, Message, QoS};

use crate::runtime::{Client, run, sleep, within};

pub(crate) const BOTH: [Version; 2] = [Version::V311, Version::V5];

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Tells a story in both versions.
pub(crate) fn both<F: Future<Output = ()>>(story: impl Fn(Version) -> F) {
    for version in BOTH {
        println!("version {version:?}");
        run(story(version));
    }
}

pub(crate) fn server() -> Server {
    Server::start(BrokerConfig::default())
}

/// Settings for a server on that port of this machine.
pub(crate) fn config(version: Version, port: u16) -> Config {
    Config::new("127.0.0.1").port(port).version(version).client_id("ours")
}

pub(crate) fn client(config: Config) -> Client {
    Client::new(config).expect("settings that fit each other")
}

/// A client that is connected with a new session.
pub(crate) async fn connected(config: Config) -> Client {
    let client = client(config);
    within(client.connect(true)).await.expect("a connection");
    client
}

/// A second client, to see from the other end what happens.
pub(crate) async fn observer(server: &Server, filter: &str) -> Client {
    let config = config(Version::V5, server.addr().port()).client_id("observer");
    let observer = connected(config).await;
    within(observer.subscribe(filter, QoS::ExactlyOnce)).await.expect("a subscription");
    observer
}

/// The next message, as topic and payload.
pub(crate) async fn next(client: &Client) -> (String, String) {
    let message = within(client.queue().next()).await.expect("a message");
    (message.topic().to_owned(), text(&message))
}

/// The payloads of the next messages.
pub(crate) async fn payloads(client: &Client, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(next(client).await.1);
    }
    all
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

/// The texts of the first `count` numbers.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Polls once: what it says at once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let poll = poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await;
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Waits until it is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    within(async {
        while !so() {
            sleep(MS).await;
        }
    })
    .await;
}

/// What the broker took, as payloads in order.
pub(crate) fn accepted(server: &Server) -> Vec<String> {
    let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    server.with(|broker, _| broker.accepted().iter().map(|one| text(&one.payload)).collect())
}

/// A server by hand, in a thread of its own.
pub(crate) struct Peer {
    pub(crate) port: u16,
    thread: JoinHandle<()>,
}

/// Plays the server's part.
pub(crate) fn peer(part: impl FnOnce(&mut Script) + Send + 'static) -> Peer {
    let mut script = Script::listen();
    let port = script.port();
    Peer { port, thread: thread::spawn(move || part(&mut script)) }
}

impl Peer {
    /// Waits for the end of its part.
    pub(crate) fn end(self) {
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
    }
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

pub(crate) fn ack(number: u16) -> Ack<'static> {
    Ack::new(id(number), ReasonCode::SUCCESS)
}

/// A PUBLISH from the server.
pub(crate) fn message<'p>(topic: &'p str, payload: &'p str, delivery: Delivery) -> Packet<'p> {
    let topic = TopicName::new(topic).expect("a topic name");
    Packet::Publish(Publish { delivery, ..Publish::new(topic, payload.as_bytes()) })
}

/// The next PUBLISH of the client: DUP, packet identifier, payload.
pub(crate) fn published(script: &mut Script) -> (bool, u16, String) {
    script.expect_packet(PacketType::Publish, |packet| {
        let Packet::Publish(publish) = packet else { unreachable!("it was looked at") };
        let id = publish.delivery.id().map_or(0, PacketId::get);
        (publish.dup, id, String::from_utf8_lossy(publish.payload).into_owned())
    })
}
