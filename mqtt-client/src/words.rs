//! What the server says beside the reason codes of an answer: kept with a heap, until its call looks.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Words, WordsKept, WordsPlace};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Words, WordsKept, WordsPlace};

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use alloc::vec::Vec;
    use core::cell::Cell;

    use mqtt_as_proto::Properties;
    use mqtt_as_proto::client::Tag;
    use mqtt_as_proto::packet::PacketType;

    /// The properties of an answer, as they came; mostly there are none.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Words(Option<Box<[u8]>>);

    impl Words {
        pub(crate) fn properties(&self) -> Properties<'_> {
            let section = self.0.as_deref().unwrap_or_default();
            Properties::from_section(section, PacketType::SubAck).unwrap_or_default()
        }
    }

    /// Answers whose calls have not looked yet.
    #[derive(Debug, Default)]
    pub(crate) struct WordsKept(Vec<(Tag, Words)>);

    impl WordsKept {
        /// Keeps what was said in an answer, and forgets what nobody waits for any more.
        pub(crate) fn keep(
            &mut self,
            tag: Tag,
            properties: &Properties<'_>,
            mut is_awaited: impl FnMut(Tag) -> bool,
        ) {
            self.0.retain(|(tag, _)| is_awaited(*tag));
            if !properties.is_empty() {
                self.0.push((tag, Words(Some(properties.section().into()))));
            }
        }

        fn take(&mut self, tag: Tag) -> Words {
            let at = self.0.iter().position(|(known, _)| *known == tag);
            at.map(|at| self.0.swap_remove(at).1).unwrap_or_default()
        }
    }

    /// Where a call finds what was said.
    #[derive(Default)]
    pub(crate) struct WordsPlace(Cell<Words>);

    impl WordsPlace {
        pub(crate) fn fill(&self, kept: &mut WordsKept, tag: Option<Tag>) {
            if let Some(tag) = tag {
                self.0.set(kept.take(tag));
            }
        }

        pub(crate) fn take(&self) -> Words {
            self.0.take()
        }
    }

    #[cfg(test)]
    mod tests {
        use mqtt_as_proto::Property;

        use super::{Properties, Tag, WordsKept};

        /// Calls that were dropped never look.
        #[test]
        fn what_nobody_waits_for_is_forgotten() {
            let mut kept = WordsKept::default();
            let section = b"\x1f\0\x04busy";
            let words = Properties::from_section(section, super::PacketType::SubAck);
            for number in 0..1000 {
                kept.keep(Tag(number), &words.unwrap_or_default(), |tag| tag.0 + 2 >= number);
            }
            assert_eq!(kept.0.len(), 3);
            let last = kept.take(Tag(999));
            assert!(last.properties().into_iter().eq([Property::ReasonString("busy")]));
            assert!(kept.take(Tag(999)).properties().is_empty(), "it is taken once");
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::Properties;
    use mqtt_as_proto::client::Tag;

    /// Nothing.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Words {}

    /// Nothing is kept.
    #[derive(Debug, Default)]
    pub(crate) struct WordsKept {}

    #[allow(clippy::unused_self)] // With a heap there is something.
    impl WordsKept {
        #[inline]
        pub(crate) fn keep(&mut self, _: Tag, _: &Properties<'_>, _: impl FnMut(Tag) -> bool) {}
    }

    /// Where a call finds what was said: nothing.
    #[derive(Default)]
    pub(crate) struct WordsPlace {}

    #[allow(clippy::unused_self)] // With a heap there is something.
    impl WordsPlace {
        #[inline]
        pub(crate) fn fill(&self, _: &mut WordsKept, _: Option<Tag>) {}

        #[inline]
        pub(crate) fn take(&self) -> Words {
            Words {}
        }
    }
}
