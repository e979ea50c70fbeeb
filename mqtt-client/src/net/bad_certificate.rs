//! What is wrong with the certificate of a server: in words, and what to do.

use core::fmt;
use std::format;
use std::string::{String, ToString};

use futures_rustls::rustls::{CertificateError, OtherError};
use webpki::Error as PathError;

/// What is wrong, shortly: as rustls says it, or by its name where rustls would print its structure.
pub(super) fn what(why: &CertificateError) -> String {
    use CertificateError as E;
    match why {
        E::NotValidForNameContext { .. }
        | E::ExpiredContext { .. }
        | E::NotValidYetContext { .. }
        | E::ExpiredRevocationListContext { .. }
        | E::InvalidPurposeContext { .. } => why.to_string(),
        E::Other(other) => path_error(other).map_or_else(|| other.to_string(), name),
        why => name(why),
    }
}

/// The name of a variant, without what it holds.
pub(super) fn name(error: impl fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().into()
}

fn path_error(other: &OtherError) -> Option<&PathError> {
    other.0.downcast_ref()
}

/// Whether it lasts until somebody changes a certificate or a setting. A clock may be set, a server renew
/// its certificate, and whoever knows what was revoked be reached again while the client waits.
pub(super) fn is_lasting(why: &CertificateError) -> bool {
    use CertificateError as E;
    !matches!(
        why,
        E::Expired
            | E::ExpiredContext { .. }
            | E::NotValidYet
            | E::NotValidYetContext { .. }
            | E::UnknownRevocationStatus
            | E::ExpiredRevocationList
            | E::ExpiredRevocationListContext { .. }
            | E::InvalidOcspResponse
    )
}

#[allow(deprecated, reason = "the verifier of rustls still makes them")]
pub(super) fn advice(why: &CertificateError) -> &'static str {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } => {
            "the server needs a new certificate, or the clock of this machine is wrong"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "the clock of this machine, or of whoever signed the certificate, is wrong"
        }
        E::UnknownIssuer => {
            "whoever signed the certificate of the server is not trusted: give its CA (ca_pem), or \
             let the server send the certificates between"
        }
        E::BadSignature => {
            "the certificate of the server was not signed by the key of the CA that is trusted under \
             that name (was the CA made anew? give its new certificate), or has an RSA key of fewer \
             than 2,048 bits"
        }
        E::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "it has no subjectAltName with a name or an address, and the common name (CN) is not \
             looked at: make one with subjectAltName"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "give the server by a name that its certificate holds, or set server_name"
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "it is no certificate for a server: make one whose extendedKeyUsage has serverAuth"
        }
        E::UnsupportedSignatureAlgorithm
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => ALGORITHM,
        E::Revoked => "the certificate of the server was revoked: it needs a new one",
        E::UnknownRevocationStatus => "whether it was revoked could not be learnt",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            "the list of what was revoked is too old: give a new one, or set the clock"
        }
        E::InvalidOcspResponse => {
            "what the server says of its not being revoked (OCSP) is not good: it needs a new answer"
        }
        E::BadEncoding => "the certificate of the server is damaged: it needs a new one",
        E::UnhandledCriticalExtension => CRITICAL,
        E::ApplicationVerificationFailure => "the verifier of the program does not take it",
        E::Other(other) => path_error(other).map_or(ANOTHER, of_path),
        _ => ANOTHER,
    }
}

const ALGORITHM: &str = "it, or one of those that signed it, has a key or a signature that is not \
                         supported: RSA of 2,048 bits and more, ECDSA with P-256 or P-384, and Ed25519 \
                         are, with SHA-256, SHA-384 or SHA-512";
const ANOTHER: &str = "the certificate of the server is not taken: it needs another one";
const CRITICAL: &str = "it has an extension that is marked as critical and not known here: make one \
                        without";
const DAMAGED: &str =
    "an extension or a field of it, or of one that signed it, is damaged: make one anew";
const NAMES: &str =
    "the CA may not sign for that name, or its rule of names is damaged (nameConstraints)";
const TOO_LONG: &str = "there are too many certificates between that of the server and its CA";
const REVOCATION: &str = "the list of what was revoked cannot be used: give another one";

/// What the verifier says for which rustls has no variant.
fn of_path(why: &PathError) -> &'static str {
    use PathError as E;
    match why {
        E::UnsupportedCertVersion => {
            "the certificate of the server is of version 1, which has no extensions, or one of those \
             that signed it is: make one of version 3 with subjectAltName (openssl x509 -req -extfile)"
        }
        E::CaUsedAsEndEntity => {
            "the server shows the certificate of a CA as its own: let that CA sign another one for the \
             server, or make the self-signed one with basicConstraints=CA:FALSE and subjectAltName"
        }
        E::EndEntityUsedAsCa => {
            "whoever signed the certificate of the server is no CA: sign it by a certificate with \
             basicConstraints=CA:TRUE"
        }
        E::UnsupportedCriticalExtension => CRITICAL,
        E::EmptyEkuExtension => "its extendedKeyUsage is empty: make one that has serverAuth",
        E::CertDistrusted => "its key is distrusted: it needs a new one",
        E::PathLenConstraintViolated
        | E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded => TOO_LONG,
        E::NameConstraintViolation
        | E::MalformedNameConstraint
        | E::InvalidNetworkMaskConstraint
        | E::UnsupportedNameType
        | E::MaximumNameConstraintComparisonsExceeded => NAMES,
        E::ExtensionValueInvalid
        | E::MalformedExtensions
        | E::MalformedDnsIdentifier
        | E::InvalidSerialNumber
        | E::SignatureAlgorithmMismatch => DAMAGED,
        E::InvalidCrlNumber
        | E::UnsupportedCrlIssuingDistributionPoint
        | E::UnsupportedCrlVersion
        | E::UnsupportedDeltaCrl
        | E::UnsupportedIndirectCrl
        | E::UnsupportedRevocationReason
        | E::UnsupportedRevocationReasonsPartitioning => REVOCATION,
        _ => ANOTHER,
    }
}

#[cfg(test)]
mod tests;
