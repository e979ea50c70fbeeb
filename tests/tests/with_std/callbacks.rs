//! Callbacks that are futures on the heap, and may wait, panic or block: `new_task`, `udata`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use crate::list::callbacks::publish_numbers;
use crate::list::story::{
    MS, Seen, ack, both, client, config, connected, id, message, numbers, observer, payloads, peer,
    published, server, text, until,
};
use crate::runtime::adapter::{DownReason, EventKind, QoS, Version, event};
use crate::runtime::{block, sleep, within};

#[test]
fn callbacks_of_an_event_run_one_after_the_other() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        for name in ["first", "second"] {
            let seen = seen.clone();
            client.set_cb_on_event(event::Msg, move |message| {
                let seen = seen.clone();
                async move {
                    sleep(5 * MS).await;
                    seen.push(format!("{name} {}", text(message.payload())));
                }
            });
        }
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 2, QoS::AtMostOnce).await;
        seen.count(4).await;
        assert_eq!(seen.all(), ["first 0", "second 0", "first 1", "second 1"]);
    });
}

#[test]
fn with_new_task_callbacks_run_side_by_side() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let counts = running.clone();
        client.set_cb_on_event(event::Msg.new_task(), move |_| {
            let counts = counts.clone();
            async move {
                let now = counts.0.fetch_add(1, Ordering::SeqCst) + 1;
                counts.1.fetch_max(now, Ordering::SeqCst);
                sleep(50 * MS).await;
                counts.0.fetch_sub(1, Ordering::SeqCst);
            }
        });
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 5, QoS::AtLeastOnce).await;
        until(|| running.1.load(Ordering::SeqCst) == 5).await;
    });
}

#[test]
fn callbacks_get_their_data() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        client.set_cb_on_event(event::Msg.udata((0, seen.clone())), |(message, (zero, seen))| {
            seen.push(format!("{zero} {}", text(message.payload())));
            async {}
        });
        let event = event::Down.udata(seen.clone()).new_task();
        client.set_cb_on_event(event, |(reason, seen): (DownReason, Seen)| async move {
            seen.push(format!("{reason:?}"));
        });
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 1, QoS::AtMostOnce).await;
        seen.count(1).await;
        within(client.disconnect()).await.expect("an end");
        seen.count(2).await;
        assert_eq!(seen.all(), ["0 0", "Disconnected"]);
    });
}

// Decision [held-until-taken]
#[test]
fn callbacks_finish_before_their_message_is_acknowledged() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.send(&message("a", "2", Delivery::ExactlyOnce(id(6))));
            script.expect_silence(80 * MS);
            script.expect(PacketType::PubAck);
            script.expect(PacketType::PubRec);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let done = done.clone();
            client.set_cb_on_event(event::Msg.new_task(), move |_| {
                let done = done.clone();
                async move {
                    sleep(200 * MS).await;
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        within(client.connect(true)).await.expect("a connection");
        until(|| done.load(Ordering::SeqCst) == 4).await;
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A callback that awaits an answer of the server does not wait for itself.
#[test]
fn a_callback_may_publish_and_await_the_acknowledgement() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let weak = client.downgrade();
        client.set_cb_on_event(event::Msg, move |message| {
            let weak = weak.clone();
            async move {
                let Some(client) = weak.upgrade() else { return };
                let answer = client.publish("answer", message.payload());
                answer.qos(QoS::ExactlyOnce).await.expect("an acknowledgement");
            }
        });
        let observer = observer(&server, "answer").await;
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        publish_numbers(&client, 10, QoS::ExactlyOnce).await;
        assert_eq!(payloads(&observer, 10).await, numbers(10));
    });
}

#[test]
fn a_panic_in_a_callback_stops_nothing() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let other = seen.clone();
        client.set_cb_on_event(event::Msg, |message| async move {
            assert_ne!(text(message.payload()), "1", "a panic that the story wants");
        });
        client.set_cb_on_event(event::Msg, move |message| {
            other.push(text(message.payload()));
            async {}
        });
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        publish_numbers(&client, 3, QoS::AtLeastOnce).await;
        seen.count(3).await;
        assert_eq!(seen.all(), numbers(3));
        assert!(within(client.broker_up()).await);
        until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
    });
}

