//! A core client and the broker against each other, over a bad network, in virtual time.
//!
//! All accidents come from the seed, so a run repeats. [`Pair::log`] tells what happened, in order,
//! on both sides; what no client may do, whatever happens, is watched on the wire and ends up in
//! [`Pair::fault`].

mod broker_side;
mod client_side;
mod happening;
mod plant;
mod streams;
mod wire;

use std::collections::BTreeSet;

use mqtt_as_proto::client::{
    Client, Config, Consumer, Event, LogMemory, Memory, Message, OperationError, Published,
    StreamKey, Tag, Warning,
};
use mqtt_as_proto::packet::{Connect, Subscription, SubscriptionOptions};
use mqtt_as_proto::property::{Properties, Property};
use mqtt_as_proto::{
    AckToken, Instant, Outbox, PacketId, QoS, ReasonCode, Storage, TopicFilter, TopicName, Version,
};

use crate::broker::{Broker, BrokerConfig, ConnId, SessionInfo};
use crate::link::{Direction, Link, LinkConfig};
use crate::random::Random;

pub use happening::{Delivered, Fault, Happening, Invariant};
pub use plant::Plant;

use happening::short;
use plant::Planted;
use wire::Wire;

/// Who the client is.
pub const CLIENT_ID: &str = "client";

/// What a [`Pair`] is made of.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// The client's settings.
    pub client: Config,
    /// Bytes of its outbox.
    pub outbox: usize,
    /// Bytes of messages and requests on their way out.
    pub outgoing: usize,
    /// Bytes of received messages.
    pub incoming: usize,
    /// Whether that memory is lent, not from the heap.
    pub lent: bool,
    /// The keep-alive in seconds.
    pub keep_alive: u16,
    /// 5.0: the Session Expiry Interval of each CONNECT.
    pub session_expiry: Option<u32>,
    /// The broker's settings.
    pub broker: BrokerConfig,
    /// How bad the network is.
    pub link: LinkConfig,
    /// Whether the transport takes what is written in parts, and some of it later.
    pub partial_writes: bool,
    /// A fault to plant between the two.
    pub plant: Option<Plant>,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            client: Config::default(),
            outbox: 64 * 1024,
            outgoing: 1 << 20,
            incoming: 1 << 21,
            lent: false,
            keep_alive: 60,
            session_expiry: None,
            broker: BrokerConfig::default(),
            link: LinkConfig::default(),
            partial_writes: false,
            plant: None,
        }
    }
}

