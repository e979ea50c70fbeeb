//! What a policy does with a heap: subscriptions of a lost session, servers that name others, and
//! credentials that take time

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Delivery, Disconnect, Packet, PacketType, SubAck};
use mqtt_as_tests::script::Script;

use super::reconnecting::{attempts, quick};
use super::story::{
    MS, Peer, accept, both, client, config, connected, gate, in_5_0, message, next, peer,
    published, server, until,
};
use crate::runtime::adapter::{
    Properties, Property, QoS, ReasonCode, Reconnect, RetainHandling, SubscriptionId,
    SubscriptionOptions, Version,
};
use crate::runtime::{Client, host, sleep, soon, spawn, within};

/// A SUBSCRIBE of the client: what it asks for, as text. It is answered with those codes, if there are any.
fn subscribed(script: &mut Script, codes: &[u8]) -> Vec<String> {
    let (id, asked) = script.expect_packet(PacketType::Subscribe, |packet| {
        let Packet::Subscribe(subscribe) = packet else { unreachable!("it was looked at") };
        let number = subscribe.properties.subscription_identifier().map(SubscriptionId::get);
        let asked: Vec<_> = subscribe
            .filters
            .iter()
            .map(|one| {
                let options = one.options;
                format!(
                    "{} {} {} {number:?}",
                    one.filter.as_str(),
                    options.qos as u8,
                    options.no_local
                )
            })
            .collect();
        (subscribe.id, asked)
    });
    if !codes.is_empty() {
        script.send(&Packet::SubAck(SubAck { id, properties: Properties::NONE, codes }));
    }
    asked
}

#[test]
fn a_lost_session_gets_back_what_the_program_subscribed_to() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).reconnect(quick(|policy| policy));
        let client = client(settings);
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a/+", QoS::AtLeastOnce)).await.expect("a subscription");
        within(client.subscribe("b", QoS::ExactlyOnce)).await.expect("a subscription");
        within(client.subscribe("c", QoS::AtMostOnce)).await.expect("a subscription");
        within(client.unsubscribe("b")).await.expect("an end");
        for round in 2..4 {
            server.with(|broker, _| broker.forget_sessions());
            server.cut();
            until(|| client.statistics().connections == round).await;
            for topic in ["b", "a/1", "c"] {
                let publish = client.publish(topic, topic).qos(QoS::AtLeastOnce);
                within(publish).await.expect("a publish");
            }
            assert_eq!(next(&client).await.0, "a/1");
            assert_eq!(next(&client).await.0, "c");
        }
    });
}

/// The client subscribes to "a", and its policy connects twice more.
async fn connected_three_times(client: &Client, server: Peer) {
    within(client.connect(false)).await.expect("a connection");
    within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
    until(|| client.statistics().connections == 3).await;
    sleep(50 * MS).await;
    within(client.disconnect()).await.expect("an end");
    server.end().await;
}

/// A server that has lost the session may have begun a new one for a CONNECT whose answer never came: the
/// next CONNACK then says that there is a session.
// Decision [unanswered]
#[test]
fn they_come_back_behind_an_attempt_that_was_not_answered() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, false, &[]);
            subscribed(script, &[1]);
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            script.close();
            accept(script, true, &[]);
            assert_eq!(subscribed(script, &[1]).len(), 1);
            script.close();
            accept(script, true, &[]);
            script.expect(PacketType::Disconnect); // Now it is known that it has them.
        });
        let settings = config(version, server.port).reconnect(quick(|policy| policy));
        connected_three_times(&client(settings), server).await;
    });
}

