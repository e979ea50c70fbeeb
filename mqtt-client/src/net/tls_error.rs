//! What went wrong with TLS: the words of the library, whose fault it is, and what to do.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::format;
use std::io;
use std::string::{String, ToString};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::rustls::{Error, PeerIncompatible};

use super::alert::Meaning;
use super::bad_certificate;

/// A failure of TLS, with what helps.
#[derive(Debug)]
struct Failure<E> {
    error: E,
    what: String,
    advice: &'static str,
}

impl<E: core::error::Error + 'static> core::error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<E> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.advice)
    }
}

/// Adds what helps to a failure of the handshake, which the server may have ended without a word.
pub(super) fn explain_handshake(error: io::Error) -> io::Error {
    use io::ErrorKind as Kind;
    let ends =
        [Kind::UnexpectedEof, Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe];
    if ends.contains(&error.kind()) {
        let what = error.to_string();
        return io::Error::new(error.kind(), Failure { error, what, advice: NO_TLS });
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
        Some(advice) => io::Error::new(kind, Failure { what: what(&inner), error: inner, advice }),
        None => io::Error::new(kind, inner),
    }
}

/// Whether it fails again until somebody changes something.
fn is_lasting(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(why) => bad_certificate::is_lasting(why),
        Error::AlertReceived(alert) => Meaning::new(*alert).is_lasting(),
        Error::NoApplicationProtocol
        | Error::NoCertificatesPresented
        | Error::InvalidCertRevocationList(_)
        | Error::PeerIncompatible(_) => true,
        _ => false,
    }
}

/// What went wrong, shortly: no structure of the library's.
fn what(error: &Error) -> String {
    use bad_certificate::name;
    match error {
        Error::InvalidCertificate(why) => {
            format!("invalid peer certificate: {}", bad_certificate::what(why))
        }
        Error::InvalidCertRevocationList(why) => {
            format!("invalid certificate revocation list: {}", name(why))
        }
        Error::PeerIncompatible(why) => format!("peer is incompatible: {}", name(why)),
        Error::PeerMisbehaved(why) => format!("peer misbehaved: {}", name(why)),
        Error::InvalidMessage(why) => format!("received corrupt message: {}", name(why)),
        error => error.to_string(),
    }
}

const NO_TLS: &str = "the server ended the connection in the middle of the handshake: does it speak \
                      TLS on that port?";

fn advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::InvalidCertificate(why) => bad_certificate::advice(why),
        Error::AlertReceived(alert) => Meaning::new(*alert).advice(),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS on that port: is it the port for plain connections?"
        }
        Error::NoApplicationProtocol => "the server takes none of the protocols offered: set alpn",
        Error::NoCertificatesPresented => "the server has no certificate: it needs one",
        Error::PeerIncompatible(why) => of_incompatible(why),
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord
        | Error::DecryptError => {
            "what came breaks the rules of TLS: does something on the way change it?"
        }
        Error::InvalidCertRevocationList(_) => {
            "the list of what was revoked cannot be used: give another one"
        }
        _ => return None,
    })
}

/// The server has answered, with nothing that this client could go on with.
fn of_incompatible(why: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired => "the server speaks neither TLS 1.2 nor 1.3",
        P::NoCertificateRequestSignatureSchemesInCommon | P::NoSignatureSchemesInCommon => {
            "the server takes no signature that the key of the client can make: use a key of another \
             kind"
        }
        _ => {
            "the server wants another kind of TLS than this client has: update it, or its settings"
        }
    }
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
