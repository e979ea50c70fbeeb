//! Random lives of receivers and requests under a reconnect policy: receivers come and go, links break
//! anywhere, the server forgets the session, the program disconnects; in the end everybody has what is
//! theirs. Driven by hand; a task is polled only when it was woken.
//!
//! 100 of them, unless the settings of `seeds` say otherwise.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use mqtt_as_client::{Config, QoS, Reconnect, SubscribeError};
use mqtt_as_proto::{TopicFilter, TopicName, Version};
use mqtt_as_tests::broker::{Broker, BrokerConfig};
use mqtt_as_tests::random::Random;

use crate::BOTH;
use crate::hand::{self, Dial, Flag, Hand, Wire, Work};
use crate::lives::feed;
use crate::seeds;

type Client = mqtt_as_client::Client<Hand>;

/// Turns, of a millisecond each, within which the link has to be up on a good network.
const PATIENCE: usize = 30_000;

/// Filters of receivers, and a topic that each of them matches. The last one overlaps with others.
const FILTERS: [(&str, &str); 4] = [("r/1", "r/1"), ("r/2", "r/2"), ("s/+", "s/x"), ("r/#", "r/1")];

/// For nobody but the queue, if there is one.
const PLAIN: &str = "plain";
const ASKED: &str = "ask";

struct Task {
    work: Work,
    woken: Arc<Flag>,
    /// The reader that it is.
    reader: Option<u32>,
}

impl Task {
    fn new(work: Work, reader: Option<u32>) -> Self {
        Self { work, woken: Flag::new(), reader }
    }

    /// Whether it goes on.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(self.woken.clone());
        !self.woken.take() || self.work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
    }
}

/// A receiver, as the program sees it.
#[derive(Debug, Default)]
struct Reader {
    filter: &'static str,
    /// Its task has run: before that the client knows nothing of it.
    begun: bool,
    /// The numbers of what it has to get, and how often it got which ones.
    owed: BTreeSet<u64>,
    came: BTreeMap<u64, u32>,
}

/// Those that live, and what the messages are.
#[derive(Debug, Default)]
struct Record {
    readers: BTreeMap<u32, Reader>,
    fed: Vec<(&'static str, QoS)>,
}

impl Record {
    fn arrived(&mut self, reader: u32, topic: &str, payload: &[u8]) {
        let number: u64 = std::str::from_utf8(payload).unwrap().parse().expect("a number");
        let (fed, qos) = self.fed[number as usize];
        assert_eq!(topic, fed);
        let reader = self.readers.get_mut(&reader).expect("a reader that lives");
        assert!(matches(reader.filter, topic), "{topic} for {}", reader.filter);
        *reader.came.entry(number).or_default() += 1;
        reader.owed.remove(&number);
        let overlaps = reader.filter.starts_with("r/");
        assert!(qos != QoS::ExactlyOnce || overlaps || reader.came[&number] == 1, "{number} twice");
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    TopicFilter::new(filter).unwrap().matches(TopicName::new(topic).unwrap())
}

struct Life {
    random: Random,
    version: Version,
    client: Client,
    wire: Wire,
    drivers: Vec<Task>,
    tasks: Vec<Task>,
    record: Rc<RefCell<Record>>,
    last_reader: u32,
    requests: u32,
    /// The server has forgotten the session.
    forgets: bool,
}

impl Life {
    fn new(version: Version, seed: u64) -> Self {
        let mut random = Random::new(seed);
        hand::begin();
        let ms = Duration::from_millis;
        let window = 1 + random.index(20) as u16;
        let policy =
            Reconnect::new().first_delay(ms(20)).longest_delay(ms(300)).first_connect(true);
        let config = Config::new("by hand")
            .client_id("ours")
            .version(version)
            .response_time(ms(500))
            .connect_timeout(ms(500))
            .ping_timeout(ms(500))
            .keepalive(Duration::from_secs(1))
            .receive_maximum(window)
            .reconnect(policy);
        let config = config.queue_len([4, 100][random.index(2)]);
        let ids = random.chance(70);
        let broker = BrokerConfig {
            window,
            subscription_identifier_available: ids,
            ..BrokerConfig::default()
        };
        let wire = Wire::to(Broker::new(broker));
        let (client, works) = hand::start(config, &wire);
        let drivers = works.into_iter().map(|work| Task::new(work, None)).collect();
        let (tasks, record) = (Vec::new(), Rc::default());
        Self {
            random,
            version,
            client,
            wire,
            drivers,
            tasks,
            record,
            last_reader: 0,
            requests: 0,
            forgets: false,
        }
    }

