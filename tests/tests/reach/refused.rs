//! What bad input gets from a real broker: each its own error, which says what to do.

use mqtt_as_tests::mosquitto::broker_or_skip;

use super::certificates::Authority;
use super::config;
use super::real::Everywhere;
use crate::runtime::adapter::{Config, ConnectError, DownReason, Step, Tls, WebSocket};
use crate::runtime::{client, run, within};

/// Why there is no connection, in these words.
fn refused(settings: Config, is: fn(&ConnectError) -> bool, words: &[&str]) {
    run(async {
        let error = within(client(settings).connect(true)).await.expect_err("an error");
        assert!(is(&error), "{error:?}");
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} is missing: {error}");
        }
    });
}

fn is_tls(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Unreachable(Step::Tls, _))
}

/// With TLS 1.3 the server judges the client when that is done.
fn is_judged(error: &ConnectError) -> bool {
    is_tls(error) || matches!(error, ConnectError::Lost(DownReason::Transport(_)))
}

fn is_judged_early(error: &ConnectError) -> bool {
    is_tls(error) || matches!(error, ConnectError::Unreachable(Step::WebSocket, _))
}

fn is_lost(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Lost(_))
}

fn is_open(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Unreachable(Step::Open, _))
}

#[test]
fn a_server_that_is_not_trusted() {
    if !broker_or_skip("a_server_that_is_not_trusted") {
        return;
    }
    let broker = Everywhere::start();
    let unknown = Tls::new().ca_pem(Authority::new("strangers").pem);
    refused(config(broker.tls).tls(unknown), is_tls, &["UnknownIssuer", "ca_pem"]);
    let named = broker.trust().server_name("broker.example");
    refused(config(broker.tls).tls(named), is_tls, &["not valid for name", "server_name"]);
}

#[test]
fn a_client_that_is_not_let_in() {
    if !broker_or_skip("a_client_that_is_not_let_in") {
        return;
    }
    let broker = Everywhere::start();
    let at = |tls: Tls| config(broker.mutual).tls(tls);
    refused(at(broker.trust()), is_judged, &["client_pem"]);
    let stranger = Authority::new("strangers").client("stranger");
    let stranger = broker.trust().client_pem(stranger.certificate, stranger.key);
    refused(at(stranger), is_judged, &["does not take the client certificate"]);
    let revoked = broker.authority.revoked_client();
    let revoked = broker.trust().client_pem(revoked.certificate, revoked.key);
    refused(at(revoked), is_judged, &["revoked"]);
    // Over WebSocket it is judged before that begins, or while it does.
    let web = |tls: Tls| config(broker.mutual_web).tls(tls).websocket(WebSocket::new());
    refused(web(broker.trust()), is_judged_early, &["CertificateRequired", "client_pem"]);
}

#[test]
fn a_port_of_another_kind() {
    if !broker_or_skip("a_port_of_another_kind") {
        return;
    }
    let broker = Everywhere::start();
    refused(config(broker.tls), is_lost, &["TLS"]);
    refused(config(broker.plain).tls(broker.trust()), is_tls, &["TLS on that port"]);
    let missing = broker.socket().with_file_name("none.sock");
    refused(Config::unix(missing), is_open, &["No such file"]);
}
