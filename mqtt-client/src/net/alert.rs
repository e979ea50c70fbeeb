//! What a server means by an alert of TLS (RFC 8446, section 6; RFC 5246, section 7.2; RFC 6066; RFC 7301).

use futures_rustls::rustls::AlertDescription;

/// What follows from an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It comes again until somebody changes settings, a certificate or the server: what was offered is
    /// not acceptable.
    Refused(&'static str),
    /// It may be gone next time: something broke on the way, or in the server.
    Passing(&'static str),
}

use Meaning::{Passing, Refused};

impl Meaning {
    pub(super) fn new(alert: AlertDescription) -> Self {
        use AlertDescription as A;
        match alert {
            A::HandshakeFailure => Refused(
                "the server has no cipher in common with this client, or wants a client certificate \
                 (set client_pem)",
            ),
            A::CertificateRequired | A::NoCertificate => {
                Refused("the server wants a client certificate: set client_pem")
            }
            A::BadCertificate
            | A::UnknownCA
            | A::UnsupportedCertificate
            | A::CertificateUnknown => Refused(
                "the server does not take the client certificate: was it signed by a CA it trusts?",
            ),
            A::CertificateRevoked => {
                Refused("the client certificate was revoked: it needs a new one")
            }
            A::CertificateExpired => Refused(
                "the client certificate has expired: it needs a new one, or the clock of the server \
                 is wrong",
            ),
            A::DecryptError => Refused(
                "the server could not verify a signature: was the client certificate signed by \
                 another key than that of the CA it trusts, of the same name?",
            ),
            A::AccessDenied => Refused(
                "the client certificate is good, but the server lets this client not in: its \
                 administrator has to",
            ),
            A::UnrecognisedName => {
                Refused("the server has no certificate for that name: set server_name")
            }
            A::MissingExtension => Refused(
                "the server misses an extension of TLS: where it was given by its address, it may \
                 want its name (set server_name)",
            ),
            A::NoApplicationProtocol => {
                Refused("the server takes none of the protocols offered: set alpn")
            }
            A::ProtocolVersion | A::InappropriateFallback => {
                Refused("the server speaks neither TLS 1.2 nor 1.3 as this client does")
            }
            A::InsufficientSecurity | A::ExportRestriction => {
                Refused("the server wants ciphers that this client does not have")
            }
            A::UnsupportedExtension | A::EncryptedClientHelloRequired => {
                Refused("the server wants another set of extensions of TLS than this client sends")
            }
            A::BadCertificateHashValue | A::BadCertificateStatusResponse => {
                Refused("the server does not take what the client says of a certificate")
            }
            A::BadRecordMac
            | A::DecryptionFailed
            | A::RecordOverflow
            | A::DecompressionFailure
            | A::UnexpectedMessage
            | A::IllegalParameter
            | A::DecodeError => Passing(
                "the server did not understand what it received: does something on the way change it?",
            ),
            A::InternalError => Passing("something went wrong in the server: its log may say what"),
            A::CloseNotify | A::UserCanceled | A::NoRenegotiation => {
                Passing("the server ended the connection")
            }
            A::CertificateUnobtainable => Passing("the server could not fetch a certificate"),
            A::UnknownPSKIdentity => Passing("the server does not know the session any more"),
            _ => Passing(
                "the server ended the connection, for a reason that this client does not know",
            ),
        }
    }

    pub(super) fn is_lasting(self) -> bool {
        matches!(self, Refused(_))
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Refused(advice) | Passing(advice) => advice,
        }
    }
}

#[cfg(test)]
mod tests;
