//! Certificates and keys from PEM (RFC 7468), and what was given instead.

use std::vec::Vec;

use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::ConfigError;

const BEGIN: &[u8] = b"-----BEGIN ";
const CERTIFICATE: &[u8] = b"BEGIN CERTIFICATE-----";
const KEYS: [&[u8]; 3] =
    [b"BEGIN PRIVATE KEY-----", b"BEGIN RSA PRIVATE KEY-----", b"BEGIN EC PRIVATE KEY-----"];
const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];

/// Whose certificates.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    Authority,
    Client,
}

impl Whose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authority => "CA",
            Self::Client => "client",
        }
    }

    fn long_name(self) -> &'static str {
        match self {
            Self::Authority => "certificate of the CA",
            Self::Client => "certificate of the client",
        }
    }
}

/// Returns the certificates; at least one.
pub(super) fn certificates(
    pem: &[u8],
    whose: Whose,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let all = sections(pem, &[CERTIFICATE], whose.long_name())?;
    if all.is_empty() { Err(ConfigError::NoCertificate { what: whose.name() }) } else { Ok(all) }
}

/// Returns the private keys of the client; at least one.
pub(super) fn keys(pem: &[u8]) -> Result<Vec<PrivateKeyDer<'static>>, ConfigError> {
    if ENCRYPTED.iter().any(|mark| holds(pem, mark)) {
        return Err(ConfigError::EncryptedKey);
    }
    let all = sections(pem, &KEYS, "private key of the client")?;
    match all.is_empty() {
        false => Ok(all),
        true if holds(pem, CERTIFICATE) => Err(ConfigError::CertificateAsKey),
        true => Err(ConfigError::NoKey),
    }
}

/// Returns the sections of that kind, which begin with one of these marks.
fn sections<T: PemObject>(
    pem: &[u8],
    marks: &[&[u8]],
    what: &'static str,
) -> Result<Vec<T>, ConfigError> {
    if !holds(pem, BEGIN) {
        return Err(ConfigError::NotPem { what });
    }
    let all = T::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|_| ConfigError::DamagedPem { what })?;
    // It is there, and was not found: behind spaces, or a mark of the byte order.
    if all.is_empty() && marks.iter().any(|mark| holds(pem, mark)) {
        return Err(ConfigError::DamagedPem { what });
    }
    Ok(all)
}

/// Whether it holds those bytes.
pub(super) fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}
