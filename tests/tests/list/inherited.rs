//! A session of an earlier program: to whom its messages go, where there are receivers.

use std::collections::BTreeMap;
use std::time::Duration;

use mqtt_as_proto::packet::{Delivery, Packet, PacketType, Publish};
use mqtt_as_proto::{Properties, TopicName};
use mqtt_as_tests::script::Script;

use super::receivers::{receiver, subscribed};
use super::story::{
    MS, accept, ack, acknowledged, client, config, id, in_5_0, numbers, other, peer, poll_once,
    server, text, until,
};
use crate::runtime::adapter::{Config, Property, QoS, Receiver, SubscriptionId, Version};
use crate::runtime::{sleep, within};

/// The numbers of subscriptions, by their filters.
type Numbers = BTreeMap<&'static str, u32>;

/// The client subscribes to those filters.
fn numbered(script: &mut Script, filters: &[&'static str]) -> Numbers {
    filters.iter().map(|one| (*one, subscribed(script, one).expect("a number"))).collect()
}

/// A message to "r/1" at QoS 2 that names those subscriptions.
fn send(script: &mut Script, number: u16, payload: &str, ids: &[u32]) {
    let ids = ids.iter().map(|id| SubscriptionId::new(*id).expect("not 0"));
    let list: Vec<_> = ids.map(Property::SubscriptionIdentifier).collect();
    let topic = TopicName::new("r/1").expect("a topic name");
    let (delivery, properties) = (Delivery::ExactlyOnce(id(number)), Properties::new(&list));
    script.send(&Packet::Publish(Publish {
        delivery,
        properties,
        ..Publish::new(topic, payload.as_bytes())
    }));
}

/// All messages up to that number are acknowledged, and nothing is before the end.
fn ends(script: &mut Script, count: u16) {
    (1..=count).for_each(|number| acknowledged(script, PacketType::PubRec, number));
    (1..=count).for_each(|number| script.send(&Packet::PubRel(ack(number))));
    (1..=count).for_each(|number| acknowledged(script, PacketType::PubComp, number));
    script.expect(PacketType::Disconnect);
}

/// A program with receivers for those filters, which has come to its end.
async fn run_before(port: u16, filters: &[&'static str]) {
    let client = client(config(Version::V5, port));
    within(client.connect(false)).await.expect("a connection");
    let mut receivers = Vec::new();
    for filter in filters {
        receivers.push(receiver(&client, filter).await);
    }
    within(client.disconnect()).await.expect("an end");
}

/// What has come for a receiver.
async fn had(receiver: &mut Receiver) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(message) = poll_once(&mut Box::pin(receiver.next())).await {
        all.push(text(message.expect("the connection stands").payload()));
    }
    all
}

/// A program that has these receivers before it finds the session of an earlier one. Gives what they
/// get, until `count` messages have come. It takes none before all of its subscriptions stand.
async fn inherit(config: Config, filters: &[&'static str], count: u64) -> Vec<Vec<String>> {
    let client = client(config);
    let mut receivers = Vec::new();
    for filter in filters {
        receivers.push((receiver(&client, filter).await, Vec::new()));
    }
    within(client.connect(false)).await.expect("a connection");
    for (receiver, _) in &receivers {
        until(|| receiver.granted().is_some()).await;
    }
    let mut is_last = false;
    while !is_last {
        is_last = client.statistics().received == count;
        for (receiver, all) in &mut receivers {
            all.extend(had(receiver).await);
        }
        sleep(MS).await;
    }
    assert!(within(client.drain(Duration::from_secs(5))).await);
    within(client.disconnect()).await.expect("an end");
    receivers.into_iter().map(|(_, all)| all).collect()
}

/// The server sends a copy for each subscription that it had when a message came: before this program
/// has subscribed, meanwhile and afterwards.
// 5.0 [MQTT-3.3.4-5]
// Decision [by-identifier]
#[test]
fn copies_for_subscriptions_of_an_earlier_program_go_to_the_same_filters() {
    for earlier in [&["r/1", "r/#"][..], &["r/#", "r/1"], &["+/1", "r/#", "r/1"], &["r/#"]] {
        for ours in [["r/1", "r/#"], ["r/#", "r/1"]] {
            in_5_0(copies(earlier, ours));
        }
    }
}

async fn copies(earlier: &'static [&'static str], ours: [&'static str; 2]) {
    const TIMES: [&str; 3] = ["before", "meanwhile", "afterwards"];
    let due = ours.map(|filter| earlier.contains(&filter));
    let count = TIMES.len() * due.iter().filter(|due| **due).count();
    let server = peer(move |script| {
        script.welcome();
        let numbers = numbered(script, earlier);
        script.expect(PacketType::Disconnect);
        script.close();
        accept(script, true, &[]);
        let mut sent = 0;
        for (step, when) in TIMES.iter().enumerate() {
            for filter in ours {
                if let Some(number) = numbers.get(filter) {
                    sent += 1;
                    send(script, sent, &format!("{filter} {when}"), &[*number]);
                }
            }
            if let Some(filter) = ours.get(step) {
                subscribed(script, filter);
            }
        }
        ends(script, sent);
    });
    run_before(server.port, earlier).await;
    let got = inherit(config(Version::V5, server.port), &ours, count as u64).await;
    let wanted = |filter: &str| TIMES.map(|when| format!("{filter} {when}")).to_vec();
    for ((filter, due), got) in ours.into_iter().zip(due).zip(got) {
        let wanted = if due { wanted(filter) } else { Vec::new() };
        assert_eq!(got, wanted, "{filter} of {ours:?} after {earlier:?}");
    }
    server.end().await;
}

/// A server that sends one copy for all, of more messages than it may send before the program's
/// subscriptions stand; the program has one receiver more or less than the earlier one.
// 5.0 [MQTT-3.3.4-4]
// Decision [by-identifier]
#[test]
fn what_waited_in_a_session_goes_to_the_filters_that_it_was_for() {
    for earlier in [&["r/1", "r/#"][..], &["r/#", "r/1"], &["+/1", "r/#", "r/1"], &["r/#"]] {
        for ours in [["r/1", "r/#"], ["r/#", "r/1"]] {
            in_5_0(waited(earlier, ours));
        }
    }
}

async fn waited(earlier: &'static [&'static str], ours: [&'static str; 2]) {
    let server = server();
    let port = server.addr().port();
    run_before(port, earlier).await;
    let sender = other(port, "sender").await;
    let sent = numbers(6);
    for number in &sent {
        within(sender.publish("r/1", number).qos(QoS::ExactlyOnce)).await.expect("a publish");
    }
    let got = inherit(config(Version::V5, port).receive_maximum(2), &ours, 6).await;
    for (filter, got) in ours.into_iter().zip(got) {
        let wanted = if earlier.contains(&filter) { &sent[..] } else { &[] };
        assert_eq!(got, wanted, "{filter} of {ours:?} after {earlier:?}");
    }
}

/// The numbers of an earlier program that was no program of this client: small ones, in any order.
/// A message that names one of them may have been for any receiver that it matches.
// 5.0 [MQTT-3.3.4-3]
// Decision [by-identifier]
#[test]
fn foreign_numbers_take_nothing_from_a_receiver() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, true, &[]);
            let ours = numbered(script, &["r/1", "r/#"]);
            send(script, 1, "for either", &[1]);
            send(script, 2, "for either, too", &[2]);
            send(script, 3, "for both", &[1, ours["r/#"]]);
            send(script, 4, "for both, too", &[ours["r/1"], 2]);
            send(script, 5, "for one", &[ours["r/1"]]);
            send(script, 6, "for the other", &[ours["r/#"]]);
            ends(script, 6);
        });
        let got = inherit(config(Version::V5, server.port), &["r/1", "r/#"], 6).await;
        let both = ["for either", "for either, too", "for both", "for both, too"];
        assert_eq!(
            got,
            [[&both[..], &["for one"]], [&both[..], &["for the other"]]].map(|all| all.concat())
        );
        server.end().await;
    });
}
