//! A policy keeps the links up: a hundred outages under load, and nothing is left when it is stopped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tests::proxy::{Plan, Proxy};
use mqtt_as_tokio::{Attempt, Client, QoS, Reconnect, Version, event};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::flow::{assert_arrived, read_numbers, window};
use crate::link_cut::without_broker_faults;
use crate::{config, within};

/// All links are cut; every tenth time the broker is stopped for a while, too.
const OUTAGES: usize = 100;
const RESTART_EVERY: usize = 10;
const STOPPED: Duration = Duration::from_millis(150);
/// Messages that have to get through between two outages.
const BETWEEN: usize = 10;

const FIRST: u32 = 10;
const LONGEST: u32 = 80;

/// Delays of 10, 20, 40, 80, 80, … ms, of which chance takes up to a half.
fn policy() -> Reconnect {
    Reconnect::new()
        .first_delay(Duration::from_millis(u64::from(FIRST)))
        .longest_delay(Duration::from_millis(u64::from(LONGEST)))
        .stable_after(Duration::ZERO)
        .jitter(50)
}

/// Attempts, and when they were told.
type Told = Arc<Mutex<Vec<(Attempt, Instant)>>>;

/// A broker behind bad links, and two clients with a policy.
struct Line {
    qos: QoS,
    broker: Mosquitto,
    proxy: Proxy,
    publisher: Client,
    reader: Client,
    done: Arc<AtomicUsize>,
}

impl Line {
    async fn begin(version: Version, qos: QoS, told: &Told) -> Self {
        let options = Options::new().verbose().persistence().line("max_queued_messages 0");
        let broker = Mosquitto::start(options);
        let proxy = Proxy::start(broker.addr(), |_| Plan::default());
        let client = |id| {
            let config = config(&broker, version, id).port(proxy.addr().port());
            let client = Client::new(config.reconnect(policy())).expect("a client");
            let told = told.clone();
            client.set_cb_on_event(event::Reconnecting, move |attempt| {
                told.lock().expect("no panic").push((attempt, Instant::now()));
                async {}
            });
            client
        };
        let (publisher, reader) = (client("publisher"), client("reader"));
        for client in [&publisher, &reader] {
            within(client.connect(false)).await.expect("a connection");
        }
        within(reader.subscribe("flow", qos)).await.expect("subscribed");
        Self { qos, broker, proxy, publisher, reader, done: Arc::default() }
    }

