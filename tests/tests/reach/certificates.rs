//! Certificates, made for a test: authorities, servers, clients, good and bad.

#[path = "certificates/version_1.rs"] // Also where another target names this file.
mod version_1;

use futures_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};

/// Whoever signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The number of client certificates that are revoked.
const REVOKED: u64 = 666;

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = named(&[], name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server under these names.
    pub(crate) fn server(&self, names: &[&str]) -> Identity {
        self.sign(&named(names, "server"))
    }

    /// A server whose certificate has expired.
    pub(crate) fn expired(&self) -> Identity {
        let mut params = named(&["localhost"], "server");
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    pub(crate) fn client(&self, name: &str) -> Identity {
        self.sign(&client(name))
    }

    /// A client whose certificate has expired.
    pub(crate) fn expired_client(&self) -> Identity {
        let mut params = client("late");
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    /// A server that shows the certificate of the authority as its own.
    pub(crate) fn itself(&self) -> Identity {
        Identity { certificate: self.pem.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// The certificate of the authority, of version 1.
    pub(crate) fn old(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate");
        version_1::pem(&der, |bytes| self.issuer.key().sign(bytes).expect("a signature"))
    }

    /// A certificate of version 1, as `openssl x509 -req` makes it where nothing is said of extensions.
    pub(crate) fn version_1(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = named(&[], name).signed_by(&key, &self.issuer).expect("a certificate");
        let sign = |bytes: &[u8]| self.issuer.key().sign(bytes).expect("a signature");
        Identity { certificate: version_1::pem(certificate.der(), sign), key: key.serialize_pem() }
    }

    /// A client whose certificate stands in [`revocations`](Self::revocations).
    pub(crate) fn revoked_client(&self) -> Identity {
        let mut params = client("revoked");
        params.serial_number = Some(SerialNumber::from(REVOKED));
        self.sign(&params)
    }

    /// The list of those that are revoked, in PEM.
    pub(crate) fn revocations(&self) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2124, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a list")
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

fn named(names: &[&str], name: &str) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn client(name: &str) -> CertificateParams {
    let mut params = named(&[], name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}
