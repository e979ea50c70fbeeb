//! Streams of a client that is fuzzed, out and in, and what holds of them at any time.

use std::collections::BTreeMap;

use mqtt_as_proto::client::{Client, Fate, Message, OperationError, Tag};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Connect, Packet};
use mqtt_as_proto::property::Property;
use mqtt_as_proto::{AckToken, Instant, Properties, QoS, TopicName, Version};
use mqtt_as_tests::random::Random;

use crate::operations::qos;

/// Streams that their owners have not left, and the one that comes.
#[derive(Default)]
pub(crate) struct Streams {
    out: BTreeMap<u32, Out>,
    coming: Option<Coming>,
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
    /// Its owner is gone, and its end has to be told.
    Left,
}

#[derive(Clone, Copy)]
struct Coming {
    left: usize,
    token: Option<AckToken>,
}

impl Streams {
    pub(crate) fn do_any(
        &mut self,
        client: &mut Client<'_>,
        tag: &mut u32,
        now: Instant,
        random: &mut Random,
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
            (8, Some(any)) => self.cancel(client, any),
            (_, Some(any)) => self.leave(client, any),
        }
    }

    fn open(&mut self, client: &mut Client<'_>, tag: u32, now: Instant, random: &mut Random) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        if out.state == State::Left {
            return;
        }
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
            }
            Err(OperationError::NoRoom) => {}
            Err(_) if out.state == State::Opening => self.cancel(client, tag),
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
            }
            Err(OperationError::PastEnd { left, .. }) => {
                assert!(bytes.len() > left as usize && left == out.left);
            }
            Err(error) => assert_eq!(error, OperationError::NotConnected),
        }
    }

    fn cancel(&mut self, client: &mut Client<'_>, tag: u32) {
        client.cancel_open(Tag(tag));
        if let Some(out) = self.out.get_mut(&tag)
            && out.state == State::Opening
        {
            out.state = State::Left;
        }
    }

    fn leave(&mut self, client: &mut Client<'_>, tag: u32) {
        let Some(out) = self.out.get_mut(&tag) else { return };
        if out.state == State::Left {
            return;
        }
        let stopped = client.leave_stream(Tag(tag));
        assert!(!stopped || client.is_closing());
        out.state = State::Left;
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
                assert!(out.state != State::Left, "interrupted, and nobody is there: {tag:?}");
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

    /// The header of a message came that is streamed.
    pub(crate) fn begin_in(&mut self, token: Option<AckToken>, len: usize) {
        assert!(self.coming.is_none(), "one in another");
        self.coming = Some(Coming { left: len, token }).filter(|_| len != 0);
    }

    pub(crate) fn piece(&mut self, piece: &[u8]) {
        let coming = self.coming.as_mut().expect("a piece of nothing");
        assert!(!piece.is_empty() && piece.len() <= coming.left, "a piece too many");
        coming.left -= piece.len();
        if coming.left == 0 {
            self.coming = None;
        }
    }

    pub(crate) fn is_coming(&self) -> bool {
        self.coming.is_some()
    }

    /// The program does not want the rest of what comes, or has to have it again.
    pub(crate) fn turn_away(&mut self, client: &mut Client<'_>, random: &mut Random) {
        let Some(coming) = self.coming.take() else { return };
        match coming.token.filter(|_| random.chance(20)) {
            Some(token) => drop(client.refuse_stream(token)),
            None => client.skip_stream(),
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
        self.coming = None;
    }

    /// The client is given up: nobody owns a stream any more.
    pub(crate) fn assert_over(&mut self) {
        self.out.retain(|_, out| !matches!(out.state, State::Opening | State::Left));
        assert!(self.out.is_empty(), "no outcome: {:?}", self.out);
    }
}

/// Nothing counts against the server's Receive Maximum that has no record.
pub(crate) fn assert_counted(client: &Client<'_>) {
    if !client.is_connected() {
        return;
    }
    let shown = format!("{client:?}");
    let number = |text: &str| -> usize {
        let digits = text.chars().take_while(char::is_ascii_digit).collect::<String>();
        digits.parse().expect("a number")
    };
    let Some((_, outstanding)) = shown.split_once("outstanding: ") else { return };
    let (table, _) = shown.split_once("}, blocks: Blocks").expect("a table of records");
    let (_, records) = table.rsplit_once("len: ").expect("its length");
    assert!(number(outstanding) <= number(records), "{shown}");
}

/// In a new session of the server's all packet identifiers are free.
pub(crate) fn assert_all_free(mut client: Client<'_>, flights: usize, now: Instant) {
    let version = client.config().version;
    let connect = Connect { client_id: "c", clean_start: true, ..Connect::default() };
    client.connect(&connect, now).expect("CONNECT");
    let connack: &[u8] =
        if version == Version::V5 { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] };
    client.handle_bytes(connack, now).expect("CONNACK");
    while client.poll_event().is_some() {}
    assert!(client.is_connected() && client.is_idle() || client.pending() == 0);
    for number in 0..flights {
        let head = Message::new(TopicName::new("x").expect("a topic"), &[][..]);
        let opened = client.open_stream(&head, 0, Tag(u32::MAX - 1), now);
        assert!(opened.is_ok() || number > 3, "{opened:?} after {number}: {client:?}");
    }
}
