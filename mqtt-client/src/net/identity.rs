//! Who the client says that it is.

use core::fmt;
use std::sync::Arc;
use std::vec::Vec;

use futures_rustls::rustls::client::WantsClientCert;
use futures_rustls::rustls::crypto::KeyProvider;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use futures_rustls::rustls::{
    CertificateError, ClientConfig, ConfigBuilder, Error, InconsistentKeys,
};

use super::pem::{self, Whose};
use crate::error::ConfigError;

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificates: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Identity {
    /// Shows the certificate to servers that ask for one. Where several keys were given, that is taken
    /// which belongs to it.
    pub(super) fn add(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, ConfigError> {
        let chain = pem::certificates(&self.certificates, Whose::Client)?;
        let provider = builder.crypto_provider().key_provider;
        let mut judged = pem::keys(&self.key)?.into_iter().map(|key| pair(&chain, key, provider));
        let first = judged.next().unwrap_or(Err(ConfigError::NoKey));
        let pair = first.or_else(|why| judged.find_map(Result::ok).ok_or(why))?;
        Ok(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair))))
    }
}

impl fmt::Debug for Identity {
    // No key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Returns the certificate with its key. A certificate that rustls does not read, as one of version 1, is
/// none of its business: the server judges it.
fn pair(
    chain: &[CertificateDer<'static>],
    key: PrivateKeyDer<'static>,
    provider: &dyn KeyProvider,
) -> Result<CertifiedKey, ConfigError> {
    let key = provider.load_private_key(key).map_err(|_| ConfigError::UnsupportedKey)?;
    let pair = CertifiedKey::new(chain.to_vec(), key);
    match pair.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(Error::InconsistentKeys(_)) => Err(ConfigError::OtherKey),
        Err(_) if has_key(&pair) => Ok(pair),
        Err(Error::InvalidCertificate(CertificateError::BadEncoding)) => {
            Err(ConfigError::DamagedCertificate { what: Whose::Client.name() })
        }
        Err(_) => Err(ConfigError::OtherKey),
    }
}

/// Whether the public key stands in the certificate, as it does in those of all versions.
fn has_key(pair: &CertifiedKey) -> bool {
    let Some(certificate) = pair.cert.first() else { return false };
    pair.key.public_key().is_some_and(|public| pem::holds(certificate, &public))
}
