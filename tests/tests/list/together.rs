//! Parts that meet: receivers and the program's own subscriptions, a policy and both of them, new
//! settings and an attempt that is under way.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Delivery, Packet, PacketType, SubAck};
use mqtt_as_proto::{Properties, TopicFilter};
use mqtt_as_tests::script::Script;

use super::receivers::{all, receiver, send, subscribed};
use super::reconnecting::quick;
use super::story::{
    MS, Seen, acknowledged, both, client, config, connected, forever, gate, id, in_5_0, message,
    next, peer, poll_once, server, text, until,
};
use crate::runtime::adapter::{Overflow, Property, QoS, Reconnect, SubscriptionId, Version, Will};
use crate::runtime::{host, on_message, sleep, spawn, within};

/// The client ends the subscription to that filter.
fn unsubscribed(script: &mut Script, version: Version, wanted: &str) {
    let id = script.expect_packet(PacketType::Unsubscribe, |packet| {
        let Packet::Unsubscribe(unsubscribe) = packet else { unreachable!("looked at") };
        let filters: Vec<_> = unsubscribe.filters.iter().map(TopicFilter::as_str).collect();
        assert_eq!(filters, [wanted]);
        unsubscribe.id
    });
    let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    script.send(&Packet::UnsubAck(SubAck { id, properties: Properties::NONE, codes }));
}

