//! What the server does not allow is a local error, and nothing is sent; whom it does not know gets its code.

use std::time::Duration;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, TempDir, broker_or_skip};
use mqtt_as_tokio::{
    Client, ConnectError, Limit, OperationError, PublishError, QoS, ReasonCode, Version, Will,
};

use crate::{EVERY_QOS, NEVER, SOON, VERSIONS, config, within};

#[tokio::test(flavor = "multi_thread")]
async fn server_limits_are_local_errors_with_nothing_sent() {
    if !broker_or_skip("server_limits_are_local_errors_with_nothing_sent") {
        return;
    }
    let options = Options::new().verbose().line("max_packet_size 1000").line("max_qos 1");
    let options = options.line("retain_available false").line("max_keepalive 20");
    let broker = Mosquitto::start(options);
    let config = config(&broker, Version::V5, "limited").keepalive(Duration::from_secs(60));
    let client = Client::new(config).expect("a client");
    let session = within(client.connect(true)).await.expect("a connection");
    assert_eq!(session.server_keep_alive, Some(20));
    assert_eq!(session.limits.maximum_qos, QoS::AtLeastOnce);
    assert_eq!(session.limits.maximum_packet_size, 1000);
    assert!(!session.limits.retain_available);

    let sub = Sub::start(&broker, &["-V", "5", "-t", "l/#", "-q", "1"]);
    let forbidden = |limit| Err(PublishError::Invalid(OperationError::Forbidden(limit)));
    let too_high = within(client.publish("l/qos", "x").qos(QoS::ExactlyOnce)).await;
    assert_eq!(too_high, forbidden(Limit::MaximumQoS(QoS::AtLeastOnce)));
    let retained = within(client.publish("l/retained", "x").retain(true)).await;
    assert_eq!(retained, forbidden(Limit::RetainNotAvailable));
    // Fixed header 3, topic 2 + 7, properties 1 (and the packet identifier 2): 1,000 bytes pass.
    for (qos, most) in [(QoS::AtMostOnce, 987), (QoS::AtLeastOnce, 985)] {
        let publish = async |len| client.publish("l/large", vec![b'x'; len]).qos(qos).await;
        let limit = Limit::MaximumPacketSize;
        assert_eq!(within(publish(most + 1)).await, forbidden(limit));
        assert_eq!(within(publish(most)).await.map(drop), Ok(()));
        assert!(sub.next_line(SOON).is_some_and(|line| line.ends_with(&"x".repeat(most))));
    }
    assert_eq!(sub.next_line(NEVER), None);
    assert_eq!(client.statistics().connections, 1);
    let log = broker.log();
    assert_eq!(log.matches("Received PUBLISH from limited").count(), 2, "{log}");

    // Known from the connection before: the will fails at the call.
    within(client.disconnect()).await.expect("disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_will_above_the_servers_limits_is_refused_by_name() {
    if !broker_or_skip("a_will_above_the_servers_limits_is_refused_by_name") {
        return;
    }
    let options = Options::new().line("max_qos 1").line("retain_available false");
    let broker = Mosquitto::start(options);
    let qos = Will::new("will", "x").qos(QoS::ExactlyOnce);
    let retained = Will::new("will", "x").retain(true);
    for (will, code) in [(qos, 0x9b), (retained, 0x9a)] {
        let client = Client::new(config(&broker, Version::V5, "willing").will(will));
        let refused = within(client.expect("a client").connect(true)).await;
        assert_eq!(refused.err(), Some(ConnectError::Refused(ReasonCode::from_u8(code))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_messages_are_open_than_the_server_takes() {
    if !broker_or_skip("no_more_messages_are_open_than_the_server_takes") {
        return;
    }
    const MESSAGES: usize = 200;
    let broker = Mosquitto::start(Options::new().line("max_inflight_messages 2"));
    for qos in EVERY_QOS {
        let client = Client::new(config(&broker, Version::V5, "narrow")).expect("a client");
        let session = within(client.connect(true)).await.expect("a connection");
        assert_eq!(session.limits.receive_maximum, 2);
        // At QoS 2 it leaves when the broker exceeds its Receive Maximum, which it does with a queue.
        let sub = Sub::start(&broker, &["-V", "5", "-t", "n", "-q", "0", "-F", "%p"]);
        crate::flow::publish_numbers(&client, "n", qos, 0..MESSAGES, 100).await;
        // mosquitto ends the connection with 0x93 if there is one too many.
        assert_eq!(client.statistics().connections, 1);
        assert!(client.is_connected());
        let lines = sub.next_lines(MESSAGES, SOON);
        assert!(lines.iter().map(|line| crate::flow::number(line)).eq(0..MESSAGES), "{qos:?}");
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_password_is_refused_with_the_code() {
    if !broker_or_skip("a_bad_password_is_refused_with_the_code") {
        return;
    }
    // alice:secret, as mosquitto_passwd writes it.
    const LINE: &str = "alice:$7$101$J3xIQ3NOn/07mfLj$YXuZvd1rQqdCBopdQo//rrdo9JAof++6/g0ICvYAxgJg\
                        RNgg6zn5KJl5A1ty5K2yKHnujgLgKI5WjUduWhMDxg==\n";
    let dir = TempDir::new("passwords");
    let file = dir.path().join("passwords");
    std::fs::write(&file, LINE).expect("write the passwords");
    let options = Options::new().line(format!("password_file {}", file.display()));
    let broker = Mosquitto::start(options);
    // Return code 5 of 3.1.1, 0x87 of 5.0.
    let not_authorized = ConnectError::Refused(ReasonCode::NOT_AUTHORIZED);
    for version in VERSIONS {
        let connect = async |(name, password): (&str, &str)| {
            let config = config(&broker, version, "alice");
            let config = config.user(name, password);
            Client::new(config).expect("a client").connect(true).await
        };
        let good = within(connect(("alice", "secret"))).await;
        assert!(good.is_ok(), "{version:?}: {good:?}");
        for user in [("alice", "wrong"), ("bob", "secret")] {
            let refused = within(connect(user)).await.err();
            assert_eq!(refused, Some(not_authorized), "{version:?} {user:?}");
        }
    }
}
