//! TLS, by rustls.

use core::fmt;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::io;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use futures_rustls::TlsConnector;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::ServerName;
use futures_rustls::rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, client::WantsClientCert,
};

use super::asked::Prepare;
use super::byte_stream::ByteStream;
use super::identity::Identity;
use super::layer::{Layer, Laying};
use super::pem::{self, Whose};
use super::tls_error::{Explained, explain_handshake};
use crate::address::Server;
use crate::config::Config;
use crate::error::{ConfigError, Step};

/// TLS 1.2 and 1.3: whom the client trusts, and who it says that it is.
///
/// Without a CA of its own the program trusts what the platform does (feature `platform-roots`), or
/// Mozilla's list (feature `webpki-roots`). The name of the server is checked against its
/// certificate, always.
///
/// ```no_run
/// use mqtt_as_tokio::{Config, Tls};
///
/// # fn run() -> std::io::Result<()> {
/// let tls = Tls::new()
///     .ca_pem(std::fs::read("ca.pem")?)
///     .client_pem(std::fs::read("pump-7.pem")?, std::fs::read("pump-7.key")?);
/// let config = Config::new("broker.example").tls(tls); // Port 8883.
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    ca: Option<Vec<u8>>,
    client: Option<Identity>,
    server_name: Option<String>,
    alpn: Vec<Vec<u8>>,
    whole: Option<Arc<ClientConfig>>,
}

impl Tls {
    /// Returns TLS with the roots of trust that the features of the adapter bring.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// # use mqtt_as_tokio::Tls;
    /// let config = Config::new("broker.example").tls(Tls::new());
    /// # let _ = config;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns TLS as the program has set it up. `ca_pem`, `client_pem` and `alpn` have no effect on
    /// it.
    ///
    /// The program needs rustls of the version that this crate has, with the same cryptography:
    ///
    /// ```toml
    /// rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }
    /// ```
    ///
    /// With the default features of rustls there are two libraries of cryptography in one program, and
    /// `ClientConfig::builder()` panics, as it cannot tell which one is wanted. `builder_with_provider`
    /// says it, whatever other crates turn on:
    ///
    /// ```
    /// use std::error::Error;
    /// use std::sync::Arc;
    ///
    /// use mqtt_as_tokio::{Config, Tls};
    /// # use futures_rustls::rustls;
    /// use rustls::crypto::ring;
    /// use rustls::pki_types::{CertificateDer, pem::PemObject};
    /// use rustls::{ClientConfig, RootCertStore};
    ///
    /// fn settings(ca: &[u8]) -> Result<Config, Box<dyn Error>> {
    ///     let mut roots = RootCertStore::empty();
    ///     for certificate in CertificateDer::pem_slice_iter(ca) {
    ///         roots.add(certificate?)?;
    ///     }
    ///     let rustls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///         .with_safe_default_protocol_versions()?
    ///         .with_root_certificates(roots)
    ///         .with_no_client_auth();
    ///     Ok(Config::new("broker.example").tls(Tls::with_config(Arc::new(rustls))))
    /// }
    /// # let _ = settings;
    /// ```
    pub fn with_config(config: Arc<ClientConfig>) -> Self {
        Self { whole: Some(config), ..Self::default() }
    }