/// PINGRESP and PUBACK go on while a callback holds its thread.
#[test]
fn a_callback_that_blocks_does_not_stop_pings_and_acknowledgements() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "slow", Delivery::AtMostOnce));
            script.expect(PacketType::Publish);
            script.send(&Packet::PubAck(ack(1)));
            script.expect(PacketType::PingReq);
            script.send(&Packet::PingResp);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (begun.clone(), done.clone());
        client.set_cb_on_event(event::Msg, move |_| {
            let (begun, done) = counts.clone();
            async move {
                begun.store(1, Ordering::SeqCst);
                block(1000 * MS);
                done.store(1, Ordering::SeqCst);
            }
        });
        within(client.connect(true)).await.expect("a connection");
        until(|| begun.load(Ordering::SeqCst) == 1).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert!(within(client.broker_up()).await);
        assert_eq!(done.load(Ordering::SeqCst), 0, "it still blocks");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Neither behind a message whose callback waits, nor behind as many as run side by side.
#[test]
fn a_lost_link_is_told_past_messages_that_wait() {
    both(async |version| {
        for side_by_side in [false, true] {
            let server = server();
            let client = client(config(version, server.addr().port()));
            let (seen, begun) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
            let count = begun.clone();
            let waits = move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                pending()
            };
            match side_by_side {
                true => client.set_cb_on_event(event::Msg.new_task(), waits),
                false => client.set_cb_on_event(event::Msg, waits),
            };
            let downs = seen.clone();
            client.set_cb_on_event(event::Down, move |reason| {
                downs.push(format!("{reason:?}"));
                async {}
            });
            within(client.connect(true)).await.expect("a connection");
            within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
            publish_numbers(&client, 100, QoS::AtMostOnce).await;
            let most = if side_by_side { 64 } else { 1 };
            until(|| begun.load(Ordering::SeqCst) == most).await;
            within(client.disconnect()).await.expect("an end");
            seen.count(1).await;
            assert_eq!(
                (seen.all(), begun.load(Ordering::SeqCst)),
                (vec!["Disconnected".to_owned()], most)
            );
        }
    });
}

/// The Down callback that connects again ends what message callbacks wait for, however long they may.
#[test]
fn a_down_callback_connects_again_past_callbacks_that_await_an_acknowledgement() {
    both(async |version| {
        for side_by_side in [false, true] {
            let window = if version == Version::V5 { 64 } else { 20 };
            let before = if side_by_side { window } else { 1 };
            let server = peer(move |script| {
                script.welcome();
                for _ in 0..70 {
                    script.send(&message("a", "x", Delivery::AtMostOnce));
                }
                for _ in 0..before {
                    published(script);
                }
                script.close();
                script.welcome_back();
                for _ in 0..70 {
                    let (_, number, _) = published(script);
                    script.send(&Packet::PubAck(ack(number)));
                }
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(version, server.port).response_time(Duration::ZERO));
            let (seen, weak) = (Seen::default(), client.downgrade());
            let (answered, handle) = (seen.clone(), weak.clone());
            let answer = move |_| {
                let (answered, handle) = (answered.clone(), handle.clone());
                async move {
                    let Some(client) = handle.upgrade() else { return };
                    let answer = client.publish("answer", "x").qos(QoS::AtLeastOnce);
                    answered.push(format!("{:?}", answer.await.is_ok()));
                }
            };
            match side_by_side {
                true => client.set_cb_on_event(event::Msg.new_task(), answer),
                false => client.set_cb_on_event(event::Msg, answer),
            };
            client.set_cb_on_event(event::Down, move |_| {
                let weak = weak.clone();
                async move {
                    let Some(client) = weak.upgrade() else { return };
                    let _ = client.connect(false).await; // Not after the end.
                }
            });
            within(client.connect(false)).await.expect("a connection");
            seen.count(70).await;
            assert_eq!(seen.all(), vec!["true"; 70]);
            assert_eq!(client.statistics().connections, 2);
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        }
    });
}
