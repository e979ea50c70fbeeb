//! Connects, subscribes, publishes, and prints what comes back.

use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, mut events) = AsyncClient::new(options(), 10);
    client.subscribe("hello", QoS::AtLeastOnce).await?;
    client.publish("hello", QoS::AtLeastOnce, false, "world").await?;
    loop {
        if let Event::Incoming(Incoming::Publish(message)) = events.poll().await? {
            println!("{}", String::from_utf8_lossy(&message.payload));
            break;
        }
    }
    client.disconnect().await?;
    events.poll().await?;
    Ok(())
}

#[cfg(not(feature = "tls"))]
fn options() -> MqttOptions {
    MqttOptions::new("hello", "localhost", 1883)
}

#[cfg(feature = "tls")]
fn options() -> MqttOptions {
    use std::sync::Arc;

    use rumqttc::{TlsConfiguration, Transport};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, RootCertStore, crypto::ring};

    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(include_bytes!("../../ca.pem")).expect("a certificate");
    roots.add(ca).expect("a CA");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut options = MqttOptions::new("hello", "localhost", 8883);
    options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(config))));
    options
}
