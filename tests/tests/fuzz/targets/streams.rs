//! Streams of a client that is fuzzed, out and in, and what holds of them at any time.

use std::collections::BTreeMap;

use mqtt_as_proto::client::{
    Client, Event, Fate, Input, Look, Message, OperationError, StreamKey, Tag,
};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Connect, Packet};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{Instant, Properties, QoS, TopicName, Version};
use mqtt_as_tests::random::Random;

use super::case::Told;
use super::settings::qos;

/// Streams that their owners have not left, and those that are read.
#[derive(Default)]
pub(crate) struct Streams {
    out: BTreeMap<u32, Out>,
    /// Those that are read, and how many bytes have been.
    keys: Vec<(StreamKey, usize)>,
    /// The server has said something that no server says.
    pub(crate) damaged: bool,
    /// Written on this connection, from the last packet that was whole.
    written: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    qos: QoS,
    len: u32,
    left: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Interrupted,
}

impl Streams {
    pub(crate) fn do_any(
        &mut self,
        client: &mut Client<'_>,
        tag: &mut u32,
        now: Instant,
        random: &mut Random,
        told: &mut Told,
    ) {
        let known: Vec<u32> = self.out.keys().copied().collect();
        let any = (!known.is_empty()).then(|| known[random.index(known.len())]);
        match (random.index(10), any) {
            (0 | 1, _) | (_, None) => {
                *tag += 1;
                let len = [0, 1, 30, 300, 2000][random.index(5)];
                let (qos, state) = (qos(random), State::Opening);
                self.out.insert(*tag, Out { qos, len, left: len, state });
                self.open(client, *tag, now, random);
            }
            (2 | 3, Some(any)) => self.open(client, any, now, random),
            (4..=7, Some(any)) => self.write(client, any, now, random),
            (8, Some(any)) => self.stop(client, any, told),
            (_, Some(any)) => self.leave(client, any, told),
        }
    }

    fn open(&mut self, client: &mut Client<'_>, tag: u32, now: Instant, random: &mut Random) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        let expiry = [Property::MessageExpiryInterval(1)];
        let expires = client.config().version == Version::V5 && random.chance(10);
        let topic = TopicName::new(["s", "a/longer/topic"][random.index(2)]).expect("a topic");
        let head = Message {
            properties: Properties::new(if expires { &expiry } else { &[] }),
            ..Message::new(topic, &[][..]).qos(out.qos)
        };
        match client.open_stream(&head, out.len, Tag(tag), now) {
            Ok(()) => {
                assert!(out.state != State::Open, "it is open twice");
                (out.state, out.left) = (State::Open, out.len);
                self.end_at_qos0(tag);
            }
            Err(OperationError::NoRoom) => {}
            // It was not opened: nobody hears of it.
            Err(_) if out.state == State::Opening => drop(self.out.remove(&tag)),
            Err(_) => {}
        }
    }

    fn write(&mut self, client: &mut Client<'_>, tag: u32, now: Instant, random: &mut Random) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        let most = if random.chance(10) { 3000 } else { out.left as usize };
        let bytes = vec![tag as u8; random.index(most + 1)];
        match client.write_stream(Tag(tag), &bytes, now) {
            Ok(taken) => {
                assert!(taken <= bytes.len());
                assert!(taken == 0 || out.state == State::Open, "{out:?}");
                out.left -= taken as u32;
                self.end_at_qos0(tag);
            }
            Err(OperationError::PastEnd { left, .. }) => {
                assert!(bytes.len() > left as usize && left == out.left);
            }
            Err(error) => assert_eq!(error, OperationError::NotConnected),
        }
    }

    /// At QoS 0 the last byte is the end, and nobody tells it.
    fn end_at_qos0(&mut self, tag: u32) {
        let over = |out: &Out| out.qos == QoS::AtMostOnce && out.left == 0;
        if self.out.get(&tag).is_some_and(over) {
            self.out.remove(&tag);
        }
    }

    fn stop(&mut self, client: &mut Client<'_>, tag: u32, told: &mut Told) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        let stopped = client.stop_stream(Tag(tag), &mut |event| tell(&event, told));
        assert!(!stopped || client.is_closing());
        assert!(!stopped || out.state == State::Open, "{out:?}");
    }

    fn leave(&mut self, client: &mut Client<'_>, tag: u32, told: &mut Told) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        let stopped = client.leave_stream(Tag(tag), &mut |event| tell(&event, told));
        assert!(!stopped || client.is_closing());
        // What has its end to come is told, or nobody hears of it.
        if out.state == State::Opening || told.is_empty() {
            self.out.remove(&tag);
        }
    }

