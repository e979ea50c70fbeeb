//! Errors of the operating system are told whole.

use std::error::Error;
use std::io;
use std::net::TcpListener;

use crate::list::story::{MS, both, client, config, connected, in_5_0, peer};
use crate::runtime::adapter::{Config, ConnectError, DownReason, Step};
use crate::runtime::within;

/// The error of the system beneath that one.
fn of_system(error: &dyn Error) -> &io::Error {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.expect("the error of the system")
}

#[test]
fn a_refused_connection_keeps_the_error_of_the_system() {
    both(async |version| {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("its address").port()
        };
        let client = client(config(version, port));
        let error = within(client.connect(true)).await.expect_err("nobody listens");
        assert!(matches!(error, ConnectError::Unreachable(Step::Open, _)), "{error:?}");
        let system = of_system(&error);
        assert_eq!(system.kind(), io::ErrorKind::ConnectionRefused);
        assert!(system.raw_os_error().is_some());
        assert!(error.to_string().contains(&system.to_string()), "{error}");
    });
}

#[test]
fn an_unknown_host_keeps_what_the_system_said_of_it() {
    in_5_0(async {
        let client = client(Config::new("no such host.invalid").connect_timeout(3000 * MS));
        let error = within(client.connect(true)).await.expect_err("no such host");
        if error != ConnectError::TimedOut(Step::Resolve) {
            let system = of_system(&error).to_string();
            assert!(error.to_string().contains(&system), "{error}");
        }
    });
}

#[test]
fn a_lost_link_keeps_the_error_of_the_system() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.reset();
        });
        let client = connected(config(version, server.port)).await;
        within(client.publish("a", "unread")).await.expect("it is on its way");
        let reason = within(client.down()).await.expect("a lost link");
        assert_eq!(of_system(&reason).kind(), io::ErrorKind::ConnectionReset);
        server.end().await;
    });
}

/// An error of the transport before CONNACK is beneath the failure, too.
#[test]
fn a_connection_that_is_cut_before_connack_keeps_it() {
    both(async |version| {
        let server = peer(|script| {
            script.accept();
            script.reset(); // CONNECT is not read.
        });
        let client = client(config(version, server.port));
        let error = within(client.connect(true)).await.expect_err("no connection");
        match &error {
            ConnectError::Lost(DownReason::Transport(_)) => {
                assert_eq!(of_system(&error).kind(), io::ErrorKind::ConnectionReset);
            }
            other => assert_eq!(*other, ConnectError::Lost(DownReason::Closed)),
        }
        assert!(error.to_string().contains("TLS"), "{error}");
        server.end().await;
    });
}