    /// Publishes until it is enough: how many there were. Every publish has to end well.
    fn publish(
        &self,
        enough: &Arc<AtomicBool>,
        window: usize,
    ) -> impl Future<Output = usize> + Send + 'static {
        let (client, qos) = (self.publisher.clone(), self.qos);
        let (enough, done) = (enough.clone(), self.done.clone());
        async move {
            let (mut open, mut number) = (VecDeque::new(), 0);
            while !enough.load(Ordering::Relaxed) {
                let payload = format!("{number} {}", "#".repeat(number * 7 % 90));
                let publish = client.publish("flow", payload.as_str()).qos(qos);
                open.push_back(within(publish.send()).await.expect("room"));
                number += 1;
                if open.len() >= window
                    && let Some(oldest) = open.pop_front()
                {
                    within(oldest).await.expect("an acknowledgement");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
            for receipt in open {
                within(receipt).await.expect("an acknowledgement");
            }
            number
        }
    }

    /// Waits until both clients are back, and something has got through since.
    async fn is_back(&self) {
        let before = self.done.load(Ordering::Relaxed);
        let is_back = || {
            let up = self.publisher.is_connected() && self.reader.is_connected();
            up && self.done.load(Ordering::Relaxed) >= before + BETWEEN
        };
        within(async {
            while !is_back() {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// The delay of an attempt, before chance has taken its part.
fn whole(number: u32) -> u32 {
    (FIRST << (number - 1).min(8)).min(LONGEST)
}

/// Each delay is as the policy says, and was kept.
fn assert_spaced(told: &[(Attempt, Instant)]) {
    let milliseconds = |delay: Duration| u32::try_from(delay.as_millis()).expect("not so long");
    for number in 1..=told.iter().map(|(attempt, _)| attempt.number()).max().unwrap_or(0) {
        let of_number = told.iter().filter(|(attempt, _)| attempt.number() == number);
        let delays: Vec<u32> =
            of_number.filter_map(|(attempt, _)| attempt.delay().map(milliseconds)).collect();
        let (least, most) = (delays.iter().min(), delays.iter().max());
        println!(
            "attempt {number}: {} times, after {least:?} to {most:?} ms of {} ms",
            delays.len(),
            whole(number)
        );
        let bounds = whole(number) / 2..=whole(number);
        assert!(delays.iter().all(|delay| bounds.contains(delay)), "attempt {number}: {delays:?}");
    }
}

async fn a_hundred_outages(version: Version) {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let begin = Instant::now();
    let told = [Told::default(), Told::default()];
    let mut lines = Vec::new();
    for (qos, told) in [QoS::AtLeastOnce, QoS::ExactlyOnce].into_iter().zip(&told) {
        lines.push(Line::begin(version, qos, told).await);
    }
    let enough = Arc::new(AtomicBool::new(false));
    let publishing: Vec<_> =
        lines.iter().map(|line| tokio::spawn(line.publish(&enough, window(version)))).collect();
    let reading: Vec<_> = lines
        .iter()
        .map(|line| {
            let reader = line.reader.clone();
            tokio::spawn(async move { read_numbers(&reader, usize::MAX).await })
        })
        .collect();
    for outage in 1..=OUTAGES {
        for line in &mut lines {
            line.is_back().await;
            if outage % RESTART_EVERY == 0 {
                line.broker.stop();
                sleep(STOPPED).await;
                line.broker.restart();
            }
            let _ = line.proxy.cut_all();
        }
    }
    for line in &lines {
        line.is_back().await;
    }
    enough.store(true, Ordering::Relaxed);
    let mut counts = Vec::new();
    for publishing in publishing {
        counts.push(publishing.await.expect("a publisher"));
    }
    let mut arrived = Vec::new();
    for (line, reading) in lines.iter().zip(reading) {
        while !within(line.reader.drain(Duration::from_millis(400))).await {}
        sleep(Duration::from_millis(400)).await; // Longer than anything that still comes.
        for client in [&line.publisher, &line.reader] {
            within(client.disconnect()).await.expect("an end");
        }
        arrived.push(within(reading).await.expect("a reader"));
    }
    for (((line, count), numbers), told) in lines.iter().zip(&counts).zip(arrived).zip(&told) {
        let [out, back] = [&line.publisher, &line.reader].map(Client::statistics);
        println!(
            "{version:?} {:?}: {OUTAGES} outages in {:?}, {count} messages, connections {} and {}, \
             attempts {} and {}",
            line.qos,
            begin.elapsed(),
            out.connections,
            back.connections,
            out.attempts,
            back.attempts,
        );
        assert!(out.connections as usize > OUTAGES && back.connections as usize > OUTAGES);
        let numbers = without_broker_faults(&line.broker.log(), numbers);
        assert_arrived("our reader", line.qos, *count, &numbers);
        assert_spaced(&told.lock().expect("no panic"));
    }
    drop(lines);
    // The tasks of the clients are gone, and with them all that their callbacks hold.
    let is_over = || {
        let left = told.iter().any(|told| Arc::strong_count(told) != 1);
        !left && Handle::current().metrics().num_alive_tasks() == tasks
    };
    within(async {
        while !is_over() {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_outages_lose_nothing_v311() {
    if broker_or_skip("a_hundred_outages_lose_nothing_v311") {
        a_hundred_outages(Version::V311).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_outages_lose_nothing_v5() {
    if broker_or_skip("a_hundred_outages_lose_nothing_v5") {
        a_hundred_outages(Version::V5).await;
    }
}