/// A CONNECT that was given up may be read later, and take the session over from the connection that stands:
/// some servers end the subscriptions with it, and still say that there is a session.
// Decision [unanswered]
#[test]
fn they_come_back_behind_a_connection_that_a_late_connect_may_have_ended() {
    both(async |version| {
        let server = peer(|script| {
            accept(script, false, &[]);
            subscribed(script, &[1]);
            script.close();
            script.accept();
            script.expect(PacketType::Connect);
            script.expect_close(); // It is not answered: the server is stuck.
            accept(script, true, &[]);
            subscribed(script, &[1]);
            script.close(); // Here it reads what it had not.
            accept(script, true, &[]);
            assert_eq!(subscribed(script, &[1]).len(), 1);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).connect_timeout(200 * MS);
        let settings = settings.reconnect(quick(|policy| policy));
        connected_three_times(&client(settings), server).await;
    });
}

// Decision [order-anew]
#[test]
fn they_come_back_first_and_as_they_were() {
    in_5_0(async {
        let (open, wait) = gate();
        let server = peer(move |script| {
            accept(script, false, &[]);
            assert_eq!(subscribed(script, &[1]), ["first 1 true Some(7)"]);
            assert_eq!(subscribed(script, &[2, 0x87]), ["two 2 false None", "no 1 false None"]);
            assert_eq!(subscribed(script, &[0x80]), ["refused 0 false None"]);
            let asked = subscribed(script, &[]);
            assert_eq!(asked, ["unanswered 0 false None"]);
            wait.wait();
            script.close();

            accept(script, false, &[]);
            assert_eq!(subscribed(script, &[1]), ["first 1 true Some(7)"]);
            // All of it stands before what was published meanwhile; the server grants no more.
            assert_eq!(subscribed(script, &[0x97]), ["two 2 false None"]);
            assert_eq!(published(script).2, "meanwhile");
            script.close();

            accept(script, false, &[]);
            assert_eq!(subscribed(script, &[1]), ["first 1 true Some(7)"]);
            assert_eq!(published(script).2, "meanwhile");
            script.close();

            accept(script, true, &[]); // The server has kept the session this time.
            assert_eq!(published(script).2, "meanwhile");
            script.expect(PacketType::Disconnect);
        });
        let slow = quick(|policy| policy.first_delay(50 * MS));
        let settings = config(Version::V5, server.port).reconnect(slow).adopt_session(true);
        let client = client(settings);
        within(client.connect(false)).await.expect("a connection");
        let mut options = SubscriptionOptions::new(QoS::AtLeastOnce);
        options.no_local = true;
        options.retain_handling = RetainHandling::DoNotSend;
        let number = SubscriptionId::new(7).expect("it is above 0");
        let list = [Property::SubscriptionIdentifier(number)];
        let first = [("first", options)];
        let all = client.subscribe_all(&first, Properties::new(&list));
        within(all).await.expect("an answer");
        let filters = [("two", QoS::ExactlyOnce), ("no", QoS::AtLeastOnce)]
            .map(|(filter, qos)| (filter, SubscriptionOptions::new(qos)));
        within(client.subscribe_all(&filters, Properties::NONE)).await.expect("an answer");
        within(client.subscribe("refused", QoS::AtMostOnce)).await.expect_err("a refusal");
        open.open();
        within(client.subscribe("unanswered", QoS::AtMostOnce)).await.expect_err("a loss");
        let publish = client.publish("a", "meanwhile").qos(QoS::AtLeastOnce);
        let receipt = within(publish.send()).await.expect("room");
        until(|| client.statistics().connections == 4).await;
        sleep(50 * MS).await;
        drop(receipt);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_subscription_that_nobody_waits_for_is_restored_too() {
    both(async |version| {
        let (open, wait) = gate();
        let server = peer(move |script| {
            script.welcome();
            let id = script.expect_packet(PacketType::Subscribe, |packet| {
                let Packet::Subscribe(subscribe) = packet else { unreachable!("looked at") };
                subscribe.id
            });
            wait.wait();
            let (properties, codes) = (Properties::NONE, &[0][..]);
            script.send(&Packet::SubAck(SubAck { id, properties, codes }));
            script.send(&message("late", "after it", Delivery::AtMostOnce));
            wait.wait();
            script.close();
            script.welcome();
            assert_eq!(subscribed(script, &[0]), ["late 0 false None"]);
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).reconnect(quick(|policy| policy));
        let client = connected(settings).await;
        let subscribe = soon(50 * MS, client.subscribe("late", QoS::AtMostOnce)).await;
        assert!(subscribe.is_none(), "there is no answer yet, and then nobody waits for it");
        open.open();
        assert_eq!(next(&client).await.1, "after it");
        open.open();
        until(|| client.statistics().connections == 2).await;
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn nothing_is_restored_if_that_is_not_wanted_or_the_program_begins_anew() {
    both(async |version| {
        for wanted in [false, true] {
            let server = server();
            let policy = quick(|policy| policy.restore_subscriptions(wanted));
            let settings = config(version, server.addr().port()).reconnect(policy);
            let client = client(settings);
            within(client.connect(false)).await.expect("a connection");
            within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
            let mut connections = 1;
            if wanted {
                within(client.connect(true)).await.expect("another");
                connections += 1;
            }
            server.with(|broker, _| broker.forget_sessions());
            server.cut();
            until(|| client.statistics().connections == connections + 1).await;
            within(client.publish("a", "x").qos(QoS::AtLeastOnce)).await.expect("a publish");
            within(client.broker_up()).await;
            assert_eq!(client.statistics().received, 0);
        }
    });
}

#[test]
fn many_subscriptions_come_back_through_a_small_outbox() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).outbox(512).in_flight(4);
        let client = client(settings.reconnect(quick(|policy| policy)));
        within(client.connect(false)).await.expect("a connection");
        for number in 0..100 {
            let filter = format!("some/long/filter/{number}");
            within(client.subscribe(&filter, QoS::AtMostOnce)).await.expect("a subscription");
        }
        server.with(|broker, _| broker.forget_sessions());
        server.cut();
        until(|| client.statistics().connections == 2).await;
        let count = || {
            server.with(|broker, _| {
                broker.sessions().iter().map(|one| one.filters.len()).sum::<usize>()
            })
        };
        until(|| count() == 100).await;
    });
}

#[test]
fn receivers_come_back_beside_what_the_program_subscribed_to() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).reconnect(quick(|policy| policy));
        let client = client(settings);
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("plain", QoS::AtLeastOnce)).await.expect("a subscription");
        let subscribe = client.subscribe("own/+", QoS::AtLeastOnce);
        let mut receiver = within(subscribe.receiver()).await.expect("a subscription");
        server.with(|broker, _| broker.forget_sessions());
        server.cut();
        until(|| client.statistics().connections == 2).await;
        for topic in ["plain", "own/1"] {
            within(client.publish(topic, topic).qos(QoS::AtLeastOnce)).await.expect("a publish");
        }
        let message = within(receiver.next()).await.expect("a message");
        assert_eq!(message.topic(), "own/1");
        assert_eq!(next(&client).await.0, "plain");
    });
}