    fn live(mut self) {
        if self.random.chance(60) {
            self.take_the_queue();
        }
        if self.version == Version::V5 {
            self.answer();
        }
        self.connect();
        for _ in 0..self.random.between(50..=200) {
            self.step();
        }
        self.return_to_order();
        self.end();
    }

    fn step(&mut self) {
        match self.random.index(20) {
            0..=2 => self.add_reader(),
            3 => self.drop_reader(),
            4..=8 => self.feed_any(),
            9 if self.version == Version::V5 => self.request(),
            10 => self.wire.lose(),
            11 => self.weather(),
            12 if self.random.chance(30) => self.forget(),
            13 if self.random.chance(30) => self.start({
                let client = self.client.clone();
                async move {
                    let _ = client.disconnect().await;
                }
            }),
            14 if self.random.chance(50) => self.connect(),
            15 => self.start({
                let client = self.client.clone();
                async move { drop(client.subscribe(PLAIN, QoS::AtLeastOnce).await) }
            }),
            _ => {
                let turns = self.random.between(1..=300);
                self.turns(turns);
            }
        }
        let turns = self.random.between(0..=5);
        self.turns(turns);
    }

    fn start(&mut self, work: impl Future<Output = ()> + 'static) {
        self.tasks.push(Task::new(Box::pin(work), None));
    }

    fn connect(&mut self) {
        let client = self.client.clone();
        self.start(async move { drop(client.connect(false).await) });
    }

    fn weather(&mut self) {
        let chunk = [1, 20, 1000, 1000][self.random.index(4)];
        let dial = [Dial::Opens, Dial::Opens, Dial::Fails, Dial::Hangs][self.random.index(4)];
        self.wire.set(chunk, dial);
    }

    /// What was on its way is gone with it.
    fn forget(&mut self) {
        self.forgets = true;
        self.wire.with_broker(|broker, _| broker.forget_sessions());
        self.record.borrow_mut().readers.values_mut().for_each(|reader| reader.owed.clear());
    }

    fn take_the_queue(&mut self) {
        let client = self.client.clone();
        self.start(async move {
            loop {
                let mut queue = client.queue();
                while queue.next().await.is_some() {}
                drop(queue);
                client.up().await; // It has disconnected.
            }
        });
    }

    fn add_reader(&mut self) {
        if self.record.borrow().readers.len() >= 6 {
            return;
        }
        let filter = FILTERS[self.random.index(FILTERS.len())].0;
        self.last_reader += 1;
        let (id, client, record) = (self.last_reader, self.client.clone(), self.record.clone());
        let pause = self.random.between(0..=5);
        record.borrow_mut().readers.insert(id, Reader { filter, ..Reader::default() });
        let read = async move {
            record.borrow_mut().readers.get_mut(&id).expect("a reader that lives").begun = true;
            match client.subscribe(filter, QoS::ExactlyOnce).receiver().await {
                Ok(mut receiver) => loop {
                    while let Some(message) = receiver.next().await {
                        record.borrow_mut().arrived(id, message.topic(), message.payload());
                        let at = <Hand as mqtt_as_client::Runtime>::now().after(pause);
                        <Hand as mqtt_as_client::Runtime>::sleep_until(at).await;
                    }
                    if let Some(Err(error)) = receiver.granted() {
                        panic!("{id}: {error}");
                    }
                    client.up().await; // It has disconnected.
                },
                Err(SubscribeError::TimedOut) => drop(record.borrow_mut().readers.remove(&id)),
                Err(error) => panic!("{error}"),
            }
        };
        self.tasks.push(Task::new(Box::pin(read), Some(id)));
    }

    fn drop_reader(&mut self) {
        let readers: Vec<_> =
            (0..self.tasks.len()).filter(|at| self.tasks[*at].reader.is_some()).collect();
        if !readers.is_empty() {
            let task = self.tasks.remove(readers[self.random.index(readers.len())]);
            self.record.borrow_mut().readers.remove(&task.reader.expect("a reader"));
        }
    }

    fn feed_any(&mut self) {
        let topics = ["r/1", "r/2", "s/x", PLAIN];
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][self.random.index(3)];
        let topic = topics[self.random.index(topics.len())];
        self.feed(topic, qos);
    }