    /// Trusts servers whose certificate was signed by one of these, and no others: PEM. Where it
    /// holds no certificate, making the client says so
    /// ([`ConfigError::NoCertificate`](crate::ConfigError::NoCertificate)).
    ///
    /// ```no_run
    /// # use mqtt_as_tokio::Tls;
    /// let tls = Tls::new().ca_pem(std::fs::read("ca.pem")?);
    /// # let _ = tls;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn ca_pem(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(certificates.into());
        self
    }

    /// Sets the certificate of this client, with those between it and the server's CA, and its
    /// private key, for servers that ask for them: PEM (PKCS#8, PKCS#1 or SEC1, not encrypted). RSA
    /// of 2,048 to 4,096 bits, EC of the curves P-256 and P-384, and Ed25519 are supported. What is wrong
    /// with one of them is said when the client is made ([`ConfigError`](crate::ConfigError)). Default:
    /// none.
    ///
    /// ```no_run
    /// # use mqtt_as_tokio::Tls;
    /// let tls = Tls::new().client_pem(std::fs::read("pump-7.pem")?, std::fs::read("pump-7.key")?);
    /// # let _ = tls;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn client_pem(mut self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.client = Some(Identity { certificates: certificates.into(), key: key.into() });
        self
    }

    /// Sets the name that the certificate of the server has to hold, and that is sent to it (SNI).
    /// Default: that of the server in the settings.
    ///
    /// ```
    /// # use mqtt_as_tokio::{Config, Tls};
    /// let tls = Tls::new().server_name("broker.example");
    /// let config = Config::new("192.0.2.7").tls(tls);
    /// # let _ = config;
    /// ```
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Sets protocols to offer (ALPN), for servers that have several on one port: `x-amzn-mqtt-ca`
    /// on port 443 of AWS, for example. Default: none.
    ///
    /// ```
    /// # use mqtt_as_tokio::{Config, Tls};
    /// let tls = Tls::new().alpn(&["x-amzn-mqtt-ca"]);
    /// let config = Config::new("broker.example:443").tls(tls);
    /// # let _ = config;
    /// ```
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    fn config(&self) -> Result<Arc<ClientConfig>, ConfigError> {
        if let Some(whole) = &self.whole {
            return Ok(whole.clone());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| ConfigError::Tls)?;
        let builder = match &self.ca {
            Some(pem) => builder.with_root_certificates(roots_of(pem)?),
            None => roots::trust(builder)?,
        };
        let mut config = match &self.client {
            Some(identity) => identity.add(builder)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Arc::new(config))
    }
}

type WantsRoots = ConfigBuilder<ClientConfig, WantsVerifier>;
type HasRoots = ConfigBuilder<ClientConfig, WantsClientCert>;

fn roots_of(pem: &[u8]) -> Result<RootCertStore, ConfigError> {
    let whose = Whose::Authority;
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(pem, whose)? {
        let added = roots.add(certificate);
        added.map_err(|_| ConfigError::DamagedCertificate { what: whose.name() })?;
    }
    Ok(roots)
}

impl Prepare for Tls {
    fn prepare(&self) -> Result<Box<dyn Layer>, ConfigError> {
        let name = self.server_name.as_deref().map(name_of).transpose();
        let name = name.map_err(|_| ConfigError::ServerName)?;
        Ok(Box::new(Ready { connector: self.config()?.into(), name }))
    }
}

fn name_of(host: &str) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).map_err(|error| {
        let why = std::format!("{host} is no name that a certificate can hold: {error}");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })
}

/// What is laid on each connection. Sessions of the server are resumed.
struct Ready {
    connector: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl Layer for Ready {
    fn step(&self) -> Step {
        Step::Tls
    }

    fn lay<'l>(&'l self, stream: Box<dyn ByteStream>, server: Server<'l>) -> Laying<'l> {
        Box::pin(async move {
            let name = self.name.clone().map_or_else(|| name_of(server.host), Ok)?;
            let stream = self.connector.connect(name, stream).await.map_err(explain_handshake)?;
            Ok(Box::new(Explained(stream)) as Box<dyn ByteStream>)
        })
    }
}

impl Config {
    /// Speaks TLS with the server, and with those of a reconnect policy. The default port is 8883
    /// then, or 443 with WebSocket.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// # use mqtt_as_tokio::Tls;
    /// let config = Config::new("broker.example").tls(Tls::new());
    /// # let _ = config;
    /// ```
    pub fn tls(mut self, tls: Tls) -> Self {
        self.between.tls = Some(Arc::new(tls));
        self
    }
}

impl fmt::Debug for Tls {
    // No key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Trust where the program names no CA.
#[cfg(feature = "platform-roots")]
mod roots {
    use rustls_platform_verifier::BuilderVerifierExt;

    use super::{ConfigError, HasRoots, WantsRoots};

    pub(super) fn trust(builder: WantsRoots) -> Result<HasRoots, ConfigError> {
        builder.with_platform_verifier().map_err(|_| ConfigError::NoRoots)
    }
}

#[cfg(all(feature = "webpki-roots", not(feature = "platform-roots")))]
mod roots {
    use futures_rustls::rustls::RootCertStore;

    use super::{ConfigError, HasRoots, WantsRoots};

    pub(super) fn trust(builder: WantsRoots) -> Result<HasRoots, ConfigError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(builder.with_root_certificates(roots))
    }
}

#[cfg(not(any(feature = "webpki-roots", feature = "platform-roots")))]
mod roots {
    use super::{ConfigError, HasRoots, WantsRoots};

    pub(super) fn trust(_: WantsRoots) -> Result<HasRoots, ConfigError> {
        Err(ConfigError::NoRoots)
    }
}
