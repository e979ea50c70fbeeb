//! The certificate of the server, and perhaps one of the client's.
//!
//! `rustls-webpki` judges certificates: chains, names, times, what a certificate may be used for.

use core::cell::Cell;
use core::fmt;
use core::time::Duration;

use critical_section::Mutex;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CertificateEntryRef, CertificateRef, CertificateVerifyRef,
    CryptoProvider, CryptoRngCore, Sha256, SignatureScheme, TlsVerifier,
};
use p256::SecretKey;
use p256::ecdsa::signature::{SignerMut, Verifier};
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, ServerName,
    SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use sha2::Digest;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::error::TlsError;
use super::identity::sealed::Handshake;
use super::link::Host;

/// A server that proves who it is by a certificate; if it asks for one, so does the client.
///
/// The server's key has to be one of the curve P-256, as ECDSA certificates have. Its certificate is
/// checked: whether the CA has issued it, directly or by others, for that name and for a server, and
/// whether it is valid now.
pub struct Certificates<R> {
    judge: Judge,
    rng: R,
    client: Option<(&'static [u8], SigningKey)>,
}

impl<R: CryptoRngCore> Certificates<R> {
    /// Returns the trust in that CA, whose certificate is given as DER.
    ///
    /// `now` gives seconds since 1970. A device that does not know the time may give the moment at
    /// which its program was built: what has expired since is accepted then. `rng` makes random
    /// numbers: true ones, from hardware.
    ///
    /// ```
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # use mqtt_as_embassy::{Certificates, TlsError};
    /// /// A device without a clock: the moment at which its program was built.
    /// fn trust<R: RngCore + CryptoRng>(ca: &'static [u8], trng: R) -> Result<Certificates<R>, TlsError> {
    ///     Certificates::new(ca, || 1_800_000_000, trng)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`TlsError::Certificate`]: that is no certificate.
    pub fn new(ca: &'static [u8], now: fn() -> u64, rng: R) -> Result<Self, TlsError> {
        anchor_from_trusted_cert(&CertificateDer::from(ca)).map_err(TlsError::Certificate)?;
        Ok(Self { judge: Judge::new(ca, now), rng, client: None })
    }

    /// Lets the client prove who it is by that certificate, given as DER, of which that is the key:
    /// one of the curve P-256, as DER of SEC 1, as `openssl ec -outform DER` writes it.
    ///
    /// ```
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # use mqtt_as_embassy::{Certificates, TlsError};
    /// # fn show<R: RngCore + CryptoRng>(
    /// #     trust: Certificates<R>, certificate: &'static [u8], key: &'static [u8],
    /// # ) -> Result<Certificates<R>, TlsError> {
    /// trust.client(certificate, key)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TlsError::Certificate`]: that is no certificate. [`TlsError::Key`]: that is no such key.
    /// [`TlsError::WrongKey`]: it is the key of another certificate.
    pub fn client(
        mut self,
        certificate: &'static [u8],
        key: &'static [u8],
    ) -> Result<Self, TlsError> {
        let key = SigningKey::from(SecretKey::from_sec1_der(key).map_err(|_| TlsError::Key)?);
        let der = CertificateDer::from(certificate);
        let leaf = EndEntityCert::try_from(&der).map_err(TlsError::Certificate)?;
        let public = PublicKey::of(&leaf).map_err(TlsError::Certificate)?;
        if VerifyingKey::from_sec1_bytes(&public).ok().as_ref() != Some(key.verifying_key()) {
            return Err(TlsError::WrongKey);
        }
        self.client = Some((certificate, key));
        Ok(self)
    }

    /// Takes certificates that were signed with those algorithms. Default: [`ECDSA_P256_SHA256`]
    /// alone. Each costs flash; that of larger curves, or of RSA, is in the program's hands.
    ///
    /// ```
    /// # use mqtt_as_embassy::rand_core::{CryptoRng, RngCore};
    /// # use mqtt_as_embassy::{Certificates, ECDSA_P256_SHA256};
    /// # fn show<R: RngCore + CryptoRng>(trust: Certificates<R>) -> Certificates<R> {
    /// trust.algorithms(&[ECDSA_P256_SHA256])
    /// # }
    /// ```
    #[must_use]
    pub fn algorithms(
        mut self,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Self {
        self.judge.algorithms = algorithms;
        self
    }
}

impl<R> fmt::Debug for Certificates<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl<R: CryptoRngCore> Handshake for Certificates<R> {
    fn begin(&mut self, host: &str) {
        self.judge.host = Host::new(host).unwrap_or(Host::NONE);
        self.judge.proof = Proof::Nothing;
        self.judge.error = None;
    }

