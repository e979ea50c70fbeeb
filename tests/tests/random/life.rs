//! One random life: settings, operations, accidents, and the return to order.

use std::collections::BTreeMap;

use mqtt_as_proto::client::Tag;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_tests::pair::{Arena, Fault, Happening, Pair, PairConfig, Plant};
use mqtt_as_tests::random::Random;

use super::ledger::Ledger;
use super::settings::{broker, settings};

/// What happened, and how often.
pub(crate) type Met = BTreeMap<&'static str, u64>;

/// The most steps of a life.
pub(crate) const STEPS: u64 = 300;

/// A client, its broker, and what they owe each other.
pub(crate) struct Life<'m> {
    pub(crate) random: Random,
    pub(crate) config: PairConfig,
    pub(crate) pair: Pair<'m>,
    pub(crate) ledger: Ledger,
    judged: usize,
    tags: u32,
    pub(crate) numbers: u64,
    /// CONNECT was sent with Clean Start, and no CONNACK has come since.
    wants_clean: bool,
    /// A session has begun, without subscriptions.
    pub(crate) is_new: bool,
    /// The broker has lost its sessions since the client was last connected, or was told to end them.
    has_none: bool,
}

impl<'m> Life<'m> {
    pub(crate) fn new(seed: u64, plant: Option<Plant>, arena: &'m mut Arena) -> Self {
        let mut random = Random::new(seed);
        let config = settings(&mut random, plant);
        let pair = Pair::new(random.next_u64(), config.clone(), arena);
        let mut ledger = Ledger::default();
        ledger.policy.republish = config.client.republish;
        ledger.policy.republish_exactly_once = config.client.republish_exactly_once;
        ledger.policy.overrun = config.broker.overrun != 0;
        ledger.policy.takes = (config.broker.maximum_qos, config.broker.maximum_packet_size);
        if config.lent {
            ledger.met.insert("memory that is lent", 1);
        }
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
            has_none: false,
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
    pub(crate) fn judge(&mut self) -> Result<(), Fault> {
        self.ledger.policy.forgets = self.pair.client().counts().forgotten != 0;
        let news = self.pair.log().get(self.judged..).unwrap_or_default();
        for happening in news {
            self.ledger.judge(happening)?;
            if matches!(happening, Happening::Connected { .. }) {
                (self.wants_clean, self.has_none) = (false, false);
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
            70 => self.end_somehow(),
            71 => self.disturb(),
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

    pub(crate) fn advance(&mut self, ms: u64) {
        self.ledger.policy.disturbed |= self.pair.is_disturbed();
        self.pair.advance(ms);
    }

    pub(crate) fn connect(&mut self, clean: bool) {
        let clean = clean || self.wants_clean;
        self.wants_clean = clean;
        if self.ledger.births != 0 && !clean && !self.has_none && self.pair.session().is_none() {
            *self.ledger.met.entry("session expired").or_default() += 1;
        }
        if self.random.chance(15) {
            self.change_broker();
        }
        self.ledger.clean_connects += u32::from(clean);
        self.pair.connect(clean).expect("there is no connection");
    }

    fn end_somehow(&mut self) {
        match self.random.index(10) {
            0..=2 => drop(self.pair.disconnect()),
            3..=5 => self.pair.kill(),
            6 | 7 => self.forget_session(),
            _ => {
                self.pair.cut();
                self.forget_session();
            }
        }
        self.ledger.policy.disturbed |= self.pair.is_disturbed();
    }

    fn forget_session(&mut self) {
        self.has_none = true;
        self.pair.forget_session();
    }

    /// Either side, or what is between them, stops in a way that time-outs have to notice; or begins
    /// anew.
    fn disturb(&mut self) {
        match self.random.index(10) {
            0..=3 => {
                use PacketType::{ConnAck, PingResp, PubAck, PubComp, PubRec, SubAck, UnsubAck};
                let kinds = [ConnAck, PingResp, PubAck, PubComp, PubRec, SubAck, UnsubAck];
                let kind = kinds[self.random.index(kinds.len())];
                self.pair.mute(kind);
            }
            4 => self.pair.stick([1000, 5000, 20_000][self.random.index(3)]),
            5 | 6 => {
                self.ledger.policy.disturbed = true;
                let hours = self.random.between(1..=30);
                let ms = [20_000, 3_600_000 * hours, 86_400_000 * hours][self.random.index(3)];
                self.pair.sleep(ms);
            }
            7 | 8 => drop(self.pair.restart()),
            // Seldom: it takes as long as twenty lives.
            _ if !self.pair.has_transport() && self.random.chance(15) => {
                self.pair.use_up_identifiers(65_520);
            }
            _ => {}
        }
        self.ledger.policy.disturbed |= self.pair.is_disturbed();
    }

    /// The client meets a broker that allows something else.
    fn change_broker(&mut self) {
        let broker = broker(self.config.client.version, &mut self.random);
        self.ledger.policy.overrun = broker.overrun != 0;
        self.ledger.policy.takes = (broker.maximum_qos, broker.maximum_packet_size);
        self.config.broker = broker.clone();
        self.pair.change_broker(broker);
    }

    pub(crate) fn tag(&mut self) -> Tag {
        self.tags += 1;
        Tag(self.tags)
    }
}
