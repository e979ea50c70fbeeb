//! Streams on their way in: messages of any length, read piece by piece.

use std::time::Duration;

use mqtt_as_proto::Version;
use mqtt_as_proto::packet::{Delivery, PacketType};

use super::story::{
    MS, Seen, both, config, connected, id, in_5_0, message, next, other, peer, server, take, text,
    until,
};
use super::streaming::{ALL, MIB, next_whole, payload, reader, rest, send, streams};
use crate::runtime::adapter::{
    Config, DownReason, PublishError, QoS, ReasonCode, StreamError, SubscribeError,
};
use crate::runtime::{Client, on_message, sleep, soon, spawn, within};

/// A client that has subscribed to "big", and another one that publishes to it.
pub(crate) async fn pair(
    settings: Config,
    server: &mqtt_as_tests::server::Server,
) -> (Client, Client) {
    (reader(settings).await, other(server.addr().port(), "sender").await)
}

#[test]
fn a_mebibyte_comes_through_small_buffers() {
    both(async |version| {
        let server = server();
        let bytes = payload(MIB);
        let settings = streams(config(version, server.addr().port()));
        let (client, sender) = pair(settings, &server).await;
        for qos in ALL {
            send(&sender, qos, &bytes).await;
            let (topic, came, read) = next_whole(&client).await;
            assert!((&*topic, came) == ("big", qos) && read == bytes);
            within(sender.publish("big", "small").qos(qos)).await.expect("a publish");
            assert_eq!(next_whole(&client).await.2, b"small");
        }
        assert!(within(client.drain(Duration::from_secs(5))).await);
        assert_eq!(client.statistics().received, 6);
    });
}

#[test]
fn out_and_in_at_once_each_at_its_own_pace() {
    both(async |version| {
        let server = server();
        let (client, _sender) = pair(streams(config(version, server.addr().port())), &server).await;
        let bytes = payload(100_000);
        for qos in ALL {
            let reader = client.clone();
            let reader = spawn(async move { next_whole(&reader).await });
            let open = client.publish_stream("big", 100_000).qos(qos).open();
            let mut out = within(open).await.expect("a stream");
            within(out.write_all(&bytes)).await.expect("room");
            while let Err(error) = within(out.finish()).await {
                // The answer lies behind what is being read.
                assert_eq!(error, PublishError::StreamOpen);
                sleep(MS).await;
            }
            assert!(reader.end().await.2 == bytes);
        }
    });
}

#[test]
fn whole_messages_are_read_the_same_way() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(config(version, server.addr().port()), &server).await;
        for text in ["", "x", "some text"] {
            for qos in ALL {
                within(sender.publish("big", text).qos(qos)).await.expect("a publish");
                let (topic, came, read) = next_whole(&client).await;
                assert_eq!((&*topic, came, &*read), ("big", qos, text.as_bytes()));
            }
        }
        assert!(within(client.drain(Duration::from_secs(5))).await);
    });
}

#[test]
fn what_does_not_fit_stays_at_the_front() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).topic_alias_maximum(0);
        let (client, sender) = pair(streams(settings), &server).await;
        send(&sender, QoS::AtMostOnce, &payload(1000)).await;
        let mut queue = client.queue();
        let mut buffer = [0; 2000];
        let error = within(queue.next_into(&mut buffer)).await.expect_err("a stream");
        assert_eq!(
            (error.needed, error.given),
            (if version == Version::V5 { 1009 } else { 1008 }, 2000)
        );
        assert!(error.to_string().contains("next_stream"), "no buffer is large enough: {error}");
        let mut header = [0; 4];
        let error = within(queue.next_stream(&mut header)).await.expect_err("a header");
        assert!(error.to_string().contains("larger"), "{error}");
        assert_eq!((error.needed, error.given), (if version == Version::V5 { 9 } else { 8 }, 4));
        assert_eq!(next_whole(&client).await.2.len(), 1000);
    });
}

#[test]
fn callbacks_pass_over_streams() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        let seen = Seen::default();
        let told = seen.clone();
        let _callback = on_message(&client, move |_, payload| told.push(text(payload)));
        send(&sender, QoS::AtLeastOnce, &payload(100_000)).await;
        within(sender.publish("big", "small").qos(QoS::AtLeastOnce)).await.expect("a publish");
        seen.count(1).await;
        assert_eq!(seen.all(), ["small"]);
        assert_eq!(client.statistics().too_large, 1);
    });
}

#[test]
fn dropped_before_a_byte_was_read_it_stays_at_the_front() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        for size in [100, 100_000] {
            send(&sender, QoS::AtLeastOnce, &payload(size)).await;
            within(sender.publish("big", "second")).await.expect("a publish");
            let mut header = [0; 64];
            let mut queue = client.queue();
            drop(within(queue.next_stream(&mut header)).await.expect("room").expect("a message"));
            assert_eq!(next_whole(&client).await.2.len(), size as usize);
            assert_eq!(next(&client).await.1, "second");
        }
    });
}

