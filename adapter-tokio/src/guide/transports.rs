//! To the broker: TLS, WebSocket, proxies, unix sockets and URLs.
//!
//! The settings say what lies between the socket and MQTT. All of it can be combined, as secure
//! WebSocket with a client certificate through a proxy, and has one time-out for the whole
//! ([`connect_timeout`](crate::Config::connect_timeout)). Addresses of both families are raced (RFC
//! 8305): a dead IPv6 route costs 250 ms.
//!
#![cfg_attr(
    all(feature = "tls", feature = "websocket", feature = "url"),
    doc = r##"
```no_run
use std::fs;
use mqtt_as_tokio::{Client, Config, Proxy, Tls};

# fn run() -> Result<(), Box<dyn std::error::Error>> {
let tls = Tls::new()
    .ca_pem(fs::read("ca.pem")?)
    .client_pem(fs::read("pump-7.pem")?, fs::read("pump-7.key")?);
let by_tls = Config::new("broker.example").tls(tls); // port 8883
let through_a_proxy = Config::url("wss://pump:secret@broker.example/mqtt")? // port 443
    .proxy(Proxy::http("proxy.factory:3128").user("pump", "secret"));
let on_this_machine = Config::unix("/run/mosquitto.sock");
# let _ = (by_tls, through_a_proxy, on_this_machine);
# Ok(())
# }
```
"##
)]
//!
//! | URL | transport | port |
//! |---|---|--:|
//! | `mqtt://host` | TCP | 1883 |
//! | `mqtts://host` | TLS | 8883 |
//! | `ws://host/path` | WebSocket | 80 |
//! | `wss://host/path` | secure WebSocket | 443 |
//! | `unix:///path` | a unix socket | |
//!
//! User and password may stand before the host (`mqtt://user:secret@host`), percent-encoded where
//! they have to be.
//!
//! # Whom TLS trusts
//!
//! | the broker's certificate is from | feature | setting |
//! |---|---|---|
//! | a public authority, and the machine is kept up to date | `platform-roots` | `Tls::new()` |
//! | a public authority, and the machine has no roots (a container) | `webpki-roots` | `Tls::new()` |
//! | an authority of your own | `tls` | `Tls::new().ca_pem(pem)` |
//! | whatever your rustls `ClientConfig` believes | `tls` | `Tls::with_config(Arc::new(config))` |
//!
//! # Certificates of your own
//!
//! The server's has to have the names by which clients know it as `subjectAltName`: the common name is not
//! looked at. Both have to be signed by the CA, and be no CA. By openssl, of any version since 1.1.1:
//!
//! ```sh
//! # A CA, once. Its key stays where nobody else reads it.
//! openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=plant CA" -keyout ca.key -out ca.pem
//!
//! # The server: the names that clients use.
//! printf '%s\n' basicConstraints=CA:FALSE extendedKeyUsage=serverAuth \
//!     subjectAltName=DNS:broker.example,IP:192.0.2.7 > server.ext
//! openssl req -new -newkey rsa:2048 -nodes -subj "/CN=broker.example" -keyout server.key -out server.csr
//! openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 \
//!     -extfile server.ext -out server.pem
//!
//! # Each client.
//! printf '%s\n' basicConstraints=CA:FALSE extendedKeyUsage=clientAuth > client.ext
//! openssl req -new -newkey rsa:2048 -nodes -subj "/CN=pump-7" -keyout pump-7.key -out pump-7.csr
//! openssl x509 -req -in pump-7.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 \
//!     -extfile client.ext -out pump-7.pem
//! ```
//!
//! `ca.pem` is for `Tls::ca_pem`, `pump-7.pem` and `pump-7.key` are for
//! `Tls::client_pem`; mosquitto takes `ca.pem` as `cafile`, `server.pem` as `certfile`,
//! `server.key` as `keyfile`, and wants the clients' with `require_certificate true`. Without `-extfile`
//! openssl may make a certificate of version 1, which has no names: no client of this crate believes a server
//! that has one. A client's own may be of version 1, if the server takes it. Keys may be RSA of 2,048 to 4,096
//! bits, EC of the curves P-256 and P-384, or Ed25519 (where the server takes that).
//!
//! # A certificate that is renewed
//!
//! [`reconfigure`](crate::Client::reconfigure) does not change TLS. A client that lives longer than its
//! certificate asks for it at each connection, by a `ResolvesClientCert` of rustls:
//!
#![cfg_attr(
    feature = "tls",
    doc = r##"
```
use std::error::Error;
use std::sync::{Arc, RwLock};

use mqtt_as_tokio::{Config, Tls};
# use futures_rustls::rustls;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};

/// The certificate of this program, as it is now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    /// From now on: the next connection shows that one.
    fn renew(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(key);
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read(certificates: &[u8], key: &[u8]) -> Result<CertifiedKey, Box<dyn Error>> {
    let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key)?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}

fn settings(ca: &[u8], current: Arc<Current>) -> Result<Config, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        roots.add(certificate?)?;
    }
    let mut rustls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_cert_resolver(current);
    // A session that is resumed is that of the certificate before.
    rustls.resumption = Resumption::disabled();
    Ok(Config::new("broker.example").tls(Tls::with_config(Arc::new(rustls))))
}
# let _ = (Current::renew, read, settings);
```
"##
)]
//!
//! The connection that is up keeps the certificate with which it was made. The dependency line for rustls is
//! at `Tls::with_config`.
//!
//! # When it fails
//!
//! An error names the step that failed (name, address, proxy, TLS, WebSocket, CONNACK), says in the
//! library's own words why, and what to do: `the TLS handshake failed: invalid peer certificate:
//! UnknownIssuer: … give its CA (ca_pem)`. What can be known before, as a key that is none, is of a kind that
//! is not supported, or belongs to another certificate, is an error of `Client::new`. [`is_retryable`](crate::ConnectError::is_retryable) says whether trying again,
//! with nothing changed, can help:
//!
//! | what is wrong | error | `is_retryable` |
//! |---|---|---|
//! | the server's certificate is not trusted, for another name, or revoked | `Unreachable(Step::Tls, _)` | no |
//! | the server's certificate has expired, or is not valid yet | `Unreachable(Step::Tls, _)` | yes: it may be renewed, the clock set |
//! | the server wants a client certificate, or does not take that one, for example because it has expired | `Lost(Transport(_))` with TLS 1.3, else `Unreachable(Step::Tls, _)` | no |
//! | the server refuses the handshake by another alert: no cipher, version, name or protocol in common | `Unreachable(Step::Tls, _)` | no |
//! | the server has a fault (`internal_error`), or did not understand what came | `Unreachable(Step::Tls, _)` | yes |
//! | there is no TLS on that port, the peer is gone or silent | `Unreachable(Step::Tls, _)`, `TimedOut(Step::Tls)` | yes |
//! | a proxy, or a WebSocket server, refuses | `Unreachable(Step::Proxy, _)`, `Unreachable(Step::WebSocket, _)` | yes |
//!
//! A [policy](super::reconnecting) treats a certificate that is not trusted or not taken, and a handshake
//! that is refused, as it treats bad credentials: it waits for [`refused_delay`](crate::Reconnect::refused_delay).
//!
//! The `source` of the error is that of rustls; `Tls::with_config` takes an `Arc` of a `ClientConfig`
//! of rustls 0.23.
