//! Certificates and keys as people make them by themselves, and what is said of those that are not taken.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::mosquitto::{Mosquitto, Options, TempDir, broker_or_skip, free_port};
use mqtt_as_tests::server::Server;

use super::bad_tls::{against, against_mutual, failure, says, says_all, trusting};
use super::certificates::{Authority, Identity};
use super::front::{Clients, Front};
use super::{config, connected};
use crate::runtime::adapter::{ConnectError, QoS, Reconnect, Tls};
use crate::runtime::{run, try_client, within};

/// A key of the curve P-521, which ring does not have.
const P_521: &str = "-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBQZxonJGti/YGoj8u
/Tr21XHVvoX/f6UJ+K/NwxcM7xtUUI1VFriVua704PyQsh9FjEogslRs4+FyNgaJ
PqD44nGhgYkDgYYABAHL79TStP10m53cLVW8AmGVqHoVMCOd/D3QthGYAnq+PRp9
TnH6VDC7WqSCOjEh2nQub8Z4uCQZJ3SADSUUX4CxWwFFOMyGycenILISbtMMEPPN
CB/ZXxZhuYA5OZGTEkU3XPeTfa8qL9YH23W72De8w68XvzG6iGGI7hYIjfrFgwnq
eg==
-----END PRIVATE KEY-----
";

/// No structure of a library's is printed.
fn is_plain(error: &ConnectError) {
    let text = error.to_string();
    for mark in ["Other(", "OtherError", "Context", " { ", "AlgorithmIdentifier"] {
        assert!(!text.contains(mark), "{text}");
    }
}

async fn says_plainly(authority: &Authority, identity: &Identity, words: &[&str]) {
    let error = against(authority, identity).await;
    says(&error, words);
    is_plain(&error);
    assert!(!error.is_retryable(), "{error}");
}

#[test]
fn a_server_certificate_of_version_1_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let words = ["UnsupportedCertVersion", "version 1", "subjectAltName", "-extfile"];
        says_plainly(&ours, &ours.version_1("localhost"), &words).await;
    });
}

#[test]
fn an_authority_that_is_its_own_server_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let words = ["CaUsedAsEndEntity", "certificate of a CA as its own", "CA:FALSE"];
        says_plainly(&ours, &ours.itself(), &words).await;
    });
}

#[test]
fn a_server_certificate_with_a_common_name_alone_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let words = ["no subjectAltName", "common name (CN) is not looked at", "make one with"];
        says_plainly(&ours, &ours.server(&[]), &words).await;
    });
}

#[test]
fn an_authority_that_was_made_anew_is_named() {
    run(async {
        let (old, new) = (Authority::new("ours"), Authority::new("ours"));
        let words = ["BadSignature", "was the CA made anew?", "2,048 bits"];
        says_plainly(&old, &new.server(&["localhost"]), &words).await;
    });
}

#[test]
fn a_client_certificate_shown_by_a_server_is_named() {
    run(async {
        let ours = Authority::new("ours");
        let words = ["extended key usage", "no certificate for a server", "serverAuth"];
        says_plainly(&ours, &ours.client("localhost"), &words).await;
    });
}

#[test]
fn a_client_certificate_that_has_expired_needs_another_one() {
    run(async {
        let ours = Authority::new("ours");
        let late = ours.expired_client();
        let tls = trusting(&ours).client_pem(late.certificate, late.key);
        says_all(&against_mutual(tls, &ours).await, &["the client certificate has expired"]);
    });
}

/// A server that reads what a client says first, and answers with that alert.
fn alerting(code: u8) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(&[21, 3, 3, 0, 2, 2, code]);
        let _ = socket.read_to_end(&mut Vec::new());
    });
    port
}

/// Refusals, and what is said of them: the same thing offered again is refused again.
const REFUSALS: [(u8, &str); 9] = [
    (40, "or wants a client certificate"),
    (42, "does not take the client certificate"),
    (45, "the client certificate has expired"),
    (49, "lets this client not in"),
    (51, "could not verify a signature"),
    (70, "neither TLS 1.2 nor 1.3"),
    (71, "ciphers"),
    (112, "server_name"),
    (116, "client_pem"),
];

/// What may be gone next time.
const PASSING: [(u8, &str); 4] = [
    (20, "on the way"),
    (50, "on the way"),
    (80, "went wrong in the server"),
    (200, "does not know"),
];

#[test]
fn an_alert_says_whether_to_try_again() {
    run(async {
        let ours = Authority::new("ours");
        for (is_refusal, alerts) in [(true, &REFUSALS[..]), (false, &PASSING[..])] {
            for (code, words) in alerts {
                let error = failure(config(alerting(*code)).tls(trusting(&ours))).await;
                says(&error, &[words]);
                assert_eq!(error.is_retryable(), !is_refusal, "{code}: {error}");
            }
        }
    });
}

/// With TLS 1.2 this is how a server says that it wants a client certificate.
#[test]
fn a_policy_does_not_hurry_where_the_handshake_is_refused() {
    run(async {
        let ours = Authority::new("ours");
        let policy = Reconnect::new().first_connect(true).refused_delay(Duration::ZERO);
        let settings = config(alerting(40)).tls(trusting(&ours)).reconnect(policy);
        says(&failure(settings).await, &["HandshakeFailure"]);
    });
}

