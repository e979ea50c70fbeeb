//! One random life: settings, operations, accidents, and the return to order.

use std::collections::BTreeMap;

use bytes::Bytes;
use mqtt_as_proto::client::{Message, OperationError, Published, Tag};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{Payload, Properties, QoS, ReasonCode, TopicFilter, TopicName, Version};
use mqtt_as_tests::pair::{Fault, Happening, Invariant, Pair, PairConfig, Plant};
use mqtt_as_tests::random::Random;

use super::ledger::{Ledger, payload};
use super::settings::settings;

/// What happened, and how often.
pub(crate) type Met = BTreeMap<&'static str, u64>;

/// The most steps of a life.
pub(crate) const STEPS: u64 = 300;

/// A client, its broker, and what they owe each other.
pub(crate) struct Life {
    random: Random,
    config: PairConfig,
    pair: Pair,
    ledger: Ledger,
    judged: usize,
    tags: u32,
    numbers: u64,
    /// CONNECT was sent with Clean Start, and no CONNACK has come since.
    wants_clean: bool,
    /// A session has begun, without subscriptions.
    is_new: bool,
}

impl Life {
    pub(crate) fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut random = Random::new(seed);
        let config = settings(&mut random, plant);
        let pair = Pair::new(random.next_u64(), config.clone());
        let mut ledger = Ledger::default();
        ledger.policy.republish = config.client.republish;
        ledger.policy.republish_exactly_once = config.client.republish_exactly_once;
        Self {
            random,
            config,
            pair,
            ledger,
            judged: 0,
            tags: 0,
            numbers: 0,
            wants_clean: false,
            is_new: false,
        }
    }

    pub(crate) fn trace(&mut self) {
        self.pair.trace();
        println!("{:#?}", self.config);
    }

    /// What it met, if all promises were kept.
    pub(crate) fn live(self) -> Result<Met, Fault> {
        self.live_through(|_| true)
    }

    /// The same with some of its steps only. Each draws from a source of its own, so that it stays what
    /// it is where others are left out.
    pub(crate) fn live_through(mut self, keeps: impl Fn(u64) -> bool) -> Result<Met, Fault> {
        let (steps, source) = (self.random.between(50..=STEPS), self.random.next_u64());
        let kept = (0..steps).filter(|step| keeps(*step));
        self.live_by(kept.map(|step| source.wrapping_add(step)), source.wrapping_add(steps))
    }

    /// The same with a step for each of those sources, and the last one for the return to order.
    pub(crate) fn live_by(
        mut self,
        sources: impl Iterator<Item = u64>,
        last: u64,
    ) -> Result<Met, Fault> {
        for source in sources {
            self.random = Random::new(source);
            self.step()?;
            self.judge()?;
            self.subscribe_anew()?;
        }
        self.random = Random::new(last);
        self.return_to_order()
    }

    /// Looks at what has happened since the last time.
    fn judge(&mut self) -> Result<(), Fault> {
        self.ledger.policy.forgets = self.pair.client().counts().forgotten != 0;
        let news = self.pair.log().get(self.judged..).unwrap_or_default();
        for happening in news {
            self.ledger.judge(happening)?;
            if matches!(happening, Happening::Connected { .. }) {
                self.wants_clean = false;
            }
            self.is_new |= matches!(happening, Happening::Connected { session_present: false });
        }
        self.judged = self.pair.log().len();
        self.pair.fault().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    fn step(&mut self) -> Result<(), Fault> {
        match self.random.between(0..=99) {
            0..=23 => self.publish()?,
            24..=29 => self.stream(),
            30..=44 => self.feed(),
            45..=49 => self.request()?,
            50..=64 => self.take(),
            65..=66 => self.listen(),
            67..=69 => self.pair.cut(),
            70..=71 => self.end_somehow(),
            72..=77 => {
                let ms = self.random.between(1..=500);
                self.advance(ms);
            }
            78 => {
                let ms = self.random.between(1000..=40_000);
                self.advance(ms);
            }
            79 => self.give_up()?,
            _ => self.go_on(),
        }
        Ok(())
    }

    /// What happens most of the time: a connection, and a moment of it.
    fn go_on(&mut self) {
        if !self.pair.has_transport() {
            if self.random.chance(60) {
                let clean = self.random.chance(8);
                self.connect(clean);
            }
            if self.random.chance(30) {
                return;
            }
        }
        match self.random.chance(50) {
            true => self.pair.drive(),
            false => {
                let ms = self.random.between(1..=100);
                self.advance(ms);
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        self.ledger.policy.dead |= self.pair.is_dead();
        self.pair.advance(ms);
    }

    fn connect(&mut self, clean: bool) {
        let clean = clean || self.wants_clean;
        self.wants_clean = clean;
        self.ledger.clean_connects += u32::from(clean);
        self.pair.connect(clean).expect("there is no connection");
    }

    fn end_somehow(&mut self) {
        match self.random.index(10) {
            0..=2 => drop(self.pair.disconnect()),
            3..=5 => self.pair.kill(),
            6 | 7 => self.pair.forget_session(),
            _ => {
                self.pair.cut();
                self.pair.forget_session();
            }
        }
        self.ledger.policy.dead |= self.pair.is_dead();
    }

    fn publish(&mut self) -> Result<(), Fault> {
        for _ in 0..self.random.between(1..=4) {
            self.publish_one()?;
        }
        Ok(())
    }

    fn publish_one(&mut self) -> Result<(), Fault> {
        let qos = random_qos(&mut self.random);
        let topic = format!("out{}/{}", qos as u8, ["a", "long/topic/name"][self.random.index(2)]);
        let len = match self.random.index(20) {
            0 => self.random.between(4096..=40_000),
            1..=3 => self.random.between(100..=700),
            _ => self.random.between(4..=30),
        };
        self.numbers += 1;
        let bytes = Bytes::from(payload(self.numbers, len as usize));
        let by_reference = self.random.chance(80);
        let payload = if by_reference { Payload::from(&bytes) } else { Payload::from(&bytes[..]) };
        let expires = self.config.client.version == Version::V5 && self.random.chance(10);
        let expiry = [Property::MessageExpiryInterval(self.random.between(1..=5) as u32)];
        let properties = Properties::new(if expires { &expiry } else { &[] });
        let name = TopicName::new(&topic).expect("a topic");
        let message = Message { properties, ..Message::new(name, payload).qos(qos) };
        let tag = self.tag();
        let number = (self.numbers, bytes.len());
        match self.pair.publish(&message, tag) {
            Ok(Published::Left) => self.ledger.published(&topic, number, (qos, expires), None),
            Ok(Published::Pending(_)) => {
                self.ledger.published(&topic, number, (qos, expires), Some(tag));
            }
            Err(error) => return refusal(error),
        }
        Ok(())
    }

    /// Publishes a stream, or goes away from one, or does not read one on.
    fn stream(&mut self) {
        if self.random.chance(15) {
            self.ledger.policy.dawdles = true;
            return self.pair.refuse_incoming();
        }
        if self.random.chance(15) {
            let which = self.random.index(4);
            if let Some(tag) = self.pair.leave_stream(which) {
                self.ledger.left(tag);
            }
            return;
        }
        let qos = random_qos(&mut self.random).min(self.config.broker.maximum_qos);
        let len = [4, 60, 600, 5000][self.random.index(4)];
        self.numbers += 1;
        let topic = format!("s/{}", self.numbers);
        let (bytes, tag) = (payload(self.numbers, len), self.tag());
        self.ledger.published(&topic, (self.numbers, bytes.len()), (qos, false), Some(tag));
        self.pair.stream(&topic, bytes, qos, tag);
    }

    fn tag(&mut self) -> Tag {
        self.tags += 1;
        Tag(self.tags)
    }

    /// Another client publishes: the topic says at which QoS ours has subscribed.
    fn feed(&mut self) {
        for _ in 0..self.random.between(1..=4) {
            let granted = [0, 1, 2, 2][self.random.index(4)];
            let topic = format!("in{granted}/{}", ["a", "b"][self.random.index(2)]);
            let maximum = self.config.broker.maximum_qos;
            let published = random_qos(&mut self.random).min(maximum);
            let qos = published.min(QoS::from_bits(granted as u8).expect("a QoS"));
            let size = self.config.client.maximum_packet_size as usize;
            let too_large =
                self.random.chance(10) && self.config.broker.maximum_packet_size.is_none();
            let streams = too_large && self.config.client.streams_in.is_some();
            let too_large = too_large && !streams;
            let len = if streams {
                size + self.random.between(50..=2000) as usize
            } else if too_large {
                size + 50
            } else {
                self.message_len(size)
            };
            self.numbers += 1;
            let filter = self.filter(granted, topic.ends_with('b'));
            let session = self.pair.session();
            let matches = session.is_some_and(|session| session.filters.contains(&filter));
            let bytes = payload(self.numbers, len);
            self.ledger.fed(
                &topic,
                (self.numbers, bytes.len()),
                qos,
                matches,
                (too_large, streams),
            );
            let name = TopicName::new(&topic).expect("a topic");
            self.pair.feed(name, &bytes, published);
        }
    }

    fn message_len(&mut self, most: usize) -> usize {
        let long = self.random.chance(10) && self.config.broker.maximum_packet_size.is_none();
        let len = if long { self.random.index(most - 40) } else { self.random.index(56) };
        4 + len
    }

    /// The program is busy with something else for a while, or is there again.
    fn listen(&mut self) {
        let listens = self.random.chance(70);
        self.ledger.policy.dawdles |= !listens;
        self.pair.listen(listens);
    }

    fn filter(&self, qos: usize, second: bool) -> String {
        match (self.config.broker.wildcard_subscription_available, second) {
            (true, _) => format!("in{qos}/+"),
            (false, true) => format!("in{qos}/b"),
            (false, false) => format!("in{qos}/a"),
        }
    }

    /// What a program does when its session is new, mostly.
    fn subscribe_anew(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.is_new) && self.random.chance(70) {
            for _ in 0..4 {
                self.request()?;
            }
        }
        Ok(())
    }

    fn request(&mut self) -> Result<(), Fault> {
        let qos = [0, 1, 2, 2][self.random.index(4)];
        let second = self.random.chance(50);
        let filter = self.filter(qos, second);
        let filter = TopicFilter::new(&filter).expect("a filter");
        let tag = self.tag();
        let done = if self.random.chance(90) {
            let qos = QoS::from_bits(qos as u8).expect("a QoS");
            self.pair.subscribe(filter, qos, tag)
        } else {
            self.pair.unsubscribe(filter, tag)
        };
        match done {
            Ok(_) => self.ledger.requested(tag),
            Err(error) => return refusal(error),
        }
        Ok(())
    }

    /// The program takes some of the messages that it has, in order or not.
    fn take(&mut self) {
        for _ in 0..self.random.index(6) {
            let in_order = self.random.chance(60);
            let which = if in_order { 0 } else { self.random.index(self.pair.untaken()) };
            // A refusal that is lost would bring a QoS 2 message again.
            let refuse = self.pair.untaken_qos(which) == Some(QoS::AtLeastOnce)
                && self.config.client.version == Version::V5
                && self.random.chance(5);
            let reason = if refuse {
                ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR
            } else {
                ReasonCode::SUCCESS
            };
            match self.random.chance(20) {
                true => self.pair.finish(which),
                false => self.pair.take(which, reason),
            }
        }
    }

    /// Gives up a publish, if that identifier belongs to one.
    fn give_up(&mut self) -> Result<(), Fault> {
        self.pair.drive();
        self.judge()?;
        let id = self.random.between(1..=self.numbers.clamp(1, 200)) as u16;
        let Some(id) = mqtt_as_proto::PacketId::new(id) else { return Ok(()) };
        let before = self.pair.log().len();
        if self.random.chance(30) && self.pair.give_up(id) {
            self.pair.drive();
            for happening in &self.pair.log()[before..] {
                if let Happening::Ended(tag, _) = happening {
                    self.ledger.given_up(*tag);
                }
            }
        }
        Ok(())
    }

    /// A good network, a program that takes its messages: all has to come to an end.
    fn return_to_order(mut self) -> Result<Met, Fault> {
        self.pair.heal();
        self.pair.listen(true);
        for round in 0..600 {
            // What was given up keeps its place as long as the session lives: all may be gone.
            while round == 500 && self.config.client.in_flight < 100 {
                let Some(tag) = self.pair.leave_stream(0) else { break };
                self.ledger.left(tag);
            }
            if !self.pair.has_transport() {
                self.connect(false);
            }
            self.advance(500);
            while self.pair.untaken() != 0 {
                self.pair.take(0, ReasonCode::SUCCESS);
            }
            self.advance(500);
            self.judge()?;
            if self.is_at_rest() {
                return self.end();
            }
        }
        let open: Vec<_> = self.ledger.open().collect();
        let (client, session) = (self.pair.client(), self.pair.session());
        let text = format!("no rest: open {open:?}, {session:?}, {client:?}");
        Err(Fault { invariant: Invariant::Rest, text })
    }

    /// Nothing is left: no promise, no message, no memory.
    fn end(mut self) -> Result<Met, Fault> {
        self.ledger.judge_end()?;
        if self.ledger.policy.forgets && !self.config.lent {
            let text = "an identifier gave way, and takes no room".to_owned();
            return Err(Fault { invariant: Invariant::Memory, text });
        }
        let fault = |text| Err(Fault { invariant: Invariant::Memory, text });
        let held = self.pair.client().held_bytes();
        let none = held == (0, 0) || !self.ledger.knows_session();
        if !none || self.pair.client().pending() != 0 {
            return fault(format!("{held:?} bytes are held of nothing: {:?}", self.pair.client()));
        }
        let lent = if self.config.lent { self.config.outgoing + self.config.incoming } else { 0 };
        let kept = self.pair.end();
        if kept != lent && self.ledger.knows_session() {
            let client = self.pair.client();
            return fault(format!("{kept} bytes are kept, {lent} of them lent: {client:?}"));
        }
        Ok(self.ledger.met)
    }

    fn is_at_rest(&mut self) -> bool {
        let session = self.pair.session();
        let quiet = session.is_some_and(|session| {
            session.connected && session.queued == 0 && session.in_flight == 0
        });
        quiet
            && self.pair.client().is_connected()
            && self.pair.is_idle()
            && self.pair.untaken() == 0
            && self.pair.streaming() == 0
    }
}

pub(crate) fn random_qos(random: &mut Random) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][random.index(3)]
}

/// The client may refuse what has no room, or what the broker does not allow.
fn refusal(error: OperationError) -> Result<(), Fault> {
    match error {
        OperationError::NoRoom
        | OperationError::TooLarge { .. }
        | OperationError::Forbidden(_)
        | OperationError::NotConnected => Ok(()),
        other => Err(Fault { invariant: Invariant::Truth, text: format!("{other:?}") }),
    }
}
