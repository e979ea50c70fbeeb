//! What needs memory from the heap: large messages, many calls, owned messages.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::story::{MS, both, config, connected, next, numbers, payloads, peer, server};
use crate::list::publishing::ALL;
use crate::runtime::adapter::{ConnectionError, DownReason, PublishError, QoS, Waiting};
use crate::runtime::{spawn, within};

#[test]
fn large_payloads_arrive_whole_with_and_without_oneshot() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).outbox(4 << 20).store(4 << 20);
        let client = connected(settings).await;
        within(client.subscribe("big", QoS::ExactlyOnce)).await.expect("a subscription");
        let payload: Vec<u8> = (0..2_000_000_u32).map(|number| number as u8).collect();
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
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let calls: Vec<_> =
            (0..1000)
                .map(|number: usize| {
                    let client = client.clone();
                    spawn(async move {
                        client.publish("a", &number.to_string()).qos(ALL[number % 3]).await
                    })
                })
                .collect();
        let mut all = payloads(&client, 1000).await;
        for call in calls {
            call.end().await.expect("an acknowledgement");
        }
        all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
        assert_eq!(all, numbers(1000));
        assert_eq!(client.statistics().discards, 0);
    });
}

#[test]
fn a_long_filter_has_a_long_remaining_length() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let filter = "f".repeat(20_000);
        within(client.subscribe(&filter, QoS::AtMostOnce)).await.expect("a subscription");
        within(client.publish(&filter, "x")).await.expect("a publish");
        assert_eq!(next(&client).await.0, filter);
        within(client.unsubscribe(&filter)).await.expect("its end");
    });
}

#[test]
fn a_server_that_reads_nothing_fails_the_write_time_out() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            std::thread::sleep(1500 * MS);
        });
        let settings = config(version, server.port).write_timeout(200 * MS).outbox(64 << 20);
        let client = connected(settings).await;
        let writer = spawn({
            let client = client.clone();
            async move {
                let payload = vec![0; 1 << 20];
                for _ in 0..40 {
                    client.publish("a", &payload).timeout(5000 * MS).await?;
                }
                Ok::<_, PublishError>(())
            }
        });
        let begun = Instant::now();
        let why = ConnectionError::TimedOut(Waiting::Write);
        assert_eq!(within(client.down()).await, Some(DownReason::Protocol(why)));
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(!client.is_connected());
        writer.abort();
        server.end().await;
    });
}
