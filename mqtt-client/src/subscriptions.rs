//! What a program has subscribed to, where a policy restores it when the server has lost the
//! session.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Subscribed, new};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Subscribed, new};

type Core = mqtt_as_proto::client::Client<'static>;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use core::fmt;

    use mqtt_as_proto::client::{Limit, OperationError, Tag};
    use mqtt_as_proto::packet::{Subscription, SubscriptionOptions};
    use mqtt_as_proto::property::SubscriptionId;
    use mqtt_as_proto::{Properties, Property, TopicFilter};

    use super::Core;

    /// The register, if there is one. It is reached through a pointer, so that a program without a
    /// policy does not link it.
    #[derive(Debug, Default)]
    pub(crate) struct Subscribed(Option<Box<dyn Register + Send>>);

    /// A register of nothing so far.
    pub(crate) fn new() -> Subscribed {
        Subscribed(Some(Box::<Filters>::default()))
    }

    trait Register: fmt::Debug {
        fn ask(&mut self, subscriptions: &[Subscription<'_>], id: Option<SubscriptionId>, tag: Tag);
        fn forget(&mut self, filters: &[TopicFilter<'_>]);
        fn answer(&mut self, tag: Tag, codes: &[u8]);
        fn adopt(&mut self, tag: Tag) -> Tag;
        fn clear(&mut self);
        fn end_connection(&mut self);
        fn begin_session(&mut self);
        fn restore(&mut self, core: &mut Core);
    }

    impl Subscribed {
        pub(crate) fn is_some(&self) -> bool {
            self.0.is_some()
        }

        /// SUBSCRIBE is on its way, with that mark.
        pub(crate) fn ask(
            &mut self,
            subscriptions: &[Subscription<'_>],
            properties: &Properties<'_>,
            tag: Tag,
        ) {
            if let Some(register) = &mut self.0 {
                register.ask(subscriptions, properties.subscription_identifier(), tag);
            }
        }

        /// UNSUBSCRIBE is on its way.
        pub(crate) fn forget(&mut self, filters: &[TopicFilter<'_>]) {
            if let Some(register) = &mut self.0 {
                register.forget(filters);
            }
        }

        /// The server has answered a SUBSCRIBE, or something else, with that mark.
        pub(crate) fn answer(&mut self, tag: Tag, codes: &[u8]) {
            if let Some(register) = &mut self.0 {
                register.answer(tag, codes);
            }
        }

        /// Nobody waits any more for what has that mark: gives the one that takes its place.
        pub(crate) fn adopt(&mut self, tag: Tag) -> Tag {
            self.0.as_mut().map_or(Tag::NOBODY, |register| register.adopt(tag))
        }

        /// The program begins anew.
        pub(crate) fn clear(&mut self) {
            if let Some(register) = &mut self.0 {
                register.clear();
            }
        }

        pub(crate) fn end_connection(&mut self) {
            if let Some(register) = &mut self.0 {
                register.end_connection();
            }
        }

        /// The server knows none of them.
        pub(crate) fn begin_session(&mut self) {
            if let Some(register) = &mut self.0 {
                register.begin_session();
            }
        }

        /// Subscribes to what the server does not know, as far as there is room.
        pub(crate) fn restore(&mut self, core: &mut Core) {
            if let Some(register) = &mut self.0 {
                register.restore(core);
            }
        }
    }

    /// Filters that one SUBSCRIBE takes here.
    const MOST: usize = 16;

    /// What was asked for a filter.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Wanted {
        options: SubscriptionOptions,
        id: Option<SubscriptionId>,
    }

    /// What the server knows of a filter that it has granted.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Known {
        /// It has it.
        Yes,
        /// It has lost it.
        No,
        /// It has lost it, and was asked for it.
        Asked,
    }

    /// A SUBSCRIBE without an answer: its filters, without those that were unsubscribed from since.
    type Asked = Vec<Option<(Box<str>, Wanted)>>;

    #[derive(Debug, Default)]
    struct Filters {
        granted: BTreeMap<Box<str>, (Wanted, Known)>,
        asked: BTreeMap<u32, Asked>,
        /// Filters that the server has lost and was not asked for.
        lost: usize,
        /// The last mark of the register's own.
        last: u16,
    }

    impl Filters {
        /// A mark that nobody else has: those of calls never have all bits in the lower half, those
        /// of receivers have none there.
        fn next_tag(&mut self) -> Tag {
            loop {
                self.last = self.last.wrapping_add(1);
                let tag = Tag(u32::from(self.last) << 16 | 0xffff);
                if tag != Tag::NOBODY && !self.asked.contains_key(&tag.0) {
                    return tag;
                }
            }
        }

        /// Filters that can be asked for together.
        fn batch(&self) -> (Option<SubscriptionId>, Vec<(Box<str>, SubscriptionOptions)>) {
            let lost = || self.granted.iter().filter(|(_, (_, known))| *known == Known::No);
            let id = lost().next().and_then(|(_, (wanted, _))| wanted.id);
            let same = lost().filter(|(_, (wanted, _))| wanted.id == id).take(MOST);
            (id, same.map(|(filter, (wanted, _))| (filter.clone(), wanted.options)).collect())
        }

        fn count(&mut self) {
            self.lost = self.granted.values().filter(|(_, known)| *known == Known::No).count();
        }

        /// Asks for those.
        fn ask_again(
            &mut self,
            core: &mut Core,
            id: Option<SubscriptionId>,
            filters: &[(Box<str>, SubscriptionOptions)],
        ) -> Result<(), OperationError> {
            let subscriptions: Vec<_> = filters
                .iter()
                .filter_map(|(filter, options)| {
                    Some(Subscription { filter: TopicFilter::new(filter).ok()?, options: *options })
                })
                .collect();
            let property = id.map(Property::SubscriptionIdentifier);
            let tag = self.next_tag();
            core.subscribe(&subscriptions, Properties::new(property.as_slice()), tag)?;
            self.ask(&subscriptions, id, tag);
            for (filter, _) in filters {
                self.mark(filter, Known::Asked);
            }
            Ok(())
        }

        fn mark(&mut self, filter: &str, now: Known) {
            if let Some((_, known)) = self.granted.get_mut(filter) {
                *known = now;
            }
        }
    }

    impl Register for Filters {
        fn ask(
            &mut self,
            subscriptions: &[Subscription<'_>],
            id: Option<SubscriptionId>,
            tag: Tag,
        ) {
            let of = |subscription: &Subscription<'_>| {
                let options = subscription.options;
                Some((subscription.filter.as_str().into(), Wanted { options, id }))
            };
            self.asked.insert(tag.0, subscriptions.iter().map(of).collect());
        }

        fn forget(&mut self, filters: &[TopicFilter<'_>]) {
            for filter in filters {
                let filter = filter.as_str();
                self.granted.remove(filter);
                let places = self.asked.values_mut().flatten();
                for place in places {
                    place.take_if(|(known, _)| **known == *filter);
                }
            }
            self.count();
        }

        fn answer(&mut self, tag: Tag, codes: &[u8]) {
            let Some(asked) = self.asked.remove(&tag.0) else { return };
            for (filter, code) in asked.into_iter().zip(codes) {
                let Some((filter, wanted)) = filter else { continue };
                if *code < 0x80 {
                    self.granted.insert(filter, (wanted, Known::Yes));
                } else if let Some((_, Known::Asked)) = self.granted.get(&filter) {
                    self.granted.remove(&filter); // It is not granted any more.
                }
            }
        }

        fn adopt(&mut self, tag: Tag) -> Tag {
            let Some(asked) = self.asked.remove(&tag.0) else { return Tag::NOBODY };
            let tag = self.next_tag();
            self.asked.insert(tag.0, asked);
            tag
        }

        fn clear(&mut self) {
            let last = self.last;
            *self = Self { last, ..Self::default() };
        }

        fn end_connection(&mut self) {
            self.asked.clear();
            for (_, known) in self.granted.values_mut().filter(|(_, known)| *known == Known::Asked)
            {
                *known = Known::No;
            }
            self.count();
        }

        fn begin_session(&mut self) {
            for (_, known) in self.granted.values_mut() {
                *known = Known::No;
            }
            self.count();
        }

        fn restore(&mut self, core: &mut Core) {
            while self.lost != 0 {
                let (mut id, mut filters) = self.batch();
                let result = loop {
                    match self.ask_again(core, id, &filters) {
                        Err(OperationError::Forbidden(
                            Limit::SubscriptionIdentifierNotAvailable,
                        )) if id.is_some() => id = None,
                        Err(OperationError::NoRoom | OperationError::NotConnected) => return,
                        Err(_) if filters.len() > 1 => filters.truncate(1),
                        result => break result,
                    }
                };
                if let (Err(_), Some((filter, _))) = (result, filters.first()) {
                    self.granted.remove(filter); // This server cannot have it.
                }
                self.count();
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::{Filters, Tag};

        #[test]
        fn its_marks_are_nobody_elses() {
            let mut filters = Filters::default();
            for _ in 0..70_000 {
                let tag = filters.next_tag();
                assert!(tag != Tag::NOBODY && tag.0 & 0xffff == 0xffff);
            }
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::client::Tag;
    use mqtt_as_proto::packet::Subscription;
    use mqtt_as_proto::{Properties, TopicFilter};

    use super::Core;

    /// There is no register without a heap.
    #[derive(Debug, Default)]
    pub(crate) struct Subscribed {}

    pub(crate) fn new() -> Subscribed {
        Subscribed {}
    }

    #[allow(clippy::unused_self)] // With a heap there may be one.
    impl Subscribed {
        pub(crate) fn is_some(&self) -> bool {
            true
        }

        pub(crate) fn ask(&mut self, _: &[Subscription<'_>], _: &Properties<'_>, _: Tag) {}

        pub(crate) fn forget(&mut self, _: &[TopicFilter<'_>]) {}

        pub(crate) fn answer(&mut self, _: Tag, _: &[u8]) {}

        pub(crate) fn adopt(&mut self, _: Tag) -> Tag {
            Tag::NOBODY
        }

        pub(crate) fn clear(&mut self) {}

        pub(crate) fn end_connection(&mut self) {}

        pub(crate) fn begin_session(&mut self) {}

        pub(crate) fn restore(&mut self, _: &mut Core) {}
    }
}
