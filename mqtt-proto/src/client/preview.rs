//! Messages that are shown to the caller before they are stored, so that it may have them at once:
//! answers to what it asked for, which must not stand behind what nobody takes.

use core::cell::Cell;

use super::Client;
use super::alias::topic_of;
use super::event::{Event, Tell};
use super::shown::Preview;
use crate::packet::{Delivery, Publish, Received};
use crate::property::Properties;
use crate::topic::TopicName;
use crate::wire::PacketId;

/// How messages are shown: set where somebody looks.
pub(super) type Show = fn(&mut Client<'_>, &Received<'_>, Tell<'_>) -> bool;

impl Client<'_> {
    /// From here on messages that come are shown before they are stored, as [`Event::Preview`].
    pub fn preview_messages(&mut self) {
        self.hooks.preview = Some(|client, received, tell| client.show(received, tell));
    }

    /// While an answer of another client is awaited, reading goes on as for a reply of the server.
    /// That ends with the connection.
    pub fn await_response(&mut self, awaited: bool) {
        self.link.awaits_response = awaited;
    }

    /// Shows a message: true if it is over with that.
    #[cold]
    #[inline(never)]
    fn show(&mut self, received: &Received<'_>, tell: Tell<'_>) -> bool {
        let taken = Cell::new(false);
        let topic = match received.alias {
            Some(alias) if received.topic.is_empty() => topic_of(&self.aliases, alias),
            _ => received.topic,
        };
        let delivery = Delivery::new(received.qos(), received.id.unwrap_or(PacketId::MIN));
        let publish = Publish {
            delivery,
            properties: Properties::judged(received.section),
            ..Publish::new(TopicName::judged(topic), received.payload)
        };
        tell(Event::Preview(Preview { publish, taken: &taken }));
        if taken.get() {
            self.counts.received = self.counts.received.wrapping_add(1);
            self.acknowledge_unseen(received);
            // It is owed before what the program says because of the message.
            let _ = self.fill_acknowledgements();
        }
        taken.get()
    }
}
