//! Random lives of the whole client: many calls at a time, dropped at any moment, over a bad
//! network, driven by hand; then all has to come to an end.
//!
//! 150 of them, unless the settings of `seeds` say otherwise.

mod deeds;

use std::cell::RefCell;
use std::future::Future;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use mqtt_as_client::QoS;
use mqtt_as_client::{CallbackId, Client, Memory, Message, ReasonCode, Runtime};
use mqtt_as_proto::Storage;
use mqtt_as_tests::broker::{Broker, BrokerConfig};
use mqtt_as_tests::random::Random;

pub(crate) use deeds::feed;
use deeds::settings;

use crate::hand::{self, Dial, Flag, Hand, Wire, Work};
use crate::promises::Promises;
use crate::seeds;

/// Calls at a time: the client has that many waiter slots, and one.
const CALLS: usize = 16;

/// Turns, of a millisecond each, that a return to order takes at most.
const PATIENCE: usize = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Driver,
    /// It ends by itself.
    Call(&'static str),
    /// It waits for what need not happen.
    Wait(&'static str),
}

struct Task {
    kind: Kind,
    work: Work,
    woken: Arc<Flag>,
}

impl Task {
    fn new(kind: Kind, work: Work) -> Self {
        Self { kind, work, woken: Flag::new() }
    }

    /// Whether it has ended.
    fn poll(&mut self) -> bool {
        let waker = Waker::from(self.woken.clone());
        self.work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }
}

/// What the consumers took, and which one it was.
type Taken = Arc<Mutex<Vec<(Message, usize)>>>;

struct Life {
    random: Random,
    /// One session all the time.
    kept: bool,
    manual: bool,
    trace: bool,
    client: Client<Hand>,
    wire: Wire,
    drivers: Vec<Task>,
    calls: Vec<Task>,
    promises: Rc<RefCell<Promises>>,
    taken: Taken,
    held: Vec<Message>,
    callback: Option<CallbackId>,
    has_callbacks: bool,
    numbers: u64,
    /// Polls of the driver in turns in which nothing else went on.
    idle_polls: usize,
}

fn pick<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.index(choices.len())]
}

impl Life {
    fn new(seed: u64, trace: bool) -> Self {
        let mut random = Random::new(seed);
        hand::begin();
        let receive_maximum = pick(&mut random, &[1, 2, 8, 64]);
        let manual = random.chance(20);
        let config = settings(&mut random, receive_maximum, manual);
        let broker = BrokerConfig {
            receive_maximum: pick(&mut random, &[1, 3, u16::MAX]),
            window: receive_maximum.min(20),
            ..BrokerConfig::default()
        };
        if trace {
            println!("{config:#?} {broker:#?}");
        }
        let wire = Wire::to(Broker::new(broker));
        let has_callbacks = random.chance(40);
        let (client, works) = if has_callbacks {
            hand::start(config, &wire)
        } else {
            let memory = Memory { waiters: Storage::owned(CALLS + 2), ..Memory::heap(&config) };
            let made = Client::with_runner(config, memory, wire.clone(), Rc::new);
            let (client, runner) = made.expect("settings that fit each other");
            let work: Work = Box::pin(runner.run());
            (client, vec![work])
        };
        let drivers = works.into_iter().map(|work| Task::new(Kind::Driver, work)).collect();
        Self {
            kept: random.chance(60),
            random,
            manual,
            trace,
            client,
            wire,
            drivers,
            calls: Vec::new(),
            promises: Rc::default(),
            taken: Taken::default(),
            held: Vec::new(),
            callback: None,
            has_callbacks,
            numbers: 0,
            idle_polls: 0,
        }
    }

    fn live(mut self) {
        for _ in 0..self.random.between(100..=400) {
            self.step();
        }
        if self.random.chance(10) {
            return self.lose_driver();
        }
        self.return_to_order();
        self.rest();
        self.end();
    }

    fn note(&self, text: impl std::fmt::Display) {
        if self.trace {
            println!("{} {text}", Hand::now().as_millis());
        }
    }

