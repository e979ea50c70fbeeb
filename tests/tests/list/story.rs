//! How stories begin: a server or a peer, a client that is connected to it.

use std::env;
use std::fs::OpenOptions;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqtt_as_proto::packet::{Ack, ConnAck, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, Properties, Property, ReasonCode, TopicName, Version};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::script::Script;
use mqtt_as_tests::server::Server;

use crate::runtime::adapter::{Config, MessageRef, PublishError, QoS, TooSmall};
use crate::runtime::{self, Client, Task, host, run, sleep, spawn, within};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Runs a story in both versions.
pub(crate) fn both<F: Future<Output = ()>>(story: impl Fn(Version) -> F) {
    for version in [Version::V311, Version::V5] {
        run_in(version, story(version));
    }
}

/// Runs what only 3.1.1 has.
pub(crate) fn in_3_1_1(story: impl Future<Output = ()>) {
    run_in(Version::V311, story);
}

/// Runs what only 5.0 has.
pub(crate) fn in_5_0(story: impl Future<Output = ()>) {
    run_in(Version::V5, story);
}

fn run_in(version: Version, story: impl Future<Output = ()>) {
    note_run(version);
    run(story);
}

/// `tests/surface` counts these lines. With `MQTT_AS_RUNS` they go into that file.
fn note_run(version: Version) {
    println!("ran in {version:?} on {}", runtime::NAME);
    if let Some(file) = env::var_os("MQTT_AS_RUNS") {
        let thread = thread::current();
        let line = format!("{}\t{}\t{version:?}\n", runtime::NAME, thread.name().unwrap_or("?"));
        let file = OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a file for the runs");
    }
}

pub(crate) fn server() -> Server {
    Server::start(BrokerConfig::default())
}

/// Settings for a server on that port of this machine.
pub(crate) fn config(version: Version, port: u16) -> Config {
    Config::new(host(port)).port(port).version(version).client_id("ours")
}

/// Messages on their way at a time, where memory is [`small`].
pub(crate) const FEW: usize = 8;

/// With memory for [`FEW`] short messages.
pub(crate) fn small(config: Config) -> Config {
    config.in_flight(FEW as u16).outbox(2048).store(2048)
}

pub(crate) fn client(config: Config) -> Client {
    runtime::client(config)
}

/// A client that is connected with a new session.
pub(crate) async fn connected(config: Config) -> Client {
    let client = client(config);
    within(client.connect(true)).await.expect("a connection");
    client
}

/// A second client, to see from the other end what happens.
pub(crate) async fn observer(server: &Server, filter: &str) -> Client {
    let observer = other(server.addr().port(), "observer").await;
    within(observer.subscribe(filter, QoS::ExactlyOnce)).await.expect("a subscription");
    observer
}

/// A second client, of that name.
pub(crate) async fn other(port: u16, name: &'static str) -> Client {
    connected(config(Version::V5, port).client_id(name)).await
}

/// A message, out of the buffer it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

impl Got {
    fn new(message: MessageRef<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            payload: message.payload().to_owned(),
            qos: message.qos(),
            retain: message.retain(),
        }
    }
}

/// Bytes of a program's buffer for a message.
const BUFFER: usize = 512;

/// Waits for a message, if any comes before the end.
pub(crate) async fn take(client: &Client) -> Option<Got> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match client.queue().next_into(&mut buffer).await {
            Ok(message) => return message.map(Got::new),
            Err(TooSmall { needed, .. }) => buffer.resize(needed, 0),
        }
    }
}

/// The next message.
pub(crate) async fn got(client: &Client) -> Got {
    within(take(client)).await.expect("a message")
}

/// The next message, in a buffer that is never freed.
pub(crate) async fn held(client: &Client) -> MessageRef<'static> {
    let buffer = Box::leak(vec![0; BUFFER].into_boxed_slice());
    within(client.queue().next_into(buffer)).await.expect("room").expect("a message")
}

