//! TLS as it should be.

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

use super::certificates::Authority;
use super::front::{Clients, Front, Hello, config as server_config};
use super::{EVERY_QOS, VERSIONS, config, connected, large};
use crate::list::story::until;
use crate::runtime::adapter::{QoS, Tls};
use crate::runtime::{run, within};

#[test]
fn messages_of_every_kind_pass_and_a_session_is_resumed() {
    let authority = Authority::new("ours");
    let identity = authority.server(&["localhost"]);
    for version in VERSIONS {
        run(async {
            let server = Server::start(BrokerConfig::default());
            let front = Front::start(server.addr(), &identity, &Clients::All);
            let settings = config(front.port).version(version);
            let settings = settings.tls(Tls::new().ca_pem(authority.pem.clone()));
            let client = crate::runtime::client(settings);
            within(client.connect(false)).await.expect("a connection");
            within(client.subscribe("a", QoS::ExactlyOnce)).await.expect("a subscription");
            for qos in EVERY_QOS {
                for payload in [Vec::new(), vec![7; 20_000], large()] {
                    within(client.publish("a", &payload).qos(qos)).await.expect("a publish");
                    let message = within(client.queue().next()).await.expect("a message");
                    assert!(message.payload() == payload && message.qos() == qos);
                }
            }
            server.cut();
            within(client.down()).await.expect("an end");
            let session = within(client.connect(false)).await.expect("another connection");
            assert!(session.session_present, "{version:?}");
            within(client.publish("a", "again")).await.expect("a publish");
            let message = within(client.queue().next()).await.expect("a message");
            assert_eq!(message.payload(), b"again");
            within(client.disconnect()).await.expect("an end");
            let resumed: Vec<_> =
                front.hellos().into_iter().map(|hello| hello.is_resumed).collect();
            assert_eq!(resumed, [false, true], "the second handshake is the short one");
        });
    }
}

#[test]
fn the_name_of_the_server_is_said_and_checked_and_can_be_another() {
    let authority = Authority::new("ours");
    let ca = || Tls::new().ca_pem(authority.pem.clone());
    run(async {
        let server = Server::start(BrokerConfig::default());
        let identity = authority.server(&["localhost", "broker.example", "127.0.0.1"]);
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let by_name = config(front.port).tls(ca());
        drop(connected(by_name).await);
        let other = config(front.port).tls(ca().server_name("broker.example"));
        drop(connected(other).await);
        let address = crate::runtime::adapter::Config::new("127.0.0.1").port(front.port).tls(ca());
        drop(connected(address).await);
        let names: Vec<_> = front.hellos().into_iter().map(|hello| hello.name).collect();
        // An address is no name to be sent (RFC 6066, section 3).
        assert_eq!(names, [Some("localhost".into()), Some("broker.example".into()), None]);
    });
}

#[test]
fn a_protocol_is_offered_and_a_certificate_shown() {
    let authority = Authority::new("ours");
    let identity = authority.server(&["localhost"]);
    let ours = authority.client("pump-7");
    run(async {
        let server = Server::start(BrokerConfig::default());
        let mut settings = server_config(&identity, &Clients::Of(&authority));
        settings.alpn_protocols = vec![b"x-amzn-mqtt-ca".to_vec()];
        let front = Front::with_config(server.addr(), settings);
        let tls = Tls::new().ca_pem(authority.pem.clone());
        let tls = tls.client_pem(ours.certificate, ours.key).alpn(&["mqtt", "x-amzn-mqtt-ca"]);
        let client = connected(config(front.port).tls(tls)).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let wanted = Hello {
            name: Some("localhost".into()),
            protocol: Some("x-amzn-mqtt-ca".into()),
            has_certificate: true,
            is_resumed: false,
        };
        assert_eq!(front.hellos(), [wanted]);
    });
}

#[test]
fn a_program_brings_its_own_settings_of_tls() {
    use futures_rustls::rustls::crypto::ring;
    use futures_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
    use futures_rustls::rustls::{ClientConfig, RootCertStore};

    let authority = Authority::new("ours");
    let identity = authority.server(&["broker.example"]);
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM"))
        .expect("a root");
    let own = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let tls = Tls::with_config(own.into()).server_name("broker.example");
        let client = connected(config(front.port).tls(tls)).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(front.hellos().len(), 1);
    });
}

/// Whether the client is gone: only the observer is connected.
fn is_over(server: &Server) -> bool {
    let sessions = server.with(|broker, _| broker.sessions());
    sessions.iter().all(|session| session.client_id == "observer" || !session.connected)
}

/// DISCONNECT, and the end of TLS behind it, arrive.
#[test]
fn a_client_says_disconnect_over_tls() {
    let authority = Authority::new("ours");
    let identity = authority.server(&["localhost"]);
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let tls = || Tls::new().ca_pem(authority.pem.clone());
        let observer = connected(config(front.port).client_id("observer").tls(tls())).await;
        within(observer.subscribe("#", QoS::AtMostOnce)).await.expect("a subscription");
        let will = crate::runtime::adapter::Will::new("will", "lost");
        let client = connected(config(front.port).tls(tls()).will(will)).await;
        within(client.publish("a", "last words").qos(QoS::AtMostOnce)).await.expect("a publish");
        within(client.disconnect()).await.expect("an end");
        until(|| is_over(&server)).await; // Else it might come after what the observer says.
        within(observer.publish("a", "later").qos(QoS::AtLeastOnce)).await.expect("a publish");
        for wanted in [b"last words".as_slice(), b"later"] {
            let message = within(observer.queue().next()).await.expect("a message");
            assert_eq!(message.payload(), wanted, "and no will");
        }
    });
}
