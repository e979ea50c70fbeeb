//! What is taken makes room at once, and what nobody takes holds up nobody for ever. Driven by hand.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Config, EventKind, Message, Overflow, QoS, Runtime};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::hand::{Bench, Hand};

/// Turns, of a millisecond each, within which everything here has to happen.
const SOON: usize = 100;

/// Nothing wakes the driver but what happens.
fn config(version: Version) -> Config {
    Config::new("by hand").version(version).client_id("ours").keepalive(Duration::ZERO)
}

#[test]
fn a_qos_0_message_that_a_callback_has_begun_with_makes_room_at_once() {
    for version in BOTH {
        let settings = config(version).overflow(Overflow::Wait).queue_len(1).receive_maximum(1);
        let mut bench = Bench::with_callbacks(settings);
        let client = bench.client();
        let begun = Arc::new(AtomicUsize::new(0));
        let count = begun.clone();
        client.set_cb_on_event(Msg.new_task(), move |_: Message| {
            count.fetch_add(1, Ordering::Relaxed);
            Hand::sleep_until(Hand::now().after(1_000_000))
        });
        bench.complete(client.connect(false)).expect("a connection");
        bench.complete(client.subscribe("own", QoS::AtMostOnce)).expect("a subscription");
        for _ in 0..4 {
            client.publish("own", "x").try_publish().expect("room");
        }
        bench.turns(SOON);
        assert_eq!(begun.load(Ordering::Relaxed), 4);
    }
}

/// Nobody else would take them, and the server's window is theirs.
// Decision [unclaimed]
#[test]
fn what_callbacks_that_are_gone_have_left_holds_up_no_receiver_for_ever() {
    for version in BOTH {
        let time = Duration::from_millis(200);
        let settings = config(version).response_time(time).receive_maximum(4);
        let mut bench = Bench::with_callbacks(settings);
        let client = bench.client();
        let slow = |_: Message| Hand::sleep_until(Hand::now().after(50));
        let callback = client.set_cb_on_event(Msg, slow);
        bench.complete(client.connect(false)).expect("a connection");
        let receiver = client.subscribe("claimed", QoS::AtLeastOnce).receiver();
        let mut receiver = bench.complete(receiver).expect("a receiver");
        bench.complete(client.subscribe("other", QoS::AtLeastOnce)).expect("a subscription");
        // As many as the server sends without an acknowledgement.
        let window = if version == Version::V5 { 4 } else { 20 };
        for topic in iter::repeat_n("other", window).chain(["claimed"; 3]) {
            let publish = client.publish(topic, "x").qos(QoS::AtLeastOnce);
            drop(bench.complete(publish.send()).expect("room"));
        }
        bench.turns(20);
        assert!(client.unset_cb(callback));
        for _ in 0..3 {
            let message = bench.complete(receiver.next()).expect("a message");
            assert_eq!(message.topic(), "claimed");
        }
        assert!(client.statistics().unclaimed >= 3, "but for those that the callback had");
    }
}
