//! What a dropped call leaves behind: the promises of the sections on cancel safety, at every await.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Config, ConnectError, DownReason, PublishError, QoS, Runtime};
use mqtt_as_proto::Version;
use mqtt_as_proto::packet::PacketType;

use crate::BOTH;
use crate::hand::{Bench, Hand};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// More polls than any call here takes to its end.
const MOST: usize = 30;

fn bench(version: Version) -> Bench {
    Bench::new(Config::new("by hand").version(version).client_id("ours").outbox(300), 50)
}

fn connected(version: Version) -> Bench {
    let mut bench = bench(version);
    let client = bench.client();
    bench.complete(client.connect(false)).expect("a connection");
    bench
}

#[test]
fn connect_goes_on_and_up_tells_of_it() {
    for version in BOTH {
        for polls in 1..MOST {
            let mut bench = bench(version);
            let client = bench.client();
            let _ = bench.poll_times(client.connect(true), polls);
            assert!(bench.complete(client.up()).is_some());
            assert!(client.is_connected());
        }
    }
}

#[test]
fn disconnect_goes_on() {
    for version in BOTH {
        for polls in 1..MOST {
            for with_will in [false, true] {
                let mut bench = connected(version);
                let client = bench.client();
                let _ = match with_will {
                    false => bench.poll_times(client.disconnect(), polls),
                    true => bench.poll_times(client.disconnect().with_will(), polls),
                };
                assert_eq!(bench.complete(client.down()), Some(DownReason::Disconnected));
                // In 3.1.1 a connection that ends without DISCONNECT is what has the will published.
                let said = bench.packet_types().contains(&PacketType::Disconnect);
                assert_eq!(said, !with_will || version == Version::V5);
            }
        }
    }
}

#[test]
fn up_and_down_are_told_by_the_next_call() {
    for version in BOTH {
        for polls in 0..MOST {
            let mut bench = bench(version);
            let client = bench.client();
            assert!(bench.poll_times(client.connect(true), 1).is_none());
            if bench.poll_times(client.up(), polls).is_none() {
                assert!(bench.complete(client.up()).is_some());
            }
            assert!(bench.poll_times(client.up(), MOST).is_none(), "it was told");
            bench.lose();
            if bench.poll_times(client.down(), polls).is_none() {
                assert!(bench.complete(client.down()).is_some());
            }
            assert!(bench.poll_times(client.down(), MOST).is_none(), "it was told");
        }
    }
}

#[test]
fn broker_up_asks_all_the_same() {
    for version in BOTH {
        for polls in 1..MOST {
            let mut bench = connected(version);
            let client = bench.client();
            let _ = bench.poll_times(client.broker_up(), polls);
            bench.turns(MOST);
            assert!(bench.packet_types().contains(&PacketType::PingReq));
            assert!(client.is_connected());
        }
    }
}

/// Nothing of a dropped `write` was taken: what was written is what arrives, once.
#[test]
fn write_takes_nothing() {
    for version in BOTH {
        for qos in ALL {
            for polls in 0..MOST {
                let mut bench = connected(version);
                let client = bench.client();
                let bytes: Vec<u8> = (0..1000_u32).map(|at| (at % 251) as u8).collect();
                let open = client.publish_stream("own", 1000).qos(qos).open();
                let mut stream = bench.complete(open).expect("a stream");
                let mut dropped = 0;
                while (stream.written() as usize) < bytes.len() {
                    let before = stream.written();
                    let rest = &bytes[before as usize..];
                    if bench.poll_times(stream.write(rest), polls).is_none() {
                        assert_eq!(stream.written(), before);
                        dropped += 1;
                        bench.complete(stream.write(rest)).expect("room");
                    }
                }
                assert!(polls != 1 || dropped > 1, "the outbox is smaller than the payload");
                bench.complete(stream.finish()).expect("an end");
                bench.turns(MOST);
                assert_eq!(bench.accepted(&bytes), 1, "{version:?} {qos:?} {polls}");
            }
        }
    }
}

