//! What is counted of the outgoing log is what a walk through it counts, whatever happens.

use std::vec;

use super::{flag, state};
use crate::client::{Client, Config, Event, Input, LogMemory, Memory, Message, Tag};
use crate::outbox::Outbox;
use crate::packet::{Connect, QoS, Version};
use crate::storage::Storage;
use crate::time::Instant;
use crate::topic::TopicName;
use crate::wire::PacketId;

/// A client, and chance.
struct Walk {
    client: Client<'static>,
    out: Outbox<'static>,
    now: Instant,
    chance: u32,
    told: u32,
    /// Records that were over for their callers, and interrupted ones.
    seen: (u32, u32),
}

impl Walk {
    fn new(config: Config, seed: u32) -> Self {
        let memory = Memory {
            outbox: room(256),
            outgoing: LogMemory::borrowed(vec![0; 400].leak()),
            incoming: LogMemory::borrowed(vec![0; 600].leak()),
            ..Memory::default()
        };
        config.check(&memory).unwrap();
        let client = Client::new(config, memory);
        let (out, now) = (Outbox::new(room(256)), Instant::from_millis(0));
        Self { client, out, now, chance: seed, told: 0, seen: (0, 0) }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.chance >> 16) % end
    }

    fn tag(&mut self) -> Tag {
        Tag(self.below(4))
    }

    fn qos(&mut self) -> QoS {
        QoS::from_bits(self.below(3) as u8).unwrap()
    }

    /// The server sends that.
    fn receive(&mut self, bytes: &[u8]) {
        let told = &mut self.told;
        let mut tell = |_: Event<'_>| *told += 1;
        let _ = self.client.handle_bytes(Input::new(bytes), self.now, &mut tell);
    }

    fn step(&mut self) {
        let topic = TopicName::new("t").unwrap();
        let (tag, qos, number) = (self.tag(), self.qos(), self.below(8) as u8 + 1);
        let message = Message::new(topic, "some text").qos(qos);
        let (kind, bit, now) = (self.below(24), u8::from(self.below(4) != 0), self.now);
        let told = &mut self.told;
        let mut tell = |_: Event<'_>| *told += 1;
        let client = &mut self.client;
        match kind {
            0 => _ = client.publish(&message, tag, now),
            1 | 2 => _ = client.open_stream(&message, u32::from(number), tag, now),
            13..=16 => {
                let open = client.link.stream_out.map(|stream| (stream.tag, stream.left));
                let (tag, left) = open.unwrap_or((tag, 8));
                let bytes = vec![0; left as usize];
                _ = client.write_stream(tag, &bytes, now);
            }
            5 => _ = client.stop_stream(tag, &mut tell),
            6 => _ = client.leave_stream(tag, &mut tell),
            7 => _ = client.give_up(PacketId::new(number.into()).unwrap(), &mut tell),
            8 => _ = client.handle_connection_lost(&mut tell),
            3 | 4 | 9 => {
                let connect = Connect { client_id: "c", ..Connect::default() };
                let _ = client.connect(&connect, now);
                self.transmit(1000);
                self.receive(&[0x20, 2, bit, 0]);
            }
            10 => self.receive(&[0x40, 2, 0, number]),
            11 => self.receive(&[0x50, 2, 0, number]),
            12 => self.receive(&[0x70, 2, 0, number]),
            _ => {
                let most = if number == 1 { self.below(40) } else { 1000 };
                self.transmit(most);
            }
        }
        if self.client.is_closing() {
            let told = &mut self.told;
            let _ = self.client.handle_connection_lost(&mut |_| *told += 1);
        }
    }

    fn transmit(&mut self, most: u32) {
        let told = &mut self.told;
        if !self.client.poll_transmit(&mut self.out, self.now, &mut |_| *told += 1) {
            return;
        }
        let len = self.out.chunk().len().min(most as usize);
        self.client.handle_transmitted(len, self.now);
        self.out.clear();
        if len < most as usize {
            return;
        }
        // It took a part only, and breaks.
        let _ = self.client.handle_connection_lost(&mut |_| *told += 1);
    }

    fn check(&mut self) {
        let (mut retired, mut releases, mut counted, mut qos0, mut count) = (0, 0, 0, 0, 0);
        let mut at = 0;
        while let Some(record) = self.client.outgoing.log.at(at) {
            at = record.end();
            count += 1;
            let interrupted = record.state == state::INTERRUPTED;
            retired += u32::from(record.has(flag::RETIRED) || interrupted);
            self.seen.0 += u32::from(record.has(flag::RETIRED));
            self.seen.1 += u32::from(interrupted);
            releases += u16::from(record.state == state::RELEASE);
            counted += u16::from(record.has(flag::COUNTED));
            let waits = record.state == state::WAITING;
            qos0 += u16::from(waits && record.flags & flag::QOS == 0);
            assert!(!(record.has(flag::STREAM) && waits), "a stream never waits");
        }
        let outgoing = &self.client.outgoing;
        assert_eq!((outgoing.log.count(), outgoing.retired), (count, retired));
        assert_eq!(outgoing.waiting_qos0, qos0);
        assert_eq!(self.client.pending(), count - retired);
        if self.client.is_connected() {
            assert_eq!((outgoing.releases, self.client.link.outstanding), (releases, counted));
        }
    }
}

fn room<T: Default + Clone>(count: usize) -> Storage<'static, T> {
    Storage::borrowed(vec![T::default(); count].leak())
}

#[test]
fn what_is_counted_is_what_a_walk_through_the_log_counts() {
    let mut seen = (0, 0, 0);
    for seed in 0..200 {
        let config = Config {
            version: Version::V311,
            in_flight: 6,
            send_window: 3,
            maximum_packet_size: 500,
            republish_exactly_once: seed & 1 != 0,
            republish: seed & 2 != 0,
            ..Config::default()
        };
        let mut walk = Walk::new(config, seed);
        for _ in 0..400 {
            walk.step();
            walk.check();
        }
        seen = (seen.0 + walk.told, seen.1 + walk.seen.0, seen.2 + walk.seen.1);
    }
    assert!(seen.0 > 5000 && seen.1 > 1000 && seen.2 > 1000, "much happens: {seen:?}");
}