/// It is the server that judges a client certificate.
#[test]
fn a_client_certificate_of_version_1_is_shown() {
    let ours = Authority::new("ours");
    let old = ours.version_1("pump-7");
    run(async {
        // rustls as a server does not take it: it gets so far.
        let tls = trusting(&ours).client_pem(old.certificate.clone(), old.key.clone());
        let error = against_mutual(tls, &ours).await;
        says_all(&error, &["does not take the client certificate"]);
        // Whether it is the right key is known all the same.
        let other = trusting(&ours).client_pem(old.certificate, ours.version_1("other").key);
        let error = try_client(config(1).tls(other)).map(drop).expect_err("another key");
        assert!(error.to_string().contains("does not belong"), "{error}");
    });
}

/// As mosquitto does, which looks at nothing but who has signed it.
#[test]
fn a_client_certificate_of_version_1_is_taken_by_mosquitto() {
    if !broker_or_skip("a_client_certificate_of_version_1") {
        return;
    }
    let ours = Authority::new("ours");
    let (identity, old) = (ours.server(&["localhost"]), ours.version_1("pump-7"));
    let (folder, port) = (TempDir::new("version-1"), free_port());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let options = Options::new()
        .line(format!("listener {port} 127.0.0.1"))
        .line(format!("cafile {}", file("ca.pem", &ours.pem)))
        .line(format!("certfile {}", file("server.pem", &identity.certificate)))
        .line(format!("keyfile {}", file("server.key", &identity.key)))
        .line("require_certificate true")
        .line("use_identity_as_username true");
    let broker = Mosquitto::start(options);
    run(async {
        let tls = trusting(&ours).client_pem(old.certificate, old.key);
        let client = connected(config(port).tls(tls)).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
    });
    assert!(broker.log().contains("u'pump-7'"), "{}", broker.log());
}

/// A CA of version 1, as old recipes make one, is a CA.
#[test]
fn an_authority_of_version_1_is_trusted() {
    let ours = Authority::new("ours");
    let old = ours.old();
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &ours.server(&["localhost"]), &Clients::All);
        let client = connected(config(front.port).tls(Tls::new().ca_pem(old))).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
    });
}

/// Of several keys that is taken which belongs to the certificate.
#[test]
fn the_key_may_stand_among_others() {
    let ours = Authority::new("ours");
    let (one, other) = (ours.client("one"), ours.client("other"));
    let identity = ours.server(&["localhost"]);
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::Of(&ours));
        // All in one file, as some tools write it.
        let all = [P_521, &other.key, &one.certificate, &one.key, &ours.pem].concat();
        let tls = trusting(&ours).client_pem(all.clone(), all);
        let client = connected(config(front.port).tls(tls)).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert!(front.hellos()[0].has_certificate);
    });
}

/// Each kind of thing that is given as a key and is none has words of its own.
#[test]
fn what_is_wrong_with_a_key_is_said() {
    let ours = Authority::new("ours");
    let one = ours.client("one");
    let cut = &one.key[..one.key.len() / 2];
    let indented = one.key.replace('\n', "\n    ");
    let letters = one.key.replace("MI", "M!");
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let locked = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
                  -----END RSA PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n";
    let cases: [(&str, &str); 11] = [
        ("pump-7.key", "no PEM, it has no line -----BEGIN: give what the file holds, not its name"),
        ("", "no PEM"),
        (cut, "damaged PEM"),
        (&format!("    {indented}"), "damaged PEM"),
        (&letters, "damaged PEM"),
        (public, "holds none"),
        (&one.certificate, "is a certificate: give the key that belongs to it"),
        (locked, "encrypted"),
        (P_521, "of a kind that is not supported"),
        (nonsense, "or damaged"),
        (&ours.client("other").key, "does not belong to its certificate"),
    ];
    run(async {
        for (key, words) in cases {
            let tls = trusting(&ours).client_pem(one.certificate.clone(), key);
            let error = try_client(config(1).tls(tls)).map(drop).expect_err(words);
            assert!(error.to_string().contains(words), "{words:?} is missing: {error}");
            assert!(error.to_string().contains("private key of the client"), "{error}");
        }
    });
}

/// So has each of what is given as a certificate.
#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let ours = Authority::new("ours");
    let one = ours.client("one");
    let cut = &one.certificate[..one.certificate.len() / 2];
    let nonsense = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n";
    let cases: [(&str, &str); 5] = [
        ("ca.pem", "no PEM"),
        (cut, "damaged PEM"),
        (&format!("\u{feff}{}", one.certificate), "damaged PEM"),
        (&one.key, "holds none"),
        (nonsense, "none of X.509"),
    ];
    run(async {
        for (given, words) in cases {
            for (tls, whose) in [
                (Tls::new().ca_pem(given), "CA"),
                (trusting(&ours).client_pem(given, one.key.clone()), "client"),
            ] {
                let error = try_client(config(1).tls(tls)).map(drop).expect_err(words);
                let text = error.to_string();
                assert!(text.contains(words) && text.contains(whose), "{words:?}: {error}");
            }
        }
    });
}
