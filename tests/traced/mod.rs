//! What a client tells `tracing`: the same on every runtime. The test of an adapter brings `runtime`.

use std::fmt::{self, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{PacketId, TopicName};
use mqtt_as_tests::script::Script;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::runtime::adapter::{
    Client, Config, Credentials, Overflow, QoS, Reconnect, Version, WeakClient, Will,
};
use crate::runtime::{client, run};

/// Keeps what it is told, each event with the span of its connection before it.
#[derive(Clone, Default)]
struct Collector {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<String>>>,
    entered: Arc<AtomicU64>,
    /// The spans that are entered, the last one being the innermost.
    within: Arc<Mutex<Vec<u64>>>,
    /// It is used while something is told.
    client: Arc<Mutex<Option<WeakClient>>>,
}

impl Collector {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    /// The first line that says that.
    fn line(&self, words: &str) -> String {
        let lines = self.lines();
        let line = lines.iter().find(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("{words:?} is not in {lines:#?}")).clone()
    }

    fn count(&self, words: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(words)).count()
    }
}

/// Fields as text.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mqtt_as_client"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        let mut spans = self.spans.lock().expect("no panic");
        spans.push(text.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // Whoever listens may use the client: no lock is held.
        let client = self.client.lock().expect("no panic").as_ref().and_then(WeakClient::upgrade);
        if let Some(client) = client {
            let _ = (client.is_connected(), client.statistics());
        }
        let within = self.within.lock().expect("no panic").last().copied();
        let within = within.filter(|_| event.is_contextual()).unwrap_or(0);
        let span = event.parent().map_or(within, Id::into_u64) as usize;
        let span = self.spans.lock().expect("no panic").get(span.wrapping_sub(1)).cloned();
        let mut text = Text(format!("{} [{}]", event.metadata().level(), span.unwrap_or_default()));
        event.record(&mut text);
        self.lines.lock().expect("no panic").push(text.0);
    }

    fn enter(&self, span: &Id) {
        self.entered.fetch_add(1, Ordering::Relaxed);
        self.within.lock().expect("no panic").push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let left = self.within.lock().expect("no panic").pop();
        assert_eq!(left, Some(span.into_u64()), "spans are nested");
    }
}

/// Runs a story in both versions, and gives what was told.
fn told<F: Future<Output = ()>>(story: impl Fn(Version, Collector) -> F) -> Vec<Collector> {
    let run_in = |version| {
        let collector = Collector::default();
        tracing::subscriber::with_default(collector.clone(), || {
            run(story(version, collector.clone()));
        });
        collector
    };
    [Version::V311, Version::V5].map(run_in).into()
}

fn config(version: Version, port: u16) -> Config {
    Config::new("127.0.0.1").port(port).version(version).client_id("ours")
}

/// A server by hand, in a thread of its own.
fn peer(part: impl FnOnce(&mut Script) + Send + 'static) -> (u16, thread::JoinHandle<()>) {
    let mut script = Script::listen();
    (script.port(), thread::spawn(move || part(&mut script)))
}

fn nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn message(payload: &[u8], delivery: Delivery) -> Packet<'_> {
    let topic = TopicName::new("secret/topic").expect("a topic");
    Packet::Publish(Publish { delivery, ..Publish::new(topic, payload) })
}

async fn connected(client: &Client) {
    client.connect(true).await.expect("a connection");
}

