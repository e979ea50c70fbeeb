//! What CONNECT and its will say, and settings that change before the next connect.

use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Connect, Packet, PacketType};
use mqtt_as_proto::{EncodeError, TopicName};
use mqtt_as_tests::script::Script;

use super::reconnecting::{attempts, quick};
use super::story::{
    Gate, Peer, Seen, both, client, config, connected, gate, held, in_3_1_1, in_5_0, next,
    observer, peer, server, until,
};
use crate::runtime::adapter::{
    Carrier, ConfigError, ConnectError, Property, QoS, Reconfigure, TopicError, Version, Will,
};
use crate::runtime::{Client, host, within};

/// The next client has to say a CONNECT that `look` likes, and is accepted.
fn accepts(script: &mut Script, look: impl FnOnce(&Connect<'_>)) {
    script.accept();
    script.expect_packet(PacketType::Connect, |packet| {
        let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
        look(connect);
    });
    script.send(&Packet::ConnAck(ConnAck::default()));
}

const OF_CONNECT: [Property<'static>; 4] = [
    Property::UserProperty(("site", "north")),
    Property::RequestProblemInformation(true),
    Property::UserProperty(("site", "south")),
    Property::RequestResponseInformation(true),
];

const OF_WILL: [Property<'static>; 6] = [
    Property::PayloadFormatIndicator(true),
    Property::MessageExpiryInterval(60),
    Property::ContentType("text/plain"),
    Property::CorrelationData(b"17"),
    Property::UserProperty(("a", "1")),
    Property::UserProperty(("a", "2")),
];

#[test]
fn connect_says_the_properties_of_the_program() {
    in_5_0(async {
        let server = peer(|script| {
            accepts(script, |connect| {
                let properties = connect.properties;
                assert_eq!(properties.request_problem_information(), Some(true));
                assert_eq!(properties.request_response_information(), Some(true));
                assert_eq!(properties.session_expiry_interval(), Some(600), "beside them");
                let all: Vec<_> = properties.user_properties().collect();
                assert_eq!(all, [("site", "north"), ("site", "south")]);
            });
            script.expect(PacketType::Disconnect);
        });
        let settings = config(Version::V5, server.port).session_expiry(600);
        let client = connected(settings.properties(&OF_CONNECT)).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-3.1.2-9]
#[test]
fn the_will_says_its_properties() {
    in_5_0(async {
        let server = peer(|script| {
            accepts(script, |connect| {
                let properties = connect.will.expect("a will").properties;
                let all: Vec<_> = properties.into_iter().collect();
                let delay = [Property::WillDelayInterval(30)];
                assert_eq!(all, [&OF_WILL[..4], &delay, &OF_WILL[4..]].concat());
                assert_eq!(connect.properties.user_properties().count(), 0);
            });
            script.expect(PacketType::Disconnect);
        });
        let will = Will::new("gone", "bye").delay(Duration::from_secs(30)).properties(&OF_WILL);
        let client = connected(config(Version::V5, server.port).will(will)).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_published_will_has_its_properties() {
    in_5_0(async {
        let server = server();
        let observer = observer(&server, "gone").await;
        let answers = TopicName::new("answers").expect("a topic name");
        let list: &'static [Property<'static>; 2] = Box::leak(Box::new([
            Property::ResponseTopic(answers),
            Property::ContentType("text/plain"),
        ]));
        let will = Will::new("gone", "bye").qos(QoS::AtLeastOnce).properties(list);
        let lost = connected(config(Version::V5, server.addr().port()).will(will)).await;
        within(lost.disconnect().with_will()).await.expect("an end");
        let message = held(&observer).await;
        assert_eq!(message.payload(), b"bye");
        assert_eq!(message.properties().response_topic(), Some(answers));
        assert_eq!(message.properties().content_type(), Some("text/plain"));
    });
}

// 5.0 [MQTT-1.5.4-2]
// Decision [once]
#[test]
fn properties_that_cannot_be_said_are_named_and_nothing_is_opened() {
    in_5_0(async {
        let named = async |settings| {
            let client = client(settings);
            within(client.connect(true)).await.expect_err("an error")
        };
        let settings = config(Version::V5, 1);
        let error = named(settings.clone().properties(&[Property::ContentType("x")])).await;
        let misplaced = EncodeError::MisplacedProperty(PacketType::Connect.into(), 0x03);
        assert_eq!(error, ConnectError::Invalid(misplaced.into()));
        let twice = &[Property::RequestProblemInformation(true); 2];
        let error = named(settings.clone().properties(twice)).await;
        assert_eq!(error, ConnectError::Invalid(EncodeError::RepeatedProperty(0x17).into()));
        let error =
            named(settings.clone().properties(&[Property::UserProperty(("a\0", ""))])).await;
        assert_eq!(error, ConnectError::Invalid(EncodeError::Nul.into()));
        let will =
            Will::new("gone", "bye").properties(&[Property::RequestProblemInformation(true)]);
        let error = named(settings.clone().will(will)).await;
        let misplaced = EncodeError::MisplacedProperty(Carrier::Will, 0x17);
        assert_eq!(error, ConnectError::Invalid(misplaced.into()));
        let error = named(settings.properties(&[Property::UserProperty(("a", "b")); 17])).await;
        assert_eq!(error, ConnectError::TooManyProperties { most: 16 });
    });
}

#[test]
fn properties_are_not_for_3_1_1() {
    in_3_1_1(async {
        let settings = config(Version::V311, 1);
        let of_will = Will::new("gone", "bye").properties(&OF_WILL);
        for settings in [settings.clone().properties(&OF_CONNECT), settings.will(of_will)] {
            let error = within(client(settings).connect(true)).await.expect_err("an error");
            assert_eq!(error, ConnectError::Invalid(EncodeError::PropertiesNeedV5.into()));
        }
    });
}

#[test]
fn what_is_reconfigured_is_said_by_the_next_connect() {
    both(async |version| {
        let v5 = version == Version::V5;
        let server = peer(move |script| {
            accepts(script, |connect| {
                let known = (connect.user_name, connect.password, connect.keep_alive);
                assert_eq!(known, (Some("pump"), Some(&b"old"[..]), 60));
                assert_eq!(connect.will.expect("a will").payload, b"bye");
            });
            // Settings that change leave the connection alone.
            script.expect(PacketType::Publish);
            script.expect(PacketType::Disconnect);
            accepts(script, |connect| {
                let known = (connect.user_name, connect.password, connect.keep_alive);
                assert_eq!(known, (Some("pump"), Some(&b"new"[..]), 42));
                let will = connect.will.expect("a will");
                assert_eq!((will.topic.as_str(), will.payload), ("gone/too", &b"see you"[..]));
                let properties = (connect.properties.user_properties().count(), will.properties);
                assert_eq!(properties.0, if v5 { 2 } else { 0 });
                assert_eq!(properties.1.content_type(), v5.then_some("text/plain"));
            });
            script.expect(PacketType::Disconnect);
            accepts(script, |connect| {
                assert_eq!((connect.user_name, connect.password, connect.will), (None, None, None));
                assert_eq!(connect.keep_alive, 42, "what is not named stays");
            });
            script.expect(PacketType::Disconnect);
        });
        let settings = config(version, server.port).user("pump", "old");
        let client = connected(settings.will(Will::new("gone", "bye"))).await;
        client.reconfigure(|next| {
            let will = Will::new("gone/too", "see you");
            let next = next.password("new").keepalive(Duration::from_secs(42));
            if v5 {
                next.properties(&OF_CONNECT).will(will.properties(&OF_WILL))
            } else {
                next.will(will)
            }
        });
        within(client.publish("a", "still here")).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        within(client.connect(true)).await.expect("a second connection");
        within(client.disconnect()).await.expect("an end");
        client.reconfigure(|next| next.without_user().without_will());
        within(client.connect(true)).await.expect("a third connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn the_session_expiry_may_change() {
    in_5_0(async {
        let server = peer(|script| {
            for wanted in [u32::MAX, 600] {
                accepts(script, |connect| {
                    let expiry = connect.properties.session_expiry_interval();
                    assert_eq!(expiry, Some(wanted));
                });
                script.expect(PacketType::Disconnect);
            }
        });
        let client = client(config(Version::V5, server.port));
        for _ in 0..2 {
            within(client.connect(false)).await.expect("a connection");
            within(client.disconnect()).await.expect("an end");
            client.reconfigure(|next| next.session_expiry(600));
        }
        server.end().await;
    });
}

#[test]
fn the_client_moves_to_another_server() {
    both(async |version| {
        let (first, second) = (server(), server());
        let observer = observer(&second, "a").await;
        let client = connected(config(version, first.addr().port())).await;
        let port = second.addr().port();
        client.reconfigure(|next| next.server(host(port)).port(port));
        within(client.connect(true)).await.expect("a connection");
        within(client.publish("a", "moved")).await.expect("a publish");
        assert_eq!(next(&observer).await, ("a".to_owned(), "moved".to_owned()));
    });
}

#[test]
fn what_cannot_be_said_is_mended_before_the_next_connect() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        client.reconfigure(|next| next.will(Will::new("a/#", "x")));
        let error = within(client.connect(true)).await.expect_err("an error");
        assert_eq!(error, ConnectError::WillTopic(TopicError::WildcardInName));
        client.reconfigure(|next| next.will(Will::new("a", "x")));
        within(client.connect(true)).await.expect("a connection");
    });
}

/// A connection that stands is left alone by both: what changed is for the one after it.
// Decision [connect-false-stands]
#[test]
fn connect_false_on_a_connection_that_stands_leaves_it_alone_after_reconfigure_too() {
    both(async |version| {
        let server = peer(|script| {
            accepts(script, |connect| assert_eq!(connect.user_name, None));
            script.expect(PacketType::Publish);
            script.expect(PacketType::Disconnect);
            script.close();
            accepts(script, |connect| assert_eq!(connect.user_name, Some("pump")));
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port));
        within(client.connect(false)).await.expect("a connection");
        client.reconfigure(|next| next.user("pump", "fresh"));
        within(client.connect(false)).await.expect("it stands");
        assert_eq!(client.statistics().connections, 1);
        within(client.publish("a", "b")).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        within(client.connect(false)).await.expect("another connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// No `connect` judges it there: the next attempt does. For a server that is none, and for seconds that
/// are too many, nothing is opened.
#[test]
fn what_cannot_be_said_ends_a_policy() {
    both(async |version| {
        let named = |change: fn(Reconfigure) -> Reconfigure, wanted: ConnectError, opens: bool| {
            let (changed, waiting) = gate();
            let server = peer(move |script| {
                script.welcome();
                waiting.wait();
                script.close();
                if opens {
                    script.accept();
                    script.expect_close();
                }
            });
            async move {
                let policy = quick(|policy| policy);
                let client = connected(config(version, server.port).reconnect(policy)).await;
                let told = attempts(&client);
                client.reconfigure(change);
                changed.open();
                told.count(2).await;
                assert_eq!(
                    told.all(),
                    ["1: lost".to_owned(), format!("2 not: Failed({wanted:?})")]
                );
                server.end().await;
            }
        };
        let keep_alive = ConnectError::KeepAlive { seconds: 70_000 };
        named(|next| next.keepalive(Duration::from_secs(70_000)), keep_alive, false).await;
        let url = ConnectError::Config(ConfigError::Url);
        named(|next| next.server("wss://broker.example"), url, false).await;
        let topic = ConnectError::WillTopic(TopicError::WildcardInName);
        named(|next| next.will(Will::new("a/#", "x")), topic, true).await;
    });
}

/// A policy whose own server does not answer, connected to a spare one that is lost after `changed`:
/// then two seconds pass before an attempt.
async fn at_a_spare_server(version: Version, spare: &Peer, changed: &Gate) -> (Client, Seen) {
    let delay = Duration::from_secs(2);
    let list: &'static [_] = Box::leak(Box::new([(host(spare.port), spare.port)]));
    let policy = quick(|policy| {
        let policy = policy.servers(list).first_connect(true).jitter(0);
        policy.first_delay(delay).longest_delay(delay)
    });
    let nobody = Script::listen().port();
    let client = client(config(version, nobody).reconnect(policy));
    let told = attempts(&client);
    within(client.connect(true)).await.expect("the spare one");
    changed.open();
    told.count(2).await;
    (client, told)
}

/// What changes beside the server leaves the attempt where it was to go.
#[test]
fn a_policy_goes_on_with_its_server_where_another_setting_changes() {
    both(async |version| {
        let (changed, waiting) = gate();
        let spare = peer(move |script| {
            script.welcome();
            waiting.wait();
            script.close();
            accepts(script, |connect| assert_eq!(connect.user_name, Some("pump")));
            script.expect(PacketType::Disconnect);
        });
        let (client, told) = at_a_spare_server(version, &spare, &changed).await;
        client.reconfigure(|next| next.user("pump", "fresh"));
        until(|| client.statistics().connections == 2).await;
        assert_eq!(told.all(), ["1: unreachable", "1: lost"]);
        within(client.disconnect()).await.expect("an end");
        spare.end().await;
    });
}

#[test]
fn a_policy_goes_to_the_server_that_is_named_meanwhile() {
    both(async |version| {
        let (changed, waiting) = gate();
        let spare = peer(move |script| {
            script.welcome();
            waiting.wait();
            script.close();
        });
        let server = server();
        let (client, told) = at_a_spare_server(version, &spare, &changed).await;
        let port = server.addr().port();
        client.reconfigure(|next| next.server(host(port)).port(port));
        until(|| client.statistics().connections == 2).await;
        assert_eq!(told.all(), ["1: unreachable", "1: lost"]);
        within(client.disconnect()).await.expect("an end");
        spare.end().await;
    });
}
