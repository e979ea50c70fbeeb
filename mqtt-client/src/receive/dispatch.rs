//! To whom a message goes: the table of receivers, of their subscriptions, and of what they claim.
//!
//! A message stays in the core's log, which bounds all of them in messages and bytes. A receiver has
//! the names of its messages in order; a message knows how many receivers have still to take it. When
//! the last one has, it is acknowledged.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::any::Any;

use mqtt_as_proto::client::{self, Answer, Arrival, Claim, Offered};
use mqtt_as_proto::packet::{self, Publish};
use mqtt_as_proto::property::SubscriptionId;
use mqtt_as_proto::{Instant, TopicFilter};

use super::identifier::identifier;
use super::message::Message;
use super::subscription::{Subscription, Wish};
use super::unclaimed::Unclaimed;
use crate::error::SubscribeError;
use crate::event::Session;
use crate::granted::Granted;
use crate::keep::{Kept, Receivers};
use crate::state::State;
use crate::subscriptions::Subscribed;
use crate::waiters::{Slot, Waiters};

type Core = client::Client<'static>;

/// The table.
#[derive(Default)]
pub(super) struct Dispatch {
    subscriptions: Vec<Subscription>,
    /// By their keys.
    receivers: BTreeMap<u32, Mailbox>,
    /// By their names.
    messages: BTreeMap<u32, Claimed>,
    /// What the core said when it was last asked whether messages have moved.
    moved: u32,
    last_key: u32,
    last_number: u16,
    /// The session began here: all subscription identifiers in it are of this table.
    owns_ids: bool,
    /// What nobody claims, and nobody asks for.
    unclaimed: Unclaimed,
}

/// What waits for a receiver.
#[derive(Default)]
struct Mailbox {
    /// The names of its messages.
    waiting: VecDeque<u32>,
    /// Who is to be woken for them.
    slot: Option<Slot>,
    /// Who waits for the subscription to stand.
    standing: Option<Slot>,
}

impl Mailbox {
    /// Something changed that is no message.
    fn wake(&self, waiters: &mut Waiters) {
        for slot in self.slot.into_iter().chain(self.standing) {
            waiters.wake_slot(slot);
        }
    }
}

/// A message that receivers have claimed.
struct Claimed {
    claim: Claim,
    /// Those that have still to take it, or to finish it.
    left: usize,
    /// Somebody has had it.
    was_taken: bool,
    /// It was seen when messages were looked for.
    is_found: bool,
}

/// How a receiver's subscription stands.
pub(super) enum Standing {
    /// The server's answer is awaited.
    Open,
    /// It stands, or is asked for with the next connection.
    Settled,
    Failed(SubscribeError),
}

impl Dispatch {
    /// Adds a receiver, and gives its key. Nothing if there are too many.
    pub(super) fn add(&mut self, wish: Wish) -> Option<u32> {
        let key = self.free_key()?;
        let known = self.subscriptions.iter_mut().find(|one| one.wish.filter == wish.filter);
        match known {
            Some(subscription) => {
                subscription.change(wish);
                subscription.receive(key);
            }
            None => {
                let mut subscription = self.make(wish)?;
                subscription.receive(key);
                self.subscriptions.push(subscription);
            }
        }
        self.receivers.insert(key, Mailbox::default());
        Some(key)
    }

    fn free_key(&mut self) -> Option<u32> {
        let mut keys = (0..=self.receivers.len()).map(|more| {
            self.last_key.wrapping_add(1).wrapping_add(more as u32) // Fewer than 2³².
        });
        let key = keys.find(|key| !self.receivers.contains_key(key))?;
        self.last_key = key;
        Some(key)
    }

    fn make(&mut self, wish: Wish) -> Option<Subscription> {
        let is_free = |number: &u16| {
            *number != 0 && self.subscriptions.iter().all(|one| one.number != *number)
        };
        let mut numbers = (1..=u16::MAX).map(|more| self.last_number.wrapping_add(more));
        let number = numbers.find(is_free)?;
        self.last_number = number;
        let id = identifier(&wish.filter, |id| self.subscriptions.iter().all(|one| one.id != id))?;
        Some(Subscription::new(wish, number, id))
    }