#[test]
fn attempts_and_links_that_come_and_go_are_told_in_the_span_of_their_connection() {
    let all = told(async |version, collector: Collector| {
        let (port, server) = peer(|script| {
            script.welcome();
            script.close();
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, nobody()));
        *collector.client.lock().expect("no panic") = Some(client.downgrade());
        client.connect(true).await.expect_err("nobody listens");
        client.reconfigure(|next| next.port(port));
        connected(&client).await;
        client.down().await.expect("a lost link");
        connected(&client).await;
        client.disconnect().await.expect("an end");
        server.join().expect("the server's part");
    });
    for told in all {
        let failed = told.line("not connected");
        assert!(failed.starts_with("WARN") && failed.contains("error="), "{failed}");
        assert!(failed.contains("is_retryable=true") && failed.contains("attempt=1"), "{failed}");
        let connecting = told.line("message=connecting");
        assert!(connecting.starts_with("INFO"), "{connecting}");
        assert!(told.line("attempt=2").contains("connecting"), "{:#?}", told.lines());
        assert_eq!((told.count("message=connecting"), told.count("message=up")), (3, 2));
        let up = told.line("message=up");
        assert!(up.contains("session_present=false"), "{up}");
        assert!(up.contains("[mqtt host=\"127.0.0.1\" port=") && up.contains("clean=true"), "{up}");
        assert_eq!(told.count("message=down"), 2, "{:#?}", told.lines());
        let lost = told.line("message=down");
        assert!(lost.starts_with("WARN") && lost.contains("closed the transport"), "{lost}");
        let ended = told.line("the program disconnected");
        assert!(ended.starts_with("INFO"), "{ended}");
        let spans = told.spans.lock().expect("no panic").len();
        assert_eq!(spans, 3, "one for each connection");
        assert!(told.entered.load(Ordering::Relaxed) > 0, "the driver runs in it");
        for line in told.lines() {
            assert!(line.contains(" [mqtt host="), "without a span: {line}");
        }
    }
}

/// What a policy does next, and that an attempt begins with asking the program.
#[test]
fn the_time_before_the_next_attempt_is_told() {
    let all = told(async |version, _| {
        let (port, server) = peer(|script| {
            script.welcome();
            script.close();
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let asked = AtomicU64::new(0);
        let policy = Reconnect::new().first_delay(Duration::from_millis(40)).jitter(0);
        let policy = policy.async_credentials(move |credentials: Credentials| {
            let is_late = asked.fetch_add(1, Ordering::Relaxed) == 1;
            async move {
                if is_late {
                    std::future::pending::<()>().await;
                }
                credentials
            }
        });
        let config = config(version, port).connect_timeout(Duration::from_millis(200));
        let client = client(config.reconnect(policy));
        connected(&client).await;
        client.up().await.expect("the first connection");
        client.up().await.expect("the second one");
        client.disconnect().await.expect("an end");
        server.join().expect("the server's part");
    });
    for told in all {
        let lines = told.lines();
        let waits: Vec<_> = lines.iter().filter(|line| line.contains("next attempt")).collect();
        assert_eq!(waits.len(), 2, "{lines:#?}");
        assert!(waits.iter().all(|line| line.starts_with("INFO")), "{waits:#?}");
        assert!(waits[0].contains("attempt=1 delay_ms=40"), "{waits:#?}");
        assert!(waits[1].contains("attempt=2 delay_ms=80"), "{waits:#?}");
        let late = told.line("not connected");
        assert!(late.contains("attempt=1") && late.contains("credentials"), "{late}");
        assert_eq!(told.count("message=connecting"), 3, "{lines:#?}");
    }
}

/// Once when it begins, and then each time that the number has doubled: not for each message.
#[test]
fn discards_are_told_and_not_each_of_them() {
    const MESSAGES: usize = 1000;
    let all = told(async |version, _| {
        let (port, server) = peer(|script| {
            script.welcome();
            for _ in 0..MESSAGES {
                script.send(&message(b"x", Delivery::AtMostOnce));
            }
            script.send(&message(b"the last", Delivery::AtLeastOnce(PacketId::MIN)));
            script.expect(PacketType::PubAck);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, port).queue_len(4).overflow(Overflow::DropOldest));
        connected(&client).await;
        let mut queue = client.queue();
        while client.statistics().received <= MESSAGES as u64 {
            crate::runtime::pause().await;
        }
        while queue.next().await.expect("a message").payload() != b"the last" {}
        client.disconnect().await.expect("an end");
        server.join().expect("the server's part");
    });
    for told in all {
        let dropped = told.line("QoS 0 messages dropped");
        assert!(dropped.starts_with("WARN") && dropped.contains("discards="), "{dropped}");
        assert!(told.count("QoS 0 messages dropped") <= 11, "{:#?}", told.lines());
        let down = told.line("message=down");
        assert!(down.contains("discards=99"), "{down}");
    }
}

#[test]
fn what_is_left_to_the_server_is_told() {
    let all = told(async |version, _| {
        let (port, server) = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.send(&Packet::ConnAck(ConnAck::default()));
            for number in 1..=8 {
                let id = PacketId::new(number).expect("not 0");
                script.send(&message(b"x", Delivery::AtLeastOnce(id)));
            }
            // A reply is awaited, so reading goes on without room.
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(mqtt_as_proto::packet::Ack::new(
                PacketId::MIN,
                mqtt_as_proto::ReasonCode::SUCCESS,
            )));
            let more = |packet: &Packet<'_>| !matches!(packet, Packet::Disconnect(_));
            while script.next_packet(Duration::from_secs(10), more).expect("a packet") {}
        });
        let client = client(config(version, port).queue_len(4));
        client.connect(false).await.expect("a connection");
        let _queue = client.queue();
        client.publish("b", "c").qos(QoS::AtLeastOnce).await.expect("an answer");
        client.disconnect().await.expect("an end");
        server.join().expect("the server's part");
    });
    for told in all {
        let shed = told.line("left to the server");
        assert!(shed.starts_with("WARN") && shed.contains("shed="), "{shed}");
    }
}

