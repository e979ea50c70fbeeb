//! Transports that the program opens: here pipes in memory.

use std::future::pending;
use std::io::{Error, ErrorKind as Kind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;
use mqtt_as_tokio::{Config, ConnectError, QoS, Step, new_with};
use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::net::TcpStream;

use crate::list::story::{MS, next};
use crate::runtime::{run, within};

/// A pipe, smaller than packets, to the broker on that port.
async fn pipe(port: u16) -> Result<DuplexStream, Error> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (ours, mut theirs) = duplex(16);
    tokio::spawn(async move { copy_bidirectional(&mut theirs, &mut server).await });
    Ok(ours)
}

#[test]
fn a_client_runs_over_pipes_and_connects_again() {
    run(async {
        let server = Server::start(BrokerConfig::default());
        let port = server.addr().port();
        let opened = Arc::new(Mutex::new(Vec::new()));
        let seen = opened.clone();
        let config = Config::new("the.broker").port(7).client_id("ours");
        let client = new_with(config, move |host, of| {
            seen.lock().expect("no panic").push((host, of));
            pipe(port)
        });
        let client = client.expect("settings");
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
        for (qos, len) in
            [(QoS::AtMostOnce, 5), (QoS::AtLeastOnce, 5000), (QoS::ExactlyOnce, 100_000)]
        {
            let payload = "x".repeat(len);
            within(client.publish("a", &payload).qos(qos)).await.expect("a publish");
            assert_eq!(next(&client).await.1, payload);
        }
        server.cut();
        within(client.down()).await.expect("an end");
        let session = within(client.connect(false)).await.expect("another connection");
        assert!(session.session_present);
        within(client.publish("a", "again")).await.expect("a publish");
        assert_eq!(next(&client).await.1, "again");
        within(client.disconnect()).await.expect("an end");
        let opened = opened.lock().expect("no panic").clone();
        assert_eq!(opened, [("the.broker".to_owned(), 7), ("the.broker".to_owned(), 7)]);
    });
}

#[test]
fn a_transport_that_does_not_open_is_told() {
    run(async {
        let refuse = |_, _| async { Err::<DuplexStream, _>(Error::from(Kind::ConnectionRefused)) };
        let client = new_with(Config::new("nobody"), refuse).expect("settings");
        let error = within(client.connect(true)).await.expect_err("an error");
        assert!(matches!(error, ConnectError::Unreachable(Step::Open, ..)), "{error}");
        let config = Config::new("nobody").connect_timeout(50 * MS);
        let never = |_, _| pending::<Result<DuplexStream, Error>>();
        let client = new_with(config, never).expect("settings");
        let error = within(client.connect(true)).await.expect_err("an error");
        assert!(matches!(error, ConnectError::TimedOut(Step::Open)), "{error}");
    });
}

/// What was written last arrives before the end of the pipe.
#[test]
fn dropping_the_client_says_disconnect_over_a_pipe() {
    run(async {
        let server = Server::start(BrokerConfig::default());
        let port = server.addr().port();
        let client = new_with(Config::new("x"), move |_, _| pipe(port)).expect("settings");
        within(client.connect(true)).await.expect("a connection");
        within(client.publish("a", "last")).await.expect("a publish");
        drop(client);
        let arrived = async {
            while server.with(|broker, _| broker.accepted().len()) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(arrived).await;
    });
}
