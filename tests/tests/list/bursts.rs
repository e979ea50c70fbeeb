//! More at once than the program takes at once: nothing is lost, and the link stays.

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use super::story::{
    MS, accept, ack, both, client, config, connected, id, message, next, numbers, other, payloads,
    peer, published, server, until,
};
use crate::runtime::adapter::{DownReason, QoS};
use crate::runtime::{sleep, soon, spawn, within};

/// Another client publishes the numbers at QoS 0, as fast as the server takes them.
async fn publish_at_once(port: u16, count: usize) {
    let other = other(port, "other").await;
    for number in numbers(count) {
        within(other.publish("a", number.as_str())).await.expect("a publish");
    }
    assert!(within(other.broker_up()).await);
}

#[test]
fn a_burst_reaches_a_program_that_takes_one_after_the_other() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let ours = connected(config(version, port)).await;
        within(ours.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let burst = spawn(publish_at_once(port, 5000));
        assert_eq!(payloads(&ours, 5000).await, numbers(5000));
        burst.end().await;
        let all = ours.statistics();
        assert_eq!((all.discards, all.shed, all.connections), (0, 0, 1));
    });
}

/// Retained messages may come before the program gets to ask for them.
#[test]
fn what_comes_between_subscribe_and_the_first_next_is_not_dropped() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let ours = connected(config(version, port).queue_len(8).receive_maximum(8)).await;
        within(ours.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        publish_at_once(port, 1000).await;
        until(|| ours.statistics().received >= 8).await;
        sleep(50 * MS).await; // It stays like that.
        assert_eq!(payloads(&ours, 1000).await, numbers(1000));
        assert_eq!(ours.statistics().discards, 0);
    });
}

/// A session of another day may have subscriptions that this program does not know.
// Decision [no-consumer]
#[test]
fn a_program_that_never_asks_for_messages_keeps_its_link() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, true, &[]);
            for number in 1..=40 {
                script.send(&message("old", "x", Delivery::AtLeastOnce(id(number))));
            }
            for _ in 0..4 {
                let (_, number, _) = published(script);
                script.send(&Packet::PubAck(ack(number)));
            }
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).queue_len(8).receive_maximum(8);
        let ours = client(settings.response_time(100 * MS).max_repubs(1));
        let session = within(ours.connect(false)).await.expect("a connection");
        assert!(session.session_present);
        for _ in 0..4 {
            within(ours.publish("own", "x").qos(QoS::AtLeastOnce)).await.expect("a publish");
            assert_eq!(soon(200 * MS, ours.down()).await, None, "the link stays");
        }
        assert!(ours.statistics().shed > 0, "there was no room");
        within(ours.disconnect()).await.expect("an end");
        assert_eq!(within(ours.down()).await, Some(DownReason::Disconnected));
        server.end().await;
    });
}

/// What is shed on a link without a consumer comes again on the next one.
#[test]
fn whoever_asks_later_gets_what_a_kept_session_holds() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let ours = client(config(version, port).queue_len(4).receive_maximum(4));
        within(ours.connect(false)).await.expect("a connection");
        within(ours.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        let other = other(port, "other").await;
        for number in numbers(20) {
            within(other.publish("a", number.as_str()).qos(QoS::AtLeastOnce)).await.expect("taken");
        }
        assert!(within(ours.broker_up()).await);
        let mut all: Vec<String> = Vec::new();
        while all.len() < 20 {
            if !ours.is_connected() {
                within(ours.connect(false)).await.expect("a connection");
            }
            if let Some((_, text)) = soon(100 * MS, next(&ours)).await
                && !all.contains(&text)
            {
                all.push(text);
            }
        }
        assert_eq!(all, numbers(20));
    });
}
