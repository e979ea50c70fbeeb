//! `set_cb_on_event`, `new_task`, `udata`, `unset_cb`: callbacks beside the driver.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};
use mqtt_as_tokio::{DownReason, EventKind, QoS, event};

use crate::runtime::{Client, block, sleep, soon, within};
use crate::story::{
    MS, both, client, config, connected, id, message, numbers, peer, server, text, until,
};

/// What callbacks have seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, what: impl Into<String>) {
        self.0.lock().expect("no panic").push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    async fn count(&self, count: usize) {
        until(|| self.all().len() >= count).await;
    }
}

/// Publishes the numbers to ourselves.
async fn publish_numbers(client: &Client, count: usize, qos: QoS) {
    for number in numbers(count) {
        within(client.publish("a", &number).qos(qos)).await.expect("a publish");
    }
}

#[test]
fn up_down_and_messages_are_told_in_order() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let seen = Seen::default();
        let (ups, downs, messages) = (seen.clone(), seen.clone(), seen.clone());
        client.set_cb_on_event(event::Up, move |session| {
            ups.push(format!("up {}", session.session_present));
            async {}
        });
        client.set_cb_on_event(event::Down, move |reason| {
            downs.push(format!("down {reason:?}"));
            async {}
        });
        client.set_cb_on_event(event::Msg, move |message| {
            messages.push(format!("{} {}", message.topic(), text(&message)));
            async {}
        });
        within(client.connect(true)).await.expect("a connection");
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 3, QoS::AtLeastOnce).await;
        seen.count(4).await;
        within(client.disconnect()).await.expect("an end");
        seen.count(5).await;
        assert_eq!(seen.all(), ["up false", "a 0", "a 1", "a 2", "down Disconnected"]);
    });
}

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
                    seen.push(format!("{name} {}", text(&message)));
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
            seen.push(format!("{zero} {}", text(&message)));
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

#[test]
fn a_callback_that_was_unset_is_not_called() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let (one, other) = (seen.clone(), seen.clone());
        let unset = client.set_cb_on_event(event::Msg, move |_| {
            one.push("unset");
            async {}
        });
        client.set_cb_on_event(event::Msg, move |_| {
            other.push("set");
            async {}
        });
        assert!(client.unset_cb(unset) && !client.unset_cb(unset));
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 2, QoS::AtLeastOnce).await;
        seen.count(2).await;
        assert_eq!(seen.all(), ["set", "set"]);
    });
}

#[test]
fn a_callback_may_unset_itself_and_its_message_is_acknowledged_once() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.expect(PacketType::PubAck);
            script.send(&message("a", "2", Delivery::AtLeastOnce(id(6))));
            script.expect(PacketType::PubAck);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let own = Arc::new(Mutex::new(None));
        let (weak, known) = (client.downgrade(), own.clone());
        let callback = client.set_cb_on_event(event::Msg, move |message| {
            let (weak, known) = (weak.clone(), known.clone());
            async move {
                assert_eq!(text(&message), "1");
                let own = known.lock().expect("no panic").take().expect("its name");
                assert!(weak.upgrade().expect("a handle").unset_cb(own));
                sleep(10 * MS).await;
            }
        });
        *own.lock().expect("no panic") = Some(callback);
        within(client.connect(true)).await.expect("a connection");
        sleep(50 * MS).await;
        assert_eq!(crate::story::next(&client).await.1, "2", "the first one was taken");
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end();
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
            assert_ne!(text(&message), "1", "a panic that the story wants");
        });
        client.set_cb_on_event(event::Msg, move |message| {
            other.push(text(&message));
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
            script.send(&Packet::PubAck(crate::story::ack(1)));
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
        server.end();
    });
}

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
        server.end();
    });
}

#[test]
fn queue_and_callbacks_both_get_every_message() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let other = seen.clone();
        client.set_cb_on_event(event::Msg, move |message| {
            other.push(text(&message));
            async {}
        });
        let queue = client.queue();
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 20, QoS::AtLeastOnce).await;
        let _ = queue;
        assert_eq!(crate::story::payloads(&client, 20).await, numbers(20));
        seen.count(20).await;
        assert_eq!(seen.all(), numbers(20));
        assert!(soon(10 * MS, client.queue().next()).await.is_none());
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
        let observer = crate::story::observer(&server, "answer").await;
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        publish_numbers(&client, 10, QoS::ExactlyOnce).await;
        assert_eq!(crate::story::payloads(&observer, 10).await, numbers(10));
    });
}