    fn subscription(&self, key: u32) -> Option<&Subscription> {
        self.subscriptions.iter().find(|one| one.receivers.contains(&key))
    }

    /// How a receiver's subscription stands.
    pub(super) fn standing(&self, key: u32, connected: bool) -> Standing {
        match self.subscription(key) {
            Some(one) if !one.is_settled(connected) => Standing::Open,
            Some(one) => one.error().map_or(Standing::Settled, Standing::Failed),
            None => Standing::Failed(SubscribeError::Closed),
        }
    }

    /// What the server granted a receiver.
    pub(super) fn granted(&self, key: u32) -> Option<Result<Granted, SubscribeError>> {
        self.subscription(key)?.granted.clone()
    }

    /// Whether nothing comes for a receiver any more.
    pub(super) fn is_over(&self, key: u32) -> bool {
        self.subscription(key).is_none_or(|one| one.error().is_some())
    }

    /// Whether there is such a receiver.
    pub(super) fn has(&self, key: u32) -> bool {
        self.receivers.contains_key(&key)
    }

    /// Who waits for its subscription to stand.
    pub(super) fn set_standing(&mut self, key: u32, slot: Option<Slot>) {
        if let Some(mailbox) = self.receivers.get_mut(&key) {
            mailbox.standing = slot;
        }
    }

    /// Who is to be woken for a receiver's messages.
    pub(super) fn set_slot(&mut self, key: u32, slot: Option<Slot>) {
        if let Some(mailbox) = self.receivers.get_mut(&key) {
            mailbox.slot = slot;
        }
    }

    /// The next message of a receiver, and its name.
    fn next(&mut self, key: u32) -> Option<(u32, Claim)> {
        let waiting = &mut self.receivers.get_mut(&key)?.waiting;
        while let Some(name) = waiting.pop_front() {
            if let Some(message) = self.messages.get_mut(&name) {
                message.was_taken = true;
                return Some((name, message.claim));
            }
        }
        None
    }

    /// A receiver is done with a message. Gives what is to be finished with that.
    fn release(&mut self, name: u32) -> Option<Claimed> {
        let message = self.messages.get_mut(&name)?;
        message.left = message.left.saturating_sub(1);
        if message.left == 0 { self.messages.remove(&name) } else { None }
    }

    /// A receiver is gone. What nobody else has claimed is for the consumers, if there are any.
    pub(super) fn remove(&mut self, key: u32, core: &mut Core, waiters: &mut Waiters) {
        self.relocate(core);
        for subscription in &mut self.subscriptions {
            subscription.receivers.retain(|known| *known != key);
        }
        let mailbox = self.receivers.remove(&key).unwrap_or_default();
        mailbox.wake(waiters); // Its callback goes, too.
        for name in mailbox.waiting {
            match self.release(name) {
                None => {}
                Some(message) if message.was_taken => core.finish_claimed(message.claim),
                Some(message) if core.has_consumer() => core.leave_claimed(message.claim),
                Some(message) => core.drop_unhad(message.claim),
            }
        }
    }

    /// Messages may have moved, or were dropped.
    fn relocate(&mut self, core: &Core) {
        if self.moved == core.claims_moved() {
            return;
        }
        self.moved = core.claims_moved();
        let messages = &mut self.messages;
        core.locate_claims(|claim| {
            if let Some(message) = messages.get_mut(&claim.serial) {
                (message.claim, message.is_found) = (claim, true);
            }
        });
        let before = messages.len();
        messages.retain(|_, message| core::mem::take(&mut message.is_found));
        if messages.len() != before {
            for mailbox in self.receivers.values_mut() {
                mailbox.waiting.retain(|name| messages.contains_key(name));
            }
        }
    }

