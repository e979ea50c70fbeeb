//! What 5.0 adds to a message: properties both ways, identifiers, expiry, aliases.

use std::time::Duration;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip, publish};
use mqtt_as_tests::proxy::{Plan, Proxy};
use mqtt_as_tokio::{
    Client, Properties, Property, QoS, SubscriptionId, SubscriptionOptions, TopicName, Version,
};
use tokio::time::sleep;

use crate::{EVERY_QOS, SOON, config, connected, digit, next, next_line, nothing_comes, within};

const FORMAT: &str = "%q %p|%P|%R|%D|%C|%F";

#[tokio::test(flavor = "multi_thread")]
async fn properties_go_from_us_to_mosquitto_sub() {
    if !broker_or_skip("properties_go_from_us_to_mosquitto_sub") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let client = connected(&broker, Version::V5, "properties").await;
    let sub = Sub::start(&broker, &["-V", "5", "-t", "out", "-q", "2", "-F", FORMAT]);
    let answer = TopicName::new("answer/here").expect("a topic");
    let list = [
        Property::UserProperty(("colour", "red")),
        Property::UserProperty(("größe", "ß")),
        Property::UserProperty(("colour", "blue")),
        Property::ResponseTopic(answer),
        Property::CorrelationData(b"id-7"),
        Property::ContentType("text/plain"),
        Property::PayloadFormatIndicator(true),
    ];
    for qos in EVERY_QOS {
        within(client.publish("out", "x").qos(qos).properties(&list)).await.expect("published");
        let users = "colour:red größe:ß colour:blue";
        let want = format!("{} x|{users}|answer/here|id-7|text/plain|1", digit(qos));
        assert_eq!(sub.next_line(SOON), Some(want));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_come_from_mosquitto_pub_to_us() {
    if !broker_or_skip("properties_come_from_mosquitto_pub_to_us") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let client = connected(&broker, Version::V5, "properties").await;
    within(client.subscribe("in", QoS::ExactlyOnce)).await.expect("subscribed");
    for qos in EVERY_QOS {
        let mut args = vec!["-V", "5", "-t", "in", "-q", digit(qos), "-m", "x"];
        for property in [
            &["user-property", "colour", "red"][..],
            &["user-property", "größe", "ß"],
            &["user-property", "colour", "blue"],
            &["response-topic", "answer/here"],
            &["correlation-data", "id-7"],
            &["content-type", "text/plain"],
            &["payload-format-indicator", "1"],
        ] {
            args.extend(["-D", "publish"]);
            args.extend(property);
        }
        publish(&broker, &args);
        let message = next(&client).await;
        let properties = message.properties();
        assert!(properties.user_properties().eq([
            ("colour", "red"),
            ("größe", "ß"),
            ("colour", "blue")
        ]));
        assert_eq!(properties.response_topic().map(TopicName::as_str), Some("answer/here"));
        assert_eq!(properties.correlation_data(), Some(&b"id-7"[..]));
        assert_eq!(properties.content_type(), Some("text/plain"));
        assert_eq!(properties.payload_format_indicator(), Some(true));
        assert_eq!((message.payload(), message.qos()), (&b"x"[..], qos));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscription_identifiers_name_the_subscription() {
    if !broker_or_skip("subscription_identifiers_name_the_subscription") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let client = connected(&broker, Version::V5, "identified").await;
    let highest = 268_435_455;
    for qos in EVERY_QOS {
        for (filter, id) in [("i/one", 1), ("i/+/high", highest)] {
            let id = SubscriptionId::new(id).expect("in range");
            let list = [Property::SubscriptionIdentifier(id)];
            let filters = [(filter, SubscriptionOptions::new(qos))];
            let granted = client.subscribe_all(&filters, Properties::new(&list));
            let granted = within(granted).await.expect("subscribed");
            assert!(granted.results().eq([Ok(qos)]));
        }
        for (topic, id) in [("i/one", 1), ("i/x/high", highest)] {
            publish(&broker, &["-V", "5", "-t", topic, "-q", digit(qos), "-m", "-"]);
            let message = next(&client).await;
            let ids = message.properties().subscription_identifiers().map(SubscriptionId::get);
            assert_eq!((message.topic(), ids.collect::<Vec<_>>()), (topic, vec![id]));
        }
    }
    nothing_comes(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscription_options_are_obeyed() {
    if !broker_or_skip("subscription_options_are_obeyed") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    publish(&broker, &["-t", "opt/r", "-q", "1", "-r", "-m", "old"]);
    let client = connected(&broker, Version::V5, "options").await;
    let mut options = SubscriptionOptions::new(QoS::AtLeastOnce);
    options.no_local = true;
    options.retain_as_published = true;
    options.retain_handling = mqtt_as_tokio::RetainHandling::DoNotSend;
    let filters = [("opt/#", options)];
    within(client.subscribe_all(&filters, Properties::NONE)).await.expect("subscribed");
    nothing_comes(&client).await;
    within(client.publish("opt/x", "our own").qos(QoS::AtLeastOnce)).await.expect("published");
    publish(&broker, &["-t", "opt/r", "-q", "1", "-r", "-m", "new"]);
    assert_eq!(next_line(&client).await, "opt/r 1 1 new");
    nothing_comes(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_expire_in_the_broker() {
    if !broker_or_skip("messages_expire_in_the_broker") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let publisher = connected(&broker, Version::V5, "publisher").await;
    let sleeper = Client::new(config(&broker, Version::V5, "sleeper")).expect("a client");
    within(sleeper.connect(false)).await.expect("a connection");
    within(sleeper.subscribe("e/t", QoS::ExactlyOnce)).await.expect("subscribed");
    within(sleeper.disconnect()).await.expect("disconnected");
    let (short, long) =
        ([Property::MessageExpiryInterval(1)], [Property::MessageExpiryInterval(600)]);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let publish = async |payload: &str, properties: &[Property<'_>]| {
            publisher.publish("e/t", payload).qos(qos).properties(properties).await
        };
        within(publish("ours, short", &short)).await.expect("published");
        within(publish("ours, long", &long)).await.expect("published");
        let theirs = ["-V", "5", "-t", "e/t", "-q", digit(qos)];
        let short = ["-m", "theirs, short", "-D", "publish", "message-expiry-interval", "1"];
        mqtt_as_tests::mosquitto::publish(&broker, &[&theirs[..], &short].concat());
    }
    sleep(Duration::from_millis(2100)).await;
    within(sleeper.connect(false)).await.expect("a connection");
    for _ in 0..2 {
        let message = next(&sleeper).await;
        assert_eq!(message.payload(), b"ours, long");
        let left = message.properties().message_expiry_interval();
        assert!(left.is_some_and(|left| (500..600).contains(&left)), "{left:?}");
    }
    nothing_comes(&sleeper).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outbound_topic_aliases_save_bytes_and_change_nothing() {
    if !broker_or_skip("outbound_topic_aliases_save_bytes_and_change_nothing") {
        return;
    }
    const TIMES: usize = 10;
    let broker = Mosquitto::start(Options::new().line("max_topic_alias 3"));
    let long = |name: &str| format!("alias/{}/{name}", "long".repeat(50));
    let topics = ["a", "b", "c", "d"].map(long);
    let sub = Sub::start(&broker, &["-V", "5", "-t", "alias/#", "-q", "2"]);
    let mut bytes = Vec::new();
    for aliases in [0, 100] {
        let proxy = Proxy::start(broker.addr(), |_| Plan::default());
        let config = config(&broker, Version::V5, "aliases").port(proxy.addr().port());
        let client = Client::new(config.topic_aliases(aliases)).expect("a client");
        // The mappings die with the connection: a second one has to make them anew.
        for _ in 0..2 {
            let session = within(client.connect(true)).await.expect("a connection");
            assert_eq!(session.limits.topic_alias_maximum, 3);
            for qos in EVERY_QOS {
                for _ in 0..TIMES {
                    for topic in &topics {
                        within(client.publish(topic, "x").qos(qos)).await.expect("published");
                    }
                }
                let one = || topics.iter().map(|topic| format!("{topic} {} 0 x", digit(qos)));
                let want: Vec<_> = (0..TIMES).flat_map(|_| one()).collect();
                assert_eq!(sub.next_lines(want.len(), SOON), want);
            }
        }
        within(client.disconnect()).await.expect("disconnected");
        bytes.push(proxy.bytes_up());
    }
    // Three of four topics have an alias, and 206 bytes less each time but the first.
    assert!(bytes[1] * 2 < bytes[0], "{bytes:?}");
}
