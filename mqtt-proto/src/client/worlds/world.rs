//! A client, an honest server, the wire between them, and all that may come next.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::ledger::Ledger;
use super::rules::Rules;
use super::server::Server;
use super::settings::Settings;
use super::wire::Wire;
use crate::client::event::{Event, Fate, Tag};
use crate::client::incoming::Consumer;
use crate::client::manual_ack::ManualAck;
use crate::client::message::Message;
use crate::client::publish::Published;
use crate::client::stored::AckToken;
use crate::client::{Client, Config, LogMemory, Memory};
use crate::outbox::Outbox;
use crate::packet::{Connect, QoS, Subscription, SubscriptionOptions};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::storage::Storage;
use crate::time::Instant;
use crate::topic::TopicName;
use crate::wire::PacketId;

/// A step of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The program connects, with Clean Start or not.
    Connect(bool),
    Publish,
    Subscribe,
    /// Somebody publishes what the client has subscribed to.
    Feed,
    /// The transport takes the next packet, or the first byte of one.
    Write,
    WriteByte,
    /// The next packet arrives.
    ToServer,
    ToClient,
    /// The connection is lost, with all that is on its way. That one end learns it late looks to the
    /// client as if more had arrived before.
    Lose,
    /// The next deadline passes.
    Time,
    /// The server forgets the session.
    Forget,
    /// The program gives that message up.
    GiveUp(u8),
    /// It takes a message, and is done with that one.
    Take,
    Acknowledge(u8),
    Disconnect,
}

/// How often what is counted has happened.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Done {
    connections: u8,
    halves: u8,
    times: u8,
    losses: u8,
    give_ups: u8,
    disconnects: u8,
}

/// Bytes of lent memory for what goes out and what comes in.
pub(super) const LENT: [usize; 2] = [64, 64];

/// The first mark of a request; messages have those before it.
const REQUESTS: u32 = 100;

#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) settings: Settings,
    pub(super) client: Client<'a>,
    pub(super) out: Outbox<'a>,
    pub(super) now: Instant,
    pub(super) wire: Option<Wire>,
    pub(super) server: Server,
    pub(super) ledger: Ledger,
    pub(super) rules: Rules,
    /// Messages that the program has taken, and not acknowledged.
    pub(super) held: Vec<(AckToken, u8)>,
    done: Done,
}

/// What the client tells.
enum Told {
    Ended(Tag, Fate),
    Answered(Tag),
    Connected { present: bool, adopted: bool },
}

fn own(event: &Event<'_>) -> Option<Told> {
    match event {
        Event::Done { tag, fate } => Some(Told::Ended(*tag, *fate)),
        Event::Answered(answer) => Some(Told::Answered(answer.tag)),
        Event::Connected(connected) => {
            Some(Told::Connected { present: connected.session_present, adopted: connected.adopted })
        }
        _ => None,
    }
}

fn config(settings: &Settings) -> Config {
    Config {
        version: settings.version,
        receive_maximum: 2,
        strict: true,
        send_window: settings.window,
        in_flight: 4,
        queue_len: 4,
        manual_ack: settings.manual.then_some(ManualAck::ALL),
        maximum_packet_size: 40,
        topic_alias_maximum: 0,
        max_repubs: 0,
        republish: settings.republish[0],
        republish_exactly_once: settings.republish[1],
        ..Config::default()
    }
}

impl<'a> World<'a> {
    pub(super) fn new(settings: Settings, outgoing: &'a mut [u8], incoming: &'a mut [u8]) -> Self {
        let config = config(&settings);
        let (outgoing, incoming) = match settings.lent {
            true => (LogMemory::borrowed(outgoing), LogMemory::borrowed(incoming)),
            false => (LogMemory::owned(1000), LogMemory::owned(1000)),
        };
        let (outbox, aliases) = (Storage::owned(256), Storage::default());
        let memory = Memory { outbox, outgoing, incoming, aliases };
        config.check(&memory).unwrap();
        let mut client = Client::new(config, memory);
        client.activate(Consumer::Queue);
        client.outgoing.last_id = settings.last_id;
        let mut server = Server::new(settings.version, settings.window, settings.last_id);
        if settings.adopts {
            server.remember(&[1, 2]);
        }
        let ledger = Ledger::new(settings.republish);
        Self {
            rules: Rules::new(settings.version, settings.window),
            settings,
            client,
            out: Outbox::new(Storage::owned(256)),
            now: Instant::from_millis(1_000_000),
            wire: None,
            server,
            ledger,
            held: Vec::new(),
            done: Done::default(),
        }
    }

