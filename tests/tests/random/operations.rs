//! What the program does, and another client that publishes.

use bytes::Bytes;
use mqtt_as_proto::client::{Limit, Message, OperationError, Published};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{Payload, Properties, QoS, ReasonCode, TopicFilter, TopicName, Version};
use mqtt_as_tests::pair::{Fault, Happening, Invariant};

use super::ledger::payload;
use super::life::Life;
use super::settings::random_qos;

/// Bytes of a packet beside its payload, and of what is noted of it.
const MORE: usize = 100;

impl Life<'_> {
    pub(crate) fn publish(&mut self) -> Result<(), Fault> {
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
            Err(error) => return self.refusal(&error, number.1, qos),
        }
        Ok(())
    }

    /// Publishes a stream, or goes away from one, or does not read one on.
    pub(crate) fn stream(&mut self) {
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

    /// Another client publishes: the topic says at which QoS ours has subscribed.
    pub(crate) fn feed(&mut self) {
        for _ in 0..self.random.between(1..=4) {
            let granted = [0, 1, 2, 2][self.random.index(4)];
            let topic = format!("in{granted}/{}", ["a", "b"][self.random.index(2)]);
            let maximum = self.config.broker.maximum_qos;
            let published = random_qos(&mut self.random).min(maximum);
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
            let name = TopicName::new(&topic).expect("a topic");
            // It may have been granted when the broker allowed less.
            let granted = self.pair.granted(name);
            let (matches, qos) = (granted.is_some(), published.min(granted.unwrap_or_default()));
            let bytes = payload(self.numbers, len);
            self.ledger.fed(
                &topic,
                (self.numbers, bytes.len()),
                qos,
                matches,
                (too_large, streams),
            );
            self.pair.feed(name, &bytes, published);
        }
    }

    fn message_len(&mut self, most: usize) -> usize {
        let long = self.random.chance(10) && self.config.broker.maximum_packet_size.is_none();
        let len = if long { self.random.index(most - 40) } else { self.random.index(56) };
        4 + len
    }

    /// The program is busy with something else for a while, or is there again.
    pub(crate) fn listen(&mut self) {
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
    pub(crate) fn subscribe_anew(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.is_new) && self.random.chance(70) {
            for _ in 0..4 {
                self.request()?;
            }
        }
        Ok(())
    }

    pub(crate) fn request(&mut self) -> Result<(), Fault> {
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
            Err(error) => return self.refusal(&error, 0, QoS::AtMostOnce),
        }
        Ok(())
    }

    /// The program takes some of the messages that it has, in order or not.
    pub(crate) fn take(&mut self) {
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
    pub(crate) fn give_up(&mut self) -> Result<(), Fault> {
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
    /// The client may refuse what has no room, or what the broker does not allow: not anything else.
    fn refusal(&mut self, error: &OperationError, len: usize, qos: QoS) -> Result<(), Fault> {
        let (most, largest) = self.ledger.policy.takes;
        let writes = self.pair.is_writing();
        let client = self.pair.client();
        let (packet, connected) = (len + MORE, client.is_connected());
        let is_honest = match error {
            OperationError::NoRoom => {
                let held = client.held_bytes().0 + packet;
                // What was given up may keep its place, for the server may know its identifier.
                let places = client.pending() * 2 >= self.config.client.in_flight.into();
                // In little memory there are gaps, of which nothing is known here.
                let is_small = self.config.outgoing < 1 << 20;
                places || writes || is_small || held > self.config.outgoing
            }
            OperationError::TooLarge { .. } => {
                packet > self.config.outgoing.min(self.config.outbox)
            }
            OperationError::Forbidden(Limit::MaximumQoS(_)) => connected && qos > most,
            OperationError::Forbidden(Limit::MaximumPacketSize) => {
                connected && largest.is_some_and(|largest| packet > largest as usize)
            }
            OperationError::NotConnected => !connected,
            _ => false,
        };
        if is_honest {
            return Ok(());
        }
        let text = format!(
            "{packet} bytes refused: {error:?}, {} under way, {client:?}",
            client.pending()
        );
        Err(Fault { invariant: Invariant::Truth, text })
    }
}
