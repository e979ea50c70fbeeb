//! rustls with ring, and the CA that a file names: as the other client of `tests/reach/run` has them.

use std::sync::Arc;

use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

pub fn set(options: &mut MqttOptions) {
    let file = std::env::var("MQTT_AS_CA").expect("a CA in MQTT_AS_CA");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).expect("a certificate")).expect("a CA");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(config))));
}
