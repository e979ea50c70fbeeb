//! To whom a message goes, where there are receivers, and what they do to each other.

use mqtt_as_proto::packet::PacketType;

use super::receivers::{all, pair, received, receiver, send, subscribed};
use super::story::{
    MS, accept, both, client, config, connected, in_3_1_1, in_5_0, next, numbers, other, peer,
    server, until,
};
use crate::runtime::adapter::{Overflow, QoS, Version};
use crate::runtime::{Client, sleep, spawn, within};

// 3.1.1 [MQTT-3.3.2-3]
// 5.0 [MQTT-3.3.2-3]
// Decision [queue-gets-rest]
#[test]
fn each_receiver_gets_what_matches_and_the_queue_gets_the_rest() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let mut commands = receiver(&client, "plant/+/cmd").await;
        let mut alarms = receiver(&client, "alarm/#").await;
        within(client.subscribe("other", QoS::AtMostOnce)).await.expect("a subscription");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for topic in ["other", "alarm", "plant/1/cmd", "alarm/a/b"] {
                within(client.publish(topic, topic).qos(qos)).await.expect("a publish");
            }
            assert_eq!(received(&mut commands).await, pair("plant/1/cmd", "plant/1/cmd"));
            assert_eq!(all(&mut alarms, 2).await, ["alarm", "alarm/a/b"]);
            assert_eq!(next(&client).await, pair("other", "other"));
        }
    });
}

// 5.0 [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]
// Decision [by-identifier]
#[test]
fn identifiers_say_to_whom_a_message_goes() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let one = subscribed(script, "a/#");
            let two = subscribed(script, "a/b");
            assert!(one.is_some() && two.is_some() && one != two);
            send(script, "a/b", "to both", &[one, two]);
            // Two copies for two overlapping filters: one goes to each.
            send(script, "a/b", "once", &[one]);
            send(script, "a/b", "once", &[two]);
            send(script, "a/b", "to the second", &[two]);
            send(script, "a/b", "of nobody that is known", &[Some(1000)]);
            send(script, "a/b", "without a name", &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut one = receiver(&client, "a/#").await;
        let mut two = receiver(&client, "a/b").await;
        let by_filter = ["of nobody that is known", "without a name"];
        assert_eq!(all(&mut one, 2).await, ["to both", "once"]);
        assert_eq!(all(&mut one, 2).await, by_filter);
        assert_eq!(all(&mut two, 3).await, ["to both", "once", "to the second"]);
        assert_eq!(all(&mut two, 2).await, by_filter);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// The program's own subscription overlaps a receiver's: the server sends a copy for each.
// 5.0 [MQTT-3.3.4-5]
#[test]
fn a_copy_for_a_subscription_without_receivers_is_for_the_queue() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let mine = subscribed(script, "a/b");
            subscribed(script, "a/#");
            send(script, "a/b", "to the queue", &[]);
            send(script, "a/b", "to the receiver", &[mine]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let mut receiver = receiver(&client, "a/b").await;
        within(client.subscribe("a/#", QoS::AtMostOnce)).await.expect("a subscription");
        assert_eq!(next(&client).await.1, "to the queue");
        assert_eq!(all(&mut receiver, 1).await, ["to the receiver"]);
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 3.1.1 [MQTT-3.3.5-1]
// Decision [overlap]
#[test]
fn without_identifiers_each_copy_goes_to_all_whose_filters_match() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.welcome();
            subscribed(script, "a/#");
            subscribed(script, "+/b");
            for payload in ["1", "2"] {
                send(script, "a/b", payload, &[]);
            }
            send(script, "a", "3", &[]);
            send(script, "c/b", "4", &[]);
            send(script, "c", "5", &[]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V311, server.port)).await;
        let mut one = receiver(&client, "a/#").await;
        let mut two = receiver(&client, "+/b").await;
        assert_eq!(all(&mut one, 3).await, ["1", "2", "3"]);
        assert_eq!(all(&mut two, 3).await, ["1", "2", "4"]);
        assert_eq!(next(&client).await, pair("c", "5"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 3.1.1 [MQTT-4.7.2-1]
// 5.0 [MQTT-4.7.2-1]
// Decision [by-identifier]
#[test]
fn a_share_does_not_count_and_dollar_topics_match_no_leading_wildcard() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for filter in ["$share/group/job/+", "#", "$SYS/#"] {
                subscribed(script, filter);
            }
            for topic in ["job/1", "$SYS/uptime", "$other"] {
                send(script, topic, topic, &[]);
            }
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port)).await;
        let mut shared = receiver(&client, "$share/group/job/+").await;
        let mut any = receiver(&client, "#").await;
        let mut system = receiver(&client, "$SYS/#").await;
        assert_eq!(all(&mut shared, 1).await, ["job/1"]);
        assert_eq!(all(&mut any, 1).await, ["job/1"]);
        assert_eq!(all(&mut system, 1).await, ["$SYS/uptime"]);
        assert_eq!(next(&client).await.0, "$other");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// An earlier program may have given the same identifiers to other filters.
// 5.0 [MQTT-3.3.4-3]
// Decision [by-identifier]
#[test]
fn identifiers_of_an_earlier_program_mislead_nobody() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, true, &[]);
            let mine = subscribed(script, "mine");
            send(script, "mine", "1", &[Some(1000)]);
            send(script, "other", "2", &[mine]);
            send(script, "mine", "3", &[mine]);
            script.expect(PacketType::Disconnect);
        });
        let client = connected_again(server.port).await;
        let mut mine = receiver(&client, "mine").await;
        assert_eq!(all(&mut mine, 2).await, ["1", "3"]);
        assert_eq!(next(&client).await, pair("other", "2"));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// A client that finds its session at the server.
