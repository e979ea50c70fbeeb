//! A hostile server: every packet in every state, as a table. `hostile.tsv` has the packets, byte by
//! byte, and under each what has to happen, with the states where it has to. No state is left unsaid.

mod states;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mqtt_as_proto::Version;
use mqtt_as_proto::client::ConnectionError;

use crate::peer::{BOTH, Peer, incoming};
use states::{STATES, State};

const TABLE: &str = include_str!("hostile.tsv");

/// A packet of the table.
struct Row {
    name: &'static str,
    /// In 3.1.1 and in 5.0, if there is such a packet: its first bytes, which mean the same, and the rest.
    bytes: [Option<(Vec<u8>, Vec<u8>)>; 2],
    /// What has to happen, and where.
    outcomes: Vec<(&'static str, Vec<&'static str>)>,
}

impl Row {
    /// What has to happen in that state. A bar stands between what does in 3.1.1 and in 5.0.
    fn outcome(&self, Case { state, version, .. }: &Case) -> &'static str {
        let names = [state.name, state.group];
        let said = |(_, states): &&(_, Vec<&str>)| states.iter().any(|one| names.contains(one));
        let mut all = self.outcomes.iter().filter(said);
        let (Some((outcome, _)), None) = (all.next(), all.next()) else {
            panic!(
                "what {} gets where the client is {} is not said, or twice",
                self.name, state.name
            )
        };
        let (three, five) = outcome.split_once(" | ").unwrap_or((outcome, outcome));
        if *version == Version::V5 { five } else { three }
    }

    /// The packets of a version: they differ by the first byte.
    fn packets(&self, version: Version) -> impl Iterator<Item = Vec<u8>> + '_ {
        let bytes = &self.bytes[usize::from(version == Version::V5)];
        let of = |(firsts, rest): &'_ (Vec<u8>, Vec<u8>)| -> Vec<Vec<u8>> {
            firsts.iter().map(|first| [&[*first], rest.as_slice()].concat()).collect()
        };
        bytes.iter().flat_map(of)
    }
}

fn hex(text: &str) -> u8 {
    u8::from_str_radix(text, 16).unwrap_or_else(|_| panic!("{text} is no byte"))
}

/// The first bytes, with commas between them, and what follows.
fn bytes(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (firsts, rest) = text.split_once(' ')?;
    Some((firsts.split(',').map(hex).collect(), rest.split(' ').map(hex).collect()))
}

fn table() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns[..] {
            ["", outcome, states] => {
                let states = states.split(", ").collect();
                rows.last_mut().expect("a packet").outcomes.push((outcome, states));
            }
            [name, three, five] => {
                let bytes = [bytes(three), bytes(five)];
                rows.push(Row { name, bytes, outcomes: Vec::new() });
            }
            _ => panic!("not three columns: {line}"),
        }
    }
    rows
}

/// A state in a version.
struct Case {
    state: &'static State,
    version: Version,
    /// What the client sends there by itself, which the table does not name.
    own: Vec<String>,
}

/// Each state in each version that has it.
fn each_state(mut check: impl FnMut(&Case)) {
    for version in BOTH {
        for state in STATES.iter().filter(|state| !state.only_5 || version == Version::V5) {
            let mut peer = (state.reach)(version);
            (state.settle)(&mut peer);
            check(&Case { state, version, own: peer.sent() });
        }
    }
}

/// What the client does with a packet: how the connection ends, or what it tells and sends.
fn happens(case: &Case, packet: &[u8]) -> String {
    let mut peer = (case.state.reach)(case.version);
    peer.events();
    let lines = match peer.send_bytes(packet) {
        Err(error) => {
            let how = ended(case, &mut peer, &error, packet);
            is_kept(case, &mut peer);
            vec![how]
        }
        Ok(lines) => taken(case, &mut peer, lines, packet.len()),
    };
    comes_back(&mut peer);
    if lines.is_empty() { "–".into() } else { lines.join("; ") }
}

/// The connection has ended; gives the code that a 5.0 server is told, behind what had to leave.
fn ended(case: &Case, peer: &mut Peer, error: &ConnectionError, packet: &[u8]) -> String {
    let code = error.reason().expect("a code for each fault").as_u8();
    assert!(peer.client.is_closing() && !peer.client.is_connected(), "{error}");
    assert!(peer.send_bytes(packet).unwrap().is_empty(), "it is not read on");
    if case.state.is_half_out {
        // Nothing can be said in the middle of a packet.
        assert_eq!(peer.raw(), states::half(peer.version), "{error}");
        return format!("{code:#04x} untold");
    }
    let mut sent = without_own(case, peer, false);
    if peer.version == Version::V5 {
        assert_eq!(sent.pop(), Some(format!("DISCONNECT {code:#04x}")), "{error}");
    }
    assert!(sent.is_empty(), "{error}: {sent:?}");
    format!("{code:#04x}")
}

/// It was taken; gives what was told and sent because of it.
fn taken(case: &Case, peer: &mut Peer, mut lines: Vec<String>, len: usize) -> Vec<String> {
    let state = case.state;
    if peer.client.is_closing() && !state.is_over {
        lines.push("closed".into());
        let half = if state.is_half_out { peer.raw() } else { Vec::new() };
        assert!(half.is_empty() || half == states::half(peer.version));
        assert!(without_own(case, peer, false).is_empty(), "nobody is there to hear it");
        return lines;
    }
    let waits = peer.unread() != 0;
    if waits {
        assert_eq!(peer.unread(), len, "a packet is used as a whole");
        lines.push("waits".into());
    }
    (state.settle)(peer);
    lines.extend(without_own(case, peer, true));
    if waits {
        match peer.send_bytes(&[]) {
            Ok(told) => lines.extend(told),
            Err(error) => lines.push(format!("{:#04x}", error.reason().unwrap().as_u8())),
        }
        lines.extend(peer.sent());
    }
    if state.is_open && !peer.client.is_closing() {
        let alive = peer.message(incoming(0, 0, "t", "alive"));
        assert_eq!(alive, ["message q0 t alive"], "the connection goes on");
    }
    lines
}

