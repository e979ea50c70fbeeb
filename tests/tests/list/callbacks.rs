//! Callbacks on events, beside the driver.

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use super::story::{
    MS, Seen, ack, both, client, config, connected, id, message, numbers, payloads, peer, server,
    take, text, until,
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
