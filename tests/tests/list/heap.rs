//! What needs memory from the heap: large messages, many calls, owned messages.

use bytes::Bytes;
use mqtt_as_proto::packet::{ConnAck, Disconnect, Packet, PacketType};

use super::story::{
    MS, accepted, both, client, config, connected, in_5_0, next, numbers, peer, server, until,
};
use super::streaming::{payload, send, streams};
use super::streaming_in::pair;
use crate::list::publishing::ALL;
use crate::runtime::adapter::{
    Config, Properties, Property, QoS, ReasonCode, ServerWords, Version,
};
use crate::runtime::{soon, spawn, within};

#[test]
fn large_payloads_arrive_whole_with_and_without_oneshot() {
    payloads_arrive_whole(5000, |config| config);
}

/// Payloads of that size, copied and by reference.
pub(crate) fn payloads_arrive_whole(len: u32, settings: impl Fn(Config) -> Config) {
    both(async |version| {
        let server = server();
        let client = connected(settings(config(version, server.addr().port()))).await;
        within(client.subscribe("big", QoS::ExactlyOnce)).await.expect("a subscription");
        let payload: Vec<u8> = (0..len).map(|number| number as u8).collect();
        let shared = Bytes::from(payload.clone());
        for qos in ALL {
            within(client.publish("big", &payload).qos(qos)).await.expect("a slice");
            within(client.publish("big", &shared).qos(qos)).await.expect("bytes");
            within(client.publish("big", &payload).qos(qos).oneshot(true)).await.expect("one shot");
            for _ in 0..3 {
                let message = within(client.queue().next()).await.expect("a message");
                assert!(message.payload() == payload && message.payload_bytes() == payload);
            }
        }
    });
}

#[test]
fn a_thousand_calls_at_once_all_end() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port()).in_flight(100)).await;
        let calls: Vec<_> = (0..1000)
            .map(|number: usize| {
                let client = client.clone();
                let qos = ALL[number % 3];
                spawn(async move { client.publish("a", &number.to_string()).qos(qos).await })
            })
            .collect();
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        until(|| accepted(&server).len() == 1000).await;
        let mut all = accepted(&server);
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(1000));
    });
}

#[test]
fn a_long_filter_has_a_long_remaining_length() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let filter = "f".repeat(5000);
        within(client.subscribe(&filter, QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish(&filter, "x")).await.expect("a publish");
        assert_eq!(next(&client).await.0, filter);
        within(client.unsubscribe(&filter)).await.expect("its end");
    });
}

#[test]
fn an_owned_message_outlives_the_queue_and_shares_its_bytes() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.publish("a", "payload").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let message = within(client.queue().next()).await.expect("a message");
        within(client.disconnect()).await.expect("an end");
        assert!(within(client.queue().next()).await.is_none());
        drop(client);
        assert_eq!((message.topic(), message.payload()), ("a", &b"payload"[..]));
        assert_eq!(message.payload_bytes().as_ptr(), message.clone().payload().as_ptr());
    });
}

#[test]
fn the_servers_words_are_kept() {
    in_5_0(async {
        let server = peer(|script| {
            let words = [Property::ReasonString("busy"), Property::ServerReference("elsewhere")];
            script.accept();
            script.expect(PacketType::Connect);
            let (reason, properties) = (ReasonCode::USE_ANOTHER_SERVER, Properties::new(&words));
            let refused = ConnAck { reason, properties, ..ConnAck::default() };
            script.send(&Packet::ConnAck(refused));
            script.expect_close();
            script.welcome();
            let words = [Property::ReasonString("night")];
            let properties = Properties::new(&words);
            let reason = ReasonCode::SERVER_SHUTTING_DOWN;
            script.send(&Packet::Disconnect(Disconnect { reason, properties }));
            script.expect_close();
        });
        let client = client(config(Version::V5, server.port));
        assert_eq!(client.server_words(), ServerWords::default());
        within(client.connect(true)).await.expect_err("a refusal");
        let words = client.server_words();
        assert_eq!(words.reason.as_deref(), Some("busy"));
        assert_eq!(words.reference.as_deref(), Some("elsewhere"));
        within(client.connect(true)).await.expect("a connection");
        within(client.down()).await.expect("an end");
        assert_eq!(client.server_words().reason.as_deref(), Some("night"));
        server.end().await;
    });
}

#[test]
fn who_takes_whole_messages_passes_over_streams() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        for qos in ALL {
            send(&sender, qos, &payload(100_000)).await;
            within(sender.publish("big", "small").qos(qos)).await.expect("a publish");
            let whole = within(client.queue().next()).await.expect("a message");
            assert_eq!(whole.payload(), b"small");
        }
        assert_eq!(client.statistics().too_large, 3);
        // They were acknowledged: nothing comes again.
        within(client.disconnect()).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        assert!(soon(50 * MS, client.queue().next()).await.is_none());
    });
}
