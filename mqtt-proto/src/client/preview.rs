//! Messages that are shown to the caller before they are stored, so that it may have them at once:
//! answers to what it asked for, which must not stand behind what nobody takes. With a heap, which
//! the caller has them on.

#[cfg(feature = "alloc")]
pub(super) use heap::Previews;
#[cfg(not(feature = "alloc"))]
pub(super) use lent::Previews;

#[cfg(feature = "alloc")]
mod heap {
    use core::cell::Cell;

    use super::super::Client;
    use super::super::alias::topic_of;
    use super::super::event::{Event, Tell};
    use super::super::shown::Preview;
    use crate::packet::{Delivery, Publish, Received};
    use crate::property::Properties;
    use crate::topic::TopicName;
    use crate::wire::PacketId;

    /// Whether messages are shown: through a pointer, so that nothing of it is linked where they are
    /// not.
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Previews(Option<Show>);

    // By value: a reference would keep all messages out of registers.
    type Show = fn(&mut Client<'_>, Received<'_>, Tell<'_>) -> bool;

    impl Client<'_> {
        /// From here on messages that come are shown before they are stored, as [`Event::Preview`].
        pub fn preview_messages(&mut self) {
            self.hooks.previews =
                Previews(Some(|client, received, tell| client.show(received, tell)));
        }

        /// While an answer of another client is awaited, reading goes on as for a reply of the server.
        /// That ends with the connection.
        pub fn await_response(&mut self, awaited: bool) {
            self.link.awaits_response = awaited;
        }

        /// Whether an answer is awaited.
        #[inline]
        pub(in super::super) fn awaits_response(&self) -> bool {
            self.link.awaits_response
        }

        /// A message came: true if it is over with that.
        #[inline]
        pub(in super::super) fn preview(
            &mut self,
            received: &Received<'_>,
            tell: Tell<'_>,
        ) -> bool {
            self.hooks.previews.0.is_some_and(|show| show(self, *received, tell))
        }

        /// Shows a message: true if it is over with that.
        #[cold]
        #[inline(never)]
        fn show(&mut self, received: Received<'_>, tell: Tell<'_>) -> bool {
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
                self.acknowledge_unseen(&received);
                // It is owed before what the program says because of the message.
                let _ = self.fill_acknowledgements();
            }
            taken.get()
        }
    }
}

#[cfg(not(feature = "alloc"))]
#[allow(clippy::unused_self)] // With a heap there is something.
mod lent {
    use super::super::Client;
    use super::super::event::Tell;
    use crate::packet::Received;

    /// Nobody looks.
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Previews {}

    impl Client<'_> {
        #[inline]
        pub(in super::super) fn awaits_response(&self) -> bool {
            false
        }

        #[inline]
        pub(in super::super) fn preview(&mut self, _: &Received<'_>, _: Tell<'_>) -> bool {
            false
        }
    }
}
