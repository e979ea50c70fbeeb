//! Whom a client believes, and how it proves who it is.

use embedded_tls::{Aes128GcmSha256, CryptoProvider};

use super::error::TlsError;

/// Whom a client believes, and how it proves who it is: [`Certificates`](crate::Certificates) or a
/// [`PreSharedKey`](crate::PreSharedKey).
pub trait Identity: sealed::Handshake {}

impl<I: sealed::Handshake> Identity for I {}

pub(super) mod sealed {
    use super::{Aes128GcmSha256, CryptoProvider, TlsError};

    /// What a handshake asks of it.
    pub trait Handshake: CryptoProvider<CipherSuite = Aes128GcmSha256> {
        /// A handshake with that server begins.
        fn begin(&mut self, host: &str);

        /// The key that both sides know, and its name.
        fn key(&self) -> Option<(&'static [u8], &'static [u8])>;

        /// Why it did not go on, if that was for the server's certificate.
        fn refusal(&mut self) -> Option<TlsError>;

        /// The handshake is over: whether the server has proved who it is, or why not.
        fn end(&mut self) -> Result<(), TlsError>;
    }
}
