//! What the guide tells people to do about certificates, done.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, RwLock};

use futures_rustls::rustls::client::{ResolvesClientCert, Resumption};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use futures_rustls::rustls::sign::CertifiedKey;
use futures_rustls::rustls::{ClientConfig, RootCertStore, SignatureScheme};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::mosquitto::TempDir;
use mqtt_as_tests::server::Server;

use super::certificates::{Authority, Identity};
use super::front::{Clients, Front};
use super::{config, connected};
use crate::runtime::adapter::{QoS, Tls};
use crate::runtime::{run, within};

const GUIDE: &str = include_str!("../../../adapter-tokio/src/guide/transports.rs");

/// The lines for the shell in the page about transports.
fn lines() -> String {
    let lines = GUIDE.lines().skip_while(|line| *line != "//! ```sh").skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    lines
        .map(|line| line.trim_start_matches("//!").trim_start_matches(' ').to_owned() + "\n")
        .collect()
}

/// A machine at home may have no openssl; CI has it.
fn has_openssl() -> bool {
    let version = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    let has = version.is_ok_and(|status| status.success());
    let is_required = env::var_os("MQTT_AS_REQUIRE_BROKER").is_some_and(|value| !value.is_empty());
    assert!(has || !is_required, "openssl is missing");
    has
}

#[test]
fn the_lines_of_the_guide_make_certificates_that_work() {
    if !has_openssl() {
        return;
    }
    let folder = TempDir::new("recipes");
    let script = format!("set -e\n{}", lines());
    assert!(script.matches("openssl ").count() >= 5, "{script}");
    let mut shell = Command::new("sh");
    let made = shell.arg("-c").arg(script).current_dir(folder.path()).output().expect("a shell");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = |name: &str| fs::read(folder.path().join(name)).expect(name);
    let text = |name: &str| String::from_utf8(file(name)).expect("PEM");
    let identity = Identity { certificate: text("server.pem"), key: text("server.key") };
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::SignedBy(&file("ca.pem")));
        let tls = Tls::new().ca_pem(file("ca.pem")).server_name("broker.example");
        let tls = tls.client_pem(file("pump-7.pem"), file("pump-7.key"));
        let client = connected(config(front.port).tls(tls.clone())).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        // The address stands in the certificate, too.
        drop(connected(config(front.port).tls(tls.server_name("192.0.2.7"))).await);
    });
}

/// The certificate of a program, as it is now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().expect("no panic").clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read(identity: &Identity) -> Arc<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    CertifiedKey::from_der(chain, key, &ring::default_provider()).expect("a pair").into()
}

fn tls(authority: &Authority, current: Arc<Current>) -> Tls {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM");
    roots.add(root).expect("a root");
    let mut rustls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_cert_resolver(current);
    rustls.resumption = Resumption::disabled();
    Tls::with_config(rustls.into())
}

#[test]
fn a_certificate_is_renewed_while_the_client_lives() {
    let ours = Authority::new("ours");
    let (old, new) = (ours.client("pump-7"), ours.client("pump-7"));
    let current = Arc::new(Current(RwLock::new(read(&old))));
    let identity = ours.server(&["localhost"]);
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::Of(&ours));
        let client = connected(config(front.port).tls(tls(&ours, current.clone()))).await;
        *current.0.write().expect("no panic") = read(&new);
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("it is up still");
        within(client.connect(true)).await.expect("another connection");
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        let wanted = [old, new].map(|identity| read(&identity).cert[0].to_vec());
        assert_eq!(front.shown(), wanted);
    });
}
