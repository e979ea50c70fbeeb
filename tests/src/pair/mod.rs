//! A core client and the broker against each other, over a bad network, in virtual time.
//!
//! All accidents come from the seed, so a run repeats. [`Pair::log`] tells what happened, in order,
//! on both sides; what no client may do, whatever happens, is watched on the wire and ends up in
//! [`Pair::fault`].

mod accidents;
mod at_most_once;
mod broker_side;
mod client_side;
mod deadlines;
mod happening;
mod judging;
mod news;
mod plant;
mod promised;
mod quota;
mod replies;
mod settings;
mod streams;
mod time;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use mqtt_as_proto::client::{
    Acknowledged, Client, Consumer, Event, Message, OperationError, Published, StreamKey, Tag,
    Warning,
};
use mqtt_as_proto::packet::{Connect, PacketType, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{
    AckToken, Instant, Outbox, PacketId, QoS, ReasonCode, TopicFilter, TopicName, Version,
};

use crate::broker::{Broker, ConnId, SessionInfo};
use crate::link::{Direction, Link, LinkConfig};
use crate::random::Random;

pub use happening::{Delivered, Fault, Happening, Invariant};
pub use plant::Plant;
pub use settings::{Arena, PairConfig};

use deadlines::Deadlines;
use happening::short;
use plant::Planted;
use promised::Promised;
use quota::Quota;
use settings::{Rest, new_client};
use wire::Wire;

/// Who the client is.
pub const CLIENT_ID: &str = "client";

/// One of the client's connections, from both ends.
#[derive(Debug)]
struct Connection {
    link: Link,
    conn: ConnId,
    /// The broker has closed its end, or seen the end.
    is_over: bool,
    /// What the broker does not say on it.
    unsaid: Vec<PacketType>,
}

/// A message that the program has not taken.
#[derive(Debug)]
struct Held {
    token: AckToken,
    /// It was read piece by piece.
    stream: Option<StreamKey>,
    message: Delivered,
    /// The client's sessions so far.
    session: u32,
}

/// A client, a broker, and the network between them.
pub struct Pair<'m> {
    config: PairConfig,
    /// Memory for the processes to come.
    rest: Rest<'m>,
    /// Bytes that the client had when it was new.
    at_start: usize,
    /// The client's name, if it has one.
    client_id: Option<String>,
    random: Random,
    now: Instant,
    client: Client<'m>,
    out: Outbox<'m>,
    input: Vec<u8>,
    /// Bytes still to come of a message that the client skips.
    skipped: usize,
    /// Bytes that the client was given and has not used.
    was_left: usize,
    broker: Broker,
    /// How much of [`Broker::accepted`] is in the log.
    accepted: usize,
    /// Another client, which publishes.
    feeder: ConnId,
    fed: u16,
    current: Option<Connection>,
    /// Connections that the client has left, and that the broker may still hear from.
    old: Vec<Connection>,
    writable: Instant,
    is_dead: bool,
    /// The transport took nothing for long.
    is_stuck: bool,
    /// The program asks for messages.
    listens: bool,
    held: Vec<Held>,
    sessions: u32,
    wire: Wire,
    planted: Planted,
    deadlines: Deadlines,
    promised: Promised,
    /// The transport takes no bytes since then without a moment's rest.
    busy_since: Option<Instant>,
    /// The transport was given the beginning of a stream that has to be acknowledged.
    offers_stream: bool,
    streams: Vec<streams::Outgoing>,
    /// Streams whose owner is gone.
    left: BTreeSet<u32>,
    /// When the program writes its streams on.
    stream_at: Instant,
    /// What it reads piece by piece, and when it reads on.
    incoming: Option<streams::Incoming>,
    read_at: Instant,
    /// The client was told to disconnect: it reads nothing more, whatever it has to write.
    says_goodbye: bool,
    log: Vec<Happening>,
    /// What was met beside, and how often.
    met: BTreeMap<&'static str, u64>,
    fault: Option<Fault>,
    trace: bool,
}

