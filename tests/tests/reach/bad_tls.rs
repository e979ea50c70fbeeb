//! What bad input gets: each its own error, which says what to do, within its time.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::certificates::{Authority, Identity};
use super::config;
use super::front::{Clients, Front, config as server_config};
use crate::runtime::adapter::{ConfigError, ConnectError, DownReason, Reconnect, Step, Tls};
use crate::runtime::{client, run, try_client, within};

/// Why there is no connection.
pub(super) async fn failure(settings: crate::runtime::adapter::Config) -> ConnectError {
    within(client(settings).connect(true)).await.expect_err("an error")
}

/// The step TLS failed, with these words.
pub(super) fn says(error: &ConnectError, words: &[&str]) {
    assert!(matches!(error, ConnectError::Unreachable(Step::Tls, _)), "{error:?}");
    says_all(error, words);
}

pub(super) fn says_all(error: &ConnectError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

pub(super) fn trusting(authority: &Authority) -> Tls {
    Tls::new().ca_pem(authority.pem.clone())
}

/// A server with that certificate, and what a client that trusts `authority` says of it.
pub(super) async fn against(authority: &Authority, identity: &Identity) -> ConnectError {
    let server = Server::start(BrokerConfig::default());
    let front = Front::start(server.addr(), identity, &Clients::All);
    failure(config(front.port).tls(trusting(authority))).await
}

#[test]
fn a_server_of_another_authority_is_not_trusted() {
    run(async {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let error = against(&ours, &theirs.server(&["localhost"])).await;
        says(&error, &["UnknownIssuer", "ca_pem"]);
        assert!(!error.is_retryable());
    });
}

/// A policy waits as for bad credentials, or ends.
#[test]
fn a_policy_does_not_hurry_where_a_certificate_is_not_trusted() {
    run(async {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &theirs.server(&["localhost"]), &Clients::All);
        let policy = Reconnect::new().first_connect(true).refused_delay(Duration::ZERO);
        let settings = config(front.port).tls(trusting(&ours)).reconnect(policy);
        says(&failure(settings).await, &["UnknownIssuer"]);
    });
}

#[test]
fn a_certificate_that_has_expired_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let error = against(&ours, &ours.expired()).await;
        says(&error, &["expired", "new certificate", "clock"]);
        assert!(error.is_retryable(), "the clock may be set, and the certificate renewed");
    });
}

#[test]
fn a_certificate_for_another_name_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let error = against(&ours, &ours.server(&["broker.example"])).await;
        says(&error, &["not valid for name", "localhost", "broker.example", "server_name"]);
        assert!(!error.is_retryable());
    });
}

#[test]
fn plain_text_on_a_port_of_tls_is_told() {
    run(async {
        let ours = Authority::new("ours");
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &ours.server(&["localhost"]), &Clients::All);
        let error = failure(config(front.port)).await;
        // An alert of TLS comes, which is no packet, or the end.
        let told = matches!(error, ConnectError::Lost(_) | ConnectError::Protocol(_));
        assert!(told, "{error:?}");
        says_all(&error, &["TLS"]);
    });
}

#[test]
fn tls_on_a_plain_port_is_told() {
    run(async {
        let ours = Authority::new("ours");
        let server = Server::start(BrokerConfig::default());
        let error = failure(config(server.addr().port()).tls(trusting(&ours))).await;
        says(&error, &["TLS on that port"]);
    });
}

#[test]
fn something_else_than_tls_is_told() {
    run(async {
        let ours = Authority::new("ours");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("a client");
            let _ = std::io::Write::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = std::io::Read::read_to_end(&mut socket, &mut Vec::new());
        });
        let error = failure(config(port).tls(trusting(&ours))).await;
        says(&error, &["does not speak TLS on that port"]);
    });
}

#[test]
fn a_server_that_is_silent_has_its_time() {
    run(async {
        let ours = Authority::new("ours");
        // The system accepts; nobody answers.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let settings = config(port).connect_timeout(Duration::from_millis(100));
        let error = failure(settings.tls(trusting(&ours))).await;
        assert_eq!(error, ConnectError::TimedOut(Step::Tls));
    });
}

/// With TLS 1.3 the client is done before the server has judged its certificate.
pub(super) async fn against_mutual(tls: Tls, authority: &Authority) -> ConnectError {
    let server = Server::start(BrokerConfig::default());
    let identity = authority.server(&["localhost"]);
    let front = Front::start(server.addr(), &identity, &Clients::Of(authority));
    let error = failure(config(front.port).tls(tls)).await;
    let of_tls = matches!(
        error,
        ConnectError::Lost(DownReason::Transport(_)) | ConnectError::Unreachable(Step::Tls, _)
    );
    assert!(of_tls, "{error:?}");
    assert!(!error.is_retryable(), "it needs another certificate: {error}");
    assert!(!error.to_string().contains("right port"), "it speaks TLS: {error}");
    error
}

#[test]
fn a_client_certificate_that_is_missing_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let error = against_mutual(trusting(&ours), &ours).await;
        says_all(&error, &["CertificateRequired", "client_pem"]);
    });
}

#[test]
fn a_client_certificate_that_was_revoked_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let revoked = ours.revoked_client();
        let tls = trusting(&ours).client_pem(revoked.certificate, revoked.key);
        let error = against_mutual(tls, &ours).await;
        says_all(&error, &["CertificateRevoked", "client certificate was revoked"]);
    });
}

#[test]
fn a_client_certificate_of_another_authority_is_named() {
    run(async {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let stranger = theirs.client("stranger");
        let tls = trusting(&ours).client_pem(stranger.certificate, stranger.key);
        let error = against_mutual(tls, &ours).await;
        says_all(&error, &["does not take the client certificate"]);
    });
}

#[test]
fn a_protocol_that_the_server_does_not_have_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let server = Server::start(BrokerConfig::default());
        let mut settings = server_config(&ours.server(&["localhost"]), &Clients::All);
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        let front = Front::with_config(server.addr(), settings);
        let error = failure(config(front.port).tls(trusting(&ours).alpn(&["mqtt"]))).await;
        says(&error, &["alpn"]);
    });
}

#[test]
fn settings_that_cannot_be_are_refused_when_the_client_is_made() {
    run(async {
        let ours = Authority::new("ours");
        let (one, other) = (ours.client("one"), ours.client("other"));
        let made = |tls: Tls| try_client(config(1).tls(tls)).map(drop);
        let refused = [
            (Tls::new().ca_pem("no certificate"), "CA"),
            (Tls::new().ca_pem(one.key.clone()), "CA"),
            (trusting(&ours).client_pem("no certificate", one.key.clone()), "client"),
            (trusting(&ours).client_pem(one.certificate.clone(), "no key"), "key"),
            (trusting(&ours).client_pem(one.certificate.clone(), one.certificate.clone()), "key"),
            (trusting(&ours).client_pem(one.certificate.clone(), other.key), "certificate"),
            (trusting(&ours).server_name("no name"), "name"),
        ];
        for (number, (tls, word)) in refused.into_iter().enumerate() {
            let error = made(tls).expect_err(word);
            assert!(error.to_string().contains(word), "{number}: {word:?} is missing: {error}");
        }
        let locked =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let error = made(trusting(&ours).client_pem(one.certificate.clone(), locked));
        assert_eq!(error, Err(ConfigError::EncryptedKey));
        assert_eq!(made(trusting(&ours).client_pem(one.certificate, one.key)), Ok(()));
    });
}
