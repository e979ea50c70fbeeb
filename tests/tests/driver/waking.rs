//! Whoever waits is woken: calls that race with each other, buffers that are full. Driven by hand.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Config, ConnectError, DisconnectError, Overflow, PublishError, QoS};
use mqtt_as_client::{Memory, NotSent, Properties, Property, ReadMemory, ReasonCode, Runtime};
use mqtt_as_proto::packet::{Connect, Packet, PacketType};
use mqtt_as_proto::{Instant, Version};
use mqtt_as_tests::broker::Broker;

use crate::BOTH;
use crate::calls::{Call, connected, fill};
use crate::hand::{Bench, Hand};

/// Turns, of a millisecond each, within which everything here has to happen.
const SOON: usize = 100;

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours")
}

/// A buffer of 256 bytes for what is read, which is lent for ever.
fn lent(config: &Config) -> Memory {
    let read = ReadMemory::lent(Box::leak(vec![0; 256].into()));
    Memory { read, ..Memory::heap(config) }
}

#[test]
fn a_dropped_request_passes_its_turn_in_the_queue_for_room_on() {
    for version in BOTH {
        let mut bench = connected(config(version).outbox(256));
        let client = bench.client();
        fill(&mut bench);
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
            while client.publish("topic", [0; 40]).try_publish().is_ok() {}
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
        assert_eq!(disconnect.end(&mut bench), Err(DisconnectError::Unsent));
        let end = publish.end(&mut bench);
        assert!(matches!(end, Err(PublishError::NeverSent(_) | PublishError::Kept)), "{end:?}");
    }
}

#[test]
fn a_connect_ends_the_disconnect_before_it_also_if_the_server_is_silent() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        bench.stall(true);
        bench.turns(2);
        let mut disconnect = Call::begun(Box::pin(client.disconnect()));
        let mut connect = Call::begun(client.connect(true));
        assert_eq!(disconnect.poll(), Some(Ok(())));
        bench.stall(false);
        connect.end_within(&mut bench, 2000).expect("a connection");
    }
}

/// `connect` awaits an answer too: a full queue must not stop the reading of CONNACK.
#[test]
fn a_full_queue_that_waits_does_not_keep_connect_from_its_answer() {
    for version in BOTH {
        let config = config(version).overflow(Overflow::Wait).queue_len(1).receive_maximum(1);
        let mut bench = connected(config);
        let client = bench.client();
        bench.complete(client.subscribe("a", QoS::AtMostOnce)).expect("a subscription");
        for _ in 0..8 {
            bench.complete(client.publish("a", "p")).expect("a publish");
        }
        bench.turns(20);
        bench.lose();
        bench.turns(5);
        bench.complete(client.connect(true)).expect("a connection");
    }
}

/// What the program acknowledges at once lies in the queue until its callbacks have finished.
#[test]
fn no_message_is_lost_if_callbacks_are_slower_than_acknowledgements() {
    let config = config(Version::V5).manual_ack(true).queue_len(1).receive_maximum(1);
    let mut bench = Bench::with_callbacks(config);
    let client = bench.client();
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    client.set_cb_on_event(Msg, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Hand::sleep_until(Hand::now().after(20))
    });
    let mut queue = client.queue();
    bench.complete(client.connect(true)).expect("a connection");
    bench.complete(client.subscribe("a", QoS::AtLeastOnce)).expect("a subscription");
    for _ in 0..8 {
        client.publish("a", "p").qos(QoS::AtLeastOnce).try_publish().expect("room");
    }
    for _ in 0..8 {
        let message = bench.complete(queue.next()).expect("a message");
        assert!(client.ack(&message, ReasonCode::SUCCESS));
    }
    bench.turns(200);
    assert_eq!(called.load(Ordering::SeqCst), 8);
}