impl<'m> Pair<'m> {
    /// A client and a broker that have not met. The client is lent memory of that arena, if it is lent
    /// any.
    ///
    /// # Panics
    ///
    /// If settings and memory of the client do not fit each other.
    #[must_use]
    pub fn new(seed: u64, config: PairConfig, arena: &'m mut Arena) -> Self {
        let mut rest = arena.fit(&config);
        let (client, out) = new_client(&config, &mut rest).expect("the first process");
        let settings = &config.client;
        let quota = Quota::new(settings.send_window, settings.receive_maximum);
        let mut broker = Broker::new(config.broker.clone());
        let feeder = broker.open();
        let mut pair = Self {
            random: Random::new(seed),
            now: Instant::from_millis(1_000_000),
            rest,
            at_start: client.allocated_bytes(),
            client_id: (!config.assigned).then(|| CLIENT_ID.to_owned()),
            client,
            out,
            input: Vec::new(),
            skipped: 0,
            was_left: 0,
            broker,
            accepted: 0,
            feeder,
            fed: 0,
            current: None,
            old: Vec::new(),
            writable: Instant::default(),
            is_dead: false,
            is_stuck: false,
            listens: true,
            held: Vec::new(),
            sessions: 0,
            wire: Wire::new(config.client.version, quota),
            planted: Planted::new(config.plant),
            deadlines: Deadlines::new(&config.client, config.partial_writes),
            promised: Promised::default(),
            busy_since: None,
            offers_stream: false,
            streams: Vec::new(),
            left: BTreeSet::new(),
            stream_at: Instant::default(),
            incoming: None,
            read_at: Instant::default(),
            says_goodbye: false,
            log: Vec::new(),
            met: BTreeMap::new(),
            fault: None,
            trace: false,
            config,
        };
        pair.begin_feeding();
        pair
    }

    /// Prints what happens.
    pub fn trace(&mut self) {
        (self.trace, self.wire.trace) = (true, true);
    }

    /// Opens a connection and sends CONNECT.
    ///
    /// # Errors
    /// What the client says.
    pub fn connect(&mut self, clean: bool) -> Result<Option<Warning>, OperationError> {
        let v5 = self.config.client.version == Version::V5;
        let expiry = self.config.session_expiry.filter(|_| v5);
        let expiry = expiry.map(Property::SessionExpiryInterval);
        let connect = Connect {
            client_id: self.client_id.as_deref().unwrap_or_default(),
            clean_start: clean,
            keep_alive: self.config.keep_alive,
            properties: Properties::new(expiry.as_slice()),
            ..Connect::default()
        };
        let warning = self.client.connect(&connect, self.now)?;
        self.deadlines.connect(self.config.keep_alive, self.now);
        // What is still on its way on older connections is lost: an older CONNECT does not come
        // after a newer one.
        for old in &mut self.old {
            old.link = Link::new(0, LinkConfig::default());
        }
        let link = Link::new(self.random.next_u64(), self.config.link.clone());
        self.current =
            Some(Connection { link, conn: self.broker.open(), is_over: false, unsaid: Vec::new() });
        self.note(|| format!("connect, clean: {clean}"));
        Ok(warning)
    }

    /// Publishes through the client.
    ///
    /// # Errors
    /// What the client says.
    pub fn publish(
        &mut self,
        message: &Message<'_>,
        tag: Tag,
    ) -> Result<Published, OperationError> {
        let done = self.client.publish(message, tag, self.now);
        self.note(|| format!("publish {} {:?} {tag:?}: {done:?}", message.topic, message.qos));
        let content = wire::digest(message.payload.as_slice());
        match done {
            Ok(Published::Pending(_)) => self.promised.add(tag, message, content, self.now),
            Ok(Published::Left) => self.wire.at_most_once.leaves(content),
            Err(_) => {}
        }
        done
    }

    /// Subscribes through the client.
    ///
    /// # Errors
    /// What the client says.
    pub fn subscribe(
        &mut self,
        filter: TopicFilter<'_>,
        qos: QoS,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let subscription = Subscription { filter, options: SubscriptionOptions::new(qos) };
        let done = self.client.subscribe(&[subscription], Properties::NONE, tag);
        self.note(|| format!("subscribe {filter} {tag:?}: {done:?}"));
        self.asks(&done, tag, filter, Some(qos));
        done
    }

    /// Unsubscribes through the client.
    ///
    /// # Errors
    /// What the client says.
    pub fn unsubscribe(
        &mut self,
        filter: TopicFilter<'_>,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let done = self.client.unsubscribe(&[filter], Properties::NONE, tag);
        self.note(|| format!("unsubscribe {filter} {tag:?}: {done:?}"));
        self.asks(&done, tag, filter, None);
        done
    }

    fn asks(
        &mut self,
        done: &Result<PacketId, OperationError>,
        tag: Tag,
        filter: TopicFilter<'_>,
        qos: Option<QoS>,
    ) {
        if let Ok(id) = done {
            self.wire.replies.asked(*id, tag.0, filter.as_str(), qos);
        }
    }

    /// Disconnects the client in good order.
    ///
    /// # Errors
    /// What the client says.
    pub fn disconnect(&mut self) -> Result<(), OperationError> {
        self.note(|| "disconnect".to_owned());
        self.client.disconnect(ReasonCode::SUCCESS, None)?;
        self.says_goodbye = true;
        self.deadlines.ending();
        Ok(())
    }

    /// Lets the client give a publish up.
    pub fn give_up(&mut self, id: PacketId) -> bool {
        self.note(|| format!("give up #{id}"));
        let given_up = self.with_events(|client, tell| client.give_up(id, tell));
        if given_up {
            self.wire.give_up(id);
        }
        given_up
    }

