//! Messages that are claimed where they come, and what becomes of them.

use std::collections::BTreeMap;

use mqtt_as_proto::client::{Claim, Consumer, Input, Memory, Offered, Overflow};
use mqtt_as_proto::packet::{ConnAck, Connect, Packet};
use mqtt_as_proto::{Client, Config, Event, Instant, Outbox, Version};

use crate::peer::{BOTH, encode, incoming};

/// A client that offers its messages, and what was claimed of them, in order.
struct Claiming {
    client: Client<'static>,
    version: Version,
    now: Instant,
    claimed: Vec<(Claim, String)>,
    moved: u32,
    /// What becomes of the next ones.
    offered: Offered,
}

impl Claiming {
    fn new(config: Config, incoming_bytes: usize) -> Self {
        let version = config.version;
        let memory = Memory::heap(&config, 16 * 1024, 16 * 1024, incoming_bytes);
        let mut client = Client::new(config, memory);
        client.offer_messages();
        let mut this = Self {
            client,
            version,
            now: Instant::from_millis(1),
            claimed: Vec::new(),
            moved: 0,
            offered: Offered::Claimed,
        };
        this.connect(false);
        this
    }

    fn connect(&mut self, session_present: bool) {
        let connect = Connect { client_id: "c", version: self.version, ..Connect::default() };
        self.client.connect(&connect, self.now).expect("a packet");
        let ack = ConnAck { session_present, ..ConnAck::default() };
        self.receive(&Packet::ConnAck(ack)).expect("a connection");
        self.sent();
    }

    /// What comes; whether it was taken in.
    fn receive(&mut self, packet: &Packet<'_>) -> Option<bool> {
        let (bytes, claimed, offered) =
            (encode(packet, self.version), &mut self.claimed, self.offered);
        let mut tell = |event: Event<'_>| {
            if let Event::Arrived(arrival) = event {
                arrival.offered.set(offered);
                if offered == Offered::Claimed {
                    let payload = String::from_utf8_lossy(arrival.stored.payload());
                    claimed.push((arrival.claim, payload.into_owned()));
                }
            }
        };
        let handled = self.client.handle_bytes(Input::new(&bytes), self.now, &mut tell).ok()?;
        Some(handled.used == bytes.len())
    }

    fn message(&mut self, qos: u8, id: u16, payload: &str) -> bool {
        self.receive(&Packet::Publish(incoming(qos, id, "t", payload))).expect("no fault")
    }

    /// Everything that was claimed is found where it lies now; what is not there is forgotten.
    fn locate(&mut self) {
        if self.moved != self.client.claims_moved() {
            self.moved = self.client.claims_moved();
            let mut found = BTreeMap::new();
            self.client.locate_claims(|claim| {
                found.insert(claim.serial, claim);
            });
            self.claimed.retain_mut(|(claim, _)| {
                let there = found.get(&claim.serial);
                there.inspect(|there| *claim = **there).is_some()
            });
        }
    }

    /// Takes the claimed message at that place in their order.
    fn take(&mut self, place: usize) -> String {
        self.locate();
        let (claim, payload) = self.claimed.remove(place);
        let stored = self.client.claimed(claim).expect("it is there");
        assert_eq!(stored.payload(), payload.as_bytes(), "it is found by its claim");
        self.client.finish_claimed(claim);
        assert!(self.client.claimed(claim).is_none(), "it is over");
        payload
    }

    /// The bytes that the client sends.
    fn sent(&mut self) -> Vec<u8> {
        let mut out = Outbox::new(mqtt_as_proto::Storage::owned(64 * 1024));
        let mut sent = Vec::new();
        while self.client.poll_transmit(&mut out, self.now, &mut |_| {}) {
            while !out.is_empty() {
                let len = out.chunk().len();
                sent.extend_from_slice(out.chunk());
                out.advance(len);
                self.client.handle_transmitted(len, self.now);
            }
        }
        sent
    }

    fn lose(&mut self) {
        let _ = self.client.handle_connection_lost(&mut |_| {});
    }

    fn queue(&mut self) -> Option<String> {
        let stored = self.client.next(Consumer::Queue)?;
        let payload = String::from_utf8_lossy(stored.payload()).into_owned();
        assert!(self.client.take(Consumer::Queue, |_| true));
        Some(payload)
    }
}

fn config(version: Version) -> Config {
    Config { version, ..Config::default() }
}

const ACKNOWLEDGED: [u8; 4] = [0x40, 2, 0, 1];

#[test]
fn no_consumer_gets_what_is_claimed_and_it_is_acknowledged_when_it_is_finished() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 4096);
        peer.client.activate(Consumer::Queue);
        peer.client.activate(Consumer::Callbacks);
        assert!(peer.message(1, 1, "claimed"));
        assert!(peer.message(0, 0, "also"));
        assert_eq!(peer.queue(), None);
        assert!(peer.client.next(Consumer::Callbacks).is_none());
        assert!(peer.sent().is_empty());
        assert_eq!(peer.take(1), "also");
        assert_eq!(peer.take(0), "claimed");
        assert_eq!(peer.sent(), ACKNOWLEDGED);
        assert_eq!(peer.client.held_bytes().1, 0);
    }
}

// 3.1.1 [MQTT-3.3.2-3] [MQTT-4.5.0-2]
// 5.0 [MQTT-3.3.2-3] [MQTT-4.5.0-2]
#[test]
fn what_nobody_wants_is_acknowledged_at_once() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 4096);
        peer.offered = Offered::Finished;
        assert!(peer.message(1, 1, "x") && peer.message(0, 0, "x"));
        assert_eq!(peer.sent(), ACKNOWLEDGED);
        assert_eq!(peer.client.held_bytes().1, 0);
    }
}

