//! A client whose caller does anything at any time, and whose server says anything: nothing
//! panics, every loop ends, memory stays bounded, and every operation has one outcome.

use std::collections::BTreeSet;

use mqtt_as_proto::client::{
    AliasMemory, Client, Config, Event, Fate, Memory, Message, Published, Tag,
};
use mqtt_as_proto::packet::{Connect, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{
    AckToken, Instant, Outbox, PacketId, Properties, QoS, ReasonCode, Storage, TopicFilter,
    TopicName, Version,
};
use mqtt_as_tests::random::Random;

use crate::server::{connack, id, mutated, says};
use crate::streams::{Streams, assert_all_free, assert_counted};

#[test]
fn a_client_bears_any_caller_and_any_server() {
    let mut events = 0;
    crate::fuzz("operations", |random| events += Case::run(random));
    println!("operations: {events} events");
}

/// More than any loop turns.
const FOREVER: usize = 10_000;

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
    tokens: Vec<AckToken>,
    /// CONNECT had an authentication method.
    method: bool,
    tag: u32,
    open: BTreeSet<u32>,
    streams: Streams,
    events: u64,
}

impl Case<'_, '_> {
    /// How many events there were.
    fn run(random: &mut Random) -> u64 {
        let config = settings(random);
        let (outbox, flights) = (random.between(128..=700) as usize, random.index(6));
        let (mut bytes, mut written) = (vec![0; outbox], vec![0; outbox]);
        let mut flight_slots: Vec<_> = (0..flights).map(|_| Default::default()).collect();
        let mut blocks = vec![[0; 64]; random.index(12)];
        let held = usize::from(config.receive_maximum) + random.index(3);
        let mut held: Vec<_> = (0..held).map(|_| Default::default()).collect();
        let mut aliases = [[Default::default(); 3], [Default::default(); 3]];
        let mut topics = [[0; 200], [0; 200]];
        let [aliases_in, aliases_out] = &mut aliases;
        let [topics_in, topics_out] = &mut topics;
        let memory = Memory {
            outbox: Storage::borrowed(&mut bytes),
            flights: Storage::borrowed(&mut flight_slots),
            blocks: Storage::borrowed(&mut blocks),
            held: Storage::borrowed(&mut held),
            aliases_in: AliasMemory { aliases: aliases_in.into(), topics: topics_in.into() },
            aliases_out: AliasMemory { aliases: aliases_out.into(), topics: topics_out.into() },
        };
        let case = Case {
            version: config.version,
            client: Client::new(config, memory).expect("settings that fit"),
            out: Outbox::new(Storage::borrowed(&mut written)),
            input: Vec::new(),
            late: Vec::new(),
            ids: Vec::new(),
            now: Instant::from_millis(random.between(0..=1 << 40)),
            outbox: outbox + 20_000,
            flights,
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
        self.client.give_up_all();
        self.look();
        assert!(self.open.is_empty(), "no outcome: {:?}", self.open);
        self.streams.assert_over();
        assert_eq!(self.client.pending(), 0);
        assert_all_free(self.client, self.flights, self.now);
        self.events
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
            0..=29 => self.receive(),
            30..=44 => self.publish(),
            45..=54 => self.stream(),
            55..=69 => self.write(),
            70..=74 => self.request(),
            75..=79 => self.take(),
            80..=84 => self.pass_time(),
            85..=90 => self.connect(),
            91..=93 => self.lose(),
            _ => self.do_rare(),
        }
    }