    /// From now on the program asks for messages, or does not.
    pub fn listen(&mut self, listens: bool) {
        self.note(|| format!("listen: {listens}"));
        self.listens = listens;
    }

    /// The program takes a message that it was given before: which of them, 0 for the oldest.
    pub fn take(&mut self, which: usize, reason: ReasonCode) {
        if which >= self.held.len() {
            return;
        }
        let held = self.held.remove(which);
        self.note(|| format!("take {:?}", held.message.delivery));
        if held.session == self.sessions {
            self.wire.taken(held.message.delivery);
        }
        match held.stream {
            Some(key) => self.client.finish_stream(key),
            None => self.client.finish(Consumer::Queue, held.token),
        }
        if self.config.client.manual_ack.is_some() {
            let acknowledged = self.client.acknowledge(held.token, reason);
            let id = held.message.delivery.id().filter(|_| acknowledged == Acknowledged::Queued);
            id.into_iter().for_each(|id| self.wire.replies.refuses(id, reason.as_u8()));
        }
    }

    /// The program has dealt with such a message, and will acknowledge it later.
    pub fn finish(&mut self, which: usize) {
        let Some(held) = self.held.get(which).filter(|_| self.config.client.manual_ack.is_some())
        else {
            return;
        };
        let (token, stream, delivery) = (held.token, held.stream, held.message.delivery);
        self.note(|| format!("finish {delivery:?}"));
        match stream {
            Some(key) => self.client.finish_stream(key),
            None => self.client.finish(Consumer::Queue, token),
        }
        // If the connection ends before that, the message is delivered again.
        self.happen(Happening::Finished(self.held[which].message.clone()));
    }

    /// Messages that the program was given and has not taken.
    #[must_use]
    pub fn untaken(&self) -> usize {
        self.held.len()
    }

    /// The QoS of such a message.
    #[must_use]
    pub fn untaken_qos(&self, which: usize) -> Option<QoS> {
        self.held.get(which).map(|held| held.message.delivery.qos())
    }

    /// Another client publishes.
    pub fn feed(&mut self, topic: TopicName<'_>, payload: &[u8], qos: QoS) {
        self.note(|| format!("feed {topic} {qos:?}"));
        self.feed_broker(topic, payload, qos);
    }

    /// What happened until now.
    #[must_use]
    pub fn log(&self) -> &[Happening] {
        &self.log
    }

    /// The outcome of an operation, once there is one.
    #[must_use]
    pub fn outcome(&self, tag: Tag) -> Option<&Happening> {
        self.log.iter().find(|happening| match happening {
            Happening::Settled(of, _) | Happening::Ended(of, _) | Happening::Answered(of, _) => {
                *of == tag
            }
            _ => false,
        })
    }

    /// The first rule that was broken.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client<'m> {
        &self.client
    }

    /// Whether nothing of the client's waits to leave or to be acknowledged.
    pub fn is_idle(&mut self) -> bool {
        self.client.is_idle()
    }

    /// Whether anything waits to be written.
    #[must_use]
    pub fn is_writing(&mut self) -> bool {
        self.client.wants_transmit() || !self.out.is_empty() || self.writes_stream()
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether the client has a transport, whatever it is good for.
    #[must_use]
    pub fn has_transport(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the transport is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// What the broker holds for the client.
    #[must_use]
    pub fn session(&self) -> Option<SessionInfo> {
        let name = self.client_id.as_deref()?;
        self.broker.sessions().into_iter().find(|session| session.client_id == name)
    }

    /// The QoS at which the broker sends the client messages to that topic, if it does.
    #[must_use]
    pub fn granted(&self, topic: TopicName<'_>) -> Option<QoS> {
        self.broker.granted(self.client_id.as_deref()?, topic)
    }

    /// What was met beside what happened, and how often.
    #[must_use]
    pub fn met(&self) -> &BTreeMap<&'static str, u64> {
        &self.met
    }

    /// Ends the last connection, and tells the bytes that the client keeps then, and those that it had
    /// when it was new.
    pub fn end(&mut self) -> (usize, usize) {
        self.lose(true);
        self.check(self.wire.at_most_once.judge_end(self.client.counts().discards));
        self.client.release_memory();
        (self.client.allocated_bytes(), self.at_start)
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn note(&self, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{} {}", self.now, text());
        }
    }

    fn happen(&mut self, happening: Happening) {
        if self.trace {
            println!("{}   {}", self.now, short(&happening));
        }
        self.log.push(happening);
    }

    fn fail(&mut self, invariant: Invariant, text: String) {
        self.fault.get_or_insert(Fault { invariant, text });
    }

    fn check(&mut self, result: Result<(), Fault>) {
        if let Err(fault) = result {
            self.fault.get_or_insert(fault);
        }
    }
}