    fn step(&mut self) {
        match self.random.between(0..=99) {
            0..=23 => self.publish(),
            24..=35 => self.feed(),
            36..=41 => self.request(),
            42..=52 => self.next(),
            53..=58 => self.wait(),
            59..=61 => self.disconnect(),
            62..=67 => self.drop_one(),
            68..=73 => self.weather(),
            74 | 75 => self.lose(),
            76 if !self.kept => {
                self.note("the broker forgets");
                self.wire.with_broker(|broker, _| broker.forget_sessions());
            }
            77 => self.toggle_callback(),
            78 | 79 => {
                let turns = self.random.between(50..=800);
                self.turns(turns);
            }
            _ => {
                let turns = self.random.between(1..=10);
                self.turns(turns);
            }
        }
        if (!self.client.is_connected() && self.random.chance(20)) || self.random.chance(1) {
            self.connect();
        }
    }

    fn turns(&mut self, count: u64) {
        (0..count).for_each(|_| self.turn());
    }

    fn turn(&mut self) {
        let before = self.wire.moved();
        hand::pass(&self.wire);
        let driven = self.poll_drivers();
        let called = self.poll_calls();
        if !called && self.wire.moved() == before {
            self.idle_polls += driven;
        }
        self.look_at_taken();
        if !self.is_woken() && self.random.chance(5) {
            self.probe();
        }
    }

    fn poll_drivers(&mut self) -> usize {
        let mut polls = 0;
        self.drivers.retain_mut(|task| {
            let woken = task.woken.take();
            polls += usize::from(woken);
            !woken || !task.poll()
        });
        polls
    }

    fn poll_calls(&mut self) -> bool {
        let first = self.random.index(self.calls.len());
        let (mut polled, mut ended) = (false, Vec::new());
        for index in 0..self.calls.len() {
            let index = (first + index) % self.calls.len();
            let call = &mut self.calls[index];
            if call.woken.take() {
                polled = true;
                if call.poll() {
                    ended.push(index);
                }
            }
        }
        ended.sort_unstable();
        for index in ended.into_iter().rev() {
            let call = self.calls.remove(index);
            self.note(format_args!("ended: {:?}", call.kind));
        }
        polled
    }

    fn look_at_taken(&mut self) {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        for (message, consumer) in taken {
            self.note(format_args!("{consumer} took {message:?}"));
            self.promises.borrow_mut().arrived(&message, consumer);
            if self.manual {
                self.held.push(message);
            }
        }
        if self.random.chance(20) {
            for message in std::mem::take(&mut self.held) {
                let told = self.client.ack(&message, ReasonCode::SUCCESS);
                self.note(format_args!("acknowledges {message:?}: {told}"));
            }
        }
    }

    fn is_woken(&self) -> bool {
        self.drivers.iter().chain(&self.calls).any(|task| task.woken.is_set())
    }

    /// Nobody was woken, so nobody finds anything to do.
    fn probe(&mut self) {
        for index in 0..self.calls.len() {
            let call = &mut self.calls[index];
            let kind = call.kind;
            assert!(!call.poll(), "{kind:?} was not woken");
        }
        if self.is_woken() {
            return; // A call without room has the driver look again.
        }
        let before = self.wire.moved();
        for index in 0..self.drivers.len() {
            assert!(!self.drivers[index].poll(), "driver {index} was not woken: it has ended");
            assert_eq!(
                self.wire.moved(),
                before,
                "driver {index} was not woken: it has more to do"
            );
            let woken: Vec<_> = self.drivers.iter().chain(&self.calls).collect();
            let woken = woken.iter().position(|task| task.woken.is_set());
            assert!(woken.is_none(), "driver {index} was not woken: it wakes {woken:?}");
        }
    }