/// What leaves, but for what the client sends in that state by itself: all of it, if all has to leave.
fn without_own(case: &Case, peer: &mut Peer, all: bool) -> Vec<String> {
    let mut lines = peer.sent();
    for line in &case.own {
        match lines.iter().position(|one| one == line) {
            Some(at) => drop(lines.remove(at)),
            None => assert!(!all, "no {line:?} in {lines:?}"),
        }
    }
    lines
}

/// The session is intact: what was under way leaves again, but for a QoS 1 message that was given up.
fn is_kept(case: &Case, peer: &mut Peer) {
    peer.lose();
    peer.events();
    let told = peer.reconnect(true).join("; ");
    assert!(told.contains("resumed") || told.contains("adopted"), "{told}");
    let sent = peer.sent();
    let of_1 = |line: &&String| line.starts_with("PUBREL #1") || line.starts_with("PUBLISH dup");
    let leaves = match case.state.name {
        "resuming" => true,
        "given up 1" => false,
        _ => case.state.group == "ours",
    };
    assert_eq!(sent.iter().filter(of_1).count(), usize::from(leaves), "{sent:?}");
}

/// The next connection, with a session of its own, does not suffer.
fn comes_back(peer: &mut Peer) {
    peer.lose();
    peer.events();
    peer.begin(true);
    let lines = peer.accept(false, &[]);
    assert!(lines.iter().any(|line| line == "connected"), "{lines:?}");
    peer.publish(1, "again", 77);
    assert!(peer.sent().iter().any(|line| line.ends_with(" t again")));
}

/// The same, naming the case if it fails.
fn happens_in(case: &Case, packet: &[u8]) -> String {
    let happened = catch_unwind(AssertUnwindSafe(|| happens(case, packet)));
    happened.unwrap_or_else(|panic| {
        eprintln!("it was {packet:02x?}, {}, {:?}", case.state.name, case.version);
        resume_unwind(panic)
    })
}

// 3.1.1 [MQTT-3.2.0-1] [MQTT-3.8.4-5] [MQTT-4.8.0-1]
// 5.0 [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.8.4-6] [MQTT-3.14.0-1] [MQTT-4.12.0-5] [MQTT-4.12.0-6]
//   [MQTT-4.13.1-1]
// Decision [unknown-id] [wrong-kind] [not-a-servers] [pubrec-again] [pubrec-error] [pingresp-unasked]
//   [auth]
#[test]
fn every_packet_in_every_state() {
    let rows = table();
    let mut wrong = Vec::new();
    each_state(|case| {
        for row in &rows {
            for packet in row.packets(case.version) {
                let (wanted, happened) = (row.outcome(case), happens_in(case, &packet));
                if happened != wanted {
                    let Case { state, version, .. } = case;
                    let name = format!("{} {packet:02x?}, {}, {version:?}", row.name, state.name);
                    wrong.push(format!("{name}: {happened}, not {wanted}"));
                }
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the packet type 0 gets, all malformed packets get.
fn malformed() -> Row {
    table().pop().expect("a table")
}

/// The flags of a packet that is no PUBLISH are fixed.
// 3.1.1 [MQTT-2.2.2-2]
// 5.0 [MQTT-2.1.3-1]
#[test]
fn wrong_flags_in_every_state() {
    let malformed = malformed();
    each_state(|case| {
        for packet in one_of_each_type(case.version) {
            for flags in 1..16 {
                let packet = [&[packet[0] ^ flags], &packet[1..]].concat();
                assert_eq!(happens_in(case, &packet), malformed.outcome(case), "{packet:02x?}");
            }
        }
    });
}

/// The first packet of the table of each type that has no flags of its own.
fn one_of_each_type(version: Version) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = table().iter().flat_map(|row| row.packets(version)).collect();
    all.retain(|packet| !matches!(packet[0] >> 4, 0 | 3));
    all.sort_by_key(|packet| packet[0]);
    all.dedup_by_key(|packet| packet[0]);
    assert_eq!(all.len(), 14);
    all
}

/// Only PINGRESP, and DISCONNECT and AUTH of 5.0, have no more than a fixed header.
#[test]
fn packets_with_nothing_in_them_in_every_state() {
    let malformed = malformed();
    each_state(|case| {
        for first in [0x10, 0x20, 0x30, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xa2, 0xb0] {
            // What a client alone may send is not looked into; what has to be answered waits.
            let wanted = match (first, malformed.outcome(case)) {
                (0x10 | 0x82 | 0xa2, wanted) => wanted.replace("0x81", "0x82"),
                (0x50 | 0x62, "0x81 untold") => match case.version {
                    Version::V311 => "waits; 0x81".into(),
                    Version::V5 => "waits; 0x81; DISCONNECT 0x81".into(),
                },
                (_, wanted) => wanted.into(),
            };
            assert_eq!(happens_in(case, &[first, 0]), wanted, "{first:#04x}");
        }
    });
}