    fn lose(&mut self) {
        self.client.handle_connection_lost();
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
            match streams.is_coming() && random.chance(10) {
                true => streams.turn_away(client, random),
                false => streams.do_any(client, tag, *now, random),
            }
            self.look();
        }
    }

    fn do_rare(&mut self) {
        match self.random.index(8) {
            0 => self.client.pause_reading(self.random.chance(30), self.now),
            1 => drop(self.client.ping(self.now)),
            2 => self.client.release_memory(),
            3 => drop(self.client.give_up(id(self.random))),
            4 if self.random.chance(10) => self.client.give_up_all(),
            5 => {
                let reason = ReasonCode::from_u8([0, 4, 0x80][self.random.index(3)]);
                let expiry = [None, Some(0), Some(9)][self.random.index(3)];
                let _ = self.client.disconnect(reason, expiry);
            }
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
            let answer = connack(self.random, self.version, self.method);
            self.hear(&answer);
        }
    }

    fn publish(&mut self) {
        let len = [0, 5, 70, 300, 5000][self.random.index(5)];
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

    fn take(&mut self) {
        if self.tokens.is_empty() {
            return;
        }
        let token = self.tokens.remove(self.random.index(self.tokens.len()));
        let reason = ReasonCode::from_u8([0, 0x10, 0x80, 0x18][self.random.index(4)]);
        self.client.acknowledge(token, reason);
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
            if self.client.handle_timeout(self.now).is_err() {
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
            if self.out.is_empty() && !self.client.poll_transmit(&mut self.out, self.now) {
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

    /// The server says something.
    fn receive(&mut self) {
        let mut bytes = std::mem::take(&mut self.late);
        for _ in 0..self.random.between(1..=4) {
            let ids = self.ids.len();
            let known = self.random.chance(80) && ids != 0;
            let id = if known { self.ids[self.random.index(ids)] } else { id(self.random) };
            let packet = says(self.random, self.version, id);
            bytes.extend(match self.random.chance(3) {
                true => mutated(packet, self.random),
                false => packet,
            });
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
        let input = std::mem::take(&mut self.input);
        let mut done = 0;
        for _ in 0..FOREVER {
            let Some(used) = self.hear_packet(&input[done..]) else { return };
            done += used;
            if used == 0 || done == input.len() {
                self.input = input[done..].to_vec();
                return;
            }
        }
        panic!("reading does not end: {:?}", self.client);
    }

    /// None if the connection has to end.
    fn hear_packet(&mut self, input: &[u8]) -> Option<usize> {
        let Ok(handled) = self.client.handle_bytes(input, self.now) else {
            assert!(self.client.is_closing());
            return None;
        };
        assert!(handled.used <= input.len());
        assert!(handled.used != 0 || handled.event.is_none());
        let (used, event) = (handled.used, handled.event);
        let mut ended = None;
        self.events += u64::from(event.is_some());
        match event {
            Some(Event::Message(message)) => self.tokens.extend(message.token),
            Some(Event::StreamBegins { received, head, len }) => {
                assert_eq!(head, used);
                self.tokens.extend(received.token);
                self.streams.begin_in(received.token, len);
            }
            Some(Event::Piece(piece)) => self.streams.piece(piece),
            Some(Event::Published { tag, .. }) => ended = Some(tag),
            Some(Event::Subscribed(answer) | Event::Unsubscribed(answer)) => {
                ended = Some(answer.tag);
            }
            _ => {}
        }
        assert_eq!(self.streams.is_coming(), self.client.is_streaming_in());
        self.end(ended, None);
        Some(used)
    }

    fn end(&mut self, tag: Option<Tag>, fate: Option<Fate>) {
        let Some(tag) = tag else { return };
        let known = self.streams.end(tag, fate) || self.open.remove(&tag.0);
        assert!(known, "an outcome too many: {tag:?} {fate:?}");
    }

    /// What holds after every step.
    fn look(&mut self) {
        for _ in 0..=self.flights {
            let Some(event) = self.client.poll_event() else { break };
            let Event::Ended { tag, fate } = event else { panic!("{event:?}") };
            self.end(Some(tag), Some(fate));
        }
        assert!(self.client.poll_event().is_none(), "more events than operations");
        assert!(usize::from(self.client.pending()) <= self.flights);
        let open = self.open.len() + self.streams.open_ones();
        assert!(open <= self.flights, "{:?}", self.open);
        if self.random.chance(20) {
            assert_counted(&self.client);
        }
    }
}

fn settings(random: &mut Random) -> Config {
    Config {
        version: [Version::V311, Version::V5][random.index(2)],
        receive_maximum: random.between(1..=3) as u16,
        receive_bytes: 3 * 256,
        maximum_packet_size: random.between(16..=256) as u32,
        largest_stream: [0, 2000, 6000][random.index(3)],
        close_if_too_large: random.chance(20),
        topic_alias_maximum: random.index(4) as u16,
        topic_aliases: random.index(4) as u16,
        shared_bytes: 6000,
        ping_interval: [0, 700][random.index(2)],
        write_timeout: [0, 1000][random.index(2)],
        response_time: [0, 1000][random.index(2)],
        max_repubs: random.index(3) as u8,
        republish: random.chance(50),
        republish_exactly_once: random.chance(50),
        adopt_session: [None, Some(true), Some(false)][random.index(3)],
        ..Config::default()
    }
}

pub(crate) fn qos(random: &mut Random) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][random.index(3)]
}
