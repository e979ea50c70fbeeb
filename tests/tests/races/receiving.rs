//! Messages that several threads take.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Client, QoS, ReasonCode};
use shuttle::sync::mpsc;

use crate::in_any_order;
use crate::woven::{Bench, Wire, Woven, finish, spawn};

const TOPIC: &str = "in";

fn subscribed(manual: bool) -> (Bench, Client<Woven>) {
    let (bench, client) = Bench::with(|config| config.manual_ack(manual));
    finish(client.connect(true)).expect("a connection");
    finish(client.subscribe(TOPIC, QoS::ExactlyOnce)).expect("a subscription");
    (bench, client)
}

/// The server has so many messages for us, numbered.
fn feed(wire: &Wire, count: u8) {
    for number in 0..count {
        let qos = [QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(number % 2)];
        wire.with_broker(|broker, now| broker.inject(TOPIC, &[number], qos, false, now));
    }
}

#[test]
fn consumers_that_share_the_queue_take_each_message_once() {
    in_any_order(|| {
        let (bench, client) = subscribed(false);
        let takers = [0; 2].map(|_| {
            let client = client.clone();
            spawn(async move || {
                let mut taken = Vec::new();
                for _ in 0..2 {
                    let message = client.queue().next().await.expect("a message");
                    taken.extend_from_slice(message.payload());
                }
                taken
            })
        });
        let wire = bench.wire.clone();
        let feeder = spawn(async move || feed(&wire, 4));
        let taken: Vec<u8> =
            takers.into_iter().flat_map(|taker| taker.join().expect("a thread")).collect();
        feeder.join().expect("a thread");
        assert_eq!(taken.len(), 4);
        assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 3]));
        drop(client);
        bench.end();
    });
}

#[test]
fn a_consumer_that_leaves_hands_its_turn_on() {
    in_any_order(|| {
        let (bench, client) = subscribed(false);
        let leaves = client.clone();
        let leaver = spawn(async move || {
            let mut queue = leaves.queue();
            let mut next = pin!(queue.next());
            let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            shuttle::thread::yield_now();
            usize::from(matches!(polled, Poll::Ready(Some(_))))
        });
        let wire = bench.wire.clone();
        let feeder = spawn(async move || feed(&wire, 2));
        let taken = leaver.join().expect("a thread");
        for _ in taken..2 {
            finish(async { client.queue().next().await }).expect("a message");
        }
        feeder.join().expect("a thread");
        drop(client);
        bench.end();
    });
}

#[test]
fn messages_are_acknowledged_by_whichever_thread() {
    in_any_order(|| {
        let (bench, client) = subscribed(true);
        feed(&bench.wire, 3);
        let workers = [0; 3].map(|_| {
            let client = client.clone();
            spawn(async move || {
                let message = client.queue().next().await.expect("a message");
                assert!(client.ack(&message, ReasonCode::SUCCESS));
            })
        });
        workers.into_iter().for_each(|worker| worker.join().expect("a thread"));
        // What is sent behind the acknowledgements arrives behind them.
        finish(client.publish("behind", "1").qos(QoS::ExactlyOnce)).expect("an acknowledgement");
        let open = bench.wire.with_broker(|broker, _| broker.sessions()[0].in_flight);
        assert_eq!(open, 0);
        drop(client);
        bench.end();
    });
}

#[test]
fn a_receiver_that_is_dropped_in_between_harms_no_other() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        finish(client.connect(true)).expect("a connection");
        let receive = || finish(client.subscribe(TOPIC, QoS::ExactlyOnce).receiver());
        let leaves = receive().expect("a subscription");
        let mut stays =
            finish(client.subscribe("#", QoS::ExactlyOnce).receiver()).expect("a subscription");
        let wire = bench.wire.clone();
        let feeder = spawn(async move || feed(&wire, 3));
        let leaver = spawn(async move || drop(leaves));
        for number in 0..3 {
            let message = finish(stays.next()).expect("a message");
            assert_eq!(message.payload(), [number]);
        }
        feeder.join().expect("a thread");
        leaver.join().expect("a thread");
        drop((stays, client));
        bench.end();
    });
}

#[test]
fn callbacks_that_come_and_go_miss_nothing_between() {
    in_any_order(|| {
        let (bench, client) = Bench::start();
        finish(client.connect(true)).expect("a connection");
        // Whoever waits for one that does not come waits for ever, which the scheduler reports.
        let (counts, count) = mpsc::channel();
        client.set_cb_on_event(Msg, move |_| {
            counts.send(()).expect("it is counted");
            async {}
        });
        finish(client.subscribe(TOPIC, QoS::ExactlyOnce)).expect("a subscription");
        let other = client.clone();
        let comes_and_goes = spawn(async move || {
            let id = other.set_cb_on_event(Msg, |_| async {});
            other.unset_cb(id);
        });
        feed(&bench.wire, 3);
        comes_and_goes.join().expect("a thread");
        for _ in 0..3 {
            count.recv().expect("each message");
        }
        drop(client);
        bench.end();
        assert!(count.try_recv().is_err(), "a message came twice");
    });
}