/// Half of it, or all of it, was written when the link broke; `restart` is dropped without a
/// connection, and with one.
#[test]
fn restart_leaves_the_stream_interrupted() {
    let interrupted = |end: &Result<_, _>| {
        matches!(end, Err(PublishError::Interrupted | PublishError::NeverSent(_)))
    };
    for version in BOTH {
        for qos in ALL {
            for (polls, written) in (0..MOST).flat_map(|polls| [(polls, 500), (polls, 1000)]) {
                if (qos, written) == (QoS::AtMostOnce, 1000) {
                    continue; // It is on its way: nothing is interrupted.
                }
                let told = format!("{version:?} {qos:?} {polls} {written}");
                let mut bench = connected(version);
                let client = bench.client();
                let bytes: Vec<u8> = (0..1000_u32).map(|at| (at % 251) as u8).collect();
                let open = client.publish_stream("own", 1000).qos(qos).open();
                let mut stream = bench.complete(open).expect("a stream");
                bench.complete(stream.write_all(&bytes[..written])).expect("room");
                bench.lose();
                bench.turns(5);
                let end = bench.complete(stream.finish());
                assert!(interrupted(&end), "{told}: {end:?}");
                assert!(bench.poll_times(stream.restart(), polls).is_none(), "{told}");
                assert!(interrupted(&bench.complete(stream.finish())), "{told}");
                bench.complete(client.connect(false)).expect("a connection");
                // Something else is on its way: the stream has to wait.
                client.publish("other", [0; 200]).qos(qos).try_publish().expect("room");
                if bench.poll_times(stream.restart(), polls).is_none() {
                    assert!(interrupted(&bench.complete(stream.finish())), "{told}");
                    bench.complete(stream.restart()).expect("a stream");
                }
                bench.complete(stream.write_all(&bytes)).expect("room");
                bench.complete(stream.finish()).expect("an end");
                bench.turns(MOST);
                assert_eq!(bench.accepted(&bytes), 1, "{told}");
            }
        }
    }
}

/// The transport is closed, nothing is said on it, and whoever waits learns it.
#[test]
fn run_closes_the_transport_without_disconnect() {
    for version in BOTH {
        for turns in 0..60 {
            let mut bench = bench(version);
            let client = bench.client();
            let _ = bench.poll_times(client.connect(true), turns);
            let publish = client.publish("own", "text").qos(QoS::ExactlyOnce);
            let _ = bench.poll_times(publish, turns / 2);
            bench.drop_runner();
            assert!(bench.is_cut(), "after {turns} turns");
            assert!(!bench.packet_types().contains(&PacketType::Disconnect));
            assert_eq!(bench.complete(client.connect(true)), Err(ConnectError::Closed));
            let late = client.publish("own", "text").qos(QoS::AtLeastOnce);
            assert_eq!(bench.complete(late), Err(PublishError::Closed));
        }
    }
}

/// A call that has begun: counted as long as it is there.
struct Begun(Arc<AtomicUsize>);

impl Begun {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Calls that have begun are dropped, no other begins, and the connection goes on.
#[test]
fn callbacks_are_called_no_more() {
    for version in BOTH {
        let mut seen = [false; 3];
        for turns in 0..60 {
            let config = Config::new("by hand").version(version).client_id("ours");
            let mut bench = Bench::with_callbacks(config);
            let client = bench.client();
            let [calls, running, ended] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
            let counts = (calls.clone(), running.clone(), ended.clone());
            client.set_cb_on_event(Msg, move |_| {
                counts.0.fetch_add(1, Ordering::SeqCst);
                let (begun, ended) = (Begun::new(&counts.1), counts.2.clone());
                async move {
                    Hand::sleep_until(Hand::now().after(10)).await;
                    ended.fetch_add(1, Ordering::SeqCst);
                    drop(begun);
                }
            });
            bench.complete(client.connect(true)).expect("a connection");
            bench.complete(client.subscribe("own", QoS::AtLeastOnce)).expect("a subscription");
            for _ in 0..3 {
                client.publish("own", "text").qos(QoS::AtLeastOnce).try_publish().expect("room");
            }
            bench.turns(turns);
            let count = || [&calls, &running, &ended].map(|count| count.load(Ordering::SeqCst));
            let [called, ran, finished] = count();
            bench.drop_callbacks();
            assert_eq!(count(), [called, 0, finished], "after {turns} turns");
            bench.turns(100);
            assert_eq!(count(), [called, 0, finished], "after {turns} turns");
            assert!(bench.complete(client.broker_up()));
            bench.complete(client.publish("a", "b").qos(QoS::ExactlyOnce)).expect("a publish");
            let now = [called == 0, ran != 0, finished == 3];
            seen = [0, 1, 2].map(|index: usize| seen[index] || now[index]);
        }
        assert_eq!(seen, [true; 3], "before the first, in the midst, after the last");
    }
}
