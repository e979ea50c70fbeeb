//! Numbered messages: a publisher with a window, a reader, and a program that connects again.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use mqtt_as_tests::mosquitto::Sub;
use mqtt_as_tokio::{Client, DownReason, PublishError, QoS, Version};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::within;

/// One message may wait that long: over a few restarts of a broker.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than anything that still comes takes to come.
const QUIET: Duration = Duration::from_millis(400);

/// The payload of a message: its number, and some bytes so that a packet takes more than one look.
fn payload(number: usize) -> String {
    format!("{number} {}", "#".repeat(number * 7 % 90))
}

/// The number in a payload.
pub(crate) fn number(payload: &str) -> usize {
    payload.split(' ').next().and_then(|digits| digits.parse().ok()).expect("a numbered payload")
}

/// How many calls a publisher keeps open.
///
/// In 3.1.1 no more than mosquitto's `max_inflight_messages`, 20: of QoS 2 messages beyond that it drops each, and
/// answers with a PUBREC whose reason, 0x97, 3.1.1 cannot say. 5.0 has Receive Maximum, and any window is right.
pub(crate) fn window(version: Version) -> usize {
    match version {
        Version::V311 => 20,
        Version::V5 => 100,
    }
}

/// Publishes the numbers in order, with up to `window` calls open. Every call has to end well.
pub(crate) async fn publish_numbers(
    client: &Client,
    topic: &str,
    qos: QoS,
    numbers: Range<usize>,
    window: usize,
) {
    let done = AtomicUsize::new(0);
    let refused = publish_counted(client, topic, qos, numbers, window, &done).await;
    assert!(refused.is_empty(), "refused: {refused:?}");
}

type Call = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>;

/// As [`publish_numbers`]; `done` counts those that have ended. Gives those that the server refused.
pub(crate) async fn publish_counted(
    client: &Client,
    topic: &str,
    qos: QoS,
    numbers: Range<usize>,
    window: usize,
    done: &AtomicUsize,
) -> Vec<usize> {
    let mut open: VecDeque<(usize, Call)> = VecDeque::new();
    let mut refused = Vec::new();
    let mut end = |number, result: Result<(), PublishError>| {
        done.fetch_add(1, Ordering::Relaxed);
        match result {
            Err(PublishError::Refused(_)) => refused.push(number),
            result => assert_eq!(result, Ok(()), "message {number}"),
        }
    };
    for number in numbers {
        while open.len() >= window {
            let Some((number, call)) = open.pop_front() else { break };
            end(number, bounded(call).await);
        }
        let client = client.clone();
        let topic = topic.to_owned();
        let mut call: Call = Box::pin(async move {
            let payload = payload(number);
            client.publish(&topic, &payload).qos(qos).timeout(PATIENCE).await.map(drop)
        });
        // The first poll is what has it accepted: in this order.
        match poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
            Poll::Ready(result) => end(number, result),
            Poll::Pending => open.push_back((number, call)),
        }
    }
    for (number, call) in open {
        end(number, bounded(call).await);
    }
    refused
}

async fn bounded(call: Call) -> Result<(), PublishError> {
    timeout(PATIENCE * 2, call).await.expect("a call that never ends")
}

/// Reads numbers until `last` has come and it is quiet.
pub(crate) async fn read_numbers(client: &Client, last: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut bound = PATIENCE;
    while let Ok(Some(message)) = timeout(bound, client.queue().next()).await {
        numbers.push(number(&String::from_utf8_lossy(message.payload())));
        if numbers.last() == Some(&last) {
            bound = QUIET;
        }
    }
    numbers
}

/// The numbers that `mosquitto_sub` has printed, with `-F %p`, until `last` has come and it is quiet.
pub(crate) fn printed_numbers(sub: &Sub, last: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut bound = PATIENCE;
    while let Some(line) = sub.next_line(bound) {
        numbers.push(number(&line));
        if numbers.last() == Some(&last) {
            bound = QUIET;
        }
    }
    numbers
}

/// QoS 2: each once. QoS 1: each at least once. Both in order, by first arrival.
pub(crate) fn assert_arrived(who: &str, qos: QoS, count: usize, numbers: &[usize]) {
    let mut seen = vec![false; count];
    let first: Vec<usize> = numbers
        .iter()
        .copied()
        .filter(|number| !std::mem::replace(&mut seen[*number], true))
        .collect();
    let missing: Vec<usize> = (0..count).filter(|number| !seen[*number]).collect();
    assert!(missing.is_empty(), "{who}: {} lost, from {:?}", missing.len(), missing.first());
    let disorder = first.windows(2).find(|pair| pair[0] > pair[1]);
    assert_eq!(disorder, None, "{who}: out of order");
    if qos == QoS::ExactlyOnce {
        let again = numbers.len() - first.len();
        assert_eq!(again, 0, "{who}: {again} came twice");
    }
}

/// A program that connects again whenever the link is down, as long as this lives.
#[derive(Debug)]
pub(crate) struct Kept {
    task: JoinHandle<()>,
    downs: Arc<AtomicUsize>,
}

impl Kept {
    /// Connects, keeping the session, and keeps connected.
    pub(crate) async fn connect(client: &Client) -> Self {
        within(client.connect(false)).await.expect("a connection");
        let downs = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(keep_connected(client.clone(), Arc::clone(&downs)));
        Self { task, downs }
    }

    /// How often the link was lost.
    pub(crate) fn downs(&self) -> usize {
        self.downs.load(Ordering::Relaxed)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_connected(client: Client, downs: Arc<AtomicUsize>) {
    while let Some(reason) = client.down().await {
        if reason == DownReason::Disconnected {
            return;
        }
        downs.fetch_add(1, Ordering::Relaxed);
        println!("down: {reason:?}");
        while let Err(error) = client.connect(false).await {
            println!("not yet again after {reason:?}: {error}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