    /// Another client publishes. Gives its number.
    fn feed(&mut self, topic: &'static str, qos: QoS) -> u64 {
        let record = &mut *self.record.borrow_mut();
        let number = record.fed.len() as u64;
        record.fed.push((topic, qos));
        let filters = self.wire.with_broker(|broker, now| {
            feed(broker, now, topic, number.to_string().as_bytes(), qos);
            let sessions = broker.sessions();
            let ours = sessions.into_iter().find(|session| session.client_id == "ours");
            ours.map(|session| session.filters).unwrap_or_default()
        });
        let stands = |filter: &str| filters.iter().any(|known| known == filter);
        for reader in record.readers.values_mut() {
            let is_there = reader.begun && stands(reader.filter);
            if qos != QoS::AtMostOnce && matches(reader.filter, topic) && is_there {
                reader.owed.insert(number);
            }
        }
        number
    }

    fn answer(&mut self) {
        let client = self.client.clone();
        self.start(async move {
            let subscribe = client.subscribe(ASKED, QoS::AtLeastOnce);
            let mut asked = subscribe.receiver().await.expect("there is no connection yet");
            loop {
                while let Some(message) = asked.next().await {
                    let answer = [b"re: ", message.payload()].concat();
                    drop(client.respond(&message, answer).timeout(Duration::from_secs(2)).await);
                }
                client.up().await; // It has disconnected.
            }
        });
    }

    fn request(&mut self) {
        self.requests += 1;
        let (client, asked) = (self.client.clone(), self.requests.to_string());
        self.start(async move {
            let request = client.request(ASKED, asked.as_bytes()).timeout(Duration::from_secs(2));
            if let Ok(answer) = request.await {
                assert_eq!(answer.payload(), format!("re: {asked}").as_bytes());
            }
        });
    }

    fn turns(&mut self, count: u64) {
        for _ in 0..count {
            hand::pass(&self.wire);
            self.drivers.retain_mut(Task::poll);
            self.tasks.retain_mut(Task::poll);
        }
    }

    fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if so(self) {
                return;
            }
            self.turns(1);
        }
        let sessions = self.wire.with_broker(|broker, _| broker.sessions());
        panic!("{what}: {:#?}, {sessions:?}", self.record.borrow().readers);
    }

    /// A good network: the policy connects, and everybody gets what is theirs.
    fn return_to_order(&mut self) {
        self.wire.set(1000, Dial::Opens);
        self.turns(3000); // A disconnect comes to its end, and so do requests.
        if !self.client.is_connected() {
            self.connect();
        }
        if self.forgets {
            // An attempt whose CONNACK was lost has begun a session that the next one resumes: nobody
            // can know then that it is another one.
            self.forget();
        }
        self.wire.lose();
        self.until("the policy connects", |life| life.client.is_connected());
        self.until("what is owed arrives", |life| {
            life.record.borrow().readers.values().all(|reader| reader.owed.is_empty())
        });
        for _ in 0..10 {
            self.turns(200);
            for (_, topic) in FILTERS {
                self.feed(topic, QoS::AtLeastOnce);
            }
            self.feed(PLAIN, QoS::AtLeastOnce);
        }
        self.until("every receiver has what it is for", |life| {
            life.record.borrow().readers.values().all(|reader| {
                reader.owed.is_empty() && reader.came.keys().any(|number| life.is_new(*number))
            })
        });
        if self.version == Version::V5 {
            let (done, client) = (Rc::new(RefCell::new(false)), self.client.clone());
            let told = done.clone();
            self.start(async move {
                let request = client.request(ASKED, "last").timeout(Duration::from_secs(5));
                assert_eq!(request.await.expect("an answer").payload(), b"re: last");
                *told.borrow_mut() = true;
            });
            self.until("a request is answered", |_| *done.borrow());
        }
    }

    /// Whether it was fed at the end.
    fn is_new(&self, number: u64) -> bool {
        number as usize + 10 >= self.record.borrow().fed.len()
    }

    fn end(mut self) {
        self.tasks.clear();
        self.record.borrow_mut().readers.clear();
        let client = self.client.clone();
        self.start(async move { client.disconnect().await.expect("a connection") });
        self.until("the disconnect ends", |life| life.tasks.is_empty());
        let Self { client, mut drivers, wire, .. } = self;
        drop(client);
        for _ in 0..PATIENCE {
            if drivers.is_empty() {
                return;
            }
            hand::pass(&wire);
            drivers.retain_mut(Task::poll);
        }
        panic!("the driver goes on");
    }
}

#[test]
fn random_lives_of_receivers_and_requests_under_a_policy() {
    for seed in seeds::all(100) {
        for version in BOTH {
            println!("{version:?} seed {seed}");
            Life::new(version, seed).live();
        }
    }
}