#[test]
fn a_message_that_is_there_whole_stays_if_it_is_dropped_half_way() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(config(version, server.addr().port()), &server).await;
        within(sender.publish("big", "first").qos(QoS::ExactlyOnce)).await.expect("a publish");
        within(sender.publish("big", "second")).await.expect("a publish");
        let (mut header, mut buffer) = ([0; 64], [0; 2]);
        let mut queue = client.queue();
        let mut stream = within(queue.next_stream(&mut header)).await.expect("room").expect("one");
        assert_eq!(within(stream.read(&mut buffer)).await, Ok(2));
        // Meanwhile it is its reader's alone.
        assert_eq!(next(&client).await.1, "second");
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("all of it is there");
        drop(stream);
        assert_eq!(next(&client).await.1, "first");
    });
}

#[test]
fn dropped_half_way_it_comes_again_or_is_counted() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        for size in [10_000, 100_000] {
            for qos in ALL {
                let bytes = payload(size);
                send(&sender, qos, &bytes).await;
                let discards = client.statistics().discards;
                let (mut header, mut buffer) = ([0; 64], [0; 100]);
                let mut queue = client.queue();
                let stream = within(queue.next_stream(&mut header)).await.expect("room");
                let mut stream = stream.expect("a message");
                within(stream.read(&mut buffer)).await.expect("a piece");
                drop(stream);
                if qos == QoS::AtMostOnce {
                    assert_eq!(client.statistics().discards, discards + 1);
                    within(sender.publish("big", "after")).await.expect("a publish");
                    assert_eq!(next(&client).await.1, "after");
                    continue;
                }
                assert_eq!(within(client.down()).await, Some(DownReason::StreamNotTaken));
                within(client.connect(false)).await.expect("a connection");
                assert!(next_whole(&client).await.2 == bytes);
            }
        }
        assert!(soon(50 * MS, take(&client)).await.is_none(), "exactly once");
    });
}

#[test]
fn skipped_it_is_taken() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        for size in [10, 10_000, 100_000] {
            for qos in ALL {
                send(&sender, qos, &payload(size)).await;
                let (mut header, mut buffer) = ([0; 64], [0; 5]);
                let mut queue = client.queue();
                let stream = within(queue.next_stream(&mut header)).await.expect("room");
                let mut stream = stream.expect("a message");
                within(stream.read(&mut buffer)).await.expect("a piece");
                stream.skip();
                within(sender.publish("big", "after")).await.expect("a publish");
                assert_eq!(next(&client).await.1, "after");
            }
        }
        within(client.disconnect()).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        assert!(soon(50 * MS, take(&client)).await.is_none());
    });
}

#[test]
fn not_read_in_time_it_blocks_nothing_any_longer() {
    both(async |version| {
        let server = server();
        let settings = streams(config(version, server.addr().port())).response_time(100 * MS);
        let (client, sender) = pair(settings, &server).await;
        let (mut header, mut buffer) = ([0; 64], [0; 100]);
        for held in [false, true] {
            for qos in ALL {
                let _active = client.queue();
                send(&sender, qos, &payload(100_000)).await;
                let mut queue = client.queue();
                let mut stream = None;
                if held {
                    let opened = within(queue.next_stream(&mut header)).await.expect("room");
                    stream = opened;
                }
                if qos == QoS::AtMostOnce {
                    within(sender.publish("big", "after")).await.expect("a publish");
                    until(|| client.statistics().discards == 1 + u64::from(held)).await;
                    assert_eq!(next(&client).await.1, "after");
                } else {
                    assert_eq!(within(client.down()).await, Some(DownReason::StreamNotTaken));
                }
                if let Some(mut stream) = stream {
                    let late = within(stream.read(&mut buffer)).await;
                    assert_eq!(late, Err(StreamError::TimedOut));
                }
                if qos != QoS::AtMostOnce {
                    within(client.connect(false)).await.expect("a connection");
                    assert_eq!(next_whole(&client).await.2.len(), 100_000);
                }
            }
        }
    });
}

#[test]
fn what_is_taken_in_front_of_it_gives_it_no_time_without_end() {
    both(async |version| {
        let server = server();
        let settings = streams(config(version, server.addr().port())).response_time(200 * MS);
        let (client, sender) = pair(settings, &server).await;
        let _active = client.queue();
        within(sender.publish("big", "first")).await.expect("a publish");
        send(&sender, QoS::AtLeastOnce, &payload(100_000)).await;
        sleep(100 * MS).await; // Reading waits for the stream's reader.
        assert_eq!(next(&client).await.1, "first");
        assert_eq!(within(client.down()).await, Some(DownReason::StreamNotTaken));
    });
}

#[test]
fn a_slow_reader_has_all_the_time_if_it_goes_on() {
    both(async |version| {
        let server = server();
        let settings = streams(config(version, server.addr().port()));
        let settings = settings.response_time(500 * MS).keepalive(Duration::from_secs(1));
        let (client, sender) = pair(settings, &server).await;
        let bytes = payload(60_000);
        send(&sender, QoS::AtLeastOnce, &bytes).await;
        let (mut header, mut buffer) = ([0; 64], [0; 3000]);
        let mut queue = client.queue();
        let mut stream = within(queue.next_stream(&mut header)).await.expect("room").expect("one");
        let mut all = Vec::new();
        let mut pauses = 0..25;
        while all.len() < bytes.len() {
            if pauses.next().is_some() {
                sleep(90 * MS).await;
            }
            let len = within(stream.read(&mut buffer)).await.expect("a piece");
            all.extend_from_slice(&buffer[..len]);
        }
        assert!(all == bytes && client.is_connected());
    });
}

