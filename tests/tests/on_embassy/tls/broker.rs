//! mosquitto behind TLS, and certificates made for a test.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, TempDir};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// A mosquitto with a second listener, which speaks TLS.
pub(super) struct Broker {
    mosquitto: Mosquitto,
    pub(super) port: u16,
    pub(super) plain: u16,
    _files: TempDir,
}

impl Broker {
    /// One with that certificate, which believes clients that have one of that CA's.
    pub(super) fn start(server: &Pair, clients: &Authority, lines: &[&str]) -> Self {
        let files = TempDir::new("tls");
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            fs::write(&path, text).expect("a file");
            path.to_str().expect("a name in UTF-8").to_owned()
        };
        let options = [
            format!("cafile {}", write("ca.pem", &clients.pem)),
            format!("certfile {}", write("server.pem", &server.pem)),
            format!("keyfile {}", write("server.key", &server.key_pem)),
        ];
        let lines = lines.iter().map(|line| (*line).to_owned());
        Self::launch(options.into_iter().chain(lines), files)
    }

    /// One that knows a key.
    pub(super) fn start_with_key(identity: &str, key: &[u8]) -> Self {
        let files = TempDir::new("tls");
        let file = files.path().join("keys");
        let key = key.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("memory");
            text
        });
        fs::write(&file, format!("{identity}:{key}\n")).expect("a file");
        let lines = ["psk_hint any".to_owned(), psk_file(&file)];
        Self::launch(lines.into_iter(), files)
    }

    fn launch(lines: impl Iterator<Item = String>, files: TempDir) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a free port").port();
        let options = Options::new().persistence().line("set_tcp_nodelay true");
        let options = options.line(format!("listener {port} 127.0.0.1"));
        let mosquitto = Mosquitto::start(lines.fold(options, Options::line));
        let plain = mosquitto.port();
        Self { mosquitto, port, plain, _files: files }
    }

    pub(super) fn restart(&mut self) {
        self.mosquitto.stop();
        self.mosquitto.restart();
    }

    pub(super) fn log(&self) -> String {
        self.mosquitto.log()
    }
}

fn psk_file(path: &Path) -> String {
    format!("psk_file {}", path.display())
}

/// Whoever issues certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
    pem: String,
}

/// A certificate and its key.
pub(super) struct Pair {
    pub(super) certificate: Vec<u8>,
    /// DER of SEC 1.
    pub(super) key: Vec<u8>,
    /// The certificate, and those that issued it.
    pem: String,
    key_pem: String,
    params: CertificateParams,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let (key, mut params) = (key(), named(&[], name));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let (der, pem) = (certificate.der().to_vec(), certificate.pem());
        Self { issuer: Issuer::new(params, key), certificate: der, pem }
    }

    pub(super) fn der(&self) -> &'static [u8] {
        self.certificate.clone().leak()
    }

    pub(super) fn server(&self, names: &[&str]) -> Pair {
        self.sign(named(names, "server"))
    }

    pub(super) fn expired(&self, names: &[&str]) -> Pair {
        let mut params = named(names, "server");
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    /// A certificate of more bytes than the buffers of the tests hold.
    pub(super) fn wordy(&self, names: &[&str]) -> Pair {
        let others: Vec<_> = (0..200).map(|n| format!("a-long-name-{n}.example")).collect();
        let others = others.iter().map(String::as_str);
        self.server(&names.iter().copied().chain(others).collect::<Vec<_>>())
    }

    pub(super) fn client(&self, name: &str) -> Pair {
        let mut params = named(&[name], name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// A server that shows the certificate of the authority as its own.
    pub(super) fn itself(&self) -> Pair {
        let (certificate, pem) = (self.certificate.clone(), self.pem.clone());
        let (key, params) = (self.issuer.key(), named(&[], "itself"));
        Pair { certificate, key: sec1(key), pem, key_pem: key.serialize_pem(), params }
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        pair(params, &self.issuer, "")
    }
}

impl Pair {
    /// A certificate for those names that this one, which is no CA's, has issued.
    pub(super) fn issue(&self, names: &[&str]) -> Self {
        let key = KeyPair::from_pem(&self.key_pem).expect("a key");
        let issuer = Issuer::new(self.params.clone(), key);
        pair(named(names, "server"), &issuer, &self.pem)
    }
}

fn pair(params: CertificateParams, issuer: &Issuer<'_, KeyPair>, chain: &str) -> Pair {
    let key = key();
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let (der, pem) = (certificate.der().to_vec(), certificate.pem() + chain);
    Pair { certificate: der, key: sec1(&key), pem, key_pem: key.serialize_pem(), params }
}

/// Of the curve P-256.
fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// What PKCS #8 has in it.
fn sec1(key: &KeyPair) -> Vec<u8> {
    let pkcs8 = key.serialize_der();
    let begin = pkcs8.windows(5).position(|bytes| bytes == [0x30, bytes[1], 0x02, 0x01, 0x01]);
    pkcs8[begin.expect("a key of SEC 1")..].to_vec()
}

fn named(names: &[&str], name: &str) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
