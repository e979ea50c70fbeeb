//! A client under test, its transport, its clock, and the server's side played by hand.
//!
//! What the client sends and reports is shown as short lines of text, so that a story reads as one:
//! `PUBLISH dup q1 #3 topic payload`, `message q1 topic payload`, `published 7 0x00`.

use std::collections::VecDeque;

use mqtt_as_proto::client::{
    Acknowledged, Aliases, ConnectionError, Consumer, Input, LogMemory, Lost, ManualAck,
    OperationError, Published, Stop, Tag, Tell, Warning,
};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{
    Ack, ConnAck, Connect, Delivery, Publish, SubAck, SubscriptionOptions,
};
use mqtt_as_proto::packet::{Disconnect, Subscription};
use mqtt_as_proto::wire::Writer;
use mqtt_as_proto::{
    AckToken, Client, Config, Event, Instant, Memory, Outbox, Packet, PacketId, Properties,
    Property, QoS, ReasonCode, Storage, TopicName, Version,
};

pub(crate) use mqtt_as_proto::client::Message;

use crate::lines::{show_event, show_message, show_packet};

pub(crate) const BOTH: [Version; 2] = [Version::V311, Version::V5];

/// Room from the heap that is never given back: it works without the feature `alloc` too.
pub(crate) fn room<T: Clone + Default>(count: usize) -> Storage<'static, T> {
    Storage::borrowed(vec![T::default(); count].leak())
}

/// Small numbers, so that limits are reached soon.
pub(crate) fn config(version: Version) -> Config {
    Config {
        version,
        receive_maximum: 4,
        queue_len: 8,
        maximum_packet_size: 1024,
        in_flight: 40,
        // What was received is acknowledged when the story takes it.
        manual_ack: Some(ManualAck::ALL),
        ..Config::default()
    }
}

/// An outbox of so many bytes, and so many for messages on their way out.
pub(crate) fn memory(outbox: usize, outgoing: usize) -> Memory<'static> {
    let aliases = Aliases::new(log(4 * (1024 + 16)), log(4 * (1024 + 16)));
    Memory {
        outbox: room(outbox),
        outgoing: log(outgoing),
        incoming: log(8 * (1024 + 16)),
        aliases: Storage::borrowed(vec![aliases].leak()),
    }
}

pub(crate) fn log(bytes: usize) -> LogMemory<'static> {
    LogMemory::borrowed(vec![0; bytes].leak())
}

pub(crate) fn encode(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut bytes = vec![0; packet.encoded_len(version).unwrap()];
    packet.encode(version, &mut Writer::new(&mut bytes)).unwrap();
    bytes
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName<'_> {
    TopicName::new(name).unwrap()
}

pub(crate) fn qos(qos: u8) -> QoS {
    QoS::from_bits(qos).unwrap()
}

/// A PUBLISH of the server.
pub(crate) fn incoming<'a>(qos_: u8, id_: u16, name: &'a str, payload: &'a str) -> Publish<'a> {
    let id = PacketId::new(id_).unwrap_or(PacketId::MIN);
    let publish = Publish::new(topic(name), payload.as_bytes());
    Publish { delivery: Delivery::new(qos(qos_), id), ..publish }
}

pub(crate) fn dup(publish: Publish<'_>) -> Publish<'_> {
    Publish { dup: true, ..publish }
}

pub(crate) fn ack(id_: u16) -> Ack<'static> {
    Ack::new(id(id_), ReasonCode::SUCCESS)
}

pub(crate) fn nack(id_: u16, reason: u8) -> Ack<'static> {
    Ack::new(id(id_), ReasonCode::from_u8(reason))
}

pub(crate) struct Peer {
    pub(crate) client: Client<'static>,
    out: Outbox<'static>,
    pub(crate) version: Version,
    pub(crate) now: Instant,
    pub(crate) keep_alive: u16,
    /// Messages received and not taken.
    pub(crate) tokens: VecDeque<AckToken>,
    /// The program asks for no messages.
    pub(crate) deaf: bool,
    /// The transport takes nothing.
    pub(crate) stuck: bool,
    /// Times that the transport was given something.
    pub(crate) writes: usize,
    input: Vec<u8>,
    written: Vec<u8>,
    events: Vec<String>,
}

impl Peer {
    pub(crate) fn new(version: Version) -> Self {
        Self::with(config(version))
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::in_memory(config, memory(16 * 1024, 25_000), 16 * 1024)
    }