    /// An operation has ended: whether it was a stream that had not come to its end.
    pub(crate) fn end(&mut self, tag: Tag, fate: Option<Fate>) -> bool {
        if tag == Tag::NOBODY {
            assert!(fate != Some(Fate::Interrupted), "interrupted, and nobody is there");
            return true;
        }
        let Some(out) = self.out.get_mut(&tag.0) else { return false };
        match fate {
            Some(Fate::Interrupted) => {
                assert!(out.state == State::Open && out.left == 0 || out.qos != QoS::AtMostOnce);
                out.state = State::Interrupted;
            }
            // Its owner may open it again as a new one; here it does not.
            _ => drop(self.out.remove(&tag.0)),
        }
        true
    }

    /// Streams that are open, and whose end has to be told yet.
    pub(crate) fn open_ones(&self) -> usize {
        self.out.values().filter(|out| out.state == State::Open).count()
    }

    /// A reader takes up a message.
    pub(crate) fn begin_in(&mut self, client: &mut Client<'_>) {
        let key = client.begin_stream().expect("there is a message");
        self.keys.push((key, 0));
    }

    /// A reader reads on, or goes away.
    pub(crate) fn read_any(&mut self, client: &mut Client<'_>, random: &mut Random) {
        if self.keys.is_empty() {
            return;
        }
        let which = random.index(self.keys.len());
        let (key, at) = self.keys[which];
        match random.index(6) {
            0 => {
                self.keys.remove(which);
                client.leave_stream_in(key, at != 0);
            }
            1 => {
                self.keys.remove(which);
                client.finish_stream(key);
            }
            _ => {
                let mut buffer = vec![0; random.index(700)];
                if let Look::Bytes(read) = client.read_stream(key, at, &mut buffer) {
                    let sent = buffer[..read].iter().all(|byte| *byte == 9);
                    assert!(sent || self.damaged, "what nobody sent");
                    self.keys[which].1 += read;
                }
            }
        }
    }

    pub(crate) fn leave_all(&mut self, client: &mut Client<'_>) {
        for (key, at) in self.keys.drain(..) {
            client.leave_stream_in(key, at != 0);
        }
    }

    /// The transport took bytes: they are whole packets, one after the other.
    pub(crate) fn wrote(&mut self, bytes: &[u8], version: Version) {
        self.written.extend_from_slice(bytes);
        let mut rest = &self.written[..];
        while let Some((frame, after)) = Frame::split(rest).expect("packets") {
            if let Packet::Publish(publish) = Packet::decode(frame, version).expect("a packet") {
                let first = publish.payload.first();
                let whole = publish.payload.iter().all(|byte| Some(byte) == first);
                assert!(whole, "something else in a payload: {:?}", publish.payload);
            }
            rest = after;
        }
        self.written = rest.to_vec();
    }

    pub(crate) fn end_connection(&mut self) {
        self.written.clear();
    }

    /// The client is given up: nobody owns a stream any more.
    pub(crate) fn assert_over(&mut self) {
        self.out.retain(|_, out| out.state != State::Opening);
        assert!(self.out.is_empty(), "no outcome: {:?}", self.out);
    }
}

/// Nothing counts against a Receive Maximum that has no record.
pub(crate) fn assert_counted(client: &Client<'_>) {
    if !client.is_connected() {
        return;
    }
    let shown = format!("{client:?}");
    let number = |part: &str, name: &str| -> usize {
        let (_, part) = shown.split_once(part).expect("a part");
        let (_, text) = part.split_once(name).expect("its number");
        let digits = text.chars().take_while(char::is_ascii_digit).collect::<String>();
        digits.parse().expect("a number")
    };
    assert!(number("link: ", "outstanding: ") <= number("outgoing: ", "records: "), "{shown}");
    assert!(number("link: ", "received: ") <= number("incoming: ", "records: "), "{shown}");
}

/// What an event tells of an operation.
fn tell(event: &Event<'_>, told: &mut Told) {
    if let Event::Done { tag, fate } = event {
        told.push((*tag, Some(*fate)));
    }
}

/// In a new session of the server's all packet identifiers are free.
pub(crate) fn assert_all_free(
    mut client: Client<'_>,
    (flights, places): (usize, usize),
    now: Instant,
) {
    let version = client.config().version;
    let connect = Connect { client_id: "c", clean_start: true, ..Connect::default() };
    client.connect(&connect, now).expect("CONNECT");
    let connack: &[u8] =
        if version == Version::V5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
    client.handle_bytes(Input::new(connack), now, &mut |_| {}).expect("CONNACK");
    assert!(client.is_connected() && client.pending() == 0);
    assert_eq!(client.held_bytes(), (0, 0), "{client:?}");
    assert_counted(&client);
    for number in 0..flights {
        let head = Message::new(TopicName::new("x").expect("a topic"), &[][..]);
        let opened = client.open_stream(&head, 0, Tag(u32::MAX - 1), now);
        assert!(
            opened.is_ok() || number > 3 || number >= places,
            "{opened:?} after {number}: {client:?}"
        );
    }
}