/// The last receiver of a filter has ended its subscription, though the program has made it before
/// itself.
#[test]
fn a_policy_restores_nothing_that_a_receiver_has_ended() {
    both(async |version| {
        let (lost, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            for filter in ["kept", "taken over", "taken over"] {
                subscribed(script, filter);
            }
            unsubscribed(script, version, "taken over");
            waits.wait();
            script.close();
            script.welcome();
            subscribed(script, "kept");
            script.expect(PacketType::PingReq); // And nothing before it.
            script.send(&Packet::PingResp);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).reconnect(quick(|policy| policy));
        let client = connected(settings).await;
        for filter in ["kept", "taken over"] {
            within(client.subscribe(filter, QoS::AtMostOnce)).await.expect("a subscription");
        }
        drop(receiver(&client, "taken over").await);
        assert!(within(client.drain(Duration::from_secs(5))).await);
        lost.open();
        until(|| client.statistics().connections == 2).await;
        assert!(within(client.broker_up()).await);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Both the policy and the receiver know the filter: in a new session it is asked for once.
#[test]
fn what_a_receiver_took_over_comes_back_once() {
    both(async |version| {
        let (lost, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            subscribed(script, "a");
            waits.wait();
            script.close();
            script.welcome();
            let known = subscribed(script, "a");
            script.expect(PacketType::PingReq); // And nothing before it.
            script.send(&Packet::PingResp);
            send(script, "a", "x", &[known]);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).reconnect(quick(|policy| policy));
        let client = connected(settings).await;
        within(client.subscribe("a", QoS::AtMostOnce)).await.expect("a subscription");
        let mut receiver = receiver(&client, "a").await;
        lost.open();
        until(|| client.statistics().connections == 2).await;
        assert!(within(client.broker_up()).await);
        assert_eq!(all(&mut receiver, 1).await, ["x"]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_receiver_outlives_an_unsubscribe_of_its_filter() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut receiver = receiver(&client, "a").await;
        within(client.unsubscribe("a")).await.expect("an end");
        within(client.publish("a", "1").qos(QoS::AtLeastOnce)).await.expect("a publish");
        within(client.publish("a", "2").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(all(&mut receiver, 1).await, ["1"]);
        within(client.disconnect()).await.expect("an end");
    });
}

/// The program gives the number that the client has given to a receiver.
#[test]
fn identifiers_of_the_program_s_own_mislead_no_receiver() {
    in_5_0(async {
        let (given, number) = channel();
        let server = peer(move |script| {
            script.welcome();
            let mine = subscribed(script, "a");
            given.send(mine.expect("a number")).expect("a program");
            assert_eq!(mine, subscribed(script, "b"));
            send(script, "b", "for the queue", &[mine]);
            send(script, "a", "for the receiver", &[mine]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut receiver = receiver(&client, "a").await;
        let number = number.recv().expect("a server");
        let number = SubscriptionId::new(number).expect("not 0");
        let list = [Property::SubscriptionIdentifier(number)];
        let subscribe = client.subscribe("b", QoS::AtMostOnce).properties(&list);
        within(subscribe).await.expect("a subscription");
        assert_eq!(next(&client).await.1, "for the queue");
        assert_eq!(all(&mut receiver, 1).await, ["for the receiver"]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// It has messages, and was looked at before they came: it does not wait for what lies behind them.
#[test]
fn a_receiver_that_has_messages_is_no_reason_to_lose_any() {
    both(async |version| {
        let (full, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            let known = subscribed(script, "a");
            waits.wait();
            for number in 0..6 {
                send(script, "a", &number.to_string(), &[known]);
            }
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).queue_len(2).overflow(Overflow::Wait);
        let client = connected(settings.response_time(100 * MS)).await;
        let mut receiver = receiver(&client, "a").await;
        {
            let mut waiting = Box::pin(receiver.next());
            assert!(poll_once(&mut waiting).await.is_none());
        }
        full.open();
        until(|| client.statistics().received == 2).await;
        sleep(300 * MS).await; // The program does something else.
        assert_eq!(all(&mut receiver, 6).await, ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(client.statistics().discards, 0);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The policy has gone over to another server, which the program does not want any more.
#[test]
fn a_new_server_is_where_the_next_connection_goes() {
    both(async |version| {
        let dead = peer(|script| {
            script.accept();
            script.close();
        });
        let spare = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let new = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let servers = Box::leak(Box::new([(forever(host(spare.port)), spare.port)]));
        let policy = quick(|policy| policy.first_connect(true).servers(servers));
        let client = client(config(version, dead.port).reconnect(policy));
        within(client.connect(true)).await.expect("the spare one");
        let (name, port) = (forever(host(new.port)), new.port);
        client.reconfigure(|next| next.server(name).port(port));
        within(client.connect(true)).await.expect("the new one");
        assert_eq!(client.statistics().attempts, 1, "the one that went to the spare server");
        within(client.disconnect()).await.expect("an end");
        dead.end().await;
        spare.end().await;
        new.end().await;
    });
}

/// What the program says while its function is asked holds, whatever that answers.
#[test]
fn settings_that_change_while_credentials_are_on_their_way_hold() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect_packet(PacketType::Connect, |packet| {
                let Packet::Connect(connect) = packet else { unreachable!("looked at") };
                assert_eq!(connect.password, Some(&b"fresh"[..]));
                let will = connect.will.as_ref().map(|will| will.payload);
                assert_eq!(will, Some(&b"new"[..]));
            });
            script.send(&Packet::ConnAck(ConnAck::default()));
            script.expect(PacketType::Disconnect);
        });
        let (asked, answers) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let (is_asked, may_answer) = (asked.clone(), answers.clone());
        let policy = Reconnect::new().async_credentials(move |mut known| {
            let (is_asked, may_answer) = (is_asked.clone(), may_answer.clone());
            async move {
                is_asked.open();
                may_answer.wait().await;
                known.password = Some("fresh".into());
                known
            }
        });
        let settings = config(version, server.port).user("user", "old");
        let client = client(settings.will(Will::new("w", "old")).reconnect(policy));
        let connecting = client.clone();
        let connect = spawn(async move { within(connecting.connect(true)).await.map(drop) });
        asked.wait().await;
        client.reconfigure(|next| next.will(Will::new("w", "new")));
        answers.open();
        connect.end().await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// Something that both a future and a test wait for.
#[derive(Default)]
struct Gate(AtomicBool);

impl Gate {
    fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    async fn wait(&self) {
        until(|| self.0.load(Ordering::SeqCst)).await;
    }
}

/// Callbacks have been past the place where it lies.
#[test]
fn what_a_dropped_receiver_has_not_taken_is_for_callbacks() {
    both(async |version| {
        let (dropped, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            subscribed(script, "a");
            script.send(&message("a", "left", Delivery::AtLeastOnce(id(1))));
            script.send(&message("b", "passed", Delivery::AtLeastOnce(id(2))));
            waits.wait();
            unsubscribed(script, version, "a");
            acknowledged(script, PacketType::PubAck, 1);
            acknowledged(script, PacketType::PubAck, 2);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let seen = Seen::default();
        let told = seen.clone();
        on_message(&client, move |_, payload| told.push(text(payload)));
        let receiver = receiver(&client, "a").await;
        seen.count(1).await;
        drop(receiver);
        dropped.open();
        seen.count(2).await;
        assert_eq!(seen.all(), ["passed", "left"]);
        within(client.drain(Duration::from_secs(5))).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A program that reports now and then takes no message by that.
#[test]
fn a_receiver_that_is_not_read_holds_up_others_no_longer_if_the_program_publishes() {
    both(async |version| {
        let (over, waits) = gate();
        let server = peer(move |script| {
            script.welcome();
            let unread = subscribed(script, "a");
            let waiting = subscribed(script, "b");
            for payload in ["1", "2", "3"] {
                send(script, "a", payload, &[unread]);
            }
            send(script, "b", "behind them", &[waiting]);
            waits.wait(); // Reports come meanwhile.
        });
        let settings = config(version, server.port).queue_len(2).response_time(100 * MS);
        let client = connected(settings).await;
        let unread = receiver(&client, "a").await;
        let mut waiting = receiver(&client, "b").await;
        let reporting = client.clone();
        let reports = async {
            loop {
                sleep(10 * MS).await;
                let _ = reporting.publish("report", "x").try_publish();
            }
        };
        let all = all(&mut waiting, 1);
        let (mut all, mut reports) = (Box::pin(all), Box::pin(reports));
        let both = poll_fn(|cx| {
            let _: Poll<()> = reports.as_mut().poll(cx);
            all.as_mut().poll(cx)
        });
        assert_eq!(within(both).await, ["behind them"]);
        drop(unread);
        over.open();
        server.end().await;
    });
}