    pub(crate) fn in_memory(config: Config, memory: Memory<'static>, outbox: usize) -> Self {
        let version = config.version;
        config.check(&memory).unwrap();
        let mut client = Client::new(config, memory);
        client.activate(Consumer::Queue);
        Self {
            version,
            client,
            out: Outbox::new(room(outbox)),
            now: Instant::from_millis(1_000_000),
            keep_alive: 0,
            tokens: VecDeque::new(),
            deaf: false,
            stuck: false,
            writes: 0,
            input: Vec::new(),
            written: Vec::new(),
            events: Vec::new(),
        }
    }

    /// A client that is connected, its CONNECT and CONNACK out of sight.
    pub(crate) fn connected(version: Version) -> Self {
        Self::connected_with(config(version))
    }

    pub(crate) fn connected_with(config: Config) -> Self {
        let mut peer = Self::with(config);
        peer.connect(false, &[]);
        peer
    }

    /// CONNECT to keep the session, CONNACK with those properties.
    pub(crate) fn connect(&mut self, present: bool, properties: &[Property<'_>]) -> Vec<String> {
        self.begin(false);
        self.accept(present, properties)
    }

    /// CONNECT.
    pub(crate) fn begin(&mut self, clean_start: bool) -> Option<Warning> {
        let keep_alive = self.keep_alive;
        let connect = Connect { clean_start, keep_alive, client_id: "c", ..Connect::default() };
        let warning = self.client.connect(&connect, self.now).unwrap();
        self.sent();
        warning
    }

    pub(crate) fn accept(&mut self, present: bool, properties: &[Property<'_>]) -> Vec<String> {
        self.send(&connack(present, properties))
    }

    /// The connection is gone, with all that was not written.
    pub(crate) fn lose(&mut self) -> Lost {
        self.out.clear();
        self.written.clear();
        self.input.clear();
        self.stuck = false;
        let events = &mut self.events;
        self.client.handle_connection_lost(&mut |event| events.push(show_event(event)))
    }

    /// The connection is gone, and the next one stands.
    pub(crate) fn reconnect(&mut self, present: bool) -> Vec<String> {
        self.lose();
        self.connect(present, &[])
    }

    /// The server sends a packet; gives all events since the last ones.
    pub(crate) fn send(&mut self, packet: &Packet<'_>) -> Vec<String> {
        self.try_send(packet).unwrap()
    }

    pub(crate) fn try_send(&mut self, packet: &Packet<'_>) -> Result<Vec<String>, ConnectionError> {
        self.send_bytes(&encode(packet, self.version))
    }

    pub(crate) fn message(&mut self, publish: Publish<'_>) -> Vec<String> {
        self.send(&Packet::Publish(publish))
    }

    /// The server sends bytes.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Result<Vec<String>, ConnectionError> {
        self.input.extend_from_slice(bytes);
        self.read()?;
        Ok(self.events())
    }

    /// Handles what came until it takes more bytes, or has to write first; tells which.
    pub(crate) fn read(&mut self) -> Result<bool, ConnectionError> {
        Ok(self.read_on()?.is_some())
    }

    /// The same; tells why it stopped.
    pub(crate) fn read_on(&mut self) -> Result<Option<Stop>, ConnectionError> {
        let events = &mut self.events;
        let mut tell = |event: Event<'_>| events.push(show_event(event));
        let handled = self.client.handle_bytes(Input::new(&self.input), self.now, &mut tell);
        self.take_up();
        let handled = handled?;
        self.input.drain(..handled.used);
        Ok(handled.stop)
    }

    /// The program sees the messages that came; it keeps those that it has to acknowledge.
    fn take_up(&mut self) {
        while let Some(message) = self.client.next(Consumer::Queue).filter(|_| !self.deaf) {
            self.events.push(show_message(&message.publish().unwrap()));
            self.tokens.extend(self.client.begin(Consumer::Queue));
        }
    }

    /// Bytes that came and wait for the transport to write.
    pub(crate) fn unread(&self) -> usize {
        self.input.len()
    }

    pub(crate) fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// The program takes the oldest message.
    pub(crate) fn take(&mut self) -> Acknowledged {
        let token = self.tokens.pop_front().unwrap();
        self.acknowledge(token, ReasonCode::SUCCESS)
    }

    /// The program has dealt with that message.
    pub(crate) fn acknowledge(&mut self, token: AckToken, reason: ReasonCode) -> Acknowledged {
        self.client.finish(Consumer::Queue, token);
        self.client.acknowledge(token, reason)
    }

    fn poll_transmit(&mut self) -> bool {
        let events = &mut self.events;
        self.client
            .poll_transmit(&mut self.out, self.now, &mut |event| events.push(show_event(event)))
    }

    /// The transport is given what there is, and takes nothing of it.
    pub(crate) fn offer(&mut self) {
        assert!(self.poll_transmit());
    }

    /// The transport takes `n` bytes of what there is.
    pub(crate) fn write(&mut self, mut n: usize) -> usize {
        let before = n;
        while n != 0 && !self.stuck {
            if self.out.is_empty() && !self.poll_transmit() {
                break;
            }
            let chunk = self.out.chunk();
            let len = chunk.len().min(n);
            self.written.extend_from_slice(&chunk[..len]);
            self.out.advance(len);
            self.client.handle_transmitted(len, self.now);
            self.writes += 1;
            n -= len;
        }
        before - n
    }

    /// What more the client gives to write.
    pub(crate) fn write_on(&mut self) -> usize {
        self.out.clear();
        self.write(usize::MAX)
    }

    /// The same as bytes.
    pub(crate) fn raw(&mut self) -> Vec<u8> {
        self.write(usize::MAX);
        std::mem::take(&mut self.written)
    }

    /// The transport takes everything; gives what it was.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.write(usize::MAX);
        let written = std::mem::take(&mut self.written);
        let mut rest = written.as_slice();
        let mut packets = Vec::new();
        while let Some((frame, after)) = Frame::split(rest).unwrap() {
            let packet = Packet::decode(frame, self.version).unwrap();
            packets.push(show_packet(&packet));
            rest = after;
        }
        assert!(rest.is_empty(), "a packet was begun and not ended");
        packets
    }

