//! The load: numbers from one client to another through a broker, each client behind a link of its own.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_lite::future::zip;
use mqtt_as_tests::brokers::Broker;
use mqtt_as_tests::watched::{Event, Fate, Passing, Score, Watched, judge, story};

use super::{Case, count};
use crate::list::story::{MS, client, forever, take, text};
use crate::runtime::adapter::{Config, DownReason, PublishError, QoS, Reconnect};
use crate::runtime::{Client, host, on_down, sleep, soon, within};

/// What both clients have of the load.
pub(crate) const TOPIC: &str = "faults/flow";

/// Publishes that are open at a time: what the smallest window of a broker in use takes.
const WINDOW: usize = 16;
/// Messages of a line, at most, whatever the fault does.
const MOST: usize = 200_000;
/// One message may wait that long: over a broker that is away.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than anything that still comes takes to come.
const QUIET: Duration = Duration::from_secs(4);
/// The longest wait for the word that a link is lost.
const BOUND: Duration = Duration::from_secs(20);
/// The longest wait for clients to come to rest, in seconds: that of the table, and a short one.
const REST: [usize; 2] = [8, 2];

/// A policy in a hurry.
fn policy(spares: &[Watched]) -> &'static Reconnect {
    let servers: Vec<_> = spares.iter().map(|link| (host(link.port()), link.port())).collect();
    let policy = Reconnect::new().first_delay(5 * MS).longest_delay(50 * MS);
    let policy = policy.refused_delay(20 * MS).stable_after(Duration::ZERO);
    Box::leak(Box::new(policy.servers(Box::leak(servers.into_boxed_slice()))))
}

/// One client, its link, and when it was told that the link was lost.
pub(crate) struct Side {
    pub(crate) client: Client,
    pub(crate) link: Watched,
    /// Links to other servers of the same broker.
    spares: Vec<Watched>,
    downs: Arc<Mutex<Vec<(Instant, DownReason)>>>,
}

impl Side {
    async fn connect(link: Watched, spares: Vec<Watched>, config: Config) -> Self {
        let client = client(config);
        let downs = Arc::<Mutex<Vec<_>>>::default();
        let told = downs.clone();
        on_down(&client, move |reason| {
            told.lock().expect("no panic").push((Instant::now(), reason));
        });
        within(client.connect(false)).await.expect("a connection");
        Self { client, link, spares, downs }
    }

    /// What has passed on all of its links, in its order.
    fn record(&self) -> Vec<Event> {
        let mut all = self.link.record();
        for (number, spare) in (1..).zip(&self.spares) {
            let apart = |event: Event| Event { link: event.link + number * 100_000, ..event };
            all.extend(spare.record().into_iter().map(apart));
        }
        all.sort_by_key(|event| event.at);
        all
    }

    /// When it was told that the link was lost.
    pub(crate) fn downs(&self) -> Vec<Instant> {
        self.told().into_iter().map(|(at, _)| at).collect()
    }

    /// The same, with the reason.
    pub(crate) fn told(&self) -> Vec<(Instant, DownReason)> {
        self.downs.lock().expect("no panic").clone()
    }

    /// Bytes of memory that it has now.
    fn memory(&self) -> usize {
        self.client.statistics().allocated
    }
}

/// A broker between a publisher and a reader.
pub(crate) struct Line {
    pub(crate) case: Case,
    pub(crate) publisher: Side,
    pub(crate) reader: Side,
    pub(crate) flow: Arc<Flow>,
    before: usize,
}

/// How far the load is.
#[derive(Default)]
pub(crate) struct Flow {
    enough: AtomicBool,
    /// How many were published, once that is known.
    all: AtomicUsize,
    pub(crate) settled: AtomicUsize,
    pub(crate) taken: AtomicUsize,
    /// Publishes that ended with an error: what a broker refuses never comes.
    refused: AtomicUsize,
    /// How long the reader waits before it takes the next message, in milliseconds.
    pub(crate) sleepy: AtomicUsize,
    /// How long the publisher waits between two messages, beyond what there is, in milliseconds.
    pub(crate) slow: AtomicUsize,
}

/// What became of the load.
pub(crate) struct Outcome {
    pub(crate) score: Score,
    /// Publishes whose end was told to the program as an error.
    pub(crate) told: Vec<(usize, PublishError)>,
    /// Bytes that both clients held when they were connected, and when all was over.
    pub(crate) memory: [usize; 2],
}

/// The settings of both clients, and what becomes of the packets of each.
pub(crate) struct Setup<S, P, R> {
    /// The name of the server, if it is not the address that all have.
    pub(crate) name: Option<&'static str>,
    /// Other servers of the broker.
    pub(crate) spares: Vec<SocketAddr>,
    pub(crate) settings: S,
    pub(crate) publishing: P,
    pub(crate) reading: R,
}

