//! A client whose caller does anything at any time, and whose server says anything: nothing
//! panics, every loop ends, memory stays bounded, and every operation has one outcome.

use std::collections::BTreeSet;

use mqtt_as_proto::client::{
    Aliases, Client, Consumer, Event, Fate, Input, LogMemory, Memory, Message, Published, Tag, Tell,
};
use mqtt_as_proto::packet::{Connect, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{
    AckToken, Instant, Outbox, PacketId, Properties, ReasonCode, Storage, TopicFilter, TopicName,
    Version,
};
use mqtt_as_tests::random::Random;

use crate::server::{connack, id, mutated, says};
use crate::settings::{qos, settings};
use crate::streams::{Streams, assert_all_free, assert_counted};

#[test]
fn a_client_bears_any_caller_and_any_server() {
    let mut events = 0;
    crate::fuzz("operations", |random| events += Case::run(random));
    println!("operations: {events} events");
}

/// More than any loop turns.
const FOREVER: usize = 10_000;

const CONSUMERS: [Consumer; 2] = [Consumer::Queue, Consumer::Callbacks];

/// Operations that came to their ends.
pub(crate) type Told = Vec<(Tag, Option<Fate>)>;

struct Case<'a, 'r> {
    random: &'r mut Random,
    version: Version,
    client: Client<'a>,
    out: Outbox<'a>,
    input: Vec<u8>,
    /// Bytes of the server's that are still on their way.
    late: Vec<u8>,
    /// Identifiers that the client used last.
    ids: Vec<PacketId>,
    now: Instant,
    /// Bytes that the outbox may hold, with payloads held by reference.
    outbox: usize,
    flights: usize,
    /// Records of nothing but an identifier, for which there is room.
    places: usize,
    /// Messages that a consumer has begun with, and those that it may still acknowledge.
    begun: Vec<(Consumer, AckToken)>,
    tokens: Vec<AckToken>,
    /// CONNECT had an authentication method.
    method: bool,
    tag: u32,
    open: BTreeSet<u32>,
    streams: Streams,
    events: u64,
}

impl<'a> Case<'a, '_> {
    /// How many events there were.
    fn run(random: &mut Random) -> u64 {
        let config = settings(random);
        let flights = usize::from(config.in_flight);
        let outbox = random.between(128..=700) as usize;
        let outgoing = random.between(0..=1500) as usize;
        let incoming = config.maximum_packet_size as usize + 16 + random.index(600);
        let (mut bytes, mut written) = (vec![0; outbox], vec![0; outbox]);
        let mut logs = [vec![0; outgoing], vec![0; incoming], vec![0; 800], vec![0; 200]];
        let [out, coming, aliases_in, aliases_out] = &mut logs;
        let heap = random.chance(50);
        let topics = [aliases_in, aliases_out].map(|bytes| LogMemory::borrowed(bytes));
        let [theirs, ours] = topics;
        let mut aliases = [Aliases::new(theirs, ours)];
        let aliases = if random.chance(80) { &mut aliases[..] } else { &mut [] };
        let memory = Memory {
            outbox: Storage::borrowed(&mut bytes),
            outgoing: if heap { LogMemory::owned(outgoing) } else { LogMemory::borrowed(out) },
            incoming: if heap { LogMemory::owned(incoming) } else { LogMemory::borrowed(coming) },
            aliases: Storage::borrowed(aliases),
        };
        config.check(&memory).expect("settings that fit");
        let case = Case {
            version: config.version,
            client: Client::new(config, memory),
            out: Outbox::new(Storage::borrowed(&mut written)),
            input: Vec::new(),
            late: Vec::new(),
            ids: Vec::new(),
            now: Instant::from_millis(random.between(0..=1 << 40)),
            outbox: outbox + 60_000,
            flights,
            places: if heap { flights } else { outgoing / 16 },
            begun: Vec::new(),
            tokens: Vec::new(),
            method: false,
            tag: 0,
            open: BTreeSet::new(),
            streams: Streams::default(),
            events: 0,
            random,
        };
        case.live()
    }

    fn live(mut self) -> u64 {
        for _ in 0..self.random.between(10..=200) {
            self.step();
            self.look();
        }
        self.lose();
        self.with_events(|client, tell| client.give_up_all(tell));
        self.look();
        assert!(self.open.is_empty(), "no outcome: {:?}", self.open);
        self.streams.assert_over();
        assert_eq!(self.client.pending(), 0);
        self.take_all();
        assert_all_free(self.client, (self.flights, self.places), self.now);
        self.events
    }

    /// Does what may tell events, and hears them.
    fn with_events<T>(&mut self, act: impl FnOnce(&mut Client<'a>, Tell<'_>) -> T) -> T {
        let mut told = Told::new();
        let done = act(&mut self.client, &mut |event| told.extend(ended(&event)));
        self.hear_told(told);
        done
    }

    fn hear_told(&mut self, told: Told) {
        self.events += told.len() as u64;
        for (tag, fate) in told {
            let known = self.streams.end(tag, fate) || self.open.remove(&tag.0);
            assert!(known, "an outcome too many: {tag:?} {fate:?}");
        }
    }

    fn step(&mut self) {
        if self.client.is_closing() && self.random.chance(30) {
            self.lose();
        }
        if !self.client.is_connected() && self.random.chance(30) {
            self.connect();
        }
        self.look();
        match self.random.between(0..=99) {
            0..=27 => self.receive(),
            28..=42 => self.publish(),
            43..=52 => self.stream(),
            53..=66 => self.write(),
            67..=71 => self.request(),
            72..=79 => self.consume(),
            80..=84 => self.pass_time(),
            85..=90 => self.connect(),
            91..=93 => self.lose(),
            _ => self.do_rare(),
        }
    }

    fn lose(&mut self) {
        self.with_events(|client, tell| client.handle_connection_lost(tell));
        self.begin_connection();
    }

    fn begin_connection(&mut self) {
        self.out.clear();
        self.input.clear();
        self.late.clear();
        self.streams.end_connection();
    }

    fn stream(&mut self) {
        for _ in 0..self.random.between(1..=4) {
            let Self { client, tag, now, random, streams, .. } = self;
            let mut told = Told::new();
            match random.chance(30) {
                true => streams.read_any(client, random),
                false => streams.do_any(client, tag, *now, random, &mut told),
            }
            self.hear_told(told);
            self.look();
        }
    }

    fn do_rare(&mut self) {
        match self.random.index(9) {
            0 => {
                let consumer = CONSUMERS[self.random.index(2)];
                match self.random.chance(70) {
                    true => self.client.activate(consumer),
                    false => self.client.deactivate(consumer),
                }
            }
            1 => drop(self.client.ping()),
            2 => self.client.release_memory(),
            3 => {
                let id = id(self.random);
                self.with_events(|client, tell| client.give_up(id, tell));
            }
            4 if self.random.chance(10) => {
                self.with_events(|client, tell| client.give_up_all(tell));
            }
            5 => {
                let reason = ReasonCode::from_u8([0, 4, 0x80][self.random.index(3)]);
                let expiry = [None, Some(0), Some(9)][self.random.index(3)];
                let _ = self.client.disconnect(reason, expiry);
            }
            6 => self.client.pass_streams(),
            _ => {
                let reason = ReasonCode::from_u8([0, 0x18, 0x19][self.random.index(3)]);
                let method = [Property::AuthenticationMethod(["m", "n"][self.random.index(2)])];
                let properties =
                    Properties::new(if self.random.chance(80) { &method } else { &[] });
                let _ = self.client.authenticate(reason, properties);
            }
        }
    }

    fn connect(&mut self) {
        let list = [
            Property::AuthenticationMethod("m"),
            Property::SessionExpiryInterval(self.random.index(3) as u32),
            Property::RequestProblemInformation(self.random.chance(50)),
        ];
        let first = [0, 1, 1, 2, 2, 3][self.random.index(6)];
        let list = if self.version == Version::V5 { &list[first..] } else { &[] };
        let connect = Connect {
            client_id: ["", "c"][self.random.index(2)],
            clean_start: self.random.chance(40),
            keep_alive: [0, 1, 10, u16::MAX][self.random.index(4)],
            properties: Properties::new(list),
            ..Connect::default()
        };
        if self.client.connect(&connect, self.now).is_ok() {
            self.begin_connection();
            self.method = first == 0;
        }
        if self.random.chance(80) {
            self.write();
            let mut bytes = std::mem::take(&mut self.late);
            bytes.extend(connack(self.random, self.version, self.method));
            self.hear(&bytes);
        }
    }

    fn publish(&mut self) {
        let len = [0, 5, 70, 300, 5000, 40_000][self.random.index(6)];
        let payload = bytes::Bytes::from(vec![7; len]);
        let name = TopicName::new(["t", "u/long/one"][self.random.index(2)]).expect("a topic");
        let expiry = [Property::MessageExpiryInterval(self.random.index(3) as u32)];
        let expires = self.version == Version::V5 && self.random.chance(20);
        let message = Message {
            retain: self.random.chance(10),
            properties: Properties::new(if expires { &expiry } else { &[] }),
            ..Message::new(name, &payload).qos(qos(self.random))
        };
        self.tag += 1;
        let published = self.client.publish(&message, Tag(self.tag), self.now);
        if let Ok(Published::Pending(id)) = published {
            self.open.insert(self.tag);
            self.used(id);
        }
    }

    fn request(&mut self) {
        self.tag += 1;
        let filter = TopicFilter::new(["t/#", "u"][self.random.index(2)]).expect("a filter");
        let options = SubscriptionOptions::new(qos(self.random));
        let done = match self.random.chance(60) {
            true => {
                let subscriptions = vec![Subscription { filter, options }; self.random.index(3)];
                self.client.subscribe(&subscriptions, Properties::NONE, Tag(self.tag))
            }
            false => self.client.unsubscribe(&[filter], Properties::NONE, Tag(self.tag)),
        };
        if let Ok(id) = done {
            self.open.insert(self.tag);
            self.used(id);
        }
    }

    /// A consumer begins with a message, finishes one, or acknowledges one.
    fn consume(&mut self) {
        for _ in 0..self.random.between(1..=4) {
            let consumer = CONSUMERS[self.random.index(2)];
            match self.random.index(4) {
                0 | 1 => self.begin(consumer),
                2 if !self.begun.is_empty() => {
                    let begun = self.begun.remove(self.random.index(self.begun.len()));
                    self.finish(begun);
                }
                _ if !self.tokens.is_empty() => {
                    let token = self.tokens.remove(self.random.index(self.tokens.len()));
                    let reason = ReasonCode::from_u8([0, 0x10, 0x80, 0x18][self.random.index(4)]);
                    self.client.acknowledge(token, reason);
                }
                _ => {}
            }
        }
    }

    fn begin(&mut self, consumer: Consumer) {
        let Some(message) = self.client.next(consumer) else {
            assert_eq!(self.client.begin(consumer), None);
            return;
        };
        let publish = message.publish().expect("it was judged when it came");
        assert!(!publish.topic.as_str().is_empty());
        assert!(message.is_stream() || publish.payload.len() == message.payload_len());
        let (is_stream, token) = (message.is_stream(), message.token());
        self.events += 1;
        if is_stream || (consumer == Consumer::Queue && self.random.chance(20)) {
            if consumer == Consumer::Queue {
                self.streams.begin_in(&mut self.client);
            }
            return;
        }
        assert_eq!(self.client.begin(consumer), token);
        self.begun.extend(token.map(|token| (consumer, token)));
        self.tokens.extend(token);
    }

    fn finish(&mut self, (consumer, token): (Consumer, AckToken)) {
        self.client.finish(consumer, token);
    }

    /// Whoever is there takes all that there is.
    fn take_all(&mut self) {
        self.streams.leave_all(&mut self.client);
        for begun in std::mem::take(&mut self.begun) {
            self.finish(begun);
        }
        self.client.activate(Consumer::Queue);
        self.client.deactivate(Consumer::Callbacks);
        for _ in 0..FOREVER {
            let Some(message) = self.client.next(Consumer::Queue) else { return };
            if message.is_stream() {
                self.client.pass_streams();
            } else if let Some(token) = self.client.begin(Consumer::Queue) {
                self.client.finish(Consumer::Queue, token);
            }
        }
        panic!("taking does not end: {:?}", self.client);
    }

    fn pass_time(&mut self) {
        self.now = match self.client.poll_timeout() {
            Some(at) if self.random.chance(50) => self.now.max(at),
            _ => self.now.after(self.random.between(0..=20_000)),
        };
        for _ in 0..FOREVER {
            match self.client.poll_timeout() {
                Some(at) if at <= self.now => {}
                _ => return,
            }
            let now = self.now;
            if self.with_events(|client, tell| client.handle_timeout(now, tell)).is_err() {
                assert!(self.client.is_closing());
            }
            // A PINGREQ that is due is put into the outbox, which may have to be written first.
            self.write();
        }
        panic!("a deadline that does not pass: {:?}", self.client);
    }

    /// The transport takes some of what there is, or all.
    fn write(&mut self) {
        let mut written = 0;
        for _ in 0..FOREVER {
            if self.out.is_empty() && !self.poll_transmit() {
                return;
            }
            let chunk = self.out.chunk().len();
            assert!(chunk != 0, "an outbox with nothing in it");
            let part = if self.random.chance(80) { chunk } else { self.random.index(chunk + 1) };
            self.streams.wrote(&self.out.chunk()[..part], self.version);
            self.out.advance(part);
            self.client.handle_transmitted(part, self.now);
            written += part;
            assert!(written <= self.outbox * (self.flights + 20), "it writes without an end");
            if part < chunk && self.random.chance(50) {
                return;
            }
        }
        panic!("writing does not end: {:?}", self.client);
    }

    fn poll_transmit(&mut self) -> bool {
        let mut told = Told::new();
        let mut tell = |event: Event<'_>| told.extend(ended(&event));
        let wanted = self.client.wants_transmit();
        let some = self.client.poll_transmit(&mut self.out, self.now, &mut tell);
        assert!(!some || wanted, "it has something to write, and did not want to");
        self.hear_told(told);
        some
    }

    /// The server says something.
    fn receive(&mut self) {
        let mut bytes = std::mem::take(&mut self.late);
        for _ in 0..self.random.between(1..=4) {
            let ids = self.ids.len();
            let known = self.random.chance(80) && ids != 0;
            let id = if known { self.ids[self.random.index(ids)] } else { id(self.random) };
            let packet = says(self.random, self.version, id);
            let damaged = self.random.chance(3);
            self.streams.damaged |= damaged;
            bytes.extend(if damaged { mutated(packet, self.random) } else { packet });
        }
        if self.random.chance(20) {
            self.late = bytes.split_off(self.random.index(bytes.len()));
        }
        self.hear(&bytes);
    }

    fn used(&mut self, id: PacketId) {
        self.ids.insert(0, id);
        self.ids.truncate(4);
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let input = bytes::Bytes::from(std::mem::take(&mut self.input));
        let lent = if self.random.chance(50) { Input::shared(&input) } else { Input::new(&input) };
        let (now, received) = (self.now, self.client.counts().received);
        let Ok(handled) = self.with_events(|client, tell| client.handle_bytes(lent, now, tell))
        else {
            assert!(self.client.is_closing());
            return;
        };
        assert!(handled.used <= input.len());
        assert_eq!(handled.messages, self.client.counts().received != received);
        let rest = &input[handled.used..];
        assert!(handled.stop.is_none() || !rest.is_empty());
        assert!(handled.needed.is_none_or(|needed| needed > rest.len()), "{handled:?}");
        self.input = rest.to_vec();
    }

    /// What holds after every step.
    fn look(&mut self) {
        assert!(self.client.pending() as usize <= self.flights);
        let open = self.open.len() + self.streams.open_ones();
        assert!(open <= self.client.pending() as usize, "{:?}", self.open);
        if self.random.chance(20) {
            assert_counted(&self.client);
        }
        if self.random.chance(50) {
            while self.client.take_released().is_some() {}
        }
    }
}

/// An operation that came to its end.
fn ended(event: &Event<'_>) -> Option<(Tag, Option<Fate>)> {
    match event {
        Event::Done { tag, fate } => Some((*tag, Some(*fate))),
        Event::Answered(answer) => Some((answer.tag, None)),
        _ => None,
    }
}
