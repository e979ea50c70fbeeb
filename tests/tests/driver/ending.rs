//! Whoever waits learns the end of it: links that come and go, messages that expire, readers that
//! leave, calls without a slot. Driven by hand.

use std::time::Duration;

use mqtt_as_client::{
    Config, Memory, Overflow, Properties, Property, PublishError, QoS, SubscribeError, Waiter,
};
use mqtt_as_proto::packet::PacketType;
use mqtt_as_proto::{Storage, Version};

use crate::BOTH;
use crate::calls::{Call, connected, fill, has_arrived};
use crate::hand::Bench;

fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours")
}

fn connected_in(config: Config, memory: Memory) -> Bench {
    let mut bench = Bench::with_memory(config, memory, 1000);
    let client = bench.client();
    bench.complete(client.connect(true)).expect("a connection");
    bench
}

#[test]
fn calls_without_a_slot_look_again_now_and_then() {
    let config = config(Version::V5);
    let waiters = Storage::borrowed(Box::leak(Box::new([Waiter::new()])));
    let memory = Memory { waiters, ..Memory::heap(&config) };
    let mut bench = connected_in(config, memory);
    let (client, other) = (bench.client(), bench.client());
    let mut holder = Call::begun(client.down()); // It has the only slot.
    let (mut one, mut two) = (client.queue(), other.queue());
    let mut strangers = [Call::begun(one.next()), Call::begun(two.next())];
    for _ in 0..1000 {
        bench.turn();
        assert!(strangers.iter_mut().all(|call| call.poll().is_none()));
    }
    for call in &strangers {
        assert!((20..=110).contains(&call.polls), "{} polls in a second", call.polls);
    }
    // What they wait for reaches them, too.
    bench.receive(&[0x30, 5, 0, 1, b'a', 0, b'x']);
    let message = (0..50).find_map(|_| {
        bench.turn();
        strangers.iter_mut().find_map(Call::poll)
    });
    assert!(message.is_some_and(|message| message.is_some()), "the message");
    assert!(holder.poll().is_none());
}

#[test]
fn a_disconnect_before_the_attempt_begins_ends_the_calls_that_wait() {
    for version in BOTH {
        let mut bench = Bench::new(config(version).response_time(Duration::ZERO), 1000);
        let client = bench.client();
        bench.turn();
        let mut publish = Call::begun(client.publish("t", "x").qos(QoS::AtLeastOnce));
        let connect = Call::begun(client.connect(false));
        let mut disconnect = Call::new(client.disconnect());
        assert_eq!(disconnect.end_within(&mut bench, 10), Ok(()));
        assert_eq!(publish.end_within(&mut bench, 10), Err(PublishError::Kept));
        drop(connect);
    }
}

#[test]
fn a_request_that_waits_for_room_was_not_sent_when_the_link_is_ended() {
    for version in BOTH {
        let mut bench = connected(config(version).outbox(256));
        fill(&mut bench);
        let client = bench.client();
        let topic = "t".repeat(60);
        let mut subscribe = Call::begun(Box::pin(client.subscribe(&topic, QoS::AtMostOnce)));
        let _ = bench.poll_times(client.disconnect(), 2);
        bench.lose();
        assert_eq!(subscribe.end_within(&mut bench, 50), Err(SubscribeError::NotConnected));
    }
}

#[test]
fn a_lost_link_reaches_a_request_behind_any_number_of_messages_that_wait_for_room() {
    let mut bench = connected(config(Version::V5).outbox(256).store(256));
    fill(&mut bench);
    let client = bench.client();
    let mut publishes: Vec<_> = (0..70)
        .map(|_| Call::begun(client.publish("topic", [0; 200]).qos(QoS::AtLeastOnce)))
        .collect();
    let topic = "t".repeat(60);
    let mut subscribe = Call::begun(Box::pin(client.subscribe(&topic, QoS::AtMostOnce)));
    bench.lose();
    for _ in 0..20 {
        bench.turn();
        for publish in &mut publishes {
            let _ = publish.poll();
        }
        if let Some(end) = subscribe.poll() {
            assert_eq!(end, Err(SubscribeError::NotConnected));
            return;
        }
    }
    panic!("the subscribe does not learn it");
}

#[test]
fn what_expires_without_a_connection_makes_room_for_those_that_wait() {
    let mut bench = Bench::new(config(Version::V5).store(200), 1000);
    let client = bench.client();
    bench.turn();
    let properties = [Property::MessageExpiryInterval(1)];
    let expiring = || client.publish("t", [0; 60]).qos(QoS::AtLeastOnce);
    while expiring().properties(Properties::new(&properties)).try_publish().is_ok() {}
    let mut waits = Call::begun(client.publish("t", [1; 60]).qos(QoS::AtLeastOnce).send());
    assert!(waits.end_within(&mut bench, 1500).is_ok());
}