#[test]
fn a_link_cut_in_mid_stream_is_told_and_the_message_comes_again() {
    both(async |version| {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let (opened, waits) = std::sync::mpsc::channel();
            let server = peer(move |script| {
                let text = "x".repeat(5000);
                let whole = message("big", &text, Delivery::new(qos, id(7)));
                let mut bytes = vec![0; 6000];
                let len = whole.encode_to_slice(version, &mut bytes).expect("a packet");
                bytes.truncate(len);
                script.welcome();
                script.send_bytes(&bytes[..3000]);
                waits.recv().expect("the reader has it");
                script.close();
                script.welcome_back();
                script.send_bytes(&bytes);
                match qos {
                    QoS::ExactlyOnce => script.expect(PacketType::PubRec),
                    _ => script.expect(PacketType::PubAck),
                };
                script.expect(PacketType::Disconnect);
            });
            let client = crate::runtime::client(streams(config(version, server.port)));
            within(client.connect(false)).await.expect("a connection");
            let mut header = [0; 64];
            let mut queue = client.queue();
            let stream = within(queue.next_stream(&mut header)).await.expect("room");
            let mut stream = stream.expect("a message");
            opened.send(()).expect("the server waits");
            assert_eq!(within(rest(&mut stream, 100)).await, Err(StreamError::Lost));
            drop(stream);
            within(client.down()).await.expect("a cut");
            within(client.connect(false)).await.expect("a connection");
            assert_eq!(next_whole(&client).await.2.len(), 5000);
            assert!(soon(20 * MS, take(&client)).await.is_none());
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        }
    });
}

// Decision [stream-open]
#[test]
fn an_answer_that_would_lie_behind_it_is_not_awaited() {
    both(async |version| {
        let server = server();
        let (client, sender) = pair(streams(config(version, server.addr().port())), &server).await;
        send(&sender, QoS::AtLeastOnce, &payload(100_000)).await;
        let mut header = [0; 64];
        let mut queue = client.queue();
        let mut stream = within(queue.next_stream(&mut header)).await.expect("room").expect("one");
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let publish = within(client.publish("a", "b").qos(qos)).await;
            assert_eq!(publish, Err(PublishError::StreamOpen));
        }
        let subscribe = within(client.subscribe("a", QoS::AtMostOnce)).await;
        assert_eq!(subscribe, Err(SubscribeError::StreamOpen));
        assert_eq!(within(client.unsubscribe("a")).await, Err(SubscribeError::StreamOpen));
        let open = within(client.publish_stream("a", 1).open()).await.err();
        assert_eq!(open, Some(PublishError::StreamOpen));
        assert!(!within(client.broker_up()).await);
        within(client.publish("a", "QoS 0")).await.expect("it waits for nothing");
        client.publish("a", "b").qos(QoS::AtLeastOnce).try_publish().expect("nor does this");
        assert_eq!(within(rest(&mut stream, 1000)).await.map(|all| all.len()), Ok(100_000));
        within(client.publish("a", "b").qos(QoS::ExactlyOnce)).await.expect("a publish");
        assert!(within(client.broker_up()).await);
    });
}

#[test]
fn under_manual_ack_the_program_acknowledges() {
    both(async |version| {
        let seen = Seen::default();
        let peer_saw = seen.clone();
        let peer = peer(move |script| {
            script.welcome();
            let text = "x".repeat(1000);
            script.send(&message("big", &text, Delivery::AtLeastOnce(id(7))));
            script.expect_silence(50 * MS);
            peer_saw.push("silence");
            script.expect(PacketType::PubAck);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(streams(config(version, peer.port)).manual_ack(true)).await;
        let mut header = [0; 64];
        let mut queue = client.queue();
        let mut stream = within(queue.next_stream(&mut header)).await.expect("room").expect("one");
        assert_eq!(within(rest(&mut stream, 300)).await.map(|all| all.len()), Ok(1000));
        seen.count(1).await;
        assert!(client.ack(&stream, ReasonCode::SUCCESS));
        within(client.disconnect()).await.expect("an end");
        peer.end().await;
    });
}

#[test]
fn the_end_of_the_driver_ends_a_read() {
    in_5_0(async {
        let server = server();
        let (client, sender) =
            pair(streams(config(Version::V5, server.addr().port())), &server).await;
        send(&sender, QoS::AtLeastOnce, &payload(100_000)).await;
        let mut header = [0; 64];
        let mut queue = client.queue();
        let mut stream = within(queue.next_stream(&mut header)).await.expect("room").expect("one");
        within(client.disconnect()).await.expect("an end");
        assert_eq!(within(rest(&mut stream, 1000)).await, Err(StreamError::Lost));
    });
}