    /// Whether that subscription's receivers get the message: where the server lists any that are
    /// known, those; else those whose filters match. What is listed has to match, too: the
    /// identifier may be one of the program's own. And what comes for `others`, the program's own
    /// subscriptions without receivers, is for none that the server would have listed.
    fn is_for<'p>(
        &self,
        publish: &Publish<'p>,
        others: bool,
    ) -> impl Fn(&Subscription) -> bool + use<'p> {
        let (topic, properties, owns_ids) = (publish.topic, publish.properties, self.owns_ids);
        let by_list = !properties.is_empty() && self.goes_by_list(publish);
        let is_left = move |one: &Subscription| others && owns_ids && one.is_identified();
        move |one| {
            let is_it = if by_list { one.is_listed(&properties) } else { !is_left(one) };
            is_it && one.matches(topic)
        }
    }

    /// Whether what the server lists says for whom a message is. In a session of an earlier program,
    /// which may have been none of this client, an identifier that nobody knows may stand for any
    /// receiver that the message was for.
    fn goes_by_list(&self, publish: &Publish<'_>) -> bool {
        let is_known = |id: SubscriptionId| {
            self.subscriptions.iter().any(|one| one.id == id && one.matches(publish.topic))
        };
        let mut ids = publish.properties.subscription_identifiers();
        match self.owns_ids {
            true => ids.any(is_known),
            false => ids.next().is_some_and(is_known) && ids.all(is_known),
        }
    }
}

impl Receivers for Dispatch {
    fn offer(&mut self, arrival: &Arrival<'_>, others: bool, waiters: &mut Waiters) {
        let Some(publish) = arrival.stored.publish() else { return };
        let (is_for, name) = (self.is_for(&publish, others), arrival.claim.serial);
        let (mut left, mut is_leaving) = (0, false);
        for subscription in self.subscriptions.iter().filter(|one| is_for(one)) {
            is_leaving |= subscription.receivers.is_empty();
            for key in &subscription.receivers {
                let Some(mailbox) = self.receivers.get_mut(key) else { continue };
                mailbox.waiting.push_back(name);
                left += 1;
                if let Some(slot) = mailbox.slot {
                    waiters.wake_parked(slot);
                }
            }
        }
        if left != 0 {
            let claim = arrival.claim;
            let message = Claimed { claim, left, was_taken: false, is_found: false };
            self.messages.insert(name, message);
            arrival.offered.set(Offered::Claimed);
        } else if is_leaving && !arrival.has_consumer {
            // The receiver that it was for is gone, and there is nobody else.
            arrival.offered.set(Offered::Finished);
        } else if arrival.stored.token().is_some() && self.unclaimed.came(arrival.has_consumer) {
            arrival.offered.set(Offered::Finished);
        }
    }

    fn answered(
        &mut self,
        answer: &Answer<'_>,
        waiters: &mut Waiters,
        subscribed: &mut Subscribed,
    ) {
        let Some(one) = self.subscriptions.iter_mut().find(|one| one.is_of(answer.tag)) else {
            return;
        };
        one.answered(answer);
        if one.is_granted() {
            one.forget_in(subscribed); // It is of receivers from here on.
        }
        let mailboxes = one.receivers.iter().filter_map(|key| self.receivers.get(key));
        mailboxes.for_each(|mailbox| mailbox.wake(waiters));
    }

    fn come_up(&mut self, session: &Session) {
        let subscriptions = self.subscriptions.iter_mut();
        if !session.session_present {
            subscriptions.for_each(Subscription::begin_session);
            self.owns_ids = true;
            return;
        }
        if session.may_lack_subscriptions {
            subscriptions.for_each(Subscription::doubt);
        }
        if session.adopted {
            self.owns_ids = false;
        }
    }

    fn go_down(&mut self) {
        self.subscriptions.iter_mut().for_each(Subscription::go_down);
    }

