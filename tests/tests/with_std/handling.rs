//! Callbacks of one subscription each: `subscribe(…).handler(…)`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mqtt_as_proto::packet::{Delivery, Packet, PacketType, SubAck};
use mqtt_as_proto::{Properties, ReasonCode};
use mqtt_as_tests::script::Script;

use crate::list::story::{
    MS, Seen, acknowledged, both, client, config, connected, gate, id, message, next, peer, server,
    text, until,
};
use crate::runtime::adapter::{QoS, SubscribeError, Subscription, Version, event};
use crate::runtime::{Client, sleep, within};

/// A callback that notes what it sees.
async fn noting(client: &Client, filter: &str, seen: &Seen) -> Subscription {
    let seen = seen.clone();
    let handler = client.subscribe(filter, QoS::ExactlyOnce).handler(move |message| {
        let seen = seen.clone();
        async move { seen.push(text(message.payload())) }
    });
    within(handler).await.expect("a subscription")
}

/// The client asks for a filter, and is granted QoS 2.
fn subscribed(script: &mut Script) {
    answered(script, 2);
}

fn answered(script: &mut Script, code: u8) {
    let id = script.expect_packet(PacketType::Subscribe, |packet| {
        let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
        subscribe.id
    });
    script.send(&Packet::SubAck(SubAck { id, properties: Properties::NONE, codes: &[code] }));
}

#[test]
fn a_callback_gets_what_its_filter_matches_until_its_subscription_is_dropped() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let (commands, others) = (Seen::default(), Seen::default());
        let command = noting(&client, "cmd/+", &commands).await;
        let other = noting(&client, "other", &others).await;
        assert_eq!(
            command.granted().map(|granted| granted.map(|one| one.qos())),
            Some(Ok(QoS::ExactlyOnce))
        );
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for topic in ["cmd/1", "other", "cmd/2"] {
                within(client.publish(topic, topic).qos(qos)).await.expect("a publish");
            }
        }
        commands.count(6).await;
        others.count(3).await;
        assert_eq!(commands.all(), ["cmd/1", "cmd/2"].repeat(3));
        assert_eq!(others.all(), ["other"; 3]);
        drop(command);
        within(client.subscribe("cmd/+", QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish("cmd/3", "for the queue")).await.expect("a publish");
        assert_eq!(next(&client).await.1, "for the queue");
        within(client.publish("other", "more")).await.expect("a publish");
        others.count(4).await;
        assert_eq!(commands.all().len(), 6);
        drop(other);
    });
}

// Decision [held-until-taken]
#[test]
fn a_message_is_acknowledged_when_its_callback_has_finished() {
    both(async |version| {
        let (began, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script);
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(1))));
            waits.wait();
            script.expect_silence(50 * MS);
            acknowledged(script, PacketType::PubAck, 1);
            script.close();
        });
        let client = connected(config(version, server.port)).await;
        let (goes_on, seen) = (Arc::new(AtomicBool::new(false)), Seen::default());
        let (waiting, notes) = (goes_on.clone(), seen.clone());
        let handler = client.subscribe("a", QoS::AtLeastOnce).handler(move |message| {
            let (waiting, notes) = (waiting.clone(), notes.clone());
            async move {
                notes.push(text(message.payload()));
                while !waiting.load(Ordering::SeqCst) {
                    sleep(MS).await;
                }
            }
        });
        let subscription = within(handler).await.expect("a subscription");
        seen.count(1).await;
        began.open();
        sleep(100 * MS).await;
        goes_on.store(true, Ordering::SeqCst);
        within(client.down()).await.expect("an end");
        drop(subscription);
        server.end().await;
    });
}