/// The server names another one: when it refuses, or when it ends the connection.
fn send_elsewhere(script: &mut Script, refuses: bool, reason: ReasonCode, reference: &str) {
    let list = [Property::ServerReference(reference)];
    let properties = Properties::new(&list);
    script.accept();
    script.expect(PacketType::Connect);
    if refuses {
        script.send(&Packet::ConnAck(ConnAck { reason, properties, ..ConnAck::default() }));
    } else {
        script.send(&Packet::ConnAck(ConnAck::default()));
        script.send(&Packet::Disconnect(Disconnect { reason, properties }));
    }
    script.expect_close();
}

#[test]
fn a_server_reference_is_followed_if_that_is_wanted() {
    for (refuses, reason) in [
        (true, ReasonCode::USE_ANOTHER_SERVER),
        (false, ReasonCode::USE_ANOTHER_SERVER),
        (true, ReasonCode::SERVER_MOVED),
        (false, ReasonCode::SERVER_MOVED),
    ] {
        in_5_0(async move {
            let moved = reason == ReasonCode::SERVER_MOVED;
            let other = peer(move |script| {
                script.welcome();
                script.close();
                if moved {
                    script.welcome();
                    script.expect(PacketType::Disconnect);
                }
            });
            let reference = format!("{}:{}", host(other.port), other.port);
            let home = peer(move |script| {
                send_elsewhere(script, refuses, reason, &reference);
                if !moved {
                    script.welcome();
                    script.expect(PacketType::Disconnect);
                }
            });
            let policy = quick(|policy| policy.first_connect(true).follow_server_reference(true));
            let client = client(config(Version::V5, home.port).reconnect(policy));
            within(client.connect(true)).await.expect("a connection");
            let connections = if refuses { 2 } else { 3 };
            until(|| client.statistics().connections == connections).await;
            within(client.disconnect()).await.expect("an end");
            other.end().await;
            home.end().await;
        });
    }
}

