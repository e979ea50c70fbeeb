//! A subscription that receivers share: what they want of it, and where it stands at the server.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use mqtt_as_proto::client::{Answer, OperationError, Tag};
use mqtt_as_proto::packet::{self, SubscriptionOptions};
use mqtt_as_proto::property::SubscriptionId;
use mqtt_as_proto::{PacketId, Properties, Property, TopicFilter, TopicName, Version, client};

use crate::error::SubscribeError;
use crate::granted::{Codes, Granted};
use crate::subscriptions::Subscribed;
use crate::words::Words;

type Core = client::Client<'static>;

/// What a SUBSCRIBE says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// It was judged.
    pub(super) filter: Box<str>,
    pub(super) options: SubscriptionOptions,
    pub(super) user_properties: Vec<(String, String)>,
}

/// A subscription of receivers.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) wish: Wish,
    /// The receivers of its messages; none if it is to end.
    pub(super) receivers: Vec<u32>,
    /// Its number among them, of which the mark of its requests is made: never 0.
    pub(super) number: u16,
    /// Its subscription identifier, and whether the server was told it in this session.
    pub(super) id: SubscriptionId,
    is_identified: bool,
    /// The server has it, as far as is known.
    at_server: bool,
    /// It may have it, though it has to be asked anew: for that, or for its end.
    is_unsure: bool,
    /// What the server was asked for, and has not answered.
    asked: Option<Asked>,
    /// It is wanted otherwise than it was asked for.
    is_changed: bool,
    /// What the server said, or why it was not asked.
    pub(super) granted: Option<Result<Granted, SubscribeError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Subscribe,
    Unsubscribe,
}

impl Subscription {
    pub(super) fn new(wish: Wish, number: u16, id: SubscriptionId) -> Self {
        Self {
            wish,
            receivers: Vec::new(),
            number,
            id,
            is_identified: false,
            at_server: false,
            is_unsure: false,
            asked: None,
            is_changed: false,
            granted: None,
        }
    }

    /// The mark of its requests: no slot has one without an index.
    fn tag(&self) -> Tag {
        Tag(u32::from(self.number) << 16)
    }

    pub(super) fn is_of(&self, tag: Tag) -> bool {
        self.tag() == tag
    }