    /// Drives a call to its end.
    fn complete<T>(&mut self, told: &str, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let woken = Flag::new();
        for _ in 0..PATIENCE {
            let waker = Waker::from(woken.clone());
            if woken.take()
                && let Poll::Ready(value) = call.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return value;
            }
            self.turn();
        }
        panic!("{told} does not end");
    }

    fn ensure_up(&mut self) {
        let client = self.client.clone();
        for _ in 0..5 {
            if client.is_connected() || self.complete("connect", client.connect(false)).is_ok() {
                return;
            }
        }
        panic!("no connection over a good network");
    }

    fn lose_driver(mut self) {
        self.promises.borrow_mut().is_over = true;
        self.drivers.clear();
        for _ in 0..200 {
            self.poll_calls();
        }
        let kinds: Vec<_> = self.calls.iter().map(|call| call.kind).collect();
        assert!(kinds.iter().all(|kind| *kind == Kind::Call("drain")), "no driver: {kinds:?}");
    }

    /// A good network, a program that takes its messages.
    fn return_to_order(&mut self) {
        self.note("the return to order");
        self.wire.set(1000, Dial::Opens);
        for _ in 0..PATIENCE / 100 {
            self.ensure_up();
            let others = self.calls.iter().filter(|call| !matches!(call.kind, Kind::Wait(_)));
            let room = CALLS.saturating_sub(others.count()).min(3);
            while self.calls.iter().filter(|call| call.kind == Kind::Wait("next")).count() < room {
                if self.calls.len() == CALLS {
                    self.calls.retain(|call| !matches!(call.kind, Kind::Wait(_)));
                }
                self.next();
            }
            self.turns(100);
            if self.is_at_rest() {
                return;
            }
        }
        let kinds: Vec<_> = self.calls.iter().map(|call| call.kind).collect();
        let sessions = self.wire.with_broker(|broker, _| broker.sessions());
        panic!("no rest: {kinds:?} {sessions:?}, owed {:?}", self.promises.borrow().owed());
    }

    fn is_at_rest(&mut self) -> bool {
        let sessions = self.wire.with_broker(|broker, _| broker.sessions());
        let quiet = sessions.iter().any(|session| {
            // A clean CONNECT that the broker never saw leaves it the old session. That is adopted,
            // and its identifiers are cleared when their turn comes again.
            let unreleased = if self.kept { session.unreleased } else { 0 };
            session.client_id == "ours" && session.queued + session.in_flight + unreleased == 0
        });
        let waits = self.calls.iter().all(|call| matches!(call.kind, Kind::Wait(_)));
        quiet && waits && self.held.is_empty() && self.client.is_connected()
    }

    /// All is said and done.
    fn rest(&mut self) {
        let client = self.client.clone();
        assert!(self.complete("drain", client.drain(Duration::from_secs(5))), "not idle");
        let accepted = self.wire.with_broker(|broker, _| broker.accepted().to_vec());
        self.promises.borrow().judge(&accepted, self.kept, self.manual);
        self.idle_polls = 0;
        self.turns(500);
        assert!(self.idle_polls < 25, "{} polls for nothing", self.idle_polls);
    }

    /// All that waits gets what it waits for; calls work; the last handle goes.
    fn end(mut self) {
        for _ in 0..2 {
            self.wire.lose();
            self.turns(20);
            self.ensure_up();
        }
        self.many_calls();
        let client = self.client.clone();
        self.complete("disconnect", client.disconnect()).expect("a connection");
        self.turns(20);
        let kinds: Vec<_> = self.calls.iter().map(|call| call.kind).collect();
        assert!(kinds.is_empty(), "they still wait: {kinds:?}");
        drop(client);
        self.held.clear();
        let Self { wire, mut drivers, client, .. } = self;
        drop(client);
        for _ in 0..2000 {
            if drivers.is_empty() {
                break;
            }
            hand::pass(&wire);
            drivers.retain_mut(|task| !task.woken.take() || !task.poll());
        }
        assert!(drivers.is_empty(), "the driver goes on");
    }

    fn many_calls(&mut self) {
        let client = self.client.clone();
        for _ in 0..40 {
            for _ in 0..CALLS {
                let mut request = pin!(client.subscribe("none", QoS::AtMostOnce));
                let mut up = pin!(client.broker_up());
                let cx = &mut Context::from_waker(Waker::noop());
                assert!(up.as_mut().poll(cx) != Poll::Ready(true));
                if let Poll::Ready(end) = request.as_mut().poll(cx) {
                    self.promises.borrow().judge_request(&end);
                }
            }
            self.turns(5);
        }
        self.complete("a publish", client.publish("out", "0 ").qos(QoS::ExactlyOnce).into_future())
            .expect("a publish");
    }
}

#[test]
fn random_lives_of_the_whole_client() {
    if let Some(seed) = seeds::alone() {
        return Life::new(seed, true).live();
    }
    let seeds = seeds::all(150);
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| Life::new(seed, false).live())).is_err() {
                println!("seed {seed} failed");
                failed.lock().unwrap().push(seed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    let first = failed.first();
    assert!(
        first.is_none(),
        "{} lives failed: {failed:?}\nMQTT_AS_SEED={} cargo test -p mqtt-as-tests --test driver \
         random_lives -- --nocapture",
        failed.len(),
        first.unwrap_or(&0)
    );
}
