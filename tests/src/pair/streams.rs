//! The program's streams: each is opened when it may be, written bit by bit, and sent again after a
//! loss.

use mqtt_as_proto::client::{Fate, Look, Message, NotSent, OperationError, StreamKey, Tag};
use mqtt_as_proto::{Instant, QoS, TopicName};

use super::{Delivered, Happening, Invariant, Pair, Plant};

/// Topics of streams begin so: what is cut in two does not count as sent.
pub(super) const STREAMS: &str = "s/";

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    tag: Tag,
    /// The mark that the client knows: another one only with a plant.
    core: Tag,
    qos: QoS,
    topic: String,
    payload: Vec<u8>,
    written: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Open,
    Interrupted,
}

/// A message that the program reads piece by piece.
#[derive(Debug)]
pub(super) struct Incoming {
    key: StreamKey,
    /// What there is of it.
    message: Delivered,
    len: usize,
    /// The digest of its payload, if it came whole at QoS 0.
    at_most_once: Option<u64>,
}

impl Pair<'_> {
    /// Publishes through the client, bit by bit. The name of the topic has to begin with "s/".
    pub fn stream(&mut self, topic: &str, payload: Vec<u8>, qos: QoS, tag: Tag) {
        assert!(topic.starts_with(STREAMS), "{topic}");
        self.note(|| format!("stream {topic} {qos:?} {tag:?}"));
        let (topic, state) = (topic.to_owned(), State::Waiting);
        let stream = Outgoing { tag, core: tag, qos, topic, payload, written: 0, state };
        self.streams.push(stream);
    }

    /// Streams that have not come to their end.
    #[must_use]
    pub fn streaming(&self) -> usize {
        self.streams.len()
    }

    /// Whether a stream is begun, so that nothing else leaves.
    pub(super) fn writes_stream(&self) -> bool {
        self.streams.iter().any(|stream| stream.state == State::Open)
    }

    /// Whether it will have to be acknowledged.
    pub(super) fn writes_owed_stream(&self) -> bool {
        let mut open = self.streams.iter().filter(|stream| stream.state == State::Open);
        open.any(|stream| stream.qos != QoS::AtMostOnce)
    }

    /// The owner of that stream goes away.
    pub fn leave_stream(&mut self, which: usize) -> Option<Tag> {
        let stream = self.streams.get(which)?;
        let (tag, core, unsent) =
            (stream.tag, stream.core, stream.state == State::Waiting && stream.core == stream.tag);
        self.note(|| format!("leave {tag:?}"));
        if stream.qos == QoS::ExactlyOnce {
            self.wire.retired();
        }
        self.streams.remove(which);
        let told = self.left.insert(core.0);
        self.with_events(|client, tell| client.leave_stream(core, tell));
        if unsent && told {
            self.happen(Happening::Ended(tag, Fate::NeverSent(NotSent::Stopped)));
        }
        Some(tag)
    }

    /// The program writes what it can of its streams.
    pub(super) fn write_streams(&mut self) -> bool {
        if self.stream_at > self.now {
            return false;
        }
        let mut streams = std::mem::take(&mut self.streams);
        let mut moved = false;
        streams.retain_mut(|stream| match stream.state {
            State::Open => {
                moved |= self.write_stream(stream);
                // At QoS 0 the last byte is the end.
                let left = stream.qos == QoS::AtMostOnce && stream.written == stream.payload.len();
                if left {
                    self.happen(Happening::Ended(stream.tag, Fate::Left));
                }
                !left
            }
            _ => {
                let (opened, keep) = self.open_stream(stream);
                moved |= opened;
                keep
            }
        });
        self.streams = streams;
        moved
    }

    /// Whether it is open, and whether it will ever be.
    fn open_stream(&mut self, stream: &mut Outgoing) -> (bool, bool) {
        let first = stream.state == State::Interrupted && stream.core == stream.tag;
        let again = first && stream.qos == QoS::ExactlyOnce;
        if again && self.config.plant == Some(Plant::NewStream) && self.client.is_connected() {
            let core = stream.core;
            self.left.insert(core.0);
            self.wire.retired();
            self.with_events(|client, tell| client.leave_stream(core, tell));
            (stream.core, stream.state) = (Tag(stream.core.0 | 1 << 31), State::Waiting);
        }
        let topic = TopicName::new(&stream.topic).expect("a topic");
        let head = Message::new(topic, &[][..]).qos(stream.qos);
        let len = stream.payload.len() as u32;
        match self.client.open_stream(&head, len, stream.core, self.now) {
            Ok(()) => {
                (stream.state, stream.written) = (State::Open, 0);
                (true, true)
            }
            Err(OperationError::NoRoom | OperationError::NotConnected) => (false, true),
            // The server does not take it any more, and may have it.
            Err(_) if stream.state == State::Interrupted => {
                if stream.qos == QoS::ExactlyOnce {
                    self.wire.retired();
                }
                let core = stream.core;
                self.with_events(|client, tell| client.leave_stream(core, tell));
                (true, false)
            }
            Err(_) => {
                let never = Fate::NeverSent(NotSent::Stopped);
                self.happen(Happening::Ended(stream.tag, never));
                (true, false)
            }
        }
    }

    fn write_stream(&mut self, stream: &mut Outgoing) -> bool {
        let rest = &stream.payload[stream.written..];
        if rest.is_empty() {
            return false;
        }
        let piece = &rest[..1 + self.random.index(rest.len())];
        let taken = self.client.write_stream(stream.core, piece, self.now).unwrap_or(0);
        stream.written += taken;
        if self.random.chance(10) && self.config.partial_writes {
            self.stream_at = self.now.after(self.random.between(1..=50));
        }
        taken != 0
    }

    /// When the program writes on.
    pub(super) fn streams_go_on(&self) -> Option<Instant> {
        Some(self.stream_at).filter(|at| *at > self.now)
    }

    /// What became of an operation, if the program hears of it.
    pub(super) fn stream_ended(&mut self, tag: Tag, fate: Option<Fate>) -> Option<Tag> {
        if tag == Tag::NOBODY {
            return None;
        }
        let Some(at) = self.streams.iter().position(|stream| stream.core == tag) else {
            let left = self.left.contains(&tag.0);
            return Some(tag).filter(|_| !left);
        };
        let stream = &mut self.streams[at];
        let public = stream.tag;
        match fate {
            Some(Fate::Interrupted) => stream.state = State::Interrupted,
            Some(Fate::NeverSent(_)) if self.random.chance(50) => {
                stream.state = State::Waiting;
                return None;
            }
            _ => drop(self.streams.remove(at)),
        }
        Some(public)
    }

    /// The program takes up a message, to read its payload piece by piece.
    pub(super) fn begin_reading(
        &mut self,
        message: Delivered,
        len: usize,
        at_most_once: Option<u64>,
    ) {
        let message = Delivered { payload: Vec::new(), ..message };
        let key = self.client.begin_stream();
        self.incoming = key.map(|key| Incoming { key, message, len, at_most_once });
    }

    /// Reads on in the message that was taken up; false if it has to wait.
    pub(super) fn read_on(&mut self) -> bool {
        if self.read_at > self.now {
            return false;
        }
        let Some(mut incoming) = self.incoming.take() else { return false };
        if self.random.chance(10) && self.config.partial_writes {
            self.read_at = self.now.after(self.random.between(1..=50));
        }
        let mut buffer = vec![0; 1 + self.random.index(3000)];
        let at = incoming.message.payload.len();
        match self.client.read_stream(incoming.key, at, &mut buffer) {
            Look::Bytes(0) => self.end_reading(incoming),
            Look::Bytes(taken) => {
                incoming.message.payload.extend_from_slice(&buffer[..taken]);
                self.incoming = Some(incoming);
            }
            Look::Wait => {
                self.incoming = Some(incoming);
                return false;
            }
            Look::Lost | Look::Late => drop(self.client.leave_stream_in(incoming.key, true)),
        }
        true
    }

    fn end_reading(&mut self, incoming: Incoming) {
        let Incoming { key, message, len, .. } = incoming;
        if message.payload.len() != len {
            let text = format!("{} of {len} bytes were read", message.payload.len());
            self.fail(Invariant::Content, text);
        }
        let token = self.client.stream_token(key);
        if token.is_none() {
            self.client.finish_stream(key);
        }
        self.deliver(message, token, Some(key));
    }

    /// When the program reads on.
    pub(super) fn reading_goes_on(&self) -> Option<Instant> {
        Some(self.read_at).filter(|at| *at > self.now)
    }

    /// The program does not go on reading what comes: at QoS 1 and 2 it has to come again.
    pub fn refuse_incoming(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        self.note(|| format!("refuse {:?}", incoming.message.delivery));
        let begun = !incoming.message.payload.is_empty();
        let error = self.client.leave_stream_in(incoming.key, begun);
        // What is there as a whole is given once more.
        let whole = incoming.at_most_once.into_iter();
        whole.for_each(|content| self.wire.at_most_once.came(content));
        // The client looks at nothing that is behind it, also if that comes before the time is looked at.
        self.says_goodbye |= error.is_some() && self.client.is_connected();
        if error.is_some() && !begun {
            self.fail(Invariant::Connection, "what was not begun has to come again".to_owned());
        }
        while self.broker_turn() {}
    }
}