#[test]
fn a_callback_that_is_unset_does_not_give_the_queue_a_message_again() {
    let mut bench = Bench::with_callbacks(config(Version::V5));
    let client = bench.client();
    let slow = |_| Hand::sleep_until(Hand::now().after(1000));
    let id = client.set_cb_on_event(Msg, slow);
    let mut queue = client.queue();
    bench.complete(client.connect(true)).expect("a connection");
    bench.complete(client.subscribe("a", QoS::ExactlyOnce)).expect("a subscription");
    for _ in 0..3 {
        bench.complete(client.publish("a", "p").qos(QoS::ExactlyOnce)).expect("a publish");
        bench.complete(queue.next()).expect("a message");
    }
    assert!(client.unset_cb(id));
    let mut next = pin!(queue.next());
    assert!(bench.poll_times(next.as_mut(), SOON).is_none());
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

/// What stands before the payload of a large message may be longer than what is read at once.
#[test]
fn the_head_of_a_large_message_may_be_longer_than_a_read() {
    let settings = config(Version::V311).maximum_packet_size(100_000);
    let mut bench = Bench::new(settings, 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    let mut too_large = vec![0x30, 0xc2, 0xc4, 0x0a, 0xea, 0x60]; // A topic of 60,000 bytes.
    too_large.resize(4 + 0x2_a242, b't');
    bench.receive(&too_large);
    bench.turns(300);
    assert!(client.is_connected());
    assert_eq!(client.statistics().too_large, 1);
    bench.complete(client.subscribe("a", QoS::AtMostOnce)).expect("an answer behind it");
}

/// What expired while it waited gives nothing to write, but its call has to learn it.
#[test]
fn the_call_of_a_message_that_expired_is_woken() {
    let mut bench = Bench::new(config(Version::V5), 1000);
    let client = bench.client();
    let list = [Property::MessageExpiryInterval(1)];
    let publish = client.publish("a", "old").qos(QoS::AtLeastOnce);
    let mut old = Call::begun(publish.properties(Properties::new(&list)));
    bench.turns(1500);
    bench.complete(client.connect(true)).expect("a connection");
    assert_eq!(old.end(&mut bench), Err(PublishError::NeverSent(NotSent::Expired)));
}

/// `drain` waits for what the driver has taken and the transport has not.
#[test]
fn what_the_transport_has_not_taken_is_not_drained() {
    for version in BOTH {
        let settings = Config::new("by hand").version(version).client_id("ours");
        let mut bench = Bench::new(settings, 1000);
        let client = bench.client();
        bench.complete(client.connect(true)).expect("a connection");
        bench.stall(true);
        client.publish("a", "waits").try_publish().expect("room");
        assert!(!bench.complete(client.drain(Duration::from_millis(50))));
        bench.stall(false);
        assert!(bench.complete(client.drain(Duration::from_secs(5))));
    }
}

/// That the identifier is cleared has to leave first, though nothing else has.
#[test]
fn a_stream_that_is_the_first_of_an_adopted_session_is_not_held_up() {
    for version in BOTH {
        let mut bench = Bench::new(config(version).keepalive(Duration::ZERO), 1000);
        let client = bench.client();
        bench.with_broker(|broker, now| begin_session(broker, now, version));
        let session = bench.complete(client.connect(false)).expect("a connection");
        assert!(session.adopted);
        let open = client.publish_stream("t", 1).qos(QoS::ExactlyOnce).open();
        let mut stream = Call::new(open).end(&mut bench).expect("a stream");
        bench.complete(stream.write_all(b"x")).expect("a link");
        bench.complete(stream.finish()).expect("an acknowledgement");
        assert_eq!(bench.accepted(b"x"), 1);
    }
}

/// The server has a session of an earlier program.
fn begin_session(broker: &mut Broker, now: Instant, version: Version) {
    let expiry = [Property::SessionExpiryInterval(u32::MAX)];
    let connect = Packet::Connect(Connect {
        version,
        clean_start: false,
        keep_alive: 0,
        client_id: "ours",
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(if version == Version::V5 { &expiry } else { &[] }),
    });
    let (conn, bytes) = (broker.open(), connect.encode_to_vec(version).expect("a good packet"));
    broker.handle_bytes(conn, &bytes, now);
    broker.lost(conn, now);
}

/// That reading had stopped for want of room is over with the connection.
#[test]
fn without_a_connection_the_driver_is_not_woken_to_read() {
    for version in BOTH {
        let config = config(version).overflow(Overflow::Wait).queue_len(1).receive_maximum(1);
        let mut bench = connected(config);
        let client = bench.client();
        bench.complete(client.subscribe("a", QoS::AtMostOnce)).expect("a subscription");
        for _ in 0..8 {
            bench.complete(client.publish("a", "p")).expect("a publish");
        }
        bench.turns(20);
        bench.complete(client.disconnect()).expect("a connection");
        bench.turns(5);
        let before = bench.polls();
        let publish = client.publish("t", "p").qos(QoS::AtLeastOnce);
        let mut publish = Call::begun(publish.timeout(Duration::from_millis(10)));
        publish.end(&mut bench).expect_err("no connection");
        bench.turns(5);
        assert_eq!(bench.polls() - before, 2, "that there is a deadline, and when it has passed");
    }
}
