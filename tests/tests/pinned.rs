//! What a process holds is what the settings say, within a factor of two: small messages do not pin
//! the large reads that they came in. A process of its own, so that its memory can be looked at.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use mqtt_as_proto::packet::{Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{TopicName, Version};
use mqtt_as_tests::script::Script;
use mqtt_as_tokio::{Client, Config, Overflow};

/// Messages that are kept, and bytes of each payload.
const COUNT: usize = 1000;
const SMALL: usize = 256;

/// Bytes of what comes between them: more than a read.
const LARGE: usize = 40_000;

/// What a message may pin beside its own bytes.
const PINNED: usize = 4096;

/// What the process itself takes meanwhile: threads, sockets, the allocator.
const PROCESS: usize = 4 << 20;

/// One story at a time: they share the process.
static TURN: Mutex<()> = Mutex::new(());

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let all = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = all.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: usize| pages * 4096)
}

fn publish(script: &Script, topic: &str, payload: &[u8]) -> Vec<u8> {
    let topic = TopicName::new(topic).expect("a topic name");
    let publish = Publish { delivery: Delivery::AtMostOnce, ..Publish::new(topic, payload) };
    script.written(&Packet::Publish(publish))
}

/// A server that sends small messages with large ones in between, when it is told to.
fn server() -> (u16, thread::JoinHandle<()>) {
    let mut script = Script::listen();
    let port = script.port();
    let part = move || {
        script.welcome();
        let small = publish(&script, "small", &[1; SMALL]);
        let pair = [small, publish(&script, "large", &[2; LARGE])].concat();
        for _ in 0..COUNT {
            // The one, then the other, each in reads of its own.
            script.send_bytes(&pair);
            thread::sleep(Duration::from_micros(200));
        }
        script.expect(PacketType::Disconnect);
    };
    (port, thread::spawn(part))
}

async fn connected(config: Config) -> Client {
    let client = Client::new(config.client_id("ours")).expect("settings that fit each other");
    client.connect(true).await.expect("a connection");
    client
}

fn run(story: impl Future<Output = ()>) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let bounded = async { tokio::time::timeout(Duration::from_secs(30), story).await };
    runtime.expect("a runtime").block_on(bounded).expect("in time");
}

#[test]
fn a_message_that_a_program_keeps_pins_little_more_than_itself() {
    run(async {
        let (port, server) = server();
        let settings = Config::new("127.0.0.1").port(port).overflow(Overflow::Wait);
        let client = connected(settings.queue_bytes(COUNT * SMALL)).await;
        let (mut kept, before) = (Vec::new(), resident());
        while kept.len() < COUNT {
            let message = client.queue().next().await.expect("a message");
            if message.topic() == "small" {
                kept.push(message);
            }
        }
        let held = resident().saturating_sub(before);
        println!("{held} bytes for {COUNT} messages of {SMALL}");
        assert!(held <= COUNT * (SMALL + PINNED) + PROCESS, "{held} bytes");
        client.disconnect().await.expect("an end");
        server.join().expect("its part");
        assert!(kept.iter().all(|message| message.payload() == [1; SMALL]));
    });
}

/// Between those that it keeps come others, which are too large for it.
#[test]
fn a_full_queue_holds_what_its_settings_say() {
    run(async {
        let (port, server) = server();
        let settings = Config::new("127.0.0.1").port(port).version(Version::V311);
        let settings = settings.maximum_packet_size(1024).queue_len(COUNT);
        let client = connected(settings.queue_bytes(COUNT * SMALL)).await;
        let before = resident();
        while client.statistics().too_large < COUNT as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let held = resident().saturating_sub(before);
        println!("{held} bytes for a queue of {COUNT} × {SMALL}");
        assert!(held <= 2 * COUNT * SMALL + PROCESS, "{held} bytes");
        let message = client.queue().next().await.expect("a message");
        assert_eq!(message.payload(), [1; SMALL]);
        client.disconnect().await.expect("an end");
        server.join().expect("its part");
    });
}