/// One of the client's connections, from both ends.
#[derive(Debug)]
struct Connection {
    link: Link,
    conn: ConnId,
    /// The broker has closed its end, or seen the end.
    is_over: bool,
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
pub struct Pair {
    config: PairConfig,
    random: Random,
    now: Instant,
    client: Client<'static>,
    out: Outbox<'static>,
    input: Vec<u8>,
    /// Bytes still to come of a message that the client skips.
    skipped: usize,
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
    /// The program asks for messages.
    listens: bool,
    held: Vec<Held>,
    sessions: u32,
    wire: Wire,
    planted: Planted,
    pending: BTreeSet<u32>,
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
    fault: Option<Fault>,
    trace: bool,
}

impl Pair {
    /// A client and a broker that have not met.
    ///
    /// # Panics
    ///
    /// If settings and memory of the client do not fit each other.
    #[must_use]
    pub fn new(seed: u64, config: PairConfig) -> Self {
        let memory = memory(&config);
        config.client.check(&memory).expect("settings that fit");
        let mut client = Client::new(config.client.clone(), memory);
        client.activate(Consumer::Queue);
        let mut broker = Broker::new(config.broker.clone());
        let feeder = broker.open();
        let mut pair = Self {
            random: Random::new(seed),
            now: Instant::from_millis(1_000_000),
            client,
            out: Outbox::new(Storage::owned(config.outbox)),
            input: Vec::new(),
            skipped: 0,
            broker,
            accepted: 0,
            feeder,
            fed: 0,
            current: None,
            old: Vec::new(),
            writable: Instant::default(),
            is_dead: false,
            listens: true,
            held: Vec::new(),
            sessions: 0,
            wire: Wire::new(config.client.version),
            planted: Planted::new(config.plant),
            pending: BTreeSet::new(),
            streams: Vec::new(),
            left: BTreeSet::new(),
            stream_at: Instant::default(),
            incoming: None,
            read_at: Instant::default(),
            says_goodbye: false,
            log: Vec::new(),
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
            client_id: CLIENT_ID,
            clean_start: clean,
            keep_alive: self.config.keep_alive,
            properties: Properties::new(expiry.as_slice()),
            ..Connect::default()
        };
        let warning = self.client.connect(&connect, self.now)?;
        // What is still on its way on older connections is lost: an older CONNECT does not come
        // after a newer one.
        for old in &mut self.old {
            old.link = Link::new(0, LinkConfig::default());
        }
        let link = Link::new(self.random.next_u64(), self.config.link.clone());
        self.current = Some(Connection { link, conn: self.broker.open(), is_over: false });
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
        if let Ok(Published::Pending(_)) = done {
            self.pending.insert(tag.0);
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
        done
    }

    /// Disconnects the client in good order.
    ///
    /// # Errors
    /// What the client says.
    pub fn disconnect(&mut self) -> Result<(), OperationError> {
        self.note(|| "disconnect".to_owned());
        self.client.disconnect(ReasonCode::SUCCESS, None)?;
        self.says_goodbye = true;
        Ok(())
    }

    /// Lets the client give a publish up.
    pub fn give_up(&mut self, id: PacketId) -> bool {
        self.note(|| format!("give up #{id}"));
        let given_up = self.with_events(|client, tell| client.give_up(id, tell));
        if given_up {
            self.wire.retired();
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
            self.client.acknowledge(held.token, reason);
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

    /// Breaks the connection at a random point of what is in flight. The client may learn it at
    /// once or when all has arrived, the broker then or never.
    pub fn cut(&mut self) {
        let at_once = self.random.chance(50);
        let half_open = self.random.chance(20);
        let Some(connection) = &mut self.current else { return };
        if !half_open {
            connection.link.cut(self.now);
        }
        self.note(|| format!("cut, at once: {at_once}, half open: {half_open}"));
        if at_once || half_open {
            self.lose(false);
        }
    }

    /// From now on nothing arrives on this connection, and nobody is told.
    pub fn kill(&mut self) {
        self.is_dead = self.current.is_some();
        self.note(|| "the network is dead".to_owned());
    }

    /// The network is perfect from the next connection on; this one ends if it is dead.
    pub fn heal(&mut self) {
        self.note(|| "heal".to_owned());
        self.config.link = LinkConfig::default();
        self.config.partial_writes = false;
        if self.is_dead {
            self.lose(true);
        }
    }

    /// The broker loses all sessions.
    pub fn forget_session(&mut self) {
        self.note(|| "the broker forgets".to_owned());
        self.broker.forget_sessions();
        self.begin_feeding();
    }

    /// Lets everything happen that happens now.
    pub fn drive(&mut self) {
        for _ in 0..100_000 {
            let moved = self.client_turn() | self.broker_turn();
            if !moved || self.fault.is_some() {
                return self.check_reading();
            }
        }
        self.fail(Invariant::Rest, "one moment does not end".to_owned());
    }

    /// While reading has stopped there is something to take, or to write.
    fn check_reading(&mut self) {
        let takes = self.listens && self.held.is_empty() && self.incoming.is_none();
        let writes = self.writable <= self.now && self.streams.is_empty();
        if self.client.is_full() && self.client.is_connected() && takes && writes {
            let text = format!("nothing is read, and nothing is to be taken: {:?}", self.client);
            self.fail(Invariant::Rest, text);
        }
    }

    /// Lets everything happen that happens in that time.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.after(ms);
        for _ in 0..100_000 {
            self.drive();
            match self.next_moment() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => return self.now = end,
            }
            if self.fault.is_some() {
                return;
            }
        }
        self.fail(Invariant::Rest, format!("too much happens in {ms} ms"));
    }

    fn next_moment(&self) -> Option<Instant> {
        let current = self.current.as_ref().filter(|_| !self.is_dead);
        let links = current.into_iter().chain(&self.old);
        // What has arrived and is not read waits for the program.
        let arrivals = links.flat_map(|connection| connection.link.arrivals()).flatten();
        let arrivals = arrivals.filter(|at| *at > self.now);
        let writable = Some(self.writable).filter(|at| *at > self.now);
        let program = [self.streams_go_on(), self.reading_goes_on(), writable];
        let timers = [self.client.poll_timeout(), self.broker.poll_timeout()];
        let timers = timers.into_iter().chain(program);
        arrivals.chain(timers.flatten()).min()
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
    pub fn client(&self) -> &Client<'static> {
        &self.client
    }

    /// Whether nothing of the client's waits to leave or to be acknowledged.
    pub fn is_idle(&mut self) -> bool {
        self.client.is_idle()
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
        self.broker.sessions().into_iter().find(|session| session.client_id == CLIENT_ID)
    }

    /// Ends the last connection, and tells the bytes of the heap that the client keeps then.
    pub fn end(&mut self) -> usize {
        self.lose(true);
        self.client.release_memory();
        self.client.allocated_bytes()
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

fn memory(config: &PairConfig) -> Memory<'static> {
    let mut memory = Memory::heap(&config.client, config.outbox, config.outgoing, config.incoming);
    if config.lent {
        let lent = |len: usize| LogMemory::borrowed(vec![0; len].leak());
        memory.outgoing = lent(config.outgoing);
        memory.incoming = lent(config.incoming);
    }
    memory
}