    /// Time passes, in steps from deadline to deadline.
    pub(crate) fn advance(&mut self, ms: u64) -> Result<(), ConnectionError> {
        let end = self.now.after(ms);
        for _ in 0..1000 {
            let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(at);
            self.timeout()?;
            self.write(usize::MAX);
        }
        panic!("the deadlines do not move on");
    }

    /// The moment of a deadline has come.
    pub(crate) fn timeout(&mut self) -> Result<(), ConnectionError> {
        let events = &mut self.events;
        self.client.handle_timeout(self.now, &mut |event| events.push(show_event(event)))
    }

    /// Does what may tell events.
    pub(crate) fn with_events<T>(
        &mut self,
        act: impl FnOnce(&mut Client<'static>, Tell<'_>) -> T,
    ) -> T {
        let events = &mut self.events;
        act(&mut self.client, &mut |event| events.push(show_event(event)))
    }

    /// A program ends a publish that is not acknowledged.
    pub(crate) fn give_up(&mut self, id_: u16) -> bool {
        self.with_events(|client, tell| client.give_up(id(id_), tell))
    }

    /// A program ends all of them.
    pub(crate) fn give_up_all(&mut self) {
        self.with_events(|client, tell| client.give_up_all(tell));
    }

    pub(crate) fn publish(&mut self, qos_: u8, payload: &str, tag: u32) -> Published {
        self.try_publish(qos_, payload, tag).unwrap()
    }

    pub(crate) fn try_publish(
        &mut self,
        qos_: u8,
        payload: &str,
        tag: u32,
    ) -> Result<Published, OperationError> {
        let message = Message::new(topic("t"), payload).qos(qos(qos_));
        self.client.publish(&message, Tag(tag), self.now)
    }

    pub(crate) fn subscribe(&mut self, filter: &str, tag: u32) -> Result<PacketId, OperationError> {
        let options = SubscriptionOptions::new(QoS::AtLeastOnce);
        let subscription = Subscription { filter: filter.try_into().unwrap(), options };
        self.client.subscribe(&[subscription], Properties::NONE, Tag(tag))
    }
}

pub(crate) fn connack<'a>(present: bool, properties: &'a [Property<'a>]) -> Packet<'a> {
    Packet::ConnAck(ConnAck {
        session_present: present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(properties),
    })
}

pub(crate) fn suback(id_: u16, codes: &[u8]) -> Packet<'_> {
    Packet::SubAck(SubAck { id: id(id_), properties: Properties::NONE, codes })
}

pub(crate) fn disconnect(reason: u8) -> Packet<'static> {
    let reason = ReasonCode::from_u8(reason);
    Packet::Disconnect(Disconnect { reason, properties: Properties::NONE })
}
