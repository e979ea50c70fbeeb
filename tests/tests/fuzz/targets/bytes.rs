//! Any bytes from the server, to a client in every state: nothing panics, memory is bounded, whatever ends
//! has a named reason, and however the bytes come, the same happens.

use std::num::NonZeroU16;

use mqtt_as_proto::client::{
    Config, ConnectionError, Consumer, Counts, Message, Published, Stop, Tag,
};
use mqtt_as_proto::packet::{ConnAck, Connect, Packet};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{Properties, QoS, ReasonCode, TopicName, Version};
use mqtt_as_tests::random::Random;

use super::case::{Case, FOREVER, Told};
use super::settings::settings;
use super::steps::first;

/// What is seen of a client from outside.
#[derive(Debug, PartialEq)]
struct Seen {
    told: Vec<String>,
    wrote: Vec<u8>,
    ended: Option<ConnectionError>,
    connected: bool,
    closing: bool,
    pending: u32,
    counts: Counts,
    held: (usize, usize),
}

impl Seen {
    fn is_too_large(&self) -> bool {
        matches!(self.ended, Some(ConnectionError::TooLarge { .. }))
    }
}

/// Bytes: the settings in two, the state of the client, the length of the pieces, and what the server says.
/// Returns how much happened.
pub(crate) fn run(bytes: &[u8]) -> u64 {
    let Some((choice, rest)) = first(bytes) else { return 0 };
    let Some(([state, piece], said)) = rest.split_first_chunk() else { return 0 };
    let (mut whole, events) = live(choice.clone(), *state, usize::MAX, said);
    let (mut pieces, _) = live(choice, *state, usize::from(*piece) + 1, said);
    if [&whole, &pieces].into_iter().any(Seen::is_too_large) {
        // What is wrong with a head that is too large, too, is known only where all of it is there; and
        // where nothing is, its message is skipped.
        if whole.ended.is_none() || whole.told.len() > pieces.told.len() {
            return events;
        }
        for seen in [&mut whole, &mut pieces] {
            assert!(seen.ended.take().is_some());
            seen.wrote.clear();
        }
    }
    assert_eq!(pieces, whole, "in pieces of {} bytes", usize::from(*piece) + 1);
    events
}

fn live(mut choice: Random, state: u8, piece: usize, said: &[u8]) -> (Seen, u64) {
    let config = Config { in_flight: 8, ..settings(&mut choice) };
    Case::with(config, choice.clone(), |mut case| {
        case.lends = Some(state & 0x80 != 0);
        case.bring_to(state & 0x7f);
        case.look();
        case.seen = Some(Default::default());
        let ended = said.chunks(piece).map(|piece| case.hear_all(piece)).fold(None, Option::or);
        case.look();
        case.write_all();
        let (told, wrote) = case.seen.take().unwrap_or_default();
        let client = &case.client;
        let seen = Seen {
            told,
            wrote,
            ended,
            connected: client.is_connected(),
            closing: client.is_closing(),
            pending: client.pending(),
            counts: client.counts(),
            held: client.held_bytes(),
        };
        // From here on it may be anything that a program does.
        for step in 0..20 {
            case.random = Random::new(choice.next_u64().wrapping_add(step));
            case.step();
            case.look();
        }
        (seen, case.end())
    })
}

