//! What can go wrong with TLS.

use core::fmt;

use embedded_io_async::ErrorKind;
use embedded_tls::TlsError as Fault;
use embedded_tls::alert::AlertDescription;

/// Why there is no TLS connection, or none any more.
///
/// With a heap it is the [`source`](core::error::Error::source) of the client's error. Without one
/// that has only a kind: [`TlsRunner::on_failure`](crate::TlsRunner::on_failure) gets the whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate is not good: that of the server, the CA's, or the client's own.
    Certificate(webpki::Error),
    /// The server did not prove that its certificate is its own.
    NoProof,
    /// The key of the client's certificate is no key of the curve P-256 as DER of SEC 1.
    Key,
    /// The key does not belong to the client's certificate.
    WrongKey,
    /// The server refused the handshake, with that alert.
    Refused(AlertDescription),
    /// The server ended the connection with an alert: so it does when it wants a certificate of the
    /// client, and there is none, or one that it does not accept.
    Alert,
    /// What came is not TLS 1.3.
    NotTls,
    /// A record of the server, its certificates, or the client's certificate does not fit into the
    /// buffers.
    Large,
    /// A record was not encrypted with the keys of the connection: where a key is shared, the server
    /// knows another one.
    Keys,
    /// The transport ended in the middle of the connection.
    Cut,
    /// The transport failed.
    Transport(ErrorKind),
    /// Anything else.
    Other(Fault),
}

impl From<Fault> for TlsError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::HandshakeAborted(_, alert) => Self::Refused(alert),
            Fault::InternalError => Self::Alert,
            Fault::InvalidRecord | Fault::UnknownContentType | Fault::ParseError(_) => Self::NotTls,
            Fault::InvalidSupportedVersions | Fault::InvalidHandshake => Self::NotTls,
            Fault::InsufficientSpace | Fault::OutOfMemory | Fault::EncodeError => Self::Large,
            // Half of them: a message has to fit into one record.
            Fault::InvalidCertificate | Fault::InvalidCertificateEntry => Self::Large,
            Fault::CryptoError | Fault::InvalidSignature => Self::Keys,
            Fault::ConnectionClosed | Fault::IoError => Self::Cut,
            Fault::Io(kind) => Self::Transport(kind),
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => f.write_str(match certificate(error) {
                Some(words) => words,
                None => return write!(f, "the certificate is not good: {error}"),
            }),
            Self::NoProof => {
                f.write_str("the server did not prove that its certificate is its own")
            }
            Self::Key => f.write_str(
                "the key of the client's certificate is no key of the curve P-256 as DER of SEC 1",
            ),
            Self::WrongKey => f.write_str("the key does not belong to the client's certificate"),
            Self::Refused(alert) => write!(f, "the server refused the TLS handshake: {alert:?}"),
            Self::Alert => f.write_str(
                "the server ended TLS with an alert: does it want a certificate of the client, or \
                 another one?",
            ),
            Self::NotTls => f.write_str(
                "what came is not TLS 1.3: is it the right port, and does it speak 1.3?",
            ),
            Self::Large => f.write_str(
                "a TLS record, or a certificate, does not fit into the buffers: make them larger",
            ),
            Self::Keys => f.write_str(
                "a TLS record was encrypted with other keys: does the server know the same key?",
            ),
            Self::Cut => f.write_str("the transport ended in the middle of TLS"),
            Self::Transport(kind) => write!(f, "the transport beneath TLS failed: {kind:?}"),
            Self::Other(fault) => write!(f, "TLS failed: {fault:?}"),
        }
    }
}

/// What is wrong with a certificate, of what is often wrong.
fn certificate(error: &webpki::Error) -> Option<&'static str> {
    use webpki::Error as E;
    Some(match error {
        E::UnknownIssuer => {
            "the certificate of the server was not issued by the CA that is trusted (UnknownIssuer): \
             give the CA's certificate"
        }
        E::CertExpired { .. } => {
            "the certificate of the server has expired: renew it, or set this device's clock"
        }
        E::CertNotValidYet { .. } => {
            "the certificate of the server is not valid yet: set this device's clock"
        }
        E::CertNotValidForName(_) => {
            "the certificate of the server is for another name (CertNotValidForName): connect to a \
             name that its subjectAltName has; the common name is not looked at"
        }
        E::UnsupportedCertVersion => {
            "the certificate is of version 1, without extensions (UnsupportedCertVersion): make one of \
             version 3"
        }
        E::CaUsedAsEndEntity => {
            "the server shows the certificate of a CA as its own (CaUsedAsEndEntity): let the CA sign \
             another one for it"
        }
        E::RequiredEkuNotFoundContext(_) => {
            "the certificate is not for a server: its extendedKeyUsage needs serverAuth"
        }
        E::InvalidSignatureForPublicKey => {
            "the certificate was not signed by the key of the CA that is trusted, though of that name \
             (InvalidSignatureForPublicKey), or its own key is not of the curve P-256"
        }
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "the certificate has a key, or a signature, of an algorithm that is not set: see \
             Certificates::algorithms"
        }
        _ => return None,
    })
}

impl core::error::Error for TlsError {}

impl embedded_io_async::Error for TlsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate(_) | Self::NoProof => ErrorKind::PermissionDenied,
            Self::Key | Self::WrongKey => ErrorKind::InvalidInput,
            Self::Refused(_) | Self::Alert => ErrorKind::ConnectionRefused,
            Self::NotTls | Self::Keys => ErrorKind::InvalidData,
            Self::Large => ErrorKind::OutOfMemory,
            Self::Cut => ErrorKind::ConnectionAborted,
            Self::Transport(kind) => *kind,
            Self::Other(_) => ErrorKind::Other,
        }
    }
}
