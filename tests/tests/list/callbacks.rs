//! Callbacks on events, beside the driver.

use std::sync::{Arc, Mutex};

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use super::story::{
    MS, Seen, ack, both, client, config, connected, id, message, next, numbers, payloads, peer,
    server, take, text, until,
};
use crate::runtime::adapter::QoS;
use crate::runtime::{Client, on_down, on_message, on_up, sleep, soon, within};

/// Publishes the numbers to ourselves.
pub(crate) async fn publish_numbers(client: &Client, count: usize, qos: QoS) {
    for number in numbers(count) {
        within(client.publish("a", number.as_str()).qos(qos)).await.expect("a publish");
    }
}

#[test]
fn up_down_and_messages_are_told_in_order() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let seen = Seen::default();
        let (ups, downs, messages) = (seen.clone(), seen.clone(), seen.clone());
        on_up(&client, move |session| ups.push(format!("up {}", session.session_present)));
        on_down(&client, move |reason| downs.push(format!("down {reason:?}")));
        on_message(&client, move |topic, payload| {
            messages.push(format!("{topic} {}", text(payload)));
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
fn a_lost_link_and_its_return_are_told() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        let seen = Seen::default();
        let (ups, downs) = (seen.clone(), seen.clone());
        on_up(&client, move |session| ups.push(format!("up {}", session.session_present)));
        on_down(&client, move |_| downs.push("down"));
        within(client.connect(false)).await.expect("a connection");
        server.cut();
        seen.count(2).await;
        within(client.connect(false)).await.expect("a connection");
        seen.count(3).await;
        assert_eq!(seen.all(), ["up false", "down", "up true"]);
    });
}

#[test]
fn a_message_is_acknowledged_when_its_callback_has_returned() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.send(&message("a", "1", Delivery::AtLeastOnce(id(5))));
            script.expect(PacketType::PubAck);
            script.send(&message("a", "2", Delivery::ExactlyOnce(id(6))));
            script.expect(PacketType::PubRec);
            script.send(&Packet::PubRel(ack(6)));
            script.expect(PacketType::PubComp);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        let seen = Seen::default();
        let told = seen.clone();
        on_message(&client, move |_, payload| told.push(text(payload)));
        within(client.connect(true)).await.expect("a connection");
        seen.count(2).await;
        assert_eq!(seen.all(), ["1", "2"]);
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn queue_and_callbacks_both_get_every_message() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let other = seen.clone();
        on_message(&client, move |_, payload| other.push(text(payload)));
        let _queue = client.queue();
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 8, QoS::AtLeastOnce).await;
        assert_eq!(payloads(&client, 8).await, numbers(8));
        seen.count(8).await;
        assert_eq!(seen.all(), numbers(8));
        assert!(soon(10 * MS, take(&client)).await.is_none());
    });
}

#[test]
fn a_callback_with_a_weak_handle_does_not_keep_the_client() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let weak = client.downgrade();
        let captured = weak.clone();
        on_message(&client, move |_, _| drop(captured.upgrade()));
        drop(client);
        assert!(weak.upgrade().is_none());
        until(|| server.with(|broker, _| broker.sessions().is_empty())).await;
    });
}

#[test]
fn callbacks_of_an_event_are_called_in_their_order() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        for name in ["first", "second", "third"] {
            let seen = seen.clone();
            on_message(&client, move |_, payload| seen.push(format!("{name} {}", text(payload))));
        }
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 2, QoS::AtMostOnce).await;
        seen.count(6).await;
        let wanted = ["first 0", "second 0", "third 0", "first 1", "second 1", "third 1"];
        assert_eq!(seen.all(), wanted);
    });
}

#[test]
fn a_callback_that_was_unset_is_not_called() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let (one, other) = (seen.clone(), seen.clone());
        let unset = on_message(&client, move |_, _| one.push("unset"));
        on_message(&client, move |_, _| other.push("set"));
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
        let callback = on_message(&client, move |_, payload| {
            assert_eq!(payload, b"1");
            let own = known.lock().expect("no panic").take().expect("its name");
            assert!(weak.upgrade().expect("a handle").unset_cb(own));
        });
        *own.lock().expect("no panic") = Some(callback);
        within(client.connect(true)).await.expect("a connection");
        sleep(50 * MS).await;
        assert_eq!(next(&client).await.1, "2", "the first one was taken");
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Without a callback for messages the queue is the only one who has to take them.
#[test]
fn messages_go_to_the_queue_again_when_the_last_callback_is_unset() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let seen = Seen::default();
        let told = seen.clone();
        let callback = on_message(&client, move |_, payload| told.push(text(payload)));
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        publish_numbers(&client, 1, QoS::AtLeastOnce).await;
        seen.count(1).await;
        assert!(client.unset_cb(callback));
        within(client.publish("a", "later").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(next(&client).await.1, "later");
        assert_eq!(seen.all(), ["0"]);
        until(|| server.with(|broker, _| broker.sessions()[0].in_flight) == 0).await;
    });
}
