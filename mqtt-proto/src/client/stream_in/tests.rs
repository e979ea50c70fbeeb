//! What is counted of the incoming log is what a walk through it counts, whatever happens, and every
//! byte that is read is the right one.

use std::vec;
use std::vec::Vec;

use super::super::outgoing::qos;
use super::{Look, Ring, StreamKey, StreamsIn, flag, state};
use crate::client::{
    AckToken, Client, Config, Consumer, Event, Input, LogMemory, ManualAck, Memory, Overflow,
};
use crate::outbox::Outbox;
use crate::packet::{Connect, QoS, Version};
use crate::reason::ReasonCode;
use crate::storage::Storage;
use crate::time::Instant;

struct Reader {
    key: StreamKey,
    read: usize,
}

/// A client, its program, and chance.
struct Walk {
    client: Client<'static>,
    out: Outbox<'static>,
    now: u64,
    chance: u32,
    input: Vec<u8>,
    readers: Vec<Reader>,
    begun: Vec<(Consumer, AckToken)>,
    /// Bytes read, streams that were cut, and connections that had to end.
    seen: [usize; 3],
}

fn room(count: usize) -> Storage<'static, u8> {
    Storage::borrowed(vec![0; count].leak())
}

/// A PUBLISH whose payload says where each of its bytes lies.
fn publish(qos: u8, id: u8, len: usize) -> Vec<u8> {
    let remaining = len + if qos == 0 { 3 } else { 5 };
    let mut bytes = vec![0x30 | qos << 1, remaining as u8 | 0x80, (remaining >> 7) as u8];
    if remaining < 128 {
        bytes = vec![0x30 | qos << 1, remaining as u8];
    }
    bytes.extend([0, 1, b't']);
    if qos != 0 {
        bytes.extend([0, id]);
    }
    bytes.extend((0..len).map(|at| at as u8));
    bytes
}

impl Walk {
    fn new(config: Config, seed: u32) -> Self {
        let memory = Memory {
            outbox: room(128),
            outgoing: LogMemory::borrowed(vec![0; 100].leak()),
            incoming: LogMemory::borrowed(vec![0; 300].leak()),
            ..Memory::default()
        };
        config.check(&memory).unwrap();
        let client = Client::new(config, memory);
        let (out, input) = (Outbox::new(room(128)), Vec::new());
        let (readers, begun) = (Vec::new(), Vec::new());
        Self { client, out, now: 0, chance: seed, input, readers, begun, seen: [0; 3] }
    }