#[test]
fn a_callback_goes_on_after_a_disconnect_and_a_panic() {
    both(async |version| {
        let server = peer(|script| {
            for payload in ["panic", "calm"] {
                script.welcome();
                subscribed(script);
                script.send(&message("a", payload, Delivery::AtLeastOnce(id(1))));
                acknowledged(script, PacketType::PubAck, 1);
                script.send(&message("queue", "it has", Delivery::AtMostOnce));
                script.expect(PacketType::Disconnect);
                script.expect_close();
            }
        });
        let client = client(config(version, server.port));
        let seen = Seen::default();
        let notes = seen.clone();
        let handler = client.subscribe("a", QoS::AtLeastOnce).handler(move |message| {
            let notes = notes.clone();
            async move {
                notes.push(text(message.payload()));
                assert_ne!(message.payload(), b"panic", "it is caught");
            }
        });
        let subscription = within(handler).await.expect("a subscription");
        for _ in 0..2 {
            within(client.connect(true)).await.expect("a connection");
            assert_eq!(next(&client).await.1, "it has");
            within(client.disconnect()).await.expect("an end");
        }
        assert_eq!(seen.all(), ["panic", "calm"]);
        drop(subscription);
        server.end().await;
    });
}

#[test]
fn a_refused_callback_is_never_called() {
    both(async |version| {
        let server = peer(move |script| {
            script.welcome();
            answered(script, if version == Version::V5 { 0x87 } else { 0x80 });
            script.send(&message("a", "for nobody", Delivery::AtMostOnce));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let handler = client.subscribe("a", QoS::AtMostOnce).handler(|_| async { unreachable!() });
        let refused = within(handler).await.err();
        let reason = match version {
            Version::V311 => ReasonCode::UNSPECIFIED_ERROR,
            Version::V5 => ReasonCode::NOT_AUTHORIZED,
        };
        assert_eq!(refused, Some(SubscribeError::Refused(reason)));
        assert_eq!(next(&client).await.1, "for nobody");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// What a callback holds goes with its subscription.
#[test]
fn a_dropped_subscription_drops_its_callback() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let held = Arc::new(());
        let own = held.clone();
        let subscribe = client.subscribe("a", QoS::AtMostOnce);
        let subscription = subscribe.handler(move |_| {
            let _ = &own;
            async {}
        });
        let subscription = within(subscription).await.expect("a subscription");
        sleep(20 * MS).await; // The task of callbacks rests.
        drop(subscription);
        until(|| Arc::strong_count(&held) == 1).await;
        within(client.disconnect()).await.expect("an end");
    });
}

/// Not even where nothing happens at all.
#[test]
fn a_callback_is_dropped_without_a_connection_too() {
    both(async |version| {
        let client = client(config(version, 1));
        let held = Arc::new(());
        let own = held.clone();
        let subscribe = client.subscribe("a", QoS::AtMostOnce);
        let subscription = subscribe.handler(move |_| {
            let _ = &own;
            async {}
        });
        let subscription = within(subscription).await.expect("a subscription");
        sleep(20 * MS).await;
        drop(subscription);
        until(|| Arc::strong_count(&held) == 1).await;
    });
}

/// The task of callbacks has looked for new ones before it calls those that are there.
#[test]
fn a_callback_that_another_one_makes_is_known_at_once() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let (held, made) = (Arc::new(()), Arc::new(Mutex::new(None)));
        let (weak, own, place) = (client.downgrade(), held.clone(), made.clone());
        client.set_cb_on_event(event::Down, move |_| {
            let (weak, own, place) = (weak.clone(), own.clone(), place.clone());
            async move {
                let Some(client) = weak.upgrade() else { return };
                let handler = client.subscribe("a", QoS::AtMostOnce).handler(move |_| {
                    let _ = &own;
                    async {}
                });
                let subscription = handler.await.expect("a subscription");
                *place.lock().expect("no panic") = Some(subscription);
            }
        });
        within(client.disconnect()).await.expect("an end");
        until(|| made.lock().expect("no panic").is_some()).await;
        let before = Arc::strong_count(&held);
        drop(made.lock().expect("no panic").take());
        until(|| Arc::strong_count(&held) < before).await;
    });
}