#[test]
fn what_is_claimed_no_longer_comes_to_the_queue_in_its_order() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 4096);
        peer.client.activate(Consumer::Queue);
        for payload in ["0", "1"] {
            assert!(peer.message(0, 0, payload));
        }
        assert!(peer.message(1, 1, "2"));
        peer.offered = Offered::Left;
        assert!(peer.message(0, 0, "3"));
        assert_eq!(peer.queue().as_deref(), Some("3"));
        for (claim, _) in std::mem::take(&mut peer.claimed) {
            peer.client.leave_claimed(claim);
        }
        for payload in ["0", "1", "2"] {
            assert_eq!(peer.queue().as_deref(), Some(payload));
        }
        assert_eq!(peer.sent(), ACKNOWLEDGED);
    }
}

// Decision [copy-joins]
#[test]
fn a_message_that_comes_again_joins_the_claimed_one() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 4096);
        assert!(peer.message(1, 1, "x"));
        peer.lose();
        peer.connect(true);
        let again = incoming(1, 1, "t", "x");
        let again = mqtt_as_proto::packet::Publish { dup: true, ..again };
        assert_eq!(peer.receive(&Packet::Publish(again)), Some(true));
        assert_eq!(peer.claimed.len(), 1);
        assert_eq!(peer.take(0), "x");
        assert_eq!(peer.sent(), ACKNOWLEDGED, "the duty was renewed");
    }
}

/// A claimed message outlives the session, with nothing to acknowledge.
// Decision [held-outlives-session]
#[test]
fn a_lost_session_leaves_what_is_claimed() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 4096);
        assert!(peer.message(2, 1, "x"));
        peer.lose();
        peer.connect(false);
        assert_eq!(peer.take(0), "x");
        assert!(peer.sent().is_empty());
    }
}

#[test]
fn claimed_messages_are_found_however_they_move() {
    for version in BOTH {
        let mut peer = Claiming::new(config(version), 8 * 1024);
        let (mut seed, mut sent, mut taken, mut id) = (1_u32, 0, 0, 0_u16);
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        while taken < 5_000 {
            let payload = format!("{sent}-{}", "x".repeat(random(300)));
            let qos = random(2) as u8;
            id = if id == u16::MAX { 1 } else { id + 1 };
            peer.offered = if random(8) == 0 { Offered::Finished } else { Offered::Claimed };
            if peer.message(qos, id, &payload) {
                sent += 1;
            }
            while !peer.claimed.is_empty() && random(3) != 0 {
                let place = random(peer.claimed.len());
                peer.take(place);
                peer.sent();
                taken += 1;
            }
        }
        assert!(peer.client.claims_moved() > 10, "they have moved");
        while !peer.claimed.is_empty() {
            peer.take(0);
        }
        assert_eq!(peer.client.held_bytes().1, 0);
    }
}

// Decision [drop-oldest]
#[test]
fn the_oldest_claimed_message_makes_room_where_that_is_the_setting() {
    for version in BOTH {
        let config = Config { queue_len: 3, overflow: Overflow::DropOldest, ..config(version) };
        let mut peer = Claiming::new(config, 4096);
        assert!(peer.message(1, 1, "kept"));
        for payload in ["0", "1", "2", "3"] {
            assert!(peer.message(0, 0, payload));
        }
        let left: Vec<_> = (0..3).map(|_| peer.take(0)).collect();
        assert_eq!(left, ["kept", "2", "3"]);
        assert_eq!(peer.client.counts().discards, 2);
    }
}

#[test]
fn untaken_messages_are_read_past_until_half_of_the_memory_is_free() {
    for version in BOTH {
        let mut peer = Claiming::new(Config { queue_len: 4, ..config(version) }, 4096);
        for payload in ["0", "1", "2", "3"] {
            assert!(peer.message(0, 0, payload));
        }
        assert!(!peer.message(0, 0, "4"), "it has to wait");
        assert!(peer.client.is_full());
        peer.client.read_past_untaken();
        assert!(peer.message(0, 0, "4") && peer.message(0, 0, "5"));
        assert_eq!(peer.client.counts().discards, 2);
        assert_eq!(peer.take(0), "2");
        assert!(peer.message(0, 0, "6") && peer.message(0, 0, "7"), "it is still so");
        assert_eq!(peer.client.counts().discards, 3);
        for payload in ["4", "5"] {
            assert_eq!(peer.take(0), payload);
        }
        assert!(peer.message(0, 0, "8") && peer.message(0, 0, "9"));
        assert!(!peer.message(0, 0, "10"), "it is as before");
        assert_eq!(peer.client.counts().discards, 3);
    }
}

/// QoS 1 messages cannot make room: what has none is left to the server, which sends it again on the
/// next connection.
#[test]
fn past_untaken_acknowledged_messages_the_next_are_left_to_the_server() {
    for version in BOTH {
        let config = Config { queue_len: 2, ..config(version) };
        let mut peer = Claiming::new(config, 4096);
        assert!(peer.message(1, 1, "0") && peer.message(1, 2, "1"));
        assert!(!peer.message(1, 3, "2"));
        peer.client.read_past_untaken();
        assert!(peer.message(1, 3, "2"));
        assert_eq!(peer.client.counts().shed, 1);
        peer.take(0);
        peer.take(0);
        let end = peer.client.handle_timeout(peer.now, &mut |_| {});
        assert!(end.is_err(), "there is room again: they are to come on another connection");
    }
}