    fn below(&mut self, end: usize) -> usize {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.chance >> 16) as usize % end
    }

    fn consumer(&mut self) -> Consumer {
        if self.below(4) == 0 { Consumer::Callbacks } else { Consumer::Queue }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn step(&mut self) {
        let consumer = self.consumer();
        match self.below(16) {
            0 => self.client.activate(consumer),
            1 => self.client.deactivate(consumer),
            2 => self.lose(),
            3 => self.client.pass_streams(),
            4 => {
                let begun = self.client.begin(consumer).map(|token| (consumer, token));
                self.begun.extend(begun);
            }
            5 if !self.begun.is_empty() => {
                let at = self.below(self.begun.len());
                let (consumer, token) = self.begun.swap_remove(at);
                self.client.finish(consumer, token);
                let _ = self.client.acknowledge(token, ReasonCode::SUCCESS);
            }
            6 => {
                let key = self.client.begin_stream();
                self.readers.extend(key.map(|key| Reader { key, read: 0 }));
            }
            7 => self.end_reading(),
            8 => {
                self.now += self.below(150) as u64;
                let now = self.now();
                if self.client.handle_timeout(now, &mut |_| {}).is_err() {
                    self.seen[2] += 1;
                }
            }
            9 => self.transmit(),
            10 => self.receive_id(0x62),
            11 | 12 => self.read(),
            _ => self.receive(),
        }
        if self.client.is_closing() {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.client.handle_connection_lost(&mut |_| {});
        self.input.clear();
        let connect = Connect { client_id: "c", ..Connect::default() };
        let now = self.now();
        self.client.connect(&connect, now).unwrap();
        self.transmit();
        let present = u8::from(self.below(4) != 0);
        self.input.extend([0x20, 2, present, 0]);
        self.receive();
    }

    fn transmit(&mut self) {
        let now = self.now();
        if self.client.poll_transmit(&mut self.out, now, &mut |_| {}) {
            self.client.handle_transmitted(self.out.chunk().len(), now);
            self.out.clear();
        }
    }

    fn receive_id(&mut self, first: u8) {
        let id = self.below(4) as u8 + 1;
        if self.input.is_empty() {
            self.input.extend([first, 2, 0, id]);
        }
        self.receive();
    }

    /// The server sends a part of what it has to send.
    fn receive(&mut self) {
        if self.input.is_empty() {
            let len = if self.below(2) == 0 { self.below(60) } else { 100 + self.below(400) };
            let (qos, id) = (self.below(3) as u8, self.below(4) as u8 + 1);
            self.input = publish(qos, id, len);
        }
        let part = self.below(self.input.len()) + 1;
        let now = self.now();
        let mut tell = |_: Event<'_>| {};
        match self.client.handle_bytes(Input::new(&self.input[..part]), now, &mut tell) {
            Ok(handled) => drop(self.input.drain(..handled.used)),
            Err(_) => self.lose(),
        }
    }

    fn read(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let (at, len) = (self.below(self.readers.len()), self.below(70));
        let reader = &mut self.readers[at];
        let mut buffer = vec![0; len];
        match self.client.read_stream(reader.key, reader.read, &mut buffer) {
            Look::Bytes(taken) => {
                for byte in &buffer[..taken] {
                    assert_eq!(*byte, reader.read as u8);
                    reader.read += 1;
                }
                self.seen[0] += taken;
            }
            Look::Wait => {}
            Look::Lost | Look::Late => self.seen[1] += 1,
        }
    }

    fn end_reading(&mut self) {
        if self.readers.is_empty() {
            return;
        }
        let at = self.below(self.readers.len());
        let reader = self.readers.swap_remove(at);
        let token = self.client.stream_token(reader.key);
        if self.below(2) == 0 {
            let _ = self.client.leave_stream_in(reader.key, reader.read != 0);
            return;
        }
        self.client.finish_stream(reader.key);
        if let Some(token) = token {
            let _ = self.client.acknowledge(token, ReasonCode::SUCCESS);
        }
    }

    fn check(&self) {
        let incoming = &self.client.incoming;
        let (mut held, mut received, mut coming, mut at) = (0, 0, 0, 0);
        while let Some(record) = incoming.log.at(at) {
            at = record.end();
            held += u32::from(record.has(flag::NEEDS | flag::OPEN));
            received += u16::from(record.has(flag::LINK) && qos(&record) != QoS::AtMostOnce);
            if record.state == state::STREAM {
                assert!(!record.has(Consumer::Callbacks.needs()));
                let ring = Ring::get(incoming.log.data(&record));
                let comes = self.client.link.stream_in == Some(record.who);
                assert_eq!(comes, ring.left != 0 && ring.cut == 0);
                coming += u32::from(comes);
                assert!(!comes || ring.left == self.client.link.skip);
            }
        }
        assert_eq!((incoming.held, self.client.link.received), (held, received));
        assert_eq!(u32::from(self.client.link.stream_in.is_some()), coming);
        let open = self.client.coming().is_some_and(|record| record.has(flag::OPEN));
        assert_eq!(self.client.is_stream_open(), open);
    }
}

#[test]
fn what_is_counted_is_what_a_walk_through_the_log_counts() {
    let mut seen = [0; 3];
    for seed in 0..300 {
        let config = Config {
            version: Version::V311,
            receive_maximum: 3,
            queue_len: 5,
            maximum_packet_size: 90,
            streams_in: Some(StreamsIn::up_to(1000)),
            manual_ack: (seed & 1 != 0).then_some(ManualAck::ALL),
            overflow: if seed & 2 != 0 { Overflow::Wait } else { Overflow::DropOldest },
            response_time: 200,
            ..Config::default()
        };
        let mut walk = Walk::new(config, seed);
        walk.lose();
        for _ in 0..400 {
            walk.step();
            walk.check();
        }
        for (all, one) in seen.iter_mut().zip(walk.seen) {
            *all += one;
        }
    }
    let [bytes, cut, ended] = seen;
    assert!(bytes > 10_000 && cut > 100 && ended > 10, "much happens: {seen:?}");
}