/// Nothing happens to packets.
pub(crate) fn pass(_: &Passing<'_>) -> Fate {
    Fate::Pass
}

/// What nothing is said about but the settings.
pub(crate) fn setup<S>(settings: S) -> Setup<S, Pass, Pass> {
    Setup { name: None, spares: Vec::new(), settings, publishing: pass, reading: pass }
}

type Pass = fn(&Passing<'_>) -> Fate;

/// A line that nothing is said about.
pub(crate) async fn plain(case: Case, broker: &Broker, settings: fn(Config) -> Config) -> Line {
    Line::begin(case, broker, setup(settings)).await
}

impl Line {
    pub(crate) async fn begin<S, P, R>(case: Case, broker: &Broker, setup: Setup<S, P, R>) -> Self
    where
        S: Fn(Config) -> Config,
        P: FnMut(&Passing<'_>) -> Fate + Send + 'static,
        R: FnMut(&Passing<'_>) -> Fate + Send + 'static,
    {
        Self::begin_at(case, broker.addr(), setup).await
    }

    /// The same, where the broker is behind something else.
    pub(crate) async fn begin_at<S, P, R>(
        case: Case,
        broker: SocketAddr,
        setup: Setup<S, P, R>,
    ) -> Self
    where
        S: Fn(Config) -> Config,
        P: FnMut(&Passing<'_>) -> Fate + Send + 'static,
        R: FnMut(&Passing<'_>) -> Fate + Send + 'static,
    {
        let publishing = Watched::start(broker, setup.publishing);
        let reading = Watched::start(broker, setup.reading);
        let spares = || -> Vec<_> {
            setup.spares.iter().map(|server| Watched::start(*server, pass)).collect()
        };
        let settings = |client: &str, port: u16, spares: &[Watched]| {
            let id = forever(format!("{client}-{port}"));
            let address = host(port);
            let config = Config::new(setup.name.unwrap_or(address)).port(port);
            let config = config.version(case.version).client_id(id).user("guest", "guest");
            (setup.settings)(config.reconnect(policy(spares)))
        };
        let (out, back) = (spares(), spares());
        let config = settings("publisher", publishing.port(), &out);
        let publisher = Side::connect(publishing, out, config).await;
        let config = settings("reader", reading.port(), &back);
        let reader = Side::connect(reading, back, config).await;
        within(reader.client.subscribe(TOPIC, case.qos)).await.expect("a subscription");
        let before = publisher.memory() + reader.memory();
        Self { case, publisher, reader, flow: Arc::default(), before }
    }

    /// Lets the load go on until the fault is over, and judges what became of it.
    pub(crate) async fn run(&self, fault: impl Future<Output = ()>) -> Outcome {
        self.run_with(fault, self.read()).await
    }

    /// The same, with another reader: it gives the numbers that it has taken.
    pub(crate) async fn run_with(
        &self,
        fault: impl Future<Output = ()>,
        read: impl Future<Output = Vec<usize>>,
    ) -> Outcome {
        let fault = async {
            fault.await;
            self.flow.enough.store(true, Ordering::SeqCst);
        };
        let (((), published), taken) = zip(zip(fault, self.publish()), read).await;
        let (publishing, reading) = (self.publisher.record(), self.reader.record());
        let once = self.case.qos == QoS::ExactlyOnce;
        for side in [&self.publisher, &self.reader] {
            if let Some((_, reason)) = side.told().last() {
                println!("told last {reason:?}, {:?}", side.client.statistics());
            }
        }
        let Published { settled, told, open } = published;
        let score = judge(&settled, &open, &taken, &publishing, &reading, once);
        for number in score.blamed.iter().take(3) {
            println!("the fate of {number}, settled {}:", settled.contains(number));
            println!("publisher\n{}", story(&publishing, *number));
            println!("reader\n{}", story(&reading, *number));
        }
        Outcome { score, told, memory: [self.before, self.memory_at_rest().await] }
    }

    /// What is held when nothing has happened for a while: a heap gets the rest back.
    async fn memory_at_rest(&self) -> usize {
        let held = || self.publisher.memory() + self.reader.memory();
        let [long, short] = REST;
        let end = Instant::now() + Duration::from_secs(count(long, short) as u64);
        while held() > self.before && Instant::now() < end {
            sleep(10 * MS).await;
        }
        held()
    }

    async fn publish(&self) -> Published {
        let mut published = Published::default();
        let mut open = VecDeque::new();
        let mut count = 0;
        while !self.flow.enough.load(Ordering::SeqCst) && count < MOST {
            let payload = payload(count);
            let publish = self.publisher.client.publish(TOPIC, payload.as_str());
            match soon(PATIENCE, publish.qos(self.case.qos).send()).await {
                Some(Ok(receipt)) => open.push_back((count, receipt)),
                Some(Err(error)) => published.told.push((count, error)),
                None => published.open.push(count),
            }
            count += 1;
            while open.len() >= WINDOW
                && let Some((number, receipt)) = open.pop_front()
            {
                published.end(number, soon(PATIENCE, receipt).await, &self.flow);
            }
            sleep((1 + self.flow.slow.load(Ordering::SeqCst) as u32) * MS).await;
        }
        for (number, receipt) in open {
            published.end(number, soon(PATIENCE, receipt).await, &self.flow);
        }
        self.flow.all.store(published.settled.len(), Ordering::SeqCst);
        published
    }

    /// Takes what comes until all is there, and it is quiet.
    async fn read(&self) -> Vec<usize> {
        let (mut taken, mut seen) = (Vec::new(), HashSet::new());
        let mut last = Instant::now();
        loop {
            let sleepy = self.flow.sleepy.swap(0, Ordering::SeqCst);
            if sleepy != 0 {
                sleep(Duration::from_millis(sleepy as u64)).await;
                last = Instant::now();
            }
            if let Some(message) = soon(100 * MS, take(&self.reader.client)).await {
                let number = number(&message.expect("the queue stands").payload);
                taken.push(number);
                seen.insert(number);
                last = Instant::now();
                self.flow.taken.store(taken.len(), Ordering::SeqCst);
            } else if self.flow.is_over(seen.len(), last.elapsed()) {
                return taken;
            }
        }
    }

    /// Waits until so many more have been acknowledged and taken: the load flows.
    pub(crate) async fn flows(&self, more: usize) {
        let flow = &self.flow;
        let settled = flow.settled.load(Ordering::SeqCst) + more;
        let came = || flow.taken.load(Ordering::SeqCst) + flow.refused.load(Ordering::SeqCst);
        let wanted = came() + more;
        let so = || flow.settled.load(Ordering::SeqCst) >= settled && came() >= wanted;
        let waited = async {
            while !so() {
                sleep(MS).await;
            }
        };
        if soon(PATIENCE, waited).await.is_none() {
            for side in [&self.publisher, &self.reader] {
                let record = side.record();
                let current = record.last().map(|event| event.link);
                let of_link = record.iter().filter(|event| Some(event.link) == current);
                let of_link: Vec<_> = of_link.collect();
                let (first, last) = of_link.split_at(of_link.len().min(10));
                println!("{:?}, {:?}", side.client.statistics(), side.told());
                for event in first.iter().chain(last.iter().rev().take(30).rev()) {
                    println!("link {} {:?} {:?}", event.link, event.way, event.what);
                }
            }
            panic!("the load does not flow any more");
        }
    }

    /// Waits until both clients have been told so many times that the link is lost.
    pub(crate) async fn are_told(&self, times: usize) {
        let sides = [&self.publisher, &self.reader];
        let told = || sides.map(Side::told);
        let all = async {
            while told().iter().any(|told| told.len() < times) {
                sleep(MS).await;
            }
        };
        assert!(soon(BOUND, all).await.is_some(), "not told {times} times: {:?}", told());
    }
}

impl Flow {
    /// All that was published is there, or nothing comes any more.
    pub(crate) fn is_over(&self, seen: usize, quiet: Duration) -> bool {
        let all = self.all.load(Ordering::SeqCst);
        all != 0 && (quiet > QUIET || quiet > 300 * MS && seen >= all)
    }
}

#[derive(Default)]
struct Published {
    settled: Vec<usize>,
    told: Vec<(usize, PublishError)>,
    open: Vec<usize>,
}

impl Published {
    fn end<T>(&mut self, number: usize, result: Option<Result<T, PublishError>>, flow: &Flow) {
        match result {
            Some(Ok(_)) => self.settled.push(number),
            Some(Err(error)) => {
                flow.refused.fetch_add(1, Ordering::SeqCst);
                self.told.push((number, error));
            }
            None => self.open.push(number),
        }
        flow.settled.fetch_add(1, Ordering::SeqCst);
    }
}

/// The payload of a message: its number, and some bytes so that a packet takes more than one look.
fn payload(number: usize) -> String {
    format!("{number} {}", "#".repeat(number * 7 % 90))
}

/// The number in a payload.
pub(crate) fn number(payload: &[u8]) -> usize {
    let text = text(payload);
    text.split(' ').next().and_then(|digits| digits.parse().ok()).expect("a numbered payload")
}
