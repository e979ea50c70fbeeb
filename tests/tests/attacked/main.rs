//! A client under attack: the memory of the process stays within what the settings say, and another
//! client in it goes on.
//!
//! All allocations of the process are counted, so that this is a target of its own, and its tests run
//! one after the other. Everything runs on one thread: a client that does not let go of it would stop
//! the other one.

#![allow(missing_docs)]

mod attack;
mod attacker;
mod attacks;
mod other;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mqtt_as_tokio::{Client, Config, DownReason, ReasonCode, Reply, Stage, Version};
use peak_alloc::PeakAlloc;

use attack::{Attack, End, Program};
use attacker::Attacker;
use other::Other;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The settings of the client that is attacked.
const PACKET: usize = 16 * 1024;
const QUEUE: usize = 64 * 1024;
const OUTBOX: usize = 16 * 1024;
const STORE: usize = 16 * 1024;
const ALIASES: usize = 8;

/// What they allow: two outboxes, messages out and in, the topics of aliases, a buffer to read into and
/// the packet that is read; twice, since memory that grows is there twice for a moment; and tasks and
/// sockets.
const MOST: usize =
    2 * (2 * OUTBOX + STORE + QUEUE + ALIASES * PACKET + 2 * PACKET + PACKET) + 64 * 1024;

/// What is remembered of QoS 2 messages that the server never releases: all identifiers that there are.
const IDENTIFIERS: usize = 65_535 * 64;

/// Times that a client connects to be attacked again, where it ends the connection.
const TIMES: usize = 10;

fn settings(version: Version, port: u16) -> Config {
    Config::new("127.0.0.1")
        .port(port)
        .version(version)
        .client_id("attacked")
        .maximum_packet_size(PACKET as u32)
        .queue_bytes(QUEUE)
        .outbox(OUTBOX)
        .store(STORE)
        .topic_alias_maximum(ALIASES as u16)
}

/// Runs all attacks of a version, one after the other.
fn all(version: Version) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for attack in attacks::all(version) {
        println!("{version:?}, {}:", attack.name);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(suffer(version, attack));
    }
}

async fn suffer(version: Version, attack: Attack) {
    let most = MOST + if attack.records { IDENTIFIERS } else { 0 };
    let other = Other::connect().await;
    let attacker = Attacker::listen(attack, other.acknowledged());
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let mut settings = settings(version, attacker.port);
    if attacker.attack.authenticates {
        settings = settings.authentication("M", answer);
    }
    let client = Client::new(settings).expect("settings");
    let times = if matches!(attacker.attack.end, End::Told(_)) { TIMES } else { 1 };
    for _ in 0..times {
        within(client.connect(false)).await.expect("a connection");
        let asks = (attacker.attack.program == Program::Asks).then(|| client.queue());
        let taker =
            (attacker.attack.program == Program::Takes).then(|| tokio::spawn(take(client.clone())));
        while !attacker.is_over() {
            within(other.publish()).await;
        }
        within(ends(&client, &attacker)).await;
        drop(asks);
        if let Some(taker) = taker {
            within(taker).await.expect("a task that does not panic");
        }
    }
    let peak = HEAP.peak_usage().saturating_sub(before);
    println!("    {} KiB of {}", peak / 1024, most / 1024);
    assert!(peak <= most, "{}: {peak} bytes, not {most}", attacker.attack.name);
    drop(client);
}

/// A step of authentication is answered.
fn answer(_: Stage<'_>, reply: &mut Reply<'_>) -> bool {
    reply.send(b"answer");
    true
}

/// The attack has the end that it has to have.
async fn ends(client: &Client, attacker: &Attacker) {
    let attack = &attacker.attack;
    assert_eq!(attacker.is_stopped(), matches!(attack.end, End::Waits), "{}", attack.name);
    match attack.end {
        End::Waits => assert!(client.is_connected(), "{}", attack.name),
        End::Stands => {
            if attack.program == Program::Sleeps {
                take(client.clone()).await;
            }
            assert!(client.is_connected(), "{}", attack.name);
        }
        End::Told(code) => {
            let why = client.down().await;
            let Some(DownReason::Protocol(error)) = why else { panic!("{}: {why:?}", attack.name) };
            let found = error.reason().map(ReasonCode::as_u8);
            assert_eq!(found, Some(code), "{}: {error}", attack.name);
            attacker.was_told(code);
        }
    }
}

/// Takes messages up to the last one, or the end of the connection.
async fn take(client: Client) {
    while let Some(message) = client.queue().next().await {
        if message.topic() == "end" {
            return;
        }
    }
}

async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    let bound = Duration::from_secs(30);
    tokio::time::timeout(bound, future.into_future()).await.expect("it has to happen")
}

// Decision [hold] [stop-reading] [nobody-asks] [never-released]
#[test]
fn memory_is_bounded_and_another_client_goes_on_in_3_1_1() {
    all(Version::V311);
}

// Decision [hold] [stop-reading] [nobody-asks] [never-released]
#[test]
fn memory_is_bounded_and_another_client_goes_on_in_5_0() {
    all(Version::V5);
}