    fn filter(&self) -> Option<TopicFilter<'_>> {
        TopicFilter::new(&self.wish.filter).ok()
    }

    /// Whether that is a topic of its messages. Of one that the server has refused none are.
    pub(super) fn matches(&self, topic: TopicName<'_>) -> bool {
        let filter = self.filter().filter(|_| self.error().is_none());
        filter.is_some_and(|filter| filter.matches(topic))
    }

    /// Whether the server names it in what comes from here on.
    pub(super) fn is_identified(&self) -> bool {
        self.is_identified
    }

    /// Whether the server names it in that PUBLISH. It may do so without having been told in this
    /// session: an earlier run of the program had the same filter.
    pub(super) fn is_listed(&self, properties: &Properties<'_>) -> bool {
        properties.subscription_identifiers().any(|id| id == self.id)
    }

    /// Somebody wants it otherwise than it was asked for: it is asked for anew.
    pub(super) fn change(&mut self, wish: Wish) {
        let refused = matches!(self.granted, Some(Err(_)));
        if refused || self.wish != wish {
            self.wish = wish;
            self.granted = None;
            self.doubt();
            self.is_changed = self.asked == Some(Asked::Subscribe);
        }
    }

    /// A receiver comes to it. If it was the last one's end that was asked for, the server may have
    /// done so, whatever has come of the answer.
    pub(super) fn receive(&mut self, key: u32) {
        if self.receivers.is_empty() && self.asked.is_none() {
            self.doubt();
        }
        self.receivers.push(key);
    }

    /// The server is asked for it anew, and may have it until then.
    pub(super) fn doubt(&mut self) {
        self.is_unsure |= core::mem::take(&mut self.at_server);
    }

    /// Why nothing comes of it any more.
    pub(super) fn error(&self) -> Option<SubscribeError> {
        self.granted.as_ref().and_then(|granted| granted.as_ref().err().copied())
    }

    /// Asks the server for it, or for its end, if that is wanted. False if there is no room now.
    pub(super) fn ask(&mut self, core: &mut Core, subscribed: &mut Subscribed) -> bool {
        let wanted = !self.receivers.is_empty() && self.error().is_none();
        let stands = self.at_server || (!wanted && self.is_unsure);
        if self.asked.is_some() || wanted == stands {
            return true;
        }
        let (asked, done) = match wanted {
            true => (Asked::Subscribe, self.subscribe(core)),
            false => (Asked::Unsubscribe, self.unsubscribe(core)),
        };
        match done {
            Ok(_) => {
                self.asked = Some(asked);
                if asked == Asked::Unsubscribe {
                    self.forget_in(subscribed);
                }
            }
            Err(OperationError::NoRoom | OperationError::NotConnected) => return false,
            Err(error) => {
                (self.at_server, self.is_unsure) = (false, false);
                self.granted = Some(Err(SubscribeError::Invalid(error)));
            }
        }
        true
    }

    /// A policy restores it no longer, should the program have subscribed to it without receivers.
    pub(super) fn forget_in(&self, subscribed: &mut Subscribed) {
        subscribed.forget(self.filter().as_slice());
    }

    fn subscribe(&mut self, core: &mut Core) -> Result<PacketId, OperationError> {
        let Some(filter) = self.filter() else { return Err(OperationError::NotConnected) };
        let v5 = core.config().version == Version::V5;
        let available =
            core.limits().is_some_and(|limits| limits.subscription_identifier_available);
        let identified = v5 && available;
        let id = identified.then_some(Property::SubscriptionIdentifier(self.id));
        let pairs = self.wish.user_properties.iter();
        let pairs = pairs.map(|(name, value)| Property::UserProperty((name, value)));
        let list: Vec<_> = id.into_iter().chain(pairs).collect();
        let subscription = packet::Subscription { filter, options: self.wish.options };
        let asked = core.subscribe_to_claim(&[subscription], Properties::new(&list), self.tag());
        self.is_identified |= identified && asked.is_ok();
        asked
    }

    fn unsubscribe(&self, core: &mut Core) -> Result<PacketId, OperationError> {
        let Some(filter) = self.filter() else { return Err(OperationError::NotConnected) };
        core.unsubscribe(&[filter], Properties::NONE, self.tag())
    }

    /// The server has answered.
    pub(super) fn answered(&mut self, answer: &Answer<'_>) {
        self.at_server = false;
        let is_suback = self.asked.take() == Some(Asked::Subscribe);
        self.is_unsure = is_suback && core::mem::take(&mut self.is_changed);
        if !is_suback || self.is_unsure {
            return;
        }
        let granted = Granted::new(Codes::new(answer.codes), Words::new(&answer.properties));
        let first = granted.results().next();
        self.at_server = matches!(first, Some(Ok(_)));
        self.granted = Some(match first {
            Some(Err(reason)) => Err(SubscribeError::Refused(reason)),
            _ => Ok(granted),
        });
    }

    /// Whether the server has it for receivers.
    pub(super) fn is_granted(&self) -> bool {
        self.at_server
    }

    pub(super) fn is_for(&self, filter: TopicFilter<'_>) -> bool {
        *self.wish.filter == *filter.as_str()
    }

    /// The program subscribes to it without receivers: the server names it no longer, and has the
    /// options of that one. Its messages are for the receivers all the same.
    pub(super) fn take_over(&mut self) {
        self.is_identified = false;
    }

    /// The program ends it at the server: if there are receivers, it is asked for again.
    pub(super) fn lose(&mut self) {
        self.at_server = false;
        self.is_changed = self.asked == Some(Asked::Subscribe);
    }

    /// The connection is gone: what the server has not answered may be done or not.
    pub(super) fn go_down(&mut self) {
        self.is_changed = false;
        if self.asked.take().is_some() {
            (self.at_server, self.is_unsure) = (self.receivers.is_empty(), true);
        }
    }

    /// The server knows nothing of it: its session is new.
    pub(super) fn begin_session(&mut self) {
        (self.at_server, self.is_unsure, self.is_identified) = (false, false, false);
    }

    /// Whether it has neither receivers nor a trace at the server.
    pub(super) fn is_over(&self) -> bool {
        let is_known = self.at_server || self.is_unsure || self.asked.is_some();
        self.receivers.is_empty() && !is_known
    }

    /// Whether the server has answered, or has not been asked for want of a connection.
    pub(super) fn is_settled(&self, connected: bool) -> bool {
        self.error().is_some() || !connected || (self.at_server && self.asked.is_none())
    }
}
