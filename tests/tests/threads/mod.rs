//! What needs an operating system under the runtime: threads that may block, panics that are
//! caught, its list of names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};

use crate::list::callbacks::publish_numbers;
use crate::list::story::{
    MS, Seen, ack, both, client, config, connected, in_5_0, message, numbers, peer, server, text,
    until,
};
use crate::runtime::adapter::{Config, QoS, event};
use crate::runtime::{block, within};

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

#[test]
fn every_address_of_a_name_is_tried() {
    in_5_0(async {
        // Of ::1 and 127.0.0.1 only one is served, whichever stands first in the name's list.
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(server) = mqtt_as_tests::server::Server::bind(host, Default::default()) else {
                println!("no {host} here");
                continue;
            };
            let port = server.addr().port();
            let resolved: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", port))
                .map(Iterator::collect)
                .unwrap_or_default();
            if !resolved.contains(&server.addr()) {
                println!("localhost is not {host} here: {resolved:?}");
                continue;
            }
            let client = client(Config::new("localhost").port(port));
            within(client.connect(true)).await.expect("a connection");
        }
    });
}