    fn key(&self) -> Option<(&'static [u8], &'static [u8])> {
        None
    }

    fn refusal(&mut self) -> Option<TlsError> {
        self.judge.error.take()
    }

    fn end(&mut self) -> Result<(), TlsError> {
        self.judge.proof()
    }
}

impl<R: CryptoRngCore> CryptoProvider for Certificates<R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = DerSignature;

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.rng
    }

    fn verifier(
        &mut self,
    ) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, embedded_tls::TlsError> {
        Ok(&mut self.judge)
    }

    fn signer(
        &mut self,
    ) -> Result<(impl SignerMut<DerSignature>, SignatureScheme), embedded_tls::TlsError> {
        let (_, key) = self.client.as_ref().ok_or(embedded_tls::TlsError::InvalidPrivateKey)?;
        Ok((key.clone(), SignatureScheme::EcdsaSecp256r1Sha256))
    }

    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        self.client.as_ref().map(|(certificate, _)| Certificate::X509(*certificate))
    }
}

/// Certificates between that of the server and the CA.
const MOST_BETWEEN: usize = 4;

/// Judges what a server says of itself.
struct Judge {
    ca: &'static [u8],
    now: fn() -> u64,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    host: Host,
    proof: Proof,
    error: Option<TlsError>,
}

/// How far a server is.
enum Proof {
    Nothing,
    /// It has shown a certificate for this key, at this point of the handshake.
    Shown(Point, [u8; 32]),
    /// It has the key.
    Done,
}

impl Judge {
    const fn new(ca: &'static [u8], now: fn() -> u64) -> Self {
        let algorithms = &[ECDSA_P256_SHA256];
        let (host, proof) = (Host::NONE, Proof::Nothing);
        Self { ca, now, algorithms, host, proof, error: None }
    }

    /// The key of a certificate that is good.
    fn judge(&self, shown: &CertificateRef<'_>) -> Result<Point, webpki::Error> {
        let mut entries = shown.entries.iter();
        let leaf = CertificateDer::from(entries.next().map(der).unwrap_or_default());
        let leaf = EndEntityCert::try_from(&leaf)?;
        let mut between: [_; MOST_BETWEEN] =
            core::array::from_fn(|_| CertificateDer::from(&[][..]));
        let mut count = 0;
        for (place, entry) in between.iter_mut().zip(entries) {
            *place = CertificateDer::from(der(entry));
            count += 1;
        }
        let ca = CertificateDer::from(self.ca);
        leaf.verify_for_usage(
            self.algorithms,
            &[anchor_from_trusted_cert(&ca)?],
            between.get(..count).unwrap_or_default(),
            UnixTime::since_unix_epoch(Duration::from_secs((self.now)())),
            KeyUsage::server_auth(),
            None,
            None,
        )?;
        let host = ServerName::try_from(self.host.as_str());
        leaf.verify_is_valid_for_subject_name(
            &host.map_err(|_| webpki::Error::MalformedDnsIdentifier)?,
        )?;
        PublicKey::of(&leaf)
    }

    /// Whether the server has proved who it is. embedded-tls does not ask for that: who leaves out
    /// his certificate would be believed.
    fn proof(&self) -> Result<(), TlsError> {
        match self.proof {
            Proof::Done => Ok(()),
            Proof::Nothing | Proof::Shown(..) => Err(TlsError::NoProof),
        }
    }

    /// Notes what went wrong, of which embedded-tls has no word.
    fn refuse(&mut self, error: TlsError) -> embedded_tls::TlsError {
        self.error = Some(error);
        embedded_tls::TlsError::InvalidCertificate
    }
}

impl TlsVerifier<Aes128GcmSha256> for Judge {
    fn set_hostname_verification(&mut self, _: &str) -> Result<(), embedded_tls::TlsError> {
        Ok(()) // It is known already, also where it is an address.
    }