#[test]
fn a_message_that_is_left_half_read_ends_the_link_with_a_disconnect() {
    let settings = config(Version::V5).maximum_packet_size(256).largest_stream(1024 * 1024);
    let mut bench = connected(settings);
    let client = bench.client();
    bench.complete(client.subscribe("own", QoS::AtLeastOnce)).expect("a subscription");
    let payload = vec![7; 4000];
    client.publish("own", &payload).qos(QoS::AtLeastOnce).try_publish().expect("room");
    let (mut header, mut buffer) = ([0; 64], [0; 50]);
    let mut queue = client.queue();
    let stream = bench.complete(queue.next_stream(&mut header)).expect("room");
    let mut stream = stream.expect("a message");
    assert_eq!(bench.complete(stream.read(&mut buffer)), Ok(50));
    drop(stream);
    bench.turns(50);
    assert_eq!(bench.packet_types().last(), Some(&PacketType::Disconnect));
    bench.turns(1500);
    assert!(bench.is_cut());
}

#[test]
fn a_stream_that_waits_for_its_acknowledgement_has_it_read() {
    for version in BOTH {
        let settings = config(version).queue_len(2).overflow(Overflow::Wait);
        let mut bench = connected(settings);
        let client = bench.client();
        let _queue = client.queue();
        let publish: &[u8] = match version {
            Version::V5 => &[0x30, 5, 0, 1, b'a', 0, b'x'],
            Version::V311 => &[0x30, 4, 0, 1, b'a', b'x'],
        };
        for _ in 0..6 {
            bench.receive(publish);
            bench.turns(3);
        }
        let open = client.publish_stream("out", 3).qos(QoS::AtLeastOnce).open();
        let mut stream = bench.complete(open).expect("an open stream");
        bench.complete(stream.write_all(b"abc")).expect("written");
        let mut finish = Call::new(stream.finish());
        assert!(has_arrived(&Some(finish.end_within(&mut bench, 100))));
    }
}

#[test]
fn a_lost_link_gives_the_memory_of_a_burst_back() {
    for version in BOTH {
        let mut bench = connected(config(version));
        let client = bench.client();
        fill(&mut bench);
        let payload = vec![7; 10_000];
        client.publish("t", &payload).qos(QoS::AtLeastOnce).try_publish().expect("room");
        let burst = client.statistics().allocated;
        assert!(burst > 70_000, "{burst} bytes");
        bench.lose();
        bench.turns(10);
        assert!(!client.is_connected());
        let kept = client.statistics().allocated;
        assert!((10_000..11_000).contains(&kept), "{kept} bytes for one message that waits");
    }
}

#[test]
fn an_idle_link_gives_the_memory_of_a_burst_back() {
    for version in BOTH {
        let mut bench = connected(config(version).keepalive(Duration::from_secs(2)));
        let client = bench.client();
        let before = client.statistics().allocated;
        let payload = vec![7; 10_000];
        for _ in 0..5 {
            client.publish("t", &payload).qos(QoS::AtLeastOnce).try_publish().expect("room");
        }
        let burst = client.statistics().allocated;
        assert!(burst > before + 50_000, "{burst} bytes");
        assert!(bench.complete(client.drain(Duration::from_secs(1))), "all is acknowledged");
        assert!(client.statistics().allocated >= 50_000, "kept, as another burst may follow");
        bench.turns(3000);
        assert!(bench.packet_types().contains(&PacketType::PingReq));
        let kept = client.statistics().allocated;
        assert!(kept <= before, "{kept} bytes, {before} before the burst");
    }
}

#[test]
fn a_consumer_that_is_dropped_passes_its_wake_up_on() {
    let mut bench = connected(config(Version::V5));
    let client = bench.client();
    let mut queues: Vec<_> = (0..5).map(|_| client.queue()).collect();
    let mut calls: Vec<_> = queues.iter_mut().map(|queue| Call::begun(queue.next())).collect();
    bench.receive(&[0x30, 5, 0, 1, b'a', 0, b'x']);
    bench.turns(5);
    // All that were woken go away unpolled, until one is left.
    while calls.len() > 1 {
        let woken = calls.iter().position(Call::is_woken);
        drop(calls.swap_remove(woken.expect("somebody is woken")));
        bench.turns(5);
    }
    let mut last = calls.pop().expect("one is left");
    assert!(last.end_within(&mut bench, 5).is_some());
}
