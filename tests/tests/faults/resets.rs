//! The link ends inside every type of packet: behind its first byte, in its middle, before its last.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_lite::future::or;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_tests::brokers::Broker;
use mqtt_as_tests::random::Random;
use mqtt_as_tests::watched::{End, Fate, Passing, Way};

use super::line::{Line, Setup};
use super::row::{AT_ONCE, of_ended_links, tell};
use super::{Case, count, each};
use crate::list::story::MS;
use crate::runtime::adapter::{Config, QoS};
use crate::runtime::{run, sleep, soon, within};

/// Packets that a link carries before it ends, so that there is progress between two faults.
const BETWEEN: u32 = 40;

/// Where in a packet.
#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    Middle,
    Last,
}

/// What is still to be broken.
#[derive(Clone)]
struct Targets {
    list: Arc<Mutex<VecDeque<(Way, PacketType, Place)>>>,
    left: Arc<AtomicUsize>,
    armed: Arc<AtomicBool>,
    how: End,
}

impl Targets {
    /// Every type at every place, so many times, in a random order.
    fn new(kinds: &[(Way, PacketType)], times: usize, how: End) -> Self {
        let mut all = Vec::new();
        for _ in 0..times {
            for &(way, kind) in kinds {
                all.extend([Place::First, Place::Middle, Place::Last].map(|at| (way, kind, at)));
            }
        }
        let mut random = Random::new(kinds.len() as u64);
        let mut list = VecDeque::new();
        while !all.is_empty() {
            list.push_back(all.swap_remove(random.index(all.len())));
        }
        let left = Arc::new(AtomicUsize::new(list.len()));
        Self { list: Arc::new(Mutex::new(list)), left, armed: Arc::default(), how }
    }

    fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    /// Any of the next few may be met: what comes seldom holds up nothing.
    fn look(&self, packet: &Passing<'_>) -> Fate {
        if packet.kind == PacketType::Disconnect {
            return Fate::End { after: 1, how: self.how };
        }
        let opening = matches!(packet.kind, PacketType::Connect | PacketType::ConnAck);
        if !self.armed.load(Ordering::SeqCst) || (packet.before < BETWEEN && !opening) {
            return Fate::Pass;
        }
        let mut list = self.list.lock().expect("no panic");
        let is_met = |&(way, kind, _): &_| way == packet.way && kind == packet.kind;
        let Some(at) = list.iter().take(4).position(is_met) else { return Fate::Pass };
        let Some((.., place)) = list.remove(at) else { return Fate::Pass };
        self.left.store(list.len(), Ordering::SeqCst);
        let after = match place {
            Place::First => 1,
            Place::Middle => packet.len.div_ceil(2).min(packet.len - 1),
            Place::Last => packet.len - 1,
        };
        Fate::End { after, how: self.how }
    }
}

const BOTH: [(Way, PacketType); 4] = [
    (Way::Up, PacketType::Connect),
    (Way::Down, PacketType::ConnAck),
    (Way::Up, PacketType::PingReq),
    (Way::Down, PacketType::PingResp),
];
const SUBSCRIBING: [(Way, PacketType); 4] = [
    (Way::Up, PacketType::Subscribe),
    (Way::Down, PacketType::SubAck),
    (Way::Up, PacketType::Unsubscribe),
    (Way::Down, PacketType::UnsubAck),
];

/// The packets of messages that go that way.
fn messages(way: Way, qos: QoS) -> Vec<(Way, PacketType)> {
    let back = if way == Way::Up { Way::Down } else { Way::Up };
    match qos {
        QoS::ExactlyOnce => vec![
            (way, PacketType::Publish),
            (back, PacketType::PubRec),
            (way, PacketType::PubRel),
            (back, PacketType::PubComp),
        ],
        _ => vec![(way, PacketType::Publish), (back, PacketType::PubAck)],
    }
}

/// What is seldom said: signs of life, subscriptions to something else.
async fn chatter(line: &Line) {
    let (publisher, reader) = (&line.publisher.client, &line.reader.client);
    loop {
        // Their ends are of no interest: the link may be lost meanwhile.
        let _ = soon(200 * MS, reader.subscribe("faults/other", QoS::AtMostOnce)).await;
        let _ = soon(200 * MS, reader.unsubscribe("faults/other")).await;
        let _ = soon(200 * MS, publisher.broker_up()).await;
        let _ = soon(200 * MS, reader.broker_up()).await;
        sleep(5 * MS).await;
    }
}

fn quick(config: Config) -> Config {
    config.connect_timeout(2000 * MS).ping_timeout(2000 * MS).ping_interval(1000 * MS)
}

async fn every_type(case: Case, broker: &Broker, how: End, fault: &str) {
    let times = count(2, 1);
    let out = [&BOTH[..], &messages(Way::Up, case.qos)].concat();
    let back = [&BOTH[..], &SUBSCRIBING, &messages(Way::Down, case.qos)].concat();
    let (out, back) = (Targets::new(&out, times, how), Targets::new(&back, times, how));
    let all = out.left() + back.left();
    let (planned, other) = (out.clone(), back.clone());
    let setup = Setup {
        name: None,
        spares: Vec::new(),
        settings: quick,
        publishing: move |packet: &Passing<'_>| planned.look(packet),
        reading: move |packet: &Passing<'_>| other.look(packet),
    };
    let line = Line::begin(case, broker, setup).await;
    let outcome = line
        .run(or(
            async {
                line.flows(20).await;
                for targets in [&out, &back] {
                    targets.armed.store(true, Ordering::SeqCst);
                }
                while out.left() + back.left() != 0 {
                    line.flows(1).await;
                }
                line.flows(20).await;
            },
            chatter(&line),
        ))
        .await;
    tell(fault, case, all, &outcome, of_ended_links(&line), AT_ONCE);
    end_in_disconnect(&line).await;
}

/// DISCONNECT is the last packet, and is broken too: the call ends, and so does the link.
async fn end_in_disconnect(line: &Line) {
    for side in [&line.publisher, &line.reader] {
        within(side.client.disconnect()).await.expect("an end");
        assert!(!side.client.is_connected());
    }
}

#[test]
#[ignore = "tests/faults/run"]
fn closed_in_every_packet_type() {
    each(|case, broker| run(every_type(case, &broker, End::Close, "FIN inside every packet type")));
}

#[test]
#[ignore = "tests/faults/run"]
fn reset_in_every_packet_type() {
    each(|case, broker| run(every_type(case, &broker, End::Reset, "RST inside every packet type")));
}
