//! A key that both sides know.

use core::fmt;

use embedded_tls::{Aes128GcmSha256, CryptoProvider, CryptoRngCore};
use p256::ecdsa::DerSignature;

use super::error::TlsError;
use super::identity::sealed::Handshake;

/// A key that client and server know, and nobody else (RFC 8446, section 2.2). Neither needs a
/// certificate, nor the time; each device should have a key of its own.
///
/// A server that does not know the key cannot end the handshake. The keys of a connection come of a
/// fresh exchange as well: a key that is lost later tells nothing of what was said before.
///
/// ```
/// use mqtt_as_embassy::PreSharedKey;
/// use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
///
/// // mosquitto: `psk_file` with the line `pump-7:0102…`, and `psk_hint` with any text.
/// fn identity<R: RngCore + CryptoRng>(trng: R) -> PreSharedKey<R> {
///     PreSharedKey::new("pump-7", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], trng)
/// }
/// ```
pub struct PreSharedKey<R> {
    identity: &'static str,
    key: &'static [u8],
    rng: R,
}

impl<R: CryptoRngCore> PreSharedKey<R> {
    /// Returns that key of that name, with what makes random numbers: true ones, from hardware.
    ///
    /// ```
    /// # use mqtt_as_embassy::PreSharedKey;
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # fn identity<R: RngCore + CryptoRng>(trng: R) -> PreSharedKey<R> {
    /// PreSharedKey::new("pump-7", b"sixteen letters.", trng)
    /// # }
    /// ```
    pub const fn new(identity: &'static str, key: &'static [u8], rng: R) -> Self {
        Self { identity, key, rng }
    }
}

impl<R: CryptoRngCore> CryptoProvider for PreSharedKey<R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.rng
    }
}

impl<R: CryptoRngCore> Handshake for PreSharedKey<R> {
    fn begin(&mut self, _: &str) {}

    fn key(&self) -> Option<(&'static [u8], &'static [u8])> {
        Some((self.identity.as_bytes(), self.key))
    }

    fn refusal(&mut self) -> Option<TlsError> {
        None
    }

    fn end(&mut self) -> Result<(), TlsError> {
        Ok(()) // Without the key there is no end.
    }
}

impl<R> fmt::Debug for PreSharedKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreSharedKey").field("identity", &self.identity).finish_non_exhaustive()
    }
}