    fn verify_certificate(
        &mut self,
        transcript: &Sha256,
        shown: CertificateRef<'_>,
    ) -> Result<(), embedded_tls::TlsError> {
        match self.judge(&shown) {
            Ok(key) => {
                self.proof = Proof::Shown(key, transcript.clone().finalize().into());
                Ok(())
            }
            Err(error) => Err(self.refuse(TlsError::Certificate(error))),
        }
    }

    fn verify_signature(
        &mut self,
        verify: CertificateVerifyRef<'_>,
    ) -> Result<(), embedded_tls::TlsError> {
        let Proof::Shown(key, hash) = &self.proof else {
            return Err(self.refuse(TlsError::NoProof));
        };
        // RFC 8446, section 4.4.3.
        let mut said = [0x20; 64 + CONTEXT.len() + 32];
        for (place, byte) in said.iter_mut().skip(64).zip(CONTEXT.iter().chain(hash)) {
            *place = *byte;
        }
        let is_good = verify.signature_scheme == SignatureScheme::EcdsaSecp256r1Sha256
            && is_signed(key, &said, verify.signature);
        if !is_good {
            return Err(self.refuse(TlsError::NoProof));
        }
        self.proof = Proof::Done;
        Ok(())
    }
}

fn der<'a>(entry: &CertificateEntryRef<'a>) -> &'a [u8] {
    match entry {
        CertificateEntryRef::X509(der) | CertificateEntryRef::RawPublicKey(der) => der,
    }
}

/// What stands before the hash that a server signs.
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";

/// A point of the curve P-256, as certificates say it.
type Point = [u8; 65];

fn is_signed(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) =
        (VerifyingKey::from_sec1_bytes(key), Signature::from_der(signature))
    else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}

/// ECDSA with SHA-256 and a key of the curve P-256.
pub const ECDSA_P256_SHA256: &dyn SignatureVerificationAlgorithm = &EcdsaP256Sha256;

#[derive(Debug)]
struct EcdsaP256Sha256;

impl SignatureVerificationAlgorithm for EcdsaP256Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        if is_signed(public_key, message, signature) { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// Asks a certificate for its key, which is told to those alone who verify a signature with it.
struct PublicKey(Mutex<Cell<Option<Point>>>);

impl PublicKey {
    fn of(certificate: &EndEntityCert<'_>) -> Result<Point, webpki::Error> {
        let key = Self(Mutex::new(Cell::new(None)));
        certificate.verify_signature(&key, &[], &[])?;
        critical_section::with(|section| key.0.borrow(section).get())
            .ok_or(webpki::Error::InvalidSignatureForPublicKey)
    }
}

impl SignatureVerificationAlgorithm for PublicKey {
    fn verify_signature(&self, key: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        let key = key.try_into().map_err(|_| InvalidSignature)?;
        critical_section::with(|section| self.0.borrow(section).set(Some(key)));
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says that has no key.
    fn says_it_has_it(judge: &mut Judge) -> Result<(), embedded_tls::TlsError> {
        let signature_scheme = SignatureScheme::EcdsaSecp256r1Sha256;
        judge.verify_signature(CertificateVerifyRef { signature_scheme, signature: &[] })
    }

    #[test]
    fn a_server_that_leaves_out_its_certificate_or_its_signature_is_not_believed() {
        let mut judge = Judge::new(&[], || 0);
        assert!(matches!(judge.proof(), Err(TlsError::NoProof)));
        judge.proof = Proof::Shown([4; 65], [0; 32]);
        assert!(matches!(judge.proof(), Err(TlsError::NoProof)));
    }

    #[test]
    fn a_server_that_signs_what_it_cannot_is_not_believed() {
        let mut judge = Judge::new(&[], || 0);
        assert!(says_it_has_it(&mut judge).is_err());
        assert!(matches!(judge.error.take(), Some(TlsError::NoProof)));
        judge.proof = Proof::Shown([4; 65], [0; 32]);
        assert!(says_it_has_it(&mut judge).is_err());
        assert!(matches!(judge.error.take(), Some(TlsError::NoProof)));
        assert!(judge.proof().is_err());
    }
}
