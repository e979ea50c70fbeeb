//! Requests to other clients that are not answered yet, and how an answer finds its request.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use mqtt_as_proto::TopicName;
use mqtt_as_proto::packet::Publish;

use crate::event::Session;
use crate::granted::Codes;
use crate::receive::Message;
use crate::waiters::{Outcome, Slot, Wait, Waiters};

/// What was asked for and is not answered yet. All answers come to one topic.
pub(crate) struct Responses {
    /// Looks whether a message is an answer: linked where there are requests.
    pub(crate) offer: fn(&mut Self, &Publish<'_>, &mut Waiters) -> bool,
    /// The topic of answers, and the connection that it was made for.
    topic: String,
    connection: Option<u32>,
    /// The server brings them on this connection.
    pub(crate) is_subscribed: bool,
    /// The call that has asked it to.
    pub(crate) subscriber: Option<Slot>,
    open: BTreeMap<u32, Open>,
    last: u32,
    /// Tells this program's requests from those of one before it, which answers may be late for.
    run: u32,
}

/// Names a request until it is over.
pub(crate) type Key = u32;

/// A request that is not over.
#[derive(Default)]
struct Open {
    slot: Option<Slot>,
    answer: Option<Message>,
}

impl Responses {
    pub(crate) fn new(run: u32) -> Self {
        Self {
            offer: Self::offer,
            topic: String::new(),
            connection: None,
            is_subscribed: false,
            subscriber: None,
            open: BTreeMap::new(),
            last: 0,
            run,
        }
    }

    /// A request begins on that connection, of a client with that identifier.
    pub(crate) fn begin(&mut self, connection: u32, session: &Session, client_id: &str) -> Key {
        if self.connection != Some(connection) {
            self.connection = Some(connection);
            self.topic = topic(session, client_id);
            self.is_subscribed = false;
            self.subscriber = None;
        }
        // There are never as many as numbers: each has memory.
        while self.last == 0 || self.open.contains_key(&self.last) {
            self.last = self.last.wrapping_add(1);
        }
        let key = self.last;
        self.last = key.wrapping_add(1);
        self.open.insert(key, Open::default());
        key
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// What an answer has to carry.
    pub(crate) fn correlation(&self, key: Key) -> [u8; 8] {
        (u64::from(self.run) << 32 | u64::from(key)).to_be_bytes()
    }

    /// Who is to be woken for the answer.
    pub(crate) fn set_slot(&mut self, key: Key, slot: Option<Slot>) {
        if let Some(open) = self.open.get_mut(&key) {
            open.slot = slot;
        }
    }

    pub(crate) fn is_answered(&self, key: Key) -> bool {
        self.open.get(&key).is_some_and(|open| open.answer.is_some())
    }

    /// The request is over: its answer, if it has come. An answer that comes later is dropped.
    pub(crate) fn end(&mut self, key: Key) -> Option<Message> {
        self.open.remove(&key)?.answer
    }

    /// Whether a call that is not that one has asked the server, and is not answered. If it was, or
    /// is gone, there is no such call any more.
    pub(crate) fn are_others_asking(&mut self, slot: Option<Slot>, waiters: &mut Waiters) -> bool {
        let Some(other) = self.subscriber.filter(|other| Some(*other) != slot) else {
            return false;
        };
        if waiters.wait(other) == Wait::Answer {
            return true;
        }
        self.subscriber = None;
        // It need not have been polled since.
        self.is_subscribed = waiters.outcome(other) == Some(Outcome::Answered)
            && is_granted(&waiters.granted(other));
        false
    }

    /// Whether any is awaited.
    pub(crate) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// A message came. Those to the topic of answers are for nobody else.
    fn offer(&mut self, publish: &Publish<'_>, waiters: &mut Waiters) -> bool {
        if publish.topic.as_str() != self.topic {
            return false;
        }
        let key = self.key_of(publish.properties.correlation_data().unwrap_or_default());
        let open = key.and_then(|key| self.open.get_mut(&key));
        if let Some(open) = open.filter(|open| open.answer.is_none()) {
            open.answer = Message::copied(publish);
            if let Some(slot) = open.slot {
                waiters.wake_slot(slot);
            }
        }
        true
    }

    fn key_of(&self, correlation: &[u8]) -> Option<Key> {
        let number = u64::from_be_bytes(correlation.try_into().ok()?);
        ((number >> 32) as u32 == self.run).then_some(number as u32)
    }
}

impl core::fmt::Debug for Responses {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Responses").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Whether the server brings answers.
fn is_granted(granted: &Codes) -> bool {
    granted.as_slice().first().is_some_and(|reason| !reason.is_error())
}

/// The topic of answers: below the server's Response Information, if it gave any (3.2.2.3.15), else
/// below one of ours, with the client identifier.
fn topic(session: &Session, client_id: &str) -> String {
    let given = session.properties().response_information().unwrap_or_default();
    let base = given.trim_end_matches('/');
    if !base.is_empty() && TopicName::new(base).is_ok() {
        return format!("{base}/responses");
    }
    let mut topic = String::from("responses/");
    for char in client_id.chars() {
        match char {
            '+' => topic.push_str("%2B"),
            '#' => topic.push_str("%23"),
            '%' => topic.push_str("%25"),
            char => topic.push(char),
        }
    }
    topic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_identifier_becomes_a_topic_of_its_own() {
        let session = Session::default();
        assert_eq!(topic(&session, "pump-7"), "responses/pump-7");
        let odd = topic(&session, "a+b#c%2B");
        assert_eq!(odd, "responses/a%2Bb%23c%252B");
        assert!(TopicName::new(&odd).is_ok());
    }

    #[test]
    fn a_key_in_use_is_not_given_again() {
        let (mut responses, session) = (Responses::new(7), Session::default());
        let first = responses.begin(0, &session, "a");
        responses.last = first;
        let second = responses.begin(0, &session, "a");
        assert_ne!(first, second);
        assert_eq!(responses.key_of(&responses.correlation(second)), Some(second));
        assert_eq!(Responses::new(8).key_of(&responses.correlation(second)), None);
    }
}