async fn connected_again(port: u16) -> Client {
    let client = client(config(Version::V5, port));
    within(client.connect(false)).await.expect("a connection");
    client
}

#[test]
fn a_slow_receiver_is_back_pressure_and_loses_nothing() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let client = connected(config(version, port).queue_len(8)).await;
        let mut slow = receiver(&client, "slow").await;
        let mut quick = receiver(&client, "quick").await;
        let sender = other(port, "sender").await;
        let sending = spawn(async move {
            for number in numbers(200) {
                within(sender.publish("slow", &number)).await.expect("a publish");
                within(sender.publish("quick", &number)).await.expect("a publish");
            }
        });
        let quickly = spawn(async move { all(&mut quick, 200).await });
        let mut slowly = Vec::new();
        while slowly.len() < 200 {
            slowly.push(received(&mut slow).await.1);
            sleep(MS).await;
        }
        assert_eq!(slowly, numbers(200));
        assert_eq!(quickly.end().await, numbers(200));
        sending.end().await;
        let counts = client.statistics();
        assert_eq!((counts.discards, counts.shed, counts.connections), (0, 0, 1));
    });
}

/// A program that waits for one receiver while another one, which it does not read, has filled the
/// memory: nothing would come any more.
#[test]
fn a_receiver_that_nobody_reads_does_not_lock_the_others_out_for_ever() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(8).response_time(200 * MS);
        let client = connected(settings).await;
        let mut flooded = receiver(&client, "flood").await;
        let mut wanted = receiver(&client, "wanted").await;
        let sender = other(port, "sender").await;
        for number in numbers(50) {
            within(sender.publish("flood", &number)).await.expect("a publish");
        }
        within(sender.publish("wanted", "here")).await.expect("a publish");
        assert_eq!(all(&mut wanted, 1).await, ["here"]);
        let counts = client.statistics();
        assert_eq!((counts.discards, counts.connections), (43, 1), "the oldest made room");
        let last = numbers(50).split_off(43);
        assert_eq!(all(&mut flooded, 7).await, last);
        // From here on nothing is dropped any more.
        for number in numbers(30) {
            within(sender.publish("flood", &number)).await.expect("a publish");
        }
        assert_eq!(all(&mut flooded, 30).await, numbers(30));
        assert_eq!(client.statistics().discards, 43);
    });
}

// Decision [drop-oldest]
#[test]
fn where_the_oldest_make_room_those_of_receivers_do() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let settings = config(version, port).queue_len(4).overflow(Overflow::DropOldest);
        let client = connected(settings).await;
        let mut receiver = receiver(&client, "a").await;
        let sender = other(port, "sender").await;
        for number in numbers(20) {
            within(sender.publish("a", &number)).await.expect("a publish");
        }
        until(|| client.statistics().received == 20).await;
        assert_eq!(all(&mut receiver, 4).await, numbers(20).split_off(16));
        assert_eq!(client.statistics().discards, 16);
    });
}