#[test]
fn what_is_too_large_is_told() {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), || {
        run(async {
            let (port, server) = peer(|script| {
                script.welcome();
                script.send(&message(&[b'x'; 500], Delivery::AtMostOnce));
                script.send(&message(b"small", Delivery::AtMostOnce));
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(Version::V311, port).maximum_packet_size(100));
            connected(&client).await;
            client.queue().next().await.expect("the small one");
            client.disconnect().await.expect("an end");
            server.join().expect("the server's part");
        });
    });
    let line = collector.line("too large");
    assert!(line.starts_with("WARN") && line.contains("too_large=1"), "{line}");
}

/// All that is the program's own has the word in it.
#[test]
fn payloads_passwords_and_topics_are_never_told() {
    let all = told(async |version, _| {
        let (port, server) = peer(|script| {
            script.welcome();
            script.expect(PacketType::Publish);
            script.send(&message(b"a secret payload", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("secret/will", "a secret will");
        let client = client(config(version, port).user("me", "a secret password").will(will));
        connected(&client).await;
        client.publish("secret/other", "another secret payload").await.expect("its way out");
        client.queue().next().await.expect("a message");
        client.disconnect().await.expect("an end");
        server.join().expect("the server's part");
    });
    for told in all {
        assert!(told.count("message=up") == 1);
        for line in told.lines().iter().chain(told.spans.lock().expect("no panic").iter()) {
            assert!(!line.contains("secret"), "{line}");
        }
    }
}

/// Steps are told to whoever wants to know why it takes so long.
#[test]
fn steps_of_a_connect_are_told_in_its_span() {
    let all = told(async |version, _| {
        let nobody = nobody();
        let client = client(config(version, nobody));
        client.connect(true).await.expect_err("nobody listens");
    });
    for told in all {
        for words in [
            "step=looking up the host name",
            "step=opening the transport",
            "message=trying an address address=127.0.0.1:",
            "message=an address failed address=127.0.0.1:",
        ] {
            let line = told.line(words);
            assert!(line.starts_with("DEBUG [mqtt host=\"127.0.0.1\""), "{line}");
        }
    }
}

/// It is there for whoever filters by level.
#[test]
fn levels_are_those_of_what_happened() {
    let all = told(async |version, _| {
        let client = client(config(version, nobody()));
        client.connect(true).await.expect_err("nobody listens");
    });
    for told in all {
        let levels = [Level::INFO, Level::WARN].map(|level| level.to_string());
        let lines = told.lines();
        let (steps, others): (Vec<_>, Vec<_>) = lines
            .iter()
            .partition(|line| line.contains("message=on the way") || line.contains("an address"));
        assert!(others.iter().all(|line| levels.iter().any(|level| line.starts_with(level))));
        assert!(steps.iter().all(|line| line.starts_with("DEBUG")), "{steps:#?}");
    }
}
