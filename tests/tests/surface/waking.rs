//! Whoever waits is woken: calls that race with each other, buffers that are full. Driven by hand.

use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use mqtt_as_client::{Memory, ReadMemory};
use mqtt_as_proto::Version;
use mqtt_as_proto::packet::PacketType;
use mqtt_as_tokio::{Config, ConnectError, PublishError, QoS};

use crate::hand::Bench;
use crate::story::BOTH;

/// Turns, of a millisecond each, within which everything here has to happen.
const SOON: usize = 100;

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours")
}

fn connected(config: Config) -> Bench {
    let mut bench = Bench::new(config, 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    bench
}

/// A buffer of 256 bytes for what is read, which is lent for ever.
fn lent(config: &Config) -> Memory {
    let read = ReadMemory::lent(Box::leak(vec![0; 256].into()));
    Memory { read, ..Memory::heap(config) }
}

/// A call and whether it was woken.
struct Call<F: Future> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<F: Future> Call<F> {
    /// A call that has begun, and waits.
    fn begun(future: impl IntoFuture<IntoFuture = F, Output = F::Output>) -> Self {
        let future = Box::pin(future.into_future());
        let mut call = Self { future, woken: Arc::new(Woken(AtomicBool::new(true))) };
        assert!(call.poll().is_none(), "it has to wait");
        call
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }

    /// Polls it, if it was woken.
    fn poll(&mut self) -> Option<F::Output> {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return None;
        }
        let waker = Waker::from(self.woken.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn end(&mut self, bench: &mut Bench) -> F::Output {
        for _ in 0..SOON {
            bench.turn();
            if let Some(value) = self.poll() {
                return value;
            }
        }
        panic!("it has to happen soon");
    }
}

#[test]
fn a_dropped_request_passes_its_turn_in_the_queue_for_room_on() {
    for version in BOTH {
        let mut bench = connected(config(version).outbox(256));
        let client = bench.client();
        bench.stall(true);
        bench.turn();
        for _ in 0..2 {
            while client.publish("topic", &[0; 40]).try_publish().is_ok() {}
            bench.turn(); // The driver takes the first buffer full.
        }
        let topic = "t".repeat(100);
        let first = Call::begun(Box::pin(client.subscribe(&topic, QoS::AtMostOnce)));
        let mut second = Call::begun(client.publish("topic", "second"));
        bench.stall(false);
        while !first.is_woken() {
            bench.turn();
        }
        bench.turns(10);
        drop(first);
        second.end(&mut bench).expect("room");
    }
}

#[test]
fn requests_that_wait_for_room_all_end_with_the_connection() {
    for version in BOTH {
        let mut bench = connected(config(version).outbox(256));
        let client = bench.client();
        bench.stall(true);
        bench.turn();
        for _ in 0..2 {
            while client.publish("topic", &[0; 40]).try_publish().is_ok() {}
            bench.turn();
        }
        let topic = "t".repeat(200);
        let calls: Vec<_> = (0..4)
            .map(|_| Call::begun(Box::pin(client.subscribe(&topic, QoS::AtMostOnce))))
            .collect();
        bench.lose();
        for mut call in calls {
            call.end(&mut bench).expect_err("no connection");
        }
    }
}

#[test]
fn a_disconnect_while_the_transport_opens_ends_the_attempt() {
    for version in BOTH {
        for write_timeout in [0, 10] {
            let time = std::time::Duration::from_secs(write_timeout);
            let mut bench = Bench::new(config(version).write_timeout(time), 1000);
            let client = bench.client();
            let mut connect = Call::begun(client.connect(true));
            bench.turn(); // The transport is open at the driver's next turn.
            let mut disconnect = Call::begun(Box::pin(client.disconnect()));
            disconnect.end(&mut bench).expect("an end");
            assert_eq!(connect.poll(), Some(Err(ConnectError::Replaced)));
            bench.turns(SOON);
            assert!(!client.is_connected());
        }
    }
}

#[test]
fn a_disconnect_ends_calls_also_if_a_connect_had_begun_to_end_the_connection() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        bench.stall(true);
        bench.turn();
        let mut publish = Call::begun(client.publish("t", "p").qos(QoS::AtLeastOnce));
        bench.turn();
        let mut connect = Call::begun(client.connect(true));
        bench.turn();
        let mut disconnect = Call::begun(Box::pin(client.disconnect()));
        assert_eq!(connect.poll(), Some(Err(ConnectError::Replaced)));
        bench.lose();
        disconnect.end(&mut bench).expect("an end");
        let end = publish.end(&mut bench);
        assert!(matches!(end, Err(PublishError::NeverSent(_) | PublishError::Kept)), "{end:?}");
    }
}

#[test]
fn what_waits_is_not_sent_on_the_connection_that_only_ends_the_old_session() {
    for version in BOTH {
        let mut bench = Bench::new(config(version).clean_init(true), 1000);
        let client = bench.client();
        let mut publish = Call::begun(client.publish("t", "p").qos(QoS::ExactlyOnce));
        bench.complete(client.connect(false)).expect("a connection");
        publish.end(&mut bench).expect("it was not sent before");
    }
}

#[test]
fn a_lent_read_buffer_gives_every_message_once() {
    for version in BOTH {
        let config = config(version).maximum_packet_size(256);
        let memory = lent(&config);
        let mut bench = Bench::with_memory(config, memory, 1000);
        let client = bench.client();
        bench.complete(client.connect(true)).expect("a connection");
        bench.complete(client.subscribe("a", QoS::AtMostOnce)).expect("a subscription");
        for _ in 0..20 {
            bench.complete(client.publish("a", "p")).expect("a publish");
            bench.turns(10);
        }
        assert_eq!(client.statistics().received, 20);
        assert!(client.is_connected());
    }
}

#[test]
fn a_fault_is_told_also_when_the_read_buffer_is_full() {
    let config = config(Version::V5).maximum_packet_size(256);
    let memory = lent(&config);
    let mut bench = Bench::with_memory(config, memory, 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    let mut down = pin!(client.down());
    assert!(bench.poll_times(down.as_mut(), 1).is_none());
    let mut too_large = vec![0x30, 0xff, 0x7f, 0, 1, b'a'];
    too_large.resize(600, 0);
    bench.receive(&too_large);
    bench.complete(down).expect("a reason");
    let disconnect = PacketType::Disconnect.first_byte();
    assert!(bench.written().ends_with(&[disconnect, 1, 0x95]), "{:x?}", bench.written());
}
