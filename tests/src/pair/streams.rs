//! The program's streams: each is opened when it may be, written bit by bit, and sent again after a
//! loss.

use mqtt_as_proto::client::{Fate, Message, NotSent, OperationError, Received, Tag};
use mqtt_as_proto::packet::Delivery;
use mqtt_as_proto::{AckToken, Instant, QoS, TopicName};

use super::{Delivered, Happening, Held, Pair, Plant};

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

/// A message that comes in pieces.
#[derive(Debug)]
pub(super) struct Incoming {
    message: Delivered,
    left: usize,
    token: Option<AckToken>,
}

impl Incoming {
    /// A message whose payload of `len` bytes follows.
    pub(super) fn new(received: &Received<'_>, len: usize) -> Self {
        let topic = received.publish.topic.as_str().to_owned();
        let delivery = received.publish.delivery;
        let message = Delivered { topic, payload: Vec::new(), delivery };
        Self { message, left: len, token: received.token }
    }
}

impl Pair {
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

    /// The owner of that stream goes away.
    pub fn leave_stream(&mut self, which: usize) -> Option<Tag> {
        let stream = self.streams.get(which)?;
        let (tag, core, unsent) =
            (stream.tag, stream.core, stream.state == State::Waiting && stream.core == stream.tag);
        self.note(|| format!("leave {tag:?}"));
        self.client.leave_stream(core);
        self.streams.remove(which);
        let told = self.left.insert(core.0);
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
                true
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
            self.client.leave_stream(stream.core);
            self.left.insert(stream.core.0);
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

    pub(super) fn piece(&mut self, piece: &[u8]) {
        let Some(mut incoming) = self.incoming.take() else { return };
        incoming.message.payload.extend_from_slice(piece);
        incoming.left -= piece.len();
        if incoming.left != 0 {
            self.incoming = Some(incoming);
            return;
        }
        let Incoming { message, token, .. } = incoming;
        self.deliver(message, token);
    }

    pub(super) fn deliver(&mut self, message: Delivered, token: Option<AckToken>) {
        let (delivery, session): (Delivery, _) = (message.delivery, self.sessions);
        self.wire.delivered(delivery);
        self.held.extend(token.map(|token| Held { token, delivery, session }));
        self.happen(Happening::Delivered(message));
    }

    /// The program does not go on reading what comes: at QoS 1 and 2 it has to come again.
    pub fn refuse_incoming(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        self.note(|| format!("refuse {:?}", incoming.message.delivery));
        match incoming.token {
            Some(token) => drop(self.client.refuse_stream(token)),
            None => self.client.skip_stream(),
        }
    }
}
