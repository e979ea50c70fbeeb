//! Which messages are printed, and how.

use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Zoned;
use mqtt_as_tokio::{Message, TopicFilter, TopicName};

use crate::options::Subscriber;

/// Writes messages as the options say.
pub(crate) struct Printer<'o> {
    options: &'o Subscriber,
    unwanted: Vec<TopicFilter<'o>>,
}

impl<'o> Printer<'o> {
    pub(crate) fn of(options: &'o Subscriber) -> Self {
        let unwanted = options.unwanted.iter();
        let unwanted = unwanted.filter_map(|filter| TopicFilter::new(filter).ok()).collect();
        Self { options, unwanted }
    }

    pub(crate) fn is_wanted(&self, message: &Message) -> bool {
        if self.options.no_retained && message.retain() {
            return false;
        }
        let topic = TopicName::new(message.topic());
        !topic.is_ok_and(|topic| self.unwanted.iter().any(|filter| filter.matches(topic)))
    }

    /// Puts a message behind the text, if it is one of those that are picked.
    pub(crate) fn print(&mut self, message: &Message, text: &mut Vec<u8>) {
        if !self.options.share.is_none_or(is_picked) {
            return;
        }
        let is_printed = match &self.options.format {
            Some(format) => {
                format.write(message, &Zoned::now(), text);
                true
            }
            None if self.options.verbose => self.with_topic(message, text),
            None => {
                text.extend_from_slice(message.payload());
                !message.payload().is_empty()
            }
        };
        if is_printed && !self.options.no_newline {
            text.push(b'\n');
        }
    }

    /// Without a new line nothing is printed for an empty message.
    fn with_topic(&self, message: &Message, text: &mut Vec<u8>) -> bool {
        let payload = match message.payload() {
            [] if self.options.no_newline => return false,
            [] => b"(null)",
            payload => payload,
        };
        text.extend_from_slice(message.topic().as_bytes());
        text.push(b' ');
        text.extend_from_slice(payload);
        true
    }
}

/// So many of a hundred are picked, at random.
fn is_picked(percent: f64) -> bool {
    let random = RandomState::new().build_hasher().finish() % 100_000;
    (random as f64) < percent * 1000.0
}