    fn subscribed(&mut self, all: &[packet::Subscription<'_>], subscribed: &mut Subscribed) {
        for one in &mut self.subscriptions {
            if all.iter().any(|wish| one.is_for(wish.filter)) {
                one.take_over();
                one.forget_in(subscribed);
            }
        }
    }

    fn unsubscribed(&mut self, filters: &[TopicFilter<'_>]) {
        let is_it = |one: &&mut Subscription| filters.iter().any(|filter| one.is_for(*filter));
        self.subscriptions.iter_mut().filter(is_it).for_each(Subscription::lose);
    }

    fn left(&mut self, core: &Core, clock: fn() -> Instant) {
        if core.has_unclaimed() {
            self.unclaimed.left();
            self.unclaimed.begin(core.config().response_time, clock());
        }
    }

    fn time_left(&self, now: Instant) -> u32 {
        self.unclaimed.time_left(now)
    }

    fn unclaimed(&self) -> u64 {
        self.unclaimed.count()
    }

    fn expire(&mut self, core: &mut Core, now: Instant) -> bool {
        let is_over = self.unclaimed.expire(core.has_consumer(), now);
        if is_over {
            self.unclaimed.discarded(core.discard_unclaimed());
        }
        is_over
    }

    fn attend(
        &mut self,
        core: &mut Core,
        waiters: &mut Waiters,
        subscribed: &mut Subscribed,
        now: Instant,
    ) {
        self.unclaimed.begin(core.config().response_time, now);
        self.relocate(core);
        if !core.is_connected() {
            self.subscriptions.retain(|one| !one.is_over());
            return;
        }
        for subscription in &mut self.subscriptions {
            let had_failed = subscription.error().is_some();
            if !subscription.ask(core, subscribed) {
                break;
            }
            if subscription.error().is_some() && !had_failed {
                let receivers = subscription.receivers.iter();
                let mailboxes = receivers.filter_map(|key| self.receivers.get(key));
                mailboxes.for_each(|mailbox| mailbox.wake(waiters));
            }
        }
        self.subscriptions.retain(|one| !one.is_over());
    }
}

/// The table, if there is one.
fn table(kept: &mut Kept) -> Option<&mut Dispatch> {
    let receivers: &mut dyn Any = kept.receivers.as_deref_mut()?;
    receivers.downcast_mut()
}

impl State {
    /// Adds a receiver, and gives its key. Nothing if there are too many.
    pub(super) fn add_receiver(&mut self, wish: Wish) -> Option<u32> {
        if self.kept.receivers.is_none() {
            self.core.offer_messages();
            let owns_ids = self.link.ups != 0 && !self.link.session.session_present;
            self.kept.receivers = Some(Box::new(Dispatch { owns_ids, ..Dispatch::default() }));
            self.kept.left(&self.core, self.clock); // What came before is theirs no more.
        }
        let key = table(&mut self.kept)?.add(wish);
        self.settle();
        key
    }

    /// A receiver is gone.
    pub(super) fn remove_receiver(&mut self, key: u32) {
        let Self { core, kept, waiters, .. } = self;
        if let Some(dispatch) = table(kept) {
            dispatch.remove(key, core, waiters);
            self.settle();
            self.wake_takers();
            self.taken(true);
        }
    }

    /// What is known of receivers.
    pub(super) fn receivers(&mut self) -> Option<&mut Dispatch> {
        table(&mut self.kept)
    }

    /// Takes the next message of a receiver, which then has to be finished by its name.
    pub(super) fn begin_received(&mut self, key: u32) -> Option<(Message, u32)> {
        let Self { core, kept, .. } = self;
        let dispatch = table(kept)?;
        dispatch.relocate(core);
        let (name, claim) = dispatch.next(key)?;
        let message = Message::new(&core.claimed(claim)?, &mut kept.chunks);
        Some((message, name))
    }

    /// A receiver is done with a message: `owes` if it is to be acknowledged.
    pub(super) fn finish_received(&mut self, name: u32, owes: bool) {
        let Self { core, kept, .. } = self;
        let Some(dispatch) = table(kept) else { return };
        dispatch.relocate(core);
        if let Some(message) = dispatch.release(name) {
            core.finish_claimed(message.claim);
        }
        self.taken(owes);
    }
}