/// The next message, as topic and payload.
pub(crate) async fn next(client: &Client) -> (String, String) {
    let message = got(client).await;
    (message.topic, text(&message.payload))
}

/// The payloads of the next messages.
pub(crate) async fn payloads(client: &Client, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(next(client).await.1);
    }
    all
}

pub(crate) fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}

/// The texts of the first `count` numbers.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Text that lives as long as the program, as settings without a heap want it.
pub(crate) fn forever(text: impl Into<String>) -> &'static str {
    Box::leak(text.into().into_boxed_str())
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
    server.with(|broker, _| broker.accepted().iter().map(|one| text(&one.payload)).collect())
}

/// What callbacks have seen.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn push(&self, what: impl Into<String>) {
        self.0.lock().expect("no panic").push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    /// Waits until they have seen so much.
    pub(crate) async fn count(&self, count: usize) {
        until(|| self.all().len() >= count).await;
    }
}

/// What a peer waits for before it goes on: a story opens it, however slow the machine is.
pub(crate) fn gate() -> (Gate, Waiting) {
    let (open, wait) = mpsc::channel();
    (Gate(open), Waiting(wait))
}

/// The story's side of a gate.
pub(crate) struct Gate(mpsc::Sender<()>);

impl Gate {
    /// Lets the peer go on, once.
    pub(crate) fn open(&self) {
        let _ = self.0.send(()); // The peer's own panic is the one to be seen.
    }
}

/// The peer's side of a gate.
pub(crate) struct Waiting(mpsc::Receiver<()>);

impl Waiting {
    pub(crate) fn wait(&self) {
        self.0.recv_timeout(Duration::from_secs(10)).expect("the story opens the gate");
    }
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
    pub(crate) async fn end(self) {
        // On some runtimes this thread is what carries the bytes: it must not block.
        until(|| self.thread.is_finished()).await;
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

/// The next packet of the client has to be that acknowledgement.
pub(crate) fn acknowledged(script: &mut Script, kind: PacketType, number: u16) {
    script.expect_packet(kind, |packet| match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            assert_eq!(ack.id, id(number), "{kind}");
        }
        _ => unreachable!("{kind} is no acknowledgement"),
    });
}

/// Accepts the connection with those properties.
pub(crate) fn accept(script: &mut Script, session_present: bool, list: &[Property<'_>]) {
    script.accept();
    script.expect(PacketType::Connect);
    let properties = Properties::new(list);
    script.send(&Packet::ConnAck(ConnAck { session_present, properties, ..ConnAck::default() }));
}

/// A PUBLISH from the server.
pub(crate) fn message<'p>(topic: &'p str, payload: &'p str, delivery: Delivery) -> Packet<'p> {
    let topic = TopicName::new(topic).expect("a topic name");
    Packet::Publish(Publish { delivery, ..Publish::new(topic, payload.as_bytes()) })
}

/// The same, sent again.
pub(crate) fn again(packet: Packet<'_>) -> Packet<'_> {
    let Packet::Publish(publish) = packet else { unreachable!("it is a PUBLISH") };
    Packet::Publish(Publish { dup: true, ..publish })
}

/// The next PUBLISH of the client: DUP, packet identifier, payload.
pub(crate) fn published(script: &mut Script) -> (bool, u16, String) {
    script.expect_packet(PacketType::Publish, |packet| {
        let Packet::Publish(publish) = packet else { unreachable!("it was looked at") };
        let id = publish.delivery.id().map_or(0, PacketId::get);
        (publish.dup, id, text(publish.payload))
    })
}

/// A publish to the topic `a`, in a task of its own.
pub(crate) fn publishing(
    client: &Client,
    payload: &'static str,
    qos: QoS,
) -> Task<Result<(), PublishError>> {
    let client = client.clone();
    spawn(async move { client.publish("a", payload).qos(qos).await.map(drop) })
}