    /// All that may come next.
    pub(super) fn choices(&mut self) -> Vec<Op> {
        let (settings, done) = (self.settings, self.done);
        let mut choices = Vec::new();
        let mut may = |op, on: bool| choices.extend(on.then_some(op));
        let published = self.ledger.out.len();
        may(Op::Publish, published < settings.out.len());
        let asked = self.ledger.requests.len() < usize::from(settings.requests);
        may(Op::Subscribe, asked && self.client.is_connected());
        let fed = self.ledger.inward.len();
        may(Op::Feed, fed < settings.inward.len() && self.server.session.is_some());
        let writes = !self.out.is_empty() || self.client.wants_transmit();
        may(Op::Time, done.times < settings.times && self.client.poll_timeout().is_some());
        may(Op::Forget, done.losses < settings.losses && self.server.session.is_some());
        may(Op::Take, self.client.next(Consumer::Queue).is_some());
        let disconnects = done.disconnects < settings.disconnects;
        may(Op::Disconnect, disconnects && self.client.is_connected());
        match &self.wire {
            None if done.connections < settings.connections => {
                may(Op::Connect(false), true);
                may(Op::Connect(true), settings.cleans);
            }
            None => {}
            Some(wire) => {
                may(Op::Write, writes);
                let half = done.halves < settings.halves && wire.partial.is_empty();
                may(Op::WriteByte, writes && half);
                may(Op::ToServer, !wire.to_server.is_empty());
                may(Op::ToClient, !wire.to_client.is_empty());
                may(Op::Lose, true);
            }
        }
        if done.give_ups < settings.give_ups {
            let open = (0..published as u8).filter(|number| self.ledger.is_open(*number));
            choices.extend(open.map(Op::GiveUp));
        }
        choices.extend((0..self.held.len() as u8).map(Op::Acknowledge));
        choices
    }

    pub(super) fn step(&mut self, op: Op) -> Result<(), String> {
        match op {
            Op::Connect(clean) => self.connect(clean),
            Op::Publish => self.publish(),
            Op::Subscribe => self.subscribe(),
            Op::Feed => {
                let qos = qos(self.settings.inward[self.ledger.inward.len()]);
                let number = self.ledger.inward.len() as u8;
                if self.server.feed(number, qos) {
                    self.ledger.fed(qos, self.server.births);
                    self.carry();
                }
            }
            Op::Write => drop(self.write(usize::MAX)?),
            Op::WriteByte => {
                self.done.halves += 1;
                self.write(1)?;
            }
            Op::ToServer => return self.arrive_there(),
            Op::ToClient => return self.arrive_here(),
            Op::Lose => return self.lose(),
            Op::Time => {
                self.done.times += 1;
                return self.pass_time();
            }
            Op::Forget => {
                self.done.losses += 1;
                self.lose_server();
                self.server.session = None;
            }
            Op::GiveUp(number) => return self.give_up(number),
            Op::Take => return self.take(),
            Op::Acknowledge(which) => self.acknowledge(usize::from(which)),
            Op::Disconnect => {
                self.done.disconnects += 1;
                let _ = self.client.disconnect(ReasonCode::SUCCESS, None);
            }
        }
        Ok(())
    }

    pub(super) fn connect(&mut self, clean: bool) {
        let connect = Connect { clean_start: clean, client_id: "c", ..Connect::default() };
        self.client.connect(&connect, self.now).unwrap();
        self.done.connections += 1;
        self.ledger.cleans += u8::from(clean);
        self.wire = Some(Wire { is_served: true, ..Wire::default() });
    }

    fn publish(&mut self) {
        let number = self.ledger.out.len();
        let qos = qos(self.settings.out[number]);
        let payload = [number as u8];
        let message = Message::new(TopicName::new("t").unwrap(), &payload).qos(qos);
        match self.client.publish(&message, Tag(number as u32), self.now) {
            Ok(Published::Pending(_)) => self.ledger.published(qos, self.server.births),
            // There is no room now; QoS 0 is not in these worlds.
            Ok(Published::Left) | Err(_) => {}
        }
    }

