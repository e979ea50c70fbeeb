//! What went wrong with TLS: the words of the library, whose fault it is, and what to do.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::{AlertDescription, CertificateError, Error};

/// A failure of TLS, with what helps.
#[derive(Debug)]
struct Failure<E> {
    error: E,
    advice: &'static str,
}

impl<E: core::error::Error + 'static> core::error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.advice)
    }
}

/// Adds what helps to a failure of the handshake, which the server may have ended without a word.
pub(super) fn explain_handshake(error: io::Error) -> io::Error {
    use io::ErrorKind as Kind;
    let ends =
        [Kind::UnexpectedEof, Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe];
    if ends.contains(&error.kind()) {
        return io::Error::new(error.kind(), Failure { error, advice: NO_TLS });
    }
    explain(error)
}

/// Adds what helps to a failure of TLS, and says by its kind if nothing but other settings or another
/// certificate does; others pass.
fn explain(error: io::Error) -> io::Error {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(inner) = of_tls.cloned() else { return error };
    let kind = if is_lasting(&inner) { io::ErrorKind::PermissionDenied } else { error.kind() };
    match advice(&inner) {
        Some(advice) => io::Error::new(kind, Failure { error: inner, advice }),
        None => io::Error::new(kind, inner),
    }
}

/// Whether it fails again until somebody changes something. A clock may be set, and a server renew its
/// certificate, while the client waits.
fn is_lasting(error: &Error) -> bool {
    use AlertDescription as A;
    use CertificateError as E;
    match error {
        Error::InvalidCertificate(why) => !matches!(
            why,
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. }
        ),
        Error::AlertReceived(alert) => matches!(
            alert,
            A::CertificateRequired
                | A::BadCertificate
                | A::UnknownCA
                | A::UnsupportedCertificate
                | A::CertificateUnknown
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::AccessDenied
                | A::UnrecognisedName
                | A::NoApplicationProtocol
                | A::ProtocolVersion
        ),
        Error::NoApplicationProtocol => true,
        _ => false,
    }
}

const NO_TLS: &str = "the server ended the connection in the middle of the handshake: does it speak \
                      TLS on that port?";

fn advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::InvalidCertificate(why) => of_certificate(why)?,
        Error::AlertReceived(alert) => of_alert(*alert)?,
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on that port: is it the port for plain connections?"
        }
        Error::NoApplicationProtocol => "the server takes none of the protocols offered: set alpn",
        _ => return None,
    })
}

fn of_certificate(why: &CertificateError) -> Option<&'static str> {
    use CertificateError as E;
    Some(match why {
        E::Expired | E::ExpiredContext { .. } => {
            "the server needs a new certificate, or the clock of this machine is wrong"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "the clock of this machine, or of whoever signed the certificate, is wrong"
        }
        E::UnknownIssuer => {
            "whoever signed the certificate of the server is not trusted: give its CA (ca_pem)"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "give the server by a name that its certificate holds, or set server_name"
        }
        E::Revoked => "the certificate of the server was revoked: it needs a new one",
        _ => return None,
    })
}

fn of_alert(alert: AlertDescription) -> Option<&'static str> {
    use AlertDescription as A;
    Some(match alert {
        A::CertificateRequired => "the server wants a client certificate: set client_pem",
        A::HandshakeFailure => {
            "the server has no cipher in common with this client, or wants a client certificate"
        }
        A::BadCertificate | A::UnknownCA | A::UnsupportedCertificate | A::CertificateUnknown => {
            "the server does not take the client certificate: was it signed by a CA it trusts?"
        }
        A::CertificateRevoked => "the client certificate was revoked: it needs a new one",
        A::CertificateExpired => "the client certificate has expired: it needs a new one",
        A::UnrecognisedName => "the server has no certificate for that name: set server_name",
        A::NoApplicationProtocol => "the server takes none of the protocols offered: set alpn",
        A::ProtocolVersion => "the server speaks neither TLS 1.2 nor 1.3",
        _ => return None,
    })
}

/// A stream whose failures are explained. A server that closes without a word of TLS has closed: MQTT
/// packets know their own end.
pub(super) struct Explained<S>(pub(super) S);

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf).map(|result| match result {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            result => result.map_err(explain),
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf).map_err(explain)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(explain)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