/// The program says itself where its server is, while the attempt at the other one waits: a server that
/// was named before counts no more.
#[test]
fn a_server_reference_gives_way_to_a_server_of_the_program() {
    for reason in [ReasonCode::USE_ANOTHER_SERVER, ReasonCode::SERVER_MOVED] {
        in_5_0(async move {
            let (came, waiting) = gate();
            let nobody = format!("{}:{}", host(1), Script::listen().port());
            let other = peer(move |script| send_elsewhere(script, true, reason, &nobody));
            let reference = format!("{}:{}", host(other.port), other.port);
            let first = peer(move |script| send_elsewhere(script, true, reason, &reference));
            let second = peer(move |script| {
                script.welcome();
                waiting.wait();
                script.close();
                script.welcome();
                script.expect(PacketType::Disconnect);
            });
            let policy = quick(|policy| {
                let delay = Duration::from_secs(2);
                let policy = policy.first_connect(true).follow_server_reference(true).jitter(0);
                policy.first_delay(delay).longest_delay(delay)
            });
            let client = client(config(Version::V5, first.port).reconnect(policy));
            let told = attempts(&client);
            let connecting = spawn({
                let client = client.clone();
                async move { client.connect(true).await.map(drop) }
            });
            // The second one that was named is not tried at once: it may be a circle.
            told.count(2).await;
            client.reconfigure(|next| next.server(host(second.port)).port(second.port));
            connecting.end().await.expect("a connection");
            came.open();
            until(|| client.statistics().connections == 2).await;
            assert_eq!(told.all()[2..], ["1: lost"], "{:?}", told.all());
            within(client.disconnect()).await.expect("an end");
            first.end().await;
            other.end().await;
            second.end().await;
        });
    }
}

#[test]
fn a_server_reference_is_a_refusal_otherwise() {
    in_5_0(async {
        let reason = ReasonCode::USE_ANOTHER_SERVER;
        let home = peer(move |script| {
            send_elsewhere(script, true, reason, "nowhere.example");
        });
        let policy = quick(|policy| policy.first_connect(true).refused_delay(Duration::ZERO));
        let client = client(config(Version::V5, home.port).reconnect(policy));
        let told = attempts(&client);
        within(client.connect(true)).await.expect_err("it is not followed");
        told.count(1).await;
        assert_eq!(told.all(), [format!("1 not: refused {reason:?}")]);
        home.end().await;
    });
}

#[test]
fn credentials_may_take_time() {
    both(async |version| {
        let server = peer(|script| {
            for number in 1..4 {
                script.accept();
                script.expect_packet(PacketType::Connect, |packet| {
                    let Packet::Connect(connect) = packet else { unreachable!("looked at") };
                    let wanted = format!("token {number}");
                    assert_eq!(connect.password, Some(wanted.as_bytes()));
                });
                script.send(&Packet::ConnAck(ConnAck::default()));
                if number < 3 {
                    script.close();
                }
            }
            script.expect(PacketType::Disconnect);
        });
        let count = Arc::new(AtomicU32::new(0));
        let policy = Reconnect::new().first_delay(10 * MS).async_credentials(move |mut known| {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                known.password = Some(format!("token {number}").as_str().into());
                known
            }
        });
        let settings = config(version, server.port).user("u", "p").reconnect(policy);
        let client = connected(settings).await;
        until(|| client.statistics().connections == 3).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