impl Case<'_> {
    /// Bytes come, and what stops for want of room to write is written.
    fn hear_all(&mut self, bytes: &[u8]) -> Option<ConnectionError> {
        let mut heard = self.hear(bytes);
        let mut left = usize::MAX;
        while let Ok(Some(Stop::Write)) = heard {
            let waits = self.unheard();
            if waits == left {
                // Behind a stream that is not at its end nothing is written.
                assert!(self.streams.open_ones() != 0, "no room: {:?}", self.client);
                return None;
            }
            left = waits;
            self.write_all();
            heard = self.hear(&[]);
        }
        heard.err()
    }

    fn write_all(&mut self) {
        self.random = Random::new(1);
        for _ in 0..FOREVER {
            self.write();
            if self.has_written() {
                return;
            }
        }
        panic!("writing does not end: {:?}", self.client);
    }

    /// The states that there are, each reached in the same way whatever the settings.
    fn bring_to(&mut self, state: u8) {
        self.streams.damaged = true;
        match state % 14 {
            0 => {}
            1 => self.begin_connect(false),
            2 => self.come_up(false, false),
            3 => {
                self.come_up(false, false);
                self.work();
            }
            4 | 5 => {
                self.come_up(false, false);
                self.work();
                self.write_all();
                if state % 14 == 5 {
                    let _ = self.client.disconnect(ReasonCode::SUCCESS, None);
                }
            }
            6..=8 => {
                self.bring_to(4);
                let _ = self.hear_all(&[0x50, 2, 0, 2]); // The PUBREC of one.
                self.lose();
                match state % 14 {
                    6 => self.begin_connect(false),
                    7 => self.come_up(false, true),
                    _ => self.come_up(false, false),
                }
            }
            9 => {
                self.client.activate(Consumer::Queue);
                self.come_up(false, false);
                // Of a message of 5,000 bytes at QoS 1.
                let properties: &[u8] = if self.version == Version::V5 { &[0] } else { &[] };
                let head = [&[0x32, 0x88, 0x27, 0, 1, b's', 0, 9], properties, b"begin"].concat();
                let _ = self.hear_all(&head);
            }
            10 => self.begin_connect(true),
            11 => {
                self.come_up(true, false);
                let method = [Property::AuthenticationMethod("m")];
                let again = ReasonCode::RE_AUTHENTICATE;
                let _ = self.client.authenticate(again, Properties::new(&method));
            }
            12 => {
                self.client.activate(Consumer::Queue);
                self.come_up(false, false);
                self.receive_some();
            }
            _ => {
                self.come_up(false, false);
                self.client.ping();
                self.write_all();
            }
        }
    }

    fn begin_connect(&mut self, authenticates: bool) {
        let list = [Property::SessionExpiryInterval(9), Property::AuthenticationMethod("m")];
        let list = match (self.version, authenticates) {
            (Version::V311, _) => &[],
            (_, true) => &list[..],
            (_, false) => &list[..1],
        };
        let properties = Properties::new(list);
        let connect = Connect { client_id: "c", keep_alive: 10, properties, ..Connect::default() };
        self.client.connect(&connect, self.now).expect("there is no connection");
        self.method = authenticates;
        self.write_all();
    }

    fn come_up(&mut self, authenticates: bool, session_present: bool) {
        self.begin_connect(authenticates);
        let three = NonZeroU16::new(3).expect("not 0");
        let list = [
            Property::TopicAliasMaximum(2),
            Property::ReceiveMaximum(three),
            Property::AuthenticationMethod("m"),
        ];
        let list = match (self.version, authenticates) {
            (Version::V311, _) => &[],
            (_, true) => &list[..],
            (_, false) => &list[..2],
        };
        let (reason, properties) = (ReasonCode::SUCCESS, Properties::new(list));
        let connack = Packet::ConnAck(ConnAck { session_present, reason, properties });
        let bytes = connack.encode_to_vec(self.version).expect("CONNACK");
        let _ = self.hear_all(&bytes);
        self.write_all();
    }

    /// Messages of each QoS, requests, and a stream.
    fn work(&mut self) {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce, QoS::ExactlyOnce] {
            self.tag += 1;
            let name = TopicName::new("t").expect("a topic");
            let message = Message::new(name, &[7; 3]).qos(qos);
            if let Ok(Published::Pending(id)) =
                self.client.publish(&message, Tag(self.tag), self.now)
            {
                self.open.insert(self.tag);
                self.used(id);
            }
        }
        for seed in 0..3 {
            self.random = Random::new(seed);
            self.request();
        }
        for seed in 0..3 {
            let Self { client, tag, now, streams, .. } = self;
            let mut told = Told::new();
            streams.do_any(client, tag, *now, &mut Random::new(seed), &mut told);
            self.hear_told(told);
        }
    }

    /// Messages that nobody takes yet.
    fn receive_some(&mut self) {
        let properties: &[u8] = if self.version == Version::V5 { &[0] } else { &[] };
        for (first, id) in [(0x30, &[][..]), (0x32, &[0, 8]), (0x34, &[0, 9])] {
            let body = [&[0, 1, b't'], id, properties, &[9; 3]].concat();
            let _ = self.hear_all(&super::decode::framed(first, &body));
        }
    }
}
