//! What errors say: whose fault it is, what was meant, and what helps.

use mqtt_as_proto::packet::PacketType;
use mqtt_as_proto::property::TopicAliasId;

use super::story::{
    MS, accept, accepted, both, client, config, connected, forever, in_5_0, peer, published,
    server, until,
};
use crate::runtime::adapter::{
    Config, ConfigError, ConnectError, ConnectionError, DownReason, EncodeError, Foreign,
    OperationError, Properties, Property, PublishError, QoS, Version,
};
use crate::runtime::{host, try_client, within};

const UNSENT: PublishError = PublishError::TimedOut { sent: false };
const SENT: PublishError = PublishError::TimedOut { sent: true };

#[test]
fn a_publish_that_never_had_a_connection_is_not_on_its_way() {
    both(async |version| {
        let server = server();
        let client = client(config(version, server.addr().port()));
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let publish = client.publish("a", "waits").qos(qos).timeout(30 * MS);
            let error = within(publish).await.expect_err("there is no connection");
            assert_eq!(error, UNSENT, "{version:?}, {qos:?}");
            assert!(error.to_string().contains("was not sent in time"), "{error}");
            assert!(!error.is_retryable(), "it goes out by itself");
        }
        within(client.connect(true)).await.expect("a connection");
        until(|| accepted(&server).len() == 2).await;
    });
}

/// It is on its way as soon as it is on a connection, and stays so when that is lost.
#[test]
fn a_publish_that_was_on_a_connection_is_on_its_way() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            published(script);
            script.close();
        });
        let client = connected(config(version, server.port)).await;
        within(client.up()).await.expect("a connection");
        let publish = client.publish("a", "sent").qos(QoS::AtLeastOnce).timeout(300 * MS);
        let receipt = within(publish.send()).await.expect("room for it");
        within(client.down()).await.expect("a lost link");
        let error = within(receipt).await.expect_err("nobody acknowledges it");
        assert_eq!(error, SENT);
        assert!(error.to_string().contains("still on its way"), "{error}");
        server.end().await;
    });
}

/// Behind a full window a message is on no connection.
#[test]
fn a_publish_that_the_window_holds_back_is_not_on_its_way() {
    both(async |version| {
        let server = peer(move |script| {
            let one = [Property::ReceiveMaximum(1.try_into().expect("not 0"))];
            let list = if version == Version::V5 { &one[..] } else { &[] };
            accept(script, false, list);
            assert_eq!(published(script).1, 1);
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).send_window(1)).await;
        let publish = |payload| client.publish("a", payload).qos(QoS::AtLeastOnce);
        let first = within(publish("first").timeout(30 * MS)).await;
        assert_eq!(first, Err(SENT));
        assert_eq!(within(publish("second").timeout(30 * MS)).await, Err(UNSENT));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn host_and_port_in_one() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let host = host(port);
        for name in [format!("{host}:{port}"), format!("mqtt://{host}:{port}/")] {
            let config = Config::new(forever(name)).version(version).client_id("ours");
            connected(config).await;
        }
        // The setting counts more than what stands with the name.
        let config = Config::new(forever(format!("{host}:1"))).port(port).version(version);
        connected(config).await;
    });
}

#[test]
fn what_is_no_host_is_refused_by_name() {
    in_5_0(async {
        let refused = |server| {
            let error = try_client(Config::new(server)).expect_err("no host");
            (error.to_string(), error)
        };
        for url in ["mqtts://broker.example", "ws://broker.example/mqtt", "mqtt://me:pw@a"] {
            let (said, error) = refused(url);
            assert_eq!(error, ConfigError::Url, "{url}");
            assert!(said.contains("URL") && said.contains("host"), "{said}");
        }
        for empty in ["", ":1883", "mqtt://"] {
            let (said, error) = refused(empty);
            assert_eq!(error, ConfigError::EmptyHost, "{empty}");
            assert!(said.contains("empty"), "{said}");
        }
        let (said, error) = refused("broker.example:mqtt");
        assert_eq!(error, ConfigError::Port);
        assert!(said.contains("port"), "{said}");
    });
}

/// A server that is set later is judged by the next connect.
#[test]
fn what_is_no_host_is_refused_later_too() {
    both(async |version| {
        let server = server();
        let port = server.addr().port();
        let client = connected(config(version, port)).await;
        client.reconfigure(|next| next.server("wss://broker.example"));
        let refused = within(client.connect(true)).await;
        assert_eq!(refused.err(), Some(ConnectError::Config(ConfigError::Url)));
        assert!(client.is_connected(), "nothing has changed");
        let name = forever(format!("{}:{port}", host(port)));
        client.reconfigure(|next| next.server(name));
        within(client.connect(true)).await.expect("a connection");
    });
}

/// The port of a web server, and one where a server wants TLS of a client that speaks none.
// Decision [foreign]
#[test]
fn a_server_of_another_protocol_is_called_that() {
    both(async |version| {
        let alert = &b"\x15\x03\x03\0\x02\x02\x46"[..];
        let page = &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..];
        for (answer, foreign, word) in
            [(page, Foreign::Http, "HTTP"), (alert, Foreign::TlsAlert, "connect with TLS")]
        {
            let server = peer(move |script| {
                script.accept();
                script.expect(PacketType::Connect);
                script.send_bytes(answer);
                script.close();
            });
            let client = client(config(version, server.port));
            let error = within(client.connect(true)).await.expect_err("no MQTT");
            assert_eq!(error, ConnectError::Protocol(ConnectionError::NotMqtt(foreign)));
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.is_retryable());
            server.end().await;
        }
    });
}

/// Some servers that want TLS close without a word.
#[test]
fn a_server_that_closes_before_connack_may_want_tls() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.close();
        });
        let client = client(config(version, server.port));
        let error = within(client.connect(true)).await.expect_err("no connection");
        assert_eq!(error, ConnectError::Lost(DownReason::Closed));
        assert!(error.to_string().contains("TLS"), "{error}");
        assert!(error.is_retryable(), "it may be a server that is starting");
        server.end().await;
    });
}

#[test]
fn a_misplaced_property_is_named_with_its_packet() {
    in_5_0(async {
        let server = server();
        let client = connected(config(Version::V5, server.addr().port())).await;
        let alias = [Property::TopicAlias(TopicAliasId(1.try_into().expect("not 0")))];
        let publish = client.publish("a", "b").properties(Properties::new(&alias));
        let error = within(publish).await.expect_err("aliases are the client's");
        let misplaced = EncodeError::MisplacedProperty(PacketType::Publish.into(), 0x23);
        assert_eq!(error, PublishError::Invalid(OperationError::Invalid(misplaced)));
        let said = error.to_string();
        assert!(said.contains("Topic Alias") && said.contains("PUBLISH"), "{said}");
    });
}