    fn subscribe(&mut self) {
        let options = SubscriptionOptions::new(QoS::ExactlyOnce);
        let subscription = Subscription { filter: "t".try_into().unwrap(), options };
        let tag = Tag(REQUESTS + self.ledger.requests.len() as u32);
        if self.client.subscribe(&[subscription], Properties::NONE, tag).is_ok() {
            self.ledger.requests.push(0);
        }
    }

    /// Does what may tell events, and hears them.
    pub(super) fn with_events<T>(
        &mut self,
        act: impl FnOnce(&mut Self, &mut dyn FnMut(Event<'_>)) -> T,
    ) -> Result<T, String> {
        let mut told = Vec::new();
        let done = act(self, &mut |event| told.extend(own(&event)));
        for told in told {
            match told {
                Told::Ended(tag, _) if tag.0 >= REQUESTS => self.end_request(tag)?,
                Told::Answered(tag) => self.end_request(tag)?,
                Told::Ended(tag, fate) => {
                    self.ledger.ended(tag.0 as u8, fate, self.server.births)?;
                }
                Told::Connected { present, adopted } => {
                    self.ledger.connected(self.server.births, present, adopted);
                    if adopted {
                        self.rules.adopt();
                    }
                }
            }
        }
        Ok(done)
    }

    fn end_request(&mut self, tag: Tag) -> Result<(), String> {
        let ends = &mut self.ledger.requests[(tag.0 - REQUESTS) as usize];
        *ends += 1;
        if *ends == 1 { Ok(()) } else { Err(format!("{tag:?} ends twice")) }
    }

    pub(super) fn pass_time(&mut self) -> Result<(), String> {
        if let Some(at) = self.client.poll_timeout() {
            self.now = self.now.max(at);
        }
        // That a deadline passes is a fault of nobody's here.
        let _ = self.with_events(|world, tell| world.client.handle_timeout(world.now, tell))?;
        Ok(())
    }

    fn give_up(&mut self, number: u8) -> Result<(), String> {
        self.done.give_ups += 1;
        let tag = u32::from(number);
        let record = self.client.outgoing.log.search(|record| record.who == tag);
        let record = record.ok_or_else(|| format!("message {number} is open, and not there"))?;
        let id = PacketId::new(record.id).ok_or("no identifier")?;
        self.ledger.out[usize::from(number)].given_up = true;
        self.rules.given_up(number);
        let done = self.with_events(|world, tell| world.client.give_up(id, tell))?;
        let open = self.ledger.is_open(number);
        if done && !open { Ok(()) } else { Err(format!("message {number} is not given up")) }
    }

    pub(super) fn take(&mut self) -> Result<(), String> {
        let message = self.client.next(Consumer::Queue).ok_or("nothing to take")?;
        let number = message.payload()[0];
        // Where memory is short, identifiers give way to messages: those may come again.
        let forgets = self.client.counts.forgotten != 0;
        self.ledger.delivered(number, self.settings.manual, forgets)?;
        if let Some(token) = self.client.begin(Consumer::Queue) {
            if self.settings.manual {
                self.client.finish(Consumer::Queue, token);
            }
            self.held.push((token, number));
        }
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, which: usize) {
        let (token, number) = self.held.remove(which);
        let known = self.client.incoming.find(token).is_some();
        self.ledger.acknowledged(number, known || !self.settings.manual);
        match self.settings.manual {
            true => drop(self.client.acknowledge(token, ReasonCode::SUCCESS)),
            false => self.client.finish(Consumer::Queue, token),
        }
    }

    /// What holds in every state.
    pub(super) fn judge(&self) -> Result<(), String> {
        self.client.judge_counts()
    }

    /// All that the world holds beside the client, for its print.
    pub(super) fn hash_around(&self, into: &mut impl core::hash::Hasher) {
        use core::hash::Hash;
        (&self.wire, &self.server, &self.ledger, &self.rules, self.done).hash(into);
        self.out.chunk().hash(into);
    }
}

fn qos(bits: u8) -> QoS {
    QoS::from_bits(bits).unwrap()
}
