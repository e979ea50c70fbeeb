//! A program that does anything with its client at any time, and a server that says anything.

use mqtt_as_proto::client::{Consumer, Message, Published, Tag};
use mqtt_as_proto::packet::{Connect, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{AckToken, Properties, ReasonCode, TopicFilter, TopicName, Version};

use super::case::{Case, FOREVER, Told};
use super::server::{connack, id, mutated, says};
use super::settings::qos;

const CONSUMERS: [Consumer; 2] = [Consumer::Queue, Consumer::Callbacks];

impl Case<'_> {
    pub(crate) fn step(&mut self) {
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

    pub(crate) fn stream(&mut self) {
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

    pub(crate) fn do_rare(&mut self) {
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
                let id = id(&mut self.random);
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

    pub(crate) fn connect(&mut self) {
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
            bytes.extend(connack(&mut self.random, self.version, self.method));
            let _ = self.hear(&bytes);
        }
    }

    pub(crate) fn publish(&mut self) {
        let len = [0, 5, 70, 300, 5000, 40_000][self.random.index(6)];
        let payload = bytes::Bytes::from(vec![7; len]);
        let name = TopicName::new(["t", "u/long/one"][self.random.index(2)]).expect("a topic");
        let expiry = [Property::MessageExpiryInterval(self.random.index(3) as u32)];
        let expires = self.version == Version::V5 && self.random.chance(20);
        let message = Message {
            retain: self.random.chance(10),
            properties: Properties::new(if expires { &expiry } else { &[] }),
            ..Message::new(name, &payload).qos(qos(&mut self.random))
        };
        self.tag += 1;
        let published = self.client.publish(&message, Tag(self.tag), self.now);
        if let Ok(Published::Pending(id)) = published {
            self.open.insert(self.tag);
            self.used(id);
        }
    }

    pub(crate) fn request(&mut self) {
        self.tag += 1;
        let filter = TopicFilter::new(["t/#", "u"][self.random.index(2)]).expect("a filter");
        let options = SubscriptionOptions::new(qos(&mut self.random));
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
    pub(crate) fn consume(&mut self) {
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

    pub(crate) fn begin(&mut self, consumer: Consumer) {
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

    pub(crate) fn finish(&mut self, (consumer, token): (Consumer, AckToken)) {
        self.client.finish(consumer, token);
    }

    /// Whoever is there takes all that there is.
    pub(crate) fn take_all(&mut self) {
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

    /// The server says something.
    pub(crate) fn receive(&mut self) {
        let mut bytes = std::mem::take(&mut self.late);
        for _ in 0..self.random.between(1..=4) {
            let ids = self.ids.len();
            let known = self.random.chance(80) && ids != 0;
            let id = if known { self.ids[self.random.index(ids)] } else { id(&mut self.random) };
            let packet = says(&mut self.random, self.version, id);
            let damaged = self.random.chance(3);
            self.streams.damaged |= damaged;
            bytes.extend(if damaged { mutated(packet, &mut self.random) } else { packet });
        }
        if self.random.chance(20) {
            self.late = bytes.split_off(self.random.index(bytes.len()));
        }
        let _ = self.hear(&bytes);
    }
}
